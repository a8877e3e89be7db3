"""What an analysis of a case is about: its table, outcome, weights and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from reference.stored_cases import Case

from survmodel import Outcome


@dataclass(frozen=True)
class Subject:
    """One analysis of one case; `spec` says which columns play which part."""

    case: Case
    spec: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        table = pd.DataFrame(dict(self.case.columns))
        if "rows" in self.spec:
            table = table[table["rows"] == self.spec["rows"]]
        return table.reset_index(drop=True)

    def column_name(self, part: str) -> str | None:
        """Name the column that plays a part of the outcome: the analysis says it, or else the case."""
        return self.spec.get(part, self.case.settings.get("outcome", {}).get(part))

    @cached_property
    def outcome(self) -> Outcome:
        return self.outcome_with_id(self.spec.get("id"))

    def outcome_with_id(self, patient: str | None) -> Outcome:
        time, event = self.column_name("time") or "time", self.column_name("event") or "event"
        causes = {code: f"cause {code}" for code in range(1, self.spec.get("causes", 0) + 1)} or None
        entry = self.column_name("entry")
        return Outcome.from_table(self.table, time=time, event=event, entry=entry, id=patient, causes=causes)

    def column(self, part: str) -> pd.Series | None:
        name = self.spec.get(part)
        return None if name is None else self.table[name]

    @cached_property
    def newdata(self) -> pd.DataFrame:
        """New patients of the settings, as lists of columns or of rows."""
        return pd.DataFrame(self.spec["newdata"])

    @cached_property
    def times(self) -> list[float]:
        return [float(time) for time in np.atleast_1d(self.spec["times"])]
