"""Which laboratory sample of a patient counts, and in which unit."""

import numpy as np
import pandas as pd
import pytest

from survmodel.markers.labs import LabRule, patient_labs, possible_labs

SCAN = pd.Timestamp("2024-06-15")


def labs(*rows):
    columns = ["patient_id", "day", "test", "value", "unit", "uln"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["lab_date"] = SCAN + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame


def made(frame, rule=None, patients=("a",)):
    return patient_labs(list(patients), pd.Series(SCAN, index=list(patients)), frame, rule)


def test_the_last_sample_up_to_the_scan_counts():
    frame = labs(
        ("a", -29, "albumin", 4.4, "g/dL", np.nan),
        ("a", -3, "albumin", 41.0, "g/L", np.nan),
        ("a", 1, "albumin", 3.1, "g/dL", np.nan),
    )
    assert made(frame).table["albumin"].tolist() == [4.1]


@pytest.mark.parametrize(("day", "counts"), [(-31, False), (-30, True), (0, True), (1, False)])
def test_the_days_that_count(day, counts):
    found = made(labs(("a", day, "igm", 2.0, "g/L", np.nan)))
    assert ("igm" in found.table) is counts
    assert any("none that counts" in note for note in found.notes) is not counts


def test_a_sample_after_the_scan_counts_only_where_there_is_none_before():
    rule = LabRule(days_after=7)
    frame = labs(("a", -20, "wbc", 5.0, "10^9/L", np.nan), ("a", 1, "wbc", 9.0, "10^9/L", np.nan),
                 ("b", 2, "wbc", 7000, "/uL", np.nan), ("b", 5, "wbc", 8.0, "10^9/L", np.nan))  # fmt: skip
    assert made(frame, rule, "ab").table["wbc"].tolist() == [5.0, 7.0]


def test_two_different_values_of_a_day_are_no_value_and_two_equal_ones_are_one():
    frame = labs(("a", -1, "ldh", 200.0, "U/L", 250.0), ("a", -1, "ldh", 300.0, "U/L", 250.0),
                 ("b", -1, "ldh", 200.0, "U/L", 250.0), ("b", -1, "ldh", 200.0, "U/L", 250.0))  # fmt: skip
    table = made(frame, patients="ab").table
    assert np.isnan(table["ldh"].iloc[0])
    assert table["ldh"].iloc[1] == 200.0


def test_multiples_of_the_upper_limit():
    frame = labs(
        ("a", -1, "ldh", 300.0, "U/L", 250.0),
        ("b", -1, "ldh", 6.0, "ukat/L", 4.0),
        ("c", -1, "ldh", 1.8, "xULN", np.nan),
        ("d", -1, "ldh", 300.0, "U/L", np.nan),
        ("e", -1, "ldh", 300.0, "furlongs", 250.0),
    )
    table = made(frame, patients="abcde").table
    assert table["ldh_uln"].tolist()[:3] == [1.2, 1.5, 1.8]
    assert table["ldh_uln"].isna().tolist() == [False, False, False, True, True]
    assert table["ldh"].tolist()[:2] == [300.0, 360.0]
    assert table["ldh"].isna().tolist() == [False, False, True, False, True]


def test_the_study_chooses_the_unit():
    found = made(labs(("a", 0, "hemoglobin", 12.5, "g/dL", np.nan)), LabRule(units={"hemoglobin": "g/L"}))
    assert found.table["hemoglobin"].tolist() == [125.0]
    assert [(one.name, one.unit) for one in found.columns] == [("hemoglobin", "g/L")]


def test_every_column_that_is_made_was_announced():
    rule = LabRule()
    tests = [one.name for one in possible_labs(rule) if not one.name.endswith("_uln")]
    rows = [
        ("a", 0, test, 3.0, next(one.unit for one in possible_labs(rule) if one.name == test), 2.0) for test in tests
    ]
    assert made(labs(*rows)).columns == possible_labs(rule)


def test_a_patient_without_a_scan_has_no_value():
    found = patient_labs(["a", "b"], pd.Series({"a": SCAN}), labs(("b", 0, "igm", 2.0, "g/L", np.nan)))
    assert found.table.columns.tolist() == []


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(5)
    rows = [(p, d, "calcium", 9.0 + d / 10, "mg/dL", 10.2) for p in "abcdef" for d in (-25, -9, -2, 3)]
    frame = labs(*rows)
    expected = made(frame, patients="abcdef").table
    for _ in range(5):
        shuffled = frame.iloc[rng.permutation(len(frame))].reset_index(drop=True)
        pd.testing.assert_frame_equal(made(shuffled, patients="abcdef").table, expected)
