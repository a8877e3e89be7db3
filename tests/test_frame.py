"""Tables of polars and pyarrow give what the same pandas table gives."""

import datetime

import numpy as np
import pandas as pd
import pytest

from survmodel import CoxPH, Endpoint, Outcome, RandomSurvivalForest, landmark, validate
from survmodel.errors import DataError
from survmodel.frame import as_frame
from survmodel.models.description import describe

N = 80


def made():
    random = np.random.default_rng(4)
    x, age = random.normal(size=N), random.integers(40, 80, N)
    return pd.DataFrame({
        "x": x,
        "age": age,
        "site": np.where(np.arange(N) % 2, "north", "south"),
        "days": random.exponential(np.exp(-x)) * 100,
        "dead": np.arange(N) % 3 > 0,
    })  # fmt: skip


def polars_of(table):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: table[name].tolist() for name in table})


def pyarrow_of(table):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.table({name: table[name].tolist() for name in table})


@pytest.fixture(params=[polars_of, pyarrow_of], ids=["polars", "pyarrow"])
def other(request):
    return request.param


def outcome_of(table):
    return Outcome.from_table(table, time="days", event="dead", unit="days")


def test_an_outcome_is_the_same(other):
    one, two = outcome_of(made()), outcome_of(other(made()))
    assert one.time.tolist() == two.time.tolist()
    assert one.event.tolist() == two.event.tolist()


def test_a_cox_model_and_its_predictions_are_the_same(other):
    table, foreign = made(), other(made())
    one = CoxPH("x + age", strata="site").fit(table, outcome_of(table))
    two = CoxPH("x + age", strata="site").fit(foreign, outcome_of(foreign))
    assert one.coefficients.tolist() == two.coefficients.tolist()
    assert one.prognostic_index(table).tolist() == two.prognostic_index(foreign).tolist()
    assert one.predict_risk(table, [50]).tolist() == two.predict_risk(foreign, [50]).tolist()
    assert one.survival_limits(table, [50]).equals(two.survival_limits(foreign, [50]))


def test_levels_of_text_are_coded_as_in_pandas(other):
    table, foreign = made(), other(made())
    one = CoxPH("site").fit(table, outcome_of(table)).tidy()
    assert one.equals(CoxPH("site").fit(foreign, outcome_of(foreign)).tidy())


def test_forest_validation_landmark_and_description_are_the_same(other):
    table, foreign = made(), other(made())
    forest = RandomSurvivalForest("x + age", n_trees=20)
    one, two = forest.fit(table, outcome_of(table)), forest.fit(foreign, outcome_of(foreign))
    assert one.oob_index.tolist() == two.oob_index.tolist()
    assert one.predict_risk(table, [50]).tolist() == two.predict_risk(foreign, [50]).tolist()
    first, second = (validate(CoxPH("x"), t, outcome_of(t), repeats=50).tidy() for t in (table, foreign))
    assert first.equals(second)
    kept, again = (landmark(t, outcome_of(t), at=20) for t in (table, foreign))
    assert kept.outcome.time.tolist() == again.outcome.time.tolist()
    assert describe(table, by="site").tidy().equals(describe(foreign, by="site").tidy())


def test_dates_make_an_endpoint(other):
    day = datetime.date(2020, 1, 1)
    table = pd.DataFrame(
        {
            "start": [day, day, day],
            "death_date": [None, day + datetime.timedelta(30), None],
            "seen": [day + datetime.timedelta(60)] * 3,
        }
    )
    endpoint = Endpoint("os", origin="start", events=("death",), censor="seen", unit="days")
    result = endpoint.apply(other(table))
    assert result.outcome.time.tolist() == [60.0, 30.0, 60.0]
    assert result.outcome.event.tolist() == [0, 1, 0]


def test_missing_values_stay_missing(other):
    table = as_frame(other(pd.DataFrame({
        "whole": pd.Series([1, None], dtype=object),
        "real": pd.Series([0.5, None], dtype=object),
        "truth": pd.Series([True, None], dtype=object),
        "text": pd.Series(["a", None], dtype=object),
        "day": pd.Series([datetime.date(2021, 3, 4), None], dtype=object),
    })))  # fmt: skip
    assert table.isna().to_numpy().tolist() == [[False] * 5, [True] * 5]
    assert table["whole"].iloc[0] == 1.0
    assert table["truth"].dtype == "boolean"
    assert table["day"].iloc[0] == pd.Timestamp("2021-03-04")


def test_an_enumeration_keeps_its_order():
    polars = pytest.importorskip("polars")
    table = as_frame(polars.DataFrame({"stage": polars.Series(["II", "I"], dtype=polars.Enum(["I", "II", "III"]))}))
    assert table["stage"].cat.categories.tolist() == ["I", "II", "III"]
    loose = as_frame(polars.DataFrame({"stage": polars.Series(["II", "I"], dtype=polars.Categorical)}))
    assert (loose["stage"].dtype, loose["stage"].tolist()) == (object, ["II", "I"])


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match="the table is no table: found a dict"):
        as_frame({"age": [50]})


def test_a_lazy_frame_must_be_computed_first():
    polars = pytest.importorskip("polars")
    with pytest.raises(DataError, match=r"not computed yet.*collect\(\) first"):
        CoxPH("x").fit(polars.LazyFrame({"x": [1]}), Outcome([1.0], [1]))
