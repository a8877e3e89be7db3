"""Damaged studies of files, and what a refused and a completed run must and must not leave behind.

A plain study is one table with ready-made times; a canonical one is the few patients of ``data.study_files`` with
dates. Either is damaged in one place, run by the command line, and looked at as a user would: the exit status, the
terminal, the folder of results.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest
from data.study_files import FILES as CANONICAL_FILES

from survmodel.cli import main

Rows = Sequence[str]
Problem = dict[str, object]

PLAIN_HEAD = """\
schema = 1
title = "A made cohort"

[groups]
min_events = { hazard_ratio = 1, performance = 1 }

[column.id]
type = "identifier"

[column.site]
type = "text"

[column.days]
label = "follow-up time"
type = "number"
unit = "days"
role = "outcome"

[column.dead]
label = "death"
type = "integer"
role = "outcome"

[column.age]
label = "age"
type = "number"
unit = "years"
range = [18, 100]

[column.sex]
label = "sex"
type = "category"
levels = { "f" = "female", "m" = "male" }
"""
DATA = '[data]\npatients = { path = "patients.csv" }\n'
ENDPOINT = '[endpoint.os]\ntime = "days"\nevent = "dead"\nunit = "days"\nlabel = "overall survival"\n'
MODEL = '[model.age]\nkind = "cox"\nendpoint = "os"\nformula = "age"\n'
CURVE = '[[curve]]\nendpoint = "os"\nby = "sex"\n'
N = 40

CANONICAL_HEAD = """\
schema = 1
title = "A made PET study"
data_lock = 2024-06-30

[groups]
min_events = { hazard_ratio = 1, performance = 1 }
"""
PFS = """\
[endpoint.pfs]
label = "progression-free survival"
events = ["progression", "death"]
censor = "last_contact_date"
"""
OS = '[endpoint.os]\nlabel = "overall survival"\nevents = ["death"]\n'


def plain_rows(n: int = N) -> list[list[str]]:
    """The cells of a plain study by line, the header first; 3 in 5 patients die, and the two sites are alike."""
    rows = [["id", "site", "days", "dead", "age", "sex"]]
    for i in range(n):
        site, sex = ("north", "south")[i % 2], "fm"[i // 2 % 2]
        days, age = 100 + 53 * i % 509, 40 + 7 * i % 41
        rows.append([f"KEY-{i:04d}", site, str(days), str(int(i % 5 < 3)), str(age), sex])
    return rows


def column_of(rows: list[list[str]], column: str, cells: Mapping[int, str] | Callable[[int, str], str]) -> Rows:
    """Change cells of one column by line of the file (the header is line 1), or every cell by a function of both."""
    at = rows[0].index(column)
    for line in range(2, len(rows) + 1):
        row = rows[line - 1]
        row[at] = cells.get(line, row[at]) if isinstance(cells, Mapping) else cells(line, row[at])
    return as_lines(rows)


def as_lines(rows: Sequence[Sequence[str]], delimiter: str = ",") -> list[str]:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().split("\n")[:-1]


def plain(column: str = "", cells: Mapping[int, str] | Callable[[int, str], str] | None = None) -> Rows:
    """The lines of the plain table, with cells of one column changed."""
    return column_of(plain_rows(), column, cells) if cells is not None else as_lines(plain_rows())


def write_plain(
    folder: Path, lines: Rows | bytes | None = None, *, endpoint: str = ENDPOINT, more: str = "", data: str = DATA,
    head: str = PLAIN_HEAD,
) -> Path:  # fmt: skip
    """Write a plain study; `more` are further tables of its study file."""
    _write(folder / "patients.csv", plain() if lines is None else lines)
    return _write(folder / "study.toml", "\n".join([head, data, endpoint, more]).encode())


def write_canonical(
    folder: Path, *changes: Mapping[str, Rows | str | bytes], endpoint: str = PFS, more: str = "", data: str = "",
    head: str = CANONICAL_HEAD, only: Sequence[str] = tuple(CANONICAL_FILES),
) -> Path:  # fmt: skip
    """Write a canonical study of the files in `only`; `changes` replace whole files, `data` are keys of its [data]."""
    files: dict[str, Rows | str | bytes] = dict(CANONICAL_FILES)
    for change in changes:
        files.update(change)
    files = {table: files[table] for table in only}
    for table, content in files.items():
        _write(folder / f"{table}.csv", content.encode() if isinstance(content, str) else content)
    paths = "\n".join(f'{table} = {{ path = "{table}.csv" }}' for table in files)
    return _write(folder / "study.toml", "\n".join([head, "[data]", paths, data, endpoint, more]).encode())


def _write(path: Path, content: Rows | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode())
    return path


@dataclass(frozen=True)
class Run:
    """What the command line left behind: exit status, what it printed, files by name."""

    status: int
    said: str
    files: Mapping[str, bytes]

    @property
    def problems(self) -> list[Problem]:
        found: list[Problem] = json.loads(self.files["problems.json"])
        return found

    @property
    def report(self) -> str:
        """The words of the report, without markup."""
        (name,) = (name for name in self.files if name.startswith("report"))
        return " ".join(unescape(re.sub("<[^>]+>", " ", self.files[name].decode())).split())


def run(study: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a study by the command line; nothing that it says or writes shows an identifier or a date of its files."""
    out = study.parent / "results"
    capsys.readouterr()
    status = main(["run", str(study), "--out", str(out)])
    captured = capsys.readouterr()
    files = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
    done = Run(status, captured.out + captured.err, files)
    shows_nothing(study, done)
    return done


