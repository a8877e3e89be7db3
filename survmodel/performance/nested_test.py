"""The likelihood ratio test of the columns that a larger model adds, and the share of information they hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import likelihood_ratio_test
from survmodel.models.pipeline import PipelineFit
from survmodel.models.pooled_regression import can_pool, pooled_likelihood_ratio
from survmodel.outcome.response import Outcome
from survmodel.performance.simulated_test import simulate_likelihood_ratio

#: Below so many events the distribution of the likelihood ratio is simulated.
FEW_EVENTS = 40
CHI_SQUARED, SIMULATED, POOLED = "chi-squared", "simulated under the smaller model", "D2 of completed tables"


@dataclass(frozen=True, slots=True, eq=False)
class NestedTest:
    """The likelihood ratio test of the added columns.

    Attributes
    ----------
    statistic, df, p_value : float
        NaN where there is none.
    method : str
        Where the p-value comes from.
    lr_base, lr_full, df_base, df_full : float
        Likelihood ratios against no columns at all, and their degrees of freedom.
    reason : str
        Why there is no test, "" where there is one.
    """

    statistic: float = np.nan
    df: float = np.nan
    p_value: float = np.nan
    method: str = ""
    lr_base: float = np.nan
    lr_full: float = np.nan
    df_base: float = np.nan
    df_full: float = np.nan
    reason: str = ""

    @property
    def adequacy(self) -> float:
        """Share of the larger model's likelihood ratio that the smaller one has; NaN unless both exceed their df."""
        if self.lr_base > self.df_base and self.lr_full > self.df_full:
            return min(self.lr_base / self.lr_full, 1.0)
        return float("nan")


def compare_nested(small: Any, large: Any, outcome: Outcome, simulations: int, seed: int) -> NestedTest:  # noqa: ANN401 - any fit
    """Test the added columns of a larger model.

    Parameters
    ----------
    small, large : Fit
        Fits to the same rows.
    outcome : Outcome
        Of these rows.
    simulations, seed : int
        Simulated cohorts below 40 events, and their seed.

    Returns
    -------
    NestedTest
        Without a statistic, and with a reason, for fits that have no likelihood ratio.

    Raises
    ------
    FitError
        For models that are not nested, or differ in strata, ties or penalty.
    """
    if isinstance(small, PipelineFit) and isinstance(large, PipelineFit) and can_pool(large.fits):
        return _pooled_test(small, large)
    if not (isinstance(small, CoxFit) and isinstance(large, CoxFit)):
        return NestedTest(reason="a model without a likelihood")
    if small.spec.theta or large.spec.theta or small.spec.is_tuned or large.spec.is_tuned:
        return NestedTest(reason="a penalised model has no likelihood ratio test")
    found = likelihood_ratio_test(small, large)
    p_value, method = found.p_value, CHI_SQUARED
    if outcome.n_event < FEW_EVENTS and simulations and outcome.entry is None:
        p_value = simulate_likelihood_ratio(small, large, found.statistic, simulations, seed)
        method = SIMULATED
    lr_full = float(large.glance().iloc[0]["lr_statistic"])
    # under a penalty the smaller model is the larger one with the added coefficients held at 0
    return NestedTest(
        found.statistic, float(found.df), p_value, method, lr_full - found.statistic, lr_full,
        float(small.beta.size), float(large.beta.size),
    )  # fmt: skip


def _pooled_test(small: PipelineFit, large: PipelineFit) -> NestedTest:
    own, wide = small.pooled(), large.pooled()
    if not all(isinstance(fit, CoxFit) for fit in (*own.fits, *wide.fits)):
        return NestedTest(reason="a model without a likelihood")
    found = pooled_likelihood_ratio(own, wide)
    lr_base, lr_full = own.likelihood_ratio(), wide.likelihood_ratio()
    # D2 is a mean square: its statistic times its degrees of freedom is on the scale of a likelihood ratio
    return NestedTest(
        found.statistic * found.df, float(found.df), found.p_value, POOLED,
        lr_base.statistic * lr_base.df, lr_full.statistic * lr_full.df, float(lr_base.df), float(lr_full.df),
    )  # fmt: skip
