"""A closed language that selects rows: ``confirmed and untreated``, ``scanner == 'A' and age >= 18``.

========================================  =============================================================================
``confirmed``                             a column of truth values
``ecog <= 2``, ``site != 'B'``            a column against a number or a text: ``== != < <= > >=``
``entity in ['MZL', 'MCL']``              one of several values
``not``, ``and``, ``or``, ``( )``         in this order of strength
========================================  =============================================================================

Nothing is evaluated: the text is read into a tree of these pieces and no others. A row in which the filter cannot be
decided because a value is missing is not selected, and is counted apart from those that the filter leaves out.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest

Bools: TypeAlias = npt.NDArray[np.bool_]
Value: TypeAlias = "str | float"

LONGEST = 2000
DEEPEST = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[+-]?\d{1,15}(?:\.\d{1,15})?)|(?P<word>[^\W\d][\w.]{0,200})|`(?P<name>[^`]{1,200})`"
    r"|'(?P<single>[^']{0,200})'|\"(?P<double>[^\"]{0,200})\"|(?P<sign><=|>=|==|!=|<|>|\(|\)|\[|\]|,))"
)
_COMPARE: dict[str, Callable[[pd.Series, Value], pd.Series]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WORDS = {"and", "or", "not", "in"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Selected:
    """Which rows a filter selects.

    Attributes
    ----------
    rows : ndarray of bool, shape (n,)
        True for the selected rows.
    undecided : ndarray of bool, shape (n,)
        True where a missing value leaves it open; those are not selected.
    """

    rows: Bools
    undecided: Bools


class RowFilter:
    """A filter that was read from text.

    Parameters
    ----------
    text : str
        The filter.

    Attributes
    ----------
    text : str
        As it was written.
    columns : tuple of str
        Columns that it uses, in order.

    Raises
    ------
    ConfigError
        Naming the position of what is not understood.

    Examples
    --------
    >>> table = pd.DataFrame({"confirmed": [True, True, None], "age": [70, 15, 60]})
    >>> chosen = RowFilter("confirmed and age >= 18").select(table)
    >>> chosen.rows.tolist(), chosen.undecided.tolist()
    ([True, False, False], [False, False, True])
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = _split(text)
        self._place = 0
        self._depth = 0
        self._columns: list[tuple[str, int]] = []
        self._test = self._read_or()
        if self._place < len(self._tokens):
            raise self._refuse("expected 'and' or 'or' here")

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the filter uses."""
        return tuple(dict.fromkeys(name for name, _ in self._columns))

    def check_columns(self, known: Sequence[str]) -> None:
        """Refuse columns that do not exist, with their position and the closest names.

        Parameters
        ----------
        known : sequence of str
            Columns of the table.

        Raises
        ------
        ConfigError
            For the first column that is not known.
        """
        for name, at in self._columns:
            if name not in known:
                raise _error(self.text, at, f"no column {name!r}", closest(name, known))

    def select(self, table: pd.DataFrame) -> Selected:
        """Apply the filter.

        Parameters
        ----------
        table : pandas.DataFrame
            Has the columns of the filter.

        Returns
        -------
        Selected
            Rows in table order.

        Raises
        ------
        ConfigError
            For absent columns, and comparisons of text with numbers.
        """
        self.check_columns([str(name) for name in table.columns])
        yes, known = self._test(table)
        return Selected(yes & known, ~known)

    # Every test gives two masks: true, and decided. "And" is decided when both sides are or one is surely false.

    def _read_or(self) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
        left = self._read_and()
        while self._accept("word", "or"):
            left = _either(left, self._read_and())
        return left

    def _read_and(self) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
        left = self._read_not()
        while self._accept("word", "and"):
            left = _negate(_either(_negate(left), _negate(self._read_not())))
        return left

    def _read_not(self) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._refuse("nested too deeply")
        try:
            if self._accept("word", "not"):
                return _negate(self._read_not())
            if self._accept("sign", "("):
                inside = self._read_or()
                if not self._accept("sign", ")"):
                    raise self._refuse("expected a closing bracket here")
                return inside
            return self._read_comparison()
        finally:
            self._depth -= 1

    def _read_comparison(self) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
        token = self._next()
        if token is None or token.kind not in ("word", "name") or (token.kind == "word" and token.text in _WORDS):
            self._place -= token is not None
            raise self._refuse("expected the name of a column here")
        self._columns.append((token.text, token.at))
        sign = self._next()
        if sign is not None and sign.kind == "word" and sign.text == "in":
            return _one_of(token, self._read_list(), self.text)
        if sign is not None and sign.text in _COMPARE and sign.kind == "sign":
            return _compare(token, sign.text, self._read_value(), self.text)
        self._place -= sign is not None
        return _truth(token, self.text)

    def _read_list(self) -> list[Value]:
        if not self._accept("sign", "["):
            raise self._refuse("expected a list in square brackets here")
        values = [self._read_value()]
        while self._accept("sign", ","):
            values.append(self._read_value())
        if not self._accept("sign", "]"):
            raise self._refuse("expected a closing square bracket here")
        return values

    def _read_value(self) -> Value:
        token = self._next()
        if token is not None and token.kind == "number":
            return float(token.text)
        if token is not None and token.kind == "text":
            return token.text
        self._place -= token is not None
        raise self._refuse("expected a number, or a text in quotation marks, here")

    def _next(self) -> _Token | None:
        if self._place == len(self._tokens):
            return None
        self._place += 1
        return self._tokens[self._place - 1]

    def _accept(self, kind: str, text: str) -> bool:
        here = self._tokens[self._place] if self._place < len(self._tokens) else None
        if here is None or here.kind != kind or here.text != text:
            return False
        self._place += 1
        return True

    def _refuse(self, problem: str) -> ConfigError:
        at = self._tokens[self._place].at if self._place < len(self._tokens) else len(self.text)
        return _error(self.text, at, problem)


def _error(text: str, at: int, problem: str, remedy: str = "") -> ConfigError:
    shown = text if len(text) <= 80 else text[:77] + "..."
    rules = (
        "allowed: column names, numbers, texts in quotation marks, == != < <= > >=, in [...], not, and, or, brackets"
    )
    return ConfigError(f"{problem}: character {at + 1} of the filter {shown!r}", remedy=remedy or rules)


def _split(text: str) -> list[_Token]:
    if len(text) > LONGEST:
        raise ConfigError(f"the filter has {len(text)} characters", remedy=f"at most {LONGEST} are allowed")
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _error(text, at, f"{text[at]!r} is not understood")
        kind = str(found.lastgroup)
        start = found.start(kind)
        tokens.append(_Token("text" if kind in ("single", "double") else kind, found.group(kind), start))
        at = found.end()
    if not tokens:
        raise ConfigError("the filter is empty", remedy="leave it out to select every row")
    return tokens


def _negate(test: Callable[[pd.DataFrame], tuple[Bools, Bools]]) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
    def negated(table: pd.DataFrame) -> tuple[Bools, Bools]:
        yes, known = test(table)
        return ~yes, known

    return negated


def _either(
    left: Callable[[pd.DataFrame], tuple[Bools, Bools]], right: Callable[[pd.DataFrame], tuple[Bools, Bools]]
) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
    def either(table: pd.DataFrame) -> tuple[Bools, Bools]:
        (a, a_known), (b, b_known) = left(table), right(table)
        sure = (a & a_known) | (b & b_known)
        return sure, sure | (a_known & b_known)

    return either


def _truth(token: _Token, text: str) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
    def truth(table: pd.DataFrame) -> tuple[Bools, Bools]:
        values = table[token.text]
        known = values.notna().to_numpy(dtype=bool)
        if not values[known].map(lambda value: isinstance(value, bool | np.bool_)).all():
            raise _error(text, token.at, f"{token.text} is no column of truth values", "compare it with a value")
        yes = np.zeros(len(values), dtype=bool)
        yes[known] = values[known].astype(bool)
        return yes, known

    return truth


def _compare(token: _Token, sign: str, value: Value, text: str) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
    def compared(table: pd.DataFrame) -> tuple[Bools, Bools]:
        values = _comparable(table[token.text], [value], token, text)
        if isinstance(value, str) and sign not in ("==", "!="):
            raise _error(text, token.at, f"texts have no order, found {sign}", "compare texts with ==, != or in")
        known = values.notna().to_numpy(dtype=bool)
        yes = np.zeros(len(values), dtype=bool)
        yes[known] = _COMPARE[sign](values[known], value).to_numpy(dtype=bool)
        return yes, known

    return compared


def _one_of(token: _Token, wanted: list[Value], text: str) -> Callable[[pd.DataFrame], tuple[Bools, Bools]]:
    def among(table: pd.DataFrame) -> tuple[Bools, Bools]:
        values = _comparable(table[token.text], wanted, token, text)
        return values.isin(wanted).to_numpy(dtype=bool), values.notna().to_numpy(dtype=bool)

    return among


def _comparable(values: pd.Series, wanted: Sequence[Value], token: _Token, text: str) -> pd.Series:
    """Give numbers as floats and levels as text; refuse to compare one with the other."""
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if any(isinstance(value, float) != numeric for value in wanted):
        found, other = ("numbers", "a text") if numeric else ("text", "a number")
        remedy = "leave the quotation marks out" if numeric else "write the value in quotation marks"
        raise _error(text, token.at, f"{token.text} holds {found} and is compared with {other}", remedy)
    return values.astype(float) if numeric else values.astype(object).map(str, na_action="ignore")
