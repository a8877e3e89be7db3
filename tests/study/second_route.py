"""The analysis table of a study of several files, computed from the CSV files by pandas alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

DAYS_PER_MONTH = 365.25 / 12


def analysis_table(data: Path) -> pd.DataFrame:
    """One row for each eligible patient of the example study, in the order of the file of patients."""
    read = {
        path.stem: pd.read_csv(path, keep_default_na=False, dtype=str)
        for path in sorted(data.glob("*.csv"))
    }  # fmt: skip
    patients = read["patients"].set_index("patient_id")
    scans = read["scans"].assign(day=pd.to_datetime(read["scans"]["scan_date"]))
    by_tracer = {tracer: part.set_index("patient_id") for tracer, part in scans.groupby("tracer")}
    apart = (by_tracer["cxcr4"]["day"] - by_tracer["fdg"]["day"].reindex(by_tracer["cxcr4"].index)).dt.days.abs()
    age = pd.to_numeric(patients["age_years"])
    eligible = (patients["confirmed"] == "yes") & (patients["untreated"] == "yes") & (age >= 18)
    eligible &= apart.reindex(patients.index) <= 14
    rows = patients.loc[eligible, ["disease_group", "entity", "sex"]].assign(age_years=age)
    exports = {
        "cxcr4": (read["lifex_cxcr4"], "INFO_PatientName", "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUVbw]"),
        "fdg": (pd.read_csv(data / "pmod_fdg.csv", sep=";", comment="/"), "PatientName [string]", "Max [SUV]"),
    }
    consensus = read["reads"][read["reads"]["reader"] == "consensus"].set_index("scan_id")["result"]
    for tracer, own in by_tracer.items():
        scan = own["scan_id"].reindex(rows.index)
        lesions, patient, suvmax = exports[tracer]
        rows[f"{tracer}_suvmax"] = pd.to_numeric(lesions[suvmax]).groupby(lesions[patient]).max().reindex(rows.index)
        rows[f"{tracer}_read"] = scan.map(consensus)
        # log2, and 0 where the scan was read as negative
        logs = np.log2(rows[f"{tracer}_suvmax"])
        rows[f"{tracer}_suvmax_part"] = logs.mask(logs.isna() & (rows[f"{tracer}_read"] == "negative"), 0.0)
    follow_up = read["follow_up"].set_index("patient_id").reindex(rows.index)
    dates = follow_up[[name for name in follow_up if name.endswith("_date")]].apply(pd.to_datetime)
    origin = by_tracer["cxcr4"]["day"].reindex(rows.index)
    first = dates[["progression_date", "death_date"]].min(axis=1)
    rows["pfs"] = first.notna().astype(int)
    rows["pfs_months"] = (first.fillna(dates["last_assessment_date"]) - origin).dt.days / DAYS_PER_MONTH
    rows["os"] = dates["death_date"].notna().astype(int)
    rows["os_months"] = (dates["death_date"].fillna(dates["last_contact_date"]) - origin).dt.days / DAYS_PER_MONTH
    return rows
