"""Data that a statistic cannot be computed from, run as a user runs them: a reason in its place, and never a number.

A run goes on after a step that fails: what can be estimated is there, and what cannot says why.
"""

from __future__ import annotations

import json
import re

import pytest
from bad_input.study_files import CURVE, ENDPOINT, MODEL, completed, plain, plain_rows, results, write_plain

HORIZONS = "horizons = [200, 100000]\n"
COMPETING = 'event_value = 1\nevent_label = "relapse"\ncompeting = { "2" = "death" }\n'
MODEL_SEX = '[model.sex]\nkind = "cox"\nendpoint = "os"\nformula = "sex"\n'
STRATA = 'strata = "sex"\n'
FIT = {"log hazard ratio", "hazard ratio", "fit", "likelihood-ratio test"}


def records(done, **wanted):
    found = json.loads(results(done))["records"]
    return [one for one in found if all(one.get(key) == value for key, value in wanted.items())]


def reasons(done):
    """Why each step has no result."""
    return {one["step"]: one["reason"] for one in records(done, measure="not estimable")}


def numbers_of(done, step):
    """Every number of a step but its counts."""
    return [
        one
        for one in records(done, step=step)
        if one["measure"] not in {"not estimable", "withheld", "patients and events"}
    ]


def never_a_bare_number(done):
    """No result and no table cell is written as a number that does not exist."""
    text = results(done).decode() + "".join(
        content.decode() for name, content in done.files.items() if name.endswith(".csv")
    )
    assert not re.search(r"\b(?:NaN|nan|inf|Infinity)\b", text)


def no_events(line, cell):
    return "0"


class TestNoEvents:
    """Nobody has the event: curves stay at 1, and nothing can be compared."""

    @pytest.fixture
    def done(self, tmp_path, capsys):
        endpoint = ENDPOINT + "event_value = 1\n" + HORIZONS
        study = write_plain(tmp_path / "study", plain("dead", no_events), endpoint=endpoint, more=CURVE + MODEL)
        done = completed(study, capsys, status=4)
        never_a_bare_number(done)
        return done

    def test_tests_and_models_say_why_and_have_no_number(self, done):
        assert set(reasons(done)) == {
            "logrank/os/sex", "cox/age", "proportional_hazards/age", "concordance/age",
        }  # fmt: skip
        assert "no events" in reasons(done)["logrank/os/sex"]
        assert "no events" in reasons(done)["cox/age"]
        for step in reasons(done):
            assert not numbers_of(done, step)
        assert "Log-rank test: not estimable" in done.report

    def test_the_median_is_not_reached_and_survival_is_1_with_exact_limits(self, done):
        for one in records(done, step="curve/os/sex", measure="quantile"):
            assert (one["estimate"], one["conf_low"], one["conf_high"]) == (None, None, None)
        read = {(one["group"], one["time"]): one for one in records(done, step="curve/os/sex", measure="survival")}
        # The times of the made table are 100 + 53 i modulo 509; women are the rows with i // 2 even.
        women = [int(row[2]) for row in plain_rows()[1:] if row[5] == "f"]
        at_risk = sum(days >= 200 for days in women)
        assert read["female", 200]["estimate"] == 1
        assert read["female", 200]["n_risk"] == at_risk
        assert read["female", 200]["conf_low"] == pytest.approx(0.025 ** (1 / at_risk), rel=1e-12)
        assert "not reached" in done.report

    def test_precision_has_no_number(self, done):
        asked = {one["measure"]: one["estimate"] for one in records(done, step="precision/os")}
        assert {asked.pop("events"), asked.pop("events per parameter", 0)} == {0}
        assert set(asked.values()) == {None}
        assert "not estimable: no event, or no pair of patients that can be compared" in done.report


class TestOneClass:
    """A factor with one level has one curve, no test and no coefficient."""

    def test_a_curve_is_drawn_and_not_tested(self, tmp_path, capsys):
        study = write_plain(tmp_path / "study", plain("sex", lambda *_: "f"), more=CURVE + MODEL)
        done = completed(study, capsys, status=4)
        assert set(reasons(done)) == {"logrank/os/sex"}
        assert "only one group" in reasons(done)["logrank/os/sex"]
        assert len(records(done, step="curve/os/sex", measure="quantile")) == 1
        assert numbers_of(done, "cox/age")
        never_a_bare_number(done)

    def test_a_model_of_it_is_not_estimable_and_the_other_model_is(self, tmp_path, capsys):
        study = write_plain(tmp_path / "study", plain("sex", lambda *_: "f"), more=MODEL + MODEL_SEX)
        done = completed(study, capsys, status=4)
        assert set(reasons(done)) == {"cox/sex", "proportional_hazards/sex", "concordance/sex"}
        assert "sex is constant" in reasons(done)["cox/sex"]
        assert not numbers_of(done, "cox/sex")
        assert {one["measure"] for one in numbers_of(done, "cox/age")} >= FIT

    def test_a_factor_that_nobody_reached(self, tmp_path, capsys):
        columns = (
            '[column.response_day]\ntype = "number"\nunit = "days"\nrole = "outcome"\n\n'
            '[column.response]\nfrom = "response_day"\nreached_by = 100\nlabels = ["yes", "no"]\n\n'
        )
        landmark = ENDPOINT.replace("[endpoint.os]", "[endpoint.later]") + "landmark = 101\n\n"
        rows = plain_rows()
        lines = [",".join([*row, "response_day" if k == 0 else ""]) for k, row in enumerate(rows)]
        curve = CURVE.replace('"os"', '"later"').replace('"sex"', '"response"')
        model = '[model.r]\nkind = "cox"\nendpoint = "later"\nformula = "response + age"\n'
        done = completed(
            write_plain(tmp_path / "study", lines, more=columns + landmark + curve + model + MODEL), capsys, status=4
        )
        assert {step for step in reasons(done) if not step.startswith("cox/r/")} == {
            "logrank/later/response", "cox/r", "proportional_hazards/r", "concordance/r",
        }  # fmt: skip
        assert numbers_of(done, "cox/age")


