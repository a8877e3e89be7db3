"""Stages of myeloma by hand: both sides of each cut, the parenthesis of R-ISS, tracers apart."""

import itertools

import pytest
from markers.indices.rows import group_of, table, value_of

from survmodel import ConfigError, DataError, indices


@pytest.mark.parametrize(("b2", "albumin", "stage"), [
    (3.49, 3.5, "I"), (3.5, 3.5, "II"), (3.49, 3.49, "II"), (5.49, 4.0, "II"), (5.5, 4.0, "III"), (5.5, 2.0, "III"),
    (2.0, 3.4, "II"),
])  # fmt: skip
def test_stages_of_the_iss(b2, albumin, stage):
    assert group_of(indices.iss, b2_microglobulin=b2, albumin=albumin) == stage


def test_beta_2_microglobulin_in_amounts_needs_its_unit():
    rows = table({"b2_microglobulin": 296.0}, {"b2_microglobulin": 297.0})
    # 11800 g/mol: 296 nmol/L are 3.49 mg/L, 297 are 3.50
    assert indices.iss(rows, units={"b2_microglobulin": "nmol/L"}).group.tolist() == ["I", "II"]
    with pytest.raises(DataError, match=r"'b2_microglobulin' is not plausible .* in mg/L \(0.3 to 100\).*'nmol/L'"):
        indices.iss(rows)


ISS = {"I": {}, "II": {"b2_microglobulin": 4.0}, "III": {"b2_microglobulin": 6.0}}
CYTOGENETICS = [{"del17p": True}, {"t_4_14": True}, {"t_14_16": True}]


@pytest.mark.parametrize("risk", [*CYTOGENETICS, {"ldh_uln": 1.01}])
def test_one_risk_factor_beside_the_iss_is_enough(risk):
    assert [group_of(indices.r_iss, **ISS[stage], **risk) for stage in ISS] == ["II", "II", "III"]


def test_the_r_iss_without_another_risk_factor():
    # ISS III alone is stage II: the two others are in one parenthesis with "and" before it.
    assert [group_of(indices.r_iss, **ISS[stage], ldh_uln=1.0) for stage in ISS] == ["I", "II", "II"]
    # A high-risk lesion alone is not stage III.
    assert group_of(indices.r_iss, del17p=True, ldh_uln=2.0) == "II"


def test_iss_ii_is_r_iss_ii_whatever_else_is_missing():
    unknown = dict.fromkeys(["del17p", "t_4_14", "t_14_16", "ldh_uln"])
    result = indices.r_iss(table(*({**ISS[stage], **unknown} for stage in ISS)))
    assert result.group.astype(object).fillna("?").tolist() == ["?", "II", "?"]
    assert result.tidy()["group_min"].tolist() == ["I", "II", "II"]
    assert result.tidy()["group_max"].tolist() == ["II", "II", "III"]
    assert result.n_missing.tolist() == [4, 4, 4]
    assert result.published_survival().tolist()[1] == 0.62


def test_one_known_risk_settles_the_others():
    known = indices.r_iss(table({**ISS["III"], "del17p": None, "t_4_14": True, "t_14_16": None, "ldh_uln": None}))
    assert known.group.tolist() == ["III"]


def test_published_survival_of_the_r_iss():
    rows = table({}, ISS["II"], {**ISS["III"], "t_4_14": True})
    assert indices.r_iss(rows).published_survival().tolist() == [0.82, 0.62, 0.40]


R2 = [({}, 0), (ISS["II"], 1), (ISS["III"], 1.5), ({"del17p": True}, 1), ({"ldh_uln": 1.0}, 0), ({"ldh_uln": 1.01}, 1),
      ({"t_4_14": True}, 1), ({"gain_1q": True}, 0.5), ({"t_14_16": True}, 0)]  # fmt: skip


@pytest.mark.parametrize(("change", "points"), R2)
def test_points_of_the_r2_iss(change, points):
    assert value_of(indices.r2_iss, **change) == points


