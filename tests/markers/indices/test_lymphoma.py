"""Indices of lymphoma by hand: both sides of each cut, the groups, the published survival, and the known traps."""

import math

import pytest
from markers.indices.rows import group_of, groups_along, table, value_of

from survmodel import DataError, indices

THREE = ["low", "intermediate", "high"]
#: Index, what is changed in the patient without risk factors, and the points of that.
CUTS = [
    ("flipi", {"age_years": 60.0}, 0), ("flipi", {"age_years": 60.01}, 1),
    ("flipi", {"stage_ct": "II"}, 0), ("flipi", {"stage_ct": "III"}, 1),
    ("flipi", {"hemoglobin": 12.0}, 0), ("flipi", {"hemoglobin": 11.99}, 1),
    ("flipi", {"nodal_areas": 4}, 0), ("flipi", {"nodal_areas": 5}, 1),
    ("flipi", {"ldh_uln": 1.0}, 0), ("flipi", {"ldh_uln": 1.01}, 1),
    ("flipi2", {"b2_microglobulin_uln": 1.0}, 0), ("flipi2", {"b2_microglobulin_uln": 1.01}, 1),
    ("flipi2", {"longest_node_cm": 6.0}, 0), ("flipi2", {"longest_node_cm": 6.1}, 1),
    ("flipi2", {"bone_marrow_involved": True}, 1),
    ("flipi2", {"hemoglobin": 12.0}, 0), ("flipi2", {"hemoglobin": 11.9}, 1),
    ("flipi2", {"age_years": 60.0}, 0), ("flipi2", {"age_years": 60.1}, 1),
    ("s_mipi", {"age_years": 49.99}, 0), ("s_mipi", {"age_years": 50.0}, 1), ("s_mipi", {"age_years": 59.99}, 1),
    ("s_mipi", {"age_years": 60.0}, 2), ("s_mipi", {"age_years": 69.99}, 2), ("s_mipi", {"age_years": 70.0}, 3),
    ("s_mipi", {"ecog": 1}, 0), ("s_mipi", {"ecog": 2}, 2), ("s_mipi", {"ecog": 4}, 2),
    ("s_mipi", {"ldh_uln": 0.6699}, 0), ("s_mipi", {"ldh_uln": 0.67}, 1), ("s_mipi", {"ldh_uln": 0.9995}, 1),
    ("s_mipi", {"ldh_uln": 1.0}, 2), ("s_mipi", {"ldh_uln": 1.4995}, 2), ("s_mipi", {"ldh_uln": 1.5}, 3),
    ("s_mipi", {"wbc": 6.699}, 0), ("s_mipi", {"wbc": 6.7}, 1), ("s_mipi", {"wbc": 9.9995}, 1),
    ("s_mipi", {"wbc": 10.0}, 2), ("s_mipi", {"wbc": 14.9995}, 2), ("s_mipi", {"wbc": 15.0}, 3),
    ("malt_ipi", {"age_years": 69.99}, 0), ("malt_ipi", {"age_years": 70.0}, 1),
    ("malt_ipi", {"stage_ct": "II"}, 0), ("malt_ipi", {"stage_ct": "III"}, 1),
    ("malt_ipi", {"ldh_uln": 1.0}, 0), ("malt_ipi", {"ldh_uln": 1.01}, 1),
    ("revised_malt_ipi", {"age_years": 60.0}, 0), ("revised_malt_ipi", {"age_years": 60.1}, 1),
    ("revised_malt_ipi", {"ldh_uln": 1.0}, 0), ("revised_malt_ipi", {"ldh_uln": 1.01}, 1),
    ("revised_malt_ipi", {"stage_ct": "II"}, 0), ("revised_malt_ipi", {"stage_ct": "III"}, 1),
    ("revised_malt_ipi", {"multiple_mucosal_sites": True}, 2),
    ("mzl_ipi", {"ldh_uln": 1.0}, 0), ("mzl_ipi", {"ldh_uln": 1.01}, 1),
    ("mzl_ipi", {"hemoglobin": 12.0}, 0), ("mzl_ipi", {"hemoglobin": 11.9}, 1),
    ("mzl_ipi", {"lymphocytes": 1.0}, 0), ("mzl_ipi", {"lymphocytes": 0.99}, 1),
    ("mzl_ipi", {"platelets": 100.0}, 0), ("mzl_ipi", {"platelets": 99.0}, 1),
    ("mzl_ipi", {"mzl_subtype": "splenic"}, 0), ("mzl_ipi", {"mzl_subtype": "nodal"}, 1),
    ("mzl_ipi", {"mzl_subtype": "disseminated"}, 1),
    ("smzl_iil", {"hemoglobin": 12.0}, 0), ("smzl_iil", {"hemoglobin": 11.9}, 1),
    ("smzl_iil", {"ldh_uln": 1.0}, 0), ("smzl_iil", {"ldh_uln": 1.01}, 1),
    ("smzl_iil", {"albumin": 3.5}, 0), ("smzl_iil", {"albumin": 3.49}, 1),
    ("pit", {"age_years": 60.0}, 0), ("pit", {"age_years": 60.1}, 1), ("pit", {"ecog": 1}, 0), ("pit", {"ecog": 2}, 1),
    ("pit", {"ldh_uln": 1.0}, 0), ("pit", {"ldh_uln": 1.01}, 1), ("pit", {"bone_marrow_involved": True}, 1),
    ("t_cell_score", {"albumin": 3.5}, 0), ("t_cell_score", {"albumin": 3.4}, 1),
    ("t_cell_score", {"ecog": 2}, 0), ("t_cell_score", {"ecog": 3}, 1),
    ("t_cell_score", {"stage_ct": "II"}, 0), ("t_cell_score", {"stage_ct": "III"}, 1),
    ("t_cell_score", {"neutrophils": 6.5}, 0), ("t_cell_score", {"neutrophils": 6.6}, 1),
    ("pink", {"age_years": 60.0}, 0), ("pink", {"age_years": 60.1}, 1),
    ("pink", {"stage_ct": "II"}, 0), ("pink", {"stage_ct": "III"}, 1),
    ("pink", {"distant_nodes": True}, 1), ("pink", {"non_nasal": True}, 1),
    ("pink_e", {"age_years": 60.0}, 0), ("pink_e", {"age_years": 60.1}, 1),
    ("pink_e", {"stage_ct": "II"}, 0), ("pink_e", {"stage_ct": "III"}, 1),
    ("pink_e", {"distant_nodes": True}, 1), ("pink_e", {"non_nasal": True}, 1), ("pink_e", {"ebv_dna": True}, 1),
    ("ielsg", {"age_years": 60.0}, 0), ("ielsg", {"age_years": 60.1}, 1), ("ielsg", {"ecog": 1}, 0),
    ("ielsg", {"ecog": 2}, 1), ("ielsg", {"ldh_uln": 1.0}, 0), ("ielsg", {"ldh_uln": 1.01}, 1),
    ("ielsg", {"csf_protein": 45.0}, 0), ("ielsg", {"csf_protein": 45.1}, 1), ("ielsg", {"deep_brain": True}, 1),
    ("ielsg", {"age_years": 60.0, "csf_protein": 50.0}, 1), ("ielsg", {"age_years": 60.1, "csf_protein": 50.0}, 1),
    ("ielsg", {"age_years": 60.1, "csf_protein": 60.0}, 1), ("ielsg", {"age_years": 60.1, "csf_protein": 60.1}, 2),
    ("ripsswm", {"age_years": 65.0}, 0), ("ripsswm", {"age_years": 65.1}, 1), ("ripsswm", {"age_years": 75.0}, 1),
    ("ripsswm", {"age_years": 76.0}, 2),
    ("ripsswm", {"b2_microglobulin": 3.99}, 0), ("ripsswm", {"b2_microglobulin": 4.0}, 1),
    ("ripsswm", {"albumin": 3.5}, 0), ("ripsswm", {"albumin": 3.49}, 1),
    ("ripsswm", {"ldh": 249.0}, 0), ("ripsswm", {"ldh": 250.0}, 1),
    ("ripsswm_uln", {"ldh_uln": 249 / 225}, 0), ("ripsswm_uln", {"ldh_uln": 250 / 225}, 1),
]  # fmt: skip


