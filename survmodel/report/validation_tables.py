"""Tables of what was validated: risk groups, calibration, forests."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from survmodel.formatting import (
    MISSING,
    NOT_REACHED,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_significant,
)
from survmodel.models.cumulative_incidence import CumulativeIncidenceFit
from survmodel.models.forest_importance import ForestImportance
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.naming import begin, label_of, percent_level
from survmodel.performance.brier import IPA
from survmodel.performance.calibration import Calibration
from survmodel.performance.calibration_curve import DISTANCES
from survmodel.performance.calibration_measures import INTERCEPT, SLOPE
from survmodel.performance.forest_brier import LEAST_FOLLOWED
from survmodel.report.sentences import withheld_note
from survmodel.report.validation_contents import ForestPart
from survmodel.table import Table


def risk_group_table(
    fit: KaplanMeierFit,
    horizons: Sequence[float],
    caption: str,
    *,
    measure: str = "Survival",
    incidence: CumulativeIncidenceFit | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Tabulate patients, events, median, and survival or incidence at horizons of each risk group.

    Parameters
    ----------
    fit : KaplanMeierFit
        Curves of the groups.
    horizons : sequence of float
        Times at which they are read.
    caption : str
        What the table shows.
    measure : str
        What the curve estimates.
    incidence : CumulativeIncidenceFit, optional
        Where events compete: the incidence of the event itself is read instead of the curve.
    notes : sequence of str
        Where the groups come from.

    Returns
    -------
    Table
        A row for each group, from the lowest risk.
    """
    medians = fit.quantile(0.5).to_dict("records")
    cells = _read_at(fit, incidence, list(horizons))
    rows = []
    for curve, median in zip(fit.curves, medians, strict=True):
        events = float(curve.steps.n_event.sum())
        rows.append([
            begin(curve.group), format_count(curve.n), format_count(events), _median(median), *cells[curve.group]
        ])  # fmt: skip
    unit = f", {fit.unit}" if fit.unit else ""
    percent = percent_level(fit.conf_level)
    what = "Incidence" if incidence is not None else measure
    head = [f"{what} at {format_significant(time)}{unit.replace(',', '')}, %" for time in horizons]
    header = [
        "Risk group",
        "Patients",
        "Events",
        f"Median{unit} ({percent})",
        *(f"{name} ({percent})" for name in head),
    ]
    kind = f"Limits: {fit.conf_type if incidence is None else incidence.conf_type}."
    if incidence is not None:
        kind = f"Events and median are of any event; incidence is that of {incidence.causes[0]}. {kind}"
    gone = any(MISSING in cell for group in cells.values() for cell in group)
    absent = f"{MISSING}: no estimate beyond the last follow-up of the group, or no limits." if gone else ""
    return Table(header, rows, caption, (kind, *notes, absent))


def _read_at(
    fit: KaplanMeierFit, incidence: CumulativeIncidenceFit | None, horizons: list[float]
) -> dict[str, list[str]]:
    if not horizons:
        return {group: [] for group in fit.groups}
    read = fit.at(horizons) if incidence is None else incidence.at(horizons)
    if incidence is not None:
        read = read[read["level"] == incidence.causes[0]]
    cells: dict[str, list[str]] = {group: [] for group in fit.groups}
    for record in read.sort_values("time", kind="stable").to_dict("records"):
        values = [100 * record[name] for name in ("estimate", "conf_low", "conf_high")]
        shown = MISSING if np.isnan(values[0]) else format_estimate(values[0], values[1], values[2], 1)
        cells[str(record["group"])].append(shown)
    return cells


def _median(record: Mapping[Hashable, Any]) -> str:
    low, high = (_time(record[name]) for name in ("conf_low", "conf_high"))
    return f"{_time(record['estimate'])} ({low} to {high})"


def _time(value: float) -> str:
    return NOT_REACHED if np.isnan(value) else format_significant(value)


