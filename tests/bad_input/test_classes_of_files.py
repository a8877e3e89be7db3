"""Files, texts and settings that are not what they claim, as studies that the command line runs: classes 107 to 118.

Which class is tested where stands in ``tests/bad_input/README.md``.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable

import pytest
from bad_input.study_files import (
    CURVE,
    DATA,
    ENDPOINT,
    MODEL,
    PLAIN_HEAD,
    Run,
    column_of,
    completed,
    places,
    plain,
    plain_rows,
    refused,
    refused_settings,
    results,
    write_plain,
)
from bad_input.workbooks import SHEET, write_book

from survmodel import cli
from survmodel.cli import main
from survmodel.data.readers.reading import LARGEST_FILE

TEXT = "\n".join(plain()) + "\n"
PATIENTS = "patients.csv"


def without_mark(encoding: str) -> bytes:
    return TEXT.encode(encoding)


@pytest.mark.parametrize(
    ("content", "data", "code", "rows", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (107, without_mark("utf-16-le"), DATA, "D003", [], 'set encoding = "utf-16" in [data]'),
            (107, without_mark("utf-16-be"), DATA, "D003", [], "UTF-16 without a byte-order mark"),
            (107, TEXT.replace("north", "nörth").encode("utf-16-le"), DATA, "D003", [], 'encoding = "utf-16"'),
            (107, without_mark("utf-16-le"), DATA + 'encoding = "cp1252"\n', "D003", [], 'encoding = "utf-16"'),
            (107, TEXT.replace("south", "süd", 1).encode("cp1252"), DATA, "D003", [3],
             "byte 0xFC at line 3 is not utf-8. Set encoding in [data], for example encoding = \"cp1252\""),
            (107, TEXT.replace("south", "so\ud800th", 1).encode("utf-8", "surrogatepass"), DATA, "D003", [3],
             "byte 0xED at line 3 is not utf-8"),
            (107, TEXT.replace("south", "so\udc00th", 1).encode("utf-16", "surrogatepass"), DATA, "D003", [3],
             "at line 3 is not utf-16"),
            (107, TEXT.encode("utf-16-le")[:-1], DATA + 'encoding = "utf-16"\n', "D003", [41], "is not utf-16-le"),
            (108, TEXT.replace("south", "so\0th", 1).encode(), DATA, "D004", [3], "a NUL character"),
            (113, b"PK\x03\x04" + bytes(100), DATA, "D003", [], "a spreadsheet workbook"),
        ]
    ],
)  # fmt: skip
def test_bytes_that_are_no_such_text_are_refused(content, data, code, rows, said, tmp_path, capsys):
    (problem,) = refused(write_plain(tmp_path / "study", content, data=data), capsys)
    assert (problem["code"], problem["file"], problem["rows"]) == (code, PATIENTS, rows)
    assert said.casefold() in str(problem["message"]).casefold()


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    assert main(["run", str(write_plain(folder / "study")), "--out", str(folder / "results")]) == 0
    return (folder / "results" / "results.json").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16"])
def test_107_declared_utf_16_needs_no_mark(encoding, clean, tmp_path, capsys):
    study = write_plain(tmp_path / "study", TEXT.encode(encoding), data=DATA + 'encoding = "utf-16"\n')
    assert results(completed(study, capsys)) == clean


LONG = "x" * 5000
LABELS = (
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe\u202c",
    "a|b $x_{ \\input{x} `c` ${y}",
    "\U0001f600 \u05e9\u05dc\u05d5\u05dd \u5317\u4eac",
    LONG,
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "bell\a and \x1b[31mred",
)


def labelled(done: Run) -> None:
    """What may be written of labels: as text, without a control character, never as markup or a formula."""
    for name, content in done.files.items():
        text = content.decode("utf-8", "replace")
        if name.endswith((".html", ".json", ".csv", ".R")):
            assert not set(text) & set("\a\x1b"), name
        if name.endswith((".html", ".svg")):
            assert "<img src=x" not in text, name
            assert not set(text) & set("\u202e\u202c"), name
        if name.endswith(".csv"):
            cells = [cell.strip('"') for line in text.splitlines() for cell in line.split(",")]
            assert not [cell for cell in cells if cell.strip().startswith(("=", "@"))], name
    for words in ("<img src=x onerror=alert(1)>", "gnp.exe", "$x_{ \\input{x} `c` ${y}", "\U0001f600", LONG):
        assert words in done.report, words[:40]


def test_108_to_110_labels_of_a_file_are_text_everywhere(tmp_path, capsys):
    """A column of text, whose cells become rows of a table and levels of a model."""
    rows = column_of(plain_rows(), "site", lambda line, _: LABELS[line % len(LABELS)])
    more = MODEL.replace('"age"', '"age + site"') + '[report]\ntable_one = ["site", "sex"]\n'
    done = completed(write_plain(tmp_path / "study", rows, more=more), capsys, 4)
    labelled(done)


def test_108_to_110_labels_of_a_study_file_are_text_everywhere(tmp_path, capsys):
    """Levels that name curves, in figures and their tables too."""
    shown = [label for label in LABELS if "\a" not in label]
    levels = ", ".join(
        f"{json.dumps(str(i))} = {json.dumps(label, ensure_ascii=False)}" for i, label in enumerate(shown)
    )
    head = PLAIN_HEAD.replace('type = "text"', f'type = "category"\nlabel = "<b>site</b>"\nlevels = {{ {levels} }}')
    rows = column_of(plain_rows(), "site", lambda line, _: str(line % len(shown)))
    more = CURVE.replace('"sex"', '"site"') + '[report]\ntable_one = ["site", "sex"]\n'
    done = completed(write_plain(tmp_path / "study", rows, head=head, more=more), capsys)
    assert "figures/km_os_site.svg" in done.files
    assert b"<b>site" not in done.files["report.html"].lower()
    labelled(done)


def test_111_a_huge_file_is_refused_by_its_size(tmp_path, capsys):
    """A hole of 600 MB: nothing of it is read."""
    study = write_plain(tmp_path / "study")
    os.truncate(study.parent / PATIENTS, LARGEST_FILE + 100_000_000)
    capsys.readouterr()
    assert main(["run", str(study), "--out", str(tmp_path / "results")]) == 3
    assert "D009 patients.csv: the file has 600 MB. At most 500 MB. Split it" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "results").iterdir()} == {"STATUS", "problems.json"}


def test_112_a_text_that_ends_with_a_spreadsheet_may_be_cut_off(tmp_path, capsys):
    """65,536 lines: the header and 65,535 patients."""
    head, *rows = plain()
    lines = [f"KEY-{i:05d}{rows[i % 40][8:]}" for i in range(65_535)]
    study = write_plain(tmp_path / "study", [head, *lines])
    assert main(["check", str(study)]) == 0
    said = capsys.readouterr().out
    assert "warning: D077 patients.csv: the table ends at row 65536, the last one that a spreadsheet holds" in said
    write_plain(tmp_path / "study", [head, *lines[1:]])
    assert main(["check", str(study)]) == 0
    assert "D077" not in capsys.readouterr().out


def open_document() -> bytes:
    """What makes a file an OpenDocument spreadsheet, as far as anybody looks at it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content/>")
    return out.getvalue()


