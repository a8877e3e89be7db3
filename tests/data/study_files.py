"""A small study without a flaw, as texts of files, and what turns it into tables."""

import csv
import io
from pathlib import Path

import pytest

from survmodel.data.checks import check_tables
from survmodel.data.findings import FindingsError
from survmodel.data.tables import TableFile, read_tables

FILES = {
    "patients": [
        "patient_id,site,disease_group,entity,sex,birth_date,diagnosis_date,suspected,confirmed,untreated,ecog,stage_ct",
        "KEY-A1,north,lymphoma,MZL,female,1951-02-03,2021-01-04,no,yes,yes,0,II",
        "KEY-A2,north,lymphoma,FL,male,1961-02-03,2021-02-04,no,yes,yes,1,III",
        "KEY-A3,south,myeloma,MM,female,1949-02-03,2021-03-04,no,yes,no,,",
        "KEY-A4,south,myeloma,MM,male,1955-02-03,2021-04-04,no,yes,yes,2,",
    ],
    "scans": [
        "scan_id,patient_id,tracer,scan_role,scan_date,scanner,liver_suvmean",
        "SCAN-1,KEY-A1,cxcr4,baseline,2021-01-11,A,1.9",
        "SCAN-2,KEY-A1,fdg,baseline,2021-01-13,A,2.1",
        "SCAN-3,KEY-A2,cxcr4,baseline,2021-02-11,A,1.8",
        "SCAN-4,KEY-A2,fdg,baseline,2021-02-13,A,2.2",
        "SCAN-5,KEY-A3,cxcr4,baseline,2021-03-11,B,1.7",
        "SCAN-6,KEY-A3,fdg,baseline,2021-03-13,B,2.3",
        "SCAN-7,KEY-A4,cxcr4,baseline,2021-04-11,B,1.6",
        "SCAN-8,KEY-A4,fdg,baseline,2021-04-13,B,2.4",
    ],
    "lesions": [
        "lesion_id,scan_id,region,lesion_type,segmentation,suvmax,suvpeak,suvmean,volume_ml",
        "L1,SCAN-1,neck,focal,41pct,12.5,10.1,7.2,14",
        "L2,SCAN-1,axilla,focal,41pct,9.5,8.1,6.2,4",
        "L1,SCAN-3,neck,focal,41pct,8.5,7.1,5.2,24",
        "L1,SCAN-5,spine,focal,41pct,15.5,12.1,9.2,11",
        "L2,SCAN-5,spine,diffuse,41pct,11.5,10.1,7.2,31",
        "L1,SCAN-7,pelvis,focal,41pct,13.5,11.1,8.2,9",
    ],
    "therapy": [
        "patient_id,therapy_date,regimen,kind,line",
        "KEY-A1,2021-02-01,R-Benda,systemic,1",
        "KEY-A3,2019-02-01,VRd,systemic,1",
    ],
    "follow_up": [
        "patient_id,vital_status,last_contact_date,death_date,progression_date,last_assessment_date",
        "KEY-A1,alive,2024-01-08,,,2023-12-01",
        "KEY-A2,dead,2023-05-09,2023-05-09,2022-11-01,2023-04-01",
        "KEY-A3,lost,2022-06-01,,2022-01-02,2022-05-01",
        "KEY-A4,alive,2024-02-08,,,2024-01-01",
    ],
}


def with_cell(table, line, column, text):
    """The study with one cell changed; the header is line 1."""
    grid = [list(row) for row in csv.reader(FILES[table])]
    grid[line - 1][grid[0].index(column)] = text
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(grid)
    return {table: out.getvalue().splitlines()}


def with_row(table, *rows):
    """The study with rows added at the end of a table."""
    return {table: [*FILES[table], *rows]}


def without_row(table, line):
    """The study without one line of a table."""
    return {table: [row for i, row in enumerate(FILES[table], start=1) if i != line]}


def write_study(folder: Path, *changes, tables=None, **options):
    """Write the files and give what `read_tables` takes."""
    texts = dict(FILES)
    for change in changes:
        texts.update(change)
    files = {}
    for name in tables or texts:
        path = folder / f"{name}.csv"
        content = texts[name] if isinstance(texts[name], bytes | str) else "\n".join(texts[name]) + "\n"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        files[name] = TableFile(path, **options)
    return files


def read_study(folder, *changes, tables=None, reading=None, **options):
    return read_tables(write_study(folder, *changes, tables=tables, **options), **(reading or {}))


def refused(folder, *changes, **options):
    """The findings that stop the reading; none of them shows an identifier or a date."""
    with pytest.raises(FindingsError) as caught:
        read_study(folder, *changes, **options)
    assert caught.value.exit_status == 3
    shows_nothing(str(caught.value))
    return caught.value.findings


def checked(folder, *changes, **options):
    """The findings of the checks; none of them shows an identifier or a date."""
    findings = check_tables(read_study(folder, *changes, **options))
    shows_nothing("\n".join(map(str, findings)))
    return findings


def shows_nothing(text):
    for secret in ("KEY", "key-", "SCAN-", "1951", "1961", "2019", "2021", "2022", "2023", "2024", "2016", "1999"):
        assert secret not in text, (secret, text)
