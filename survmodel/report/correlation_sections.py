"""What a report says of correlations: uptake with laboratory values and burden, and with the size of lesions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from survmodel.formatting import MISSING, count_noun, format_estimate, format_number, format_percent
from survmodel.naming import begin
from survmodel.performance.correlations import RankCorrelations, SizeDependence
from survmodel.report import sentences
from survmodel.report.answers import Answer
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.tracer_contents import TracerPart
from survmodel.table import Table

#: Limits by drawing fewer patients than this are too narrow.
FEW_PATIENTS = 10


def correlation_blocks(part: TracerPart, labels: Mapping[str, str]) -> Iterator[Block]:
    """Show correlations by disease group, then what the size of lesions has to do with their uptake.

    Parameters
    ----------
    part : TracerPart
        The comparison of tracers.
    labels : mapping of str to str
        Labels of columns.

    Yields
    ------
    Block
        A table, and a sentence for each tracer.
    """
    done = [(one.group, one.answer.result) for one in part.correlations if one.answer.result is not None]
    if done:
        yield TableBlock(_table(done, labels), "tracer_correlations")
    elif part.correlations:
        yield Paragraph(sentences.not_estimable("Correlations", part.correlations[0].answer.reason), "missing")
    for tracer, answer in part.sizes:
        yield _size(tracer, answer)


def _table(done: list[tuple[str, RankCorrelations]], labels: Mapping[str, str]) -> Table:
    whole = done[0][1].tidy()
    others = [(name, found.tidy().set_index(["variable", "reference"])) for name, found in done]
    rows = []
    for first, second in zip(whole["variable"], whole["reference"], strict=True):
        cells = []
        for _, table in others:
            one = table.loc[(first, second)]
            rho = float(one["estimate"])
            mark = "*" if float(one["p_adjusted"]) < 0.05 else ""
            limits = format_estimate(rho, float(one["conf_low"]), float(one["conf_high"]))
            cells.append(f"{limits}{mark}" if rho == rho else MISSING)
        rows.append([begin(labels.get(first, first)), begin(labels.get(second, second)), *cells])
    notes = (
        "Spearman's rho (95% limits by Fisher's z). *: p below 0.05, adjusted over all pairs of the column by "
        "Benjamini and Hochberg. Over all diseases a correlation may be no more than a difference between diseases: "
        f"read the columns of single ones. {MISSING}: fewer than 5 patients, or one value throughout.",
    )
    header = ["Uptake", "With", *(name or "All" for name, _ in done)]
    return Table(header, rows, "Uptake against age, laboratory values and tumour volume.", notes, left=2)


def _size(tracer: str, answer: Answer[SizeDependence]) -> Paragraph:
    found = answer.result
    if found is None:
        return Paragraph(sentences.not_estimable(f"{tracer} uptake against lesion size", answer.reason), "missing")
    rho = format_estimate(found.estimate, found.conf_low, found.conf_high)
    small = f"{found.n_small} ({format_percent(found.n_small / found.n)})"
    few = " Fewer than 10 patients: limits are too narrow." if found.n_cluster < FEW_PATIENTS else ""
    return Paragraph(
        f"SUVmax of {count_noun(found.n, 'lesion')} on {tracer} PET in {count_noun(found.n_cluster, 'patient')} goes "
        f"with their volume by rho {rho}, limits by bootstrap of patients; {small} are below "
        f"{format_number(found.small, 1)} mL, where partial volume lowers the uptake that PET shows.{few}"
    )
