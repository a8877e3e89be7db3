"""What a hazard-ratio plot shows, as rows: headings, levels with their reference, ratios of one or several models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, FitError, list_values
from survmodel.formatting import format_estimate, format_number, format_ratio, level_text
from survmodel.models.cox_fit import CoxFit
from survmodel.models.term_tests import columns_of_splines
from survmodel.naming import describe_term_in_figure, is_interaction, label_of, level_label

#: What a table of hazard ratios must have, and what is filled in where it is absent.
REQUIRED = ("term", "estimate", "conf_low", "conf_high")
TEXTS = ("model", "term", "variable", "level", "reference")
NUMBERS = ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "n", "n_event")

NOT_ESTIMABLE = "not estimable"
REFERENCE = "reference"

_LARGEST_WRITTEN = 1000.0

Source: TypeAlias = "CoxFit | pd.DataFrame | Sequence[CoxFit]"


@dataclass(frozen=True, slots=True, eq=False)
class RatioModel:
    """Hazard ratios of one model, or of several models under one name.

    Attributes
    ----------
    name : str
        What it is called, "" when it is the only one.
    table : pandas.DataFrame
        Columns of `TEXTS` and `NUMBERS`; reference levels have rows of their own, with an estimate of 1.
    fits : tuple of CoxFit
        Where the table comes from, none when it was given as a table.
    conf_level : float
        Coverage of the limits.
    """

    name: str
    table: pd.DataFrame
    fits: tuple[CoxFit, ...]
    conf_level: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The hazard ratio of one model in a row.

    Attributes
    ----------
    model : int
        Place of the model.
    is_reference : bool
        Whether the row is the reference level.
    estimate, conf_low, conf_high, p_value : float
        NaN where they do not exist.
    n, n_event : float
        Patients and events of the level, of the model where there is no level; NaN when not known.
    """

    model: int
    is_reference: bool
    estimate: float
    conf_low: float
    conf_high: float
    p_value: float
    n: float
    n_event: float

    @property
    def exists(self) -> bool:
        """Whether there is an estimate that a log axis can show."""
        return math.isfinite(self.estimate) and self.estimate > 0

    @property
    def limits(self) -> tuple[float, float] | None:
        """The limits when both exist, as infinite ones do."""
        none = self.is_reference or not self.exists or math.isnan(self.conf_low) or math.isnan(self.conf_high)
        return None if none else (self.conf_low, self.conf_high)

    @property
    def text(self) -> str:
        """The ratio with its limits as it is written beside the axis."""
        if self.is_reference:
            return REFERENCE
        if not self.exists:
            return NOT_ESTIMABLE
        return write_ratio(self.estimate, self.conf_low, self.conf_high)


@dataclass(frozen=True, slots=True)
class RatioRow:
    """A row of the figure.

    Attributes
    ----------
    label : str
        What it is about.
    ratios : tuple of Ratio
        In the order of the models; none in a heading.
    is_level : bool
        Whether it stands under the heading of its factor.
    starts : bool
        Whether it is the first row of its column of the data.
    """

    label: str
    ratios: tuple[Ratio, ...] = ()
    is_level: bool = False
    starts: bool = False

    @property
    def lines(self) -> tuple[Ratio, ...]:
        """The ratios, each on a line of its own; once what is the reference with the same counts in all models."""
        same = len({(str(ratio.n), str(ratio.n_event)) for ratio in self.ratios}) == 1
        return self.ratios[:1] if same and all(ratio.is_reference for ratio in self.ratios) else self.ratios


def read_models(fits: CoxFit | pd.DataFrame | Mapping[str, Source], conf_level: float = 0.95) -> tuple[RatioModel, ...]:
    """Read what a hazard-ratio plot is asked to show.

    Parameters
    ----------
    fits : CoxFit, DataFrame, or mapping of str to CoxFit, sequence of CoxFit or DataFrame
        One model, or models by name.
    conf_level : float
        Coverage of the limits of tables; a fit knows its own.

    Returns
    -------
    tuple of RatioModel
        One for each name.

    Raises
    ------
    ConfigError
        For anything else, a table without the columns needed or without rows, or limits of different coverage.

    Examples
    --------
    >>> table = pd.DataFrame({"term": ["age"], "estimate": [1.2], "conf_low": [1.0], "conf_high": [1.44]})
    >>> read_models(table)[0].table.loc[0, ["term", "reference"]].tolist()
    ['age', '']
    """
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level:g}", remedy="give the coverage of the limits, for example 0.95")
    named = dict(fits) if isinstance(fits, Mapping) else {"": fits}
    models = tuple(_read_model(str(name), source, conf_level) for name, source in named.items())
    if not models or not all(len(model.table) for model in models):
        raise ConfigError("there is no hazard ratio to draw", remedy="pass a fit with at least one term")
    if len({model.conf_level for model in models}) > 1:
        raise ConfigError("the models have limits of different coverage", remedy="fit them with one conf_level")
    return models


