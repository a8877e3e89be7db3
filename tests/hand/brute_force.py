"""Slow and plain: Cox's partial likelihood and the concordance pairs by loops over rows, from their definitions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np


@dataclass(frozen=True)
class Rows:
    """Rows as plain lists; entry is minus infinity for a row that is there from the start."""

    time: Sequence[float]
    event: Sequence[int]
    x: Sequence[Sequence[float]]
    entry: Sequence[float]
    stratum: Sequence[int]
    weight: Sequence[float]
    offset: Sequence[float]

    @property
    def n(self) -> int:
        return len(self.time)

    def replicated(self, counts: Sequence[int]) -> Rows:
        rows = [i for i in range(self.n) for _ in range(counts[i])]
        columns = (self.time, self.event, self.x, self.entry, self.stratum, self.weight, self.offset)
        return Rows(*([column[i] for i in rows] for column in columns))


def log_likelihood(rows: Rows, beta: Sequence[float], ties: str) -> float:
    """Sum over strata and event times; tied deaths of mean weight leave one after another in Efron's way."""
    eta = [rows.offset[i] + sum(b * x for b, x in zip(beta, rows.x[i], strict=True)) for i in range(rows.n)]
    risk = [rows.weight[i] * math.exp(eta[i]) for i in range(rows.n)]
    total = 0.0
    for stratum in set(rows.stratum):
        members = [i for i in range(rows.n) if rows.stratum[i] == stratum]
        for t in {rows.time[i] for i in members if rows.event[i]}:
            deaths = [i for i in members if rows.event[i] and rows.time[i] == t]
            at_risk = [i for i in members if rows.entry[i] < t <= rows.time[i]]
            everybody = sum(risk[i] for i in at_risk)
            dying = sum(risk[i] for i in deaths)
            mean_weight = sum(rows.weight[i] for i in deaths) / len(deaths)
            total += sum(rows.weight[i] * eta[i] for i in deaths)
            for step in range(len(deaths)):
                gone = step / len(deaths) if ties == "efron" else 0.0
                if mean_weight > 0:
                    total -= mean_weight * math.log(everybody - gone * dying)
    return total


def gradient(rows: Rows, beta: Sequence[float], ties: str, h: float = 1e-5) -> np.ndarray:
    """Central differences with one step of Richardson's extrapolation."""
    beta = np.asarray(beta, dtype=float)

    def slope(j: int, width: float) -> float:
        step = np.zeros(beta.size)
        step[j] = width
        return (log_likelihood(rows, beta + step, ties) - log_likelihood(rows, beta - step, ties)) / (2 * width)

    return np.array([(4 * slope(j, h) - slope(j, 2 * h)) / 3 for j in range(beta.size)])


@dataclass
class Pairs:
    concordant: float = 0.0
    discordant: float = 0.0
    tied_index: float = 0.0
    tied_time: float = 0.0
    tied_both: float = 0.0


def count_pairs(
    time: Sequence[float],
    event: Sequence[int],
    index: Sequence[float],
    entry: Sequence[float],
    stratum: Sequence[int],
    weight: Sequence[float],
) -> Pairs:
    """Look at every pair: usable when one has the event while the other is under observation and lives longer."""
    pairs = Pairs()
    for a, b in combinations(range(len(time)), 2):
        if stratum[a] != stratum[b]:
            continue
        product = weight[a] * weight[b]
        if event[a] and event[b] and time[a] == time[b]:
            name = "tied_both" if index[a] == index[b] else "tied_time"
        else:
            first = _first(time, event, entry, a, b)
            if first is None:
                continue
            later = b if first == a else a
            name = "tied_index"
            if index[first] != index[later]:
                name = "concordant" if index[first] > index[later] else "discordant"
        setattr(pairs, name, getattr(pairs, name) + product)
    return pairs


def _first(time: Sequence[float], event: Sequence[int], entry: Sequence[float], a: int, b: int) -> int | None:
    """Row that has the event first, the other being under observation; a censoring at that time is later."""
    for one, other in ((a, b), (b, a)):
        longer = time[other] > time[one] or (time[other] == time[one] and not event[other])
        if event[one] and longer and entry[other] < time[one]:
            return one
    return None
