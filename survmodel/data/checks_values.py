"""Numbers that cannot be together: SUVs of a lesion, volumes in another unit, texts that are nearly the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place, Severity
from survmodel.formatting import format_significant

#: A volume in mm3 is a thousand times the number in mL; medians of sites differ by less than this otherwise.
VOLUME_RATIO = (200.0, 5000.0)
#: Fewest lesions of a site whose median says something.
LESIONS_OF_A_SITE = 3
#: Times in another unit differ by such a factor: months and years, days and months, days and years.
UNIT_RATIOS = ((10.0, 13.0), (25.0, 35.0), (330.0, 400.0))
#: Fewest patients of a site whose median time says something.
PATIENTS_OF_A_SITE = 5
#: A column of text that is different in more than this share of so many patients holds names, numbers or free text.
SHARE_OF_OWN_TEXTS, TEXTS_TO_JUDGE = 0.8, 10
_DATED = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-/.])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\2(?:19|20)[0-9]{2})(?![0-9])"
)
#: No study has a median SUV like this; activity concentrations in Bq/mL have.
LARGEST_MEDIAN_SUV = 500.0
#: No tumour has a larger ratio to a tissue that was measured where it should be.
LARGEST_RATIO = 500.0
REFERENCE_TISSUES = ("liver_suvmean", "blood_suvmean", "spleen_suvmean")
#: Texts of which spellings do not matter: a unit is read however it is written.
UNITS = frozenset({("labs", "unit")})
#: Rounding of exported numbers.
ROUNDING = 1e-6


def _find(
    tables: CanonicalTables, place: tuple[str, str], code: str, problem: str, where: npt.ArrayLike, remedy: str,
    severity: Severity = "error",
) -> Iterator[Finding]:  # fmt: skip
    """Make a finding for the rows of a mask, none for an empty one."""
    table, column = place
    positions = np.flatnonzero(np.asarray(where, dtype=bool))
    if positions.size:
        yield tables.places[table].find(code, column, problem, positions, remedy=remedy, severity=severity)


def check_suv_order(tables: CanonicalTables) -> Iterator[Finding]:
    """Find lesions whose mean or peak is larger than their maximum."""
    lesions = tables.tables["lesions"]
    for column, title in (("suvmean", "SUVmean"), ("suvpeak", "SUVpeak")):
        where = lesions[column] > lesions["suvmax"] * (1 + ROUNDING)
        remedy = "are the columns swapped, or do they come from two segmentations?"
        yield from _find(tables, ("lesions", column), "D140", f"{title} is larger than SUVmax", where, remedy)


def check_suv_positive(tables: CanonicalTables) -> Iterator[Finding]:
    """Find SUVs of 0 or below, which have neither a logarithm nor a ratio."""
    for name in ("scans", "lesions"):
        if name not in tables.tables:
            continue
        for field in tables.schema.table(name).fields:
            if field.unit != "SUV" or field.name == "suv_sd":
                continue
            where = tables.tables[name][field.name] <= 0
            remedy = "leave the cell empty if it was not measured; a scan without lesions has no row in lesions"
            yield from _find(tables, (name, field.name), "D141", "0 or below", where, remedy, "warning")


def check_suv_scale(tables: CanonicalTables) -> Iterator[Finding]:
    """Find lesions whose SUVs look like activity concentrations."""
    lesions = tables.tables["lesions"]
    for column in ("suvmax", "suvpeak", "suvmean"):
        values = lesions[column]
        if values.notna().any() and values.median() > LARGEST_MEDIAN_SUV:
            problem = "the values look like activity concentrations, not like SUV"
            remedy = "export SUV normalized by body weight or lean body mass"
            yield from _find(tables, ("lesions", column), "D144", problem, values.notna(), remedy)


def check_ratios(tables: CanonicalTables) -> Iterator[Finding]:
    """Find scans whose hottest lesion is so many times a reference tissue that the tissue was measured wrongly."""
    scans, lesions = tables.tables["scans"], tables.tables["lesions"]
    uptake = lesions["suvmax"].dropna()
    if uptake.empty or uptake.median() > LARGEST_MEDIAN_SUV:
        # no SUVs at all, which is told already
        return
    hottest = scans["scan_id"].map(lesions.groupby("scan_id")["suvmax"].max())
    for column in REFERENCE_TISSUES:
        where = (scans[column] > 0) & (hottest / scans[column].where(scans[column] > 0) > LARGEST_RATIO)
        problem = f"the hottest lesion has more than {LARGEST_RATIO:g} times this uptake"
        remedy = "look at the region of the reference tissue, and at the unit of its SUV"
        yield from _find(tables, ("scans", column), "D145", problem, where, remedy, "warning")


def check_volumes(tables: CanonicalTables) -> Iterator[Finding]:
    """Find volumes below 0."""
    where = tables.tables["lesions"]["volume_ml"] < 0
    yield from _find(tables, ("lesions", "volume_ml"), "D143", "a volume below 0", where, "correct the cells")


def check_volume_units(tables: CanonicalTables) -> Iterator[Finding]:
    """Find sites or scanners whose volumes look as if they were in mm3."""
    lesions = tables.tables["lesions"]
    suspect = np.zeros(len(lesions), dtype=bool)
    for groups in _groups_of_lesions(tables):
        for group in groups.dropna().unique():
            suspect |= _is_thousandfold(lesions["volume_ml"], (groups == group).to_numpy())
    problem = "the volumes of this site or scanner are about a thousand times those of the others"
    remedy = "are they in mm3? Divide them by 1000"
    yield from _find(tables, ("lesions", "volume_ml"), "D142", problem, suspect, remedy, "warning")


def _groups_of_lesions(tables: CanonicalTables) -> Iterator[pd.Series]:
    """Give the scanner and the site of each lesion."""
    lesions = tables.tables["lesions"]
    scans = tables.tables["scans"].drop_duplicates("scan_id").set_index("scan_id")
    yield lesions["scan_id"].map(scans["scanner"])
    if "patients" in tables.tables:
        patients = tables.tables["patients"].drop_duplicates("patient_id").set_index("patient_id")
        yield lesions["scan_id"].map(scans["patient_id"]).map(patients["site"])


def _is_thousandfold(volumes: pd.Series, group: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell which lesions of a group to suspect: all of them or none."""
    inside, outside = volumes[group].dropna(), volumes[~group].dropna()
    nobody = np.zeros(len(volumes), dtype=bool)
    if min(len(inside), len(outside)) < LESIONS_OF_A_SITE or not outside.median() > 0:
        return nobody
    low, high = VOLUME_RATIO
    return group & volumes.notna().to_numpy() if low <= inside.median() / outside.median() <= high else nobody