@pytest.mark.parametrize(("points", "group"), [
    (0, "low"), (0.5, "low-intermediate"), (1, "low-intermediate"), (1.5, "intermediate-high"),
    (2.5, "intermediate-high"), (3, "high"), (5, "high"),
])  # fmt: skip
def test_groups_of_the_r2_iss(points, group):
    assert indices.r2_iss.groups[indices.r2_iss.place([points]).item()] == group


def test_every_lesion_together_is_the_largest_r2_iss():
    everything = {**ISS["III"], "del17p": True, "ldh_uln": 2.0, "t_4_14": True, "gain_1q": True}
    assert value_of(indices.r2_iss, **everything) == 5


@pytest.mark.parametrize(("change", "points"), [
    ({"age_years": 70.0}, 0), ({"age_years": 70.1}, 2), ({"ecog": 0}, 0), ({"ecog": 1}, 1), ({"ecog": 2}, 2),
    ({"ecog": 4}, 2), ({"t_14_16": True}, 1), (ISS["II"], 0.5), (ISS["III"], 1), ({"ldh_uln": 1.0}, 0),
    ({"ldh_uln": 1.01}, 0.5), ({"del17p": True}, 0.5),
])  # fmt: skip
def test_points_of_the_rw_iss(change, points):
    assert value_of(indices.rw_iss, **change) == points


def test_groups_and_largest_value_of_the_rw_iss():
    everything = {"age_years": 71.0, "ecog": 2, "t_14_16": True, **ISS["III"], "ldh_uln": 2.0, "del17p": True}
    assert value_of(indices.rw_iss, **everything) == 7
    places = indices.rw_iss.place([0, 2, 2.5, 3, 3.5, 4.5, 5, 7])
    assert [indices.rw_iss.groups[place] for place in places] == ["I", "I", "II", "II", "III", "III", "IV", "IV"]


@pytest.mark.parametrize(("change", "stage"), [
    ({}, "IA"), ({"hemoglobin": 10.01}, "IA"), ({"hemoglobin": 10.0}, "IIA"), ({"hemoglobin": 8.5}, "IIA"),
    ({"hemoglobin": 8.49}, "IIIA"), ({"calcium": 12.0}, "IA"), ({"calcium": 12.01}, "IIIA"),
    ({"lytic_lesions": 1}, "IA"), ({"lytic_lesions": 2}, "IIA"), ({"lytic_lesions": 3}, "IIA"),
    ({"lytic_lesions": 4}, "IIIA"), ({"igg": 4.99}, "IA"), ({"igg": 5.0}, "IIA"), ({"igg": 7.0}, "IIA"),
    ({"igg": 7.01}, "IIIA"), ({"iga": 2.99}, "IA"), ({"iga": 3.0}, "IIA"), ({"iga": 5.0}, "IIA"),
    ({"iga": 5.01}, "IIIA"), ({"bence_jones": 3.99}, "IA"), ({"bence_jones": 4.0}, "IIA"),
    ({"bence_jones": 12.0}, "IIA"), ({"bence_jones": 12.01}, "IIIA"),
    ({"creatinine": 1.99}, "IA"), ({"creatinine": 2.0}, "IB"), ({"creatinine": 2.0, "igg": 5.0}, "IIB"),
    ({"creatinine": 3.0, "igg": 8.0}, "IIIB"),
])  # fmt: skip
def test_stages_of_durie_and_salmon(change, stage):
    assert group_of(indices.durie_salmon, **change) == stage


def test_a_missing_creatinine_leaves_the_subclass_open():
    tidy = indices.durie_salmon(table({"creatinine": None, "igg": 6.0})).tidy()
    assert tidy[["group_min", "group_max"]].to_numpy().tolist() == [["IIA", "IIB"]]


def test_calcium_and_creatinine_in_amounts():
    rows = table({"calcium": 2.99, "creatinine": 176.0}, {"calcium": 3.0, "creatinine": 177.0})
    told = indices.durie_salmon(rows, units={"calcium": "mmol/L", "creatinine": "umol/L"})
    # 2.99 mmol/L are 11.98 mg/dL and 3.00 are 12.02; 176 umol/L are 1.991 mg/dL and 177 are 2.002
    assert told.group.tolist() == ["IA", "IIIB"]
    with pytest.raises(DataError, match=r"'calcium' is not plausible as .*calcium in mg/dL.*'mmol/L'"):
        indices.durie_salmon(rows)
    with pytest.raises(DataError, match=r"'creatinine' is not plausible as .*creatinine in mg/dL.*'umol/L'"):
        indices.durie_salmon(rows, units={"calcium": "mmol/L"})


