"""The filter language: what it selects, what it leaves open, what it refuses."""

import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import ConfigError
from survmodel.data.row_filter import RowFilter

TABLE = pd.DataFrame({
    "confirmed": pd.array([True, True, False, None], dtype="boolean"),
    "untreated": [True, False, True, True],
    "age": [70.0, 15.0, np.nan, 40.0],
    "site": pd.Categorical(["A", "B", None, "A"]),
    "white cells": [1, 2, 3, 4],
})  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rows", "undecided"),
    [
        ("confirmed", [1, 1, 0, 0], [0, 0, 0, 1]),
        ("not confirmed", [0, 0, 1, 0], [0, 0, 0, 1]),
        ("confirmed and untreated", [1, 0, 0, 0], [0, 0, 0, 1]),
        ("confirmed or untreated", [1, 1, 1, 1], [0, 0, 0, 0]),
        ("confirmed and not untreated", [0, 1, 0, 0], [0, 0, 0, 0]),
        ("age >= 18", [1, 0, 0, 1], [0, 0, 1, 0]),
        ("age < 18 or site == 'A'", [1, 1, 0, 1], [0, 0, 1, 0]),
        ("site in ['A', 'C']", [1, 0, 0, 1], [0, 0, 1, 0]),
        ("site != 'A'", [0, 1, 0, 0], [0, 0, 1, 0]),
        ("`white cells` > 2.5", [0, 0, 1, 1], [0, 0, 0, 0]),
        ("age > 18 and (site == 'B' or untreated)", [1, 0, 0, 1], [0, 0, 1, 0]),
        ("not (age > 18 and untreated)", [0, 1, 0, 0], [0, 0, 1, 0]),
        ("untreated and age >= 18 or not untreated", [1, 1, 0, 1], [0, 0, 1, 0]),
        ('site == "B"', [0, 1, 0, 0], [0, 0, 1, 0]),
        ("age == -1", [0, 0, 0, 0], [0, 0, 1, 0]),
    ],
)
def test_selection_with_missing_values(text, rows, undecided):
    selected = RowFilter(text).select(TABLE)
    assert selected.rows.astype(int).tolist() == rows
    assert selected.undecided.astype(int).tolist() == undecided


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("confirmd", "no column 'confirmd': character 1"),
        ("age >", "expected a number, or a text in quotation marks, here: character 6"),
        ("age == 'old'", "age holds numbers and is compared with a text"),
        ("site == 1", "site holds text and is compared with a number"),
        ("site < 'B'", "texts have no order"),
        ("age", "age is no column of truth values"),
        ("(confirmed", "expected a closing bracket"),
        ("confirmed untreated", "expected 'and' or 'or' here: character 11"),
        ("site in 'A'", "expected a list in square brackets"),
        ("site in ['A'", "expected a closing square bracket"),
        ("and confirmed", "expected the name of a column"),
        ("age = 3", "'=' is not understood: character 5"),
        ("__import__('os')", "expected 'and' or 'or' here"),
        ("age.__class__ == 1", r"no column 'age.__class__'"),
        ("", "the filter is empty"),
        ("(" * 60 + "confirmed" + ")" * 60, "nested too deeply"),
        ("x" * 3000, "3000 characters"),
    ],
)
def test_refusals(text, message):
    with pytest.raises(ConfigError) as caught:
        RowFilter(text).select(TABLE)
    assert message in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="abc'\"`()[]<>=!, 0123.notandrinx_\n", max_size=60))
def test_hostile_text_raises_config_errors_only(text):
    with contextlib.suppress(ConfigError):
        RowFilter(text).select(TABLE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), min_size=2, max_size=2))
def test_de_morgan_holds_for_truth_and_for_what_is_undecided(values):
    table = pd.DataFrame({"a": pd.array([values[0]], dtype="boolean"), "b": pd.array([values[1]], dtype="boolean")})
    one = RowFilter("not (a and b)").select(table)
    other = RowFilter("not a or not b").select(table)
    assert one.rows.tolist() == other.rows.tolist()
    assert one.undecided.tolist() == other.undecided.tolist()
