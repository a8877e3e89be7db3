r"""How far apart a prognostic index sets the patients: Royston and Sauerbrei's D, and Gonen and Heller's K.

**D** is the log hazard ratio between two groups of equal size, those of higher and of lower index. The index is
replaced by its normal scores :math:`z` (Blom's, their mean where indices tie), and with
:math:`\kappa = \sqrt{8/\pi}`, the distance between the means of the two halves of a standard normal variable,

.. math:: D = \kappa\,\hat\beta_z, \qquad R^2_D = \frac{D^2/\kappa^2}{\pi^2/6 + D^2/\kappa^2},

:math:`\hat\beta_z` being the coefficient of the scores in a Cox model. Within strata the scores are ranked, and the
model is stratified, within strata: D is then the separation inside a stratum. It needs no scale of the index, but
the proportional hazards of the scores.

The standard error of the Cox model (Royston and Sauerbrei, R's ``royston``) takes the scores as given. But another
sample would rank its patients on another scale, and the limits of a D near 2.4 hold the truth in 89 samples of 100.
The error here is therefore that of the influence of each row: its dfbeta, and what its rank does to the scores of all.
With :math:`a < b` the shares of the stratum with lower, and with lower or equal index, the score of a value is the mean
of the normal quantiles between them, and

.. math:: dz = \frac{z - \Phi^{-1}(a)}{b - a}\,da + \frac{\Phi^{-1}(b) - z}{b - a}\,db, \qquad
    \frac{\partial \hat\beta}{\partial z_j} = \operatorname{var}(\hat\beta)
    \Bigl\{M_j - \hat\beta \int (z_j - \bar z)\,d\hat\Lambda_j\Bigr\},

with the martingale residual :math:`M_j` and the hazard :math:`\hat\Lambda_j` that row j lived through.

**K** is the mean probability, over pairs, that the patient with the higher linear predictor has the event first,
:math:`1/(1 + \exp(-|x_i - x_j|))`, if the Cox model is right. It takes the linear predictor at its word: outcomes
do not enter K itself, only its standard error, whose square is the sum of what drawing other patients and what
estimating the slope of the index would do to it,

.. math:: \sum_i \Bigl(\frac{\partial K}{\partial w_i}\Bigr)^2 + \Bigl(\frac{\partial K}{\partial b}\Bigr)^2
    \operatorname{var}(\hat b), \qquad b = 1,

:math:`\hat b` being the coefficient of the index in a Cox model of these rows. Gonen and Heller have the whole vector
of coefficients in place of b; directions that leave the spread of the index as it is hardly move K.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, FitError, closest
from survmodel.formatting import count_noun, format_estimate, format_interval, format_number
from survmodel.kernels.pair_probabilities import sum_pair_probabilities
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_residuals import compute_residuals
from survmodel.naming import percent_level
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import read_index
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Errors = Literal["influence", "model"]
ERRORS = ("influence", "model")

KAPPA = float(np.sqrt(8 / np.pi))
#: Variance of the smallest extreme value distribution, the noise of a proportional-hazards model.
NOISE = float(np.pi**2 / 6)
D, R2 = "Royston D", "R2_D"
K = "Gonen-Heller K"
#: Never a claim: it rises when diseases differ in risk.
POOLED = ", pooled (includes differences between strata)"


class Value(NamedTuple):
    """One measure with its error and limits.

    Attributes
    ----------
    measure : str
        What it is.
    estimate, std_error, conf_low, conf_high : float
        NaN where there is no standard error.
    """

    measure: str
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PrognosticSeparation(Result):
    """How far apart an index sets the patients.

    Attributes
    ----------
    values : tuple of Value
        The measures; with strata the pooled ones after those within strata.
    n, n_event, n_strata : int
        Rows, events, strata.
    conf_level : float
        Coverage of the limits.
    conventions : str
        How they were computed.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    values: tuple[Value, ...]
    n: int
    n_event: int
    n_strata: int
    conf_level: float
    conventions: str
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> float:
        """The first measure."""
        return self.values[0].estimate

    @property
    def std_error(self) -> float:
        """Its standard error."""
        return self.values[0].std_error

    def tidy(self) -> pd.DataFrame:
        """Give the measures, one row each.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, std_error, conf_low, conf_high.
        """
        return pd.DataFrame(self.values, columns=list(Value._fields))

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        names = ("n", "n_event", "n_strata", "conf_level", "conventions")
        return pd.DataFrame([{name: getattr(self, name) for name in names}])

    def _display(self) -> Display:
        header = ["measure", "estimate", f"{percent_level(self.conf_level)} limits", "se"]
        rows = [
            [one.measure, format_number(one.estimate, 3), format_interval(one.conf_low, one.conf_high, 3),
             format_number(one.std_error, 4) if np.isfinite(one.std_error) else ""]
            for one in self.values
        ]  # fmt: skip
        strata = f" within {self.n_strata} strata" if self.n_strata > 1 else ""
        title = f"{self.values[0].measure}{strata}: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}"
        return Display(title, (Table(header, rows),), (self.conventions, *self.notes))