@pytest.mark.parametrize("name", ["patients.ods", "patients.xlsx", "patients.xlsb", "patients.xls"])
@pytest.mark.parametrize("content", [open_document(), b"\xd0\xcf\x11\xe0" + bytes(600)])
def test_113_workbooks_of_other_kinds_are_refused(name, content, tmp_path, capsys):
    study = write_book(tmp_path / "study", content, data=SHEET.replace("patients.xlsx", name), name=name)
    (problem,) = refused(study, capsys)
    assert (problem["code"], problem["file"]) == ("D070", name)
    assert ".xlsx" in str(problem["remedy"])


@pytest.mark.parametrize("name", [PATIENTS, "study.toml"])
@pytest.mark.parametrize("change", ["more", "gone"])
def test_114_a_file_that_changes_during_the_run_stops_it(name, change, tmp_path, capsys, monkeypatch):
    """The file changes when the first step after the data begins."""
    study = write_plain(tmp_path / "study", more=MODEL)
    file = study.parent / name
    told: list[str] = []

    def tell(_: object, step: str) -> None:
        told.append(step)
        if len(told) == 2:
            file.unlink() if change == "gone" else file.write_bytes(file.read_bytes() + b"\n")

    monkeypatch.setattr(cli._Progress, "tell", tell)
    (problem,) = refused(study, capsys)
    assert places([problem]) == [("D161", name, "", ())]
    assert "was changed while it was analysed" in str(problem["message"])
    assert told[0] == "data"
    assert "figures" not in told


def settings(old: str, new: str) -> Callable[[], dict[str, str]]:
    """The study file with one piece changed."""
    parts = {"head": PLAIN_HEAD, "data": DATA, "endpoint": ENDPOINT, "more": MODEL + CURVE}
    key = next(key for key, text in parts.items() if old in text)
    return lambda: parts | {key: parts[key].replace(old, new, 1)}


