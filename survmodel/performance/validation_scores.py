r"""What resampling makes of the measures of one specification.

*Optimism* (Harrell, Lee and Mark 1996): in each resample the measure is taken on the resample and on the original
patients; the mean difference is taken off the apparent value. Limits are those of the bootstrap distribution moved by
the optimism (Noma et al. 2021); the slope, which is 1 in every resample, has none.

*.632+* (Efron and Tibshirani 1997): the mean :math:`M_1` over patients outside the resamples is too pessimistic, since
a resample holds 63 % of the patients. With :math:`\gamma` for a model that knows nothing (1/2 for C and AUC; for the
Brier score each outcome against the risks of everybody in the stratum),

.. math::
    M_{.632+} = (1 - w)\,M_{app} + w\,M_1', \quad w = \frac{.632}{1 - .368 R}, \quad
    R = \frac{M_{app} - M_1'}{M_{app} - \gamma},

:math:`M_1'` being :math:`M_1` where that is better than :math:`\gamma`, else :math:`\gamma`, and R being 0 where
:math:`M_1'` is not worse than the apparent value. Limits have the width of those of the same measure out of fold, by
the influences of the patients; the models are taken as given there, so that they are a little narrow.

IPA is 1 less the ratio of the corrected Brier score to that of the null model, corrected in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from survmodel.distributions import normal_quantile
from survmodel.performance.scoring import AUC, BRIER, HARRELL, NULL_BRIER, SLOPE, Measure
from survmodel.resampling import MOST_FAILED
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

IPA = "IPA"
#: C and AUC of an index that knows nothing.
NO_INFORMATION = 0.5
#: Bounds that limits keep to.
BOUNDS = {HARRELL: (0.0, 1.0), AUC: (0.0, 1.0), BRIER: (0.0, 1.0), IPA: (-np.inf, 1.0)}


@dataclass(frozen=True, slots=True, eq=False)
class MeasureScore:
    """One measure of one specification.

    Attributes
    ----------
    measure : Measure
        What it is.
    apparent : float
        On the patients that the specification was fitted to.
    optimism : float
        Mean difference between resample and original patients; NaN under other methods.
    outside : float
        Mean over patients outside the resamples; NaN under other methods.
    cross_validated : float
        Mean over the repeats of the predictions out of fold; NaN where none were asked for.
    corrected : float
        What is to be expected in other patients; NaN where it cannot be told.
    conf_low, conf_high : float
        Limits of the corrected value.
    std_error : float
        Of the cross-validated value, by influences; NaN without it.
    used : int
        Resamples that have the measure.
    by_resample : ndarray, shape (b,)
        Its value in each resample (optimism) or outside it (.632+), in the order of the draws; NaN where it failed.
        Specifications of one call share the draws.
    """

    measure: Measure
    apparent: float
    optimism: float = np.nan
    outside: float = np.nan
    cross_validated: float = np.nan
    corrected: float = np.nan
    conf_low: float = np.nan
    conf_high: float = np.nan
    std_error: float = np.nan
    used: int = 0
    by_resample: Floats = field(default_factory=lambda: frozen([]))


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Measures of one specification.

    Attributes
    ----------
    measures : mapping of Measure to MeasureScore
        In order: C, calibration slope, then AUC, Brier score and IPA at each horizon.
    shows_apparent : bool
        Whether apparent values mean anything; those of a forest do not.
    asked, used : int
        Resamples.
    failures : tuple of (str, int)
        Why resamples failed.
    """

    measures: Mapping[Measure, MeasureScore]
    shows_apparent: bool
    asked: int
    used: int
    failures: tuple[tuple[str, int], ...] = ()

    def find(self, name: str, horizon: float | None = None) -> MeasureScore:
        """Find a measure by its name and horizon.

        Parameters
        ----------
        name : str
            "Harrell C", "calibration slope", "AUC", "Brier score" or "IPA".
        horizon : float, optional
            Its time; none for the first two.

        Returns
        -------
        MeasureScore
            The measure.

        Raises
        ------
        KeyError
            When it was not scored.
        """
        return self.measures[Measure(name, horizon)]

    @property
    def concordance(self) -> MeasureScore:
        """Harrell's C."""
        return self.find(HARRELL)

    @property
    def apparent(self) -> float:
        """Apparent C."""
        return self.concordance.apparent

    @property
    def optimism(self) -> float:
        """Optimism of C."""
        return self.concordance.optimism

    @property
    def outside(self) -> float:
        """Mean C of patients outside the resamples."""
        return self.concordance.outside

    @property
    def corrected(self) -> float:
        """Corrected C."""
        return self.concordance.corrected

    @property
    def cross_validated(self) -> float:
        """C of the indices out of fold."""
        return self.concordance.cross_validated

    @property
    def conf_low(self) -> float:
        """Lower limit of the corrected C."""
        return self.concordance.conf_low

    @property
    def conf_high(self) -> float:
        """Upper limit of the corrected C."""
        return self.concordance.conf_high

    @property
    def outside_by_resample(self) -> tuple[float, ...]:
        """C of patients outside each resample; NaN where it failed."""
        return tuple(self.concordance.by_resample.tolist())