def royston_d(
    outcome: Outcome,
    index: object,
    *,
    strata: object = None,
    errors: Errors = "influence",
    conf_level: float = 0.95,
) -> PrognosticSeparation:
    """Estimate the prognostic separation D of an index, and the variation that it explains.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.
    index : Series or array_like, shape (n,)
        Prognostic index or risk, higher = worse; only its order matters.
    strata : Series or array_like, shape (n,), optional
        Normal scores and baseline hazards are those of each stratum.
    errors : {"influence", "model"}
        Standard errors that count that the scores come from these rows, or those of the Cox model, which take them as
        given and are too small where D is large.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    PrognosticSeparation
        D with standard error and limits, and R2_D, whose limits are those of D carried over. An index that is fitted
        to these rows has a D that is too large, and it is not adjusted here.

    Raises
    ------
    ConfigError
        For other kinds of errors.
    DataError
        When rows differ from the outcome's or an index is missing or infinite.
    EndpointError
        With competing events.
    FitError
        For an index with one value, and where the Cox model has no maximum.

    References
    ----------
    Royston P, Sauerbrei W (2004). Stat Med 23:723-748. Royston P (2006). Stata J 6:83-96.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 1, 1])
    >>> royston_d(outcome, [5, 6, 3, 4, 1, 2]).tidy()["estimate"].round(3).tolist()
    [1.911, 0.466]
    """
    scores, layers = read_index(outcome, index), read_groups(outcome, strata, "strata")
    if errors not in ERRORS:
        raise ConfigError(f"errors {errors!r} are not known", remedy=closest(str(errors), ERRORS))
    first = _separate(outcome, scores, layers, (errors, conf_level), "")
    values, misled = [*first], first[0].estimate < 0
    if layers.n > 1:
        values += _separate(outcome, scores, _one_stratum(outcome), (errors, conf_level), POOLED)
    wrong = "the index orders the patients the wrong way: D is below 0, and R2_D is given as 0"
    text = "normal scores (Blom) of the index, their mean where it ties, ranked within strata; Cox model with Efron's "
    text += "ties within strata; higher index = worse; limits of R2_D are those of D; no adjustment for optimism; "
    text += "influence-function se, scores estimated" if errors == "influence" else "se of the Cox model, scores given"
    return PrognosticSeparation(
        values=tuple(values),
        n=outcome.n,
        n_event=outcome.n_event,
        n_strata=layers.n,
        conf_level=conf_level,
        conventions=text,
        warnings=join_warnings(outcome.warnings, [wrong] if misled else []),
        notes=layers.notes,
    )


def gonen_heller(
    outcome: Outcome, index: object, *, strata: object = None, conf_level: float = 0.95
) -> PrognosticSeparation:
    """Estimate the concordance probability K of the linear predictor of a Cox model.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind; they enter the standard error only.
    index : Series or array_like, shape (n,)
        Linear predictor of a Cox model, a log hazard: ``fit.prognostic_index(table)`` of CoxPH. No risk, no forest's
        index, no points of a score, whose differences are no log hazard ratios: K would be meaningless.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed within strata, and added up.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    PrognosticSeparation
        K with standard error and limits within 1/2 and 1. A warning says where the slope of the index in these rows
        is not 1, as K takes for granted.

    Raises
    ------
    DataError
        When rows differ from the outcome's or an index is missing or infinite.
    EndpointError
        With competing events.
    FitError
        For an index with one value, and where the Cox model has no maximum.

    References
    ----------
    Gonen M, Heller G (2005). Biometrika 92:965-970.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 1, 1])
    >>> found = gonen_heller(outcome, [1.0, 1.5, 0.5, 0.5, -0.5, 0.0])
    >>> round(found.estimate, 4)
    0.6937
    """
    scores, layers = read_index(outcome, index), read_groups(outcome, strata, "strata")
    value, warnings = _agree(outcome, scores, layers, conf_level, K)
    values = [value]
    if layers.n > 1:
        values.append(_agree(outcome, scores, _one_stratum(outcome), conf_level, K + POOLED)[0])
    text = "probability by the Cox model; pairs within strata; tied indices 1/2; the index is a log hazard of slope 1; "
    text += "se of drawing other patients and of estimating the slope"
    return PrognosticSeparation(
        values=tuple(values),
        n=outcome.n,
        n_event=outcome.n_event,
        n_strata=layers.n,
        conf_level=conf_level,
        conventions=text,
        warnings=join_warnings(outcome.warnings, warnings),
        notes=layers.notes,
    )


def _one_stratum(outcome: Outcome) -> Groups:
    return Groups(np.zeros(outcome.n, dtype=np.int64), ("",))


