"""The example study: SYNTHETIC patients, a study file, and a cohort to try things on."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path

from survmodel.cohort import Cohort
from survmodel.simulate import simulate_study
from survmodel.simulate.truth import LockName, Scenario
from survmodel.study.preparation import build_cohort
from survmodel.writing import write_whole

SEED = 20250131
TEMPLATE = "example.toml"


def write_example(
    folder: str | Path, lock: LockName = "trial", scenario: Scenario = "realistic", *, seed: int = SEED
) -> Path:
    """Write the example study: its study file, and its SYNTHETIC data in a folder beside it.

    Parameters
    ----------
    folder : path
        Where to; it is made when it does not exist.
    lock : {"trial", "multicentre"}
        How large the study is.
    scenario : {"null", "realistic", "strong"}
        How much uptake tells.
    seed : int
        Same seed, same bytes.

    Returns
    -------
    pathlib.Path
        The study file.

    Raises
    ------
    ConfigError
        For a lock, scenario or seed that cannot be.
    DataError
        When the folder holds data that are not synthetic.
    OSError
        When a file cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_example(folder).name
    'study.toml'
    """
    study = simulate_study(lock, scenario, seed=seed)
    root = Path(folder)
    study.write(root / "data", exports=True)
    template = (resources.files("survmodel.study") / TEMPLATE).read_text(encoding="utf-8")
    place = root / "study.toml"
    write_whole(place, f"{template}\n{study.waiver}".encode())
    return place


def example_cohort(scenario: Scenario = "realistic", lock: LockName = "trial", *, seed: int = SEED) -> Cohort:
    """Build the cohort of the example study.

    Parameters
    ----------
    scenario : {"null", "realistic", "strong"}
        How much uptake tells.
    lock : {"trial", "multicentre"}
        How large the study is.
    seed : int
        Same seed, same cohort.

    Returns
    -------
    Cohort
        SYNTHETIC patients; endpoints "pfs" and "os" in the set "prognostic".

    Raises
    ------
    ConfigError
        For a lock, scenario or seed that cannot be.

    Examples
    --------
    >>> analysis = example_cohort("strong").analysis("pfs", "prognostic")
    >>> analysis.outcome.endpoint
    'progression or death (SYNTHETIC data)'
    """
    with tempfile.TemporaryDirectory() as folder:
        return build_cohort(write_example(folder, lock, scenario, seed=seed))
