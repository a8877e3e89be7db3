"""A new study waits for its data, says what is missing, and runs once the tables are filled."""

import csv
import datetime
import os
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
    "data/therapy.csv", "data/reads.csv", "data/assessments.csv", "data/follow_up.csv",
    "data/entry.xlsx",
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
    """Type the example study into the workbook, and name its sheets as the page of the new study says."""
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
    for name in ASKED_FOR:
        old = f'{name} = {{ path = "data/{name}.csv" }}'
        assert f"\n{old}" in text
        text = text.replace(old, f'{name} = {{ path = "data/entry.xlsx", sheet = "{name}" }}')
        (folder / "data" / f"{name}.csv").unlink()
    toml.write_text(f"{text}\n{study.waiver}\n", "utf-8")


def _typed(text, kind):
    """A cell as a person enters it: a date, a number, or text."""
    if not text:
        return None
    if kind == "date":
        return datetime.date.fromisoformat(text)
    return float(text) if kind in {"number", "integer"} else text


def test_a_study_typed_into_the_workbook_passes_the_check(tmp_path, capsys):
    write_new_study(tmp_path)
    fill_workbook(tmp_path)
    assert main(["check", str(tmp_path / "study.toml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert not [line for line in lines if line.startswith("error")]


def test_the_page_and_the_study_file_say_how_to_switch_to_the_workbook(tmp_path):
    write_new_study(tmp_path)
    line = 'patients = { path = "data/entry.xlsx", sheet = "patients" }'
    assert line in (tmp_path / "README.md").read_text("utf-8")
    assert f"\n# {line}\n" in (tmp_path / "study.toml").read_text("utf-8")


def test_an_unfilled_workbook_says_which_sheets_wait_for_rows(tmp_path, capsys):
    write_new_study(tmp_path)
    toml = tmp_path / "study.toml"
    text = toml.read_text("utf-8")
    for name in ASKED_FOR:
        text = text.replace(f'"data/{name}.csv"', f'"data/entry.xlsx", sheet = "{name}"')
    toml.write_text(text, "utf-8")
    assert main(["check", str(toml)]) == 3
    *lines, last = capsys.readouterr().out.splitlines()
    assert [line.split(":")[1] for line in lines] == [f" D002 entry.xlsx[{name}]" for name in ASKED_FOR]
    assert last.startswith("5 errors")


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
