"""What a validation found: measures of each specification, and paired differences between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.formatting import count_noun, format_estimate, format_number, format_significant
from survmodel.performance.out_of_fold import OutOfFold
from survmodel.performance.out_of_fold_scores import OutOfFoldScores
from survmodel.performance.scoring import HARRELL, SLOPE, Measure
from survmodel.performance.validation_scores import MeasureScore, Scores, around
from survmodel.result import Display, Result
from survmodel.table import Table

#: Below so many patients limits of a corrected measure are descriptive.
ENOUGH_FOR_LIMITS = 120
COLUMNS = ["model", "measure", "horizon", "sample", "estimate", "conf_low", "conf_high"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Validation(Result):
    """Internal validation of one or more specifications.

    Attributes
    ----------
    scores : mapping of str to Scores
        By name of the specification.
    method : {"optimism", ".632+", "cross-validation"}
        How they were corrected.
    n, n_event, n_strata : int
        Patients scored, events, strata.
    n_incomplete : int
        Rows left out because a specification lacks a value of theirs.
    seed : int
        Of the draws.
    horizons : tuple of float
        Times at which risks were scored.
    unit : str
        Unit of time.
    out_of_fold : mapping of str to OutOfFold
        What models said of patients they had not seen, by name of the specification; empty where not asked for.
    out_of_fold_scores : mapping of str to OutOfFoldScores
        Measures of these, with the influences of the patients.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    notes : tuple of str
        What the reader may know.
    rows : tuple of int
        Positions of the scored rows in the table, ascending; those of ``out_of_fold`` too.
    """

    scores: Mapping[str, Scores]
    method: str
    n: int
    n_event: int
    n_strata: int
    n_incomplete: int
    seed: int
    horizons: tuple[float, ...] = ()
    unit: str = ""
    out_of_fold: Mapping[str, OutOfFold] = field(default_factory=dict)
    out_of_fold_scores: Mapping[str, OutOfFoldScores] = field(default_factory=dict)
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give every measure of each specification: apparent, optimism or outside the resamples, and corrected.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, horizon, sample ("apparent", "optimism", "test", "cross-validated", "corrected"),
            estimate, conf_low, conf_high. The apparent slope, which is 1 by construction, is left out.
        """
        rows = [
            [name, one.measure.name, np.nan if one.measure.horizon is None else one.measure.horizon, *part]
            for name, scores in self.scores.items()
            for one in scores.measures.values()
            for part in self._parts(one, shows_apparent=scores.shows_apparent)
        ]
        return pd.DataFrame(rows, columns=COLUMNS)

    def _parts(self, one: MeasureScore, *, shows_apparent: bool) -> Iterator[tuple[str, float, float, float]]:
        if shows_apparent and one.measure.name != SLOPE:
            yield "apparent", one.apparent, np.nan, np.nan
        if self.method == "optimism":
            yield "optimism", one.optimism, np.nan, np.nan
        elif self.method == ".632+" and one.measure.name != SLOPE:
            yield "test", one.outside, np.nan, np.nan
        if np.isfinite(one.cross_validated):
            reach = normal_quantile(self.conf_level) * one.std_error
            yield "cross-validated", one.cross_validated, one.cross_validated - reach, one.cross_validated + reach
        if self.method == "optimism" or one.measure.name != SLOPE:
            yield "corrected", one.corrected, one.conf_low, one.conf_high

    def differences(self) -> pd.DataFrame:
        """Compare every two specifications on the same resamples, or the same folds.

        Returns
        -------
        pandas.DataFrame
            Columns model ("a - b"), measure, horizon, sample, estimate (of the corrected, and of the cross-validated
            values), conf_low, conf_high. No p-value: nested models are tested by the likelihood ratio.

        Notes
        -----
        Limits under the optimism method are those of the difference in the resamples, moved by its optimism; else those
        of the difference out of fold, by the influences of the patients. Limits that would not hold the corrected
        value, as with many columns and few events, are not given.
        """
        rows: list[list[object]] = []
        for first, second in itertools.combinations(self.scores, 2):
            for measure in self.scores[first].measures:
                if measure.name == SLOPE:
                    continue
                horizon = np.nan if measure.horizon is None else measure.horizon
                for part in self._compare(first, second, measure):
                    rows.append([f"{first} - {second}", measure.name, horizon, *part])
        return pd.DataFrame(rows, columns=COLUMNS)

    def _compare(self, first: str, second: str, measure: Measure) -> Iterator[tuple[str, float, float, float]]:
        one, other = (self.scores[name].measures[measure] for name in (first, second))
        corrected = one.corrected - other.corrected
        if self.method == "optimism":
            drawn = one.by_resample - other.by_resample
            drawn = drawn[np.isfinite(drawn)]
            tail = (1 - self.conf_level) / 2
            low, high = np.nan, np.nan
            if drawn.size and np.isfinite(corrected):
                low, high = around(corrected, *(np.quantile(drawn, [tail, 1 - tail]) - (one.optimism - other.optimism)))
            yield "corrected", corrected, float(low), float(high)
        reach = np.nan
        if first in self.out_of_fold_scores:
            pair = [self.out_of_fold_scores[name] for name in (first, second)]
            reach = normal_quantile(self.conf_level) * pair[0].error_of_difference(pair[1], measure)
            folds = one.cross_validated - other.cross_validated
            yield "cross-validated", folds, folds - reach, folds + reach
        if self.method != "optimism":
            yield "corrected", corrected, corrected - reach, corrected + reach

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row; `used` is the least of all specifications.
        """
        text = "patients drawn within strata, pairs within strata; whole specification refitted"
        if self.horizons:
            text += "; censoring curve and null model of the rows learnt from, within strata; AUC averaged by patients"
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "n_missing": self.n_incomplete,
            "method": self.method,
            "asked": max(one.asked for one in self.scores.values()),
            "used": min(one.used for one in self.scores.values()),
            "seed": self.seed,
            "conf_level": self.conf_level,
            "conventions": text,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for name, scores in self.scores.items():
            for one in scores.measures.values():
                rows.append(self._cells(name, scores, one))
        table = Table(["model", "measure", "apparent", "corrected", "resamples used"], rows)
        title = f"Internal validation by {self.method}: {count_noun(self.n, 'patient')}, {self.n_event} events"
        notes = [f"{HARRELL.split()[0]}'s C within {count_noun(self.n_strata, 'stratum', 'strata')}"]
        if self.n < ENOUGH_FOR_LIMITS:
            notes.append(f"limits are descriptive below {ENOUGH_FOR_LIMITS} patients")
        if self.n_incomplete:
            notes.append(f"{count_noun(self.n_incomplete, 'row')} with missing values left out of all models")
        return Display(title, (table,), (*notes, *self.notes))

    def _cells(self, name: str, scores: Scores, one: MeasureScore) -> list[str]:
        measure = one.measure
        is_slope = measure.name == SLOPE
        value = one.cross_validated if is_slope and self.method != "optimism" else one.corrected
        shown = format_number(value, 3)
        if np.isfinite(one.conf_low):
            shown = format_estimate(one.corrected, one.conf_low, one.conf_high, 3)
        apparent = format_number(one.apparent, 3) if scores.shows_apparent and not is_slope else "not shown"
        at = "" if measure.horizon is None else f" at {format_significant(measure.horizon)} {self.unit}".rstrip()
        return [name, f"{measure.name}{at}", apparent, shown, f"{one.used or scores.used} of {scores.asked}"]
