r"""How much an elastic net penalises: the cross-validated partial log-likelihood of Verweij and van Houwelingen.

With :math:`\hat\beta_{-k}` fitted without fold *k*, the fold contributes :math:`\ell(\hat\beta_{-k}) -
\ell_{-k}(\hat\beta_{-k})`, the likelihood of all rows less that of the rows it was fitted to. The deviance is minus
twice this for each event, averaged over the folds by their events; its standard error is that of this average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.formatting import count_noun
from survmodel.models.elastic_net_path import KKT_IN_FOLDS, BreslowRows, fit_path, largest_alpha
from survmodel.models.elastic_net_settings import ElasticNet
from survmodel.resampling import draw_folds, read_units
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: The least weight tried, as a share of the one that keeps no column, with more rows than columns and without.
LEAST_SHARE, LEAST_SHARE_WIDE = 1e-3, 1e-2
#: With fewer events than this folds say nothing about how much to penalise.
LEAST_EVENTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class ChosenPath:
    """A path and the place chosen on it.

    Attributes
    ----------
    alphas : ndarray, shape (n_alphas,)
        Weights, descending.
    beta : ndarray, shape (n_alphas, p)
        Coefficients on the scale of the columns.
    deviance, std_error, cv_loglik : ndarray, shape (n_alphas,)
        Cross-validated deviance for each event, its standard error, and the cross-validated partial log-likelihood;
        NaN where the weight was given.
    chosen : int
        Place on the path.
    kkt : float
        Largest violation of the conditions of a maximum along the path.
    loglik, loglik_null : float
        Breslow's log partial likelihood at the chosen place and with all coefficients 0.
    """

    alphas: Floats
    beta: Floats
    deviance: Floats
    std_error: Floats
    cv_loglik: Floats
    chosen: int
    kkt: float
    loglik: float
    loglik_null: float

    @property
    def alpha(self) -> float:
        """Weight chosen."""
        return float(self.alphas[self.chosen])


def choose_on_path(penalty: ElasticNet, x: Floats, time: Floats, event: Bools, patient: Ints | None) -> ChosenPath:
    """Fit the path and choose the weight.

    Parameters
    ----------
    penalty : ElasticNet
        What is asked for.
    x : ndarray, shape (n, p)
        Design matrix.
    time, event : ndarray, shape (n,)
        Times and events.
    patient : ndarray of int64, shape (n,), or None
        Patient of each row. Without it rows that are the same are one patient: a row that a bootstrap sample holds
        twice must not be on both sides of a fold.

    Returns
    -------
    ChosenPath
        The path.

    Raises
    ------
    FitError
        With too few events for folds, or when a maximum is not reached.
    """
    order = np.lexsort((*x.T[::-1], event, time))
    x, time, event = x[order], time[order], event[order]
    alphas = _weights(penalty, x, time, event)
    path = fit_path(x, time, event, alphas, penalty.l1_ratio)
    deviance, std_error, loglik = np.full((3, alphas.size), np.nan)
    chosen = 0
    if penalty.alpha is None:
        unit = _same_rows(x, time, event) if patient is None else patient[order]
        deviance, std_error, loglik = _cross_validate(penalty, x, time, event, unit, alphas)
        chosen = int(np.argmin(deviance))
        if penalty.choose == "1se":
            chosen = int(np.argmax(deviance <= deviance[chosen] + std_error[chosen]))
    rows = BreslowRows.of(x, time, event)
    return ChosenPath(
        alphas=frozen(alphas),
        beta=frozen(path.beta),
        deviance=frozen(deviance),
        std_error=frozen(std_error),
        cv_loglik=frozen(loglik),
        chosen=chosen,
        kkt=float(path.kkt.max()),
        loglik=rows.loglik(path.beta[chosen]),
        loglik_null=rows.loglik(np.zeros(x.shape[1])),
    )


def _weights(penalty: ElasticNet, x: Floats, time: Floats, event: Bools) -> Floats:
    if penalty.alpha is not None:
        return np.array([penalty.alpha])
    top = largest_alpha(x, time, event, penalty.l1_ratio)
    if top == 0:
        raise FitError(
            "no column of the elastic net says anything about the outcome",
            remedy="look for columns that are constant in all rows at risk",
        )
    least = LEAST_SHARE if x.shape[0] > x.shape[1] else LEAST_SHARE_WIDE
    return np.geomspace(top, least * top, penalty.n_alphas)


def _same_rows(x: Floats, time: Floats, event: Bools) -> Ints:
    rows = np.column_stack([time, event, x])
    codes: Ints = np.unique(rows, axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return codes


def _cross_validate(
    penalty: ElasticNet, x: Floats, time: Floats, event: Bools, patient: Ints, alphas: Floats
) -> tuple[Floats, Floats, Floats]:
    """Give deviance, its standard error and the partial log-likelihood, each of shape (n_alphas,)."""
    units = read_units(time.size, patient)
    dying = np.unique(units.patient[event]).size
    if dying < LEAST_EVENTS:
        raise FitError(
            f"{count_noun(dying, 'patient')} with the event cannot tell how much to penalise",
            f"cross-validation needs at least {LEAST_EVENTS}",
            "give alpha, or use penalty=Ridge(1.0)",
        )
    n_folds = min(penalty.folds, units.n)
    everybody = BreslowRows.of(x, time, event)
    deviances, errors, logliks = [], [], []
    for folds in draw_folds(units, n_folds, penalty.repeats, penalty.seed, event):
        gains, events = np.zeros((n_folds, alphas.size)), np.zeros(n_folds)
        for k in range(n_folds):
            kept = folds != k
            events[k] = event[~kept].sum()
            path = fit_path(x[kept], time[kept], event[kept], alphas, penalty.l1_ratio, KKT_IN_FOLDS)
            train = BreslowRows.of(x[kept], time[kept], event[kept])
            gains[k] = [everybody.loglik(beta) - train.loglik(beta) for beta in path.beta]
        dead = events > 0
        each = -2 * gains[dead] / events[dead, np.newaxis]
        mean = np.average(each, axis=0, weights=events[dead])
        spread = np.average((each - mean) ** 2, axis=0, weights=events[dead])
        deviances.append(mean)
        errors.append(np.sqrt(spread / max(int(dead.sum()) - 1, 1)))
        logliks.append(gains[dead].sum(axis=0))
    return np.mean(deviances, axis=0), np.mean(errors, axis=0), np.mean(logliks, axis=0)
