"""An endpoint from a landmark on: who is left, who is lost and why, for ready-made times and for dates."""

from __future__ import annotations

import pandas as pd
import pytest

from survmodel.cohort import Field, assemble
from survmodel.errors import EndpointError
from survmodel.outcome.first_event import FirstEventEndpoint, TimedEvent
from survmodel.outcome.landmark_endpoint import LandmarkEndpoint, by_landmark
from survmodel.outcome.ready_made import ReadyMadeEndpoint
from survmodel.outcome.standard_endpoints import standard_endpoint

OS = ReadyMadeEndpoint("os", "overall survival", "days", "dead", unit="days", event_label="death")
TABLE = pd.DataFrame({"days": [30, 90, 60, 40, 70, 60], "dead": [1, 1, 1, 0, 0, 0]}, index=list("abcdef"))


def test_events_and_ends_on_the_landmark_are_lost_with_their_reason():
    result = LandmarkEndpoint(OS, 60).apply(TABLE)
    assert result.outcome.time.tolist() == [30, 10]
    assert result.outcome.event.tolist() == [1, 0]
    assert list(result.outcome.index) == ["b", "e"]
    assert result.rows.tolist() == [1, 4]
    assert result.dropped == (("death by 60 days", (0, 2)), ("observation ended by 60 days", (3, 5)))
    assert result.tidy().to_dict("list") == {"level": ["death", "censored"], "n": [1, 1]}


def test_each_competing_event_is_named():
    events = [TimedEvent("relapse", time="relapse"), TimedEvent("death", event="dead", competing=True)]
    table = TABLE.assign(relapse=[10, 65, None, None, None, None])
    result = LandmarkEndpoint(FirstEventEndpoint("e", "", "days", events, unit="days"), 50).apply(table)
    assert result.dropped == (("relapse by 50 days", (0,)), ("observation ended by 50 days", (3,)))
    assert list(zip(result.outcome.time, result.outcome.event, strict=True)) == [(15, 1), (10, 2), (20, 0), (10, 0)]


def test_positions_are_those_of_the_table_where_the_endpoint_drops_rows_itself():
    dates = pd.DataFrame({
        "cxcr4_scan_date": pd.to_datetime(["2020-01-01"] * 4),
        "death_date": pd.to_datetime([None, "2020-01-11", "2020-03-01", None]),
        "last_contact_date": pd.to_datetime([None, "2020-01-10", "2020-02-20", "2020-01-21"]),
    })  # fmt: skip
    result = LandmarkEndpoint(standard_endpoint("os", unit="days"), 30).apply(dates, "collect")
    assert result.rows.tolist() == [2]
    assert result.outcome.time.tolist() == [30]  # 31 January days and 29 of February, less 30
    assert result.dropped[-2:] == (("death by 30 days", (1,)), ("observation ended by 30 days", (3,)))
    assert [positions for _, positions in result.dropped] == [(0,), (1,), (3,)]


def test_late_entries_count_from_the_landmark():
    spec = ReadyMadeEndpoint("os", "", "days", "dead", entry="entry", unit="days")
    table = TABLE.assign(entry=[0, 80, 0, 0, 20, 0])
    assert LandmarkEndpoint(spec, 60).apply(table).outcome.entry.tolist() == [20, 0]


def test_the_flow_of_a_cohort_counts_those_of_the_set_only():
    table = pd.DataFrame({"old": [True, True, True, False, False, True]}, index=TABLE.index)
    cohort = assemble(table, [Field("old")], {"os": LandmarkEndpoint(OS, 60)}, outcome_columns=TABLE,
                      sets={"old": "old"})  # fmt: skip
    flow = [(step.reason, step.n_removed, step.n_left) for step in cohort.analysis("os", "old").flow]
    assert flow == [
        ("not in the set: old", 2, 4),
        ("overall survival: death by 60 days", 2, 2),
        ("overall survival: observation ended by 60 days", 1, 1),
    ]


def test_nobody_at_the_landmark_is_refused():
    with pytest.raises(EndpointError, match="nobody is under observation"):
        LandmarkEndpoint(OS, 90).apply(TABLE)


def test_a_landmark_is_told_with_its_unit():
    assert [by_landmark(60, "days"), by_landmark(1, "years"), by_landmark(1.5, "months"), by_landmark(2, "")] == [
        "by 60 days", "by 1 year", "by 1.5 months", "by 2",
    ]  # fmt: skip
