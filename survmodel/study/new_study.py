"""A new study: a commented study file, empty tables, a workbook of them, a Makefile, a page that says what to do."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from survmodel.data.entry_workbook import ENTRY_WORKBOOK, write_entry_workbook
from survmodel.data.schema import load_schema
from survmodel.data.templates import write_csv_templates
from survmodel.errors import ConfigError, list_values
from survmodel.writing import write_whole

#: Files of a new study and the package files that they are copies of.
COPIES = {"study.toml": "new_study.toml", "Makefile": "new_study.mk", "README.md": "new_study.md"}


def write_new_study(folder: str | Path) -> tuple[Path, ...]:
    """Write a new study that waits for its data.

    Parameters
    ----------
    folder : path
        Where to; it is made when it does not exist. No file is ever replaced.

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
    contents = _contents()
    there = [name for name in contents if os.path.lexists(root / name)]
    if there:
        problem = "the folder holds files of the same names, and none of them is replaced"
        raise ConfigError(problem, list_values(there), "choose a new folder")
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(root / name, content)
    return tuple(root / name for name in contents)


def _contents() -> dict[str, bytes]:
    package = resources.files("survmodel.study")
    copies = {name: (package / source).read_bytes() for name, source in COPIES.items()}
    schema = load_schema()
    tables = {f"data/{name}": text.encode() for name, text in write_csv_templates(schema).items()}
    return copies | tables | {f"data/{ENTRY_WORKBOOK}": write_entry_workbook(schema)}