class TestFewEvents:
    def test_a_number_that_too_few_events_speak_for_is_withheld_and_no_failure(self, tmp_path, capsys):
        head = write_plain(tmp_path / "study", more=MODEL).read_text(encoding="utf-8")
        study = tmp_path / "study" / "study.toml"
        study.write_text(head.replace("hazard_ratio = 1, performance = 1", "hazard_ratio = 99, performance = 99"))
        done = completed(study, capsys)
        withheld = {one["step"]: one["reason"] for one in records(done, measure="withheld")}
        assert set(withheld) == {"cox/age", "proportional_hazards/age", "concordance/age"}
        assert withheld["cox/age"] == "24 events, fewer than min_events.hazard_ratio = 99"
        assert not numbers_of(done, "cox/age")
        assert "not printed: 24 events" in done.report


class TestHorizons:
    def test_beyond_the_follow_up_there_is_no_estimate(self, tmp_path, capsys):
        study = write_plain(tmp_path / "study", endpoint=ENDPOINT + HORIZONS, more=CURVE)
        done = completed(study, capsys)
        far = records(done, step="curve/os/sex", measure="survival", time=100000)
        assert len(far) == 2
        for one in far:
            assert [one[key] for key in ("estimate", "std_error", "conf_low", "conf_high")] == [None] * 4
            assert one["n_risk"] == 0
        assert "no estimate beyond the last follow-up of the group" in done.report
        never_a_bare_number(done)

    def test_beyond_the_follow_up_there_is_no_incidence(self, tmp_path, capsys):
        lines = plain("dead", lambda line, cell: "2" if line % 7 == 0 else cell)
        study = write_plain(tmp_path / "study", lines, endpoint=ENDPOINT + COMPETING + HORIZONS)
        done = completed(study, capsys)
        far = records(done, step="incidence/os", time=100000)
        assert [one["estimate"] for one in far] == [None, None]
        assert all(one["estimate"] is not None for one in records(done, step="incidence/os", time=200))


class TestCompeting:
    def test_an_event_of_interest_that_nobody_had(self, tmp_path, capsys):
        lines = plain("dead", lambda line, cell: "2" if cell == "1" else "0")
        study = write_plain(tmp_path / "study", lines, endpoint=ENDPOINT + COMPETING + HORIZONS, more=CURVE + MODEL)
        done = completed(study, capsys, status=4)
        assert {"cox/age", "proportional_hazards/age", "concordance/age"} <= set(reasons(done))
        assert "logrank/os/sex" not in reasons(done)
        (none,) = records(done, step="incidence/os", time=200, level="relapse")
        assert (none["estimate"], none["conf_low"]) == (0, 0)
        assert not numbers_of(done, "cox/age")
        assert "E015" in {problem["code"] for problem in done.problems}
        never_a_bare_number(done)


class TestStrata:
    def test_a_stratum_without_events_is_told(self, tmp_path, capsys):
        rows = plain_rows()
        for row in rows[1:]:
            row[3] = "0" if row[5] == "m" else row[3]
        lines = [",".join(row) for row in rows]
        done = completed(write_plain(tmp_path / "study", lines, more=MODEL + STRATA), capsys)
        assert "1 of 2 strata" in done.report
        women = [row for row in rows[1:] if row[5] == "f"]
        only = write_plain(tmp_path / "women", [",".join(rows[0]), *(",".join(row) for row in women)], more=MODEL)
        alone = completed(only, capsys)
        ratio = [records(one, step="cox/age", measure="log hazard ratio")[0]["estimate"] for one in (done, alone)]
        assert ratio[0] == pytest.approx(ratio[1], rel=1e-9)

    def test_strata_whose_events_meet_nobody_else(self, tmp_path, capsys):
        """Two die, each alone in a stratum: nobody is compared with anybody, and the curves do not mind."""
        rows = plain_rows()
        for line, row in enumerate(rows[1:], start=2):
            row[1], row[3] = ("first", "1") if line == 2 else ("second", "1") if line == 5 else ("rest", "0")
        more = MODEL + 'strata = "site"\n\n' + CURVE
        done = completed(write_plain(tmp_path / "study", [",".join(row) for row in rows], more=more), capsys, 4)
        assert {"cox/age", "proportional_hazards/age", "concordance/age"} == set(reasons(done))
        assert not numbers_of(done, "cox/age")
        assert numbers_of(done, "logrank/os/sex")


class TestLandmark:
    def test_no_event_after_the_landmark(self, tmp_path, capsys):
        """Everybody who dies does so by day 300; from there on nothing can be compared, and the rest stands."""
        rows = plain_rows()
        for row in rows[1:]:
            row[3] = str(int(int(row[2]) <= 300))
        later = ENDPOINT.replace("[endpoint.os]", "[endpoint.later]") + "landmark = 300\n\n"
        more = later + CURVE.replace('"os"', '"later"') + MODEL.replace('"os"', '"later"') + MODEL_SEX
        done = completed(write_plain(tmp_path / "study", [",".join(row) for row in rows], more=more), capsys, 4)
        assert set(reasons(done)) == {
            "logrank/later/sex", "cox/age", "proportional_hazards/age", "concordance/age",
        }  # fmt: skip
        assert numbers_of(done, "cox/sex")
        died = sum(row[3] == "1" for row in rows[1:])
        (lost,) = records(done, measure="lost by the landmark")
        assert (lost["level"], lost["n_missing"]) == ("death", died)
