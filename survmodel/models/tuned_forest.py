"""Growing a forest for each pair of a tuning, and keeping the one that says most out of bag."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from survmodel.errors import FitError
from survmodel.formatting import count_noun
from survmodel.kernels.concordance import harrell
from survmodel.kernels.risk_sets import build_risk_sets
from survmodel.models.forest_tuning import ForestTuning, TriedPair
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.checks import check_columns
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome

#: Out-of-bag C that differ by less are equal.
EQUAL = 1e-12


def tune(spec: Any, table: pd.DataFrame, outcome: Outcome, weights: object = None) -> SurvivalForestFit:  # noqa: ANN401 - the forest itself
    """Grow every pair and keep the best.

    Parameters
    ----------
    spec : RandomSurvivalForest
        With a tuning.
    table : pandas.DataFrame
        Columns of the formula.
    outcome : Outcome
        Times and events.
    weights : Series or array_like, shape (n,), optional
        Case weights.

    Returns
    -------
    SurvivalForestFit
        The forest of the chosen pair, with what was tried.

    Raises
    ------
    FitError
        When no pair has an out-of-bag C.
    """
    tuning: ForestTuning = spec.tuning
    stratum = _strata(tuning, table, outcome)
    plain = replace(spec, tuning=None, n_trees=tuning.n_trees or spec.n_trees)
    # grown untuned it tells the rows and columns that are left, and is mostly one of the pairs
    first: SurvivalForestFit = plain.fit(table, outcome, weights)
    known = {(first.mtry, first.min_leaf): first}
    tried, best = [], (-np.inf, first)
    for mtry, leaf in tuning.pairs(first.n, first.covariates.shape[1], first.min_leaf):
        fit = known.get((mtry, leaf)) or _grow(replace(plain, mtry=mtry, min_leaf=leaf), table, outcome, weights)
        found = np.nan if fit is None else _out_of_bag(fit, stratum)
        tried.append(TriedPair(mtry, leaf, plain.n_trees, found))
        if fit is not None and _is_better(found, fit, *best):
            best = (found, fit)
    found, fit = best
    if not np.isfinite(found):
        raise FitError("no pair of the tuning has an out-of-bag C", remedy="grow more trees, or try smaller leaves")
    if plain.n_trees != spec.n_trees:
        fit = replace(spec, tuning=None, mtry=fit.mtry, min_leaf=fit.min_leaf).fit(table, outcome, weights)
    note = f"{count_noun(fit.mtry, 'column')} at a split and leaves of {fit.min_leaf} chosen by out-of-bag C among "
    note += f"{count_noun(len(tried), 'pair')}: the out-of-bag C is optimistic by the choice; validate() makes it anew"
    return replace(fit, spec=spec, tried=tuple(tried), notes=(*fit.notes, note))


def _grow(spec: Any, table: pd.DataFrame, outcome: Outcome, weights: object) -> SurvivalForestFit | None:  # noqa: ANN401
    try:
        fit: SurvivalForestFit = spec.fit(table, outcome, weights)
    except FitError:
        return None
    return fit


def _is_better(found: float, fit: SurvivalForestFit, best: float, of_best: SurvivalForestFit) -> bool:
    """Tell whether a pair beats the best so far; the simpler of two equal ones does."""
    if not np.isfinite(found) or found < best - EQUAL:
        return False
    return found > best + EQUAL or (fit.min_leaf, -fit.mtry) > (of_best.min_leaf, -of_best.mtry)


def _strata(tuning: ForestTuning, table: pd.DataFrame, outcome: Outcome) -> Any:  # noqa: ANN401
    if tuning.strata is None:
        return np.zeros(outcome.n, dtype=np.int64)
    check_columns(table, [tuning.strata])
    return read_groups(outcome, table[tuning.strata], "strata").codes


def _out_of_bag(fit: SurvivalForestFit, stratum: Any) -> float:  # noqa: ANN401
    """Give C of the out-of-bag index within strata, of the rows that have one."""
    seen = np.flatnonzero(np.isfinite(fit.oob_index))
    if not seen.size:
        return np.nan
    outcome = fit.outcome.take(seen)
    sets = build_risk_sets(outcome.time, outcome.died, outcome.entry, stratum[fit.rows[seen]])
    return harrell(fit.oob_index[seen], np.ones(seen.size), sets, outcome.died)
