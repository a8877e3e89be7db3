"""The axis of the hazard-ratio plot, its columns, and what happens where room is short or limits are huge."""

from __future__ import annotations

import math

import numpy as np
import pytest
from figures.drawn import (
    HOSTILE,
    artist,
    artists,
    assert_texts_are_apart,
    texts,
)
from figures.ratio_cases import (
    FORTY,
    FULL,
    LABELS,
    MODELS,
    NASTY,
    TABLE,
    UNITS,
    fitted,
    ratio_table,
)
from matplotlib.text import Text

from survmodel.figures.hazard_ratios import draw_hazard_ratios
from survmodel.figures.hazard_ratios_data import Ratio, RatioRow
from survmodel.figures.ratio_axis import AXES, ratio_axis
from survmodel.figures.style import StudyFigure


def axis_of(*numbers: tuple[float, float, float], end: float | None = None):
    ratios = [Ratio(0, False, *three, math.nan, math.nan, math.nan) for three in numbers]
    return ratio_axis([RatioRow("x", (ratio,)) for ratio in ratios], end)


@pytest.mark.parametrize(
    ("numbers", "end"),
    [
        ([(1.05, 0.95, 1.1)], 1.25),
        ([(1.05, 0.8, 1.25)], 1.25),
        ([(1.05, 0.79, 1.1)], 1.5),
        ([(0.6, 0.55, 0.9)], 2),
        ([(1.0, 1.0, 1.0), (2.0, 1.0, 4.0)], 4),
        ([(1.5, 0.15, 4.0)], 10),
        ([(1.5, 0.05, 4.0)], 10),
        ([(12.0, 0.5, 90.0)], 25),
        ([(0.03, 1e-9, 0.5)], 100),
        ([(1e6, 1.0, math.inf)], 100),
        ([(1.1, 0.0, math.inf)], 10),
        ([(math.nan, math.nan, math.nan)], 1.25),
        ([(2.0, math.nan, math.nan)], 2),
        ([], 1.25),
    ],
)
def test_the_axis_holds_what_it_must(numbers: list, end: float) -> None:
    assert axis_of(*numbers).end == end


@pytest.mark.parametrize("end", [1.05, 1.3, 3, 8, 50, 1000])
def test_an_end_that_is_asked_for_is_taken(end: float) -> None:
    axis = axis_of((1.5, 0.7, 3.0), end=end)
    assert axis.end == end
    for ticks in axis.ticks:
        assert 1.0 in ticks
        assert 1 / end - 1e-9 <= min(ticks) <= max(ticks) <= end + 1e-9
    figure = draw_hazard_ratios(ratio_table(("x", 1.5, 0.7, 3.0)), axis_end=end)
    np.testing.assert_allclose(figure.axes[0].get_xlim(), (1 / end, end))
    assert_texts_are_apart(figure)


@pytest.mark.parametrize("width", [60, 85, 174])
@pytest.mark.parametrize("axis", AXES, ids=lambda axis: str(axis[0]))
def test_ticks_are_symmetric_around_1(axis: tuple, width: float) -> None:
    end = axis[0]
    figure = draw_hazard_ratios(ratio_table(("x", end, 1 / end, end)), width_mm=width)
    assert_texts_are_apart(figure)
    ticks = figure.axes[0].get_xticks()
    np.testing.assert_allclose(ticks, 1 / ticks[::-1])
    assert 1.0 in ticks
    left, right = figure.axes[0].get_xlim()
    assert left * right == pytest.approx(1)
    assert figure.axes[0].transAxes.inverted().transform(figure.axes[0].transData.transform((1, 0)))[0] == (
        pytest.approx(0.5)
    )
    shown = [float(text.get_text()) for text in figure.axes[0].get_xticklabels()]
    np.testing.assert_allclose(shown, ticks, rtol=0.01)


def test_limits_beyond_the_axis_get_arrows_and_nothing_else_does() -> None:
    table = ratio_table(
        ("both", 1.5, 0.01, 90.0), ("low", 0.5, 0.0, 2.0), ("high", 3.0, 1.0, math.inf), ("none", 1.0, 0.1, 10.0)
    )
    figure = draw_hazard_ratios(table)
    left, right = figure.axes[0].get_xlim()
    assert (left, right) == (0.1, 10)
    arrows = {mark.get_gid(): mark.get_xdata()[0] for mark in artists(figure, "arrow-")}
    assert arrows == {
        "arrow-low-1-1": left, "arrow-high-1-1": right, "arrow-low-2-1": left, "arrow-high-3-1": right,
    }  # fmt: skip
    lines = [tuple(line.get_xdata()) for line in artists(figure, "limits-")]
    assert lines == [(0.1, 10), (0.1, 2.0), (1.0, 10), (0.1, 10.0)]
    assert "Arrows: beyond the axis." in " ".join(texts(figure, "note"))
    inside = draw_hazard_ratios(table[3:])
    assert not artists(inside, "arrow-")
    assert "Arrows" not in " ".join(texts(inside, "note"))
    np.testing.assert_array_equal(figure.source_data["conf_high"], table["conf_high"])


