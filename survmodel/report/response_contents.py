"""Models of response, by name."""

from __future__ import annotations

from dataclasses import dataclass

from survmodel.models.response_model import ResponseFit
from survmodel.report.answers import Answer


@dataclass(frozen=True, slots=True)
class ResponsePart:
    """A model of response.

    Parameters
    ----------
    name : str
        Short name for files.
    label, outcome : str
        How the study calls it, and what responds: ``"at least PR at the end of treatment"``.
    described : str
        Label of the set of patients.
    answer : Answer of ResponseFit
        Odds ratios.
    n_assessed, n_left : int
        Patients with a response, and those of the set whose response is not known or could not be evaluated.
    """

    name: str
    label: str
    outcome: str
    described: str
    answer: Answer[ResponseFit]
    n_assessed: int
    n_left: int