@pytest.mark.parametrize(("key", "change", "points"), CUTS)
def test_both_sides_of_each_cut(key, change, points):
    assert value_of(indices.ALL[key]) == 0
    assert value_of(indices.ALL[key], **change) == points


FACTORS = {
    "flipi": [{"age_years": 61.0}, {"stage_ct": "IV"}, {"hemoglobin": 9.0}, {"nodal_areas": 7}, {"ldh_uln": 2.0}],
    "flipi2": [{"b2_microglobulin_uln": 2.0}, {"longest_node_cm": 9.0}, {"bone_marrow_involved": True},
               {"hemoglobin": 9.0}, {"age_years": 61.0}],
    "malt_ipi": [{"age_years": 71.0}, {"stage_ct": "IV"}, {"ldh_uln": 2.0}],
    "revised_malt_ipi": [{"age_years": 61.0}, {"ldh_uln": 2.0}, {"stage_ct": "IV"}, {"multiple_mucosal_sites": True}],
    "mzl_ipi": [{"ldh_uln": 2.0}, {"hemoglobin": 9.0}, {"lymphocytes": 0.5}, {"platelets": 50.0},
                {"mzl_subtype": "nodal"}],
    "smzl_iil": [{"hemoglobin": 9.0}, {"ldh_uln": 2.0}, {"albumin": 3.0}],
    "pit": [{"age_years": 61.0}, {"ecog": 2}, {"ldh_uln": 2.0}, {"bone_marrow_involved": True}],
    "t_cell_score": [{"albumin": 3.0}, {"ecog": 3}, {"stage_ct": "IV"}, {"neutrophils": 9.0}],
    "pink": [{"age_years": 61.0}, {"stage_ct": "IV"}, {"distant_nodes": True}, {"non_nasal": True}],
    "pink_e": [{"age_years": 61.0}, {"stage_ct": "IV"}, {"distant_nodes": True}, {"non_nasal": True},
               {"ebv_dna": True}],
    "ielsg": [{"age_years": 61.0}, {"ecog": 2}, {"ldh_uln": 2.0}, {"csf_protein": 90.0}, {"deep_brain": True}],
    "ripsswm": [{"age_years": 70.0}, {"age_years": 80.0}, {"b2_microglobulin": 5.0}, {"albumin": 3.0}, {"ldh": 300.0}],
}  # fmt: skip
LOW, MIDDLE, HIGH = THREE
GROUPS = {
    "flipi": [LOW, LOW, MIDDLE, HIGH, HIGH, HIGH],
    "flipi2": [LOW, MIDDLE, MIDDLE, HIGH, HIGH, HIGH],
    "malt_ipi": [LOW, MIDDLE, HIGH, HIGH],
    "revised_malt_ipi": ["low", "low-medium", "medium-high", "high", "high"],
    "mzl_ipi": [LOW, MIDDLE, MIDDLE, HIGH, HIGH, HIGH],
    "smzl_iil": [LOW, MIDDLE, HIGH, HIGH],
    "pit": ["1", "2", "3", "4", "4"],
    "t_cell_score": [LOW, MIDDLE, MIDDLE, HIGH, HIGH],
    "pink": [LOW, MIDDLE, HIGH, HIGH, HIGH],
    "pink_e": [LOW, LOW, MIDDLE, HIGH, HIGH, HIGH],
    "ielsg": [LOW, LOW, MIDDLE, MIDDLE, HIGH, HIGH],
    "ripsswm": ["very low", "low", "intermediate", "high", "very high", "very high"],
}


