"""The numbers of reads, regions and what follows a scan for the long table of a study."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from survmodel.performance.adverse_events import EVENTS, WorstGrades
from survmodel.performance.agreement import Kappa
from survmodel.performance.paired_accuracy import PairedAccuracy
from survmodel.performance.paired_positivity import PairedPositivity
from survmodel.report.answers import Answer
from survmodel.report.imaging_contents import ImagingPart, MrdPart, ReaderPart, RegionPart
from survmodel.study.record_parts import Record, tidy_records


def of_imaging(part: ImagingPart) -> Iterator[Record]:
    """Give every number of a part.

    Parameters
    ----------
    part : ImagingPart
        What was computed.

    Yields
    ------
    dict
        By step.
    """
    if part.acquisition is not None:
        for answer in part.acquisition.answers():
            if answer.result is not None:
                yield from tidy_records(answer.result.tidy(), answer.step)
    if part.readers is not None:
        yield from of_readers(part.readers)
    if part.regions is not None:
        yield from of_regions(part.regions)
    if part.mrd is not None:
        yield from of_mrd(part.mrd)
    yield from of_care(part)


def of_kappa(answer: Answer[Kappa], counted: str) -> Iterator[Record]:
    """Give kappa and the table behind it.

    Parameters
    ----------
    answer : Answer of Kappa
        The agreement.
    counted : str
        What the cells of the table count.

    Yields
    ------
    dict
        Kappa, then the cells; none where it does not exist.
    """
    if answer.result is None:
        return
    yield from tidy_records(answer.result.tidy(), answer.step)
    table = answer.result.table
    for place, first in enumerate(table.levels):
        for other, second in enumerate(table.levels):
            n = int(table.counts[place, other])
            yield {"step": answer.step, "level": first, "reference": second, "measure": counted, "n": n}


def of_readers(part: ReaderPart) -> Iterator[Record]:
    """Give kappa, agreement, intraclass correlations and attenuation.

    Parameters
    ----------
    part : ReaderPart
        The readers.

    Yields
    ------
    dict
        The table of both readers cell by cell, then the numbers.
    """
    for one in part.reads:
        yield from of_kappa(one.kappa, "scans")
        if one.agreement.result is not None:
            yield from tidy_records(one.agreement.result.tidy(), one.agreement.step)
    for repeated in part.repeats:
        if repeated.answer.result is not None:
            for record in tidy_records(repeated.answer.result.tidy(), repeated.answer.step):
                yield {**record, "level": repeated.between, "n_missing": repeated.answer.result.n_missing}
    if part.attenuation is not None and part.attenuation.result is not None:
        for record in tidy_records(part.attenuation.result.tidy(), part.attenuation.step):
            yield {**record, "measure": f"log hazard ratio, {record['measure']}"}
            ratios = {name: exp(float(str(record[name]))) for name in ("estimate", "conf_low", "conf_high")}
            yield {"step": part.attenuation.step, "measure": f"hazard ratio, {record['measure']}", **ratios}


def of_regions(part: RegionPart) -> Iterator[Record]:
    """Give accuracy or positivity of regions, and the lesions of each tracer.

    Parameters
    ----------
    part : RegionPart
        The regions.

    Yields
    ------
    dict
        By sample, and by disease group.
    """
    if part.accuracy is not None or part.positivity is not None:
        yield {"step": "regions", "measure": "regions with a read", "n": part.n_regions}
        yield {"step": "regions", "measure": "patients", "n": part.n_patients}
    for answer in (part.accuracy, part.positivity):
        if answer is not None and answer.result is not None:
            yield from _of_pairs(answer)
    for one in part.lesions:
        yield {"step": one.share.step, "group": one.group, "measure": "patients", "n": one.n}
        for name in ("both", "cxcr4_only", "fdg_only"):
            yield {"step": one.share.step, "group": one.group, "measure": f"lesions, {name}", "n": getattr(one, name)}
        if one.share.result is not None:
            for record in tidy_records(one.share.result.tidy(), one.share.step):
                yield {**record, "group": one.group, "n": one.n}


def of_mrd(part: MrdPart) -> Iterator[Record]:
    """Give PET beside residual disease.

    Parameters
    ----------
    part : MrdPart
        Both at the end of treatment.

    Yields
    ------
    dict
        By tracer, then patients by what both say.
    """
    for one in part.tracers:
        yield from _of_pairs(one.positivity)
        yield from of_kappa(one.kappa, "patients")
    yield {"step": "mrd", "measure": "days between scan and marrow, at most", "estimate": part.days}
    for name, count in part.states:
        yield {"step": "mrd", "level": name, "measure": "patients", "n": count}


def of_care(part: ImagingPart) -> Iterator[Record]:
    """Give changes of management and adverse events.

    Parameters
    ----------
    part : ImagingPart
        What was computed.

    Yields
    ------
    dict
        By disease group, and by tracer.
    """
    for one in part.management:
        for share in one.shares:
            if share.result is not None:
                for record in tidy_records(share.result.tidy(), share.step):
                    yield {**record, "group": one.group, "n_missing": one.n_missing}
                yield {"step": share.step, "group": one.group, "measure": "patients", "n": share.result.n_yes}
    for safety in part.safety:
        step = safety.worst.step
        if safety.worst.result is not None:
            yield from _of_grades(safety.worst.result, step)
        yield {"step": step, "measure": "baseline scans", "n": safety.n_scans}
        yield {"step": step, "measure": "events after later scans", "n": safety.n_later}
        for term in safety.terms:
            for grade, count in enumerate(term.counts, start=1):
                yield {"step": step, "term": term.name, "level": f"grade {grade}", "measure": "scans", "n": count}
            yield {"step": step, "term": term.name, "level": "related", "measure": "scans", "n": term.n_related}


def _of_grades(found: WorstGrades, step: str) -> Iterator[Record]:
    for record in tidy_records(found.tidy(), step):
        yield {name: value for name, value in record.items() if name not in {"lower", "upper"}}
    for name, cut in zip(("first", "second"), found.cuts, strict=True):
        yield {"step": step, "measure": f"{name} cut of injected activity", "estimate": cut}
    for name, least in EVENTS:
        for group, (yes, n, _, _) in zip(found.groups, found.shares(least), strict=True):
            yield {"step": step, "group": group, "measure": f"{name}, patients", "n_event": yes, "n": n}
    yield {"step": step, "measure": "left out", "n_missing": found.n_missing}


def _of_pairs(answer: Answer[PairedAccuracy] | Answer[PairedPositivity]) -> Iterator[Record]:
    """Give every share and difference of two tests, and how many rows stand behind them."""
    if answer.result is None:
        return
    for record in tidy_records(answer.result.tidy(), answer.step):
        model = record.get("model") or record.get("contrast")
        sample = f", {record['sample']}" if record.get("sample") else ""
        yield {**record, "model": model, "measure": f"{record['measure']}{sample}"}
    if isinstance(answer.result, PairedPositivity):
        for name in ("both", "first_only", "second_only", "neither"):
            yield {"step": answer.step, "measure": f"positive, {name}", "n": getattr(answer.result.test, name)}
    row = answer.result.glance().iloc[0]
    for name in ("n", "n_verified", "n_indeterminate", "n_missing", "n_cluster"):
        if name in row:
            yield {"step": answer.step, "measure": f"counted, {name}", "estimate": int(row[name]), "n": int(row["n"])}
