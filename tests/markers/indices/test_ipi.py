"""The IPI family by hand: a point on one side of each cut, none on the other."""

import pytest
from markers.indices.rows import table

import survmodel as sm
from survmodel import DataError


def value(index, unverified=False, **change):
    return index(table(change), unverified=unverified).value.iloc[0]


IPI_CUTS = [
    ({"age_years": 60.0}, 0), ({"age_years": 60.01}, 1),
    ({"ldh_uln": 1.0}, 0), ({"ldh_uln": 1.001}, 1),
    ({"ecog": 1}, 0), ({"ecog": 2}, 1), ({"ecog": 4}, 1),
    ({"stage_ct": "II"}, 0), ({"stage_ct": "III"}, 1), ({"stage_ct": "IV"}, 1),
    ({"extranodal_sites": 1}, 0), ({"extranodal_sites": 2}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("change", "points"), IPI_CUTS)
def test_both_sides_of_each_cut_of_the_ipi(change, points):
    assert value(sm.indices.ipi, **change) == points
    assert value(sm.indices.r_ipi, unverified=True, **change) == points


@pytest.mark.parametrize(
    ("change", "points"), [one for one in IPI_CUTS if set(one[0]) <= {"ldh_uln", "ecog", "stage_ct"}]
)
def test_both_sides_of_each_cut_of_the_age_adjusted_ipi(change, points):
    assert value(sm.indices.aaipi, **change) == points


@pytest.mark.parametrize(("change", "points"), [
    ({"age_years": 40.0}, 0), ({"age_years": 40.1}, 1), ({"age_years": 60.0}, 1), ({"age_years": 60.1}, 2),
    ({"age_years": 75.0}, 2), ({"age_years": 75.1}, 3),
    ({"ldh_uln": 1.0}, 0), ({"ldh_uln": 1.001}, 1), ({"ldh_uln": 3.0}, 1), ({"ldh_uln": 3.001}, 2),
    ({"stage_ct": "II"}, 0), ({"stage_ct": "III"}, 1), ({"ecog": 1}, 0), ({"ecog": 2}, 1),
    ({"extranodal_major": True}, 1),
])  # fmt: skip
def test_both_sides_of_each_cut_of_the_nccn_ipi(change, points):
    assert value(sm.indices.nccn_ipi, **change) == points


WORSE = [{"age_years": 61.0}, {"ldh_uln": 2.0}, {"ecog": 3}, {"stage_ct": "IV"}, {"extranodal_sites": 3}]


def groups(index, changes, unverified=False):
    """Groups of patients with more and more of the changes."""
    piled = [{key: value for one in changes[:k] for key, value in one.items()} for k in range(len(changes) + 1)]
    return index(table(*piled), unverified=unverified).group.tolist()


def test_groups_of_the_ipi_family():
    low, less, more, high = "low", "low-intermediate", "high-intermediate", "high"
    assert groups(sm.indices.ipi, WORSE) == [low, low, less, more, high, high]
    assert groups(sm.indices.aaipi, WORSE[1:4]) == [low, less, more, high]
    assert groups(sm.indices.r_ipi, WORSE, unverified=True) == ["very good", "good", "good", "poor", "poor", "poor"]


def test_groups_and_largest_value_of_the_nccn_ipi():
    steps = [
        {"age_years": 41.0}, {"age_years": 61.0}, {"age_years": 76.0}, {"ldh_uln": 2.0}, {"ldh_uln": 3.1}, {"ecog": 2},
        {"stage_ct": "III"}, {"extranodal_major": True},
    ]  # fmt: skip
    low, less, more, high = "low", "low-intermediate", "high-intermediate", "high"
    assert groups(sm.indices.nccn_ipi, steps) == [low, low, less, less, more, more, high, high, high]


def test_the_age_adjusted_ipi_is_for_patients_up_to_60():
    assert value(sm.indices.aaipi, age_years=60.0) == 0
    with pytest.raises(DataError, match=r"up to 60 years, and some are older: row 2 \(1 of 2\)"):
        sm.indices.aaipi(table({}, {"age_years": 60.5}))


def test_published_survival_of_the_nccn_ipi_is_that_of_its_outer_groups():
    steps = table({}, {"age_years": 61.0}, {"age_years": 76.0, "ldh_uln": 4.0, "ecog": 2})
    survival = sm.indices.nccn_ipi(steps).published_survival()
    assert survival.isna().tolist() == [False, True, False]
    assert survival.dropna().tolist() == [0.96, 0.33]
