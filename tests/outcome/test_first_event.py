"""The first of several events with times of their own: what wins, what is refused, what is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel.errors import ConfigError, DataError
from survmodel.outcome.first_event import FirstEventEndpoint, TimedEvent

RELAPSE, DEATH = TimedEvent("relapse", time="relapse_day"), TimedEvent("death", event="dead")
COMPETING_DEATH = TimedEvent("death", event="dead", competing=True)


def patients(**columns):
    """Relapse then death, death alone, relapse on the day of death, censored, relapse then censored."""
    table = {"days": [90, 80, 70, 60, 50], "dead": [1, 1, 1, 0, 0], "relapse_day": [40, None, 70, None, 20]}
    return pd.DataFrame({**table, **columns}, index=list("abcde"))


def made(events, table=None, **settings):
    return FirstEventEndpoint("e", "", "days", events, **settings).apply(patients() if table is None else table)


def test_the_earliest_event_wins_and_a_composite_is_one_event():
    result = made([RELAPSE, DEATH], unit="days")
    outcome = result.outcome
    assert outcome.time.tolist() == [40, 80, 70, 60, 20]
    assert outcome.event.tolist() == [1, 1, 1, 0, 1]
    assert (outcome.causes, outcome.endpoint, outcome.unit) == (None, "relapse or death", "days")
    assert list(outcome.index) == list("abcde")
    assert result.counts[["level", "role", "n", "same_day"]].to_numpy().tolist() == [
        ["relapse", "event", 3, 1], ["death", "event", 1, 0], ["censored", "censored", 1, 0],
    ]  # fmt: skip
    # Which of two events of one kind came first changes nothing, so nothing is said of it.
    assert not result.audit


@pytest.mark.parametrize(("events", "code"), [([RELAPSE, COMPETING_DEATH], 1), ([COMPETING_DEATH, RELAPSE], 2)])
def test_at_equal_times_the_one_listed_first_counts_and_a_note_says_so(events, code):
    result = made(events)
    assert result.outcome.event.tolist() == [1, 2, code, 0, 1]
    assert result.outcome.causes == {1: "relapse", 2: "death"}
    (note,) = result.audit
    assert (note.code, note.severity, note.positions) == ("E019", "note", (2,))


def test_times_that_differ_by_rounding_only_are_one_time():
    table = patients(days=[0.9, 0.8, 0.7, 0.6, 0.5], relapse_day=[0.4, None, 0.1 * 7, None, 0.2])
    assert 0.1 * 7 > 0.7
    outcome = made([RELAPSE, COMPETING_DEATH], table).outcome
    assert outcome.event.tolist() == [1, 2, 1, 0, 1]
    assert outcome.time[2] == pytest.approx(0.7)


def test_several_competing_events_are_kept_apart():
    third = TimedEvent("transplant", time="transplant_day", competing=True)
    table = patients(transplant_day=[10, None, None, 55, 30])
    outcome = made([RELAPSE, COMPETING_DEATH, third], table).outcome
    assert outcome.causes == {1: "relapse", 2: "death", 3: "transplant"}
    assert list(zip(outcome.time, outcome.event, strict=True)) == [(10, 3), (80, 2), (70, 1), (55, 3), (20, 1)]


def test_a_marked_event_takes_the_time_of_its_column_only_where_it_is_marked():
    table = patients(state=["p", "n", "n", "n", "p"], state_day=[30, 80, 70, 60, 45])
    event = TimedEvent("progression", "state_day", "state", "p")
    outcome = made([event, COMPETING_DEATH], table).outcome
    assert list(zip(outcome.time, outcome.event, strict=True)) == [(30, 1), (80, 2), (70, 2), (60, 0), (45, 1)]


def test_rows_count_as_at_risk_from_their_entry():
    outcome = made([RELAPSE], patients(entry=[0, 5, 0, 10, 0]), entry="entry").outcome
    assert outcome.entry.tolist() == [0, 5, 0, 10, 0]
    with pytest.raises(DataError, match="entry is at or after exit"):
        made([RELAPSE], patients(entry=[40, 5, 0, 10, 0]), entry="entry")


def test_an_event_that_nobody_had_is_a_warning():
    result = made([RELAPSE, DEATH], patients(relapse_day=np.nan))
    assert [(one.code, one.column) for one in result.audit] == [("E015", "relapse_day")]
    assert "nobody had the event 'relapse'" in result.warnings[0]


@pytest.mark.parametrize(
    ("events", "columns", "words"),
    [
        ([RELAPSE], {"relapse_day": [91, None, None, None, None]}, "relapse after the end of observation"),
        ([RELAPSE], {"relapse_day": [-1, None, None, None, None]}, "negative"),
        ([RELAPSE], {"days": [90, None, 70, 60, 50]}, "days is missing"),
        ([TimedEvent("relapse", "relapse_day", "dead")], {}, "relapse happened and has no time"),
        ([DEATH], {"dead": [0, 1, 2, 0, 0]}, "code 2 is neither censored nor the event"),
        ([DEATH], {"dead": [0, 1, None, 0, 0]}, "event is missing"),
        ([TimedEvent("death", event="died")], {}, "no column 'died'"),
    ],
)
def test_data_that_cannot_be_are_refused(events, columns, words):
    with pytest.raises(DataError, match=words):
        made(events, patients(**columns))


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([COMPETING_DEATH], "one of them must be the event of interest"),
        ([], "one of them must be the event of interest"),
        ([RELAPSE, TimedEvent("relapse", event="dead")], "two events have the same label"),
        ([TimedEvent("relapse")], "event 1 needs event, or time, or both"),
        ([TimedEvent("relapse", "relapse_day", event_value=1)], "event_value and no event"),
    ],
)
def test_lists_of_events_that_cannot_be_are_refused(events, words):
    with pytest.raises(ConfigError, match=words):
        made(events)
