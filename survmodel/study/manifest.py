"""The record of a run: versions, seed, hashes, settings with every default; no path, user or host."""

from __future__ import annotations

import datetime
import platform
import sys
from importlib import metadata

import survmodel
from survmodel.data.readers.delimited import FileRead
from survmodel.study.config import Study

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
    study: Study,
    file: FileRead | None,
    outputs: dict[str, dict[str, object]],
    status: str,
    steps: dict[str, str],
    clock: tuple[datetime.datetime, datetime.datetime],
) -> dict[str, object]:
    """Describe a run.

    Parameters
    ----------
    study : Study
        What was asked for.
    file : FileRead or None
        The data file, when it could be read.
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
    inputs: dict[str, object] = {study.file: {"sha256": study.sha256}}
    if file is not None:
        inputs[study.settings.data.patients.path] = {"bytes": file.size, "sha256": file.sha256, "rows": len(file.table)}
    started, finished = clock
    return {
        "schema": 1,
        "study": study.name,
        "status": status,
        "versions": versions(),
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "seed": study.settings.seed,
        "settings": study.settings.model_dump(mode="json", by_alias=True),
        "inputs": inputs,
        "outputs": outputs,
        "steps": steps,
        "clock": {
            "started": started.isoformat(timespec="seconds"),
            "finished": finished.isoformat(timespec="seconds"),
            "seconds": round((finished - started).total_seconds(), 3),
        },
    }
