"""A marker in each group: own, common and shrunken effects, heterogeneity, interaction, conflict of signs."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, CoxPH, DataError, Outcome, Ridge, group_effects, likelihood_ratio_test
from survmodel.models.cox_likelihood import sort_data
from survmodel.models.firth import profile_curve
from survmodel.models.group_likelihood import (
    NormalLikelihood,
    ProfileLikelihood,
    common_effect,
    heterogeneity,
    shrink,
)
from survmodel.result import VOCABULARY


def brute_force(estimate: np.ndarray, error: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """Integrate over mean and spread on two plain grids, with the normal conditional effects written out."""
    mean = np.linspace(estimate.min() - 9, estimate.max() + 9, 1801)
    tau = (np.arange(2500) + 0.5) / 2500 * 6 * scale
    log_density = np.repeat((-0.5 * (tau / scale) ** 2)[:, np.newaxis], mean.size, axis=1)
    for y, s in zip(estimate, error, strict=True):
        variance = (s**2 + tau**2)[:, np.newaxis]
        log_density += -0.5 * np.log(variance) - 0.5 * (mean - y) ** 2 / variance
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    moments, below = [], []
    for y, s in zip(estimate, error, strict=True):
        share = (tau**2 / (tau**2 + s**2))[:, np.newaxis]
        centre, variance = share * y + (1 - share) * mean, share * s**2
        first = (weight * centre).sum()
        moments.append([first, math.sqrt((weight * (variance + centre**2)).sum() - first**2)])
        deviation = np.sqrt(np.broadcast_to(variance, weight.shape))
        below.append((weight, centre, deviation))
    overall = (weight * mean).sum()
    return {
        "mean": np.array([overall, math.sqrt((weight * mean**2).sum() - overall**2)]),
        "groups": np.array(moments),
        "tau": (weight.sum(axis=1) * tau).sum(),
        "below": below,
    }


def probability_below(parts: tuple[np.ndarray, np.ndarray, np.ndarray], limit: float) -> float:
    weight, centre, deviation = parts
    z = (limit - centre) / deviation
    likely = weight > 1e-12
    return float(
        sum(w * 0.5 * math.erfc(-one / math.sqrt(2)) for w, one in zip(weight[likely], z[likely], strict=True))
    )


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.0])
def test_shrunken_effects_by_brute_force(scale: float) -> None:
    estimate, error = np.array([0.1, 0.9, 0.4]), np.array([0.3, 0.4, 0.2])
    found = shrink([NormalLikelihood(*pair) for pair in zip(estimate, error, strict=True)], scale)
    expected = brute_force(estimate, error, scale)
    np.testing.assert_allclose(found.mean[:2], expected["mean"], atol=2e-5)
    np.testing.assert_allclose(found.groups[:, :2], expected["groups"], atol=2e-5)
    assert found.tau == pytest.approx(expected["tau"], abs=2e-5)


def test_limits_hold_the_probability_that_they_say() -> None:
    estimate, error = np.array([-0.2, 1.0]), np.array([0.35, 0.5])
    found = shrink([NormalLikelihood(*pair) for pair in zip(estimate, error, strict=True)], 0.5, 0.9)
    below = brute_force(estimate, error, 0.5)["below"]
    for parts, row in zip(below, found.groups, strict=True):
        assert probability_below(parts, row[2]) == pytest.approx(0.05, abs=1e-4)
        assert probability_below(parts, row[3]) == pytest.approx(0.95, abs=1e-4)


def test_two_groups_of_one_precision_are_symmetric() -> None:
    found = shrink([NormalLikelihood(0.0, 0.4), NormalLikelihood(1.0, 0.4)], 0.5)
    assert found.mean[0] == pytest.approx(0.5, abs=1e-9)
    assert found.groups[0, 0] + found.groups[1, 0] == pytest.approx(1.0, abs=1e-9)
    assert 0 < found.groups[0, 0] < 0.5
    # without a spread both would be the common effect, 0.5 with error 0.4 / sqrt(2)
    near = shrink([NormalLikelihood(0.0, 0.4), NormalLikelihood(1.0, 0.4)], 1e-4)
    np.testing.assert_allclose(near.groups[:, 0], 0.5, atol=1e-5)
    np.testing.assert_allclose(near.groups[:, 1], 0.4 / math.sqrt(2), rtol=1e-4)


def test_a_profile_that_is_normal_is_a_normal_likelihood() -> None:
    values = np.linspace(-2.3, 2.5, 97)
    curve = ProfileLikelihood(0.1, 0.3, values, -0.5 * ((values - 0.1) / 0.3) ** 2)
    others = [NormalLikelihood(0.9, 0.4), NormalLikelihood(0.4, 0.2)]
    one, other = shrink([curve, *others], 0.5), shrink([NormalLikelihood(0.1, 0.3), *others], 0.5)
    np.testing.assert_allclose(one.groups, other.groups, atol=1e-9)
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-9)
    normal = common_effect([NormalLikelihood(0.1, 0.3), *others])
    assert common_effect([curve, *others]) == pytest.approx(normal, abs=1e-7)


def test_a_skew_profile_by_brute_force() -> None:
    """A likelihood that falls slowly to the right, with no spread between groups but that of the prior."""
    values = np.linspace(-3, 6, 200)
    skew = -(np.exp(-values) + values - 1)  # highest at 0
    groups = [ProfileLikelihood(0.0, 1.0, values, skew), NormalLikelihood(1.0, 0.5)]
    found = shrink(groups, 0.5)
    theta = np.linspace(-3, 6, 1201)
    own = np.exp(-(np.exp(-theta) + theta - 1))
    mean, tau = theta, (np.arange(300) + 0.5) / 300 * 3.0
    total, moment = 0.0, 0.0
    for one in tau:
        kernel = np.exp(-0.5 * ((theta[:, np.newaxis] - mean) / one) ** 2) / one
        other = np.exp(-0.5 * (mean - 1) ** 2 / (0.25 + one**2)) / math.sqrt(0.25 + one**2)
        density = own * (kernel @ other) * math.exp(-0.5 * (one / 0.5) ** 2)
        total, moment = total + density.sum(), moment + (density * theta).sum()
    assert found.groups[0, 0] == pytest.approx(moment / total, abs=2e-3)


def test_heterogeneity_of_metafor() -> None:
    # metafor 3.8: rma(yi, sei, method = "REML")$tau2, $QE, $QEp
    estimate = np.array([-0.4, 0.1, 0.9, 0.3, 1.2, 0.5])
    error = np.array([0.2, 0.25, 0.3, 0.2, 0.35, 0.4])
    found = heterogeneity(estimate, error)
    assert found.tau_squared == pytest.approx(0.25709090080109, rel=1e-8)
    assert found.q == pytest.approx(23.429332173008, rel=1e-10)
    assert found.p_value == pytest.approx(0.00027937610366461, rel=1e-8)
    assert found.i_squared == pytest.approx(1 - 5 / 23.429332173008, rel=1e-10)
    same = heterogeneity(np.full(5, 0.3), np.full(5, 0.2))
    assert (same.q, same.i_squared, same.tau_squared) == pytest.approx((0, 0, 0), abs=1e-20)


def test_shrunken_limits_cover_what_they_should() -> None:
    """200 analyses of three or four small groups, drawn from the prior: coverage of 95% limits is 95%."""
    random = np.random.default_rng(20250131)
    covered = []
    for _ in range(200):
        k = int(random.integers(3, 5))
        effect = 0.3 + abs(random.normal(0, 0.5)) * random.normal(size=k)
        error = random.uniform(0.2, 0.6, k)
        estimate = random.normal(effect, error)
        found = shrink([NormalLikelihood(*pair) for pair in zip(estimate, error, strict=True)], 0.5)
        covered += ((found.groups[:, 2] <= effect) & (effect <= found.groups[:, 3])).tolist()
    assert 0.93 <= np.mean(covered) <= 0.97


def cohort(sizes: dict[str, int], slopes: dict[str, float], seed: int = 5) -> tuple[pd.DataFrame, Outcome]:
    random = np.random.default_rng(seed)
    group = np.repeat(list(sizes), list(sizes.values()))
    n = group.size
    table = pd.DataFrame({
        "suv": 8 * np.exp(random.normal(0, 0.6, n)), "age": random.normal(60, 8, n),
        "sex": random.choice(["f", "m"], n), "group": group,
    })  # fmt: skip
    slope = np.array([slopes[one] for one in group])
    time = random.exponential(20 / np.exp(slope * (np.log2(table["suv"]) - 3)))
    return table, Outcome(np.minimum(time, 40), time <= 40, unit="months", endpoint="progression")


SIZES = {"leukemia": 12, "lymphoma": 60, "myeloma": 50}
SPEC = CoxPH("log2(suv) + age + sex", reference={"sex": "f"})


def test_each_group_is_a_fit_of_its_own() -> None:
    table, outcome = cohort(SIZES, dict.fromkeys(SIZES, 0.5))
    found = group_effects(SPEC, table, outcome, by="group", marker="suv")
    tidy = found.tidy().set_index(["measure", "group"])
    assert set(found.tidy().columns) <= set(VOCABULARY)
    for level in ("lymphoma", "myeloma"):
        inside = np.flatnonzero(table["group"] == level)
        alone = SPEC.fit(table.iloc[inside], outcome.take(inside)).tidy().iloc[0]
        for name in ("estimate", "std_error", "conf_low", "conf_high"):
            assert tidy.loc[("own", level), name] == pytest.approx(alone[name], rel=1e-10)
    ratios = found.hazard_ratios().set_index(["measure", "group"])
    assert ratios.loc[("own", "myeloma"), "estimate"] == pytest.approx(
        math.exp(tidy.loc[("own", "myeloma"), "estimate"])
    )
    assert ratios.loc[("own", "myeloma"), "std_error"] == tidy.loc[("own", "myeloma"), "std_error"]
    assert found.marker == "log2(suv)"
    assert json.loads(found.to_json())["kind"] == "GroupEffects"
    assert "One slope against own slopes" in repr(found)
    assert "group" in found._repr_html_()


def test_a_group_with_few_events_enters_by_its_penalised_profile() -> None:
    table, outcome = cohort({"leukemia": 9, "lymphoma": 60}, {"leukemia": 0.5, "lymphoma": 0.5})
    found = group_effects(CoxPH("log2(suv)"), table, outcome, by="group", marker="log2(suv)")
    few = found.groups[0]
    assert few.n_event < 10
    assert isinstance(few.likelihood, ProfileLikelihood)
    assert any("penalised profile likelihood: leukemia" in note for note in found.notes)
    inside = np.flatnonzero(table["group"] == "leukemia")
    firth = CoxPH("log2(suv)", penalty="firth").fit(table.iloc[inside], outcome.take(inside))
    row = firth.tidy().iloc[0]
    assert (few.likelihood.estimate, few.conf_low, few.conf_high) == pytest.approx(
        (row["estimate"], row["conf_low"], row["conf_high"]), abs=1e-9
    )
    # where the profile has fallen by half the quantile of chi-squared stand the limits of the fit
    at_limits = few.likelihood.log_at(np.array([row["estimate"], row["conf_low"], row["conf_high"]]))
    assert at_limits == pytest.approx([0, -1.9207294, -1.9207294], abs=1e-4)
    fewest = [len(inside), int(outcome.died[inside].sum())]
    assert [few.n, few.n_event] == fewest


def test_the_profile_is_the_penalised_likelihood_with_the_others_at_their_best() -> None:
    table, outcome = cohort({"a": 25}, {"a": 0.4})
    fit = CoxPH("log2(suv) + age", penalty="firth").fit(table, outcome)
    values = np.array([-1.0, 0.0, float(fit.beta[0]), 1.5])
    found = profile_curve(fit.data, sort_data(fit.data), fit.maximum, 0, values)
    assert found[2] == pytest.approx(0, abs=1e-9)
    # at 0 it is half the statistic of the penalised likelihood-ratio test, with its sign turned
    assert -2 * found[1] == pytest.approx(float(fit.tidy()["statistic"].iloc[0]) ** 2, rel=1e-7)
    assert (found[[0, 3]] < 0).all()


def test_groups_that_say_nothing_are_listed_and_contribute_nothing() -> None:
    table, outcome = cohort({"a": 60, "b": 50, "c": 20, "d": 20}, {"a": 0.5, "b": 0.7, "c": 0.0, "d": 0.0})
    table.loc[table["group"] == "d", "suv"] = 6.0
    alive = Outcome(outcome.time, outcome.died & (table["group"] != "c").to_numpy(), unit="months")
    found = group_effects(SPEC, table, alive, by="group", marker="suv")
    assert [one.reason for one in found.groups] == ["", "", "no events", "the marker is constant"]
    assert {"c: not estimable, no events", "d: not estimable, the marker is constant"} <= set(found.warnings)
    tidy = found.tidy()
    assert tidy[tidy["group"].isin(["c", "d"])]["estimate"].isna().all()
    inside = np.flatnonzero(table["group"].isin(["a", "b"]))
    fewer = group_effects(SPEC, table.iloc[inside], alive.take(inside), by="group", marker="suv")
    keep = ~tidy["group"].isin(["c", "d"])
    np.testing.assert_allclose(tidy[keep]["estimate"], fewer.tidy()["estimate"], rtol=1e-12)
    assert found.interaction is not None
    assert found.interaction.df == 1
    assert found.interaction.statistic == pytest.approx(fewer.interaction.statistic, rel=1e-9)


def test_terms_that_are_constant_in_a_group_are_left_out_there() -> None:
    table, outcome = cohort(SIZES, dict.fromkeys(SIZES, 0.5))
    table.loc[table["group"] == "myeloma", "sex"] = "m"
    found = group_effects(CoxPH("log2(suv) + sex + group"), table,
                          outcome, by="group", marker="suv")  # fmt: skip
    assert "myeloma: sex constant and left out" in found.notes
    inside = np.flatnonzero(table["group"] == "myeloma")
    alone = CoxPH("log2(suv)").fit(table.iloc[inside], outcome.take(inside))
    assert found.groups[2].likelihood.estimate == pytest.approx(float(alone.beta[0]), rel=1e-10)


def test_interaction_is_the_nested_test_in_the_same_rows() -> None:
    table, outcome = cohort(SIZES, {"leukemia": 0.2, "lymphoma": 1.0, "myeloma": 0.1})
    table.loc[3, "age"] = np.nan
    found = group_effects(SPEC, table, outcome, by="group", marker="suv")
    assert found.n_missing == 1
    one = CoxPH("log2(suv) + age + sex", strata="group").fit(table, outcome)
    own = CoxPH("within(log2(suv), group) + age + sex", strata="group").fit(table, outcome)
    expected = likelihood_ratio_test(one, own)
    assert found.interaction.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert (found.interaction.df, found.interaction.n) == (2, expected.n)
    firth = group_effects(CoxPH("log2(suv)", penalty="firth"), table, outcome, by="group", marker="suv")
    assert 0 < firth.interaction.p_value < 1


def test_opposite_signs_block_the_pooled_sentence() -> None:
    table, outcome = cohort(SIZES, {"leukemia": 0.5, "lymphoma": 1.2, "myeloma": -1.2})
    found = group_effects(SPEC, table, outcome, by="group", marker="suv")
    assert found.sign_conflict
    assert any("opposite signs" in text for text in found.warnings)
    same, of_same = cohort(SIZES, dict.fromkeys(SIZES, 1.2))
    assert not group_effects(SPEC, same, of_same, by="group", marker="suv").sign_conflict


def test_heterogeneity_from_five_groups_on() -> None:
    five = dict.fromkeys("abcde", 40)
    table, outcome = cohort(five, dict.fromkeys(five, 0.5))
    glance = group_effects(SPEC, table, outcome, by="group", marker="suv").glance().iloc[0]
    assert glance["q_df"] == 4
    assert np.isfinite(glance[["q", "i_squared", "tau_squared"]].astype(float)).all()
    few = group_effects(SPEC, *cohort(SIZES, dict.fromkeys(SIZES, 0.5)), by="group", marker="suv")
    assert np.isnan(few.glance()["q"].iloc[0])
    assert any("Q, I squared and REML are not shown" in note for note in few.notes)


def test_sensitivity_to_the_prior() -> None:
    found = group_effects(SPEC, *cohort(SIZES, dict.fromkeys(SIZES, 0.5)), by="group", marker="suv")
    table = found.sensitivity()
    assert table["level"].unique().tolist() == [0.5, 0.25, 1.0]
    main = table[table["level"] == 0.5].reset_index(drop=True)
    tidy = found.tidy()
    shrunken = tidy[tidy["measure"].isin(["shrunken", "mean of groups"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(main[["group", "estimate", "conf_low"]], shrunken[["group", "estimate", "conf_low"]])


def test_a_marker_that_is_standardised_within_entities() -> None:
    table, outcome = cohort({"lymphoma": 60, "myeloma": 50}, {"lymphoma": 0.5, "myeloma": 0.5})
    table["entity"] = np.where(np.arange(110) % 2, "x", "y")
    found = group_effects(
        CoxPH("within_entity_z(log2(suv))", strata="entity"), table, outcome, by="group", marker="suv"
    )
    assert len(found.estimable) == 2
    assert found.interaction is not None


@pytest.mark.parametrize(
    ("spec", "marker", "error", "message"),
    [
        (CoxPH("log2(suv)"), "cxcr4", ConfigError, "no term of the formula"),
        (CoxPH("suv + log2(suv)"), "log(suv)", ConfigError, "no term of the formula"),
        (CoxPH("sqrt(suv) + log2(suv)"), "suv", ConfigError, "several terms"),
        (CoxPH("sex + suv"), "sex", ConfigError, "is a factor"),
        (CoxPH("within(suv, group)"), "suv", ConfigError, "slope in each group"),
        (CoxPH("suv*age"), "suv", ConfigError, "differs within groups"),
        (CoxPH("suv", penalty=Ridge(1.0)), "suv", ConfigError, "a ridge shrinks"),
    ],
)
def test_what_has_no_single_effect_is_refused(spec: CoxPH, marker: str, error: type[Exception], message: str) -> None:
    table, outcome = cohort(SIZES, dict.fromkeys(SIZES, 0.5))
    with pytest.raises(error, match=message):
        group_effects(spec, table, outcome, by="group", marker=marker)


def test_one_group_is_refused() -> None:
    table, outcome = cohort({"a": 40}, {"a": 0.5})
    with pytest.raises(DataError, match="one level only"):
        group_effects(CoxPH("suv"), table, outcome, by="group", marker="suv")
