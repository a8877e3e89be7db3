"""Measure the speed budgets; README.md beside this file tells how a row is made.

Run by ``make bench``, the million rows by ``make bench-large``. Times depend on the machine, ratios less so: a budget
that is missed is marked. A wrong answer ends the run with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.cases import CASES, Case
from benchmarks.rotation import NOBODY, Row, run_case
from benchmarks.scaling import forest_scaling
from benchmarks.start_up import start_up

RESULTS = Path("results/bench")
PACKAGES = ("survmodel", "numpy", "pandas", "numba", "lifelines", "scikit-survival", "statsmodels")
HEAD = f"{'case':16} {'peer':12} {'ours':>10} {'theirs':>10}   ratio (quartiles)        check    memory  budget"


def milliseconds(seconds: float) -> str:
    """Give a time in a column of its own."""
    return f"{1000 * seconds:7.3g} ms" if seconds < 1 else f"{1000 * seconds:7.0f} ms"


def format_row(row: Row) -> str:
    """Give one line of the table; what is wrong or missed stands at its end."""
    mark = "  WRONG ANSWER" if row.wrong else "  MISSED" if row.missed else ""
    if row.problem:
        return f"{row.case:16} {row.peer:12} {row.problem}{mark}"
    if row.peer == NOBODY:
        return f"{row.case:16} {row.peer:12} {milliseconds(row.ours)} {'':46} {row.memory:7.2f}  {row.budget}{mark}"
    ratio = f"{row.ratio:7.3g} ({row.low:.3g} to {row.high:.3g})"
    times = f"{milliseconds(row.ours)} {milliseconds(row.theirs)}"
    memory = f"{row.memory:7.2f}" if row.large else "      -"
    return f"{row.case:16} {row.peer:12} {times} {ratio:27} {row.check:7.1e} {memory}  {row.budget}{mark}"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def run(cases: Sequence[Case], rounds: int, results: Path) -> int:
    """Run cases, print their rows, write them as JSON, and give the exit code."""
    rows: list[Row] = []
    print(HEAD)
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            made = run_case(case, Path(folder), rounds)
        rows += made
        print(*map(format_row, made), sep="\n", flush=True)
    results.mkdir(parents=True, exist_ok=True)
    path = results / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    content = {"versions": versions(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"CPU time of one thread in fresh processes, {rounds} rounds; written to {path}")
    return int(any(row.wrong for row in rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases asked for: all but the large ones, the large ones, or some by name."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the speed budgets.")
    parser.add_argument("--large", action="store_true", help="the large cases in place of the others")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="this case only")
    parser.add_argument("--rounds", type=int, default=5, help="how often each peer is measured (5)")
    parser.add_argument("--results", type=Path, default=RESULTS, help=f"folder of the JSON ({RESULTS})")
    asked = parser.parse_args(arguments)
    if not asked.large and not asked.case:
        start_up()
        forest_scaling()
    cases = [case for case in CASES if (case.name in asked.case if asked.case else case.large == asked.large)]
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    return run(cases, asked.rounds, asked.results)


if __name__ == "__main__":
    sys.exit(main())
