"""A small made study for the tests: 60 patients, known seed, an identifier that must never be seen again."""

from __future__ import annotations

import numpy as np
import pandas as pd

CANARY = "ZQX-CANARY"

STUDY = """\
schema = 1
title = "A made cohort"
source = "Drawn at random for tests."
seed = 7

[data]
patients = { path = "patients.csv" }

[column.id]
type = "identifier"

[column.days]
label = "follow-up time"
type = "integer"
unit = "days"
role = "outcome"

[column.dead]
label = "death"
type = "integer"
role = "outcome"

[column.age]
label = "age"
type = "number"
unit = "years"
range = [18, 100]
missing = ["NA"]

[column.age_group]
label = "age group"
from = "age"
cuts = [50, 65]
labels = ["under 50", "50 to 64", "65 and over"]

[column.sex]
label = "sex"
type = "category"
levels = { "f" = "female", "m" = "male" }
reference = "female"

[endpoint.os]
time = "days"
event = "dead"
unit = "days"
label = "overall survival"
horizons = [100, 300]

[[curve]]
endpoint = "os"
by = "age_group"

[model.clinical]
kind = "cox"
endpoint = "os"
formula = "age + sex"
label = "clinical model"
"""


def made_table(n: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(20250131)
    age = generator.integers(35, 85, n).astype(float)
    days = np.ceil(generator.exponential(4000 / age)).astype(int) + 1
    table = pd.DataFrame({
        "id": [f"{CANARY}-{i:04d}" for i in range(n)],
        "days": days,
        "dead": (generator.random(n) < 0.7).astype(int),
        "age": age.astype(int).astype(str),
        "sex": generator.choice(["f", "m"], n),
        "extra": "not declared",
    })  # fmt: skip
    table.loc[[3, 17], "age"] = "NA"
    return table


def write_study(folder, table=None, text=STUDY):
    folder.mkdir(parents=True, exist_ok=True)
    (made_table() if table is None else table).to_csv(folder / "patients.csv", index=False)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder / "study.toml"
