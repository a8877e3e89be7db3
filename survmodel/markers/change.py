r"""Change of uptake between two scans, and its category by boundaries that count as reached.

.. math:: \Delta = 100\,\frac{x_1 - x_0}{x_0}\ \%

A fall of 30 % or more is a response, a rise of 30 % or more progression. Measured values have few digits: 10.5 against
15 is a fall of exactly 30 %, and 5.72 against 4.4 a rise of exactly 30 %, which floating-point numbers miss by a hair.
A change within one part in a billion of a boundary is at it. Without a baseline above 0 there is no percentage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, name_rows
from survmodel.formatting import count_noun, format_count, format_significant
from survmodel.markers.uptake import BASELINE, TRACERS, Marker, Uptake, patient_uptake
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

RESPONSE, STABLE, PROGRESSION, NOT_EVALUABLE = "PMR", "SMD", "PMD", "not evaluable"
#: Largest distance from a boundary that counts as being at it, in percentage points.
HAIR = 1e-7
LATER = ("interim", "end")
#: Metrics whose change becomes a column: of a scan, and of each segmentation rule.
CHANGED, CHANGED_BY_RULE = ("suvmax",), ("mtv", "tlu")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class UptakeChange(Result):
    """Change of uptake of each patient.

    Attributes
    ----------
    percent : ndarray, shape (n,)
        Change in percent of the baseline; NaN where it does not exist.
    category : tuple of str
        "PMR" (partial metabolic response), "SMD" (stable), "PMD" (progression) or "not evaluable".
    response, progression : float
        Boundaries in percent; at a boundary counts as reached.
    warnings : tuple of str
        What the reader must know.
    """

    percent: npt.NDArray[np.float64]
    category: tuple[str, ...]
    response: float
    progression: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give one row for each patient.

        Returns
        -------
        pandas.DataFrame
            Columns row, estimate (percent), level (category).
        """
        rows = np.arange(len(self.percent)) + 1
        return pd.DataFrame({"row": rows, "estimate": self.percent, "level": list(self.category)})

    def glance(self) -> pd.DataFrame:
        """Count the categories in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_missing and conventions.
        """
        low, high = (format_significant(value) for value in (self.response, self.progression))
        row = {
            "n": len(self.percent),
            "n_missing": self.category.count(NOT_EVALUABLE),
            "conventions": f"percent of the baseline; {low}% and {high}% count as reached",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        names = (RESPONSE, STABLE, PROGRESSION, NOT_EVALUABLE)
        rows = [[name, format_count(self.category.count(name))] for name in names]
        table = Table(["category", "patients"], rows)
        return Display("Change of uptake", (table,), (str(self.glance().iloc[0]["conventions"]),))


def uptake_change(
    baseline: npt.ArrayLike, later: npt.ArrayLike, *, response: float = -30.0, progression: float = 30.0
) -> UptakeChange:
    """Compute the change of uptake between two scans.

    Parameters
    ----------
    baseline, later : array_like, shape (n,)
        Uptake or volume on both scans; missing values are allowed.
    response, progression : float
        Boundaries in percent, the one below 0 and the other above.

    Returns
    -------
    UptakeChange
        Percent and category of each patient; not evaluable without a baseline above 0 and a later value.

    Raises
    ------
    ConfigError
        For boundaries that are not below and above 0.
    DataError
        For values below 0, infinite ones, and different lengths.

    References
    ----------
    Wahl RL et al. (2009). J Nucl Med 50(Suppl 1):122S-150S.

    Examples
    --------
    >>> found = uptake_change([15.0, 4.4, 5.0, 0.0], [10.5, 5.72, 5.0, 2.0])
    >>> found.percent.round(1).tolist(), found.category
    ([-30.0, 30.0, 0.0, nan], ('PMR', 'PMD', 'SMD', 'not evaluable'))
    """
    if not -100 <= response < 0 < progression < np.inf:
        raise ConfigError(f"the boundaries are {response} and {progression}", remedy="give one below and one above 0")
    first, second = _read(baseline, "baseline"), _read(later, "later")
    if first.shape != second.shape:
        raise DataError("baseline and later differ in length", f"found {first.size} and {second.size}")
    with np.errstate(invalid="ignore", divide="ignore"):
        percent = np.where(first > 0, 100 * (second - first) / first, np.nan)
    category = np.select(
        [np.isnan(percent), percent <= response + HAIR, percent >= progression - HAIR],
        [NOT_EVALUABLE, RESPONSE, PROGRESSION],
        default=STABLE,
    )
    return UptakeChange(frozen(percent), tuple(category.tolist()), float(response), float(progression))


def _read(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    try:
        read = np.asarray(pd.Series(values).to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"{name} holds something that is no number", remedy="give one number for each patient"
        ) from None
    wrong = np.isinf(read) | (read < 0)
    if wrong.any():
        raise DataError(f"{name} is negative or infinite", f"in {name_rows(wrong)}", "uptake is 0 or more")
    return read


def possible_changes(rules: Sequence[str]) -> tuple[Marker, ...]:
    """List every column that `patient_changes` can make.

    Parameters
    ----------
    rules : sequence of str
        Segmentation rules that lesions may have been delineated by.

    Returns
    -------
    tuple of Marker
        By tracer and later scan.

    Examples
    --------
    >>> [marker.name for marker in possible_changes([])]
    ['cxcr4_suvmax_change_interim', 'cxcr4_suvmax_change_end', 'fdg_suvmax_change_interim', 'fdg_suvmax_change_end']
    """
    found = []
    for tracer in TRACERS:
        for role in LATER:
            found += [_change(tracer, metric, role) for metric in CHANGED]
            found += [_change(tracer, metric, role, rule) for rule in rules for metric in CHANGED_BY_RULE]
    return tuple(found)


def _change(tracer: str, metric: str, role: str, rule: str = "") -> Marker:
    name = {"suvmax": "SUVmax", "mtv": "volume", "tlu": "total uptake"}[metric]
    under = f" ({rule})" if rule else ""
    scan = "interim" if role == "interim" else "end-of-treatment"
    column = f"{tracer}_{metric}_change_{role}" + (f"_{rule}" if rule else "")
    return Marker(column, f"change of {tracer.upper()} {name} to the {scan} scan{under}", "%", tracer, rule)


def patient_changes(
    uptake: pd.DataFrame, scans: pd.DataFrame, lesions: pd.DataFrame, reads: pd.DataFrame | None = None
) -> Uptake:
    """Compute the change of uptake to the later scans of each patient.

    Parameters
    ----------
    uptake : pandas.DataFrame
        By patient: columns of the baseline, as :func:`~survmodel.markers.uptake.patient_uptake` gives them.
    scans, lesions, reads : pandas.DataFrame
        All scans with scan_role, their lesions and reads.

    Returns
    -------
    Uptake
        Percent of the baseline; known only after the later scan, and no baseline covariate.
    """
    table, markers = pd.DataFrame(index=uptake.index), []
    if "scan_role" not in scans:
        return Uptake(table, ())
    patients = pd.Series(uptake.index.astype(str))
    notes: list[str] = []
    for role in LATER:
        own = scans[scans["scan_role"].astype(object) == role]
        if own.empty:
            continue
        inside = lesions[lesions["scan_id"].isin(own["scan_id"])]
        seen = patient_uptake(patients, own.assign(scan_role=BASELINE), inside, reads).table
        rules = {name.split("_mtv_")[1] for name in uptake.columns if "_mtv_" in name}
        for marker in possible_changes(sorted(rules)):
            source = marker.name.replace(f"_change_{role}", "")
            if f"_change_{role}" not in marker.name or source not in uptake or source not in seen:
                continue
            change = uptake_change(uptake[source].to_numpy(), seen[source].reindex(uptake.index).to_numpy())
            if np.isfinite(change.percent).any():
                table[marker.name] = change.percent
                markers.append(marker)
        notes.append(f"{count_noun(len(own), f'{role} scan')}: known only after baseline")
    return Uptake(table, tuple(markers), tuple(notes))
