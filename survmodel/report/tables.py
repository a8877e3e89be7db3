"""Tables of a report, formatted from the tidy tables of results."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from survmodel.formatting import (
    MISSING,
    NOT_REACHED,
    format_count,
    format_estimate,
    format_interval,
    format_number,
    format_p,
    format_percent,
    format_significant,
)
from survmodel.models.cox_tests import ProportionalHazardsTest
from survmodel.models.cumulative_incidence import CumulativeIncidenceFit
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.naming import INDENT, NO_LESION, begin, label_of, name_term, percent_level
from survmodel.performance.validation_result import ENOUGH_FOR_LIMITS
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.contents import EndpointPart, MissingPart, ModelPart
from survmodel.report.sentences import withheld_note
from survmodel.table import Table

LEFT_OUT = "Models leave out patients who lack a value of theirs."
IMPUTED = (
    "Cox models are of completed tables; curves, markers and forests leave out patients who lack a value of theirs."
)


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
    if part.outcome.entry is not None:
        rows.insert(1, ["Under observation only later", _share(part.n_late, n)])
    unit = f", {part.outcome.unit}" if part.outcome.unit else ""
    result = part.follow_up.result
    ending = "; an event of any kind ends observation" if part.causes else ""
    if part.landmark is not None:
        ending += "; time counts from the landmark"
    if part.outcome.entry is not None:
        ending += "; time counts from time zero, and patients are at risk from their entry"
    note = f"Follow-up: reverse Kaplan-Meier method, log-log limits{ending}."
    if result is None:
        rows.append([f"Median follow-up{unit}", f"not estimable: {part.follow_up.reason}"])
    else:
        times = {record["probability"]: record for record in result.tidy().to_dict("records")}
        limits = percent_level(result.conf_level)
        rows.append([f"Median follow-up ({limits} limits){unit}", _times(times[0.5])])
        quartiles = [_time(times[share]["estimate"]) for share in (0.25, 0.75)]
        rows.append([f"Quartiles of follow-up{unit}", " to ".join(quartiles)])
    if missing:
        rows.append(["Missing values", ""])
        rows += [[INDENT + label_of(name, labels), _share(count, n)] for name, count in missing]
    if part.undefined:
        rows.append([f"{NO_LESION}, the value does not exist", ""])
        rows += [[INDENT + label_of(name, labels), _share(count, n)] for name, count in part.undefined]
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
    header = [begin(label) or "Group", "Patients", "Events", f"Median{unit}", f"{percent_level(fit.conf_level)} limits"]
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
    header = [
        begin(label) or "Group",
        "At risk",
        "Events so far",
        f"{measure}, %",
        f"{percent_level(fit.conf_level)} limits",
    ]
    note = f"Limits: {fit.conf_type}. At risk: under observation just before the time."
    absent = (
        "—: no estimate beyond the last follow-up of the group; no limits where survival is 0, or where it is 1 and "
    )
    absent += "fewer than 5 are at risk."
    return Table(header, rows, caption, (note, absent if read.isna().to_numpy().any() else ""))


def incidence_table(fit: CumulativeIncidenceFit, times: Sequence[float], label: str, caption: str) -> Table:
    """Tabulate cumulative incidence at fixed times by group and event.

    Parameters
    ----------
    fit : CumulativeIncidenceFit
        The incidence of each cause.
    times : sequence of float
        Horizons.
    label : str
        Label of the grouping factor, "" without groups.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A section for each time, a row for each group and event.
    """
    read = fit.at(list(times))
    unit = f" {fit.unit}" if fit.unit else ""
    rows: list[list[str]] = []
    for time in times:
        rows.append([f"At {format_significant(time)}{unit}", "", "", "", "", ""])
        for record in read[read["time"] == time].to_dict("records"):
            limits = format_interval(100 * record["conf_low"], 100 * record["conf_high"], 1)
            counts = [format_count(record["n_risk"]), format_count(record["n_event"])]
            name = INDENT + (str(record["group"]) or "All")
            share = format_number(100 * record["estimate"], 1)
            rows.append([name, begin(str(record["level"])), *counts, share, limits])
    percent = percent_level(fit.conf_level)
    header = [begin(label) or "Group", "Event", "At risk", "Events so far", "Incidence, %", f"{percent} limits"]
    note = f"Limits: {fit.conf_type}, infinitesimal-jackknife standard error; exact where no such event has happened."
    absent = f"{MISSING}: beyond the last follow-up of the group, or no event and fewer than 5 at risk."
    return Table(header, rows, caption, (note, absent if read.isna().to_numpy().any() else ""), left=2)


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


def missing_table(
    parts: Sequence[MissingPart],
    labels: Mapping[str, str] | None = None,
    caption: str = "",
    group_label: str = "",
    dealt_with: str = LEFT_OUT,
) -> Table:
    """Tabulate the missing values of the columns that analyses use, of all patients and in each disease group.

    Parameters
    ----------
    parts : sequence of MissingPart
        All patients first, then each group.
    labels : mapping of str to str, optional
        Label of each column.
    caption : str
        What the table shows.
    group_label : str
        Label of the disease group, "" without groups.
    dealt_with : str
        What is done about them.

    Returns
    -------
    Table
        A row for each column with a missing value, and one for patients who lack none.
    """
    header = ["Column", *(f"{begin(one.group or 'all patients')} (n = {format_count(one.n)})" for one in parts)]
    rows = []
    for place, (name, count) in enumerate(parts[0].columns):
        if count:
            cells = [_share(one.columns[place][1], one.n) for one in parts]
            rows.append([begin(label_of(name, labels)), *cells])
    rows.append(["No value missing", *(_share(one.n_complete, one.n) for one in parts)])
    note = f"Columns that models, markers and curves use. {dealt_with}"
    groups = f"Columns of the table: {group_label}." if group_label and len(parts) > 1 else ""
    return Table(header, rows, caption, (note, groups))


def concordance_table(models: Sequence[ModelPart], caption: str = "", group_label: str = "") -> Table:
    """Tabulate apparent concordance, within all disease groups together and within each.

    Parameters
    ----------
    models : sequence of ModelPart
        Models with their concordance.
    caption : str
        What the table shows.
    group_label : str
        Label of the disease group, "" without groups.

    Returns
    -------
    Table
        A row for each model, and one for each of its groups.
    """
    rows, percent, withheld, within = [], "95%", [], False
    for model in models:
        label = begin(model.label)
        whole, by_group, n_all = _apparent(model)
        parts = [("", whole, n_all), *((one.group, one.answer, (one.n, one.n_event)) for one in by_group)]
        for group, answer, numbers in parts:
            name = INDENT + group if group else label
            counts = [MISSING, MISSING] if numbers is None else [format_count(one) for one in numbers]
            corrected = "" if group else _corrected(model)
            if answer.result is None:
                rows.append([name, *counts, MISSING, MISSING, MISSING, corrected])
                withheld.append(withheld_note(f"{label}, {group}" if group else label, answer))
                continue
            result, one = answer.result, answer.result.tidy().iloc[0]
            percent, within = percent_level(result.conf_level), within or getattr(result, "n_strata", 1) > 1
            limits = format_interval(one["conf_low"], one["conf_high"], 3)
            rows.append([
                name, *counts, format_number(one["estimate"], 3), format_number(one["std_error"], 3), limits, corrected
            ])  # fmt: skip
    note = "Apparent: computed on the patients the model was fitted to; optimistic; not validated. "
    note += "0.5 is no discrimination, 1 a perfect order. Normal limits, infinitesimal-jackknife standard error."
    pairs = "Pairs are formed within strata"
    pairs += f" and within {group_label}; differences between groups do not count." if group_label else "."
    header = [
        "Model", "Patients", "Events", "Harrell's C (apparent)", "Standard error", f"{percent} limits",
        f"Corrected C ({percent} limits)",
    ]  # fmt: skip
    imputed = ""
    if any(model.pooled is not None for model in models):
        imputed = "Pooled over completed tables on the logit scale; validation repeats the imputation in each sample."
    notes = (note, imputed, pairs if within or group_label else "", _how_corrected(models), *dict.fromkeys(withheld))
    return Table(header, rows, caption, notes)


def _corrected(model: ModelPart) -> str:
    """Write C corrected for optimism."""
    if model.validation is None or model.validation.result is None:
        return MISSING
    one = next(iter(model.validation.result.scores.values()))
    return format_estimate(one.corrected, one.conf_low, one.conf_high, 3)


def _how_corrected(models: Sequence[ModelPart]) -> str:
    """Say how C was corrected, for a footnote; "" when it was not."""
    done = [one.validation.result for one in models if one.validation is not None and one.validation.result is not None]
    if not done:
        return ""
    asked = format_count(max(int(one.glance()["asked"].iloc[0]) for one in done))
    few = min(one.n for one in done) < ENOUGH_FOR_LIMITS
    descriptive = f", and descriptive below {ENOUGH_FOR_LIMITS} patients" if few else ""
    inside = ", drawn within strata and disease groups," if any(one.n_strata > 1 for one in done) else ""
    return (
        f"Corrected: apparent C less the mean optimism of {asked} bootstrap samples of patients{inside} in each of "
        f"which the model was fitted anew; its limits are those of the bootstrap moved by the optimism{descriptive}."
    )


def _apparent(model: ModelPart) -> tuple[Answer[Any], Sequence[GroupAnswer[Any]], tuple[int, int] | None]:
    """Give the apparent C that is shown, that of completed tables where there are any, with patients and events."""
    pooled, fit = model.pooled, model.fit.result
    if pooled is None:
        return model.concordance, model.concordance_by_group, None if fit is None else (fit.n, fit.n_event)
    found = pooled.fit.result
    counts = None if found is None else (int(found.fits[0].n), int(found.fits[0].n_event))
    return pooled.concordance, pooled.concordance_by_group, counts


def _share(count: float, n: float) -> str:
    return f"{format_count(count)} ({format_percent(count / n)})"


def _time(value: float) -> str:
    return NOT_REACHED if pd.isna(value) else format_significant(value)


def _times(row: Mapping[Hashable, Any]) -> str:
    return f"{_time(row['estimate'])} ({_time(row['conf_low'])} to {_time(row['conf_high'])})"
