"""Adverse events within thirds of injected activity: counted by hand, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from survmodel import ConfigError, DataError, safety_table

GRADES = [0, 0, 1, 0, 2, 3, 0, 5, 0]
DOSES = [100, 110, 120, 130, 140, 150, 160, 170, 180]


def test_counts_by_hand() -> None:
    """Cuts of type 7 of nine equal steps lie at 126.7 and 153.3."""
    table = safety_table(GRADES, DOSES)
    assert table.header == ("", "all", "up to 126.7 MBq", "to 153.3 MBq", "above 153.3 MBq")
    assert [row[1:] for row in table.rows[:6]] == [
        ("5", "2", "1", "2"),
        ("1", "1", "0", "0"),
        ("1", "0", "1", "0"),
        ("1", "0", "1", "0"),
        ("0", "0", "0", "0"),
        ("1", "0", "0", "1"),
    ]
    assert table.rows[6][1].startswith("4 of 9, 44.4%")
    assert table.rows[7][1].startswith("2 of 9, 22.2%")


def test_an_activity_at_the_cut_is_below_it() -> None:
    table = safety_table([1, 0, 0, 0], [1, 2, 3, 4])
    assert [row[2] for row in table.rows[:2]] == ["1", "1"]


def test_limits_of_no_event() -> None:
    """Wilson's upper limit of 0 of 3 is z^2 / (3 + z^2)."""
    z2 = 1.959963984540054**2
    assert f"0.0 to {100 * z2 / (3 + z2):.1f}" in safety_table([0] * 9, DOSES).rows[6][2]


def test_missing_is_told() -> None:
    table = safety_table([*GRADES, None], [*DOSES, 100])
    assert "1 patient left out" in table.footnotes[1]
    assert len(safety_table(GRADES, DOSES).footnotes) == 1


def test_refusals() -> None:
    with pytest.raises(DataError, match=r"none of 0 to 5.*row 2"):
        safety_table([0, 6, 1], [1, 2, 3])
    with pytest.raises(DataError, match=r"not above 0.*row 1"):
        safety_table([0, 1, 1], [0, 2, 3])
    with pytest.raises(DataError, match=r"not above 0.*row 3"):
        safety_table([0, 1, 1], [1, 2, np.inf])
    with pytest.raises(DataError, match="three different"):
        safety_table([0, 1, 1], [1, 2, 2])
    with pytest.raises(DataError, match="third of injected activity is empty"):
        safety_table([0] * 6, [1, 2, 2, 2, 2, 3])
    with pytest.raises(ConfigError, match="conf_level"):
        safety_table(GRADES, DOSES, conf_level=95)
