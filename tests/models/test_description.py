"""Columns by group: hand counts, quantiles by two other routes, undefined values, and what is refused."""

from __future__ import annotations

import json
import statistics
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from survmodel import DataError
from survmodel.models.description import QUANTILES, describe
from survmodel.result import VOCABULARY

run = settings(
    deadline=None, derandomize=True, database=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow]
)

TABLE = pd.DataFrame(
    {
        "suv": [8.0, 1.0, np.nan, 4.0, 2.0, np.nan, 30.0],
        "stage": pd.Categorical(["II", "I", "IV", "II", None, "II", "I"], ["I", "II", "III", "IV"], ordered=True),
        "fever": [True, None, False, True, True, False, False],
        "site": ["B", "A", "C", "B", "C", "A", None],
        "arm": ["x", "x", "x", "y", "y", "y", None],
    },
    index=list("abcdefg"),
)


def answers(description, group, variable):
    """(level, measure) -> (estimate, n)."""
    tidy = description.tidy()
    part = tidy[(tidy["group"] == group) & (tidy["variable"] == variable)]
    return {(row["level"], row["measure"]): (row["estimate"], row["n"]) for row in part.to_dict("records")}


def counts(description, group, variable):
    return {level: found for (level, measure), found in answers(description, group, variable).items() if level}


class TestNumbers:
    """Type 7: share p of n values lies at position 1 + (n - 1) p."""

    def test_hand_example(self):
        # 1, 2, 4, 8, 30: positions 2, 3, 4. In x the values are 1 and 8, in y 2 and 4: a quarter of the way between.
        description = describe(TABLE, "arm")
        assert answers(description, "", "suv") == {
            ("", "median"): (4.0, 5), ("", "q1"): (2.0, 5), ("", "q3"): (8.0, 5), ("", "minimum"): (1.0, 5),
            ("", "maximum"): (30.0, 5), ("", "missing"): (2.0, 7),
        }  # fmt: skip
        assert answers(description, "x", "suv") == {
            ("", "median"): (4.5, 2), ("", "q1"): (2.75, 2), ("", "q3"): (6.25, 2), ("", "minimum"): (1.0, 2),
            ("", "maximum"): (8.0, 2), ("", "missing"): (1.0, 3),
        }  # fmt: skip
        assert answers(description, "y", "suv")["", "q1"] == (2.5, 2)

    def test_one_value_is_every_quantile(self):
        found = answers(describe(pd.DataFrame({"x": [np.nan, 3.5]})), "", "x")
        assert {found["", measure] for measure in QUANTILES} == {(3.5, 1)}
        assert found["", "missing"] == (1.0, 2)

    def test_no_value_has_no_quantile(self):
        found = answers(describe(pd.DataFrame({"x": [np.nan, np.nan]})), "", "x")
        assert all(np.isnan(found["", measure][0]) and found["", measure][1] == 0 for measure in QUANTILES)
        assert found["", "missing"] == (2.0, 2)

    @pytest.mark.parametrize("dtype", ["int64", "int8", "uint16", "float32", "Int64", "Float64"])
    def test_every_numeric_type(self, dtype):
        found = answers(describe(pd.DataFrame({"x": pd.Series([3, 1, 2, 10], dtype=dtype)})), "", "x")
        assert (found["", "median"], found["", "q3"]) == ((2.5, 4), (4.75, 4))

    def test_nullable_numbers_may_be_missing(self):
        found = answers(describe(pd.DataFrame({"x": pd.Series([3, None, 5], dtype="Int64")})), "", "x")
        assert (found["", "median"], found["", "missing"]) == ((4.0, 2), (1.0, 3))

    def test_zero_and_one_as_numbers_stay_numbers(self):
        assert describe(pd.DataFrame({"x": [0, 1, 1]})).kinds == (("x", "number"),)

    def test_pandas_by_group_says_the_same(self):
        generator = np.random.default_rng(3)
        table = pd.DataFrame({"x": generator.lognormal(2, 1, 101), "g": generator.choice(list("pqr"), 101)})
        table.loc[generator.random(101) < 0.2, "x"] = np.nan
        tidy = describe(table, "g").tidy()
        other = table.groupby("g")["x"].quantile(list(QUANTILES.values())).unstack()
        for group in "pqr":
            part = tidy[(tidy["group"] == group)].set_index("measure")["estimate"]
            assert_allclose(part[list(QUANTILES)], other.loc[group], rtol=1e-12)

    @run
    @given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
    def test_the_standard_library_says_the_same(self, values):
        found = answers(describe(pd.DataFrame({"x": values})), "", "x")
        quartiles = [found["", measure][0] for measure in ("q1", "median", "q3")]
        assert_allclose(quartiles, statistics.quantiles(values, n=4, method="inclusive"), rtol=1e-9, atol=1e-6)
        assert (found["", "minimum"][0], found["", "maximum"][0]) == (min(values), max(values))


