"""Properties of Kaplan-Meier curves and what is read from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from properties.generators import Cohort, cohorts, fit_cox, regression_cohorts, run

from survmodel import CoxPH, KaplanMeier, Outcome
from survmodel.models.kaplan_meier import KaplanMeierFit


def curves_of(cohort: Cohort, rows: np.ndarray | None = None) -> pd.DataFrame:
    outcome, group = cohort.outcome, cohort.group
    if rows is not None:
        outcome, group = outcome.take(rows), group[rows]
    return KaplanMeier().fit(outcome, by=group).tidy()


def by_group(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [part.reset_index(drop=True) for _, part in table.groupby("group", sort=False)]


@run
@given(cohorts())
def test_01_shape(cohort: Cohort) -> None:
    """1. 0 <= S <= 1, non-increasing, S(0) = 1, steps only at event times."""
    fit = KaplanMeier().fit(cohort.outcome, by=cohort.group)
    for curve in by_group(fit.tidy()):
        s = np.concatenate([[1.0], curve["estimate"]])
        assert ((s >= 0) & (s <= 1)).all()
        assert (np.diff(s) <= 0).all()
        assert_array_equal(np.diff(s)[curve["n_event"] == 0], 0)
        falls = (curve["n_event"] > 0) & (s[:-1] > 0)
        assert (np.diff(s)[falls] < 0).all()
    assert (fit.at(0.0)["estimate"] == 1).all()


@run
@given(cohorts(late=False, events=st.just(1.0)))
def test_02_without_censoring(cohort: Cohort) -> None:
    """2. Without censoring S(t) = #(T > t) / n, and the mean is the restricted mean up to the last time."""
    outcome = cohort.outcome
    fit = KaplanMeier().fit(outcome)
    table = fit.tidy()
    share = [(outcome.time > t).mean() for t in table["time"]]
    assert_allclose(table["estimate"], share, rtol=1e-12, atol=1e-12)
    assert_allclose(fit.rmst(float(outcome.time.max()))["estimate"], [outcome.time.mean()], rtol=1e-12)


@run
@given(cohorts(), st.sampled_from(["log-log", "log", "plain", "logit", "arcsin"]))
def test_03_limits(cohort: Cohort, conf_type: str) -> None:
    """3. Lower <= S <= upper; the 90 % interval lies inside the 95 % interval."""
    wide, narrow = (
        KaplanMeier(conf_type=conf_type, conf_level=level).fit(cohort.outcome, by=cohort.group).tidy()
        for level in (0.95, 0.9)
    )
    exists = wide["conf_low"].notna()
    assert_array_equal(exists, narrow["conf_low"].notna())
    assert_array_equal(exists, wide["conf_high"].notna())
    slack = 1e-12
    for table in (wide, narrow):
        assert (table["conf_low"] <= table["estimate"] + slack)[exists].all()
        assert (table["conf_high"] >= table["estimate"] - slack)[exists].all()
        assert (table.loc[exists, ["conf_low", "conf_high"]].stack().between(0, 1)).all()
    assert (wide["conf_low"] <= narrow["conf_low"] + slack)[exists].all()
    assert (wide["conf_high"] >= narrow["conf_high"] - slack)[exists].all()


@run
@given(cohorts())
def test_04_order_and_labels(cohort: Cohort) -> None:
    """4. Row order, relabelling of ids and of groups change nothing, to the last bit."""
    plain = curves_of(cohort)
    order = cohort.random.permutation(cohort.n)
    shuffled = Outcome(cohort.time[order], cohort.event[order], None if cohort.entry is None else cohort.entry[order])
    pd.testing.assert_frame_equal(KaplanMeier().fit(shuffled, by=cohort.group[order]).tidy(), plain, check_exact=True)
    for ids in (np.arange(cohort.n), [f"patient {i * 7 % 1009}" for i in range(cohort.n)]):
        named = Outcome(cohort.time, cohort.event, cohort.entry, id=ids)
        pd.testing.assert_frame_equal(KaplanMeier().fit(named, by=cohort.group).tidy(), plain, check_exact=True)
    labels = sorted(set(cohort.group))
    new = dict(zip(labels, [f"z{i}" for i in range(len(labels))][::-1], strict=True))
    renamed = KaplanMeier().fit(cohort.outcome, by=[new[g] for g in cohort.group]).tidy()
    for label in labels:
        old, now = (t[t["group"] == g].drop(columns="group") for t, g in ((plain, label), (renamed, new[label])))
        pd.testing.assert_frame_equal(now.reset_index(drop=True), old.reset_index(drop=True), check_exact=True)


