"""A specification as an estimator of scikit-learn, so that its tools for splitting, scoring and pipelines take it.

Conventions are those of scikit-survival: the outcome is a structured array of event and time, `predict` gives a risk
score of which more is worse, `score` is Harrell's C, and survival functions are step functions.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sksurv.functions import StepFunction

from survmodel.errors import ConfigError, DataError, FitError
from survmodel.frame import as_frame
from survmodel.models.contract import Fit, Model
from survmodel.outcome.response import Outcome
from survmodel.performance.discrimination import concordance

Floats = npt.NDArray[np.float64]


class SurvivalEstimator(BaseEstimator):  # type: ignore[misc]
    """A model of survmodel with the methods of scikit-survival.

    Parameters
    ----------
    model : Model
        A specification, such as ``CoxPH("age + suv")``.

    Attributes
    ----------
    fit_ : Fit
        What the model gave.
    unique_times_ : ndarray
        Event times of the rows it was fitted to.
    feature_names_in_ : ndarray of str
        Columns of the table; an array has ``x0``, ``x1`` and so on.
    n_features_in_ : int
        Their number.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from survmodel import CoxPH, SurvivalEstimator
    >>> random = np.random.default_rng(1)
    >>> x = random.normal(size=(90, 2))
    >>> y = np.array([(True, t) for t in random.exponential(np.exp(-x[:, 0]))], dtype=[("event", "?"), ("time", "f8")])
    >>> cross_val_score(SurvivalEstimator(CoxPH("x0 + x1")), x, y, cv=3).shape
    (3,)
    """

    def __init__(self, model: Model) -> None:
        self.model = model

    def fit(self, X: Any, y: object) -> Self:  # noqa: ANN401 - names of scikit-learn
        """Fit the model.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, p)
            Columns of the formula.
        y : structured array, shape (n,), or Outcome
            The first field says whether the event happened, the second one when observation ended.

        Returns
        -------
        SurvivalEstimator
            Itself, fitted.

        Raises
        ------
        ConfigError
            When the model is none.
        DataError
            When the outcome is written in another way.
        FitError
            When the model cannot be fitted.
        """
        if not isinstance(self.model, Model):
            raise ConfigError("model is no model", remedy='pass a specification, such as CoxPH("age + suv")')
        table, outcome = _as_table(X), as_outcome(y)
        fit: Fit = self.model.fit(table, outcome)
        self.fit_ = fit
        self.feature_names_in_ = np.array([str(name) for name in table.columns], dtype=object)
        self.n_features_in_ = table.shape[1]
        self.unique_times_ = np.unique(outcome.time[outcome.died])
        return self

    def predict(self, X: Any) -> Floats:  # noqa: ANN401
        """Predict the risk score of every row.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, p)
            Columns of the formula.

        Returns
        -------
        ndarray, shape (n,)
            The prognostic index; higher = worse.
        """
        return self._fitted().prognostic_index(_as_table(X))

    def predict_survival_function(self, X: Any, *, return_array: bool = False) -> Any:  # noqa: ANN401
        """Predict the survival curve of every row at the event times of the fit.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, p)
            Columns of the formula and strata.
        return_array : bool
            Give an array instead of step functions.

        Returns
        -------
        ndarray
            Of `sksurv.functions.StepFunction`, shape (n,), or of numbers, shape (n, n_times).
        """
        survival = self._survival(X)
        return survival if return_array else self._steps(survival)

    def predict_cumulative_hazard_function(self, X: Any, *, return_array: bool = False) -> Any:  # noqa: ANN401
        """Predict the cumulative hazard of every row at the event times of the fit.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, p)
            Columns of the formula and strata.
        return_array : bool
            Give an array instead of step functions.

        Returns
        -------
        ndarray
            As :meth:`predict_survival_function`: minus its logarithm.
        """
        with np.errstate(divide="ignore"):
            hazard = -np.log(self._survival(X))
        return hazard if return_array else self._steps(hazard)

    def score(self, X: Any, y: object) -> float:  # noqa: ANN401
        """Give Harrell's C of the risk scores.

        Parameters
        ----------
        X : DataFrame or array_like, shape (n, p)
            Columns of the formula.
        y : structured array, shape (n,), or Outcome
            As for :meth:`fit`.

        Returns
        -------
        float
            1 where the score orders all pairs, 0.5 where it orders none.
        """
        return float(concordance(as_outcome(y), self.predict(X)).estimate)

    def _fitted(self) -> Fit:
        if not hasattr(self, "fit_"):
            raise FitError("the estimator is not fitted", remedy="call fit first")
        fit: Fit = self.fit_
        return fit

    def _survival(self, X: Any) -> Floats:  # noqa: ANN401
        fit = self._fitted()
        # One minus a risk near 1 has lost the digits of a small survival.
        predict = getattr(fit, "predict_survival", None)
        table = _as_table(X)
        survival: Floats = 1 - fit.predict_risk(table, self.unique_times_) if predict is None else predict(
            table, self.unique_times_)  # fmt: skip
        return survival

    def _steps(self, values: Floats) -> npt.NDArray[np.object_]:
        found = np.empty(values.shape[0], dtype=object)
        for row, curve in enumerate(values):
            found[row] = StepFunction(self.unique_times_, curve, domain=(0, self.unique_times_[-1]))
        return found


def _as_table(x: Any) -> pd.DataFrame:  # noqa: ANN401
    if isinstance(x, np.ndarray | list):
        array = np.asarray(x)
        if array.ndim != 2:
            raise DataError(f"X has {array.ndim} dimensions", remedy="pass a table, or an array of rows and columns")
        return pd.DataFrame(array, columns=[f"x{column}" for column in range(array.shape[1])])
    # Rows go by their position here, as everywhere in scikit-learn.
    return as_frame(x).reset_index(drop=True)


def as_outcome(y: object) -> Outcome:
    """Read an outcome as scikit-survival writes it.

    Parameters
    ----------
    y : structured array, shape (n,), or Outcome
        Two fields: whether the event happened (truth values), and when observation ended.

    Returns
    -------
    Outcome
        The same.

    Raises
    ------
    DataError
        For anything else.

    Examples
    --------
    >>> as_outcome(np.array([(True, 5.0), (False, 9.0)], dtype=[("event", "?"), ("time", "f8")])).n_event
    1
    """
    if isinstance(y, Outcome):
        return y
    names = y.dtype.names if isinstance(y, np.ndarray) else None
    if not isinstance(y, np.ndarray) or names is None or len(names) != 2 or y.dtype[names[0]] != np.bool_:
        raise DataError(
            "y is no structured array of event and time",
            remedy="make it with sksurv.util.Surv.from_arrays(event, time), whose first field holds truth values",
        )
    return Outcome(y[names[1]].astype(float), y[names[0]].astype(int))