def test_an_estimate_beyond_the_axis_is_an_arrow_and_a_number() -> None:
    figure = draw_hazard_ratios(ratio_table(("huge", 1e6, 3.0, math.inf), ("tiny", 1e-6, 0.0, 0.2)))
    assert not artists(figure, "estimate-")
    assert {mark.get_gid() for mark in artists(figure, "arrow-")} == {"arrow-high-1-1", "arrow-low-2-1"}
    assert texts(figure, "ratio-") == [">1000 (3.00 to ∞)", "<0.001 (0.00 to 0.20)"]


LAYOUTS = {
    "one row": (fitted("age"), {}),
    "many rows": (FULL, {"labels": LABELS, "units": UNITS, "title": "Overall survival", "note": "Cut on 1 May. " * 9}),
    "two models": (MODELS, {"labels": LABELS, "units": UNITS, "title": "Overall survival in all patients, " * 5}),
    "six models": ({f"a model with the number {k}": FULL for k in range(6)}, {}),
    "many models": ({name: fitted("age + sex") for name in HOSTILE}, {}),
    "long labels": (FULL, {"labels": dict.fromkeys([*TABLE, "stage[II]"], "a label that goes on and on " * 9)}),
    "long words": (FULL, {"labels": dict.fromkeys([*TABLE, "II"], "Donaudampfschifffahrtsgesellschaft" * 3)}),
    "hostile": (NASTY, {"note": "$p_{", "title": "$\\a$"}),
    "forty rows": (FORTY, {}),
    "directions": (
        fitted("sex"),
        {"labels": {"lower": "favours the women " * 3, "higher": "favours the men", "hazard_ratio": "Ratio " * 30}},
    ),
}


@pytest.mark.parametrize("width", [50, 60, 85, 174])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_overlaps_and_all_is_on_the_page(layout: str, width: float) -> None:
    fits, options = LAYOUTS[layout]
    figure = draw_hazard_ratios(fits, width_mm=width, **options)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert_texts_are_apart(figure)
    axes = figure.axes[0].bbox
    assert axes.width >= (15 if width == 50 else 30) * figure.dpi / 72
    for text in (text for start in ("label", "n-", "events", "ratio", "p-") for text in artists(figure, start)):
        box = text.get_window_extent()
        assert box.x1 < axes.x0 or box.x0 > axes.x1, text.get_text()
    assert not any(text.get_parse_math() or text.get_usetex() for text in figure.findobj(Text))


def columns_of(figure: StudyFigure) -> list[str]:
    return [text.get_gid().removeprefix("header-") for text in artists(figure, "header-")]


def test_where_room_is_short_counts_are_joined_then_p_goes_then_the_counts() -> None:
    found = []
    for width in range(174, 55, -1):
        figure = draw_hazard_ratios(fitted("age + stage"), labels=LABELS, width_mm=width)
        if not found or columns_of(figure) != found[-1]:
            found.append(columns_of(figure))
    assert [sorted(columns) for columns in found] == [
        ["events", "n", "p", "ratio"],
        ["events-of-n", "p", "ratio"],
        ["events-of-n", "ratio"],
        ["ratio"],
    ]


def test_the_directions_are_said_under_the_axis() -> None:
    figure = draw_hazard_ratios(fitted("age"))
    figure.draw_without_rendering()
    lower, higher = artist(figure, "direction-lower"), artist(figure, "direction-higher")
    assert (lower.get_text(), higher.get_text()) == ("← lower hazard", "higher hazard →")
    axes = figure.axes[0]
    middle = axes.transData.transform((1, 0))[0]
    assert lower.get_window_extent().x1 < middle < higher.get_window_extent().x0
    assert lower.get_window_extent().y1 < axes.bbox.y0
    own = draw_hazard_ratios(fitted("age"), labels={"lower": "better", "higher": "worse", "hazard_ratio": "HR"})
    assert {"← better", "worse →", "HR"} <= set(texts(own))