def correct_by_optimism(
    measures: tuple[Measure, ...], apparent: Floats, inside: Floats, original: Floats, conf_level: float
) -> dict[Measure, MeasureScore]:
    """Take the optimism off every measure.

    Parameters
    ----------
    measures : tuple of Measure
        One for each column.
    apparent : ndarray, shape (m,)
        On the original patients, fitted to them.
    inside, original : ndarray, shape (b, m)
        Fitted to each resample: on the resample, and on the original patients.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    dict of Measure to MeasureScore
        The null model left out, IPA added; NaN where more than one in five resamples have no value.
    """
    both = np.isfinite(inside) & np.isfinite(original)
    enough = both.sum(axis=0) >= (1 - MOST_FAILED) * len(inside)
    shift = np.where(enough, _mean(np.where(both, inside - original, np.nan)), np.nan)
    corrected = dict(zip(measures, apparent - shift, strict=True))
    found = {}
    for column, measure in enumerate(measures):
        if measure.name == NULL_BRIER:
            continue
        found[measure] = _limited(measure, apparent[column], shift[column], inside[:, column], conf_level)
        if measure.name == BRIER:
            null = column + 1
            with np.errstate(invalid="ignore", divide="ignore"):
                drawn = 1 - inside[:, column] / inside[:, null]
                before = 1 - apparent[column] / apparent[null]
                after = 1 - corrected[measure] / corrected[measures[null]]
            ipa = Measure(IPA, measure.horizon)
            found[ipa] = _limited(ipa, before, before - after, drawn, conf_level)
    return found


def _limited(measure: Measure, apparent: float, optimism: float, drawn: Floats, conf_level: float) -> MeasureScore:
    """Move the distribution over the resamples by the optimism."""
    known = drawn[np.isfinite(drawn)]
    low = high = np.nan
    # the slope is 1 in every resample: its distribution there says nothing
    if np.isfinite(optimism) and known.size and measure.name != SLOPE:
        tail = (1 - conf_level) / 2
        least, most = BOUNDS.get(measure.name, (-np.inf, np.inf))
        ends = np.quantile(known, [tail, 1 - tail]) - optimism
        low, high = around(float(apparent - optimism), *ends)
        low, high = max(low, least), min(high, most)
    return MeasureScore(
        measure=measure,
        apparent=float(apparent),
        optimism=float(optimism),
        corrected=float(apparent - optimism),
        conf_low=low,
        conf_high=high,
        used=int(known.size),
        by_resample=frozen(drawn),
    )


def around(corrected: float, low: float, high: float) -> tuple[float, float]:
    """Keep limits that hold the corrected value.

    The resamples of a model with too many columns for its events lie so far above its apparent value that even after
    the optimism is taken off once their distribution does not reach down to the corrected value: it says nothing then.

    Parameters
    ----------
    corrected, low, high : float
        Corrected value, and the ends of the moved distribution.

    Returns
    -------
    tuple of (float, float)
        The limits; NaN where they do not hold it.

    Examples
    --------
    >>> around(0.6, 0.5, 0.7), around(0.44, 0.46, 0.69)
    ((0.5, 0.7), (nan, nan))
    """
    return (float(low), float(high)) if low <= corrected <= high else (np.nan, np.nan)


