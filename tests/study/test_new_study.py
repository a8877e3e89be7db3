"""A new study waits for its data, says what is missing, and runs once the tables are filled."""

import csv
import datetime
import os
import re
import shutil
import subprocess
import sys

import pytest
from openpyxl import load_workbook

from survmodel.cli import main
from survmodel.data.schema import load_schema
from survmodel.simulate import simulate_study
from survmodel.study.config import read_study
from survmodel.study.new_study import write_new_study
from survmodel.study.preparation import check_study

FILES = {
    "study.toml", "Makefile", "README.md", "data/patients.csv", "data/scans.csv", "data/lesions.csv", "data/labs.csv",
    "data/therapy.csv", "data/reads.csv", "data/region_reads.csv", "data/assessments.csv",
    "data/adverse_events.csv", "data/follow_up.csv",
}  # fmt: skip
ASKED_FOR = ("patients", "scans", "lesions", "reads", "follow_up")


def files_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def fill(folder):
    """Copy the rows of the example study into the templates, cell by cell under their headings."""
    study = simulate_study("trial", "strong", seed=20250131)
    for name in ASKED_FOR:
        path = folder / "data" / f"{name}.csv"
        headings = path.read_text("utf-8").strip().split(",")
        table = study.tables[name]
        rows = [[row.get(heading, "") for heading in headings] for row in table.to_dict("records")]
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    toml = folder / "study.toml"
    text = toml.read_text("utf-8").replace("# data_lock", "synthetic = true\ndata_lock")
    toml.write_text(f"{text}\n{study.waiver}\n[validation]\nrepeats = 50\n", "utf-8")


def test_init_writes_a_study_that_can_be_read(tmp_path, capsys):
    folder = tmp_path / "a new study"
    assert main(["init", str(folder)]) == 0
    assert files_in(folder) == FILES
    assert "survmodel check" in capsys.readouterr().out
    assert read_study(folder / "study.toml").settings.primary_marker.name == "cxcr4_suvmax"


def test_each_table_holds_the_headings_of_the_schema_and_nothing_else(tmp_path):
    write_new_study(tmp_path)
    for table in load_schema().tables:
        (line,) = (tmp_path / "data" / f"{table.name}.csv").read_text("utf-8").splitlines()
        assert line.split(",") == [field.name for field in table.fields]


