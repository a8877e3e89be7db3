"""The names behind the tokens of a run, for those who have the study; and a difference of runs as files."""

from __future__ import annotations

from pathlib import Path

from survmodel.study.config import read_study
from survmodel.study.gathering import gather
from survmodel.study.run_diff import RunDiff
from survmodel.study.run_traces import token_of
from survmodel.writing import to_csv, write_whole


def name_tokens(study_file: str | Path) -> dict[str, str]:
    """Give the pseudonym of each token.

    Parameters
    ----------
    study_file : str or pathlib.Path
        The study; patients whom it sets aside are named too.

    Returns
    -------
    dict of str to str
        Pseudonym by token.

    Raises
    ------
    ConfigError
        When the study file is not understood.
    FindingsError
        When the data cannot be read.
    OSError
        When a file cannot be read.
    """
    study = read_study(study_file)
    known = [*gather(study).table.index.astype(str), *(one.patient_id for one in study.exclusions)]
    return {token_of(str(pseudonym)): str(pseudonym) for pseudonym in known}


def write_diff(found: RunDiff, out: str | Path) -> Path:
    """Write every difference.

    Parameters
    ----------
    found : RunDiff
        The difference.
    out : str or pathlib.Path
        Folder; it is made where it does not exist.

    Returns
    -------
    pathlib.Path
        The folder, with ``diff_patients.csv``, ``diff_settings.csv``, ``diff_numbers.csv``, ``diff_sentences.csv``.

    Raises
    ------
    OSError
        When a file cannot be written.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("patients", "settings", "numbers", "sentences"):
        write_whole(folder / f"diff_{name}.csv", to_csv(getattr(found, name)).encode())
    return folder
