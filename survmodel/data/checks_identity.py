"""Who is who: keys, identifiers that nearly agree, rows that point nowhere, groups, and scans of a patient."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.data.canonical import CanonicalTables, baseline_scans
from survmodel.data.findings import Finding, Place
from survmodel.data.schema import TableSchema
from survmodel.formatting import count_noun
from survmodel.naming import join_words

_DASHES = re.compile(r"[\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d_]")
_MONTHS = "jan|feb|mar|m\u00e4r|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez"
_MANGLED = re.compile(
    r"[0-9](?:[.,][0-9]{1,15})?E\+[0-9]{1,3}"  # 1.23E+05
    r"|[0-9]{1,15}\.0"
    r"|#[A-Z0-9/]{2,8}[!?]?"  # #REF!
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].{1,15})?"
    r"|[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}"
    rf"|[0-9]{{1,2}}[-. ](?:{_MONTHS})(?:[-. ][0-9]{{2,4}})?"  # 01-Mar
    rf"|(?:{_MONTHS})[- ][0-9]{{2,4}}",
    re.IGNORECASE,
)


def _brought(tables: CanonicalTables) -> Iterator[tuple[TableSchema, pd.DataFrame]]:
    for table in tables.schema.tables:
        if table.name in tables.tables:
            yield table, tables.tables[table.name]


def _loosen(identifier: str) -> str:
    """Write an identifier without case, blanks, kinds of dashes and leading zeros."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", identifier)).casefold()
    text = re.sub(r"\s|\u200b|\ufeff", "", text)
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)


def _positions(mask: npt.ArrayLike) -> npt.NDArray[np.intp]:
    return np.flatnonzero(np.asarray(mask, dtype=bool))


#: Column that tells rows of one key apart where it is given, and what it means where it is empty.
TOLD_APART_BY = {"lesions": ("reader", "reader_1")}


def check_keys(tables: CanonicalTables) -> Iterator[Finding]:
    """Find rows that share a key of several columns; a key of one column is checked when the file is read."""
    for schema, table in _brought(tables):
        key = list(schema.primary_key)
        if len(key) < 2:
            continue
        keyed = table[key]
        if schema.name in TOLD_APART_BY:
            column, empty = TOLD_APART_BY[schema.name]
            keyed = keyed.assign(**{column: table[column].astype(object).fillna(empty)})
        where = _positions(keyed.duplicated(keep=False) & keyed.notna().all(axis=1))
        if where.size:
            problem = f"the same {join_words(key)} occur in more than one row"
            remedy = "remove the copies, or correct the identifiers"
            yield tables.places[schema.name].find("D101", key[-1], problem, where, remedy=remedy)


def check_near_identifiers(tables: CanonicalTables) -> Iterator[Finding]:
    """Find identifiers of different rows that differ by case, blanks, leading zeros or the kind of dash only."""
    for schema, table in _brought(tables):
        if len(schema.primary_key) == 1:
            (key,) = schema.primary_key
            yield from find_near(table[key], key, tables.places[schema.name])


def find_near(identifiers: pd.Series, column: str, place: Place) -> Iterator[Finding]:
    """Find identifiers of one column that differ by case, blanks, leading zeros or the kind of dash only.

    Parameters
    ----------
    identifiers : pandas.Series
        Texts.
    column : str
        Name of the column.
    place : Place
        Where it stands.

    Yields
    ------
    Finding
        One warning for all of them.
    """
    spellings = identifiers.groupby(identifiers.map(_loosen)).transform("nunique")
    where = _positions(spellings > 1)
    if where.size:
        problem = "identifiers that differ only by case, blanks, leading zeros or dashes"
        remedy = "write the identifier of a patient in one way; rename those that are different patients"
        yield place.find("D102", column, problem, where, remedy=remedy, severity="warning")


def check_mangled_identifiers(tables: CanonicalTables) -> Iterator[Finding]:
    """Find identifiers that a spreadsheet turned into numbers or dates."""
    for schema, table in _brought(tables):
        for field in schema.fields:
            if field.type == "identifier":
                yield from find_mangled(table[field.name], field.name, tables.places[schema.name])


def find_mangled(identifiers: Iterable[str], column: str, place: Place) -> Iterator[Finding]:
    """Find identifiers of one column that a spreadsheet turned into numbers or dates.

    Parameters
    ----------
    identifiers : iterable of str
        Texts.
    column : str
        Name of the column.
    place : Place
        Where it stands.

    Yields
    ------
    Finding
        One error for all of them.
    """
    where = [i for i, text in enumerate(identifiers) if _MANGLED.fullmatch(text.strip()[:60])]
    if where:
        problem = "looks like an identifier that a spreadsheet turned into a number or a date"
        remedy = "set the column to text in the spreadsheet, enter the identifiers again, and export it"
        yield place.find("D103", column, problem, where, remedy=remedy)


