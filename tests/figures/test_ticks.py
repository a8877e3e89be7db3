"""Ticks: inside the axis, few enough, and written as what they are."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from survmodel.figures.ticks import even_ticks, log_ticks, ratio_ticks


def written(ticks: list[tuple[float, str]]) -> list[str]:
    return [text for _, text in ticks]


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.02, 0.11, ["0.00", "0.05", "0.10"]),
        (18, 91, ["20", "40", "60", "80"]),
        (-1, 1, ["-1.0", "-0.5", "0.0", "0.5", "1.0"]),
        (61, 62.3, ["61.0", "61.5", "62.0"]),
        (3, 3, ["3"]),
    ],
)
def test_even_ticks_are_round(low: float, high: float, texts: list[str]) -> None:
    assert written(even_ticks(low, high)) == texts


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (0.8, 60, ["1", "2", "5", "10", "20", "50"]),
        (2, 40, ["2", "5", "10", "20"]),
        (0.001, 1e5, ["0.001", "0.01", "0.1", "1", "10", "100", "1000", "10000", "100000"]),
        (20, 900, ["20", "50", "100", "200", "500"]),
        (5, 5.1, ["5.00", "5.02", "5.04", "5.06", "5.08", "5.10"]),
        (1e-9, 1e9, ["1e-09", "1e-06", "0.001", "1", "1000", "1000000", "1e+09"]),
    ],
)
def test_log_ticks_are_those_a_reader_knows(low: float, high: float, texts: list[str]) -> None:
    assert written(log_ticks(low, high)) == texts


@pytest.mark.parametrize("reach", [1.25, 1.5, 2, 2.6, 3, 4.2, 10, 20, 50, 1e3, 1e6, 1e20])
def test_ratio_ticks_hold_1_and_come_in_pairs(reach: float) -> None:
    values = np.array([value for value, _ in ratio_ticks(1 / reach, reach)])
    assert 1 in values
    assert 3 <= values.size <= 9
    assert values.min() >= 1 / reach
    assert values.max() <= reach
    # 0.67 and 1.5, 0.7 and 1.4, 0.9 and 1.1 are inverses to two digits.
    np.testing.assert_allclose(np.log(values), -np.log(values[::-1]), atol=0.03)


def test_ratio_ticks_of_a_one_sided_axis_stay_on_it() -> None:
    assert written(ratio_ticks(0.9, 5)) == ["1", "2", "4"]


@pytest.mark.parametrize("choose", [even_ticks, log_ticks])
def test_any_axis_has_few_ascending_ticks_within_it(choose) -> None:
    for start, factor in itertools.product(np.geomspace(1e-5, 1e5, 21), np.geomspace(1.05, 1e5, 40)):
        ticks = choose(start, start * factor)
        values = np.array([value for value, _ in ticks])
        assert 2 <= values.size <= 9, (start, factor)
        assert (np.diff(values) > 0).all()
        assert values[0] >= start * (1 - 1e-6)
        assert values[-1] <= start * factor * (1 + 1e-6)
        assert len(set(written(ticks))) == values.size
        np.testing.assert_allclose([float(text) for text in written(ticks)], values, rtol=1e-6)
