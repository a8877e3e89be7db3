"""The kernel cache never serves stale code: editing a callee in another file recompiles the caller."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import survmodel.kernels

CALLEE = "from survmodel.kernels import kernel\n\n\n@kernel()\ndef answer():\n    return {value}\n"
CALLER = """
from survmodel.kernels import kernel
from survmodel.kernels.callee import answer


@kernel()
def twice():
    return 2.0 * answer()


print(twice(), sum(twice.stats.cache_hits.values()))
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package's decorator with two kernels, one of which calls the other across files."""
    package = tmp_path / "survmodel" / "kernels"
    package.mkdir(parents=True)
    (tmp_path / "survmodel" / "__init__.py").touch()
    shutil.copy(survmodel.kernels.__file__, package / "__init__.py")
    (package / "callee.py").write_text(CALLEE.format(value=1.5))
    (package / "caller.py").write_text(CALLER)
    return tmp_path


def run(copy: Path, **more: str) -> tuple[float, int]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "SURVMODEL_CACHE_DIR": str(copy / "cache"), **more}
    command = [sys.executable, "-c", "import survmodel.kernels.caller"]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=True)
    value, hits = done.stdout.split()
    return float(value), int(hits)


def test_editing_a_callee_in_another_file_changes_the_cached_caller(copy):
    assert run(copy) == (3.0, 0)
    assert run(copy) == (3.0, 1)
    (copy / "survmodel" / "kernels" / "callee.py").write_text(CALLEE.format(value=2.5))
    assert run(copy) == (5.0, 0)
    assert run(copy) == (5.0, 1)


def test_a_damaged_cache_costs_a_compilation_and_nothing_else(copy):
    run(copy)
    for path in (copy / "cache").rglob("*.nb*"):
        path.write_bytes(b"not a kernel")
    assert run(copy) == (3.0, 0)


def test_a_cache_that_cannot_be_written_does_not_stop_the_analysis(copy):
    blocked = copy / "a_file"
    blocked.write_text("")
    assert run(copy, SURVMODEL_CACHE_DIR=str(blocked)) == (3.0, 0)


def test_the_cache_is_private_and_has_one_folder_for_each_stamp(copy):
    run(copy)
    folders = list((copy / "cache" / "kernels").iterdir())
    assert len(folders) == 1
    assert folders[0].stat().st_mode & 0o077 == 0


def test_old_folders_are_removed_and_the_present_one_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("SURVMODEL_CACHE_DIR", str(tmp_path))
    present = tmp_path / "kernels" / survmodel.kernels.source_stamp()[:20]
    old = tmp_path / "kernels" / ("0" * 20)
    for folder in (present, old):
        folder.mkdir(parents=True)
    assert survmodel.kernels.remove_old_caches() == 1
    assert present.is_dir()
    assert not old.exists()