def _read_model(name: str, source: object, conf_level: float) -> RatioModel:
    if isinstance(source, pd.DataFrame):
        return RatioModel(name, add_references(_read_table(source, name)), (), conf_level)
    fits = (source,) if isinstance(source, CoxFit) else source
    if not isinstance(fits, Sequence) or not fits or not all(isinstance(fit, CoxFit) for fit in fits):
        raise ConfigError(
            "draw_hazard_ratios draws Cox models",
            f"found {type(source).__name__}",
            "pass a fit of sm.CoxPH, its hazard_ratios(), or a mapping of names to these",
        )
    if len({fit.spec.conf_level for fit in fits}) > 1:
        raise ConfigError("the models have limits of different coverage", remedy="fit them with one conf_level")
    tables = [_fit_table(fit, name) for fit in fits]
    return RatioModel(name, pd.concat(tables, ignore_index=True), tuple(fits), fits[0].spec.conf_level)


def _read_table(source: pd.DataFrame, name: str) -> pd.DataFrame:
    absent = [column for column in REQUIRED if column not in source]
    if absent:
        raise ConfigError(
            "the table of hazard ratios lacks columns", list_values(absent), "pass fit.hazard_ratios() as it is"
        )
    table = pd.DataFrame(index=range(len(source)))
    for column in TEXTS:
        values = source[column] if column in source else pd.Series([""] * len(source))
        table[column] = ["" if pd.isna(value) else level_text(value) for value in values]
    table["model"] = name
    for column in NUMBERS:
        values = source[column] if column in source else pd.Series([np.nan] * len(source))
        table[column] = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return table


def _fit_table(fit: CoxFit, name: str) -> pd.DataFrame:
    if fit.spec.is_tuned:
        raise FitError(
            "an elastic net has no limits to draw", "its columns were selected on the same patients", "see fit.path()"
        )
    # The coefficients of a spline are no ratios that anyone could read; its curve is a figure of its own.
    splines = columns_of_splines(fit.design)
    ratios = fit.hazard_ratios()
    table = _read_table(ratios.drop(index=list(splines)).reset_index(drop=True), name)
    for column in fit.columns.columns:
        if pd.api.types.is_bool_dtype(fit.columns[column].dtype):
            # A truth value is a number to the model, and a factor to the reader.
            table.loc[table["term"].str.strip("`") == column, ["level", "reference"]] = ["yes", "no"]
    table = add_references(table)
    counts = [_count(fit, row) for row in table.to_dict("records")]
    table[["n", "n_event"]] = np.asarray(counts, dtype=np.float64).reshape(-1, 2)
    return table


def _count(fit: CoxFit, row: Mapping[Any, Any]) -> tuple[float, float]:
    """Count patients and events of a level, of all rows where there is no level."""
    if not row["level"]:
        return float(fit.n), float(fit.n_event)
    if row["variable"] not in fit.columns:
        return math.nan, math.nan
    column = fit.columns[row["variable"]]
    truth = {True: "yes", False: "no"}
    is_bool = pd.api.types.is_bool_dtype(column.dtype)
    texts = np.array([truth[bool(value)] if is_bool else level_text(value) for value in column], dtype=object)
    inside = texts == row["level"]
    return float(fit.counts[inside].sum()), float(fit.counts[inside & fit.outcome.died].sum())


def add_references(table: pd.DataFrame) -> pd.DataFrame:
    """Put a row for the reference level before the first level of each factor that has none.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns of `TEXTS` and `NUMBERS`.

    Returns
    -------
    pandas.DataFrame
        The table with more rows.
    """
    rows: list[dict[str, Any]] = []
    begun = {(row["variable"], row["level"]) for row in table.to_dict("records") if row["level"] == row["reference"]}
    for record in table.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        first = (row["variable"], row["reference"])
        if _is_level(row) and row["reference"] and first not in begun:
            begun.add(first)
            term = f"{row['term'].removesuffix('[' + row['level'] + ']')}[{row['reference']}]"
            nothing = dict.fromkeys(NUMBERS, math.nan)
            rows.append({**row, **nothing, "term": term, "level": row["reference"], "estimate": 1.0})
        rows.append(row)
    return pd.DataFrame(rows, columns=[*TEXTS, *NUMBERS])