@pytest.mark.parametrize("key", FACTORS)
def test_groups_by_the_number_of_factors(key):
    assert groups_along(indices.ALL[key], FACTORS[key]) == GROUPS[key]


@pytest.mark.parametrize(("key", "survival"), [
    ("malt_ipi", [0.70, 0.56, 0.29]), ("mzl_ipi", [0.85, 0.66, 0.37]), ("smzl_iil", [0.88, 0.73, 0.50]),
    ("t_cell_score", [0.76, 0.43, 0.11]), ("ielsg", [0.80, 0.48, 0.15]), ("pit", [0.623, 0.529]),
    ("ripsswm", [0.84, 0.59, 0.37, 0.19, 0.09]),
])  # fmt: skip
def test_published_survival_follows_the_group(key, survival):
    changes = FACTORS[key]
    piled = [{name: value for one in changes[:k] for name, value in one.items()} for k in range(len(changes) + 1)]
    found = indices.ALL[key](table(*piled)).published_survival().dropna()
    assert list(dict.fromkeys(found.tolist())) == survival


TRAP = {"age_years": 65.0, "ecog": 1, "ldh_uln": 300 / 250, "wbc": 8.0}


def test_the_mipi_counts_white_cells_per_microlitre():
    # 0.03535 * 65 + 1.367 * log10(1.2) + 0.9393 * log10(8000), where a calculator with 8.0 finds 3.24 and low risk
    assert round(value_of(indices.mipi, **TRAP), 2) == 6.07
    assert group_of(indices.mipi, **TRAP) == "intermediate"
    by_hand = 0.03535 * 65 + 1.367 * math.log10(1.2) + 0.9393 * math.log10(8000)
    assert value_of(indices.mipi, **TRAP) == pytest.approx(by_hand, rel=1e-14)
    assert value_of(indices.mipi, **{**TRAP, "ecog": 2}) == pytest.approx(by_hand + 0.6978, rel=1e-14)


