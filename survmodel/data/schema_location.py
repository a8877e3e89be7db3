"""Where the data schema lies: beside the package in a checkout, inside it in an installed wheel."""

from __future__ import annotations

from pathlib import Path


def schema_folder() -> Path:
    """Find the folder of the data schema.

    Returns
    -------
    pathlib.Path
        The folder ``data_schema``.

    Raises
    ------
    FileNotFoundError
        When the package was installed without it.

    Examples
    --------
    >>> schema_folder().name
    'data_schema'
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data_schema", package.parent / "data_schema"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("the folder data_schema is not part of this installation: install survmodel again")
