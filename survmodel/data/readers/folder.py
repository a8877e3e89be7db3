"""A folder of exports as one source: files of one program, in the order of their names, with one header.

The name of such a file is often that of a patient, so that messages number the files and never name them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from survmodel.data.findings import Finding, FindingsError, refuse

ENDINGS = (".csv", ".txt", ".tsv", ".voistat")
#: More files than this are no export of a study.
MOST_FILES = 10_000


def list_files(path: Path) -> list[tuple[str, Path]]:
    """List the files of a source.

    Parameters
    ----------
    path : pathlib.Path
        A file, or a folder.

    Returns
    -------
    list of (str, pathlib.Path)
        How messages call each file, and where it lies; of a folder every text file in the order of the names.

    Raises
    ------
    FindingsError
        For a folder without such a file, with too many, or with other things in it.

    Examples
    --------
    >>> list_files(Path("lifex.csv"))[0][0]
    'lifex.csv'
    """
    if not path.is_dir():
        return [(path.name, path)]
    inside = sorted(one for one in path.iterdir() if not one.name.startswith("."))
    files = [one for one in inside if one.is_file() and one.suffix.lower() in ENDINGS]
    expected = f"text files that end in {', '.join(ENDINGS)}"
    if not files or len(files) > MOST_FILES:
        found = f"{len(files)} exports" if files else "no export"
        refuse("D197", path.name, f"the folder holds {found}", expected, "check the folder of the export")
    # A link may lead to the data of other patients, and a folder in the folder would be left out in silence.
    others = [one for one in inside if one not in files or not one.resolve().is_relative_to(path.resolve())]
    if others:
        problem = f"the folder holds {len(others)} other files, folders or links"
        refuse("D197", path.name, problem, expected, "move them out of the folder")
    return [(f"{path.name} (file {i})", one) for i, one in enumerate(files, start=1)]


def check_same_header(name: str, header: Sequence[str], headers: list[list[str]]) -> None:
    """Refuse a file whose header is not that of the files before it.

    Parameters
    ----------
    name : str
        How messages call the file.
    header : sequence of str
        Its headings.
    headers : list of list of str
        Header of the first file of the folder; taken from this one while it is empty.

    Raises
    ------
    FindingsError
        When the headings differ, or stand in another order.
    """
    headings = [heading.strip().casefold() for heading in header]
    if headers and headings != headers[0]:
        problem = "the header is not that of the first file of the folder"
        remedy = "export all patients with the same settings, or give the files one by one"
        raise FindingsError([Finding("D197", problem, name, (1,), 1, 0, remedy=remedy)])
    headers.append(headings)