def _is_level(row: Mapping[Any, Any]) -> bool:
    """Tell whether a row stands under the name of a factor: contrasts and interactions have rows of their own."""
    contrast = row["term"] == f"{row['variable']} {row['level']} vs {row['reference']}"
    return bool(row["level"]) and not contrast and not is_interaction(row["term"], row["variable"])


def ratio_rows(
    models: Sequence[RatioModel], known: Mapping[str, str], units: Mapping[str, str] | None = None
) -> tuple[RatioRow, ...]:
    """Arrange the hazard ratios of all models in rows, the levels of a factor together under its name.

    Parameters
    ----------
    models : sequence of RatioModel
        The models.
    known : mapping of str to str
        Labels of columns, terms and levels.
    units : mapping of str to str, optional
        Units of columns.

    Returns
    -------
    tuple of RatioRow
        From the top.
    """
    blocks: dict[str, dict[tuple[bool, str], list[tuple[dict[Any, Any], Ratio]]]] = {}
    for place, model in enumerate(models):
        for row in model.table.to_dict("records"):
            crossed = is_interaction(row["term"], row["variable"])
            block = blocks.setdefault("" if crossed else row["variable"] or row["term"], {})
            key = (_is_level(row), row["level"] if _is_level(row) else row["term"])
            block.setdefault(key, []).append((row, _ratio(row, place)))
    return tuple(row for name, block in blocks.items() for row in _block_rows(name, block, known, units))


def _block_rows(
    name: str,
    block: Mapping[tuple[bool, str], Sequence[tuple[dict[Any, Any], Ratio]]],
    known: Mapping[str, str],
    units: Mapping[str, str] | None,
) -> list[RatioRow]:
    rows = [
        RatioRow(_row_label(found[0][0], known, units), tuple(ratio for _, ratio in found))
        for (is_level, _), found in block.items()
        if not is_level
    ]
    levels = [
        RatioRow(level_label(found[0][0]["term"], level, known), tuple(ratio for _, ratio in found), is_level=True)
        for (is_level, level), found in block.items()
        if is_level
    ]
    rows += [RatioRow(label_of(name, known)), *levels] if levels else []
    return [replace(rows[0], starts=True), *rows[1:]]


def _row_label(row: Mapping[Any, Any], known: Mapping[str, str], units: Mapping[str, str] | None) -> str:
    crossed = is_interaction(row["term"], row["variable"])
    if row["level"] and not crossed and row["term"] not in known:
        return f"{label_of(row['variable'], known)}, {row['level']} vs {row['reference']}"
    return describe_term_in_figure(row["term"], row["variable"], known, units)


def _ratio(row: Mapping[Any, Any], model: int) -> Ratio:
    numbers = {name: float(row[name]) for name in ("estimate", "conf_low", "conf_high", "p_value", "n", "n_event")}
    return Ratio(model=model, is_reference=bool(row["level"]) and row["level"] == row["reference"], **numbers)


def write_ratio(estimate: float, low: float, high: float) -> str:
    """Write a hazard ratio with its limits; numbers above 1000 or below 0.001 are not spelt out.

    Parameters
    ----------
    estimate, low, high : float
        Ratio and limits; NaN where a limit does not exist.

    Returns
    -------
    str
        Text for a column of the figure.

    Examples
    --------
    >>> write_ratio(1.3512, 1.1, 1.66), write_ratio(40.0, 1.2, 123456.0)
    ('1.35 (1.10 to 1.66)', '40.00 (1.20 to >1000)')
    """
    numbers = (estimate, low, high)
    if any(math.isnan(number) for number in numbers):
        return format_estimate(estimate, low, high)
    if not any(_beyond(number) for number in numbers):
        return format_ratio(estimate, low, high)
    texts = [_beyond(number) or format_number(number) for number in numbers]
    return f"{texts[0]} ({texts[1]} to {texts[2]})"


def _beyond(number: float) -> str:
    """Write a number that is too large or too small to be spelt out, "" for others."""
    if _LARGEST_WRITTEN < number < math.inf:
        return f">{format_number(_LARGEST_WRITTEN, 0)}"
    return f"<{format_number(1 / _LARGEST_WRITTEN, 3)}" if 0 < number < 1 / _LARGEST_WRITTEN else ""
