"""The section on how scans were made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.imaging_contents import AcquisitionPart
from survmodel.report.table_one import description_table

NOTE = (
    "Baseline scans of the patients analysed. Outside a window: uptake time, activity by weight or glucose is not as "
    "the protocol has it ([acquisition] of the study file)."
)


def acquisition_blocks(part: AcquisitionPart) -> Iterator[Block]:
    """Describe the scans by tracer, then those of each tracer by scanner.

    Parameters
    ----------
    part : AcquisitionPart
        The scans.

    Yields
    ------
    Block
        Tables, or why there is none.
    """
    shown = [("by tracer", "tracer", "acquisition", part.by_tracer)]
    for tracer, answer in part.by_scanner:
        shown.append((f"with {tracer}, by scanner", "scanner", f"acquisition_{tracer.lower()}_scanners", answer))
    labels = {name: label for name, (label, _) in part.labels.items()}
    units = {name: unit for name, (_, unit) in part.labels.items() if unit}
    for what, by, name, answer in shown:
        if answer.result is None:
            yield Paragraph(sentences.not_estimable(f"Description of scans {what}", answer.reason), "missing")
            continue
        table = description_table(answer.result, labels, units, caption=f"Scans {what}.", by_label=by)
        yield TableBlock(replace(table, footnotes=(NOTE, *table.footnotes)), name)
