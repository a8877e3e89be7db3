"""The canonical tables of a study in memory: what every later step takes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place
from survmodel.data.schema import Schema, load_schema

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read.

    Attributes
    ----------
    table, name : str
        Which table it holds, and its name without folders.
    sha256 : str
        Hash of its bytes.
    size, n_rows : int
        Number of bytes and of rows.
    path : pathlib.Path, optional
        Where it lies, for one of several files of a table; never shown.
    """

    table: str
    name: str
    sha256: str
    size: int
    n_rows: int
    path: Path | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class CanonicalTables:
    """What the files of a study hold.

    Attributes
    ----------
    tables : mapping of str to pandas.DataFrame
        By name of the table: the columns of the schema, then those that the study declares, rows as in the file. A
        column that the file lacks is missing throughout.
    places : mapping of str to Place
        The line of the file of each row.
    findings : tuple of Finding
        Warnings and notes of reading, and errors that the study may waive.
    files : tuple of SourceFile
        What was read.
    schema : Schema
        By which it was read.
    extra : mapping of str to tuple of Column
        Columns that the study declares beside those of the schema, by name of the table.
    data_lock : datetime.date, optional
        No date is later.
    notes : tuple of str
        What the reader may want to know of the files.
    """

    tables: Mapping[str, pd.DataFrame]
    places: Mapping[str, Place]
    findings: tuple[Finding, ...] = ()
    files: tuple[SourceFile, ...] = ()
    schema: Schema = field(default_factory=load_schema)
    extra: Mapping[str, tuple[Column, ...]] = field(default_factory=dict)
    data_lock: datetime.date | None = None
    notes: tuple[str, ...] = ()

    def columns(self, table: str) -> tuple[Column, ...]:
        """Give the declarations of the columns of a table.

        Parameters
        ----------
        table : str
            Its name.

        Returns
        -------
        tuple of Column
            Those of the schema, then those of the study.
        """
        return (*self.schema.table(table).columns, *self.extra.get(table, ()))

    def without_phi(self) -> CanonicalTables:
        """Leave birth dates behind, and what else tells who a patient is.

        Returns
        -------
        CanonicalTables
            ``age_years`` is computed from the birth date, at the first baseline scan of CXCR4 or else of any tracer,
            where the file does not give it.
        """
        tables = dict(self.tables)
        if "patients" in tables:
            patients = tables["patients"]
            tables["patients"] = patients.assign(age_years=_fill_age(patients, tables.get("scans")))
        for name, table in tables.items():
            private = [column.name for column in self.columns(name) if column.phi and column.name in table]
            tables[name] = table.drop(columns=private)
        return replace(self, tables=tables)


def baseline_scans(scans: pd.DataFrame) -> pd.DataFrame:
    """Select the baseline scans: a scan without a role counts as one.

    Parameters
    ----------
    scans : pandas.DataFrame
        The canonical table.

    Returns
    -------
    pandas.DataFrame
        Its rows, with their row labels.
    """
    return scans.loc[(scans["scan_role"].isna() | (scans["scan_role"] == "baseline")).to_numpy()]


def origin_dates(scans: pd.DataFrame) -> pd.Series:
    """Give the day of the baseline scan of each patient: of the CXCR4 scan, or else of the first of any tracer.

    Parameters
    ----------
    scans : pandas.DataFrame
        The canonical table.

    Returns
    -------
    pandas.Series
        Days by patient id.
    """
    scans = baseline_scans(scans)
    first = scans.groupby("patient_id")["scan_date"].min()
    return scans.loc[scans["tracer"] == "cxcr4"].groupby("patient_id")["scan_date"].min().combine_first(first)


def _fill_age(patients: pd.DataFrame, scans: pd.DataFrame | None) -> pd.Series:
    age = patients["age_years"].astype(float)
    if scans is None or scans.empty or "birth_date" not in patients:
        return age
    origin = patients["patient_id"].map(origin_dates(scans))
    return age.fillna((origin - patients["birth_date"]).dt.days / DAYS_PER_YEAR)
