"""Sections on reads and regions, in their order."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.report.acquisition_sections import acquisition_blocks
from survmodel.report.care_sections import management_table
from survmodel.report.document import Section
from survmodel.report.imaging_contents import ImagingPart
from survmodel.report.mrd_sections import mrd_blocks
from survmodel.report.reader_sections import reader_blocks
from survmodel.report.region_sections import region_blocks


def imaging_sections(part: ImagingPart, group_label: str) -> Iterator[Section]:
    """Lay out what is known of reads and regions.

    Parameters
    ----------
    part : ImagingPart
        The results.
    group_label : str
        Label of the disease group.

    Yields
    ------
    Section
        Only those that have something to say.
    """
    if part.acquisition is not None:
        yield Section("How the scans were made", tuple(acquisition_blocks(part.acquisition)))
    if part.readers is not None:
        yield Section("Readers and repeated measurement", tuple(reader_blocks(part.readers)))
    if part.regions is not None:
        yield Section("Regions and lesions of both tracers", tuple(region_blocks(part.regions, group_label)))
    if part.mrd is not None:
        yield Section("PET and residual disease at the end of treatment", tuple(mrd_blocks(part.mrd)))
    if part.management:
        yield Section("Change of management", (management_table(part.management, group_label),))
