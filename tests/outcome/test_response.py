"""The outcome: what it accepts, keeps, matches and gives back."""

import numpy as np
import pandas as pd
import pytest

from survmodel import CumulativeIncidence, DataError, EndpointError, KaplanMeier, Outcome


def test_a_series_keeps_its_labels_and_arrays_have_none():
    table = pd.DataFrame({"t": [1.0, 2.0], "e": [0, 1]}, index=["a", "b"])
    assert list(Outcome(table["t"], table["e"]).index) == ["a", "b"]
    assert Outcome([1, 2], [0, 1]).index is None


def test_series_with_other_labels_are_refused():
    with pytest.raises(DataError, match="row labels of event differ from those of time"):
        Outcome(pd.Series([1, 2], index=[0, 1]), pd.Series([0, 1], index=[1, 2]))


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (pd.DataFrame({"x": [1, 2, 3]}, index=list("cba")), "the same labels stand in another order"),
        (pd.DataFrame({"x": [1, 2, 3]}, index=list("abd")), "some labels differ"),
        (pd.DataFrame({"x": [1, 2]}, index=list("ab")), "found|2 rows against 3"),
    ],
)
def test_a_table_with_other_rows_is_refused(other, found):
    outcome = Outcome(pd.Series([1, 2, 3], index=list("abc")), [1, 0, 1])
    with pytest.raises(DataError, match=found):
        outcome.check_rows(other)


def test_plain_arrays_match_by_position():
    Outcome([1, 2, 3], [1, 0, 1]).check_rows(pd.DataFrame({"x": [1, 2, 3]}, index=list("cba")))
    Outcome(pd.Series([1, 2, 3], index=list("abc")), [1, 0, 1]).check_rows([1, 2, 3])