def correct_by_632(
    measures: tuple[Measure, ...], apparent: Floats, outside: Floats, no_information: Mapping[Measure, float]
) -> dict[Measure, MeasureScore]:
    """Weigh apparent values against those of patients outside the resamples.

    Parameters
    ----------
    measures : tuple of Measure
        One for each column.
    apparent : ndarray, shape (m,)
        On the original patients.
    outside : ndarray, shape (b, m)
        On the patients outside each resample.
    no_information : mapping of Measure to float
        Values of a model that knows nothing, of each Brier score and of that of the null model.

    Returns
    -------
    dict of Measure to MeasureScore
        The null model left out, IPA added, without limits. The calibration slope has no value here: outside single
        resamples it is too unstable for a mean.
    """
    known = np.isfinite(outside)
    enough = known.sum(axis=0) >= (1 - MOST_FAILED) * len(outside)
    mean = np.where(enough, _mean(outside), np.nan)
    corrected = {
        measure: weigh_632(
            apparent[column], mean[column], no_information.get(measure, NO_INFORMATION),
            higher_is_better=measure.name in (HARRELL, AUC),
        )
        for column, measure in enumerate(measures)
    }  # fmt: skip
    found = {}
    for column, measure in enumerate(measures):
        if measure.name == NULL_BRIER:
            continue
        is_slope = measure.name == SLOPE
        found[measure] = MeasureScore(
            measure=measure,
            apparent=float(apparent[column]),
            outside=np.nan if is_slope else float(mean[column]),
            corrected=np.nan if is_slope else corrected[measure],
            used=int(known[:, column].sum()),
            by_resample=frozen(outside[:, column]),
        )
        if measure.name == BRIER:
            null = column + 1
            with np.errstate(invalid="ignore", divide="ignore"):
                parts = [1 - one[column] / one[null] for one in (apparent, mean)]
                drawn = 1 - outside[:, column] / outside[:, null]
                ipa = Measure(IPA, measure.horizon)
                found[ipa] = MeasureScore(
                    measure=ipa,
                    apparent=float(parts[0]),
                    outside=float(parts[1]),
                    corrected=float(1 - corrected[measure] / np.float64(corrected[measures[null]])),
                    used=int(np.isfinite(drawn).sum()),
                    by_resample=frozen(drawn),
                )
    return found


def weigh_632(
    apparent: float, outside: float, no_information: float = NO_INFORMATION, *, higher_is_better: bool = True
) -> float:
    """Weigh an apparent value against that of patients outside the resamples: the .632+ estimate.

    Parameters
    ----------
    apparent : float
        Of the patients that the model was fitted to.
    outside : float
        Mean over the patients outside the resamples.
    no_information : float
        Value of a model that knows nothing.
    higher_is_better : bool
        True for C and AUC, False for the Brier score.

    Returns
    -------
    float
        The estimate; never worse than the value without information on the account of those outside.

    Examples
    --------
    >>> round(weigh_632(0.9, 0.5), 3), round(weigh_632(0.7, 0.7), 3)
    (0.5, 0.7)
    >>> round(weigh_632(0.05, 0.20, 0.25, higher_is_better=False), 4)
    0.1809
    """
    if not np.isfinite(outside):
        return np.nan
    sign = 1.0 if higher_is_better else -1.0
    floor = sign * max(sign * outside, sign * no_information)
    worse = sign * (apparent - floor)
    overfit = worse / (sign * (apparent - no_information)) if worse > 0 else 0.0
    weight = 0.632 / (1 - 0.368 * overfit)
    return float((1 - weight) * apparent + weight * floor)


def limit_by_error(value: float, std_error: float, name: str, conf_level: float) -> tuple[float, float]:
    """Give normal limits inside the bounds of a measure.

    Parameters
    ----------
    value, std_error : float
        The value and its standard error.
    name : str
        Name of the measure.
    conf_level : float
        Coverage.

    Returns
    -------
    tuple of float
        Lower and upper limit.
    """
    least, most = BOUNDS.get(name, (-np.inf, np.inf))
    reach = normal_quantile(conf_level) * std_error
    if not np.isfinite(value - reach):
        return np.nan, np.nan
    return max(value - reach, least), min(value + reach, most)


def _mean(values: Floats) -> Floats:
    """Average the known values of each column; NaN where there is none."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        average: Floats = np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)
    return average
