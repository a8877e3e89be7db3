"""How the CPU time of a tree grows with the number of rows: the slope in logarithms, in fresh processes."""

from __future__ import annotations

import math
import statistics
import tempfile
from pathlib import Path

from benchmarks.data import HELD_OUT, simulate, write
from benchmarks.rotation import OURS, Measure, measure_fresh

SMALL, LARGE, COLUMNS, TREES, ROUNDS = 2_500, 40_000, 20, 8, 3
#: Greatest slope: 1 is proportional, 2 quadratic.
GATE = 1.35


def forest_scaling(measure: Measure = measure_fresh, rows: tuple[int, int] = (SMALL, LARGE)) -> float:
    """Print the slope between two numbers of rows, beside its budget, and give it; NaN when a forest did not finish."""
    name = "CPU per tree, n to n^slope "
    spent: dict[int, list[float]] = {n: [] for n in rows}
    with tempfile.TemporaryDirectory() as folder:
        for n in rows:
            place = Path(folder) / str(n)
            place.mkdir()
            write(simulate(n + HELD_OUT, COLUMNS), place)
            (place / "trees.txt").write_text(f"{TREES}\n", encoding="ascii")
        for _ in range(ROUNDS):
            for n in rows:
                answer = measure("forest", OURS, Path(folder) / str(n))
                if "cpu" not in answer:
                    print(f"{name} {n} rows: {' '.join(map(str, answer.values()))}  MISSED")
                    return math.nan
                spent[n].append(float(str(answer["cpu"])))
    small, large = (statistics.median(spent[n]) for n in rows)
    slope = math.log(large / small) / math.log(rows[1] / rows[0])
    mark = "  MISSED" if slope > GATE else ""
    print(f"{name} {slope:6.2f} from {rows[0]} to {rows[1]} rows of {COLUMNS} columns (budget {GATE}){mark}")
    return slope
