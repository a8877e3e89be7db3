"""The order of a report: what this is, methods, counts, curves, models, warnings."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.formatting import count_noun, format_count
from survmodel.report import sentences, tables
from survmodel.report.contents import CurvePart, EndpointPart, ModelPart, StudyContents
from survmodel.report.document import Block, Document, Facts, Paragraph, Section, TableBlock
from survmodel.report.naming import begin


def build_document(contents: StudyContents) -> Document:
    """Lay out the report of a study.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Returns
    -------
    Document
        Ready for a writer.
    """
    parts = contents.endpoints
    several = len(parts) > 1
    sections = [Section("Methods", tuple(_methods(contents)))]
    for part in parts:
        tail = f": {part.title}" if several else ""
        sections.append(Section(f"Patients and follow-up{tail}", tuple(_counts(part, contents))))
        if part.curves:
            sections.append(Section(begin(part.label) + (tail if part.causes else ""), tuple(_curves(part))))
        if part.models:
            kind = "Cause-specific Cox models" if part.causes else "Cox models"
            sections.append(Section(f"{kind}{tail}", tuple(_models(part, contents))))
    sections += _remarks(contents)
    title = f"INCOMPLETE: {contents.title}" if contents.failed() else contents.title
    return Document(title, tuple(_opening(contents)), tuple(sections), contents.footer)


def _opening(contents: StudyContents) -> Iterator[Block]:
    failed = contents.failed()
    if failed:
        count = count_noun(len(failed), "statistic")
        names = ", ".join(answer.step for answer in failed)
        text = f"Incomplete: {count} could not be estimated ({names}). The reason stands in the place of each."
        yield Paragraph(text, "missing")
    facts = [("Patients", format_count(contents.n))]
    for part in contents.endpoints:
        facts.append(("Endpoint", sentences.describe_endpoint(part)))
        facts.append(("Events", sentences.describe_events(part)))
    if contents.source:
        facts.append(("Data", contents.source))
    yield Facts(tuple(facts))


def _methods(contents: StudyContents) -> Iterator[Block]:
    texts: dict[str, None] = {}
    for part in contents.endpoints:
        texts.update(dict.fromkeys(sentences.methods(part, contents.labels)))
    general = sentences.methods(contents.endpoints[0], contents.labels)[-1]
    for text in [*(text for text in texts if text != general), general]:
        yield Paragraph(" ".join(text.split()))


def _counts(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    table = tables.counts_table(part, contents.missing, contents.labels)
    yield TableBlock(table, f"counts_{part.name}")


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


def _test(part: EndpointPart, curve: CurvePart) -> Paragraph:
    if curve.test is None or curve.test.result is None:
        reason = "" if curve.test is None else curve.test.reason
        return Paragraph(sentences.not_estimable("Log-rank test", reason), "missing")
    of = part.label if part.causes else "survival"
    return Paragraph(sentences.logrank_sentence(curve.test.result, curve.label, of))


def _models(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    for model in part.models:
        yield from _model(model, part, contents)
    named = {
        begin(model.label): model.concordance.result for model in part.models if model.concordance.result is not None
    }
    for model in part.models:
        if model.concordance.result is None and model.fit.result is not None:
            what = f"Concordance, {model.label}"
            yield Paragraph(sentences.not_estimable(what, model.concordance.reason), "missing")
    if named:
        competing = ", by cause-specific models; a competing event counts as censored" if part.causes else ""
        caption = f"Apparent discrimination of {part.title}{competing}."
        yield TableBlock(tables.concordance_table(named, caption), f"concordance_{part.name}")


def _model(model: ModelPart, part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    label = begin(model.label)
    fit = model.fit.result
    if fit is None:
        yield Paragraph(sentences.not_estimable(label, model.fit.reason), "missing")
        return
    counts = f"{count_noun(fit.n, 'patient')}, {count_noun(fit.n_event, 'event')}"
    kind = "cause-specific " if part.causes else ""
    caption = f"{label}: {kind}hazard ratios for {part.event_label} ({counts}).{sentences.cause_specific_note(part)}"
    table = tables.hazard_ratio_table(fit, contents.labels, units=contents.units, caption=caption)
    yield Paragraph(sentences.model_sentence(model))
    yield TableBlock(table, f"cox_{model.name}")
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
    if warnings:
        models = {model.fit.step: model.label for part in contents.endpoints for model in part.models}
        shown = [f"{models[step]}: {warning}" if step in models else warning for step, warning in warnings]
        yield Section("Warnings", tuple(Paragraph(f"{begin(text)}.", "warning") for text in shown))
    if contents.notes:
        yield Section("Notes", tuple(Paragraph(note, "note") for note in contents.notes))