def test_an_outcome_cannot_be_changed_and_copies_its_input():
    times = np.array([1.0, 2.0])
    outcome = Outcome(times, [0, 1])
    times[0] = 99
    assert outcome.time[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        outcome.time[0] = 5
    with pytest.raises(AttributeError):
        outcome.unit = "days"


def test_take_selects_by_mask_and_position_with_repeats():
    outcome = Outcome(pd.Series([1, 2, 3], index=list("abc")), [1, 0, 1], id=[7, 8, 9], unit="days")
    assert list(outcome.take([2, 0, 2]).time) == [3, 1, 3]
    assert list(outcome.take([True, False, True]).index) == ["a", "c"]
    assert outcome.take([2, 0, 2]).unit == "days"


def test_take_neither_validates_nor_joins_again():
    near = 1 + 1.2e-8
    outcome = Outcome([1, near, 100, 1000], [1, 1, 1, 0])
    assert outcome.n_joined == 1
    apart = Outcome([1, 1 + 1e-6, 1000], [1, 1, 0])
    assert apart.n_joined == 1  # the tolerance is relative to the mean time
    assert apart.take([0, 1]).n_joined == 1


def test_float_ties_are_joined_as_in_r():
    outcome = Outcome([0.3, 1.1 - 0.8, 0.7], [1, 1, 0])
    assert len(np.unique(outcome.time)) == 2
    assert outcome.n_joined == 1
    assert any("joined" in note for note in outcome.notes)


def test_times_do_not_change_with_their_unit():
    rng = np.random.default_rng(3)
    days = rng.integers(1, 400, 60)
    for factor in (1, 1 / 30.4375, 1e-9, 1e9):
        assert len(np.unique(Outcome(days * factor, np.ones(60)).time)) == len(np.unique(days))


def test_entry_equal_to_exit_after_joining_is_refused():
    with pytest.raises(DataError, match=r"entry is at or after exit, in row 1 \(1 of 2\)"):
        Outcome([0.3, 5], [1, 0], entry=[1.1 - 0.8, 0])


def test_ids_are_kept_as_codes():
    outcome = Outcome([1, 2, 3], [0, 0, 1], id=["Smith", "Jones", "Smith II"])
    assert outcome.id.tolist() == [0, 1, 2]
    assert "Smith" not in repr(outcome)


def test_rows_of_one_patient_need_entry_times_and_order():
    split = Outcome([4, 9, 5], [0, 1, 0], entry=[0, 4, 0], id=["a", "a", "b"])
    whole = Outcome([9, 5], [1, 0])
    assert KaplanMeier().fit(split).tidy().equals(KaplanMeier().fit(whole).tidy())
    with pytest.raises(DataError, match="rows of one id overlap"):
        Outcome([4, 9], [0, 1], entry=[0, 3], id=["a", "a"])
    with pytest.raises(DataError, match="rows after its event"):
        Outcome([4, 9], [1, 1], entry=[0, 4], id=["a", "a"])
    assert any("gap" in warning for warning in Outcome([4, 9], [0, 1], entry=[0, 5], id=["a", "a"]).warnings)


def test_competing_causes_must_be_named_and_then_chosen():
    outcome = Outcome([1, 2, 3], [1, 2, 0], causes={1: "relapse", 2: "death"})
    assert outcome.n_event == 1
    with pytest.raises(EndpointError, match="found death beside relapse"):
        KaplanMeier().fit(outcome)
    assert outcome.any_event().n_event == 2
    assert outcome.any_event().endpoint == "relapse or death"
    assert outcome.cause_specific(2).event.tolist() == [0, 1, 0]
    assert outcome.cause_specific(2).endpoint == "death"


@pytest.mark.parametrize(
    ("column", "keywords", "events"),
    [
        (["dead", "alive", "dead"], {"event_value": "dead"}, [1, 0, 1]),
        ([2, 1, 2], {"event_value": 2}, [1, 0, 1]),
        (["d", "a", "lost"], {"event_value": "d", "censored_value": ["a", "lost"]}, [1, 0, 0]),
        (["a", "a", "a"], {"event_value": "d", "censored_value": "a"}, [0, 0, 0]),
        ([True, False, True], {}, [1, 0, 1]),
        (["1", "0", "1"], {}, [1, 0, 1]),
        (pd.array([1, 0, 1], dtype="Int64"), {}, [1, 0, 1]),
        (pd.Categorical(["yes", "no", "yes"]), {"event_value": "yes"}, [1, 0, 1]),
    ],
)
def test_event_values(column, keywords, events):
    table = pd.DataFrame({"t": [1, 2, 3], "e": column})
    assert Outcome.from_table(table, "t", "e", **keywords).event.tolist() == events


@pytest.mark.parametrize(
    ("column", "keywords", "message"),
    [
        (["d", "a", "x"], {"event_value": "d"}, "more than one value that is not the event: found a, x"),
        (["a", "a", "a"], {"event_value": "d"}, "no row of e has the event value: found a, asked for d"),
        (["d", "a", "x"], {"event_value": "d", "censored_value": "a"}, "neither the event nor censored: found x"),
        (["d", None, "a"], {"event_value": "d"}, r"event is missing, in row 2 \(1 of 3\)"),
        (["dead", "alive", "dead"], {}, "event is text: found dead, alive"),
    ],
)
def test_event_values_that_leave_a_doubt(column, keywords, message):
    table = pd.DataFrame({"t": [1, 2, 3], "e": column})
    with pytest.raises(DataError, match=message):
        Outcome.from_table(table, "t", "e", **keywords)


def test_many_distinct_values_are_counted_and_not_shown():
    table = pd.DataFrame({"t": range(1, 10), "e": [f"P{number:03d}" for number in range(9)]})
    with pytest.raises(DataError) as caught:
        Outcome.from_table(table, "t", "e")
    assert "P003" not in str(caught.value)
    assert "9 different values" in str(caught.value)


def test_an_absent_column_names_the_closest():
    with pytest.raises(DataError, match=r"no column 'tme': did you mean 'time'\?$"):
        Outcome.from_table(pd.DataFrame({"time": [1], "event": [1]}), time="tme", event="event")


def test_causes_stand_in_the_order_of_their_codes():
    outcome = Outcome([1, 2, 3], [2, 1, 0], causes={2: "death", 1: "relapse"})
    assert list(outcome.causes.items()) == [(1, "relapse"), (2, "death")]
    assert CumulativeIncidence().fit(outcome).causes == ("relapse", "death")
