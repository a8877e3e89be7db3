"""Sentences of a report: methods from the settings, results from the same tables as everything else."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from survmodel.formatting import (
    MISSING,
    NOT_REACHED,
    count_noun,
    format_count,
    format_number,
    format_p_equation,
    format_percent,
    format_significant,
)
from survmodel.models.formula import parse_formula
from survmodel.models.formula_grammar import Atom, Call
from survmodel.models.gray import GrayTest
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.logrank import LogrankTest
from survmodel.naming import begin, join_words, name_term
from survmodel.outcome.endpoints import DAYS_PER_MONTH
from survmodel.outcome.landmark_endpoint import OBSERVED_NO_LONGER
from survmodel.report.answers import Answer
from survmodel.report.contents import CurvePart, EndpointPart, LandmarkPart, ModelPart

NOT_ESTIMABLE = "not estimable"
SMALL_P = 0.05
_NOT_LINEAR = {"a scale": ("log", "log2", "log1p", "sqrt"), "a spline": ("rcs",)}
#: Why an analysis begins at a landmark.
LANDMARK_GROUPS = (
    "From a landmark on patients may be grouped by what they had reached by then; a comparison of such groups from "
    "time zero would favour those who reached it, since they had to live until they did (Anderson 1983)."
)


def model_warning(model: ModelPart) -> str:
    """Say so when the tests speak against proportional hazards.

    Parameters
    ----------
    model : ModelPart
        A model with its test.

    Returns
    -------
    str
        One sentence; "" when the test of all terms together has p of 0.05 or more.
    """
    test = model.proportional_hazards.result
    if test is None or not test.p_value[-1] < SMALL_P:
        return ""
    return (
        f"{begin(model.label)}: the tests speak against proportional hazards (all terms together, "
        f"{format_p_equation(float(test.p_value[-1]))}). The hazard ratios are averages over the follow-up of this "
        "cohort and depend on its length."
    )


def describe_endpoint(part: EndpointPart) -> str:
    """Say what an endpoint measures.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    str
        For example "Overall survival: time to death, in days".
    """
    unit = f", in {part.outcome.unit}" if part.outcome.unit else ""
    late = "; patients are at risk from their entry" if part.outcome.entry is not None else ""
    competing = f"; competing: {join_words(_competing(part))}" if part.causes else ""
    since = "" if part.landmark is None else "from the landmark "
    return f"{begin(part.title)}: time {since}to {part.event_label}{unit}{late}{competing}"


def describe_events(part: EndpointPart) -> str:
    """Count the events of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    str
        For example "879 of 1043 patients (84.3%)".
    """
    n, n_event = part.outcome.n, part.outcome.n_event
    if not part.causes:
        return f"{format_count(n_event)} of {count_noun(n, 'patient')} ({format_percent(n_event / n)})"
    counts = [f"{label} {format_count(count)} ({format_percent(count / n)})" for label, count in part.causes]
    of_any = f"{format_count(n_event)} of any kind in {count_noun(n, 'patient')}"
    return f"{of_any} ({format_percent(n_event / n)}): {', '.join(counts)}"


def composite_note(part: EndpointPart) -> str:
    """Say below a curve or its table that it is of the composite of competing events.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    str
        A sentence after a space; "" unless events compete.
    """
    return f" Composite of {part.outcome.endpoint}, whichever came first." if part.causes else ""


def cause_specific_note(part: EndpointPart) -> str:
    """Say what cause-specific hazard ratios describe.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    str
        A sentence after a space; "" unless events compete.
    """
    if not part.causes:
        return ""
    return (
        f" They describe the rate of {part.event_label} among patients still free of any event, not its cumulative "
        "risk."
    )


def _competing(part: EndpointPart) -> list[str]:
    return [label for label, _ in part.causes[1:]]


def methods(part: EndpointPart, labels: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Write the methods of one endpoint from its settings.

    Parameters
    ----------
    part : EndpointPart
        The endpoint, its curves and models.
    labels : mapping of str to str
        Label of each column.

    Returns
    -------
    tuple of tuple of str
        Paragraphs, each of its sentences.
    """
    paragraphs = [tuple(_describe_curves(part))]
    if part.models:
        paragraphs.append(tuple(_describe_models(part.models, part, labels)))
    return tuple(paragraphs)


