"""The cohort: equal rows, a flow that adds up, a question that is locked before outcomes enter."""

import numpy as np
import pandas as pd
import pytest

from survmodel import ConfigError, DataError, EndpointError
from survmodel.cohort import Field, FlowStep, MarkerLock, assemble
from survmodel.outcome.ready_made import ReadyMadeEndpoint
from survmodel.outcome.standard_endpoints import standard_endpoint

IDS = [f"P{number}" for number in range(6)]
TABLE = pd.DataFrame(
    {
        "age": [60, 70, 50, 65, 40, 55],
        "cxcr4_suvmax": [5.0, 9, 3, 8, 4, 7],
        "confirmed": pd.array([True, True, True, False, None, True], dtype="boolean"),
        "response": ["CR", "PD", "CR", "PR", "CR", "PD"],
        "disease_group": ["lymphoma"] * 3 + ["myeloma"] * 3,
    },
    index=IDS,
)
FIELDS = (
    Field("age", label="Age", unit="years"), Field("cxcr4_suvmax", "marker"), Field("confirmed"),
    Field("response", "post_baseline"), Field("disease_group"),
)  # fmt: skip
DATES = pd.DataFrame(
    {
        "cxcr4_scan_date": ["2021-01-01"] * 5 + [None],
        "progression_date": ["2021-06-01", None, None, "2021-03-01", None, None],
        "death_date": [None, "2021-12-01", None, "2021-09-01", None, None],
        "last_contact_date": ["2022-01-01", "2021-12-01", "2022-01-01", "2021-09-01", "2022-01-01", "2022-01-01"],
        "last_assessment_date": ["2021-12-01", "2021-11-01", "2021-12-15", "2021-08-01", "2021-12-01", "2021-12-01"],
    },
    index=IDS,
).apply(pd.to_datetime)
ENDPOINTS = {"os": standard_endpoint("os", unit="days"), "pfs": standard_endpoint("pfs", unit="days")}


def cohort(**changes):
    parts = {"outcome_columns": DATES, "sets": {"prognostic": "confirmed"}, **changes}
    return assemble(TABLE, FIELDS, ENDPOINTS, **parts)


def test_table_and_outcome_have_equal_rows():
    for endpoint in ("os", "pfs"):
        for name in ("all", "prognostic"):
            analysis = cohort().analysis(endpoint, name)
            assert analysis.table.index.equals(analysis.outcome.index)
            analysis.outcome.check_rows(analysis.table)


def test_the_flow_adds_up():
    analysis = cohort(excluded=[FlowStep("consent withdrawn", 1, 6)]).analysis("pfs", "prognostic")
    assert [(step.n_removed, step.n_left) for step in analysis.flow] == [(1, 6), (1, 5), (1, 4), (1, 3)]
    assert analysis.flow[1].reason.startswith("undecided, a value is missing")
    assert analysis.flow[-1].reason == "progression-free survival: no cxcr4_scan_date"
    assert len(analysis.table) == analysis.flow[-1].n_left == 3
    assert list(analysis.table.index) == ["P0", "P1", "P2"]


def test_patients_who_are_not_followed_up_need_no_dates():
    dates = DATES.copy()
    dates.loc["P3", ["progression_date", "death_date", "last_assessment_date", "last_contact_date"]] = pd.NaT
    with pytest.raises(EndpointError):
        cohort(outcome_columns=dates)
    followed = cohort(outcome_columns=dates, follow_up_set="prognostic")
    assert list(followed.analysis("pfs", "prognostic").table.index) == ["P0", "P1", "P2"]
    flow = followed.analysis("os").flow
    assert [(step.reason, step.n_left) for step in flow] == [
        ("not followed up for outcomes", 4), ("overall survival: no cxcr4_scan_date", 3)
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="no analysis set 'x'"):
        cohort(follow_up_set="x")


