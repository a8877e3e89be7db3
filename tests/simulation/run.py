"""Run the checks with their full numbers of replicates, write results/simulation and print the table.

Usage: ``python -m simulation.run [--check a] [--share .1] [--seed 0] [--workers 2]``. The exit code is 1 where a row
misses its mark and no reason is known. Workers and the order of checks change no number.
"""

from __future__ import annotations

import argparse
import csv
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from simulation.registry import CHECKS, KNOWN, NotOffered
from simulation.rows import Row

import survmodel

RESULTS = Path("results/simulation")
PACKAGES = ("numpy", "scipy", "pandas", "numba")
COLUMNS = (*(field.name for field in fields(Row)), "passes")
HEAD = (
    "| check | quantity | estimate | target | pass mark | replicates | left out | |\n"
    "|---|---|---:|---:|---|---:|---:|---|"
)  # fmt: skip


def run(letters: Sequence[str], seed: int, workers: int, share: float = 1.0) -> list[Row]:
    """Run checks, with a share of their full replicates, and say on standard error how long each took."""
    rows = []
    for letter in letters:
        check = CHECKS[letter]
        if isinstance(check, NotOffered):
            continue
        start = time.perf_counter()
        rows += check.run(max(2, round(share * check.full)), seed, workers)
        print(f"{letter}: {check.title}, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return rows


def write_markdown(rows: Sequence[Row], seed: int) -> str:
    """Give the table with its facts, and the checks that there are none for."""
    versions = ", ".join(
        [f"survmodel {survmodel.__version__}", *(f"{name} {metadata.version(name)}" for name in PACKAGES)]
    )
    missed = sum(not row.passes for row in rows)
    head = f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}, Python {platform.python_version()}, {versions}."
    lines = [head, "", f"{len(rows) - missed} of {len(rows)} rows pass.", "", HEAD, *map(_line, rows), ""]
    shown = {(row.check, row.quantity) for row in rows}
    lines += [f"Known: {check}, {name}: {KNOWN[check, name]}." for check, name in KNOWN if (check, name) in shown]
    for letter, check in CHECKS.items():
        if isinstance(check, NotOffered):
            lines.append(f"Check {letter} ({check.title}): not offered; {check.reason}.")
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    target = "" if row.target != row.target else f"{row.target:.3f}"
    known = "misses, known" if (row.check, row.quantity) in KNOWN else "**misses**"
    mark = "passes" if row.passes else known
    band = f"{row.low:.3f} to {row.high:.3f}"
    counts = f"{row.replicates:,} | {row.left_out:,}"
    return f"| {row.check} | {row.quantity} | {row.estimate:.3f} | {target} | {band} | {counts} | {mark} |"


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write every row with all digits."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([getattr(row, name) for name in COLUMNS] for row in rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write, print."""
    parser = argparse.ArgumentParser(prog="simulation.run", description=__doc__)
    parser.add_argument("--check", action="append", choices=sorted(CHECKS), help="one check only; can be repeated")
    parser.add_argument("--share", type=float, default=1.0, help="share of the full number of replicates")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    rows = run(asked.check or list(CHECKS), asked.seed, asked.workers, asked.share)
    asked.out.mkdir(parents=True, exist_ok=True)
    text = write_markdown(rows, asked.seed)
    (asked.out / "simulation.md").write_text(text, encoding="utf-8")
    write_csv(rows, asked.out / "simulation.csv")
    print(text)
    return int(any(not row.passes and (row.check, row.quantity) not in KNOWN for row in rows))


if __name__ == "__main__":
    sys.exit(main())
