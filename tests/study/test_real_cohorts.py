"""Every study file of the notebooks is run as a user runs it, and each number that R gives is found in its results.

The answers stand in ``tests/reference/cohorts``, made by ``tests/reference/cohorts.R``; these tests need no R.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path

import pytest

import survmodel
from survmodel.study.config import read_study
from survmodel.study.run import run_study

ROOT = Path(__file__).parents[2]
STUDIES = ROOT / "notebooks" / "studies"
ANSWERS = ROOT / "tests" / "reference" / "cohorts"
NAMES = sorted(path.name for path in STUDIES.iterdir())
#: Quantities that R has answered for every study that asks for them.
FEWEST_VALUES = 30


@cache
def answers(name):
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=NAMES)
def done(request, tmp_path_factory):
    run = run_study(STUDIES / request.param / "study.toml", tmp_path_factory.mktemp("cohorts") / "out")
    return request.param, run, json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]


def find(records, where):
    found = [record for record in records if all(record.get(key) == value for key, value in where.items())]
    assert len(found) == 1, f"{len(found)} records for {where}"
    return found[0]


def compare(record, value):
    for key, expected in value["expect"].items():
        got = record[key]
        said = f"{value['where']}, {key}: got {got!r}, R has {expected!r} ({value['r']})"
        if expected is None:
            assert got is None, said
        else:
            assert got is not None, said
            assert abs(got - expected) <= value["atol"] + value["rtol"] * abs(expected), said


def test_the_answers_carry_where_they_come_from():
    assert sorted(path.stem for path in ANSWERS.glob("*.json")) == NAMES
    for name in NAMES:
        told = answers(name)
        assert (told["study"], told["schema"]) == (name, 1)
        assert re.fullmatch(r"\d+\.\d+\.\d+", told["r_version"])
        assert re.fullmatch(r"\d+\.\d+\.\d+", told["packages"]["survival"])
        (data,) = (STUDIES / name).glob("*.csv")
        assert data.name == told["data"]["file"]
        assert len(data.read_text().splitlines()) == told["data"]["rows"] + 1
        assert all(value["r"] and 0 <= value["rtol"] <= 1e-6 for value in told["values"])


def test_every_number_of_r_is_in_the_results(done):
    name, _, records = done
    values = answers(name)["values"]
    assert len(values) >= FEWEST_VALUES
    for value in values:
        compare(find(records, value["where"]), value)


def test_r_has_answered_everything_that_the_study_asks_for(done):
    """No curve, test, incidence, model, test of proportional hazards or C, and no landmark, is without its answer."""
    name, _, records = done
    steps = {value["where"]["step"] for value in answers(name)["values"]}
    kinds = ("curve", "logrank", "incidence", "cox", "proportional_hazards", "concordance", "follow_up", "landmark")
    asked = {record["step"] for record in records if record["step"].split("/")[0] in kinds}
    assert asked == steps - {"counts"}


def test_the_report_is_complete(done):
    _, run, records = done
    assert run.status == "COMPLETE"
    assert (run.out / "STATUS").read_text() == "COMPLETE\n"
    assert not [record for record in records if record.get("reason")]
    report = run.report.read_text(encoding="utf-8")
    body = report[report.index("<main>") : report.index("<footer>")]
    text = re.sub("<[^>]+>", " ", re.sub(r"<img[^>]*>", " ", body))
    assert not re.search(r"\b(nan|NaN|None|inf)\b", text)
    assert "not estimable" not in text


@pytest.mark.parametrize("name", NAMES)
def test_the_data_are_those_of_the_provenance(name):
    (data,) = (STUDIES / name).glob("*.csv")
    text = (STUDIES / name / "PROVENANCE.md").read_text(encoding="utf-8")
    assert hashlib.sha256(data.read_bytes()).hexdigest() in text
    assert data.name in text.splitlines()[0]
    for word in ("licence", "SHA-256", "changes"):
        assert word in text


def test_no_code_names_a_cohort():
    """What the studies need stands in their files: no name of a study, of its data or of a column of it in the code."""
    words = set(NAMES) | {path.stem for path in STUDIES.glob("*/*.csv")}
    for name in NAMES:
        settings = read_study(STUDIES / name / "study.toml").settings
        words |= {column for column in settings.column if len(column) > 5 or "_" in column}
    generic = {"age_group", "response", "transplant", "period"}
    # Names that any study may have: they are levels and events of the data schema, or words of a docstring.
    pattern = re.compile(rf"\b({'|'.join(sorted(map(re.escape, words - generic)))})\b")
    code = [*Path(survmodel.__file__).parent.rglob("*.py"), *Path(survmodel.__file__).parent.rglob("*.toml")]
    named = {path.name: pattern.findall(path.read_text(encoding="utf-8")) for path in code}
    assert not {file: found for file, found in named.items() if found}
