"""Importing survmodel, and asking the command line for help, loads no heavy package and changes nothing."""

import json
import subprocess
import sys

import pytest

import survmodel

HEAVY = {
    "numpy",
    "pandas",
    "scipy",
    "numba",
    "matplotlib",
    "lifelines",
    "sksurv",
    "sklearn",
    "statsmodels",
    "pydantic",
    "jinja2",
}
NOT_FOR_A_COX_FIT = {"scipy.stats", "matplotlib", "lifelines", "sksurv", "sklearn", "statsmodels", "pydantic", "jinja2"}

COX = """
import pandas as pd, survmodel as sm
table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
sm.CoxPH("x").fit(table, sm.Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1])).tidy()
"""


def modules_after(code: str) -> set[str]:
    ask = f"{code}\nimport sys, json; print('MODULES', json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.split("MODULES ", 1)[1]))


@pytest.mark.parametrize(
    "code",
    [
        "import survmodel",
        "import survmodel; dir(survmodel); survmodel.__version__",
        "import survmodel; survmodel.ConfigError",
        "from survmodel.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass",
        "from survmodel.cli import main\ntry:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass",
    ],
)
def test_nothing_heavy_is_loaded(code):
    heavy = {name.split(".")[0] for name in modules_after(code)} & HEAVY
    if "ConfigError" in code:
        heavy -= {"numpy"}  # errors name rows of arrays
    assert not heavy


def test_a_cox_fit_loads_only_what_it_needs():
    assert not modules_after(COX) & NOT_FOR_A_COX_FIT


def test_import_changes_nothing_in_the_session():
    code = """
import os, signal, warnings, logging, random
before = (dict(os.environ), list(warnings.filters), logging.root.level, list(logging.root.handlers), random.getstate())
import survmodel
after = (dict(os.environ), list(warnings.filters), logging.root.level, list(logging.root.handlers), random.getstate())
assert before == after
"""
    modules_after(code)


def test_public_names_are_sorted_documented_and_reachable():
    names = [name for name in survmodel.__all__ if name != "__version__"]
    assert names == sorted(names)
    assert set(dir(survmodel)) == set(survmodel.__all__)
    for name in names:
        assert (getattr(survmodel, name).__doc__ or "").strip(), name


def test_a_public_module_loads_on_first_use():
    assert survmodel.indices is sys.modules["survmodel.markers.indices"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'CoxPh'"):
        survmodel.CoxPh  # noqa: B018
