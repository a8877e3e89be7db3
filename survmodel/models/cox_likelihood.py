"""From a design matrix to the maximum of the partial likelihood: arrays, the fit on them, and why it may not exist.

Covariates are centred and scaled before the fit and the result is scaled back, so that ``1e6 * x + 1e8`` gives the same
model as ``x``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError, list_values
from survmodel.kernels import cox as kernel
from survmodel.kernels.risk_sets import RiskSets, build_risk_sets
from survmodel.models.cox_settings import Penalty, Ridge
from survmodel.models.elastic_net_settings import ElasticNet
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_ITERATIONS = 50
SCORE_TOLERANCE = 1e-9
LOGLIK_TOLERANCE = 1e-12
#: A column whose information is this small beside what it has alone is explained by the others.
ALIAS_TOLERANCE = 1e-10
#: Information at the maximum below this share of that at beta = 0 means a coefficient on its way to infinity.
RUNAWAY = 1e-7
#: A prognostic index that varies by more than this (its standard deviation among rows at risk, in units of an average
#: column) is no estimate: of one column it is a hazard ratio of 3 million for one standard deviation.
LARGEST_EFFECT = 15.0
#: With so few events only one coefficient is estimated without a penalty.
FEW_EVENTS = 4
#: Rows that are read first in the search for constant columns.
HEAD = 64
#: More levels of one factor than this are counted in messages and not listed: they may identify persons.
LEVELS_LISTED = 6


@dataclass(frozen=True, slots=True, eq=False)
class CoxData:
    """What the partial likelihood is computed from; n rows, p columns.

    Attributes
    ----------
    x : ndarray, shape (n, p)
        Design matrix as the formula gives it.
    offset, weight, count : ndarray, shape (n,)
        Offset, case weight and frequency of each row.
    time, entry : ndarray, shape (n,)
        Exit times, and entry times or None.
    event : ndarray of bool, shape (n,)
        Events.
    stratum : ndarray of int64, shape (n,)
        Stratum codes.
    efron : bool
        Efron's ties, else Breslow's.
    """

    x: Floats
    offset: Floats
    weight: Floats
    count: Floats
    time: Floats
    entry: Floats | None
    event: npt.NDArray[np.bool_]
    stratum: Ints
    efron: bool

    @property
    def weight_is_broken(self) -> bool:
        """Whether any case weight is not whole."""
        return bool((self.weight != np.round(self.weight)).any())


@dataclass(frozen=True, slots=True, eq=False)
class SortedData:
    """The same in risk-set order, covariates centred and scaled, one covariate a row.

    Attributes
    ----------
    risk_sets : RiskSets
        Order and event times.
    features : ndarray, shape (p, n)
        ``(x - centre) / scale``.
    offset, multiplicity, count : ndarray, shape (n,)
        Offset, count times weight, and count.
    centre, scale : ndarray, shape (p,)
        What was subtracted and divided by.
    """

    risk_sets: RiskSets
    features: Floats
    offset: Floats
    multiplicity: Floats
    count: Floats
    centre: Floats
    scale: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Maximum:
    """The maximum of the partial likelihood on the scale of the design matrix.

    Attributes
    ----------
    beta : ndarray, shape (p,)
        Coefficients.
    covariance, information : ndarray, shape (p, p)
        Inverse of the (penalised) information, and the unpenalised information.
    loglik, loglik_null : float
        Log partial likelihood at the maximum and with all coefficients 0.
    score_statistic : float
        Score test of all coefficients 0.
    df : float
        Parameters; effective parameters under a penalty.
    iterations : int
        Newton steps.
    score_size : float
        Largest ``|score_j| / sqrt(information_jj)`` at the maximum.
    """

    beta: Floats
    covariance: Floats
    information: Floats
    loglik: float
    loglik_null: float
    score_statistic: float
    df: float
    iterations: int
    score_size: float


def sort_data(data: CoxData) -> SortedData:
    """Bring the rows into risk-set order and centre and scale the covariates.

    Parameters
    ----------
    data : CoxData
        Rows in table order.

    Returns
    -------
    SortedData
        Ready for the kernels. A constant covariate has scale 1.
    """
    risk_sets = build_risk_sets(data.time, data.event, data.entry, data.stratum)
    order = risk_sets.order
    n, p = data.x.shape
    centre, scale, features = np.empty(p), np.ones(p), np.empty((p, n))
    for j in range(p):
        column = data.x[:, j]
        centre[j], spread = kernel.mean_and_spread(column)
        # What is left of a constant column after centring is rounding.
        if spread > 1e-13 * abs(centre[j]):
            scale[j] = spread
        kernel.standardise(column, order, centre[j], scale[j], features[j])
    count, weight = _in_order(data.count, order), _in_order(data.weight, order)
    return SortedData(
        risk_sets=risk_sets,
        features=features,
        offset=_in_order(data.offset, order),
        multiplicity=count if (weight == 1).all() else count * weight,
        count=count,
        centre=centre,
        scale=scale,
    )


def _in_order(values: Floats, order: Ints) -> Floats:
    """Bring values into order; equal ones, such as the counts of most data, are in it and cost no memory."""
    return values if (values == values[0]).all() else np.ascontiguousarray(values[order])


def maximise(data: CoxData, ordered: SortedData, names: tuple[str, ...], theta: float = 0.0) -> Maximum:
    r"""Maximise ``loglik - theta / 2 * sum(beta^2)``, beta on the scale of the design matrix.

    Parameters
    ----------
    data : CoxData
        Rows in table order.
    ordered : SortedData
        The same rows from :func:`sort_data`.
    names : tuple of str
        Columns of the design matrix, for messages.
    theta : float
        Ridge penalty.

    Returns
    -------
    Maximum
        On the scale of the design matrix.

    Raises
    ------
    FitError
        For constant, collinear or uninformative columns, and when the likelihood has no maximum.
    """
    p = len(names)
    penalty = np.full(p, theta) / ordered.scale**2
    if theta == 0:
        refuse_constant(data.x, names)
    beta, score, information, at_start, loglik_null, loglik, iterations, converged = kernel.maximise(
        ordered.features,
        ordered.offset,
        ordered.multiplicity,
        ordered.count,
        penalty,
        ordered.risk_sets,
        data.efron,
        np.zeros(p),
        MAX_ITERATIONS,
        SCORE_TOLERANCE,
        LOGLIK_TOLERANCE,
        0.0,
    )
    start_information = at_start[1:]
    if theta == 0:
        refuse_aliased(start_information, names)
    if theta == 0:
        refuse_runaway(beta, information, start_information, names)
    if not converged:
        raise FitError(
            f"Newton's method did not converge in {MAX_ITERATIONS} steps",
            remedy='look for covariates with extreme values, or use penalty="firth"',
        )
    penalised = information + np.diag(penalty)
    covariance = invert_information(penalised)
    df = float(np.trace(covariance @ information)) if theta else float(p)
    start_covariance = invert_information(start_information + np.diag(penalty))
    unscale = 1 / ordered.scale
    spread = np.sqrt(np.maximum(np.diag(penalised), np.finfo(float).tiny))
    return Maximum(
        beta=frozen(beta * unscale),
        covariance=frozen(covariance * np.outer(unscale, unscale)),
        information=frozen(information * np.outer(ordered.scale, ordered.scale)),
        loglik=float(loglik),
        loglik_null=float(loglik_null),
        score_statistic=float(at_start[0] @ start_covariance @ at_start[0]),
        df=df,
        iterations=int(iterations),
        score_size=float(np.max(np.abs(score) / spread, initial=0.0)),
    )


def invert_information(matrix: Floats) -> Floats:
    """Invert an information matrix.

    Parameters
    ----------
    matrix : ndarray, shape (p, p)
        Symmetric.

    Returns
    -------
    ndarray, shape (p, p)
        Symmetric to the last bit.

    Raises
    ------
    FitError
        When it is singular.
    """
    if matrix.size == 0:
        return matrix.copy()
    try:
        inverse: Floats = np.asarray(np.linalg.inv(matrix), dtype=np.float64)
    except np.linalg.LinAlgError:
        raise FitError(
            "the information matrix is singular at the maximum", remedy="leave out or merge covariates"
        ) from None
    symmetric: Floats = (inverse + inverse.T) / 2
    return symmetric


def refuse_few_events(events: float, n_rows: int, names: tuple[str, ...], penalty: Penalty) -> None:
    """Refuse to estimate more coefficients than the events can carry.

    Parameters
    ----------
    events : float
        Events, counts counted.
    n_rows : int
        Analysed rows.
    names : tuple of str
        Column names.
    penalty : Ridge, ElasticNet, "firth" or None
        What carries what the events do not.

    Raises
    ------
    FitError
        Without events; without a ridge with fewer events than columns; without any penalty for several columns on four
        events or fewer.
    """
    p = len(names)
    if events == 0:
        raise FitError(
            "there are no events", f"0 among {n_rows} analysed rows", "a Cox model needs events to learn from"
        )
    few = penalty is None and p > 1 and events <= FEW_EVENTS
    if few or (p > events and not isinstance(penalty, Ridge | ElasticNet)):
        other = "penalty=Ridge(1.0)" if p > events else 'penalty="firth"'
        raise FitError(
            f"{p} coefficients cannot be estimated from {events:g} events",
            f"columns {list_columns(names)}",
            f"use fewer columns, or {other}",
        )


def refuse_constant(x: Floats, names: tuple[str, ...]) -> None:
    """Refuse columns that have one value in all rows.

    Parameters
    ----------
    x : ndarray, shape (n, p)
        Design matrix.
    names : tuple of str
        Column names.

    Raises
    ------
    FitError
        Naming the columns.
    """
    # Most columns differ within a few rows; only the others are read to the end.
    head = x[:HEAD]
    doubtful = np.flatnonzero((head == head[:1]).all(axis=0))
    constant = [names[j] for j in doubtful if (x[:, j] == x[0, j]).all()]
    if constant:
        raise FitError(
            f"{list_columns(constant)} {'is' if len(constant) == 1 else 'are'} constant",
            f"in all {x.shape[0]} analysed rows",
            "leave it out of the formula" if len(constant) == 1 else "leave them out of the formula",
        )


def refuse_aliased(information: Floats, names: tuple[str, ...]) -> None:
    """Refuse columns that the others determine, or that vary in no risk set.

    Parameters
    ----------
    information : ndarray, shape (p, p)
        Information at beta = 0.
    names : tuple of str
        Column names.

    Raises
    ------
    FitError
        Naming the set of columns.
    """
    p = len(names)
    if kernel.cholesky(information, np.empty((p, p)), ALIAS_TOLERANCE) == p:
        return
    diagonal = np.diag(information)
    silent = [names[j] for j in range(p) if not diagonal[j] > 1e-12 * max(diagonal.max(initial=0.0), 1e-300)]
    if silent:
        raise FitError(
            f"{list_columns(silent)} says nothing about the outcome",
            "it does not vary among the rows at risk at any event time, within strata",
            "leave it out of the formula, or out of strata",
        )
    free: list[int] = []
    for j in range(p):
        if free:
            block = information[np.ix_(free, free)]
            shares = np.linalg.lstsq(block, information[free, j], rcond=None)[0]
            rest = information[j, j] - information[free, j] @ shares
        else:
            shares, rest = np.empty(0), information[j, j]
        if rest <= ALIAS_TOLERANCE * information[j, j]:
            size = np.abs(shares) * np.sqrt(diagonal[free] / diagonal[j])
            others = [names[k] for k, share in zip(free, size, strict=True) if share > 1e-6]
            raise FitError(
                f"{names[j]} is determined by {list_columns(others)}",
                "the columns are collinear among the rows at risk",
                "leave one of them out of the formula",
            )
        free.append(j)


def refuse_runaway(beta: Floats, information: Floats, start: Floats, names: tuple[str, ...]) -> None:
    """Refuse a fit in which a coefficient has no finite estimate: separation.

    The likelihood then rises for ever in some direction, and the information about that direction dies away to less
    than `RUNAWAY` of what it was at 0, or the index passes `LARGEST_EFFECT`.

    Parameters
    ----------
    beta : ndarray, shape (p,)
        Coefficients of standardised columns where Newton's method stopped.
    information, start : ndarray, shape (p, p)
        Information there, and at beta = 0.
    names : tuple of str
        Column names.

    Raises
    ------
    FitError
        Naming the columns and the direction of their effect.
    """
    if not names:
        return
    if np.isfinite(information).all():
        # Not the coefficients one by one: those of columns that say nearly the same are large and cancel.
        size = np.sqrt(beta @ start @ beta / np.diag(start).mean())
        # Where the smallest of the shares below is above RUNAWAY this difference has a Cholesky factor.
        difference = np.ascontiguousarray(information - RUNAWAY * start)
        if size <= LARGEST_EFFECT and kernel.cholesky(difference, np.empty(start.shape), 0.0) == beta.size:
            return
        half = np.linalg.cholesky(start)
        left = np.linalg.solve(half, np.linalg.solve(half, information).T)
        shares, directions = np.linalg.eigh((left + left.T) / 2)
        if shares[0] > RUNAWAY and size <= LARGEST_EFFECT:
            return
        # The direction in which nothing is known, on the scale of the coefficients.
        away = shares <= RUNAWAY
        lost = np.abs(np.linalg.solve(half.T, directions[:, away])).max(axis=1) if away.any() else np.abs(beta)
    else:
        # Newton's steps went so far that the hazards are beyond floats: what went farthest is to be named.
        lost = np.abs(np.nan_to_num(beta, nan=np.finfo(float).max))
    columns = [
        f"{name} ({'lower' if b < 0 else 'higher'} hazard)"
        for name, b, size in zip(names, beta, lost, strict=True)
        if size > 0.1 * lost.max()
    ]
    raise FitError(
        "the partial likelihood has no maximum: a coefficient grows without bound",
        "separation by " + list_columns(columns),
        "a group has no events, or a covariate orders the events perfectly: merge levels, leave the covariate out, or "
        'use Firth\'s penalised likelihood, penalty="firth"',
    )


def list_columns(names: Sequence[str]) -> str:
    """List columns of a design, many levels of one factor as their number.

    Parameters
    ----------
    names : sequence of str
        Column names, ``factor[level]`` for levels.

    Returns
    -------
    str
        The names joined by commas.

    Examples
    --------
    >>> list_columns(["age", "sex[m]"])
    'age, sex[m]'
    >>> list_columns([f"site[{number}]" for number in range(30)])
    'site (30 levels)'
    """
    by_factor: dict[str, list[str]] = {}
    for name in names:
        by_factor.setdefault(name.split("[")[0], []).append(name)
    shown = []
    for factor, columns in by_factor.items():
        shown += columns if len(columns) <= LEVELS_LISTED else [f"{factor} ({len(columns)} levels)"]
    return list_values(shown)


@dataclass(frozen=True, slots=True, eq=False)
class AtEventTimes:
    """Sums over risk sets at given coefficients, on the scale of the sorted features; U event times.

    Attributes
    ----------
    risk : ndarray, shape (n,)
        ``v_i exp(eta_i - shift)`` of each sorted row, shift being that of its stratum.
    shift : ndarray, shape (n_strata,)
        Largest eta of each stratum.
    steps : ndarray, shape (5, U)
        Step sums a1, b1, a2, b2, c2 (see :mod:`survmodel.kernels.cox`).
    at_risk, dying : ndarray, shape (U, p)
        Weighted sums of features over the risk set and over the deaths.
    stratum : ndarray of int64, shape (U,)
        Stratum of each event time.
    """

    risk: Floats
    shift: Floats
    steps: Floats
    at_risk: Floats
    dying: Floats
    stratum: Ints


def at_event_times(data: CoxData, ordered: SortedData, beta: Floats) -> AtEventTimes:
    """Compute the sums over risk sets that residuals, baseline and tests are made of.

    Parameters
    ----------
    data : CoxData
        Rows in table order.
    ordered : SortedData
        The same rows sorted.
    beta : ndarray, shape (p,)
        Coefficients on the scale of the design matrix.

    Returns
    -------
    AtEventTimes
        The sums.
    """
    sets = ordered.risk_sets
    n = ordered.offset.shape[0]
    eta, risk = np.empty(n), np.empty(n)
    shift = np.empty(sets.row_bounds.size - 1)
    steps = np.empty((5, sets.time.size))
    kernel.linear_predictor(ordered.features, np.asarray(beta) * ordered.scale, ordered.offset, eta)
    kernel.relative_risk(eta, ordered.multiplicity, sets, risk, shift)
    kernel.step_sums(eta, risk, shift, ordered.multiplicity, ordered.count, sets, data.efron, steps)
    at_risk, dying = kernel.risk_set_sums(ordered.features, risk, sets)
    stratum = np.repeat(np.arange(shift.size), np.diff(sets.time_bounds))
    return AtEventTimes(risk, shift, steps, at_risk, dying, stratum)