def test_white_cells_per_microlitre_need_their_unit():
    with pytest.raises(DataError, match=r"column 'wbc' is not plausible .* units=\{'wbc': '/uL'\}"):
        indices.mipi(table({**TRAP, "wbc": 8000.0}))
    told = indices.mipi(table({**TRAP, "wbc": 8000.0}), units={"wbc": "/uL"})
    assert told.value.iloc[0] == value_of(indices.mipi, **TRAP)


@pytest.mark.parametrize(("index", "border"), [("mipi", 5.7), ("mipi", 6.2), ("mipi_b", 5.7), ("mipi_b", 6.5)])
def test_both_sides_of_the_borders_of_linear_scores(index, border):
    index = indices.ALL[index]
    upper = index.cuts.index(border) + 1
    assert index.place([border - 1e-9, border]).tolist() == [upper - 1, upper]


def test_ki67_adds_to_the_mipi():
    plain = value_of(indices.mipi, **TRAP)
    assert value_of(indices.mipi_b, **TRAP, ki67_percent=40.0) == pytest.approx(plain + 0.8568, rel=1e-14)
    assert group_of(indices.mipi_b, **TRAP, ki67_percent=0.0) == "intermediate"
    assert group_of(indices.mipi_b, **TRAP, ki67_percent=40.0) == "high"


def test_the_combined_mipi_adds_a_group_for_ki67():
    low, high = {"age_years": 40.0}, {**TRAP, "ecog": 2}
    assert [value_of(indices.mipi_c, **one, ki67_percent=29.9) for one in (low, TRAP, high)] == [0, 1, 2]
    assert [value_of(indices.mipi_c, **one, ki67_percent=30.0) for one in (low, TRAP, high)] == [1, 2, 3]
    names = [indices.mipi_c.groups[place] for place in indices.mipi_c.place([0, 1, 2, 3])]
    assert names == ["low", "low-intermediate", "high-intermediate", "high"]
    assert group_of(indices.mipi_c, **high, ki67_percent=30.0) == "high"


def test_a_share_is_no_percentage():
    rows = table(*({"ki67_percent": k / 10} for k in range(1, 6)))
    with pytest.raises(DataError, match=r"column 'ki67_percent' holds shares, and Ki-67 is in %.*Multiply it by 100"):
        indices.mipi_b(rows)
    assert len(indices.mipi_b(rows.assign(ki67_percent=[0.1, 0.2, 0.3, 0.4, 1.1])).tidy()) == 5


def test_points_of_the_simplified_mipi_reach_11():
    worst = {"age_years": 70.0, "ecog": 2, "ldh_uln": 1.5, "wbc": 15.0}
    assert value_of(indices.s_mipi, **worst) == 11
    assert [indices.s_mipi.place([k]).item() for k in (0, 3, 4, 5, 6, 11)] == [0, 0, 1, 1, 2, 2]


def test_the_pit_has_a_point_for_raised_ldh_and_none_for_normal():
    # The abstract prints "LDH at normal levels or above"; NCCN-IPI points do not belong here.
    assert value_of(indices.pit, ldh_uln=1.0) == 0
    assert value_of(indices.pit, ldh_uln=5.0) == 1
    assert value_of(indices.pit, age_years=80.0) == 1


def test_classes_of_the_mskcc_score():
    score, up_to = indices.mskcc, indices.mskcc_50
    ages = [49.99, 50.0, 50.01]
    assert [group_of(score, age_years=age, karnofsky=70) for age in ages] == ["1", "2", "2"]
    assert [group_of(up_to, age_years=age, karnofsky=70) for age in ages] == ["1", "1", "2"]
    assert [group_of(score, age_years=age, karnofsky=69) for age in ages] == ["1", "3", "3"]
    assert [group_of(up_to, age_years=age, karnofsky=69) for age in ages] == ["1", "1", "3"]


