"""Text in figures: cleaned, measured, cut and wrapped; and places that are free for it."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import font_manager

from survmodel.figures.lettering import FONT_FOLDER, clean_text, register_fonts, shorten, text_width, wrap
from survmodel.figures.placement import free_place, keep_apart


def test_the_shipped_font_is_used_and_registered_once() -> None:
    register_fonts()
    known = len(font_manager.fontManager.ttflist)
    register_fonts()
    assert len(font_manager.fontManager.ttflist) == known
    assert font_manager.findfont("Liberation Sans").startswith(str(FONT_FOLDER))
    assert "SIL OPEN FONT LICENSE" in (FONT_FOLDER / "LICENSE-OFL.txt").read_text()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("CXCR4⁺ ≥ 10, β₂-microglobulin", "CXCR4⁺ ≥ 10, β₂-microglobulin"),
        ("高リスク", "□□□□"),
        ("a\u202eb\u200dc\ufeff", "abc"),
        ("a\ud800\uffff\x07", "a�□�"),
        (" two\r\nlines ", "two� lines"),
        (12, "12"),
        ("", ""),
    ],
)
def test_text_is_cleaned(text: object, shown: str) -> None:
    assert clean_text(text) == shown


def test_widths_are_those_of_arial() -> None:
    # Advance width of a digit: 1139 of 2048 units.
    assert text_width("0" * 20, 7) == pytest.approx(20 * 7 * 1139 / 2048, rel=0.02)
    assert text_width("Survival", 7, bold=True) > text_width("Survival", 7)


@pytest.mark.parametrize("text", ["a" * 5000, "word " * 1000, "אבג " * 500, "□" * 3000])
def test_text_is_cut_to_the_room(text: str) -> None:
    for room in (5.0, 40.0, 300.0):
        cut = shorten(text, room, 7)
        assert cut.endswith("…")
        assert text_width(cut, 7) <= max(room, text_width("…", 7))


def test_text_is_wrapped_to_the_room() -> None:
    lines = wrap("one two\nthree " + "word " * 2000, 60, 7, most=4)
    assert lines[0] == "one two"
    assert len(lines) == 4
    assert lines[-1].endswith("…")
    assert all(text_width(line, 7) <= 60 for line in lines)
    assert wrap("x" * 5000, 60, 7)[0].endswith("…")
    assert wrap("", 60, 7) == wrap(" \n ", 60, 7) == []


def test_a_free_place_covers_nothing() -> None:
    draw = np.random.default_rng(0)
    found = 0
    for _ in range(50):
        corners = np.sort(draw.random((6, 2, 2)), axis=1)
        taken = corners.reshape(6, 4)
        place = free_place((0.2, 0.2), taken, (0.02, 0.02))
        if place is None:
            continue
        found += 1
        x, y = place
        assert 0 <= min(x, y) <= max(x, y) <= 0.8
        across = (taken[:, 0] < x + 0.2) & (taken[:, 2] > x)
        along = (taken[:, 1] < y + 0.2) & (taken[:, 3] > y)
        assert not (across & along).any()
    assert found > 10
    assert free_place((0.2, 0.2), np.array([[0, 0, 1, 1.0]]), (0, 0)) is None
    assert free_place((1.2, 0.2), np.empty((0, 4)), (0, 0)) is None
    assert free_place((0.5, 0.5), np.empty((0, 4)), (0, 0)) == (0.5, 0.5)


def test_texts_in_a_row_are_kept_apart() -> None:
    assert keep_apart([0, 10, 20, 30], [9, 9, 9, 9], 1) == [0, 1, 2, 3]
    assert keep_apart([0, 10, 20, 30], [9.5, 9.5, 9.5, 9.5], 1) == [0, 2]
    assert keep_apart([], [], 1) == []