class TestLevels:
    """One count for each level, among those with a value."""

    def test_categories_keep_their_order_and_lose_the_unused(self):
        description = describe(TABLE, "arm")
        assert list(counts(description, "", "stage").items()) == [("I", (2, 6)), ("II", (3, 6)), ("IV", (1, 6))]
        assert counts(description, "x", "stage") == {"I": (1, 3), "II": (1, 3), "IV": (1, 3)}
        assert counts(description, "y", "stage") == {"I": (0, 2), "II": (2, 2), "IV": (0, 2)}
        assert answers(description, "y", "stage")["", "missing"] == (1, 3)

    def test_text_stands_by_falling_count_then_name(self):
        table = pd.DataFrame({"x": ["b", "c", "a", "c", "b", "d", None, "c"]})
        assert list(counts(describe(table), "", "x").items()) == [
            ("c", (3, 7)), ("b", (2, 7)), ("a", (1, 7)), ("d", (1, 7)),
        ]  # fmt: skip

    def test_every_group_has_the_order_of_all_patients(self):
        table = pd.DataFrame({"x": list("aaabbc"), "g": list("ppqqqq")})
        assert list(counts(describe(table, "g"), "q", "x").items()) == [("a", (1, 4)), ("b", (2, 4)), ("c", (1, 4))]

    @pytest.mark.parametrize("dtype", [object, "boolean"])
    def test_of_truth_values_only_yes_is_counted(self, dtype):
        description = describe(TABLE.assign(fever=TABLE["fever"].astype(dtype)), "arm")
        assert answers(description, "", "fever") == {("yes", "count"): (3, 6), ("", "missing"): (1, 7)}
        assert answers(description, "x", "fever") == {("yes", "count"): (1, 2), ("", "missing"): (1, 3)}
        assert dict(description.kinds)["fever"] == "yes"

    def test_yes_stands_even_when_nobody_says_so(self):
        assert counts(describe(pd.DataFrame({"x": [False, False]})), "", "x") == {"yes": (0, 2)}

    def test_a_categorical_of_truth_values_keeps_its_categories(self):
        table = pd.DataFrame({"x": pd.Categorical([True, False, True], [True, False])})
        assert list(counts(describe(table), "", "x").items()) == [("True", (2, 3)), ("False", (1, 3))]

    def test_categories_of_one_text_are_one_level_where_only_one_is_used(self):
        table = pd.DataFrame({"x": pd.Categorical([2, 2, None], [2, "2"])})
        assert answers(describe(table), "", "x") == {("2", "count"): (2, 2), ("", "missing"): (1, 3)}
        assert len(describe(table).tidy()) == 2

    def test_strings_and_whole_numbers_as_objects(self):
        table = pd.DataFrame({"x": pd.Series(["a", None, "a"], dtype="string"), "y": np.array([2.0, 2, 3], object)})
        description = describe(table)
        assert counts(description, "", "x") == {"a": (2, 2)}
        assert counts(description, "", "y") == {"2": (2, 3), "3": (1, 3)}

    def test_an_empty_column_has_no_levels(self):
        description = describe(pd.DataFrame({"x": [None, None]}))
        assert answers(description, "", "x") == {("", "missing"): (2, 2)}


