"""Answers about readings and scores against a yes or no."""

from __future__ import annotations

from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import cohens_kappa, delong_test, mcnemar_test, paired_accuracy, uptake_change
from survmodel.markers.change import UptakeChange
from survmodel.performance.delong import DeLongTest
from survmodel.performance.difference_limits import newcombe_limits, tango_limits
from survmodel.performance.mcnemar import McNemarTest


def areas(subject: Subject, first: str, second: str) -> DeLongTest:
    table = subject.table
    return delong_test(table["outcome"], table[first], table[second], names=(first, second))


def limits(subject: Subject) -> list[float]:
    row = areas(subject, "s100b", "wfns").tidy().iloc[0]
    return [row["conf_low"], row["estimate"], row["conf_high"]]


def test_of(subject: Subject, second: str) -> list[float]:
    found = areas(subject, "s100b", second)
    return [found.statistic, found.p_value]


DELONG = {
    "auc_s100b": lambda subject: areas(subject, "s100b", "ndka").areas[0],
    "auc_ndka": lambda subject: areas(subject, "s100b", "ndka").areas[1],
    "auc_wfns": lambda subject: areas(subject, "s100b", "wfns").areas[1],
    "ci_delong_s100b": limits,
    "var_s100b": lambda subject: areas(subject, "s100b", "wfns").covariance[0, 0],
    "cov_s100b_wfns": lambda subject: areas(subject, "s100b", "wfns").covariance[0, 1],
    "test_s100b_wfns": lambda subject: test_of(subject, "wfns"),
    "test_s100b_ndka": lambda subject: test_of(subject, "ndka"),
    "mann_whitney_equiv": lambda subject: 1 - areas(subject, "s100b", "wfns").areas[0],
}


def mcnemar(subject: Subject, diseased: float | None) -> dict[str, object]:
    table = subject.table
    rows = slice(None) if diseased is None else (table["outcome"] == diseased).to_numpy()
    a, b = table.loc[rows, "test_a"], table.loc[rows, "test_b"]
    found: McNemarTest = mcnemar_test(a, b)
    others = dict.fromkeys(("chisq", "p_asym", "chisq_cc", "p_cc"), SKIPPED)
    only = found.first_only, found.second_only, found.n
    return {
        "table": [[found.neither, found.second_only], [found.first_only, found.both]],
        "n10": found.first_only,
        "n01": found.second_only,
        **others,
        "wald_ci": [SKIPPED, SKIPPED],
        "diff": (found.first_only - found.second_only) / found.n,
        "newcombe_ci": list(newcombe_limits(found.both, *only)),
        "tango_ci": list(tango_limits(*only)),
        "p_exact": mcnemar_test(a, b, method="exact").p_value,
        "p_midp": found.p_value,
    }


MEASURES = {"sens": "sensitivity", "spec": "specificity", "ppv": "PPV", "npv": "NPV", "accuracy": "accuracy"}


def reading(subject: Subject, name: str) -> dict[str, object]:
    table = subject.table
    tests = table["outcome"], table["test_a"], table["test_b"]
    tables = [
        paired_accuracy(*tests, names=("test_a", "test_b"), limits=(limits, "tango")).tidy()
        for limits in ("wilson", "clopper-pearson")
    ]
    wilson, exact = (one[one["model"] == name].set_index("measure") for one in tables)
    found: dict[str, object] = {}
    for key, measure in MEASURES.items():
        row, other = wilson.loc[measure], exact.loc[measure]
        found[key] = {
            "x": round(row["estimate"] * row["n"]),
            "n": row["n"],
            "p": row["estimate"],
            "clopper_pearson": [other["conf_low"], other["conf_high"]],
            "wilson": [row["conf_low"], row["conf_high"]],
            "agresti_coull": [SKIPPED, SKIPPED],
        }
    for key, measure in (("lr_pos", "LR+"), ("lr_neg", "LR-")):
        found[key] = wilson.loc[measure, ["estimate", "conf_low", "conf_high"]].tolist()
    return found


def kappa(subject: Subject) -> list[float]:
    found = cohens_kappa(subject.table["test_a"], subject.table["test_b"])
    return [found.estimate, found.std_error]


MCNEMAR = {
    "test_a": lambda subject: reading(subject, "test_a"),
    "test_b": lambda subject: reading(subject, "test_b"),
    "cohen_kappa": kappa,
    "mcnemar_in_diseased": lambda subject: mcnemar(subject, 1.0),
    "mcnemar_in_nondiseased": lambda subject: mcnemar(subject, 0.0),
    "mcnemar_all": lambda subject: mcnemar(subject, None),
}


def change(subject: Subject) -> UptakeChange:
    return uptake_change(subject.table["suv_base"], subject.table["suv_interim"])


CHANGE = {
    "delta_percent": lambda subject: change(subject).percent,
    "category": lambda subject: list(change(subject).category),
    "n_not_evaluable": lambda subject: change(subject).category.count("not evaluable"),
}
