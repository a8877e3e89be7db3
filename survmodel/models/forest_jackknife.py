r"""Limits of a forest's predicted risk, by the infinitesimal jackknife.

Tree *b* drew patient *i* :math:`N_{bi}` times and predicts the risk :math:`T_b(x)`. With
:math:`C_i = \frac{1}{B} \sum_b (N_{bi} - \bar N_i)(T_b - \bar T)` the variance of the mean over trees is estimated by

.. math::
    \hat V = a \Bigl( \sum_i C_i^2 - \frac{v}{B^2} \sum_b (T_b - \bar T)^2 \Bigr), \qquad
    v = \sum_i \operatorname{var} N_i ,

where the second term takes off what the finite number of trees adds to the first (Wager, Hastie and Efron 2014, who
write *n* for *v*; it is :math:`s (1 - 1/n)` for *s* draws with replacement). With replacement *a* is 1. For *s* draws
without replacement :math:`v = s (n - s) / n` and :math:`a = \frac{n - 1}{n} \bigl(\frac{n}{n - s}\bigr)^2` (Wager and
Athey 2018).

The limits tell how much the forest's prediction would vary from one set of patients to another. They do not tell how
far the forest is from the truth on average: what its leaves smooth away, or columns that are not in the formula.

Simulated with 100 patients the variance comes out at about three quarters of the true one where trees draw with
replacement, and 1.2 times as large where they draw half of the patients without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, FitError
from survmodel.formatting import count_noun, format_count, format_interval, format_number, format_significant
from survmodel.kernels.forest_reading import find_leaves, sum_curves
from survmodel.models.forest_engine import after_follow_up
from survmodel.models.grown_trees import GrownTrees, Sampling
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.limits import check_limits, survival_limits
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: With a larger part of the variance than this due to the number of trees, limits are not to be trusted.
MOST_MONTE_CARLO = 0.5
#: Numbers that are held at a time.
ROOM = 4_000_000
#: Rows that are printed.
MOST_SHOWN = 12


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskLimits(Result):
    """Predicted risks of a forest with their limits.

    Attributes
    ----------
    times : ndarray, shape (n_times,)
        Times of the predictions.
    risk : ndarray, shape (n, n_times)
        Predicted risk.
    variance : ndarray, shape (n, n_times)
        Its variance from one set of patients to another; not always positive.
    monte_carlo : ndarray, shape (n, n_times)
        What was taken off for the finite number of trees.
    n_trees : int
        Trees of the forest.
    unit : str, optional
        Unit of time.
    conf_level : float
        Coverage of the limits.
    warnings : tuple of str
        What the reader must know.
    """

    times: Floats
    risk: Floats
    variance: Floats
    monte_carlo: Floats
    n_trees: int
    unit: str | None = None
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()

    @property
    def std_error(self) -> Floats:
        """Standard error of each risk, shape (n, n_times); NaN where the variance is not positive."""
        with np.errstate(invalid="ignore"):
            error: Floats = np.sqrt(np.where(self.variance > 0, self.variance, np.nan))
        return error

    def tidy(self) -> pd.DataFrame:
        """Give the risk of each row at each time.

        Returns
        -------
        pandas.DataFrame
            Columns row (position in the table, from 0), time, estimate, std_error, conf_low, conf_high. Limits are
            those of log(-log S); NaN where the variance is not positive, and beyond the longest follow-up.
        """
        survival, error = (1 - self.risk).ravel(), self.std_error.ravel()
        low, high = survival_limits(survival, error, np.zeros(error.size), "log-log", self.conf_level)
        unknown = np.isnan(error)
        n = self.risk.shape[0]
        return pd.DataFrame({
            "row": np.repeat(np.arange(n), self.times.size),
            "time": np.tile(self.times, n),
            "estimate": self.risk.ravel(),
            "std_error": error,
            "conf_low": np.where(unknown, np.nan, 1 - high),
            "conf_high": np.where(unknown, np.nan, 1 - low),
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row; ``monte_carlo`` is what the number of trees adds, as a share of the variance.
        """
        row = {
            "n": self.risk.shape[0],
            "n_times": self.times.size,
            "n_trees": self.n_trees,
            "conf_level": self.conf_level,
            "monte_carlo": _share(self.variance, self.monte_carlo),
            "conventions": "infinitesimal jackknife, corrected for the number of trees; log-log limits; sampling "
            "variability, not bias",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        table = self.tidy()
        rows = [
            [
                format_count(one["row"]),
                format_significant(one["time"]),
                format_number(one["estimate"], 3),
                format_interval(one["conf_low"], one["conf_high"], 3),
            ]
            for one in table.head(MOST_SHOWN).to_dict("records")
        ]
        level = f"{format_significant(100 * self.conf_level)}% limits"
        header = ["row", f"time ({self.unit})" if self.unit else "time", "risk", level]
        more = len(table) - MOST_SHOWN
        notes = (
            *((f"{count_noun(more, 'more row')} in tidy()",) if more > 0 else ()),
            "The limits tell how the prediction varies from one set of patients to another, not how far the forest is "
            "from the truth on average.",
        )
        title = f"Predicted risk of {format_count(self.n_trees)} trees, limits by the infinitesimal jackknife"
        return Display(title, (Table(header, rows),), notes)


def risk_limits(
    fit: SurvivalForestFit, table: pd.DataFrame, times: npt.ArrayLike, conf_level: float = 0.95
) -> RiskLimits:
    """Give the predicted risk of a forest with limits that mean drawing other patients.

    The limits cover the sampling variability of the forest, not its bias: a forest that smooths a steep effect away
    does so in every sample. Rows that the forest was grown on are read in every tree, those that drew them too.

    Parameters
    ----------
    fit : SurvivalForestFit
        A forest of our own engine. As many trees as patients are few here; several times as many are better.
    table : pandas.DataFrame
        Columns of the formula.
    times : array_like, shape (n_times,)
        Times, at least 0.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    RiskLimits
        Risk, standard error and limits; a warning says how many trees to grow where there are too few.

    Raises
    ------
    ConfigError
        For a forest of another engine.
    FitError
        For a forest of one tree, or whose trees were all grown on all rows.
    DataError
        For absent columns, missing values, unseen levels.
    EndpointError
        For negative or missing times.

    References
    ----------
    Wager S, Hastie T, Efron B (2014). Confidence intervals for random forests: the jackknife and the infinitesimal
    jackknife. J Mach Learn Res 15:1625-1651. Wager S, Athey S (2018). J Am Stat Assoc 113:1228-1242.

    Examples
    --------
    >>> from survmodel import Outcome, RandomSurvivalForest
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"x": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-2 * table["x"])), np.ones(80), unit="years")
    >>> fit = RandomSurvivalForest("x", n_trees=500).fit(table, outcome)
    >>> limits = risk_limits(fit, pd.DataFrame({"x": [1.0]}), [0.5]).tidy().iloc[0]
    >>> bool(limits["conf_low"] < limits["estimate"] < limits["conf_high"])
    True
    """
    check_limits("log-log", conf_level)
    engine = fit.engine
    if not isinstance(engine, GrownTrees):
        raise ConfigError("limits of risk read our own trees", fit.spec.engine, 'use engine="survmodel"')
    asked = check_times(times)  # type: ignore[arg-type]
    values = fit.coding.values(table)
    centred, factor, spread = _draws(engine)
    shape = (values.shape[0], asked.size)
    risk, variance, added = np.empty(shape), np.empty(shape), np.empty(shape)
    step = max(1, ROOM // (max(centred.shape) * max(asked.size, 1)))
    for begin in range(0, shape[0], step):
        part = slice(begin, begin + step)
        by_tree = _risk_by_tree(engine, values[part], asked)
        risk[part], variance[part], added[part] = _jackknife(by_tree, centred, factor, spread)
    for one in (risk, variance, added):
        after_follow_up(one, asked, engine.last_time)
    return RiskLimits(
        times=frozen(asked),
        risk=frozen(risk),
        variance=frozen(variance),
        monte_carlo=frozen(added),
        n_trees=engine.states.size,
        unit=fit.outcome.unit,
        conf_level=conf_level,
        warnings=_warn(variance, added, engine.states.size),
    )


def _draws(engine: GrownTrees) -> tuple[Floats, float, float]:
    """Give the centred draws, shape (n_trees, n), the factor of the variance, and the summed variance of draws."""
    counts = engine.draws().astype(np.float64)
    n_trees, n = counts.shape
    if n_trees < 2:
        raise FitError("limits of risk need several trees", "found 1", "grow more")
    factor, spread = _sampling_terms(engine.sampling, n)
    return counts - counts.mean(axis=0), factor, spread


def _sampling_terms(sampling: Sampling, n: int) -> tuple[float, float]:
    """Give *a* and *v* of the module's formula."""
    draws = sampling.n_draws
    if not sampling.replace:
        if draws >= n:
            raise FitError("every tree was grown on all rows", remedy="draw with replacement, or a share of the rows")
        return (n - 1) / n * (n / (n - draws)) ** 2, draws * (n - draws) / n
    if sampling.cumulative.size:
        share = np.diff(sampling.cumulative, prepend=0.0) / sampling.cumulative[-1]
        return 1.0, float(draws * (share * (1 - share)).sum())
    return 1.0, draws * (1 - 1 / n)


def _risk_by_tree(engine: GrownTrees, values: Floats, times: Floats) -> Floats:
    """Read the risk of each row at each time in each tree, shape (n_trees, n, n_times)."""
    order = np.argsort(times, kind="stable")
    places = np.searchsorted(engine.event_times, times[order], side="right").astype(np.int64) - 1
    n_trees, n = engine.states.size, values.shape[0]
    survival = np.zeros((n_trees, n, times.size))
    hazard, counted, nobody = np.zeros((n, times.size)), np.zeros(n), np.empty((0, n), dtype=np.int32)
    for tree in range(n_trees):
        own = engine.trees._replace(node_bounds=engine.trees.node_bounds[tree : tree + 2])
        leaves = find_leaves(own, values, engine.unordered, nobody)
        sum_curves(own, leaves, places, hazard, survival[tree], counted)
    risk: Floats = 1 - survival[:, :, np.argsort(order, kind="stable")]
    return risk


def _jackknife(by_tree: Floats, centred: Floats, factor: float, spread: float) -> tuple[Floats, Floats, Floats]:
    """Give the mean over trees, its variance, and what was taken off for the number of trees, each (n, n_times)."""
    n_trees, shape = by_tree.shape[0], by_tree.shape[1:]
    mean = by_tree.mean(axis=0)
    deviations = (by_tree - mean).reshape(n_trees, -1)
    covariance = centred.T @ deviations / n_trees
    raw = factor * (covariance**2).sum(axis=0).reshape(shape)
    added = factor * spread / n_trees * (deviations**2).mean(axis=0).reshape(shape)
    return mean, raw - added, added


def _share(variance: Floats, added: Floats) -> float:
    """Give what the number of trees adds as a share of the variance, over all rows and times."""
    total = float(np.nansum(variance))
    return float(np.nansum(added)) / total if total > 0 else np.nan


def _warn(variance: Floats, added: Floats, n_trees: int) -> tuple[str, ...]:
    """Say where the trees are too few, and how many would do: what they add falls as their number rises."""
    moved = np.isfinite(variance) & (added > 0)
    lost = int((moved & (variance <= 0)).sum())
    shaky = int((moved & (variance > 0) & (added > MOST_MONTE_CARLO * variance)).sum())
    if not lost and not shaky:
        return ()
    share = _share(variance, added)
    # From all rows together, as the variance of a single one is itself uncertain.
    ratio = max(2.0, share / MOST_MONTE_CARLO) if np.isfinite(share) else 10.0
    wanted = int(np.ceil(ratio * n_trees / 100) * 100)
    found = [f"{count_noun(lost, 'risk')} without limits"] if lost else []
    found += [f"{count_noun(shaky, 'risk')} with limits that depend on chance"] if shaky else []
    return (f"{' and '.join(found)}: too few trees; grow about {format_count(wanted)} instead of {n_trees}",)
