"""Tables of a report, formatted from the tidy tables of results."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from survmodel.formatting import (
    NOT_REACHED,
    format_count,
    format_interval,
    format_number,
    format_p,
    format_percent,
    format_ratio,
    format_significant,
)
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_tests import ProportionalHazardsTest
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.performance.discrimination import Concordance
from survmodel.report.contents import EndpointPart
from survmodel.report.naming import begin, describe_term, label_of, name_term
from survmodel.table import Table

#: Stands before a level under the name of its factor; ordinary spaces would be joined in HTML.
INDENT = "\u2003"
REFERENCE = "reference"


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
    >>> from survmodel import CoxPH, Outcome
    >>> table = pd.DataFrame({"age": [50, 60, 55, 70, 65, 58]})
    >>> fit = CoxPH("age").fit(table, Outcome([9, 4, 8, 2, 7, 5], [1, 1, 0, 1, 1, 1]))
    >>> hazard_ratio_table(fit, {"age": "Age"}, units={"age": "years"}).rows[0][0]
    'Age, per year'
    """
    named = dict(fits) if isinstance(fits, Mapping) else {"": fits}
    cells: dict[Row, dict[str, tuple[str, str]]] = {}
    for name, fit in named.items():
        for row, shown in _hazard_ratio_rows(fit):
            cells.setdefault(row, {})[name] = shown
    header = ["Characteristic"]
    for name, fit in named.items():
        head = f"Hazard ratio ({_level(fit.spec.conf_level)} limits)"
        header += [f"{name}: {head[:1].lower()}{head[1:]}" if name else head, "p"]
    rows: list[list[str]] = []
    seen: set[str] = set()
    for row in _in_blocks(cells):
        if row.level and row.variable not in seen:
            seen.add(row.variable)
            rows.append([label_of(row.variable, labels), *[""] * (len(header) - 1)])
        text = INDENT + row.level if row.level else describe_term(row.term, row.variable, labels, units)
        rows.append([text, *(cell for name in named for cell in cells[row].get(name, ("", "")))])
    notes = [_fit_note(name, fit, labels) for name, fit in named.items()]
    return Table(header, rows, caption or _fit_caption(named), notes)


def _hazard_ratio_rows(fit: CoxFit) -> Iterator[tuple[Row, tuple[str, str]]]:
    begun: set[str] = set()
    for record in fit.hazard_ratios().to_dict("records"):
        variable, level, reference = str(record["variable"]), str(record["level"]), str(record["reference"])
        ratio = format_ratio(record["estimate"], record["conf_low"], record["conf_high"])
        shown = ratio, format_p(record["p_value"])
        if variable not in fit.design.formula.variables:
            yield Row("", str(record["term"]), ""), shown
            continue
        if level and variable not in begun:
            begun.add(variable)
            yield Row(variable, "", reference), (REFERENCE, "")
        yield Row(variable, "" if level else str(record["term"]), level), shown


def _in_blocks(rows: Mapping[Row, object]) -> list[Row]:
    """Keep the levels of a factor together when a later model brings more of them."""
    order = list(dict.fromkeys(row.variable for row in rows))
    return sorted(rows, key=lambda row: order.index(row.variable))


def _level(conf_level: float) -> str:
    return f"{format_significant(100 * conf_level)}%"


def _fit_caption(named: Mapping[str, CoxFit]) -> str:
    if len(named) > 1:
        return "Hazard ratios of Cox models."
    fit = next(iter(named.values()))
    return f"Hazard ratios, Cox model of {format_count(fit.n)} patients with {format_count(fit.n_event)} events."


def _fit_note(name: str, fit: CoxFit, labels: Mapping[str, str] | None) -> str:
    counts = f"{format_count(fit.n)} patients, {format_count(fit.n_event)} events"
    left_out = "no patient was left out for missing values"
    if fit.n_missing:
        columns = ", ".join(f"{label_of(column, labels)} {format_count(count)}" for column, count in fit.missing)
        left_out = f"{format_count(fit.n_missing)} left out for missing values ({columns})"
    errors = "robust standard errors" if fit.robust else "Wald limits and tests"
    text = f"complete cases, {counts}, {left_out}; {fit.spec.ties.capitalize()} ties; {errors}."
    return f"{name}: {text}" if name else text[:1].upper() + text[1:]


def counts_table(
    part: EndpointPart, missing: Sequence[tuple[str, int]], labels: Mapping[str, str] | None = None, source: str = ""
) -> Table:
    """Count patients, events and missing values, with the median follow-up.

    Parameters
    ----------
    part : EndpointPart
        An endpoint and its follow-up.
    missing : sequence of (str, int)
        Missing values of each column.
    labels : mapping of str to str, optional
        Label of each column.
    source : str
        Said in a footnote.

    Returns
    -------
    Table
        Two columns.
    """
    n, n_event = part.outcome.n, part.outcome.n_event
    rows = [["Patients", format_count(n)], *_event_rows(part), ["Censored", _share(n - n_event, n)]]
    unit = f", {part.outcome.unit}" if part.outcome.unit else ""
    result = part.follow_up.result
    ending = "; an event of any kind ends observation" if part.causes else ""
    note = f"Follow-up: reverse Kaplan-Meier method, log-log limits{ending}."
    if result is None:
        rows.append([f"Median follow-up{unit}", f"not estimable: {part.follow_up.reason}"])
    else:
        times = {record["probability"]: record for record in result.tidy().to_dict("records")}
        limits = _level(result.conf_level)
        rows.append([f"Median follow-up ({limits} limits){unit}", _times(times[0.5])])
        quartiles = [_time(times[share]["estimate"]) for share in (0.25, 0.75)]
        rows.append([f"Quartiles of follow-up{unit}", " to ".join(quartiles)])
    if missing:
        rows.append(["Missing values", ""])
        rows += [[INDENT + label_of(name, labels), _share(count, n)] for name, count in missing]
    return Table(["", "n (%) or time"], rows, "Patients, events and follow-up.", (note, source))


