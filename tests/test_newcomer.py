"""The walk of a newcomer who knows R: the first figure from a small file, the usual slips, and what helps out of them.

A slip is right when its message says the remedy in words that can be followed, and following it gives R's number.
"""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import survmodel as sm

ROOT = Path(__file__).parents[1]
CASES = ROOT / "tests/reference/cases"
#: Ten patients as somebody writes them down for R: status 1 alive, 2 dead; one weight unknown.
SMALL = """patient,arm,days,status,weight
1,A,9,2,71
2,A,13,2,64
3,A,13,1,80
4,A,18,2,NA
5,A,23,2,59
6,B,5,2,77
7,B,5,2,68
8,B,8,2,90
9,B,12,2,55
10,B,16,1,62
"""
#: What a newcomer types: imports, file, outcome, curve, figure, test.
WALK = """
import pandas as pd
import survmodel as sm

table = pd.read_csv("my_patients.csv")
outcome = sm.Outcome.from_table(table, time="days", event="status", event_value=2, unit="days", endpoint="death")
km = sm.KaplanMeier().fit(outcome, by=table["arm"])
figure = sm.draw_km(km, labels={"A": "maintained", "B": "not maintained"})
written = sm.save_figure(figure, "figure_1.pdf")
"""


def r_value(case: str, name: str) -> dict:
    """What R says, from the stored answers."""
    stored = json.loads((CASES / case / "expected.json").read_text(encoding="utf-8"))
    return stored["values"][name]["value"]


@pytest.fixture
def lung() -> pd.DataFrame:
    """R's lung as R has it: status 1 censored, 2 dead."""
    table = pd.read_csv(CASES / "logrank_stratified_lung/data.csv")
    return table.assign(status=table.pop("event") + 1)


@pytest.fixture
def outcome(lung) -> sm.Outcome:
    return sm.Outcome.from_table(lung, time="time", event="status", event_value=2, unit="days", endpoint="death")


def test_ten_lines_lead_from_a_file_to_a_figure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my_patients.csv").write_text(SMALL, encoding="utf-8")
    assert len([line for line in WALK.splitlines() if line]) <= 10
    names: dict = {}
    exec(compile(WALK, "walk", "exec"), names)  # noqa: S102 - the walk above
    assert [path.name for path in names["written"]] == ["figure_1.pdf", "figure_1.csv"]
    assert Path("figure_1.pdf").read_bytes().startswith(b"%PDF")
    # By hand. A: 9 (1 of 5), 13 (1 of 4, one censored after), 18 (1 of 2), 23. B: 5 (2 of 5), 8 (1 of 3), 12 (1 of 2).
    at = names["km"].at([13, 18]).set_index(["group", "time"])["estimate"]
    assert at["A", 13] == pytest.approx(4 / 5 * 3 / 4, rel=1e-12)
    assert at["A", 18] == pytest.approx(4 / 5 * 3 / 4 * 1 / 2, rel=1e-12)
    assert at["B", 13] == pytest.approx(3 / 5 * 2 / 3 * 1 / 2, rel=1e-12)


def test_the_walk_uses_what_the_readme_shows():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for call in re.findall(r"sm\.[A-Za-z_.]+", WALK):
        assert call in readme or call == "sm.save_figure", call


def test_a_status_of_one_and_two_is_refused_until_the_event_is_named(lung):
    with pytest.raises(sm.DataError, match=r"1, 2, which could mean two things\..*event_value=2") as caught:
        sm.Outcome.from_table(lung, time="time", event="status")
    assert caught.value.remedy
    followed = sm.Outcome.from_table(lung, time="time", event="status", event_value=2)
    test = sm.logrank_test(followed, by=lung["sex"])
    r = r_value("logrank_stratified_lung", "unstratified")
    assert [test.statistic, test.p_value] == pytest.approx([r["chisq"], r["p"]], rel=1e-8)


def test_the_other_remedy_for_one_and_two_works_as_well(lung):
    with pytest.raises(sm.DataError, match=r"event=\(status == 2\)"):
        sm.Outcome(lung["time"], lung["status"])
    assert sm.Outcome(lung["time"], event=(lung["status"] == 2)).n_event == sum(
        r_value("logrank_stratified_lung", "unstratified")["obs"]
    )


def test_by_as_a_name_is_told_to_be_the_column(lung, outcome):
    with pytest.raises(sm.DataError, match=re.escape("by=table['sex']")):
        sm.KaplanMeier().fit(outcome, by="sex")
    with pytest.raises(sm.DataError, match=re.escape("by=table['sex']")):
        sm.logrank_test(outcome, by="sex")
    tidy = sm.logrank_test(outcome, by=lung["sex"]).tidy()
    r = r_value("logrank_stratified_lung", "unstratified")
    assert tidy["observed"].tolist() == r["obs"]
    assert tidy["expected"].to_numpy() == pytest.approx(r["exp"], rel=1e-8)


