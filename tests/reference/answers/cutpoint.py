"""Answers about the best cut of a marker."""

from __future__ import annotations

import numpy as np
from reference.answers.subjects import Subject
from reference.stored_cases import SKIPPED

from survmodel import CoxPH, FitError, logrank_test, maximally_selected_logrank
from survmodel.models.cutpoint import MaximallySelectedLogrank

PERMUTATIONS = 100_000


def search(subject: Subject, p_value: str = "lausen94", permutations: int = PERMUTATIONS) -> MaximallySelectedLogrank:
    return maximally_selected_logrank(
        subject.outcome,
        subject.table["MGE"],
        p_value=p_value,
        permutations=permutations,  # type: ignore[arg-type]
    )


def scan(subject: Subject) -> dict[str, object]:
    """Each cut by the log-rank test and the Cox model, as if it had been fixed."""
    profile = search(subject).tidy()
    marker = subject.table["MGE"]
    tests, ratios = [], []
    for cut in profile["cutpoint"]:
        above = (marker > cut).astype(float)
        tests.append(logrank_test(subject.outcome, above))
        try:
            fit = CoxPH("above").fit(subject.table.assign(above=above), subject.outcome)
            ratios.append(float(np.exp(fit.coefficients["above"])))
        except FitError:
            ratios.append(SKIPPED)
    return {
        "cut": list(profile["cutpoint"]),
        "n_low": list(profile["n"]),
        "chisq": [one.statistic for one in tests],
        "p": [one.p_value for one in tests],
        "hr": ratios,
    }


def best_by_logrank(subject: Subject) -> dict[str, object]:
    found = scan(subject)
    at = int(np.argmax(found["chisq"]))
    return {key: values[at] for key, values in found.items()}


CUTPOINT = {
    "p_Lau92": lambda subject: search(subject, "lausen92").p_value,
    "p_Lau94": lambda subject: search(subject).p_value,
    "p_condMC": lambda subject: search(subject, "permutation").p_value,
    "statistic": lambda subject: search(subject).statistic,
    "cutpoint": lambda subject: search(subject).cutpoint,
    "cuts": lambda subject: list(search(subject).tidy()["cutpoint"]),
    "stats": lambda subject: list(search(subject).tidy()["statistic"].abs()),
    "logrank_scan": scan,
    "best_by_logrank": best_by_logrank,
}