def _describe_curves(part: EndpointPart) -> list[str]:
    sentences = [_describe_time(part), *_describe_between(part)]
    if part.causes and len(part.first_of) > 1:
        order = ", then ".join(part.first_of)
        sentences.append(f"Of events at one time the one that the study file lists first counts: {order}.")
    if part.landmark is not None:
        sentences += [_describe_landmark(part, part.landmark), LANDMARK_GROUPS]
    if part.outcome.entry is not None:
        sentences.append("Patients count as at risk from their entry, which may be later than time zero.")
    ending = "an event of any kind ends observation and " if part.causes else ""
    sentences.append(
        f"Follow-up was summarised by the reverse Kaplan-Meier method, in which {ending}events leave before "
        "censorings at ties."
    )
    if part.incidence:
        sentences.append(
            "The cumulative incidence of each event in the presence of the others was estimated by the Aalen-Johansen "
            "method, with log-log limits from its infinitesimal-jackknife standard error."
        )
    if any(answer.result is not None for one in part.incidence for answer in one.tests):
        sentences.append("Gray's test compared the cumulative incidence of each event between groups.")
    if not part.curves:
        return sentences
    kinds = list(dict.fromkeys(curve.fit.result.conf_type for curve in part.curves if curve.fit.result is not None))
    limits = f" with {join_words(kinds)} limits" if kinds else ""
    if part.causes:
        sentences.append(
            f"Kaplan-Meier curves and log-rank tests are of the composite of any of these events, because one minus a "
            f"Kaplan-Meier curve of {part.event_label} with competing events censored would overstate the risk."
        )
    what = begin(part.label) if part.causes else "Survival"
    sentences.append(
        f"{what} was estimated by the Kaplan-Meier method{limits} from Greenwood's variance; until the first event the "
        "limits are exact, and a curve ends at the last follow-up of its group."
    )
    groups = [curve.label for curve in part.curves if curve.by]
    if groups:
        sentences.append(
            f"Groups by {join_words(groups)} were compared by the log-rank test with hypergeometric variance."
        )
    strata = list(dict.fromkeys(curve.strata_label for curve in part.curves if curve.strata_label))
    if strata:
        within = [curve.label for curve in part.curves if curve.strata_label]
        sentences.append(
            f"The test by {join_words(within)} is stratified by {join_words(strata)}: only patients of one "
            f"{join_words(strata)} are compared, while the curves are of all of them together."
        )
    return sentences


def _describe_landmark(part: EndpointPart, landmark: LandmarkPart) -> str:
    """Say who is analysed from a landmark on, and who was lost by then."""
    at = f"{format_significant(landmark.at, 6)} {landmark.unit}".rstrip()
    of_any = "any of these events" if part.causes else "the event"
    lost = [f"{format_count(count)} by {reason}" for reason, count in landmark.lost if reason != OBSERVED_NO_LONGER]
    lost += [
        f"{format_count(count)} because observation ended"
        for reason, count in landmark.lost
        if reason == OBSERVED_NO_LONGER
    ]
    gone = f"; lost by then: {join_words(lost)}" if lost else "; nobody was lost by then"
    patients = count_noun(part.outcome.n, "patient")
    return f"The analysis is of the {patients} under observation and free of {of_any} at {at}{gone}."


def _describe_time(part: EndpointPart) -> str:
    unit = f" in {part.outcome.unit}" if part.outcome.unit else ""
    if part.outcome.unit == "months" and part.time_zero:
        unit += f" of {format_significant(DAYS_PER_MONTH, 6)} days"
    if part.landmark is not None:
        unit += " from there" + (f", and the landmark from the {part.time_zero}," if part.time_zero else "")
    elif part.time_zero:
        unit += f" from the {part.time_zero}"
    last = f"the {part.censored_at}" if part.censored_at else "their last follow-up"
    if not part.causes:
        which, without = "", "the event"
        if len(part.first_of) > 1:
            which, without = ", whichever came first", "any of these"
        return (
            f"{begin(part.label)} was measured{unit} until {part.event_label}{which}; patients without {without} were "
            f"censored at {last}."
        )
    competing = _competing(part)
    noun = "competing events" if len(competing) > 1 else "the competing event"
    return (
        f"{begin(part.title)}: time was measured{unit} until {part.event_label} or {noun} {join_words(competing)}, "
        f"whichever came first; patients without any of these were "
        f"censored at {last}."
    )


def _describe_between(part: EndpointPart) -> list[str]:
    """Say what was decided about events that came in between: that is part of the question."""
    return [
        f"{begin(one.event)} while under observation, {count_noun(one.n, 'patient')}: {one.rule}."
        for one in part.between
    ]