@run
@given(cohorts(), st.sampled_from([0.001, 1 / 30.4375, 7.0, 365.25]))
def test_05_unit_of_time(cohort: Cohort, factor: float) -> None:
    """5. Times in another unit scale times and medians and leave S."""
    entry = None if cohort.entry is None else cohort.entry * factor
    scaled = KaplanMeier().fit(Outcome(cohort.time * factor, cohort.event, entry), by=cohort.group)
    plain = KaplanMeier().fit(cohort.outcome, by=cohort.group)
    a, b = plain.tidy(), scaled.tidy()
    assert_allclose(b["time"], a["time"] * factor, rtol=1e-9)
    pd.testing.assert_frame_equal(a.drop(columns="time"), b.drop(columns="time"), check_exact=True)
    columns = ["estimate", "conf_low", "conf_high"]
    assert_allclose(scaled.quantile(0.5)[columns], plain.quantile(0.5)[columns] * factor, rtol=1e-9)


@run
@given(cohorts())
def test_06_all_rows_twice(cohort: Cohort) -> None:
    """6. All rows twice: S stays, the standard error is divided by the square root of 2."""
    twice = curves_of(cohort, np.tile(np.arange(cohort.n), 2))
    plain = curves_of(cohort)
    assert_allclose(twice["estimate"], plain["estimate"], rtol=1e-12, atol=1e-15)
    assert_allclose(twice["std_error"] * np.sqrt(2), plain["std_error"], rtol=1e-9, atol=1e-15)


@run
@given(cohorts(), st.integers(0, 2**16))
def test_07_whole_weights_are_copies(cohort: Cohort, seed: int) -> None:
    """7. A whole weight is so many rows, exactly."""
    counts = np.random.default_rng(seed).integers(1, 4, cohort.n)
    rows = np.repeat(np.arange(cohort.n), counts)
    weighted = KaplanMeier().fit(cohort.outcome, by=cohort.group, weights=counts).tidy()
    pd.testing.assert_frame_equal(weighted, curves_of(cohort, rows), check_exact=True)


@run
@given(cohorts(late=False))
def test_08_entry_at_zero(cohort: Cohort) -> None:
    """8. Entry at 0 equals no entry."""
    entered = Outcome(cohort.time, cohort.event, np.zeros(cohort.n))
    pd.testing.assert_frame_equal(
        KaplanMeier().fit(entered, by=cohort.group).tidy(), curves_of(cohort), check_exact=True
    )


def split(cohort: Cohort) -> tuple[Outcome, np.ndarray]:
    """Cut some rows in two at a time of their own, or at an event time of somebody else."""
    rng = cohort.random
    entry = np.zeros(cohort.n) if cohort.entry is None else cohort.entry
    cuts = np.where(rng.uniform(size=cohort.n) < 0.5, rng.uniform(0.1, 0.9, cohort.n), 0.5)
    cuts = entry + cuts * (cohort.time - entry)
    others = rng.choice(cohort.time, cohort.n)
    cuts = np.where((others > entry) & (others < cohort.time), others, cuts)
    chosen = (rng.uniform(size=cohort.n) < 0.7) & (cuts > entry * (1 + 1e-6)) & (cuts < cohort.time * (1 - 1e-6))
    first, second = np.arange(cohort.n), np.flatnonzero(chosen)
    rows = np.concatenate([first, second])
    time = np.concatenate([np.where(chosen, cuts, cohort.time), cohort.time[second]])
    event = np.concatenate([np.where(chosen, 0, cohort.event), cohort.event[second]])
    return Outcome(time, event, np.concatenate([entry, cuts[second]]), id=rows), rows


