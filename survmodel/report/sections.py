"""The order of a report: what this is, what it can show, methods, patients, curves, markers, models, warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from survmodel.formatting import MISSING, count_noun, format_count
from survmodel.naming import begin
from survmodel.report import hazard_tables, sentences, study_sentences, study_tables, tables
from survmodel.report.added_value_sections import added_value_blocks
from survmodel.report.answers import Answer
from survmodel.report.care_sections import safety_blocks
from survmodel.report.comparison_sections import comparison_blocks, performance_blocks
from survmodel.report.contents import CurvePart, EndpointPart, IncidencePart, ModelPart, StudyContents
from survmodel.report.cutpoint_sections import cutpoint_blocks
from survmodel.report.document import Block, Document, Facts, FigureBlock, Paragraph, Section, TableBlock
from survmodel.report.family_sections import family_blocks
from survmodel.report.imaging_sections import imaging_sections
from survmodel.report.imputation_sections import imputation_blocks, imputation_methods, pooled_blocks
from survmodel.report.left_out_sections import left_out_blocks
from survmodel.report.response_sections import response_blocks
from survmodel.report.sensitivity_sections import sensitivity_blocks
from survmodel.report.table_one import description_table
from survmodel.report.tracer_sections import tracer_blocks
from survmodel.report.validation_sections import (
    forest_blocks,
    further_blocks,
    has_risk_groups,
    risk_group_blocks,
    validation_methods,
)


def build_document(contents: StudyContents) -> Document:
    """Lay out the report of a study.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Returns
    -------
    Document
        Ready for a writer; every table and figure says when the data are synthetic or the run is incomplete.
    """
    parts = contents.endpoints
    several = len(parts) > 1
    sections = [
        Section("What this study can show", tuple(_precision(contents))),
        Section("Methods", tuple(_methods(contents))),
    ]
    patients = tuple(_patients(contents))
    if patients:
        sections.append(Section("Patients", patients))
    if contents.tracers is not None:
        blocks = tuple(tracer_blocks(contents.tracers, contents.group_label, contents.labels))
        sections.append(Section("CXCR4 PET and FDG PET", blocks))
    if contents.imaging is not None:
        sections += imaging_sections(contents.imaging, contents.group_label)
    if contents.families is not None:
        sections.append(Section("Markers that measure the same", tuple(family_blocks(contents.families))))
    for part in parts:
        sections += _of_endpoint(part, contents, f": {part.title}" if several else "")
    if contents.responses:
        blocks = tuple(response_blocks(contents.responses, contents.labels, contents.units))
        sections.append(Section("Response to treatment", blocks))
    sections += _remarks(contents)
    safety = () if contents.imaging is None else safety_blocks(contents.imaging.safety)
    further = (*further_blocks(contents), *safety)
    if further:
        sections.append(Section("Appendix", further))
    marks = [*(["INCOMPLETE"] if contents.failed() else []), *(["SYNTHETIC"] if contents.synthetic else [])]
    title = ": ".join([*marks, contents.title])
    document = Document(title, tuple(_opening(contents)), tuple(sections), contents.footer)
    return stamp_document(document, contents.stamp)


def _of_endpoint(part: EndpointPart, contents: StudyContents, tail: str) -> Iterator[Section]:
    """Lay out the sections of an endpoint, each with the endpoint's name where there are several."""
    yield Section(f"Events and follow-up{tail}", tuple(_counts(part, contents)))
    if part.curves:
        yield Section(begin(part.label) + (tail if part.causes else ""), tuple(_curves(part)))
    if part.incidence:
        yield Section(f"Cumulative incidence{tail}", tuple(_incidence(part)))
    if part.markers:
        yield Section(f"Markers one at a time{tail}", tuple(_markers(part, contents)))
    if part.models:
        kind = "Cause-specific Cox models" if part.causes else "Cox models"
        yield Section(f"{kind}{tail}", tuple(_models(part, contents)))
    if has_risk_groups(part):
        yield Section(f"Risk groups{tail}", tuple(risk_group_blocks(part)))
    if part.forests:
        yield Section(f"Random survival forest{tail}", tuple(forest_blocks(part, contents)))
    changed = contents.question is not None and bool(contents.question.changes)
    yield from _of_performance(part, tail, contents.labels, changed=changed)


