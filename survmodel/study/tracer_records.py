"""The numbers of the comparison of tracers for the long table of a study."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.performance.stage_migration import StageMigration
from survmodel.report.answers import Answer
from survmodel.report.tracer_contents import TracerPart
from survmodel.study.record_parts import Record, tidy_records


def of_tracers(part: TracerPart) -> Iterator[Record]:
    """Give the numbers of the comparison of tracers.

    Parameters
    ----------
    part : TracerPart
        The comparison.

    Yields
    ------
    dict
        Accuracy by sample, stages, uptake by disease group, lesions and patterns.
    """
    yield {"step": "tracers", "measure": "patients", "n": part.n, "n_missing": part.n_apart}
    yield from _of_reference(part)
    for answer in part.migrations:
        yield from _of_stages(answer)
    for one in part.uptake:
        if one.answer.result is not None:
            for record in tidy_records(one.answer.result.tidy(), one.answer.step):
                yield {**record, "group": one.group}
        yield {"step": one.answer.step, "group": one.group, "measure": "patients with both", "n": one.n}
    if part.lesions is not None and part.lesions.result is not None:
        yield from tidy_records(part.lesions.result.tidy(), part.lesions.step)
    yield from _of_entities(part)
    yield from _of_correlations(part)
    for group, patients in part.patterns:
        for name, count in patients:
            yield {"step": "tracers/patterns", "group": group, "level": name, "measure": "patients", "n": count}


def _of_entities(part: TracerPart) -> Iterator[Record]:
    for one in part.entities:
        for answer in (one.described, one.ratio):
            if answer.result is not None:
                for record in tidy_records(answer.result.tidy(), answer.step):
                    yield {**record, "group": one.entity}
        yield {"step": one.described.step, "group": one.entity, "measure": "pairs", "n": one.both}


def _of_correlations(part: TracerPart) -> Iterator[Record]:
    """Give correlations by disease group, then those of uptake with the size of lesions."""
    for one in part.correlations:
        if one.answer.result is not None:
            for record in tidy_records(one.answer.result.tidy(), one.answer.step, "Spearman's rho"):
                yield {**record, "group": one.group}
    for tracer, answer in part.sizes:
        found = answer.result
        if found is None:
            continue
        for record in tidy_records(found.tidy(), answer.step):
            yield {**record, "group": tracer}
        own = {"step": answer.step, "group": tracer}
        yield {**own, "measure": "patients", "n": found.n_cluster}
        yield {**own, "measure": "small lesions", "n": found.n_small, "estimate": found.small}


def _of_reference(part: TracerPart) -> Iterator[Record]:
    """Give what both tracers are worth against the reference."""
    if part.accuracy is not None and part.accuracy.result is not None:
        for record in tidy_records(part.accuracy.result.tidy(), part.accuracy.step):
            model = record.get("model") or record.get("contrast")
            yield {**record, "model": model, "measure": f"{record['measure']}, {record['sample']}"}
        seen = part.accuracy.result.glance().iloc[0]
        yield {"step": part.accuracy.step, "measure": "verified by the reference", "n": int(seen["n"]),
               "estimate": int(seen["n_verified"])}  # fmt: skip
    if part.areas is not None and part.areas.result is not None:
        for record in tidy_records(part.areas.result.tidy(), part.areas.step):
            yield {**record, "n": int(part.areas.result.glance().iloc[0]["n"])}
        yield {"step": part.areas.step, "measure": "with the disease", "n": part.areas.result.n_positive}
        yield {"step": part.areas.step, "measure": "without the disease", "n": part.areas.result.n_negative}


def _of_stages(answer: Answer[StageMigration]) -> Iterator[Record]:
    if answer.result is None:
        return
    yield from tidy_records(answer.result.tidy(), answer.step)
    table = answer.result.table
    total = int(table.counts.sum())
    yield {"step": answer.step, "measure": "patients", "n": total, "n_missing": table.n_missing}
    for place, first in enumerate(table.levels):
        for other, second in enumerate(table.levels):
            n = int(table.counts[place, other])
            yield {"step": answer.step, "level": first, "reference": second, "measure": "patients", "n": n}
