"""Whether a forest says more than a Cox model of the same columns, on patients that neither has seen.

Both are fitted to the same bootstrap samples and scored on the same patients outside them, and both predict the same
folds of a cross-validation. Three numbers and no test come of it:

- the mean difference of C in patients outside the samples, forest less Cox, with the middle of its values over the
  samples (2.5th to 97.5th percentile). That tells how much the difference depends on who is drawn; it is no confidence
  interval;
- the difference of cross-validated C, with limits from the paired influences of the patients, the fitted models being
  taken as given;
- the difference of the .632+ estimates.

The forest *adds nothing* where its C outside the samples is not larger by more than :data:`SMALLEST_GAIN` than that of
the Cox model, or than 1/2: models of pure noise have C below 1/2 in patients whom they have not seen, the Cox model
more so, and to be less wrong than it is no gain. It *ranks better* where it is larger, and the limits of the
cross-validated difference lie above 0, and those of its own cross-validated C above 1/2. Between the two it is *not
settled*. Of cohorts of 120 without any effect 2 in 40 are said to rank better.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, SurvmodelError
from survmodel.formatting import count_noun, format_interval, format_number
from survmodel.models.contract import Model
from survmodel.models.cox import CoxPH
from survmodel.models.survival_forest import RandomSurvivalForest
from survmodel.naming import percent_level
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.performance.out_of_fold import FOLDS
from survmodel.performance.scoring import HARRELL, Measure
from survmodel.performance.validation import validate
from survmodel.performance.validation_result import ENOUGH_FOR_LIMITS, Validation
from survmodel.performance.validation_scores import NO_INFORMATION
from survmodel.result import Display, Result
from survmodel.table import Table

#: C by which a forest must rank patients better to be worth its trees.
SMALLEST_GAIN = 0.01
FOREST, COX = "forest", "cox"


@dataclass(frozen=True, slots=True)
class Difference:
    """A C of the forest, of the Cox model, and their difference; limits NaN where there are none.

    Attributes
    ----------
    sample : str
        "test" (outside the resamples), "cross-validated" or "corrected" (.632+).
    forest, cox, estimate : float
        C of each, and forest less Cox.
    conf_low, conf_high : float
        Percentiles over resamples for "test", which only describe; paired limits for "cross-validated".
    forest_low : float
        Lower limit of the forest's own C, for "cross-validated".
    """

    sample: str
    forest: float
    cox: float
    estimate: float
    conf_low: float = np.nan
    conf_high: float = np.nan
    forest_low: float = np.nan


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ForestAgainstCox(Result):
    """A forest beside a Cox model of the same columns.

    Attributes
    ----------
    validation : Validation
        Of "forest", and of "cox" where it could be fitted, on shared draws and folds.
    differences : tuple of Difference
        Outside the resamples, cross-validated, .632+; empty without a Cox model.
    answer : str
        "adds nothing", "ranks better", "not settled" or "no Cox model".
    sentence : str
        The answer in words, with its numbers.
    cox_formula : str
        Formula of the Cox model.
    reason : str
        Why there is no Cox model, "" where there is one.
    conf_level : float
        Coverage of limits and percentiles.
    warnings : tuple of str
        What the reader must know.
    """

    validation: Validation
    differences: tuple[Difference, ...]
    answer: str
    sentence: str
    cox_formula: str
    reason: str = ""
    conf_level: float = 0.95
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give C of both models and its difference, a row each.

        Returns
        -------
        pandas.DataFrame
            Columns model ("forest", "cox", "difference"), measure, sample, estimate, conf_low, conf_high.
        """
        rows: list[list[object]] = []
        for one in self.differences:
            rows += [["forest", "Harrell C", one.sample, one.forest, np.nan, np.nan]]
            rows += [["cox", "Harrell C", one.sample, one.cox, np.nan, np.nan]]
            rows += [["difference", "Harrell C", one.sample, one.estimate, one.conf_low, one.conf_high]]
        return pd.DataFrame(rows, columns=["model", "measure", "sample", "estimate", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Give the answer, counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        text = (
            "forest less Cox, same resamples, same folds; limits outside the resamples are percentiles over them and "
        )
        text += f"describe; adds nothing: C outside not above Cox or 1/2 by more than {SMALLEST_GAIN:g}"
        row = {
            **self.validation.glance().iloc[0].to_dict(),
            "answer": self.answer,
            "sentence": self.sentence,
            "conf_level": self.conf_level,
            "conventions": text,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        names = {"test": "outside the resamples", "cross-validated": "cross-validated", "corrected": ".632+"}
        rows = [
            [
                names[one.sample],
                *(format_number(value, 3) for value in (one.forest, one.cox, one.estimate)),
                format_interval(one.conf_low, one.conf_high, 3),
            ]
            for one in self.differences
        ]
        header = ["C", "forest", "Cox", "difference", f"{percent_level(self.conf_level)} limits"]
        tables = (Table(header, rows),) if rows else ()
        middle = f"outside the resamples: the middle {100 * self.conf_level:g}% of the resamples, which only describes"
        notes = [f"Cox model: {self.cox_formula}", middle] if rows else []
        if rows and self.validation.n < ENOUGH_FOR_LIMITS:
            notes.append(f"limits are descriptive below {ENOUGH_FOR_LIMITS} patients")
        return Display(self.sentence, tables, tuple(notes))


def compare_with_cox(  # noqa: PLR0913 - what is compared, and how it is validated
    forest: RandomSurvivalForest,
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    cox: Model | None = None,
    strata: object = None,
    repeats: int = 100,
    folds: int = FOLDS,
    fold_repeats: int | None = None,
    horizons: tuple[float, ...] | list[float] = (),
    seed: int = 0,
    n_jobs: int = 1,
    conf_level: float = 0.95,
) -> ForestAgainstCox:
    """Score a forest and a Cox model of the same columns on the same patients, whom neither has seen.

    Parameters
    ----------
    forest : RandomSurvivalForest
        The forest; one with a tuning chooses anew in each resample.
    table : pandas.DataFrame
        Columns of both; rows are those of the outcome. Rows that lack a value for either are left out for both.
    outcome : Outcome
        Times and events of one kind.
    cox : CoxPH, optional
        The other model; an unpenalised one of the forest's formula without it.
    strata, repeats, folds, fold_repeats, horizons, seed, n_jobs, conf_level
        As for :func:`~survmodel.performance.validation.validate`.

    Returns
    -------
    ForestAgainstCox
        With a sentence that says what came of it. Where the Cox model cannot be fitted it says why, and the forest is
        validated alone.

    Raises
    ------
    ConfigError
        When the first specification is no forest.
    SurvmodelError
        When the forest itself cannot be validated.

    Examples
    --------
    >>> random = np.random.default_rng(3)
    >>> table = pd.DataFrame({"x": random.normal(size=80), "z": random.normal(size=80)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(80), unit="years")
    >>> result = compare_with_cox(RandomSurvivalForest("x + z", n_trees=20), table, outcome, repeats=10)
    >>> result.answer
    'adds nothing'
    """
    if not isinstance(forest, RandomSurvivalForest):
        raise ConfigError("what is compared with a Cox model is no forest", f"found {type(forest).__name__}")
    table = read_table(table)
    check_outcome(outcome)
    other: Model = CoxPH(forest.formula) if cox is None else cox
    settings: dict[str, object] = {
        "strata": strata, "repeats": repeats, "folds": folds, "fold_repeats": fold_repeats, "horizons": horizons,
        "seed": seed, "n_jobs": n_jobs, "conf_level": conf_level, "method": ".632+",
    }  # fmt: skip
    found, reason = _validate(forest, other, table, outcome, settings)
    written = getattr(other, "formula", "")
    formula = written if isinstance(written, str) else " + ".join(written)
    differences: tuple[Difference, ...] = ()
    if not reason:
        differences = _differences(found, conf_level)
    answer = _answer(differences)
    return ForestAgainstCox(
        validation=found,
        differences=differences,
        answer=answer,
        sentence=_say(answer, differences, found, reason, conf_level),
        cox_formula=formula,
        reason=reason,
        conf_level=conf_level,
        warnings=found.warnings,
    )


def _validate(
    forest: RandomSurvivalForest, cox: Model, table: pd.DataFrame, outcome: Outcome, settings: dict[str, object]
) -> tuple[Validation, str]:
    """Validate both, or the forest alone and say why."""
    try:
        cox.fit(table, outcome)
        return validate({FOREST: forest, COX: cox}, table, outcome, **settings), ""  # type: ignore[arg-type]
    except SurvmodelError as error:
        # where the forest is to blame it fails again, and its own reason goes up
        return validate({FOREST: forest}, table, outcome, **settings), str(error)  # type: ignore[arg-type]


def _differences(found: Validation, conf_level: float) -> tuple[Difference, ...]:
    forest, cox = found.scores[FOREST], found.scores[COX]
    drawn = np.array([forest.outside_by_resample, cox.outside_by_resample])
    drawn = drawn[:, np.isfinite(drawn).all(axis=0)]
    tail = (1 - conf_level) / 2
    low, high = np.quantile(drawn[0] - drawn[1], [tail, 1 - tail])
    means = drawn.mean(axis=1)
    outside = Difference("test", means[0], means[1], means[0] - means[1], float(low), float(high))
    corrected = Difference("corrected", forest.corrected, cox.corrected, forest.corrected - cox.corrected)
    if not found.out_of_fold:
        return outside, corrected
    return outside, _cross_validated(found, conf_level), corrected


def _cross_validated(found: Validation, conf_level: float) -> Difference:
    """Compare C of the predictions out of fold, with the paired influences of the patients."""
    measure, z = Measure(HARRELL), normal_quantile(conf_level)
    first, second = found.out_of_fold_scores[FOREST], found.out_of_fold_scores[COX]
    forest, cox = first.values[measure], second.values[measure]
    error = z * first.error_of_difference(second, measure)
    lowest = forest - z * first.error(measure)
    return Difference("cross-validated", forest, cox, forest - cox, forest - cox - error, forest - cox + error, lowest)


def _answer(differences: tuple[Difference, ...]) -> str:
    if not differences:
        return "no Cox model"
    outside = differences[0]
    if not outside.forest - max(outside.cox, NO_INFORMATION) > SMALLEST_GAIN:
        return "adds nothing"
    folds = [one for one in differences if one.sample == "cross-validated"]
    settled = folds and folds[0].conf_low > 0 and folds[0].forest_low > NO_INFORMATION
    return "ranks better" if settled else "not settled"


def _say(answer: str, differences: tuple[Difference, ...], found: Validation, reason: str, conf_level: float) -> str:
    if answer == "no Cox model":
        return f"The forest could not be compared with a Cox model: {reason}"
    outside = differences[0]
    c = f"C in patients outside {found.glance()['used'].iloc[0]} resamples is {format_number(outside.forest, 3)} "
    c += f"against {format_number(outside.cox, 3)} (difference {format_number(outside.estimate, 3)}"
    for one in differences[1:]:
        if one.sample == "cross-validated":
            limits = format_interval(one.conf_low, one.conf_high, 3)
            c += f"; cross-validated {format_number(one.estimate, 3)}, {percent_level(conf_level)} limits {limits}"
    heads = {
        "adds nothing": "The forest adds nothing to the Cox model",
        "ranks better": "The forest ranks patients better than the Cox model",
        "not settled": "It is not settled whether the forest ranks patients better than the Cox model",
    }
    small = (
        f", of {count_noun(found.n, 'patient')}, so that limits only describe" if found.n < ENOUGH_FOR_LIMITS else ""
    )
    return f"{heads[answer]} of the same columns: {c}{small})."
