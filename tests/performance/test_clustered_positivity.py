"""Positivity of rows within patients: shares by hand, limits and test by estimating equations of statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Gaussian
from statsmodels.genmod.generalized_estimating_equations import GEE

import survmodel as sm
from survmodel.errors import DataError

A = [1, 1, 0, 1, 1, 0, 1, 0, 1, 1]
B = [0, 1, 0, 1, 0, 0, 1, 1, 1, 0]
WHO = list("aabbbccdde")


def test_shares_and_difference_are_counted_by_hand():
    found = sm.paired_positivity(A, B, names=("CXCR4", "FDG"), cluster=WHO)
    table = found.tidy()
    assert table["estimate"].tolist() == pytest.approx([0.7, 0.5, 0.2])
    assert (found.n_cluster, found.test.both, found.test.first_only, found.test.second_only) == (5, 4, 3, 1)
    assert "5 patients" in repr(found)


def test_the_difference_is_that_of_estimating_equations():
    found = sm.paired_positivity(A, B, cluster=WHO)
    difference = np.array(A, dtype=float) - np.array(B)
    model = GEE(difference, np.ones((10, 1)), groups=pd.factorize(np.array(WHO))[0], family=Gaussian(),
                cov_struct=Independence())  # fmt: skip
    error = model.fit(cov_type="bias_reduced").bse[0]
    from scipy.stats import t

    reach = t.ppf(0.975, 4) * error
    assert found.difference == pytest.approx((0.2, 0.2 - reach, 0.2 + reach))
    assert found.p_value == pytest.approx(2 * t.sf(0.2 / error, 4))
    one = sm.clustered_proportion(A, WHO)
    assert found.shares[0] == pytest.approx((one.estimate, one.conf_low, one.conf_high))


def test_without_clusters_nothing_changes():
    plain = sm.paired_positivity(A, B)
    assert plain.n_cluster == 0
    assert plain.p_value == plain.test.p_value
    # Wilson's limits of 7 of 10
    z = 1.959963984540054
    centre, reach = 0.7 + z**2 / 20, z * np.sqrt(0.021 + z**2 / 400)
    scale = 1 + z**2 / 10
    assert plain.shares[0] == pytest.approx((0.7, (centre - reach) / scale, (centre + reach) / scale))


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (["a"] * 10, "limits within patients need two of them"),
        (["a"] * 9, "cluster and tests differ in length"),
        ([None, *WHO[1:]], "a row has no patient"),
    ],
)
def test_what_is_no_cluster_is_refused(cluster, said):
    with pytest.raises(DataError, match=said):
        sm.paired_positivity(A, B, cluster=cluster)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(10)))
def test_the_order_of_rows_tells_nothing(order):
    found = sm.paired_positivity([A[i] for i in order], [B[i] for i in order], cluster=[WHO[i] for i in order])
    expected = sm.paired_positivity(A, B, cluster=WHO)
    assert found.difference == pytest.approx(expected.difference)
    assert found.shares[0] == pytest.approx(expected.shares[0])