def check_time_units(tables: CanonicalTables) -> Iterator[Finding]:
    """Find sites whose ready-made times look as if they were in another unit."""
    patients = tables.tables["patients"].drop_duplicates("patient_id").set_index("patient_id")
    for name in ("patients", "follow_up"):
        if name in tables.tables:
            table = tables.tables[name]
            sites = table["patient_id"].map(patients["site"])
            yield from find_other_units(tables.extra.get(name, ()), table, sites, tables.places[name])


def find_other_units(
    columns: Sequence[Column], table: pd.DataFrame, sites: pd.Series, place: Place
) -> Iterator[Finding]:
    """Find sites whose times are a month or a year of those of the others.

    Parameters
    ----------
    columns : sequence of Column
        Numbers with the role of an outcome are looked at.
    table : pandas.DataFrame
        Their values.
    sites : pandas.Series
        Site of each row.
    place : Place
        Where the table stands.

    Yields
    ------
    Finding
        A warning for each column and site.
    """
    for column in columns:
        if column.type not in {"number", "integer"} or column.role != "outcome":
            continue
        for rows, ratio in _sites_apart(table[column.name].reset_index(drop=True), sites.reset_index(drop=True)):
            factor = format_significant(max(ratio, 1 / ratio), 2)
            problem = f"the times of this site are about {factor} times {'longer' if ratio > 1 else 'shorter'} than "
            remedy = "are they in another unit, such as months instead of days? Bring all times into one unit"
            yield place.find(
                "D048", column.name, f"{problem}those of the others", rows, remedy=remedy, severity="warning"
            )


