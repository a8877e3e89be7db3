r"""Tests on fitted Cox models: proportional hazards, and nested models against each other.

The proportional-hazards test asks whether adding :math:`x\,g(t)` to the model would help: the score test of its
coefficients at 0, the other coefficients at their estimates. With event-time scores and informations :math:`U(u),
I(u)` at the fit,

.. math::
    U_g = \sum_u g(u) U(u), \qquad
    I = \begin{pmatrix} \sum_u I(u) & \sum_u g(u) I(u) \\ \sum_u g(u) I(u) & \sum_u g(u)^2 I(u) \end{pmatrix}, \qquad
    \chi^2 = (0, U_g)\, I^{-1} (0, U_g)'

for all terms together (GLOBAL), and with the rows of one term for that term (R's survival from version 3 on; the older
approximation of Grambsch and Therneau differs where covariates are correlated).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, DataError, FitError, closest
from survmodel.formatting import format_number, format_p, format_p_equation
from survmodel.kernels import cox as kernel
from survmodel.kernels.kaplan_meier import product_limit
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import at_event_times
from survmodel.models.firth import hold_at_zero
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Transform = Literal["km", "identity", "rank", "log"]

NO_PROOF = "a large p does not show that hazards are proportional; small cohorts miss large departures"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ProportionalHazardsTest(Result):
    """Score tests of proportional hazards, one for each term and one for all.

    Attributes
    ----------
    terms : tuple of str
        Term labels, "GLOBAL" last.
    statistic, p_value : ndarray, shape (n_terms + 1,)
        Chi-squared statistics and their tail probabilities.
    df : ndarray of int64, shape (n_terms + 1,)
        Degrees of freedom: columns of the term.
    transform : str
        Function of time.
    n_event : int
        Events of the fit.
    warnings : tuple of str
        Warnings of the fit.
    """

    terms: tuple[str, ...]
    statistic: Floats
    df: npt.NDArray[np.int64]
    p_value: Floats
    transform: str
    n_event: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the tests, one row for each term and GLOBAL last.

        Returns
        -------
        pandas.DataFrame
            Columns term, statistic, df, p_value.
        """
        columns = {"term": self.terms, "statistic": self.statistic, "df": self.df, "p_value": self.p_value}
        return pd.DataFrame(columns)

    def glance(self) -> pd.DataFrame:
        """Give the global test in one row.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, df, p_value, transform, n_event, conventions.
        """
        row = {
            "statistic": float(self.statistic[-1]),
            "df": int(self.df[-1]),
            "p_value": float(self.p_value[-1]),
            "transform": self.transform,
            "n_event": self.n_event,
            "conventions": "score test (survival 3 and later)",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [term, format_number(statistic, 2), str(df), format_p(p)]
            for term, statistic, df, p in zip(self.terms, self.statistic, self.df, self.p_value, strict=True)
        ]
        title = f"Test of proportional hazards, score test, time transformed by {self.transform}"
        return Display(title, (Table(["term", "chi-squared", "df", "p"], rows),), (NO_PROOF,))


def proportional_hazards_test(fit: CoxFit, transform: Transform = "km") -> ProportionalHazardsTest:
    """Test whether hazard ratios are constant over time.

    Parameters
    ----------
    fit : CoxFit
        A fitted model with at least one column.
    transform : {"km", "identity", "rank", "log"}
        Function of time against which the coefficients may change: one minus the Kaplan-Meier curve just before, time
        itself, its rank, or its logarithm.

    Returns
    -------
    ProportionalHazardsTest
        A test for each term, and GLOBAL for all.

    Raises
    ------
    ConfigError
        For an unknown transform.
    FitError
        When the model has no columns or exact ties, or the transform is constant or infinite over the event times.

    References
    ----------
    Grambsch PM, Therneau TM (1994). Biometrika 81:515-526.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CoxPH, Outcome, proportional_hazards_test
    >>> table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    >>> fit = CoxPH("x").fit(table, Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1]))
    >>> proportional_hazards_test(fit).tidy()["term"].tolist()
    ['x', 'GLOBAL']
    """
    if transform not in get_args(Transform):
        raise ConfigError(f"transform {transform!r} is not known", closest(str(transform), get_args(Transform)))
    if fit.spec.is_tuned:
        raise FitError("an elastic net has no test of proportional hazards", remedy="fit without a penalty")
    if fit.spec.ties == "exact":
        raise FitError("exact ties have no test of proportional hazards", remedy='fit with ties="efron"')
    if fit.spec.time_varying:
        raise FitError("the model has coefficients that change over time already", remedy="see its constancy_tests()")
    p = fit.beta.size
    if p == 0:
        raise FitError("the model has no columns", remedy="there is nothing to test")
    g = _transformed_times(fit, transform)
    if not np.isfinite(g).all():
        raise FitError(f"the transform {transform!r} is infinite at an event time", remedy="use another transform")
    if np.ptp(g) == 0:
        raise FitError("all events happen at one time", remedy="proportional hazards cannot be tested")
    # The kernel needs weights that are not negative: g is moved to [0, 1], and the sums are moved back to g centred at
    # its mean over the deaths. The centre matters under a penalty, where the score of the fit is not 0.
    low, width = g.min(), np.ptp(g)
    unit = (g - low) / width
    deaths = np.repeat(unit, _death_counts(fit))
    centre = float(deaths.mean())
    score_once, once = _weighted(fit, unit)
    score_none, none = _weighted(fit, np.ones_like(g))
    _, twice = _weighted(fit, unit * unit)
    score = width * (score_once - centre * score_none)
    twice = width**2 * (twice - 2 * centre * once + centre**2 * none)
    once = width * (once - centre * none)
    penalty = np.diag(fit.spec.theta / fit.ordered.scale**2)
    information = np.block([[none + penalty, once], [once, twice + penalty]])
    groups = [np.array(columns) for _, columns in fit.design.terms] + [np.arange(p)]
    statistic = [_score_test(information, score, columns) for columns in groups]
    df = np.array([columns.size for columns in groups])
    return ProportionalHazardsTest(
        terms=(*(label for label, _ in fit.design.terms), "GLOBAL"),
        statistic=frozen(statistic),
        df=frozen(df, np.int64),
        p_value=frozen([chi_squared_p(one, size) for one, size in zip(statistic, df, strict=True)]),
        transform=transform,
        n_event=fit.n_event,
        warnings=fit.warnings,
    )


