"""Uptake of a patient from lesion rows, by hand: sums, structural zeros apart from missing, rules in the name."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import DataError
from survmodel.markers.uptake import patient_uptake

SCANS = pd.DataFrame(
    [("c1", "a", "cxcr4", "baseline"), ("f1", "a", "fdg", "baseline"), ("c2", "b", "cxcr4", "baseline"),
     ("c3", "c", "cxcr4", "baseline"), ("c9", "a", "cxcr4", "interim")],
    columns=["scan_id", "patient_id", "tracer", "scan_role"],
)  # fmt: skip
LESIONS = pd.DataFrame(
    [("c1", "1", "41pct", 8.0, 7.0, 4.0, 10.0), ("c1", "2", "41pct", 5.0, 4.5, 3.0, 30.0),
     ("c1", "1", "fixed4", 8.0, 7.0, 5.0, 6.0), ("f1", "1", "41pct", 12.0, 11.0, 6.0, 2.5),
     ("c9", "1", "41pct", 99.0, 99.0, 99.0, 99.0)],
    columns=["scan_id", "lesion_id", "segmentation", "suvmax", "suvpeak", "suvmean", "volume_ml"],
)  # fmt: skip
READS = pd.DataFrame(
    [("c1", "consensus", "positive"), ("f1", "consensus", "positive"), ("c2", "reader_1", "positive"),
     ("c2", "consensus", "negative")],
    columns=["scan_id", "reader", "result"],
)  # fmt: skip
PATIENTS = pd.Series(["a", "b", "c", "d"])


def table(**changes):
    parts = {"patients": PATIENTS, "scans": SCANS, "lesions": LESIONS, "reads": READS, **changes}
    return patient_uptake(**parts).table


def test_sums_and_maxima_by_hand():
    row = table().loc["a"]
    assert row["cxcr4_suvmax"] == 8
    assert row["cxcr4_suvpeak"] == 7
    assert row["cxcr4_lesions"] == 2
    assert row["cxcr4_mtv_41pct"] == 40
    assert row["cxcr4_tlu_41pct"] == 4 * 10 + 3 * 30
    assert row["cxcr4_suvmean_41pct"] == 130 / 40
    assert row["cxcr4_mtv_fixed4"] == 6
    assert row["fdg_tlu_41pct"] == 15
    assert row["cxcr4_negative"] == 0


def test_a_negative_read_is_zero_and_not_missing():
    row = table().loc["b"]
    assert row["cxcr4_mtv_41pct"] == row["cxcr4_tlu_41pct"] == row["cxcr4_lesions"] == 0
    assert row["cxcr4_negative"] == 1
    assert np.isnan(row["cxcr4_suvmax"])
    assert np.isnan(row["cxcr4_suvmean_41pct"])
    assert np.isnan(row["fdg_mtv_41pct"])


def test_a_scan_without_lesions_that_nobody_read_is_missing():
    row = table().loc["c"]
    assert row.filter(like="cxcr4").isna().all()


def test_a_patient_without_scans_is_missing():
    assert table().loc["d"].isna().all()


def test_without_reads_a_scan_without_lesions_is_negative_and_a_note_says_so():
    uptake = patient_uptake(PATIENTS, SCANS, LESIONS)
    assert uptake.table.loc["c", "cxcr4_mtv_41pct"] == 0
    assert uptake.notes == ("2 baseline scans without lesions, taken as negative because there are no reads",)


@pytest.mark.parametrize("column", ["volume_ml", "suvmean"])
def test_a_lesion_without_its_value_makes_the_sum_missing(column):
    lesions = LESIONS.copy()
    lesions.loc[1, column] = np.nan
    row = table(lesions=lesions).loc["a"]
    assert np.isnan(row["cxcr4_tlu_41pct"])
    assert row["cxcr4_suvmax"] == 8
    assert row["cxcr4_mtv_fixed4"] == 6


def test_a_lesion_without_suvmax_makes_the_maximum_missing_unless_another_rule_has_it():
    lesions = LESIONS.copy()
    lesions.loc[1, "suvmax"] = np.nan
    assert np.isnan(table(lesions=lesions).loc["a", "cxcr4_suvmax"])
    lesions.loc[1, "suvmax"] = 5.0
    lesions.loc[0, "suvmax"] = np.nan  # the same lesion stands under fixed4 too
    assert table(lesions=lesions).loc["a", "cxcr4_suvmax"] == 8


def test_every_column_has_a_name_a_unit_and_its_rule():
    uptake = patient_uptake(PATIENTS, SCANS, LESIONS, READS)
    assert [marker.name for marker in uptake.markers] == list(uptake.table.columns)
    units = {marker.name: (marker.unit, marker.segmentation) for marker in uptake.markers}
    assert units["cxcr4_tlu_41pct"] == ("SUV mL", "41pct")
    assert units["cxcr4_suvmax"] == ("SUV", "")


def test_two_baseline_scans_of_one_tracer_are_refused():
    scans = pd.concat([SCANS, SCANS.iloc[[0]].assign(scan_id="c8")])
    with pytest.raises(DataError, match="1 patient with two baseline scans of one tracer: tracers cxcr4"):
        table(scans=scans)


def test_lesions_of_no_scan_are_refused():
    lesions = pd.concat([LESIONS, LESIONS.iloc[[0]].assign(scan_id="x")])
    with pytest.raises(DataError, match="1 lesion of scans that do not exist"):
        table(lesions=lesions)


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(len(LESIONS))), st.permutations(range(len(SCANS))))
def test_the_order_of_rows_changes_nothing(lesion_order, scan_order):
    shuffled = table(lesions=LESIONS.iloc[list(lesion_order)], scans=SCANS.iloc[list(scan_order)])
    pd.testing.assert_frame_equal(shuffled, table(), check_exact=False, rtol=1e-12)
