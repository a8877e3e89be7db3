"""Internal validation: how well a specification would do in patients it has not seen.

Patients are drawn, never rows, within strata, and the whole specification is fitted anew to each draw: imputation,
standardisation, knots, cuts, penalties and tuning included. Two methods are chosen by what is validated, as in
:mod:`~survmodel.performance.validation_scores`. A fixed specification (a Cox model without selection, tuning or
data-derived cuts) is corrected for optimism. Anything that fits its patients more closely, a forest above all, is
scored only on patients outside the draws, by .632+, and beside it by repeated cross-validation. All specifications of
one call are scored on the same patients and the same draws; one that needs .632+ brings it to all.

Whole groups, such as scanners, are left out by :func:`~survmodel.performance.leave_group_out.leave_group_out`.

Measures are Harrell's C, the calibration slope, and at each horizon AUC, Brier score and IPA. Pairs, censoring curves
and null models are formed within strata; in a draw the censoring curve is that of the rows that were learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, EndpointError, FitError, SurvmodelError, closest, list_values
from survmodel.formatting import count_noun, format_significant
from survmodel.models.contract import Fit, Model
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.ordering import canonical_order
from survmodel.outcome.response import Outcome
from survmodel.performance.brier import marginal_risk
from survmodel.performance.out_of_fold import FOLDS, OutOfFold, predict_out_of_fold
from survmodel.performance.out_of_fold_scores import OutOfFoldScores, score_out_of_fold
from survmodel.performance.resampled_scores import (
    is_fixed,
    predict_at,
    score_apparent,
    score_draws_of,
    score_without_information,
)
from survmodel.performance.scoring import SLOPE, DrawScorer, Measure
from survmodel.performance.validation_result import Validation
from survmodel.performance.validation_scores import (
    MeasureScore,
    Scores,
    correct_by_632,
    correct_by_optimism,
    limit_by_error,
)
from survmodel.resampling import bootstrap_counts, read_units
from survmodel.result import join_warnings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["auto", "optimism", ".632+", "cross-validation"]
METHODS = ("auto", "optimism", ".632+", "cross-validation")

#: How often patients are dealt out to folds beside .632+, and where cross-validation is all there is.
BESIDE, ALONE = 2, 10


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """What every specification of a call is scored on.

    Attributes
    ----------
    place : ndarray of int64, shape (n,)
        Positions of the rows in the table, in the order in which they are drawn.
    table : pandas.DataFrame
        The rows.
    outcome : Outcome
        Their outcome.
    strata : Groups
        Their strata.
    known : ndarray of bool, shape (n, k)
        Rows for which every specification predicts a risk at each horizon.
    scorer : DrawScorer
        Of them.
    """

    place: Ints
    table: pd.DataFrame
    outcome: Outcome
    strata: Groups
    known: npt.NDArray[np.bool_]
    scorer: DrawScorer


def validate(  # noqa: PLR0913 - what is validated, how often, and how patients are drawn
    spec: Model | Mapping[str, Model],
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    method: Method = "auto",
    repeats: int = 1000,
    folds: int = FOLDS,
    fold_repeats: int | None = None,
    horizons: Sequence[float] = (),
    strata: object = None,
    seed: int = 0,
    n_jobs: int = 1,
    conf_level: float = 0.95,
) -> Validation:
    """Correct measures of specifications for having been fitted to the patients that they are scored on.

    Parameters
    ----------
    spec : Model, or mapping of str to Model
        What is fitted, whole, in each resample.
    table : pandas.DataFrame
        Columns of the specifications; rows are those of the outcome. Rows that lack a value for any of them are left
        out for all.
    outcome : Outcome
        Times and events of one kind.
    method : {"auto", "optimism", ".632+", "cross-validation"}
        "auto" takes the optimism bootstrap when every specification is fixed, else .632+.
    repeats : int
        Bootstrap samples.
    folds : int
        Folds of the cross-validation.
    fold_repeats : int, optional
        How often patients are dealt out to folds; without it twice beside .632+, ten times under cross-validation, and
        never beside the optimism method.
    horizons : sequence of float
        Times above 0, within the follow-up, for which ``out_of_fold`` holds risks, and at which AUC, Brier score and
        IPA are scored; at its very end they are not.
    strata : Series or array_like, shape (n,), optional
        Patients are drawn, and pairs formed, within strata.
    seed : int
        The same seed draws alike, whatever the number of workers and the order of rows.
    n_jobs : int
        Workers.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    Validation
        Corrected measures of each specification.

    Raises
    ------
    ConfigError
        For the optimism method and a specification that is not fixed.
    EndpointError
        For horizons outside the follow-up.
    FitError
        When a specification cannot be fitted, more than one in five resamples fail, or horizons are asked for with late
        entry.

    References
    ----------
    Harrell FE, Lee KL, Mark DB (1996). Stat Med 15:361-387. Efron B, Tibshirani R (1997). J Am Stat Assoc 92:548-560.
    Noma H et al. (2021). Stat Med 40:5691-5701.

    Examples
    --------
    >>> from survmodel import CoxPH
    >>> random = np.random.default_rng(5)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60), unit="years")
    >>> result = validate(CoxPH("x + z"), table, outcome, repeats=50)
    >>> result.tidy()[["measure", "sample"]].drop_duplicates().to_numpy().tolist()
    [['Harrell C', 'apparent'], ['Harrell C', 'optimism'], ['Harrell C', 'corrected'], \
['calibration slope', 'optimism'], ['calibration slope', 'corrected']]
    """
    specs = dict(spec) if isinstance(spec, Mapping) else {"model": spec}
    chosen = _choose_method(specs, method)
    dealt = fold_repeats if fold_repeats is not None else {"optimism": 0, ".632+": BESIDE}.get(chosen, ALONE)
    if chosen == "cross-validation" and dealt < 1:
        raise ConfigError(f"cross-validation with {dealt} repeats", remedy="give at least 1")
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    asked = _check_horizons(horizons, outcome)
    rows, fits = _prepare(specs, table, outcome, read_groups(outcome, strata, "strata"), asked)
    if chosen == "cross-validation":
        scores = {name: _apparent_only(fits[name], specs[name], rows) for name in specs}
    else:
        counts = bootstrap_counts(read_units(rows.outcome.n, rows.outcome.id, rows.strata.codes), repeats, seed)
        correct = _by_optimism if chosen == "optimism" else _by_632
        scores = {
            name: correct(one, fits[name], rows, counts, n_jobs=n_jobs, conf_level=conf_level)
            for name, one in specs.items()
        }
    unseen: dict[str, OutOfFold] = {}
    folded: dict[str, OutOfFoldScores] = {}
    if dealt:
        place = np.sort(rows.place)
        codes = rows.strata.codes[np.argsort(rows.place)]
        predict = partial(
            predict_out_of_fold, table=table.iloc[place], outcome=outcome.take(place), times=horizons, folds=folds,
            repeats=dealt, strata=codes, seed=seed, n_jobs=n_jobs, columns=variables_of(specs),
        )  # fmt: skip
        unseen = {name: predict(one) for name, one in specs.items()}
        folded = {name: score_out_of_fold(one, codes, tuple(asked.tolist())) for name, one in unseen.items()}
        scores = {name: _add_folds(one, folded[name], chosen, conf_level) for name, one in scores.items()}
    return Validation(
        scores=scores,
        method=chosen,
        n=rows.outcome.n,
        n_event=rows.outcome.n_event,
        n_strata=int(np.unique(rows.strata.codes).size),
        n_incomplete=outcome.n - rows.outcome.n,
        seed=seed,
        horizons=tuple(asked.tolist()),
        unit=outcome.unit or "",
        out_of_fold=unseen,
        out_of_fold_scores=folded,
        conf_level=conf_level,
        warnings=join_warnings(_warn(scores, outcome.unit or "")),
        notes=tuple(_note_unknown(rows, outcome.unit or "")),
        rows=tuple(np.sort(rows.place).tolist()),
    )


def variables_of(specs: Mapping[str, Model]) -> tuple[str, ...] | None:
    """Name the columns that specifications use; None where one of them may use any.

    Parameters
    ----------
    specs : mapping of str to Model
        Specifications.

    Returns
    -------
    tuple of str, or None
        Columns, each once.
    """
    named = [getattr(one, "variables", None) for one in specs.values()]
    if any(one is None for one in named):
        return None
    return tuple(dict.fromkeys(column for one in named for column in one or ()))


def _choose_method(specs: Mapping[str, Model], method: str) -> str:
    if method == "leave-one-group-out":
        remedy = "call sm.leave_group_out(spec, table, outcome, groups): it scores each group by itself"
        raise ConfigError("leaving groups out has a function of its own", remedy=remedy)
    if method not in METHODS:
        raise ConfigError(f"method {method!r} is not known", remedy=closest(str(method), METHODS))
    loose = [name for name, one in specs.items() if not is_fixed(one)]
    if method == "optimism" and loose:
        raise ConfigError(
            f"the optimism bootstrap is not honest for {loose[0]}",
            "what fits its patients closely keeps most of its optimism under it",
            'use method=".632+", which scores patients outside the resample only',
        )
    return method if method != "auto" else (".632+" if loose else "optimism")


def _check_horizons(horizons: Sequence[float], outcome: Outcome) -> Floats:
    asked = np.unique(check_times(np.asarray(horizons, dtype=np.float64)))
    last = float(outcome.time.max())
    if asked.size and not (asked[0] > 0 and asked[-1] <= last):
        raise EndpointError(
            "a horizon is not within the follow-up", remedy=f"choose times above 0 and up to {format_significant(last)}"
        )
    # at the end itself nobody is left of whom it is known that the event came later
    return asked[asked < last]


def _prepare(
    specs: Mapping[str, Model], table: pd.DataFrame, outcome: Outcome, layers: Groups, horizons: Floats
) -> tuple[_Rows, dict[str, Fit]]:
    """Find the rows that every specification can use, in the order in which they are drawn, and fit to them."""
    named = variables_of(specs)
    shown = table if named is None else table[[name for name in named if name in table]]
    place = canonical_order(shown, outcome, layers.codes)
    used, analysed = table.iloc[place], outcome.take(place)
    try:
        fits = {name: one.fit(used, analysed) for name, one in specs.items()}
    except SurvmodelError:
        # a refusal names rows as the caller counts them
        for one in specs.values():
            one.fit(table, outcome)
        raise
    kept = np.ones(outcome.n, dtype=bool)
    for fit in fits.values():
        kept &= np.isin(np.arange(outcome.n), fit.rows)
    if not kept.all():
        place = place[kept]
        used, analysed = table.iloc[place], outcome.take(place)
        fits = {name: one.fit(used, analysed) for name, one in specs.items()}
    strata = Groups(layers.codes[place], layers.labels)
    known = np.ones((place.size, horizons.size), dtype=bool)
    for fit in fits.values():
        known &= np.isfinite(predict_at(fit, used, horizons))
    empty = np.flatnonzero(~known.any(axis=0))
    if empty.size:
        raise FitError(
            f"nobody has a predicted risk at {format_significant(horizons[empty[0]])}", remedy="choose an earlier time"
        )
    return _Rows(place, used, analysed, strata, known, DrawScorer.of(analysed, strata.codes, horizons, known)), fits


def _apparent_only(fit: Fit, spec: Model, rows: _Rows) -> Scores:
    apparent = score_apparent(fit, rows.table, rows.scorer)
    nothing = np.empty((0, apparent.size))
    return Scores(correct_by_632(rows.scorer.measures, apparent, nothing, {}), is_fixed(spec), 0, 0)


def _by_optimism(spec: Model, fit: Fit, rows: _Rows, counts: Ints, *, n_jobs: int, conf_level: float) -> Scores:
    drawn = score_draws_of(spec, fit, rows.table, rows.outcome, counts, rows.scorer, outside=False, n_jobs=n_jobs)
    apparent = score_apparent(fit, rows.table, rows.scorer)
    measures = correct_by_optimism(rows.scorer.measures, apparent, drawn.inside, drawn.tested, conf_level)
    done = drawn.replicates
    return Scores(measures, is_fixed(spec), done.asked, len(done.done), done.failures)


def _by_632(spec: Model, fit: Fit, rows: _Rows, counts: Ints, *, n_jobs: int, conf_level: float) -> Scores:  # noqa: ARG001 - limits come from the folds
    drawn = score_draws_of(spec, fit, rows.table, rows.outcome, counts, rows.scorer, outside=True, n_jobs=n_jobs)
    apparent = score_apparent(fit, rows.table, rows.scorer)
    times = rows.scorer.times
    risks = (predict_at(fit, rows.table, times), marginal_risk(rows.outcome, times, rows.strata))
    blind = score_without_information(rows.outcome, rows.strata, risks, rows.scorer, rows.known)
    measures = correct_by_632(rows.scorer.measures, apparent, drawn.tested, blind)
    done = drawn.replicates
    return Scores(measures, is_fixed(spec), done.asked, len(done.done), done.failures)


def _add_folds(scores: Scores, folded: OutOfFoldScores, method: str, conf_level: float) -> Scores:
    """Put the cross-validated values beside the corrected ones, or in their place."""
    found: dict[Measure, MeasureScore] = {}
    for measure, one in scores.measures.items():
        value, error = folded.values[measure], folded.error(measure)
        shown = replace(one, cross_validated=value, std_error=error)
        if method != "optimism" and measure.name != SLOPE:
            corrected = value if method == "cross-validation" else one.corrected
            low, high = limit_by_error(corrected, error, measure.name, conf_level)
            shown = replace(shown, corrected=corrected, conf_low=low, conf_high=high)
        found[measure] = shown
    return replace(scores, measures=found)


def _warn(scores: Mapping[str, Scores], unit: str) -> list[str]:
    told = []
    for name, one in scores.items():
        if one.failures:
            most = one.failures[0][0]
            told.append(f"{name}: {one.asked - one.used} of {one.asked} resamples failed, most often: {most}")
        # one sentence for the measures of a time that the same resamples lack
        lacking: dict[tuple[float | None, int], list[str]] = {}
        for found in one.measures.values():
            lost = one.used - found.used
            if lost > 0 and found.by_resample.size:
                lacking.setdefault((found.measure.horizon, lost), []).append(found.measure.name)
        for (at, lost), measures in lacking.items():
            when = "" if at is None else f" at {format_significant(at)} {unit}".rstrip()
            told.append(f"{name}: {lost} of {one.used} resamples have no {list_values(measures)}{when}")
        bare = [found.measure.name for found in one.measures.values() if _is_bare(found)]
        if bare:
            why = "the resamples do not reach down to the corrected value; too many columns for so few events"
            told.append(f"{name}: no limits of {list_values(list(dict.fromkeys(bare)))}: {why}")
    return told


def _is_bare(found: MeasureScore) -> bool:
    """Tell whether the limits of the optimism method were refused."""
    drawn = found.by_resample.size > 0 and found.used > 0 and found.measure.name != SLOPE
    return drawn and bool(np.isfinite(found.optimism) and np.isfinite(found.corrected) and np.isnan(found.conf_low))


def _note_unknown(rows: _Rows, unit: str) -> list[str]:
    """Say who is not scored at a horizon."""
    left = (~rows.known).sum(axis=0)
    return [
        f"{count_noun(int(count), 'patient')} without a predicted risk at {format_significant(time)} {unit}".rstrip()
        + " left out there: nobody of the stratum was followed so long"
        for time, count in zip(rows.scorer.times, left, strict=True)
        if count
    ]
