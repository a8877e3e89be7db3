"""The folder of results: whole files or none, a status, and nothing left from an earlier run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from survmodel.errors import ConfigError
from survmodel.result import plain_value
from survmodel.study.lock import LOCK, one_run
from survmodel.table import Table, one_line
from survmodel.writing import harmless, write_whole

STATUS, MANIFEST, PROBLEMS, RESULTS = "STATUS", "manifest.json", "problems.json", "results.json"
REPORT, INCOMPLETE_REPORT = "report.html", "report.INCOMPLETE.html"
FOLDERS = ("figures", "tables")
LONGEST_NAME = 80

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class ResultsFolder:
    """A folder that one run writes to.

    Parameters
    ----------
    path : pathlib.Path
        The folder; it is made when it does not exist.

    Raises
    ------
    ConfigError
        When the folder holds files that no run of survmodel wrote.
    OSError
        When it cannot be written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._written: set[Path] = set()
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(f"{path} is a file; results need a folder")
        foreign = path.is_dir() and any(file.name != LOCK for file in path.iterdir())
        if foreign and not (path / STATUS).is_file():
            raise ConfigError(
                f"the folder {path} holds files that are not results of survmodel",
                remedy="choose a new folder with --out, so that nothing is overwritten",
            )

    @contextmanager
    def one_run(self) -> Iterator[None]:
        """Hold the folder for one run: no other run may write to it, and nothing of an earlier one stays.

        Yields
        ------
        None
            With the status RUNNING.

        Raises
        ------
        BlockingIOError
            When another run holds it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with one_run(self.path):
            self.write_status("RUNNING")
            self._remove_earlier_results()
            yield

    def _remove_earlier_results(self) -> None:
        """Delete what an earlier run wrote, so that no old report stands beside a new status; nothing else."""
        for name in (*self._read_outputs(), PROBLEMS, RESULTS, REPORT, INCOMPLETE_REPORT, MANIFEST):
            file = self.path / name
            if file.parent.resolve().is_relative_to(self.path.resolve()):
                file.unlink(missing_ok=True)
        for folder in FOLDERS:
            if (self.path / folder).is_dir() and not any((self.path / folder).iterdir()):
                (self.path / folder).rmdir()

    def _read_outputs(self) -> list[str]:
        """List the files of the run before, as its manifest names them."""
        try:
            return list(json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))["outputs"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def write(self, name: str, content: bytes | str) -> Path:
        """Write a file whole: a reader sees the old one or the new one.

        Parameters
        ----------
        name : str
            Path inside the folder.
        content : bytes or str
            What it holds.

        Returns
        -------
        pathlib.Path
            The file.
        """
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode("utf-8") if isinstance(content, str) else content
        write_whole(target, data)
        self.record([target])
        return target

    def record(self, files: Iterable[Path]) -> None:
        """Count files as results of this run."""
        self._written.update(files)

    def write_json(self, name: str, content: object) -> Path:
        """Write JSON with every digit; keys keep their order."""
        return self.write(name, json.dumps(_plain(content), ensure_ascii=False, allow_nan=False, indent=1) + "\n")

    def write_table(self, name: str, table: Table, stamp: str = "") -> Path:
        """Write the cells of a table as CSV, text that a spreadsheet would run made harmless.

        A stamp such as "SYNTHETIC data" stands in a column of its own, in every row.
        """
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        for place, row in enumerate((table.header, *table.rows)):
            mark = [stamp if place else "data"] if stamp else []
            writer.writerow([harmless(one_line(cell)) for cell in (*row, *mark)])
        return self.write(f"tables/{name}.csv", lines.getvalue())

    def write_status(self, status: str) -> Path:
        """Say how far the run is: RUNNING, COMPLETE, FAILED or INTERRUPTED."""
        return self.write(STATUS, f"{status}\n")

    def describe_files(self) -> dict[str, dict[str, object]]:
        """Give size and hash of every result of this run, by path inside the folder."""
        files = sorted(path for path in self._written if path.name not in {STATUS, MANIFEST})
        return {path.relative_to(self.path).as_posix(): describe_bytes(path.read_bytes()) for path in files}


def describe_bytes(data: bytes) -> dict[str, object]:
    """Give size and hash of a file's content.

    Parameters
    ----------
    data : bytes
        The content.

    Returns
    -------
    dict
        Keys ``bytes`` and ``sha256``.
    """
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def file_stem(*words: str) -> str:
    """Make a name for a file from words that a user chose.

    Parameters
    ----------
    *words : str
        For example an endpoint and a column.

    Returns
    -------
    str
        Letters, digits, ``_`` and ``-``; a short hash is added where anything else was replaced.

    Examples
    --------
    >>> file_stem("km", "os", "age_group")
    'km_os_age_group'
    """
    whole = "_".join(word for word in words if word)
    safe = _UNSAFE.sub("-", whole)[:LONGEST_NAME]
    return safe if safe == whole else f"{safe}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(item) for item in value]
    return plain_value(value)
