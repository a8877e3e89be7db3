"""Standard endpoints in a study file: the same as spelt out, their variants, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import survmodel as sm
from survmodel.report.answers import Answer
from survmodel.study.config import StudyFileError, read_study
from survmodel.study.endpoint_specs import dated_endpoint
from survmodel.study.example import write_example
from survmodel.study.intercurrent_steps import events_between
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study
from survmodel.study.sensitivity_steps import sensitivity_parts
from survmodel.study.step_parts import begin_endpoint

FORMULA = "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
SPELT_OUT = """\
label = "progression-free survival"
origin = "cxcr4_scan_date"
events = ["progression", "death"]
censor = "last_assessment_date"
"""


def study_with(folder: Path, pfs: str, blocks: str = "") -> Path:
    """Write the example with another endpoint, and without its forest, validation and sensitivity analyses."""
    study = write_example(folder, "multicentre", "strong")
    text = study.read_text(encoding="utf-8")
    head, rest = text.split("[model.forest]", 1)
    tail = "[missing]" + rest.split("[missing]", 1)[1]
    added = '[added_value]\nbase = "fdg"\nfull = "fdg_cxcr4"\nrepeats = 20\n\n'
    assert SPELT_OUT in head
    study.write_text(head.replace(SPELT_OUT, pfs) + added + blocks + tail, encoding="utf-8")
    return study


def analysis_of(path: Path, endpoint: str = "pfs") -> sm.Outcome:
    return sm.build_cohort(path).analysis(endpoint).outcome


class TestKinds:
    def test_a_kind_is_what_it_spells_out(self, tmp_path: Path) -> None:
        spelt = analysis_of(study_with(tmp_path / "a", SPELT_OUT))
        named = analysis_of(study_with(tmp_path / "b", 'kind = "pfs"\n'))
        assert (named.time == spelt.time).all()
        assert (named.event == spelt.event).all()

    @pytest.mark.parametrize("rule", ["hypothetical", "composite", "competing", "treatment_policy"])
    def test_a_rule_is_what_it_spells_out(self, tmp_path: Path, rule: str) -> None:
        own = {
            "hypothetical": 'events = ["progression", "death"]\ncensor_at = ["new_treatment_date"]\n',
            "composite": 'events = ["progression", "new_treatment", "death"]\n',
            "competing": 'events = ["progression", "death"]\ncompeting = ["new_treatment"]\n',
            "treatment_policy": 'events = ["progression", "death"]\n',
        }[rule]
        spelt = analysis_of(study_with(tmp_path / "a", own))
        named = analysis_of(
            study_with(tmp_path / "b", f'kind = "pfs"\nintercurrent = {{ new_treatment = "{rule}" }}\n')
        )
        assert (named.time == spelt.time).all()
        assert (named.event == spelt.event).all()
        plain = analysis_of(study_with(tmp_path / "c", 'kind = "pfs"\n'))
        assert (named.time < plain.time).any() == (rule != "treatment_policy")

    def test_failure_of_remission_counts_where_the_study_dates_it(self, tmp_path: Path) -> None:
        """Event-free survival of leukemia: no remission is an event, on a day that the protocol names."""
        more = 'intercurrent = { no_remission = "composite" }\ncolumns = { no_remission = "fdg_scan_date" }\n'
        path = study_with(tmp_path / "a", f'kind = "efs"\n{more}')
        study = read_study(path)
        spec = dated_endpoint("pfs", study.settings.endpoint["pfs"], study.settings)
        assert spec.event_columns["no_remission"] == "fdg_scan_date"
        assert spec.events == ("progression", "new_treatment", "no_remission", "death")

    def test_two_years_are_the_horizon(self, tmp_path: Path) -> None:
        path = study_with(tmp_path, 'kind = "pfs24"\n')
        path.write_text(path.read_text(encoding="utf-8").replace("horizons = [12, 24]\n", "", 1), encoding="utf-8")
        entry = read_study(path).settings.endpoint["pfs"]
        assert entry.horizons == (24.0,)
        assert entry.label == "progression-free survival to 24 months"

    @pytest.mark.parametrize(
        ("pfs", "said"),
        [
            ('kind = "pfx"\n', "'pfx' is not known"),
            ('kind = "pfs"\nevents = ["progression"]\n', "decided by kind = 'pfs'"),
            ('kind = "dor"\n', "begins at a response or remission"),
            ('kind = "os"\nintercurrent = { new_treatment = "hypothetical" }\n', "not censored at a new therapy"),
            ('kind = "pfs"\nintercurrent = { new_treatment = "ignore" }\n', "intercurrent"),
            ('kind = "pfs"\nintercurrent = { holiday = "composite" }\n', "no column dates 'holiday'"),
            ('kind = "os"\nvariants = true\n', "a standard endpoint that has some"),
            (f"{SPELT_OUT}variants = true\n", "a standard endpoint that has some"),
        ],
    )
    def test_refused(self, tmp_path: Path, pfs: str, said: str) -> None:
        with pytest.raises(StudyFileError) as caught:
            prepare(read_study(study_with(tmp_path, pfs)))
        assert said in str(caught.value)

    def test_rules_belong_to_dates(self, tmp_path: Path) -> None:
        times = 'time = "t"\nevent = "e"\nintercurrent = { new_treatment = "composite" }\n'
        with pytest.raises(StudyFileError, match="intercurrent belongs to an endpoint of dates"):
            read_study(study_with(tmp_path, times))


class TestVariants:
    def rows(self, path: Path) -> dict[str, object]:
        prepared = prepare(read_study(path))
        part = begin_endpoint("pfs", prepared)
        fit = sm.CoxPH(FORMULA, strata="entity").fit(part.table, part.of_one)
        (found,) = sensitivity_parts(part, {"fdg_cxcr4": Answer("cox/fdg_cxcr4", fit)})
        return {row.name: row.ratios()["estimate"].to_numpy() for row in found.rows}

    @staticmethod
    def fit(path: Path) -> object:
        analysis = sm.build_cohort(path).analysis("pfs")
        own = sm.CoxPH(FORMULA, strata="entity").fit(analysis.table, analysis.outcome).hazard_ratios()
        return pytest.approx(own.loc[own["variable"] == "cxcr4_suvmax_part", "estimate"].to_numpy())

    def test_each_is_a_fit_to_the_endpoint_spelt_out(self, tmp_path: Path) -> None:
        found = self.rows(study_with(tmp_path / "a", 'kind = "pfs"\nvariants = true\n'))
        name = "progression-free survival"
        assert set(found) == {"", f"{name}, censored at new treatment", f"{name}, new treatment is an event"}
        censored = study_with(
            tmp_path / "b", f'{SPELT_OUT}censor_at = ["new_treatment_date"]\n'.replace("label", "# label")
        )
        event = study_with(tmp_path / "c", 'kind = "efs"\n')
        assert found[f"{name}, censored at new treatment"] == self.fit(censored)
        assert found[f"{name}, new treatment is an event"] == self.fit(event)

    def test_a_variant_that_is_declared_anyway_is_none(self, tmp_path: Path) -> None:
        rule = 'kind = "pfs"\nvariants = true\nintercurrent = { new_treatment = "composite" }\n'
        assert len(self.rows(study_with(tmp_path, rule))) == 2

    def test_a_rule_of_one_sensitivity_analysis(self, tmp_path: Path) -> None:
        block = '[[sensitivity]]\nname = "other"\nintercurrent = { new_treatment = "composite" }\n\n'
        found = self.rows(study_with(tmp_path / "a", 'kind = "pfs"\n', block))
        assert found["other"] == self.fit(study_with(tmp_path / "b", 'kind = "efs"\n'))

    @pytest.mark.parametrize(
        ("block", "said"),
        [
            ('intercurrent = { holiday = "composite" }', "sensitivity[1].intercurrent: "),
            ('intercurrent = { progression = "hypothetical", death = "hypothetical" }', "death is no event"),
        ],
    )
    def test_rules_that_cannot_be(self, tmp_path: Path, block: str, said: str) -> None:
        with pytest.raises(StudyFileError) as caught:
            read_study(study_with(tmp_path, 'kind = "pfs"\n', f'[[sensitivity]]\nname = "other"\n{block}\n\n'))
        assert said in str(caught.value)

    def test_which_model_must_be_clear(self, tmp_path: Path) -> None:
        path = study_with(tmp_path, 'kind = "pfs"\nvariants = true\n')
        text = path.read_text(encoding="utf-8")
        head, rest = text.split("[added_value]", 1)
        path.write_text(head + "[missing]" + rest.split("[missing]", 1)[1], encoding="utf-8")
        with pytest.raises(StudyFileError, match=r"endpoint\.pfs\.variants \(censored at new treatment\): "):
            read_study(path)


class TestReport:
    def test_what_came_in_between_is_counted_and_said(self, tmp_path: Path) -> None:
        """A second route: treatments that begin before the end of the time of the endpoint."""
        path = study_with(tmp_path / "a", 'kind = "pfs"\n')
        prepared = prepare(read_study(path))
        (found,) = (one for one in events_between(begin_endpoint("pfs", prepared)) if one.event == "new treatment")
        dates = prepared.data.outcome_columns.loc[prepared.cohort.analysis("pfs").table.index]
        ends = dates[["progression_date", "death_date"]].min(axis=1).fillna(dates["last_assessment_date"])
        assert found.n == int((dates["new_treatment_date"] <= ends).sum()) > 0
        assert found.rule == "followed on regardless (treatment policy)"
        run_study(path, tmp_path / "out")
        report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        assert f"New treatment while under observation, {found.n} patients: followed on regardless" in report
        results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
        rows = [one for one in results["records"] if one.get("measure") == "events in between"]
        assert any(one["level"] == "new treatment" and one["n"] == found.n for one in rows)