def test_two_new_studies_have_the_same_bytes(tmp_path):
    first, second = write_new_study(tmp_path / "a"), write_new_study(tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", ["study.toml", "Makefile", "data/scans.csv"])
def test_init_replaces_no_file_and_then_writes_none(tmp_path, capsys, name):
    (tmp_path / "data").mkdir()
    (tmp_path / name).write_text("mine")
    assert main(["init", str(tmp_path)]) == 2
    assert f"none of them is replaced: {name}. Choose a new folder." in capsys.readouterr().err
    assert files_in(tmp_path) == {name}
    assert (tmp_path / name).read_text() == "mine"


def test_init_does_not_write_through_a_link_that_points_nowhere(tmp_path):
    (tmp_path / "study.toml").symlink_to(tmp_path / "elsewhere")
    assert main(["init", str(tmp_path)]) == 2
    assert not (tmp_path / "elsewhere").exists()


def test_an_unfilled_study_says_which_tables_wait_for_rows(tmp_path, capsys):
    write_new_study(tmp_path)
    assert main(["check", str(tmp_path / "study.toml")]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        *(
            f"error: D002 {name}.csv: the file has a header and no rows. Check the export, or fill the table below its "
            "headings."
            for name in ASKED_FOR
        ),
        "5 errors: the study cannot be run yet",
    ]


def test_rows_of_the_example_study_make_it_run(tmp_path, capsys):
    write_new_study(tmp_path)
    fill(tmp_path)
    assert check_study(tmp_path / "study.toml").ok
    assert main(["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "results")]) == 0
    report = (tmp_path / "results" / "report.html").read_text("utf-8")
    assert "SYNTHETIC" in report


def fill_workbook(folder):
    """Type the example study into the workbook."""
    study = simulate_study("trial", "strong", seed=20250131)
    book = load_workbook(folder / "data" / "entry.xlsx")
    for name in ASKED_FOR:
        kinds = {field.name: field.type for field in load_schema().table(name).fields}
        table, sheet = study.tables[name], book[name]
        for row, record in enumerate(table.to_dict("records"), start=2):
            for cell in sheet[1]:
                sheet.cell(row, cell.column).value = _typed(str(record.get(cell.value, "")), kinds[cell.value])
    book.save(folder / "data" / "entry.xlsx")
    toml = folder / "study.toml"
    text = toml.read_text("utf-8").replace("# data_lock", "synthetic = true\ndata_lock")
    toml.write_text(f"{text}\n{study.waiver}\n[validation]\nrepeats = 50\n", "utf-8")


def _typed(text, kind):
    """A cell as a person enters it: a date, a number, or text."""
    if not text:
        return None
    if kind == "date":
        return datetime.date.fromisoformat(text)
    return float(text) if kind in {"number", "integer"} else text


def with_cell(folder, sheet, address, value):
    """What the person types next; gives what stood there."""
    path = folder / "data" / "entry.xlsx"
    book = load_workbook(path)
    before = book[sheet][address].value
    book[sheet][address].value = value
    book.save(path)
    return before


def test_the_walk_of_somebody_with_a_spreadsheet_and_no_python(tmp_path, capsys):
    """From nothing to a report: a new study, its workbook filled, three usual slips named by cell, and mended."""
    folder = tmp_path / "our study"
    assert main(["init", str(folder), "--tables", "excel"]) == 0
    assert files_in(folder) == {"study.toml", "Makefile", "README.md", "data/entry.xlsx"}
    study = str(folder / "study.toml")

    # Nothing is filled yet: each sheet is named.
    assert main(["check", study]) == 3
    *lines, last = capsys.readouterr().out.splitlines()[1:]
    assert [line.split(":")[1] for line in lines] == [f" D002 entry.xlsx[{name}]" for name in ASKED_FOR]
    assert last.startswith("5 errors")

    # Filled, with a code that is none, a day with a month that is none, and a comma in a number.
    fill_workbook(folder)
    headings = [cell.value for cell in load_workbook(folder / "data" / "entry.xlsx")["patients"][1]]
    ecog = f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[headings.index('ecog')]}7"
    slips = {("patients", "D3"): "lymphome B", ("patients", ecog): "1,5", ("scans", "E4"): "31.02.2024"}
    before = {place: with_cell(folder, *place, value) for place, value in slips.items()}
    assert main(["check", study, "--out", str(tmp_path / "check")]) == 3
    said = capsys.readouterr().out
    errors = [line for line in said.splitlines() if line.startswith("error")]
    assert len(errors) == 3
    for (sheet, address), line in zip([("patients", "D3"), ("patients", ecog), ("scans", "E4")], errors, strict=True):
        assert f"entry.xlsx[{sheet}]!{address}" in line
    assert {path.name for path in (tmp_path / "check").iterdir()} == {"findings.csv", "findings.html"}

    # A run with errors leaves nothing but what is wrong.
    out = tmp_path / "results"
    assert main(["run", study, "--out", str(out)]) == 3
    assert files_in(out) == {"STATUS", "problems.json"}

    for place, value in before.items():
        with_cell(folder, *place, value)
    capsys.readouterr()
    assert main(["check", study]) == 0
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("error")]
    assert main(["run", study, "--out", str(out)]) == 0
    assert "Kaplan-Meier" in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_the_page_of_a_new_study_has_no_gap(tmp_path, kind):
    write_new_study(tmp_path, kind)
    page, toml = (tmp_path / "README.md").read_text("utf-8"), (tmp_path / "study.toml").read_text("utf-8")
    assert "{tables}" not in page
    assert "{names}" not in page
    named = set(re.findall(r'path = "([^"]+)"', toml))
    assert named == {name for name in files_in(tmp_path) if name.startswith("data/")}


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_runs_once_and_again_when_something_changed(tmp_path):
    write_new_study(tmp_path)
    # A stand-in for the program: it counts its calls and leaves a folder of results, or fails.
    program = tmp_path / "program.py"
    program.write_text(
        "import pathlib, sys\n"
        "assert sys.argv[1:] == ['run', 'study.toml', '--out', 'results'], sys.argv\n"
        "pathlib.Path('results').mkdir(exist_ok=True)\n"
        "with open('calls', 'a') as calls: calls.write('x')\n"
        "sys.exit(4 if pathlib.Path('fail').exists() else 0)\n"
    )
    command = ["make", f"SURVMODEL={sys.executable} program.py"]
    calls = tmp_path / "calls"

    def make(expected, status=0):
        # Flags of a make that runs the tests are not for this one.
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
        assert (done.returncode != 0) == bool(status), done.stderr
        assert len(calls.read_text()) == expected

    make(1)
    make(1)
    later = (tmp_path / "results" / ".complete").stat().st_mtime + 10
    os.utime(tmp_path / "data" / "reads.csv", (later, later))
    (tmp_path / "fail").write_text("")
    make(2, status=4)
    make(3, status=4)
    (tmp_path / "fail").unlink()
    make(4)
