"""What a study declares about its columns: type, label, unit, role, levels, range, and factors cut from numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

#: What a study file may declare; the tables of the data schema know more.
ColumnType = Literal["number", "integer", "category", "text", "identifier", "date", "boolean"]
Role = Literal["identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"]
FieldType = Literal["number", "integer", "category", "text", "identifier", "date", "boolean"]
FieldRole = Literal["identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"]

#: Two times this close, relative to each other, are one.
ROUNDING = 1e-9
#: Texts that a boolean column holds where a study declares nothing else: code in the file, meaning.
BOOLEAN_CODES = (("true", "true"), ("yes", "true"), ("1", "true"), ("false", "false"), ("no", "false"), ("0", "false"))


#: What stands for a value below its limit of detection, as a share of the limit.
BELOW_LIMIT = {"half": 0.5, "root": 0.5**0.5, "limit": 1.0}
BelowLimit = Literal["half", "root", "limit"]


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What stands for a cell such as ``<0.5`` or ``>100``, where a study declares it.

    Parameters
    ----------
    below : {"half", "root", "limit"}, optional
        Half the limit, the limit over the square root of two, or the limit itself; None refuses such cells.
    above : {"limit"}, optional
        The limit itself; None refuses such cells.
    limit : float, optional
        Limit of detection of the method, which cells below it must name; any without it.
    """

    below: BelowLimit | None = None
    above: Literal["limit"] | None = None
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file.

    Parameters
    ----------
    name : str
        Heading in the file.
    type : {"number", "integer", "category", "text", "identifier", "date", "boolean"}
        How its cells are read.
    label, unit : str
        How it is shown.
    role : {"identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"}
        What it is for. Values of identifiers never appear in a message or a result.
    missing : tuple of str
        Texts that mean "missing", beside the empty cell.
    levels : tuple of (str, str)
        Code in the file and label of each level of a category, in level order; of a boolean, code and "true" or
        "false".
    range : tuple of float, optional
        Smallest and largest value allowed.
    reference : str, optional
        Label of the reference level.
    aliases : tuple of str
        Other headings that mean this column, whatever their case.
    required : bool
        Whether every row must have a value.
    optional : bool
        Whether the file may lack the column; all its values are then missing.
    unique : bool
        Whether an identifier may occur only once.
    phi : bool
        Whether its values tell who a patient is, so that they are never shown.
    range_severity : {"error", "warning"}
        What a value outside the range is.
    pattern : str
        Regular expression that a text must match as a whole; "" when any text will do.
    declared_in : {"study", "schema"}
        Where it is declared; headings of the schema are matched whatever their case.
    level_aliases : tuple of (str, str)
        Other names of levels in files, whatever their case, and the code that each of them means.
    limits : LimitRule
        What stands for values beyond a limit of detection.
    quantity : str
        Name of the laboratory quantity that it is, "" for none.
    unit_in_file : str
        Unit of the numbers of the file, where it is not `unit`.
    """

    name: str
    type: FieldType
    label: str = ""
    unit: str = ""
    role: FieldRole = "baseline"
    missing: tuple[str, ...] = ()
    levels: tuple[tuple[str, str], ...] = ()
    range: tuple[float, float] | None = None
    reference: str | None = None
    aliases: tuple[str, ...] = ()
    required: bool = False
    optional: bool = False
    unique: bool = True
    phi: bool = False
    range_severity: Literal["error", "warning"] = "error"
    pattern: str = ""
    declared_in: Literal["study", "schema"] = "study"
    level_aliases: tuple[tuple[str, str], ...] = ()
    limits: LimitRule = LimitRule()
    quantity: str = ""
    unit_in_file: str = ""

    @property
    def is_identifier(self) -> bool:
        """Whether it names a patient, a scan or a lesion; its values must never be shown."""
        return self.type == "identifier" or self.role == "identifier"

    @property
    def is_private(self) -> bool:
        """Whether no value of it may stand in a message."""
        return self.is_identifier or self.phi or self.type == "date"


@dataclass(frozen=True, slots=True)
class CutColumn:
    """A factor cut from a number at declared edges, closed on the left: an edge belongs to the group above it.

    Parameters
    ----------
    name : str
        Column that is made.
    source : str
        Numeric column that is cut.
    cuts : tuple of float
        Edges, ascending; declared by the study, never found in its data.
    labels : tuple of str
        One more than edges.
    label : str
        How the factor is shown.
    reference : str, optional
        Label of the reference level.

    Examples
    --------
    >>> cut = CutColumn("age_group", "age", (50.0, 65.0), ("under 50", "50 to 64", "65 and over"))
    >>> list(cut.apply(pd.Series([49.9, 50.0, 65.0])))
    ['under 50', '50 to 64', '65 and over']
    """

    name: str
    source: str
    cuts: tuple[float, ...]
    labels: tuple[str, ...]
    label: str = ""
    reference: str | None = None

    def apply(self, numbers: pd.Series) -> pd.Series:
        """Cut a numeric column.

        Parameters
        ----------
        numbers : pandas.Series
            The column; NaN stays missing.

        Returns
        -------
        pandas.Series
            An ordered categorical with the row labels of the numbers.
        """
        edges = [-np.inf, *self.cuts, np.inf]
        return pd.cut(numbers, edges, right=False, labels=list(self.labels)).rename(self.name)


@dataclass(frozen=True, slots=True)
class ReachedColumn:
    """A factor of what was reached by a time: a response, a transplant.

    Parameters
    ----------
    name : str
        Column that is made.
    source : str
        Column of the time at which it was reached; a missing time means never.
    by : float
        Latest time that counts, in the unit of the source.
    labels : tuple of (str, str)
        Of those who reached it by then, and of the others.

    Examples
    --------
    >>> response = ReachedColumn("response", "response_day", 60.0, ("by day 60", "not by day 60"))
    >>> list(response.apply(pd.Series([30.0, 60.0, 61.0, None])))
    ['by day 60', 'by day 60', 'not by day 60', 'not by day 60']
    """

    name: str
    source: str
    by: float
    labels: tuple[str, str]

    def apply(self, times: pd.Series) -> pd.Series:
        """Make the factor.

        Parameters
        ----------
        times : pandas.Series
            When it was reached.

        Returns
        -------
        pandas.Series
            A categorical with the row labels of the times.
        """
        # A time equal to the latest one but for float rounding is on it.
        reached = (times <= self.by * (1 + ROUNDING)).to_numpy(dtype=bool, na_value=False)
        texts = np.where(reached, self.labels[0], self.labels[1])
        return pd.Series(pd.Categorical(texts, list(self.labels)), index=times.index, name=self.name)


def add_cuts(table: pd.DataFrame, cuts: Sequence[CutColumn]) -> pd.DataFrame:
    """Add the declared factors to a table.

    Parameters
    ----------
    table : pandas.DataFrame
        Checked columns.
    cuts : sequence of CutColumn
        Factors to add.

    Returns
    -------
    pandas.DataFrame
        A new table.
    """
    return table.assign(**{cut.name: cut.apply(table[cut.source]) for cut in cuts})
