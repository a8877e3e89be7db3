"""Properties of imputation and pooling."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties.generators import run

from survmodel import CoxPH, KaplanMeier, MultipleImputation, Outcome, pooled


@run
@given(st.integers(12, 60), st.integers(2, 6), st.integers(0, 2**31))
def test_44_identical_tables_pool_to_the_single_analysis(n: int, m: int, seed: int) -> None:
    """44. Copies of one table pool to its own fit, bit for bit, and no information is missing."""
    import pandas as pd

    random = np.random.default_rng(seed)
    table = pd.DataFrame({"x": random.normal(size=n), "g": np.arange(n) % 2})
    outcome = Outcome(np.ceil(random.exponential(8, n)), np.arange(n) % 3 > 0)
    spec = CoxPH("x + g")
    single, found = spec.fit(table, outcome), pooled(spec, [table.copy() for _ in range(m)], outcome)
    for name in ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"):
        assert found.tidy()[name].tolist() == single.tidy()[name].tolist()
    assert found.tidy()["fmi"].tolist() == [0.0, 0.0]
    np.testing.assert_array_equal(found.covariance, single.covariance)
    curve, alone = pooled(KaplanMeier(), [table] * m, outcome).tidy(), KaplanMeier().fit(outcome).tidy()
    np.testing.assert_allclose(curve["estimate"], alone["estimate"], rtol=1e-12)
    inside = (alone["estimate"] > 0) & (alone["estimate"] < 1)
    for name in ("std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(curve.loc[inside, name], alone.loc[inside, name], rtol=1e-9, atol=1e-12)
    imputed = MultipleImputation(m=m, iterations=1).fit(table, outcome)
    assert all(done.equals(table) for done in imputed.development)
