"""Indices of Waldenström macroglobulinemia."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from survmodel.markers.indices.contract import ClinicalIndex, Published
from survmodel.markers.indices.inputs import Floats, lab
from survmodel.markers.indices.points import Inputs, Points, Step
from survmodel.markers.indices.shared import AGE, ALBUMIN, B2_MICROGLOBULIN, HEMOGLOBIN, LDH, LOW_ALBUMIN, PLATELETS

_ENTITIES = ("WM",)
_KASTRITIS = "Kastritis E et al. (2019). Leukemia 33:2654-2661."
_FIVE = ("very low", "low", "intermediate", "high", "very high")
_SURVIVAL = Published((0.84, 0.59, 0.37, 0.19, 0.09), 10, "overall survival")
_AGES = "Ages are printed in whole years (66 to 75, from 76); more than 65 and more than 75 exact years are meant here."
#: Medians below are those of another disease, or of g/dL.
_IGM = replace(lab("igm"), usual_median=(7.0, 100.0))
#: 7.0 g/dL in g/L.
_HIGH_IGM = Step("igm", ">", 70)
_FACTORS = Points(
    Step("age_years", ">", 65), Step("hemoglobin", "<=", 11.5), Step("platelets", "<=", 100),
    Step("b2_microglobulin", ">", 3), _HIGH_IGM,
)  # fmt: skip
_REVISED = (Step("age_years", ">", 65), Step("age_years", ">", 75), Step("b2_microglobulin", ">=", 4), LOW_ALBUMIN)
#: The LDH of the paper, and the upper limit of normal that it was measured against.
_LDH_CUT, _LDH_LIMIT = 250.0, 225.0


def _ipsswm(inputs: Inputs) -> Floats:
    """Give the risk group: age alone makes it intermediate."""
    factors = _FACTORS(inputs)
    middle = (factors == 2) | (inputs["age_years"] > 65)
    return np.where(factors >= 3, 3.0, np.where(middle, 2.0, 1.0))


ipsswm = ClinicalIndex(
    key="ipsswm",
    title="International Prognostic Scoring System for Waldenström Macroglobulinemia",
    short="IPSSWM",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, HEMOGLOBIN, PLATELETS, B2_MICROGLOBULIN, _IGM),
    rule=_ipsswm,
    groups=("low", "intermediate", "high"),
    cuts=(2, 3),
    citation="Morel P et al. (2009). Blood 113:4163-4170.",
    measure="stage",
    published=Published((0.87, 0.68, 0.36), 5, "overall survival"),
)

ripsswm = ClinicalIndex(
    key="ripsswm",
    title="Revised International Prognostic Scoring System for Waldenström Macroglobulinemia",
    short="rIPSSWM",
    disease="lymphoma",
    entities=_ENTITIES,
    inputs=(AGE, B2_MICROGLOBULIN, ALBUMIN, lab("ldh")),
    rule=Points(*_REVISED, Step("ldh", ">=", _LDH_CUT)),
    groups=_FIVE,
    cuts=(1, 2, 3, 4),
    citation=_KASTRITIS,
    doubts=(
        _AGES,
        "LDH of 250 U/L is absolute, from a laboratory whose upper limit was below 225 U/L; ripsswm_uln scales it.",
    ),
    published=_SURVIVAL,
)

ripsswm_uln = replace(
    ripsswm,
    key="ripsswm_uln",
    title="Revised International Prognostic Scoring System for Waldenström Macroglobulinemia, LDH by its upper limit",
    short="rIPSSWM (LDH by its limit)",
    inputs=(AGE, B2_MICROGLOBULIN, ALBUMIN, LDH),
    rule=Points(*_REVISED, Step("ldh_uln", ">=", _LDH_CUT / _LDH_LIMIT)),
    doubts=(_AGES, "LDH is scaled: from 250/225 of the upper limit of normal on, where the paper has 250 U/L."),
)

INDICES = (ipsswm, ripsswm, ripsswm_uln)
