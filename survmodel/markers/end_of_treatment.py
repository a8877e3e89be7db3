"""PET, response and measurable residual disease at the end of treatment: what a patient has left.

==========================  ==========================================================================================
``cxcr4_end_read``          read of the end-of-treatment CXCR4 scan; ``fdg_end_read`` that of FDG
``response_end``            response nearest to the scan within so many days
``mrd_end``                 residual disease in the marrow, nearest to the scan within so many days
``mrd_pet``                 *double negative*, *PET only*, *MRD only*, *both positive*, of CXCR4 PET
``cxcr4_end_scan_date``     the day of the scan
``mrd_pet_date``            the day on which both are known
==========================  ==========================================================================================

Of several scans the first counts, and of several results of the marrow the nearest; of two as near the earlier one, and
of two of one day the positive one. An indeterminate read is neither: such a patient has no ``mrd_pet``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import count_noun
from survmodel.markers.uptake import TRACERS, deciding_read

END = "end"
MRD, MRD_PET, RESPONSE_END = "mrd_end", "mrd_pet", "response_end"
#: Responses from worst to best, and what is none.
RESPONSES, NOT_EVALUABLE = ("PD", "SD", "MR", "PR", "VGPR", "CR"), "not_evaluable"
#: Days that an endpoint may begin on.
SCAN_DATE_AT_END, KNOWN_DATE = "cxcr4_end_scan_date", "mrd_pet_date"
DOUBLE_NEGATIVE, PET_ONLY, MRD_ONLY, BOTH_POSITIVE = "double negative", "PET only", "MRD only", "both positive"
STATES = (DOUBLE_NEGATIVE, PET_ONLY, MRD_ONLY, BOTH_POSITIVE)
RESULTS = ("negative", "positive")
LABELS = {
    "cxcr4_end_read": "CXCR4 read at the end of treatment",
    "fdg_end_read": "FDG read at the end of treatment",
    RESPONSE_END: "response at the end of treatment",
    MRD: "residual disease in the marrow at the end of treatment",
    MRD_PET: "CXCR4 PET and residual disease at the end of treatment",
}
DATE_LABELS = {
    SCAN_DATE_AT_END: "date of the end-of-treatment CXCR4 scan",
    KNOWN_DATE: "date on which CXCR4 PET and residual disease are known",
}


@dataclass(frozen=True, slots=True, eq=False)
class EndFacts:
    """What is known of patients at the end of treatment.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each patient, in the order given; columns only where something is known.
    dates : pandas.DataFrame
        Days, with the same rows.
    scan_rows : mapping of str to ndarray of int
        For each column of days the row of the scans, -1 where there is none.
    notes : tuple of str
        Counts that the reader should know.
    """

    table: pd.DataFrame
    dates: pd.DataFrame
    scan_rows: dict[str, npt.NDArray[np.int64]]
    notes: tuple[str, ...] = ()


def end_facts(
    patients: Sequence[str],
    scans: pd.DataFrame,
    reads: pd.DataFrame | None = None,
    assessments: pd.DataFrame | None = None,
    *,
    days: int = 30,
) -> EndFacts:
    """Collect reads and residual disease at the end of treatment.

    Parameters
    ----------
    patients : sequence of str
        Patient ids, one for each row of the result.
    scans, reads, assessments : pandas.DataFrame
        The canonical tables; scans with ``scan_role`` "end" count.
    days : int
        Most days between the scan and the marrow, before or after; and between the scans of both tracers.

    Returns
    -------
    EndFacts
        Known only after treatment, and no baseline covariates.

    Examples
    --------
    >>> scans = pd.DataFrame({
    ...     "scan_id": ["c"], "patient_id": ["a"], "tracer": ["cxcr4"], "scan_role": ["end"],
    ...     "scan_date": pd.to_datetime(["2024-05-02"]),
    ... })
    >>> reads = pd.DataFrame({"scan_id": ["c"], "reader": ["consensus"], "result": ["positive"]})
    >>> marrow = pd.DataFrame({
    ...     "patient_id": ["a"], "assessment_date": pd.to_datetime(["2024-05-20"]), "mrd": ["negative"],
    ... })
    >>> end_facts(["a"], scans, reads, marrow).table.loc["a", ["mrd_end", "mrd_pet"]].tolist()
    ['negative', 'PET only']
    """
    index = pd.Index(list(patients), name="patient_id")
    table, dates = pd.DataFrame(index=index), pd.DataFrame(index=index)
    own = _end_scans(scans, days)
    if not any(len(one) for one in own.values()):
        return EndFacts(table, dates, {})
    by_tracer = {tracer: rows.set_index("patient_id") for tracer, rows in own.items()}
    if reads is not None:
        result = deciding_read(reads)
        for tracer, rows in by_tracer.items():
            calls = rows["scan_id"].map(result).reindex(index)
            if calls.notna().any():
                table[f"{tracer}_end_read"] = pd.Categorical(calls, categories=[*RESULTS, "indeterminate"])
    day = {tracer: rows["scan_date"].reindex(index) for tracer, rows in by_tracer.items()}
    scan_rows: dict[str, npt.NDArray[np.int64]] = {}
    if len(by_tracer["cxcr4"]):
        dates[SCAN_DATE_AT_END] = day["cxcr4"]
        scan_rows[SCAN_DATE_AT_END] = by_tracer["cxcr4"]["row"].reindex(index).fillna(-1).to_numpy(np.int64)
    anchor = day["cxcr4"].fillna(day["fdg"])
    if assessments is not None and "response" in assessments:
        response = _response(anchor, assessments, days).reindex(index)
        if response.notna().any():
            table[RESPONSE_END] = pd.Categorical(response, categories=[*RESPONSES, NOT_EVALUABLE])
    marrow = None if assessments is None else _marrow(anchor, assessments, days)
    if marrow is None or marrow.empty:
        return EndFacts(table, dates, scan_rows, ())
    found = marrow.reindex(index)
    table[MRD] = pd.Categorical(found["mrd"], categories=list(RESULTS))
    if "cxcr4_end_read" in table:
        table[MRD_PET] = _states(table["cxcr4_end_read"].astype(object), found["mrd"].astype(object))
        both = table[MRD_PET].notna()
        dates[KNOWN_DATE] = day["cxcr4"].where(day["cxcr4"] >= found["day"], found["day"]).where(both)
        scan_rows[KNOWN_DATE] = np.where(both, scan_rows[SCAN_DATE_AT_END], -1)
    counted = count_noun(int(table[MRD].notna().sum()), "patient")
    note = f"{counted} with an end-of-treatment scan and residual disease looked for within {count_noun(days, 'day')}"
    return EndFacts(table, dates, scan_rows, (note,))


def _end_scans(scans: pd.DataFrame, days: int) -> dict[str, pd.DataFrame]:
    """Take the first end-of-treatment CXCR4 scan of each patient, and the FDG scan nearest to it."""
    rows = scans.assign(row=np.arange(len(scans)), tracer=scans["tracer"].astype(str))
    rows = rows[rows["scan_role"].astype(object) == END].sort_values("scan_date", kind="stable")
    first = rows[rows["tracer"] == TRACERS[0]].drop_duplicates("patient_id")
    other = rows[rows["tracer"] == TRACERS[1]]
    to = other["patient_id"].map(first.set_index("patient_id")["scan_date"])
    apart = (other["scan_date"] - to).dt.days.abs()
    other = other.assign(apart=apart.fillna(0))[(apart <= days) | apart.isna()]
    second = other.sort_values(["apart", "scan_date"], kind="stable").drop_duplicates("patient_id")
    return {TRACERS[0]: first, TRACERS[1]: second}


def _marrow(anchor: pd.Series, assessments: pd.DataFrame, days: int) -> pd.DataFrame:
    """Take the result of the marrow nearest to the scan of each patient."""
    rows = pd.DataFrame({
        "patient_id": assessments["patient_id"], "day": assessments["assessment_date"],
        "mrd": assessments["mrd"].astype(object),
    })  # fmt: skip
    rows = rows[rows["mrd"].isin(RESULTS)]
    apart = (rows["day"] - rows["patient_id"].map(anchor)).dt.days.abs()
    near = rows.assign(apart=apart, negative=rows["mrd"] == RESULTS[0])[apart <= days]
    near = near.sort_values(["apart", "day", "negative"], kind="stable")
    return near.drop_duplicates("patient_id").set_index("patient_id")


def _response(anchor: pd.Series, assessments: pd.DataFrame, days: int) -> pd.Series:
    """Take the response nearest to the scan of each patient; of two of one day the worse, and one that is none last."""
    order = [*RESPONSES, NOT_EVALUABLE]
    rows = pd.DataFrame({
        "patient_id": assessments["patient_id"], "day": assessments["assessment_date"],
        "response": assessments["response"].astype(object),
    })  # fmt: skip
    rows = rows[rows["response"].isin(order)]
    apart = (rows["day"] - rows["patient_id"].map(anchor)).dt.days.abs()
    near = rows.assign(apart=apart, place=rows["response"].map(order.index))[apart <= days]
    near = near.sort_values(["apart", "day", "place"], kind="stable")
    return near.drop_duplicates("patient_id").set_index("patient_id")["response"]


def _states(pet: pd.Series, marrow: pd.Series) -> pd.Categorical:
    known = pet.isin(RESULTS) & marrow.isin(RESULTS)
    code = (pet == RESULTS[1]).astype(int) + 2 * (marrow == RESULTS[1]).astype(int)
    return pd.Categorical.from_codes(code.where(known, -1).tolist(), categories=pd.Index(STATES))
