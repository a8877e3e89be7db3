"""Conventions 1 to 13 (curves and tests between groups) and 27 to 29: by hand, and said by the result."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conventions.said import says
from reference.answers.subjects import Subject
from reference.stored_cases import read_case

from survmodel import (
    CumulativeIncidence,
    KaplanMeier,
    Outcome,
    calibration,
    draw_km,
    follow_up,
    logrank_test,
    pairwise_logrank,
    rmst_difference,
)

Z = 1.959963984540054
FOUR = Outcome([1, 2, 3, 4], [1, 1, 1, 1])
#: Deaths at 2, 4, 4 and 9, censored at 4 and 7.
SIX = Outcome([2, 4, 4, 4, 7, 9], [1, 1, 1, 0, 0, 1])


def test_01_limits_of_every_type() -> None:
    """At 2: S = 5/6, and Greenwood's standard error of log S is the root of 1/30."""
    s, q = 5 / 6, math.sqrt(1 / 30)
    on_the_scale = {
        "log-log": [s ** math.exp(-side * Z * q / math.log(s)) for side in (1, -1)],
        "log": [s * math.exp(side * Z * q) for side in (-1, 1)],
        "plain": [s + side * Z * q * s for side in (-1, 1)],
        "logit": [1 / (1 + math.exp(-(math.log(s / (1 - s)) + side * Z * q / (1 - s)))) for side in (-1, 1)],
        "arcsin": [
            math.sin(min(max(math.asin(math.sqrt(s)) + side * Z / 2 * q * math.sqrt(s / (1 - s)), 0), math.pi / 2)) ** 2
            for side in (-1, 1)
        ],
    }
    for name, limits in on_the_scale.items():
        fit = KaplanMeier(conf_type=name).fit(SIX)
        found = fit.tidy().loc[0, ["conf_low", "conf_high"]].tolist()
        assert found == pytest.approx([max(limits[0], 0), min(limits[1], 1)], rel=1e-12)
        says(fit, name, column="conf_type")
        assert f"95% limits: {name};" in repr(fit)
    says(KaplanMeier().fit(SIX), "log-log", column="conf_type")
    says(CumulativeIncidence().fit(SIX), "log-log", column="conf_type")
    assert "95% limits: log-log;" in repr(CumulativeIncidence().fit(SIX))
    assert "95% limits: log-log;" in repr(follow_up(SIX))
    calibrated = calibration(SIX, [0.9, 0.8, 0.6, 0.5, 0.3, 0.2], 4, groups=2, conf_type="plain")
    assert "95% limits of observed risks: plain" in repr(calibrated)


def test_02_limits_at_the_ends() -> None:
    fit = KaplanMeier().fit(SIX)
    last = fit.tidy().iloc[-1]
    assert last["estimate"] == 0
    assert np.isnan([last["conf_low"], last["conf_high"]]).all()
    assert fit.at(9.5)[["estimate", "conf_low", "conf_high"]].isna().all(axis=None)
    first = fit.at(1).iloc[0]
    assert (first["conf_low"], first["conf_high"]) == (pytest.approx(0.025 ** (1 / 6), rel=1e-14), 1)
    assert KaplanMeier().fit(FOUR).at(0.5)[["conf_low", "conf_high"]].isna().all(axis=None)
    assert "not reached" in repr(KaplanMeier().fit(Outcome([1, 2, 3], [1, 0, 0])))
    says(fit, "limits exact where S = 1, none where S = 0")


def test_03_median_on_a_flat() -> None:
    """Of four deaths at 1 to 4, S is 1/2 from 2 to 3."""
    fit = KaplanMeier().fit(FOUR)
    assert fit.quantile(0.5)["estimate"].tolist() == [2.5]
    # The level is met but for float rounding: 1 - 0.1 - ... is not 0.7 in floats.
    ten = KaplanMeier().fit(Outcome(range(1, 11), [1] * 10))
    assert ten.quantile([0.1, 0.3, 0.7])["estimate"].tolist() == [1.5, 3.5, 7.5]
    assert np.isnan(KaplanMeier().fit(Outcome([1, 2, 3], [1, 0, 0])).quantile(0.5)["estimate"][0])
    says(fit, "quantiles: middle of a flat")


def test_04_float_fuzz_is_joined_and_told() -> None:
    """0.1 + 0.2 and 0.3 are one time, and the result says that times were joined; 1e-6 apart they are two."""
    fit = KaplanMeier().fit(Outcome([0.3, 0.1 + 0.2, 1.0], [1, 1, 0]))
    assert fit.tidy()["n_event"].tolist() == [2, 0]
    assert any("joined" in note for note in fit.notes)
    assert "joined" in repr(fit)
    apart = KaplanMeier().fit(Outcome([0.3, 0.3 * (1 + 1e-6), 1.0], [1, 1, 0]))
    assert len(apart.tidy()) == 3
    assert "joined" not in repr(apart)


def test_05_steps_are_right_continuous() -> None:
    fit = KaplanMeier().fit(FOUR)
    assert fit.at([1.999, 2, 2.5, 2.999, 3])["estimate"].tolist() == [0.75, 0.5, 0.5, 0.5, 0.25]
    says(fit, "right-continuous step")


def test_06_nothing_beyond_follow_up_unless_asked() -> None:
    fit = KaplanMeier().fit(Outcome([1, 2, 3, 5, 6], [1, 0, 0, 1, 0]), by=list("aaabb"))
    assert fit.at([3, 4])["estimate"].isna().tolist() == [False, True, False, False]
    assert fit.at(4, extend=True)["estimate"].tolist() == pytest.approx([2 / 3, 1])
    says(fit, "missing beyond follow-up")
    says(CumulativeIncidence().fit(SIX), "missing beyond follow-up")


