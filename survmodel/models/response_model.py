r"""Response to treatment as an outcome: logistic regression of yes or no, proportional odds of ordered levels.

With levels :math:`0 < 1 < \dots < k` of patient :math:`i`,

.. math:: \operatorname{logit} P(Y_i \ge j) = \alpha_j + x_i^\top \beta, \quad j = 1, \dots, k,

so that :math:`e^\beta` is the odds ratio of a response at least as good as any level, and with two levels that of
logistic regression. Maximum likelihood by Newton's method from the model without covariates; limits and tests by
standard errors (Wald) from the observed information, and a likelihood ratio test of all covariates. Response is known
only at its assessment: a model of it asks what predicts response, and says nothing of survival.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, DataError, FitError, list_values
from survmodel.formatting import count_noun, format_count, format_number, format_p, format_p_equation, format_ratio
from survmodel.models.coefficient_tests import label_terms, wald_columns
from survmodel.models.complete_rows import find_complete_rows
from survmodel.models.cox_likelihood import Maximum
from survmodel.models.formula import Design, parse_formula
from survmodel.models.newton import Evaluated, find_maximum
from survmodel.outcome.argument import read_table
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Fewer patients of the rarer answer for each coefficient than this are warned of.
FEW_FOR_EACH = 10
REMEDY = "merge levels, leave the column out, or compare counts"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ResponseFit(Result):
    """A logistic or proportional-odds model of response.

    Attributes
    ----------
    design : Design
        Columns of the model.
    levels : tuple of str
        Levels of the response from worst to best.
    counts : tuple of int
        Patients at each level.
    thresholds : ndarray, shape (k - 1,)
        Log odds of each level but the worst or a better one, at covariates 0.
    maximum : Maximum
        Coefficients with their covariance, and log-likelihoods.
    n_missing : int
        Patients left out because of a missing value or response.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    design: Design
    levels: tuple[str, ...]
    counts: tuple[int, ...]
    thresholds: Floats
    maximum: Maximum
    n_missing: int
    conf_level: float
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Patients in the model."""
        return sum(self.counts)

    @property
    def is_ordinal(self) -> bool:
        """Whether there are more than two levels."""
        return len(self.levels) > 2

    @property
    def coefficients(self) -> pd.Series:
        """Log odds ratios by column of the design."""
        return pd.Series(self.maximum.beta[len(self.levels) - 1 :], index=list(self.design.names))

    @property
    def likelihood_ratio(self) -> tuple[float, int, float]:
        """Likelihood ratio chi-squared of all columns, its degrees of freedom, and p."""
        df = len(self.design.names)
        statistic = 2 * (self.maximum.loglik - self.maximum.loglik_null)
        return statistic, df, chi_squared_p(statistic, df)

    def tidy(self) -> pd.DataFrame:
        """Give log odds ratios, one row for each column of the design.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate, std_error, statistic (z), p_value, conf_low, conf_high.
        """
        first = len(self.levels) - 1
        error = np.sqrt(np.diag(self.maximum.covariance))[first:]
        columns = wald_columns(self.maximum.beta[first:], error, self.conf_level)
        return pd.concat([label_terms(self.design), columns], axis=1)

    def odds_ratios(self) -> pd.DataFrame:
        """Give odds ratios of a better response.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale.
        """
        table = self.tidy()
        columns = ["estimate", "conf_low", "conf_high"]
        table[columns] = np.exp(table[columns].astype(np.float64))
        return table

    def glance(self) -> pd.DataFrame:
        """Give counts, the likelihood ratio test and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        statistic, df, p = self.likelihood_ratio
        row = {"n": self.n, "n_missing": self.n_missing, "loglik": self.maximum.loglik, "statistic": statistic}
        kind = "proportional odds" if self.is_ordinal else "logistic"
        row |= {"df": df, "p_value": p, "conf_level": self.conf_level}
        return pd.DataFrame(
            [row | {"conventions": f"{kind}, maximum likelihood; limits: Wald; test: likelihood ratio"}]
        )

    def _display(self) -> Display:
        rows = [
            [r["term"], format_ratio(r["estimate"], r["conf_low"], r["conf_high"]), format_p(r["p_value"])]
            for r in self.odds_ratios().to_dict("records")
        ]
        statistic, df, p = self.likelihood_ratio
        counted = ", ".join(f"{level} {format_count(n)}" for level, n in zip(self.levels, self.counts, strict=True))
        kind = "Proportional odds" if self.is_ordinal else "Logistic regression"
        notes = [
            f"Odds of a better response: {counted}",
            f"Likelihood ratio {format_number(statistic)} on {df} df, {format_p_equation(p)}",
        ]
        notes += [f"{count_noun(self.n_missing, 'patient')} left out"] if self.n_missing else []
        table = Table(["", "odds ratio", "p"], rows)
        return Display(f"{kind}: {count_noun(self.n, 'patient')}", (table,), tuple(notes))


