"""Which reader a file needs: its ending says so, and the reader refuses what the file is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.readers.delimited import scan_delimited
from survmodel.data.readers.lesion_exports import LesionExport
from survmodel.data.readers.reading import FileRead
from survmodel.data.readers.redcap import RedcapSource, scan_redcap

PARQUET = (".parquet", ".pq")
#: Endings of workbooks; those of other kinds than .xlsx are refused by what they hold.
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


@dataclass(frozen=True, slots=True)
class TableFile:
    """One file and how it is written.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    delimiter, encoding, decimal : str
        Of the text.
    date_format : str, optional
        How its dates are written, such as ``"%d.%m.%Y"``; year-month-day without it.
    excel_dates : {1900, 1904}, optional
        Convert serial dates of this date system.
    sheet : str, optional
        Of a workbook.
    redcap : RedcapSource, optional
        Where the table stands in the export of a REDCap project.
    exports : tuple of LesionExport
        Exports of PET programs that hold the lesions; `path` is then the first of them.
    """

    path: Path
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    date_format: str | None = None
    excel_dates: Literal[1900, 1904] | None = None
    sheet: str | None = None
    redcap: RedcapSource | None = None
    exports: tuple[LesionExport, ...] = ()


def is_workbook(path: str | Path) -> bool:
    """Tell whether a file is a workbook by its name.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    bool
        Whatever it holds.

    Examples
    --------
    >>> is_workbook("data/patients.XLSX"), is_workbook("patients.csv")
    (True, False)
    """
    return Path(path).suffix.lower() in WORKBOOKS


def is_text(path: str | Path) -> bool:
    """Tell whether a file is delimited text by its name.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    bool
        Whatever it holds.
    """
    return Path(path).suffix.lower() not in (*WORKBOOKS, *PARQUET)


def scan_file(file: TableFile, columns: Sequence[Column], dates: DateRule, table: str = "") -> FileRead:
    """Read the declared columns of a file of any kind, and keep the problems of cells as findings.

    Parameters
    ----------
    file : TableFile
        The file.
    columns : sequence of Column
        What is declared.
    dates : DateRule
        How its dates are written.
    table : str
        Name of the canonical table, for the findings.

    Returns
    -------
    FileRead
        A cell that could not be read is missing, and an error among the findings says so.

    Raises
    ------
    ConfigError
        For a Parquet file, when pyarrow is not installed.
    FindingsError
        When the file as a whole cannot be read.
    OSError
        When the file cannot be opened.
    """
    if file.redcap is not None:
        return scan_redcap(
            file.path, file.redcap, columns, delimiter=file.delimiter, encoding=file.encoding, decimal=file.decimal,
            dates=dates, table=table,
        )  # fmt: skip
    if is_workbook(file.path):
        from survmodel.data.readers.excel import scan_workbook

        return scan_workbook(file.path, columns, sheet=file.sheet, decimal=file.decimal, dates=dates, table=table)
    if Path(file.path).suffix.lower() in PARQUET:
        from survmodel.data.readers.parquet import scan_parquet

        return scan_parquet(file.path, columns, decimal=file.decimal, dates=dates, table=table)
    return scan_delimited(
        file.path, columns, delimiter=file.delimiter, encoding=file.encoding, decimal=file.decimal, dates=dates,
        table=table,
    )  # fmt: skip
