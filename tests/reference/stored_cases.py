"""Stored answers of trusted software: reading a case from disk, and comparing an answer with it.

A case is a folder of ``cases/`` with ``data.csv`` (an empty cell is missing) and ``expected.json``: ``values.<name>``
holds the value, its tolerances and the call that gave it. JSON null is a missing number; "NaN", "Inf" and "-Inf" stand
for themselves. A matrix is a list of its rows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent / "cases"
#: Closeness asked of exact values and of optima beyond the stored tolerance, relative to each number.
TIGHT = 1e-8
_WORDS = {"NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}


class Skipped:
    """Stands in an answer where a documented choice differs from the stored value, which is then not compared."""

    def __repr__(self) -> str:
        return "SKIPPED"


SKIPPED = Skipped()


@dataclass(frozen=True)
class Case:
    """A case on disk; `columns` are arrays of numbers, or of text."""

    id: str
    columns: Mapping[str, np.ndarray]
    settings: Mapping[str, Any]
    values: Mapping[str, Mapping[str, Any]]

    @property
    def n(self) -> int:
        return len(next(iter(self.columns.values())))


def case_ids() -> list[str]:
    return sorted(path.parent.name for path in ROOT.glob("*/expected.json"))


def value_ids() -> list[tuple[str, str]]:
    return [(case, value) for case in case_ids() for value in read_case(case).values]


@cache
def read_case(name: str) -> Case:
    content = json.loads((ROOT / name / "expected.json").read_text(encoding="utf-8"))
    settings = content["settings"] or {}
    return Case(name, read_columns(ROOT / name / "data.csv"), settings, content["values"])


def read_columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    return {name: _numbers_or_text([row[j] for row in rows]) for j, name in enumerate(header)}


def _numbers_or_text(cells: list[str]) -> np.ndarray:
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return np.array([cell or None for cell in cells], dtype=object)


def leaves(expected: object, got: object, place: str = "") -> Iterator[tuple[str, object, object]]:
    """Walk through two values of one shape; yield place, expected and answered number or text."""
    if isinstance(expected, Mapping):
        assert isinstance(got, Mapping), f"{place}: the answer is not a mapping"
        assert set(expected) == set(got), f"{place}: the answer has {sorted(got)}, the case {sorted(expected)}"
        for key in expected:
            yield from leaves(expected[key], got[key], f"{place}.{key}")
        return
    if isinstance(got, np.ndarray):
        got = got.tolist()
    if isinstance(expected, list):
        # one number is not written as a list by R
        many = got if isinstance(got, list | tuple) else [got]
        assert len(expected) == len(many), f"{place}: {len(many)} elements instead of {len(expected)}"
        for number, (one, other) in enumerate(zip(expected, many, strict=True)):
            yield from leaves(one, other, f"{place}[{number}]")
        return
    while isinstance(got, list | tuple) and len(got) == 1:
        got = got[0]
    yield place, expected, got


def compare(answer: object, entry: Mapping[str, Any], *, tight: bool = False) -> int:
    """Assert that an answer is the stored value; return how many elements were skipped.

    An element passes within ``atol + rtol * |expected|``. `tight` asks for `TIGHT` relative to the element, and for
    elements near zero relative to the largest of their list.
    """
    pairs = list(leaves(entry["value"], answer))
    sizes = [abs(number) for _, number, _ in pairs if isinstance(number, int | float) and np.isfinite(number)]
    # rounding of a sum that should be zero is as large as its terms
    rounding = 1e-6 * TIGHT * max(sizes, default=0.0) + 1e-13
    rtol, atol = (TIGHT, rounding) if tight else (entry["rtol"], entry["atol"])
    skipped = 0
    for place, expected, got in pairs:
        if got is SKIPPED:
            skipped += 1
            continue
        _compare_one(place, expected, got, rtol, atol, str(entry.get("r", "")))
    return skipped


def _compare_one(place: str, expected: object, got: Any, rtol: float, atol: float, call: str) -> None:
    said = f"{place or 'value'}: got {got!r}, stored {expected!r} ({call})"
    if isinstance(expected, str) and expected not in _WORDS:
        assert got == expected, said
        return
    number = np.nan if expected is None else float(_WORDS.get(expected, expected))  # type: ignore[arg-type]
    if np.isnan(number):
        assert got is None or np.isnan(got), said
    elif np.isinf(number):
        assert got == number, said
    else:
        assert got is not None, said
        allowed = atol + rtol * abs(number)
        assert abs(got - number) <= allowed, f"{said}, {abs(got - number):.3g} apart, allowed {allowed:.3g}"
