"""Multiple imputation: what is filled in, what is not, and what never changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import survmodel as sm
from survmodel.errors import ConfigError, DataError

STAGES = ["I", "II", "III"]


def _cohort(n: int = 160, seed: int = 3) -> tuple[pd.DataFrame, sm.Outcome]:
    """Draw two diseases with numbers, levels of every type, and a score that one disease has."""
    random = np.random.default_rng(seed)
    risk = random.normal(size=n)
    disease = np.array(["lymphoma", "myeloma"])[random.integers(0, 2, n)]
    table = pd.DataFrame(
        {
            "disease": disease,
            "ldh": 200 * np.exp(0.4 * risk + 0.3 * random.normal(size=n)),
            "age": np.round(60 + 10 * random.normal(size=n)),
            "bulky": pd.array(risk + random.logistic(size=n) > 0, dtype="boolean"),
            "sex": np.array(["f", "m"])[random.integers(0, 2, n)],
            "stage": pd.Categorical.from_codes(
                np.digitize(risk + random.logistic(size=n), [-1, 1]), STAGES, ordered=True
            ),
            "site": pd.Categorical(np.array(["bone", "nodal", "other"])[random.integers(0, 3, n)]),
            "score": np.where(disease == "myeloma", np.round(risk), np.nan),
        },
        index=[f"row {i}" for i in range(n)],
    )
    time = random.exponential(np.exp(-risk))
    for name in ("ldh", "bulky", "sex", "stage", "site"):
        table.loc[random.random(n) < 0.2, name] = None
    table.loc[(random.random(n) < 0.2) & (disease == "myeloma"), "score"] = np.nan
    return table, sm.Outcome(time, time < 1.5)


APPLIES = {"score": ("disease", ["myeloma"])}


def _spec(**changes) -> sm.MultipleImputation:
    return sm.MultipleImputation(**{"m": 4, "iterations": 3, "within": "disease", "applies": APPLIES, **changes})


def test_every_hole_is_filled_and_nothing_else_changes():
    table, outcome = _cohort()
    fitted = _spec().fit(table, outcome)
    assert len(fitted.development) == 4
    for done in fitted.development:
        assert done.index.equals(table.index)
        assert done.dtypes.equals(table.dtypes)
        assert list(done.columns) == list(table.columns)
        for name in table.columns:
            seen = table[name].notna()
            assert done.loc[seen, name].equals(table.loc[seen, name])
        assert done.drop(columns="score").notna().all(axis=None)
    first, second = (one["ldh"].to_numpy() for one in fitted.development[:2])
    assert (first != second).any()


def test_imputed_numbers_are_observed_values_of_the_disease():
    table, outcome = _cohort()
    for done in _spec().fit(table, outcome).development:
        for _, rows in table.groupby("disease"):
            assert set(done.loc[rows.index, "ldh"]) <= set(rows["ldh"].dropna())


def test_what_does_not_apply_stays_missing():
    table, outcome = _cohort()
    fitted = _spec().fit(table, outcome)
    other = table["disease"] == "lymphoma"
    for done in (*fitted.development, *fitted.complete(table)):
        assert done.loc[other, "score"].isna().all()
        assert done.loc[~other, "score"].notna().all()
    counts = fitted.tidy().set_index(["variable", "group"])
    assert counts.loc[("score", "lymphoma"), ["n", "n_missing"]].tolist() == [0, 0]
    assert counts.loc[("score", "myeloma"), "n"] == (~other).sum()


def test_a_value_where_a_column_does_not_apply_is_not_used_but_told():
    table, outcome = _cohort()
    odd = table.copy()
    odd.loc[odd["disease"] == "lymphoma", "score"] = 99.0
    plain, fitted = _spec().fit(table, outcome), _spec().fit(odd, outcome)
    assert any("does not apply" in said for said in fitted.warnings)
    names = ["ldh", "age", "bulky", "sex", "stage", "site"]
    assert fitted.development[0][names].equals(plain.development[0][names])


def test_shuffled_rows_give_the_same_bits():
    table, outcome = _cohort()
    table = table.assign(other=np.arange(len(table)) % 7)
    order = np.random.default_rng(1).permutation(len(table))
    columns = [name for name in table.columns if name != "other"]
    spec = _spec(columns=columns)
    plain, shuffled = spec.fit(table, outcome), spec.fit(table.iloc[order], outcome.take(order))
    for one, other in zip(plain.development, shuffled.development, strict=True):
        assert other.equals(one.iloc[order])
    for one, other in zip(plain.complete(table), shuffled.complete(table), strict=True):
        assert other.equals(one)


def test_seeds_differ_and_repeat():
    table, outcome = _cohort()
    first, again, other = (_spec(seed=seed).fit(table, outcome).development for seed in (1, 1, 2))
    assert all(one.equals(two) for one, two in zip(first, again, strict=True))
    assert not first[0].equals(other[0])


def test_a_scored_row_is_completed_alike_beside_any_others():
    table, outcome = _cohort()
    fitted = _spec().fit(table.iloc[:100], outcome.take(np.arange(100)))
    whole = fitted.complete(table.iloc[100:])
    few = fitted.complete(table.iloc[[150, 120]])
    for one, other in zip(whole, few, strict=True):
        assert other.equals(one.loc[other.index])


def test_scored_rows_may_lack_what_training_rows_have():
    table, outcome = _cohort()
    new = table.iloc[:5].assign(age=np.nan)
    for done in _spec().fit(table, outcome).complete(new):
        assert done["age"].notna().all()
        assert set(done["age"]) <= set(table["age"])


def test_a_row_of_which_nothing_is_known_is_completed():
    table, outcome = _cohort()
    fitted = _spec(within=None, applies=None, columns=["ldh", "age", "bulky", "sex", "stage", "site"]).fit(
        table, outcome
    )
    for done in fitted.complete(pd.DataFrame({name: [np.nan] for name in table})):
        assert done["sex"].item() in ("f", "m")
        assert done["stage"].item() in STAGES
        assert done["bulky"].item() in (True, False)
        assert done["age"].item() in set(table["age"])


def test_no_outcome_reaches_scored_rows():
    table, outcome = _cohort()
    learn, new = np.arange(110), np.arange(110, len(table))
    spec = sm.Pipeline([_spec()], sm.CoxPH("log2(ldh) + age + bulky"))
    fit = spec.fit(table.iloc[learn], outcome.take(learn))
    index = fit.prognostic_index(table.iloc[new])
    random = np.random.default_rng(8)
    time, event = outcome.time.copy(), outcome.event.copy()
    time[new], event[new] = random.exponential(size=new.size), random.integers(0, 2, new.size)
    other = sm.Outcome(time, event)
    again = spec.fit(table.iloc[learn], other.take(learn)).prognostic_index(table.iloc[new])
    assert index.tobytes() == again.tobytes()
    # The completion of scored rows knows no outcome at all, that of the training rows neither.
    changed = sm.Outcome(random.permutation(outcome.time[learn]), outcome.event[learn])
    one, two = (_spec().fit(table.iloc[learn], known) for known in (outcome.take(learn), changed))
    assert not one.development[0].equals(two.development[0])
    for done, again_done in zip(one.complete(table.iloc[new]), two.complete(table.iloc[new]), strict=True):
        assert done.equals(again_done)


def test_a_complete_table_is_left_alone():
    table, outcome = _cohort()
    whole = table.assign(**{name: table[name].bfill().ffill() for name in table.columns if name != "score"})
    whole["score"] = whole["score"].where(whole["disease"] == "lymphoma", 1.0)
    whole["score"] = whole["score"].where(whole["disease"] == "myeloma")
    fitted = _spec(m=None).fit(whole, outcome)
    assert len(fitted.development) == 20
    assert all(done is fitted.development[0] for done in fitted.development)
    assert fitted.development[0].equals(whole)


def test_m_is_the_percentage_of_incomplete_rows():
    table, outcome = _cohort()
    share = table.drop(columns="score").isna().any(axis=1) | (table["score"].isna() & (table["disease"] == "myeloma"))
    fitted = _spec(m=None, iterations=1).fit(table, outcome)
    assert fitted.m == max(20, int(np.ceil(100 * share.mean()))) > 20
    assert fitted.glance()["n_missing"].item() == share.sum()


def test_derived_columns_are_computed_from_completed_ones():
    table, outcome = _cohort()
    table["high"] = np.nan
    fitted = _spec(derive={"high": lambda done: (done["ldh"] > 250).astype(float) + done["age"]}).fit(table, outcome)
    for done in (*fitted.development, *fitted.complete(table)):
        assert (done["high"] == (done["ldh"] > 250) + done["age"]).all()
    plain = _spec(columns=[name for name in table.columns if name != "high"]).fit(table, outcome)
    assert plain.development[0].drop(columns="high").equals(fitted.development[0].drop(columns="high"))


def test_delta_shifts_imputed_numbers_and_log_odds():
    table, outcome = _cohort()
    names = ["ldh", "age", "sex"]
    plain, shifted = (
        sm.MultipleImputation(names, m=30, delta=delta).fit(table, outcome)
        for delta in ({}, {"ldh": 100.0, "sex": 2.0})
    )
    holes, unknown = table["ldh"].isna(), table["sex"].isna()

    def of(fitted: object, name: str, mask: pd.Series) -> pd.Series:
        return pd.concat([done.loc[mask, name] for done in fitted.development])

    moved = of(shifted, "ldh", holes).mean() - of(plain, "ldh", holes).mean()
    assert 85 < moved < 115
    assert (of(shifted, "sex", unknown) == "m").mean() > (of(plain, "sex", unknown) == "m").mean() + 0.2
    # Imputed values are observed ones, moved once.
    away = np.abs((of(shifted, "ldh", holes) - 100).to_numpy()[:, np.newaxis] - table["ldh"].dropna().to_numpy())
    assert away.min(axis=1).max() < 1e-9


def test_small_diseases_borrow_from_all_and_it_is_said():
    table, outcome = _cohort()
    rare = table.assign(disease=np.where(np.arange(len(table)) < 12, "leukemia", table["disease"]))
    rare["score"] = rare["score"].where(rare["disease"] == "myeloma")
    fitted = _spec().fit(rare, outcome)
    assert any("leukemia" in note and note.startswith("ldh") for note in fitted.notes)
    assert fitted.development[0]["ldh"].notna().all()
    assert "imputed from all" in repr(fitted)


def test_whole_numbers_keep_their_type():
    table, outcome = _cohort()
    table["count"] = pd.array(np.arange(len(table)) % 9, dtype="Int64")
    table.loc[table.index[::5], "count"] = pd.NA
    done = sm.MultipleImputation(["count", "age"], m=2).fit(table, outcome).development[0]
    assert done["count"].dtype == "Int64"
    assert done["count"].notna().all()
    moved = sm.MultipleImputation(["count", "age"], m=2, delta={"count": 0.5}).fit(table, outcome).development[0]
    assert (moved["count"] % 1 == 0.5).sum() == 32


def test_a_column_with_one_value_is_filled_with_it():
    table, outcome = _cohort()
    table["fixed"] = np.where(np.arange(len(table)) % 4 == 0, np.nan, 7.0)
    fitted = sm.MultipleImputation(["fixed", "age"], m=2).fit(table, outcome)
    assert (fitted.development[0]["fixed"] == 7).all()
    assert (fitted.complete(table)[1]["fixed"] == 7).all()


def test_chains_are_told():
    table, outcome = _cohort()
    fitted = _spec(m=5, iterations=6).fit(table, outcome)
    chain = fitted.chain
    assert list(chain.columns) == ["column", "iteration", "imputation", "mean", "sd"]
    assert len(chain) == 6 * 5 * 6
    last = chain[(chain["column"] == "ldh") & (chain["iteration"] == 6) & (chain["imputation"] == 2)]
    imputed = fitted.development[1].loc[table["ldh"].isna(), "ldh"]
    assert last["mean"].item() == pytest.approx(imputed.mean(), rel=1e-12)
    assert last["sd"].item() == pytest.approx(imputed.std(), rel=1e-12)
    assert (fitted.r_hat < 2).all()
    assert set(fitted.r_hat.index) == {"ldh", "bulky", "sex", "stage", "site", "score"}


def test_much_missing_is_warned_of():
    table, outcome = _cohort()
    table.loc[table.index[:90], "age"] = np.nan
    assert any("age is missing in 56 %" in said for said in _spec().fit(table, outcome).warnings)


BAD = {
    "no value": ({"age": np.nan}, {}, DataError, "age has no value"),
    "infinite": ({"age": np.inf}, {}, DataError, "age is infinite"),
    "dates": ({"age": pd.Timestamp("2024-01-01")}, {}, DataError, "neither numbers nor levels"),
    "names": ({"age": [f"patient {i}" for i in range(160)]}, {}, DataError, "160 levels"),
    "identifier": ({"age": np.arange(160)}, {}, DataError, "looks like an identifier"),
    "disease missing": ({"disease": None}, {}, DataError, "disease is missing"),
    "one imputation": ({}, {"m": 1}, ConfigError, "m is 1"),
    "named twice": ({}, {"columns": ["age", "age"]}, ConfigError, "named twice"),
    "one text": ({}, {"columns": "age"}, ConfigError, "one text"),
    "absent": ({}, {"columns": ["agee"], "applies": None}, DataError, "Did you mean 'age'"),
    "delta of levels": ({}, {"delta": {"site": 1.0}}, ConfigError, "more than two levels"),
    "delta of nothing": ({}, {"delta": {"lhd": 1.0}}, ConfigError, "Did you mean 'ldh'"),
    "method": ({}, {"methods": {"ldh": "multinomial"}}, ConfigError, "holds numbers"),
    "method unknown": ({}, {"methods": {"ldh": "mean"}}, ConfigError, "not known"),
    "cycles": ({}, {"iterations": 0}, ConfigError, "iterations is 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    columns, settings, error, message = BAD[name]
    table, outcome = _cohort()
    with pytest.raises(error, match=message):
        _spec(**settings).fit(table.assign(**columns), outcome)


def test_the_outcome_is_no_column():
    table, outcome = _cohort()
    for column in (outcome.time / 30.4, np.where(outcome.event == 1, "dead", "alive")):
        with pytest.raises(DataError, match="holds the outcome"):
            _spec().fit(table.assign(follow_up=column), outcome)


def test_few_imputations_are_warned_of():
    table, outcome = _cohort()
    assert any("4 imputations where" in said for said in _spec().fit(table, outcome).warnings)
    assert not any("imputations" in said for said in _spec(m=None, iterations=1).fit(table, outcome).warnings)


def test_several_intervals_of_a_patient_are_refused():
    table, outcome = _cohort()
    entry = np.where(np.arange(160) == 1, outcome.time[0], 0.0)
    time = np.where(np.arange(160) == 1, outcome.time[0] + 1, outcome.time)
    event = np.where(np.arange(160) == 0, 0, outcome.event)
    split = sm.Outcome(time, event, entry, id=np.maximum(np.arange(160), 1))
    with pytest.raises(DataError, match="several intervals"):
        _spec().fit(table, split)
    drawn = np.repeat(np.arange(80), 2)
    once = sm.Outcome(outcome.time, outcome.event, np.zeros(160), id=np.arange(160))
    assert len(_spec().fit(table.iloc[drawn], once.take(drawn)).development) == 4


def test_a_column_that_is_there_twice_is_refused():
    table, outcome = _cohort()
    twice = pd.concat([table, table[["age"]]], axis=1)
    with pytest.raises(DataError, match="same name: age"):
        sm.MultipleImputation(["age", "ldh"]).fit(twice, outcome)


def test_unseen_levels_and_diseases_are_refused_in_scored_rows():
    table, outcome = _cohort()
    fitted = _spec().fit(table, outcome)
    for name, value in (("sex", "x"), ("disease", "leukemia")):
        new = table.iloc[:3].astype({name: object}).assign(**{name: value})
        with pytest.raises(DataError, match=f"{name} has a level"):
            fitted.complete(new)
