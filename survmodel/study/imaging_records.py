"""The numbers of reads, regions and what follows a scan for the long table of a study."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

from survmodel.performance.agreement import Kappa
from survmodel.report.answers import Answer
from survmodel.report.imaging_contents import ImagingPart, ReaderPart
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
    if part.readers is not None:
        yield from of_readers(part.readers)


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
