"""Matching of lesions across tracers, by hand, by brute force, and by what must not matter."""

from __future__ import annotations

from itertools import combinations, permutations
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, DataError
from survmodel.markers.matching import BOTH, CXCR4_ONLY, FDG_ONLY, match_lesions
from survmodel.markers.patterns import patient_patterns

Place = tuple[float, float, float] | None


def scans_of(*patients: str) -> pd.DataFrame:
    rows = [(f"{tracer[0]}{patient}", patient, tracer) for patient in patients for tracer in ("cxcr4", "fdg")]
    return pd.DataFrame(rows, columns=["scan_id", "patient_id", "tracer"])


def lesions_of(places: dict[str, list[tuple[str, Place]]], volume: float = 10.0) -> pd.DataFrame:
    """Lesions by scan: region and place, numbered in order."""
    rows = []
    for scan, found in places.items():
        for number, (region, place) in enumerate(found, start=1):
            x, y, z = place or (np.nan, np.nan, np.nan)
            rows.append((scan, str(number), region, "41pct", 5.0, volume * number, x, y, z))
    columns = ["scan_id", "lesion_id", "region", "segmentation", "suvmax", "volume_ml", "x_mm", "y_mm", "z_mm"]
    return pd.DataFrame(rows, columns=columns)


def findings(places: dict[str, list[tuple[str, Place]]], **options: float) -> list[tuple[object, ...]]:
    table = match_lesions(scans_of("a"), lesions_of(places), **options).table
    rows = table[["cxcr4", "fdg", "finding"]].astype(object).where(lambda one: one.notna(), None)
    return sorted(rows.itertuples(index=False, name=None), key=str)


class TestPairs:
    def test_the_best_sum_and_not_the_nearest_first(self) -> None:
        """C1 at 0 and C2 at 10, F1 at 9 and F2 at 19: nearest first takes C2-F1 and leaves C1 (19 off) alone."""
        places = {"ca": [("pelvis", (0.0, 0, 0)), ("pelvis", (10.0, 0, 0))],
                  "fa": [("pelvis", (9.0, 0, 0)), ("pelvis", (19.0, 0, 0))]}  # fmt: skip
        assert findings(places, tolerance_mm=12) == [("1", "1", BOTH), ("2", "2", BOTH)]

    @pytest.mark.parametrize(("distance", "finding"), [(20.0, BOTH), (20.001, CXCR4_ONLY)])
    def test_both_sides_of_the_tolerance(self, distance: float, finding: str) -> None:
        places = {"ca": [("pelvis", (0.0, 0, 0))], "fa": [("pelvis", (0.0, distance, 0))]}
        assert finding in {one[2] for one in findings(places)}

    def test_regions_are_apart(self) -> None:
        places = {"ca": [("spleen", (0.0, 0, 0))], "fa": [("pelvis", (0.0, 0, 0))]}
        assert findings(places) == [("1", None, CXCR4_ONLY), (None, "1", FDG_ONLY)]

    def test_rules_of_one_lesion_are_one_lesion(self) -> None:
        lesions = lesions_of({"ca": [("pelvis", (0.0, 0, 0))], "fa": [("pelvis", (1.0, 0, 0))]})
        again = lesions.assign(segmentation="fixed4", x_mm=lesions["x_mm"] + 0.5)
        table = match_lesions(scans_of("a"), pd.concat([lesions, again])).table
        assert table[["cxcr4", "fdg", "distance_mm"]].to_numpy().tolist() == [["1", "1", 1.0]]

    def test_patients_with_one_scan_have_no_row(self) -> None:
        scans = scans_of("a").iloc[:1]
        assert match_lesions(scans, lesions_of({"ca": [("pelvis", (0.0, 0, 0))]})).table.empty

    def test_without_coordinates_one_of_each_is_a_pair(self) -> None:
        places: dict[str, list[tuple[str, Place]]] = {"ca": [("pelvis", None)], "fa": [("pelvis", (0.0, 0, 0))]}
        assert findings(places) == [("1", "1", BOTH)]

    def test_without_coordinates_more_are_counted_and_not_named(self) -> None:
        places: dict[str, list[tuple[str, Place]]] = {
            "ca": [("pelvis", None), ("pelvis", None), ("pelvis", (0.0, 0, 0))], "fa": [("pelvis", (0.0, 0, 0))],
        }  # fmt: skip
        matched = match_lesions(scans_of("a"), lesions_of(places))
        assert matched.table["finding"].tolist() == [BOTH, CXCR4_ONLY, CXCR4_ONLY]
        assert not matched.table["is_known"].any()
        assert any("not known which is which" in note for note in matched.notes)

    @pytest.mark.parametrize("tolerance", [0.0, -1.0, np.nan, np.inf])
    def test_tolerance_must_be_a_distance(self, tolerance: float) -> None:
        with pytest.raises(ConfigError, match="tolerance"):
            findings({}, tolerance_mm=tolerance)

    def test_two_scans_of_a_tracer_are_refused(self) -> None:
        scans = pd.concat([scans_of("a"), scans_of("a")])
        with pytest.raises(DataError, match="two scans of one tracer"):
            match_lesions(scans, lesions_of({"ca": [("pelvis", (0.0, 0, 0))]}))


