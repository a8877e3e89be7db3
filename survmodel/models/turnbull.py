"""Turnbull's survival curve of events that are known as intervals, without a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import EndpointError
from survmodel.formatting import count_noun, format_number, format_significant
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.parametric import read_bounds
from survmodel.models.turnbull_maximum import Masses, maximise_masses
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.interval import IntervalOutcome
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_weights
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TurnbullCurve:
    """Nonparametric survival curve of events in intervals, by group.

    The event of a row is in (lower, upper]. The curve falls within intervals of support and is level elsewhere; how it
    falls within one, nobody can know, and the curve is given as two bounds there. With known times only it is
    Kaplan and Meier's. It has no limits here: the bootstrap is the honest way to them.

    References
    ----------
    Turnbull BW (1976). J R Stat Soc B 38:290-295. Gentleman R, Geyer CJ (1994). Biometrika 81:618-623.
    Wang Y (2007). J R Stat Soc B 69:185-198.

    Examples
    --------
    >>> from survmodel import IntervalOutcome, TurnbullCurve
    >>> outcome = IntervalOutcome([0, 1, 2, 2, 4], [2, 3, 4, 5, float("inf")])
    >>> fit = TurnbullCurve().fit(outcome)
    >>> fit.tidy()[["lower", "upper", "probability", "estimate"]].round(3).to_numpy().tolist()
    [[1.0, 2.0, 0.276, 0.724], [2.0, 3.0, 0.447, 0.276], [4.0, 5.0, 0.276, 0.0]]
    """

    def fit(self, outcome: Outcome | IntervalOutcome, by: object = None, weights: object = None) -> TurnbullFit:
        """Estimate the curves.

        Parameters
        ----------
        outcome : IntervalOutcome or Outcome
            Intervals; exact times are intervals too.
        by : Series or array_like, shape (n,), optional
            Group labels.
        weights : Series or array_like, shape (n,), optional
            How much each row counts.

        Returns
        -------
        TurnbullFit
            Intervals of support with their masses.

        Raises
        ------
        DataError
            When rows differ from the outcome's.
        EndpointError
            For rows that enter late.
        """
        lower, upper = read_bounds(outcome)
        if outcome.entry is not None and (outcome.entry > 0).any():
            raise EndpointError(
                "Turnbull's curve takes no late entry", remedy="use ParametricSurvival, or KaplanMeier on outcome.known"
            )
        known = outcome.known if isinstance(outcome, IntervalOutcome) else outcome
        groups, weight = read_groups(known, by), read_weights(outcome, weights)
        curves = []
        for code in range(groups.n):
            rows = (groups.codes == code) & (weight > 0)
            curves.append(maximise_masses(lower[rows], upper[rows], weight[rows]))
        return TurnbullFit(
            curves=tuple(curves),
            groups=groups,
            lower=frozen(lower),
            upper=frozen(upper),
            weight=frozen(weight),
            unit=outcome.unit or "",
            warnings=outcome.warnings,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TurnbullFit(Result):
    """Turnbull's curves.

    Attributes
    ----------
    curves : tuple of Masses
        One for each group.
    groups : Groups
        Group of every row.
    lower, upper, weight : ndarray, shape (n,)
        The rows.
    unit : str
        Unit of time.
    warnings : tuple of str
        What the reader must know.
    """

    curves: tuple[Masses, ...]
    groups: Groups
    lower: Floats
    upper: Floats
    weight: Floats
    unit: str = ""
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the intervals of support.

        Returns
        -------
        pandas.DataFrame
            Columns group, lower, upper (of the interval; equal for a known time, upper infinite where the curve does
            not come down), probability (mass), estimate (survival after the interval).
        """
        tables = [
            pd.DataFrame({
                "group": label,
                "lower": one.lower,
                "upper": one.upper,
                "probability": one.mass,
                "estimate": _after(one),
            })
            for label, one in zip(self.groups.labels, self.curves, strict=True)
        ]  # fmt: skip
        return pd.concat(tables, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give counts and how the climb ended, in one row.

        Returns
        -------
        pandas.DataFrame
            Rows, events, events between two times, log-likelihood of all groups, the largest excess of a derivative (0
            at the maximum, relative).
        """
        counted = self.weight > 0
        seen = counted & np.isfinite(self.upper)
        row = {
            "n": int(counted.sum()),
            "n_event": int(seen.sum()),
            "n_interval": int((seen & (self.lower < self.upper)).sum()),
            "n_group": self.groups.n,
            "loglik": sum(one.loglik for one in self.curves),
            "excess": max(one.excess for one in self.curves),
            "iterations": max(one.iterations for one in self.curves),
            "conventions": "intervals (lower, upper]; Turnbull's estimate, climbed until the conditions of Kuhn and "
            "Tucker hold to 1e-9; no limits",
        }
        return pd.DataFrame([row])

    def at(self, times: npt.ArrayLike) -> pd.DataFrame:
        """Read the curves at fixed times.

        Parameters
        ----------
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        pandas.DataFrame
            Columns group, time, lower and upper (bounds of the survival probability: they differ within an interval of
            support), estimate (missing where they differ).
        """
        asked = check_times(times)  # type: ignore[arg-type]
        tables = []
        for label, one in zip(self.groups.labels, self.curves, strict=True):
            later = one.upper > asked[:, np.newaxis]
            low = (one.mass * (later & (one.lower >= asked[:, np.newaxis]))).sum(axis=1)
            high = (one.mass * later).sum(axis=1)
            level = np.where(high - low < 1e-12, high, np.nan)
            columns = {"group": label, "time": asked, "lower": low, "upper": high, "estimate": level}
            tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)

    def _display(self) -> Display:
        rows = [
            [
                row["group"],
                f"{format_significant(row['lower'])} to {_end(row['upper'])}"
                if row["lower"] < row["upper"]
                else format_significant(row["lower"]),
                format_number(row["probability"], 3),
                format_number(row["estimate"], 3),
            ]
            for row in self.tidy().to_dict("records")
        ]
        glance = self.glance().iloc[0]
        unit = f", time in {self.unit}" if self.unit else ""
        title = (
            f"Turnbull's survival curve: {count_noun(glance.n, 'row')}, {count_noun(glance.n_event, 'event')}, "
            f"{glance.n_interval} of them between two times{unit}"
        )
        header = ["group", "event in", "mass", "survival after it"]
        first = 0 if any(self.groups.labels) else 1
        table = Table(header[first:], [row[first:] for row in rows])
        return Display(title, (table,), ("Within an interval the curve is not known",))


def _after(curve: Masses) -> Floats:
    """Compute survival after each interval of support."""
    left: Floats = np.maximum(1 - np.cumsum(curve.mass), 0)
    left[np.isclose(left, 0, atol=1e-12)] = 0
    # what is beyond the last visit has not come down
    left[np.isinf(curve.upper)] = curve.mass[np.isinf(curve.upper)]
    return left


def _end(time: float) -> str:
    return format_significant(time) if np.isfinite(time) else "beyond"