class TestUndefined:
    """A value that cannot exist is not missing; one that is there is used."""

    mask = pd.Series([True, False, True, False, False, False, False], index=TABLE.index)

    def test_hand_example(self):
        description = describe(TABLE, "arm", columns=["suv"], undefined={"suv": self.mask})
        for group, n_missing, n_undefined, n in (("", 1, 1, 7), ("x", 0, 1, 3), ("y", 1, 0, 3)):
            found = answers(description, group, "suv")
            assert (found["", "missing"], found["", "undefined"]) == ((n_missing, n), (n_undefined, n))
        assert answers(description, "", "suv")["", "median"] == (4.0, 5)
        assert any(
            text.startswith("1 patient marked as undefined in 'suv' has a value") for text in description.warnings
        )

    def test_levels_and_truth_values_can_be_undefined(self):
        masks = {
            "stage": pd.Series(TABLE.index == "e", TABLE.index),
            "fever": pd.Series(TABLE.index == "b", TABLE.index),
        }
        description = describe(TABLE, undefined=masks)
        for name in masks:
            found = answers(description, "", name)
            assert (found["", "missing"], found["", "undefined"]) == ((0, 7), (1, 7))
        assert counts(description, "", "stage")["II"] == (3, 6)
        assert not description.warnings

    def test_other_variables_have_no_such_row(self):
        tidy = describe(TABLE, undefined={"suv": self.mask}).tidy()
        assert set(tidy.loc[tidy["measure"] == "undefined", "variable"]) == {"suv"}

    def test_a_column_that_is_not_described_may_be_named(self):
        assert describe(TABLE, columns=["site"], undefined={"suv": self.mask}).kinds == (("site", "levels"),)


class TestGroups:
    """All patients first, then the levels of `by`."""

    def test_a_patient_without_a_group_is_among_all(self):
        description = describe(TABLE, "arm")
        assert description.groups == (("", 7), ("x", 3), ("y", 3))
        assert description.by == "arm"
        assert [name for name, _ in description.kinds] == ["suv", "stage", "fever", "site"]
        assert description.warnings == (
            "1 patient without a value of 'arm' is counted among all patients and in no group",
        )

    def test_categories_in_order_without_the_empty(self):
        by = pd.Series(pd.Categorical(list("zyzyzyz"), ["z", "q", "y"]), TABLE.index, name="arm")
        description = describe(TABLE, by)
        assert description.groups == (("", 7), ("z", 4), ("y", 3))
        assert description.notes == ("'arm': level 'q' has no patients",)
        assert ("arm", "levels") in description.kinds

    @pytest.mark.parametrize(
        ("values", "names"),
        [
            ([10, 9, 2] * 2, ["2", "9", "10"]),
            ([2.0, None, 1.5] * 2, ["1.5", "2"]),
            ([True, False, None] * 2, ["False", "True"]),
        ],
    )
    def test_numbers_and_truth_values_in_order(self, values, names):
        table = pd.DataFrame({"x": range(6), "g": pd.Series(values)})
        assert [name for name, _ in describe(table, "g").groups[1:]] == names

    def test_one_level_and_none(self):
        table = pd.DataFrame({"x": [1, 2], "g": ["a", "a"], "h": [None, None]})
        one = describe(table, "g", columns=["x"])
        assert one.groups == (("", 2), ("a", 2))
        assert answers(one, "", "x") == answers(one, "a", "x")
        none = describe(table, "h", columns=["x"])
        assert none.groups == (("", 2),)
        assert none.warnings[0].startswith("2 patients without a value of 'h' are counted among all")

    def test_by_series_without_a_name(self):
        description = describe(pd.DataFrame({"x": [1, 2]}), pd.Series(["a", None]))
        assert description.by == ""
        assert description.warnings[0].startswith("1 patient without a value of by is")


