"""Times, events, entries and ids that cannot be what they claim; numbers are those of the classes of bad input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from bad_input.refusals import SECRET, make_outcome, make_table, refusal, warned

from survmodel import (
    ConfigError,
    CoxPH,
    DataError,
    EndpointError,
    FitError,
    KaplanMeier,
    Outcome,
    concordance,
    follow_up,
    logrank_test,
    pairwise_logrank,
)


@pytest.fixture
def table() -> pd.DataFrame:
    return make_table()


def outcome_with(column: str, values: object, **options: object) -> Outcome:
    table = make_table()
    table[column] = values
    return Outcome.from_table(table, time="months", event="dead", id="pid", **options)


def some(column: str, rows: list[int], value: object) -> pd.Series:
    series = make_table()[column].astype(object)
    series.iloc[rows] = value
    return series


class TestTimes:
    def test_01_negative(self) -> None:
        values = make_table()["months"].astype(float)
        values.iloc[[3, 16, 30]] = [-1.0, -5.0, -2.0]
        error = refusal(
            DataError, lambda: outcome_with("months", values), "time", "-5", "rows 4, 17, 31 (3 of 60)", "swapped"
        )
        assert error.exit_status == 3

    def test_02_zero_with_event(self) -> None:
        outcome = Outcome([0, 2, 3, 4], [1, 1, 0, 1])
        warned(outcome.warnings, "1 event at time 0", "kept")
        assert KaplanMeier().fit(outcome).tidy()["estimate"].iloc[0] == 0.75
        assert outcome.n == 4

    def test_03_zero_censored(self) -> None:
        outcome = Outcome([0, 2, 3], [0, 1, 1])
        assert outcome.n == 3
        assert any("1 row censored at time 0" in note for note in outcome.notes)

    def test_04_missing(self) -> None:
        refusal(
            DataError,
            lambda: outcome_with("months", some("months", [5], None)),
            "time is missing",
            "row 6 (1 of 60)",
            "Leave",
        )

    @pytest.mark.parametrize("value", [np.inf, 1e308, -np.inf])
    def test_05_infinite(self, value: float) -> None:
        refusal(
            DataError,
            lambda: outcome_with("months", some("months", [0, 59], value).astype(float)),
            "time",
            "infinite",
            "rows 1, 60",
        )

    def test_06_text(self) -> None:
        table = make_table()
        text = outcome_with("months", table["months"].map(str))
        np.testing.assert_array_equal(text.time, make_outcome(table).time)
        values = table["months"].map(str)
        values.iloc[7] = "unknown"
        refusal(DataError, lambda: outcome_with("months", values), "time", "not numbers", "row 8 (1 of 60)")

    @pytest.mark.parametrize("value", ["12,3", "1.234,5", "1 234", "1 234,5"])
    def test_07_and_08_commas(self, value: str) -> None:
        refusal(DataError, lambda: outcome_with("months", some("months", [9], value)), "row 10 (1 of 60)", "decimal")
        if "," in value:
            refusal(
                DataError,
                lambda: outcome_with("months", some("months", [9], value)),
                "decimal comma",
                "nothing is guessed",
            )

    def test_18_outlier(self) -> None:
        warned(
            outcome_with("months", some("months", [3], 1e6).astype(float)).warnings,
            "more than 100 times the median",
            "unit",
        )

    def test_19_all_equal(self) -> None:
        warned(outcome_with("months", 12.0).warnings, "all times are equal")

    def test_dates(self) -> None:
        dates = pd.Series(pd.date_range("2020-01-01", periods=60), index=make_table().index)
        error = refusal(DataError, lambda: outcome_with("months", dates), "time", "dates")
        assert "2020" not in str(error)

    def test_text_of_identifiers_is_not_shown(self) -> None:
        refusal(
            DataError, lambda: outcome_with("months", make_table()["pid"]), "time", "rows 1, 2, 3, 4, 5, ... (60 of 60)"
        )


class TestEvents:
    def test_09_one_and_two(self) -> None:
        codes = make_table()["dead"] + 1
        refusal(DataError, lambda: outcome_with("dead", codes), "1, 2", "two things", "event_value=2")
        assert outcome_with("dead", codes, event_value=2).n_event == make_table()["dead"].sum()

    def test_10_one_and_two_without_deaths(self) -> None:
        ones = np.ones(60, dtype=int)
        refusal(DataError, lambda: outcome_with("dead", ones, event_value=2), "dead", "asked for 2", "censored_value")
        assert outcome_with("dead", ones, event_value=2, censored_value=1).n_event == 0

    def test_11_third_code(self) -> None:
        codes = make_table()["dead"].to_numpy().copy()
        codes[4] = 2
        refusal(DataError, lambda: outcome_with("dead", codes), "0, 1, 2", "code 2", "competing", "causes=")
        outcome = outcome_with("dead", codes, causes={1: "relapse", 2: "death"})
        for analysis in (
            lambda: KaplanMeier().fit(outcome),
            lambda: logrank_test(outcome, make_table()["sex"]),
            lambda: CoxPH("age").fit(make_table(), outcome),
            lambda: concordance(outcome, make_table()["age"]),
        ):
            refusal(EndpointError, analysis, "competing", "death", "any_event()", "cause_specific(1)")

    @pytest.mark.parametrize("pair", [("no", "yes"), ("alive", "dead"), ("F", "T"), ("nein", "ja")])
    def test_12_words(self, pair: tuple[str, str]) -> None:
        words = make_table()["dead"].map(dict(enumerate(pair)))
        refusal(DataError, lambda: outcome_with("dead", words), "event is text", *pair, "event_value=")
        assert outcome_with("dead", words, event_value=pair[1]).n_event == make_table()["dead"].sum()

    def test_13_digits_as_text(self) -> None:
        assert outcome_with("dead", make_table()["dead"].map(str)).n_event == make_table()["dead"].sum()

    @pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
    def test_14_missing(self, missing: object) -> None:
        refusal(
            DataError,
            lambda: outcome_with("dead", some("dead", [1, 3], missing)),
            "event is missing",
            "rows 2, 4 (2 of 60)",
        )

    @pytest.mark.parametrize(("value", "said"), [(0.5, "0.5"), (-1, "-1")])
    def test_15_not_codes(self, value: float, said: str) -> None:
        refusal(
            DataError,
            lambda: outcome_with("dead", some("dead", [2], value).astype(float)),
            "event",
            said,
            "row 3 (1 of 60)",
        )

    def test_15_unknown_code(self) -> None:
        refusal(DataError, lambda: outcome_with("dead", some("dead", [2], 9).astype(int)), "code 9", "causes=")

    def test_16_reversed(self) -> None:
        codes = np.ones(60, dtype=int)
        codes[make_table()["months"].argsort().to_numpy()[:3]] = 0
        warned(outcome_with("dead", codes).warnings, "90 %", "check the coding")

    def test_20_no_event(self) -> None:
        table = make_table()
        outcome = outcome_with("dead", 0)
        warned(outcome.warnings, "no events")
        refusal(FitError, lambda: logrank_test(outcome, table["sex"]), "there are no events", "0 of 60 rows")
        refusal(FitError, lambda: CoxPH("age").fit(table, outcome), "there are no events", "0 among 60")
        refusal(FitError, lambda: concordance(outcome, table["age"]), "no two rows form a usable pair")
        fit = KaplanMeier().fit(outcome)
        warned(fit.warnings, "median is not reached", "upper 95% limit of the rate")
        assert (fit.tidy()["estimate"] == 1).all()
        assert "not reached" in repr(fit)

    def test_21_no_censoring(self) -> None:
        outcome = outcome_with("dead", 1)
        assert KaplanMeier().fit(outcome).tidy()["estimate"].iloc[-1] == 0
        warned(follow_up(outcome).warnings, "no censoring", "not estimable")

    @pytest.mark.parametrize("events", [1, 2, 3, 4])
    def test_22_few_events(self, events: int) -> None:
        outcome = outcome_with("dead", (np.arange(60) < events).astype(int))
        refusal(
            FitError,
            lambda: CoxPH("age + suv").fit(make_table(), outcome),
            "2 coefficients",
            f"{events} event",
            "penalty",
        )
        if events > 1:
            warned(CoxPH("age").fit(make_table(), outcome).warnings, f"{events} events for 1 coefficient")

    def test_23_events_per_variable(self) -> None:
        outcome = outcome_with("dead", (np.arange(60) % 4 == 0).astype(int))
        warned(CoxPH("age + suv").fit(make_table(), outcome).warnings, "15 events for 2 coefficients", "penalty")

    def test_identifiers_as_events_are_not_shown(self) -> None:
        refusal(DataError, lambda: outcome_with("dead", make_table()["pid"]), "event is text", "60 different values")


class TestHorizons:
    def test_24_restricted_mean(self) -> None:
        fit = KaplanMeier().fit(Outcome([1, 2, 3, 9], [1, 0, 0, 0]), by=["a", "a", "b", "b"])
        refusal(EndpointError, lambda: fit.rmst(8), "horizon 8", "at most 2")
        refusal(EndpointError, lambda: fit.rmst(-1), "horizon -1")

    def test_25_concordance(self) -> None:
        table = make_table()
        refusal(
            EndpointError,
            lambda: concordance(make_outcome(table), table["age"], horizon=1e4),
            "horizon 10000",
            "at most",
        )

    def test_25_curve_is_missing_beyond_follow_up(self) -> None:
        fit = KaplanMeier().fit(make_outcome(make_table()))
        assert fit.at(1e4)["estimate"].isna().all()
        assert fit.at(1e4, extend=True)["estimate"].notna().all()
        table = make_table()
        risk = CoxPH("age").fit(table, make_outcome(table)).predict_risk(table, [1e4])
        assert np.isnan(risk).all()

    @pytest.mark.parametrize("time", [-1.0, np.nan, np.inf])
    def test_times_of_prediction(self, time: float) -> None:
        table = make_table()
        fit = CoxPH("age").fit(table, make_outcome(table))
        with pytest.raises(EndpointError, match="from 0 up"):
            fit.predict_risk(table, [time])


class TestEntries:
    ENTRY = np.full(60, 0.05)

    def entered(self, rows: list[int], value: float) -> Outcome:
        table = make_table()
        table["entry"] = self.ENTRY
        table.iloc[rows, table.columns.get_loc("entry")] = value
        return Outcome.from_table(table, time="months", event="dead", entry="entry", id="pid")

    def test_26_entry_after_exit(self) -> None:
        refusal(
            DataError,
            lambda: self.entered([11, 12], 1e3),
            "entry is at or after exit",
            "rows 12, 13 (2 of 60)",
            "check",
        )

    def test_26_entry_at_exit(self) -> None:
        refusal(DataError, lambda: Outcome([5, 6], [1, 0], [1, 6]), "entry is at or after exit", "row 2 (1 of 2)")

    def test_27_entry_missing(self) -> None:
        refusal(DataError, lambda: self.entered([4], np.nan), "entry is missing", "row 5 (1 of 60)")

    def test_28_overlap(self) -> None:
        ids = [f"{SECRET} a", f"{SECRET} b", f"{SECRET} a"]
        refusal(DataError, lambda: Outcome([5, 6, 8], [0, 1, 1], [0, 0, 4], id=ids), "overlap", "rows 1, 3 (2 of 3)")

    def test_29_gap(self) -> None:
        outcome = Outcome([5, 8], [0, 1], [0, 6], id=[SECRET, SECRET])
        warned(outcome.warnings, "1 gap", "not at risk")

    def test_30_two_events(self) -> None:
        refusal(
            DataError,
            lambda: Outcome([5, 8], [1, 1], [0, 5], id=[SECRET, SECRET]),
            "after its event",
            "rows 1, 2 (2 of 2)",
        )

    def test_30_one_patient_twice(self) -> None:
        refusal(
            DataError, lambda: Outcome([5, 8, 9], [1, 1, 0], id=[SECRET, "b", SECRET]), "rows 1, 3 (2 of 3)", "entry="
        )

    def test_31_tiny_risk_set(self) -> None:
        outcome = Outcome([2, 9, 10, 11, 12, 13, 14], [1, 1, 0, 1, 0, 1, 0], [0] + [5] * 6)
        warned(
            KaplanMeier().fit(outcome).warnings, "fewer than 10 are at risk", "smallest 1 at risk, at 2", "event at 9"
        )
        warned(KaplanMeier().fit(outcome).warnings, "nobody at risk from 2 to 5")

    def test_id_missing(self) -> None:
        refusal(DataError, lambda: Outcome([1, 2], [1, 0], id=[SECRET, None]), "id is missing", "row 2 (1 of 2)")


class TestShape:
    def test_no_rows(self) -> None:
        refusal(DataError, lambda: Outcome([], []), "no rows", "filter")

    def test_lengths(self) -> None:
        refusal(DataError, lambda: Outcome([1, 2], [1]), "time 2", "event 1")

    def test_labels_of_event(self) -> None:
        table = make_table()
        refusal(
            DataError, lambda: Outcome(table["months"], table["dead"].iloc[::-1]), "row labels of event", "plain arrays"
        )

    def test_absent_column(self) -> None:
        table = make_table()
        refusal(
            DataError, lambda: Outcome.from_table(table, time="month", event="dead"), "'month'", "did you mean 'months'"
        )

    def test_column_twice(self) -> None:
        table = make_table()
        doubled = pd.concat([table, table[["months"]]], axis=1)
        refusal(DataError, lambda: Outcome.from_table(doubled, time="months", event="dead"), "'months'", "Rename")

    @pytest.mark.parametrize("option", ["loglog", "Log", "normal"])
    def test_limits(self, option: str) -> None:
        refusal(ConfigError, lambda: KaplanMeier(conf_type=option), option)

    def test_adjustment(self) -> None:
        table = make_table()
        refusal(ConfigError, lambda: pairwise_logrank(make_outcome(table), table["sex"], adjust="hom"), "'hom'", "holm")
