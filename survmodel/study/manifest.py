"""The record of a run: versions, seed, hashes, settings with every default; no path, user or host."""

from __future__ import annotations

import datetime
import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path

import survmodel
from survmodel.data.canonical import SourceFile
from survmodel.outcome.endpoints import DAYS_PER_MONTH
from survmodel.report.contents import Question
from survmodel.study.config import Study
from survmodel.study.preparation import Prepared

#: Packages whose version can change a number or a figure.
PACKAGES = ("jinja2", "matplotlib", "numba", "numpy", "pandas", "pydantic", "scipy")


def versions() -> dict[str, str]:
    """List the versions of the software that made the results.

    Returns
    -------
    dict of str to str
        survmodel, Python and the packages that matter.
    """
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"survmodel": survmodel.__version__, "python": python, **{name: metadata.version(name) for name in PACKAGES}}


def build_manifest(
    prepared: Prepared,
    question: Question | None,
    outputs: dict[str, dict[str, object]],
    status: str,
    steps: dict[str, str],
    clock: tuple[datetime.datetime, datetime.datetime],
) -> dict[str, object]:
    """Describe a run.

    Parameters
    ----------
    prepared : Prepared
        What was asked for, and the files that were read.
    question : Question, optional
        Primary marker and endpoint.
    outputs : dict
        Size and hash of every result.
    status : str
        How the run ended.
    steps : dict of str to str
        Every step with "done" or the reason why not.
    clock : tuple of datetime
        Start and end; the only part that differs between two runs.

    Returns
    -------
    dict
        Ready for JSON.
    """
    study = prepared.study
    inputs: dict[str, object] = {study.file: {"sha256": study.sha256}}
    paths = {table: entry.path for table, entry in study.settings.data.files.items()}
    n_rows: dict[str, int] = {}
    for file in prepared.data.files:
        place = paths[file.table] if file.path is None else _name_part(file, file.path, study.folder)
        # Several tables may stand in one file: in an export.
        n_rows[place] = n_rows.get(place, 0) + file.n_rows
        inputs[place] = {"bytes": file.size, "sha256": file.sha256, "rows": n_rows[place]}
    if study.settings.data.redcap is not None:
        dictionary = study.settings.data.redcap.dictionary
        inputs[dictionary] = {"sha256": hashlib.sha256((study.folder / dictionary).read_bytes()).hexdigest()}
    started, finished = clock
    return {
        "schema": 1,
        "study": study.name,
        "status": status,
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "seed": study.settings.seed,
        "days_per_month": DAYS_PER_MONTH,
        "synthetic": study.is_synthetic,
        "lock": None
        if question is None
        else {
            "marker": question.marker,
            "endpoint": question.endpoint,
            "models": question.models,
            "sha256": question.sha256,
            "locked_on": list(question.locked_on),
            "changes": list(question.changes),
        },
        "settings": _settings(study),
        "inputs": inputs,
        "outputs": outputs,
        "steps": steps,
        "clock": {
            "started": started.isoformat(timespec="seconds"),
            "finished": finished.isoformat(timespec="seconds"),
            "seconds": round((finished - started).total_seconds(), 3),
        },
    }


def _name_part(file: SourceFile, path: Path, folder: Path) -> str:
    """Name one of several files of a table: by its path, or by its number where a folder holds it."""
    return path.relative_to(folder).as_posix() if path.name == file.name else file.name


def _settings(study: Study) -> dict[str, object]:
    """Give every setting with its default, without the patients whom the study sets aside."""
    settings = study.settings.model_dump(mode="json", by_alias=True)
    settings["exclude"] = [{"reason": one.reason} for one in study.settings.exclude]
    return settings
