"""Compile every kernel once, by using each on a tiny cohort, so that no analysis waits for the compiler."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.kernels import (
    aalen_johansen,
    concordance,
    cox,
    cutpoint_scan,
    draw_scores,
    exact_ties,
    firth,
    forest_draws,
    forest_reading,
    forest_shuffling,
    forest_trees,
    gray,
    imputation,
    kaplan_meier,
    logrank,
    pair_probabilities,
    random_words,
    refits,
    remove_old_caches,
    weighted_pairs,
)
from survmodel.kernels.risk_sets import build_risk_sets

Floats = npt.NDArray[np.float64]


def warm_up() -> None:
    """Compile all kernels into the cache and remove what earlier sources left there."""
    remove_old_caches()
    time = np.array([1.0, 2.0, 2.0, 3.0, 4.0])
    event = np.array([True, True, False, True, False])
    entry = np.zeros(5)
    ones = np.ones(5)
    sets = build_risk_sets(time, event, entry, np.zeros(5, dtype=np.int64))
    curve = kaplan_meier.product_limit(time, event, ones, entry, ones)
    kaplan_meier.jackknife_variance(curve, time, event, ones, entry)
    places = np.searchsorted(curve.time, time).astype(np.int64)
    aalen_johansen.aalen_johansen(
        curve.n_risk, curve.n_event, curve.survival, curve.n_event, places, places - places - 1, event, event,
        np.arange(5, dtype=np.int64),
    )  # fmt: skip
    logrank.logrank_sums(np.array([0, 1, 0, 1, 0]), 2, sets, logrank.FLEMING_HARRINGTON, 0.0, 0.0)
    logrank.permuted_sums(np.array([[0, 1, 0, 1, 0]]), 2, sets, logrank.FLEMING_HARRINGTON, 0.0, 0.0)
    halves = np.array([0, 1, 0, 1, 0])
    gray.gray_sums(time, event.astype(np.int64), halves, np.array([0, 5]), 2, 0.0)
    concordance.concordance_pairs(np.arange(5), ones, event.astype(float), sets)
    column = np.ones((5, 1))
    weighted_pairs.weigh_pairs(
        np.arange(5)[:, np.newaxis], column, np.zeros(5, dtype=np.int64), column, column, column.copy(), column.copy()
    )
    pair_probabilities.sum_pair_probabilities(time, np.array([0, 5]), ones.copy())
    features = np.array([[0.1, 0.5, -0.2, 0.3, -0.7]])
    cox.maximise(features, 0 * ones, ones, ones, np.zeros(1), sets, True, np.zeros(1), 5, 1e-9, 1e-12, 0.0)
    exact_ties.exact_likelihood(np.ascontiguousarray(features.T), ones, sets, np.zeros(1), np.zeros((1, 1)))
    firth.maximise_firth(
        features, 0 * ones, ones, ones, sets, True, np.zeros(1), np.ones(1, dtype=bool), True, 5, 1e-9, 1e-12
    )
    sums = np.zeros((5, sets.time.size))
    shift = np.zeros(1)
    cox.linear_predictor(features, np.zeros(1), 0 * ones, ones)
    cox.relative_risk(0 * ones, ones, sets, ones.copy(), shift)
    cox.step_sums(0 * ones, ones, shift, ones, ones, sets, True, sums)
    hazard, died = np.zeros(5), np.zeros(5)
    cox.lived_hazard(sums, np.ones(sets.time.size), sets, hazard, died)
    cox.score_and_information(
        features, ones, ones, sums, np.ones(sets.time.size), hazard, died, sets, np.zeros(1), np.zeros((1, 1))
    )
    cox.risk_set_sums(features, ones, sets)
    _warm_up_cuts()
    _warm_up_resampling(features)
    _warm_up_forest()
    _warm_up_imputation()


def _warm_up_resampling(features: Floats) -> None:
    """Draw, refit and score two resamples of five rows."""
    time, event = np.arange(1.0, 6.0), np.array([True, True, False, True, False])
    sets, ones, zeros = build_risk_sets(time, event), np.ones((2, 5)), np.zeros(5)
    words, place = np.array([1, 2], dtype=np.uint64), np.arange(5, dtype=np.int64)
    random_words.draw_units(words, np.array([0, 5]), place, place, np.empty(5, dtype=np.int64), ones.astype(np.int64))
    refits.refit_many(
        features, zeros, ones, np.zeros(1), sets, True, np.zeros(1), features, time, np.ones(1), 5, 1e-9, 1e-12,
        5.0, 1e-6, np.zeros(1),
    )  # fmt: skip
    draw_scores.score_draws(
        ones * time, np.zeros((2, 1, 5)), ones, ones[np.newaxis], time, event, sets, np.empty((2, 0), dtype=np.int64),
        place, np.ones((1, 5), dtype=bool), np.array([2.5]), np.array([[2]]), 5.0,
    )  # fmt: skip


def _warm_up_cuts() -> None:
    """Scan, draw and permute the cuts of four rows."""
    event, place, bounds = np.array([True, False, True, True]), np.arange(4, dtype=np.int64), np.array([0, 4])
    ones, ends, layer = np.ones(4), place < 3, np.zeros(4, dtype=np.int64)
    scores, profile, variance, by_layer = np.empty(4), np.empty(4), np.empty(4), np.empty((3, 1))
    cutpoint_scan.score_rows(event, place + 1, bounds, ones, scores, by_layer[0], by_layer[1])
    cutpoint_scan.scan_cuts(
        scores, by_layer[0], by_layer[1], event, layer, ones, place, ends, 0.1, 0.0, by_layer[2], profile, variance
    )
    cutpoint_scan.scan_draws(
        event, place + 1, layer, bounds, np.ones((2, 4)), place, ends, 0.1, 0.0, np.empty((3, 4)), by_layer,
        np.empty(2, dtype=np.int64), np.empty(2),
    )  # fmt: skip
    words, drawn = np.array([1, 2], dtype=np.uint64), np.empty((2, 1))
    cutpoint_scan.permute_maxima(
        words, scores, bounds, place[np.newaxis], ones[np.newaxis], np.zeros(1, dtype=np.int64), profile, drawn,
        drawn.copy(),
    )  # fmt: skip
    cutpoint_scan.permute_sums(words, scores, bounds, ones[np.newaxis], profile, drawn)


def _warm_up_forest() -> None:
    """Grow a tree of five rows and read it in every way."""
    levels, halves = np.arange(5.0), np.array([False])
    data = forest_trees.GrowingRows(
        codes=np.arange(5, dtype=np.uint16)[np.newaxis],
        lowest=levels,
        highest=levels,
        begin=np.zeros(1, dtype=np.int64),
        unordered=halves,
        place=np.arange(5, dtype=np.int32),
        event=np.ones(5),
        times_left=levels[::-1] + 1,
    )
    rules = forest_trees.GrowthRules(1, 1, 0, 5, 0, 5, True)
    states, nobody = np.array([1], dtype=np.uint64), np.empty(0)
    trees = forest_trees.grow_trees(states, data, rules, nobody, 9, 5)
    drawn = forest_draws.draw_all(states, 5, True, nobody, 5)
    values, sums = np.ascontiguousarray(levels[:, np.newaxis]), np.zeros((5, 1))
    leaves = forest_reading.find_leaves(trees, values, halves, drawn)
    forest_reading.sum_mortality(trees, leaves, np.zeros(5), np.zeros(5))
    forest_reading.sum_curves(trees, leaves, np.zeros(1, dtype=np.int64), sums, sums.copy(), np.zeros(5))
    forest_shuffling.sum_shuffled(
        trees, states, values, halves, drawn, np.zeros(1, dtype=np.int64), states, np.zeros((1, 5))
    )


def _warm_up_imputation() -> None:
    """Impute a number, two levels and ordered levels in twelve rows, and complete one row by what was learnt."""
    n = 12
    state = np.column_stack([np.arange(n, dtype=np.float64), np.arange(n) % 2, np.arange(n) % 3]).astype(np.float64)
    design = np.column_stack([state, np.zeros(n)])
    every, no_levels = np.arange(n, dtype=np.int64), np.empty(0, dtype=np.int64)
    coding = imputation.Coding(np.array([0, 1, 2]), np.array([0, 2, 3]), np.zeros(3), np.ones(3))
    equations = imputation.Equations(
        kind=np.array([imputation.NUMBER, imputation.LEVELS, imputation.ORDERED]),
        target=np.array([0, 1, 2]),
        rows=np.concatenate([every, every, every]),
        row_bounds=np.array([0, n, 2 * n, 3 * n]),
        holes=np.array([0, 1, 2]),
        hole_bounds=np.array([0, 1, 2, 3]),
        predictors=np.array([1, 0, 0]),
        predictor_bounds=np.array([0, 1, 2, 3]),
        levels=np.concatenate([no_levels, [0, 1], [0, 1, 2]]).astype(np.int64),
        level_bounds=np.array([0, 0, 2, 5]),
        parameter_bounds=np.array([0, 2, 4, 7]),
        shift=np.zeros(3),
    )
    learnt = imputation.Learnt(
        np.array([0.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0]), np.zeros(7), np.zeros(3 * n), np.zeros(3 * n)
    )
    normals, halves = np.zeros((1, 7)), np.full((1, 3 * n), 0.5)
    imputation.run_cycles(
        state, design, coding, equations, normals, np.full((1, 3), 9.0), halves, np.full((1, 3), 0.5), 5, learnt,
        np.empty((1, 3)),
    )  # fmt: skip
    imputation.complete_new(
        state[:1].copy(), design[:1].copy(), coding, equations, learnt, 5, np.array([[0, 1, 2]]),
        np.array([[True, False, False]]), np.full((1, 2, 3), 0.5),
    )  # fmt: skip
