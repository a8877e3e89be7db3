"""Properties of searched cut-points: 22 and 23."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from survmodel import Outcome, maximally_selected_logrank


def cohort(seed: int, n: int, censored: float, decimals: int, n_strata: int) -> tuple[Outcome, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    time = np.round(random.exponential(5, n), decimals) + 0.1
    strata = random.integers(0, n_strata, n)
    return Outcome(time, random.uniform(size=n) >= censored), np.round(random.normal(size=n), decimals + 1), strata


def test_22_p_values_are_uniform_without_effect() -> None:
    """22. P-values by permutation are uniform under the null hypothesis, within strata of different hazards."""
    found = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        strata = random.integers(0, 2, 60)
        marker = random.normal(size=60) + strata
        time, censor = random.exponential(np.where(strata, 1.0, 3.0)), random.uniform(1, 6, 60)
        outcome = Outcome(np.minimum(time, censor), time <= censor)
        found.append(
            maximally_selected_logrank(
                outcome, marker, strata=strata, permutations=199, min_events=0, seed=seed
            ).p_value
        )
    assert kstest(np.array(found) - np.random.default_rng(0).uniform(0, 1 / 200, 400), "uniform").pvalue > 1e-4
    # three standard errors of 400 cohorts
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.033)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(30, 120), st.floats(0, 0.6), st.integers(0, 2), st.integers(1, 3),
    st.sampled_from(["permutation", "lausen92", "lausen94"]),
)  # fmt: skip
def test_23_the_corrected_p_value_is_at_least_the_naive_one(
    seed: int, n: int, censored: float, decimals: int, n_strata: int, method: str
) -> None:
    """23. A corrected p-value is at least that of the same cut fixed beforehand, and at most 1."""
    outcome, marker, strata = cohort(seed, n, censored, decimals, n_strata)
    if outcome.n_event < 4:
        return
    result = maximally_selected_logrank(
        outcome, marker, strata=None if method == "lausen92" else strata, p_value=method, permutations=199, min_events=1
    )  # type: ignore[arg-type]
    assert result.naive_p_value <= result.p_value <= 1
    assert result.cutpoint in marker
    assert result.statistic == pytest.approx(result.tidy()["statistic"].abs().max())