def test_immunoglobulins_in_grams_per_litre_are_refused_or_pointed_out():
    with pytest.raises(DataError, match=r"10 g/L are 1 g/dL"):
        indices.durie_salmon(table({"igg": 45.0}))
    quiet = table(*({"igg": 1.0 + k} for k in range(5)))
    assert not indices.durie_salmon(quiet).warnings
    assert any("IgG is 11 g/dL" in one for one in indices.durie_salmon(quiet.assign(igg=[9, 10, 11, 12, 13])).warnings)


@pytest.mark.parametrize(("change", "stage"), [
    ({}, "IB"), ({"focal_lesions": 4}, "IB"), ({"focal_lesions": 5}, "IIA"), ({"focal_lesions": 20}, "IIA"),
    ({"focal_lesions": 21}, "IIIA"), ({"diffuse_pattern": "mild"}, "IB"), ({"diffuse_pattern": "moderate"}, "IIA"),
    ({"diffuse_pattern": "severe"}, "IIIA"), ({"extramedullary": True}, "IB"),
    ({"focal_lesions": 5, "creatinine": 1.99}, "IIA"), ({"focal_lesions": 5, "creatinine": 2.0}, "IIB"),
    ({"focal_lesions": 5, "extramedullary": True}, "IIB"), ({"focal_lesions": 30, "creatinine": 4.0}, "IIIB"),
])  # fmt: skip
def test_stages_of_durie_salmon_plus(change, stage):
    assert group_of(indices.ds_plus, **change) == stage


def test_durie_salmon_plus_is_computed_for_each_tracer():
    rows = table({"focal_lesions_fdg": 3, "focal_lesions_cxcr4": 25})
    fdg = indices.ds_plus(rows, columns={"focal_lesions": "focal_lesions_fdg"})
    cxcr4 = indices.ds_plus(rows, columns={"focal_lesions": "focal_lesions_cxcr4"})
    assert (fdg.group.iloc[0], cxcr4.group.iloc[0]) == ("IB", "IIIA")
    assert any("a marker, and no comparator" in warning for warning in cxcr4.warnings)
    assert not any("a marker, and no comparator" in warning for warning in fdg.warnings)


def test_an_index_without_a_stage_takes_none():
    with pytest.raises(ConfigError, match="ISS takes no stage"):
        indices.iss(table({}), stage="stage_fdg")


IMS = {
    frozenset(), frozenset({"del1p32"}), frozenset({"gain_1q"}), frozenset({"t_4_14"}), frozenset({"t_14_16"}),
    frozenset({"t_14_20"}),
}  # fmt: skip


def test_high_risk_by_the_definition_of_2025():
    names = ["del17p_20", "tp53", "del1p32", "del1p32_biallelic", "gain_1q", "t_4_14", "t_14_16", "t_14_20"]
    for count in (0, 1, 2):
        for lesions in itertools.combinations(names, count):
            alone = frozenset(lesions) - {"del17p_20", "tp53", "del1p32_biallelic"} == frozenset(lesions)
            two_moved = count == 2 and all(name.startswith("t_") for name in lesions)
            standard = alone and (frozenset(lesions) in IMS or two_moved)
            found = group_of(indices.ims_2025, **dict.fromkeys(lesions, True))
            assert found == ("standard" if standard else "high"), lesions


@pytest.mark.parametrize(("b2", "creatinine", "group"), [
    (5.5, 1.19, "high"), (5.49, 1.0, "standard"), (5.5, 1.2, "standard"), (9.0, 1.2, "standard"),
])  # fmt: skip
def test_burden_counts_where_kidneys_work(b2, creatinine, group):
    assert group_of(indices.ims_2025, b2_microglobulin=b2, creatinine=creatinine) == group
