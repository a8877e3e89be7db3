"""A fitted Fine-Gray model: its numbers as tables, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, FitError
from survmodel.formatting import count_noun, format_number, format_p, format_p_equation, format_ratio
from survmodel.frame import as_frame
from survmodel.models.coefficient_tests import label_terms, wald_columns, wald_statistic
from survmodel.models.contrasts import contrast_rows
from survmodel.models.cox_likelihood import Maximum, refuse_constant, refuse_few_events
from survmodel.models.fine_gray_likelihood import FineGrayData, FineGrayRows, prepare, risk_sums
from survmodel.models.fine_gray_maximum import REMEDY, maximise
from survmodel.models.formula import Design, parse_formula
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.term_tests import columns_of_splines, wald_tests
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FineGraySettings:
    """The fields of :class:`~survmodel.models.fine_gray.FineGray`, which describes them."""

    formula: str | Sequence[str]
    cause: int = 1
    censoring_groups: str | Sequence[str] | None = None
    reference: Mapping[str, object] | None = None
    conf_level: float = 0.95
    #: Competing events are taken as they are, not to be settled first.
    takes_competing: ClassVar[bool] = True

    def __post_init__(self) -> None:
        parse_formula(self.formula)
        given: object = self.censoring_groups
        if isinstance(given, pd.Series | np.ndarray):
            name = getattr(given, "name", None) or "disease_group"
            raise ConfigError(
                "censoring_groups is a column, not its name", remedy=f"pass the name: censoring_groups={name!r}"
            )
        if not 0 < self.conf_level < 1:
            raise ConfigError(
                f"conf_level is {self.conf_level}", remedy="give the coverage as a share, for example 0.95"
            )

    @property
    def group_columns(self) -> tuple[str, ...]:
        """Columns that form the censoring groups."""
        if self.censoring_groups is None:
            return ()
        return (self.censoring_groups,) if isinstance(self.censoring_groups, str) else tuple(self.censoring_groups)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FineGrayFit(Result):
    """A fitted Fine-Gray model.

    Attributes
    ----------
    spec : FineGraySettings
        What was asked for.
    cause : str
        The cause of interest.
    design : Design
        Columns, levels and references learnt from the analysed rows.
    beta : ndarray, shape (p,)
        Coefficients: log subdistribution hazard ratios, higher = more of the cause.
    beta_covariance : ndarray, shape (p, p)
        Their sandwich covariance.
    maximum : Maximum
        Log pseudo-likelihoods and the information.
    data, ordered : FineGrayRows, FineGrayData
        Analysed rows, in the order of the table and by time.
    group_labels : tuple of str
        Labels of the censoring groups, ("",) without them.
    outcome : Outcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Their positions in the table.
    columns : pandas.DataFrame
        Columns of the formula in the analysed rows.
    n_missing : int
        Rows left out for missing values.
    missing : tuple of (str, int)
        Missing values of each column that has some.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    spec: FineGraySettings
    cause: str
    design: Design
    beta: Floats
    beta_covariance: Floats
    maximum: Maximum
    data: FineGrayRows
    ordered: FineGrayData
    group_labels: tuple[str, ...]
    outcome: Outcome
    rows: Ints
    columns: pd.DataFrame
    n_missing: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Analysed rows, counts counted."""
        return int(self.data.count.sum())

    @property
    def n_event(self) -> int:
        """Events of the cause among them."""
        return int(self.ordered.deaths.sum())

    @property
    def n_competing(self) -> int:
        """Events of other causes among them."""
        return int(self.data.count[self.data.kind > 1].sum())

    @property
    def coefficients(self) -> pd.Series:
        """Log subdistribution hazard ratios by term."""
        return pd.Series(self.beta, index=list(self.design.names), name="estimate")

    @property
    def covariance(self) -> pd.DataFrame:
        """Sandwich covariance of the coefficients."""
        names = list(self.design.names)
        return pd.DataFrame(self.beta_covariance, index=names, columns=names)

    def tidy(self) -> pd.DataFrame:
        """Give the coefficients on the log scale, one row for each column of the design.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate, std_error, statistic (z), p_value, conf_low, conf_high.
        """
        labels = label_terms(self.design)
        std_error = np.sqrt(np.diag(self.beta_covariance))
        return pd.concat([labels, wald_columns(self.beta, std_error, self.spec.conf_level)], axis=1)

    def hazard_ratios(
        self, contrasts: Mapping[str, Sequence[object]] | None = None, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give subdistribution hazard ratios with limits.

        Parameters
        ----------
        contrasts : mapping of str to (from, to), optional
            For each column, two values to compare, ``{"cxcr4_suvmax": (5, 10)}``. Without it, one row for each column
            of the design.
        at : mapping of str to object, optional
            Values of other columns, needed where the compared column interacts with them.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale. Above 1 the risk of
            the cause is higher; by how much only :meth:`predict_risk` says.

        Raises
        ------
        ConfigError
            For a column that is not in the formula, or an interaction without `at`.
        """
        if contrasts is None:
            table = self.tidy()
        else:
            rows = contrast_rows(self.design, self.columns, contrasts, at or {})
            std_error = np.sqrt(np.einsum("kp,pq,kq->k", rows.steps, self.beta_covariance, rows.steps))
            wald = wald_columns(rows.steps @ self.beta, std_error, self.spec.conf_level)
            table = pd.concat([rows.labels, wald], axis=1)
        scaled = ["estimate", "conf_low", "conf_high"]
        table[scaled] = np.exp(table[scaled])
        return table

    def term_tests(self) -> pd.DataFrame:
        """Test each term with all of its columns, and whether a spline bends, by Wald tests.

        Returns
        -------
        pandas.DataFrame
            Columns term, part ("overall"; for splines also "non-linear"), statistic (chi-squared), df, p_value.
        """
        return wald_tests(self.design, self.beta, self.beta_covariance)

    def glance(self) -> pd.DataFrame:
        """Give what describes the fit as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts, log pseudo-likelihoods, the Wald test of all coefficients 0, conventions. The pseudo-likelihood
            ratio has no chi-squared distribution and therefore no p-value.
        """
        m = self.maximum
        wald = wald_statistic(self.beta, self.beta_covariance)
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_competing": self.n_competing,
            "n_missing": self.n_missing,
            "cause": self.cause,
            "loglik": m.loglik,
            "loglik_null": m.loglik_null,
            "lr_statistic": 2 * (m.loglik - m.loglik_null),
            "lr_df": m.df,
            "wald_statistic": wald,
            "wald_p_value": chi_squared_p(wald, self.beta.size),
            "ties": "breslow",
            "std_error_type": "sandwich",
            "n_censoring_group": len(self.group_labels),
            "iterations": m.iterations,
            "score_size": m.score_size,
            "conf_level": self.spec.conf_level,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        within = " within censoring groups" if len(self.group_labels) > 1 else ""
        return (
            f"subdistribution hazards as R's crr: weights G(t-) by Kaplan-Meier of censoring{within}; Breslow ties; "
            "sandwich se with the censoring term; index not centred"
        )

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict the prognostic index: covariates times coefficients plus offset, not centred.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula, in any order.

        Returns
        -------
        ndarray, shape (n,)
            Higher = more of the cause: log relative subdistribution hazard against covariates that are all 0.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        """
        table = as_frame(table)
        index: Floats = self.design.matrix(table) @ self.beta + self.design.offset(table)
        return index

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the cumulative incidence of the cause.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            ``1 - exp(-H)`` of the subdistribution hazard; NaN beyond the longest follow-up.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        EndpointError
            For negative or missing times.
        """
        asked = check_times(times)  # type: ignore[arg-type]
        table = as_frame(table)
        x, offset = self.design.matrix(table), self.design.offset(table)
        hazard = self._cumulative_hazard(asked)
        # The baseline stands at the means of the covariates, where nothing overflows.
        relative = np.exp((x - self.ordered.centre) @ self.beta + offset)
        risk: Floats = -np.expm1(-np.outer(relative, hazard))
        return risk

    def baseline(self) -> pd.DataFrame:
        """Give the cumulative subdistribution hazard of covariates that are all 0.

        Returns
        -------
        pandas.DataFrame
            Columns time (of the cause), n_event, estimate.
        """
        at_zero = np.exp(-self.ordered.centre @ self.beta)
        hazard = self._cumulative_hazard(self.ordered.event_time) * at_zero
        return pd.DataFrame({"time": self.ordered.event_time, "n_event": self.ordered.deaths, "estimate": hazard})

    def _cumulative_hazard(self, times: Floats) -> Floats:
        data = self.ordered
        sums = risk_sums(data, self.beta * data.scale)
        steps = np.concatenate([[0.0], np.cumsum(sums.hazard)]) * np.exp(-sums.shift)
        hazard: Floats = steps[np.searchsorted(data.event_time, times, side="right")]
        return np.where(times > data.time[-1], np.nan, hazard)

    def _display(self) -> Display:
        rows, splines = [], columns_of_splines(self.design)
        for place, row in enumerate(self.hazard_ratios().to_dict("records")):
            estimate = self.beta[place]
            # One coefficient of a spline is no hazard ratio: the others change with it.
            ratio = "" if place in splines else format_ratio(row["estimate"], row["conf_low"], row["conf_high"])
            cells = [format_number(float(estimate), 4), format_number(row["std_error"], 4)]
            rows.append([row["term"], *cells, ratio, format_p(row["p_value"])])
        percent = f"{100 * self.spec.conf_level:g}% limits"
        table = Table(["term", "coef", "robust se", f"subdistribution hazard ratio ({percent})", "p"], rows)
        glance = self.glance().iloc[0]
        left_out = f", {count_noun(self.n_missing, 'row')} left out for missing values" if self.n_missing else ""
        counts = f"{count_noun(self.n_event, 'event')}, {count_noun(self.n_competing, 'competing event')}"
        title = f"Fine-Gray model of {self.cause}: {count_noun(self.n, 'row')}, {counts}{left_out}"
        test = f"Wald test {format_number(glance.wald_statistic, 2)} on {self.beta.size} df, "
        test += format_p_equation(glance.wald_p_value)
        shown = [one for one in self.term_tests().to_dict("records") if one["term"] in splines.values()]
        bends = [f"{one['term']}, {one['part']}: {format_p_equation(one['p_value'])}" for one in shown]
        return Display(title, (table,), (*((test,) if self.beta.size else ()), *bends, *self.notes))


