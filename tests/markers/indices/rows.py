"""Tables for clinical indices: a patient without risk factors, and one thing changed at a time."""

import pandas as pd

#: Values without a point in any index that takes them in.
HEALTHY = {
    "age_years": 30.0,
    "ecog": 0,
    "stage_ct": "I",
    "ldh_uln": 0.5,
    "extranodal_sites": 0,
    "extranodal_major": False,
}


def table(*changes):
    """One row for each dictionary of changes to the healthy patient."""
    return pd.DataFrame([{**HEALTHY, **change} for change in changes])
