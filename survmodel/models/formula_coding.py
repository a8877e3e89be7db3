"""How the atoms of a formula become columns of numbers: what each function accepts, learns and computes.

An entry of `FUNCTIONS` is a function of the formula language; what it learns from the data is a `Coding`, an entry of
`CODINGS`. A coding holds all that later tables need and nothing else, so that it is stored as it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest, list_values, name_rows
from survmodel.formatting import level_text
from survmodel.models.formula_grammar import Atom, Call, Column

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Values: TypeAlias = "pd.Series[Any]"

MANY_LEVELS = 20

_NUMBER_KINDS = {"integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"}
_TEXT_KINDS = {"string", "mixed", "mixed-integer", "interval"}
_NUMBER_TEXT = re.compile(r"\s*[+-]?([0-9]+[.,]?[0-9]*|[.,][0-9]+)([eE][+-]?[0-9]+)?\s*")
_TO_NUMBERS = "convert it with pandas.to_numeric"


@dataclass(frozen=True, slots=True)
class DesignColumn:
    """A column of the design matrix: ``sex[male]`` is the level male of sex against its reference.

    What a step of `variable` is worth may depend on other columns, as that of a marker does on the entity within which
    it is standardised; `depends` names them.
    """

    term: str
    variable: str
    level: str = ""
    reference: str = ""
    depends: tuple[str, ...] = ()


class Coding(Protocol):
    """What was learnt about one atom of a formula: how to turn its columns of a table into columns of the matrix.

    A coding is a frozen dataclass whose fields are texts, numbers or tuples of them, all that its work needs, so that
    it is stored as it stands. Its class is an entry of `CODINGS`, under the name `kind`. A class that `learns_numbers`,
    such as means or knots, is learnt anew in every resample; levels are the same in all that can be fitted.
    """

    kind: ClassVar[str]
    learns_numbers: ClassVar[bool]

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The k columns of the matrix."""

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, k); DataError for values that cannot be coded."""


Learnt: TypeAlias = tuple[Coding, tuple[str, ...]]  # with notes for the reader of the report


class Function(Protocol):
    """What a function of the formula language has to offer to be an entry of `FUNCTIONS`."""

    @property
    def usage(self) -> str:
        """How a call is written, for messages."""

    def check(self, call: Call) -> str:
        """Say what is wrong with the arguments of a call, or nothing."""

    def learn(self, call: Call, table: pd.DataFrame, declared: str | None, /) -> Learnt:
        """Learn the coding from complete rows; `declared` is the reference level that the caller asks for."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A numeric column, as it is or through a function of `TRANSFORMS`."""

    kind: ClassVar[str] = "numeric"
    learns_numbers: ClassVar[bool] = False
    variable: str
    function: str = ""

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The one column."""
        label = Column(self.variable).label
        return (DesignColumn(f"{self.function}({label})" if self.function else label, self.variable),)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, 1)."""
        numbers = _finite_numbers(table, self.variable)
        return (TRANSFORMS[self.function].apply(numbers, self.variable) if self.function else numbers)[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Levels:
    """A factor: one 0/1 column for each level but the reference."""

    kind: ClassVar[str] = "levels"
    learns_numbers: ClassVar[bool] = False
    variable: str
    levels: tuple[str, ...]
    reference: str

    @property
    def columns(self) -> tuple[DesignColumn, ...]:
        """The columns, in the order of the levels."""
        label = Column(self.variable).label
        shown = (level for level in self.levels if level != self.reference)
        return tuple(DesignColumn(f"{label}[{level}]", self.variable, level, self.reference) for level in shown)

    def apply(self, table: pd.DataFrame) -> Floats:
        """Code a table, shape (n, number of levels - 1)."""
        texts = read_levels(table, self.variable, self.levels)
        shown = [level for level in self.levels if level != self.reference]
        return np.stack([texts == level for level in shown], axis=1).astype(np.float64)


def read_levels(table: pd.DataFrame, variable: str, levels: Sequence[str]) -> npt.NDArray[np.object_]:
    """Take the level of each row as text, each of which must be one of those learnt.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows to be coded.
    variable : str
        A column of levels.
    levels : sequence of str
        Those that were learnt.

    Returns
    -------
    ndarray of object, shape (n,)
        Levels.

    Raises
    ------
    DataError
        For missing values and for levels that were not learnt.
    """
    texts = np.array(_level_texts(_values(table, variable), variable), dtype=object)
    known = set(levels)
    unseen = np.array([text not in known for text in texts], dtype=bool)
    if unseen.any():
        new = list(dict.fromkeys(texts[unseen]))
        few = len(levels) <= MANY_LEVELS and len(new) <= MANY_LEVELS
        listed = list_values([repr(text) for text in new]) if few else f"{len(new)} levels"
        learnt = list_values([repr(level) for level in levels]) if few else f"{len(levels)} of them"
        raise DataError(
            f"{variable} has levels that the model does not know: {listed}",
            name_rows(unseen),
            f"known levels: {learnt}",
        )
    return texts


CODINGS: dict[str, type[Coding]] = {"numeric": Numeric, "levels": Levels}


@dataclass(frozen=True, slots=True)
class Transform:
    """A numeric function of one column, with the values for which it is defined."""

    name: str
    compute: np.ufunc
    zero_allowed: bool

    @property
    def usage(self) -> str:
        """How a call is written."""
        return f"{self.name}(column)"

    def check(self, call: Call) -> str:
        """Accept a column and nothing else."""
        alone = isinstance(call.inner, Column) and not call.extras and not call.keywords
        return "" if alone else f"{self.name}() takes one column and nothing else"

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Check the values; there is nothing to learn."""
        (column,) = call.columns
        return _learn_numeric(Numeric(column.name, self.name), table)

    def apply(self, numbers: Floats, variable: str) -> Floats:
        """Compute the function, or refuse the rows where it has no value."""
        outside = numbers < 0 if self.zero_allowed else numbers <= 0
        if outside.any():
            allowed = "of 0 or more" if self.zero_allowed else "above 0"
            raise DataError(
                f"{self.name}({Column(variable).label}) needs values {allowed}",
                name_rows(outside),
                "0 may mean 'no lesion': give that its own 0/1 column; a negative value may stand for 'missing'",
            )
        return np.asarray(self.compute(numbers), dtype=np.float64)


TRANSFORMS: dict[str, Transform] = {
    "log": Transform("log", np.log, zero_allowed=False),
    "log2": Transform("log2", np.log2, zero_allowed=False),
    "log1p": Transform("log1p", np.log1p, zero_allowed=True),
    "sqrt": Transform("sqrt", np.sqrt, zero_allowed=True),
}


class Factor:
    """The function ``factor(column, reference='level')``."""

    usage = "factor(column) or factor(column, reference='level')"

    def check(self, call: Call) -> str:
        """Accept a column and the keyword reference, a text or a number."""
        if not isinstance(call.inner, Column) or call.extras:
            return "factor() takes one column, and its reference by keyword"
        unknown = [name for name, _ in call.keywords if name != "reference"]
        if unknown:
            return f"factor() has no keyword {unknown[0]}"
        if any(not isinstance(value, (str, float)) for _, value in call.keywords):
            return "the reference of a factor is a text in quotes or a number"
        return ""

    def learn(self, call: Call, table: pd.DataFrame, declared: str | None) -> Learnt:
        """Learn the levels and settle the reference."""
        (column,) = call.columns
        written = dict(call.keywords).get("reference")
        own = None if written is None else level_text(written)
        if None not in (own, declared) and own != declared:
            raise ConfigError(
                f"{column.name} has two reference levels",
                f"the formula says {own!r}, the argument reference says {declared!r}",
                "give one of them",
            )
        return _learn_levels(column.name, table, own if declared is None else declared)


class Offset:
    """The function ``offset(x)``; `parse_formula` sets its calls apart from the terms."""

    usage = "offset(column) or, say, offset(log(column))"

    def check(self, call: Call) -> str:
        """Accept a column or a transformed column."""
        alone = is_numeric_inner(call.inner) and not call.extras and not call.keywords
        return "" if alone else "offset() takes one numeric column, as it is or transformed"

    def learn(self, call: Call, table: pd.DataFrame, _declared: str | None) -> Learnt:
        """Check the values; there is nothing to learn."""
        return learn_inner(call.inner, table), ()


FUNCTIONS: dict[str, Function] = {**TRANSFORMS, "factor": Factor(), "offset": Offset()}


def learn_coding(atom: Atom, table: pd.DataFrame, declared: Mapping[str, str], finite: Collection[str] = ()) -> Learnt:
    """Learn the coding of an atom; a bare column is coded by what it holds, known beforehand if it is `finite`."""
    name = atom.columns[0].name
    if isinstance(atom, Column) and name in finite:
        return Numeric(name), ()
    if isinstance(atom, Call):
        return FUNCTIONS[atom.function].learn(atom, table, declared.get(name))
    kind = _kind(table[name], name)
    if kind == "number":
        return _learn_numeric(Numeric(name), table)
    if kind == "text" and all(map(_NUMBER_TEXT.fullmatch, set(_level_texts(table[name], name)))):
        remedy = f"{_TO_NUMBERS}, or write factor({atom.label}) if the numbers are codes"
        raise DataError(f"{name} is stored as text, but all its values look like numbers", remedy=remedy)
    return _learn_levels(name, table, declared.get(name))


def is_numeric_inner(atom: Atom) -> bool:
    """Tell whether what stands inside a call is a column as it is, or one through a function of `TRANSFORMS`."""
    return isinstance(atom, Column) or atom.function in TRANSFORMS


def learn_inner(atom: Atom, table: pd.DataFrame) -> Numeric:
    """Learn the numeric column inside a call; its coding has one column.

    Parameters
    ----------
    atom : Column or Call
        A column, as it is or transformed, for which `is_numeric_inner` holds.
    table : pandas.DataFrame
        Complete rows.

    Returns
    -------
    Numeric
        The coding.

    Raises
    ------
    DataError
        When the column is not numeric, or outside the range of its transformation.
    """
    coding = Numeric(atom.columns[0].name, "" if isinstance(atom, Column) else atom.function)
    coding.apply(table)
    return coding


def count_levels(table: pd.DataFrame, name: str) -> tuple[list[str], Counter[str]]:
    """List the levels of a column in order, with or without rows, and count the rows of each.

    Parameters
    ----------
    table : pandas.DataFrame
        Complete rows.
    name : str
        The column.

    Returns
    -------
    tuple[list of str, Counter]
        Levels in the order of the categories, else as numbers or texts sort; and their rows.
    """
    values = _values(table, name)
    counts = Counter(_level_texts(values, name))
    if isinstance(values.dtype, pd.CategoricalDtype):
        return list(dict.fromkeys(map(level_text, values.dtype.categories))), counts
    return sorted(counts, key=_level_key(counts)), counts


def _learn_numeric(coding: Numeric, table: pd.DataFrame) -> Learnt:
    """Refuse values that cannot be coded now rather than at the first use of the matrix."""
    coding.apply(table)
    return coding, ()


def _learn_levels(name: str, table: pd.DataFrame, declared: str | None) -> Learnt:
    """Learn the levels of a factor that have rows, in order, and settle which of them is the reference."""
    known, counts = count_levels(table, name)
    dtype = table[name].dtype
    ordered = isinstance(dtype, pd.CategoricalDtype) and bool(dtype.ordered)
    levels = tuple(level for level in known if counts[level])
    if len(levels) == 1:
        raise DataError(
            f"{name} is constant: it has the single level {levels[0]!r}", remedy="leave it out of the formula"
        )
    if declared is not None and declared not in levels:
        listed = list_values([repr(level) for level in levels], most=MANY_LEVELS)
        raise ConfigError(f"{name} has no level {declared!r} to be the reference", f"levels with rows: {listed}")
    notes = _level_notes(name, levels, counts, [level for level in known if not counts[level]])
    if declared is None and not ordered:
        declared = max(levels, key=counts.__getitem__)  # the first of those that tie
        notes = [f"{name}: reference {declared!r} (most frequent)", *notes]
    return Levels(name, levels, levels[0] if declared is None else declared), tuple(notes)


def _level_notes(name: str, levels: Sequence[str], counts: Mapping[str, int], dropped: Sequence[str]) -> list[str]:
    """Say what may be wrong with levels; with many levels count them, for they may identify persons."""
    notes = [f"{name}: level {level!r} has no rows and was dropped" for level in dropped]
    alike: dict[str, list[str]] = {}
    for level in levels:
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", level).casefold().split()), []).append(repr(level))
    notes += [f"{name}: levels {', '.join(same)} differ only in case or spaces" for same in alike.values() if same[1:]]
    single = [repr(level) for level in levels if counts[level] == 1]
    if len(levels) > MANY_LEVELS:
        return [*notes, f"{name}: {len(levels)} levels, {len(single)} of them with 1 row"]
    return notes + [f"{name}: level {level} has 1 row" for level in single]


def store_coding(coding: Coding) -> dict[str, Any]:
    """Turn a coding into values that JSON can hold."""
    fields = asdict(coding)  # type: ignore[call-overload]
    return {"kind": coding.kind} | {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}


def restore_coding(stored: Mapping[str, Any]) -> Coding:
    """Rebuild a coding from what `store_coding` gave."""
    fields = {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items() if k != "kind"}
    return CODINGS[stored["kind"]](**fields)


def check_used_columns(table: pd.DataFrame, names: Iterable[str]) -> None:
    """Require the columns by name, and that a name means one column."""
    if not table.columns.is_unique:
        twice = table.columns[table.columns.duplicated()].unique()
        raise DataError(f"several columns have the same name: {list_values(list(twice))}", remedy="rename them")
    for name in names:
        if name not in table.columns:
            raise DataError(f"the table has no column {name!r}", remedy=closest(name, map(str, table.columns)))


def _finite_numbers(table: pd.DataFrame, name: str) -> Floats:
    """Take the numbers of a column, which may have no missing and no infinite value."""
    values = table[name]
    if values.dtype == np.float64:
        numbers: Floats = values.to_numpy()
        if np.isfinite(numbers).all():
            return numbers
    return _numbers(_values(table, name), name)


def _values(table: pd.DataFrame, name: str) -> Values:
    """Take a column, which may have no missing value."""
    values = table[name]
    missing = missing_values(values)
    if missing.any():
        raise DataError(
            f"values of {name} are missing", name_rows(missing), "leave these rows out, or impute them first"
        )
    return values


def missing_values(values: Values) -> Bools:
    """Mark the missing values of a column: NaN, None, NaT or pandas.NA."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub":
        numbers = values.to_numpy()
        return np.isnan(numbers) if numbers.dtype.kind == "f" else np.zeros(numbers.size, dtype=bool)
    missing = values.isna().to_numpy(dtype=bool)
    if isinstance(values.dtype, pd.Float64Dtype | pd.Float32Dtype):
        # these types hold NaN beside NA, and isna() tells only NA
        missing = missing | np.isnan(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return missing


def _kind(values: Values, name: str) -> Literal["number", "category", "text"]:
    """Tell what a column holds, by its values where its type says only "object"."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub":
        return "number"
    category = isinstance(values.dtype, pd.CategoricalDtype)
    kind = pd.api.types.infer_dtype(values.cat.categories if category else values, skipna=True)
    if kind in _NUMBER_KINDS:
        return "category" if category else "number"
    if kind in _TEXT_KINDS:
        return "category" if category else "text"
    raise DataError(
        f"{name} holds {kind} values, neither numbers nor text", remedy="compute a number first, such as days"
    )


def _numbers(values: Values, name: str) -> Floats:
    """Take the numbers of a numeric column, which must be finite."""
    kind = _kind(values, name)
    if kind != "number":
        raise DataError(f"{name} must be numeric, but it is stored as {kind}", remedy=_TO_NUMBERS)
    numbers = values.to_numpy(dtype=np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        raise DataError(f"values of {name} are infinite", name_rows(~finite), "correct them, or set them to missing")
    return numbers


def _level_texts(values: Values, name: str) -> list[str]:
    """Take the levels of a column as texts, in the same way for learning and for use."""
    if _kind(values, name) == "number":
        _numbers(values, name)
    return [level_text(value) for value in values.tolist()]


def _level_key(levels: Iterable[str]) -> Callable[[str], tuple[float, str]]:
    """Give the key that sorts levels: as numbers when all look like numbers, as texts otherwise."""
    if all(map(_NUMBER_TEXT.fullmatch, levels)):
        return lambda level: (float(level.replace(",", ".")), level)
    return lambda level: (0.0, level)
