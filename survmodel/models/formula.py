"""Model formulas: which columns enter a regression, how each is coded, and the design matrix that follows.

A formula is written as in R, ``"age + log2(wbc) + factor(stage, reference='I') + sex*age"``; its grammar, a closed
language that evaluates nothing, is in `survmodel.models.formula_grammar`. What the pieces mean:

========================  ============================================================================================
``age``                   a column: numbers and booleans as they are, text and categories as a factor
``log2(x)``               also ``log``, ``log1p`` and ``sqrt``: a numeric column, transformed
``factor(x)``             a factor, whatever the column holds; ``reference='level'`` or a number names the reference
``within(x, g)``          a numeric column, as it is or transformed, with a slope of its own for each level of g
``within_entity_z(x)``    x standardised within the levels of a column, ``by=entity`` where none is named
``published_risk(x)``     log(-log S) of the published survival S of the patient's risk group: x holds S, or is a factor
                          in order of risk with ``survival=[.95, .80, .55]``
``rcs(x, 3)``             a numeric column, or a transformed one, as a restricted cubic spline with 3 to 7 knots;
                          ``rcs(x)`` has 4, with fewer than 30 rows 3
``offset(x)``             a numeric column, or a transformed one, that enters with the coefficient 1
``a:b`` and ``a*b``       an interaction, without and with its lower-order terms; ``a:b`` needs ``a + b`` beside it
``1``                     alone: the null model
========================  ============================================================================================

`parse_formula` reads the text, `Formula.learn` fixes what depends on the data (levels, references, knots), and the
`Design` that it returns codes any later table in the same way. A `Design` goes to JSON and back, so that a stored model
predicts without the data it was fitted to.

A function of the language is an entry of `FUNCTIONS`. What it learns from the data is a `Coding`, an entry of
`CODINGS`. To add a function is to write those two entries: the grammar reads its arguments already.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest, list_values, name_rows
from survmodel.formatting import level_text
from survmodel.models.formula_coding import (
    CODINGS,
    FUNCTIONS,
    Bools,
    Coding,
    DesignColumn,
    Floats,
    Levels,
    Numeric,
    check_used_columns,
    learn_coding,
    missing_values,
    restore_coding,
    store_coding,
)
from survmodel.models.formula_grammar import Atom, Call, Term, arrange, read_terms, refuse
from survmodel.models.formula_groups import GROUP_CODINGS, GROUP_FUNCTIONS, complete_call
from survmodel.models.formula_splines import SPLINE_CODINGS, SPLINE_FUNCTIONS

FUNCTIONS.update(GROUP_FUNCTIONS | SPLINE_FUNCTIONS)
CODINGS.update(GROUP_CODINGS | SPLINE_CODINGS)


@dataclass(frozen=True, slots=True)
class Formula:
    """The right-hand side of a regression; `parse_formula` makes it.

    Parameters
    ----------
    text : str
        The formula in normal form: reading it again gives the same formula.
    terms : tuple[Term, ...]
        Main effects in written order, then two-way interactions, and so on.
    offsets : tuple[Call, ...]
        The calls of ``offset()``.
    """

    text: str
    terms: tuple[Term, ...]
    offsets: tuple[Call, ...]
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note where each column is first used in the text."""
        places: dict[str, int] = {}
        parts: tuple[Term | Call, ...] = (*self.terms, *self.offsets)
        for part in parts:
            for column in part.columns:
                places.setdefault(column.name, column.at)
        object.__setattr__(self, "_places", places)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every column used, in order of first use in `text`, offsets last."""
        return tuple(self._places)

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """What the terms are made of; each is a main effect, since interactions need their lower-order terms."""
        return tuple(term.factors[0] for term in self.terms if len(term.factors) == 1)

    @property
    def mains(self) -> tuple[str, ...]:
        """Columns that are a term by themselves, as they are or as a factor."""
        alone = (atom for atom in self.atoms if not isinstance(atom, Call) or atom.function == "factor")
        return tuple(atom.columns[0].name for atom in alone)

    def check_columns(self, columns: Iterable[str]) -> None:
        """Check that a table has the columns that the formula uses.

        Parameters
        ----------
        columns : iterable of str
            The columns of the table.

        Raises
        ------
        ConfigError
            When a column is absent, with its place in `text` and the closest names.

        Examples
        --------
        >>> try:
        ...     parse_formula("sex + agee").check_columns(["age", "sex"])
        ... except ConfigError as error:
        ...     print(error)
        the table has no such column: 'agee' at character 7, in the formula 'sex + agee'. Did you mean 'age'?
        """
        known = list(columns)
        present = set(known)
        for name, at in self._places.items():
            if name not in present:
                raise refuse(self.text, at, name, "the table has no such column", closest(name, known))

    def missing(self, table: pd.DataFrame) -> pd.DataFrame:
        """Tell which values are missing in the columns used: NaN, None, NaT or pandas.NA.

        Parameters
        ----------
        table : pandas.DataFrame
            The data.

        Returns
        -------
        pandas.DataFrame
            True where a value is missing: the index of the table, one column per variable.

        Raises
        ------
        DataError
            When a column is absent, or two have the same name.

        Examples
        --------
        >>> parse_formula("age").missing(pd.DataFrame({"age": [61.0, None], "sex": ["f", None]}))
             age
        0  False
        1   True
        """
        masks = self.missing_masks(table)
        return pd.DataFrame(masks, index=table.index, columns=list(self.variables), dtype=bool)

    def missing_masks(self, table: pd.DataFrame) -> dict[str, Bools]:
        """Tell which values are missing as :meth:`missing` does, in arrays by column."""
        check_used_columns(table, self.variables)
        return {name: missing_values(table[name]) for name in self.variables}

    def learn(
        self,
        table: pd.DataFrame,
        reference: Mapping[str, object] | None = None,
        finite: Collection[str] = (),
        *,
        gaps: bool = False,
    ) -> Design:
        """Fix what depends on the data: which columns are factors, their levels and references, knots of splines.

        A reference that is not declared is the first level of an ordered category, or else the most frequent level.

        Parameters
        ----------
        table : pandas.DataFrame
            The data, with no missing value in the columns used.
        reference : mapping of str to object, optional
            The reference level of each factor that shall have another than the default.
        finite : collection of str
            Columns known to hold finite numbers of type float64, which are not read again.
        gaps : bool
            Whether values may be missing: each atom is then learnt from the rows that have its own columns.

        Returns
        -------
        Design
            What codes this and any later table.

        Raises
        ------
        DataError
            When a column cannot be coded.
        ConfigError
            When a reference is no level, or no factor.

        Examples
        --------
        >>> table = pd.DataFrame({"sex": ["m", "f", "f"], "age": [60, 70, 80]})
        >>> design = parse_formula("age + sex").learn(table, reference={"sex": "m"})
        >>> design.names
        ('age', 'sex[f]')
        """
        if not len(table):
            raise DataError("the table has no rows", remedy="check how the rows were selected")
        check_used_columns(table, self.variables)
        declared = {name: level_text(level) for name, level in (reference or {}).items()}
        try:
            learnt = [
                learn_coding(atom, _with_values(atom, table) if gaps else table, declared, finite)
                for atom in self.atoms
            ]
            offsets = [learn_coding(call, table, {}) for call in self.offsets]
        except DataError:
            # A coding stops at its own column; the reader wants all that have missing values in one message.
            if not gaps:
                self._refuse_incomplete(table)
            raise
        codings = tuple(coding for coding, _ in learnt)
        _require_factors(declared, codings, self)
        notes = dict.fromkeys(note for _, some in learnt for note in some)
        return _design(self, codings, tuple(coding for coding, _ in offsets), tuple(notes))

    def _refuse_incomplete(self, table: pd.DataFrame) -> None:
        incomplete = {name: missing for name, missing in self.missing_masks(table).items() if missing.any()}
        if incomplete:
            raise DataError(
                f"values are missing in {list_values(list(incomplete))}",
                name_rows(np.logical_or.reduce(list(incomplete.values()))),
                "leave these rows out, or impute them first",
            )


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A formula together with all that was learnt from the data; `Formula.learn` makes it.

    Parameters
    ----------
    formula : Formula
        The formula.
    columns : tuple[DesignColumn, ...]
        The columns of the matrix.
    terms : tuple[tuple[str, tuple[int, ...]], ...]
        For each term its label and the positions of its columns.
    notes : tuple[str, ...]
        What a reader should know: chosen references, dropped or doubtful levels.
    codings : tuple[Coding, ...]
        How each of ``formula.atoms`` is coded.
    offsets : tuple[Coding, ...]
        How each of ``formula.offsets`` is coded.
    """

    formula: Formula
    columns: tuple[DesignColumn, ...]
    terms: tuple[tuple[str, tuple[int, ...]], ...]
    notes: tuple[str, ...]
    codings: tuple[Coding, ...]
    offsets: tuple[Coding, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column of the matrix."""
        return tuple(column.term for column in self.columns)

    @property
    def plain_columns(self) -> tuple[str, ...] | None:
        """The columns of the table that are those of the matrix as they stand; None when any is coded."""
        plain = all(isinstance(coding, Numeric) and not coding.function for coding in self.codings)
        return tuple(column.variable for column in self.columns) if plain and not self._interacts else None

    @property
    def _interacts(self) -> bool:
        return any(len(term.factors) > 1 for term in self.formula.terms)

    @property
    def learns_numbers(self) -> bool:
        """Whether other rows, or other counts of the same rows, would give other columns of the matrix."""
        return any(coding.learns_numbers for coding in (*self.codings, *self.offsets))

    def matrix(self, table: pd.DataFrame, *, gaps: bool = False) -> Floats:
        """Code a table.

        Parameters
        ----------
        table : pandas.DataFrame
            The columns that the terms use, by name, in any order; others are ignored.
        gaps : bool
            Whether values may be missing: what is made of them is NaN.

        Returns
        -------
        numpy.ndarray
            Shape (n, p): one column for each of `columns`.

        Raises
        ------
        DataError
            When a column is absent, or a value is missing, infinite, out of range, or a level that was not learnt.

        Examples
        --------
        >>> design = parse_formula("age").learn(pd.DataFrame({"age": [60, 70]}))
        >>> design.matrix(pd.DataFrame({"sex": ["f"], "age": [65]}))
        array([[65.]])
        """
        check_used_columns(table, [column.name for atom in self.formula.atoms for column in atom.columns])
        apply = _apply_to_known if gaps else _apply
        blocks = {
            atom: apply(coding, atom, table) for atom, coding in zip(self.formula.atoms, self.codings, strict=True)
        }
        matrix = np.empty((len(table), len(self.columns)), order="F")
        for term, (_, positions) in zip(self.formula.terms, self.terms, strict=True):
            first = positions[0]
            matrix[:, first : first + len(positions)] = _products([blocks[factor] for factor in term.factors])
        return matrix

    def offset(self, table: pd.DataFrame) -> Floats:
        """Add up the offsets of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            The columns that the offsets use, by name, in any order; others are ignored.

        Returns
        -------
        numpy.ndarray
            Shape (n,): zeros when the formula has no offset.

        Raises
        ------
        DataError
            When a column is absent, or a value is missing, infinite or out of range.

        Examples
        --------
        >>> table = pd.DataFrame({"age": [60, 70], "lp": [0.5, -1.0]})
        >>> parse_formula("age + offset(lp)").learn(table).offset(table)
        array([ 0.5, -1. ])
        """
        check_used_columns(table, [column.name for call in self.formula.offsets for column in call.columns])
        total = np.zeros(len(table))
        for coding in self.offsets:
            total += coding.apply(table)[:, 0]
        return total

    def to_json(self) -> dict[str, Any]:
        """Give all that was learnt as values that JSON can hold.

        Returns
        -------
        dict
            What `from_json` reads.

        Examples
        --------
        >>> design = parse_formula("age").learn(pd.DataFrame({"age": [60, 70]}))
        >>> design.to_json()["codings"]
        [{'kind': 'numeric', 'variable': 'age', 'function': ''}]
        """
        return {
            "formula": self.formula.text,
            "columns": list(self.names),
            "codings": [store_coding(coding) for coding in self.codings],
            "offsets": [store_coding(coding) for coding in self.offsets],
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Design:
        """Rebuild a design from what `to_json` gave.

        Parameters
        ----------
        stored : mapping
            The stored design.

        Returns
        -------
        Design
            A design that codes any table as the stored one did.

        Raises
        ------
        ConfigError
            When it is not a stored design, or its parts disagree.

        Examples
        --------
        >>> table = pd.DataFrame({"sex": ["m", "f", "f"]})
        >>> design = parse_formula("sex").learn(table)
        >>> Design.from_json(design.to_json()).names
        ('sex[m]',)
        """
        try:
            formula = parse_formula(stored["formula"])
            codings = tuple(restore_coding(coding) for _, coding in zip(formula.atoms, stored["codings"], strict=True))
            offsets = tuple(
                restore_coding(coding) for _, coding in zip(formula.offsets, stored["offsets"], strict=True)
            )
            design = _design(formula, codings, offsets, tuple(stored["notes"]))
            intact = design.to_json() == dict(stored)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError("the stored design is not understood", str(error), "store the model again") from error
        if not intact:
            raise ConfigError("the parts of the stored design disagree", remedy="store the model again")
        return design


def parse_formula(formula: str | Sequence[str]) -> Formula:
    """Read the right-hand side of a regression.

    Parameters
    ----------
    formula : str or sequence of str
        The formula, or its terms.

    Returns
    -------
    Formula
        The formula in normal form.

    Raises
    ------
    ConfigError
        When the text is not a formula, with the place where it stops being one.

    Examples
    --------
    >>> parse_formula("sex * age + log2(wbc) + age").text
    'sex + age + log2(wbc) + sex:age'
    >>> parse_formula(["age", "offset(lp)"]).variables
    ('age', 'lp')
    """
    pieces = [formula] if isinstance(formula, str) else formula
    if not isinstance(pieces, Sequence) or not all(isinstance(piece, str) for piece in pieces):
        raise ConfigError("a formula is a text or a list of texts", f"found {type(formula).__name__}")
    return _parse(tuple(pieces))


@lru_cache(maxsize=256)
def _parse(pieces: tuple[str, ...]) -> Formula:
    text, read = _read(pieces)
    # the places of columns, which are no part of equality, shall be those in the text that the formula keeps
    return read if read.text == text else _read([read.text])[1]


def learn_counted(
    formula: Formula,
    table: pd.DataFrame,
    reference: Mapping[str, object] | None,
    counts: Floats,
    finite: Collection[str] = (),
) -> Design:
    """Learn a design from rows that stand for several identical ones each: as from the replicated rows.

    Parameters
    ----------
    formula : Formula
        The formula.
    table : pandas.DataFrame
        Complete rows.
    reference : mapping of str to object, optional
        Declared reference levels.
    counts : ndarray, shape (n,)
        How many rows each stands for, at least 1.
    finite : collection of str
        As for :meth:`Formula.learn`.

    Returns
    -------
    Design
        What codes any table.

    Examples
    --------
    >>> table = pd.DataFrame({"x": [1.0, 2.0, 3.0, 4.0, 6.0], "entity": "MZL"})
    >>> formula = parse_formula("within_entity_z(x)")
    >>> design = learn_counted(formula, table, None, np.array([1, 1, 1, 1, 3]))
    >>> design.codings[0].means
    (4.0,)
    """
    design = formula.learn(table, reference, finite)
    if not design.learns_numbers or (counts == 1).all():
        return design
    again = np.repeat(np.arange(len(table)), counts.astype(np.int64))
    return formula.learn(table.iloc[again], reference)


def _read(pieces: Sequence[str]) -> tuple[str, Formula]:
    """Read a formula with the meaning of its functions; give the text as written beside it."""
    text, written = read_terms(pieces, FUNCTIONS)
    offsets: dict[Call, None] = {}
    terms: list[Term] = []
    for term in written:
        for factor in term.factors:
            _check_calls(text, factor)
        match term.factors:
            case (Call("offset") as call,):
                offsets[call] = None
            case _:
                _refuse_offset(text, term)
                terms.append(Term(tuple(map(complete_call, term.factors))))
    ordered = arrange(text, terms)
    labels = [*(term.label for term in ordered), *(call.label for call in offsets)]
    return text, Formula(" + ".join(labels) or "1", ordered, tuple(offsets))


def _check_calls(text: str, atom: Atom) -> None:
    """Check the arguments of a call and of the calls within it."""
    while isinstance(atom, Call):
        function = FUNCTIONS[atom.function]
        if wrong := function.check(atom):
            remedy = f"write {function.usage}; compute anything else as a column of the table first"
            raise refuse(text, atom.at, atom.label, wrong, remedy)
        atom = atom.inner


def _refuse_offset(text: str, term: Term) -> None:
    for factor in term.factors:
        if isinstance(factor, Call) and factor.function == "offset":
            raise refuse(text, factor.at, factor.label, "an offset stands in no interaction", "add it: + offset(x)")


def _design(
    formula: Formula, codings: tuple[Coding, ...], offsets: tuple[Coding, ...], notes: tuple[str, ...]
) -> Design:
    """Lay out the columns of the matrix, term by term."""
    by_atom = dict(zip(formula.atoms, codings, strict=True))
    columns: list[DesignColumn] = []
    terms: list[tuple[str, tuple[int, ...]]] = []
    for term in formula.terms:
        new = [_join(parts) for parts in _first_fastest([by_atom[factor].columns for factor in term.factors])]
        terms.append((term.label, tuple(range(len(columns), len(columns) + len(new)))))
        columns += new
    twice = [name for name, count in Counter(column.term for column in columns).items() if count > 1]
    if twice:
        raise ConfigError("two terms code the same column", list_values(twice), "keep either x or factor(x)")
    return Design(formula, tuple(columns), tuple(terms), notes, codings, offsets)


def _known(atom: Atom, table: pd.DataFrame) -> Bools:
    """Mark the rows in which no column of an atom is missing."""
    known = np.ones(len(table), dtype=bool)
    for column in atom.columns:
        known &= ~missing_values(table[column.name])
    return known


def _with_values(atom: Atom, table: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows in which no column of an atom is missing; refuse to learn from none."""
    known = _known(atom, table)
    if not known.any():
        raise DataError(f"{atom.label} has no value in any row", remedy="leave it out of the formula")
    return table if known.all() else table[known]


def _apply(coding: Coding, _atom: Atom, table: pd.DataFrame) -> Floats:
    return coding.apply(table)


def _apply_to_known(coding: Coding, atom: Atom, table: pd.DataFrame) -> Floats:
    """Code the rows that have the columns of an atom; NaN in the others."""
    known = _known(atom, table)
    if known.all():
        return coding.apply(table)
    block = np.full((len(table), len(coding.columns)), np.nan)
    if known.any():
        block[known] = coding.apply(table[known])
    return block


def _first_fastest(parts: Sequence[Sequence[DesignColumn]]) -> Iterable[tuple[DesignColumn, ...]]:
    """Combine the columns of several factors in R's order, where the first factor varies fastest."""
    return (combined[::-1] for combined in itertools.product(*parts[::-1]))


def _join(parts: Sequence[DesignColumn]) -> DesignColumn:
    """Name the product of columns."""
    if len(parts) == 1:
        return parts[0]
    return DesignColumn(
        term=":".join(part.term for part in parts),
        variable=":".join(part.variable for part in parts),
        level=":".join(part.level for part in parts if part.level),
        reference=":".join(part.reference for part in parts if part.reference),
        depends=tuple(dict.fromkeys(name for part in parts for name in part.depends)),
    )


def _products(blocks: Sequence[Floats]) -> Floats:
    """Multiply the columns of several factors, in the order of `_first_fastest`."""
    product = blocks[0]
    for block in blocks[1:]:
        outer = block[:, :, np.newaxis] * product[:, np.newaxis, :]
        product = outer.reshape(len(block), block.shape[1] * product.shape[1])
    return product


def _require_factors(declared: Mapping[str, str], codings: Iterable[Coding], formula: Formula) -> None:
    """Refuse a reference that is declared for anything but a factor."""
    factors = [coding.variable for coding in codings if isinstance(coding, Levels)]
    for name in declared:
        if name not in factors:
            what = "is numeric here" if name in formula.variables else "is not in the formula"
            remedy = closest(name, factors) if factors else "the formula has no factor"
            raise ConfigError(f"a reference is declared for {name!r}, which {what} and no factor", remedy=remedy)
