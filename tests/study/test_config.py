from __future__ import annotations

import os
import pickle

import pytest
from study.study_folder import STUDY, write_study

from survmodel.errors import ConfigError
from survmodel.study.config import StudyFileError, read_study


def problems_of(tmp_path, text):
    path = write_study(tmp_path / "s", text=text)
    with pytest.raises(StudyFileError) as caught:
        read_study(path)
    assert caught.value.exit_status == 2
    assert isinstance(caught.value, ConfigError)
    return caught.value.problems


def test_a_study_is_read_with_its_columns_in_order(tmp_path):
    study = read_study(write_study(tmp_path / "made"))
    assert study.name == "made"
    assert list(study.columns) == ["id", "days", "dead", "age", "sex", "age_group"]
    assert [column.name for column in study.extra["patients"]] == ["id", "days", "dead", "age", "sex"]
    assert study.columns["sex"].levels == (("f", "female"), ("m", "male"))
    assert study.cuts[0].labels == ("under 50", "50 to 64", "65 and over")
    assert study.settings.model["clinical"].ties == "efron"


def test_a_byte_order_mark_is_stripped(tmp_path):
    path = write_study(tmp_path / "s")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_study(path).settings.title == "A made cohort"


def test_settings_cannot_be_changed(tmp_path):
    settings = read_study(write_study(tmp_path / "s")).settings
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 8


