"""What may be said of a marker that was added to a model: four levels, one vocabulary, and the reasons.

The unit of a claim is one marker, one endpoint and one pair of models, fixed beforehand. The levels:

supported
    the likelihood ratio test is significant, the corrected change of C is above 0, there are at least 20 events, and
    neither proportional hazards nor one direction in all entities is refuted;
no useful value
    the limits of the hazard ratio lie below the smallest useful one, which was declared beforehand;
not assessable
    fewer than 20 events;
inconclusive
    everything else: the study cannot exclude a useful value, or cannot show one.

A claim is about association in these patients. It never says that a marker is better than another, that it stands
for itself whatever else is known, or who gains from a treatment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_interval, format_number, format_p_equation

Level = Literal["supported", "inconclusive", "no useful value", "not assessable"]
LEVELS = ("supported", "inconclusive", "no useful value", "not assessable")
#: Fewest events for a claim, and the size of its test.
FEWEST_EVENTS, SIZE = 20, 0.05
#: What no sentence and no label may say.
FORBIDDEN = re.compile(r"independent(ly)?\s+predict|superior|predicts?\s+(a\s+)?benefit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a claim is judged by.

    Attributes
    ----------
    n_event : int
        Events of the analysed patients.
    p_value : float
        Of the likelihood ratio test; NaN where there is none.
    ratio, conf_low, conf_high : float
        Hazard ratio of the added column with limits; NaN where several were added.
    concordance_change : float
        Corrected change of Harrell's C within strata; NaN where it was not computed.
    smallest_useful : float or None
        Smallest useful hazard ratio, declared beforehand: above 1, or below it where higher values are better.
    proportional_p : float
        P-value of the test of proportional hazards of the added columns; NaN where it cannot be computed.
    conflict : str
        Entities in which the marker points in opposite directions, "" where none do.
    missing_test : str
        Why there is no likelihood ratio test, "" where there is one.
    """

    n_event: int
    p_value: float
    ratio: float
    conf_low: float
    conf_high: float
    concordance_change: float
    smallest_useful: float | None
    proportional_p: float
    conflict: str = ""
    missing_test: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """A level with its sentence.

    Attributes
    ----------
    level : {"supported", "inconclusive", "no useful value", "not assessable"}
        What the study says.
    sentence : str
        What may be printed.
    reasons : tuple of str
        Why it is this level.
    """

    level: Level
    sentence: str
    reasons: tuple[str, ...]


def judge(evidence: Evidence, *, marker: str, base: str, endpoint: str) -> Claim:
    """Find the level of a claim and write its sentence.

    Parameters
    ----------
    evidence : Evidence
        What was found.
    marker, base, endpoint : str
        How the sentence calls the added marker, the smaller model and the endpoint.

    Returns
    -------
    Claim
        Level, sentence, reasons.

    Raises
    ------
    ConfigError
        When a name holds words that no claim may use.

    Examples
    --------
    >>> found = Evidence(60, 0.004, 1.5, 1.1, 2.0, 0.02, 1.2, 0.4)
    >>> judge(found, marker="CXCR4 uptake", base="age and FDG", endpoint="progression-free survival").level
    'supported'
    """
    for name in (marker, base, endpoint):
        refuse_forbidden(name)
    against = _against(evidence)
    if evidence.n_event < FEWEST_EVENTS:
        level: Level = "not assessable"
        reasons = [f"{count_noun(evidence.n_event, 'event')}, fewer than {FEWEST_EVENTS}"]
        sentence = f"Whether {marker} adds prognostic information to {base} for {endpoint} cannot be assessed: "
        sentence += f"{reasons[0]}."
    elif _is_too_small(evidence):
        level = "no useful value"
        limits = format_interval(evidence.conf_low, evidence.conf_high)
        reasons = [f"limits of the hazard ratio {limits}, smallest useful one {_useful(evidence)}"]
        sentence = f"For {endpoint}, {marker} adds nothing useful to {base}: {reasons[0]}."
    elif not against:
        level = "supported"
        change = format_number(evidence.concordance_change, 3)
        reasons = [f"likelihood ratio {format_p_equation(evidence.p_value)}", f"corrected change of C {change}"]
        events = count_noun(evidence.n_event, "event")
        sentence = f"For {endpoint}, {marker} adds prognostic information to {base} ({'; '.join([*reasons, events])})."
    else:
        level, reasons = "inconclusive", [*against, *_open_values(evidence)]
        sentence = f"Whether {marker} adds prognostic information to {base} for {endpoint} is inconclusive: "
        sentence += f"{'; '.join(reasons)}."
    refuse_forbidden(sentence)
    return Claim(level, sentence, tuple(reasons))


def refuse_forbidden(text: str) -> None:
    """Refuse words that no claim may use.

    Parameters
    ----------
    text : str
        A label or a sentence.

    Raises
    ------
    ConfigError
        When it holds one of them.

    Examples
    --------
    >>> refuse_forbidden("adds prognostic information")
    """
    found = FORBIDDEN.search(text)
    if found is not None:
        remedy = "say what was measured: adds prognostic information, is inconclusive"
        raise ConfigError("the words go beyond what such a study can show", f"found {found[0]!r}", remedy)


def _against(evidence: Evidence) -> list[str]:
    """List what speaks against a supported claim."""
    told = []
    if evidence.missing_test:
        told.append(f"no likelihood ratio test: {evidence.missing_test}")
    elif not evidence.p_value < SIZE:
        told.append(f"likelihood ratio {format_p_equation(evidence.p_value)}")
    if not evidence.concordance_change > 0:
        known = np.isfinite(evidence.concordance_change)
        told.append(
            f"corrected change of C {format_number(evidence.concordance_change, 3)}"
            if known
            else "corrected change of C not estimable"
        )
    if evidence.proportional_p < SIZE:
        told.append(f"proportional hazards are refuted ({format_p_equation(evidence.proportional_p)})")
    if evidence.conflict:
        told.append(f"opposite directions in {evidence.conflict}")
    return told


def _open_values(evidence: Evidence) -> list[str]:
    """Say what the limits of the hazard ratio hold."""
    low, high = evidence.conf_low, evidence.conf_high
    if not np.isfinite(evidence.ratio):
        return []
    limits = f"the limits of the hazard ratio, {format_interval(low, high)}"
    if evidence.smallest_useful is None:
        return [f"{limits}; no smallest useful hazard ratio was declared"]
    held = ["1"] if low <= 1 <= high else []
    if low <= evidence.smallest_useful <= high:
        held.append(f"the smallest useful one, {_useful(evidence)}")
    return [f"{limits}, hold {' and '.join(held)}: this study cannot exclude a useful value" if held else limits]


def _is_too_small(evidence: Evidence) -> bool:
    useful = evidence.smallest_useful
    if useful is None or not np.isfinite(evidence.ratio):
        return False
    return evidence.conf_high < useful if useful > 1 else evidence.conf_low > useful


def _useful(evidence: Evidence) -> str:
    return format_number(evidence.smallest_useful)


def check_fdg(names: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a name that speaks of FDG for a smaller model that does not hold it.

    Parameters
    ----------
    names : sequence of str
        Names of the smaller model.
    columns : sequence of str
        Columns of the smaller model.

    Raises
    ------
    ConfigError
        When no column is one of FDG: "beyond FDG" would be said without it.
    """
    if any("fdg" in name.lower() for name in names) and not any("fdg" in column.lower() for column in columns):
        raise ConfigError(
            "the smaller model is named after FDG and does not hold it",
            remedy="put the FDG marker into the smaller model, or name what it holds",
        )
