"""Statistics of volumes of interest as PMOD writes them: with semicolons, or with tabs and a header behind ``//``.

Headings carry their unit, ``Averaged [SUV]`` or ``Volume [ccm]``. A column without one is in the unit of the columns
beside it. The hot average of PMOD is the mean of the hottest voxels wherever they are, and no SUVpeak.
"""

from __future__ import annotations

import re

from survmodel.data.readers.lesion_layout import ExportReader, ExportText, Layout, Source, refuse_absent, refuse_header
from survmodel.data.text_rows import split_rows

HEADER_MARK, REMARK_MARK = "//", "#"
PATIENT, REGION, DAY = "patientname", "voiname(region)", "studydate"
COLUMNS = {"suvmax": "max", "suvmean": "averaged", "suv_sd": "sd", "volume_ml": "volume"}
TOTAL = "total(avr*vol)"
#: What a header line of the program holds in any case.
_SURE = "voiname"
_HEADING = re.compile(r"(?P<name>[^\[\]]{1,80}?)\s*(?:\[(?P<unit>[^\]]{0,40})\])?")


def split_pmod(text: str, name: str, delimiter: str) -> ExportText:
    """Cut an export into cells.

    Parameters
    ----------
    text : str
        Of the file.
    name : str
        For messages.
    delimiter : str
        Used where the header holds neither a tab nor a semicolon.

    Returns
    -------
    ExportText
        Remarks are left out.

    Raises
    ------
    FindingsError
        For a quotation mark that is not closed.
    """
    rows = text.splitlines()
    remarks = {i for i, row in enumerate(rows) if row.lstrip().startswith((HEADER_MARK, REMARK_MARK))}
    behind = [i for i in remarks if rows[i].lstrip().startswith(HEADER_MARK) and _SURE in rows[i].casefold()]
    first = min(behind) if behind else next((i for i in range(len(rows)) if i not in remarks and rows[i].strip()), 0)
    header = rows[first].lstrip().removeprefix(HEADER_MARK).strip() if rows else ""
    mark = next((sign for sign in ("\t", ";") if sign in header), delimiter)
    # Lines keep their numbers: what is no row becomes a blank line, and those are left out again.
    kept = [*([""] * first), header, *("" if i in remarks else row for i, row in enumerate(rows) if i > first)]
    cells, lines = split_rows("\n".join(kept), name, mark)
    body = [(row, line) for row, line in zip(cells, lines, strict=True) if line - 1 > first and line - 1 not in remarks]
    return ExportText(name, cells[first], [row for row, _ in body], tuple(line for _, line in body))


def lay_out_pmod(export: ExportText) -> Layout:
    """Find the columns of PMOD.

    Parameters
    ----------
    export : ExportText
        The file.

    Returns
    -------
    Layout
        Units as the headings name them.

    Raises
    ------
    FindingsError
        For a header that is not of PMOD.
    """
    found: dict[str, Source] = {}
    for i, heading in enumerate(export.header):
        parts = _HEADING.fullmatch(heading.strip())
        if parts is None:
            continue
        name = parts["name"].casefold()
        if name in found and name in {PATIENT, REGION, TOTAL, *COLUMNS.values()}:
            refuse_header(export, "D013", "two headings of the export mean this column", "export it again", heading)
        found[name] = Source(i, parts["unit"] or "")
    for name in (PATIENT, REGION, COLUMNS["suvmax"]):
        if name not in found:
            refuse_absent(export, name)
    columns = {column: found[name] for column, name in COLUMNS.items() if name in found}
    day = found.get(DAY)
    return Layout(
        {"lesion_id": Source(found[REGION].at), **columns},
        found[PATIENT].at,
        None if day is None else day.at,
        total=found.get(TOTAL),
    )


PMOD = ExportReader(split_pmod, lay_out_pmod)
