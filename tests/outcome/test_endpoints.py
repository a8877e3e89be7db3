"""Endpoints from dates: what is counted, what is refused and named by row, and what may change nothing."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from survmodel import ConfigError, DataError, EndpointError, KaplanMeier, Outcome
from survmodel.outcome.endpoints import (
    DAYS_PER_MONTH,
    DAYS_PER_YEAR,
    Endpoint,
    EndpointAuditError,
    EndpointResult,
    ReadyMadeEndpoint,
)
from survmodel.outcome.standard_endpoints import standard_endpoint

run = settings(
    deadline=None, derandomize=True, database=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)

OS, PFS = standard_endpoint("os", unit="days"), standard_endpoint("pfs", unit="days")
TTP, EFS = standard_endpoint("ttp", unit="days"), standard_endpoint("efs", unit="days")
COLUMNS = {
    "scan": "cxcr4_scan_date",
    "progression": "progression_date",
    "death": "death_date",
    "visit": "last_assessment_date",
    "contact": "last_contact_date",
    "treatment": "new_treatment_date",
    "diagnosis": "diagnosis_date",
    "status": "vital_status",
}


def make_table(*rows: dict[str, str | None], labels: list[str] | None = None) -> pd.DataFrame:
    """Build patients from the dates that matter; the others are a scan on 2020-01-01 and a last visit in 2022."""
    usual = {"scan": "2020-01-01", "visit": "2022-01-01", "contact": "2022-01-01", "status": "alive"}
    records = []
    for row in rows:
        status = {"status": "dead"} if row.get("death") and "status" not in row else {}
        records.append({**usual, **status, **row})
    table = pd.DataFrame(records, columns=list(COLUMNS), index=labels).rename(columns=COLUMNS)
    dates = table.columns.drop("vital_status")
    table[dates] = table[dates].apply(pd.to_datetime, format="%Y-%m-%d")
    return table


FINE: dict[str, str | None] = {}


def found(result: EndpointResult | EndpointAuditError, code: str) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(one.severity, one.column, one.positions) for one in result.audit if one.code == code]


def codes(result: EndpointResult | EndpointAuditError) -> list[str]:
    return [one.code for one in result.audit]


def refused(endpoint: Endpoint, table: pd.DataFrame) -> EndpointAuditError:
    """Apply what must be refused; no date and no label shows in the text, and every error does."""
    with pytest.raises(EndpointAuditError) as caught:
        endpoint.apply(table)
    text = str(caught.value)
    assert "20" not in text.replace("(1 of 20)", ""), text
    assert "SECRET" not in text
    for finding in caught.value.audit:
        assert (str(finding) in text) == (finding.severity == "error")
    return caught.value


class TestTimes:
    """Whole days between dates, in a stated unit."""

    @pytest.mark.parametrize(
        ("scan", "death", "days"),
        [
            ("2016-02-28", "2016-03-01", 2),
            ("2015-02-28", "2015-03-01", 1),
            ("2016-02-29", "2017-02-28", 365),
            ("2016-02-29", "2020-02-29", 1461),
            ("1999-12-31", "2000-12-31", 366),
            ("2020-03-28", "2020-03-30", 2),
            ("1969-12-31", "1970-01-02", 2),
        ],
    )
    def test_days_count_leap_days(self, scan, death, days):
        table = make_table({"scan": scan, "death": death, "contact": death})
        assert OS.apply(table).outcome.time.tolist() == [days]

    def test_one_constant_serves_months_and_years(self):
        assert DAYS_PER_MONTH == 30.4375
        assert DAYS_PER_YEAR == 365.25
        table = make_table({"scan": "2016-02-29", "contact": "2020-02-29"})
        assert replace(OS, unit="months").apply(table).outcome.time.tolist() == [48.0]
        assert replace(OS, unit="years").apply(table).outcome.time.tolist() == [4.0]
        assert replace(OS, unit="years").apply(table).outcome.unit == "years"

    def test_labels_and_order_of_the_table_are_kept(self):
        table = make_table({"scan": None}, {"death": "2020-03-01", "contact": "2020-03-01"}, FINE, labels=list("zyx"))
        result = OS.apply(table)
        assert list(result.outcome.index) == ["y", "x"]
        assert result.rows.tolist() == [1, 2]
        assert result.dropped == (("no cxcr4_scan_date", (0,)),)
        result.outcome.check_rows(table.iloc[result.rows])

    def test_the_table_is_not_changed(self):
        table = make_table(FINE, {"death": "2020-03-01"})
        before = table.copy(deep=True)
        OS.apply(table, on_error="collect")
        pd.testing.assert_frame_equal(table, before)

    def test_hours_are_left_out_with_a_note(self):
        table = make_table(FINE, {"death": "2021-06-01", "contact": "2021-06-01"})
        table.loc[1, "death_date"] = pd.Timestamp("2021-06-01 23:59")
        result = OS.apply(table)
        assert result.outcome.time[1] == 517
        assert found(result, "E044") == [("note", "death_date", (1,))]
        assert not any("E044" in warning for warning in result.warnings)


class TestFirstEvent:
    """The first event ends the observation."""

    @pytest.mark.parametrize(
        ("endpoint", "row", "time", "event"),
        [
            (OS, {"death": "2020-05-01", "contact": "2020-05-01"}, 121, 1),
            (OS, {"progression": "2020-02-01", "treatment": "2020-03-01"}, 731, 0),
            (PFS, {"progression": "2020-02-01", "death": "2020-05-01"}, 31, 1),
            (PFS, {"death": "2020-05-01", "visit": "2020-04-01"}, 121, 1),
            (PFS, {"treatment": "2020-03-01"}, 731, 0),
            (TTP, {"progression": "2020-02-01", "death": "2020-05-01"}, 31, 1),
            (TTP, {"death": "2020-05-01", "visit": "2020-04-01"}, 121, 2),
            (TTP, {"progression": "2020-05-01", "death": "2020-05-01", "visit": "2020-05-01"}, 121, 1),
            (EFS, {"treatment": "2020-03-01", "progression": "2020-05-01"}, 60, 1),
            (EFS, {"treatment": "2020-03-01", "death": "2020-03-01", "visit": "2020-03-01"}, 60, 1),
        ],
    )
    def test_endpoint(self, endpoint, row, time, event):
        outcome = endpoint.apply(make_table(row)).outcome
        assert (outcome.time.tolist(), outcome.event.tolist()) == ([time], [event])

    def test_death_comes_last_of_one_day_in_whatever_order_events_stand(self):
        day = {"progression": "2020-05-01", "death": "2020-05-01", "visit": "2020-05-01"}
        for events in (["progression", "death"], ["death", "progression"]):
            counts = replace(PFS, events=events).apply(make_table(day, day, FINE)).counts.set_index("level")
            assert counts["n"].to_dict() == {"progression": 2, "death": 0, "censored": 1}
            assert counts.loc["progression", "same_day"] == 2
            assert counts.loc["progression", "detail"] == "2 on the day of death, put before it"
        swapped = replace(PFS, events=["death"], competing=["progression"])
        assert swapped.apply(make_table(day)).outcome.event.tolist() == [2]

    def test_events_on_one_day_that_did_not_come_first_are_no_tie(self):
        row = {"treatment": "2020-02-01", "progression": "2020-05-01", "death": "2020-05-01", "visit": "2020-05-01"}
        counts = EFS.apply(make_table(row)).counts.set_index("level")
        assert counts["n"].to_dict() == {"progression": 0, "new_treatment": 1, "death": 0, "censored": 0}
        assert counts["same_day"].sum() == 0

    def test_competing_events_have_names(self):
        rows = [{"progression": "2020-02-01"}, {"death": "2020-05-01", "visit": "2020-04-01"}, FINE]
        result = TTP.apply(make_table(*rows))
        assert result.outcome.causes == {1: "progression", 2: "death"}
        assert result.outcome.endpoint == "progression"
        assert result.counts["role"].tolist() == ["event", "competing", "censored"]
        with pytest.raises(EndpointError, match="competing events"):
            KaplanMeier().fit(result.outcome)
        assert PFS.apply(make_table(*rows)).outcome.endpoint == "progression or death"
        assert EFS.apply(make_table(FINE)).outcome.endpoint == "progression or new treatment or death"

    def test_relapse_is_dated_by_progression(self):
        relapse = replace(TTP, name="cir", events=["relapse"])
        assert relapse.apply(make_table({"progression": "2020-02-01"})).outcome.event.tolist() == [1]

    def test_another_column_may_date_an_event(self):
        table = make_table({"treatment": "2020-03-01"})
        other = Endpoint("ttnt", events=["treatment"], columns={"treatment": "new_treatment_date"}, unit="days")
        assert other.apply(table).outcome.time.tolist() == [60]


class TestCensoring:
    """Last visit, last contact, further dates of censoring and the data lock."""

    def test_overall_survival_reads_the_last_contact_and_pfs_the_last_visit(self):
        table = make_table({"visit": "2021-01-01", "contact": "2021-06-01"})
        assert OS.apply(table).outcome.time.tolist() == [517]
        assert PFS.apply(table).outcome.time.tolist() == [366]

    @pytest.mark.parametrize(
        ("row", "time", "event"),
        [
            ({"treatment": "2020-03-01", "progression": "2020-05-01"}, 60, 0),
            ({"treatment": "2020-05-01", "progression": "2020-05-01"}, 121, 1),
            ({"treatment": "2020-06-01", "progression": "2020-05-01"}, 121, 1),
            ({"treatment": "2020-06-01", "visit": "2020-05-01"}, 121, 0),
            ({"treatment": "2020-03-01", "visit": "2020-05-01"}, 60, 0),
            ({"treatment": "2020-03-01", "visit": None}, 60, 0),
            ({}, 731, 0),
        ],
    )
    def test_a_new_therapy_censors_when_asked(self, row, time, event):
        fda = standard_endpoint("pfs", unit="days", intercurrent={"new_treatment": "hypothetical"})
        outcome = fda.apply(make_table(row)).outcome
        assert (outcome.time.tolist(), outcome.event.tolist()) == ([time], [event])

    def test_what_ended_the_observation_is_counted(self):
        fda = standard_endpoint("pfs", intercurrent={"new_treatment": "hypothetical"})
        table = make_table(
            {"treatment": "2020-03-01"}, {"treatment": "2020-04-01"}, FINE, {"progression": "2020-05-01"}
        )
        detail = fda.apply(table).counts.set_index("level").loc["censored", "detail"]
        assert detail == "1 at last_assessment_date; 2 at new_treatment_date"

    def test_events_after_the_lock_are_censored_at_it(self):
        locked = replace(OS, data_lock=date(2021, 1, 1))
        table = make_table(
            {"death": "2021-02-01", "contact": "2020-07-01"},
            {"death": "2021-01-01", "contact": "2021-01-01"},
            {"contact": "2021-03-01"},
            {"contact": "2021-01-01"},
        )
        error = refused(locked, table)
        assert found(error, "E042") == [("error", "death_date", (0,)), ("error", "last_contact_date", (2,))]
        result = locked.apply(table, on_error="collect")
        assert result.outcome.time.tolist() == [366, 366, 366, 366]
        assert result.outcome.event.tolist() == [0, 1, 0, 0]
        detail = result.counts.set_index("level").loc["censored", "detail"]
        assert detail == "1 at last_contact_date; 2 at the data lock"

    def test_an_event_after_the_last_contact_counts(self):
        table = make_table(FINE, {"death": "2020-05-01", "contact": "2020-04-01"})
        result = OS.apply(table)
        assert result.outcome.time.tolist() == [731, 121]
        assert found(result, "E034") == [("warning", "death_date", (1,))]
        assert any(warning.startswith("E034 death_date row 2 (1 of 2)") for warning in result.warnings)


class TestErrors:
    """Every class of contradiction is an error with its code, column and rows."""

    CASES = {  # noqa: RUF012
        "E032": (OS, {"death": "2019-12-31", "contact": "2019-12-31"}, "death_date"),
        "E033": (PFS, {"progression": "2020-06-01", "death": "2020-05-01", "visit": "2020-05-01"}, "progression_date"),
        "E035": (OS, {"death": "2020-06-01", "contact": "2020-06-01", "status": "alive"}, "death_date"),
        "E036": (OS, {"status": "dead"}, "death_date"),
        "E042": (replace(OS, data_lock=date(2023, 1, 1)), {"contact": "2023-01-02"}, "last_contact_date"),
        "E004": (PFS, {"visit": None}, "last_assessment_date"),
        "E047": (PFS, {"visit": "2019-12-31"}, "last_assessment_date"),
        "E048": (PFS, {"progression": "2019-12-31"}, "progression_date"),
    }

    @pytest.mark.parametrize("code", CASES)
    def test_code_column_and_rows(self, code):
        endpoint, row, column = self.CASES[code]
        table = make_table(FINE, row, FINE, row, labels=["SECRET-1", "SECRET-2", "SECRET-3", "SECRET-4"])
        error = refused(endpoint, table)
        assert codes(error) == [code]
        assert found(error, code) == [("error", column, (1, 3))]
        assert f"{code} {column} rows 2, 4 (2 of 4)" in str(error)
        assert error.exit_status == 3
        assert error.audit[0].remedy

    @pytest.mark.parametrize("code", CASES)
    def test_collected_errors_leave_out_only_rows_without_a_time(self, code):
        endpoint, row, _ = self.CASES[code]
        result = endpoint.apply(make_table(FINE, row, FINE), on_error="collect")
        has_time = code in {"E033", "E035", "E042"}
        assert result.rows.tolist() == ([0, 1, 2] if has_time else [0, 2])
        assert [positions for _, positions in result.dropped] == ([] if has_time else [(1,)])
        assert [one.code for one in result.errors] == [code]
        assert any(code in warning for warning in result.warnings)

    def test_all_errors_come_at_once(self):
        rows = [row for endpoint, row, _ in self.CASES.values() if endpoint is PFS] + [{"status": "dead"}]
        error = refused(PFS, make_table(*rows))
        assert set(codes(error)) == {"E033", "E004", "E047", "E048", "E036"}
        assert "have 5 problems" in str(error)

    def test_a_row_left_out_stands_under_one_reason(self):
        row = {"progression": "2019-11-01", "death": "2019-12-01", "visit": None}
        result = PFS.apply(make_table(FINE, row, {"scan": None}), on_error="collect")
        assert result.dropped == (("no cxcr4_scan_date", (2,)), ("progression before the origin", (1,)))

    def test_patients_without_an_origin_are_not_looked_at(self):
        result = OS.apply(make_table(FINE, {"scan": None, "status": "dead", "contact": None}))
        assert result.audit == ()

    def test_dead_without_a_date_matters_only_where_nothing_ended_the_observation(self):
        table = make_table({"status": "dead", "progression": "2020-05-01"}, FINE)
        result = PFS.apply(table)
        assert result.outcome.event.tolist() == [1, 0]
        assert found(result, "E036") == [("warning", "death_date", (0,))]
        assert found(refused(OS, table), "E036") == [("error", "death_date", (0,))]

    def test_dead_without_a_date_after_a_new_therapy_that_censors(self):
        row = {"status": "dead", "treatment": "2020-03-01", "progression": "2020-05-01"}
        result = replace(PFS, censor_at=["new_treatment_date"]).apply(make_table(row))
        assert found(result, "E036") == [("warning", "death_date", (0,))]
        assert result.outcome.event.tolist() == [0]

    def test_without_a_status_column_dates_speak(self):
        table = make_table({"status": "dead"}).drop(columns="vital_status")
        assert OS.apply(table).outcome.event.tolist() == [0]

    def test_treatment_after_death(self):
        fda = replace(PFS, censor_at=["new_treatment_date"])
        table = make_table(FINE, {"death": "2020-05-01", "treatment": "2020-06-01", "visit": "2020-04-01"})
        error = refused(fda, table)
        assert found(error, "E033") == [("error", "new_treatment_date", (1,))]
        assert "new treatment after death" in str(error)

    def test_an_origin_after_the_lock(self):
        table = make_table(FINE, {"scan": "2022-03-01", "contact": "2022-04-01"})
        locked = replace(OS, data_lock=date(2022, 2, 1))
        assert found(refused(locked, table), "E042")[0] == ("error", "cxcr4_scan_date", (1,))
        assert locked.apply(table, on_error="collect").rows.tolist() == [0]

    def test_the_error_survives_pickling(self):
        error = refused(OS, make_table({"status": "dead"}))
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.audit, again.endpoint) == (str(error), error.audit, "os")
        assert isinstance(error, EndpointError)

    def test_nobody_is_left(self):
        with pytest.raises(EndpointError, match=r"no row of the table is in endpoint 'os'.*none of 2 has a date"):
            OS.apply(make_table({"scan": None}, {"scan": None}))
        with pytest.raises(EndpointAuditError, match="E036"):
            OS.apply(make_table({"status": "dead"}), on_error="collect")
        with pytest.raises(EndpointError, match="none of 0"):
            OS.apply(make_table(FINE).iloc[:0])

    def test_anything_but_collect_stops(self):
        with pytest.raises(EndpointAuditError):
            OS.apply(make_table({"status": "dead"}, FINE), on_error="colect")


class TestWarnings:
    """What is allowed and must be known."""

    @pytest.mark.parametrize(
        ("endpoint", "row", "code", "severity", "column"),
        [
            (PFS, {"progression": "2020-01-01"}, "E046", "warning", "progression_date"),
            (OS, {"death": "2020-01-01", "contact": "2020-01-01"}, "E046", "warning", "death_date"),
            (PFS, {"progression": "2020-05-01", "visit": "2020-04-01"}, "E034", "warning", "progression_date"),
            (PFS, {"death": "2020-10-01", "visit": "2020-04-01"}, "E034", "note", "death_date"),
            (PFS, {"death": "2020-10-02", "visit": "2020-04-01"}, "E119", "warning", "death_date"),
            (TTP, {"death": "2020-10-02", "visit": "2020-04-01"}, "E119", "warning", "death_date"),
            (OS, {"death": "2021-10-02", "contact": "2020-04-01"}, "E034", "warning", "death_date"),
            (OS, {"death": "2020-10-02", "contact": "2020-10-03"}, "E120", "warning", "last_contact_date"),
        ],
    )
    def test_code_and_rows(self, endpoint, row, code, severity, column):
        table = make_table(FINE, row, FINE)
        result = endpoint.apply(table)
        assert codes(result) == [code]
        assert found(result, code) == [(severity, column, (1,))]
        assert len(result.rows) == 3
        assert any(code in warning for warning in result.warnings) == (severity == "warning")

    def test_an_event_on_the_day_of_the_origin_stays_at_time_0(self):
        outcome = PFS.apply(make_table({"progression": "2020-01-01"}, FINE)).outcome
        assert (outcome.time[0], outcome.event[0]) == (0, 1)

    def test_the_gap_between_visits_can_be_set(self):
        table = make_table({"death": "2020-06-01", "visit": "2020-04-01"})
        assert codes(PFS.apply(table)) == ["E034"]
        assert codes(replace(PFS, visit_gap_days=60).apply(table)) == ["E119"]
        contact = replace(PFS, visit_gap_days=None).apply(table)
        assert found(contact, "E034") == [("warning", "death_date", (0,))]

    @pytest.mark.parametrize(
        ("placeholder", "others"), [("1111-11-11", ["E032"]), ("1900-01-01", ["E032"]), ("9999-12-31", [])]
    )
    def test_a_date_that_may_stand_for_unknown(self, placeholder, others):
        table = make_table(FINE, FINE).drop(columns="vital_status")
        days = np.array(["NaT", placeholder], dtype="datetime64[s]")  # pandas holds these years in seconds only
        table["death_date"] = pd.Series(days)
        if not others:
            table["last_contact_date"] = pd.Series(np.array(["2022-01-01", placeholder], dtype="datetime64[s]"))
        result = OS.apply(table, on_error="collect")
        assert found(result, "E043")[0] == ("warning", "death_date", (1,))
        assert [one for one in codes(result) if one != "E043" and one != "E120"] == others


class TestLateEntry:
    """Observation that begins after the origin."""

    LATE = standard_endpoint("os", origin="diagnosis_date", entry="cxcr4_scan_date", unit="days")

    def test_entry_is_counted_from_the_origin(self):
        table = make_table({"diagnosis": "2019-12-01"}, {"diagnosis": "2020-01-01"})
        outcome = self.LATE.apply(table).outcome
        assert outcome.entry.tolist() == [31, 0]
        assert outcome.time.tolist() == [762, 731]
        assert replace(self.LATE, unit="years").apply(table).outcome.entry[0] == 31 / 365.25

    @pytest.mark.parametrize(
        ("row", "code", "column"),
        [
            ({"scan": None}, "E027", "cxcr4_scan_date"),
            ({"diagnosis": "2020-01-02"}, "E047", "cxcr4_scan_date"),
            ({"contact": "2020-01-01"}, "E026", "cxcr4_scan_date"),
            ({"contact": "2019-12-24"}, "E026", "cxcr4_scan_date"),
            ({"death": "2020-01-01", "contact": "2020-01-01"}, "E026", "cxcr4_scan_date"),
            ({"death": "2019-12-24", "contact": "2019-12-24"}, "E032", "death_date"),
            ({"diagnosis": "2020-01-01", "death": "2020-01-01", "contact": "2020-01-01"}, "E026", "cxcr4_scan_date"),
            ({"contact": "2019-10-01"}, "E047", "last_contact_date"),
        ],
    )
    def test_errors(self, row, code, column):
        table = make_table({"diagnosis": "2019-12-01"}, {"diagnosis": "2019-12-01", **row})
        error = refused(self.LATE, table)
        assert codes(error) == [code]
        assert found(error, code) == [("error", column, (1,))]
        assert self.LATE.apply(table, on_error="collect").rows.tolist() == [0]

    def test_an_event_before_the_origin_is_seen_without_an_entry_too(self):
        table = make_table({"diagnosis": "2019-12-01", "death": "2019-11-01", "contact": "2019-11-01", "scan": None})
        assert codes(refused(self.LATE, table)) == ["E032", "E027"]

    def test_a_scan_after_the_progression_it_should_predict(self):
        late = replace(PFS, origin="diagnosis_date", entry="cxcr4_scan_date")
        table = make_table({"diagnosis": "2019-06-01", "progression": "2019-12-01"})
        assert found(refused(late, table), "E048") == [("error", "progression_date", (0,))]


class TestColumns:
    """Columns that are missing or hold no dates."""

    def test_all_missing_columns_are_named(self):
        table = make_table(FINE).drop(columns=["death_date", "last_assessment_date"])
        with pytest.raises(DataError, match="no column 'death_date', 'last_assessment_date'"):
            PFS.apply(table)

    @pytest.mark.parametrize("values", [["2020-01-01", "SECRET"], [43831.0, 43832.0], [date(2020, 1, 1)] * 2])
    def test_what_is_no_date_is_refused_and_not_shown(self, values):
        table = make_table(FINE, FINE)
        table["death_date"] = values
        with pytest.raises(DataError, match="death_date holds no dates") as caught:
            OS.apply(table)
        assert "SECRET" not in str(caught.value)

    def test_time_zones_are_refused(self):
        table = make_table(FINE)
        table["cxcr4_scan_date"] = table["cxcr4_scan_date"].dt.tz_localize("Europe/Vienna")
        with pytest.raises(DataError, match="time zone"):
            OS.apply(table)

    def test_columns_that_stand_twice_are_refused(self):
        table = make_table(FINE)
        with pytest.raises(DataError, match="stands twice"):
            OS.apply(pd.concat([table, table[["death_date"]]], axis=1))

    @pytest.mark.parametrize("empty", [[None, None], [np.nan, np.nan], ["", ""]])
    def test_an_empty_column_may_have_any_type(self, empty):
        table = make_table(FINE, FINE)
        table["death_date"] = empty
        if empty == ["", ""]:
            with pytest.raises(DataError, match="death_date"):
                OS.apply(table)
        else:
            assert OS.apply(table).outcome.n_event == 0


class TestSettings:
    """Endpoints that cannot be computed are refused when they are written down."""

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"events": []}, "events is empty"),
            ({"events": ["progresion"]}, "did you mean 'progression'"),
            ({"events": ["progression", "relapse"]}, "progression_date has two parts to play"),
            ({"events": ["progression", "death"], "competing": ["death"]}, "death_date has two parts to play"),
            ({"events": ["death"], "censor": "death_date"}, "two parts"),
            ({"events": ["death"], "censor_at": ["new_treatment_date"]}, "not censored at a new therapy"),
            ({"events": ["death"], "unit": "weeks"}, "unit 'weeks' is not one of days, months, years"),
            ({"events": ["death"], "horizons": [24, 12]}, "ascending"),
            ({"events": ["death"], "horizons": [0]}, "above 0"),
            ({"events": ["death"], "horizons": ["12"]}, "horizons"),
            ({"events": ["death"], "data_lock": "2025-01-31"}, "data_lock"),
            ({"events": ["death"], "visit_gap_days": 0}, "visit_gap_days"),
        ],
    )
    def test_refused(self, changes, said):
        with pytest.raises(ConfigError, match="endpoint 'x' cannot be computed") as caught:
            Endpoint("x", **changes)
        assert said in str(caught.value)

    def test_all_problems_at_once(self):
        with pytest.raises(ConfigError, match="events is empty; unit 'weeks'"):
            Endpoint("x", unit="weeks")

    def test_an_endpoint_is_frozen_hashable_and_comparable(self):
        with pytest.raises(AttributeError):
            OS.unit = "months"
        assert hash(Endpoint("x", events=["death"])) == hash(Endpoint("x", events=("death",)))
        assert Endpoint("x", events="death") == Endpoint("x", events=("death",))
        assert pickle.loads(pickle.dumps(PFS)) == PFS

    def test_presets(self):
        assert (OS.events, OS.censor, OS.visit_gap_days) == (("death",), "last_contact_date", None)
        assert (PFS.events, PFS.censor) == (("progression", "death"), "last_assessment_date")
        assert (TTP.events, TTP.competing) == (("progression",), ("death",))
        assert EFS.events == ("progression", "new_treatment", "death")
        assert all(preset.origin == "cxcr4_scan_date" for preset in (OS, PFS, TTP, EFS))
        lock = date(2025, 1, 31)
        full = standard_endpoint(
            "os", name="x", origin="diagnosis_date", horizons=[12], entry="cxcr4_scan_date", data_lock=lock
        )
        assert (full.name, full.unit, full.horizons, full.data_lock) == ("x", "months", (12,), lock)


class TestResult:
    """The result prints, tabulates and serialises like every other."""

    def test_prints_counts_and_findings(self):
        table = make_table(FINE, {"scan": None}, {"progression": "2020-01-01"}, labels=["SECRET"] * 3)
        result = replace(PFS, horizons=(365,)).apply(table)
        text = repr(result)
        assert text.startswith("Endpoint progression-free survival (progression or death), time in days")
        assert "no cxcr4_scan_date" in text
        assert "Warning: E046 progression_date row 3 (1 of 3): progression on the day of the origin" in text
        assert "SECRET" not in text + result.to_json() + result._repr_html_()
        assert result.horizons == (365,)
        assert result.glance().loc[0, ["n", "n_event", "n_censor", "n_dropped"]].tolist() == [2, 1, 1, 1]
        assert result.tidy()["n"].sum() == result.outcome.n
        assert "30.4375" in result.glance().loc[0, "conventions"]

    def test_is_frozen(self):
        result = OS.apply(make_table(FINE))
        with pytest.raises(AttributeError):
            result.rows = np.arange(3)
        with pytest.raises(ValueError, match="read-only"):
            result.rows[0] = 5


class TestReadyMade:
    """Times that stand in the table."""

    TABLE = pd.DataFrame(
        {"months": [0.0, 8, 9, 10], "state": [2, 1, 3, 1], "late": [0, 1, 2, 3], "word": ["r", "c", "d", "c"]},
        index=list("abcd"),
    ).assign(months=[0.5, 8, 9, 10])

    def test_one_kind_of_event(self):
        table = self.TABLE.iloc[:2]
        result = ReadyMadeEndpoint("os", "overall survival", "months", "state", 2, unit="months").apply(table)
        assert result.outcome.event.tolist() == [1, 0]
        assert result.outcome.unit == "months"
        assert list(result.outcome.index) == ["a", "b"]
        assert (result.label, result.outcome.endpoint, result.dropped) == ("overall survival", "state", ())
        assert result.counts["n"].tolist() == [1, 1]

    @pytest.mark.parametrize(
        ("column", "event", "competing"),
        [("state", 2, {3: "death"}), ("state", 2, {"3": "death"}), ("word", "r", {"d": "death"})],
    )
    def test_competing_events(self, column, event, competing):
        endpoint = ReadyMadeEndpoint(
            "cir", "", "months", column, event, competing, "late", horizons=[12], event_label="relapse"
        )
        table = self.TABLE.assign(late=0.25)
        result = endpoint.apply(table)
        assert result.outcome.event.tolist() == [1, 0, 2, 0]
        assert result.outcome.causes == {1: "relapse", 2: "death"}
        assert result.outcome.entry.tolist() == [0.25] * 4
        assert result.counts[["level", "role", "n"]].values.tolist() == [
            ["relapse", "event", 1], ["death", "competing", 1], ["censored", "censored", 2]
        ]  # fmt: skip
        assert result.audit == ()
        assert result.rows.tolist() == [0, 1, 2, 3]

    def test_agrees_with_an_outcome_made_by_hand(self):
        made = ReadyMadeEndpoint("os", "", "months", "state", 1, censored_value=[2, 3]).apply(self.TABLE).outcome
        hand = Outcome.from_table(self.TABLE, "months", "state", event_value=1, censored_value=[2, 3])
        assert_array_equal(made.time, hand.time)
        assert_array_equal(made.event, hand.event)

    def test_a_competing_value_that_does_not_occur_is_told(self):
        table = self.TABLE[self.TABLE["state"] != 3]
        result = ReadyMadeEndpoint("cir", "", "months", "state", 2, {4: "death"}).apply(table)
        assert [(one.code, one.severity) for one in result.audit] == [("E015", "warning")]
        assert any("no row has the competing value 4" in warning for warning in result.warnings)

    @pytest.mark.parametrize(
        ("changes", "error", "said"),
        [
            ({"competing": {3: "death"}}, ConfigError, "competing events need event_value"),
            ({"horizons": [5, 5]}, ConfigError, "ascending"),
            ({"event_value": 2}, DataError, "more than one value that is not the event"),
            ({"event_value": 7, "competing": {3: "death"}}, DataError, "more than one value"),
            ({"time": "month", "event_value": 2}, DataError, "did you mean 'months'"),
            ({}, DataError, "could mean two things"),
        ],
    )
    def test_refusals(self, changes, error, said):
        given: dict[str, Any] = {"name": "os", "label": "", "time": "months", "event": "state", **changes}
        with pytest.raises(error, match=said):
            ReadyMadeEndpoint(**given).apply(self.TABLE)

    def test_missing_events_and_negative_times_are_refused(self):
        endpoint = ReadyMadeEndpoint("cir", "", "months", "word", "r", {"d": "death"})
        with pytest.raises(DataError, match="event is missing, in row 2"):
            endpoint.apply(self.TABLE.assign(word=["r", None, "d", "c"]))
        with pytest.raises(DataError, match="time is negative"):
            endpoint.apply(self.TABLE.assign(months=-1.0))

    def test_events_at_time_0_are_named(self):
        result = ReadyMadeEndpoint("os", "", "months", "word", "r", {"d": "death"}).apply(
            self.TABLE.assign(months=[0.0, 0, 0, 4])
        )
        assert found(result, "E046") == [("warning", "months", (0, 2))]

    def test_all_rows_may_compete(self):
        result = ReadyMadeEndpoint("cir", "", "months", "word", "r", {"c": "a", "d": "b"}).apply(self.TABLE.iloc[1:])
        assert result.outcome.event.tolist() == [2, 3, 2]


# Properties. Offsets are days after the scan; None is a missing date.
OFFSETS = st.one_of(st.none(), st.integers(0, 1500))
PATIENTS = st.lists(
    st.fixed_dictionaries(
        {
            "scan": st.integers(0, 2000),
            "progression": OFFSETS,
            "death": OFFSETS,
            "visit": st.integers(0, 1500),
            "treatment": OFFSETS,
        }
    ),
    min_size=1,
    max_size=25,
)
START = np.datetime64("2015-01-31")
CENSORED_EARLY = standard_endpoint("pfs", unit="days", intercurrent={"new_treatment": "hypothetical"})
ENDPOINTS = st.sampled_from([PFS, TTP, EFS, CENSORED_EARLY, replace(PFS, data_lock=date(2019, 6, 30))])


def table_of(patients: list[dict[str, int | None]], shift: int = 0) -> pd.DataFrame:
    def dates(name: str) -> pd.Series:
        offsets = [
            None
            if one[name] is None
            else START + np.timedelta64(one["scan"] + shift + (0 if name == "scan" else one[name]), "D")
            for one in patients
        ]
        return pd.Series(pd.to_datetime(offsets))

    return pd.DataFrame({COLUMNS[name]: dates(name) for name in ("scan", "progression", "death", "visit", "treatment")})


def brute_force(endpoint: Endpoint, patient: dict[str, int | None], lock: int | None) -> tuple[int, int]:
    """One patient at a time, as one would do it with paper: offsets from the scan, None is missing."""
    known = {"progression": "progression", "death": "death", "new_treatment": "treatment"}
    names = [*endpoint.events, *endpoint.competing]
    dated = [(patient[known[name]], name == "death", name) for name in names if patient[known[name]] is not None]
    ends = [patient["visit"]]
    if endpoint.censor_at and patient["treatment"] is not None:
        ends.append(patient["treatment"])
    last = min(ends)
    if dated:
        day, _, name = min(dated)
        in_time = lock is None or day <= lock
        if in_time and not (endpoint.censor_at and patient["treatment"] is not None and patient["treatment"] < day):
            return day, 1 if name in endpoint.events else 2
        if not in_time and not (len(ends) > 1 and patient["treatment"] < day):
            return lock, 0
    return (last if lock is None else min(last, lock)), 0


@run
@given(PATIENTS, ENDPOINTS)
def test_agrees_with_one_patient_at_a_time(patients, endpoint):
    table = table_of(patients)
    try:
        result = endpoint.apply(table, on_error="collect")
    except EndpointAuditError:
        return
    for row, time, event in zip(result.rows, result.outcome.time, result.outcome.event, strict=True):
        lock = endpoint.data_lock
        until = None if lock is None else int((np.datetime64(lock) - START).astype(int)) - patients[row]["scan"]
        assert (time, event) == brute_force(endpoint, patients[row], until)
    assert sorted([*result.rows, *(row for _, rows in result.dropped for row in rows)]) == list(range(len(table)))
    assert result.counts["n"].sum() == result.outcome.n


@run
@given(PATIENTS, st.sampled_from([PFS, TTP, EFS, CENSORED_EARLY]), st.integers(-4000, 4000))
def test_shifting_all_dates_changes_nothing(patients, endpoint, days):
    here, there = (endpoint.apply(table_of(patients, shift), on_error="collect") for shift in (0, days))
    assert_array_equal(here.outcome.time, there.outcome.time)
    assert_array_equal(here.outcome.event, there.outcome.event)
    assert here.audit == there.audit
    pd.testing.assert_frame_equal(here.counts, there.counts)


@run
@given(PATIENTS, ENDPOINTS, st.randoms(use_true_random=False))
def test_row_order_changes_nothing(patients, endpoint, random):
    table = table_of(patients)
    order = list(range(len(table)))
    random.shuffle(order)
    try:
        here = endpoint.apply(table, on_error="collect")
    except EndpointAuditError:
        return
    there = endpoint.apply(table.iloc[order], on_error="collect")
    by_label = pd.Series(there.outcome.time, index=there.outcome.index).reindex(here.outcome.index)
    assert_array_equal(by_label, here.outcome.time)
    pd.testing.assert_frame_equal(here.counts, there.counts)
    for one, other in zip(
        sorted(here.audit, key=lambda x: (x.code, x.severity, x.column)),
        sorted(there.audit, key=lambda x: (x.code, x.severity, x.column)),
        strict=True,
    ):
        assert (one.code, one.severity, one.column) == (other.code, other.severity, other.column)
        assert set(one.positions) == {order[position] for position in other.positions}


@run
@given(PATIENTS, ENDPOINTS, st.sampled_from([("months", 30.4375), ("years", 365.25)]))
def test_units_differ_by_a_factor(patients, endpoint, unit):
    table = table_of(patients)
    try:
        days = endpoint.apply(table, on_error="collect")
    except EndpointAuditError:
        return
    other = replace(endpoint, unit=unit[0]).apply(table, on_error="collect")
    assert_allclose(other.outcome.time * unit[1], days.outcome.time, rtol=1e-12)
    assert_array_equal(other.outcome.event, days.outcome.event)
    # days that were tied stay tied, and no others are
    assert len(np.unique(other.outcome.time)) == len(np.unique(days.outcome.time))
    assert all(a < b for a, b in pairwise(np.unique(other.outcome.time)))


@run
@given(PATIENTS, st.sampled_from([PFS, TTP, EFS]))
def test_a_lock_after_every_date_changes_nothing(patients, endpoint):
    table = table_of(patients)
    here = endpoint.apply(table, on_error="collect")
    there = replace(endpoint, data_lock=date(2060, 1, 1)).apply(table, on_error="collect")
    assert_array_equal(here.outcome.time, there.outcome.time)
    assert here.audit == there.audit


@run
@given(PATIENTS)
def test_endpoints_stand_in_order(patients):
    """Event-free survival ends no later than progression-free survival, and that no later than survival."""
    table = table_of(patients).assign(last_contact_date=lambda one: one["last_assessment_date"])
    efs, pfs, os_ = (endpoint.apply(table, on_error="collect").outcome for endpoint in (EFS, PFS, OS))
    for short, long in ((efs, pfs), (pfs, os_)):
        assert (short.event >= long.event).all()
        assert (short.time <= long.time)[long.event == 1].all()
