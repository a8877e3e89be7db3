"""Time one call of one peer in this process, which should be fresh, and print a line of JSON.

Usage: ``python -m benchmarks.measure KIND PEER FOLDER``.
"""

from __future__ import annotations

import contextlib
import json
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.data import read
from benchmarks.forests import FORESTS
from benchmarks.peers import CALLS

#: Seconds of one sample, so that the clock does not show; a call longer than SLOW is timed once more only, one longer
#: than VERY_SLOW not even that.
SAMPLE, SLOW, VERY_SLOW, SAMPLES = 0.2, 1.0, 10.0, 5
#: Bytes that a process may ask for, so that a program which needs too many does not take the machine with it.
MOST_MEMORY = 8 * 1024**3


def memory(field: str) -> int:
    """Read VmHWM or VmRSS in bytes; the peak of the whole process where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak() -> None:
    """Start the peak anew at what is used now, where the system can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def limit_memory() -> None:
    """Let the process ask for no more than MOST_MEMORY, where the system can."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def cpu_of(call: Callable[[], object], calls: int = 1) -> float:
    """CPU seconds of one call, out of several in a row."""
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls


def measure(
    call: Callable[[], object], units: int, read: Callable[[object], object] = lambda done: done
) -> dict[str, object]:
    """Time the first call apart, then samples of as many calls as the clock needs; ``read`` gives its check values."""
    before = memory("VmRSS")
    forget_peak()
    start = time.process_time()
    done = call()
    first = time.process_time() - start
    peak = memory("VmHWM") - before
    check = np.ravel(np.asarray(read(done), dtype=float)).tolist()
    del done
    once = cpu_of(call) if first < VERY_SLOW else first
    samples = [once]
    if once < SLOW:
        calls = max(1, int(np.ceil(SAMPLE / max(once, 1e-7))))
        samples = [cpu_of(call, calls) for _ in range(SAMPLES)]
    return {"cpu": statistics.median(samples) / units, "first": first, "peak": peak, "check": check}


def main(kind: str, peer: str, folder: str) -> None:
    """Measure and print; a peer that is not installed or needs too much memory is told, not an error."""
    warnings.simplefilter("ignore")
    limit_memory()
    cohort = read(Path(folder))
    try:
        if (kind, peer) in FORESTS:
            prepared = FORESTS[kind, peer](cohort, int((Path(folder) / "trees.txt").read_text(encoding="ascii")))
            answer = measure(prepared.call, 1, prepared.read)
        else:
            answer = measure(*CALLS[kind, peer](cohort))
    except ModuleNotFoundError as error:
        answer = {"missing": f"no package {error.name}"}
    except MemoryError:
        answer = {"unfinished": f"needs more than {MOST_MEMORY / 1024**3:.0f} GB"}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
