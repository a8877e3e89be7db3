"""Every result prints, tabulates and serialises, and cannot be changed."""

import json
import math

import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.result import VOCABULARY, Result


def make_results():
    rng = np.random.default_rng(11)
    table = pd.DataFrame(
        {"age": rng.normal(60, 10, 60), "sex": rng.choice(["f", "m"], 60), "site": rng.choice(list("ab"), 60)}
    )
    outcome = sm.Outcome(rng.exponential(12, 60).round(1) + 0.1, rng.random(60) < 0.7, unit="months", endpoint="death")
    small = sm.CoxPH("age").fit(table, outcome)
    large = sm.CoxPH("age + sex", strata="site").fit(table, outcome)
    competing = sm.Outcome(outcome.time, rng.integers(0, 3, 60), causes={1: "relapse", 2: "death"})
    intervals = sm.IntervalOutcome.from_visits(outcome, np.floor(outcome.time / 3.01) * 3)
    return {
        "KaplanMeierFit": sm.KaplanMeier().fit(outcome, by=table["sex"]),
        "FollowUp": sm.follow_up(outcome),
        "LogrankTest": sm.logrank_test(outcome, by=table["sex"]),
        "PairwiseLogrank": sm.pairwise_logrank(outcome, by=list("abc") * 20),
        "CoxFit": large,
        "ProportionalHazardsTest": sm.proportional_hazards_test(large),
        "LikelihoodRatioTest": sm.likelihood_ratio_test(small, sm.CoxPH("age + sex").fit(table, outcome)),
        "Concordance": sm.concordance(outcome, large.prognostic_index(table), strata=table["site"]),
        "ConcordanceDifference": sm.concordance_difference(outcome, table["age"], -table["age"]),
        "Description": sm.describe(table, by="sex"),
        "CumulativeIncidenceFit": sm.CumulativeIncidence().fit(competing, by=table["sex"]),
        "Precision": sm.precision(outcome, by=table["sex"]),
        "GroupEffects": sm.group_effects(small.spec, table, outcome, by="site", marker="age"),
        "ParametricFit": sm.ParametricSurvival("age + sex").fit(table, outcome),
        "TurnbullFit": sm.TurnbullCurve().fit(intervals, by=table["sex"]),
        "IndexResult": sm.indices.iss(table.assign(b2_microglobulin=4.0, albumin=[4.0, None] * 30)),
        "IntervalSensitivity": sm.interval_sensitivity(sm.ParametricSurvival("age"), table, intervals),
    }


RESULTS = make_results()


@pytest.mark.parametrize("name", RESULTS)
def test_tidy_uses_the_vocabulary(name):
    extra = {"n_censor", "statistic", "df"}
    assert set(RESULTS[name].tidy().columns) <= set(VOCABULARY) | extra


@pytest.mark.parametrize("name", RESULTS)
def test_glance_is_one_row(name):
    assert len(RESULTS[name].glance()) == 1


@pytest.mark.parametrize("name", RESULTS)
def test_json_holds_every_digit(name):
    result = RESULTS[name]
    read = json.loads(result.to_json())
    assert read["kind"] == name
    tidy = result.tidy()
    assert len(read["tidy"]) == len(tidy)
    for record, row in zip(read["tidy"], tidy.to_dict("records"), strict=True):
        for column, value in row.items():
            if isinstance(value, float) and math.isnan(value):
                assert record[column] is None
            elif isinstance(value, float) and math.isinf(value):
                assert record[column] == ("Inf" if value > 0 else "-Inf")
            else:
                assert record[column] == value


@pytest.mark.parametrize("name", RESULTS)
def test_text_and_html_show_the_same_numbers(name):
    result = RESULTS[name]
    html = result._repr_html_()
    for table in result._display().tables:
        for row in table.rows:
            for cell in row:
                assert cell.replace("<", "&lt;") in html
                assert cell in repr(result)
    assert "nan" not in repr(result).replace("significant", "")


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_frozen(name):
    result = RESULTS[name]
    assert isinstance(result, Result)
    with pytest.raises(AttributeError):
        result.warnings = ()
    for field in result.__dataclass_fields__:
        value = getattr(result, field)
        if isinstance(value, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                value[...] = 0


def test_a_figure_is_named_at_the_end():
    assert repr(RESULTS["KaplanMeierFit"]).endswith("draw: sm.draw_km(fit)")


def test_warnings_are_printed_in_both_forms():
    outcome = sm.Outcome([1, 2, 3], [0, 0, 0])
    fit = sm.KaplanMeier().fit(outcome)
    assert fit.warnings
    for warning in fit.warnings:
        assert f"Warning: {warning}" in repr(fit)
        assert warning in fit._repr_html_()
