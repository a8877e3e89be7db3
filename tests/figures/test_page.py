"""The page: axes of a fixed size, texts in points, room that is added up."""

from __future__ import annotations

import numpy as np
import pytest
from figures.drawn import HOSTILE, artists, assert_texts_are_apart

from survmodel.errors import ConfigError
from survmodel.figures.page import EDGE, Page, check_width, known_labels, shown_name, spoken
from survmodel.figures.style import PRESETS, current_style, style_settings


def page(width_mm: float = 85, **options) -> Page:
    return Page.lay_out(current_style(), width_mm, **{"left": 30.0, "right": 10.0, **options})


def test_axes_keep_their_size_whatever_stands_around_them() -> None:
    one = page(height=100.0)
    for above, below in [(0.0, 0.0), (40.0, 25.0), (7.5, 130.0)]:
        one.fit_height(above, below)
        box = one.axes.get_position()
        width, height = one.figure.get_size_inches() * 72
        np.testing.assert_allclose(
            [box.x0 * width, box.y0 * height, box.width * width, box.height * height],
            [30, below + EDGE, 85 / 25.4 * 72 - 40, 100],
        )
        assert height == pytest.approx(above + below + 100 + 2 * EDGE + 0.5 * one.size)


def test_without_a_height_curves_get_one_that_suits_the_width() -> None:
    assert page().height == pytest.approx(0.33 * page().width + 72)


def test_places_are_points_from_the_corner_of_the_axes() -> None:
    one = page()
    one.axes.set_xlim(0, 50)
    one.axes.set_ylim(0, 4)
    dots = one.figure.dpi / 72
    corner = np.array([one.axes.bbox.x0, one.axes.bbox.y0])
    np.testing.assert_allclose(one.corner.transform((12, -7)), corner + np.array([12, -7]) * dots)
    np.testing.assert_allclose(one.under_ticks.transform((25, -7)), corner + np.array([one.width / 2, -7]) * dots)
    np.testing.assert_allclose(one.beside_ticks.transform((-3, 1)), corner + np.array([-3, one.height / 4]) * dots)
    assert one.edge == EDGE - 30
    assert one.full_width == pytest.approx(85 / 25.4 * 72 - 2 * EDGE)


@pytest.mark.parametrize("style", PRESETS.values(), ids=lambda style: style.name)
@pytest.mark.parametrize("width", [60, 85, 174])
def test_notes_and_titles_are_wrapped_and_take_the_room_they_say(style, width: float) -> None:
    with style_settings(style):
        one = Page.lay_out(style, width, left=30.0, right=10.0)
        below = one.draw_note(one.wrap_note("All patients were followed up. " * 8), one.axis_block)
        more = one.draw_note(one.wrap_note("Cut on 1 May."), below)
        above = one.draw_title("Survival by group and by much else besides, " * 4, 0.0)
        one.fit_height(above, more)
    assert_texts_are_apart(one.figure)
    assert one.axis_block < below < more
    assert 1 <= len(artists(one.figure, "title")) <= 3
    lowest = min(text.get_window_extent().y0 for text in artists(one.figure, "note"))
    assert 0 <= lowest <= 4 * one.figure.dpi / 72


def test_nothing_is_written_for_empty_text() -> None:
    one = page()
    assert one.draw_note(one.wrap_note(""), 20.0) == 20.0
    assert one.draw_title(" \n", 5.0) == 5.0
    assert not artists(one.figure, "note") + artists(one.figure, "title")


@pytest.mark.parametrize("width", [0, -85, 49.9, 500.1, float("nan"), float("inf")])
def test_a_width_out_of_range_is_refused(width: float) -> None:
    with pytest.raises(ConfigError, match="width_mm"):
        check_width(width, current_style())


def test_the_width_is_one_column_unless_said() -> None:
    assert [check_width(width, PRESETS["springer"]) for width in (None, 50, 500)] == [84.0, 50.0, 500.0]


def test_labels_know_a_level_however_it_is_written() -> None:
    assert known_labels({1: "a", 2.0: "b", "x": 3}) == {"1": "a", "2": "b", "x": "3"}
    assert known_labels(None) == {}


@pytest.mark.parametrize("text", HOSTILE)
def test_spoken_text_is_one_short_line(text: str) -> None:
    said = spoken(text)
    assert len(said) <= 80
    assert not set("\n\x00\u202e\ud800") & set(said)
    assert shown_name(text)
