r"""Stability of predictions: what other patients of the same kind would have made of each patient's risk.

A model is developed anew in B resamples by all its steps, and each model predicts the risk of the same patients. With
:math:`p_i` the risk by the model itself and :math:`p_{bi}` that by the model of resample *b*, the mean absolute
prediction error of a patient is :math:`\frac1B \sum_b |p_{bi} - p_i|`, and MAPE its mean over the patients (Riley and
Collins 2023). Risks that scatter widely about the diagonal are no basis for a decision about one patient, whatever C
and calibration say of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, name_rows
from survmodel.formatting import count_noun, format_number
from survmodel.models.contract import Model
from survmodel.models.limits import check_limits
from survmodel.naming import percent_level
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.resampled_scores import choose_resampler
from survmodel.resampling import bootstrap_counts, gather_replicates, read_units
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
#: With fewer resamples the ends of the band are chance.
FEWEST_RESAMPLES = 20


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PredictionStability(Result):
    """Risks of patients by the models of resamples, beside those by the model itself.

    Attributes
    ----------
    original : ndarray, shape (n,)
        Risk by the model itself.
    lower, upper : ndarray, shape (n,)
        Quantiles of the risks by the models of resamples.
    error : ndarray, shape (n,)
        Mean absolute prediction error of each patient.
    used : ndarray of int64, shape (n,)
        Resamples whose model predicted the patient.
    asked : int
        Resamples.
    failed : int
        Resamples that predicted nobody.
    conf_level : float
        Share of the resamples between `lower` and `upper`.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    original: Floats
    lower: Floats
    upper: Floats
    error: Floats
    used: npt.NDArray[np.int64]
    asked: int
    failed: int
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def mape(self) -> float:
        """Mean absolute prediction error of all patients."""
        return float(self.error.mean())

    def tidy(self) -> pd.DataFrame:
        """Give one row for each patient.

        Returns
        -------
        pandas.DataFrame
            Columns row (from 1), expected (risk by the model itself), lower, upper (of the risks by the models of
            resamples), estimate (mean absolute prediction error), used (resamples).
        """
        return pd.DataFrame({
            "row": np.arange(1, self.original.size + 1),
            "expected": self.original,
            "lower": self.lower,
            "upper": self.upper,
            "estimate": self.error,
            "used": self.used,
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give the errors of all patients together in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.original.size,
            "mape": self.mape,
            "largest_error": float(self.error.max()),
            "mean_width": float((self.upper - self.lower).mean()),
            "asked": self.asked,
            "failed": self.failed,
            "conf_level": self.conf_level,
            "conventions": "quantiles of type 7 of the risks by the models of resamples, patient by patient",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        level = percent_level(self.conf_level)
        rows = [
            ["mean absolute prediction error", format_number(self.mape, 3)],
            ["largest of a patient", format_number(float(self.error.max()), 3)],
            [f"mean width of the {level} band", format_number(float((self.upper - self.lower).mean()), 3)],
        ]
        used = self.asked - self.failed
        title = f"Stability of predicted risk: {count_noun(self.original.size, 'patient')}, "
        title += count_noun(used, "resample")
        return Display(title, (Table(["", "risk"], rows),), self.notes, "sm.draw_stability(result)")


def prediction_stability(
    original: npt.ArrayLike, by_resample: npt.ArrayLike, *, conf_level: float = 0.95
) -> PredictionStability:
    """Compare predicted risks with those by models that were developed anew in resamples.

    Parameters
    ----------
    original : array_like, shape (n,)
        Risk of each patient by the model itself, 0 to 1.
    by_resample : array_like, shape (B, n)
        Risk of the same patients by the model of each resample, all steps of the development repeated; a row of NaN is
        a resample that failed, a single NaN a patient whom its model could not predict.
    conf_level : float
        Share of the resamples in the band of a patient.

    Returns
    -------
    PredictionStability
        Band and error of each patient, and MAPE.

    Raises
    ------
    DataError
        For risks that are missing or no probabilities, and for arrays that do not fit together.
    FitError
        With fewer than 20 resamples of a patient.

    References
    ----------
    Riley RD, Collins GS (2023). Biom J 65:2200302.

    Examples
    --------
    >>> random = np.random.default_rng(0)
    >>> original = np.array([0.2, 0.5])
    >>> found = prediction_stability(original, original + random.uniform(-0.1, 0.1, (200, 2)))
    >>> round(found.mape, 2), bool((found.lower > original - 0.1).all())
    (0.05, True)
    """
    check_limits("plain", conf_level)
    risk, others = _read(original, "original", 1), _read(by_resample, "by_resample", 2)
    if not risk.size or others.shape[1] != risk.size:
        raise DataError(
            "by_resample has other patients than original",
            f"{count_noun(others.shape[1], 'column')} for {count_noun(risk.size, 'patient')}",
            "give a row for each resample and a column for each patient",
        )
    missing = np.isnan(risk)
    if missing.any():
        raise DataError("a risk of original is missing", f"in {name_rows(missing)}", "leave the patient out of both")
    known = np.isfinite(others)
    used = known.sum(axis=0)
    if used.min() < FEWEST_RESAMPLES:
        raise FitError(
            f"a patient was predicted in {count_noun(int(used.min()), 'resample')}",
            f"{FEWEST_RESAMPLES} are needed",
            "draw more resamples",
        )
    failed = int((~known.any(axis=1)).sum())
    tails = [(1 - conf_level) / 2, (1 + conf_level) / 2]
    lower, upper = np.nanquantile(others, tails, axis=0)
    some = int((used < others.shape[0] - failed).sum())
    notes = [f"{failed} of {count_noun(others.shape[0], 'resample')} failed"] if failed else []
    notes += [f"{count_noun(some, 'patient')} could not be predicted in all resamples"] if some else []
    return PredictionStability(
        original=frozen(risk),
        lower=frozen(lower),
        upper=frozen(upper),
        error=frozen(np.nanmean(np.abs(others - risk), axis=0)),
        used=frozen(used, np.int64),
        asked=int(others.shape[0]),
        failed=failed,
        conf_level=conf_level,
        notes=tuple(notes),
    )


def stability_of(
    spec: Model,
    table: pd.DataFrame,
    outcome: Outcome,
    horizon: float,
    *,
    strata: object = None,
    repeats: int = 200,
    seed: int = 0,
    conf_level: float = 0.95,
) -> PredictionStability:
    """Refit a specification on bootstrap samples and compare the risks that it then predicts.

    Parameters
    ----------
    spec : Model
        What is fitted, whole, in each resample.
    table : pandas.DataFrame
        Rows that it can use; they are those of the outcome.
    outcome : Outcome
        Times and events.
    horizon : float
        Time of the risks, within the follow-up.
    strata : Series or array_like, shape (n,), optional
        Patients are drawn within strata.
    repeats : int
        Bootstrap samples.
    seed : int
        Of the draws.
    conf_level : float
        Share of the resamples in the band of a patient.

    Returns
    -------
    PredictionStability
        Of the patients with a predicted risk.

    Raises
    ------
    FitError
        When more than one in five resamples fail, or nobody has a risk at the horizon.

    Examples
    --------
    >>> from survmodel import CoxPH
    >>> random = np.random.default_rng(5)
    >>> table = pd.DataFrame({"x": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60), unit="years")
    >>> stability_of(CoxPH("x"), table, outcome, 1.0, repeats=50).mape < 0.1
    True
    """
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    times = np.array([horizon], dtype=np.float64)
    layers = read_groups(outcome, strata, "strata").codes
    counts = bootstrap_counts(read_units(outcome.n, outcome.id, layers), repeats, seed)
    refits = choose_resampler(spec, table, outcome, times).refit(counts, times)
    told = gather_replicates([None if reason else True for reason in refits.reasons], refits.reasons)
    told.refuse_many_failures("refits on the resamples")
    original = spec.fit(table, outcome).predict_risk(table, times)[:, 0]
    known = np.isfinite(original)
    if not known.any():
        raise FitError("nobody has a predicted risk at the horizon", remedy="choose an earlier horizon")
    return prediction_stability(original[known], refits.risk[:, known, 0], conf_level=conf_level)


def _read(values: npt.ArrayLike, name: str, dimensions: int) -> Floats:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} is not numeric") from None
    if found.ndim != dimensions:
        raise ConfigError(f"{name} has {count_noun(found.ndim, 'dimension')}", remedy=f"it needs {dimensions}")
    if ((found < 0) | (found > 1) | np.isinf(found)).any():
        raise DataError(f"a risk of {name} is no probability", remedy="pass predict_risk(table, [horizon])[:, 0]")
    return found
