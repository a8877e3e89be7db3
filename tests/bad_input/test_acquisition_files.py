"""Scans that were not made as they should be, ratios that cannot be, children among adults, by the command line."""

from __future__ import annotations

import csv

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    PFS,
    Rows,
    as_lines,
    completed,
    places,
    refused,
    refused_settings,
    write_canonical,
)

SCANS = "scans.csv"
#: Column and one cell for each of the eight scans, which are of CXCR4 and FDG in turn.
GOOD = {
    "uptake_min": ["60", "62"] * 4, "injected_mbq": ["140", "260"] * 4, "weight_kg": ["70"] * 8,
    "glucose": ["", "5.4"] * 4, "reconstruction": ["OSEM"] * 8, "earl": ["yes"] * 8, "batch": ["B1"] * 8,
}  # fmt: skip


def scans(**changes: dict[int, str]) -> dict[str, Rows]:
    """The scans with how they were made; `changes` are cells by line of the file."""
    rows = [list(row) for row in csv.reader(CANONICAL_FILES["scans"])]
    for name, cells in GOOD.items():
        rows[0].append(name)
        for place, cell in enumerate(cells):
            rows[place + 1].append(changes.get(name, {}).get(place + 2, cell))
    for name in set(changes) - set(GOOD):
        for line, cell in changes[name].items():
            rows[line - 1][rows[0].index(name)] = cell
    return {"scans": as_lines(rows)}


def told(tmp_path, capsys, more: str = "", **changes: dict[int, str]) -> list[tuple[object, ...]]:
    done = completed(write_canonical(tmp_path, scans(**changes), endpoint=PFS, more=more), capsys)
    return [place for place in places(done.problems) if str(place[0]).startswith(("D20", "D145", "D132"))]


def test_scans_as_they_should_be_say_nothing(tmp_path, capsys):
    assert told(tmp_path, capsys) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # both ends of the windows are inside, a minute beyond is not
        ({"uptake_min": {2: "45", 4: "75", 3: "55", 5: "75"}}, []),
        ({"uptake_min": {2: "44", 4: "76"}}, [("D200", SCANS, "uptake_min", (2, 4))]),
        ({"uptake_min": {3: "54", 7: "76"}}, [("D200", SCANS, "uptake_min", (3, 7))]),
        # 1.85 and 3.71 MBq/kg of CXCR4 at 70 kg; FDG has no window of its activity
        ({"injected_mbq": {2: "129.5", 4: "259.7", 3: "400"}}, []),
        ({"injected_mbq": {2: "120", 4: "270"}}, [("D201", SCANS, "injected_mbq", (2, 4))]),
        ({"glucose": {3: "11"}}, []),
        ({"glucose": {3: "11.1", 2: "14"}}, [("D202", SCANS, "glucose", (3,))]),
        ({"uptake_min": {4: ""}}, [("D204", SCANS, "uptake_min", (4,))]),
        ({"weight_kg": {4: "", 5: ""}}, [("D204", SCANS, "injected_mbq", (4,))]),
        ({"reconstruction": {6: "PSF+TOF"}}, [("D205", SCANS, "reconstruction", (6,))]),
        ({"earl": {7: "no"}}, [("D205", SCANS, "earl", (7,))]),
    ],
)
def test_what_is_outside_is_told_with_its_rows(tmp_path, capsys, changes, expected):
    assert told(tmp_path, capsys, **changes) == expected


@pytest.mark.parametrize(
    ("column", "cells", "lines", "said"),
    [
        ("uptake_min", ["1", "1.1"] * 4, (2, 4, 6, 8), "hours: multiply by 60"),
        ("uptake_min", ["3600", "62"] * 4, (2, 4, 6, 8), "seconds: divide by 60"),
        ("injected_mbq", ["4", "260"] * 4, (2, 4, 6, 8), "mCi: multiply by 37"),
        ("injected_mbq", ["140", "260000000"] * 4, (3, 5, 7, 9), "kBq or Bq"),
        ("glucose", ["", "97"] * 4, (3, 5, 7, 9), "mg/dL: divide by 18.02"),
    ],
)
def test_another_unit_is_refused(tmp_path, capsys, column, cells, lines, said):
    changes = {column: {place + 2: cell for place, cell in enumerate(cells)}}
    problems = [
        one for one in refused(write_canonical(tmp_path, scans(**changes), endpoint=PFS), capsys)
        if one["severity"] == "error"
    ]  # fmt: skip
    assert ("D203", SCANS, column, lines) in places(problems)
    assert any(said in str(one["remedy"]) for one in problems)


def test_the_windows_are_those_of_the_protocol(tmp_path, capsys):
    more = "[acquisition.cxcr4]\nuptake_min = [30, 59]\n"
    expected = [("D200", SCANS, "uptake_min", (2, 4, 6, 8))]
    # what the table does not name is not looked at
    assert told(tmp_path, capsys, more, injected_mbq={2: "20"}) == expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("[acquisition.cxcr4]\nuptake_min = [45]\n", "uptake_min has a low and a high end"),
        ("[acquisition.cxcr4]\nuptake_min = [75, 45]\n", "ascending order"),
        ("[acquisition.cxcr4]\nuptake_min = [0, 45]\n", "above 0"),
        ("[acquisition.fdg]\nglucose_max = -1\n", "glucose_max"),
        ("[acquisition.psma]\nuptake_min = [45, 75]\n", "psma"),
    ],
)
def test_windows_that_cannot_be(tmp_path, capsys, more, said):
    assert said in refused_settings(write_canonical(tmp_path, scans(), endpoint=PFS, more=more), capsys)


def test_77_a_ratio_above_500(tmp_path, capsys):
    """The hottest lesion has SUVmax 12.5: 0.025 in the liver is a ratio of 500, 0.0249 is beyond."""
    assert told(tmp_path / "a", capsys, liver_suvmean={2: "0.025"}) == []
    assert told(tmp_path / "b", capsys, liver_suvmean={2: "0.0249"}) == [("D145", SCANS, "liver_suvmean", (2,))]


def test_a_child_among_adults(tmp_path, capsys):
    rows = [list(row) for row in csv.reader(CANONICAL_FILES["patients"])]
    for row, age in zip(rows, ["age_years", "17.9", "18", "70", "65"], strict=True):
        row.append(age)
    files = {"patients": as_lines(rows)}
    done = completed(write_canonical(tmp_path / "a", files, endpoint=PFS), capsys)
    (child,) = (one for one in done.problems if one["code"] == "D132")
    assert "pools 1 child and 3 adults" in str(child["problem"])
    apart = '[analysis_set.prognostic]\ninclude = "age_years >= 18"\n'
    done = completed(write_canonical(tmp_path / "b", files, endpoint=PFS, more=apart), capsys)
    assert "D132" not in {one["code"] for one in done.problems}