def refused(study: Path, capsys: pytest.CaptureFixture[str]) -> list[Problem]:
    """Run what the data forbid: exit status 3, every problem told on the terminal, and nothing else written."""
    done = run(study, capsys)
    assert (done.status, set(done.files)) == (3, {"STATUS", "problems.json"}), done.said
    assert done.files["STATUS"] == b"FAILED\n"
    assert done.problems
    for problem in done.problems:
        assert str(problem["message"]) in done.said
        assert problem["remedy"], f"no way out of {problem['message']}"
    return done.problems


def refused_settings(study: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run what the study file cannot mean: exit status 2, and nothing is written."""
    done = run(study, capsys)
    assert (done.status, dict(done.files)) == (2, {}), done.said
    assert not (study.parent / "results").exists()
    return done.said


def completed(study: Path, capsys: pytest.CaptureFixture[str], status: int = 0) -> Run:
    """Run what may be analysed; every warning stands on the terminal, and every finding in the report."""
    done = run(study, capsys)
    assert done.status == status, done.said
    assert {"problems.json", "results.json", "manifest.json", "STATUS"} <= set(done.files)
    for problem in done.problems:
        if problem["severity"] != "note":
            assert str(problem["message"]) in done.said
        step, _, words = str(problem["problem"]).partition(": ")
        told = {"S001": step, "S002": words}.get(str(problem["code"]), str(problem["problem"]))
        assert told.casefold() in done.report.casefold(), told
    return done


def changed(table: str, *cells: tuple[int, str, str]) -> dict[str, Rows]:
    """A canonical table with several cells changed: line of the file, column, text."""
    rows = [list(row) for row in csv.reader(CANONICAL_FILES[table])]
    for line, column, text in cells:
        rows[line - 1][rows[0].index(column)] = text
    return {table: as_lines(rows)}


def the(problems: Sequence[Problem], code: str) -> Problem:
    """The one problem of a code."""
    (found,) = (problem for problem in problems if problem["code"] == code)
    return found


def results(done: Run) -> bytes:
    """Every number of a run: two studies that mean the same have the same."""
    return done.files["results.json"]


def places(problems: Sequence[Problem]) -> list[tuple[object, ...]]:
    """Code, file, column and lines of every problem."""
    return [(one["code"], one["file"], one["column"], tuple(one["rows"])) for one in problems]  # type: ignore[arg-type]


def shows_nothing(study: Path, done: Run) -> None:
    """Check that a run shows no identifier and no date of its files, and no year where people are told of problems."""
    secrets = {cell for file in sorted(study.parent.glob("*.csv")) for cell in _private_cells(file)}
    told = {"the terminal": done.said} | {name: _text(content) for name, content in done.files.items()}
    for name, text in told.items():
        for secret in secrets:
            assert secret not in text, f"{name} shows {secret!r}"
    for text in (done.said, told.get("problems.json", "")):
        assert not re.search(r"KEY|SCAN-", text), text
        assert not re.search(r"\b(?:19[1-9][0-9]|20[0-9]{2})\b", re.sub(r"/\S+|1900|1904", "", text)), text


def _text(content: bytes) -> str:
    """Text without hashes, which may hold any digits, and without the clock of the run."""
    text = re.sub("[0-9a-f]{64}", "", content.decode("latin-1"))
    return re.sub(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}T[0-9:.]+", "", text)


def _private_cells(file: Path) -> Iterator[str]:
    """Walk through identifiers and dates, of broken files too."""
    text = file.read_bytes().decode("latin-1").replace("\0", "")
    yield from re.findall(r"(?:KEY|SCAN)-\w+|[0-9]{4}-[0-9]{2}-[0-9]{2}", text)
    rows = [line.replace(";", ",").split(",") for line in text.splitlines()]
    for row in rows[1:]:
        for heading, cell in zip(rows[0], row, strict=False):
            if (heading == "id" or heading.endswith(("_id", "_date"))) and len(cell) > 3:
                yield cell.strip('"')