def _separate(outcome: Outcome, scores: Floats, strata: Groups, asked: tuple[Errors, float], which: str) -> list[Value]:
    """Give D and the variation explained."""
    normal = _normal_scores(scores, strata.codes)
    fit = _fit(outcome, normal, strata)
    beta, error = float(fit.beta[0]), float(np.sqrt(fit.beta_covariance[0, 0]))
    if asked[0] == "influence":
        own = _influence(fit, scores, normal, strata.codes)
        error = float(np.sqrt((own**2).sum() * outcome.n / (outcome.n - 1)))
    z = normal_quantile(asked[1])
    low, high = beta - z * error, beta + z * error
    d = Value(D + which, KAPPA * beta, KAPPA * error, KAPPA * low, KAPPA * high)
    return [d, Value(R2 + which, _explained(beta), np.nan, _explained(low), _explained(high))]


def _explained(beta: float) -> float:
    """Give the share of variation that an index with standard deviation `beta` explains; none if it misleads."""
    return max(beta, 0.0) ** 2 / (NOISE + max(beta, 0.0) ** 2)


def _normal_scores(scores: Floats, codes: Ints) -> Floats:
    """Replace indices by their expected normal order statistics (Blom 1958) within strata, the mean for equal ones."""
    normal = np.empty(scores.size)
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == code)
        n = rows.size
        blom = np.array([NormalDist().inv_cdf((rank - 0.375) / (n + 0.25)) for rank in range(1, n + 1)])
        _, tie, size = np.unique(scores[rows], return_inverse=True, return_counts=True)
        order = np.argsort(tie, kind="stable")
        normal[rows] = (np.bincount(tie[order], weights=blom) / size)[tie]
    return normal


def _influence(fit: CoxFit, scores: Floats, normal: Floats, codes: Ints) -> Floats:
    """Give the influence of each row on the coefficient of the normal scores, which change with it too."""
    seen = compute_residuals(fit.data, fit.ordered, fit.beta)
    variance = float(fit.beta_covariance[0, 0])
    expected = -seen.score[:, 0]
    expected[seen.death_rows] += seen.schoenfeld[:, 0]
    by_score = variance * (seen.martingale - fit.beta[0] * expected)
    influence: Floats = variance * seen.score[:, 0]
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == code)
        n = rows.size
        values, tie, size = np.unique(scores[rows], return_inverse=True, return_counts=True)
        if values.size < 2:
            continue
        slope, z = np.bincount(tie, by_score[rows]), np.bincount(tie, normal[rows]) / size
        upper = np.cumsum(size) / n
        cuts = np.array([NormalDist().inv_cdf(share) for share in upper[:-1]])
        # the lowest value has no lower end that could move, the highest no upper one
        of_lower = np.append(0.0, slope[1:] * (z[1:] - cuts) / (size[1:] / n))
        of_upper = np.append(slope[:-1] * (cuts - z[:-1]) / (size[:-1] / n), 0.0)
        lower = np.append(0.0, upper[:-1])
        # a row moves the ends above its value up, and by their height all of them down
        above = np.append(np.cumsum(of_lower[::-1])[::-1][1:], 0.0) + np.cumsum(of_upper[::-1])[::-1]
        influence[rows] += (above[tie] - of_lower @ lower - of_upper @ upper) / n
    return influence


def _fit(outcome: Outcome, scores: Floats, strata: Groups) -> CoxFit:
    """Fit a Cox model of one column within strata."""
    within = np.array([np.ptp(scores[strata.codes == code]) for code in range(strata.n)])
    if not within.any():
        raise FitError("the index has one value within every stratum" if strata.n > 1 else "the index has one value")
    table = pd.DataFrame({"index": scores, "stratum": strata.codes}, index=outcome.index)
    return CoxPH("index", strata="stratum" if strata.n > 1 else None).fit(table, outcome)


def _agree(
    outcome: Outcome, scores: Floats, strata: Groups, conf_level: float, measure: str
) -> tuple[Value, list[str]]:
    """Give K, and a warning where its slope is not the one that it takes for granted."""
    fit = _fit(outcome, scores, strata)
    slope, error = float(fit.beta[0]), float(np.sqrt(fit.beta_covariance[0, 0]))
    order = np.argsort(strata.codes, kind="stable")
    size = np.bincount(strata.codes, minlength=strata.n)
    own = np.zeros(outcome.n)
    rise = sum_pair_probabilities(scores[order], np.append(0, np.cumsum(size)), own)
    pairs = float((size * (size - 1) / 2).sum())
    k = float(own.sum() / 2 / pairs)
    influence = (own - k * (size[strata.codes[order]] - 1)) / pairs
    spread = float(np.sqrt((influence**2).sum() + (rise / pairs * error) ** 2))
    z = normal_quantile(conf_level)
    value = Value(measure, k, spread, max(k - z * spread, 0.5), min(k + z * spread, 1.0))
    low, high = slope - z * error, slope + z * error
    if low <= 1 <= high:
        return value, []
    found = format_estimate(slope, low, high, 2)
    return value, [f"the slope of the index in these rows is {found} and not 1, so that K says what it claims to know"]
