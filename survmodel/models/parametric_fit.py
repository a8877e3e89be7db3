"""A fitted parametric survival model: its numbers as tables, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p, normal_quantile
from survmodel.errors import ConfigError, FitError
from survmodel.formatting import count_noun, format_number, format_p, format_p_equation, format_ratio
from survmodel.frame import as_frame
from survmodel.models.coefficient_tests import label_terms, wald_columns
from survmodel.models.contrasts import contrast_rows
from survmodel.models.formula import Design
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.limits import check_limits, survival_limits
from survmodel.models.parametric_likelihood import (
    ParametricRows,
    Point,
    RowTerms,
    estimated_parts,
    read_parameters,
    survival_terms,
)
from survmodel.models.parametric_maximum import ParametricMaximum
from survmodel.models.parametric_settings import ParametricSettings
from survmodel.outcome.interval import IntervalOutcome
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
INTERCEPT, LOG_SCALE, SHAPE = "(Intercept)", "Log(scale)", "Q"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ParametricFit(Result):
    """A fitted parametric model.

    Attributes
    ----------
    spec : ParametricSettings
        What was asked for.
    design : Design
        Columns, levels and references learnt from the analysed rows.
    theta : ndarray, shape (k,)
        Intercept and coefficients of log time (above 0 = longer), log scale, shape Q.
    theta_covariance : ndarray, shape (k, k)
        Their covariance, robust when `robust`.
    maximum : ParametricMaximum
        Log-likelihoods, information, model-based covariance.
    robust : bool
        Whether standard errors are robust.
    n_patient : float
        Patients, or rows where the outcome has no ids.
    data : ParametricRows
        Analysed rows.
    outcome : Outcome or IntervalOutcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Their positions in the table.
    columns : pandas.DataFrame
        Columns of the formula in the analysed rows.
    n_missing, n_time_zero : int
        Rows left out for missing values, and events left out because they are at time 0.
    missing : tuple of (str, int)
        Missing values of each column that has some.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    spec: ParametricSettings
    design: Design
    theta: Floats
    theta_covariance: Floats
    maximum: ParametricMaximum
    robust: bool
    n_patient: float
    data: ParametricRows
    outcome: Outcome | IntervalOutcome
    rows: Ints
    columns: pd.DataFrame
    n_missing: int = 0
    n_time_zero: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Analysed rows, counts counted."""
        return int(self.data.count.sum())

    @property
    def n_event(self) -> int:
        """Events among them, their time known or not."""
        return int(self.data.count[self.data.event].sum())

    @property
    def parameters(self) -> Point:
        """Coefficients, log scale and shape, apart."""
        return read_parameters(self.theta, self.spec.law)

    @property
    def scale(self) -> float:
        """Sigma, the scale of log time; 1 / sigma is the shape of a Weibull law."""
        return float(np.exp(self.parameters.log_scale))

    @property
    def longest(self) -> float:
        """Longest time that is known of anybody."""
        return float(np.maximum(self.data.lower, np.where(self.data.event, self.data.upper, 0)).max())

    @property
    def coefficients(self) -> pd.Series:
        """Intercept and coefficients of log time by term: above 0 = longer survival."""
        beta = self.parameters.beta
        return pd.Series(beta, index=[INTERCEPT, *self.design.names], name="estimate")

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of all parameters, robust when the fit is."""
        names = self._terms()
        return pd.DataFrame(self.theta_covariance, index=names, columns=names)

    def _terms(self) -> list[str]:
        more = [(LOG_SCALE, SHAPE)[part - 1] for part in estimated_parts(self.spec.law)]
        return [INTERCEPT, *self.design.names, *more]

    def tidy(self) -> pd.DataFrame:
        """Give all parameters on the scale of log time, as R's ``survreg``.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate, std_error, statistic (z), p_value, conf_low, conf_high.
            A coefficient ABOVE 0 means LONGER survival. Rows ``(Intercept)``, the terms, ``Log(scale)``, and ``Q`` for
            the generalized gamma.
        """
        terms = self._terms()
        labels = label_terms(self.design)
        own = [terms[0], *terms[1 + len(labels) :]]
        more = pd.DataFrame({"term": own, "variable": own, "level": "", "reference": ""}, dtype=object)
        labels = pd.concat([more.head(1), labels, more.tail(-1)], ignore_index=True)
        std_error = np.sqrt(np.diag(self.theta_covariance))
        return pd.concat([labels, wald_columns(self.theta, std_error, self.spec.conf_level)], axis=1)

    def time_ratios(
        self, contrasts: Mapping[str, Sequence[object]] | None = None, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give time ratios with limits: by what factor survival times are longer. ABOVE 1 IS BETTER.

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
            As :meth:`tidy` without intercept, scale and shape; estimate and limits exponentiated, std_error on the log
            scale.

        Raises
        ------
        ConfigError
            For a column that is not in the formula, or an interaction without `at`.
        """
        labels, steps = self._steps(contrasts, at)
        return self._ratios(labels, steps @ self.parameters.beta[1:], self._pad(steps))

    def hazard_ratios(
        self, contrasts: Mapping[str, Sequence[object]] | None = None, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give hazard ratios with limits, of a Weibull or exponential model: ``exp(-beta / scale)``. Above 1 is worse.

        Parameters
        ----------
        contrasts, at
            As for :meth:`time_ratios`.

        Returns
        -------
        pandas.DataFrame
            As :meth:`time_ratios`; limits by the delta method on the log scale.

        Raises
        ------
        FitError
            For a law whose hazards are not proportional: there is no one ratio.
        """
        if not self.spec.law.proportional:
            raise FitError(
                f"a {self.spec.law.title} model has no hazard ratio",
                "its hazards are not proportional",
                'use time_ratios(), or distribution="weibull"',
            )
        labels, steps = self._steps(contrasts, at)
        log_ratio = -steps @ self.parameters.beta[1:] / self.scale
        gradient = -self._pad(steps) / self.scale
        if self.spec.law.has_scale:
            gradient[:, -1] = -log_ratio
        return self._ratios(labels, log_ratio, gradient)

    def _steps(
        self, contrasts: Mapping[str, Sequence[object]] | None, at: Mapping[str, object] | None
    ) -> tuple[pd.DataFrame, Floats]:
        if contrasts is None:
            return label_terms(self.design), np.eye(len(self.design.names))
        rows = contrast_rows(self.design, self.columns, contrasts, at or {})
        return rows.labels, rows.steps

    def _pad(self, steps: Floats) -> Floats:
        """Write combinations of coefficients as combinations of all parameters."""
        padded = np.zeros((steps.shape[0], self.theta.size))
        padded[:, 1 : 1 + steps.shape[1]] = steps
        return padded

    def _ratios(self, labels: pd.DataFrame, log_ratio: Floats, gradient: Floats) -> pd.DataFrame:
        table = pd.concat([labels, wald_columns(log_ratio, self._error(gradient), self.spec.conf_level)], axis=1)
        scaled = ["estimate", "conf_low", "conf_high"]
        with np.errstate(over="ignore"):
            table[scaled] = np.exp(table[scaled])
        return table

    def _error(self, gradient: Floats) -> Floats:
        error: Floats = np.sqrt(np.einsum("np,pq,nq->n", gradient, self.theta_covariance, gradient))
        return error

    def glance(self) -> pd.DataFrame:
        """Give what describes the fit as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts, log-likelihoods (of times, as survreg's), the likelihood-ratio test of all coefficients 0,
            information criteria, scale and shape, how the climb ended, conventions.
        """
        m = self.maximum
        p, k = len(self.design.names), self.theta.size
        lr = 2 * (m.loglik - m.loglik_null)
        known = self.data.exact
        row = {
            "distribution": self.spec.distribution,
            "n": self.n,
            "n_event": self.n_event,
            "n_interval": int(self.data.count[self.data.event & ~known].sum()),
            "n_missing": self.n_missing,
            "n_time_zero": self.n_time_zero,
            "loglik": m.loglik,
            "loglik_null": m.loglik_null,
            "lr_statistic": lr,
            "lr_df": p,
            "lr_p_value": chi_squared_p(lr, p),
            "aic": -2 * m.loglik + 2 * k,
            "bic": -2 * m.loglik + np.log(self.n_patient) * k,
            "scale": self.scale,
            "shape": self.parameters.shape if self.spec.law.has_shape else np.nan,
            "converged": True,
            "score_size": m.score_size,
            "loglik_change": m.loglik_change,
            "iterations": m.iterations,
            "std_error_type": "robust" if self.robust else "model-based",
            "conf_level": self.spec.conf_level,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        shape = "; shape Q of Prentice: 1 Weibull, 0 lognormal" if self.spec.law.has_shape else ""
        return (
            f"coefficients of log time as R's survreg, above 0 = longer; log-likelihood of times{shape}; BIC by number "
            "of patients; index = minus predicted log time, higher = worse"
        )

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict the prognostic index: MINUS the linear predictor of log time, intercept and offset counted.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula, in any order.

        Returns
        -------
        ndarray, shape (n,)
            Higher = worse: the sign is that of every model of the package, and the opposite of the coefficients'.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        """
        return -self._location(as_frame(table))[0]

    def predict_survival(self, table: pd.DataFrame, times: npt.ArrayLike, *, extrapolate: bool = False) -> Floats:
        """Predict the probability of being free of the event.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        times : array_like, shape (n_times,)
            Times, at least 0.
        extrapolate : bool
            Whether to go beyond the longest follow-up, where nothing but the chosen law speaks.

        Returns
        -------
        ndarray, shape (n, n_times)
            Probabilities; NaN beyond the longest follow-up without `extrapolate`.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        EndpointError
            For negative or missing times.
        """
        survival: Floats = np.exp(self._log_survival(table, times, extrapolate=extrapolate)[0])
        return survival

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike, *, extrapolate: bool = False) -> Floats:
        """Predict the probability of the event by each time: one minus :meth:`predict_survival`.

        Parameters
        ----------
        table, times, extrapolate
            As for :meth:`predict_survival`.

        Returns
        -------
        ndarray, shape (n, n_times)
            Probabilities; NaN beyond the longest follow-up without `extrapolate`.
        """
        risk: Floats = -np.expm1(self._log_survival(table, times, extrapolate=extrapolate)[0])
        return risk

    def survival_limits(
        self, table: pd.DataFrame, times: npt.ArrayLike, *, conf_type: str = "log-log", extrapolate: bool = False
    ) -> pd.DataFrame:
        """Predict survival with limits by the delta method.

        Parameters
        ----------
        table, times, extrapolate
            As for :meth:`predict_survival`.
        conf_type : {"log-log", "log", "plain", "logit", "arcsin"}
            Transformation of the limits.

        Returns
        -------
        pandas.DataFrame
            Columns row (1 = first row of the table), time, estimate, std_error, conf_low, conf_high.
        """
        check_limits(conf_type, self.spec.conf_level)
        log_survival, error = self._log_survival(table, times, extrapolate=extrapolate)
        asked = check_times(times)  # type: ignore[arg-type]
        survival = np.exp(log_survival).ravel()
        std_error = survival * error.ravel()
        low, high = survival_limits(survival, std_error, np.zeros(survival.size), conf_type, self.spec.conf_level)
        return pd.DataFrame({
            "row": np.repeat(np.arange(len(log_survival)) + 1, asked.size),
            "time": np.tile(asked, len(log_survival)),
            "estimate": survival,
            "std_error": std_error,
            "conf_low": low,
            "conf_high": high,
        })  # fmt: skip

    def quantile(self, table: pd.DataFrame, p: npt.ArrayLike = 0.5) -> pd.DataFrame:
        """Predict the time by which a share of patients like each row has had the event.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        p : array_like, shape (n_p,)
            Shares between 0 and 1; 0.5 is the median.

        Returns
        -------
        pandas.DataFrame
            Columns row (1 = first row of the table), probability, estimate, std_error (of the time, as R's predict),
            conf_low and conf_high (formed on log time), sample: "observed", or "extrapolated" beyond the longest
            follow-up.

        Raises
        ------
        ConfigError
            For shares outside 0 to 1.
        """
        shares = np.atleast_1d(np.asarray(p, dtype=np.float64))
        if shares.ndim != 1 or not ((shares > 0) & (shares < 1)).all():
            raise ConfigError("a quantile needs shares between 0 and 1", remedy="0.5 is the median")
        location, x = self._location(as_frame(table))
        point, law = self.parameters, self.spec.law
        w = law.quantile(shares, point.shape)
        jet = law.log_survival(w, point.shape)
        parts = estimated_parts(law)
        # w moves with Q so that the survival probability stays
        by_part = np.stack([np.zeros_like(w), self.scale * w, -self.scale * jet.q / jet.w])[parts]
        n, k = location.size, shares.size
        gradient = np.column_stack([np.repeat(x, k, axis=0), np.tile(by_part.T, (n, 1))])
        log_time = (location[:, np.newaxis] + self.scale * w).ravel()
        error = self._error(gradient)
        z = normal_quantile(self.spec.conf_level)
        with np.errstate(over="ignore"):
            low, time, high = (np.exp(log_time + side * error) for side in (-z, 0, z))
        return pd.DataFrame({
            "row": np.repeat(np.arange(n) + 1, k),
            "probability": np.tile(shares, n),
            "estimate": time,
            "std_error": time * error,
            "conf_low": low,
            "conf_high": high,
            "sample": np.where(time > self.longest, "extrapolated", "observed"),
        })  # fmt: skip

    def residuals(self) -> pd.DataFrame:
        """Compute Cox-Snell residuals: the cumulative hazard of each analysed row, from its entry to its time.

        Returns
        -------
        pandas.DataFrame
            Columns row (position in the table, 1 for the first) and estimate. Where the model is right they are like
            censored times of an exponential law of mean 1.

        Raises
        ------
        FitError
            For times that are known only as intervals.
        """
        if (self.data.event & ~self.data.exact).any():
            raise FitError("an event between two times has no Cox-Snell residual")
        location, _ = self._location(self.columns)
        until = self._terms_at(np.where(self.data.lower > 0, self.data.lower, 1.0), location).value
        since = self._terms_at(np.where(self.data.entry > 0, self.data.entry, 1.0), location).value
        residual = np.where(self.data.entry > 0, since, 0) - np.where(self.data.lower > 0, until, 0)
        return pd.DataFrame({"row": self.rows + 1, "estimate": residual})

    def _location(self, table: pd.DataFrame) -> tuple[Floats, Floats]:
        """Give the location of log time of each row, and its row of the design with an intercept."""
        matrix = self.design.matrix(table)
        x = np.column_stack([np.ones(len(matrix)), matrix])
        return x @ self.parameters.beta + self.design.offset(table), x

    def _terms_at(self, times: Floats, location: Floats) -> RowTerms:
        return survival_terms(times, location, self.parameters, self.spec.law)

    def _log_survival(self, table: pd.DataFrame, times: npt.ArrayLike, *, extrapolate: bool) -> tuple[Floats, Floats]:
        """Predict log survival and its standard error, both of shape (n, n_times)."""
        asked = check_times(times)  # type: ignore[arg-type]
        location, x = self._location(as_frame(table))
        value, error = np.zeros((2, location.size, asked.size))
        parts = estimated_parts(self.spec.law)
        for j, time in enumerate(asked):
            if time > self.longest and not extrapolate:
                value[:, j] = error[:, j] = np.nan
            elif time > 0:
                terms = self._terms_at(np.full(location.size, time), location)
                value[:, j] = terms.value
                error[:, j] = self._error(np.column_stack([x * terms.first[:, :1], terms.first[:, parts]]))
        return value, error

    def _display(self) -> Display:
        rows = []
        ratios = self.time_ratios()
        for row, estimate in zip(ratios.to_dict("records"), self.parameters.beta[1:], strict=True):
            ratio = format_ratio(row["estimate"], row["conf_low"], row["conf_high"])
            cells = [format_number(float(estimate), 4), format_number(row["std_error"], 4)]
            rows.append([row["term"], *cells, ratio, format_p(row["p_value"])])
        percent = f"{100 * self.spec.conf_level:g}% limits"
        error = "robust se" if self.robust else "se"
        table = Table(["term", "coef of log time", error, f"time ratio ({percent})", "p"], rows)
        left_out = f", {count_noun(self.n_missing, 'row')} left out for missing values" if self.n_missing else ""
        name = self.spec.law.title[:1].upper() + self.spec.law.title[1:]
        title = f"{name} model: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}{left_out}"
        glance = self.glance().iloc[0]
        notes = [
            f"A time ratio above 1 means longer survival; intercept {format_number(float(self.theta[0]), 4)}, scale "
            f"{format_number(self.scale, 4)}"
            + (f", Q {format_number(self.parameters.shape, 4)}" if self.spec.law.has_shape else ""),
            f"Log-likelihood {format_number(glance.loglik, 2)}, AIC {format_number(glance.aic, 2)}",
        ]
        if glance.n_interval:
            notes.append(f"{count_noun(glance.n_interval, 'event')} between two times")
        if rows:
            test = f"Likelihood ratio test {format_number(glance.lr_statistic, 2)} on {int(glance.lr_df)} df, "
            notes.append(test + format_p_equation(glance.lr_p_value))
        return Display(title, (table,) if rows else (), (*notes, *self.notes))
