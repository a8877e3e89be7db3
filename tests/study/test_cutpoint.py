"""Cut-points that a study asks to be searched: the numbers of the public calls, and what stands beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, write_study

import survmodel as sm
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.run import run_study

CUT = '[[cutpoint]]\nendpoint = "os"\nmarker = "age"\nmin_events = 5\npermutations = 999\n'


def test_the_report_holds_what_the_search_gives(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=STUDY + CUT + "[validation]\nrepeats = 60\n")
    run = run_study(study, tmp_path / "out")
    assert run.status == "COMPLETE"
    analysis, settings = sm.build_cohort(read_study(study)).analysis("os"), read_study(study).settings
    shared = {"min_events": 5, "seed": settings.seed}
    expected = sm.maximally_selected_logrank(analysis.outcome, analysis.table["age"], permutations=999, **shared)
    stable = sm.bootstrap_cutpoint(analysis.outcome, analysis.table["age"], repeats=60, **shared)
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"])
    own = records[records["step"] == "cutpoint/os/age"].set_index("measure")
    assert own.loc["best cut", "estimate"] == expected.cutpoint
    assert own.loc["best cut", "p_value"] == expected.p_value
    assert own.loc["same side", "estimate"] == pytest.approx(stable.agreement)
    for one in expected.hazard_ratios().to_dict("records"):
        assert own.loc[f"hazard ratio, {one['measure']}", "estimate"] == pytest.approx(one["estimate"])
    report = (run.out / "report.html").read_text(encoding="utf-8")
    place = report.index("Searched cut-points")
    for words in ("exploratory", "Continuous effect of age", "at the cut, shrunken", "at the cut, cross-validated"):
        assert words in report[place:], words
    assert (run.out / "figures" / "cutpoint_os_age.png").is_file()
    table = pd.read_csv(run.out / "tables" / "cutpoint_os_age.csv", header=None, dtype=str)
    assert table[0].str.startswith("Hazard ratio, per standard deviation").any()


def test_without_an_admissible_cut_the_report_says_why(tmp_path: Path) -> None:
    study = write_study(tmp_path / "s", text=STUDY + CUT.replace("= 5", "= 59") + "[validation]\nrepeats = 60\n")
    run = run_study(study, tmp_path / "out")
    report = (run.out / "report.INCOMPLETE.html").read_text(encoding="utf-8")
    assert "no cut is admissible" in report
    assert not (run.out / "figures" / "cutpoint_os_age.png").exists()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (('marker = "age"', 'marker = "agee"'), r"cutpoint\[1\].marker"),
        (('endpoint = "os"', 'endpoint = "pfs"'), r"cutpoint\[1\].endpoint"),
        (("min_events = 5", "min_share = 0.6"), "min_share"),
        (("permutations = 999", "permutations = 10"), "permutations"),
    ],
)
def test_what_is_asked_is_checked(tmp_path: Path, changed: tuple[str, str], told: str) -> None:
    study = write_study(tmp_path / "s", text=STUDY + CUT.replace(*changed))
    with pytest.raises(StudyFileError, match=told):
        read_study(study)


def test_the_order_of_patients_changes_nothing() -> None:
    """The same search in another order of rows, as files have it: the same bits."""
    analysis = sm.example_cohort().analysis("pfs", "prognostic")
    turned = np.random.default_rng(1).permutation(analysis.outcome.n)
    first = sm.maximally_selected_logrank(analysis.outcome, analysis.table["cxcr4_mtv_41pct"], permutations=199)
    again = sm.maximally_selected_logrank(
        analysis.outcome.take(turned), analysis.table["cxcr4_mtv_41pct"].iloc[turned], permutations=199
    )
    assert first.to_json() == again.to_json()
