"""Tables for clinical indices: a patient without risk factors, and one thing changed at a time."""

import pandas as pd

FINDINGS = (
    "extranodal_major", "bone_marrow_involved", "multiple_mucosal_sites", "distant_nodes", "non_nasal", "ebv_dna",
    "deep_brain", "del17p", "t_4_14", "t_14_16", "gain_1q", "extramedullary", "del17p_20", "tp53", "del1p32",
    "del1p32_biallelic", "t_14_20", "tp53_aberrant", "ighv_unmutated", "rai_1_or_binet_b", "nodes_palpable",
    "spleen_or_liver_palpable", "t_8_21", "inv_16", "npm1", "flt3_itd", "cebpa_bzip", "t_9_11", "t_6_9", "kmt2a_other",
    "t_9_22", "t_8_16", "inv_3", "mecom_other", "del_5", "monosomy_7", "abn_17p", "monosomal_karyotype",
    "complex_karyotype", "asxl1", "bcor", "ezh2", "runx1", "sf3b1", "srsf2", "stag2", "u2af1", "zrsr2",
)  # fmt: skip
#: Values without a point in any index that takes them in, but for the linear scores.
HEALTHY = {
    "age_years": 30.0, "ecog": 0, "stage_ct": "I", "ldh_uln": 0.5, "ldh": 150.0, "extranodal_sites": 0,
    "hemoglobin": 14.0, "nodal_areas": 0, "b2_microglobulin_uln": 0.8, "b2_microglobulin": 2.0, "longest_node_cm": 2.0,
    "wbc": 5.0, "ki67_percent": 10.0, "lymphocytes": 2.0, "platelets": 250.0, "mzl_subtype": "extranodal",
    "albumin": 4.5, "neutrophils": 4.0, "karnofsky": 100, "csf_protein": 30.0, "igm": 10.0, "calcium": 9.0,
    "lytic_lesions": 0, "igg": 1.0, "iga": 0.2, "bence_jones": 0.0, "creatinine": 1.0, "focal_lesions": 0,
    "diffuse_pattern": "none", "binet_areas": 0, **dict.fromkeys(FINDINGS, False),
}  # fmt: skip


def table(*changes):
    """One row for each dictionary of changes to the healthy patient."""
    return pd.DataFrame([{**HEALTHY, **change} for change in changes])


def value_of(index, **change):
    """Value of the healthy patient with changes."""
    return index(table(change), unverified=True).value.iloc[0]


def group_of(index, **change):
    """Group of the healthy patient with changes."""
    return index(table(change), unverified=True).group.iloc[0]


def groups_along(index, changes):
    """Groups of patients with none, one, two and so on of the changes."""
    piled = [{key: value for one in changes[:k] for key, value in one.items()} for k in range(len(changes) + 1)]
    return index(table(*piled), unverified=True).group.tolist()
