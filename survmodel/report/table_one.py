"""Table 1 of a paper: who the patients are, by group, from a description."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_estimate,
    format_percent,
    format_significant,
)
from survmodel.models.description import Description, Kind, describe
from survmodel.naming import INDENT, NO_LESION, begin, label_of, show_unit
from survmodel.table import Table

#: Significant digits of the largest number of a row, of its smallest median, and of its smallest number.
DIGITS_LARGEST, DIGITS_MEDIAN, DIGITS_SMALLEST = 3, 2, 1
#: Rows that need more decimals, or hold numbers as large, are written in significant digits, cell by cell.
MOST_DECIMALS = 6
LARGEST = 1e8
#: What is smaller than this share of the largest number of its row is float rounding, and is written as zero.
ROUNDING = 1e-12
SHOWN = ("median", "q1", "q3")

#: (level, measure) -> group -> (estimate, n), of one variable.
Cells = Mapping[tuple[str, str], Mapping[str, tuple[float, int]]]


def table_one(
    table: pd.DataFrame,
    by: str | pd.Series | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    undefined: Mapping[str, pd.Series] | None = None,
    undefined_label: str = NO_LESION,
    caption: str = "",
) -> Table:
    """Describe the patients by group: medians with quartiles, and counts with percentages.

    Parameters
    ----------
    table : pandas.DataFrame
        One row for each patient.
    by : str or Series, optional
        Groups: a column, which is then not described, or a Series with the row labels of the table.
    labels, units : mapping of str to str, optional
        Label of each column, and unit of each numeric column.
    columns : sequence of str, optional
        What to describe, in order; all columns without it.
    undefined : mapping of str to Series of bool, optional
        By column, True for patients whose value cannot exist; counted apart from missing values.
    undefined_label : str
        What their row is called.
    caption : str
        What the table shows; made from `by` without it.

    Returns
    -------
    Table
        A column for all patients and one for each group. Without tests: differences at baseline are described.

    Raises
    ------
    DataError
        As for :func:`survmodel.models.description.describe`.

    Examples
    --------
    >>> table = pd.DataFrame({"age": [50, 60, 70, 85], "entity": ["MCL", "MZL", "MZL", "MZL"]})
    >>> table_one(table, by="entity", units={"age": "years"}).rows[0]
    ('Age, years, median (quartiles)', '65.0 (57.5 to 73.8)', '50.0 (50.0 to 50.0)', '70.0 (65.0 to 77.5)')
    """
    description = describe(table, by, columns=columns, undefined=undefined)
    return description_table(description, labels, units, undefined_label, caption)


def description_table(
    description: Description,
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    undefined_label: str = NO_LESION,
    caption: str = "",
    by_label: str = "",
) -> Table:
    """Write a description as the first table of a paper.

    Parameters
    ----------
    description : Description
        Columns by group.
    labels, units : mapping of str to str, optional
        Label of each column, and unit of each numeric column.
    undefined_label : str
        What the row of values that cannot exist is called.
    caption : str
        What the table shows; made from the grouping without it.
    by_label : str
        Label of the grouping, where `labels` does not have it.

    Returns
    -------
    Table
        A row for each number and truth value; levels under the name of their factor.
    """
    groups = [name for name, _ in description.groups]
    variables = _cells_by_variable(description)
    rows: list[list[str]] = []
    for name, kind in description.kinds:
        unit = show_unit((units or {}).get(name, ""))
        rows += _rows(kind, label_of(name, labels), unit, variables[name], groups)
        rows += _absent_rows(variables[name], groups, undefined_label)
    by = by_label or (labels or {}).get(description.by) or description.by or "group"
    grouped = len(groups) > 1
    header = ["Characteristic"]
    header += [f"{name or 'All'} (n = {format_count(n)})" for name, n in description.groups]
    notes = _footnotes(description, rows, by, undefined_label)
    return Table(header, rows, caption or (f"Patients by {by}." if grouped else "Patients."), notes)


def _cells_by_variable(description: Description) -> dict[str, dict[tuple[str, str], dict[str, tuple[float, int]]]]:
    variables: dict[str, dict[tuple[str, str], dict[str, tuple[float, int]]]] = {}
    columns = ("group", "variable", "level", "measure", "estimate", "n")
    tidy = description.tidy()
    for group, variable, level, measure, estimate, n in zip(*(tidy[name] for name in columns), strict=True):
        cells = variables.setdefault(variable, {})
        cells.setdefault((level, measure), {})[group] = (estimate, n)
    return variables


def _rows(kind: Kind, label: str, unit: str, cells: Cells, groups: Sequence[str]) -> Iterator[list[str]]:
    """Write what a variable is; what it lacks follows in rows of its own."""
    if kind == "number":
        name = f"{label}, {unit}" if unit else label
        yield [f"{name}, median (quartiles)", *_number_cells(cells, groups)]
        return
    if kind == "levels":
        yield [label, *[""] * len(groups)]
    for (level, measure), found in cells.items():
        if measure == "count":
            yield [INDENT + level if kind == "levels" else label, *(_share(*found[group]) for group in groups)]


def _absent_rows(cells: Cells, groups: Sequence[str], undefined_label: str) -> Iterator[list[str]]:
    """Count the values that cannot exist and those that are missing, where any group has some."""
    for measure, label in (("undefined", undefined_label), ("missing", "Missing")):
        found = cells.get(("", measure), {})
        if any(count for count, _ in found.values()):
            yield [INDENT + label, *(format_count(found[group][0]) for group in groups)]


def _share(count: float, n: int) -> str:
    return f"{format_count(count)} ({format_percent(count / n)})" if n else MISSING


def _number_cells(cells: Cells, groups: Sequence[str]) -> list[str]:
    points = [tuple(cells["", measure][group][0] for measure in SHOWN) for group in groups]
    present = [point for point in points if not math.isnan(point[0])]
    digits = _decimals(present)
    written = []
    for median, low, high in points:
        if math.isnan(median):
            written.append(MISSING)
        elif digits is None:
            median_text, low_text, high_text = (format_significant(value, 3) for value in (median, low, high))
            written.append(f"{median_text} ({low_text} to {high_text})")
        else:
            written.append(format_estimate(median, low, high, digits))
    return written


def _decimals(points: Sequence[tuple[float, ...]]) -> int | None:
    """Choose the decimals of a row: enough to read its numbers, no more than they have; None when no number does.

    The largest number gets three significant digits, which suits 61.5 and 1234 alike; small ones beside it get more
    decimals rather than be printed as zero.
    """
    floor = ROUNDING * max((abs(value) for point in points for value in point), default=0.0)
    sizes = [abs(value) for point in points for value in point if abs(value) > floor]
    if not sizes:
        return 0
    medians = [abs(point[0]) for point in points if abs(point[0]) > floor]
    wanted = [(max(sizes), DIGITS_LARGEST), (min(sizes), DIGITS_SMALLEST)]
    if medians:
        wanted.append((min(medians), DIGITS_MEDIAN))
    most = max(0, *(digits - 1 - math.floor(math.log10(size)) for size, digits in wanted))
    enough = next((fewer for fewer in range(most) if all(_is_exact(size, fewer) for size in sizes)), most)
    return None if enough > MOST_DECIMALS or max(sizes) >= LARGEST else enough


def _is_exact(size: float, decimals: int) -> bool:
    """Tell whether so few decimals give the whole number, but for float rounding."""
    return math.isclose(size, round(size, decimals), rel_tol=1e-9)


def _footnotes(
    description: Description, rows: Sequence[Sequence[str]], by: str, undefined_label: str
) -> tuple[str, ...]:
    kinds = {kind for _, kind in description.kinds}
    tidy = description.tidy()
    (_, n), *groups = description.groups
    alone = n - sum(size for _, size in groups)
    notes = []
    if "number" in kinds:
        notes.append("Quartiles interpolate linearly between ordered values (type 7 of R).")
    if kinds & {"yes", "levels"}:
        notes.append("Percentages are of the patients with a value.")
    if tidy.loc[tidy["measure"] == "undefined", "estimate"].any():
        rest = "the value does not exist; not counted as missing, and in no quartile or percentage."
        notes.append(f"{begin(undefined_label)}: {rest}")
    if any(MISSING in row[1:] for row in rows):
        notes.append(f"{MISSING}: no patient of the group has a value.")
    if groups and alone:
        notes.append(f"All: with {count_noun(alone, 'patient')} who {'has' if alone == 1 else 'have'} no {by}.")
    if groups:
        notes.append("Differences between groups are described, not tested.")
    return tuple(notes)
