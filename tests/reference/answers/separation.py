"""Answers about Royston and Sauerbrei's D and Gonen and Heller's K."""

from __future__ import annotations

from reference.answers.subjects import Subject

from survmodel import gonen_heller, royston_d


def explained(subject: Subject, *, within: bool = False) -> dict[str, float]:
    strata = subject.table["by"] if within else None
    d, r2 = royston_d(subject.outcome, subject.table["index"], strata=strata, errors="model").values[:2]
    values = {"D": d.estimate, "se": d.std_error, "lower": d.conf_low, "upper": d.conf_high, "R2": r2.estimate}
    return {**values, "R2_lower": r2.conf_low, "R2_upper": r2.conf_high}


def royston(subject: Subject) -> dict[str, float]:
    found = explained(subject)
    return {name: found[name] for name in ("D", "se", "R2")}


def agreement(subject: Subject, name: str, *, within: bool = False) -> dict[str, float]:
    strata = subject.table["by"] if within else None
    found = gonen_heller(subject.outcome, subject.table["index"], strata=strata)
    return {name: found.estimate if name == "K" else found.std_error}


SEPARATION = {
    "royston": royston,
    "royston_within": lambda subject: explained(subject, within=True),
    "gonen_heller": lambda subject: agreement(subject, "K"),
    "gonen_heller_error": lambda subject: agreement(subject, "se"),
    "gonen_heller_within": lambda subject: agreement(subject, "K", within=True),
    "gonen_heller_within_error": lambda subject: agreement(subject, "se", within=True),
}
