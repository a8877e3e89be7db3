"""Journal styles, looks of groups and the figure that keeps its settings."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import matplotlib as mpl
import numpy as np
import pytest

from survmodel.errors import ConfigError
from survmodel.figures.style import (
    COLORS,
    PRESETS,
    JournalStyle,
    StudyFigure,
    current_style,
    group_look,
    journal_style,
    style_settings,
)


def test_styles_nest_and_come_back() -> None:
    assert current_style().name == "generic"
    with journal_style("jnm") as outer:
        assert outer is current_style() is PRESETS["jnm"]
        with journal_style("springer"):
            assert current_style().single_mm == 84
        assert current_style().name == "jnm"
        with pytest.raises(ConfigError), journal_style("springer"):
            journal_style("no such style").__enter__()
        assert current_style().name == "jnm"
    assert current_style().name == "generic"


def test_a_style_of_ones_own() -> None:
    own = JournalStyle("lancet", single_mm=75, double_mm=154, checked=True)
    with journal_style(own):
        assert current_style() is own


def test_an_unknown_style_is_refused_with_what_is_known() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'springer'"), journal_style("spinger"):
        pass
    with pytest.raises(ConfigError, match="Known: generic, jnm, springer"), journal_style("q"):
        pass


def test_no_preset_claims_to_be_checked() -> None:
    assert not any(style.checked for style in PRESETS.values())
    assert (PRESETS["jnm"].single_mm, PRESETS["jnm"].double_mm) == (85, 174)


def test_looks_differ_and_are_opaque() -> None:
    looks = [group_look(position) for position in range(64)]
    assert len({(look.color, look.line_style) for look in looks}) == 64
    assert [look.color for look in looks[:3]] == ["#004488", "#BB5566", "#DDAA33"]
    assert len({look.line_style for look in looks[:8]}) == len(COLORS) == 8
    assert all(len(look.edge) == 7 for look in looks)


def test_settings_come_back_after_an_error() -> None:
    before = dict(mpl.rcParams)
    with style_settings(PRESETS["jnm"]):
        assert mpl.rcParams["text.parse_math"] is False
        assert mpl.rcParams["pdf.fonttype"] == mpl.rcParams["ps.fonttype"] == 42
    assert dict(mpl.rcParams) == before
    with pytest.raises(ConfigError), style_settings(PRESETS["jnm"]):
        journal_style("no such style").__enter__()
    assert dict(mpl.rcParams) == before


def test_threads_leave_the_session_as_it_was() -> None:
    before = dict(mpl.rcParams)

    def draw(size: float) -> bytes:
        with journal_style(JournalStyle("own", font_size=size)):
            figure = StudyFigure(current_style(), 60, 40)
            with style_settings(figure.style):
                figure.add_subplot().set_title("title")
            return figure._repr_png_()

    sizes = list(np.tile([7.0, 9.0], 6))
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(draw, sizes))
    assert len(set(pictures)) == 2
    assert pictures[0::2] == [pictures[0]] * 6
    assert dict(mpl.rcParams) == before


def test_a_figure_can_be_kept_and_altered() -> None:
    figure = StudyFigure(PRESETS["generic"], 85, 50)
    figure.add_subplot().set_title("$x_{", parse_math=False)
    figure.alt_text = "nothing"
    again = pickle.loads(pickle.dumps(figure))
    assert again.alt_text == "nothing"
    assert again._repr_png_() == figure._repr_png_()
    again.axes[0].set_title("changed")
    assert again._repr_png_() != figure._repr_png_()