def brute_force(first: np.ndarray, second: np.ndarray, tolerance: float) -> tuple[int, float]:
    """Try every choice of pairs."""
    apart = np.linalg.norm(first[:, None] - second[None], axis=2)
    for size in range(min(len(first), len(second)), 0, -1):
        sums = [
            sum(apart[i, j] for i, j in zip(chosen, others, strict=True))
            for chosen in combinations(range(len(first)), size)
            for others in permutations(range(len(second)), size)
            if all(apart[i, j] <= tolerance for i, j in zip(chosen, others, strict=True))
        ]
        if sums:
            return size, min(sums)
    return 0, 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**20), st.integers(1, 4), st.integers(1, 4))
def test_most_pairs_and_the_smallest_sum(seed: int, n: int, m: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.uniform(0, 50, (n, 3)), random.uniform(0, 50, (m, 3))
    places = {"ca": [("pelvis", tuple(one)) for one in first], "fa": [("pelvis", tuple(one)) for one in second]}
    table = match_lesions(scans_of("a"), lesions_of(places), tolerance_mm=25).table  # type: ignore[arg-type]
    pairs = table[table["finding"] == BOTH]
    count, total = brute_force(first, second, 25)
    assert (len(pairs), pairs["distance_mm"].sum()) == (count, pytest.approx(total))
    assert (table["finding"] == CXCR4_ONLY).sum() == n - count
    assert (table["finding"] == FDG_ONLY).sum() == m - count


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20))
def test_order_of_rows_and_tracers_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    places = {scan: [("pelvis", tuple(random.uniform(0, 40, 3))) for _ in range(4)] for scan in ("ca", "fa")}
    lesions = lesions_of(places)  # type: ignore[arg-type]
    shuffled = lesions.sample(frac=1, random_state=seed % 1000)
    one, two = (match_lesions(scans_of("a"), part).table for part in (lesions, shuffled))
    pd.testing.assert_frame_equal(one, two)
    swapped = lesions.assign(scan_id=lesions["scan_id"].map({"ca": "fa", "fa": "ca"}))
    other = match_lesions(scans_of("a"), swapped).table
    pairs = [set(zip(part.loc[part["finding"] == BOTH, a], part.loc[part["finding"] == BOTH, b], strict=True))
             for part, a, b in ((one, "cxcr4", "fdg"), (other, "fdg", "cxcr4"))]  # fmt: skip
    assert pairs[0] == pairs[1]


class TestPatterns:
    PLACES: ClassVar[dict[str, list[tuple[str, Place]]]] = {
        "ca": [("pelvis", (0.0, 0, 0))], "fa": [("pelvis", (1.0, 0, 0))],
        "cb": [("pelvis", (0.0, 0, 0)), ("spleen", (0.0, 0, 0))], "fb": [("pelvis", (1.0, 0, 0))],
        "cc": [("pelvis", (0.0, 0, 0))], "fc": [("pelvis", (1.0, 0, 0)), ("skull", (0.0, 0, 0))],
        "cd": [("spleen", (0.0, 0, 0))], "fd": [("skull", (0.0, 0, 0))],
        "ff": [("skull", (0.0, 0, 0))],
    }  # fmt: skip
    UPTAKE = pd.DataFrame(
        {"cxcr4_negative": [0, 0, 0, 0, 1, 1, np.nan], "fdg_negative": [0, 0, 0, 0, 1, 0, 0.0]},
        index=pd.Index(list("abcdefg"), name="patient_id"),
    )

    def table(self) -> pd.DataFrame:
        scans, lesions = scans_of(*"abcdefg"), lesions_of(self.PLACES)
        return patient_patterns(match_lesions(scans, lesions), self.UPTAKE, scans, lesions).table

    def test_every_pattern(self) -> None:
        patterns = self.table()["tracer_pattern"].astype(object).where(lambda one: one.notna(), None).to_dict()
        assert patterns == {
            "a": "concordant", "b": "CXCR4 dominant", "c": "FDG dominant", "d": "discordant", "e": "double negative",
            "f": "FDG dominant", "g": None,
        }  # fmt: skip

    def test_counts(self) -> None:
        table = self.table()
        names = ["lesions_both", "lesions_cxcr4_only", "lesions_fdg_only"]
        assert table.loc["b", names].tolist() == [1, 1, 0]
        assert table.loc["e", names].tolist() == [0, 0, 0]
        assert table.loc["g", names].isna().all()

    def test_share_of_volume_by_hand(self) -> None:
        """B: lesion 1 of 10 mL is on both scans, lesion 2 of 20 mL on CXCR4 PET only."""
        share = self.table()["cxcr4_only_share_41pct"]
        assert share["b"] == pytest.approx(20 / 30)
        assert share["a"] == 0
        assert np.isnan(share["e"]), "there is no volume"
        assert np.isnan(share["g"])

    def test_share_needs_to_know_which(self) -> None:
        places: dict[str, list[tuple[str, Place]]] = {
            "ca": [("pelvis", None), ("pelvis", None)], "fa": [("pelvis", None)],
        }  # fmt: skip
        scans, lesions = scans_of("a"), lesions_of(places)
        found = patient_patterns(match_lesions(scans, lesions), self.UPTAKE.iloc[:1], scans, lesions).table
        assert found.loc["a", "tracer_pattern"] == "CXCR4 dominant"
        assert np.isnan(found.loc["a", "cxcr4_only_share_41pct"])