def response_model(
    formula: str,
    table: pd.DataFrame,
    response: object,
    *,
    levels: Sequence[object] | None = None,
    reference: Mapping[str, object] | None = None,
    conf_level: float = 0.95,
) -> ResponseFit:
    """Fit a logistic model of a response of two levels, or a proportional-odds model of more.

    Parameters
    ----------
    formula : str
        Right-hand side, as for :class:`survmodel.CoxPH`.
    table : pandas.DataFrame
        Columns of the formula; rows with a missing value are left out and counted.
    response : Series or array_like, shape (n,)
        Response of each patient: truth values, 0 and 1, an ordered Categorical, or texts with `levels`. A missing one,
        such as of a patient who could not be evaluated, is left out and counted.
    levels : sequence, optional
        Levels from worst to best. An odds ratio above 1 is a better response.
    reference : mapping of str to object, optional
        Reference level of factors.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    ResponseFit
        Odds ratios; levels that nobody has are left out.

    Raises
    ------
    DataError
        For a response that is no level, rows that do not agree, one level only, and offsets.
    FitError
        Where columns are collinear or constant, or tell the response exactly (separation).
    ConfigError
        For unknown columns and a coverage outside (0, 1).

    References
    ----------
    McCullagh P (1980). J R Stat Soc B 42:109-142. Harrell FE (2015). Regression Modeling Strategies, 2nd ed. Springer.

    Examples
    --------
    >>> table = pd.DataFrame({"suv": [4.0, 5, 6, 7, 8, 9, 10, 11]})
    >>> fit = response_model("suv", table, [1, 1, 0, 1, 1, 0, 0, 0])
    >>> fit.odds_ratios()["estimate"].round(3).tolist(), fit.counts
    ([0.437], (4, 4))
    """
    if not 0 < conf_level < 1:
        raise ConfigError("conf_level must lie between 0 and 1", f"found {conf_level}")
    table = read_table(table)
    codes, names = _read_response(response, levels, len(table))
    parsed = parse_formula(formula)
    if parsed.offsets:
        raise DataError("a model of response has no offset", remedy="leave it out of the formula")
    if not parsed.terms:
        raise DataError("a model of response needs a column", f"the formula is {formula!r}")
    kept, _ = find_complete_rows([parsed], (), table)
    rows = np.flatnonzero(kept & (codes >= 0))
    y, used = codes[rows], table.iloc[rows]
    seen = np.unique(y)
    if seen.size < 2:
        raise DataError("the response has one level only", f"in {count_noun(int(rows.size), 'patient')}")
    y = np.searchsorted(seen, y)
    design = parsed.learn(used, reference)
    x = design.matrix(used)
    maximum = _fit(x, y, seen.size, design)
    counts = np.bincount(y, minlength=seen.size)
    few = int(min(counts.max(), counts.sum() - counts.max())) / x.shape[1]
    warnings = (
        (f"{few:.1f} patients of the rarer responses for each coefficient: estimates tend to be too large",)
        if few < FEW_FOR_EACH
        else ()
    )
    first = seen.size - 1
    return ResponseFit(
        design,
        tuple(names[place] for place in seen),
        tuple(int(count) for count in counts),
        frozen(maximum.beta[:first]),
        maximum,
        len(table) - int(rows.size),
        float(conf_level),
        warnings,
    )


def _read_response(response: object, levels: Sequence[object] | None, n: int) -> tuple[Ints, list[str]]:
    """Give the place of each response among its levels, -1 where it is missing."""
    series = pd.Series(response).reset_index(drop=True)
    if series.size != n:
        raise DataError("response and table differ in rows", f"{series.size} and {n}")
    known = series.dropna()
    if levels is None and isinstance(series.dtype, pd.CategoricalDtype):
        if not series.cat.ordered and len(series.cat.categories) > 2:
            raise DataError("the response is a Categorical without order", remedy="give levels from worst to best")
        levels = list(series.cat.categories)
    if levels is None:
        if not set(known.unique()) <= {0, 1}:
            remedy = "give truth values, or levels from worst to best"
            raise DataError("the response is neither yes or no nor ordered", remedy=remedy)
        levels, series = ["no", "yes"], series.map({0: "no", 1: "yes"})
    names = [str(level) for level in levels]
    if len(set(names)) < len(names) or len(names) < 2:
        raise DataError("levels must be two or more, and different", f"found {list_values(names)}")
    missing = series.isna().to_numpy()
    texts = [str(one) for one in series.astype(object)]
    wrong = sorted({text for text, gone in zip(texts, missing, strict=True) if not gone} - set(names))
    if wrong:
        raise DataError("a response is no level", f"found {list_values(wrong)}", f"levels are {list_values(names)}")
    place = {name: code for code, name in enumerate(names)}
    codes = [-1 if gone else place[text] for text, gone in zip(texts, missing, strict=True)]
    return np.asarray(codes, dtype=np.int64), names


