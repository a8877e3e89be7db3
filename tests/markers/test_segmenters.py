"""Scans that were segmented twice: whose lesions count, and what both make of a patient."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel.markers.segmenters import (
    SEGMENTERS,
    first_segmentation,
    repeats_of_readers,
    repeats_of_rules,
    segmenter_of,
)

SCANS = pd.DataFrame({
    "scan_id": ["c1", "c2", "f1"], "patient_id": ["a", "b", "a"], "tracer": ["cxcr4", "cxcr4", "fdg"],
})  # fmt: skip


def lesions(rows):
    columns = ["scan_id", "lesion_id", "reader", "suvmax", "suvmean", "volume_ml"]
    return pd.DataFrame(rows, columns=columns).assign(segmentation="41pct")


def test_without_a_reader_all_lesions_are_the_first_ones():
    plain = lesions([("c1", "1", None, 8.0, 4.0, 10.0)]).drop(columns="reader")
    assert segmenter_of(plain).tolist() == ["reader_1"]
    kept, notes = first_segmentation(plain)
    assert kept.equals(plain)
    assert notes == ()


def test_each_scan_has_one_reader():
    table = lesions([
        ("c1", "1", "reader_2", 9.0, 4.0, 10.0), ("c1", "1", None, 8.0, 4.0, 10.0),
        ("c2", "1", "reader_2", 5.0, 3.0, 4.0), ("f1", "1", "reader_1", 6.0, 3.0, 4.0),
    ])  # fmt: skip
    kept, notes = first_segmentation(table)
    assert kept["suvmax"].tolist() == [8.0, 5.0, 6.0]
    assert notes == (
        "1 scan segmented by two readers: the first one's lesions count",
        "1 scan segmented by the second reader only, whose lesions count",
    )


def test_sums_and_maxima_are_those_of_each_reader():
    table = lesions([
        ("c1", "1", "reader_1", 8.0, 4.0, 10.0), ("c1", "2", "reader_1", 5.0, 3.0, 30.0),
        ("c1", "1", "reader_2", 9.0, 5.0, 20.0), ("c2", "1", "reader_1", 7.0, 3.0, 4.0),
        ("f1", "1", "reader_2", 3.0, 2.0, 4.0),
    ])  # fmt: skip
    found = {one.name: one for one in repeats_of_readers(pd.Series(["a", "b"]), SCANS, table)}
    # patient b and the FDG scan were segmented once
    assert set(found) == {"cxcr4_suvmax", "cxcr4_mtv_41pct", "cxcr4_tlu_41pct", "cxcr4_suvmean_41pct"}
    assert found["cxcr4_suvmax"].values.loc["a"].tolist() == [8.0, 9.0]
    assert found["cxcr4_mtv_41pct"].values.loc["a"].tolist() == [40.0, 20.0]
    assert found["cxcr4_tlu_41pct"].values.loc["a"].tolist() == [130.0, 100.0]
    assert list(found["cxcr4_suvmax"].values.index) == ["a"]


def test_nothing_segmented_twice_is_nothing_to_compare():
    assert repeats_of_readers(pd.Series(["a"]), SCANS, lesions([("c1", "1", None, 8.0, 4.0, 1.0)])) == ()


def test_rules_need_two_and_values_above_zero():
    uptake = pd.DataFrame({
        "cxcr4_mtv_41pct": [10.0, 0.0, None], "cxcr4_mtv_fixed4": [8.0, 0.0, 3.0], "fdg_mtv_41pct": [1.0, 2.0, 3.0],
        "cxcr4_tlu_41pct": [0.0, 0.0, 0.0], "cxcr4_tlu_fixed4": [1.0, 1.0, 1.0],
    })  # fmt: skip
    (found,) = repeats_of_rules(uptake, ("41pct", "fixed4"), ("cxcr4", "fdg"))
    assert (found.name, found.between) == ("cxcr4_mtv", "rules")
    assert found.values.to_numpy().tolist() == [[10.0, 8.0]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "f1"]), st.sampled_from([*SEGMENTERS, None])), min_size=1),
       st.randoms())  # fmt: skip
def test_the_order_of_rows_does_not_matter_and_no_scan_is_lost(rows, random):
    table = lesions([(scan, str(i), reader, 1.0, 1.0, 1.0) for i, (scan, reader) in enumerate(rows)])
    kept, _ = first_segmentation(table)
    assert set(kept["scan_id"]) == set(table["scan_id"])
    assert (segmenter_of(kept).groupby(kept["scan_id"]).nunique() == 1).all()
    order = list(range(len(table)))
    random.shuffle(order)
    other, _ = first_segmentation(table.iloc[order])
    assert sorted(other["lesion_id"]) == sorted(kept["lesion_id"])


@pytest.mark.parametrize("reader", SEGMENTERS)
def test_one_reader_alone_counts_whoever_it_is(reader):
    kept, _ = first_segmentation(lesions([("c1", "1", reader, 8.0, 4.0, 10.0)]))
    assert len(kept) == 1
