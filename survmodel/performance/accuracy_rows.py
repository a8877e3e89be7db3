"""The numbers of paired accuracy: shares of each test, differences, and estimates that allow for verification."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from survmodel.performance.clustered_difference import clustered_difference
from survmodel.performance.clustered_proportion import clustered_proportion
from survmodel.performance.difference_limits import DifferenceLimits, newcombe_limits, tango_limits
from survmodel.performance.mcnemar import Method, discordant_p
from survmodel.performance.predictive_values import compare_predictive_values
from survmodel.performance.proportions import Limits, share_limits

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Row = dict[str, object]
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Choices:
    """How the numbers are computed.

    Attributes
    ----------
    names : tuple of (str, str)
        The tests.
    method : {"mid-p", "exact"}
        McNemar's p-value.
    limits, difference_limits : str
        Limits of shares and of differences.
    conf_level : float
        Coverage.
    seed : int
        Start of random numbers.
    """

    names: tuple[str, str]
    method: Method
    limits: Limits
    difference_limits: DifferenceLimits
    conf_level: float
    seed: int


def measure_shares(disease: Bools, calls: Bools) -> dict[str, tuple[Bools, Bools]]:
    """Tell for each measure of one test which rows are right, and among which rows.

    Parameters
    ----------
    disease, calls : ndarray of bool, shape (n,)
        With the condition, and called positive.

    Returns
    -------
    dict of str to tuple of ndarray of bool
        Only measures that the rows allow: without disease-negatives sensitivity alone.

    Examples
    --------
    >>> list(measure_shares(np.array([True]), np.array([True])))
    ['sensitivity']
    """
    every = np.ones(disease.size, dtype=bool)
    with_disease = {"sensitivity": (calls, disease)}
    without = {"specificity": (~calls, ~disease)}
    both = {"PPV": (disease, calls), "NPV": (~disease, ~calls), "accuracy": (calls == disease, every)}
    found = with_disease if disease.all() else without if not disease.any() else with_disease | without | both
    return {name: pair for name, pair in found.items() if pair[1].any()}


def share_rows(
    sample: str, disease: Bools, calls: tuple[Bools, Bools], patient: Ints | None, how: Choices
) -> list[Row]:
    """Give the measures of each test with limits.

    Parameters
    ----------
    sample : str
        Which reads these are.
    disease : ndarray of bool, shape (n,)
        With the condition.
    calls : tuple of ndarray of bool
        Positive by each test.
    patient : ndarray of int or None
        Patient of each row.
    how : Choices
        How.

    Returns
    -------
    list of dict
        One for each test and measure.

    Examples
    --------
    >>> how = Choices(("A", "B"), "mid-p", "wilson", "tango", 0.95, 0)
    >>> yes = np.array([True, True, False])
    >>> [row["estimate"] for row in share_rows("all", np.ones(3, bool), (yes, ~yes), None, how)]
    [0.6666666666666666, 0.3333333333333333]
    """
    rows: list[Row] = []
    for name, one in zip(how.names, calls, strict=True):
        for measure, (yes, among) in measure_shares(disease, one).items():
            hits, n = int((yes & among).sum()), int(among.sum())
            if patient is None:
                low, high = share_limits(hits, n, how.limits, how.conf_level)
            elif np.unique(patient[among]).size < 2:
                low, high = NAN, NAN
            else:
                found = clustered_proportion(yes[among], patient[among], conf_level=how.conf_level)
                low, high = found.conf_low, found.conf_high
            limits = {"conf_low": low, "conf_high": high}
            rows.append({"sample": sample, "model": name, "measure": measure, "estimate": hits / n, **limits, "n": n})
        if patient is None and disease.any() and not disease.all():
            rows += _likelihood_ratios(sample, name, disease, one, how)
    return rows


def _likelihood_ratios(sample: str, name: str, disease: Bools, calls: Bools, how: Choices) -> list[Row]:
    """Give both likelihood ratios with limits on the log scale (Simel 1991)."""
    z = float(norm.ppf((1 + how.conf_level) / 2))
    rows: list[Row] = []
    for measure, called in (("LR+", calls), ("LR-", ~calls)):
        yes, no = int((called & disease).sum()), int((called & ~disease).sum())
        n, m = int(disease.sum()), int((~disease).sum())
        row: Row = {"sample": sample, "model": name, "measure": measure, "n": n + m}
        if yes and no:
            ratio, error = (yes / n) / (no / m), sqrt(1 / yes - 1 / n + 1 / no - 1 / m)
            ends = {"conf_low": exp(log(ratio) - z * error), "conf_high": exp(log(ratio) + z * error)}
            row |= {"estimate": ratio, **ends}
        else:
            row |= {"estimate": (yes / n) / (no / m) if no else float("inf") if yes else NAN}
        rows.append(row)
    return rows


def difference_rows(
    sample: str, disease: Bools, calls: tuple[Bools, Bools], patient: Ints | None, how: Choices
) -> list[Row]:
    """Compare the two tests measure by measure.

    Parameters
    ----------
    sample : str
        Which reads these are.
    disease : ndarray of bool, shape (n,)
        With the condition.
    calls : tuple of ndarray of bool
        Positive by each test.
    patient : ndarray of int or None
        Patient of each row.
    how : Choices
        How.

    Returns
    -------
    list of dict
        Differences first minus second with limits and p-values; ratios of predictive values.

    Examples
    --------
    >>> how = Choices(("A", "B"), "mid-p", "wilson", "tango", 0.95, 0)
    >>> yes = np.array([True, True, False])
    >>> [row["p_value"] for row in difference_rows("all", np.ones(3, bool), (yes, ~yes), None, how)]
    [0.625]
    """
    contrast = f"{how.names[0]} - {how.names[1]}"
    first, second = (measure_shares(disease, one) for one in calls)
    rows: list[Row] = []
    for measure in (name for name in first if name in second):
        base: Row = {"sample": sample, "contrast": contrast, "measure": measure}
        yes, among = zip(first[measure], second[measure], strict=True)
        if patient is not None:
            found = clustered_difference(yes, among, patient, how.conf_level, how.seed)
            names = ("estimate", "conf_low", "conf_high", "statistic", "df", "p_value")
            n = int((among[0] | among[1]).sum())
            rows.append(base | {name: getattr(found, name) for name in names} | {"n": n, "used": found.method})
        elif measure in ("PPV", "NPV"):
            rows += _predictive_rows(base, yes[0], among, how)
        else:
            rows.append(base | _paired_row(yes[0][among[0]], yes[1][among[0]], how))
    return rows


def _paired_row(a: Bools, b: Bools, how: Choices) -> Row:
    both, first, second, n = int((a & b).sum()), int((a & ~b).sum()), int((b & ~a).sum()), int(a.size)
    if how.difference_limits == "tango":
        low, high = tango_limits(first, second, n, how.conf_level)
    else:
        low, high = newcombe_limits(both, first, second, n, how.conf_level)
    p_value = discordant_p(first, second, how.method)
    return {"estimate": (first - second) / n, "conf_low": low, "conf_high": high, "p_value": p_value, "n": n}


def _predictive_rows(base: Row, right: Bools, among: tuple[Bools, ...], how: Choices) -> list[Row]:
    found = compare_predictive_values(right, among[0], among[1], how.conf_level)
    test = {"statistic": found.statistic, "df": 1, "p_value": found.p_value, "n": int((among[0] | among[1]).sum())}
    ratio = {"estimate": found.ratio, "conf_low": found.conf_low, "conf_high": found.conf_high}
    label = f"{how.names[0]} / {how.names[1]}"
    return [
        base | {"estimate": found.values[0] - found.values[1]} | test,
        base | {"contrast": label, "measure": f"{base['measure']} ratio"} | ratio | test,
    ]


def corrected_rows(disease: Ints, calls: tuple[Bools, Bools], how: Choices) -> list[Row]:
    """Estimate sensitivity and specificity as if all had been verified (Begg and Greenes).

    Among patients with the same two results the verified stand for the others; limits by the delta method.

    Parameters
    ----------
    disease : ndarray of int, shape (n,)
        1, 0, or -1 where not verified.
    calls : tuple of ndarray of bool
        Positive by each test.
    how : Choices
        How.

    Returns
    -------
    list of dict
        Empty where a pair of results has nobody verified.

    References
    ----------
    Begg CB, Greenes RA (1983). Biometrics 39:207-215.

    Examples
    --------
    >>> how = Choices(("A", "B"), "mid-p", "wilson", "tango", 0.95, 0)
    >>> calls = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], dtype=bool)
    >>> [row["estimate"] for row in corrected_rows(np.array([1, -1, 1, -1]), (calls[0], calls[1]), how)][:2]
    [0.5, 0.5]
    """
    pattern = 2 * calls[0].astype(np.int64) + calls[1]
    every = np.bincount(pattern, minlength=4)
    seen = np.bincount(pattern, weights=disease >= 0, minlength=4)
    if ((every > 0) & (seen == 0)).any():
        return []
    share = every / every.sum()
    ill = np.bincount(pattern, weights=disease == 1, minlength=4) / np.maximum(seen, 1)
    by_a, by_b = np.array([0, 0, 1, 1.0]), np.array([0, 1, 0, 1.0])
    z = float(norm.ppf((1 + how.conf_level) / 2))
    rows: list[Row] = []
    for measure, risk, (a, b) in (("sensitivity", ill, (by_a, by_b)), ("specificity", 1 - ill, (1 - by_a, 1 - by_b))):
        total = float(share @ risk)
        if total == 0:
            continue
        named = [{"model": name} for name in how.names] + [{"contrast": f"{how.names[0]} - {how.names[1]}"}]
        for label, weight in zip(named, (a, b, a - b), strict=True):
            estimate = float(weight * share @ risk) / total
            gain = (weight - estimate) / total
            of_risk = ((gain * share) ** 2 * risk * (1 - risk) / np.maximum(seen, 1)).sum()
            of_share = (share * (gain * risk) ** 2).sum() - float(share @ (gain * risk)) ** 2
            reach = z * sqrt(max(float(of_risk + of_share / every.sum()), 0.0))
            floor = 0.0 if "model" in label else -1.0
            ends = {"conf_low": max(floor, estimate - reach), "conf_high": min(1.0, estimate + reach)}
            base: Row = {"sample": "corrected for verification", "measure": measure, "n": int(every.sum())}
            rows.append(base | label | {"estimate": estimate} | ends)
    return rows
