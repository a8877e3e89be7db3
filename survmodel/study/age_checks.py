"""Children among adults: their diseases, indices and SUVs are not those of adults."""

from __future__ import annotations

from collections.abc import Iterator

from survmodel.cohort import Cohort
from survmodel.data.findings import Finding
from survmodel.formatting import count_noun
from survmodel.markers.indices.checks import ADULT
from survmodel.study.config import Study

AGE = "age_years"


def look_at_ages(study: Study, cohort: Cohort) -> Iterator[Finding]:
    """Find analysis sets of endpoints that pool children with adults.

    Parameters
    ----------
    study : Study
        What is declared.
    cohort : Cohort
        The patients.

    Yields
    ------
    Finding
        A warning, D132, for each set with both.
    """
    if AGE not in cohort.table:
        return
    ages = cohort.table[AGE].astype(float)
    for name in dict.fromkeys(study.settings.set_of(endpoint) for endpoint in study.settings.endpoint):
        inside = ages[cohort.sets[name][0]].dropna() if name in cohort.sets else ages.dropna()
        children, adults = int((inside < ADULT).sum()), int((inside >= ADULT).sum())
        if children and adults:
            counted = f"{count_noun(children, 'child', 'children')} and {count_noun(adults, 'adult')}"
            whom = f"the analysis set {name}" if name in study.settings.analysis_set else "the analysis"
            remedy = f'add "{AGE} >= 18" to the set and analyse children apart: their SUVs and indices are others'
            yield Finding("D132", f"{whom} pools {counted}", column=AGE, remedy=remedy, severity="warning")
