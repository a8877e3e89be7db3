"""What the tests of PET exports have in common: scans by hand, and copies of files with texts changed."""

from pathlib import Path

import pandas as pd

from survmodel.data.findings import FindingsError
from survmodel.data.readers.lesion_exports import scan_lesion_exports
from survmodel.data.schema import load_schema

HERE = Path(__file__).parent / "exports"
COLUMNS = load_schema().table("lesions").columns
SCANS = pd.DataFrame(
    {
        "scan_id": ["s1", "s2", "f1", "f2", "f3"],
        "patient_id": ["SYN-001", "SYN-002", "SYN-001", "SYN-002", "SYN-001"],
        "tracer": ["cxcr4", "cxcr4", "fdg", "fdg", "fdg"],
        "scan_role": ["baseline", None, "baseline", "baseline", "end"],
        "scan_date": pd.to_datetime(["2024-03-05", "2024-04-09", "2024-03-06", "2024-04-10", "2024-09-01"]),
    }
)


def exported(folder, source, *changes, name="export.csv"):
    """A copy of a file with every occurrence of some texts replaced; each must occur."""
    text = source.read_text("utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text, "utf-8", newline="")
    return path


def scanned(*exports, scans=SCANS):
    return scan_lesion_exports(exports, COLUMNS, scans)


def problems(*exports):
    """The findings for which exports are refused as a whole."""
    try:
        scanned(*exports)
    except FindingsError as error:
        return error.findings
    raise AssertionError("the export was read")


def codes(read):
    return [one.code for one in read.findings]


def numbers(read, column):
    return [None if pd.isna(value) else value for value in read.table[column]]
