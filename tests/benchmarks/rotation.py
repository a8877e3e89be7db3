"""Run one case in rotation, each measurement in a fresh process, and sum it up in one row for each peer."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.cases import R_PEERS, Budget, Case
from benchmarks.data import one_thread, simulate, write

HERE = Path(__file__).parent
OURS = "survmodel"
TIMEOUT = 600
#: Rounds of a peer of which nothing is asked, so that a run stays short.
UNBUDGETED_ROUNDS = 3
Measurement = dict[str, object]
Measure = Callable[[str, str, Path], Measurement]


@dataclass(frozen=True)
class Row:
    """survmodel beside one peer.

    ``ratio`` is the median over the rounds of the peer's time by ours, ``low`` and ``high`` its quartiles; ``problem``
    tells why there are none. ``memory`` is the most that our first call needed above what was there, in inputs.
    """

    case: str
    peer: str
    problem: str = ""
    ours: float = float("nan")
    theirs: float = float("nan")
    first: float = float("nan")
    ratio: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    rounds: int = 0
    check: float = float("nan")
    wrong: bool = False
    memory: float = float("nan")
    large: bool = False
    budget: str = ""
    missed: bool = False


def measure_fresh(kind: str, peer: str, folder: Path) -> Measurement:
    """Measure in a fresh process of Python or R on one thread."""
    if peer in R_PEERS:
        if shutil.which("Rscript") is None:
            return {"missing": "no Rscript"}
        command = ["Rscript", "--vanilla", str(HERE / "peers.R"), kind, peer, str(folder)]
    else:
        command = [sys.executable, "-m", "benchmarks.measure", kind, peer, str(folder)]
    environment = one_thread()
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), environment.get("PYTHONPATH", "")]).rstrip(
        os.pathsep
    )
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"missing": f"no answer within {TIMEOUT} s"}
    except subprocess.CalledProcessError as error:
        return {"failed": (error.stderr.strip().splitlines() or ["no message"])[-1]}
    answer: Measurement = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def run_case(case: Case, folder: Path, rounds: int, measure: Measure = measure_fresh) -> list[Row]:
    """Let survmodel and its peers take turns, another one first in each round, and compare."""
    cohort = simulate(case.n, case.p)
    write(cohort, folder)
    peers = [OURS, *case.peers]
    found: dict[str, list[Measurement]] = {peer: [] for peer in peers}
    asked = {peer: rounds if peer in case.budgets else min(rounds, UNBUDGETED_ROUNDS) for peer in case.peers}
    asked[OURS] = max(asked.values())
    for turn in range(rounds):
        start = turn % len(peers)
        for peer in peers[start:] + peers[:start]:
            if turn < asked[peer] and all("cpu" in one for one in found[peer]):
                found[peer].append(measure(case.kind, peer, folder))
    return [compare(case, peer, found[OURS], found[peer], cohort.n_bytes) for peer in case.peers]


def compare(case: Case, peer: str, ours: list[Measurement], theirs: list[Measurement], n_bytes: int) -> Row:
    """Sum up the rounds of one peer; a failure of either side or a check value that differs is wrong."""
    for name, answers in ((OURS, ours), (peer, theirs)):
        for answer in answers:
            if "cpu" not in answer:
                told = str(answer.get("missing") or f"failed: {answer.get('failed')}")
                return Row(case.name, peer, problem=f"{name}: {told}", wrong="failed" in answer or name == OURS)
    own = np.array([one["cpu"] for one in ours], dtype=float)
    # A peer may have had fewer rounds: each is set beside ours of the same round.
    own = own[: len(theirs)]
    other = np.array([one["cpu"] for one in theirs], dtype=float)
    low, ratio, high = np.quantile(other / own, [0.25, 0.5, 0.75])
    budget = case.budgets.get(peer)
    check, wrong = largest_difference(case, peer, ours, theirs)
    memory = max(float(str(one["peak"])) for one in ours) / n_bytes
    asked = [str(budget)] if budget else []
    if budget and np.isfinite(case.memory):
        asked.append(f"memory <= {case.memory:g}")
    return Row(
        case=case.name,
        peer=peer,
        ours=float(np.median(own)),
        theirs=float(np.median(other)),
        first=statistics.median(float(str(one["first"])) for one in ours),
        ratio=float(ratio),
        low=float(low),
        high=float(high),
        rounds=len(own),
        check=check,
        wrong=wrong,
        memory=memory,
        large=case.large,
        budget=", ".join(asked),
        missed=budget is not None and (misses(budget, own, other) or memory > case.memory),
    )


def misses(budget: Budget, ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Tell whether the median pair is slower than asked, after the seconds that do not count."""
    return bool(np.median(ours - budget.extra - theirs / budget.at_least) > 0)


def largest_difference(case: Case, peer: str, ours: list[Measurement], theirs: list[Measurement]) -> tuple[float, bool]:
    """Give the largest difference of check values over all rounds, and whether any is beyond its tolerance."""
    tolerance = np.array(case.loose.get(peer, case.tolerance))
    largest, wrong = 0.0, False
    for mine, other in zip(ours, theirs, strict=False):
        a, b = np.array(mine["check"], dtype=float), np.array(other["check"], dtype=float)
        if a.shape != b.shape:
            return float("inf"), True
        difference = np.abs(a - b)
        largest = max(largest, float(difference.max()))
        # A value that is not a number is within no tolerance.
        wrong = wrong or not bool((difference <= tolerance).all())
    return largest, wrong
