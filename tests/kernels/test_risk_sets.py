"""The order of rows against numpy's sort by several keys."""

import numpy as np
import pytest

from survmodel.kernels.risk_sets import build_risk_sets

DRAWS = {
    "whole days": lambda rng, n: rng.integers(0, 9, n).astype(float),
    "months": lambda rng, n: rng.exponential(20, n),
    "one time": lambda _, n: np.full(n, 3.0),
    "both signs": lambda rng, n: rng.normal(size=n).round(1),
    "extremes": lambda rng, n: rng.choice([0.0, -0.0, 1.0, -1.0, 5e-324, 1e-310, 1e308, np.inf, -np.inf], n),
    "all sizes": lambda rng, n: 10 ** rng.uniform(-300, 300, n),
}


@pytest.mark.parametrize("times", DRAWS)
@pytest.mark.parametrize("n_strata", [1, 2, 40])
def test_order_is_that_of_a_stable_sort(times: str, n_strata: int) -> None:
    rng = np.random.default_rng(11)
    for n in (0, 1, 2, 7, 60, 3000):
        time, event = DRAWS[times](rng, n), rng.random(n) < 0.4
        codes = rng.integers(0, n_strata, n)
        expected = np.lexsort((~event, time, codes))
        assert build_risk_sets(time, event, None, codes).order.tolist() == expected.tolist()


def test_deaths_come_first_in_a_tie_and_rows_keep_their_order() -> None:
    time, event = np.array([5.0, 2.0, 5.0, 5.0, 5.0]), np.array([False, False, True, False, True])
    assert build_risk_sets(time, event).order.tolist() == [1, 2, 4, 0, 3]
