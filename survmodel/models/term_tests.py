"""Tests of the terms of a Cox model: all columns of a term at once, and those that bend a spline.

A Wald test takes the covariance of the fit, robust where the fit is. A likelihood-ratio test holds the coefficients of
the columns at 0 and maximises over the others: the model without them; under Firth's penalty the penalty stays that of
all columns. A term is tested as it stands: where it is part of an interaction, the columns of the interaction are a
term of their own, and the test of the main effect is of the effect where the other columns are 0 or at their reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, FitError, closest
from survmodel.models.coefficient_tests import wald_statistic
from survmodel.models.cox_likelihood import CoxData, Maximum, SortedData, sort_data
from survmodel.models.cox_maximum import maximise_for
from survmodel.models.cox_settings import CoxSettings
from survmodel.models.firth import hold_at_zero
from survmodel.models.formula import Design
from survmodel.models.formula_splines import Spline

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Method: TypeAlias = Literal["wald", "likelihood-ratio"]

OVERALL, NON_LINEAR = "overall", "non-linear"


def term_columns(design: Design) -> Iterator[tuple[str, str, Ints]]:
    """Give the columns that each test of a term is about.

    Parameters
    ----------
    design : Design
        Of a fit.

    Yields
    ------
    tuple of str, str, ndarray of int64
        Label of the term, part ("overall", and "non-linear" where a spline bends), positions of the columns.

    Examples
    --------
    >>> from survmodel.models.formula import parse_formula
    >>> design = parse_formula("rcs(age, 3)").learn(pd.DataFrame({"age": range(100)}))
    >>> [(part, columns.tolist()) for _, part, columns in term_columns(design)]
    [('overall', [0, 1]), ('non-linear', [1])]
    """
    codings = dict(zip(design.formula.atoms, design.codings, strict=True))
    for term, (label, positions) in zip(design.formula.terms, design.terms, strict=True):
        columns = np.array(positions, dtype=np.int64)
        yield label, OVERALL, columns
        bends = [
            [isinstance(codings[factor], Spline) and place > 0 for place in range(len(codings[factor].columns))]
            for factor in term.factors
        ]
        # As in the matrix, the first factor varies fastest.
        bent = np.array([any(parts) for parts in itertools.product(*bends[::-1])])
        if bent.any():
            yield label, NON_LINEAR, columns[bent]


def columns_of_splines(design: Design) -> dict[int, str]:
    """Tell which columns belong to a term with a spline: their single coefficients say nothing.

    Parameters
    ----------
    design : Design
        Of a fit.

    Returns
    -------
    dict of int to str
        Label of the term by the position of the column.

    Examples
    --------
    >>> from survmodel.models.formula import parse_formula
    >>> table = pd.DataFrame({"age": range(100), "suv": range(100)})
    >>> columns_of_splines(parse_formula("suv + rcs(age, 3)").learn(table))
    {1: 'rcs(age, 3)', 2: 'rcs(age, 3)'}
    """
    bending = {label for label, part, _ in term_columns(design) if part == NON_LINEAR}
    return {place: label for label, positions in design.terms if label in bending for place in positions}


def splines_of(design: Design) -> tuple[Spline, ...]:
    """Give the splines of a design with their knots.

    Parameters
    ----------
    design : Design
        Of a fit.

    Returns
    -------
    tuple of Spline
        In the order of the formula.
    """
    return tuple(coding for coding in design.codings if isinstance(coding, Spline))


def wald_tests(design: Design, beta: Floats, covariance: Floats) -> pd.DataFrame:
    """Test terms by the covariance of their coefficients.

    Parameters
    ----------
    design : Design
        Of the fit.
    beta : ndarray, shape (p,)
        Coefficients.
    covariance : ndarray, shape (p, p)
        Their covariance.

    Returns
    -------
    pandas.DataFrame
        Columns term, part, statistic, df, p_value; NaN where fewer clusters than columns make the covariance singular.
    """
    rows = []
    for label, part, columns in term_columns(design):
        rows.append((label, part, wald_statistic(beta[columns], covariance[np.ix_(columns, columns)]), columns.size))
    return _tabulate(rows)


def likelihood_ratio_tests(
    spec: CoxSettings, design: Design, data: CoxData, ordered: SortedData, maximum: Maximum
) -> pd.DataFrame:
    """Test terms by holding their coefficients at 0.

    Parameters
    ----------
    spec, design : CoxSettings, Design
        Of the fit.
    data, ordered : CoxData, SortedData
        Its rows.
    maximum : Maximum
        The fit.

    Returns
    -------
    pandas.DataFrame
        Columns term, part, statistic, df, p_value.

    Raises
    ------
    FitError
        When the likelihood has no maximum with the coefficients at 0.
    """
    rows = []
    for label, part, columns in term_columns(design):
        zero = np.zeros(maximum.beta.size, dtype=bool)
        zero[columns] = True
        held = hold_at_zero(data, ordered, zero) if spec.is_firth else _without(spec, design, data, zero)
        rows.append((label, part, max(2 * (maximum.loglik - held), 0.0), columns.size))
    return _tabulate(rows)


def _without(spec: CoxSettings, design: Design, data: CoxData, zero: npt.NDArray[np.bool_]) -> float:
    """Maximise the likelihood of the model without some columns."""
    names = tuple(name for name, gone in zip(design.names, zero, strict=True) if not gone)
    smaller = replace(data, x=data.x[:, ~zero])
    return float(maximise_for(spec, smaller, sort_data(smaller), names).loglik)


def choose_method(method: str | None, *, is_firth: bool, has_ridge: bool, robust: bool) -> Method:
    """Settle how terms are tested.

    Parameters
    ----------
    method : str or None
        What was asked for.
    is_firth, has_ridge, robust : bool
        What the fit is.

    Returns
    -------
    {"wald", "likelihood-ratio"}
        The method; without one Wald's, or that of the penalised likelihood under Firth's penalty.

    Raises
    ------
    ConfigError
        For an unknown method.
    FitError
        Where the fit has no such test.
    """
    if method is None:
        return "likelihood-ratio" if is_firth else "wald"
    if method not in get_args(Method):
        raise ConfigError(f"method {method!r} is not known", closest(str(method), get_args(Method)))
    if method == "likelihood-ratio" and (has_ridge or robust):
        why = "under a ridge" if has_ridge else "with robust standard errors"
        raise FitError(f"there is no likelihood-ratio test {why}", remedy="use method='wald'")
    return method  # type: ignore[return-value]


def _tabulate(rows: list[tuple[str, str, float, int]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["term", "part", "statistic", "df"])
    p_values = [chi_squared_p(statistic, df) for _, _, statistic, df in rows]
    return table.assign(p_value=np.array(p_values, dtype=np.float64))