def test_outcomes_by_hand():
    assert cohort().outcome("os").event.tolist() == [0, 1, 0, 1, 0]
    assert cohort().analysis("pfs", "prognostic").outcome.event.tolist() == [1, 1, 0]
    assert cohort().analysis("pfs", "prognostic").outcome.time.tolist() == [151, 334, 348]


def test_the_table_holds_no_outcome_column_and_predictors_nothing_later():
    assert not set(DATES.columns) & set(cohort().table.columns)
    assert cohort().predictors == ("age", "cxcr4_suvmax", "confirmed", "disease_group")
    assert cohort().labels["age"] == "Age"
    assert cohort().groups().tolist() == ["lymphoma"] * 3 + ["myeloma"] * 3


def test_the_question_is_checked_before_an_endpoint_is_applied():
    class Spy:
        def apply(self, table):
            raise AssertionError("outcomes were joined before the question was checked")

    with pytest.raises(ConfigError, match="primary marker 'cxcr4_suvmx' is no column"):
        assemble(TABLE, FIELDS, {"os": Spy()}, outcome_columns=DATES, lock=MarkerLock("cxcr4_suvmx", "os"))
    with pytest.raises(ConfigError, match="primary endpoint 'efs' is not declared"):
        assemble(TABLE, FIELDS, {"os": Spy()}, outcome_columns=DATES, lock=MarkerLock("cxcr4_suvmax", "efs"))


def test_the_lock_changes_with_the_question_and_with_nothing_else():
    lock = MarkerLock("cxcr4_suvmax", "pfs", "age", "age + log2(cxcr4_suvmax)")
    assert lock.sha256 == MarkerLock("cxcr4_suvmax", "pfs", "age", "age + log2(cxcr4_suvmax)").sha256
    others = [
        MarkerLock("fdg_suvmax", "pfs", "age", "age + log2(cxcr4_suvmax)"),
        MarkerLock("cxcr4_suvmax", "os", "age", "age + log2(cxcr4_suvmax)"),
        MarkerLock("cxcr4_suvmax", "pfs", "", "age + log2(cxcr4_suvmax)"),
    ]
    assert len({lock.sha256, *(other.sha256 for other in others)}) == 4


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sets": {"prognostic": "confirmd"}}, ConfigError, "no column 'confirmd'"),
        ({"sets": {"prognostic": "progression_date == 'x'"}}, ConfigError, "no column 'progression_date'"),
        ({"outcome_columns": DATES.iloc[::-1]}, DataError, "do not have the rows of the cohort"),
        ({"lock": MarkerLock("x", "os")}, ConfigError, "primary marker"),
    ],
)
def test_refusals(changes, error, message):
    with pytest.raises(error, match=message):
        cohort(**changes)


def test_repeated_patients_unknown_names_and_empty_sets_are_refused():
    with pytest.raises(DataError, match="more than one row"):
        assemble(TABLE.iloc[[0, 0]], FIELDS, {})
    with pytest.raises(ConfigError, match="fields without a column: agee"):
        assemble(TABLE, [Field("agee")], {})
    with pytest.raises(ConfigError, match="no endpoint 'efs'"):
        cohort().analysis("efs")
    with pytest.raises(ConfigError, match="no analysis set 'x'"):
        cohort().analysis("os", "x")
    with pytest.raises(DataError, match="nobody is left"):
        cohort(sets={"old": "age > 99"}).analysis("os", "old")
    with pytest.raises(ConfigError, match="no column 'sex'"):
        cohort().groups("sex")


def test_ready_made_times_need_no_dates():
    times = pd.DataFrame({"days": np.arange(6) + 1.0, "dead": [1, 0, 1, 0, 1, 0]}, index=IDS)
    ready = ReadyMadeEndpoint("os", "overall survival", time="days", event="dead", unit="days")
    made = assemble(TABLE, FIELDS, {"os": ready},
                    outcome_columns=times)  # fmt: skip
    assert made.analysis("os").outcome.n_event == 3