def _describe_models(models: Sequence[ModelPart], part: EndpointPart, labels: Mapping[str, str]) -> list[str]:
    """Name each model, then say once what holds for all of them."""
    sentences = [_describe_model(model, part, labels) for model in models]
    several = len(models) > 1
    named = [what for what, functions in _NOT_LINEAR.items() if any(_calls(model, functions) for model in models)]
    unless = f" unless {' or '.join(named)} is named" if named else ""
    sentences.append(f"Numbers enter linearly{unless}.")
    of_all = "In each model, patients" if several else "Patients"
    if part.imputation is None:
        sentences.append(f"{of_all} with a missing value in any of these were left out (complete cases).")
    sentences += [
        "Proportional hazards were examined by score tests of an interaction with time (transformed by the "
        "Kaplan-Meier curve), for each term and for all together.",
        "Discrimination is Harrell's C of the model's own patients, within strata and disease groups where there are "
        "any; pairs tied in time with both events are left out and tied predictions count one half.",
    ]
    if part.causes:
        head = "These models are cause-specific" if several else "The model is cause-specific"
        sentences.append(
            f"{head}: a competing event censors the patient. The hazard ratios describe the rate of "
            f"{part.event_label} among patients still free of any event, not its cumulative risk; the tests of "
            "proportional hazards and C are of the same cause-specific hazard."
        )
    return sentences


def _describe_model(model: ModelPart, part: EndpointPart, labels: Mapping[str, str]) -> str:
    formula = parse_formula(model.formula)
    names = [_name_atom(atom, labels) for atom in formula.atoms]
    crossed = [name_term(term.label, labels) for term in formula.terms if len(term.factors) > 1]
    names += [f"the interaction {name}" for name in crossed]
    strata = [labels.get(name) or name for name in model.strata]
    layers = f", with a baseline hazard of its own for each level of {join_words(strata)}" if strata else ""
    kind = "cause-specific Cox" if part.causes else "Cox"
    what = part.event_label if part.causes else part.label
    limits = "Wald limits"
    if model.penalty:
        limits = (
            "Firth's penalised likelihood (Heinze and Schemper 2001), limits of its profile and penalised "
            "likelihood-ratio tests"
        )
    return (
        f"{begin(model.label)}: {kind} proportional-hazards regression of {what} on {join_words(names)}"
        f"{layers}, with {begin(model.ties)}'s treatment of ties and {limits}."
    )


def _name_atom(atom: Atom, labels: Mapping[str, str]) -> str:
    """Name a column by its label, with its scale where it has one and with the groups that its meaning depends on."""
    if not isinstance(atom, Call):
        return labels.get(atom.name) or atom.name
    others = [labels.get(column.name) or column.name for column in atom.columns[1:]]
    match atom.function:
        case "within":
            return f"{_name_atom(atom.inner, labels)} with a slope of its own in each {others[0]}"
        case "within_entity_z":
            return f"{_name_atom(atom.inner, labels)} standardised within {others[0]}"
        case "published_risk":
            return f"{_name_atom(atom.inner, labels)} as log(-log S) of the published survival S"
        case "rcs":
            scale = f", {atom.inner.function} scale" if isinstance(atom.inner, Call) else ""
            name = atom.columns[0].name
            return f"{labels.get(name) or name} (restricted cubic spline{scale})"
        case "log" | "log2" | "log1p" | "sqrt":
            return f"{_name_atom(atom.inner, labels)} ({atom.function} scale)"
    return _name_atom(atom.inner, labels)


def _calls(model: ModelPart, functions: Collection[str]) -> bool:
    return any(f"{name}(" in model.formula for name in functions)


def logrank_sentence(test: LogrankTest, label: str, of: str = "survival", strata_label: str = "") -> str:
    """State a log-rank test.

    Parameters
    ----------
    test : LogrankTest
        The test.
    label : str
        Label of the grouping factor.
    of : str
        What the curves measure.
    strata_label : str
        Label of the column within which groups are compared, "" without strata.

    Returns
    -------
    str
        What the test says, and what it does not.
    """
    statistic = f"chi-squared {format_number(test.statistic, 2)}, {format_count(test.df)} df"
    within = f", within {strata_label}" if strata_label else ""
    few = ""
    if test.permutations:
        few = f"; by {format_count(test.permutations)} permutations {format_p_equation(test.permutation_p_value)}"
    return (
        f"Log-rank test of equal {of} by {label}{within}: {format_p_equation(test.p_value)} ({statistic}){few}. "
        "The test tells whether curves differ, not by how much."
    )