def _of_performance(part: EndpointPart, tail: str, labels: Mapping[str, str], *, changed: bool) -> Iterator[Section]:
    """Lay out what models would do in other patients, and what markers add."""
    performance = tuple(performance_blocks(part))
    if performance:
        yield Section(f"Performance in other patients{tail}", performance)
    if part.added_value is not None:
        added = part.added_value
        blocks = tuple(added_value_blocks(part, added, labels, changed=changed))
        yield Section(f"Added value of {added.marker}{tail}", blocks)
    if part.cutpoints:
        yield Section(f"Searched cut-points{tail}", tuple(cutpoint_blocks(part)))
    if part.sensitivity:
        yield Section(f"Sensitivity analyses{tail}", tuple(sensitivity_blocks(part)))
    if part.comparisons:
        yield Section(f"Comparison of models{tail}", tuple(comparison_blocks(part)))
    if part.left_out:
        yield Section(f"Models in groups that they had not seen{tail}", tuple(left_out_blocks(part)))


def stamp_document(document: Document, stamp: str) -> Document:
    """Say in every table and figure what the data are.

    Parameters
    ----------
    document : Document
        A report.
    stamp : str
        For example "SYNTHETIC data"; "" leaves the report as it is.

    Returns
    -------
    Document
        Captions begin with the stamp, and so do texts for readers who cannot see a figure.
    """
    if not stamp:
        return document

    def mark(block: Block) -> Block:
        if isinstance(block, TableBlock):
            return replace(block, table=block.table.with_caption(f"{stamp}. {block.table.caption}"))
        if isinstance(block, FigureBlock):
            return replace(block, caption=f"{stamp}. {block.caption}", alt_text=f"{stamp}. {block.alt_text}")
        return block

    sections = tuple(replace(one, blocks=tuple(map(mark, one.blocks))) for one in document.sections)
    return replace(document, opening=tuple(map(mark, document.opening)), sections=sections)


def _opening(contents: StudyContents) -> Iterator[Block]:
    if contents.synthetic:
        yield Paragraph(study_sentences.SYNTHETIC, "warning")
    failed = contents.failed()
    if failed:
        count = count_noun(len(failed), "statistic")
        names = ", ".join(answer.step for answer in failed)
        text = f"Incomplete: {count} could not be estimated ({names}). The reason stands in the place of each."
        yield Paragraph(text, "missing")
    if contents.question is not None and contents.question.changes:
        yield Paragraph(study_sentences.lock_sentence(contents.question), "warning")
    facts = [("Patients", format_count(contents.n))]
    for part in contents.endpoints:
        facts.append(("Endpoint", sentences.describe_endpoint(part)))
        facts.append(("Events", sentences.describe_events(part)))
    if contents.question is not None:
        facts.append(("Primary marker", study_sentences.describe_question(contents.question, contents)))
    if contents.source:
        facts.append(("Data", contents.source))
    yield Facts(tuple(facts))


def _precision(contents: StudyContents) -> Iterator[Block]:
    parts = contents.endpoints
    for part in parts:
        answer = part.precision
        if answer is None or answer.result is None:
            reason = "it was not asked for" if answer is None else answer.reason
            yield Paragraph(sentences.not_estimable(f"Precision, {part.title}", reason), "missing")
        else:
            yield Paragraph(study_sentences.precision_sentence(part, answer.result))
    if any(part.precision and part.precision.result for part in parts):
        accepted = study_sentences.accepted_notes(contents)
        yield TableBlock(study_tables.precision_table(parts, contents.group_label, accepted), "precision")


def _patients(contents: StudyContents) -> Iterator[Block]:
    flows = [flow for flow in contents.flows if flow.steps or flow.is_declared]
    if flows or contents.waived:
        table = study_tables.flow_table(flows, contents.n, study_sentences.accepted_notes(contents))
        yield TableBlock(table, "flow")
    answer = contents.description
    if answer is None:
        return
    if answer.result is None:
        yield Paragraph(sentences.not_estimable("Description of the patients", answer.reason), "missing")
        return
    of = f" in the {contents.described} set" if contents.described else ""
    by = f" by {contents.group_label}" if contents.group_label else ""
    table = description_table(
        answer.result, contents.labels, contents.units, caption=f"Patients{of}{by}.", by_label=contents.group_label
    )
    yield TableBlock(table, "table_one")