def test_an_unknown_key_is_refused_with_the_closest_one(tmp_path):
    (problem,) = problems_of(tmp_path, STUDY.replace('formula = "age', 'strat = "sex"\nformula = "age'))
    assert problem == "model.clinical.strat: unknown key; did you mean 'strata'?"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("seed = 7", 'seed = "7"', "seed: must be a valid integer, found '7'"),
        ("seed = 7", "seed = -1", "seed: must be greater than or equal to 0, found -1"),
        ("seed = 7", "seed = 1099511627776", "seed: must be less than 4294967296"),
        ("schema = 1", "schema = 2", "schema: must be 1, found 2"),
        ('title = "A made cohort"\n', "", "title: required and not given"),
        ('type = "number"', 'type = "nummer"', "column.age.type: must be 'number', 'integer'"),
        ('reference = "female"', 'reference = "femal"', "column.sex: reference 'femal' is not a level; did you mean"),
        ("cuts = [50, 65]", "cuts = [65, 50]", "column.age_group.cuts: must be numbers in ascending order"),
        ("cuts = [50, 65]", "cuts = [50]", "column.age_group: 1 cuts make 2 groups and labels has 3"),
        ('from = "age"', 'from = "agee"', "column.age_group.from: no column 'agee' is declared; did you mean 'age'?"),
        ('from = "age"', 'from = "sex"', "column.age_group.from: column 'sex' is of type category"),
        ('type = "category"\nlevels = { "f" = "female", "m" = "male" }', 'type = "category"', "column.sex: a category"),
        ("range = [18, 100]", "range = [100, 18]", "column.age: range must go from low to high"),
        ("horizons = [100, 300]", "horizons = [0]", "endpoint.os.horizons: must be above 0"),
        ('by = "age_group"', 'by = "age"', "curve[1].by: column 'age' is of type number; allowed: boolean, category"),
        ('by = "age_group"', 'by = "id"', "curve[1].by: column 'id' is of type identifier"),
        ('endpoint = "os"\nby', 'endpoint = "pfs"\nby', "curve[1].endpoint: no endpoint 'pfs' is declared"),
        ("age + sex", "age + sexx", "model.clinical.formula: "),
        ("age + sex", "age + dead", "model.clinical.formula: column 'dead' has the role outcome"),
        ("age + sex", "age + id", "model.clinical.formula: column 'id' has the role identifier"),
        ("age + sex", "age + __import__('os')", "model.clinical.formula: "),
        ('kind = "cox"', 'kind = "forest"', "model.clinical.kind: must be 'cox' or 'random_survival_forest'"),
        ('formula = "age', 'penalty = "lasso"\nformula = "age', "model.clinical.penalty: must be 'firth'"),
        ("[data]", "[checklists]\nname = 5\n[data]", "checklists: this key is not available in this version"),
        ("[data]", '[report]\nformats = ["docx"]\n[data]', "report.formats[1]: must be 'html', found 'docx'"),
        ('time = "days"', 'time = "sex"', "endpoint.os.time: column 'sex' is of type category; allowed: integer,"),
        ('path = "patients.csv"', 'paht = "patients.csv"', "data.patients.paht: unknown key; did you mean 'path'?"),
        ("[data]", '[data]\nscans = { paht = "a.csv" }', "data.scans.paht: unknown key; did you mean 'path'?"),
        ("[data]", '[data]\ndelimiter = "\\n"', "data.delimiter: must be a mark that stands between cells, such as"),
        ("[data]", '[data]\ndelimiter = "\\""', "data.delimiter: must be a mark that stands between cells, such as"),
        ("[data]", '[data]\ndelimiter = "a"', "data.delimiter: must be a mark that stands between cells, such as"),
        ("[data]", '[data]\ndate_format = "%d.%m"', "data.date_format: date format '%d.%m' is not understood"),
        ("seed = 7", "seed = " + "9" * 5000, "a number has too many digits"),
        ('event = "dead"', 'event = "dead"\nevent_value = 1.5', "endpoint.os.event_value: must be a whole number or"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_key(tmp_path, old, new, key):
    assert old in STUDY
    found = problems_of(tmp_path, STUDY.replace(old, new, 1))
    assert any(key in problem for problem in found), found


def test_all_problems_come_at_once(tmp_path):
    text = STUDY.replace("seed = 7", 'seed = "7"').replace("[data]", "[datta]").replace('kind = "cox"', 'kind = "x"')
    found = problems_of(tmp_path, text)
    starts = [problem.split(":")[0] for problem in found]
    assert starts == ["seed", "data", "model.clinical.kind", "datta"]


def test_references_are_checked_beside_unknown_keys(tmp_path):
    text = STUDY.replace('label = "sex"', 'lable = "sex"').replace('by = "age_group"', 'by = "grade"')
    found = problems_of(tmp_path, text)
    assert found == (
        "column.sex.lable: unknown key; did you mean 'table' or 'label' or 'labels'?",
        "curve[1].by: no column 'grade' is declared; known: id, days, dead, age, sex, age_group",
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "remedy"),
    [
        ("seed = 7", "seed = seven", 4, "quotation marks"),
        ("seed = 7", "seed = 7,5", 4, "decimal point"),
        ("seed = 7", "seed = 7\nseed = 8", 5, "given twice"),
        ("seed = 7", 'seed = "7', 4, "close the text"),
        ("[data]", "[data", 6, "]"),
        ("seed = 7", "seed 7", 4, "key = value"),
        ('path = "patients.csv"', 'path = "C:\\data"', 7, "/"),
    ],
)
def test_a_syntax_error_has_a_line_and_a_remedy(tmp_path, old, new, line, remedy):
    (problem,) = problems_of(tmp_path, STUDY.replace(old, new, 1))
    assert problem.startswith(f"line {line}: ")
    assert remedy in problem


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    path = write_study(tmp_path / "s")
    path.write_bytes(STUDY.replace("A made cohort", "K\xf6ln").encode("cp1252"))
    with pytest.raises(StudyFileError, match="line 2: byte 0xF6 is not UTF-8"):
        read_study(path)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../patients.csv", "a/../../patients.csv", "C:/x.csv", "\\\\\\\\host\\\\x.csv", "..\\\\x.csv"],
)
def test_data_stay_inside_the_folder(tmp_path, path):
    (problem,) = problems_of(tmp_path, STUDY.replace("patients.csv", path))
    assert problem.startswith("data.patients.path: must be relative to the study file and stay inside its folder")


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "outside.csv").write_text("id\n1\n")
    path = write_study(tmp_path / "s", text=STUDY.replace("patients.csv", "link.csv"))
    os.symlink(tmp_path / "outside.csv", tmp_path / "s" / "link.csv")
    with pytest.raises(StudyFileError, match="a link that leads out of the folder"):
        read_study(path)


@pytest.mark.parametrize("path", ["circle.csv", "a" * 300 + ".csv", "b/" * 3000 + "a.csv"])
def test_a_path_that_no_file_can_have_is_refused(tmp_path, path):
    """Also a link that leads to itself, which Python answers with an error of its own."""
    text = STUDY.replace("patients.csv", path)
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "circle.csv").symlink_to("circle.csv")
    (problem,) = problems_of(tmp_path, text)
    assert problem.startswith(f"data.patients.path: no file can have the path '{path[:150]}")
    assert len(problem) < 300


def test_an_absent_data_file_is_named_with_the_closest(tmp_path):
    (problem,) = problems_of(tmp_path, STUDY.replace("patients.csv", "patient.csv"))
    assert problem == "data.patients.path: no such file 'patient.csv'; did you mean 'patients.csv'?"


def test_the_error_survives_a_process_boundary(tmp_path):
    error = StudyFileError("study.toml", ["a: b"])
    assert pickle.loads(pickle.dumps(error)).problems == ("a: b",)