FIRST, PATH, UNIT = "schema = 1\n", "patients.csv", 'unit = "days"\nlabel = "overall'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (115, settings(FIRST, FIRST + "sed = 7\n"), "sed: unknown key; did you mean 'seed'?"),
            (115, settings(FIRST, FIRST + "seed = 7\nseed = 8\n"), "the key is given twice: keep one of them"),
            (115, settings(FIRST, FIRST + "[column.age]\n"), "the table is declared twice"),
            (115, settings("type = ", "\ttype\t=\tno\n"), "texts need quotation marks"),
            (115, settings(FIRST, FIRST + "seed = 007\n"), "line 2: "),
            (115, settings(FIRST, FIRST + "seed = 1e3\n"), "seed: must be a valid integer, found 1000.0"),
            (115, settings(FIRST, FIRST + "data_lock = 12:30:00\n"), "data_lock: must be a valid date"),
            (115, settings('"f" = "female"', "f = true"), "column.sex.levels.f: must be a valid string, found True"),
            (116, settings(PATH, "../patients.csv"), "data.patients.path: must be relative to the study file and stay"),
            (116, settings(PATH, "/tmp/patients.csv"), "data.patients.path: must be relative to the study file"),
            (116, settings(PATH, "C:/patients.csv"), "data.patients.path: must be relative to the study file"),
            (116, settings(PATH, "//host/share/patients.csv"), "data.patients.path: must be relative to the study"),
            (116, settings(PATH, "\\\\\\\\host\\\\patients.csv"), "data.patients.path: must be relative to the study"),
            (116, settings(PATH, "pati\\u0000ents.csv"), "data.patients.path: the path holds a control character"),
            (116, settings(PATH, "CON"), "data.patients.path: no such file 'CON'"),
            (116, settings(PATH, "link.csv"), "'link.csv' is a link that leads out of the folder of the study file"),
            (116, settings(PATH, "circle.tsv"), "data.patients.path: no file can have the path 'circle.tsv'"),
            (117, settings(FIRST, FIRST + "seed = -1\n"), "seed: must be greater than or equal to 0, found -1"),
            (117, settings(FIRST, FIRST + "seed = 1099511627776\n"), "seed: must be less than 4294967296"),
            (117, settings(FIRST, FIRST + 'seed = "a"\n'), "seed: must be a valid integer, found 'a'"),
            (118, settings(MODEL, MODEL + "[validation]\nrepeats = 0\n"), "validation.repeats: must be greater than"),
            (118, settings("hazard_ratio = 1", "hazard_ratio = 0"), "hazard_ratio: must be greater than or equal to 1"),
            (118, settings(UNIT, f"horizons = [100, 50]\n{UNIT}"), "os.horizons: must be numbers in ascending"),
            (118, settings(UNIT, f"horizons = [inf]\n{UNIT}"), "endpoint.os.horizons: must be finite numbers"),
            (118, settings(UNIT, f"horizons = [nan]\n{UNIT}"), "endpoint.os.horizons: must be finite numbers"),
            (118, settings(UNIT, f"landmark = -3\n{UNIT}"), "endpoint.os.landmark: must be greater than 0, found -3"),
            (118, settings(UNIT, f"alpha = 5\n{UNIT}"), "endpoint.os.alpha: unknown key"),
            (118, settings("range = [18, 100]", "range = [100, 18]"), "column.age: range must go from low to high"),
            (118, settings(DATA, DATA + 'decimal = ","\n'), "delimiter and decimal of patients are the same"),
            (118, settings(DATA, DATA + 'delimiter = "\\n"\n'), "data.delimiter: must be a mark that stands between"),
            (118, settings(DATA, DATA + 'date_format = "%d/%m"\n'), "data.date_format: date format '%d/%m' is not"),
        ]
    ],
)  # fmt: skip
def test_what_the_study_file_cannot_mean_is_refused_and_nothing_written(change, said, tmp_path, capsys):
    study = write_plain(tmp_path / "study", **change())
    (tmp_path / "elsewhere.csv").write_bytes((study.parent / PATIENTS).read_bytes())
    (study.parent / "link.csv").symlink_to(tmp_path / "elsewhere.csv")
    (study.parent / "circle.tsv").symlink_to("circle.tsv")
    assert said in refused_settings(study, capsys)


def test_117_the_seed_without_a_choice_is_told(tmp_path, capsys):
    done = completed(write_plain(tmp_path / "study", more=MODEL), capsys)
    assert json.loads(done.files["manifest.json"])["seed"] == 0
    assert "seed 0" in done.report.casefold()
