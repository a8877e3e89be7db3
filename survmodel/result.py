"""The base of every result: frozen, tidy, printable, serialisable.

A result keeps its numbers in arrays that cannot be written to, gives them out as a tidy table (:meth:`Result.tidy`,
one row for each term, time or group) and as one row (:meth:`Result.glance`), and prints the same numbers as text and
as HTML. Columns of tidy tables come from one vocabulary, :data:`VOCABULARY`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from survmodel.table import Table, escape

#: Columns that a tidy table may have.
VOCABULARY = (
    "term", "variable", "level", "reference", "estimate", "std_error", "statistic", "df", "p_value", "conf_low",
    "conf_high", "time", "n_risk", "n_event", "n_censor", "group", "n", "model", "measure", "horizon", "sample",
    "observed", "expected", "probability", "row", "p_adjusted", "contrast", "cause", "lower", "upper",
    "shuffling_error", "used", "root", "splits", "below", "threshold", "n_missing", "fmi", "riv", "delta", "cutpoint",
    "value", "value_min", "value_max", "group_min", "group_max",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Display:
    """What a result shows: a title, tables, notes, and the figure that draws it.

    Parameters
    ----------
    title : str
        First line.
    tables : tuple of Table
        The numbers.
    notes : tuple of str
        Conventions and counts that the reader needs.
    draw : str
        The call that draws the result, "" when there is none.
    """

    title: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()
    draw: str = ""


class Result:
    """A frozen answer with a tidy table.

    Subclasses are frozen dataclasses that define ``tidy``, ``glance`` and ``_display``, and have a field
    ``warnings``, a tuple of sentences that every print-out repeats.
    """

    __slots__ = ()
    kind: ClassVar[str] = ""
    warnings: tuple[str, ...]

    def tidy(self) -> pd.DataFrame:
        """Give the numbers as a table with one row for each term, time or group.

        Returns
        -------
        pandas.DataFrame
            Columns from :data:`VOCABULARY`.
        """
        raise NotImplementedError

    def glance(self) -> pd.DataFrame:
        """Give what describes the result as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        raise NotImplementedError

    def _display(self) -> Display:
        raise NotImplementedError

    def to_json(self) -> str:
        """Write the result as JSON with every digit: its kind, its tidy table, its glance row and its warnings.

        Returns
        -------
        str
            Keys in a fixed order; a missing number is null, an infinite one ``"Inf"`` or ``"-Inf"``.
        """
        content = {
            "kind": self.kind or type(self).__name__,
            "glance": to_records(self.glance())[0],
            "tidy": to_records(self.tidy()),
            "warnings": list(self.warnings),
        }
        return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1)

    def __repr__(self) -> str:
        shown = self._display()
        blocks = [shown.title, *(table.to_text() for table in shown.tables), "\n".join(shown.notes)]
        blocks.append("\n".join(f"Warning: {warning}" for warning in self.warnings))
        blocks.append(f"draw: {shown.draw}" if shown.draw else "")
        return "\n\n".join(block for block in blocks if block)

    def _repr_html_(self) -> str:
        shown = self._display()
        parts = [f"<p><strong>{escape(shown.title)}</strong></p>", *(table.to_html() for table in shown.tables)]
        parts += [f"<p>{escape(note)}</p>" for note in shown.notes]
        parts += [f"<p><strong>Warning:</strong> {escape(warning)}</p>" for warning in self.warnings]
        parts.append(f"<p>draw: <code>{escape(shown.draw)}</code></p>" if shown.draw else "")
        return f'<div class="survmodel-result">{"".join(parts)}</div>'


def frozen(values: Any, dtype: Any = np.float64) -> Any:  # noqa: ANN401
    """Copy values to an array that cannot be written to.

    Parameters
    ----------
    values : array_like
        Any values.
    dtype : numpy dtype
        Type of the array.

    Returns
    -------
    numpy.ndarray
        A read-only copy.
    """
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


def to_records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Turn a table into JSON-ready records with every digit kept.

    Parameters
    ----------
    table : pandas.DataFrame
        Any table.

    Returns
    -------
    list of dict
        One for each row; NaN becomes None, infinity the text "Inf".
    """
    columns = [[plain_value(value) for value in table[name]] for name in table.columns]
    names = [str(name) for name in table.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def plain_value(value: Any) -> object:  # noqa: ANN401
    """Turn one value into what JSON can hold.

    Parameters
    ----------
    value : object
        A number, text, truth value, None, or a sequence of them.

    Returns
    -------
    object
        The plain Python value.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray | list | tuple):
        return [plain_value(item) for item in value]
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "Inf" if value > 0 else "-Inf"
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)


def join_warnings(*groups: Sequence[str]) -> tuple[str, ...]:
    """Join warnings from several places, each sentence once, in order.

    Parameters
    ----------
    *groups : sequence of str
        Warnings.

    Returns
    -------
    tuple of str
        All of them.
    """
    return tuple(dict.fromkeys(sentence for group in groups for sentence in group))
