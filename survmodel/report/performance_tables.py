"""The table of what models would do in other patients: every measure, apparent and corrected, and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_significant,
)
from survmodel.naming import INDENT, begin, percent_level
from survmodel.performance.brier import IPA
from survmodel.performance.scoring import AUC, BRIER, HARRELL, SLOPE, Measure
from survmodel.performance.validation_result import ENOUGH_FOR_LIMITS, Validation
from survmodel.performance.validation_scores import Scores
from survmodel.table import Table

#: Measures in the order in which they are shown.
ORDER = (HARRELL, SLOPE, AUC, BRIER, IPA)
#: How each method makes a corrected value.
METHODS = {
    "optimism": "Corrected: the apparent value less the mean optimism of {used} bootstrap samples; limits of the "
    "bootstrap distribution moved by the optimism.",
    ".632+": "Corrected: .632+, the apparent value weighed against that of patients outside {used} bootstrap samples; "
    "limits of the width of those out of fold.",
    "cross-validation": "Corrected: mean over {folds} of the predictions by models that had not seen the patient; "
    "limits by the influences of the patients.",
}


def performance_table(validation: Validation, *, labels: Mapping[str, str] | None = None, caption: str = "") -> Table:
    """Tabulate the measures of every specification of a validation, and the paired differences between them.

    Parameters
    ----------
    validation : Validation
        As from ``sm.validate(...)``.
    labels : mapping of str to str, optional
        Label of each specification.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A section for each measure; a row for each specification, and one for each pair of them.

    Examples
    --------
    >>> from survmodel import CoxPH, Outcome, validate
    >>> random = np.random.default_rng(5)
    >>> table = pd.DataFrame({"x": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60), unit="years")
    >>> performance_table(validate(CoxPH("x"), table, outcome, repeats=50)).header[:2]
    ('Measure and model', 'Apparent')
    """
    named = {name: (labels or {}).get(name, name) for name in validation.scores}
    differences = validation.differences()
    rows: list[list[str]] = []
    first = next(iter(validation.scores.values()))
    for measure in first.measures:
        rows.append([_heading(measure, validation.unit), "", "", ""])
        rows += [_row(named[name], scores, measure) for name, scores in validation.scores.items()]
        rows += _difference_rows(differences, measure.name, measure.horizon, named)
    table = _without_empty(_header(validation), rows)
    return Table(*table, caption, tuple(_notes(validation)))


def models_performance_table(validations: Sequence[tuple[str, Validation]], caption: str = "") -> Table:
    """Tabulate the measures of models that were validated apart, each on its own patients.

    Parameters
    ----------
    validations : sequence of (str, Validation)
        Label of each model, and what was found.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A section for each measure; a row for each model. No differences: the patients need not be the same.

    Examples
    --------
    >>> from survmodel import CoxPH, Outcome, validate
    >>> random = np.random.default_rng(5)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60), unit="years")
    >>> found = [(name, validate(CoxPH(name), table, outcome, repeats=50, horizons=[1])) for name in "xz"]
    >>> [row[0] for row in models_performance_table(found).rows if not any(row[1:])]
    ['Harrell C', 'Calibration slope', 'AUC at 1 years', 'Brier score at 1 years', 'IPA at 1 years']
    """
    own = [(label, found, scores) for label, found in validations for scores in found.scores.values()]
    measures = sorted({one for _, _, scores in own for one in scores.measures}, key=_place)
    rows: list[list[str]] = []
    for measure in measures:
        rows.append([_heading(measure, own[0][1].unit), "", "", ""])
        rows += [_row(label, scores, measure) for label, _, scores in own if measure in scores.measures]
    notes: dict[str, None] = {}
    for label, found, _ in own:
        notes |= dict.fromkeys([f"{begin(label)}: {_counts(found)}", *_how(found)])
    notes |= dict.fromkeys(_remarks([found for _, found, _ in own]))
    if len(own) > 1:
        notes["Each model on its own patients: models are compared where they are validated together."] = None
    return Table(*_without_empty(_header(own[0][1]), rows), caption, tuple(notes))


def _place(measure: Measure) -> tuple[float, int]:
    return (measure.horizon or 0.0, ORDER.index(measure.name))


def _heading(measure: Measure, unit: str) -> str:
    at = "" if measure.horizon is None else f" at {format_significant(measure.horizon)} {unit}".rstrip()
    return f"{begin(measure.name)}{at}"


def _row(label: str, scores: Scores, measure: Measure) -> list[str]:
    one = scores.measures[measure]
    hidden = measure.name == SLOPE or not scores.shows_apparent
    apparent = MISSING if hidden else format_number(one.apparent, 3)
    corrected = _limited(one.corrected, one.conf_low, one.conf_high)
    return [f"{INDENT}{begin(label)}", apparent, corrected, _limited(one.cross_validated, np.nan, np.nan)]


def _header(validation: Validation) -> list[str]:
    percent = percent_level(validation.conf_level)
    return ["Measure and model", "Apparent", f"Corrected ({percent} limits)", "Cross-validated"]


def _difference_rows(
    differences: pd.DataFrame, name: str, horizon: float | None, named: Mapping[str, str]
) -> list[list[str]]:
    at = differences["horizon"].isna() if horizon is None else differences["horizon"] == horizon
    own = differences[(differences["measure"] == name) & at]
    rows = []
    for pair, found in own.groupby("model", sort=False):
        first, second = (named[part] for part in str(pair).split(" - ", 1))
        by_sample = {str(one["sample"]): one for one in found.to_dict("records")}
        rows.append([f"{INDENT}{begin(first)} less {second}", "", _signed(by_sample.get("corrected")),
                     _signed(by_sample.get("cross-validated"))])  # fmt: skip
    return rows


def _signed(record: Mapping[Any, Any] | None) -> str:
    if record is None or not np.isfinite(record["estimate"]):
        return MISSING
    shown = format_number(record["estimate"], 3)
    if not np.isfinite(record["conf_low"]):
        return shown
    return f"{shown} ({format_interval(record['conf_low'], record['conf_high'], 3)})"


def _limited(value: float, low: float, high: float) -> str:
    if not np.isfinite(value):
        return MISSING
    return format_estimate(value, low, high, 3) if np.isfinite(low) else format_number(value, 3)


def _without_empty(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Leave the last column out where nothing was cross-validated."""
    if any(row[-1] not in {"", MISSING} for row in rows):
        return header, rows
    return header[:-1], [row[:-1] for row in rows]


