"""Refitting a specification on every draw, and scoring what it then says: inside, outside, and on all patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.contract import Fit, FixedModel, ManyResampler, Model, Resampler
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.row_resampling import OneByOne, RowResampler
from survmodel.outcome.groups import Groups
from survmodel.outcome.response import Outcome
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.scoring import BRIER, NULL_BRIER, DrawScorer, Measure
from survmodel.resampling import Replicates, gather_replicates, run_replicates

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Numbers of predictions held at once where many draws are refitted together.
AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class DrawnScores:
    """Measures over the draws; b draws, m measures.

    Attributes
    ----------
    inside : ndarray, shape (b, m)
        On the draw itself; NaN where only those outside are scored.
    tested : ndarray, shape (b, m)
        On the patients outside the draw, or on all.
    replicates : Replicates
        Draws asked for and failed.
    """

    inside: Floats
    tested: Floats
    replicates: Replicates[bool]


def is_fixed(spec: Model) -> bool:
    """Tell whether nothing is selected or tuned: a Cox model is fixed unless its penalty selects columns.

    Parameters
    ----------
    spec : Model
        A specification.

    Returns
    -------
    bool
        Whether the optimism bootstrap is honest for it.
    """
    return isinstance(spec, FixedModel) and not getattr(spec, "is_tuned", False)


def score_apparent(fit: Fit, table: pd.DataFrame, scorer: DrawScorer) -> Floats:
    """Score a fit on the rows that it was fitted to.

    Parameters
    ----------
    fit : Fit
        The fit.
    table : pandas.DataFrame
        Its rows.
    scorer : DrawScorer
        Of the same rows.

    Returns
    -------
    ndarray, shape (m,)
        Measures.
    """
    every = np.ones((1, len(table)))
    index, risk = fit.prognostic_index(table)[np.newaxis], predict_at(fit, table, scorer.times)[np.newaxis]
    measures: Floats = scorer.score(index, risk, every, every)[0]
    return measures


def predict_at(fit: Fit, table: pd.DataFrame, times: Floats) -> Floats:
    """Predict risks, shape (n, n_times); a model without risks is not asked where no time is.

    Parameters
    ----------
    fit : Fit
        The fit.
    table : pandas.DataFrame
        Rows.
    times : ndarray, shape (n_times,)
        Times, possibly none.

    Returns
    -------
    ndarray, shape (n, n_times)
        Risks.
    """
    return fit.predict_risk(table, times) if times.size else np.empty((len(table), 0))


def score_draws_of(
    spec: Model,
    fit: Fit,
    table: pd.DataFrame,
    outcome: Outcome,
    counts: Ints,
    scorer: DrawScorer,
    *,
    outside: bool,
    n_jobs: int,
) -> DrawnScores:
    """Refit a specification on every draw and score it.

    Parameters
    ----------
    spec : Model
        What is fitted, whole.
    fit : Fit
        Its fit to the rows.
    table : pandas.DataFrame
        Rows that it can use.
    outcome : Outcome
        Their outcome.
    counts : ndarray of int64, shape (b, n)
        How often each row counts in each draw.
    scorer : DrawScorer
        Of these rows.
    outside : bool
        Whether only the patients outside a draw are scored.
    n_jobs : int
        Workers.

    Returns
    -------
    DrawnScores
        A draw that cannot be fitted is counted with its reason.

    Raises
    ------
    FitError
        When more than one in five draws fail.
    """
    resampler = choose_resampler(spec, table, outcome, scorer.times, fit)
    # How draws are put together depends on the patients alone, so that workers cannot change a bit.
    together = not isinstance(resampler, RowResampler | OneByOne)
    width = max(1, AT_ONCE // (outcome.n * (scorer.times.size + 1))) if together else 1
    parts = [counts[first : first + width] for first in range(0, len(counts), width)]
    done = run_replicates(
        partial(_score_part, resampler, scorer, outside=outside), parts, n_jobs=n_jobs, threads=together
    )
    inside, tested = (np.concatenate([part[place] for part in done.done]) for place in (0, 1))
    reasons = [reason for part in done.done for reason in part[2]]
    replicates = gather_replicates([None if reason else True for reason in reasons], reasons)
    replicates.refuse_many_failures("refits on the resamples")
    return DrawnScores(inside, tested, replicates)


def choose_resampler(
    spec: Model, table: pd.DataFrame, outcome: Outcome, times: Floats, fit: Fit | None = None
) -> ManyResampler:
    """Choose how a specification is refitted: by counts where it offers that, else on replicated rows.

    Parameters
    ----------
    spec : Model
        The specification.
    table : pandas.DataFrame
        Rows that it can use.
    outcome : Outcome
        Their outcome.
    times : ndarray, shape (k,)
        Times at which risks are needed.
    fit : Fit, optional
        The fit to these rows, where there is one already.

    Returns
    -------
    ManyResampler
        The same numbers either way.
    """
    offered: Resampler | None = None
    if isinstance(spec, CoxPH) and isinstance(fit, CoxFit) and is_fixed(spec):
        offered = spec.resampler(table, outcome, fit)
    elif isinstance(spec, FixedModel) and is_fixed(spec):
        offered = spec.resampler(table, outcome)
    if isinstance(offered, ManyResampler):
        return offered
    return RowResampler(spec, table, outcome) if offered is None or times.size else OneByOne(offered)


def _score_part(
    resampler: ManyResampler, scorer: DrawScorer, counts: Ints, *, outside: bool
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Refit on some draws: measures inside, measures outside or of all, and why draws failed."""
    wanted = counts == 0 if outside else np.ones(counts.shape, dtype=bool)
    refits = resampler.refit(counts, scorer.times, wanted if outside else None)
    index, risk = refits.index, refits.risk
    if outside:
        # rows that are not scored have no weight, and their predictions only must be numbers
        index, risk = np.where(wanted, index, 0.0), np.where(wanted[:, :, np.newaxis], risk, 0.0)
    fitted = np.array([not reason for reason in refits.reasons])
    inside, tested = np.full((2, len(counts), len(scorer.measures)), np.nan)
    if fitted.any():
        # a slice copies nothing
        which = slice(None) if fitted.all() else fitted
        index, risk, learnt, scored = index[which], risk[which], counts[which], wanted[which]
        if outside:
            tested[which] = scorer.score(index, risk, learnt, scored)
        else:
            tested[which], inside[which] = scorer.score_ways(index, risk, learnt, (scored, learnt))
    return inside, tested, refits.reasons


