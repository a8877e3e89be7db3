"""Every numbered property has a test that carries its number in its name and its docstring."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
LAST_OF_THE_MODELS = 38
#: Of the measures of performance.
MEASURES = set(range(39, 46))

#: Properties of analyses that the package does not have.
NOT_OFFERED: dict[int, str] = {}


def numbered_tests() -> list[tuple[int, str, str]]:
    """List number, name and docstring of all tests of this folder that carry a number."""
    found = []
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            match = re.match(r"test_(\d\d)_", node.name) if isinstance(node, ast.FunctionDef) else None
            if match:
                found.append((int(match[1]), node.name, ast.get_docstring(node) or ""))
    return found


def test_every_property_of_curves_tests_and_models_stands() -> None:
    named = {number for number, _, _ in numbered_tests()}
    assert (set(range(1, LAST_OF_THE_MODELS + 1)) | MEASURES) - named == set(NOT_OFFERED)


def test_docstrings_say_what_holds() -> None:
    for number, name, says in numbered_tests():
        assert re.match(rf"{number}[a-z]?\. ", says), name
