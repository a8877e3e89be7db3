"""The check of a study: the same findings on the terminal, as a table and as a page, and the right exit status."""

import csv
from html.parser import HTMLParser

import pytest
from study.study_folder import CANARY, STUDY, made_table, write_study

from survmodel.cli import main
from survmodel.data.findings import Finding
from survmodel.study.checking import summarise, write_findings_page, write_findings_table
from survmodel.study.example import write_example

HEADER = "code,severity,file,table,column,rows,cells,n_rows,of,problem,expected,remedy,message"


def double_identifier():
    table = made_table()
    table.loc[1, "id"] = table.loc[0, "id"]
    return table


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_study_that_can_be_run_exits_0(tmp_path, capsys):
    study = write_study(tmp_path / "made")
    before = {path.name for path in study.parent.iterdir()}
    assert main(["check", str(study)]) == 0
    assert capsys.readouterr().out.endswith("the study can be run\n")
    assert {path.name for path in study.parent.iterdir()} == before


def test_warnings_do_not_stand_in_the_way(tmp_path, capsys):
    assert main(["check", str(write_example(tmp_path / "example"))]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.split()[:2] for line in lines[:-1]]
    assert told[:4] == [["warning:", code] for code in ("D105", "D131", "D200", "D200")]
    assert told[4:] == [["note:", code] for code in ("D205", "D205", "D205", "D205", "E034")]
    assert lines[-1] == "4 warnings, 5 notes: the study can be run"


def test_errors_in_the_data_exit_3_and_stand_in_both_files(tmp_path, capsys):
    study = write_study(tmp_path / "made", double_identifier())
    out = tmp_path / "a" / "check"
    assert main(["check", str(study), "--out", str(out)]) == 3
    shown = capsys.readouterr().out
    assert "error: D031 patients.csv:id rows 2, 3 (2 of 60)" in shown
    assert shown.endswith("1 error: the study cannot be run yet\n")
    assert {path.name for path in out.iterdir()} == {"findings.csv", "findings.html"}
    assert (out / "findings.csv").read_text("utf-8").splitlines()[0] == HEADER
    (row,) = read_rows(out / "findings.csv")
    assert (row["code"], row["file"], row["column"], row["rows"], row["n_rows"]) == (
        "D031",
        "patients.csv",
        "id",
        "2 3",
        "2",
    )
    page = (out / "findings.html").read_text("utf-8")
    assert "1 error: the study cannot be run yet." in page
    assert "2, 3 (2 of 60)" in page
    for text in (shown, page, (out / "findings.csv").read_text("utf-8")):
        assert CANARY not in text


def test_a_wrong_study_file_exits_2_and_the_files_say_so(tmp_path, capsys):
    study = write_study(tmp_path / "made", text=STUDY.replace("seed", "sed"))
    assert main(["check", str(study), "--out", str(tmp_path / "check")]) == 2
    assert "sed: unknown key; did you mean 'seed'?" in capsys.readouterr().err
    (row,) = read_rows(tmp_path / "check" / "findings.csv")
    assert (row["severity"], row["file"], row["problem"]) == (
        "error", "study.toml", "sed: unknown key; did you mean 'seed'?",
    )  # fmt: skip


def test_a_later_check_replaces_the_findings_of_an_earlier_one(tmp_path, capsys):
    out = tmp_path / "check"
    assert main(["check", str(write_study(tmp_path / "made", double_identifier())), "--out", str(out)]) == 3
    assert main(["check", str(write_study(tmp_path / "other")), "--out", str(out)]) == 0
    assert read_rows(out / "findings.csv") == []
    assert "D031" not in (out / "findings.html").read_text("utf-8")


@pytest.mark.parametrize("name", ["findings.csv", "findings.html"])
def test_files_of_somebody_else_stay(tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert main(["check", str(write_study(tmp_path / "made")), "--out", str(tmp_path)]) == 2
    assert f"{name} is not the file of an earlier check" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"


def test_a_file_that_cannot_be_read_exits_5(tmp_path, capsys):
    assert main(["check", str(tmp_path / "none.toml")]) == 5


def test_a_check_writes_the_same_bytes_again(tmp_path, capsys):
    study = write_example(tmp_path / "example")
    for name in ("a", "b"):
        assert main(["check", str(study), "--out", str(tmp_path / name)]) == 0
    for name in ("findings.csv", "findings.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.scopes = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "th":
            self.scopes.append(dict(attrs).get("scope"))


def test_what_a_file_says_is_text_in_the_page_and_in_the_table():
    bad = Finding("D023", "level '<img src=x onerror=a()>' is not declared", "=cmd.csv", (2,), 1, 3, "<script>")
    page = write_findings_page("<i>.toml", [bad])
    tags = Tags(page)
    assert not {"script", "img", "i"} & set(tags.tags)
    assert set(tags.scopes) == {"col", "row"}
    assert "'=cmd.csv" in write_findings_table([bad])


def test_findings_are_counted():
    assert summarise([]) == "nothing found: the study can be run"
