"""A new study: a commented study file, empty tables as text or as a workbook, a Makefile, a page that says how."""

from __future__ import annotations

import os
import re
from importlib import resources
from pathlib import Path
from typing import Literal

from survmodel.data.entry_workbook import ENTRY_WORKBOOK, write_entry_workbook
from survmodel.data.schema import load_schema
from survmodel.data.templates import write_csv_templates
from survmodel.errors import ConfigError, list_values
from survmodel.writing import write_whole

Kind = Literal["csv", "excel"]

#: Files of a new study and the package files that they are made of.
COPIES = {"study.toml": "new_study.toml", "Makefile": "new_study.mk", "README.md": "new_study.md"}
#: What the page of the new study says of its tables.
FILLED: dict[Kind, dict[str, str]] = {
    "csv": {
        "tables": "text files with headings only",
        "names": "`patients.csv`, `scans.csv`, `lesions.csv`, `reads.csv` and `follow_up.csv`",
    },
    "excel": {
        "tables": 'the sheets of `entry.xlsx`, with lists and limits in their cells; the sheet "read me" says how',
        "names": "the sheets `patients`, `scans`, `lesions`, `reads` and `follow_up`",
    },
}
_TABLE = re.compile(r'\{ path = "data/(\w+)\.csv" \}')


def write_new_study(folder: str | Path, tables: Kind = "csv") -> tuple[Path, ...]:
    """Write a new study that waits for its data.

    Parameters
    ----------
    folder : path
        Where to; it is made when it does not exist. No file is ever replaced.
    tables : {"csv", "excel"}
        Empty text files, or one workbook with a sheet for each table.

    Returns
    -------
    tuple of pathlib.Path
        What was written, the study file first.

    Raises
    ------
    ConfigError
        When one of the files is there already; nothing is written then.
    OSError
        When a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_new_study(folder)][:4]
    ['study.toml', 'Makefile', 'README.md', 'patients.csv']
    """
    root = Path(folder)
    contents = _contents(tables)
    there = [name for name in contents if os.path.lexists(root / name)]
    if there:
        problem = "the folder holds files of the same names, and none of them is replaced"
        raise ConfigError(problem, list_values(there), "choose a new folder")
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(root / name, content)
    return tuple(root / name for name in contents)


def _contents(kind: Kind) -> dict[str, bytes]:
    package = resources.files("survmodel.study")
    toml, make, page = ((package / source).read_text(encoding="utf-8") for source in COPIES.values())
    schema = load_schema()
    for name, text in FILLED[kind].items():
        page = page.replace(f"{{{name}}}", text)
    if kind == "excel":
        tables = {f"data/{ENTRY_WORKBOOK}": write_entry_workbook(schema)}
        toml = _TABLE.sub(rf'{{ path = "data/{ENTRY_WORKBOOK}", sheet = "\1" }}', toml)
    else:
        tables = {f"data/{name}": text.encode() for name, text in write_csv_templates(schema).items()}
    return dict(zip(COPIES, (toml.encode(), make.encode(), page.encode()), strict=True)) | tables
