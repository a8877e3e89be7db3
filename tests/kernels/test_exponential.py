"""The vector exponential against the library's."""

import numpy as np
import pytest

from survmodel.kernels.exponential import exponentials


def exponentials_of(values: list[float]) -> np.ndarray:
    given = np.array(values)
    found = np.empty(given.size)
    exponentials(given, float(given.max()), found)
    return found


def test_right_to_the_last_digit_but_one() -> None:
    values = np.concatenate([-np.random.default_rng(7).exponential(60, 20_000).clip(0, 700), [0.0, -np.log(2) / 2]])
    np.testing.assert_allclose(exponentials_of(list(values)), np.exp(values), rtol=4.5e-16, atol=0)


def test_the_largest_value_gives_one_exactly() -> None:
    assert exponentials_of([3.7, 3.7, -200.0])[:2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("far", [-709.0, -720.0, -746.0, -1e6, -np.inf])
def test_far_below_the_largest(far: float) -> None:
    assert exponentials_of([0.0, far, -1.0]).tolist() == np.exp([0.0, far, -1.0]).tolist()


def test_what_is_no_number_stays_so() -> None:
    assert np.isnan(exponentials_of([0.0, np.nan])).all()
    assert np.isnan(exponentials_of([np.inf, np.inf])).all()
