"""Run one case in rotation, each measurement in a fresh process, and sum it up in one row for each peer."""

from __future__ import annotations

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.cases import APART, R_PEERS, Budget, Case
from benchmarks.data import HELD_OUT, Cohort, one_thread, simulate, write

from survmodel import Outcome, concordance

HERE = Path(__file__).parent
OURS = "survmodel"
#: Stands for the peer in a row without one.
NOBODY = "-"
#: Kinds of cases in which a tail of the cohort is not trained on.
FORESTS = ("forest", "importance")
#: Names the interpreter of peers that live apart.
PEER_PYTHON = "SURVMODEL_PEER_PYTHON"
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


def program_of(peer: str) -> list[str] | None:
    """Give the command that measures a peer, without its arguments; None where this machine has no such program."""
    if peer in R_PEERS:
        return ["Rscript", "--vanilla", str(HERE / "peers.R")] if shutil.which("Rscript") else None
    python = shutil.which(os.environ.get(PEER_PYTHON, "")) if peer in APART else sys.executable
    return [python, "-m", "benchmarks.measure"] if python else None


def measure_fresh(kind: str, peer: str, folder: Path) -> Measurement:
    """Measure in a fresh process of Python or R on one thread."""
    program = program_of(peer)
    if program is None:
        return {"missing": f"no interpreter in {PEER_PYTHON}" if peer in APART else "no Rscript"}
    command = [*program, kind, peer, str(folder)]
    environment = one_thread()
    # The packages of this environment are not those of a peer that lives apart.
    others = "" if peer in APART else environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), others]).rstrip(os.pathsep)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"unfinished": f"no answer within {TIMEOUT} s"}
    except subprocess.CalledProcessError as error:
        return {"failed": (error.stderr.strip().splitlines() or ["no message"])[-1]}
    answer: Measurement = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def run_case(case: Case, folder: Path, rounds: int, measure: Measure = measure_fresh) -> list[Row]:
    """Let survmodel and its peers take turns, another one first in each round, and compare."""
    cohort = simulate(case.n + HELD_OUT * (case.kind in FORESTS), case.p)
    write(cohort, folder)
    (folder / "trees.txt").write_text(f"{case.trees}\n", encoding="ascii")
    rounds = min(rounds, case.rounds)
    peers = [OURS, *case.peers]
    found: dict[str, list[Measurement]] = {peer: [] for peer in peers}
    asked = {peer: rounds if peer in case.budgets else min(rounds, UNBUDGETED_ROUNDS) for peer in case.peers}
    asked[OURS] = max(asked.values(), default=rounds)
    for turn in range(rounds):
        start = turn % len(peers)
        for peer in peers[start:] + peers[:start]:
            # Without a figure of ours or of the peer there is nothing to set side by side.
            if turn < asked[peer] and all("cpu" in one for one in [*found[OURS], *found[peer]]):
                answer = measure(case.kind, peer, folder)
                found[peer].append(ranked(answer, cohort) if case.kind == "forest" else answer)
    if not case.peers:
        return [alone(case, found[OURS], cohort.n_bytes)]
    return [compare(case, peer, found[OURS], found[peer], cohort.n_bytes) for peer in case.peers]


def ranked(answer: Measurement, cohort: Cohort) -> Measurement:
    """Put Harrell's C of the held-out rows in place of what a forest predicts for them: one function for all peers."""
    if "cpu" not in answer:
        return answer
    index = np.array(answer["check"], dtype=float)
    if index.shape != (HELD_OUT,) or not np.isfinite(index).all():
        return {**answer, "check": [float("nan")]}
    new = Outcome(cohort.time[-HELD_OUT:], cohort.event[-HELD_OUT:].astype(bool))
    return {**answer, "check": [concordance(new, index).estimate]}


def problem_of(case: Case, name: str, answers: list[Measurement], peer: str) -> Row | None:
    """Give the row of a peer when one of the two gave no figures: wrong, or missed where we did not finish."""
    for answer in answers:
        if "cpu" not in answer:
            told = str(answer.get("missing") or answer.get("unfinished") or f"failed: {answer.get('failed')}")
            late = "unfinished" in answer
            wrong = "failed" in answer or (name == OURS and not late)
            return Row(case.name, peer, problem=f"{name}: {told}", wrong=wrong, missed=name == OURS and late)
    return None


def memory_of(case: Case, ours: list[Measurement], n_bytes: int) -> float:
    """Give the most that a first call of ours took, in inputs."""
    return max(float(str(one["peak"])) for one in ours) / n_bytes


def alone(case: Case, ours: list[Measurement], n_bytes: int) -> Row:
    """Sum up a case without peers: the time and the memory that it took, and that it answered."""
    problem = problem_of(case, OURS, ours, NOBODY)
    if problem is not None:
        return problem
    memory = memory_of(case, ours, n_bytes)
    return Row(
        case=case.name,
        peer=NOBODY,
        ours=statistics.median(float(str(one["cpu"])) for one in ours),
        first=statistics.median(float(str(one["first"])) for one in ours),
        rounds=len(ours),
        wrong=not all(np.isfinite(np.array(one["check"], dtype=float)).all() for one in ours),
        memory=memory,
        large=case.large,
        budget="finishes" + (f", memory <= {case.memory:.3g}" if math.isfinite(case.memory) else ""),
        missed=memory > case.memory,
    )


def compare(case: Case, peer: str, ours: list[Measurement], theirs: list[Measurement], n_bytes: int) -> Row:
    """Sum up the rounds of one peer; a failure of either side or a check value that differs is wrong."""
    problem = problem_of(case, OURS, ours, peer) or problem_of(case, peer, theirs, peer)
    if problem is not None:
        return problem
    own = np.array([one["cpu"] for one in ours], dtype=float)
    # A peer may have had fewer rounds: each is set beside ours of the same round.
    own = own[: len(theirs)]
    other = np.array([one["cpu"] for one in theirs], dtype=float)
    low, ratio, high = np.quantile(other / own, [0.25, 0.5, 0.75])
    budget = case.budgets.get(peer)
    check, wrong = largest_difference(case, peer, ours, theirs)
    memory = memory_of(case, ours, n_bytes)
    asked = [str(budget)] if budget else []
    # Memory is asked where time is, or in every row of a case that asks for memory alone.
    judged = math.isfinite(case.memory) and (budget is not None or not case.budgets)
    if judged:
        asked.append(f"memory <= {case.memory:.3g}")
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
        missed=(budget is not None and misses(budget, own, other)) or (judged and memory > case.memory),
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