def _event_rows(part: EndpointPart) -> list[list[str]]:
    """Count events, by cause where they compete."""
    n, n_event = part.outcome.n, part.outcome.n_event
    if not part.causes:
        return [[f"Event: {part.event_label}", _share(n_event, n)]]
    rows = [["First event of any kind", _share(n_event, n)]]
    for place, (label, count) in enumerate(part.causes):
        role = "Competing event" if place else "Event"
        rows.append([f"{INDENT}{role}: {label}", _share(count, n)])
    return rows


def median_table(fit: KaplanMeierFit, label: str, caption: str) -> Table:
    """Tabulate patients, events and median times by group.

    Parameters
    ----------
    fit : KaplanMeierFit
        The curves.
    label : str
        Label of the grouping factor.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each group.
    """
    medians = fit.quantile(0.5).to_dict("records")
    rows = []
    for curve, median in zip(fit.curves, medians, strict=True):
        events = float(curve.steps.n_event.sum())
        limits = f"{_time(median['conf_low'])} to {_time(median['conf_high'])}"
        rows.append(
            [curve.group or "All", format_count(curve.n), format_count(events), _time(median["estimate"]), limits]
        )
    unit = f", {fit.unit}" if fit.unit else ""
    header = [begin(label) or "Group", "Patients", "Events", f"Median{unit}", f"{_level(fit.conf_level)} limits"]
    return Table(header, rows, caption, (f"Limits invert the {fit.conf_type} limits of the curve.",))


def survival_table(
    fit: KaplanMeierFit, times: Sequence[float], label: str, caption: str, *, measure: str = "Survival"
) -> Table:
    """Tabulate survival at fixed times by group.

    Parameters
    ----------
    fit : KaplanMeierFit
        The curves.
    times : sequence of float
        Horizons.
    label : str
        Label of the grouping factor.
    caption : str
        What the table shows.
    measure : str
        What the curve estimates, as the head of its column.

    Returns
    -------
    Table
        A section for each time, a row for each group.
    """
    read = fit.at(list(times))
    unit = f" {fit.unit}" if fit.unit else ""
    rows: list[list[str]] = []
    for time in times:
        rows.append([f"At {format_significant(time)}{unit}", "", "", "", ""])
        for record in read[read["time"] == time].to_dict("records"):
            limits = format_interval(100 * record["conf_low"], 100 * record["conf_high"], 1)
            name = INDENT + (str(record["group"]) or "All")
            counts = [format_count(record["n_risk"]), format_count(record["n_event"])]
            rows.append([name, *counts, format_number(100 * record["estimate"], 1), limits])
    header = [begin(label) or "Group", "At risk", "Events so far", f"{measure}, %", f"{_level(fit.conf_level)} limits"]
    note = f"Limits: {fit.conf_type}. At risk: under observation just before the time."
    absent = "—: no estimate beyond the last follow-up of the group, no limits where survival is 0."
    return Table(header, rows, caption, (note, absent if read.isna().to_numpy().any() else ""))


def proportional_hazards_table(
    test: ProportionalHazardsTest, labels: Mapping[str, str] | None = None, caption: str = ""
) -> Table:
    """Tabulate the tests of proportional hazards.

    Parameters
    ----------
    test : ProportionalHazardsTest
        One test for each term and one for all.
    labels : mapping of str to str, optional
        Label of each column.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each test.
    """
    rows = []
    for record in test.tidy().to_dict("records"):
        term = str(record["term"])
        name = "All terms together" if term == "GLOBAL" else name_term(term, labels)
        statistic = format_number(record["statistic"], 2)
        rows.append([name, statistic, format_count(record["df"]), format_p(record["p_value"])])
    note = "A small p speaks against a constant hazard ratio. A large p is no proof of one: with few events large "
    note += "departures go unseen."
    return Table(["Term", "Chi-squared", "df", "p"], rows, caption, (note,))


def concordance_table(named: Mapping[str, Concordance], caption: str = "") -> Table:
    """Tabulate apparent concordance.

    Parameters
    ----------
    named : mapping of str to Concordance
        Concordance by name of the model.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each model.
    """
    rows = []
    percent = "95%"
    for name, result in named.items():
        percent = _level(result.conf_level)
        limits = format_interval(result.conf_low, result.conf_high, 3)
        rows.append([name, format_number(result.estimate, 3), format_number(result.std_error, 3), limits])
    note = "Apparent: computed on the patients the model was fitted to; optimistic; not validated. "
    note += "0.5 is no discrimination, 1 a perfect order. Normal limits, infinitesimal-jackknife standard error."
    header = ["Model", "Harrell's C (apparent)", "Standard error", f"{percent} limits"]
    return Table(header, rows, caption, (note,))


def _share(count: float, n: float) -> str:
    return f"{format_count(count)} ({format_percent(count / n)})"


def _time(value: float) -> str:
    return NOT_REACHED if pd.isna(value) else format_significant(value)


def _times(row: Mapping[Hashable, Any]) -> str:
    return f"{_time(row['estimate'])} ({_time(row['conf_low'])} to {_time(row['conf_high'])})"
