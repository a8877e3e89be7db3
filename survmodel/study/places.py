"""Where the values of patients stand: findings about endpoints, named by file and line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.data.findings import Finding, Place, Severity

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPlaces:
    """File and row of every patient, for each column.

    Attributes
    ----------
    columns : mapping of str to (Place, ndarray of int64)
        The file of the column, and the row of each patient in it, -1 where the file does not have the patient.
    patients : tuple of (Place, ndarray of int64)
        The file of the patients themselves.
    """

    columns: Mapping[str, tuple[Place, Rows]]
    patients: tuple[Place, Rows]

    def find(
        self,
        code: str,
        column: str,
        problem: str,
        patients: Iterable[int],
        *,
        expected: str = "",
        remedy: str = "",
        severity: Severity = "error",
    ) -> list[Finding]:
        """Make a finding for some patients.

        Parameters
        ----------
        code, column, problem : str
            As in `Finding`.
        patients : iterable of int
            Their positions, the first is 0.
        expected, remedy, severity : str
            As in `Finding`.

        Returns
        -------
        list of Finding
            One that names lines of the file of the column, and one that names lines of the patients whom that file does
            not have.
        """
        place, rows = self.columns.get(column, self.patients)
        chosen = np.array(sorted(set(patients)), dtype=np.int64)
        known = rows[chosen] >= 0
        found = []
        if known.any():
            lines = sorted(int(row) for row in rows[chosen[known]])
            found.append(place.find(code, column, problem, lines, expected=expected, remedy=remedy, severity=severity))
        if not known.all():
            own, own_rows = self.patients
            absent = f"{problem}; {place.file} does not have the patient"
            lines = sorted(int(row) for row in own_rows[chosen[~known]])
            found.append(own.find(code, column, absent, lines, expected=expected, remedy=remedy, severity=severity))
        return found

    def patients_at(self, finding: Finding) -> set[int]:
        """Say which patients a finding concerns.

        Parameters
        ----------
        finding : Finding
            Of a file that one of the columns stands in.

        Returns
        -------
        set of int
            Their positions.
        """
        wanted = set(finding.rows)
        found: set[int] = set()
        for place, rows in {
            id(place): (place, rows) for place, rows in (*self.columns.values(), self.patients)
        }.values():
            if (place.file, place.table) == (finding.file, finding.table):
                for patient, row in enumerate(rows):
                    if row >= 0 and place.lines[row] in wanted:
                        found.add(patient)
        return found
