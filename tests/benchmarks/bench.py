"""Measure the speed budgets: CPU seconds of fresh processes, and ratios to lifelines in the same run.

Run by ``make bench``. Nothing here is asserted: figures depend on the machine, ratios less so. Every ratio comes with a
check value, the largest difference between the two answers.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

COX = """
import pandas as pd, numba, survmodel as sm
table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
sm.CoxPH("x").fit(table, sm.Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1]))
"""


def cpu_of(code: str, repeats: int = 3, **environment: str) -> float:
    """CPU seconds of a fresh Python process, the median of some."""
    spent = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **environment}, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(spent)


def pair(ours: Callable[[], object], theirs: Callable[[], object], calls: int, pairs: int = 5) -> tuple[float, float]:
    """CPU seconds of one of our calls, and the median ratio of theirs to ours over alternating pairs."""
    ratios, own = [], []
    for _ in range(pairs):
        start = time.process_time()
        for _ in range(calls):
            ours()
        middle = time.process_time()
        theirs()
        own.append((middle - start) / calls)
        ratios.append((time.process_time() - middle) / own[-1])
    return statistics.median(own), statistics.median(ratios)


def start_up() -> None:
    bare = cpu_of("pass")
    print(f"import survmodel            {cpu_of('import survmodel') - bare:6.3f} s above bare Python (budget 0.3)")
    ask = "from survmodel.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    print(f"survmodel --help            {cpu_of(ask) - bare:6.3f} s above bare Python (budget 0.3)")
    libraries = cpu_of("import pandas, numba")
    cpu_of(COX, 1)
    print(f"first Cox fit, warm cache   {cpu_of(COX) - libraries:6.3f} s above importing pandas and numba (budget 0.5)")
    with tempfile.TemporaryDirectory() as folder:
        warm = "from survmodel.kernels.warm_up import warm_up; warm_up()"
        compiled = cpu_of(warm, 1, SURVMODEL_CACHE_DIR=folder) - libraries
    print(f"all kernels, empty cache    {compiled:6.1f} s above importing pandas and numba (budget 25)")


def against_lifelines(n: int, p: int, calls: int) -> None:
    from lifelines import CoxPHFitter, KaplanMeierFitter

    import survmodel as sm

    rng = np.random.default_rng(7)
    table = pd.DataFrame(rng.normal(size=(n, p)), columns=[f"x{j}" for j in range(p)])
    time_to = (np.ceil(rng.exponential(size=n) * np.exp(-0.5 * table["x0"]) * 800) + 1).to_numpy()
    event = rng.random(n) < 0.4
    outcome = sm.Outcome(time_to, event)
    spec = sm.CoxPH(list(table.columns))
    joined = table.assign(time=time_to, event=event)
    ours = spec.fit(table, outcome).coefficients
    theirs = CoxPHFitter().fit(joined, "time", "event").params_
    check = float(np.abs(ours - theirs).max())
    own, ratio = pair(lambda: spec.fit(table, outcome), lambda: CoxPHFitter().fit(joined, "time", "event"), calls)
    print(f"Cox n={n:6d} p={p:2d}    {1000 * own:8.2f} ms, lifelines x {ratio:6.1f}, largest difference {check:.1e}")
    own, ratio = pair(lambda: sm.KaplanMeier().fit(outcome), lambda: KaplanMeierFitter().fit(time_to, event), calls)
    print(f"KM  n={n:6d}         {1000 * own:8.2f} ms, lifelines x {ratio:6.1f}")


if __name__ == "__main__":
    start_up()
    against_lifelines(300, 10, 20)
    against_lifelines(10_000, 20, 5)
