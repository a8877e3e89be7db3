"""The list of conventions has every row once, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from reference.deviations import DEVIATES
from reference.stored_cases import value_ids

HERE = Path(__file__).parent
TESTS = HERE.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (HERE / "README.md").read_text("utf-8").splitlines()
    if re.match(r"\| [0-9]+ \|", line)
]
#: Analyses that the package does not have; everything else needs a test.
NOT_OFFERED: set[int] = set()
STORED = "reference/test_cases.py::test_value"


@cache
def names_in(path: Path) -> set[str]:
    """List the tests of a file, ``Class::name`` or ``name``."""
    found = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


def test_every_row_stands_once() -> None:
    assert [int(row[0]) for row in ROWS] == list(range(1, 43))
    assert all(len(row) == 3 and row[1] for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_row_has_tests_or_is_not_offered_yet(row: list[str]) -> None:
    number, tests = int(row[0]), re.findall(r"`([^`]+)`", row[2])
    if number in NOT_OFFERED:
        assert row[2] == "not offered yet"
        return
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        plain, _, case = name.rstrip("]").partition("[")
        assert plain in names_in(TESTS / file), test
        if test.startswith(STORED):
            assert case in {f"{one}-{value}" for one, value in value_ids()}, test


def test_numbers_in_names_are_those_of_rows() -> None:
    """A test that carries the number of a row stands in it."""
    for path in HERE.glob("test_*.py"):
        for name in names_in(path):
            match = re.match(r"test_(\d\d)_", name)
            if match:
                assert f"`conventions/{path.name}::{name}`" in ROWS[int(match[1]) - 1][2], name


def test_stored_values_that_are_named_are_compared() -> None:
    """None of them is left out altogether for a documented difference."""
    from reference.answers.registry import find_answer

    for row in ROWS:
        for case in re.findall(rf"`{re.escape(STORED)}\[([^`]+)\]`", row[2]):
            name, value = next((one, value) for one, value in value_ids() if f"{one}-{value}" == case)
            assert (name, value) not in DEVIATES or find_answer(name, value) is not None, case
