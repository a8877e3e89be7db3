"""Refitting a Cox model with other counts, without building its table again.

Risk sets, design matrix and scaling do not change when rows count twice or not at all: only the counts that enter the
likelihood do. A count stands for tied rows, so that the estimates equal those of the replicated rows.

Plain and ridge models without late entry are refitted many at once by :mod:`~survmodel.kernels.refits`. A draw whose
maximum is in any doubt, and every other model, goes through the whole fit one by one, which says why it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from survmodel.errors import DataError, SurvmodelError, list_values
from survmodel.kernels.refits import refit_many
from survmodel.models.contract import Refits
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import (
    FEW_EVENTS,
    LOGLIK_TOLERANCE,
    MAX_ITERATIONS,
    SCORE_TOLERANCE,
    CoxData,
    refuse_constant,
    refuse_few_events,
    sort_data,
)
from survmodel.models.cox_maximum import maximise_for
from survmodel.models.cox_prediction import compute_baselines, hazard_at
from survmodel.models.cox_residuals import compute_residuals

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: An index that varies by more than this, columns that are collinear to this, or less information than this share of
#: that of all rows make a draw doubtful: far from what a whole fit refuses, so that no draw slips through that it would
#: refuse.
DOUBTFUL_EFFECT, DOUBTFUL_ALIAS, DOUBTFUL_SHARE = 5.0, 1e-6, 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class CoxResampler:
    """A Cox model on fixed rows.

    Attributes
    ----------
    fit : CoxFit
        The fit in which every row counts once.
    """

    fit: CoxFit

    def index(self, counts: Ints) -> Floats:
        """Refit with other counts and predict the index of every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (n,)
            Prognostic index, higher = worse; not centred.

        Raises
        ------
        FitError
            When the drawn rows have no events, a constant or collinear column, or no maximum.
        """
        index: Floats = self.fit.data.x @ self.coefficients(counts) + self.fit.data.offset
        return index

    def coefficients(self, counts: Ints) -> Floats:
        """Estimate the coefficients with other counts.

        Parameters
        ----------
        counts : ndarray of int64, shape (n,)
            How often each analysed row counts.

        Returns
        -------
        ndarray, shape (p,)
            Log hazard ratios.
        """
        return self._fit_one(np.asarray(counts), np.empty(0))[0]

    def refit(self, counts: Ints, times: Floats, wanted: Bools | None = None) -> Refits:  # noqa: ARG002 - all cost nothing
        """Refit with the counts of each draw and predict every row.

        Parameters
        ----------
        counts : ndarray of int64, shape (b, n)
            How often each analysed row counts in each draw.
        times : ndarray, shape (n_times,)
            Times at which risks are predicted.
        wanted : ndarray of bool, shape (b, n), optional
            Rows that are to be predicted; all are.

        Returns
        -------
        Refits
            Indices are not centred. A draw fails when its rows have no events, a constant or collinear column, or no
            maximum.
        """
        data, reasons = self.fit.data, [""] * len(counts)
        beta, index, hazard, sound = self._climb(counts, times)
        for draw in np.flatnonzero(~sound):
            try:
                beta[draw], hazard[draw] = self._fit_one(counts[draw], times)
                index[draw] = (data.x - self.fit.ordered.centre) @ beta[draw] + data.offset
            except SurvmodelError as error:
                beta[draw] = index[draw] = hazard[draw] = np.nan
                reasons[draw] = str(error)
        with np.errstate(over="ignore"):
            relative = np.exp(index)[:, :, np.newaxis] if times.size else index[:, :, np.newaxis]
            risk = -np.expm1(-hazard[:, data.stratum, :] * relative)
        return Refits(index + (beta * self.fit.ordered.centre).sum(axis=1)[:, np.newaxis], risk, tuple(reasons))

    def _climb(self, counts: Ints, times: Floats) -> tuple[Floats, Floats, Floats, Bools]:
        """Refit all draws at once: coefficients, indices and hazards about the centre, and which are beyond doubt."""
        fit, data, ordered = self.fit, self.fit.data, self.fit.ordered
        b, p, n_strata = len(counts), len(fit.design.names), ordered.risk_sets.row_bounds.size - 1
        events = counts @ data.event
        # what refuses few events, empty strata and constant columns stands in the whole fit
        enough: Bools = np.logical_and(events > max(FEW_EVENTS, p), self._covers(counts))
        if fit.spec.is_firth or fit.spec.ties == "exact" or data.entry is not None or p == 0 or not enough.any():
            n = data.offset.size
            return np.empty((b, p)), np.empty((b, n)), np.empty((b, n_strata, times.size)), np.zeros(b, dtype=bool)
        order = ordered.risk_sets.order
        moved = compute_residuals(data, ordered, fit.maximum.beta).score @ fit.maximum.covariance * ordered.scale
        influence = np.ascontiguousarray(moved[order].T)
        least = DOUBTFUL_SHARE * np.diag(fit.maximum.information) / ordered.scale**2
        beta, found, hazard, sound = refit_many(
            ordered.features, np.broadcast_to(ordered.offset, data.offset.shape).copy(),
            np.take(counts, order, axis=1).astype(np.float64), np.full(p, fit.spec.theta) / ordered.scale**2,
            ordered.risk_sets, data.efron, fit.maximum.beta * ordered.scale, influence, data.time[order], times,
            MAX_ITERATIONS, SCORE_TOLERANCE, LOGLIK_TOLERANCE, DOUBTFUL_EFFECT, DOUBTFUL_ALIAS, least,
        )  # fmt: skip
        index = np.empty_like(found)
        index[:, order] = found
        return beta / ordered.scale, index, hazard, sound & enough

    def _covers(self, counts: Ints) -> Bools:
        """Tell which draws hold somebody of every stratum."""
        n_strata = self.fit.ordered.risk_sets.row_bounds.size - 1
        if n_strata == 1:
            return np.ones(len(counts), dtype=bool)
        members = np.eye(n_strata, dtype=np.int64)[self.fit.data.stratum]
        covers: Bools = np.min(counts @ members, axis=1) > 0
        return covers

    def _fit_one(self, counts: Ints, times: Floats) -> tuple[Floats, Floats]:
        """Go through the whole fit of one draw: coefficients (p,) and hazards at the centre (n_strata, n_times)."""
        fit, data = self.fit, self.fit.data
        names, spec = fit.design.names, fit.spec
        drawn = counts > 0
        refuse_few_events(float(counts[data.event].sum()), int(counts.sum()), names, spec.penalty)
        if times.size and not self._covers(counts[np.newaxis])[0]:
            raise DataError(f"{list_values(spec.strata_columns)} has strata that the model has not seen")
        if spec.theta == 0:
            refuse_constant(data.x[drawn], names)
        order = fit.ordered.risk_sets.order
        count = np.ascontiguousarray(counts[order], dtype=np.float64)
        ordered = replace(fit.ordered, count=count, multiplicity=count)
        counted = replace(data, count=counts.astype(np.float64))
        beta = maximise_for(spec, counted, ordered, names).beta
        if not times.size:
            return beta, np.empty((ordered.risk_sets.row_bounds.size - 1, 0))
        # the baseline is that of the drawn rows, and ends with them
        rows = np.flatnonzero(drawn)
        kept = CoxData(
            data.x[rows], data.offset[rows], data.weight[rows], counted.count[rows], data.time[rows],
            None if data.entry is None else data.entry[rows], data.event[rows], data.stratum[rows], data.efron,
        )  # fmt: skip
        sorted_rows = sort_data(kept)
        away = float((fit.ordered.centre - sorted_rows.centre) @ beta)
        baselines = compute_baselines(kept, sorted_rows, beta, 0.0)
        return beta, np.array([hazard_at(one, times)[0] for one in baselines]) * np.exp(away)