def test_a_young_patient_needs_no_karnofsky():
    result = indices.mskcc(table({"age_years": 40.0, "karnofsky": None}, {"age_years": 60.0, "karnofsky": None}))
    assert result.group.astype(object).fillna("?").tolist() == ["1", "?"]
    assert result.tidy()[["value_min", "value_max"]].to_numpy().tolist() == [[1, 1], [2, 3]]


def test_age_moves_the_limit_of_csf_protein_and_the_bounds_with_it():
    # Up to 60 years 50 mg/dL is raised and age is not; above it is the other way round.
    result = indices.ielsg(table({"age_years": None, "csf_protein": 50.0}))
    assert result.value.tolist() == [1]


WM = [{"hemoglobin": 11.5}, {"platelets": 100.0}, {"b2_microglobulin": 3.1}, {"igm": 70.1}]


@pytest.mark.parametrize(("changes", "group"), [
    ([{}], "low"), ([{"age_years": 65.0}], "low"), ([{"age_years": 65.01}], "intermediate"),
    ([{"age_years": 65.0}, WM[0]], "low"),
    *(([one], "low") for one in WM),
    ([{"age_years": 66.0}, WM[0]], "intermediate"), ([WM[0], WM[1]], "intermediate"),
    ([{"age_years": 66.0}, WM[0], WM[1]], "high"), (WM[:3], "high"), (WM, "high"),
    ([{"hemoglobin": 11.51}, WM[1]], "low"), ([WM[0], {"platelets": 100.1}], "low"),
    ([WM[0], {"b2_microglobulin": 3.0}], "low"), ([WM[0], {"igm": 70.0}], "low"),
    ([WM[0], {"b2_microglobulin": 3.01}], "intermediate"), ([WM[0], {"igm": 70.01}], "intermediate"),
])  # fmt: skip
def test_groups_of_the_ipsswm(changes, group):
    patient = {key: value for one in changes for key, value in one.items()}
    assert group_of(indices.ipsswm, **patient) == group


def test_igm_in_grams_per_decilitre_is_pointed_out():
    rows = table(*({"igm": value} for value in (2.5, 3.5, 4.0, 5.5, 7.5)))
    assert indices.ipsswm(rows).warnings == (
        "The median of immunoglobulin M is 4 g/L, where 7 to 100 is usual: check its unit",
    )
    assert not indices.ipsswm(rows.assign(igm=rows["igm"] * 10)).warnings
    milligrams = indices.ipsswm(rows.assign(igm=[7000.0, 7001.0, 100.0, 200.0, 300.0]), units={"igm": "mg/dL"})
    assert milligrams.low.tolist() == [1, 1, 1, 1, 1]


def test_other_units_of_hemoglobin_and_albumin():
    rows = table({"hemoglobin": 120.0, "albumin": 35.0}, {"hemoglobin": 119.0, "albumin": 34.0})
    told = indices.smzl_iil(rows, units={"hemoglobin": "g/L", "albumin": "g/L"})
    assert told.value.tolist() == [0, 2]
    with pytest.raises(DataError, match=r"'hemoglobin' is not plausible as hemoglobin in g/dL \(3 to 25\).*'g/L'"):
        indices.smzl_iil(rows)
    with pytest.raises(DataError, match=r"'albumin' is not plausible as .*albumin in g/dL.*'g/L'"):
        indices.smzl_iil(rows, units={"hemoglobin": "g/L"})


def test_the_median_tells_a_unit_that_no_single_number_does():
    # 7.4 to 9 mmol/L are plausible numbers of g/dL one by one; 0.2 mg/dL are plausible numbers of mg/L.
    rows = table(*({"b2_microglobulin": value} for value in (0.3, 0.35, 0.4, 0.45, 0.5)))
    with pytest.raises(DataError, match=r"the median of column 'b2_microglobulin' is not plausible.*'mg/dL'"):
        indices.ripsswm(rows)
    assert indices.ripsswm(rows, units={"b2_microglobulin": "mg/dL"}).value.tolist() == [0, 0, 1, 1, 1]


def test_lymphocytes_and_neutrophils_per_microlitre_are_refused():
    with pytest.raises(DataError, match=r"'lymphocytes' is not plausible.*Give it in 10\^9/L"):
        indices.mzl_ipi(table({"lymphocytes": 1500.0}))
    with pytest.raises(DataError, match=r"Give it in 10\^9/L"):
        indices.t_cell_score(table({"neutrophils": 6500.0}))
    with pytest.raises(DataError, match=r"1 g/L is 100 mg/dL"):
        indices.ielsg(table({"csf_protein": 0.45}))
