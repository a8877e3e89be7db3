"""Table 1: cells against hand counts, decimals that suit the numbers, what is absent, and hostile text."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survmodel import DataError
from survmodel.formatting import MISSING
from survmodel.models.description import describe
from survmodel.naming import INDENT, NO_LESION
from survmodel.report.table_one import description_table, table_one
from survmodel.table import is_section

run = settings(
    deadline=None, derandomize=True, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)

TABLE = pd.DataFrame(
    {
        "age": [52.0, 61, 62, 70.25, 40, 44],
        "suv": [10.0, np.nan, 20.0, np.nan, np.nan, np.nan],
        "stage": pd.Categorical(["II", "I", "II", None, "II", "I"], ["I", "II", "III"]),
        "b": [True, False, True, False, None, None],
        "entity": ["lymphoma"] * 4 + ["myeloma"] * 2,
    }
)
LABELS = {"age": "age", "suv": "SUVmax", "stage": "stage", "b": "B symptoms", "entity": "disease group"}
UNDEFINED = {"suv": pd.Series([False, True, False, False, True, False])}


def row_of(values, **options):
    return table_one(pd.DataFrame({"x": values}), **options).rows[0]


class TestHandExample:
    """Counted and computed by hand."""

    table = table_one(TABLE, "entity", labels=LABELS, units={"age": "years"}, undefined=UNDEFINED)

    def test_header_and_caption(self):
        assert self.table.header == ("Characteristic", "All (n = 6)", "lymphoma (n = 4)", "myeloma (n = 2)")
        assert self.table.caption == "Patients by disease group."

    def test_rows(self):
        # All: 40, 44, 52, 61, 62, 70.25: quartiles at positions 2.25, 3.5, 4.75 are 46, 56.5 and 61.75.
        # Lymphoma: 52, 61, 62, 70.25 at 1.75, 2.5, 3.25 are 58.75, 61.5 and 64.0625; myeloma: 41, 42, 43.
        # 61.75 and 58.75 are halfway between decimals, and exact in binary: rounded to the even one.
        assert self.table.rows == (
            ("Age, years, median (quartiles)", "56.5 (46.0 to 61.8)", "61.5 (58.8 to 64.1)", "42.0 (41.0 to 43.0)"),
            ("SUVmax, median (quartiles)", "15.0 (12.5 to 17.5)", "15.0 (12.5 to 17.5)", MISSING),
            (INDENT + NO_LESION, "2", "1", "1"),
            (INDENT + "Missing", "2", "1", "1"),
            ("Stage", "", "", ""),
            (INDENT + "I", "2 (40.0%)", "1 (33.3%)", "1 (50.0%)"),
            (INDENT + "II", "3 (60.0%)", "2 (66.7%)", "1 (50.0%)"),
            (INDENT + "Missing", "1", "1", "0"),
            ("B symptoms", "2 (50.0%)", "2 (50.0%)", MISSING),
            (INDENT + "Missing", "2", "0", "2"),
        )

    def test_sections_are_the_names_of_factors(self):
        assert [row[0] for row in self.table.rows if is_section(row)] == ["Stage"]

    def test_footnotes(self):
        notes = "\n".join(self.table.footnotes)
        for text in (
            "type 7",
            "Percentages are of the patients with a value.",
            f"{NO_LESION}: the value does not exist; not counted as missing",
            f"{MISSING}: no patient of the group has a value.",
            "described, not tested",
        ):
            assert text in notes
        assert not re.search(r"\bp\b", str(self.table))

    def test_from_a_description(self):
        description = describe(TABLE, "entity", undefined=UNDEFINED)
        again = description_table(description, LABELS, {"age": "years"}, NO_LESION, "")
        assert again == self.table


class TestDecimals:
    """Equal within a row, enough to read its numbers, no more than they have."""

    @pytest.mark.parametrize(
        ("values", "cell"),
        [
            ([61.5, 52.0, 70.25], "61.5 (56.8 to 65.9)"),
            ([3, 4, 5, 6, 7], "5 (4 to 6)"),
            ([0, 0, 0, 0], "0 (0 to 0)"),
            ([0, 0, 1, 1, 1], "1 (0 to 1)"),
            ([0, 1], "0.50 (0.25 to 0.75)"),
            ([0.0123, 0.0114, 0.0141, 0.0119, 0.0137], "0.0123 (0.0119 to 0.0137)"),
            ([1234.4, 987.2, 2345.1, 800, 4000], "1234 (987 to 2345)"),
            ([234.5, 180.25, 351.75, 100, 500], "234 (180 to 352)"),
            ([9.87, 8.12, 12.34, 1, 99], "9.9 (8.1 to 12.3)"),
            ([0.04, 0.04, 12.3, 1234, 1234], "12.30 (0.04 to 1234.00)"),
            ([1.4, 1.1, 150.2, 1, 300], "1.4 (1.1 to 150.2)"),
            ([-3.25, -3.25, -1.5, 0.25, 0.25], "-1.50 (-3.25 to 0.25)"),
            ([0.1 + 0.2 - 0.3, 7.0, 8.0], "7.0 (3.5 to 7.5)"),
            ([0.1 + 0.2 - 0.3] * 3 + [7.0, 7.0], "0 (0 to 7)"),
            ([1e-9, 2e-9, 3e-9, 4e-9, 5e-9], "3.00e-09 (2.00e-09 to 4.00e-09)"),
            ([2e8, 3e8, 4e8, 5e8, 6e8], "4.00e+08 (3.00e+08 to 5.00e+08)"),
            ([5.0], "5 (5 to 5)"),
            ([3.25, np.nan], "3.25 (3.25 to 3.25)"),
        ],
    )
    def test_cells(self, values, cell):
        assert row_of(values)[1] == cell

    def test_a_row_has_the_decimals_that_any_group_needs(self):
        table = pd.DataFrame({"x": [1, 2, 3, 10, 11, 12], "g": list("aaabbb")})
        assert table_one(table, "g").rows[0][1:] == ("6.5 (2.2 to 10.8)", "2.0 (1.5 to 2.5)", "11.0 (10.5 to 11.5)")

    @run
    @given(st.lists(st.floats(-1e5, 1e5).map(lambda x: round(x, 3)), min_size=1, max_size=12))
    def test_no_number_is_rounded_away(self, values):
        cell = row_of(values)[1]
        shown = [float(text) for text in re.fullmatch(r"(\S+) \((\S+) to (\S+)\)", cell).groups()]
        true = np.quantile(values, [0.5, 0.25, 0.75])
        largest = np.abs(true).max()
        assert np.abs(shown - true).max() <= 0.0051 * largest
        assert [number == 0 for number in shown] == [abs(number) <= 1e-12 * largest for number in true]
        assert len({len(text.partition(".")[2]) for text in re.findall(r"[0-9.]+", cell)}) == 1


class TestAbsence:
    """Rows and notes that stand only where something is absent."""

    def test_nothing_absent_nothing_said(self):
        table = table_one(pd.DataFrame({"x": [1, 2], "y": ["a", "b"]}))
        assert [row[0] for row in table.rows] == ["X, median (quartiles)", "Y", INDENT + "a", INDENT + "b"]
        assert len(table.footnotes) == 2
        assert table.header == ("Characteristic", "All (n = 2)")
        assert table.caption == "Patients."

    def test_all_missing(self):
        table = table_one(
            pd.DataFrame({"x": [np.nan] * 2, "y": [None] * 2, "z": pd.Series([None] * 2, dtype="boolean")})
        )
        assert table.rows == (
            ("X, median (quartiles)", MISSING), (INDENT + "Missing", "2"),
            ("Y", ""), (INDENT + "Missing", "2"),
            ("Z", MISSING), (INDENT + "Missing", "2"),
        )  # fmt: skip
        assert any(note.startswith(f"{MISSING}: ") for note in table.footnotes)

    def test_a_group_without_a_value_of_a_factor(self):
        table = table_one(pd.DataFrame({"x": ["a", "b", None], "g": ["p", "p", "q"]}), "g")
        assert table.rows[1] == (INDENT + "a", "1 (50.0%)", "1 (50.0%)", MISSING)
        assert table.rows[3] == (INDENT + "Missing", "1", "0", "1")

    def test_undefined_is_silent_where_nobody_is(self):
        mask = {"x": pd.Series([True, False])}
        table = table_one(pd.DataFrame({"x": [1.0, np.nan]}), undefined=mask)
        assert [row[0] for row in table.rows] == ["X, median (quartiles)", INDENT + "Missing"]
        assert NO_LESION not in str(table)

    def test_the_label_of_undefined(self):
        mask = {"x": pd.Series([False, True])}
        table = table_one(pd.DataFrame({"x": [1.0, np.nan]}), undefined=mask, undefined_label="not applicable")
        assert table.rows[1] == (INDENT + "not applicable", "1")
        assert "Not applicable: the value does not exist" in str(table)

    def test_patients_without_a_group(self):
        table = pd.DataFrame({"x": [1, 2, 3], "g": ["a", None, None]})
        assert "All: with 2 patients who have no entity." in table_one(table, "g", labels={"g": "entity"}).footnotes
        assert "All: with 1 patient who has no g." in table_one(table[:2], "g").footnotes

    def test_one_group(self):
        table = table_one(pd.DataFrame({"x": [1, 3], "g": ["a", "a"]}), "g")
        assert table.rows == (("X, median (quartiles)", "2.0 (1.5 to 2.5)", "2.0 (1.5 to 2.5)"),)


class TestWords:
    """Labels, units, captions."""

    def test_units_and_labels(self):
        label = row_of([1, 2], labels={"x": "leukocytes"}, units={"x": "10^9/L"})[0]
        assert label == "Leukocytes, 10⁹/L, median (quartiles)"

    def test_captions(self):
        table, by = pd.DataFrame({"x": [1, 2]}), pd.Series(["a", "b"])
        assert table_one(table, by).caption == "Patients by group."
        assert table_one(table, by.rename("site"), labels={"site": "center"}).caption == "Patients by center."
        assert table_one(table, by, caption="Who they are.").caption == "Who they are."
        assert description_table(describe(table, by), by_label="arm").caption == "Patients by arm."

    def test_columns_choose_and_order(self):
        assert [row[0] for row in table_one(TABLE, columns=["b", "age"]).rows if row[0][0] != INDENT] == [
            "B", "Age, median (quartiles)",
        ]  # fmt: skip

    def test_markup_is_text(self):
        hostile = "<img src=x onerror=1>{{ 7 * 7 }}"
        table = pd.DataFrame({hostile: [hostile, None], "g": [hostile, "b"], "n": [1, 2]})
        made = table_one(table, "g", labels={"n": hostile, "g": hostile}, units={"n": hostile}, undefined_label=hostile)
        page = made.to_html()
        assert "<img" not in page
        assert "&lt;img src=x onerror=1&gt;{{ 7 * 7 }}" in page
        assert made.rows[1][0] == INDENT + hostile

    def test_refusals_come_through(self):
        with pytest.raises(DataError, match="did you mean 'entity'"):
            table_one(TABLE, "entiti")


@run
@given(st.data())
def test_cells_add_up(data):
    n = data.draw(st.integers(1, 20))
    levels = data.draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=n, max_size=n))
    groups = data.draw(st.lists(st.sampled_from(["x", "y"]), min_size=n, max_size=n))
    table = table_one(pd.DataFrame({"v": pd.Series(levels, dtype=object), "g": groups}), "g")
    sizes = [int(re.search(r"n = ([0-9]+)", head)[1]) for head in table.header[1:]]
    assert sizes[0] == sum(sizes[1:]) == n
    body = [row for row in table.rows if not is_section(row)]
    for column, size in enumerate(sizes, start=1):
        cells = [row[column] for row in body]
        assert sum(int(cell.split()[0]) for cell in cells if cell != MISSING) == size
        shares = [float(found[1]) for cell in cells if (found := re.search(r"\(([0-9.]+)%\)", cell))]
        assert not shares or abs(sum(shares) - 100) <= 0.16