@dataclass(frozen=True, slots=True, eq=False)
class FineGrayResampler:
    """A Fine-Gray model on fixed rows that is refitted with other counts; censoring curves are estimated anew.

    Attributes
    ----------
    fit : FineGrayFit
        The fit in which every row counts once.
    """

    fit: FineGrayFit

    def index(self, counts: Ints) -> Floats:
        """Refit with other counts and predict the index of every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (n,)
            Prognostic index, higher = more of the cause; not centred.

        Raises
        ------
        FitError
            When the drawn rows have no events, a constant or collinear column, or no maximum.
        """
        return self.fit.data.x @ self.coefficients(counts) + self.fit.data.offset

    def coefficients(self, counts: Ints) -> Floats:
        """Estimate the coefficients with other counts.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (p,)
            Log subdistribution hazard ratios.
        """
        rows = self.fit.data
        count = np.asarray(counts, dtype=np.float64)
        drawn = FineGrayRows(rows.x, rows.offset, count, rows.time, rows.kind, rows.group)
        refuse_too_few(drawn, self.fit.design.names)
        return maximise(prepare(drawn), self.fit.design.names).beta


def refuse_too_few(rows: FineGrayRows, names: tuple[str, ...]) -> None:
    """Refuse what so many events of the cause cannot estimate, and constant columns.

    Parameters
    ----------
    rows : FineGrayRows
        Rows in table order.
    names : tuple of str
        Columns of the design matrix.

    Raises
    ------
    FitError
        Without events of the cause, with too few for the columns, or with a constant column.
    """
    events = float(rows.count[rows.kind == 1].sum())
    if events == 0:
        raise FitError(
            "there are no events",
            f"0 among {int(rows.count.sum())} analysed rows",
            "a Fine-Gray model needs events of the cause",
        )
    try:
        refuse_few_events(events, int(rows.count.sum()), names, penalty=None)
    except FitError as error:
        raise FitError(error.problem, error.found, REMEDY) from None
    refuse_constant(rows.x[rows.count > 0], names)
