"""What late entry does to a risk set: few patients early on, or none for a while.

A curve multiplies what happens at each time. One event among three patients at risk takes a third of the curve for
ever, even if three hundred come under observation the week after.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.formatting import count_noun, format_significant
from survmodel.models.kaplan_meier_fit import AtRisk

Floats = npt.NDArray[np.float64]

#: An event among fewer than these, before the risk set is full, weighs too much on the rest of a curve.
FEW_AT_RISK = 10


def look_at_risk_set(
    name: str, time: Floats, n_risk: Floats, n_event: Floats, at_risk: AtRisk, unit: str = ""
) -> list[str]:
    """Warn of a risk set that is small before it is full, or empty for a while.

    Parameters
    ----------
    name : str
        Whose it is, for example "the cohort".
    time, n_risk, n_event : ndarray, shape (n_times,)
        Distinct exit times, numbers at risk just before, and events of any kind.
    at_risk : AtRisk
        Counts the rows at risk.
    unit : str
        Unit of time.

    Returns
    -------
    list of str
        Sentences without a full stop; none when nobody enters late.
    """
    if not at_risk.entries.size:
        return []
    return [*_few_early(name, time, n_risk, n_event, unit), *_empty(name, time, at_risk, unit)]


def _few_early(name: str, time: Floats, n_risk: Floats, n_event: Floats, unit: str) -> list[str]:
    full = int(np.argmax(n_risk))
    filling = np.arange(time.size) < full
    early = filling & (n_event > 0) & (n_risk < FEW_AT_RISK)
    if not early.any():
        return []
    worst = int(np.flatnonzero(early)[np.argmin(n_risk[early])])
    later = time[(n_risk >= FEW_AT_RISK) & (time > time[early].max())]
    start = later[0] if later.size else time[full]
    return [
        f"{name} has {count_noun(float(n_event[early].sum()), 'event')} while fewer than {FEW_AT_RISK} are at risk, "
        f"before those who enter late have come (smallest {format_significant(float(n_risk[worst]))} at risk, at "
        f"{_at(time[worst], unit)}), and each of them weighs on the rest of the curve; condition on being free of "
        f"the event at {_at(start, unit)}"
    ]


def _empty(name: str, time: Floats, at_risk: AtRisk, unit: str) -> list[str]:
    """Name the times over which nobody is at risk although somebody comes later."""
    edges = np.concatenate([[0.0], time[:-1]])
    empty = edges[at_risk.just_after(edges) <= 0]
    gaps = []
    for start in np.unique(empty):
        end = float(at_risk.entries[np.searchsorted(at_risk.entries, start, side="right")])
        gaps.append(f"{format_significant(float(start))} to {_at(end, unit)}")
    if not gaps:
        return []
    shown = ", ".join(gaps[:3]) + (f" and {len(gaps) - 3} more times" if len(gaps) > 3 else "")
    return [f"{name} has nobody at risk from {shown}: nothing is known of these times, and the curve is level there"]


def _at(time: float, unit: str) -> str:
    return f"{format_significant(float(time))} {unit}".rstrip()
