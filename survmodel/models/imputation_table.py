"""Tables on their way into an imputation and out of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, name_rows
from survmodel.formatting import level_text
from survmodel.kernels.imputation import LEVELS
from survmodel.models.formula_coding import check_used_columns, missing_values
from survmodel.models.imputation_columns import Variable, find_applicable, learn_variable
from survmodel.models.imputation_equations import CodedRows
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Derive = Callable[[pd.DataFrame], Any]

IDENTIFIER = re.compile(r"(^|_)(id|nr|no|number|mrn)$", re.IGNORECASE)
#: Fewer rows than this cannot tell an identifier, or the outcome itself, from a variable.
ENOUGH_TO_JUDGE = 10
#: A column so closely correlated with the time of the outcome is that time.
SAME_COLUMN = 1 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class ColumnReader:
    """What the columns of an imputation model hold, learnt from training rows.

    Attributes
    ----------
    variables : tuple of Variable
        Columns, that of the disease last where it is none of them.
    applies : mapping of str to (str, tuple)
        Where columns apply.
    within : str, or None
        Column of the disease.
    """

    variables: tuple[Variable, ...]
    applies: Mapping[str, tuple[str, tuple[Any, ...]]]
    within: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(variable.name for variable in self.variables)

    def read(self, table: pd.DataFrame) -> tuple[CodedRows, dict[str, int]]:
        """Turn rows into numbers.

        Parameters
        ----------
        table : pandas.DataFrame
            Rows to be learnt from, or scored.

        Returns
        -------
        CodedRows, dict of str to int
            The rows, and how many values stand where their column does not apply.

        Raises
        ------
        DataError
            For columns that are absent or twice there, infinite values, unseen levels, and rows without a disease.
        """
        names, within = self.names, -1
        check_used_columns(table, [*names, *(teller for teller, _ in self.applies.values())])
        applies = find_applicable(table, names, self.applies)
        state = np.empty(applies.shape)
        for column, variable in enumerate(self.variables):
            values = table[variable.name]
            if variable.name == self.within:
                within, values = column, _disease(values, variable.name)
            state[:, column] = variable.encode(values)
        outside = ~applies & ~np.isnan(state)
        state[~applies] = np.nan
        labels: tuple[str, ...] = ("",)
        group = np.zeros(len(table), dtype=np.int64)
        if within >= 0:
            group = state[:, within].astype(np.int64)
            labels = tuple(str(level) for level in self.variables[within].levels)
        counts = {name: int(count) for name, count in zip(names, outside.sum(axis=0), strict=True) if count}
        return CodedRows(self.variables, state, applies, group, labels, within), counts


def _disease(values: pd.Series, name: str) -> pd.Series:
    missing = missing_values(values)
    if missing.any():
        raise DataError(
            f"{name} is missing, within which values are imputed", f"in {name_rows(missing)}", "fill it in first"
        )
    return pd.Series([level_text(value) for value in values], dtype=object)


def learn_columns(
    table: pd.DataFrame,
    names: Sequence[str],
    within: str | None,
    applies: Mapping[str, tuple[str, tuple[Any, ...]]],
    methods: Mapping[str, str],
) -> ColumnReader:
    """Find out what the columns hold.

    Parameters
    ----------
    table : pandas.DataFrame
        Training rows.
    names : sequence of str
        Columns of the imputation model.
    within : str, optional
        Column of the disease.
    applies : mapping of str to (str, tuple)
        Where columns apply.
    methods : mapping of str to str
        How columns are imputed, where their type does not say.

    Returns
    -------
    ColumnReader
        Reads these rows and others.

    Raises
    ------
    DataError
        For columns that hold no variable.
    ConfigError
        For a method that a column cannot have.
    """
    every = [*names, *([within] if within is not None and within not in names else [])]
    check_used_columns(table, [*every, *(teller for teller, _ in applies.values())])
    marks = find_applicable(table, tuple(every), applies)
    variables = []
    for column, name in enumerate(every):
        values = table[name]
        if name == within:
            texts = _disease(values, name)
            levels = tuple(sorted(set(texts)))
            variables.append(Variable(name, LEVELS, levels, numeric=False, centre=0.0, scale=1.0))
        else:
            variables.append(learn_variable(values, name, marks[:, column], methods.get(name)))
            _refuse_identifier(values, name)
    return ColumnReader(tuple(variables), applies, within)


def _refuse_identifier(values: pd.Series, name: str) -> None:
    """Refuse whole numbers that are all different and count the rows, or are called an identifier."""
    known = values[~missing_values(values)]
    if len(known) < ENOUGH_TO_JUDGE or not pd.api.types.is_integer_dtype(known.dtype) or not known.is_unique:
        return
    if IDENTIFIER.search(str(name)) or int(known.max()) - int(known.min()) == len(known) - 1:
        raise DataError(f"{name} looks like an identifier", "all values differ", "leave it out of columns=")


def refuse_outcome(rows: CodedRows, outcome: Outcome) -> None:
    """Refuse columns that hold the outcome: rows to be scored would be completed by it.

    Parameters
    ----------
    rows : CodedRows
        Training rows.
    outcome : Outcome
        Their outcome.

    Raises
    ------
    DataError
        For a column that is the time or the event.
    """
    if outcome.n < ENOUGH_TO_JUDGE:
        return
    events = (outcome.event > 0).astype(np.float64)
    for column, variable in enumerate(rows.variables):
        values = rows.state[:, column]
        if column == rows.within or np.isnan(values).any():
            continue
        if len(variable.levels) == 2 and min(events.sum(), outcome.n - events.sum()) >= ENOUGH_TO_JUDGE / 2:
            same = (values == events).all() or (values == 1 - events).all()
        else:
            spread = values.std() * outcome.time.std()
            away = ((values - values.mean()) * (outcome.time - outcome.time.mean())).mean()
            same = not variable.levels and spread > 0 and abs(away) > SAME_COLUMN * spread
        if same:
            raise DataError(
                f"{variable.name} holds the outcome", remedy="leave it out of columns=: the outcome is added by itself"
            )


def order_rows(rows: CodedRows, outcome: Outcome, table: pd.DataFrame) -> Ints:
    """Order rows by what they hold, so that the draws do not depend on how they were sorted.

    Parameters
    ----------
    rows : CodedRows
        The rows.
    outcome : Outcome
        Their outcome.
    table : pandas.DataFrame
        Their columns, among them some that are not imputed.

    Returns
    -------
    ndarray of int64, shape (n,)
        Positions in order; rows that hold the same stay as they stand.
    """
    entry = np.zeros(outcome.n) if outcome.entry is None else outcome.entry
    # What the columns hold comes first: scored rows are completed alike whatever the outcome of the training rows.
    keys = np.column_stack([entry, outcome.event, outcome.time, rows.state])
    order = np.lexsort(keys.T)
    others = [name for name in table.columns if name not in {variable.name for variable in rows.variables}]
    if others:
        before, after = keys[order[:-1]], keys[order[1:]]
        if ((before == after) | (np.isnan(before) & np.isnan(after))).all(axis=1).any():
            texts = table[others].astype(object).where(table[others].notna(), "").map(str)
            content = pd.util.hash_pandas_object(texts, index=False).to_numpy()
            order = np.lexsort((content, *keys.T))
    return order.astype(np.int64)


@dataclass(frozen=True, slots=True)
class RowByRow:
    """A way to derive a column that looks at each row by itself, and may be given the rows of many tables at once.

    Parameters
    ----------
    compute : callable
        Is given a table and gives one value for each row.
    """

    compute: Derive

    def __call__(self, table: pd.DataFrame) -> Any:  # noqa: ANN401 - a column of any type
        """Compute the column.

        Parameters
        ----------
        table : pandas.DataFrame
            Rows of one table or of several.

        Returns
        -------
        array_like
            One value for each row.
        """
        return self.compute(table)


def fill_tables(
    table: pd.DataFrame, rows: CodedRows, states: Sequence[Floats], derive: Mapping[str, Derive]
) -> tuple[pd.DataFrame, ...]:
    """Put imputed values into a table, and compute derived columns from them.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows with holes.
    rows : CodedRows
        The same as numbers.
    states : sequence of ndarray, shape (n, n_columns)
        Completed rows.
    derive : mapping of str to callable
        Columns that are computed from others.

    Returns
    -------
    tuple of pandas.DataFrame
        One for each state, types of columns kept; the same table again and again where nothing was missing.

    Raises
    ------
    ConfigError
        For a derived column whose rows are not those of the table.
    """
    holes = rows.holes
    missing = np.flatnonzero(holes.any(axis=0))
    if not missing.size:
        return (derive_columns(table, derive),) * len(states)
    tables = []
    for state in states:
        filled = table.copy(deep=False)
        for column in missing:
            variable, mask = rows.variables[column], holes[:, column]
            filled[variable.name] = _fill(table[variable.name], mask, variable.decode(state[mask, column]))
        tables.append(filled)
    return _derive_in_all(tables, derive)


def _derive_in_all(tables: Sequence[pd.DataFrame], derive: Mapping[str, Derive]) -> tuple[pd.DataFrame, ...]:
    """Compute derived columns of tables with the same rows, of all at once where each row speaks for itself."""
    if len(tables) < 2 or not derive or not all(isinstance(compute, RowByRow) for compute in derive.values()):
        return tuple(derive_columns(one, derive) for one in tables)
    whole, n = derive_columns(pd.concat(tables, ignore_index=True), derive), len(tables[0])
    columns = {name: whole[name].array for name in derive}
    return tuple(
        one.assign(**{name: values[place * n : (place + 1) * n] for name, values in columns.items()})
        for place, one in enumerate(tables)
    )


def _fill(values: pd.Series, mask: Bools, imputed: npt.NDArray[Any]) -> Any:  # noqa: ANN401 - an array of any type
    # A column without any value may have come as numbers, whatever it holds elsewhere.
    if mask.all() and not np.can_cast(imputed.dtype, values.dtype if isinstance(values.dtype, np.dtype) else object):
        return imputed
    if isinstance(values.dtype, np.dtype):
        array: Any = values.to_numpy(copy=True)
    elif pd.api.types.is_integer_dtype(values.dtype) and (imputed != np.round(imputed.astype(np.float64))).any():
        array = values.array.astype("Float64")
    else:
        array = values.array.copy()
    array[mask] = imputed
    return array


def derive_columns(table: pd.DataFrame, derive: Mapping[str, Derive]) -> pd.DataFrame:
    """Compute derived columns anew from completed ones.

    Parameters
    ----------
    table : pandas.DataFrame
        Completed rows.
    derive : mapping of str to callable
        Each is given the table and gives a column.

    Returns
    -------
    pandas.DataFrame
        A new table; the same where nothing is derived.

    Raises
    ------
    ConfigError
        For a column whose rows are not those of the table.
    """
    if not derive:
        return table
    table = table.copy(deep=False)
    for name, compute in derive.items():
        column = compute(table.copy(deep=False))
        if isinstance(column, pd.DataFrame) or len(column) != len(table):
            raise ConfigError(f"what derives {name} gives no column of the table", remedy="return one value a row")
        if isinstance(column, pd.Series) and not column.index.equals(table.index):
            raise ConfigError(f"what derives {name} changes the row labels", remedy="keep the rows and their order")
        table[name] = column
    return table
