"""CPU seconds until survmodel is ready: import, command line, first fit and compilation, each in fresh processes."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

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


def start_up() -> None:
    """Print the four rows, each beside its budget."""
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
