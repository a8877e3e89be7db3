"""What a study file says about models of response."""

from __future__ import annotations

from pydantic import model_validator

from survmodel.errors import list_values
from survmodel.markers.end_of_treatment import MRD, RESPONSE_END, RESPONSES, RESULTS
from survmodel.study.settings_base import Names, Strict, Text

#: Levels from worst to best of the columns that a study makes of its assessments.
KNOWN_LEVELS = {RESPONSE_END: RESPONSES, MRD: RESULTS[::-1]}


class ResponseEntry(Strict):
    """``[[response]]``: what predicts the response to treatment, or residual disease.

    ``outcome`` is ``response_end`` or ``mrd_end``, which are made of ``assessments``, or a declared column with the
    role post_baseline; ``levels`` go from worst to best, and are known of the first two. ``at_least = "PR"`` makes yes
    or no of it (logistic regression); without it the levels stay (proportional odds). Levels outside ``levels``, such
    as not_evaluable, are left out and counted.
    """

    outcome: Text
    formula: Text
    levels: Names = ()
    at_least: Text | None = None
    analysis_set: Text | None = None
    label: str = ""

    @model_validator(mode="after")
    def _two_levels(self) -> ResponseEntry:
        if self.levels and (len(set(self.levels)) < len(self.levels) or len(self.levels) < 2):
            raise ValueError(f"levels must be two or more, and different, found {list_values(list(self.levels))}")
        if self.levels and self.at_least is not None and self.at_least not in self.levels[1:]:
            raise ValueError(f"at_least must be one of {list_values(list(self.levels[1:]))}")
        return self


def levels_of(entry: ResponseEntry) -> list[str]:
    """Give the levels of an outcome from worst to best.

    Parameters
    ----------
    entry : ResponseEntry
        The model.

    Returns
    -------
    list of str
        Those of the study file, else those of a column that is made of assessments; none for another column.

    Examples
    --------
    >>> levels_of(ResponseEntry(outcome="mrd_end", formula="age"))
    ['positive', 'negative']
    """
    return list(entry.levels or KNOWN_LEVELS.get(entry.outcome, ()))
