"""Intervals of visits: what they are made of, what they refuse, deaths after missed visits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import (
    CoxPH,
    DataError,
    Endpoint,
    EndpointError,
    IntervalOutcome,
    KaplanMeier,
    Outcome,
    ParametricSurvival,
    visit_intervals,
)

INF = float("inf")


class TestFromArrays:
    def test_ends_and_counts(self):
        outcome = IntervalOutcome([2, 5, 8, 0], [4, 5, INF, 3], unit="months")
        assert outcome.lower.tolist() == [2, 5, 8, 0]
        assert outcome.upper.tolist() == [4, 5, INF, 3]
        assert (outcome.n, outcome.n_event, outcome.n_interval, len(outcome)) == (4, 3, 2, 4)
        assert outcome.known.time.tolist() == [4, 5, 8, 3]
        assert outcome.known.event.tolist() == [1, 1, 0, 1]

    def test_text_that_is_numbers_is_read(self):
        outcome = IntervalOutcome(["2", "8"], ["4.5", "inf"])
        assert outcome.upper.tolist() == [4.5, INF]

    def test_float_fuzz_is_no_interval(self):
        time = 0.1 + 0.2
        assert IntervalOutcome([0.3, 5], [time, 9]).n_interval == 1

    def test_labels_are_those_of_the_series(self):
        table = pd.DataFrame({"low": [1, 2], "high": [2, INF]}, index=["a", "b"])
        outcome = IntervalOutcome.from_table(table, "low", "high", unit="days")
        assert outcome.index is not None
        outcome.check_rows(table)
        with pytest.raises(DataError, match="the same labels stand in another order"):
            outcome.check_rows(table.iloc[::-1])

    def test_rows_are_taken(self):
        outcome = IntervalOutcome([2, 5, 8], [4, 5, INF]).take([2, 0, 0])
        assert (outcome.lower.tolist(), outcome.upper.tolist()) == ([8, 2, 2], [INF, 4, 4])
        assert IntervalOutcome([2, 5, 8], [4, 5, INF]).take([True, False, True]).n == 2

    def test_who_came_late_was_free_of_the_event_then(self):
        outcome = IntervalOutcome([0, 4], [6, INF], entry=[3, 1])
        assert outcome.lower.tolist() == [3, 4]

    @pytest.mark.parametrize(
        ("lower", "upper", "message"),
        [
            ([2, 5], [1, 6], "lower is after upper, in row 1 (1 of 2). Lower is the last time without the event"),
            ([2, 5], [4, np.nan], "upper is missing, in row 2 (1 of 2). Write inf"),
            ([2, np.nan], [4, 5], "lower is missing, in row 2 (1 of 2)"),
            ([2, 5, 6], [4, 5], "lower and upper differ in length: found lower 3, upper 2"),
            ([2, -5], [4, 5], "lower is negative, smallest -5, in row 2"),
            ([2, INF], [4, INF], "lower is infinite or beyond any follow-up, in row 2"),
            ([2, 5], ["4", "x"], "upper"),
        ],
    )
    def test_bad_ends_are_refused(self, lower, upper, message):
        with pytest.raises(DataError) as caught:
            IntervalOutcome(lower, upper)
        assert message in str(caught.value)

    def test_labels_that_differ_are_refused(self):
        with pytest.raises(DataError, match="labels"):
            IntervalOutcome(pd.Series([1, 2], index=[0, 1]), pd.Series([2, 3], index=[1, 0]))

    def test_columns_that_are_not_there(self):
        with pytest.raises(DataError, match="the table has no column 'hgih'"):
            IntervalOutcome.from_table(pd.DataFrame({"low": [1], "high": [2]}), "low", "hgih")


class TestFromVisits:
    SEEN = Outcome([6, 9, 7, 12, 4], [1, 1, 0, 1, 1], unit="months", endpoint="progression or death")

    def test_events_lie_between_two_visits_unless_their_time_is_known(self):
        outcome = IntervalOutcome.from_visits(self.SEEN, [3, 6, 7, 9, np.nan], exact=[0, 0, 0, 1, 0])
        assert outcome.lower.tolist() == [3, 6, 7, 12, 0]
        assert outcome.upper.tolist() == [6, 9, INF, 12, 4]
        assert outcome.known is self.SEEN
        assert outcome.warnings == self.SEEN.warnings
        assert repr(outcome) == (
            "IntervalOutcome: 5 rows, 3 events between two times and 1 at a known time (progression or death), "
            "time in months"
        )

    def test_deaths_after_missed_visits_are_named(self):
        visits = [3, 6, 7, 5.9, np.nan]
        outcome = IntervalOutcome.from_visits(self.SEEN, visits, exact=[0, 0, 0, 1, 0], visit_interval=3)
        assert outcome.warnings[-1] == (
            "1 event at a known time comes more than 2 visits after the last one (one every 3 months), in row 4 (1 of "
            "5): a progression may have gone unseen"
        )
        # at two visits to the day nothing was missed, and an interval says itself how wide it is
        for free in (6.0, 9.0):
            visits = [0, 0, 0, free, 0]
            calm = IntervalOutcome.from_visits(self.SEEN, visits, exact=[0, 0, 0, 1, 0], visit_interval=3)
            assert calm.warnings == self.SEEN.warnings

    def test_a_visit_at_the_event_is_refused(self):
        with pytest.raises(DataError, match=r"the last visit without the event is at or after the event, in rows 1, 2"):
            IntervalOutcome.from_visits(self.SEEN, [6, 10, 7, 12, 1], exact=[0, 0, 0, 1, 0])

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"exact": [0, 2, 0, 0, 0]}, "exact is neither true nor false, in row 2 (1 of 5)"),
            ({"exact": [0, 0]}, "the exact does not have the rows of the outcome"),
            ({"visit_interval": 0}, "visit_interval is 0"),
        ],
    )
    def test_bad_options_are_refused(self, options, message):
        with pytest.raises(DataError) as caught:
            IntervalOutcome.from_visits(self.SEEN, [1, 1, 1, 1, 1], **options)
        assert message in str(caught.value)

    def test_competing_events_are_to_be_settled_first(self):
        two = Outcome([5, 8], [1, 2], causes={1: "progression", 2: "death"})
        with pytest.raises(EndpointError, match="takes one kind of event"):
            IntervalOutcome.from_visits(two, [1, 1])


def test_analyses_of_exact_times_say_where_to_go():
    outcome = IntervalOutcome([1, 2, 3], [2, 3, INF])
    for analysis in (
        lambda: KaplanMeier().fit(outcome),
        lambda: CoxPH("x").fit(pd.DataFrame({"x": [1, 2, 3]}), outcome),
    ):
        with pytest.raises(DataError, match=r"known as intervals.*Use ParametricSurvival or TurnbullCurve"):
            analysis()


class TestFromDates:
    """Days counted by hand from 1 January 2020: 1 March is 60, 1 April 91, 1 July 182, 1 October 274."""

    DATES = {  # noqa: RUF012
        "cxcr4_scan_date": ["2020-01-01"] * 6,
        "progression_date": ["2020-04-01", None, None, "2020-07-01", "2020-03-01", "2020-07-01"],
        "death_date": [None, "2020-10-01", None, "2020-07-01", "2020-10-01", None],
        "last_assessment_date": ["2020-04-01", "2020-03-01", "2020-10-01", "2020-07-01", "2020-03-01", "2020-07-01"],
        "free_date": ["2020-03-01", "2020-03-01", "2020-10-01", "2020-04-01", None, "2019-12-20"],
    }
    PFS = Endpoint(
        "pfs", origin="cxcr4_scan_date", events=["progression", "death"], censor="last_assessment_date", unit="days"
    )

    def table(self) -> pd.DataFrame:
        columns = {name: pd.to_datetime(values) for name, values in self.DATES.items()}
        return pd.DataFrame(columns, index=list("abcdef"))

    def test_progressions_lie_between_visits_and_deaths_on_their_day(self):
        outcome = visit_intervals(self.PFS, self.table(), "free_date")
        # a progression on the day of death comes first, and was seen that day
        assert outcome.lower.tolist() == [60, 274, 274, 91, 0, 0]
        assert outcome.upper.tolist() == [91, 274, INF, 182, 60, 182]
        assert outcome.unit == "days"
        assert list(outcome.index) == list("abcdef")

    def test_deaths_after_missed_visits_are_named(self):
        outcome = visit_intervals(self.PFS, self.table(), "free_date", visit_interval=90)
        assert (
            "1 event at a known time comes more than 2 visits after the last one (one every 90 days), in row 2"
            in (outcome.warnings[-1])
        )

    def test_the_rows_are_those_that_the_endpoint_keeps(self):
        table = self.table()
        table.loc["c", "cxcr4_scan_date"] = pd.NaT
        outcome = visit_intervals(self.PFS, table, "free_date")
        assert list(outcome.index) == list("abdef")
        with pytest.raises(DataError, match="does not have the rows of the outcome"):
            ParametricSurvival("1").fit(table, outcome)

    def test_a_visit_after_the_event_is_refused(self):
        table = self.table()
        table.loc["d", "free_date"] = pd.Timestamp("2020-07-01")
        with pytest.raises(DataError, match=r"the last visit without the event is at or after the event, in row 4"):
            visit_intervals(self.PFS, table, "free_date")

    def test_an_endpoint_of_deaths_has_no_visits(self):
        survival = Endpoint("os", origin="cxcr4_scan_date", events=["death"], censor="last_assessment_date")
        with pytest.raises(EndpointError, match="no event of endpoint 'os' is seen at visits: its events are death"):
            visit_intervals(survival, self.table(), "free_date")
        with pytest.raises(DataError, match="the table has no column 'fre_date'"):
            visit_intervals(self.PFS, self.table(), "fre_date")
