r"""Internal validation: how well a specification would do in patients it has not seen.

Two methods, chosen by what is validated. A fixed specification (a Cox model without selection, tuning or data-derived
cuts) is corrected for *optimism* (Harrell, Lee and Mark 1996): in each bootstrap sample the model is fitted anew and
scored in the sample and in the original patients, and the mean difference is taken off the apparent C. Anything that
fits its patients more closely, a forest above all, is scored only on patients outside the sample. The mean of these
scores, :math:`C_1`, is too low, since a sample holds 63 % of the patients, and ".632+" mends that (Efron and
Tibshirani 1997), with :math:`\gamma = 1/2` for no information:

.. math::
    C_{.632+} = (1 - w)\,C_{app} + w\,C_1', \quad w = \frac{.632}{1 - .368 R}, \quad
    R = \frac{C_{app} - C_1'}{C_{app} - \gamma}, \quad C_1' = \max(C_1, \gamma),

R being 0 where :math:`C_1'` is not below the apparent one. Beside it stands C of repeated 10-fold cross-validation, of
the indices that models without a patient's fold give. Patients are drawn, never rows, within strata; pairs are
formed within the same strata. All specifications of one call are scored on the same patients and the same draws; one
that needs .632+ brings it to all.

Limits of a corrected C are those of the bootstrap distribution moved by the optimism (Noma et al. 2021); .632+ has none
here. Below 120 patients they are descriptive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun, format_estimate, format_number
from survmodel.models.contract import FixedModel, Model, Resampler
from survmodel.models.row_resampling import RowResampler
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.groups import read_groups
from survmodel.outcome.ordering import canonical_order
from survmodel.outcome.response import Outcome
from survmodel.performance.out_of_fold import FOLDS, OutOfFold, predict_out_of_fold
from survmodel.performance.scoring import ConcordanceScorer
from survmodel.resampling import Replicates, bootstrap_counts, count_rows, read_units, run_replicates
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Method = Literal["auto", "optimism", ".632+"]
METHODS = ("auto", "optimism", ".632+")

#: Below so many patients limits of a corrected C are descriptive.
ENOUGH_FOR_LIMITS = 120
#: C of an index that knows nothing.
NO_INFORMATION = 0.5
MEASURE = "Harrell C"
#: How often patients are dealt out to folds beside .632+.
CROSS_VALIDATIONS = 2


@dataclass(frozen=True, slots=True)
class Scores:
    """C of one specification.

    Attributes
    ----------
    apparent : float
        On the patients it was fitted to.
    optimism : float
        Mean difference between bootstrap sample and original patients; NaN under .632+.
    outside : float
        Mean C of patients outside the samples; NaN under the optimism method.
    corrected : float
        What is to be expected in other patients.
    cross_validated : float
        Mean C of the out-of-fold indices of each repeat; NaN where none were asked for.
    conf_low, conf_high : float
        Limits of the corrected C; NaN under .632+.
    shows_apparent : bool
        Whether the apparent C means anything; that of a forest does not.
    asked, used : int
        Resamples.
    failures : tuple of (str, int)
        Why resamples failed.
    outside_by_resample : tuple of float
        C of patients outside each sample, in the order of the draws; NaN where it failed, empty under the optimism
        method. Specifications of one call share the draws.
    """

    apparent: float
    optimism: float
    outside: float
    corrected: float
    cross_validated: float
    conf_low: float
    conf_high: float
    shows_apparent: bool
    asked: int
    used: int
    failures: tuple[tuple[str, int], ...] = ()
    outside_by_resample: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Validation(Result):
    """Internal validation of one or more specifications.

    Attributes
    ----------
    scores : mapping of str to Scores
        By name of the specification.
    method : {"optimism", ".632+"}
        How they were corrected.
    n, n_event, n_strata : int
        Patients scored, events, strata.
    n_incomplete : int
        Rows left out because a specification lacks a value of theirs.
    seed : int
        Of the draws.
    out_of_fold : mapping of str to OutOfFold
        What models said of patients they had not seen, by name of the specification; empty where not asked for.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    rows : tuple of int
        Positions of the scored rows in the table, ascending; those of ``out_of_fold`` too.
    """

    scores: Mapping[str, Scores]
    method: str
    n: int
    n_event: int
    n_strata: int
    n_incomplete: int
    seed: int
    out_of_fold: Mapping[str, OutOfFold] = field(default_factory=dict)
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give apparent, optimism and corrected C, or C outside the samples and corrected C, of each specification.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, sample ("apparent", "optimism", "test", "cross-validated", "corrected"), estimate,
            conf_low, conf_high.
        """
        rows = []
        for name, one in self.scores.items():
            parts = [("apparent", one.apparent)] if one.shows_apparent else []
            parts += [("optimism", one.optimism)] if self.method == "optimism" else [("test", one.outside)]
            parts += [("cross-validated", one.cross_validated)] if np.isfinite(one.cross_validated) else []
            rows += [(name, MEASURE, sample, value, np.nan, np.nan) for sample, value in parts]
            rows.append((name, MEASURE, "corrected", one.corrected, one.conf_low, one.conf_high))
        return pd.DataFrame(rows, columns=["model", "measure", "sample", "estimate", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row; `used` is the least of all specifications.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "n_missing": self.n_incomplete,
            "method": self.method,
            "asked": max(one.asked for one in self.scores.values()),
            "used": min(one.used for one in self.scores.values()),
            "seed": self.seed,
            "conf_level": self.conf_level,
            "conventions": "patients drawn within strata, pairs within strata; whole specification refitted",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for name, one in self.scores.items():
            limits = format_estimate(one.corrected, one.conf_low, one.conf_high, 3)
            shown = limits if np.isfinite(one.conf_low) else format_number(one.corrected, 3)
            apparent = format_number(one.apparent, 3) if one.shows_apparent else "not shown"
            rows.append([name, apparent, shown, f"{one.used} of {one.asked}"])
        table = Table(["model", "apparent C", "corrected C", "resamples used"], rows)
        title = f"Internal validation by {self.method}: {count_noun(self.n, 'patient')}, {self.n_event} events"
        notes = [f"Harrell's C within {count_noun(self.n_strata, 'stratum', 'strata')}"]
        if self.n < ENOUGH_FOR_LIMITS and self.method == "optimism":
            notes.append(f"limits are descriptive below {ENOUGH_FOR_LIMITS} patients")
        if self.n_incomplete:
            notes.append(f"{count_noun(self.n_incomplete, 'row')} with missing values left out of all models")
        return Display(title, (table,), tuple(notes))


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
    """Correct Harrell's C of specifications for having been fitted to the patients that they are scored on.

    Parameters
    ----------
    spec : Model, or mapping of str to Model
        What is fitted, whole, in each resample.
    table : pandas.DataFrame
        Columns of the specifications; rows are those of the outcome. Rows that lack a value for any of them are left
        out for all.
    outcome : Outcome
        Times and events of one kind.
    method : {"auto", "optimism", ".632+"}
        "auto" takes the optimism bootstrap when every specification is fixed, else .632+.
    repeats : int
        Bootstrap samples.
    folds : int
        Folds of the cross-validation.
    fold_repeats : int, optional
        How often patients are dealt out to folds; without it twice beside .632+, and never beside the optimism method.
    horizons : sequence of float
        Times at which ``out_of_fold`` holds risks too.
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
        Corrected C of each specification.

    Raises
    ------
    ConfigError
        For the optimism method and a specification that is not fixed.
    FitError
        When a specification cannot be fitted, or more than one in five resamples fail.

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
    >>> result.tidy()["sample"].tolist(), result.method
    (['apparent', 'optimism', 'corrected'], 'optimism')
    """
    specs = dict(spec) if isinstance(spec, Mapping) else {"model": spec}
    chosen = _choose_method(specs, method)
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    layers = read_groups(outcome, strata, "strata")
    rows = _complete_rows(specs, table, outcome)
    rows = rows[canonical_order(table.iloc[rows], outcome.take(rows), layers.codes[rows])]
    used, analysed, stratum = table.iloc[rows], outcome.take(rows), layers.codes[rows]
    counts = bootstrap_counts(read_units(analysed.n, analysed.id, stratum), repeats, seed)
    scorer = ConcordanceScorer.of(analysed, stratum)
    scores = {
        name: (_by_optimism if chosen == "optimism" else _by_632)(
            one, used, analysed, counts, scorer, n_jobs, conf_level
        )
        for name, one in specs.items()
    }
    unseen: dict[str, OutOfFold] = {}
    dealt = fold_repeats if fold_repeats is not None else (CROSS_VALIDATIONS if chosen == ".632+" else 0)
    if dealt:
        place = np.sort(rows)
        predict = partial(
            predict_out_of_fold, table=table.iloc[place], outcome=outcome.take(place), times=horizons, folds=folds,
            repeats=dealt, strata=layers.codes[place], seed=seed, n_jobs=n_jobs,
        )  # fmt: skip
        unseen = {name: predict(one) for name, one in specs.items()}
        cross_validated = {name: _cross_validated(one, layers.codes[place]) for name, one in unseen.items()}
        scores = {name: replace(one, cross_validated=cross_validated[name]) for name, one in scores.items()}
    warnings = [
        f"{name}: {one.asked - one.used} of {one.asked} resamples failed, most often: {one.failures[0][0]}"
        for name, one in scores.items()
        if one.failures
    ]
    return Validation(
        scores=scores,
        method=chosen,
        n=analysed.n,
        n_event=analysed.n_event,
        n_strata=int(np.unique(stratum).size),
        n_incomplete=outcome.n - analysed.n,
        seed=seed,
        out_of_fold=unseen,
        conf_level=conf_level,
        warnings=join_warnings(warnings),
        rows=tuple(np.sort(rows).tolist()),
    )


def _cross_validated(unseen: OutOfFold, stratum: Ints) -> float:
    """Average C of the out-of-fold indices over the repeats."""
    scorer = ConcordanceScorer.of(unseen.outcome, stratum)
    found = []
    for index in unseen.index_by_repeat:
        known = np.isfinite(index)
        found.append(scorer.score(np.where(known, index, 0.0), known))
    return float(np.mean(found))


def _is_fixed(spec: Model) -> bool:
    """Whether nothing is selected or tuned: a Cox model is fixed unless its penalty selects columns."""
    return isinstance(spec, FixedModel) and not getattr(spec, "is_tuned", False)


def _choose_method(specs: Mapping[str, Model], method: str) -> str:
    if method not in METHODS:
        raise ConfigError(f"method {method!r} is not known", remedy=closest(str(method), METHODS))
    loose = [name for name, one in specs.items() if not _is_fixed(one)]
    if method == "optimism" and loose:
        raise ConfigError(
            f"the optimism bootstrap is not honest for {loose[0]}",
            "what fits its patients closely keeps most of its optimism under it",
            'use method=".632+", which scores patients outside the resample only',
        )
    return method if method != "auto" else (".632+" if loose else "optimism")


def _complete_rows(specs: Mapping[str, Model], table: pd.DataFrame, outcome: Outcome) -> Ints:
    """Find the rows that every specification can use."""
    kept = np.ones(outcome.n, dtype=bool)
    for one in specs.values():
        inside = np.zeros(outcome.n, dtype=bool)
        inside[one.fit(table, outcome).rows] = True
        kept &= inside
    return np.flatnonzero(kept)


def _by_optimism(
    spec: Model,
    table: pd.DataFrame,
    outcome: Outcome,
    counts: Ints,
    scorer: ConcordanceScorer,
    n_jobs: int,
    conf_level: float,
) -> Scores:
    if not isinstance(spec, FixedModel) or not _is_fixed(spec):
        raise ConfigError("the optimism bootstrap needs a fixed model")
    resampler = spec.resampler(table, outcome) or RowResampler(spec, table, outcome)
    apparent = scorer.score(resampler.index(np.ones(outcome.n, dtype=np.int64)))
    replicates: Replicates[tuple[float, float]] = run_replicates(
        partial(_optimism, resampler, scorer), counts, n_jobs=n_jobs
    )
    replicates.refuse_many_failures("optimism of C")
    inside, original = np.array(replicates.done).T
    optimism = float((inside - original).mean())
    tail = (1 - conf_level) / 2
    low, high = np.quantile(inside, [tail, 1 - tail]) - optimism
    return Scores(
        apparent=apparent,
        optimism=optimism,
        outside=np.nan,
        corrected=apparent - optimism,
        cross_validated=np.nan,
        conf_low=max(float(low), 0.0),
        conf_high=min(float(high), 1.0),
        shows_apparent=True,
        asked=replicates.asked,
        used=len(replicates.done),
        failures=replicates.failures,
    )


def _optimism(resampler: Resampler, scorer: ConcordanceScorer, counts: Ints) -> tuple[float, float]:
    """Refit on a bootstrap sample; C in the sample and in the original patients."""
    index = resampler.index(counts)
    return scorer.score(index, counts), scorer.score(index)


def _by_632(
    spec: Model,
    table: pd.DataFrame,
    outcome: Outcome,
    counts: Ints,
    scorer: ConcordanceScorer,
    n_jobs: int,
    conf_level: float,  # noqa: ARG001 - .632+ has no limits here
) -> Scores:
    apparent = scorer.score(spec.fit(table, outcome).prognostic_index(table))
    replicates: Replicates[float] = run_replicates(
        partial(_outside, spec, table, outcome, scorer), counts, n_jobs=n_jobs
    )
    replicates.refuse_many_failures("C of patients outside the resample")
    outside = float(np.mean(replicates.done))
    return Scores(
        apparent=apparent,
        optimism=np.nan,
        outside=outside,
        corrected=weigh_632(apparent, outside),
        cross_validated=np.nan,
        conf_low=np.nan,
        conf_high=np.nan,
        shows_apparent=_is_fixed(spec),
        asked=replicates.asked,
        used=len(replicates.done),
        failures=replicates.failures,
        outside_by_resample=tuple(np.nan if value is None else value for value in replicates.values),
    )


def _outside(spec: Model, table: pd.DataFrame, outcome: Outcome, scorer: ConcordanceScorer, counts: Ints) -> float:
    """Refit on a bootstrap sample; C of the patients outside it."""
    drawn = count_rows(counts)
    fit = spec.fit(table.iloc[drawn], outcome.take(drawn))
    left = np.flatnonzero(counts == 0)
    index = np.zeros(outcome.n)
    index[left] = fit.prognostic_index(table.iloc[left])
    return scorer.score(index, counts == 0)


def weigh_632(apparent: float, outside: float) -> float:
    """Weigh the apparent C against that of patients outside the resamples: the .632+ estimate.

    Parameters
    ----------
    apparent : float
        C of the patients that the model was fitted to.
    outside : float
        Mean C of the patients outside the resamples.

    Returns
    -------
    float
        .632+ estimate of C; never below 1/2 on the account of those outside.

    Examples
    --------
    >>> round(weigh_632(0.9, 0.5), 3), round(weigh_632(0.7, 0.7), 3)
    (0.5, 0.7)
    """
    floor = max(outside, NO_INFORMATION)
    overfit = (apparent - floor) / (apparent - NO_INFORMATION) if apparent > floor else 0.0
    weight = 0.632 / (1 - 0.368 * overfit)
    return (1 - weight) * apparent + weight * floor
