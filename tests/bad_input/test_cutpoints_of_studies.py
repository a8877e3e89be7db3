"""Searched cut-points that say nothing, run by the command line: classes 102 to 104."""

from __future__ import annotations

import json

from bad_input.study_files import column_of, completed, plain_rows, write_plain

CUT = '[[cutpoint]]\nendpoint = "os"\nmarker = "age"\npermutations = 999\n'
LEAN = "[validation]\nrepeats = 60\n"


def test_102_too_few_events_on_each_side(tmp_path, capsys):
    """24 of 40 patients die: no cut leaves 13 events on both sides."""
    done = completed(write_plain(tmp_path / "a", more=f"{CUT}min_events = 13\n{LEAN}"), capsys, status=4)
    problems = [one for one in done.problems if one["code"] == "S001"]
    assert problems
    assert all("cutpoint/os/age" in str(one["problem"]) for one in problems)
    assert "no cut is admissible" in str(problems[0]["problem"])
    done = completed(write_plain(tmp_path / "b", more=f"{CUT}min_events = 10\n{LEAN}"), capsys)
    assert not [one for one in done.problems if one["code"] == "S001"]


def test_103_a_searched_cut_stands_with_what_keeps_it_honest(tmp_path, capsys):
    """The naive p-value is nowhere: each p of the step is that which knows of the search."""
    done = completed(write_plain(tmp_path, more=f"{CUT}min_events = 5\n{LEAN}"), capsys)
    records = json.loads(done.files["results.json"])["records"]
    own = [one for one in records if one["step"] == "cutpoint/os/age"]
    assert [one["measure"] for one in own if one.get("p_value") is not None and one["measure"] == "best cut"]
    measures = {one["measure"] for one in own}
    assert {"hazard ratio, at the cut, shrunken", "hazard ratio, at the cut, cross-validated", "same side"} <= measures
    for words in ("exploratory", "Continuous effect of age", "limits"):
        assert words in done.report
    assert "No model of this report uses such a cut" in done.report


def test_104_three_values_have_no_cut_to_search(tmp_path, capsys):
    """Ages 50, 60 and 70: two cuts, which a study declares instead of searching."""
    lines = column_of(plain_rows(), "age", lambda line, _: ("50", "60", "70")[line % 3])
    done = completed(write_plain(tmp_path, lines, more=f"{CUT}min_events = 5\n{LEAN}"), capsys, status=4)
    problems = [one for one in done.problems if one["code"] == "S001"]
    assert problems
    assert all("cutpoint/os/age" in str(one["problem"]) for one in problems)
