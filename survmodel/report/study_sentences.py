"""Sentences about a study as a whole: its question, what its events can show, what was accepted in its data."""

from __future__ import annotations

import pandas as pd

from survmodel.formatting import count_noun, format_number, format_significant
from survmodel.naming import begin, join_words
from survmodel.performance.precision import HALF_WIDTH, PER_SD, Precision
from survmodel.report.contents import EndpointPart, MarkerPart, Question, StudyContents

SYNTHETIC = (
    "SYNTHETIC data: a program made these patients; nobody in them exists, and nothing here is evidence about any "
    "disease, tracer or treatment."
)


def general_methods(contents: StudyContents) -> tuple[str, ...]:
    """Write what holds for every analysis of a study.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Returns
    -------
    tuple of str
        Paragraphs.
    """
    general = (
        f"{_missing(contents)} Limits are 95% confidence limits and tests are two-sided. P-values are not adjusted "
        "for the number of tests. Covariates, transformations and cut-points are those declared in the study file; no "
        "algorithm chose them."
    )
    cuts = [f"{begin(label)}: {source.rstrip('.')}." for label, source in contents.cut_sources if source]
    if cuts:
        general += f" Cut-points: {' '.join(cuts)}"
    if contents.clinical_index:
        general += f" {contents.clinical_index}"
    markers = [_describe_markers(contents)] if any(part.markers for part in contents.endpoints) else []
    question = contents.question
    if question is None:
        return (*markers, general)
    titles = {part.name: part.title for part in contents.endpoints}
    lock = (
        f"The primary question was fixed before the outcomes were joined with the markers: {question.marker} and "
        f"{titles.get(question.endpoint, question.endpoint)}{_pair(question)}; SHA-256 of this "
        f"question {question.sha256}. {lock_sentence(question)}"
    )
    return (*markers, general, lock)


def _missing(contents: StudyContents) -> str:
    """Say what is done about missing values."""
    if any(part.imputation is not None for part in contents.endpoints):
        return "Only the Cox models stand on imputed values; each curve and each other comparison is of its complete " \
               "cases, and says how many patients were left out."  # fmt: skip
    return (
        "Missing values are not imputed: each model and each comparison is of its complete cases, and says how many "
        "patients were left out."
    )


def _pair(question: Question) -> str:
    return f", judged by the models {' and '.join(question.models)}" if question.models else ""


def describe_question(question: Question, contents: StudyContents) -> str:
    """Say what the study asks.

    Parameters
    ----------
    question : Question
        Primary marker and endpoint.
    contents : StudyContents
        How endpoints are called.

    Returns
    -------
    str
        One line.
    """
    titles = {part.name: part.title for part in contents.endpoints}
    endpoint = titles.get(question.endpoint, question.endpoint)
    when = f", and on {question.locked_on[0]}" if question.locked_on else ""
    text = f"{question.marker}, for {endpoint}; locked before the outcomes were joined{when} ({question.sha256[:12]})"
    return f"{text}. Changed after the lock" if question.changes else text


def lock_sentence(question: Question) -> str:
    """Say when the question was locked in a file, and what was changed.

    Parameters
    ----------
    question : Question
        Primary marker and endpoint.

    Returns
    -------
    str
        One sentence or more.

    Examples
    --------
    >>> lock_sentence(Question("CXCR4 SUVmax", "pfs", (), "3f", locked_on=("2025-01-31",)))
    'The question was locked on 2025-01-31 and not changed since.'
    """
    if not question.locked_on:
        return "No lock of the question stands beside the study file, so that its date rests on the authors' word."
    day = question.locked_on[0]
    late = " That day is later than the data lock: outcomes could be known by then." if question.is_late else ""
    if not question.changes:
        return f"The question was locked on {day} and not changed since.{late}"
    return f"The question was locked on {day}.{late} {' '.join(f'{begin(text)}.' for text in question.changes)}"


def accepted_notes(contents: StudyContents) -> tuple[str, ...]:
    """Say which patients were set aside and which findings in the data were accepted.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Returns
    -------
    tuple of str
        Footnotes.
    """
    aside = dict.fromkeys(
        (why, gone) for flow in contents.flows for why, gone, _ in flow.steps if why.startswith("set aside")
    )
    notes = [f"{begin(why)} ({count_noun(gone, 'patient')})." for why, gone in aside]
    return (*notes, *(f"Accepted: {finding} Reason: {reason.rstrip('.')}." for finding, reason in contents.waived))


def precision_sentence(part: EndpointPart, precision: Precision) -> str:
    """Say in words what so many events can show.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    precision : Precision
        The numbers.

    Returns
    -------
    str
        Two sentences, the second one about the precision of C.
    """
    tidy = precision.tidy()
    whole = {row["measure"]: row["estimate"] for row in tidy[tidy["group"] == ""].to_dict("records")}
    counted = int(tidy["n_event"].iloc[0])
    events = count_noun(counted, "event") + (f" ({part.event_label})" if part.causes else "")
    head = f"{begin(part.title)}: {count_noun(part.outcome.n, 'patient')} with {events}."
    ratio, width = whole.get(PER_SD), whole.get(HALF_WIDTH)
    if ratio is not None and not pd.isna(ratio):
        head += (
            f" A marker would need a hazard ratio of {format_number(ratio)} or more for each standard deviation to be "
            f"found with {format_significant(100 * precision.power)}% power; smaller effects can be missed."
        )
    if width is not None and not pd.isna(width):
        head += f" C of an index that tells nothing would lie between {_around(-width)} and {_around(width)}."
    return head


def _around(width: float) -> str:
    return format_number(min(max(0.5 + width, 0.0), 1.0))


def opposite_signs(marker: MarkerPart, contents: StudyContents) -> str:
    """Warn where a marker points in opposite directions in two disease groups or entities.

    Parameters
    ----------
    marker : MarkerPart
        A marker with its fits.
    contents : StudyContents
        How columns are called.

    Returns
    -------
    str
        One sentence; "" when the estimates of all groups that have one agree in sign.
    """
    found = {
        one.group: float(one.answer.result.beta[0])
        for one in (*marker.fits, *marker.by_entity)
        if one.group and one.answer.result is not None
    }
    up, down = (
        [group for group, beta in found.items() if beta > 0],
        [group for group, beta in found.items() if beta < 0],
    )
    if not (up and down):
        return ""
    name = begin(contents.labels.get(marker.name, marker.name))
    return (
        f"{name}: the hazard ratio is above 1 in {join_words(up)} and below 1 in {join_words(down)}. The estimate of "
        "all patients together is no summary of these."
    )


def _describe_markers(contents: StudyContents) -> str:
    markers = {marker.name: marker for part in contents.endpoints for marker in part.markers}
    names = [contents.labels.get(name) or name for name in markers]
    scales = list(dict.fromkeys(marker.term.split("(")[0] for marker in markers.values() if "(" in marker.term))
    scale = f" ({join_words(scales)} scale)" if scales else ""
    fits = (one.answer.result for part in contents.endpoints for marker in part.markers for one in marker.fits)
    strata = next((fit.spec.strata or () for fit in fits if fit is not None), ())
    layers = [contents.labels.get(key) or key for key in strata]
    by = f", with a baseline hazard of its own for each level of {join_words(layers)}" if layers else ""
    competing = (
        "; where events compete, hazards are cause-specific" if any(p.causes for p in contents.endpoints) else ""
    )
    return (
        f"{begin(join_words(names))}: each marker was analysed alone as a continuous number{scale} by Cox regression "
        f"of each endpoint{by}, in all patients and in each disease group with enough events{competing}."
    )
