"""Rank correlations: R's numbers, algebra, lesions within patients, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from survmodel import ConfigError, DataError, rank_correlations, size_dependence

R = json.loads(Path(__file__).with_name("correlations.json").read_text("utf-8"))
TABLE = pd.DataFrame(R["table"]).astype(float)
FIRST, SECOND = ["suv", "mtv"], ["age", "ldh", "hb"]


@pytest.mark.parametrize("column", ["estimate", "conf_low", "conf_high", "n", "p_value", "p_adjusted"])
def test_numbers_are_those_of_r(column: str) -> None:
    found = rank_correlations(TABLE[FIRST], TABLE[SECOND]).tidy().set_index(["variable", "reference"])[column]
    expected = dict(zip(zip(R["first"], R["second"], strict=True), R[column], strict=True))
    assert found.to_dict() == pytest.approx(expected, rel=1e-9)


def test_each_pair_stands_once_and_no_column_with_itself() -> None:
    found = rank_correlations(TABLE[["suv", "mtv"]], TABLE[["mtv", "suv", "age"]]).tidy()
    assert list(zip(found["variable"], found["reference"], strict=True)) == [
        ("suv", "mtv"),
        ("suv", "age"),
        ("mtv", "age"),
    ]


def test_ranks_alone_matter() -> None:
    plain = rank_correlations(TABLE[FIRST], TABLE[SECOND]).tidy()["estimate"]
    logs = rank_correlations(np.log(TABLE[FIRST]), TABLE[SECOND]).tidy()["estimate"]
    turned = rank_correlations(-TABLE[FIRST], TABLE[SECOND]).tidy()["estimate"]
    assert logs.tolist() == pytest.approx(plain.tolist())
    assert turned.tolist() == pytest.approx((-plain).tolist())


def test_what_cannot_be_correlated_is_said() -> None:
    table = pd.DataFrame({"a": [1.0, 2, 3, 4, np.nan, np.nan], "b": [1.0, 2, 3, 4, 5, 6]})
    against = pd.DataFrame({"c": [6.0, 5, 4, 3, 2, 1], "d": [1.0] * 6})
    found = rank_correlations(table, against)
    assert found.warnings == (
        "a and c: no correlation, fewer than 5 patients with both",
        "a and d: no correlation, fewer than 5 patients with both",
        "b and d: no correlation, one value throughout",
    )
    own = found.tidy().set_index(["variable", "reference"])
    assert own.loc[("b", "c"), ["estimate", "p_value", "p_adjusted"]].tolist() == [-1.0, 0.0, 0.0]
    assert own["p_adjusted"].notna().sum() == 1


@pytest.mark.parametrize(
    ("table", "against", "options", "error", "said"),
    [
        (TABLE[FIRST], TABLE[SECOND].iloc[:9], {}, DataError, "other rows"),
        (TABLE[["suv"]].assign(x="a"), TABLE[SECOND], {}, DataError, "no number"),
        (TABLE[["suv"]].replace({"suv": {TABLE["suv"].iloc[0]: np.inf}}), TABLE[SECOND], {}, DataError, "infinite"),
        (TABLE[["suv"]], TABLE[["suv"]], {}, DataError, "no two different columns"),
        (TABLE[FIRST], TABLE[SECOND], {"conf_level": 1.0}, ConfigError, "conf_level"),
    ],
)
def test_refuses(
    table: pd.DataFrame, against: pd.DataFrame, options: dict[str, float], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        rank_correlations(table, against, **options)


def lesions(patients: int = 40, shared: float = 1.5, seed: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    whose = np.repeat(np.arange(patients), random.integers(1, 6, patients))
    volume = np.exp(random.normal(1.5, 1, whose.size) + shared * random.normal(size=patients)[whose])
    suv = np.exp(0.3 * np.log(volume) + random.normal(0, 0.5, whose.size))
    return pd.DataFrame({"patient": whose, "suv": suv, "volume": volume})


class TestSize:
    def test_estimate_and_share(self) -> None:
        table = lesions()
        found = size_dependence(table["suv"], table["volume"], table["patient"])
        assert found.estimate == pytest.approx(spearmanr(table["suv"], table["volume"]).statistic)
        assert found.n_small == int((table["volume"] < 4.2).sum())
        assert (found.n, found.n_cluster) == (len(table), 40)
        assert found.conf_low < found.estimate < found.conf_high

    def test_a_lesion_that_stands_twice_in_each_patient_gives_no_certainty(self) -> None:
        """Copies of lesions within patients change neither the correlation nor its limits."""
        table = lesions()
        twice = pd.concat([table, table], ignore_index=True)
        one = size_dependence(table["suv"], table["volume"], table["patient"])
        two = size_dependence(twice["suv"], twice["volume"], twice["patient"])
        assert two.estimate == pytest.approx(one.estimate)
        assert [two.conf_low, two.conf_high] == pytest.approx([one.conf_low, one.conf_high], abs=0.02)

    def test_the_order_of_rows_changes_nothing(self) -> None:
        table = lesions()
        turned = table.sample(frac=1, random_state=1)
        numbers = [
            size_dependence(one["suv"], one["volume"], one["patient"].to_numpy(), seed=4) for one in (table, turned)
        ]
        assert numbers[0].tidy().equals(numbers[1].tidy())

    def test_missing_values_are_counted(self) -> None:
        table = lesions()
        table.loc[[0, 5], "volume"] = np.nan
        assert size_dependence(table["suv"], table["volume"], table["patient"]).n_missing == 2

    def test_few_patients_are_warned_of(self) -> None:
        table = lesions(6)
        assert "too narrow" in size_dependence(table["suv"], table["volume"], table["patient"]).warnings[0]

    @pytest.mark.parametrize(
        ("change", "options", "error", "said"),
        [
            ({"volume": -1.0}, {}, DataError, "below 0"),
            ({"suv": np.inf}, {}, DataError, "infinite"),
            ({"suv": 3.0}, {}, DataError, "the same in every lesion"),
            ({"patient": 1}, {}, DataError, "of 2 patients"),
            ({}, {"repeats": 10}, ConfigError, "100"),
            ({}, {"small": 0.0}, ConfigError, "small"),
            ({}, {"conf_level": 0.0}, ConfigError, "conf_level"),
        ],
    )
    def test_refuses(
        self, change: dict[str, float], options: dict[str, float], error: type[Exception], said: str
    ) -> None:
        table = lesions().assign(**change)
        with pytest.raises(error, match=said):
            size_dependence(table["suv"], table["volume"], table["patient"], **options)  # type: ignore[arg-type]
