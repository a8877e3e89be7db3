"""What a full disk or a killed run leaves behind: a status that says so, whole files or none, and a way to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from study.study_folder import write_study

from survmodel.study.run import run_study

RUN = "import sys; from survmodel.cli import main; sys.exit(main(['run', sys.argv[1], '--out', sys.argv[2]]))"


def names_in(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.skipif(sys.platform == "win32", reason="limits of the operating system are not those of POSIX")
def test_a_full_disk_stops_the_run_and_leaves_no_half_file(tmp_path):
    study = write_study(tmp_path / "made")
    run_study(study, tmp_path / "warm")  # caches of other libraries are written without the limit
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000)); "
    done = subprocess.run(
        [sys.executable, "-c", limit + RUN, str(study), str(tmp_path / "out")],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 5, done.stderr
    assert "survmodel: File too large" in done.stderr
    assert (tmp_path / "out" / "STATUS").read_text() == "FAILED\n"
    left = names_in(tmp_path / "out")
    assert "report.html" not in left
    assert not [name for name in left if "tmp" in name]
    assert run_study(study, tmp_path / "out").status == "COMPLETE"


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is not on Windows")
def test_a_killed_run_can_be_repeated_and_ends_like_any_other(tmp_path):
    study = write_study(tmp_path / "made")
    whole = run_study(study, tmp_path / "whole").out
    for wait in (0.3, 1.2, 2.0):
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(study), str(tmp_path / "out")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ,
        )
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = run_study(study, tmp_path / "out").out
    assert names_in(again) == names_in(whole)
    for name in names_in(whole) - {"manifest.json"}:
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name
