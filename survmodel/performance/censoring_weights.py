r"""Weights that make up for censoring, at fixed times, and what drawing other patients would do to them.

At a time t a patient counts if it is known whether the event has happened by then: one with an event at :math:`T \le t`
has the weight :math:`1/G(T-)`, one still followed after t has :math:`1/G(t)`, and one censored before has none
(Graf et al. 1999; riskRegression's ``Score``). G is the curve of censoring in which deaths leave before the censorings
of the same time.

A mean of weighted losses :math:`\frac1n \sum_j r_j(t)` depends on who is censored when. With :math:`Y(u)` at risk of
being censored at u, the influence of patient i through G is

.. math::
    \int_0^t \frac{A(u)}{Y(u)}\, dM_i(u), \qquad A(u) = \sum_{j:\, T_j > t} r_j + \sum_{j:\, u < T_j \le t} r_j,

:math:`M_i` being the martingale of his censoring. It lowers the variance: weights known for certain would be worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import EndpointError, list_values
from survmodel.formatting import format_significant
from survmodel.kernels.kaplan_meier import censoring_curve
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.performance.censoring_strata import read_censoring_strata
from survmodel.performance.discrimination import FEWEST_CENSORINGS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CensoringLayer:
    """Rows whose weights come from one curve of censoring.

    Attributes
    ----------
    rows : ndarray of int64
        Scored rows that are weighted by it.
    source : ndarray of int64, optional
        Scored rows that it was estimated from; None for other patients, whose influence is theirs.
    times, n_risk, n_censor, survival : ndarray, shape (n_steps,)
        Times at which somebody is censored, rows at risk of it, how many are, and G at and after them.
    """

    rows: Ints
    source: Ints | None
    times: Floats
    n_risk: Floats
    n_censor: Floats
    survival: Floats

    def before(self, times: Floats) -> Floats:
        """Give G(t-)."""
        read: Floats = np.append(1.0, self.survival)[np.searchsorted(self.times, times)]
        return read

    def at(self, times: Floats) -> Floats:
        """Give G(t)."""
        read: Floats = np.append(1.0, self.survival)[np.searchsorted(self.times, times, side="right")]
        return read


@dataclass(frozen=True, slots=True, eq=False)
class CensoringWeights:
    """Weights of scored rows.

    Attributes
    ----------
    outcome : Outcome
        The scored rows.
    layers : tuple of CensoringLayer
        Every row stands in one of them.
    notes : tuple of str
        Strata that share the pooled curve.
    """

    outcome: Outcome
    layers: tuple[CensoringLayer, ...]
    notes: tuple[str, ...]

    @classmethod
    def learn(
        cls,
        outcome: Outcome,
        horizon: float,
        strata: Groups,
        censoring: Outcome | None,
        censoring_strata: object = None,
    ) -> CensoringWeights:
        """Estimate the curves of censoring.

        Parameters
        ----------
        outcome : Outcome
            Scored rows.
        horizon : float
            Last time at which weights are needed.
        strata : Groups
            Each has its own curve; one with few censorings before the horizon, or that was not followed up to it,
            shares that of all rows.
        censoring : Outcome, optional
            Rows that the curves are estimated from instead, one curve for all unless their strata are given.
        censoring_strata : Series or array_like, shape (n_censoring,), optional
            Strata of the rows of `censoring`, with the labels of `strata`.

        Returns
        -------
        CensoringWeights
            Weights at times up to the horizon.

        Raises
        ------
        ConfigError
            For `censoring_strata` without `censoring` or without strata.
        EndpointError
            When nobody was followed up to the horizon, or none of the rows of `censoring`.
        """
        codes = read_censoring_strata(strata, censoring, censoring_strata)
        if censoring is not None and censoring.time.max() < horizon:
            raise EndpointError(
                "the rows that the censoring distribution comes from were not followed up to the horizon",
                f"longest time {format_significant(float(censoring.time.max()))}, "
                f"horizon {format_significant(horizon)}",
            )
        if censoring is None:
            layers, notes = _by_stratum(outcome, horizon, strata, outcome, strata.codes, scored=True)
        elif codes is not None:
            layers, notes = _by_stratum(outcome, horizon, strata, censoring, codes, scored=False)
        else:
            layers, notes = [curve_of(np.arange(outcome.n), None, censoring)], ()
        if any(layer.at(np.array([horizon]))[0] <= 0 for layer in layers):
            raise EndpointError(
                f"nobody was followed beyond {format_significant(horizon)}",
                "the last patients were censored by then, so that risk up to then is not known",
                "choose an earlier time",
            )
        return cls(outcome, tuple(layers), notes)

    def case_weights(self) -> Floats:
        """Give 1 / G(T-) of rows with any event, 0 of the others, shape (n,)."""
        weight = np.zeros(self.outcome.n)
        for layer in self.layers:
            weight[layer.rows] = 1 / np.maximum(layer.before(self.outcome.time[layer.rows]), 1e-300)
        return np.where(self.outcome.event > 0, weight, 0.0)

    def survivor_weights(self, times: Floats) -> Floats:
        """Give 1 / G(t) of every row at each time, shape (n, n_times)."""
        weight = np.empty((self.outcome.n, times.size))
        for layer in self.layers:
            weight[layer.rows] = 1 / layer.at(times)
        return weight

    def influence(self, losses: Floats, times: Floats) -> Floats:
        """Give the influence of every row, through G, on the mean of weighted losses.

        Parameters
        ----------
        losses : ndarray, shape (n, n_times)
            Weighted losses of the rows at the times.
        times : ndarray, shape (n_times,)
            Times up to the horizon.

        Returns
        -------
        ndarray, shape (n, n_times)
            To be added to a row's own loss less the mean.
        """
        total = np.zeros_like(losses)
        for layer in self.layers:
            if layer.source is not None and layer.times.size:
                total[layer.source] += self._through(layer, losses[layer.rows], times)
        return total

    def _through(self, layer: CensoringLayer, losses: Floats, times: Floats) -> Floats:
        """Integrate A / Y against the martingale of each source row."""
        assert layer.source is not None
        ends = self.outcome.time[layer.rows]
        order = np.argsort(ends, kind="stable")
        # of rows in order of time, the sum of losses from a place on: A where those censored before t have none
        later = np.vstack([np.cumsum(losses[order][::-1], axis=0)[::-1], np.zeros((1, times.size))])
        share = later[np.searchsorted(ends[order], layer.times, side="right")] / layer.n_risk[:, np.newaxis]
        share[layer.times[:, np.newaxis] > times] = 0.0
        running = np.cumsum(share * (layer.n_censor / layer.n_risk)[:, np.newaxis], axis=0)
        running = np.vstack([np.zeros((1, times.size)), running])
        left, event = self.outcome.time[layer.source], self.outcome.event[layer.source]
        # an event leaves before the censorings of its time, a censoring is one of them
        place = np.searchsorted(layer.times, left)
        exposed = -running[np.where(event == 0, np.searchsorted(layer.times, left, side="right"), place)]
        censored = np.flatnonzero(event == 0)
        exposed[censored] += share[place[censored]]
        return exposed


def _by_stratum(
    outcome: Outcome, horizon: float, strata: Groups, source: Outcome, codes: Ints, *, scored: bool
) -> tuple[list[CensoringLayer], tuple[str, ...]]:
    """Estimate a curve for each stratum, of those with too few censorings one of all rows of the source together.

    `codes` are the strata of the rows of the source; `scored` says that these are the scored rows themselves.
    """
    layers, pooled = [], []
    for code in range(strata.n):
        rows, own = np.flatnonzero(strata.codes == code), np.flatnonzero(codes == code)
        layer = curve_of(rows, own if scored else None, source.take(own)) if own.size else None
        alone = scored and strata.n == 1
        if layer is not None and (alone or _suffices(layer, float(source.time[own].max()), horizon, scored=scored)):
            layers.append(layer)
        else:
            pooled.append(code)
    if not pooled:
        return layers, ()
    rows = np.flatnonzero(np.isin(strata.codes, pooled))
    layers.append(curve_of(rows, np.arange(outcome.n) if scored else None, source))
    few = f"fewer than {FEWEST_CENSORINGS} censorings before the horizon, or not followed up to it; pooled "
    few += f"censoring distribution: {list_values([strata.labels[code] for code in pooled])}"
    return layers, (few,)


def _suffices(layer: CensoringLayer, longest: float, horizon: float, *, scored: bool) -> bool:
    """Whether a stratum has censorings enough, and was followed long enough, for a curve of its own."""
    early = int(layer.n_censor[layer.times < horizon].sum())
    followed = layer.at(np.array([horizon]))[0] > 0 and (scored or longest >= horizon)
    return bool(early >= FEWEST_CENSORINGS and followed)


def curve_of(rows: Ints, source: Ints | None, outcome: Outcome) -> CensoringLayer:
    """Estimate one curve of censoring.

    Parameters
    ----------
    rows : ndarray of int64
        Scored rows that it weighs.
    source : ndarray of int64, optional
        Scored rows that it is estimated from; None for other patients.
    outcome : Outcome
        Times and events of the rows that it is estimated from.

    Returns
    -------
    CensoringLayer
        The curve.
    """
    steps, curve = censoring_curve(outcome.time, outcome.event > 0)
    return CensoringLayer(rows, source, steps, curve.n_risk, curve.n_event, curve.survival)
