"""How the scans of a study were made, described by tracer and by scanner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd

from survmodel.markers.acquisition import ACQUISITION_FACTS, BEFORE, FROM_DIAGNOSIS, IN_WINDOW, TO_TREATMENT
from survmodel.markers.uptake import TRACERS
from survmodel.models.description import Description, describe
from survmodel.report.answers import Answer
from survmodel.report.imaging_contents import AcquisitionPart
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, attempt_possible, silent

SCANNER, OUTSIDE, BATCH = "scanner", "outside_window", "batch"
#: More scanners than this are no columns of a table.
MOST_SCANNERS = 8


def acquisition_part(
    prepared: Prepared, patients: Sequence[str], progress: Progress = silent
) -> AcquisitionPart | None:
    """Describe the baseline scans.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    patients : sequence of str
        Whose scans are described.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    AcquisitionPart or None
        None where nothing is known of any scan.
    """
    by_tracer = {tracer: _scans_of(tracer, prepared.cohort.table.loc[list(patients)]) for tracer in TRACERS}
    by_tracer = {tracer: scans for tracer, scans in by_tracer.items() if not scans.empty}
    if not by_tracer:
        return None
    stacked = pd.concat(by_tracer.values(), ignore_index=True)
    order = [name for name in [SCANNER, *_names()] if name in stacked]
    tracers = [tracer.upper() for tracer, scans in by_tracer.items() for _ in range(len(scans))]
    whole: Answer[Description] = attempt_possible(
        "acquisition/tracers",
        lambda: describe(stacked, pd.Series(pd.Categorical(tracers), index=stacked.index), columns=order),
        progress,
    )
    return AcquisitionPart(whole, tuple(_by_scanner(by_tracer, progress)), _labels())


def _scans_of(tracer: str, table: pd.DataFrame) -> pd.DataFrame:
    """Give the scans of a tracer a row each; a patient of whose scan nothing is known has none."""
    columns = {f"{tracer}_{name}": name for name in (SCANNER, *_names(), IN_WINDOW)}
    own = table[[name for name in columns if name in table]].rename(columns=columns).dropna(how="all")
    own = own.drop(columns=BATCH, errors="ignore").reset_index(drop=True)
    if not own.empty and set(own) <= {FROM_DIAGNOSIS, TO_TREATMENT, BEFORE}:
        # days alone say nothing of how a scan was made
        return own.iloc[:0]
    if IN_WINDOW in own:
        own[OUTSIDE] = ~own.pop(IN_WINDOW)
    return own


def _by_scanner(by_tracer: dict[str, pd.DataFrame], progress: Progress) -> Iterator[tuple[str, Answer[Description]]]:
    for tracer, scans in by_tracer.items():
        if SCANNER not in scans or not 2 <= scans[SCANNER].nunique() <= MOST_SCANNERS:
            continue
        known = scans[scans[SCANNER].notna()]
        names = [name for name in _names() if name in known and known[name].notna().any()]
        if names:
            compute = partial(describe, known, SCANNER, columns=names)
            yield tracer.upper(), attempt_possible(f"acquisition/{tracer}/scanners", compute, progress)


def _names() -> list[str]:
    own = [fact.name.partition("_")[2] for fact in ACQUISITION_FACTS if fact.name.startswith(TRACERS[0])]
    return [OUTSIDE if name == IN_WINDOW else name for name in own if name != BATCH]


def _labels() -> dict[str, tuple[str, str]]:
    found = {SCANNER: ("scanner", ""), OUTSIDE: ("outside a window", "")}
    for fact in ACQUISITION_FACTS:
        label = fact.label.partition(", ")[2]
        found.setdefault(fact.name.partition("_")[2], (label, fact.unit))
    return found
