"""Tail probabilities against scipy over the whole range."""

import math

import numpy as np
import pytest
from scipy import special

from survmodel.distributions import chi_squared_p, normal_quantile, two_sided_p


@pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 10, 23, 50, 2.817842])
def test_chi_squared_tail(df):
    for x in [0, 1e-12, 1e-3, 0.5, 1, 3.84, 10, 50, 200, 600]:
        assert chi_squared_p(x, df) == pytest.approx(special.chdtrc(df, x), rel=1e-11, abs=1e-300)


def test_two_sided_normal_tail():
    z = np.array([-37.0, -5, -1.96, -1e-9, 0, 0.3, 8, 30])
    assert two_sided_p(z) == pytest.approx(2 * special.ndtr(-np.abs(z)), rel=1e-12)
    assert math.isnan(two_sided_p([math.nan])[0])


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99, 0.999999])
def test_normal_quantile(level):
    assert normal_quantile(level) == pytest.approx(-special.ndtri((1 - level) / 2), rel=1e-14)


def test_what_does_not_exist_is_missing():
    assert math.isnan(chi_squared_p(math.nan, 1))
    assert math.isnan(chi_squared_p(3.0, 0))
    assert chi_squared_p(-1e-14, 1) == 1
