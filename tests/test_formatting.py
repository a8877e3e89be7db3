"""The number formatter: what is printed is what was computed, and nothing prints as nan, inf, -0 or p = 0.000."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import formatting as f


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.0, "<0.001"),
        (2e-45, "<0.001"),
        (0.000999, "<0.001"),
        (0.001, "0.001"),
        (0.0495, "0.050"),
        (0.05, "0.050"),
        (0.5, "0.500"),
        (0.9994, ">0.999"),
        (1.0, ">0.999"),
        (float("nan"), "—"),
        (None, "—"),
        (pd.NA, "—"),
    ],
)
def test_p_values(p, expected):
    assert f.format_p(p) == expected


def test_p_value_in_a_sentence():
    assert f.format_p_equation(0.0004) == "p < 0.001"
    assert f.format_p_equation(0.0312) == "p = 0.031"
    assert f.format_p_equation(1.0) == "p > 0.999"


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [(-0.0001, 2, "0.00"), (-0.006, 2, "-0.01"), (1e6, 0, "1000000"), (np.float64(2.5), 1, "2.5"), (math.inf, 2, "∞")],
)
def test_numbers(value, digits, expected):
    assert f.format_number(value, digits) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0"), (1386.0, "1386"), (12345.678, "12346"), (310.5, "310.5"), (0.00001234, "1.234e-05"), (-0.5, "-0.5")],
)
def test_significant_digits(value, expected):
    assert f.format_significant(value) == expected


def test_limits_that_do_not_exist():
    assert f.format_interval(None, None) == "—"
    assert f.format_interval(1.0, float("nan"), 1, "not reached") == "1.0 to not reached"
    assert f.format_estimate(float("nan"), 5, float("nan"), 0, "not reached") == "not reached (5 to not reached)"


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(0, 6))
def test_nothing_prints_as_nan_inf_or_minus_zero(value, digits):
    for text in (f.format_number(value, digits), f.format_significant(value, digits + 1), f.format_count(value)):
        assert "nan" not in text
        assert "inf" not in text
        assert text.strip("0.") != "-"


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e7, 1e7))
def test_a_printed_number_is_the_rounded_number(value):
    assert abs(float(f.format_number(value, 3)) - value) <= 0.5e-3 * (1 + 1e-9)
