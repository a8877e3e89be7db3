"""Models of response in a study: which response counts, the public call on its table, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.imaging_study import HEAD, made_tables, write_imaging_study

import survmodel as sm
from survmodel.markers.end_of_treatment import end_facts
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.preparation import prepare
from survmodel.study.response_steps import response_parts
from survmodel.study.run import run_study

MODEL = '[[response]]\noutcome = "response_end"\n{keys}\nformula = "age_years"\nlabel = "response by age"\n'
RESPONSES = ["CR", "PR", "SD", "CR", "PD", "VGPR", "PR", "SD", "not_evaluable", ""]


def tables() -> dict[str, list[str]]:
    """The made study with an end-of-treatment scan on 10 August 2021, and an assessment near it."""
    made = made_tables()
    made["scans"] += [f"E-{i},KEY-{i},cxcr4,end,2021-08-10,A,100" for i in range(10)]
    lines = [f"KEY-{i},2021-08-1{i % 5},Lugano 2014,{one}," for i, one in enumerate(RESPONSES)]
    early = ["KEY-2,2021-05-01,Lugano 2014,CR,"]
    return made | {"assessments": ["patient_id,assessment_date,criteria,response,mrd", *lines, *early]}


def study(folder: Path, keys: str = 'at_least = "PR"', *, more: str = "") -> Path:
    head = HEAD.replace("min_events", "# min_events")
    return write_imaging_study(folder, tables(), more=MODEL.format(keys=keys) + more, head=head)


class TestColumn:
    def test_the_nearest_response_counts(self, tmp_path: Path) -> None:
        found = sm.build_cohort(study(tmp_path)).table["response_end"].astype(object)
        assert found.where(found.notna(), "").tolist() == RESPONSES

    def test_near_days_and_ties(self) -> None:
        scans = pd.DataFrame(
            {
                "scan_id": list("abcd"), "patient_id": list("abcd"), "tracer": ["cxcr4"] * 4, "scan_role": ["end"] * 4,
                "scan_date": pd.to_datetime(["2021-08-10"] * 4),
            }
        )  # fmt: skip
        days = ["2021-09-09", "2021-09-10", "2021-08-11", "2021-08-09", "2021-08-12", "2021-08-12"]
        assessments = pd.DataFrame(
            {
                "patient_id": list("abccdd"), "assessment_date": pd.to_datetime(days), "mrd": [None] * 6,
                "response": ["CR", "CR", "CR", "PD", "PR", "SD"],
            }
        )  # fmt: skip
        found = end_facts(list("abcd"), scans, None, assessments).table["response_end"].astype(object)
        # 30 days are near and 31 are not; of two as near the earlier; of two of one day the worse
        assert found.where(found.notna(), None).tolist() == ["CR", None, "PD", "SD"]

    def test_it_is_no_baseline_column(self, tmp_path: Path) -> None:
        roles = {one.name: one.role for one in sm.build_cohort(study(tmp_path)).fields}
        assert roles["response_end"] == "post_baseline"


class TestModel:
    def test_at_least_is_logistic(self, tmp_path: Path) -> None:
        prepared = prepare(read_study(study(tmp_path)))
        (part,) = response_parts(prepared)
        assert part.answer.result is not None
        table = prepared.cohort.table
        better = table["response_end"].isin(["PR", "VGPR", "CR"]).astype(float)
        better[~table["response_end"].isin(RESPONSES[:8])] = np.nan
        expected = sm.response_model("age_years", table, better)
        pd.testing.assert_frame_equal(part.answer.result.tidy(), expected.tidy())
        assert (part.n_assessed, part.n_left) == (8, 2)
        assert part.answer.result.counts == (3, 5)

    def test_without_it_levels_stay(self, tmp_path: Path) -> None:
        (part,) = response_parts(prepare(read_study(study(tmp_path, ""))))
        assert part.answer.result is not None
        assert part.answer.result.levels == ("PD", "SD", "PR", "VGPR", "CR")
        assert part.answer.result.counts == (1, 2, 2, 1, 2)

    def test_report_and_records(self, tmp_path: Path) -> None:
        run = run_study(study(tmp_path / "s"), tmp_path / "out")
        report = next(run.out.glob("report*.html")).read_text(encoding="utf-8")
        for words in ("Response to treatment", "Response by age", "2 patients not assessed or not evaluable"):
            assert words in report
        records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
        own = {one["measure"]: one for one in records if one["step"] == "response/response_end"}
        assert {"odds ratio", "likelihood ratio test", "assessed", "in the model"} <= set(own)
        shown = pd.read_csv(run.out / "tables" / "response_response_end.csv", dtype=str)
        assert shown["Odds ratio (95% limits)"].item().startswith(f"{own['odds ratio']['estimate']:.2f} (")

    def test_nobody_assessed_is_no_model(self, tmp_path: Path) -> None:
        files = tables()
        files["assessments"] = ["patient_id,assessment_date,criteria,response,mrd", "KEY-1,2021-01-01,Lugano 2014,CR,"]
        path = write_imaging_study(tmp_path / "s", files, more=MODEL.format(keys=""))
        (part,) = response_parts(prepare(read_study(path)))
        assert "one level only" in part.answer.reason
        assert part.n_assessed == 0


@pytest.mark.parametrize(
    ("keys", "more", "said"),
    [
        ('at_least = "PD"', "", "'PD' is not one of"),
        ('at_least = "good"', "", "'good' is not one of"),
        ('levels = ["CR"]', "", "levels must be two or more"),
        ('levels = ["SD", "CR"]\nat_least = "SD"', "", "at_least must be one of"),
        ('analysis_set = "all of them"', "", "no analysis set 'all of them'"),
        ("", '[[response]]\noutcome = "disease_group"\nformula = "age_years"\n', "has the role baseline"),
        ("", '[[response]]\noutcome = "respons"\nformula = "age_years"\n', "no column 'respons'"),
        ("", '[[response]]\noutcome = "mrd_end"\nformula = "response_end"\n', "predicts no response"),
        ("", '[[response]]\noutcome = "mrd_end"\nformula = "age +"\n', "response[2].formula"),
        ("", '[[response]]\noutcome = "management_change"\nformula = "age_years"\n', "name the levels"),
    ],
)
def test_what_is_asked_is_checked(tmp_path: Path, keys: str, more: str, said: str) -> None:
    with pytest.raises(StudyFileError) as caught:
        read_study(study(tmp_path, keys, more=more))
    assert said in str(caught.value)