def gray_sentence(test: GrayTest, label: str, strata_label: str = "") -> str:
    """State Gray's test.

    Parameters
    ----------
    test : GrayTest
        The test.
    label : str
        Label of the grouping factor.
    strata_label : str
        Label of the column within which groups are compared, "" without strata.

    Returns
    -------
    str
        What the test says.
    """
    statistic = f"chi-squared {format_number(test.statistic, 2)}, {format_count(test.df)} df"
    within = f", within {strata_label}" if strata_label else ""
    return (
        f"Gray's test of equal cumulative incidence of {test.cause} by {label}{within}: "
        f"{format_p_equation(test.p_value)} ({statistic})."
    )


def curve_caption(part: EndpointPart, curve: CurvePart, fit: KaplanMeierFit) -> str:
    """Write the caption of a Kaplan-Meier figure.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    curve : CurvePart
        The curves.
    fit : KaplanMeierFit
        Their estimate.

    Returns
    -------
    str
        What is drawn, with the type of limits.
    """
    by = f" by {curve.label}" if curve.by else ""
    left = ""
    if curve.n_left_out:
        verb = "is" if curve.n_left_out == 1 else "are"
        left = f" {count_noun(curve.n_left_out, 'patient')} without a group {verb} left out."
    left += "".join(f" {begin(group)}: one patient, not drawn." for group in curve.alone)
    percent = format_significant(100 * fit.conf_level)
    why = ""
    if part.causes:
        why = " One minus a Kaplan-Meier curve with competing events censored would overstate the risk."
    late = " Patients are at risk from their entry." if part.outcome.entry is not None else ""
    return (
        f"{begin(part.label)}{by}, Kaplan-Meier estimate of {count_noun(fit.n, 'patient')} with "
        f"{count_noun(fit.n_event, 'event')}. Bands: pointwise {percent}% limits ({fit.conf_type})."
        f"{left}{late}{composite_note(part)}{why}"
    )


def curve_alt_text(part: EndpointPart, curve: CurvePart, fit: KaplanMeierFit) -> str:
    """Describe a Kaplan-Meier figure to a reader who cannot see it.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    curve : CurvePart
        The curves.
    fit : KaplanMeierFit
        Their estimate.

    Returns
    -------
    str
        Groups with their medians.
    """
    unit = f" {fit.unit}" if fit.unit else ""
    medians = []
    for record in fit.quantile(0.5).to_dict("records"):
        time = NOT_REACHED if pd.isna(record["estimate"]) else format_significant(record["estimate"]) + unit
        medians.append(f"{record['group'] or 'all patients'}: median {time}")
    by = f" by {curve.label}" if curve.by else ""
    return f"Kaplan-Meier curves of {part.label}{by}.{composite_note(part)} {begin('; '.join(medians))}."


def model_sentence(model: ModelPart) -> str:
    """State the overall test of a Cox model.

    Parameters
    ----------
    model : ModelPart
        A model with a fit.

    Returns
    -------
    str
        One sentence; "" without a fit.
    """
    if model.fit.result is None:
        return ""
    whole = model.fit.result.glance().iloc[0]
    test = f"{format_number(whole['lr_statistic'], 1)} on {format_count(whole['lr_df'])} df"
    return (
        f"{begin(model.label)}, likelihood-ratio test against no covariates: {format_p_equation(whole['lr_p_value'])} "
        f"(chi-squared {test})."
    )


def not_estimable(what: str, reason: str) -> str:
    """Say that a statistic does not exist, and why.

    Parameters
    ----------
    what : str
        Name of the statistic.
    reason : str
        Why.

    Returns
    -------
    str
        For example "Log-rank test: not estimable: there are no events."
    """
    stop = "" if reason.endswith((".", "?")) else "."
    return f"{what}: {NOT_ESTIMABLE}: {reason}{stop}"


def withheld_note(what: str, answer: Answer[Any]) -> str:
    """Say below a table why a number is not in it.

    Parameters
    ----------
    what : str
        Whose number.
    answer : Answer
        Why there is none.

    Returns
    -------
    str
        A footnote; the same one for all numbers that too few events speak for, whose count stands in their row.
    """
    if answer.withheld:
        return f"{MISSING}: {answer.reason.partition(', ')[2]} events, and therefore not printed."
    return f"{MISSING} {what}: {answer.reason.rstrip('.')}."
