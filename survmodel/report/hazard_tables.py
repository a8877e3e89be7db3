"""Tables of hazard ratios: several models side by side, terms alone and together, markers by disease group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_number,
    format_p,
    format_ratio,
    format_significant,
)
from survmodel.models.cox_fit import CoxFit
from survmodel.models.pooled_regression import PooledRegression
from survmodel.models.term_tests import NON_LINEAR, OVERALL, columns_of_splines, splines_of
from survmodel.naming import INDENT, describe_term_in_table, label_of, name_term, percent_level
from survmodel.report.contents import MarkerPart, ModelPart
from survmodel.report.sentences import withheld_note
from survmodel.table import Table

REFERENCE = "reference"
#: A spline has a curve and no ratio of its own.
MISSING_INFORMATION = "Missing information"
NO_RATIO, BENDS = "no single ratio", "non-linear part"

#: Row -> name of a column -> ratio and p.
Cells: TypeAlias = "dict[Row, dict[str, tuple[str, ...]]]"


class Row(NamedTuple):
    """Where a hazard ratio stands in a table: rows of several models meet when these are equal."""

    variable: str
    term: str
    level: str


def hazard_ratio_table(
    fits: CoxFit | Mapping[str, CoxFit],
    labels: Mapping[str, str] | None = None,
    *,
    units: Mapping[str, str] | None = None,
    caption: str = "",
) -> Table:
    """Put the hazard ratios of one or several Cox models side by side.

    Parameters
    ----------
    fits : CoxFit or mapping of str to CoxFit
        One fit, or fits by the name that heads their columns.
    labels : mapping of str to str, optional
        Label of each column.
    units : mapping of str to str, optional
        Unit of each numeric column.
    caption : str
        Caption; made from the number of patients and events without it.

    Returns
    -------
    Table
        A row for each term, levels under the name of their factor with the reference first.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CoxPH, Outcome
    >>> table = pd.DataFrame({"age": [50, 60, 55, 70, 65, 58]})
    >>> fit = CoxPH("age").fit(table, Outcome([9, 4, 8, 2, 7, 5], [1, 1, 0, 1, 1, 1]))
    >>> hazard_ratio_table(fit, {"age": "Age"}, units={"age": "years"}).rows[0][0]
    'Age, per year'
    """
    named = dict(fits) if isinstance(fits, Mapping) else {"": fits}
    cells: Cells = {}
    for name, fit in named.items():
        for row, shown in _hazard_ratio_rows(fit):
            cells.setdefault(row, {})[name] = shown
    header = ["Characteristic"]
    for name, fit in named.items():
        header += _heads(name, fit.spec.conf_level)
    rows = _write_rows(cells, list(named), labels, units)
    notes = [
        note for name, fit in named.items() for note in (_fit_note(name, fit, labels), *_spline_notes(fit, labels))
    ]
    return Table(header, rows, caption or _fit_caption(named), notes)


def _heads(name: str, conf_level: float) -> list[str]:
    head = f"Hazard ratio ({percent_level(conf_level)} limits)"
    return [f"{name}: {head[:1].lower()}{head[1:]}" if name else head, "p"]


def _write_rows(
    cells: Cells,
    names: Sequence[str],
    labels: Mapping[str, str] | None,
    units: Mapping[str, str] | None,
    counts: Mapping[tuple[str, str], list[str]] | None = None,
) -> list[list[str]]:
    """Write a row for each term, levels under their factor; counts stand before the ratios."""
    rows: list[list[str]] = []
    seen: set[str] = set()
    for row in _in_blocks(cells):
        before = [] if counts is None else counts.get((row.variable, row.level), ["", ""])
        ratios = [cell for name in names for cell in cells[row].get(name, ("", ""))]
        if row.level and not row.term and row.variable not in seen:
            seen.add(row.variable)
            rows.append([label_of(row.variable, labels), *[""] * (len(before) + len(ratios))])
        text = INDENT + row.level if row.level else describe_term_in_table(row.term, row.variable, labels, units)
        rows.append([text, *before, *ratios])
    return rows


def model_table(
    model: ModelPart, labels: Mapping[str, str], units: Mapping[str, str] | None = None, caption: str = ""
) -> Table:
    """Put each term alone and all terms together side by side, with patients and events.

    Parameters
    ----------
    model : ModelPart
        A model with its fit.
    labels, units : mapping of str to str
        How columns are shown.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each term; reference levels have a row of their own.

    Raises
    ------
    ValueError
        When the model was not fitted.
    """
    fit = model.fit.result
    if fit is None:
        raise ValueError("the model has no fit")
    alone, together = ("Alone", "Together") if model.univariable else ("", "")
    cells: Cells = {}
    for row, shown in _hazard_ratio_rows(fit):
        cells.setdefault(row, {})[together] = shown
    absent = []
    for term, answer in model.univariable:
        if answer.result is None:
            absent.append(f"{MISSING} {name_term(term, labels)} alone: {answer.reason}.")
            continue
        for row, shown in _hazard_ratio_rows(answer.result):
            cells.setdefault(row, {})[alone] = shown
    for found in cells.values():
        if model.univariable:
            found.setdefault(alone, (MISSING, ""))
    counts = {(one.variable, one.level): [format_count(one.n), format_count(one.n_event)] for one in model.counts}
    names = [alone, together] if model.univariable else [together]
    header = ["Characteristic", "Patients", "Events"]
    for name in names:
        header += _heads(name, fit.spec.conf_level)
    notes = [_fit_note("", fit, labels), *_spline_notes(fit, labels), *_notes_of_undefined(model, labels), *absent]
    if model.univariable:
        notes.insert(0, f"{alone}: each characteristic in a model of its own, of all patients with a value of it. "
                        "Patients and events are those of all terms together.")  # fmt: skip
    return Table(header, _write_rows(cells, names, labels, units, counts), caption, notes)


def pooled_table(
    model: ModelPart, labels: Mapping[str, str], units: Mapping[str, str] | None = None, caption: str = ""
) -> Table:
    """Tabulate hazard ratios pooled over completed tables, each term alone and all together.

    Parameters
    ----------
    model : ModelPart
        A model that was pooled.
    labels, units : mapping of str to str
        How columns are shown.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each term, with the fraction of missing information of all terms together.

    Raises
    ------
    ValueError
        When the model was not pooled.
    """
    pooled = model.pooled
    if pooled is None or pooled.fit.result is None:
        raise ValueError("the model was not pooled")
    found = pooled.fit.result
    alone, together = ("Alone", "Together") if pooled.univariable else ("", "")
    cells: Cells = {}
    for row, shown, missing in _pooled_rows(found):
        cells.setdefault(row, {})[together] = shown
        cells[row][MISSING_INFORMATION] = (missing,)
    absent = []
    for term, answer in pooled.univariable:
        if answer.result is None:
            absent.append(f"{MISSING} {name_term(term, labels)} alone: {answer.reason}.")
            continue
        for row, shown, _ in _pooled_rows(answer.result):
            cells.setdefault(row, {MISSING_INFORMATION: ("",)})[alone] = shown
    if pooled.univariable:
        for one in cells.values():
            one.setdefault(alone, (MISSING, ""))
    names = [alone, together] if pooled.univariable else [together]
    header = ["Characteristic", *(head for name in names for head in _heads(name, found.conf_level))]
    notes = [
        f"Pooled over {format_count(found.m)} completed tables by Rubin's rules; "
        f"{found.fits[0].ties.capitalize()} ties; limits and tests of large samples.",
        f"{MISSING_INFORMATION}: share of the variance of the coefficient that is due to missing values, all terms "
        "together.",
        *absent,
    ]
    rows = _write_rows(cells, [*names, MISSING_INFORMATION], labels, units)
    return Table([*header, MISSING_INFORMATION], rows, caption, notes)


def _pooled_rows(found: PooledRegression) -> Iterator[tuple[Row, tuple[str, str], str]]:
    begun: set[str] = set()
    design = found.fits[0].design
    splines = columns_of_splines(design)
    for place, record in enumerate(found.hazard_ratios().to_dict("records")):
        variable, level, reference = str(record["variable"]), str(record["level"]), str(record["reference"])
        known = variable if variable in design.formula.variables else ""
        if place in splines:
            if splines[place] not in begun:
                begun.add(splines[place])
                yield Row(known, splines[place], ""), (NO_RATIO, ""), ""
            continue
        ratio = format_ratio(record["estimate"], record["conf_low"], record["conf_high"])
        if level and known and variable not in begun:
            begun.add(variable)
            yield Row(variable, "", reference), (REFERENCE, ""), ""
        term = "" if level and known else str(record["term"])
        row = Row(known, term, level if known else "")
        yield row, (ratio, format_p(record["p_value"])), format_number(record["fmi"], 2)


def _notes_of_undefined(model: ModelPart, labels: Mapping[str, str]) -> Iterator[str]:
    for name, count in model.undefined:
        has = "has a scan" if count == 1 else "have scans"
        yield (
            f"{label_of(name, labels)}: {count_noun(count, 'patient')} of those left out {has} without a lesion, where "
            "the value does not exist."
        )


def marker_table(
    markers: Sequence[MarkerPart], labels: Mapping[str, str], units: Mapping[str, str] | None = None, caption: str = ""
) -> Table:
    """Tabulate each marker alone, in all patients and in each disease group.

    Parameters
    ----------
    markers : sequence of MarkerPart
        Markers with their fits.
    labels, units : mapping of str to str
        How columns are shown.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A section for each marker, a row for each group.
    """
    rows: list[list[str]] = []
    notes: dict[str, None] = {}
    level, strata = 0.95, ""
    for marker in markers:
        name = describe_term_in_table(marker.term, marker.name, labels, units)
        role = f" ({marker.role} marker)" if marker.role != "exploratory" else ""
        rows.append([name + role, "", "", "", ""])
        shown = [one for one in marker.by_entity if one.answer.result is not None or one.answer.failed]
        for one in (*marker.fits, *shown):
            group = (one.group or "All") + (" (entity)" if one in shown else "")
            counts = [format_count(one.n), format_count(one.n_event)]
            fit = one.answer.result
            if fit is None:
                rows.append([INDENT + group, *counts, MISSING, ""])
                notes[withheld_note(group, one.answer)] = None
                continue
            level, strata = (
                fit.spec.conf_level,
                ", ".join(label_of(key, labels) for key in fit.spec.strata or ()) or strata,
            )
            ratio = fit.hazard_ratios().iloc[0]
            text = format_ratio(ratio["estimate"], ratio["conf_low"], ratio["conf_high"])
            rows.append([INDENT + group, *counts, text, format_p(ratio["p_value"])])
        few = [f"{one.group} {format_count(one.n_event)}" for one in marker.by_entity if one.answer.withheld]
        if few:
            notes[f"{label_of(marker.name, labels)}, entities with too few events for a row: {', '.join(few)}."] = None
    header = ["Marker", "Patients", "Events", *_heads("", level)]
    first = (
        "Each marker in a model of its own, of the patients with a value; a scan without lesions has none for an SUV."
    )
    second = f"Baseline hazards by {strata[:1].lower() + strata[1:]}. " if strata else ""
    return Table(header, rows, caption, (first, f"{second}Wald limits and tests.", *notes))


def _hazard_ratio_rows(fit: CoxFit) -> Iterator[tuple[Row, tuple[str, str]]]:
    begun: set[str] = set()
    splines = columns_of_splines(fit.design)
    tests = fit.term_tests().to_dict("records") if splines else []
    p_values = {(one["term"], one["part"]): one["p_value"] for one in tests}
    for place, record in enumerate(fit.hazard_ratios().to_dict("records")):
        variable, level, reference = str(record["variable"]), str(record["level"]), str(record["reference"])
        if place in splines:
            label, known = splines[place], variable if variable in fit.design.formula.variables else ""
            if label not in begun:
                begun.add(label)
                yield Row(known, label, ""), (NO_RATIO, format_p(p_values[label, OVERALL]))
                yield Row(known, label, BENDS), ("", format_p(p_values[label, NON_LINEAR]))
            continue
        ratio = format_ratio(record["estimate"], record["conf_low"], record["conf_high"])
        shown = ratio, format_p(record["p_value"])
        if variable not in fit.design.formula.variables:
            yield Row("", str(record["term"]), ""), shown
            continue
        if level and variable not in begun:
            begun.add(variable)
            yield Row(variable, "", reference), (REFERENCE, "")
        yield Row(variable, "" if level else str(record["term"]), level), shown


def _spline_notes(fit: CoxFit, labels: Mapping[str, str] | None) -> Iterator[str]:
    """Say where the knots are and what was tested."""
    splines = splines_of(fit.design)
    for spline in splines:
        scale = f" ({spline.function} scale)" if spline.function else ""
        knots = ", ".join(format_significant(knot) for knot in spline.knots)
        yield f"Spline of {label_of(spline.variable, labels)}{scale}: restricted cubic, knots at {knots}."
    if splines:
        tests = "penalised likelihood-ratio" if fit.spec.is_firth else "Wald"
        yield f"p of a spline: {tests} tests of all its columns, and of those that bend it ({BENDS})."


def _in_blocks(rows: Mapping[Row, object]) -> list[Row]:
    """Keep the levels of a factor together when a later model brings more of them."""
    order = list(dict.fromkeys(row.variable for row in rows))
    return sorted(rows, key=lambda row: order.index(row.variable))


def _fit_caption(named: Mapping[str, CoxFit]) -> str:
    if len(named) > 1:
        return "Hazard ratios of Cox models."
    fit = next(iter(named.values()))
    return f"Hazard ratios, Cox model of {format_count(fit.n)} patients with {format_count(fit.n_event)} events."


def _fit_note(name: str, fit: CoxFit, labels: Mapping[str, str] | None) -> str:
    counts = f"{format_count(fit.n)} patients, {format_count(fit.n_event)} events"
    left_out = "no patient was left out"
    if fit.n_missing:
        columns = ", ".join(f"{label_of(column, labels)} {format_count(count)}" for column, count in fit.missing)
        left_out = f"{format_count(fit.n_missing)} left out without a value ({columns})"
    errors = "robust standard errors" if fit.robust else "Wald limits and tests"
    if fit.spec.is_firth:
        errors = "Firth's penalised likelihood, limits of its profile, penalised likelihood-ratio tests"
    if fit.spec.is_tuned:
        errors = "elastic net, no limits or tests after selection"
    text = f"complete cases, {counts}, {left_out}; {fit.ties.capitalize()} ties; {errors}."
    return f"{name}: {text}" if name else text[:1].upper() + text[1:]