class TestTheResult:
    """What a result gives out."""

    def test_tidy_and_glance(self):
        description = describe(TABLE, "arm", undefined={"suv": TestUndefined.mask})
        tidy = description.tidy()
        assert list(tidy.columns) == ["group", "variable", "level", "measure", "estimate", "n"]
        assert set(tidy.columns) <= set(VOCABULARY)
        assert not tidy.duplicated(["group", "variable", "level", "measure"]).any()
        tidy["estimate"] = 0.0
        assert description.tidy()["estimate"].any()
        glance = description.glance()
        assert (len(glance), glance["n"][0], glance["n_groups"][0]) == (1, 7, 2)
        assert "type 7" in glance["conventions"][0]
        assert "not tested" in glance["conventions"][0]
        assert describe(TABLE).glance()["n_groups"][0] == 0

    def test_print_and_json(self):
        description = describe(TABLE.assign(none=np.nan), "arm")
        text = repr(description)
        assert text.startswith("7 patients by arm")
        assert "Warning: 1 patient without" in text
        assert not [word for word in text.split() if word in {"nan", "NaN"}]
        content = json.loads(description.to_json())
        assert content["kind"] == "Description"
        assert len(content["tidy"]) == len(description.tidy())

    def test_markup_is_text(self):
        page = describe(pd.DataFrame({"<b>": ["<i>", "<i>"]}))._repr_html_()
        assert "<b>" not in page
        assert "&lt;i&gt;" in page

    def test_it_is_frozen_and_leaves_the_table_alone(self):
        before = TABLE.copy(deep=True)
        description = describe(TABLE, "arm")
        with pytest.raises(AttributeError):
            description.by = "other"
        pd.testing.assert_frame_equal(TABLE, before)

    def test_columns_choose_and_order(self):
        assert [name for name, _ in describe(TABLE, "arm", columns=["site", "arm", "suv"]).kinds] == ["site", "suv"]

    def test_columns_may_have_names_that_are_no_text(self):
        assert describe(pd.DataFrame({2019: [1, 2]})).kinds == (("2019", "number"),)


OTHER_ORDER = pd.Series(list("xxxyyyy"), index=list("gfedcba"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((TABLE, "amr"), "no column 'amr'.*did you mean 'arm'"),
        ((TABLE, None, ["sux"]), "no column 'sux'.*did you mean 'suv'"),
        ((TABLE, None, ["suv", "suv"]), "twice"),
        ((TABLE, None, "suv"), "columns is the text 'suv'"),
        ((TABLE, "arm", ["arm"]), "no column to describe"),
        ((TABLE, None, []), "no column to describe"),
        ((TABLE[:0],), "no rows"),
        ((TABLE, OTHER_ORDER), "row labels of by .* another order"),
        ((TABLE, pd.Series(list("xxxyyyy"))), "row labels of by .* some labels differ"),
        ((TABLE, list("xxxyyyy")), "by is no Series"),
        ((TABLE.set_axis(["suv", "a", "b", "suv", "c"], axis=1),), "more than one column of a name: suv"),
        ((TABLE.assign(suv=[1, 2, np.inf, 4, 5, 6, -np.inf]),), r"'suv' has infinite numbers, in rows 3, 7 \(2 of 7\)"),
        ((TABLE.assign(site=[np.inf, *"abcdef"]),), "'site' has infinite numbers"),
        ((TABLE.assign(site=["", *"abcdef"]),), "'site' has an empty text"),
        ((TABLE.assign(arm=[" ", *"abcdef"]), "arm"), "'arm' has an empty text"),
        ((TABLE.assign(site=[["a"], *"abcdef"]),), "'site' holds lists"),
        ((TABLE.assign(site=[2, "2", *"abcde"]),), "'site' has two levels that are the same once written as text"),
        ((TABLE, None, None, {"svu": TestUndefined.mask}), "no column 'svu'.*did you mean 'suv'"),
        ((TABLE, None, None, {"suv": OTHER_ORDER == "x"}), "row labels of undefined"),
        ((TABLE, None, None, {"suv": [True] * 7}), "no Series"),
        ((TABLE, None, None, {"suv": TABLE["fever"]}), "not True or False .* row 2"),
        ((TABLE, None, None, {"suv": TABLE["site"].fillna("A")}), "not True or False"),
    ],
)  # fmt: skip
def test_refusals(arguments, message):
    table, by, columns, undefined = (*arguments, None, None, None)[:4]
    with pytest.raises(DataError, match=message):
        describe(table, by, columns=columns, undefined=undefined)


