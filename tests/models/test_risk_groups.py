"""Risk groups: type 7 quantiles, within disease, never a group without patients."""

from __future__ import annotations

import numpy as np
import pytest

from survmodel import ConfigError, DataError, FitError, RiskGroups


def test_tertiles_by_hand() -> None:
    # type 7: 1 + (9 - 1) * p, so cuts at 11/3 and 19/3 of 1..9
    fit = RiskGroups().fit(np.arange(1.0, 10.0))
    assert fit.cut_values()[""] == pytest.approx((11 / 3, 19 / 3))
    groups = fit.assign(np.arange(1.0, 10.0))
    assert list(groups) == ["low"] * 3 + ["intermediate"] * 3 + ["high"] * 3
    assert groups.ordered
    assert fit.origin == "tertiles of the index of 9 patients"


def test_value_on_a_cut_belongs_below() -> None:
    assert list(RiskGroups([2.0]).fit([0.0]).assign([1.0, 2.0, 2.1])) == ["low", "low", "high"]


def test_within_disease_shifts_do_not_matter() -> None:
    index = np.array([1.0, 2.0, 3.0, 4.0, 101.0, 102.0, 103.0, 104.0])
    disease = ["a"] * 4 + ["b"] * 4
    fit = RiskGroups("median").fit(index, disease)
    assert fit.cut_values() == {"a": (2.5,), "b": (102.5,)}
    assert list(fit.assign(index, disease)) == ["low", "low", "high", "high"] * 2
    assert fit.origin.endswith("within disease")
    with pytest.raises(DataError, match="within disease"):
        fit.assign(index)
    with pytest.raises(DataError, match="no cuts"):
        fit.assign([1.0], ["c"])


def test_origin_of_given_cuts() -> None:
    assert RiskGroups([0.2, 0.5], source="Smith 2020").fit([0.1]).origin == "cut at 0.2, 0.5 (Smith 2020)"
    assert "source not stated" in RiskGroups([0.2]).fit([0.1]).origin


@pytest.mark.parametrize(
    ("index", "within", "match"),
    [
        ([1.0, 1.0, 1.0], None, "leave a group empty"),
        ([0.0, 0.0, 0.0, 0.0, 0.0, 1.0], None, "leave a group empty"),
        ([1.0, 2.0, 3.0, 5.0, 5.0, 5.0], ["a"] * 3 + ["b"] * 3, "in b"),
    ],
)
def test_one_class_groups_are_refused(index: list[float], within: list[str] | None, match: str) -> None:
    with pytest.raises(FitError, match=match):
        RiskGroups().fit(index, within)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"cuts": "thirds"}, "not known"),
        ({"cuts": [2.0, 1.0]}, "ascending"),
        ({"cuts": []}, "ascending"),
        ({"cuts": [1.0], "labels": ["a"]}, "make 2 groups"),
        ({"cuts": [1.0], "labels": ["a", "a"]}, "make 2 groups"),
    ],
)
def test_wrong_settings(arguments: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        RiskGroups(**arguments)


@pytest.mark.parametrize("index", [[1.0, np.nan], [[1.0, 2.0]], ["x", "y"], []])
def test_wrong_index(index: object) -> None:
    with pytest.raises(DataError):
        RiskGroups("median").fit(index)


def test_results_look_right() -> None:
    fit = RiskGroups("quartiles").fit(np.arange(1.0, 9.0))
    assert fit.tidy()["level"].tolist() == ["low", "low-intermediate", "high-intermediate"]
    assert "quartiles of the index of 8 patients" in repr(fit)
    assert RiskGroups([1, 2, 3, 4]).names == ("group 1", "group 2", "group 3", "group 4", "group 5")


def test_a_name_is_no_column():
    with pytest.raises(DataError, match=r"within=table\['sex'\]"):
        RiskGroups("median").fit([1.0, 2.0], within="sex")