def test_07_at_risk_just_before() -> None:
    fit = KaplanMeier().fit(SIX)
    assert fit.at([0, 2, 4, 4.001, 7, 9])["n_risk"].tolist() == [6, 6, 5, 2, 2, 1]
    assert draw_km(fit, times=[0, 4, 9]).at_risk_data.iloc[:, -1].tolist() == [6, 5, 1]
    says(fit, "at risk: entry < t <= time")


def test_08_entry_is_open_and_exit_closed() -> None:
    """The row that enters at 2 is not at risk of the death at 2; the row that leaves then is."""
    fit = KaplanMeier().fit(Outcome([2, 3, 4], [1, 1, 0], entry=[0, 2, 0]))
    assert fit.tidy()["n_risk"].tolist() == [2, 2, 1]
    says(fit, "entry < t <= time")
    says(CumulativeIncidence().fit(SIX), "entry < t <= time")


def test_09_nelson_aalen_at_ties() -> None:
    fit = KaplanMeier().fit(Outcome([1, 1, 1, 2, 3], [1, 1, 0, 1, 0]))
    assert fit.cumulative_hazard()["estimate"].tolist() == pytest.approx([2 / 5, 2 / 5 + 1 / 2, 2 / 5 + 1 / 2])
    says(fit, "hazard: sum of d/n")


def test_10_logrank_of_a_group_gone_early() -> None:
    """By hand: at 2 there are two of a and two of b, at 3 one and two, at 4 nobody of a; c left at 1."""
    outcome, group = Outcome([1, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 0]), list("ccaabb")
    test = logrank_test(outcome, group)
    expected = 2 / 4 + 1 / 3
    variance = 1 / 4 + 2 / 9
    assert test.df == 1
    assert test.statistic == pytest.approx((2 - expected) ** 2 / variance, rel=1e-12)
    says(test, "hypergeometric variance", "df from the rank of the covariance")
    assert "on 1 df" in repr(test)


def test_11_weights_have_their_own_names() -> None:
    subject = Subject(read_case("logrank_lung_sex"))
    values = subject.case.values
    names = {
        "Fleming-Harrington rho 1": ("fh_1_0", {"rho": 1}),
        "tarone-ware": ("tarone_ware", {"weighting": "tarone-ware"}),
        "gehan": ("gehan_breslow", {"weighting": "gehan"}),
        "peto-peto": ("peto_peto", {"weighting": "peto-peto"}),
    }
    for name, (stored, options) in names.items():
        test = logrank_test(subject.outcome, subject.table["sex"], **options)
        assert test.statistic == pytest.approx(values[stored]["value"]["chisq"], rel=1e-9)
        says(test, name, column="weights")
        assert name in repr(test)
    # R's survdiff with rho 1 weighs by S(t-), not as Peto and Peto do.
    assert values["fh_1_0"]["value"]["chisq"] == pytest.approx(values["survdiff_rho1"]["value"]["chisq"], rel=1e-9)


def test_12_pairs_alone_by_holm() -> None:
    outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 1, 1, 0, 1, 1, 1, 0])
    group = np.array(list("aabbabccc"))
    pairs = pairwise_logrank(outcome, group)
    raw = []
    for one, other in ("ab", "ac", "bc"):
        rows = (group == one) | (group == other)
        raw.append(logrank_test(outcome.take(rows), group[rows]).p_value)
    assert pairs.p_value.tolist() == pytest.approx(raw, rel=1e-12)
    ranked, order = np.sort(raw), np.argsort(raw)
    holm = np.minimum(1, np.maximum.accumulate(ranked * [3, 2, 1]))
    assert pairs.p_adjusted[order].tolist() == pytest.approx(holm.tolist(), rel=1e-12)
    says(pairs, "each pair alone")
    says(pairs, "holm", column="adjust")
    assert "p (holm)" in repr(pairs)


def test_13_error_of_the_restricted_mean() -> None:
    """Without censoring the area up to the last time is the mean, with error sd / root n."""
    time = np.array([2.0, 3.0, 5.0, 6.0, 9.0])
    read = KaplanMeier().fit(Outcome(time, [1] * 5)).rmst(9)
    assert read["estimate"][0] == pytest.approx(time.mean(), rel=1e-12)
    assert read["std_error"][0] == pytest.approx(time.std() / math.sqrt(5), rel=1e-12)
    difference = rmst_difference(Outcome(np.r_[time, time + 1], [1] * 10), list("aaaaabbbbb"), 9)
    says(difference, "sampling error of the area")


def test_27_ties_of_competing_events_are_exact() -> None:
    """Of four at risk at 1, one relapses and one dies: both incidences rise by 1/4, in whatever order rows stand."""
    causes = {1: "relapse", 2: "death"}
    for event in ([1, 2, 0, 1], [2, 1, 0, 1]):
        fit = CumulativeIncidence().fit(Outcome([1, 1, 2, 3], event, causes=causes))
        table = fit.tidy().set_index(["level", "time"])["estimate"]
        assert table["relapse"].tolist() == pytest.approx([0.25, 0.25, 0.75])
        assert table["death"].tolist() == pytest.approx([0.25, 0.25, 0.25])
    says(fit, "ties exact", "infinitesimal-jackknife se")
    says(fit, "log-log", column="conf_type")


def test_29_deaths_leave_before_censorings() -> None:
    """At 4 two of five die and one is censored: G falls to 1 - 1/3, and to 1/3 at 7."""
    result = follow_up(SIX)
    found = result.tidy().set_index("probability")["estimate"]
    assert found.loc[[0.25, 0.5]].tolist() == [4, 7]
    says(result, "reverse Kaplan-Meier, deaths leave before censorings")
