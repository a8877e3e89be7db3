"""CXCR4 PET beside FDG PET in the same patients: reads, stages, uptake and lesions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from survmodel.cohort import ALL_PATIENTS
from survmodel.data.checks_dates import DAYS_BETWEEN_TRACERS
from survmodel.markers.patterns import PATTERN, PATTERNS
from survmodel.markers.scans import INTERVAL
from survmodel.performance.delong import DeLongTest, delong_test
from survmodel.performance.paired_accuracy import paired_accuracy
from survmodel.performance.paired_uptake import PairedValues, paired_counts, paired_uptake
from survmodel.performance.stage_migration import StageMigration, stage_migration
from survmodel.report.answers import Answer, GroupAnswer
from survmodel.report.tracer_contents import TracerPart
from survmodel.study.correlation_steps import correlation_answers, size_answers
from survmodel.study.entity_uptake_steps import entity_uptake
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.study.step_parts import Progress, Rows, list_levels, silent
from survmodel.study.step_parts import attempt_possible as _attempt

#: Set of patients in whom tests are compared, where it is declared.
DIAGNOSTIC = "diagnostic"
REFERENCE = "confirmed"
NAMES = ("CXCR4", "FDG")
READS = ("cxcr4_read", "fdg_read")
#: How a read is coded; indeterminate stays a state of its own.
CODES = {"positive": 1, "negative": 0, "indeterminate": "indeterminate"}
STAGES = {"FDG": "stage_fdg", "CT": "stage_ct"}
STAGE_CXCR4 = "stage_cxcr4"
NEGATIVE = ("cxcr4_negative", "fdg_negative")
#: Rank of SUVmax on a scan without lesions, which has none: below every other.
LOWEST = -1.0
SUVMAX, LESIONS = ("cxcr4_suvmax", "fdg_suvmax"), ("cxcr4_lesions", "fdg_lesions")
#: Fewer pairs than this say nothing of uptake.
FEWEST = 5


def tracer_part(prepared: Prepared, progress: Progress = silent) -> TracerPart | None:
    """Compare the two tracers, as far as the study has columns for it.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    TracerPart or None
        None where nothing was measured or read by both.
    """
    settings, cohort = prepared.study.settings, prepared.cohort
    name, whole = _diagnostic(prepared)
    table = compared_table(prepared)
    labels = prepared.study.labels | cohort.labels
    chosen = settings.analysis_set.get(name)
    group = group_columns(settings)[0]
    parts = TracerPart(
        label="" if chosen is None else chosen.label or name,
        reference=labels.get(REFERENCE, REFERENCE),
        accuracy=_accuracy(table, progress),
        areas=_areas(table, progress),
        migrations=tuple(_migrations(table, progress)),
        uptake=tuple(_uptake(table, group, progress)),
        entities=tuple(entity_uptake(table, group_columns(settings)[1], SUVMAX, NAMES, progress)),
        lesions=_lesions(table, progress),
        patterns=tuple(_patterns(table, group)),
        correlations=tuple(correlation_answers(table, group, prepared, progress)),
        sizes=tuple(size_answers(table, prepared, progress)),
        n=len(table),
        n_apart=len(whole) - len(table),
    )
    return parts if any(parts.answers()) or parts.patterns else None


def compared_table(prepared: Prepared) -> pd.DataFrame:
    """Choose the patients in whom tracers are compared: the diagnostic set, without scans too many days apart.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.

    Returns
    -------
    pandas.DataFrame
        Their rows.
    """
    whole = _diagnostic(prepared)[1]
    if INTERVAL not in whole:
        return whole
    return whole.loc[~(whole[INTERVAL] > DAYS_BETWEEN_TRACERS).fillna(value=False).astype(bool)]


def _diagnostic(prepared: Prepared) -> tuple[str, pd.DataFrame]:
    cohort = prepared.cohort
    name = DIAGNOSTIC if DIAGNOSTIC in prepared.study.settings.analysis_set else ALL_PATIENTS
    inside = cohort.sets.get(name, (np.ones(len(cohort.table), dtype=bool), ()))[0]
    return name, cohort.table.loc[inside]


def _accuracy(table: pd.DataFrame, progress: Progress) -> Answer | None:  # type: ignore[type-arg]
    if not {REFERENCE, *READS} <= set(table.columns):
        return None
    truth = table[REFERENCE].astype(object).map({True: 1.0, False: 0.0}).astype(float)
    reads = [table[read].astype(object).map(CODES) for read in READS]
    return _attempt("tracers/accuracy", lambda: paired_accuracy(truth, *reads, names=NAMES), progress)


def _areas(table: pd.DataFrame, progress: Progress) -> Answer[DeLongTest] | None:
    """Compare how well SUVmax of each tracer tells patients with the disease from those without."""
    if not {REFERENCE, *SUVMAX, *NEGATIVE} <= set(table.columns):
        return None
    truth = table[REFERENCE].astype(object).map({True: 1.0, False: 0.0}).astype(float)
    if truth.nunique() < 2:
        return None
    scores = [
        table[suvmax].astype(float).mask(table[negative] == 1, LOWEST)
        for suvmax, negative in zip(SUVMAX, NEGATIVE, strict=True)
    ]
    return _attempt("tracers/areas", lambda: delong_test(truth, *scores, names=NAMES), progress)


def _migrations(table: pd.DataFrame, progress: Progress) -> Iterator[Answer[StageMigration]]:
    """Compare stages among patients with the disease: others have none."""
    if STAGE_CXCR4 not in table:
        return
    ill = table[table[REFERENCE].astype(object) == True] if REFERENCE in table else table  # noqa: E712 - may be missing
    for other, column in STAGES.items():
        if column not in ill or not (ill[column].notna() & ill[STAGE_CXCR4].notna()).any():
            continue
        levels = ill[column].cat.categories if isinstance(ill[column].dtype, pd.CategoricalDtype) else None
        yield _attempt(
            f"tracers/stage/{other}",
            lambda first=ill[column], levels=levels, other=other: stage_migration(  # type: ignore[misc]
                first, ill[STAGE_CXCR4], levels=None if levels is None else list(levels), names=(other, NAMES[0])
            ),
            progress,
        )


def _uptake(table: pd.DataFrame, group: str | None, progress: Progress) -> Iterator[GroupAnswer[PairedValues]]:
    if not set(SUVMAX) <= set(table.columns):
        return
    everybody: list[tuple[str, Rows]] = [("", np.arange(len(table)))]
    groups = list(list_levels(table[group])) if group is not None and group in table else []
    for label, rows in (*everybody, *groups):
        first, second = (table[name].iloc[rows].astype(float) for name in SUVMAX)
        both = int((first.notna() & second.notna()).sum())
        step = "/".join(word for word in ("tracers/uptake", label) if word)
        if both < FEWEST:
            yield GroupAnswer(
                label, both, 0, Answer(step, None, f"{both} patients with both, fewer than {FEWEST}", withheld=True)
            )
            continue
        compute = lambda first=first, second=second: paired_uptake(first, second, names=NAMES)  # noqa: E731
        yield GroupAnswer(label, both, 0, _attempt(step, compute, progress))


def _lesions(table: pd.DataFrame, progress: Progress) -> Answer | None:  # type: ignore[type-arg]
    if not set(LESIONS) <= set(table.columns):
        return None
    first, second = (table[name].astype(float) for name in LESIONS)
    return _attempt("tracers/lesions", lambda: paired_counts(first, second, names=NAMES), progress)


def _patterns(table: pd.DataFrame, group: str | None) -> Iterator[tuple[str, tuple[tuple[str, int], ...]]]:
    if PATTERN not in table or table[PATTERN].isna().all():
        return
    everybody: list[tuple[str, Rows]] = [("", np.arange(len(table)))]
    groups = list(list_levels(table[group])) if group is not None and group in table else []
    for label, rows in (*everybody, *groups):
        found = table[PATTERN].iloc[rows].astype(object)
        yield label, tuple((name, int((found == name).sum())) for name in PATTERNS)
