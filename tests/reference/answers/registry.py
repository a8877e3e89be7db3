"""Which function answers which stored value.

A value of a case with analyses in its settings is called ``<analysis>.<quantity>`` and answered by the kind of the
analysis. The older cases have no such settings; what they are about stands in `SUBJECTS`. Values with a meaning of
their own are answered one by one in the ``SINGLE`` tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from reference.answers import (
    accuracy,
    auc,
    brier,
    comparisons,
    competing,
    curves,
    cutpoint,
    decision,
    endpoints,
    grouped,
    imputation,
    incidence,
    parametric,
    recalibration,
    regression,
    separation,
    splines,
    therneau,
    validation,
)
from reference.answers.subjects import Subject
from reference.stored_cases import read_case

Answer = Callable[[Subject], object]

_LUNG = "age + sex + ph.ecog"
_NEW_LUNG = {"age": [50, 65, 80], "sex": [2, 1, 1], "ph.ecog": [0, 1, 2]}
_START_STOP = {"time": "stop", "entry": "start"}
SUBJECTS: dict[str, dict[str, Any]] = {
    "km_lung_overall": {"kind": "km", "times": [0, 90, 180, 365, 730, 1022, 1100]},
    "km_lung_by_sex": {"kind": "km", "by": "sex", "times": [90, 180, 365, 730]},
    "km_aml_by_arm": {"kind": "km", "by": "x", "times": [5, 13, 23, 48, 161]},
    "km_left_truncated_channing": {"kind": "km", "by": "gender", "entry": "entry", "time": "exit"},
    "km_float_ties": {"kind": "km"},
    "km_weights": {"kind": "km"},
    "reverse_km_followup": {"kind": "km"},
    "logrank_lung_sex": {"kind": "logrank", "by": "sex"},
    "logrank_ksample_veteran": {"kind": "logrank", "by": "celltype"},
    "logrank_pairwise_larynx": {"kind": "logrank", "by": "stage"},
    "logrank_stratified_lung": {"kind": "logrank", "by": "sex"},
    "concordance_lung": {"kind": "concordance", "index": "lp"},
    "cox_lung_efron": {"kind": "cox", "formula": f"{_LUNG} + wt.loss"},
    "cox_lung_breslow": {"kind": "cox", "formula": f"{_LUNG} + wt.loss", "ties": "breslow"},
    "cox_cluster_lung": {"kind": "cox", "formula": _LUNG, "cluster": "inst"},
    "cox_invariance": {"kind": "cox", "formula": "age + sex"},
    "cox_pbc_strata": {
        "kind": "cox", "formula": "age + log(bili) + log(albumin) + log(protime)", "strata": "edema"
    },
    "cox_prediction_lung": {"kind": "cox", "formula": _LUNG, "newdata": _NEW_LUNG, "times": [90, 180, 365, 730]},
    "cox_residuals_lung": {"kind": "cox", "formula": _LUNG},
    "cox_zph_lung": {"kind": "cox", "formula": _LUNG},
    "cox_ridge_survival": {"kind": "cox", "formula": _LUNG, "theta": 5.0, "ties": "breslow"},
    "cox_firth_ovarian": {
        "kind": "cox", "formula": "age + resid.ds + rx + ecog.ps", "penalty": "firth", "ties": "breslow"
    },
    "cox_firth_tiny": {"kind": "cox", "formula": "x + sex", "penalty": "firth", "ties": "breslow"},
    "cox_therneau_test1": {"kind": "cox", "formula": "x", "event": "status"},
    "cox_therneau_test2": {"kind": "cox", "formula": "x", **_START_STOP},
    "cox_therneau_test3": {"kind": "cox", "formula": "x", "event": "status"},
    "endpoint_dates": {"kind": "endpoint"},
    "incidence_rate_lung": {"kind": "differences"},
    "aft_lung": {"kind": "parametric"},
    "auc_lung": {"kind": "auc"},
    "auc_lung_no_ties": {"kind": "auc"},
    "auc_melanoma": {"kind": "auc", "causes": 2},
    "brier_lung": {"kind": "brier"},
    "brier_lung_no_ties": {"kind": "brier"},
    "brier_melanoma": {"kind": "brier", "causes": 2},
    "calibration_gbsg": {"kind": "validation"},
    "calibration_lung": {"kind": "recalibration"},
    "calibration_melanoma": {"kind": "recalibration", "causes": 2},
    "ibs_gbsg": {"kind": "brier_gbsg"},
    "optimism_pbc150": {"kind": "validation"},
    "decision_lung": {"kind": "decision"},
    "decision_pbc": {"kind": "decision", "causes": 2},
    "maxstat_dlbcl": {"kind": "cutpoint"},
    "delong_asah": {"kind": "delong"},
    "pet_delta_suv": {"kind": "change"},
    "diagnostic_paired_mcnemar": {"kind": "mcnemar"},
    "separation_lung": {"kind": "separation"},
    "separation_lung_ties": {"kind": "separation"},
    "rcs3_pbc_age": {"kind": "spline"},
    "rcs5_pbc_bili": {"kind": "spline"},
    "cif_melanoma": {"kind": "incidence", "by": "ulcer", "event": "cause", "causes": 2},
    "finegray_melanoma": {
        "kind": "fine_gray", "formula": "sex + age + ulcer + logthick", "event": "cause", "causes": 2
    },
}  # fmt: skip
GENERIC: dict[str, dict[str, Answer]] = {
    "km": curves.GENERIC,
    "logrank": comparisons.LOGRANK,
    "concordance": comparisons.CONCORDANCE,
    "two_indices": comparisons.TWO_INDICES,
    "differences": comparisons.DIFFERENCES,
    "cox": regression.COX,
    "nested": regression.NESTED,
    "parametric": parametric.PARAMETRIC,
    "turnbull": parametric.TURNBULL,
    "endpoint": endpoints.ENDPOINT,
    "incidence": incidence.INCIDENCE,
    "gray": competing.GRAY,
    "fine_gray": competing.FINE_GRAY,
    "cause_specific": competing.CAUSE_SPECIFIC,
    "group_effects": grouped.GROUP_EFFECTS,
    "pooled": imputation.POOLED,
    "validation": validation.VALIDATION,
    "auc": auc.AUC_AT,
    "recalibration": recalibration.RECALIBRATION,
    "brier": brier.BRIER,
    "brier_gbsg": brier.BRIER_GBSG,
    "decision": decision.DECISION,
    "separation": separation.SEPARATION,
    "cutpoint": cutpoint.CUTPOINT,
    "delong": accuracy.DELONG,
    "mcnemar": accuracy.MCNEMAR,
    "change": accuracy.CHANGE,
    "spline": splines.SPLINE,
    "knots": splines.KNOTS,
}
SINGLE: dict[tuple[str, str], Answer] = {
    **curves.SINGLE, **comparisons.SINGLE, **competing.SINGLE, **parametric.SINGLE, **regression.SINGLE,
    **therneau.SINGLE,
}  # fmt: skip


@cache
def find_subject(case: str, analysis: str) -> Subject | None:
    stored = read_case(case)
    spec = stored.settings.get("analyses", {}).get(analysis) if analysis else SUBJECTS.get(case)
    return None if spec is None else Subject(stored, spec)


def find_answer(case: str, value: str) -> tuple[Answer, Subject] | None:
    """Find the function that answers a value and its subject; None when nobody wrote one."""
    analysis, _, quantity = value.rpartition(".") if "analyses" in read_case(case).settings else ("", "", value)
    subject = find_subject(case, analysis)
    if subject is None:
        return None
    answer = SINGLE.get((case, value)) or GENERIC[subject.spec["kind"]].get(quantity)
    return None if answer is None else (answer, subject)
