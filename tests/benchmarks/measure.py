"""Time one call of one peer in this process, which should be fresh, and print a line of JSON.

Usage: ``python -m benchmarks.measure KIND PEER FOLDER``.
"""

from __future__ import annotations

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
from benchmarks.peers import CALLS

#: Seconds of one sample, so that the clock does not show; a call longer than SLOW is timed once more only.
SAMPLE, SLOW, SAMPLES = 0.003, 1.0, 5


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


def cpu_of(call: Callable[[], object], calls: int = 1) -> float:
    """CPU seconds of one call, out of several in a row."""
    start = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - start) / calls


def measure(call: Callable[[], object], units: int) -> dict[str, object]:
    """Time the first call apart, then samples of as many calls as the clock needs."""
    before = memory("VmRSS")
    forget_peak()
    start = time.process_time()
    check = np.ravel(np.asarray(call(), dtype=float)).tolist()
    first = time.process_time() - start
    peak = memory("VmHWM") - before
    once = cpu_of(call)
    samples = [once]
    if once < SLOW:
        calls = max(1, int(np.ceil(SAMPLE / max(once, 1e-7))))
        samples = [cpu_of(call, calls) for _ in range(SAMPLES)]
    return {"cpu": statistics.median(samples) / units, "first": first, "peak": peak, "check": check}


def main(kind: str, peer: str, folder: str) -> None:
    """Measure and print; a peer that is not installed is told, not an error."""
    warnings.simplefilter("ignore")
    try:
        call, units = CALLS[kind, peer](read(Path(folder)))
    except ModuleNotFoundError as error:
        print(json.dumps({"missing": f"no package {error.name}"}))
        return
    print(json.dumps(measure(call, units)))


if __name__ == "__main__":
    main(*sys.argv[1:])
