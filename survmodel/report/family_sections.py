"""The section on markers that measure the same."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.errors import list_values
from survmodel.formatting import count_noun, format_count, format_number
from survmodel.naming import begin
from survmodel.performance.marker_families import MarkerFamilies
from survmodel.report import sentences
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.family_contents import FamilyPart
from survmodel.table import Table


def family_blocks(part: FamilyPart) -> Iterator[Block]:
    """Show which markers are of one family, and which models hold several of one.

    Parameters
    ----------
    part : FamilyPart
        The families.

    Yields
    ------
    Block
        A table where a family has two markers or more, else a sentence; then the models.
    """
    found = part.families.result
    if found is None:
        yield Paragraph(sentences.not_estimable("Families of markers", part.families.reason), "missing")
        return
    bound = f"an absolute Spearman correlation of {format_number(found.least)} or more"
    if len(found.representatives) == len(found.names):
        yield Paragraph(
            f"No two of {count_noun(len(found.names), 'marker')} have {bound}: each says something of its own."
        )
        return
    yield TableBlock(_table(found, part, bound), "marker_families")
    for model, markers in part.crowded:
        yield Paragraph(
            f"{begin(model)} holds {list_values(markers)}, which are of one family: its hazard ratios for them cannot "
            "be told apart, and each is that of what the others leave. Keep one of them.",
            "warning",
        )


def _table(found: MarkerFamilies, part: FamilyPart, bound: str) -> Table:
    rows = []
    for record in found.tidy().sort_values("group", kind="stable").to_dict("records"):
        own, other = (part.labels.get(record[key], record[key]) for key in ("variable", "reference"))
        is_other = record["variable"] == record["reference"]
        rho = "" if is_other else format_number(record["estimate"], 3)
        rows.append([begin(own), begin(other), rho, format_count(record["n"])])
    notes = [
        f"Every two markers of a family have {bound} (complete linkage). Outcomes play no part: the primary marker "
        "represents its family, another family the marker that most patients have.",
        *(f"{begin(text)}." for text in found.warnings),
    ]
    header = ["Marker", "Representative of its family", "Spearman's rho with it", "Patients"]
    return Table(header, rows, "Families of markers, of which one belongs into a model.", tuple(notes), left=2)
