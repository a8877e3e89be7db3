"""Readers of a study: agreement of their reads, of their segmentations, and what that does to the primary marker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd

from survmodel.data.canonical import baseline_scans
from survmodel.distributions import normal_quantile
from survmodel.errors import list_values
from survmodel.markers.segmenters import Repeats, repeats_of_readers, repeats_of_rules
from survmodel.markers.uptake import METRICS, RULE_METRICS, TRACERS
from survmodel.performance.agreement import Kappa, cohens_kappa
from survmodel.performance.attenuation import Attenuation, attenuation
from survmodel.performance.intraclass import intraclass_correlation
from survmodel.performance.proportions import Proportion, proportion
from survmodel.report.answers import Answer
from survmodel.report.contents import EndpointPart, MarkerPart
from survmodel.report.imaging_contents import ReaderPart, ReadersOfTracer, RepeatedMeasure
from survmodel.study.known_columns import segmentation_rules
from survmodel.study.predictor_checks import LOGARITHMS
from survmodel.study.preparation import Prepared
from survmodel.study.settings_data import MarkerEntry
from survmodel.study.step_parts import Progress, attempt_possible, silent

READERS = ("reader_1", "reader_2")
NAMES = ("first reader", "second reader")
#: Levels of a read from low to high.
LEVELS = ("negative", "indeterminate", "positive")
#: Metrics whose repeatability is shown; others only where they are the primary marker.
SHOWN = ("suvmax", "mtv", "tlu")
SCALES = {"log2": np.log2, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt}


def reader_part(
    prepared: Prepared, patients: Sequence[str], parts: Sequence[EndpointPart], progress: Progress = silent
) -> ReaderPart | None:
    """Compare the readers, as far as scans were read or segmented twice.

    Parameters
    ----------
    prepared : Prepared
        Data and settings.
    patients : sequence of str
        Whose baseline scans are looked at.
    parts : sequence of EndpointPart
        The endpoints, for the hazard ratio of the primary marker.
    progress : callable
        Is told the name of each step before it begins.

    Returns
    -------
    ReaderPart or None
        None where nothing was done twice.
    """
    tables = prepared.data.tables
    if "scans" not in tables:
        return None
    scans = baseline_scans(tables["scans"])
    scans = scans[scans["patient_id"].isin(patients)]
    reads = tuple(_reads(scans, tables["reads"], progress)) if "reads" in tables else ()
    if "lesions" not in tables:
        return ReaderPart(reads) if reads else None
    primary = prepared.study.settings.primary_marker
    by_reader = repeats_of_readers(pd.Series(list(patients)), scans, tables["lesions"])
    inside = prepared.cohort.table.loc[list(patients)]
    by_rule = repeats_of_rules(inside, segmentation_rules(prepared.study.settings), TRACERS)
    wanted = [one for one in (*by_reader, *by_rule) if _is_shown(one, primary)]
    repeats = tuple(_repeated(one, primary, prepared, progress) for one in wanted)
    part = ReaderPart(reads, repeats)
    if primary is not None:
        own = next((one for one in repeats if one.answer.step == f"readers/icc/{primary.name}"), None)
        part = (
            part if own is None else ReaderPart(reads, repeats, own.label, _attenuation(own, primary, parts, progress))
        )
    return part if any(part.answers()) else None


def _reads(scans: pd.DataFrame, reads: pd.DataFrame, progress: Progress) -> Iterator[ReadersOfTracer]:
    for tracer in TRACERS:
        own = scans.loc[scans["tracer"].astype(str) == tracer, "scan_id"]
        inside = reads[reads["scan_id"].isin(own)]
        wide = inside.assign(reader=inside["reader"].astype(str), result=inside["result"].astype(object)).pivot(
            index="scan_id", columns="reader", values="result"
        )
        if not set(READERS) <= set(wide.columns):
            continue
        both = wide[list(READERS)].dropna()
        if not both.empty:
            yield _agreement(tracer, both, progress)


def _agreement(tracer: str, both: pd.DataFrame, progress: Progress) -> ReadersOfTracer:
    first, second = (both[name] for name in READERS)
    alike = int((first == second).sum())

    def kappa() -> Kappa:
        return cohens_kappa(first, second, levels=LEVELS, names=NAMES)

    def agreement() -> Proportion:
        return proportion(alike, len(both), label="agreement")

    return ReadersOfTracer(
        tracer.upper(),
        attempt_possible(f"readers/kappa/{tracer}", kappa, progress),
        attempt_possible(f"readers/agreement/{tracer}", agreement, progress),
    )


def _is_shown(repeats: Repeats, primary: MarkerEntry | None) -> bool:
    metric = repeats.name.removeprefix(f"{repeats.tracer}_").partition("_")[0]
    return metric in SHOWN or (primary is not None and repeats.name == primary.name)


def _repeated(repeats: Repeats, primary: MarkerEntry | None, prepared: Prepared, progress: Progress) -> RepeatedMeasure:
    """Correlate repeated values on the scale of the model where it is the primary marker, else as logarithms."""
    is_primary = primary is not None and repeats.name == primary.name and repeats.between == "readers"
    scale = primary.transform if primary is not None and is_primary else "log2"
    values = repeats.values.astype(float)
    values = values[(values > 0).all(axis=1)] if scale in LOGARITHMS else values
    table = SCALES[scale](values) if scale in SCALES else values
    if repeats.between == "readers":
        step, between = f"readers/icc/{repeats.name}", "two readers"
    else:
        step, between = f"readers/icc/{repeats.name}/rules", f"rules {list_values(list(values.columns))}"
    compute = partial(intraclass_correlation, table, "ICC(2,1)")
    label = prepared.study.labels.get(repeats.name) or _label(repeats)
    shown = "" if scale == "none" else scale
    return RepeatedMeasure(label, between, shown, attempt_possible(step, compute, progress))


def _label(repeats: Repeats) -> str:
    metric = repeats.name.removeprefix(f"{repeats.tracer}_")
    return f"{repeats.tracer.upper()} {(METRICS | RULE_METRICS)[metric][0]}"


def _attenuation(
    own: RepeatedMeasure, primary: MarkerEntry, parts: Sequence[EndpointPart], progress: Progress
) -> Answer[Attenuation] | None:
    """Correct the hazard ratio of the primary marker alone for what two readers do not agree on."""
    icc, step = own.answer.result, "readers/attenuation"
    part = next((one for one in parts if one.name == (primary.endpoint or parts[0].name)), None)
    marker: MarkerPart | None = next((one for one in part.markers if one.name == primary.name), None) if part else None
    if icc is None or marker is None:
        return None
    fit = marker.fits[0].answer
    if fit.result is None:
        return Answer(step, None, fit.reason, withheld=True)
    row = fit.result.tidy().iloc[0]
    width = (icc.conf_high - icc.conf_low) / (2 * normal_quantile(icc.conf_level))

    def compute() -> Attenuation:
        return attenuation(
            icc.estimate, float(row["estimate"]), std_error=float(row["std_error"]), icc_std_error=float(width)
        )

    return attempt_possible(step, compute, progress)
