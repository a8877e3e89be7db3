"""Factors of what was reached by a time: what they hold, where they may stand, and times that cannot be."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.data.columns import ReachedColumn
from survmodel.data.findings import FindingsError
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.preparation import build_cohort
from survmodel.study.run import run_study

AT = 40
COLUMNS = """
[column.response_day]
type = "integer"
unit = "days"
role = "outcome"

[column.response]
label = "response"
from = "response_day"
reached_by = 40
labels = ["response by day 40", "no response by day 40"]
reference = "no response by day 40"
"""
LANDMARK = '[endpoint.later]\ntime = "days"\nevent = "dead"\nunit = "days"\nlandmark = 40\nhorizons = [100]\n'
CURVE = '[[curve]]\nendpoint = "later"\nby = "response"\n'
MODEL = '[model.response]\nkind = "cox"\nendpoint = "later"\nformula = "response + age"\n'


def responding(**cells):
    """Every second patient responds, a third of the way to the end, the others never."""
    table = made_table()
    table["response_day"] = np.where(np.arange(len(table)) % 2 == 0, table["days"] // 3, np.nan)
    table["response_day"] = table["response_day"].astype("Int64")
    for name, (row, value) in cells.items():
        table[name] = table[name].astype(object)
        table.loc[row, name] = value
    return table


def study_of(*more, columns=COLUMNS, landmark=LANDMARK):
    return "\n".join([STUDY, columns, landmark, *more])


def problems(folder, text):
    with pytest.raises(StudyFileError) as caught:
        read_study(write_study(folder / "s", responding(), text))
    return "\n".join(caught.value.problems)


def test_a_time_on_the_last_day_counts_and_a_missing_one_means_never():
    factor = ReachedColumn("x", "t", 0.1 + 0.2, ("yes", "no"))
    made = factor.apply(pd.Series([0.3, 0.1 + 0.2, 0.31, None], index=list("abcd")))
    assert list(made) == ["yes", "yes", "no", "no"]
    assert (list(made.cat.categories), made.cat.ordered, list(made.index)) == (["yes", "no"], False, list("abcd"))
    assert list(factor.apply(pd.Series([None, 1], dtype="Int64"))) == ["no", "no"]


def test_curves_and_models_from_the_landmark_are_those_of_the_api(tmp_path):
    table = responding()
    run = run_study(write_study(tmp_path / "s", table, study_of(CURVE, MODEL)), tmp_path / "out")
    assert run.status == "COMPLETE"
    left = table[table["days"] > AT].reset_index(drop=True)
    reached = left["response_day"].fillna(10**6) <= AT
    assert 5 < reached.sum() < len(left) - 5
    left["response"] = np.where(reached, "response by day 40", "no response by day 40")
    left["age"] = pd.to_numeric(left["age"], errors="coerce")
    outcome = sm.Outcome(left["days"] - AT, left["dead"])
    found = json.loads((run.out / "results.json").read_text())["records"]
    (test,) = [one for one in found if one["step"] == "logrank/later/response" and one["measure"] == "test"]
    assert test["statistic"] == pytest.approx(sm.logrank_test(outcome, left["response"]).statistic, rel=1e-12)
    fit = sm.CoxPH("response + age", reference={"response": "no response by day 40"}).fit(left, outcome)
    ratios = {one["term"]: one["estimate"] for one in found
              if one["step"] == "cox/response" and one["measure"] == "hazard ratio"}  # fmt: skip
    assert ratios == pytest.approx(fit.hazard_ratios().set_index("term")["estimate"].to_dict(), rel=1e-9)
    text = html.unescape(re.sub("<[^>]+>", "", run.report.read_text()))
    assert "from time zero would favour those who reached it, since they had to live" in text


def test_a_column_that_nobody_reached_is_a_factor_of_one_level(tmp_path):
    table = responding().assign(response_day="")
    cohort = build_cohort(write_study(tmp_path / "s", table, study_of(CURVE)))
    assert set(cohort.table["response"]) == {"no response by day 40"}


@pytest.mark.parametrize(
    "use",
    [
        '[[curve]]\nendpoint = "os"\nby = "response"\n',
        MODEL.replace("later", "os"),
        MODEL.replace("later", "os").replace("response + age", "age") + 'strata = "response"\n',
        "[analysis_set.prognostic]\ninclude = \"response == 'response by day 40'\"\n",
        '[groups]\ncolumn = "response"\n',
    ],
)
def test_what_was_reached_never_groups_from_time_zero(tmp_path, use):
    said = problems(tmp_path, study_of(use))
    assert "column 'response' is known only at 40 days, and the time of endpoint 'os' begins before" in said
    assert "Anderson 1983" in said
    assert "give [endpoint.os] landmark = 40 or later" in said
    assert "'later'" not in said


@pytest.mark.parametrize("use", [CURVE, MODEL])
def test_the_landmark_may_be_later_but_not_earlier_and_units_agree(tmp_path, use):
    later = study_of(use, landmark=LANDMARK.replace("= 40", "= 41"))
    assert read_study(write_study(tmp_path / "later", responding(), later))
    said = problems(tmp_path, study_of(use, landmark=LANDMARK.replace("= 40", "= 39")))
    assert "known only at 40 days, after the landmark of endpoint 'later' at 39" in said
    said = problems(tmp_path, study_of(use, landmark=LANDMARK.replace('unit = "days"', 'unit = "months"')))
    assert "column 'response' counts in days and endpoint 'later' in months; they must be the same" in said


@pytest.mark.parametrize("role", ["outcome", "post_baseline"])
@pytest.mark.parametrize(
    ("use", "place", "cannot"),
    [
        (CURVE.replace("response", "state"), "curve[2].by", "group patients"),
        (MODEL.replace("response + age", "state"), "model.response.formula", "be a predictor"),
        (MODEL.replace("response + age", "age") + 'strata = "state"\n', "model.response.strata", "group patients"),
        ('[groups]\nentity = "state"\n', "groups.entity", "group patients"),
    ],
)
def test_what_has_no_time_of_its_own_groups_nobody(tmp_path, role, use, place, cannot):
    state = f'[column.state]\ntype = "category"\nlevels = {{ "a" = "a" }}\nrole = "{role}"\n'
    said = problems(tmp_path, study_of(state, use))
    assert f"{place}: column 'state' has the role {role} and cannot {cannot}; what is known only after" in said
    assert "make a factor of its time, with from and reached_by" in said


def test_a_factor_cut_from_an_outcome_groups_nobody(tmp_path):
    cut = '[column.late]\nfrom = "response_day"\ncuts = [40]\nlabels = ["early", "late"]\n'
    said = problems(tmp_path, study_of(cut, CURVE.replace("response", "late")))
    assert "curve[2].by: column 'late' has the role outcome and cannot group patients" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'role = "outcome"\n\n[column.response]',
            "\n[column.response]",
            "has the role baseline; the time of something",
        ),
        ('unit = "days"\n', "", "column.response.from: column 'response_day' needs a unit, in which reached_by counts"),
        ("reached_by = 40", "reached_by = 40\ncuts = [3]", "a factor of what was reached takes no cuts"),
        ("reached_by = 40", 'reached_by = 40\nrole = "baseline"', "a factor of what was reached takes no role"),
        ("reached_by = 40", "reached_by = 0", "column.response.reached_by: must be greater than 0"),
        ('"response by day 40", ', "", "labels must be two: of those who reached it by then, and of the others"),
        ('from = "response_day"', 'from = "sex"', "column.response.from: column 'sex' is of type category"),
        ("reached_by = 40\n", "", "needs cuts and labels, or reached_by and labels"),
        ('from = "response_day"', 'type = "integer"', "cut_source and reached_by need the key from"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_key(tmp_path, old, new, words):
    assert COLUMNS.count(old) == 1
    assert words in problems(tmp_path, study_of(columns=COLUMNS.replace(old, new)))


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [(-1, "D041", "negative, smallest -1"), ("2e15", "D047", "beyond any follow-up"),
     (10**6, "D036", "reached after the end of observation in days")],
)  # fmt: skip
def test_times_that_cannot_be_are_named_by_line(tmp_path, value, code, words):
    first = '[endpoint.first]\ntime = "days"\nunit = "days"\nfirst = [{ event = "dead", label = "death" }]\n'
    columns = COLUMNS.replace('"integer"', '"number"')
    text = study_of(first if code == "D036" else "", columns=columns)
    with pytest.raises(FindingsError) as caught:
        run_study(write_study(tmp_path / "s", responding(response_day=(4, value)), text), tmp_path / "out")
    (problem,) = [finding.to_record() for finding in caught.value.findings]
    assert (problem["code"], problem["column"], problem["rows"]) == (code, "response_day", [6])
    assert words in problem["message"]
    assert problem["remedy"]


def test_the_time_of_something_reached_may_stand_in_the_table_too(tmp_path):
    text = study_of(CURVE, columns=COLUMNS.replace('"outcome"', '"post_baseline"'))
    cohort = build_cohort(write_study(tmp_path / "s", responding(), text))
    reached = responding()["response_day"].fillna(10**6) <= AT
    assert (cohort.table["response"] == "response by day 40").tolist() == reached.tolist()
