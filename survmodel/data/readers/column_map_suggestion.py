"""A first column map for a table: headings that are usual names of a column, every unit to be confirmed by a person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from survmodel.data.readers.column_map import UNCONFIRMED
from survmodel.data.readers.reading import refuse_by_size
from survmodel.data.text_rows import DELIMITERS, decode_text, split_rows
from survmodel.data.uptake_units import KINDS
from survmodel.errors import ConfigError

#: Usual headings by column, without case, units and signs.
ALIASES: dict[str, tuple[str, ...]] = {
    "lesion_id": (
        "lesionid", "lesion", "lesionname", "roi", "roiname", "voi", "voiname", "contour", "contourname", "structure",
        "structurename", "region", "regionname", "finding", "findingname", "segment", "segmentname", "label", "name",
    ),
    "suvmax": ("suvmax", "maxsuv", "maximumsuv", "suvmaximum", "suvbwmax", "suvmaxbw", "max", "maximum"),
    "suvpeak": ("suvpeak", "peaksuv", "suvbwpeak", "suvpeakbw", "peak"),
    "suvmean": ("suvmean", "meansuv", "suvavg", "averagesuv", "suvbwmean", "suvmeanbw", "mean", "average"),
    "suv_sd": ("suvsd", "suvstd", "suvstddev", "suvstandarddeviation", "sdsuv", "sd", "std", "stddev", "stdev"),
    "volume_ml": ("volume", "vol", "volumeml", "volml", "volumecc", "volumecm3", "mtv", "tumorvolume", "tumourvolume"),
    "x_mm": ("x", "xmm", "centroidx", "centerx", "centrex"),
    "y_mm": ("y", "ymm", "centroidy", "centery", "centrey"),
    "z_mm": ("z", "zmm", "centroidz", "centerz", "centrez"),
}  # fmt: skip
PATIENTS = ("patientid", "patientname", "patient", "subjectid", "subject", "pid", "infopatientname", "infopatientid")
DAYS = ("studydate", "scandate", "date", "acquisitiondate", "examdate", "seriesdate")
_UNIT = re.compile(r"[\[(]([^\[\]()]{1,20})[\])]\s*$")
#: A header is recognised by this many of its headings.
LEAST_FOUND = 2


def suggest_column_map(path: str | Path, *, encoding: str = "utf-8") -> str:
    r"""Write a column map for the headings of a table, to be looked through and completed.

    Parameters
    ----------
    path : str or pathlib.Path
        The table, delimited text.
    encoding : str
        Of the text.

    Returns
    -------
    str
        TOML; every unit is ``"CONFIRM"``, which no reader takes.

    Raises
    ------
    ConfigError
        When hardly any heading is known: the first line may hold no headings, and nothing of it is written then.
    FindingsError
        When the file cannot be read.
    OSError
        When the file cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "export.csv"
    ...     _ = place.write_text("Patient ID;Contour;SUV max [g/ml];Volume (cc)\n1;a;2,5;3,0\n")
    ...     print(suggest_column_map(place).split("[columns]")[1].split("[regions]")[0].strip())
    lesion_id = { from = "Contour" }
    suvmax = { from = "SUV max [g/ml]", unit = "CONFIRM" }  # the heading says g/ml
    volume_ml = { from = "Volume (cc)", unit = "CONFIRM" }  # the heading says cc
    """
    place = Path(path)
    refuse_by_size(place.name, place.stat().st_size)
    text = decode_text(place.read_bytes(), place.name, encoding, [])
    first = text.splitlines()[0]
    delimiter = max(DELIMITERS, key=first.count)
    headings = [heading.strip() for heading in split_rows(text, place.name, delimiter)[0][0]]
    columns = {name: found for name, names in ALIASES.items() if (found := _find(headings, names)) is not None}
    patient, day = _find(headings, PATIENTS), _find(headings, DAYS)
    if len(columns) + (patient is not None) < LEAST_FOUND:
        raise ConfigError(
            f"{place.name}: hardly any heading is known, or the first line holds none",
            remedy="write the column map by hand, as data_schema/README.md shows",
        )
    used = {patient, day, *columns.values()}
    lines = [
        "# Column map: look every line through, and write the unit that the program shows for " + f'"{UNCONFIRMED}".',
        *_write_scan(patient, day),
        *_write_columns(columns),
        "",
        "[regions]  # pattern for the name of the lesion = region; the first that fits counts",
        '# "*hum*" = "humerus"',
        "",
        *(f"# not used: {_quote(heading)}" for heading in headings if heading and heading not in used),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _find(headings: Sequence[str], names: Sequence[str]) -> str | None:
    """Find the heading that is one of the names, the usual ones first; two headings of one name are none."""
    bare = [_bare(heading) for heading in headings]
    name = next((name for name in names if bare.count(name) == 1), None)
    return None if name is None else headings[bare.index(name)]


def _bare(heading: str) -> str:
    return "".join(sign for sign in _UNIT.sub("", heading).casefold() if sign.isalnum())


def _write_scan(patient: str | None, day: str | None) -> Iterator[str]:
    yield from ("", "[scan]")
    if patient is None:
        yield '# patient_from = "heading of what names the patient"'
    else:
        yield f"patient_from = {_quote(patient)}"
    if day is not None:
        yield f"date_from = {_quote(day)}"
        yield '# date_format = "%d.%m.%Y"  # year-month-day without it'


def _write_columns(columns: Mapping[str, str]) -> Iterator[str]:
    yield from ("", "[columns]")
    for name, heading in columns.items():
        unit = _UNIT.search(heading)
        said = f"  # the heading says {_plain(unit[1])}" if unit is not None and name in KINDS else ""
        confirm = f', unit = "{UNCONFIRMED}"' if name in KINDS else ""
        yield f"{name} = {{ from = {_quote(heading)}{confirm} }}{said}"


def _plain(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())


def _quote(text: str) -> str:
    # The escapes of JSON are those of TOML, but for the delete character.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
