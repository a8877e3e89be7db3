"""The table of performance shows the numbers of the validation, and nothing that says nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Outcome, RandomSurvivalForest, performance_table, validate
from survmodel.formatting import format_estimate, format_number
from survmodel.performance.validation_result import Validation


def validation(method: str = "auto", *, forest: bool = False, n: int = 90) -> Validation:
    random = np.random.default_rng(3)
    table = pd.DataFrame(random.normal(size=(n, 2)), columns=["marker", "age"])
    time, censor = random.exponential(20 * np.exp(-table["marker"])), random.uniform(5, 60, n)
    outcome = Outcome(np.minimum(time, censor), (time <= censor).astype(int), unit="months")
    specs = {"base": CoxPH("age"), "full": CoxPH("age + marker")}
    if forest:
        specs["forest"] = RandomSurvivalForest("age + marker", n_trees=20)
    return validate(specs, table, outcome, method=method, horizons=[12.0], repeats=25, seed=1)


def rows_of(found: Validation, measure: str) -> list[list[str]]:
    """Rows below the heading of a measure."""
    shown = performance_table(found, labels={"full": "age and marker"}).rows
    heads = [place for place, row in enumerate(shown) if not any(row[1:])]
    begin = next(place for place in heads if shown[place][0] == measure)
    end = min((place for place in heads if place > begin), default=len(shown))
    return [[cell.strip() for cell in row] for row in shown[begin + 1 : end]]


def test_numbers_are_those_of_the_validation() -> None:
    found = validation()
    base, full, difference = rows_of(found, "AUC at 12 months")
    one = found.scores["full"].find("AUC", 12.0)
    assert full[0] == "Age and marker"
    assert full[1] == format_number(one.apparent, 3)
    assert full[2] == format_estimate(one.corrected, one.conf_low, one.conf_high, 3)
    assert base[0] == "Base"
    row = found.differences().query("measure == 'AUC' and sample == 'corrected'").iloc[0]
    assert difference[0] == "Base less age and marker"
    assert difference[2].startswith(format_number(row["estimate"], 3))


def test_the_apparent_slope_and_forest_are_not_shown() -> None:
    found = validation(forest=True)
    for measure in ("Harrell C", "Brier score at 12 months", "IPA at 12 months"):
        forest = next(row for row in rows_of(found, measure) if row[0] == "Forest")
        assert not any(character.isdigit() for character in forest[1])
    assert all(not any(character.isdigit() for character in row[1]) for row in rows_of(found, "Calibration slope"))
    notes = " ".join(performance_table(found).footnotes)
    assert ".632+" in notes
    assert "say nothing and are not shown" in notes


@pytest.mark.parametrize(
    ("method", "says"), [("optimism", "less the mean optimism of 25"), ("cross-validation", "10 repeats of 10-fold")]
)
def test_footnotes_say_how(method: str, says: str) -> None:
    notes = " ".join(performance_table(validation(method)).footnotes)
    assert says in notes
    assert "Limits only describe below 120 patients." in notes
    assert "no test" in notes
