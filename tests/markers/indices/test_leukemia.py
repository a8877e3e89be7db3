"""Stages and risks of leukemia by hand: both sides of each cut, and which lesion beats which."""

import pytest
from markers.indices.rows import group_of, groups_along, table, value_of

from survmodel import DataError, indices
from survmodel.markers.indices.leukemia import nci_all


@pytest.mark.parametrize(("change", "points"), [
    ({}, 0), ({"tp53_aberrant": True}, 4), ({"ighv_unmutated": True}, 2), ({"b2_microglobulin": 3.5}, 0),
    ({"b2_microglobulin": 3.51}, 2), ({"rai_1_or_binet_b": True}, 1), ({"age_years": 65.0}, 0),
    ({"age_years": 65.1}, 1),
])  # fmt: skip
def test_points_of_the_cll_ipi(change, points):
    assert value_of(indices.cll_ipi, **change) == points


def test_groups_and_survival_of_the_cll_ipi():
    steps = [{"age_years": 70.0}, {"rai_1_or_binet_b": True}, {"ighv_unmutated": True}, {"b2_microglobulin": 5.0},
             {"tp53_aberrant": True}]  # fmt: skip
    assert groups_along(indices.cll_ipi, steps) == ["low", "low", "intermediate", "high", "high", "very high"]
    places = indices.cll_ipi.place([0, 1, 2, 3, 4, 6, 7, 10])
    assert places.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    rows = table({}, {"ighv_unmutated": True}, {"tp53_aberrant": True}, {"tp53_aberrant": True, **steps[2], **steps[3]})
    assert indices.cll_ipi(rows).published_survival().tolist() == [0.932, 0.793, 0.633, 0.233]


@pytest.mark.parametrize(("change", "stage", "risk"), [
    ({}, 0, "low"), ({"nodes_palpable": True}, 1, "intermediate"),
    ({"spleen_or_liver_palpable": True}, 2, "intermediate"), ({"hemoglobin": 11.0}, 0, "low"),
    ({"hemoglobin": 10.99}, 3, "high"), ({"platelets": 100.0}, 0, "low"), ({"platelets": 99.0}, 4, "high"),
    ({"platelets": 99.0, "hemoglobin": 9.0, "nodes_palpable": True}, 4, "high"),
])  # fmt: skip
def test_stages_of_rai(change, stage, risk):
    assert value_of(indices.rai, **change) == stage
    assert group_of(indices.rai, **change) == risk


@pytest.mark.parametrize(("change", "stage"), [
    ({}, "A"), ({"binet_areas": 2}, "A"), ({"binet_areas": 3}, "B"), ({"hemoglobin": 10.0}, "A"),
    ({"hemoglobin": 9.99}, "C"), ({"platelets": 100.0, "binet_areas": 5}, "B"), ({"platelets": 99.9}, "C"),
])  # fmt: skip
def test_stages_of_binet(change, stage):
    assert group_of(indices.binet, **change) == stage


def test_platelets_settle_rai_iv_and_binet_c():
    unknown = {"nodes_palpable": None, "spleen_or_liver_palpable": None, "hemoglobin": None, "binet_areas": None}
    rows = table({**unknown, "platelets": 80.0})
    assert indices.rai(rows, unverified=True).value.tolist() == [4]
    assert indices.binet(rows, unverified=True).group.tolist() == ["C"]


ADVERSE = (
    "t_6_9", "kmt2a_other", "t_9_22", "t_8_16", "inv_3", "mecom_other", "del_5", "monosomy_7", "abn_17p",
    "monosomal_karyotype", "complex_karyotype",
)  # fmt: skip
GENES = ("asxl1", "bcor", "ezh2", "runx1", "sf3b1", "srsf2", "stag2", "u2af1", "zrsr2")


def risk(*lesions):
    return group_of(indices.eln_2022, **dict.fromkeys(lesions, True))


@pytest.mark.parametrize("lesions", [("t_8_21",), ("inv_16",), ("npm1",), ("cebpa_bzip",), ("cebpa_bzip", "flt3_itd")])
def test_favorable_lesions(lesions):
    assert risk(*lesions) == "favorable"


@pytest.mark.parametrize("lesions", [(), ("flt3_itd",), ("npm1", "flt3_itd"), ("t_9_11",), ("t_9_11", "flt3_itd")])
def test_intermediate_lesions(lesions):
    # A calculator lists t(9;11) as adverse; the table does not.
    assert risk(*lesions) == "intermediate"


@pytest.mark.parametrize("lesion", [*ADVERSE, *GENES, "tp53"])
def test_adverse_lesions(lesion):
    assert risk(lesion) == "adverse"
    assert risk(lesion, "flt3_itd") == "adverse"


@pytest.mark.parametrize("gene", GENES)
def test_genes_of_myelodysplasia_yield_to_favorable_lesions_and_to_t_9_11(gene):
    assert risk(gene, "npm1") == risk(gene, "cebpa_bzip") == risk(gene, "inv_16") == "favorable"
    assert risk(gene, "t_9_11") == "intermediate"
    assert risk(gene, "npm1", "flt3_itd") == "adverse"


@pytest.mark.parametrize("lesion", [*ADVERSE, "tp53"])
def test_adverse_cytogenetics_and_tp53_beat_npm1_and_not_core_binding_factor(lesion):
    assert risk(lesion, "npm1") == risk(lesion, "cebpa_bzip") == "adverse"
    assert risk(lesion, "t_8_21") == "favorable"


def test_a_complex_karyotype_is_one_without_a_lesion_that_defines_a_class():
    assert risk("complex_karyotype", "t_9_11") == "intermediate"
    assert risk("monosomy_7", "t_9_11") == "adverse"


def test_what_is_not_tested_bounds_the_risk():
    unknown = dict.fromkeys(GENES)
    result = indices.eln_2022(table(unknown, {**unknown, "npm1": True}, {**unknown, "tp53": True}))
    assert result.group.astype(object).fillna("?").tolist() == ["?", "favorable", "adverse"]
    assert result.tidy()["group_max"].tolist() == ["adverse", "favorable", "adverse"]


@pytest.mark.parametrize(("age", "wbc", "group"), [
    (1.0, 10.0, "standard"), (0.99, 10.0, "high"), (9.99, 10.0, "standard"), (10.0, 10.0, "high"),
    (5.0, 49.9, "standard"), (5.0, 50.0, "high"),
])  # fmt: skip
def test_risk_of_children(age, wbc, group):
    assert group_of(nci_all, age_years=age, wbc=wbc) == group


def test_an_index_for_children_refuses_adults():
    with pytest.raises(DataError, match=r"NCI risk is an index for children, and there are adults: row 1 \(1 of 2\)"):
        nci_all(table({"age_years": 18.0}, {"age_years": 17.9}), unverified=True)


def test_an_infant_is_no_lower_bound_of_risk():
    result = nci_all(table({"age_years": None}), unverified=True)
    assert result.tidy()[["group_min", "group_max"]].to_numpy().tolist() == [["standard", "high"]]