def _fit(x: Floats, y: Ints, k: int, design: Design) -> Maximum:
    """Maximise from the model without covariates; columns are standardised, thresholds count from its own."""
    middle, scale = x.mean(axis=0), x.std(axis=0)
    constant = [name for name, spread in zip(design.names, scale, strict=True) if not spread > 0]
    if constant:
        raise FitError(f"{list_values(constant)} is the same in every patient", remedy="leave the column out")
    shown = (x - middle) / scale
    at_least = np.array([(y >= j).mean() for j in range(1, k)])
    null = np.log(at_least / (1 - at_least))
    names = tuple([f"threshold {j}" for j in range(1, k)] + list(design.names))
    sizes = np.concatenate([np.ones(k - 1), scale])
    try:
        found = find_maximum(lambda theta: _likelihood(theta, null, shown, y), names, sizes, REMEDY)
    except FitError as error:
        if "hazard" not in f"{error.problem} {error.found}":
            raise
        raise FitError(
            "the odds have no finite estimate: a column, or several together, tell the response exactly",
            remedy=REMEDY,
        ) from None
    # thresholds are those of covariates 0, not of their means
    beta = found.beta.copy()
    shift = np.eye(len(names))
    shift[: k - 1, k - 1 :] = -middle
    beta[: k - 1] += null
    covariance = shift @ found.covariance @ shift.T
    return Maximum(
        beta=frozen(shift @ beta),
        covariance=frozen(covariance),
        information=frozen(np.linalg.inv(covariance)),
        loglik=found.loglik,
        loglik_null=found.loglik_null,
        score_statistic=found.score_statistic,
        df=float(len(design.names)),
        iterations=found.iterations,
        score_size=found.score_size,
    )


def _likelihood(theta: Floats, null: Floats, x: Floats, y: Ints) -> Evaluated:
    """Give the log-likelihood of thresholds and coefficients, with its score and observed information.

    With a and b the linear predictors of "at least this level" and "at least the next one",
    P = F(a) F(-b) (1 - exp(b - a)); of the worst level only F(-b) is left, of the best only F(a).
    """
    first, p = null.size, theta.size
    alpha = null + theta[:first]
    if (np.diff(alpha) >= 0).any():
        return Evaluated(-np.inf, np.zeros(p), np.eye(p))
    index = x @ theta[first:]
    has_a, has_b = y > 0, y < first
    a = np.where(has_a, alpha[np.maximum(y - 1, 0)] + index, np.inf)
    b = np.where(has_b, alpha[np.minimum(y, first - 1)] + index, -np.inf)
    both = has_a & has_b
    gap = np.where(both, a - b, np.inf)
    loglik = -np.logaddexp(0, -a) - np.logaddexp(0, b) + np.log(-np.expm1(-gap))
    share_a, share_b = _logistic(-a), _logistic(b)
    apart = np.where(both, 1 / np.expm1(np.where(both, gap, 1.0)), 0.0)
    bend = np.where(both, apart * (1 + apart), 0.0)
    to_a, to_b = share_a + apart, -share_b - apart
    aa = share_a * (1 - share_a) + bend
    bb = share_b * (1 - share_b) + bend
    rows_a, rows_b = np.zeros((y.size, p)), np.zeros((y.size, p))
    rows_a[has_a, y[has_a] - 1] = 1.0
    rows_b[has_b, y[has_b]] = 1.0
    rows_a[has_a, first:], rows_b[has_b, first:] = x[has_a], x[has_b]
    score = rows_a.T @ np.where(has_a, to_a, 0.0) + rows_b.T @ np.where(has_b, to_b, 0.0)
    information = (rows_a.T * np.where(has_a, aa, 0.0)) @ rows_a + (rows_b.T * np.where(has_b, bb, 0.0)) @ rows_b
    mixed = (rows_a.T * bend) @ rows_b
    return Evaluated(float(loglik.sum()), score, information - mixed - mixed.T)


def _logistic(values: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -values)), dtype=np.float64)