def calibration_table(results: Sequence[tuple[str, Calibration]], caption: str) -> Table:
    """Tabulate predicted and observed risk by group of predicted risk.

    Parameters
    ----------
    results : sequence of (str, Calibration)
        Label of the model and one calibration for each horizon.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A section for each model and horizon.
    """
    rows: list[list[str]] = []
    reasons: list[str] = []
    percent = "95%"
    for label, one in results:
        percent = percent_level(one.conf_level)
        unit = f" {one.unit}" if one.unit else ""
        ratio = format_estimate(one.o_e, one.o_e_low, one.o_e_high, 2)
        head = f"{begin(label)}, at {format_significant(one.horizon)}{unit}, {one.sample}"
        rows.append([f"{head}; observed/expected {ratio}", "", "", "", "", ""])
        told = _measures(one)
        if told:
            rows.append([told, "", "", "", "", ""])
        reasons += [note for note in one.notes if note not in reasons]
        for record in one.tidy().to_dict("records"):
            limits = format_interval(100 * record["conf_low"], 100 * record["conf_high"], 1)
            risks = [format_number(100 * record[name], 1) for name in ("expected", "estimate")]
            rows.append([
                str(record["group"]), format_count(record["n"]), format_count(record["n_event"]), *risks, limits
            ])  # fmt: skip
    header = ["Group of predicted risk", "Patients", "Events", "Predicted, %", "Observed, %", f"{percent} limits"]
    notes = (
        "Groups of equal size, from the lowest predicted risk; observed risk by the Kaplan-Meier curve of the group.",
        "Observed/expected: above 1 more happened than was predicted; limits on the log scale.",
        *_explain_measures([one for _, one in results]),
        *(f"{begin(reason)}." for reason in reasons),
    )
    return Table(header, rows, caption, notes)


def _measures(one: Calibration) -> str:
    """Write intercept, slope and distances with their limits, those that could be estimated."""
    parts = []
    for measure in (INTERCEPT, SLOPE, *DISTANCES[:3]):
        estimate, low, high = one.read(measure)
        digits = 3 if measure in DISTANCES else 2
        if np.isfinite(estimate):
            limited = np.isfinite(low) and np.isfinite(high)
            shown = format_estimate(estimate, low, high, digits) if limited else format_number(estimate, digits)
            parts.append(f"{measure} {shown}")
    return begin("; ".join(parts))


def _explain_measures(results: Sequence[Calibration]) -> list[str]:
    """Say what the measures are, where there are any."""
    notes = []
    if any(np.isfinite(one.read(SLOPE)[0]) for one in results):
        notes.append(
            "Intercept: log of observed over expected cumulative hazard, above 0 more happened than was predicted. "
            "Slope of log(-log(1 - predicted risk)) in the hazard up to the horizon: below 1 predictions too far apart."
        )
    smoothers = list(dict.fromkeys(one.smoother for one in results if one.smoother))
    if smoothers:
        notes.append(
            "ICI, E50 and E90: mean, median and 90th percentile of the distance between predicted risk and a smooth "
            f"curve ({'; '.join(smoothers)}), above 0 by chance also where all predictions are true; limits by the "
            "bootstrap of patients, moved by what resamples add to the distance."
        )
    if any(len(one.strata) > 1 for one in results):
        notes.append("Observed/expected, intercept, slope and curve are estimated within disease groups or strata.")
    return notes


def importance_table(result: ForestImportance, labels: Mapping[str, str], caption: str) -> Table:
    """Tabulate how much of out-of-bag C is lost when a column is shuffled.

    Parameters
    ----------
    result : ForestImportance
        The importance of each column.
    labels : mapping of str to str
        Label of each column.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each column, the most important first.
    """
    ordered = result.tidy().sort_values("estimate", ascending=False, kind="stable")
    rows = [
        [
            begin(label_of(str(one["variable"]), labels)),
            format_number(one["estimate"], 3),
            format_interval(one["conf_low"], one["conf_high"], 3),
        ]
        for one in ordered.to_dict("records")
    ]
    header = ["Column", "Decrease of C", f"{percent_level(result.conf_level)} limits"]
    note = "Out of bag, within disease groups where there are any; a column that tells the same as another is hardly "
    return Table(header, rows, caption, (f"{note}missed. {result.limits_note}",))