def score_without_information(
    outcome: Outcome, strata: Groups, risks: tuple[Floats, Floats], scorer: DrawScorer, known: npt.NDArray[np.bool_]
) -> dict[Measure, float]:
    """Give the Brier score of a model whose risks have nothing to do with who has the event.

    Parameters
    ----------
    outcome : Outcome
        Times and events.
    strata : Groups
        Strata of the rows.
    risks : tuple of ndarray, each of shape (n, k)
        Predicted risks at the horizons, and those of the null model.
    scorer : DrawScorer
        Of the same rows.
    known : ndarray of bool, shape (n, k)
        Rows that are scored at each horizon.

    Returns
    -------
    dict of Measure to float
        Each outcome against the risks of everybody in the stratum, at each horizon, for the model and the null model.
    """
    if not scorer.times.size:
        return {}
    weights = CensoringWeights.learn(outcome, float(scorer.times[-1]), strata, None)
    past = outcome.time[:, np.newaxis] <= scorer.times
    of_cases = np.where(past, weights.case_weights()[:, np.newaxis], 0.0) * known
    of_others = np.where(past, 0.0, weights.survivor_weights(scorer.times)) * known
    found: dict[Measure, float] = {}
    for name, risk in zip((BRIER, NULL_BRIER), risks, strict=True):
        total = np.zeros(scorer.times.size)
        for code in range(strata.n):
            inside = (strata.codes == code)[:, np.newaxis] & known
            shown = np.where(inside, risk, 0.0)
            with np.errstate(invalid="ignore"):
                first, second = shown.sum(axis=0) / inside.sum(axis=0), (shown**2).sum(axis=0) / inside.sum(axis=0)
            cases, others = ((part * inside).sum(axis=0) for part in (of_cases, of_others))
            total += np.nan_to_num(cases * (1 - 2 * first + second) + others * second)
        with np.errstate(invalid="ignore"):
            values = total / known.sum(axis=0)
        found |= {Measure(name, float(time)): float(v) for time, v in zip(scorer.times, values, strict=True)}
    return found