def _score_test(information: Floats, score: Floats, columns: npt.NDArray[np.int64]) -> float:
    p = score.size
    chosen = np.concatenate([np.arange(p), columns + p])
    right = np.concatenate([np.zeros(p), score[columns]])
    try:
        return float(right @ np.linalg.solve(information[np.ix_(chosen, chosen)], right))
    except np.linalg.LinAlgError:
        raise FitError("the information about changes over time is singular") from None


def _weighted(fit: CoxFit, g: Floats) -> tuple[Floats, Floats]:
    """Score and information on the scale of the sorted features, each event time weighted."""
    ordered, sets = fit.ordered, fit.ordered.risk_sets
    sums = at_event_times(fit.data, ordered, fit.beta)
    n, p = ordered.offset.size, fit.beta.size
    hazard, died = np.empty(n), np.empty(n)
    score, information = np.empty(p), np.empty((p, p))
    kernel.lived_hazard(sums.steps, g, sets, hazard, died)
    kernel.score_and_information(
        ordered.features, sums.risk, ordered.multiplicity, sums.steps, g, hazard, died, sets, score, information
    )
    return score, information


def _death_counts(fit: CoxFit) -> npt.NDArray[np.int64]:
    """Count the deaths of every event time, each row once."""
    sets = fit.ordered.risk_sets
    return sets.after_deaths - sets.first_death


