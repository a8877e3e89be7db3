"""Writing files: whole or not at all, and harmless to whoever opens them in a spreadsheet."""

from __future__ import annotations

import csv
import os
import re
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

#: A text cell that begins like this is run as a formula by spreadsheet programs.
FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
NUMBER = re.compile(r"[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][+-]?\d{1,4})?")
#: Control characters but for tabs and ends of lines.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    Parameters
    ----------
    path : pathlib.Path
        Where to.
    content : bytes
        What.

    Raises
    ------
    OSError
        When the file cannot be written; nothing is left behind.
    """
    beside = path.with_name(f".{path.name[:100]}.tmp-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def harmless(cell: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula; numbers stay as they are.

    Control characters, which a terminal might obey, become the mark of an unknown character.

    Parameters
    ----------
    cell : str
        A cell.

    Returns
    -------
    str
        The cell, safe to open in a spreadsheet.

    Examples
    --------
    >>> harmless("=1+1"), harmless("-0.5"), harmless(chr(27) + "[31m")
    ("'=1+1", '-0.5', '�[31m')
    """
    cell = CONTROL.sub("\ufffd", cell)
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.fullmatch(cell) else cell


def to_csv(table: pd.DataFrame) -> str:
    """Write a table as CSV with every digit; text that a spreadsheet would run as a formula gets an apostrophe.

    Parameters
    ----------
    table : pandas.DataFrame
        Numbers and text.

    Returns
    -------
    str
        Lines that end in a line feed; missing cells are empty.

    Examples
    --------
    >>> print(to_csv(pd.DataFrame({"group": ["=1+1"], "estimate": [-0.1]})), end="")
    group,estimate
    '=1+1,-0.1
    """
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([_cell(name) for name in table.columns])
    writer.writerows(zip(*([_cell(value) for value in table[name]] for name in table.columns), strict=True))
    return lines.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float):
        return repr(value)
    return str(value) if isinstance(value, int) else harmless(str(value))
