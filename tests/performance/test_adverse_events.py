"""Worst grades by thirds of injected activity: counts by hand, shares as Wilson gives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel.errors import DataError
from survmodel.performance.adverse_events import worst_grades

GRADES = [0, 0, 1, 0, 2, 3, 0, 5, 0]
DOSES = [100, 110, 120, 130, 140, 150, 160, 170, 180]


def test_counts_shares_and_cuts():
    found = worst_grades([*GRADES, 1], [*DOSES, None])
    assert found.counts.tolist() == [[5, 2, 1, 2], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0], [0] * 4, [1, 0, 0, 1]]
    assert found.cuts == pytest.approx((100 + 80 / 3, 100 + 160 / 3))
    assert found.n_missing == 1
    assert [one[:2] for one in found.shares(3)] == [(2, 9), (0, 3), (1, 3), (1, 3)]
    # Wilson's upper limit of none of three is z^2 / (3 + z^2)
    z2 = 1.959963984540054**2
    assert found.shares(3)[1][3] == pytest.approx(z2 / (3 + z2))
    table = found.tidy()
    assert table[table["measure"] == "patients"].groupby("group")["n"].sum().to_dict() == {
        "all": 9, "up to 126.7 MBq": 3, "to 153.3 MBq": 3, "above 153.3 MBq": 3,
    }  # fmt: skip
    assert "9 patients" in repr(found)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(50, 300)), min_size=6, max_size=40))
def test_thirds_add_up_to_all(rows):
    grades, doses = np.array(rows).T
    try:
        found = worst_grades(grades, doses)
    except DataError as error:
        # too few different activities, or so many of one that a third is empty
        assert "third" in str(error)  # noqa: PT017
        return
    assert (found.counts[:, 0] == found.counts[:, 1:].sum(axis=1)).all()
    assert found.counts[:, 0].tolist() == np.bincount(grades, minlength=6).tolist()
    # without cuts: a patient of a higher third has no lower activity
    third = np.searchsorted(found.cuts, doses)
    assert all(doses[third == k].max() <= doses[third == k + 1].min() for k in (0, 1))
