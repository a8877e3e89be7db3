"""The table of uptake by entity and tracer."""

from __future__ import annotations

import pandas as pd

from survmodel.formatting import MISSING, format_count, format_estimate, format_p, format_significant
from survmodel.report.tracer_contents import EntityUptake
from survmodel.table import Table


def entity_table(entities: tuple[EntityUptake, ...], whom: str) -> Table:
    """Lay out uptake by entity and tracer.

    Parameters
    ----------
    entities : tuple of EntityUptake
        The entities.
    whom : str
        Set of patients, as the caption names it.

    Returns
    -------
    Table
        Medians with quartiles, and the ratio of both where there are pairs enough.
    """
    rows = []
    for one in entities:
        if one.described.result is None:
            continue
        tidy = one.described.result.tidy()
        cells = [cell for name in dict.fromkeys(tidy["variable"]) for cell in _cells(tidy[tidy["variable"] == name])]
        ratio, p = MISSING, ""
        if one.ratio.result is not None:
            table = one.ratio.result.tidy()
            mean = table.iloc[0]
            ratio = format_estimate(float(mean["estimate"]), float(mean["conf_low"]), float(mean["conf_high"]))
            p = format_p(float(table.iloc[1]["p_value"]))
        rows.append([one.entity, *cells, format_count(one.both), ratio, p])
    header = ["Entity", "n", "CXCR4 SUVmax", "n", "FDG SUVmax", "Pairs", "Ratio (95% limits)", "p"]
    notes = (
        "SUVmax of the hottest lesion: median (quartiles) of the patients with a lesion on the scan. Ratio of "
        f"geometric means, CXCR4 over FDG, and signed-rank test, of patients with both. {MISSING}: fewer than 5 pairs.",
    )
    return Table(header, rows, f"Uptake by entity and tracer{whom}.", notes)


def _cells(tidy: pd.DataFrame) -> list[str]:
    own = tidy.set_index("measure")
    if "median" not in own.index:
        return [format_count(0), MISSING]
    n = int(own["n"].to_numpy()[own.index.get_loc("median")])
    if not n:
        return [format_count(0), MISSING]
    middle, low, high = (float(own["estimate"].to_numpy()[own.index.get_loc(name)]) for name in ("median", "q1", "q3"))
    shown = [format_significant(value, 3) for value in (middle, low, high)]
    return [format_count(n), f"{shown[0]} ({shown[1]} to {shown[2]})"]
