"""Cells such as <0.5: refused without a rule, read by the declared one, counted."""

import math

import pytest

from survmodel.data.cells import read_column
from survmodel.data.columns import Column, LimitRule
from survmodel.data.findings import Place

CELLS = ["0.7", "<0.5", "< 0.5", "≤0.4", ">100", "≥ 50", ""]


def read(rule, cells=CELLS, decimal=".", **options):
    column = Column("crp", "number", limits=rule, **options)
    place = Place("labs.csv", tuple(range(2, 2 + len(cells))))
    return read_column(column, cells, place, decimal)


def told(findings):
    return [(one.code, one.severity, one.rows) for one in findings]


def test_without_a_rule_the_cells_are_refused_and_the_keys_named():
    _, findings = read(LimitRule())
    assert told(findings) == [("D025", "error", (3, 4, 5)), ("D025", "error", (6, 7))]
    assert 'below_limit = "half" in [column.crp]' in str(findings[0])
    assert 'above_limit = "limit" in [column.crp]' in str(findings[1])


@pytest.mark.parametrize(("below", "share"), [("half", 0.5), ("root", 1 / math.sqrt(2)), ("limit", 1.0)])
def test_what_stands_for_a_value_below_the_limit(below, share):
    series, findings = read(LimitRule(below, "limit"))
    expected = [0.7, 0.5 * share, 0.5 * share, 0.4 * share, 100.0, 50.0]
    assert series.tolist()[:6] == pytest.approx(expected, rel=1e-15)
    assert math.isnan(series.iloc[6])
    assert told(findings) == [("D080", "note", (3, 4, 5)), ("D080", "note", (6, 7))]


def test_one_rule_does_not_stand_for_the_other():
    series, findings = read(LimitRule(below="half"))
    assert told(findings) == [("D025", "error", (6, 7)), ("D080", "note", (3, 4, 5))]
    assert series.isna().tolist() == [False, False, False, False, True, True, True]


def test_the_decimal_mark_of_the_file_holds():
    series, findings = read(LimitRule(below="half"), ["<0,5", "0,8"], ",")
    assert series.tolist() == [0.25, 0.8]
    assert told(findings) == [("D080", "note", (2,))]
    _, findings = read(LimitRule(below="half"), ["<0,5", "0.8"])
    assert told(findings) == [("D025", "error", (2,))]


def test_a_cell_with_another_limit_than_the_declared_one():
    _, findings = read(LimitRule("half", None, 0.5), ["<0.5", "<0.3", "0.4", "0.5"])
    assert told(findings) == [("D080", "note", (2, 3)), ("D081", "error", (3,)), ("D082", "warning", (4,))]


def test_the_limit_is_in_the_unit_of_the_file():
    rule = LimitRule("half", None, 5.0)
    series, findings = read(rule, ["<5", "35"], quantity="albumin", unit="g/dL", unit_in_file="g/L", range=(0.0, 7.0))
    assert series.tolist() == [0.25, 3.5]
    assert told(findings) == [("D080", "note", (2,))]


def test_the_range_is_in_the_unit_of_analysis():
    _, findings = read(LimitRule(), ["80"], quantity="albumin", unit="g/dL", unit_in_file="g/L", range=(0.0, 7.0))
    assert told(findings) == [("D024", "error", (2,))]
    assert "found 8" in str(findings[0])


@pytest.mark.parametrize("cell", ["<", "<<1", "<abc", "< -1", "<1e3", "<1.2.3", "<=0.5", "0.5<"])
def test_anything_else_stays_an_error(cell):
    _, findings = read(LimitRule("half", "limit"), [cell])
    assert [one.severity for one in findings] == ["error"]