def test_strata_as_a_name_is_told_to_be_the_column(lung, outcome):
    with pytest.raises(sm.DataError, match=re.escape("strata=table['inst']")):
        sm.logrank_test(outcome, by=lung["sex"], strata="inst")
    test = sm.logrank_test(outcome, by=lung["sex"], strata=lung["inst"])
    r = r_value("logrank_stratified_lung", "strata_inst")
    assert [test.statistic, test.p_value] == pytest.approx([r["chisq"], r["p"]], rel=1e-8)


def test_strata_of_a_cox_model_written_as_in_r_are_told_where_to_go():
    table = pd.read_csv(CASES / "cox_pbc_strata/data.csv")
    outcome = sm.Outcome.from_table(table, time="time", event="event", unit="days", endpoint="death")
    as_in_r = "age + log(bili) + log(albumin) + log(protime) + strata(edema)"
    with pytest.raises(sm.ConfigError, match=r"Pass strata='edema' to the model"):
        sm.CoxPH(as_in_r).fit(table, outcome)
    fit = sm.CoxPH(as_in_r.removesuffix(" + strata(edema)"), strata="edema").fit(table, outcome)
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(r_value("cox_pbc_strata", "coef"), rel=1e-6)


def test_a_formula_with_a_left_hand_side_is_told_to_drop_it(lung, outcome):
    with pytest.raises(sm.ConfigError, match="Write only the right-hand side"):
        sm.CoxPH("Surv(time, status) ~ sex").fit(lung, outcome)
    assert sm.CoxPH("sex").fit(lung, outcome).n == len(lung)


def test_strata_of_a_cox_model_as_a_column_are_told_to_be_the_name(lung, outcome):
    with pytest.raises(sm.ConfigError, match=re.escape("strata='inst'")):
        sm.CoxPH("sex", strata=lung["inst"]).fit(lung, outcome)
    assert sm.CoxPH("sex", strata="inst").fit(lung, outcome).glance()["n"].item() == len(lung)


def test_a_table_in_another_order_is_refused_and_put_in_order():
    table = pd.read_csv(CASES / "cox_lung_efron/data.csv")
    outcome = sm.Outcome.from_table(table, time="time", event="event", unit="days", endpoint="death")
    table = table.sort_values("age")
    spec = sm.CoxPH("age + sex + ph.ecog + wt.loss")
    with pytest.raises(sm.DataError, match=re.escape("table.loc[outcome.index]")):
        spec.fit(table, outcome)
    fit = spec.fit(table.loc[outcome.index], outcome)
    assert fit.tidy()["estimate"].to_numpy() == pytest.approx(r_value("cox_lung_efron", "coef"), rel=1e-6)
    assert fit.tidy()["std_error"].to_numpy() == pytest.approx(r_value("cox_lung_efron", "se"), rel=1e-6)


def test_groups_in_another_order_are_refused_too(lung, outcome):
    with pytest.raises(sm.DataError, match="the same labels stand in another order"):
        sm.KaplanMeier().fit(outcome, by=lung.sort_values("time")["sex"])


def test_a_prognostic_index_where_a_risk_is_wanted_is_told_the_call(lung, outcome):
    fit = sm.CoxPH("ph.ecog + sex").fit(lung, outcome)
    with pytest.raises(sm.DataError, match=re.escape("predict_risk(table, [horizon])[:, 0]")):
        sm.calibration(outcome, fit.prognostic_index(lung), 365)
    horizon, table = 365, lung
    found = sm.calibration(outcome, fit.predict_risk(table, [horizon])[:, 0], horizon, groups=4)
    assert found.o_e == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda table, _: sm.KaplanMeier().fit(table, by=table["sex"]),
        lambda table, _: sm.KaplanMeier().fit(table["time"], table["status"]),
        lambda table, _: sm.CumulativeIncidence().fit(table),
        lambda table, _: sm.logrank_test(table["time"], table["sex"]),
        lambda table, _: sm.follow_up(table),
        lambda table, _: sm.concordance(table["time"], table["sex"]),
        lambda table, _: sm.precision(table),
        lambda table, _: sm.CoxPH("sex").fit(table, table["time"]),
    ],
)
def test_a_column_or_a_table_where_an_outcome_is_wanted_is_told_how_to_make_one(lung, outcome, call):
    with pytest.raises(sm.DataError, match=r"Outcome\.from_table"):
        call(lung, outcome)


@pytest.mark.parametrize(
    "call",
    [
        lambda table, outcome: sm.CoxPH("sex").fit(outcome, table),
        lambda table, outcome: sm.RandomSurvivalForest("sex").fit(outcome, table),
        lambda table, outcome: sm.landmark(outcome, table, 90),
        lambda table, outcome: sm.validate(sm.CoxPH("sex"), outcome, table),
        lambda table, outcome: sm.predict_out_of_fold(sm.CoxPH("sex"), outcome, table),
    ],
)
def test_table_and_outcome_exchanged_are_told_their_order(lung, outcome, call):
    with pytest.raises(sm.DataError, match=r"fit\(table, outcome\)"):
        call(lung, outcome)
