"""The lesions of a simulated study as two programs export them: CXCR4 by LIFEx, FDG by PMOD, and the map of regions.

LIFEx gives volumes in mm3 and total uptake, PMOD no SUVpeak. Region and number of a lesion make its name, and the type
of a lesion is in neither export.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO

import pandas as pd

from survmodel.simulate.imaging import REGIONS

LIFEX, PMOD, MAP = "lifex_cxcr4.csv", "pmod_fdg.csv", "regions.toml"
MM3_PER_ML = 1000
#: Headings of LIFEx, version 7 and later, in the order of the cells below.
LIFEX_HEADINGS = (
    "INFO_PatientName", "INFO_NameOfRoi", "MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3]",
    "INTENSITY-BASED_MeanIntensity(IBSI:Q4LE)[SUVbw]", "INTENSITY-BASED_StandardDeviation(IBSI:No)[SUVbw]",
    "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUVbw]", "INTENSITY-BASED_TotalLesionGlycolysis(IBSI:No)[SUVbw]",
    "LOCAL_INTENSITY_BASED_GlobalIntensityPeak(IBSI:0F91)[SUVbw]",
)  # fmt: skip
PMOD_HEADINGS = (
    "PatientName [string]", "SeriesDescription [string]", "StudyDate [date_time]", "VoiName(Region) [string]",
    "Time [seconds]", "Averaged [SUV]", "Sd [SUV]", "Volume [ccm]", "Total(AVR*VOL) [({SUVbw}SUV)*(ccm)]", "Max [SUV]",
)  # fmt: skip


def export_lesions(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Write the lesions as exports.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        The canonical tables; every cell is text.

    Returns
    -------
    dict of str to str
        Text by name of the file.

    Examples
    --------
    >>> from survmodel.simulate import simulate_study
    >>> list(export_lesions(simulate_study(seed=1).tables))
    ['lifex_cxcr4.csv', 'pmod_fdg.csv', 'regions.toml']
    """
    scans = tables["scans"][["scan_id", "patient_id", "tracer", "scan_date"]]
    rows = tables["lesions"].merge(scans, on="scan_id", how="left", validate="many_to_one").to_dict("records")
    lifex = [_row_of_lifex(row) for row in rows if row["tracer"] == "cxcr4"]
    pmod = [_row_of_pmod(row) for row in rows if row["tracer"] == "fdg"]
    regions = sorted({region for several in REGIONS.values() for region in several})
    lines = ["# Region of a lesion by its name in the exports; the first pattern that fits counts.", "[regions]"]
    return {
        LIFEX: _write(LIFEX_HEADINGS, lifex, ","),
        PMOD: "// SYNTHETIC statistics of volumes of interest\n" + _write(PMOD_HEADINGS, pmod, ";"),
        MAP: "\n".join([*lines, *(f'"{region}_*" = "{region}"' for region in regions)]) + "\n",
    }


def _row_of_lifex(row: Mapping[object, str]) -> tuple[str, ...]:
    # The program protects names from spreadsheets by an apostrophe.
    name, volume = f"'{_name(row)}", format(Decimal(row["volume_ml"]) * MM3_PER_ML, "f")
    return (
        row["patient_id"], name, volume, row["suvmean"], row["suv_sd"], row["suvmax"], _total(row), row["suvpeak"],
    )  # fmt: skip


def _row_of_pmod(row: Mapping[object, str]) -> tuple[str, ...]:
    return (
        row["patient_id"], "FDG WB", row["scan_date"], _name(row), "0.0", row["suvmean"], row["suv_sd"],
        row["volume_ml"], _total(row), row["suvmax"],
    )  # fmt: skip


def _name(row: Mapping[object, str]) -> str:
    return f"{row['region']}_{row['lesion_id']}"


def _total(row: Mapping[object, str]) -> str:
    return format(Decimal(row["suvmean"]) * Decimal(row["volume_ml"]), "f")


def _write(headings: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str) -> str:
    lines = StringIO()
    writer = csv.writer(lines, delimiter=delimiter, lineterminator="\n")
    writer.writerows([headings, *rows])
    return lines.getvalue()
