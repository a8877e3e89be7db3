"""A small made PET study whose reads, regions and lesions are written out, so that every number can be counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

#: 10 patients: eight with the disease, and two in whom it was suspected and not found.
N = 10
HEAD = """\
schema = 1
title = "A made PET study"
data_lock = 2024-06-30
seed = 3

[groups]
min_events = { hazard_ratio = 2, performance = 1 }

[analysis_set.diagnostic]
include = { "suspected" = "not suspected" }

[endpoint.os]
label = "overall survival"
events = ["death"]
unit = "months"

[[marker]]
name = "cxcr4_suvmax"
role = "primary"
transform = "log2"
endpoint = "os"
"""
#: SUVmax by reader, of patients 0 to 7; patients 8 and 9 have no lesion.
SUVMAX = {"reader_1": (4, 6, 8, 10, 12, 16, 20, 32), "reader_2": (5, 6, 7, 11, 12, 18, 20, 30)}
FDG_SUVMAX = (3, 9, 5, 6, 8, 4, 7, 12)
#: Reads of both readers, CXCR4 then FDG; p positive, n negative, i indeterminate.
READS = {"cxcr4": ("pppppppinn", "pppppppnnn"), "fdg": ("pppppppnpn", "ppppnpppin")}
#: Last day of each patient, and who died on it.
LAST_DAYS = tuple(f"202{year}-{month}-01" for year, month in zip("3223222233", (
    "08", "10", "10", "06", "12", "11", "11", "12", "05", "03"), strict=True))  # fmt: skip
DEAD = {1, 2, 5, 6}
WORDS = {"p": "positive", "n": "negative", "i": "indeterminate"}


def made_tables() -> dict[str, list[str]]:
    """The tables as lines of CSV files."""
    patients = ["patient_id,site,disease_group,entity,sex,age_years,suspected,confirmed,untreated"]
    scans = ["scan_id,patient_id,tracer,scan_role,scan_date,scanner,injected_mbq"]
    follow_up = ["patient_id,vital_status,last_contact_date,death_date"]
    reads, lesions = (
        ["scan_id,reader,result"],
        ["lesion_id,scan_id,region,segmentation,reader,suvmax,suvmean,volume_ml"],
    )
    for i in range(N):
        group, entity = ("lymphoma", "MZL") if i < 6 else ("myeloma", "MM")
        patients.append(f"KEY-{i},north,{group},{entity},{('female', 'male')[i % 2]},{50 + i},yes,"
                        f"{'yes' if i < 8 else 'no'},yes")  # fmt: skip
        for tracer, letter in (("cxcr4", "C"), ("fdg", "F")):
            scans.append(f"{letter}-{i},KEY-{i},{tracer},baseline,2021-02-{10 + i:02d},A,{100 + 10 * i}")
            for reader, calls in zip(("reader_1", "reader_2"), READS[tracer], strict=True):
                reads.append(f"{letter}-{i},{reader},{WORDS[calls[i]]}")
        dead, day = i in DEAD, LAST_DAYS[i]
        follow_up.append(f"KEY-{i},{'dead' if dead else 'alive'},{day},{day if dead else ''}")
    for i in range(8):
        for reader, values in SUVMAX.items():
            lesions.append(f"L1,C-{i},spine,41pct,{reader},{values[i]},{values[i] / 2},{10 + i}")
        lesions.append(f"L1,F-{i},spine,41pct,,{FDG_SUVMAX[i]},{FDG_SUVMAX[i] / 2},{12 + i}")
    return {"patients": patients, "scans": scans, "reads": reads, "lesions": lesions, "follow_up": follow_up}


def write_imaging_study(
    folder: Path, changes: Mapping[str, Sequence[str]] | None = None, *, more: str = "", head: str = HEAD
) -> Path:
    """Write the study; `changes` are whole tables, `more` further tables of the study file."""
    tables = {**made_tables(), **(changes or {})}
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    paths = "\n".join(f'{name} = {{ path = "{name}.csv" }}' for name in tables)
    (folder / "study.toml").write_text(f"{head}\n[data]\n{paths}\n\n{more}", "utf-8")
    return folder / "study.toml"
