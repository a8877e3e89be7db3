from __future__ import annotations

import os
import subprocess
import sys

import pytest
from study.study_folder import CANARY, STUDY, made_table, write_study

from survmodel import __version__
from survmodel.cli import main


def test_a_run_names_its_report(tmp_path, capsys):
    study = write_study(tmp_path / "made")
    assert main(["run", str(study), "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert shown.out == f"complete: {tmp_path / 'out' / 'report.html'}\n"


def test_results_go_to_a_folder_of_the_study_name(tmp_path, monkeypatch, capsys):
    study = write_study(tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(study)]) == 0
    assert (tmp_path / "results" / "made" / "report.html").is_file()


def test_a_wrong_study_file_exits_2_and_writes_nothing(tmp_path, capsys):
    study = write_study(tmp_path / "made", text=STUDY.replace("seed", "sed"))
    assert main(["run", str(study), "--out", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert message == "survmodel: study.toml has 1 problem:\n  sed: unknown key; did you mean 'seed'?\n"
    assert not (tmp_path / "out").exists()


def test_wrong_data_exit_3(tmp_path, capsys):
    table = made_table()
    table.loc[1, "id"] = table.loc[0, "id"]
    study = write_study(tmp_path / "made", table)
    assert main(["run", str(study), "--out", str(tmp_path / "out")]) == 3
    message = capsys.readouterr().err
    assert "D031 patients.csv:id rows 2, 3 (2 of 60)" in message
    assert CANARY not in message
    assert "Traceback" not in message


def test_a_statistic_that_cannot_be_estimated_exits_4(tmp_path, capsys):
    table = made_table()
    table["sex"] = "m"
    study = write_study(tmp_path / "made", table)
    assert main(["run", str(study), "--out", str(tmp_path / "out")]) == 4
    assert "S001: cox/clinical: not estimable" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_exits_5(tmp_path, capsys):
    assert main(["run", str(tmp_path / "none.toml")]) == 5
    assert capsys.readouterr().err.startswith("survmodel: No such file or directory: ")


def test_a_file_in_place_of_the_folder_exits_5(tmp_path, capsys):
    (tmp_path / "out").write_text("")
    assert main(["run", str(write_study(tmp_path / "made")), "--out", str(tmp_path / "out")]) == 5


def test_control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    table = made_table().rename(columns={"extra": "a\x1b[31mb"})
    table["x"] = 1
    study = write_study(tmp_path / "made", table.rename(columns={"x": "a\x1b[31mb"}))
    assert main(["run", str(study), "--out", str(tmp_path / "out")]) == 3
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean 'run'?"),
        (["warmup"], "did you mean 'warm-up'?"),
        (
            ["xyz"],
            "unknown command 'xyz'; known: demo, init, check, lock, run, diff, plan, schema, columns, column-map",
        ),
        (["run"], "the following arguments are required: STUDY"),
        (["run", "a", "--ouut", "b"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_exits_2(capsys, words, message):
    assert main(words) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("survmodel: ")
    assert message in shown


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"survmodel {__version__}\n"


def test_without_a_command_help_is_shown(capsys):
    assert main([]) == 2
    assert "usage: survmodel" in capsys.readouterr().out


def test_an_interrupt_exits_130(monkeypatch, capsys):
    def interrupt(words):
        raise KeyboardInterrupt

    monkeypatch.setattr("survmodel.cli._dispatch", interrupt)
    assert main(["warm-up"]) == 130


def test_warm_up_says_what_it_does(monkeypatch, capsys):
    monkeypatch.setattr("survmodel.kernels.warm_up.warm_up", lambda: None)
    assert main(["warm-up"]) == 0
    assert capsys.readouterr().out == "Compiling kernels once, about 20 s ...\n"


def command(*words, **options):
    return subprocess.run([sys.executable, "-m", "survmodel", *words], capture_output=True, check=False, **options)


def test_help_loads_nothing_heavy():
    code = "import sys; from survmodel.cli import main; main(['--help']); print(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert "usage: survmodel" in shown
    assert not [name for name in ("numpy", "pandas", "matplotlib", "pydantic", "numba") if f"'{name}'" in shown]


def test_a_closed_pipe_is_quiet():
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "survmodel", "--help"], stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b""


def test_the_module_is_the_command(tmp_path):
    done = command("run", str(tmp_path / "none.toml"))
    assert done.returncode == 5
    assert b"Traceback" not in done.stderr