def check_references(tables: CanonicalTables) -> Iterator[Finding]:
    """Find rows that point at a patient or a scan that does not exist."""
    for schema, table in _brought(tables):
        for key in schema.foreign_keys:
            if key.table not in tables.tables:
                continue
            known = tables.tables[key.table][key.reference]
            where = _positions(~table[key.field].isin(known) & (table[key.field].str.strip() != ""))
            if where.size:
                near = _count_near(table[key.field].iloc[where], known)
                hint = f"; {near} would be found but for case, blanks, zeros or dashes" if near else ""
                problem = f"the row belongs to no row of {key.table}{hint}"
                remedy = f"add the row to {key.table}, or correct the identifier"
                yield tables.places[schema.name].find("D104", key.field, problem, where, remedy=remedy)


def _count_near(absent: Iterable[str], known: Iterable[str]) -> int:
    loose = {_loosen(identifier) for identifier in known}
    return sum(_loosen(identifier) in loose for identifier in absent)


def check_entities(tables: CanonicalTables) -> Iterator[Finding]:
    """Find entities that do not belong to the disease group of their row."""
    patients = tables.tables["patients"]
    levels = tables.schema.table("patients").field("entity").categories
    groups = {level.value: level.group for level in levels}
    expected = patients["entity"].astype(object).map(groups)
    found = patients["disease_group"].astype(object)
    where = _positions(expected.notna() & found.notna() & (expected != found))
    if where.size:
        problem, remedy = "the entity does not belong to the disease group", "correct one of the two"
        yield tables.places["patients"].find("D110", "entity", problem, where, remedy=remedy)


def check_single_patients(tables: CanonicalTables) -> Iterator[Finding]:
    """Find disease groups of one patient."""
    groups = tables.tables["patients"]["disease_group"].astype(object)
    where = _positions(groups.map(groups.value_counts()) == 1)
    if where.size:
        problem = "the only patient of the disease group"
        remedy = "no curve and no estimate will be given for the group"
        yield tables.places["patients"].find("D111", "disease_group", problem, where, remedy=remedy, severity="warning")


def check_patients_without_rows(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients without a scan or without follow-up."""
    patients = tables.tables["patients"]["patient_id"]
    for name, loss in (("scans", "the patient has no marker"), ("follow_up", "the patient has no outcome")):
        if name not in tables.tables:
            continue
        where = _positions(~patients.isin(tables.tables[name]["patient_id"]))
        if where.size:
            problem = f"the patient has no row in {name}"
            remedy = f"add the row; without it {loss} and leaves the analysis"
            yield tables.places["patients"].find(
                "D106", "patient_id", problem, where, remedy=remedy, severity="warning"
            )


def check_patients_without_lesions(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients who were scanned and have no lesion: their volume is 0, their SUVmax is missing."""
    patients, scans, lesions = (tables.tables[name] for name in ("patients", "scans", "lesions"))
    with_lesions = scans.loc[scans["scan_id"].isin(lesions["scan_id"]), "patient_id"]
    scanned = patients["patient_id"].isin(scans["patient_id"])
    where = _positions(scanned & ~patients["patient_id"].isin(with_lesions))
    if where.size:
        problem = "no scan of the patient has a lesion: the volume is 0 and SUVmax is missing"
        remedy = "add the lesions if the scan was not read as negative"
        yield tables.places["patients"].find("D105", "patient_id", problem, where, remedy=remedy, severity="warning")


def check_baseline_scans(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients with more than one baseline scan of a tracer."""
    scans = tables.tables["scans"]
    baseline = baseline_scans(scans)
    key = ["patient_id", "tracer"]
    repeated = baseline.duplicated(key, keep=False) & baseline["tracer"].notna()
    where = _positions(scans.index.isin(baseline.index[repeated]))
    if where.size:
        problem = "the patient has more than one baseline scan of this tracer"
        remedy = "say in scan_role which one is the baseline; an empty role counts as baseline"
        yield tables.places["scans"].find("D108", "scan_role", problem, where, remedy=remedy)


def check_tracers(tables: CanonicalTables) -> Iterator[Finding]:
    """Find patients with a baseline scan of one tracer only, in a study that has both."""
    baseline = baseline_scans(tables.tables["scans"])
    if baseline["tracer"].nunique() < 2:
        return
    tracers = baseline.groupby("patient_id")["tracer"].nunique()
    patients = tables.tables["patients"]["patient_id"]
    where = _positions(patients.map(tracers) == 1)
    if where.size:
        pairs = count_noun(int((tracers > 1).sum()), "patient has", "patients have")
        problem = "baseline scan of one tracer only"
        yield tables.places["patients"].find(
            "D109", "patient_id", problem, where, expected=f"paired comparisons use the pairs: {pairs} both tracers",
            remedy="add the scan if there is one", severity="warning",
        )  # fmt: skip
