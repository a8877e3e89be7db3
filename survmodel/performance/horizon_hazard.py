r"""Hazards up to a horizon as a function of predicted risk, refitted for any counts of the rows.

Without competing events this is Cox's model with Efron's ties, with them that of Fine and Gray; either has a baseline
of its own in every stratum and the same coefficients in all. Risk at the horizon is
:math:`1 - \exp\{-H_k e^{(x - c)'\beta + o}\}`, :math:`H_k` the cumulative baseline hazard of stratum *k* at the
horizon and *c* the means of the columns.

What is known of :math:`H_k` while the coefficients are fixed is :math:`\sum_{u \le t} a_2(u)` after Cox (the sum of
:math:`d / S_0^2` without ties), and the sum of the squared influences of the rows after Fine and Gray,

.. math:: \frac{1[\text{cause},\, t_i \le t]}{S_0(t_i)} - e^{\eta_i} \sum_{u \le t} w_i(u) \frac{d(u)}{S_0(u)^2}
          + \text{what the row changes in } G,

which is the residual of the score for a column that is :math:`1 / S_0(u)` above the mean of its risk set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from survmodel.errors import FitError
from survmodel.models.cox_likelihood import (
    CoxData,
    SortedData,
    at_event_times,
    maximise,
    refuse_constant,
    refuse_few_events,
    sort_data,
)
from survmodel.models.fine_gray_likelihood import (
    FineGrayData,
    FineGrayRows,
    RiskSums,
    prepare,
    risk_sums,
    score_and_information,
)
from survmodel.models.fine_gray_variance import censoring_residuals, sandwich, score_residuals
from survmodel.models.newton import Evaluated, find_maximum
from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_REMEDY = "calibrate at a later horizon, or more patients"


@dataclass(frozen=True, slots=True, eq=False)
class HorizonFit:
    """Coefficients, and baselines at the horizon; p columns, K strata.

    Attributes
    ----------
    beta : ndarray, shape (p,)
        Coefficients.
    covariance : ndarray, shape (p, p)
        Of the coefficients: the inverse information after Cox, the sandwich after Fine and Gray.
    centre : ndarray, shape (p,)
        Columns at which the baselines stand.
    hazard, variance : ndarray, shape (K,)
        Cumulative baseline hazard at the horizon, and its variance while the coefficients are fixed.
    """

    beta: Floats
    covariance: Floats
    centre: Floats
    hazard: Floats
    variance: Floats

    def risk(self, x: Floats, stratum: Ints) -> Floats:
        """Predict the risk at the horizon of rows with columns x, shape (n, p), in strata (n,)."""
        with np.errstate(over="ignore"):
            found: Floats = -np.expm1(-self.hazard[stratum] * np.exp((x - self.centre) @ self.beta))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class HorizonHazard:
    """A model of the hazard up to a horizon on fixed rows.

    Attributes
    ----------
    cox : CoxData or None
        The rows, without competing events.
    ordered : SortedData or None
        The same sorted.
    subdistribution : FineGrayRows or None
        The rows, with competing events, columns centred and scaled; `group` holds the strata.
    rows : ndarray of int64
        Rows that were under observation before the horizon.
    names : tuple of str
        Columns, for messages.
    horizon : float
        Time at which baselines are read.
    n_strata : int
        Strata.
    centre, scale : ndarray, shape (p,)
        Of the columns.
    """

    cox: CoxData | None
    ordered: SortedData | None
    subdistribution: FineGrayRows | None
    rows: Ints
    names: tuple[str, ...]
    horizon: float
    n_strata: int
    centre: Floats
    scale: Floats

    @classmethod
    def prepare(
        cls, outcome: Outcome, x: Floats, offset: Floats, stratum: Ints, horizon: float, *, later_events: bool
    ) -> HorizonHazard:
        """Lay out the rows.

        Parameters
        ----------
        outcome : Outcome
            Times and events; nobody enters late where events compete.
        x : ndarray, shape (n, p)
            Columns.
        offset : ndarray, shape (n,)
            What is added to ``x @ beta``.
        stratum : ndarray of int64, shape (n,)
            Codes 0 to K - 1.
        horizon : float
            The horizon.
        later_events : bool
            Whether what happens after the horizon has a part in the coefficients.

        Returns
        -------
        HorizonHazard
            Ready to be fitted.

        Raises
        ------
        FitError
            With late entry where events compete.
        """
        time, event = outcome.time, outcome.event
        entry = outcome.entry
        if not later_events:
            event, time = np.where(time <= horizon, event, 0), np.minimum(time, horizon)
        here = np.arange(outcome.n) if entry is None or later_events else np.flatnonzero(entry < horizon)
        n, p = here.size, x.shape[1]
        names = tuple("predicted risk" + "'" * j for j in range(p))
        ones, codes = np.ones(n), np.ascontiguousarray(stratum[here])
        n_strata = int(stratum.max()) + 1
        x, offset, time, event = x[here], offset[here], time[here], event[here]
        centre, scale = x.mean(axis=0), np.ones(p)
        if outcome.causes is not None:
            if entry is not None:
                raise FitError("late entry and competing events: no smooth curve and no slope")
            spread = x.std(axis=0)
            scale = np.where(spread > 0, spread, 1.0)
            kind = np.minimum(event, 2).astype(np.int64)
            rows = FineGrayRows((x - centre) / scale, offset, ones, time, kind, codes)
            return cls(None, None, rows, here, names, horizon, n_strata, centre, scale)
        late = None if entry is None else entry[here]
        data = CoxData(np.ascontiguousarray(x), offset, ones, ones, time, late, event == 1, codes, efron=True)
        ordered = sort_data(data)
        return cls(data, ordered, None, here, names, horizon, n_strata, ordered.centre, scale)

    def fit(self, counts: Ints | None = None) -> HorizonFit:
        """Fit the model.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,), optional
            How often each row counts; once without it. The fit is that of the replicated rows, after Fine and Gray
            without covariance and variance, which resamples have no need of.

        Returns
        -------
        HorizonFit
            Coefficients and baselines.

        Raises
        ------
        FitError
            Without events, with too many columns for them, with constant columns, or without a maximum.
        """
        drawn = None if counts is None else counts[self.rows]
        return self._fit_cox(drawn) if self.cox is not None else self._fit_fine_gray(drawn)

    def _fit_cox(self, counts: Ints | None) -> HorizonFit:
        assert self.cox is not None
        assert self.ordered is not None
        data, ordered = self.cox, self.ordered
        if counts is not None:
            count = np.ascontiguousarray(counts[ordered.risk_sets.order], dtype=np.float64)
            data = replace(data, count=counts.astype(np.float64))
            ordered = replace(ordered, count=count, multiplicity=count)
            refuse_constant(data.x[counts > 0], self.names)
        refuse_few_events(float(data.count[data.event].sum()), int(data.count.sum()), self.names, None)
        beta, covariance = np.zeros(0), np.zeros((0, 0))
        if self.names:
            found = maximise(data, ordered, self.names)
            beta, covariance = found.beta, found.covariance
        sums = at_event_times(data, ordered, beta)
        rescale = np.exp(-sums.shift)[sums.stratum]
        past = ordered.risk_sets.time <= self.horizon
        jump = np.where(past, sums.steps[0] * rescale, 0.0)
        square = np.where(past, sums.steps[2] * rescale**2, 0.0)
        hazard, variance = (
            np.bincount(sums.stratum, steps, minlength=self.n_strata).astype(np.float64) for steps in (jump, square)
        )
        return HorizonFit(beta, covariance, self.centre, hazard, variance)

    def _fit_fine_gray(self, counts: Ints | None) -> HorizonFit:
        rows = self.subdistribution
        assert rows is not None
        if counts is not None:
            rows = replace(rows, count=counts.astype(np.float64))
            refuse_constant(rows.x[counts > 0], self.names)
        events = float(rows.count[rows.kind == 1].sum())
        refuse_few_events(events, int(rows.count.sum()), self.names, None)
        layers = [_take(rows, np.flatnonzero(rows.group == code)) for code in range(self.n_strata)]

        def likelihood(beta: Floats) -> Evaluated:
            parts = [(layer, risk_sums(layer, beta)) for layer in layers]
            slopes = [score_and_information(layer, sums) for layer, sums in parts]
            loglik = sum(sums.loglik for _, sums in parts)
            return Evaluated(loglik, sum(one for one, _ in slopes), sum(one for _, one in slopes))  # type: ignore[arg-type]

        maximum = find_maximum(likelihood, self.names, np.ones(len(self.names)), _REMEDY)
        beta = np.asarray(maximum.beta)
        covariance = np.zeros((beta.size, beta.size))
        hazard, variance = np.zeros(self.n_strata), np.zeros(self.n_strata)
        for code, layer in enumerate(layers):
            if layer.event_time.size:
                sums = risk_sums(layer, beta)
                past = layer.event_time <= self.horizon
                hazard[code] = np.exp(-sums.shift) * sums.hazard[past].sum()
                if counts is None:
                    covariance += sandwich(layer, beta, maximum.covariance) if beta.size else 0.0
                    variance[code] = _baseline_variance(layer, sums, past)
        beta, covariance = beta / self.scale, covariance / np.outer(self.scale, self.scale)
        return HorizonFit(beta, covariance, self.centre, hazard, variance)


def _take(rows: FineGrayRows, inside: Ints) -> FineGrayData:
    """Prepare the rows of a stratum, all columns on the scale that they have in common."""
    mine = FineGrayRows(
        rows.x[inside], rows.offset[inside], rows.count[inside], rows.time[inside], rows.kind[inside],
        np.zeros(inside.size, dtype=np.int64),
    )  # fmt: skip
    found = prepare(mine)
    p = rows.x.shape[1]
    return replace(found, features=mine.x[found.order], centre=np.zeros(p), scale=np.ones(p))


def _baseline_variance(layer: FineGrayData, sums: RiskSums, past: npt.NDArray[np.bool_]) -> float:
    """Give the variance of the cumulative baseline hazard while the coefficients are fixed."""
    # A column of zeros that is 1 / S_0(u) above the means of its risk sets.
    above = np.where(past, -1 / sums.total, 0.0)[:, np.newaxis]
    flat = replace(layer, features=np.zeros((layer.time.size, 1)))
    around = replace(sums, mean=above)
    influence = (score_residuals(flat, around) + censoring_residuals(flat, around))[:, 0]
    return float(layer.count @ influence**2 * np.exp(-2 * sums.shift))
