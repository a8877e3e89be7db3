"""A Cox model whose columns an elastic net selected: coefficients, path and predictions, without standard errors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError, list_values
from survmodel.formatting import count_noun, format_number
from survmodel.models.cox_fit import CoxFit, ResidualKind
from survmodel.models.cox_likelihood import CoxData, Maximum
from survmodel.models.elastic_net_choice import ChosenPath, choose_on_path
from survmodel.models.elastic_net_settings import ElasticNet
from survmodel.outcome.response import Outcome
from survmodel.result import Display, frozen, join_warnings
from survmodel.table import Table

NO_ERRORS = (
    "no standard errors, limits or p-values: the columns were selected and shrunk on the same patients, so that "
    "they would be too small"
)
UNSTABLE = "which are kept is unstable: other patients of the same kind may give others"
REMEDY = "test a model without a penalty whose columns were chosen beforehand"


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class ElasticNetFit(CoxFit):
    """A Cox model fitted with :class:`~survmodel.models.elastic_net_settings.ElasticNet`; Breslow's ties.

    Attributes
    ----------
    penalty : ElasticNet
        What was asked for.
    chosen_path : ChosenPath
        Weights, coefficients and cross-validation.
    """

    penalty: ElasticNet
    chosen_path: ChosenPath

    @property
    def alpha(self) -> float:
        """Weight of the penalty."""
        return self.chosen_path.alpha

    @property
    def kept(self) -> tuple[str, ...]:
        """Columns of the design with a coefficient that is not 0."""
        return tuple(name for name, beta in zip(self.design.names, self.beta, strict=True) if beta != 0)

    def path(self) -> pd.DataFrame:
        """Give the coefficients at every weight tried.

        Returns
        -------
        pandas.DataFrame
            Columns alpha, df (columns kept), deviance (cross-validated, for each event), std_error, chosen, and a
            column for each term, on the scale of the table.
        """
        path = self.chosen_path
        table = pd.DataFrame({
            "alpha": path.alphas,
            "df": (path.beta != 0).sum(axis=1),
            "deviance": path.deviance,
            "std_error": path.std_error,
            "chosen": np.arange(path.alphas.size) == path.chosen,
        })  # fmt: skip
        return pd.concat([table, pd.DataFrame(path.beta, columns=list(self.design.names))], axis=1)

    def glance(self) -> pd.DataFrame:
        """Give what describes the fit as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Counts, weight and how it was chosen, columns kept, log-likelihoods, conventions.
        """
        path, penalty = self.chosen_path, self.penalty
        given = penalty.alpha is not None
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_missing": self.n_missing,
            "alpha": self.alpha,
            "l1_ratio": penalty.l1_ratio,
            "n_columns": self.beta.size,
            "n_kept": len(self.kept),
            "cv_loglik": float(path.cv_loglik[path.chosen]),
            "cv_deviance": float(path.deviance[path.chosen]),
            "choose": "given" if given else penalty.choose,
            "folds": 0 if given else penalty.folds,
            "repeats": 0 if given else penalty.repeats,
            "seed": penalty.seed,
            "loglik": path.loglik,
            "loglik_null": path.loglik_null,
            "ties": self.ties,
            "kkt": path.kkt,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        return (
            "Breslow ties and baseline; columns standardised inside (divisor n), coefficients on the scale of the "
            "table; minimises -loglik / n + alpha * sum(l1_ratio * |b| + (1 - l1_ratio) / 2 * b^2); weight by "
            "cross-validated partial log-likelihood (Verweij and van Houwelingen); index not centred"
        )

    def profile_limits(self) -> NoReturn:
        """Refuse: there are no limits after selection.

        Raises
        ------
        FitError
            Always.
        """
        _refuse("profile limits")

    def term_tests(self, method: Literal["wald", "likelihood-ratio"] | None = None) -> NoReturn:  # noqa: ARG002
        """Refuse: there are no tests after selection.

        Parameters
        ----------
        method : str, optional
            Any.

        Raises
        ------
        FitError
            Always.
        """
        _refuse("tests of terms")

    def survival_limits(
        self,
        table: pd.DataFrame,  # noqa: ARG002
        times: npt.ArrayLike,  # noqa: ARG002
        *,
        conf_type: str = "log-log",  # noqa: ARG002
    ) -> NoReturn:
        """Refuse: there are no limits after selection.

        Parameters
        ----------
        table, times, conf_type : object
            Any.

        Raises
        ------
        FitError
            Always.
        """
        _refuse("limits of survival")

    def residuals(self, kind: ResidualKind = "martingale") -> pd.DataFrame:
        """Compute residuals that need no covariance of the coefficients.

        Parameters
        ----------
        kind : str
            As for a Cox model without a penalty; not "dfbeta", "dfbetas" or "scaled_schoenfeld".

        Returns
        -------
        pandas.DataFrame
            As for a Cox model.

        Raises
        ------
        FitError
            For residuals that need the covariance.
        """
        if kind in ("dfbeta", "dfbetas", "scaled_schoenfeld"):
            _refuse(f"{kind} residuals")
        return CoxFit.residuals(self, kind)

    def _display(self) -> Display:
        ratios = np.exp(self.beta)
        rows = [
            [name, format_number(float(beta), 4), format_number(float(ratio), 3)]
            for name, beta, ratio in zip(self.design.names, self.beta, ratios, strict=True)
            if beta != 0
        ]
        left_out = f", {count_noun(self.n_missing, 'row')} left out for missing values" if self.n_missing else ""
        title = f"Elastic-net Cox model: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}{left_out}"
        how = "given" if self.penalty.alpha is not None else f"chosen by cross-validation ({self.penalty.choose})"
        notes = [
            f"alpha {self.alpha:.4g}, {how}; l1_ratio {self.penalty.l1_ratio:g}; Breslow ties",
            f"{len(self.kept)} of {count_noun(self.beta.size, 'column')} kept",
        ]
        if self.missing:
            notes.append("missing values: " + list_values([f"{name} {count}" for name, count in self.missing]))
        return Display(title, (Table(["term", "coef", "hazard ratio"], rows),), (*notes, *self.notes))


def _refuse(what: str) -> NoReturn:
    raise FitError(f"an elastic net has no {what}", NO_ERRORS, REMEDY)


def choose_maximum(
    penalty: ElasticNet, data: CoxData, outcome: Outcome, names: tuple[str, ...]
) -> tuple[ChosenPath, Maximum, tuple[str, ...]]:
    """Fit the path to the rows of a Cox model and choose on it.

    Parameters
    ----------
    penalty : ElasticNet
        What is asked for.
    data : CoxData
        Analysed rows.
    outcome : Outcome
        Their outcome, for the patients.
    names : tuple of str
        Columns of the design matrix.

    Returns
    -------
    tuple of (ChosenPath, Maximum, tuple of str)
        The path, the place chosen as the maximum of a Cox model without covariance, and warnings.

    Raises
    ------
    FitError
        For late entry and case weights, without columns, and when no weight can be chosen.
    """
    if data.entry is not None:
        raise FitError(
            "an elastic net cannot be fitted to left-truncated rows",
            f"{count_noun(int((data.entry > 0).sum()), 'row')} with a late entry",
            "use penalty=Ridge(1.0), which counts a row as at risk from its entry",
        )
    if (data.weight != 1).any():
        raise FitError("an elastic net takes no case weights", remedy="pass whole counts as freq=, or use Ridge(theta)")
    if not names:
        raise FitError("the elastic net has no columns", remedy="name at least one in the formula")
    rows = np.repeat(np.arange(data.time.size), data.count.astype(np.int64))
    patient = None if outcome.id is None else pd.factorize(outcome.id)[0].astype(np.int64)[rows]
    path = choose_on_path(penalty, data.x[rows], data.time[rows], data.event[rows], patient)
    beta = frozen(path.beta[path.chosen])
    p, kept = beta.size, int((beta != 0).sum())
    unknown = frozen(np.full((p, p), np.nan))
    maximum = Maximum(
        beta=beta,
        covariance=unknown,
        information=unknown,
        loglik=path.loglik,
        loglik_null=path.loglik_null,
        score_statistic=np.nan,
        df=float(kept),
        iterations=0,
        score_size=path.kkt,
    )
    warnings = [f"{kept} of {count_noun(p, 'column')} kept by the elastic net; {UNSTABLE}"]
    if penalty.alpha is None and path.chosen == path.alphas.size - 1:
        warnings.append("the least weight tried was chosen: the penalty hardly matters, or more patients are needed")
    return path, maximum, tuple(warnings)


def with_path(fit: CoxFit, penalty: ElasticNet, path: ChosenPath, warnings: tuple[str, ...]) -> ElasticNetFit:
    """Add the path to the Cox model at the place chosen.

    Parameters
    ----------
    fit : CoxFit
        The model, its covariance unknown.
    penalty : ElasticNet
        What was asked for.
    path : ChosenPath
        The path.
    warnings : tuple of str
        What the choice gives reason to say.

    Returns
    -------
    ElasticNetFit
        The same model.
    """
    parts: dict[str, Any] = {field.name: getattr(fit, field.name) for field in fields(fit)}
    parts |= {
        "warnings": join_warnings(fit.warnings, warnings),
        "notes": join_warnings(fit.notes, [NO_ERRORS]),
    }
    return ElasticNetFit(**parts, penalty=penalty, chosen_path=path)