def forest_table(forests: Sequence[ForestPart], caption: str, group_label: str = "") -> Table:
    """Tabulate out-of-bag and .632+ concordance of forests.

    Parameters
    ----------
    forests : sequence of ForestPart
        The forests.
    caption : str
        What the table shows.
    group_label : str
        Label of the disease group, "" without groups.

    Returns
    -------
    Table
        A row for each forest, and one for each of its groups.
    """
    rows, withheld = [], []
    for forest in forests:
        label = begin(forest.label)
        parts = [("", forest.concordance), *((one.group, one.answer) for one in forest.concordance_by_group)]
        for group, answer in parts:
            counts = _counts(forest, group)
            bag, limits = MISSING, MISSING
            if answer.result is None:
                withheld.append(withheld_note(f"{label}, {group}" if group else label, answer))
            else:
                bag = format_number(answer.result.estimate, 3)
                limits = format_interval(answer.result.conf_low, answer.result.conf_high, 3)
            rows.append([group or label, *counts, bag, limits, *(("",) * 4 if group else _corrected(forest))])
        if forest.brier.withheld and forest.brier.reason != forest.concordance.reason:
            withheld.append(f"{MISSING} {label}, Brier score: {forest.brier.reason}.")
    note = "Out of bag: each patient by the trees that had not drawn that patient. .632+: C of the patients outside "
    note += "bootstrap samples, on each of which the forest was grown anew, weighed against its apparent C, which says "
    note += "nothing by itself and is not shown. Folds: each patient by forests grown without the patient's fold."
    note += f" {_brier_note(forests)}"
    pairs = f"Pairs are formed within {group_label}." if group_label else ""
    header = ["Forest", "Patients", "Events", "Harrell's C (out of bag)", "95% limits", "C (.632+)", "C (folds)",
              "Integrated Brier", IPA]  # fmt: skip
    return Table(header, rows, caption, (note, pairs, *dict.fromkeys(withheld)))


def _corrected(forest: ForestPart) -> tuple[str, ...]:
    """Write the .632+ estimate of C, that of cross-validation, and the integrated Brier score with its IPA."""
    validated, bag = forest.validation.result, forest.brier.result
    found: list[str] = [MISSING] * 4
    if validated is not None:
        scores = next(iter(validated.scores.values()))
        found[:2] = format_number(scores.corrected, 3), format_number(scores.cross_validated, 3)
    if bag is not None:
        found[2:] = (format_number(float(one[0, 0]), 3) for one in (bag.integrated.estimate, bag.integrated.ipa))
    return tuple(found)


def _brier_note(forests: Sequence[ForestPart]) -> str:
    """Say up to when Brier scores are integrated, and what IPA is."""
    scored = [forest.brier.result for forest in forests if forest.brier.result is not None]
    if not scored:
        return ""
    times = list(dict.fromkeys(format_significant(one.horizon) for one in scored))
    unit = f" {scored[0].integrated.unit}" if scored[0].integrated.unit else ""
    return (
        f"Integrated Brier score: out of bag, from 0 to {' and '.join(times)}{unit}, the last event after which "
        f"{LEAST_FOLLOWED} patients are still followed; lower is better. {IPA}: 1 less its ratio to the score of the "
        "marginal risk, 0 for a model that knows nothing."
    )


def _counts(forest: ForestPart, group: str) -> list[str]:
    fit = forest.fit.result
    for one in forest.concordance_by_group:
        if one.group == group:
            return [format_count(one.n), format_count(one.n_event)]
    return [MISSING, MISSING] if fit is None else [format_count(fit.n), format_count(fit.n_event)]