def _notes(validation: Validation) -> list[str]:
    notes = [_counts(validation), *_how(validation), *_remarks([validation])]
    if len(validation.scores) > 1:
        notes.append("Differences are paired on the same resamples. They are no test: nested models are tested by the "
                     "likelihood ratio.")  # fmt: skip
    return notes


def _counts(validation: Validation) -> str:
    inside = f", within {validation.n_strata} strata" if validation.n_strata > 1 else ""
    return f"{count_noun(validation.n, 'patient')}, {count_noun(validation.n_event, 'event')}{inside}."


def _how(validation: Validation) -> list[str]:
    """Say how the corrected values of a validation were made."""
    glance = validation.glance().iloc[0]
    used, asked = format_count(int(glance["used"])), format_count(int(glance["asked"]))
    drawn = used if used == asked else f"{used} (of {asked} asked for)"
    folds = [one.index_by_model.shape[:2] for one in validation.out_of_fold.values()]
    told = count_noun(folds[0][0], "repeat") + f" of {folds[0][1]}-fold cross-validation" if folds else ""
    notes = [METHODS[validation.method].format(used=drawn, folds=told)]
    if told and validation.method != "cross-validation":
        notes.append(f"Cross-validated: mean over {told}.")
    return notes


def _remarks(validations: Sequence[Validation]) -> list[str]:
    """Say how the numbers are to be read."""
    notes = []
    if min(one.n for one in validations) < ENOUGH_FOR_LIMITS:
        notes.append(f"Limits only describe below {ENOUGH_FOR_LIMITS} patients.")
    notes.append("Higher C and AUC, lower Brier score and higher IPA are better; a slope below 1 is overfitting.")
    if not all(scores.shows_apparent for one in validations for scores in one.scores.values()):
        notes.append(f"{MISSING} Apparent values of forests, and apparent slopes, say nothing and are not shown.")
    return [*notes, *dict.fromkeys(f"{note}." for one in validations for note in one.notes)]
