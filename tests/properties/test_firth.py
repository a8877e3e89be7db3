"""Properties of Firth's penalised likelihood."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from properties.generators import Cohort, cohorts, fit_cox, make_cohort, regression_cohorts, run

from survmodel import CoxPH

#: An information matrix, scaled to a diagonal of 1, whose smallest eigenvalue is below this counts as singular.
SINGULAR = 1e-4


def information_at_zero(x: np.ndarray, cohort: Cohort) -> np.ndarray:
    """Sum the covariances of the covariates over the risk sets of all events, as Breslow does at ties."""
    outcome = cohort.outcome
    start = np.full(cohort.n, -np.inf) if outcome.entry is None else outcome.entry
    total = np.zeros((x.shape[1], x.shape[1]))
    for now in outcome.time[outcome.died]:
        total += np.cov(x[(start < now) & (outcome.time >= now)], rowvar=False, ddof=0).reshape(total.shape)
    return total


def has_full_rank(information: np.ndarray) -> bool:
    spread = np.sqrt(np.diag(information))
    if not (spread > 0).all():
        return False
    return bool(np.linalg.eigvalsh(information / np.outer(spread, spread)).min() > SINGULAR)


@run
@given(
    cohorts(smallest=2, events=st.sampled_from([0.05, 0.1, 0.4, 0.8, 1.0])),
    st.sampled_from(["age", "male", "age + male"]),
)
def test_34_finite(cohort: Cohort, formula: str) -> None:
    """34. The estimate is finite whenever there is an event and the covariates have full rank.

    More columns than events are refused under this penalty too, so that one event allows one column.
    """
    x = cohort.table[formula.split(" + ")].to_numpy(dtype=float)
    if cohort.event.sum() < x.shape[1] or not has_full_rank(information_at_zero(x, cohort)):
        return
    fit = CoxPH(formula, ties="breslow", penalty="firth").fit(cohort.table, cohort.outcome)
    assert np.isfinite(fit.beta).all()
    assert np.isfinite(np.diag(fit.covariance)).all()


@run
@given(regression_cohorts())
def test_34_copies(cohort: Cohort) -> None:
    """34. With copies of the rows the distance from the maximum likelihood estimate falls as 1 over their number."""
    plain = fit_cox(CoxPH("age + male", ties="breslow"), cohort.table, cohort.outcome)
    if plain is None:
        return
    apart = []
    for copies in (50, 100):
        counts = np.full(cohort.n, copies)
        firth = CoxPH("age + male", ties="breslow", penalty="firth").fit(cohort.table, cohort.outcome, freq=counts)
        apart.append((firth.beta - plain.beta) / np.sqrt(np.diag(plain.covariance)))
    assert np.abs(apart[0]).max() < 0.05
    assert_allclose(2 * apart[1], apart[0], rtol=0, atol=0.02 * np.abs(apart[0]).max() + 1e-8)


def test_34_limits_far_out() -> None:
    """34. With as many events as columns the profile has limits too, and the order of columns is no matter."""
    cohort = make_cohort(209, 42, "fuzzed", 0.1, late=True)
    assert cohort.event.sum() == 3
    tables = []
    for formula in ("age + suv + male", "male + age + suv"):
        fit = CoxPH(formula, penalty="firth").fit(cohort.table, cohort.outcome)
        tables.append(
            fit.tidy().set_index("term")[["conf_low", "estimate", "conf_high", "p_value"]].loc[["age", "suv", "male"]]
        )
    one, other = tables
    assert ((one["conf_low"] < one["estimate"]) & (one["estimate"] < one["conf_high"])).all()
    assert_allclose(other, one, rtol=1e-6)
