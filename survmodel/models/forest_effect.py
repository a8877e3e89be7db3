r"""Partial effect: what a model predicts on average when one column is set to a value in every row.

For each value the column is set in all rows of a table, whatever they had, and the predictions are averaged (Friedman
2001). Columns that a formula derives from it follow. The curve of a single row over the values is its individual
curve (Goldstein et al. 2015); their quartiles tell how alike the rows are.

This describes a model. It is not what would happen to patients whose value changed, and where columns go together it
asks about patients whom nobody has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest
from survmodel.formatting import count_noun, format_interval, format_number, format_significant, level_text
from survmodel.frame import as_frame
from survmodel.models.contract import Fit
from survmodel.models.formula import Formula
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.checks import check_columns
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: A number with no more different values than this is set to each of them, else to its deciles.
MOST_VALUES = 20
QUARTILES = (0.25, 0.75)
NOT_CAUSAL = "a description of the model, not what would happen if a patient's value changed"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PartialEffect(Result):
    """Mean predictions over the rows of a table, with one column set to each of its values.

    Attributes
    ----------
    column : str
        The column.
    values : tuple
        What it was set to.
    times : ndarray, shape (n_times,)
        Times of the predictions.
    risk : ndarray, shape (n_values, n_times)
        Mean risk.
    lower, upper : ndarray, shape (n_values, n_times)
        Quartiles of the risks of the rows.
    n : int
        Rows.
    n_missing : int
        Rows left out because another column of the formula is missing.
    individual : ndarray, shape (n_values, n, n_times), optional
        Risk of each row.
    has_survival : bool
        Whether one minus the risk is a survival: not so for the risk of one of several causes.
    unit : str, optional
        Unit of time.
    warnings : tuple of str
        What the reader must know.
    """

    column: str
    values: tuple[object, ...]
    times: Floats
    risk: Floats
    lower: Floats
    upper: Floats
    n: int
    n_missing: int = 0
    individual: Floats | None = None
    has_survival: bool = True
    unit: str | None = None
    warnings: tuple[str, ...] = ()

    def centred(self, value: object = None) -> Floats:
        """Give individual risks less those at one of the values, so that rows can be compared.

        Parameters
        ----------
        value : object, optional
            One of the values; the first without it.

        Returns
        -------
        ndarray, shape (n_values, n, n_times)
            0 at that value.

        Raises
        ------
        ConfigError
            Without individual risks, or for a value that was not asked for.
        """
        if self.individual is None:
            raise ConfigError("individual risks were not kept", remedy="ask for individual=True")
        if value is not None and value not in self.values:
            raise ConfigError(f"{value!r} is not among the values", closest(str(value), map(str, self.values)))
        place = 0 if value is None else self.values.index(value)
        centred: Floats = self.individual - self.individual[place]
        return centred

    def tidy(self) -> pd.DataFrame:
        """Give the mean prediction for each value at each time.

        Returns
        -------
        pandas.DataFrame
            Columns variable, level (the value), time, measure ("risk", and "survival" where there is one), estimate
            (mean over rows), lower, upper (quartiles of rows). NaN beyond the longest follow-up.
        """
        n_values, n_times = self.risk.shape
        level = [value for value in self.values for _ in range(n_times)]
        tables = []
        for measure in ("risk", "survival") if self.has_survival else ("risk",):
            mean, low, high = self.risk, self.lower, self.upper
            if measure == "survival":
                mean, low, high = 1 - mean, 1 - high, 1 - low
            tables.append(pd.DataFrame({
                "variable": self.column,
                "level": level,
                "time": np.tile(self.times, n_values),
                "measure": measure,
                "estimate": mean.ravel(),
                "lower": low.ravel(),
                "upper": high.ravel(),
            }))  # fmt: skip
        return pd.concat(tables, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "variable": self.column,
            "n": self.n,
            "n_missing": self.n_missing,
            "n_values": len(self.values),
            "n_times": self.times.size,
            "conventions": f"mean over rows with the column set in all of them; quartiles of rows; {NOT_CAUSAL}",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = [
            [
                value_text(value),
                format_significant(time),
                format_number(self.risk[place, at], 3),
                format_interval(self.lower[place, at], self.upper[place, at], 3),
            ]
            for place, value in enumerate(self.values)
            for at, time in enumerate(self.times)
        ]
        header = [self.column, f"time ({self.unit})" if self.unit else "time", "mean risk", "quartiles of rows"]
        left = f"; {count_noun(self.n_missing, 'row')} with missing values left out" if self.n_missing else ""
        title = f"Partial effect of {self.column}: mean predicted risk of {count_noun(self.n, 'row')}"
        note = f"{NOT_CAUSAL[:1].upper()}{NOT_CAUSAL[1:]}{left}."
        return Display(title, (Table(header, rows),), (note,), "sm.draw_partial_effect(result)")


def partial_effect(
    fit: Fit,
    table: pd.DataFrame,
    column: str,
    times: npt.ArrayLike,
    *,
    values: Sequence[object] | None = None,
    individual: bool = False,
) -> PartialEffect:
    """Set a column to each of its values in every row and average what a model predicts.

    A description of the model: not what would happen to a patient whose value changed.

    Parameters
    ----------
    fit : Fit
        A fitted forest, Cox model, or any other that predicts risk.
    table : pandas.DataFrame
        Rows over which predictions are averaged, for example those of the fit.
    column : str
        The column; what the formula derives from it follows.
    times : array_like, shape (n_times,)
        Times of the predictions.
    values : sequence, optional
        What the column is set to. Without it a number is set to its deciles, 10th to 90th percentile, or to each of
        its values where there are at most 20, and a factor to its levels.
    individual : bool
        Whether the risks of the rows are kept, shape (n_values, n, n_times).

    Returns
    -------
    PartialEffect
        Mean risk and survival, with quartiles of the rows.

    Raises
    ------
    ConfigError
        For a column that is not in the formula, or without values.
    DataError
        For absent columns, unseen levels, a table without a complete row.
    EndpointError
        For negative or missing times.

    References
    ----------
    Friedman JH (2001). Ann Stat 29:1189-1232. Goldstein A et al. (2015). J Comput Graph Stat 24:44-65.

    Examples
    --------
    >>> from survmodel import CoxPH, Outcome
    >>> table = pd.DataFrame({"age": [51.0, 74, 63, 70, 58, 66, 69, 55], "stage": ["I", "II"] * 4})
    >>> outcome = Outcome([9, 3, 6, 7, 4, 5, 8, 2], [1, 1, 0, 1, 1, 1, 1, 1], unit="years")
    >>> effect = partial_effect(CoxPH("age + stage").fit(table, outcome), table, "stage", [5])
    >>> effect.values
    ('I', 'II')
    """
    table = as_frame(table)
    asked = check_times(times)  # type: ignore[arg-type]
    formula = _formula_of(fit)
    if formula is not None and column not in formula.variables:
        raise ConfigError(f"{column} is not in the formula", closest(column, formula.variables))
    check_columns(table, [column])
    settings = _read_values(table[column], values)
    gone = np.zeros(len(table), dtype=bool) if formula is None else _missing(fit, formula, table, column)
    if gone.all():
        raise DataError("no complete row is left", remedy="fill in, impute, or leave columns out")
    rows = table[~gone]
    risk = np.array([fit.predict_risk(_with(rows, column, one), asked) for one in settings])
    lower, upper = np.quantile(risk, QUARTILES, axis=1)
    outcome = getattr(fit, "outcome", None)
    return PartialEffect(
        column=column,
        values=tuple(settings),
        times=frozen(asked),
        risk=frozen(risk.mean(axis=1)),
        lower=frozen(lower),
        upper=frozen(upper),
        n=len(rows),
        n_missing=int(gone.sum()),
        individual=frozen(risk) if individual else None,
        has_survival=hasattr(fit, "predict_survival"),
        unit=getattr(outcome, "unit", None),
    )


def value_text(value: object) -> str:
    """Write a value of the column: a number to four digits, a level as it is.

    Parameters
    ----------
    value : object
        The value.

    Returns
    -------
    str
        Its text.

    Examples
    --------
    >>> value_text(1.6071363), value_text("II")
    ('1.607', 'II')
    """
    return format_significant(value) if isinstance(value, float) else level_text(value)


def _formula_of(fit: Fit) -> Formula | None:
    """Find the formula of a fit; models of other makes need not have one."""
    formula = getattr(getattr(fit, "design", None), "formula", None)
    return formula if isinstance(formula, Formula) else None


def _missing(fit: Fit, formula: Formula, table: pd.DataFrame, column: str) -> Bools:
    """Tell which rows cannot be predicted for, whatever the column is set to."""
    gone = np.zeros(len(table), dtype=bool)
    if isinstance(fit, SurvivalForestFit) and fit.coding.gaps:
        return gone
    for name, absent in formula.missing_masks(table).items():
        if name != column:
            gone |= absent
    return gone


def _read_values(series: pd.Series, values: Sequence[object] | None) -> list[object]:
    """Choose what a column is set to."""
    if values is not None:
        listed: list[object] = [values] if isinstance(values, str) else list(values)
        if not listed or pd.isna(pd.Series(listed, dtype=object)).any():
            raise ConfigError("a partial effect needs values of the column", "found none or a missing one")
        return listed
    known = series.dropna()
    if not len(known):
        raise DataError(f"{series.name} has no value in any row", remedy="give values")
    if isinstance(series.dtype, pd.CategoricalDtype):
        present = set(known)
        return [level for level in series.dtype.categories if level in present]
    different = sorted(known.unique().tolist())
    if not pd.api.types.is_numeric_dtype(series.dtype) or len(different) <= MOST_VALUES:
        return different
    deciles = np.quantile(known.to_numpy(dtype=np.float64), np.arange(1, 10) / 10)
    return [float(one) for one in np.unique(deciles)]


def _with(rows: pd.DataFrame, column: str, value: object) -> pd.DataFrame:
    """Set a column to a value in every row; a category stays one, so that its order is kept."""
    changed, dtype = rows.copy(), rows[column].dtype
    if isinstance(dtype, pd.CategoricalDtype) and value in dtype.categories:
        changed[column] = pd.Categorical([value] * len(rows), dtype=dtype)
    else:
        changed[column] = pd.Series([value] * len(rows), index=rows.index)
    return changed
