"""A fitted Cox model: its numbers as tables, and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import chi_squared_p
from survmodel.errors import ConfigError, FitError, closest, list_values
from survmodel.formatting import count_noun, format_number, format_p, format_p_equation, format_ratio
from survmodel.frame import as_frame
from survmodel.models.coefficient_tests import label_terms, profile_columns, wald_columns, wald_statistic
from survmodel.models.collinearity import condition_number
from survmodel.models.contrasts import contrast_rows, effect_rows, refuse_no_number
from survmodel.models.cox_likelihood import LOGLIK_TOLERANCE, SCORE_TOLERANCE, CoxData, Maximum, SortedData
from survmodel.models.cox_prediction import Baseline, compute_baselines, cumulative_hazard
from survmodel.models.cox_residuals import compute_residuals, deviance_residuals
from survmodel.models.cox_settings import CoxSettings
from survmodel.models.firth import ProfileTests, profile_tests
from survmodel.models.formula import Design
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.limits import check_limits, survival_limits
from survmodel.models.strata import stratum_codes
from survmodel.models.term_tests import (
    choose_method,
    columns_of_splines,
    likelihood_ratio_tests,
    splines_of,
    wald_tests,
)
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
ResidualKind = Literal["martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas"]
RESIDUALS = ("martingale", "deviance", "score", "schoenfeld", "scaled_schoenfeld", "dfbeta", "dfbetas")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CoxFit(Result):
    """A fitted Cox model.

    Attributes
    ----------
    spec : CoxSettings
        What was asked for.
    design : Design
        Columns, levels and references learnt from the analysed rows.
    beta : ndarray, shape (p,)
        Coefficients: log hazard ratios, higher = worse.
    beta_covariance : ndarray, shape (p, p)
        Their covariance, robust when `robust`.
    maximum : Maximum
        Log-likelihoods, information, model-based covariance.
    robust, n_cluster : bool, int
        Whether standard errors are robust; how many clusters, 0 without them.
    data, ordered : CoxData, SortedData
        Analysed rows.
    strata_labels : tuple of str
        Labels of the strata, ("",) without them.
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

    spec: CoxSettings
    design: Design
    beta: Floats
    beta_covariance: Floats
    maximum: Maximum
    robust: bool
    n_cluster: int
    data: CoxData
    ordered: SortedData
    strata_labels: tuple[str, ...]
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
        """Events among them."""
        return int(self.data.count[self.data.event].sum())

    @property
    def counts(self) -> Floats:
        """How many rows each analysed row stands for, shape (n,)."""
        return self.data.count

    @property
    def ties(self) -> str:
        """Treatment of ties in the likelihood that was maximised."""
        return "breslow" if self.spec.is_tuned else self.spec.ties

    @property
    def coefficients(self) -> pd.Series:
        """Log hazard ratios by term."""
        return pd.Series(self.beta, index=list(self.design.names), name="estimate")

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the coefficients, robust when the fit is."""
        names = list(self.design.names)
        return pd.DataFrame(self.beta_covariance, index=names, columns=names)

    def tidy(self) -> pd.DataFrame:
        """Give the coefficients on the log scale, one row for each column of the design.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate, std_error, statistic (z), p_value, conf_low, conf_high.
            Under Firth's penalty limits are those of the profile, p is that of the penalised likelihood-ratio test, and
            the statistic is its root with the sign of the estimate.
        """
        std_error = np.sqrt(np.diag(self.beta_covariance))
        labels = label_terms(self.design)
        columns = wald_columns(self.beta, std_error, self.spec.conf_level)
        if self.spec.is_firth:
            columns = profile_columns(columns, self._profile(np.eye(self.beta.size)))
        return pd.concat([labels, columns], axis=1)

    def profile_limits(self) -> pd.DataFrame:
        """Give limits and tests of the coefficients by the profile of the likelihood, on the log scale.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`: limits need not be symmetric, the statistic is the root of the likelihood-ratio chi-squared
            with the sign of the estimate. An infinite limit is one that the data do not set.

        Raises
        ------
        FitError
            Under a ridge, for robust standard errors, and for exact ties: there is no likelihood to follow.

        References
        ----------
        Venzon DJ, Moolgavkar SH (1988). Appl Stat 37:87-94.
        """
        if self.spec.is_firth:
            return self.tidy()
        if self.spec.penalty is not None or self.robust or self.spec.ties == "exact":
            why = "under a ridge" if self.spec.penalty is not None else "with robust standard errors"
            why = "for exact ties" if self.spec.ties == "exact" else why
            raise FitError(f"there are no profile limits {why}", remedy="use the limits of tidy()")
        table = self.tidy()
        found = self._profile(np.eye(self.beta.size))
        return pd.concat([table.iloc[:, :4], profile_columns(table.iloc[:, 4:], found)], axis=1)

    def hazard_ratios(
        self,
        contrasts: Mapping[str, Sequence[object]] | None = None,
        at: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Give hazard ratios with limits.

        Parameters
        ----------
        contrasts : mapping of str to (from, to), optional
            For each column, two values to compare, ``{"cxcr4_suvmax": (5, 10)}``: the hazard at the second relative to
            the first. Without it, one row for each column of the design; those of a spline say nothing by themselves,
            so that its column is to be compared at two values.
        at : mapping of str to object, optional
            Values of other columns, needed where the compared column interacts with them.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale.

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
            columns = wald_columns(rows.steps @ self.beta, std_error, self.spec.conf_level)
            if self.spec.is_firth:
                columns = profile_columns(columns, self._profile(rows.steps))
            table = pd.concat([rows.labels, columns], axis=1)
        scaled = ["estimate", "conf_low", "conf_high"]
        table[scaled] = np.exp(table[scaled])
        return table

    def term_tests(self, method: Literal["wald", "likelihood-ratio"] | None = None) -> pd.DataFrame:
        """Test each term with all of its columns, and whether a spline bends.

        Parameters
        ----------
        method : {"wald", "likelihood-ratio"}, optional
            Wald tests without it, under Firth's penalty tests of the penalised likelihood.

        Returns
        -------
        pandas.DataFrame
            Columns term, part ("overall"; for splines also "non-linear", against the straight line), statistic
            (chi-squared), df, p_value. Terms in interactions are tested where the other columns are 0.

        Raises
        ------
        ConfigError
            For an unknown method.
        FitError
            For likelihood-ratio tests under a ridge or with robust standard errors.
        """
        is_firth, ridge = self.spec.is_firth, self.spec.theta > 0
        if choose_method(method, is_firth=is_firth, has_ridge=ridge, robust=self.robust) == "wald":
            return wald_tests(self.design, self.beta, self.beta_covariance)
        return likelihood_ratio_tests(self.spec, self.design, self.data, self.ordered, self.maximum)

    def effect_curve(
        self, column: str, reference: float | None = None, *, points: int = 101, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give the hazard ratio over the observed range of a numeric column, against one of its values.

        Parameters
        ----------
        column : str
            A numeric column of the formula; the other columns are held.
        reference : float, optional
            Value whose hazard is 1; the median of the analysed rows without it.
        points : int
            Values from the smallest to the largest observed one.
        at : mapping of str to object, optional
            Values of other columns, needed where the effect depends on them: ``{"entity": "MZL"}``.

        Returns
        -------
        pandas.DataFrame
            Columns variable, level (the value), reference, estimate (hazard ratio), std_error (log scale), conf_low,
            conf_high. Limits are Wald's, under Firth's penalty too.

        Raises
        ------
        ConfigError
            For a column that is not in the formula or is a factor, and for one whose effect depends on another column
            that is not in `at`.
        """
        if column not in self.columns:
            raise ConfigError(
                f"{column!r} is not a column of the model", closest(column, self.design.formula.variables)
            )
        refuse_no_number(self.columns, column)
        observed = self.columns[column].to_numpy(dtype=np.float64)
        middle = float(np.median(observed)) if reference is None else float(reference)
        values = np.linspace(observed.min(), observed.max(), points)
        steps = effect_rows(self.design, self.columns, column, middle, values, at)
        std_error = np.sqrt(np.einsum("kp,pq,kq->k", steps, self.beta_covariance, steps))
        wald = wald_columns(steps @ self.beta, std_error, self.spec.conf_level)
        log_ratios = wald[["estimate", "conf_low", "conf_high"]]
        return pd.DataFrame({
            "variable": column,
            "level": values,
            "reference": middle,
            "estimate": np.exp(log_ratios["estimate"]),
            "std_error": std_error,
            "conf_low": np.exp(log_ratios["conf_low"]),
            "conf_high": np.exp(log_ratios["conf_high"]),
        })  # fmt: skip

    def glance(self) -> pd.DataFrame:
        """Give what describes the fit as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts, log-likelihoods, the three tests of all coefficients 0, information criteria, conventions.
        """
        m = self.maximum
        p = self.beta.size
        df = m.df
        lr = 2 * (m.loglik - m.loglik_null)
        wald = wald_statistic(self.beta, self.beta_covariance)
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "loglik": m.loglik,
            "loglik_null": m.loglik_null,
            "lr_statistic": lr,
            "lr_df": df,
            "lr_p_value": chi_squared_p(lr, df),
            "wald_statistic": wald,
            "wald_p_value": chi_squared_p(wald, p),
            "score_statistic": m.score_statistic,
            "score_p_value": chi_squared_p(m.score_statistic, p),
            # A penalised likelihood has no information criterion.
            "aic": np.nan if self.spec.is_firth else -2 * m.loglik + 2 * df,
            "bic": np.nan if self.spec.is_firth else -2 * m.loglik + np.log(self.n_event) * df,
            "ties": self.spec.ties,
            "std_error_type": "robust" if self.robust else "model-based",
            "condition_number": condition_number(m.information),
            "events_per_parameter": self.n_event / p if p else np.nan,
            "n_strata": len(self.strata_labels),
            "n_cluster": self.n_cluster,
            "iterations": m.iterations,
            "score_size": m.score_size,
            "conf_level": self.spec.conf_level,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        baseline = "ties, Breslow baseline" if self.spec.ties == "exact" else "ties and baseline"
        text = f"{self.spec.ties.capitalize()} {baseline}; at risk: entry < t <= time; BIC by number of events; "
        text += f"index not centred; converged: scaled score < {SCORE_TOLERANCE:g}, relative change of the "
        text += f"log-likelihood < {LOGLIK_TOLERANCE:g}"
        if (self.data.weight != 1).any() and self.spec.ties == "efron":
            text += "; tied events by their mean case weight"
        if self.robust:
            text += f"; robust se from dfbeta with {self.spec.ties.capitalize()} ties"
        if self.spec.is_firth:
            text += "; Firth's penalised likelihood, profile limits, penalised likelihood-ratio tests"
        elif self.spec.theta:
            text += (
                f"; ridge theta {self.spec.theta:g}: log-likelihood - theta / 2 * sum(beta^2), columns as they stand"
            )
            text += ", effective degrees of freedom"
        for spline in splines_of(self.design):
            text += f"; spline of {spline.columns[0].term}, knots at {', '.join(map(repr, spline.knots))}"
        return text

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict the prognostic index: covariates times coefficients plus offset, not centred; higher = worse.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula, in any order.

        Returns
        -------
        ndarray, shape (n,)
            Log relative hazard against covariates that are all 0.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels.
        """
        table = as_frame(table)
        index: Floats = self.design.matrix(table) @ self.beta + self.design.offset(table)
        return index

    def baseline(self, *, centered: bool = False) -> pd.DataFrame:
        """Give the cumulative baseline hazard of every stratum at its exit times.

        Parameters
        ----------
        centered : bool
            At the means of the covariates and of the offset, instead of at 0.

        Returns
        -------
        pandas.DataFrame
            Columns group (stratum), time, n_risk, n_event, estimate (cumulative hazard), std_error.
        """
        at = self.ordered.centre if centered else np.zeros(self.beta.size)
        offset = float(self.data.offset.mean()) if centered else 0.0
        tables = []
        for label, one in zip(self.strata_labels, self._baselines(), strict=True):
            hazard, error = self._hazard(one, one.exits, at[np.newaxis], np.array([offset]))
            tables.append(
                pd.DataFrame(
                    {
                        "group": label,
                        "time": one.exits,
                        "n_risk": one.n_risk,
                        "n_event": one.n_event,
                        "estimate": hazard[0],
                        "std_error": error[0],
                    }
                )
            )
        return pd.concat(tables, ignore_index=True)

    def predict_survival(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of being free of the event.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula and strata.
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            ``exp(-H)``; NaN beyond the longest follow-up of the row's stratum.

        Raises
        ------
        DataError
            For absent columns, missing values, unseen levels or strata.
        EndpointError
            For negative or missing times.
        """
        hazard, _ = self._predict_hazard(table, check_times(times))  # type: ignore[arg-type]
        survival: Floats = np.exp(-hazard)
        return survival

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of the event by each time: one minus :meth:`predict_survival`.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula and strata.
        times : array_like, shape (n_times,)
            Times, at least 0.

        Returns
        -------
        ndarray, shape (n, n_times)
            Probabilities; NaN beyond the longest follow-up of the row's stratum.
        """
        hazard, _ = self._predict_hazard(table, check_times(times))  # type: ignore[arg-type]
        risk: Floats = -np.expm1(-hazard)
        return risk

    def survival_limits(self, table: pd.DataFrame, times: npt.ArrayLike, *, conf_type: str = "log-log") -> pd.DataFrame:
        """Predict survival with limits.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula and strata.
        times : array_like, shape (n_times,)
            Times, at least 0.
        conf_type : {"log-log", "log", "plain", "logit", "arcsin"}
            Transformation of the limits.

        Returns
        -------
        pandas.DataFrame
            Columns row (1 = first row of the table), time, estimate, std_error, conf_low, conf_high.
        """
        check_limits(conf_type, self.spec.conf_level)
        asked = check_times(times)  # type: ignore[arg-type]
        hazard, error = self._predict_hazard(table, asked)
        survival = np.exp(-hazard).ravel()
        std_error = survival * error.ravel()
        nobody = np.zeros(survival.size)
        low, high = survival_limits(survival, std_error, nobody, conf_type, self.spec.conf_level)
        return pd.DataFrame(
            {
                "row": np.repeat(np.arange(len(table)) + 1, asked.size),
                "time": np.tile(asked, len(table)),
                "estimate": survival,
                "std_error": std_error,
                "conf_low": low,
                "conf_high": high,
            }
        )

    def residuals(self, kind: ResidualKind = "martingale") -> pd.DataFrame:
        """Compute residuals.

        Parameters
        ----------
        kind : str
            ``"martingale"`` or ``"deviance"``: a column estimate for each analysed row. ``"score"``, ``"dfbeta"``
            (change of each coefficient when the row is left out, times its case weight) or ``"dfbetas"`` (in standard
            errors): a column for each term. ``"schoenfeld"`` or ``"scaled_schoenfeld"``: a row for each death, with
            columns group (stratum) and time first.

        Returns
        -------
        pandas.DataFrame
            Column row gives the position in the table, 1 for the first.

        Raises
        ------
        ConfigError
            For an unknown kind.
        """
        if kind not in RESIDUALS:
            raise ConfigError(f"residuals of kind {kind!r} are not known", closest(str(kind), RESIDUALS))
        all_kinds = compute_residuals(self.data, self.ordered, self.beta)
        names = list(self.design.names)
        if kind in ("martingale", "deviance"):
            values = all_kinds.martingale
            if kind == "deviance":
                values = deviance_residuals(values, self.data.event)
            return pd.DataFrame({"row": self.rows + 1, "estimate": values})
        if kind in ("score", "dfbeta", "dfbetas"):
            matrix = all_kinds.score
            if kind != "score":
                matrix = matrix @ self.maximum.covariance * self.data.weight[:, np.newaxis]
            if kind == "dfbetas":
                matrix = matrix / np.sqrt(np.diag(self.maximum.covariance))
            table = pd.DataFrame(matrix, columns=names)
            table.insert(0, "row", self.rows + 1)
            return table
        matrix = all_kinds.schoenfeld
        if kind == "scaled_schoenfeld":
            matrix = matrix @ self.maximum.covariance * self.n_event + self.beta
        deaths = all_kinds.death_rows
        table = pd.DataFrame(matrix, columns=names)
        table.insert(0, "time", self.data.time[deaths])
        table.insert(0, "group", [self.strata_labels[code] for code in self.data.stratum[deaths]])
        table.insert(0, "row", self.rows[deaths] + 1)
        return table

    def _profile(self, steps: Floats) -> ProfileTests:
        """Follow the profile of combinations of coefficients, one in each row of (k, p)."""
        level = self.spec.conf_level
        return profile_tests(self.data, self.ordered, self.maximum, steps, level=level, penalised=self.spec.is_firth)

    def _baselines(self) -> tuple[Baseline, ...]:
        return compute_baselines(self.data, self.ordered, self.beta, float(self.data.offset.mean()))

    def _hazard(self, baseline: Baseline, times: Floats, x: Floats, offset: Floats) -> tuple[Floats, Floats]:
        centred = x - self.ordered.centre
        relative = np.exp(centred @ self.beta + offset - self.data.offset.mean())
        return cumulative_hazard(baseline, times, centred, relative, self.beta_covariance)

    def _predict_hazard(self, table: pd.DataFrame, times: Floats) -> tuple[Floats, Floats]:
        table = as_frame(table)
        x, offset = self.design.matrix(table), self.design.offset(table)
        codes = stratum_codes(table, self.spec.strata_columns, self.strata_labels)
        hazard, error = np.empty((2, len(table), times.size))
        for code, baseline in enumerate(self._baselines()):
            rows = codes == code
            if rows.any():
                hazard[rows], error[rows] = self._hazard(baseline, times, x[rows], offset[rows])
        return hazard, error

    def _display(self) -> Display:
        ratios = self.hazard_ratios()
        rows, splines = [], columns_of_splines(self.design)
        for place, (row, estimate) in enumerate(zip(ratios.to_dict("records"), self.beta, strict=True)):
            # One coefficient of a spline is no hazard ratio: the others change with it.
            ratio = "" if place in splines else format_ratio(row["estimate"], row["conf_low"], row["conf_high"])
            cells = [format_number(float(estimate), 4), format_number(row["std_error"], 4)]
            rows.append([row["term"], *cells, ratio, format_p(row["p_value"])])
        percent = f"{100 * self.spec.conf_level:g}% limits"
        error = "robust se" if self.robust else "se"
        table = Table(["term", "coef", error, f"hazard ratio ({percent})", "p"], rows)
        glance = self.glance().iloc[0]
        left_out = f", {count_noun(self.n_missing, 'row')} left out for missing values" if self.n_missing else ""
        title = f"Cox model: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}{left_out}"
        df = format_number(glance.lr_df, 2 if self.spec.theta else 0)
        kind = "Penalised likelihood" if self.spec.is_firth else "Likelihood"
        tests = f"{kind} ratio test {format_number(glance.lr_statistic, 2)} on {df} df, "
        tests += format_p_equation(glance.lr_p_value)
        notes = [tests, f"{self.spec.ties.capitalize()} ties"]
        if self.spec.is_firth:
            notes.append("Firth's penalty: limits of the profile, p of penalised likelihood ratio tests")
        if splines:
            shown = [one for one in self.term_tests().to_dict("records") if one["term"] in splines.values()]
            notes += [f"{one['term']}, {one['part']}: {format_p_equation(one['p_value'])}" for one in shown]
        if self.spec.strata_columns:
            notes.append(f"stratified by {list_values(self.spec.strata_columns)}, {len(self.strata_labels)} strata")
        if self.missing:
            notes.append("missing values: " + list_values([f"{name} {count}" for name, count in self.missing]))
        return Display(title, (table,), (*notes, *self.notes))