def _sites_apart(times: pd.Series, sites: pd.Series) -> Iterator[tuple[npt.NDArray[np.intp], float]]:
    """Give the rows of each site to suspect, and its median against that of the site of the middle patient."""
    groups = times.groupby(sites.astype(object), sort=True)
    counts, medians = groups.count(), groups.median()
    counts = counts[(counts >= PATIENTS_OF_A_SITE) & (medians > 0)]
    if counts.size < 2:
        return
    medians = medians[counts.index].sort_values(kind="stable")
    middle = (2 * counts[medians.index].cumsum() > counts.sum()).to_numpy().argmax()
    for site, ratio in (medians / medians.iloc[middle]).items():
        if any(low <= max(ratio, 1 / ratio) <= high for low, high in UNIT_RATIOS):
            yield np.flatnonzero(((sites == site) & times.notna()).to_numpy(dtype=bool, na_value=False)), float(ratio)


def check_declared_texts(tables: CanonicalTables) -> Iterator[Finding]:
    """Find texts beside the schema that hold dates, or a text of his own for nearly every patient."""
    for name, columns in tables.extra.items():
        if name in tables.tables:
            yield from find_telling_texts(columns, tables.tables[name], tables.places[name])


def find_telling_texts(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find columns of text that tell who a patient is: a report would list their values.

    Parameters
    ----------
    columns : sequence of Column
        What a study declares.
    table : pandas.DataFrame
        Their values.
    place : Place
        Where the table stands.

    Yields
    ------
    Finding
        One error for each column.
    """
    for column in columns:
        if column.type != "text" or column.is_private or column.role == "outcome":
            continue
        cells = table[column.name]
        dated = np.flatnonzero([isinstance(cell, str) and bool(_DATED.search(cell[:300])) for cell in cells])
        if dated.size:
            remedy = 'leave the column out, or declare type = "date", whose values are never shown'
            yield place.find("D114", column.name, "holds dates in a column of text", dated, remedy=remedy)
        elif cells.count() >= TEXTS_TO_JUDGE and cells.nunique() > SHARE_OF_OWN_TEXTS * cells.count():
            problem = "nearly every patient has a text of his or her own, which may tell who it is"
            remedy = 'leave the column out, or declare type = "identifier": its values are then never shown'
            yield place.find("D114", column.name, problem, np.flatnonzero(cells.notna()), remedy=remedy)


def check_spellings(tables: CanonicalTables) -> Iterator[Finding]:
    """Find texts of a column that differ by case, blanks or punctuation only."""
    for name, table in tables.tables.items():
        columns = [column for column in tables.columns(name) if (name, column.name) not in UNITS]
        yield from find_spellings(columns, table, tables.places[name])


def find_spellings(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find texts of a column that differ by case, blanks or punctuation only.

    Parameters
    ----------
    columns : sequence of Column
        Texts that anybody may read are looked at.
    table : pandas.DataFrame
        Their values.
    place : Place
        Where the table stands.

    Yields
    ------
    Finding
        A warning for each column.
    """
    for column in columns:
        if column.type != "text" or column.is_private or column.name not in table:
            continue
        cells = table[column.name]
        counts = cells.groupby(cells.map(_loosen, na_action="ignore")).transform("nunique")
        where = np.flatnonzero(counts > 1)
        if where.size:
            problem = "spellings that differ only by case, blanks or punctuation"
            remedy = "write each level in one way"
            yield place.find("D112", column.name, problem, where, remedy=remedy, severity="warning")


def _loosen(text: str) -> str:
    # Signs tell levels apart that have no letters, such as + and -.
    return re.sub(r"[\W_]", "", text).casefold() or text