def _transformed_times(fit: CoxFit, transform: str) -> Floats:
    """Transform the event times; ranks and the curve come from all analysed rows, strata pooled."""
    times = fit.ordered.risk_sets.time
    data = fit.data
    if transform == "identity":
        return times.copy()
    if transform == "log":
        with np.errstate(divide="ignore"):
            logs: Floats = np.log(times)
        return logs
    if transform == "rank":
        values, place = np.unique(data.time, return_inverse=True)
        counts = np.bincount(place, weights=data.count)
        middle = np.cumsum(counts) - (counts - 1) / 2
        ranks: Floats = middle[np.searchsorted(values, times)]
        return ranks
    order = np.lexsort((~data.event, data.time))
    entry, entry_count = np.empty(0), np.empty(0)
    if data.entry is not None:
        by_entry = np.argsort(data.entry, kind="stable")
        entry, entry_count = data.entry[by_entry], data.count[by_entry]
    curve = product_limit(data.time[order], data.event[order], data.count[order], entry, entry_count)
    before = np.searchsorted(curve.time, times)
    survival: Floats = np.concatenate([[1.0], curve.survival])[before]
    return 1 - survival


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LikelihoodRatioTest(Result):
    """A likelihood-ratio test of two nested Cox models.

    Attributes
    ----------
    statistic, df, p_value : float, int, float
        Twice the difference of log-likelihoods, difference of parameters, tail probability.
    loglik_small, loglik_large : float
        Log partial likelihoods.
    n, n_event : int
        Rows and events that both models analyse.
    warnings : tuple of str
        Warnings of the two fits.
    """

    statistic: float
    df: int
    p_value: float
    loglik_small: float
    loglik_large: float
    n: int
    n_event: int
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the test in one row.

        Returns
        -------
        pandas.DataFrame
            Columns statistic, df, p_value.
        """
        return pd.DataFrame({"statistic": [self.statistic], "df": [self.df], "p_value": [self.p_value]})

    def glance(self) -> pd.DataFrame:
        """Give the test with both log-likelihoods in one row.

        Returns
        -------
        pandas.DataFrame
            Columns of :meth:`tidy`, loglik_small, loglik_large, n, n_event.
        """
        more = {
            "loglik_small": self.loglik_small, "loglik_large": self.loglik_large, "n": self.n, "n_event": self.n_event
        }  # fmt: skip
        return self.tidy().assign(**more)

    def _display(self) -> Display:
        title = f"Likelihood ratio test: chi-squared {format_number(self.statistic, 2)} on {self.df} df, "
        title += format_p_equation(self.p_value)
        return Display(title, (), (f"{self.n} rows, {self.n_event} events in both models",))


def likelihood_ratio_test(small: CoxFit, large: CoxFit) -> LikelihoodRatioTest:
    """Compare two nested Cox models fitted to the same rows.

    Parameters
    ----------
    small, large : CoxFit
        The model without and with the additional columns.

    Returns
    -------
    LikelihoodRatioTest
        Of the additional columns. Under Firth's penalty their coefficients are held at 0 inside the penalty of the
        larger model, so that the log-likelihood of the smaller one is not that of its own fit.

    Raises
    ------
    DataError
        When the models analyse different rows, for example because a column of the larger one has missing values.
    FitError
        When they are not nested, or differ in ties, strata, weights or Firth's penalty, or have a ridge.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CoxPH, Outcome, likelihood_ratio_test
    >>> table = pd.DataFrame({"x": [2, 5, 1, 4, 3, 6, 2, 4], "z": [1, 0, 1, 1, 0, 0, 1, 0]})
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1] * 8)
    >>> small, large = CoxPH("x").fit(table, outcome), CoxPH("x + z").fit(table, outcome)
    >>> likelihood_ratio_test(small, large).df
    1
    """
    _refuse_other_rows(small, large)
    _refuse_other_models(small, large)
    loglik_small = _penalised_loglik(small, large) if large.spec.is_firth else small.maximum.loglik
    statistic = 2 * (large.maximum.loglik - loglik_small)
    df = large.beta.size - small.beta.size
    return LikelihoodRatioTest(
        statistic=statistic,
        df=df,
        p_value=chi_squared_p(statistic, df),
        loglik_small=loglik_small,
        loglik_large=large.maximum.loglik,
        n=large.n,
        n_event=large.n_event,
        warnings=tuple(dict.fromkeys([*small.warnings, *large.warnings])),
    )


def _penalised_loglik(small: CoxFit, large: CoxFit) -> float:
    """Hold the additional coefficients at 0 inside the penalty of all of them; the small fit has one of its own."""
    names = small.design.names
    if not set(names) <= set(large.design.names):
        remedy = "under Firth's penalty the larger model must hold every column of the smaller one as it is"
        raise FitError("the models are not nested by their columns", remedy=remedy)
    zero = np.array([name not in names for name in large.design.names])
    return hold_at_zero(large.data, large.ordered, zero)


def _refuse_other_rows(small: CoxFit, large: CoxFit) -> None:
    a, b = small.data, large.data
    same = (
        np.array_equal(small.rows, large.rows) and np.array_equal(a.time, b.time) and np.array_equal(a.event, b.event)
    )
    same = same and (a.entry is b.entry is None or (a.entry is not None and np.array_equal(a.entry, b.entry)))  # type: ignore[arg-type]
    if not same:
        raise DataError(
            "the two models analyse different rows",
            f"{small.rows.size} against {large.rows.size} rows",
            "fit both on the rows that are complete in the columns of the larger model",
        )


def _refuse_shrunk(small: CoxFit, large: CoxFit) -> None:
    if small.spec.is_tuned or large.spec.is_tuned:
        raise FitError("an elastic net has no likelihood ratio test", remedy="fit both models without it")
    if small.spec.theta or large.spec.theta:
        raise FitError("a ridge has no likelihood ratio test", remedy="fit both models without it")


def _refuse_other_models(small: CoxFit, large: CoxFit) -> None:
    a, b = small.data, large.data
    _refuse_shrunk(small, large)
    if small.spec.is_firth is not large.spec.is_firth:
        raise FitError("one of the two models has Firth's penalty", remedy="fit both with it, or both without")
    if small.spec.ties != large.spec.ties:
        raise FitError("the two models treat ties differently", remedy="fit both with the same ties")
    if not np.array_equal(a.stratum, b.stratum):
        raise FitError("the two models have different strata", remedy="fit both with the same strata")
    if not (np.array_equal(a.weight, b.weight) and np.array_equal(a.count, b.count)):
        raise FitError("the two models have different weights", remedy="fit both with the same weights")
    if small.robust or large.robust:
        raise FitError("weighted or clustered rows have no likelihood ratio test", remedy="use the robust Wald test")
    if small.beta.size >= large.beta.size:
        raise FitError("the first model is not smaller than the second", remedy="pass the smaller model first")
    if small.beta.size:
        wide = large.ordered.features.T
        narrow = small.ordered.features.T
        rest = narrow - wide @ np.linalg.lstsq(wide, narrow, rcond=None)[0]
        if np.abs(rest).max() > 1e-6:
            raise FitError(
                "the models are not nested", remedy="every column of the smaller model must be in the larger"
            )
