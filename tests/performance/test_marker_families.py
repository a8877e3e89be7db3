"""Families of markers: R's clusters, algebra of volume and uptake, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError, DataError, marker_families

R = json.loads(Path(__file__).with_name("marker_families.json").read_text("utf-8"))
TABLE = pd.DataFrame(R["table"]).astype(float)


@pytest.mark.parametrize("least", R["families"])
def test_families_are_those_of_r(least: str) -> None:
    """Complete linkage of hclust(as.dist(1 - abs(cor(x, method = "spearman", use = "pairwise"))))."""
    assert list(marker_families(TABLE, least=float(least)).family) == R["families"][least]


def test_correlations_are_those_of_r() -> None:
    found = marker_families(TABLE)
    assert found.correlations == pytest.approx(np.array(R["rho"]), abs=1e-12)
    known = TABLE.notna().to_numpy(dtype=int)
    assert (found.n_pairs == known.T @ known).all()


def test_total_uptake_is_of_the_family_of_volume() -> None:
    """Uptake that hardly varies makes total uptake another volume; with one uptake for all it is the same ranks."""
    random = np.random.default_rng(1)
    volume, mean = np.exp(random.normal(3, 1, 60)), np.exp(random.normal(1, 0.05, 60))
    table = pd.DataFrame({"mtv": volume, "suvmean": mean, "tlu": volume * mean})
    assert marker_families(table).members == (("mtv", "tlu"), ("suvmean",))
    same = marker_families(table.assign(tlu=volume * 4.0), least=1.0)
    assert same.members == (("mtv", "tlu"), ("suvmean",))


def test_the_opposite_of_a_marker_is_of_its_family() -> None:
    table = pd.DataFrame({"a": [1.0, 2, 3, 4, 5, 6], "b": [-1.0, -2, -3, -4, -5, -6]})
    assert marker_families(table).members == (("a", "b"),)


class TestRepresentatives:
    def test_the_preferred_marker(self) -> None:
        found = marker_families(TABLE, prefer=["tlu", "mtv"])
        assert dict(zip(found.members, found.representatives, strict=True))[("mtv", "tlu", "lesions")] == "tlu"

    def test_else_the_one_that_most_patients_have(self) -> None:
        """SUVmax lacks two values; of the other two the mean is closer to both."""
        found = marker_families(TABLE)
        own = dict(zip(found.members, found.representatives, strict=True))
        rho = np.abs(np.array(R["rho"]))[3:6, 3:6].sum(axis=1)
        assert own[("suvmax", "suvmean", "cold")] == ("suvmean" if rho[1] > rho[2] else "cold")
        complete = marker_families(TABLE.drop(index=TABLE.index[TABLE.isna().any(axis=1)]))
        rho = np.abs(complete.correlations[3:6, 3:6]).sum(axis=1)
        name = ("suvmax", "suvmean", "cold")[int(np.argmax(rho))]
        assert dict(zip(complete.members, complete.representatives, strict=True))[("suvmax", "suvmean", "cold")] == name


def test_together_finds_models_that_hold_two() -> None:
    found = marker_families(TABLE)
    assert found.together(["age", "mtv", "suvmax"]) == ()
    assert found.together(["tlu", "age", "ecog", "mtv", "cold", "suvmax"]) == (("mtv", "tlu"), ("suvmax", "cold"))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 1.0))
def test_every_pair_of_a_family_is_bound(seed: int, least: float) -> None:
    random = np.random.default_rng(seed)
    shared = random.normal(size=(20, 2))
    table = pd.DataFrame(shared @ random.normal(size=(2, 5)) + 0.5 * random.normal(size=(20, 5)), columns=list("abcde"))
    found = marker_families(table, least=least)
    rho = table.corr(method="spearman").abs()
    for family in found.members:
        assert rho.loc[list(family), list(family)].to_numpy().min() >= least - 1e-9
    assert sorted(name for family in found.members for name in family) == list("abcde")


def test_what_cannot_be_correlated_is_said_and_binds_nothing() -> None:
    table = pd.DataFrame({"a": [1.0, 2, 3, 4, 5, 6], "b": [1.0, 2, 3, np.nan, np.nan, np.nan], "c": [2.0] * 6})
    found = marker_families(table)
    assert found.members == (("a",), ("b",), ("c",))
    assert found.warnings == (
        "a and b: no correlation, 3 patients with both or one value throughout",
        "a and c: no correlation, 6 patients with both or one value throughout",
        "b and c: no correlation, 3 patients with both or one value throughout",
    )


@pytest.mark.parametrize(
    ("table", "options", "error", "said"),
    [
        (TABLE[["mtv"]], {}, DataError, "two markers or more"),
        (TABLE.assign(text="x"), {}, DataError, "no number"),
        (TABLE.replace({"mtv": {TABLE["mtv"].iloc[0]: np.inf}}), {}, DataError, "infinite"),
        (TABLE, {"least": 0.0}, ConfigError, "least"),
        (TABLE, {"least": 1.1}, ConfigError, "least"),
        (TABLE, {"least": float("nan")}, ConfigError, "least"),
    ],
)
def test_refuses(table: pd.DataFrame, options: dict[str, float], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        marker_families(table, **options)  # type: ignore[arg-type]


def test_table_and_text_agree() -> None:
    found = marker_families(TABLE, prefer=["mtv"])
    own = found.tidy().set_index("variable")
    assert own.loc["tlu", "estimate"] == pytest.approx(R["rho"][1][0])
    assert found.glance()["n_families"].item() == 3
    assert "7 markers in 3 families" in str(found)