def _methods(contents: StudyContents) -> Iterator[Block]:
    """Write the methods; a sentence that holds for several endpoints is said once."""
    said: set[str] = set()
    for part in contents.endpoints:
        imputed = imputation_methods(part, contents.labels)
        for paragraph in (*sentences.methods(part, contents.labels), imputed, validation_methods(part)):
            new = [sentence for sentence in paragraph if sentence not in said]
            said.update(new)
            if new:
                yield Paragraph(" ".join(" ".join(new).split()))
    for text in study_sentences.general_methods(contents):
        yield Paragraph(" ".join(text.split()))


def _counts(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    table = tables.counts_table(part, part.missing, contents.labels)
    yield TableBlock(table, f"counts_{part.name}")
    if any(count for _, count in part.missing):
        caption = f"Missing values, {part.title}."
        note = tables.LEFT_OUT if part.imputation is None else tables.IMPUTED
        shown = tables.missing_table(part.missing_by_group, contents.labels, caption, contents.group_label, note)
        yield TableBlock(shown, f"missing_{part.name}")


def _markers(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    kind = "cause-specific hazard ratios" if part.causes else "hazard ratios"
    caption = f"Markers, {kind} for {part.event_label}.{sentences.cause_specific_note(part)}"
    table = hazard_tables.marker_table(part.markers, contents.labels, contents.units, caption)
    yield TableBlock(table, f"markers_{part.name}")
    for marker in part.markers:
        warning = study_sentences.opposite_signs(marker, contents)
        if warning:
            yield Paragraph(warning, "warning")
        for one in marker.fits:
            if one.answer.failed:
                what = f"Hazard ratio of {marker.name}, {one.group or 'all patients'}"
                yield Paragraph(sentences.not_estimable(what, one.answer.reason), "missing")


def _curves(part: EndpointPart) -> Iterator[Block]:
    for curve in part.curves:
        fit = curve.fit.result
        if fit is None:
            yield Paragraph(sentences.not_estimable("Kaplan-Meier curves", curve.fit.reason), "missing")
            continue
        if curve.figure is not None:
            yield curve.figure
        if curve.test is not None:
            yield _test(part, curve)
        name = "_".join(word for word in (part.name, curve.by) if word)
        by = f" by {curve.label}" if curve.by else ""
        note = sentences.composite_note(part)
        what = "time to the first event of any kind" if part.causes else part.label
        yield TableBlock(tables.median_table(fit, curve.label, f"Median {what}{by}.{note}"), f"median_{name}")
        if part.horizons:
            caption = f"{begin(part.label)} at fixed times{by}, Kaplan-Meier estimate.{note}"
            measure = "Event-free" if part.causes else "Survival"
            table = tables.survival_table(fit, part.horizons, curve.label, caption, measure=measure)
            yield TableBlock(table, f"survival_{name}")


def _incidence(part: EndpointPart) -> Iterator[Block]:
    if not part.horizons:
        yield Paragraph("It is read at the horizons of the endpoint, and the study declares none.")
        for one in part.incidence:
            yield from _gray_tests(one)
        return
    for one in part.incidence:
        if one.fit.result is None:
            what = f"Cumulative incidence by {one.label}" if one.by else "Cumulative incidence"
            yield Paragraph(sentences.not_estimable(what, one.fit.reason), "missing")
            continue
        by = f" by {one.label}" if one.by else ""
        caption = f"Cumulative incidence at fixed times{by}, Aalen-Johansen estimate."
        name = "_".join(word for word in ("incidence", part.name, one.by) if word)
        yield TableBlock(tables.incidence_table(one.fit.result, part.horizons, one.label, caption), name)
        yield from _gray_tests(one)


def _gray_tests(one: IncidencePart) -> Iterator[Paragraph]:
    for answer in one.tests:
        if answer.result is None:
            yield Paragraph(sentences.not_estimable("Gray's test", answer.reason), "missing")
        else:
            yield Paragraph(sentences.gray_sentence(answer.result, one.label, one.strata_label))


def _test(part: EndpointPart, curve: CurvePart) -> Paragraph:
    if curve.test is None or curve.test.result is None:
        reason = "" if curve.test is None else curve.test.reason
        return Paragraph(sentences.not_estimable("Log-rank test", reason), "missing")
    of = part.label if part.causes or part.first_of or part.landmark else "survival"
    return Paragraph(sentences.logrank_sentence(curve.test.result, curve.label, of, curve.strata_label))


def _models(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    yield from imputation_blocks(part, contents)
    for model in part.models:
        yield from pooled_blocks(model, part, contents)
        yield from _model(model, part, contents)
    shown = [model for model in part.models if _is_shown(model)]
    for model in shown:
        for answer in _concordances(model):
            if answer.failed:
                yield Paragraph(sentences.not_estimable(f"Concordance, {model.label}", answer.reason), "missing")
    if shown and not any(answer.result for model in shown for answer in _concordances(model)):
        withheld = [answer for model in shown for answer in _concordances(model) if answer.withheld]
        for note in dict.fromkeys(sentences.withheld_note("", answer) for answer in withheld):
            yield Paragraph(f"Harrell's C{note.removeprefix(MISSING)}")
    elif shown:
        competing = ", by cause-specific models; a competing event counts as censored" if part.causes else ""
        caption = f"Apparent discrimination of {part.title}{competing}."
        table = tables.concordance_table(shown, caption, contents.group_label)
        yield TableBlock(table, f"concordance_{part.name}")


def _is_shown(model: ModelPart) -> bool:
    return (model.fit if model.pooled is None else model.pooled.fit).result is not None


def _concordances(model: ModelPart) -> list[Answer[Any]]:
    pooled = model.pooled
    if pooled is not None:
        return [pooled.concordance, *(one.answer for one in pooled.concordance_by_group)]
    return [model.concordance, *(one.answer for one in model.concordance_by_group)]


def _model(model: ModelPart, part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    whose, name = ("", "") if model.pooled is None else (", complete cases", "_complete_cases")
    label = begin(model.label) + whose
    fit = model.fit.result
    if fit is None:
        if model.fit.withheld:
            yield Paragraph(f"{label}: not printed: {model.fit.reason}.")
        else:
            yield Paragraph(sentences.not_estimable(label, model.fit.reason), "missing")
        return
    counts = f"{count_noun(fit.n, 'patient')}, {count_noun(fit.n_event, 'event')}"
    kind = "cause-specific " if part.causes else ""
    caption = f"{label}: {kind}hazard ratios for {part.event_label} ({counts}).{sentences.cause_specific_note(part)}"
    if model.pooled is None:
        yield Paragraph(sentences.model_sentence(model))
    table = hazard_tables.model_table(model, contents.labels, contents.units, caption)
    yield TableBlock(table, f"cox_{model.name}{name}")
    for term, answer in model.univariable:
        if answer.failed:
            yield Paragraph(sentences.not_estimable(f"{label}, {term} alone", answer.reason), "missing")
    test = model.proportional_hazards.result
    if test is None:
        what = f"{label}, test of proportional hazards"
        yield Paragraph(sentences.not_estimable(what, model.proportional_hazards.reason), "missing")
        return
    caption = f"{label}: tests of proportional {kind}hazards."
    shown = tables.proportional_hazards_table(test, contents.labels, caption)
    yield TableBlock(shown, f"proportional_hazards_{model.name}")
    warning = sentences.model_warning(model)
    if warning:
        yield Paragraph(warning, "warning")


def _remarks(contents: StudyContents) -> Iterator[Section]:
    warnings = contents.warnings()
    told = [text for severity, text in contents.findings if severity != "note"]
    if warnings or told:
        models = {model.fit.step: model.label for part in contents.endpoints for model in part.models}
        shown = [f"{models[step]}: {warning}" if step in models else warning for step, warning in warnings]
        blocks = [Paragraph(f"{begin(text)}.", "warning") for text in shown]
        blocks += [Paragraph(text, "warning") for text in told]
        yield Section("Warnings", tuple(blocks))
    notes = [text if text.endswith(".") else f"{begin(text)}." for text in contents.notes]
    notes += [text for severity, text in contents.findings if severity == "note"]
    if notes:
        yield Section("Notes", tuple(Paragraph(note, "note") for note in notes))
