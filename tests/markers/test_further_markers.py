"""Ratios, aggregates, dissemination and change, by hand; what does not exist is missing and never 0."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, DataError
from survmodel.markers.aggregates import patient_aggregates, possible_aggregates
from survmodel.markers.change import patient_changes, possible_changes, uptake_change
from survmodel.markers.dissemination import body_surface, patient_dissemination
from survmodel.markers.ratios import patient_ratios, possible_ratios
from survmodel.markers.uptake import patient_uptake

SCANS = pd.DataFrame(
    [
        ("ca", "a", "cxcr4", "baseline", 70.0, 170.0, 2.0, 1.6, 4.0, 3.0),
        ("fa", "a", "fdg", "baseline", 70.0, 170.0, 2.5, 0.0, 2.0, np.nan),
        ("cb", "b", "cxcr4", "baseline", 80.0, np.nan, 2.0, 1.5, 3.0, 2.0),
        ("cc", "c", "cxcr4", "baseline", 60.0, 160.0, np.nan, 1.5, 3.0, 2.0),
        ("ia", "a", "cxcr4", "interim", 70.0, 170.0, 2.0, 1.6, 4.0, 3.0),
        ("ic", "c", "cxcr4", "end", 70.0, 170.0, 2.0, 1.6, 4.0, 3.0),
    ],
    columns=["scan_id", "patient_id", "tracer", "scan_role", "weight_kg", "height_cm", "liver_suvmean", "blood_suvmean",
             "spleen_suvmean", "marrow_suvmean"],
)  # fmt: skip
#: Patient a has three lesions on CXCR4 PET and one on FDG PET, b one, c none (read as negative).
LESIONS = pd.DataFrame(
    [
        ("ca", "1", "41pct", 8.0, 6.0, 4.0, 1.0, 10.0, 0.0, 0.0, 0.0),
        ("ca", "2", "41pct", 5.0, 4.0, 3.0, 0.6, 30.0, 300.0, 400.0, 0.0),
        ("ca", "3", "41pct", 2.0, 1.5, 1.0, 0.5, 20.0, 0.0, 0.0, 100.0),
        ("fa", "1", "41pct", 4.0, 3.0, 2.0, 0.2, 40.0, 0.0, 0.0, 0.0),
        ("cb", "1", "41pct", 16.0, 10.0, 8.0, 2.0, 5.0, 1.0, 2.0, 3.0),
        ("ia", "1", "41pct", 5.6, 3.0, 2.0, 1.0, 5.0, 0.0, 0.0, 0.0),
        ("ic", "1", "41pct", 5.6, 3.0, 2.0, 1.0, 5.0, 0.0, 0.0, 0.0),
    ],
    columns=["scan_id", "lesion_id", "segmentation", "suvmax", "suvpeak", "suvmean", "suv_sd", "volume_ml", "x_mm",
             "y_mm", "z_mm"],
)  # fmt: skip
READS = pd.DataFrame([("cc", "consensus", "negative")], columns=["scan_id", "reader", "result"])
BASE = SCANS[SCANS["scan_role"] == "baseline"]
INSIDE = LESIONS[LESIONS["scan_id"].isin(BASE["scan_id"])]
UPTAKE = patient_uptake(pd.Series(["a", "b", "c", "d"]), BASE, INSIDE, READS).table


class TestRatios:
    FOUND = patient_ratios(UPTAKE, BASE).table

    def test_by_hand(self) -> None:
        row = self.FOUND.loc["a"]
        assert row["cxcr4_tbr_max_blood_mean"] == 5.0
        assert row["cxcr4_tbr_peak_liver_mean"] == 3.0
        assert row["cxcr4_tbr_mean_liver_mean_41pct"] == pytest.approx((4 * 10 + 3 * 30 + 1 * 20) / 60 / 2)
        assert row["cxcr4_spleen_liver"] == 2.0
        assert row["cxcr4_marrow_liver"] == 1.5
        assert row["cxcr4_fdg_suvmax"] == 2.0
        assert row["cxcr4_fdg_mtv_41pct"] == 1.5
        assert row["cxcr4_fdg_tlu_41pct"] == pytest.approx(150 / 80)
        assert row["cxcr4_liver_suvmean"] == 2.0

    def test_what_does_not_exist(self) -> None:
        assert "fdg_tbr_max_blood_mean" not in self.FOUND, "a blood pool of 0 is no reference"
        assert np.isnan(self.FOUND.loc["c", "cxcr4_tbr_max_blood_mean"]), "no lesion, no SUVmax"
        assert np.isnan(self.FOUND.loc["c", "cxcr4_spleen_liver"]), "the liver was not measured"
        assert np.isnan(self.FOUND.loc["b", "cxcr4_fdg_suvmax"]), "no FDG scan"
        assert self.FOUND.loc["d"].isna().all()

    def test_names_are_listed(self) -> None:
        assert set(self.FOUND.columns) <= {one.name for one in possible_ratios(["41pct"])}


class TestAggregates:
    FOUND = patient_aggregates(UPTAKE, BASE, INSIDE).table

    def test_by_hand(self) -> None:
        row = self.FOUND.loc["a"]
        assert row["cxcr4_suvmax_of_largest_41pct"] == 5.0
        assert row["cxcr4_mtv_largest_41pct"] == 30.0
        assert row["cxcr4_mtv_top5_41pct"] == 60.0
        assert row["cxcr4_suvmax_top5"] == 5.0
        assert row["cxcr4_suvmax_sd"] == pytest.approx(3.0)
        assert row["cxcr4_cov_41pct"] == pytest.approx((10 * 0.25 + 30 * 0.2 + 20 * 0.5) / 60)
        assert row["cxcr4_suvmax_part"] == 3.0
        assert row["cxcr4_tlu_part_41pct"] == pytest.approx(np.log2(150))

    def test_one_lesion_has_no_spread_between_lesions(self) -> None:
        assert np.isnan(self.FOUND.loc["b", "cxcr4_suvmax_sd"])
        assert self.FOUND.loc["b", "cxcr4_suvmax_top5"] == 16.0

    def test_a_negative_scan(self) -> None:
        row = self.FOUND.loc["c"]
        assert (
            row[
                ["cxcr4_mtv_largest_41pct", "cxcr4_mtv_top5_41pct", "cxcr4_suvmax_part", "cxcr4_mtv_part_41pct"]
            ].tolist()
            == [0] * 4
        )
        assert (
            row[["cxcr4_suvmax_of_largest_41pct", "cxcr4_suvmax_top5", "cxcr4_suvmax_sd", "cxcr4_cov_41pct"]]
            .isna()
            .all()
        )

    def test_six_lesions_count_five(self) -> None:
        lesions = pd.DataFrame({
            "scan_id": "ca", "lesion_id": [str(k) for k in range(6)], "segmentation": "41pct",
            "suvmax": [1.0, 2, 3, 4, 5, 6], "volume_ml": [6.0, 5, 4, 3, 2, 1],
        })  # fmt: skip
        found = patient_aggregates(UPTAKE, BASE, lesions).table.loc["a"]
        assert found["cxcr4_suvmax_top5"] == 4.0
        assert found["cxcr4_mtv_top5_41pct"] == 20.0

    def test_a_lesion_without_a_volume_leaves_none(self) -> None:
        lesions = INSIDE.copy()
        lesions.loc[1, "volume_ml"] = np.nan
        row = patient_aggregates(UPTAKE, BASE, lesions).table.loc["a"]
        assert row[["cxcr4_mtv_largest_41pct", "cxcr4_mtv_top5_41pct", "cxcr4_suvmax_of_largest_41pct"]].isna().all()

    def test_names_are_listed(self) -> None:
        assert set(self.FOUND.columns) <= {one.name for one in possible_aggregates(["41pct"])}


class TestDissemination:
    def test_by_hand(self) -> None:
        """Lesions 1 and 2 lie 300 and 400 mm apart, lesion 3 is 100 mm above 1: from 2 to 3 it is the root of .26."""
        table = patient_dissemination(["a", "b", "c"], BASE, INSIDE).table
        assert table.loc["a", "cxcr4_dmax"] == pytest.approx(np.sqrt(0.3**2 + 0.4**2 + 0.1**2))
        assert table.loc["a", "cxcr4_sdmax"] == pytest.approx(np.sqrt(0.26) / body_surface(70, 170))
        assert table.loc["b", "cxcr4_dmax"] == 0, "a single lesion"
        assert np.isnan(table.loc["b", "cxcr4_sdmax"]), "the height is missing"
        assert table.loc["c"].isna().all(), "no lesion"

    def test_published_surface(self) -> None:
        """58 cm and the published cut of .32 per m imply 1.8 square metres (DOMAIN 2)."""
        assert pytest.approx(0.32, abs=0.005) == 0.58 / 1.8
        assert body_surface(70, 170) == pytest.approx(1.81, abs=0.005)

    def test_a_lesion_without_coordinates_might_be_the_farthest(self) -> None:
        lesions = INSIDE.copy()
        lesions.loc[2, "z_mm"] = np.nan
        assert np.isnan(patient_dissemination(["a"], BASE, lesions).table.loc["a", "cxcr4_dmax"])

    def test_without_any_coordinates_there_are_no_columns(self) -> None:
        assert patient_dissemination(["a"], BASE, INSIDE.drop(columns="x_mm")).table.empty

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**20))
    def test_moving_and_reordering_change_nothing(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        places = random.uniform(-500, 500, (5, 3))
        values = []
        for shift, order in ((0.0, np.arange(5)), (123.0, random.permutation(5))):
            moved = places[order] + shift
            lesions = pd.DataFrame(moved, columns=["x_mm", "y_mm", "z_mm"]).assign(scan_id="ca", lesion_id=order)
            values.append(patient_dissemination(["a"], BASE, lesions).table.loc["a", "cxcr4_dmax"])
        assert values[0] == pytest.approx(values[1])
        assert values[0] == pytest.approx(max(np.linalg.norm(a - b) for a in places for b in places) / 1000)


class TestChange:
    @pytest.mark.parametrize(
        ("before", "after", "category"),
        [
            (15, 10.5, "PMR"), (15, 10.51, "SMD"), (6.1, 4.27, "PMR"), (4.4, 5.72, "PMD"), (4.4, 5.71, "SMD"),
            (9.9, 12.87, "PMD"), (5, 5, "SMD"), (5, 0, "PMR"), (0, 3, "not evaluable"), (np.nan, 3, "not evaluable"),
            (3, np.nan, "not evaluable"),
        ],
    )  # fmt: skip
    def test_both_sides_of_the_boundaries(self, before: float, after: float, category: str) -> None:
        assert uptake_change([before], [after]).category == (category,)

    @settings(max_examples=100, deadline=None)
    @given(st.integers(1, 4000), st.integers(1, 90))
    def test_an_exact_boundary_counts_as_reached(self, hundredths: int, percent: int) -> None:
        """Whole hundredths before, and after by a whole percentage: exact in decimals, not in floating point."""
        before = hundredths / 10
        after = hundredths * (100 - percent) / 1000
        assert uptake_change([before], [after], response=-float(percent)).category == ("PMR",)
        more = hundredths * (100 + percent) / 1000
        assert uptake_change([before], [more], progression=float(percent)).category == ("PMD",)

    def test_counts(self) -> None:
        found = uptake_change([10, 10, 10, 0], [5, 10, 20, 1])
        assert found.glance()["n_missing"].tolist() == [1]
        assert "PMR" in repr(found)
        assert found.tidy()["level"].tolist() == ["PMR", "SMD", "PMD", "not evaluable"]

    @pytest.mark.parametrize("bounds", [(0, 30), (-30, 0), (30, 30), (-101, 30), (-30, np.inf)])
    def test_boundaries_lie_on_both_sides_of_zero(self, bounds: tuple[float, float]) -> None:
        with pytest.raises(ConfigError, match="boundaries"):
            uptake_change([1], [1], response=bounds[0], progression=bounds[1])

    @pytest.mark.parametrize(("before", "after"), [([-1.0], [1.0]), ([1.0], [np.inf]), (["x"], [1.0])])
    def test_what_is_no_uptake_is_refused(self, before: list[object], after: list[float]) -> None:
        with pytest.raises(DataError, match=r"baseline|later"):
            uptake_change(before, after)  # type: ignore[arg-type]

    def test_lengths(self) -> None:
        with pytest.raises(DataError, match="differ in length"):
            uptake_change([1.0], [1.0, 2.0])

    def test_columns_of_patients(self) -> None:
        found = patient_changes(UPTAKE, SCANS, LESIONS, READS)
        assert found.table.loc["a", "cxcr4_suvmax_change_interim"] == pytest.approx(-30)
        assert found.table.loc["a", "cxcr4_mtv_change_interim_41pct"] == pytest.approx(100 * (5 - 60) / 60)
        assert "cxcr4_suvmax_change_end" not in found.table, "nobody with an end scan had a baseline SUVmax"
        assert "cxcr4_mtv_change_end_41pct" not in found.table, "a volume of 0 has no percentage"
        assert {one.name for one in found.markers} <= {one.name for one in possible_changes(["41pct"])}