@run
@given(cohorts(kinds=("exponential", "tenths", "whole", "months", "equal")))
def test_09_split_rows_leave_the_curve(cohort: Cohort) -> None:
    """9a. Splitting a person at any time leaves S."""
    outcome, rows = split(cohort)
    after = KaplanMeier().fit(outcome, by=cohort.group[rows]).tidy()
    before = curves_of(cohort)
    assert_array_equal(after[["group", "time", "n_risk", "n_event", "n_censor"]], before.iloc[:, :5])
    assert_allclose(after["estimate"], before["estimate"], rtol=1e-12, atol=1e-15)
    assert_allclose(after["std_error"], before["std_error"], rtol=1e-12, atol=1e-15)


@run
@given(regression_cohorts(("exponential", "tenths", "whole", "months")), st.sampled_from(["efron", "breslow"]))
def test_09_split_rows_leave_the_likelihood(cohort: Cohort, ties: str) -> None:
    """9b. Splitting a person at any time leaves the Cox likelihood (1e-12)."""
    outcome, rows = split(cohort)
    model = CoxPH("age + male", ties=ties)
    before = fit_cox(model, cohort.table, cohort.outcome)
    after = fit_cox(model, cohort.table.iloc[rows], outcome)
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert_allclose(after.maximum.loglik_null, before.maximum.loglik_null, rtol=1e-12)
        assert_allclose(after.maximum.loglik, before.maximum.loglik, rtol=1e-12)
        assert_allclose(after.beta, before.beta, rtol=1e-7, atol=1e-9)


@run
@given(cohorts(), st.lists(st.floats(0.01, 1), min_size=2, max_size=4))
def test_10_restricted_mean(cohort: Cohort, shares: list[float]) -> None:
    """10. The restricted mean does not fall with the horizon; the time lost is the rest of it."""
    outcome = cohort.outcome
    fit = KaplanMeier().fit(outcome)
    longest = float(outcome.time.max())
    means = [float(fit.rmst(share * longest)["estimate"].iloc[0]) for share in sorted(shares)]
    assert (np.diff(means) >= -1e-12).all()
    for share, mean in zip(sorted(shares), means, strict=True):
        assert 0 <= mean <= share * longest * (1 + 1e-12)
        assert_allclose(mean + lost_time(fit, share * longest), share * longest, rtol=1e-10)


def lost_time(fit: KaplanMeierFit, horizon: float) -> float:
    table = fit.tidy()
    inside = table[table["time"] < horizon]
    edges = np.concatenate([[0.0], inside["time"], [horizon]])
    return float(np.sum((1 - np.concatenate([[1.0], inside["estimate"]])) * np.diff(edges)))


@run
@given(cohorts(kinds=("exponential",), late=False))
def test_11_events_times_censorings(cohort: Cohort) -> None:
    """11. Without ties, the curve of events times that of censorings is the curve of everything that leaves."""
    curves = [KaplanMeier().fit(Outcome(cohort.time, code)).tidy() for code in (cohort.event, 1 - cohort.event)]
    everything = KaplanMeier().fit(Outcome(cohort.time, np.ones(cohort.n, int))).tidy()["estimate"]
    assert_allclose(curves[0]["estimate"] * curves[1]["estimate"], everything, rtol=1e-10, atol=1e-14)


@run
@given(cohorts())
def test_13_groups_stand_alone(cohort: Cohort) -> None:
    """13. The curve of one group is that of its rows alone."""
    together = curves_of(cohort)
    for label in sorted(set(cohort.group)):
        alone = KaplanMeier().fit(cohort.outcome.take(cohort.group == label)).tidy().drop(columns="group")
        part = together[together["group"] == label].drop(columns="group").reset_index(drop=True)
        pd.testing.assert_frame_equal(part, alone, check_exact=True)
