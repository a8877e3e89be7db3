"""What in the tables is not as it should be, on purpose: found in the tables, listed by file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from survmodel.errors import list_values
from survmodel.simulate.cohort import Person
from survmodel.simulate.tables import MISDATED_BY, Blemishes

#: Code of the finding of a last contact before progression, for the waiver.
WAIVED_CODE = "D126"
WAIVER_REASON = "synthetic: the last contact was copied from an earlier visit, the progression stands"
ROWS_LISTED = 12
MORE_OFTEN = "more often in the first era and above 70 years"

Rule = Callable[[pd.DataFrame, dict[str, set[str]]], pd.Series]

#: Name, table and text of each kind, and the rows that show it.
KINDS: tuple[tuple[str, str, str, Rule], ...] = (
    ("disease-negative", "patients",
     "Suspected, and the reference standard found no such disease; the entity is the one that was suspected.",
     lambda t, _: t["confirmed"] == "no"),
    ("treated before the scan", "patients",
     "Had systemic treatment 60 days before the first scan; not eligible for the prognostic set.",
     lambda t, _: t["untreated"] == "no"),
    ("paediatric", "patients", "Younger than 18 years: indices for adults do not hold.",
     lambda t, who: t["patient_id"].isin(who["children"])),
    ("scans more than 14 days apart", "scans", "The FDG scan lies 16 to 25 days before the CXCR4 scan.",
     lambda t, who: t["patient_id"].isin(who["apart"])),
    ("indeterminate reads", "reads",
     "The consensus is neither positive nor negative: the faintest of all scans that show a lesion.",
     lambda t, _: (t["reader"] == "consensus") & (t["result"] == "indeterminate")),
    ("read-negative scans", "reads",
     "The scan shows nothing: it has no lesion. Its volume is 0, its SUVmax does not exist.",
     lambda t, _: (t["reader"] == "consensus") & (t["result"] == "negative")),
    ("LDH without upper limit", "labs", "The laboratory did not say its upper limit.",
     lambda t, who: t["patient_id"].isin(who["no_limit"]) & (t["test"] == "ldh")),
    ("beta-2 microglobulin missing", "patients", f"The test has no row in labs.csv; {MORE_OFTEN}.",
     lambda t, who: t["patient_id"].isin(who["no_b2"])),
    ("index group missing", "patients", f"The group of the clinical index is unknown; {MORE_OFTEN}.",
     lambda t, _: (t["confirmed"] == "yes") & (t["index_group"] == "")),
    ("death without progression", "follow_up",
     "Died before a progression was seen: a competing event for the time to progression.",
     lambda t, _: (t["vital_status"] == "dead") & (t["progression_date"] == "")),
    ("lost to follow-up", "follow_up", "Lost before the data lock.", lambda t, _: t["vital_status"] == "lost"),
    ("mis-dated row", "follow_up",
     f"The last contact lies {MISDATED_BY} days before the progression. The waiver below accepts it.",
     lambda t, who: t["patient_id"].isin(who["misdated"])),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flaw:
    """One kind of deliberate flaw.

    Attributes
    ----------
    name : str
        Short name.
    table : str
        Table that shows it.
    text : str
        What it is.
    rows : tuple of int
        Lines of the file; the header is line 1.
    patients : tuple of str
        Pseudonyms of the patients.
    """

    name: str
    table: str
    text: str
    rows: tuple[int, ...]
    patients: tuple[str, ...]

    def __str__(self) -> str:
        """Write the flaw as one line of a list."""
        lines = f"{'line' if len(self.rows) == 1 else 'lines'} {list_values(self.rows, ROWS_LISTED)}"
        who = list_values(self.patients, ROWS_LISTED)
        return f"**{self.name}** ({self.table}.csv, {lines}): {self.text} Patients: {who}."


def list_flaws(
    tables: Mapping[str, pd.DataFrame], people: tuple[Person, ...], blemishes: Blemishes
) -> tuple[Flaw, ...]:
    """Find the deliberate flaws in the tables.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        The tables.
    people : tuple of Person
        The people.
    blemishes : Blemishes
        Who lacks what.

    Returns
    -------
    tuple of Flaw
        The flaws that this study has.
    """
    who = {
        "apart": {one.patient_id for one in people if abs(one.scan_day - one.fdg_day) > 14},
        "children": {one.patient_id for one in people if one.child},
        "no_limit": {people[i].patient_id for i in blemishes.no_limit},
        "no_b2": {people[i].patient_id for i in blemishes.no_b2},
        "misdated": {people[blemishes.misdated].patient_id},
    }
    owner = dict(zip(tables["scans"]["scan_id"], tables["scans"]["patient_id"], strict=True))
    found = []
    for name, table, text, rule in KINDS:
        rows = tables[table]
        positions = [place for place, wrong in enumerate(rule(rows, who)) if wrong]
        ids = rows["patient_id"] if "patient_id" in rows else rows["scan_id"].map(owner)
        patients = tuple(dict.fromkeys(str(ids.iloc[place]) for place in positions))
        if positions:
            found.append(Flaw(name, table, text, tuple(place + 2 for place in positions), patients))
    return tuple(found)
