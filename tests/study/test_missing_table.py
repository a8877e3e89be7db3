"""Missing values of a study by disease group: counted again from the table that was analysed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from study.study_folder import STUDY, made_table, write_study

from survmodel.study.run import run_study

GROUPS = """
[column.disease]
type = "category"
levels = { "l" = "lymphoma", "m" = "myeloma" }

[groups]
column = "disease"
"""


def test_counts_by_group_are_those_of_the_table(tmp_path: Path) -> None:
    table = made_table()
    table["disease"] = np.where(np.arange(len(table)) % 3 == 0, "m", "l")
    table["age"] = table["age"].astype(object)
    table.loc[[1, 4, 6, 9, 10], "age"] = "NA"
    run = run_study(write_study(tmp_path / "s", table, STUDY + GROUPS), tmp_path / "out")
    shown = pd.read_csv(run.out / "tables" / "missing_os.csv", dtype=str).fillna("")
    n_myeloma = int((table["disease"] == "m").sum())
    assert shown.columns.tolist()[1:] == [
        f"All patients (n = {len(table)})", f"Lymphoma (n = {len(table) - n_myeloma})", f"Myeloma (n = {n_myeloma})"
    ]  # fmt: skip
    gone = table["age"] == "NA"
    expected = [
        int(gone.sum()),
        int((gone & (table["disease"] == "l")).sum()),
        int((gone & (table["disease"] == "m")).sum()),
    ]
    assert expected == [7, 4, 3]
    age = shown[shown.iloc[:, 0] == "Age"].iloc[0]
    assert [int(cell.split(" ")[0]) for cell in age.iloc[1:]] == expected
    assert shown.iloc[-1, 0] == "No value missing"
    assert [int(cell.split(" ")[0]) for cell in shown.iloc[-1, 1:]] == [53, 36, 17]
    records = pd.DataFrame(json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"])
    own = records[(records["step"] == "missing") & (records["variable"] == "age")].set_index("group")["n_missing"]
    assert own["lymphoma"] == 4
    assert own["myeloma"] == 3


def test_without_missing_values_there_is_no_table(tmp_path: Path) -> None:
    table = made_table()
    table["age"] = table["age"].where(table["age"] != "NA", "60")
    run = run_study(write_study(tmp_path / "s", table), tmp_path / "out")
    assert not (run.out / "tables" / "missing_os.csv").exists()