DAY = pd.Timestamp("1961-04-12")


@pytest.mark.parametrize(
    "values",
    [
        [DAY, DAY],
        [pd.NaT, pd.NaT],
        pd.Series([DAY, DAY]).dt.tz_localize("UTC"),
        pd.Series([DAY, DAY]).dt.to_period("M"),
        pd.Series([DAY, DAY]) - DAY,
        pd.Categorical([DAY, DAY]),
        pd.arrays.IntervalArray.from_breaks(pd.DatetimeIndex([DAY, "1990-01-01", "1991-01-01"])),
        np.array([date(1961, 4, 12), None], dtype=object),
        np.array(["unknown", DAY], dtype=object),
    ],
)  # fmt: skip
def test_dates_are_never_shown(values):
    table = pd.DataFrame({"x": [1, 2], "born": values})
    for arguments in ((table,), (table, "born")):
        with pytest.raises(DataError, match="'born' holds dates") as caught:
            describe(*arguments)
        assert "1961" not in str(caught.value)
    assert describe(table, columns=["x"]).kinds == (("x", "number"),)


@st.composite
def tables(draw):
    """Columns of each kind with missing values, marks of undefined ones, and groups."""
    n = draw(st.integers(1, 25))

    def column(values):
        return draw(st.lists(st.one_of(st.none(), values), min_size=n, max_size=n))

    table = pd.DataFrame(
        {
            "number": pd.Series(column(st.floats(-1e3, 1e3)), dtype=float),
            "text": pd.Series(column(st.sampled_from("abc")), dtype=object),
            "truth": pd.Series(column(st.booleans()), dtype="boolean"),
            "factor": pd.Categorical(column(st.sampled_from("pqr")), list("rqps")),
            "group": pd.Series(column(st.sampled_from("xyz")), dtype=object),
        }
    )
    names = draw(st.sets(st.sampled_from(["number", "text", "truth", "factor"])))
    masks = {name: pd.Series(draw(st.lists(st.booleans(), min_size=n, max_size=n))) for name in sorted(names)}
    return table, masks


@run
@given(tables(), st.booleans())
def test_everybody_is_counted_once(drawn, complete):
    table, masks = drawn
    if complete:
        table = table.assign(group=table["group"].fillna("x"))
    description = describe(table, "group", undefined=masks)
    tidy = description.tidy()
    sizes = dict(description.groups)
    assert sizes[""] == len(table)
    if complete:
        assert sum(sizes.values()) == 2 * len(table)
        assert not [text for text in description.warnings if "no group" in text]
    for (group, variable), part in tidy.groupby(["group", "variable"]):
        absent = part.loc[part["measure"].isin(["missing", "undefined"]), "estimate"].sum()
        present = set(part.loc[~part["measure"].isin(["missing", "undefined"]), "n"])
        rows = table if group == "" else table[table["group"] == group]
        assert absent == rows[variable].isna().sum()
        assert present <= {sizes[group] - absent}
        if variable in ("text", "factor"):
            assert part.loc[part["measure"] == "count", "estimate"].sum() + absent == sizes[group]
    counted = tidy[tidy["measure"].isin(["count", "missing", "undefined"])]
    keys = ["variable", "level", "measure"]
    whole = counted[counted["group"] == ""].set_index(keys)["estimate"]
    parts = counted[counted["group"] != ""].groupby(keys, sort=False)["estimate"].sum()
    if complete:
        pd.testing.assert_series_equal(parts, whole)
    elif len(parts):
        assert (parts <= whole).all()


@run
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(drawn, random):
    table, masks = drawn
    order = list(range(len(table)))
    random.shuffle(order)
    moved = describe(table.iloc[order], "group", undefined={name: mask.iloc[order] for name, mask in masks.items()})
    pd.testing.assert_frame_equal(moved.tidy(), describe(table, "group", undefined=masks).tidy(), rtol=1e-12)
