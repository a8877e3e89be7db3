"""The importance plot: points at the decreases in falling order, beside their names and numbers."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import (
    HOSTILE,
    artist,
    artists,
    assert_texts_are_apart,
    on_the_page,
    svg_mark,
    svg_path,
    svg_root,
    texts,
)

from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.figures.importance import draw_importance
from survmodel.figures.importance_data import importance_plot_data
from survmodel.figures.style import journal_style
from survmodel.models.forest_importance import ForestImportance
from survmodel.models.forest_subsampling import SubsampledErrors
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration import calibration

#: Mean 0.0.
STEP = np.array([-1.0, 1.0] * 5)


def importance(names: list[str], means: list[float], spread: float = 0.006) -> ForestImportance:
    errors = spread * np.linspace(0.5, 1.5, len(means))
    decreases = np.array(means)[:, None] + errors[:, None] * STEP
    return ForestImportance(tuple(names), decreases, 0.713, 412, 180, subsampled=drawn(errors))


def drawn(errors: np.ndarray) -> SubsampledErrors:
    return SubsampledErrors(errors, size=206, n_trees=100, asked=100, used=100)


RESULT = importance(["age", "stage", "ldh", "bulky", "sex"], [0.062, 0.031, 0.045, 0.002, -0.003])
WIDE = replace(RESULT, subsampled=drawn(np.array([0.003, 0.004, 0.005, 0.7, 0.7])))
GAPS = replace(RESULT, decreases=np.vstack([np.full(10, np.nan), RESULT.decreases[1:]]))
CASES = {
    "easy": RESULT,
    "one": replace(importance(["age"], [0.03]), decreases=np.array([[0.03]]), subsampled=None),
    "twelve": importance(
        [f"a very long name of column {k} at baseline" for k in range(12)], np.linspace(-0.01, 0.08, 12)
    ),
    "wide": WIDE,
    "gaps": GAPS,
    "nothing": importance(["a", "b"], [np.nan, np.nan]),
    "flat": importance(["a", "b"], [0.0, 0.0], 0.0),
    "negative": importance(["a", "b"], [-0.2, -0.1]),
}


def test_marks_stand_at_the_numbers_in_falling_order() -> None:
    figure = draw_importance(RESULT)
    table = RESULT.tidy().sort_values("estimate", ascending=False)
    marks, lines = artists(figure, "estimate-"), artists(figure, "limits-")
    np.testing.assert_array_equal([mark.get_xdata()[0] for mark in marks], table["estimate"])
    np.testing.assert_array_equal([line.get_xdata() for line in lines], table[["conf_low", "conf_high"]])
    heights = [mark.get_ydata()[0] for mark in marks]
    assert heights == sorted(heights, reverse=True)
    assert [set(line.get_ydata()) for line in lines] == [{height} for height in heights]
    assert texts(figure, "label-") == table["variable"].tolist()
    np.testing.assert_array_equal(artist(figure, "zero").get_xdata(), [0, 0])


def test_every_row_has_its_number_beside_it() -> None:
    figure = draw_importance(RESULT)
    table = RESULT.tidy().sort_values("estimate", ascending=False)
    shown = [f"{row.estimate:.3f} ({row.conf_low:.3f} to {row.conf_high:.3f})" for row in table.itertuples()]
    assert texts(figure, "number-") == [text.replace("-0.000", "0.000") for text in shown]
    figure.draw_without_rendering()
    for number, mark in enumerate(artists(figure, "estimate-"), start=1):
        for gid in (f"label-{number}-1", f"number-{number}"):
            box = artist(figure, gid).get_window_extent()
            middle = ((box.y0 + box.y1) / 2 - figure.axes[0].bbox.y0) * 72 / figure.dpi
            assert middle == pytest.approx(mark.get_ydata()[0], abs=1.5)


def test_the_svg_shows_the_data_to_half_a_pixel(tmp_path) -> None:
    figure = draw_importance(RESULT, width_mm=85)
    root = svg_root(figure, tmp_path)
    (start, end), (_, top) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    for number, row in enumerate(figure.source_data.itertuples(), start=1):
        height = artist(figure, f"estimate-{number}").get_ydata()[0] / top
        values = (np.array([row.estimate, row.conf_low, row.conf_high]) - start) / (end - start)
        mark, *ends = on_the_page(figure, root, np.column_stack([values, np.full(3, height)]))
        np.testing.assert_allclose(svg_mark(root, f"estimate-{number}"), mark, atol=0.5)
        np.testing.assert_allclose(svg_path(root, f"limits-{number}"), ends, atol=0.5)


def test_axis_note_and_labels_say_what_is_shown() -> None:
    figure = draw_importance(RESULT, labels={"ldh": "LDH"}, note="As planned.", title="A title")
    assert figure.axes[0].get_xlabel() == "Decrease of out-of-bag C"
    assert texts(figure, "label-2") == ["LDH"]
    assert texts(figure, "header-number") == ["Decrease (95% limits)"]
    note = " ".join(texts(figure, "note"))
    for part in (
        "412 patients, 180 events, out-of-bag C 0.713 with nothing permuted.",
        "Lines: 95% limits of drawing other patients (100 subsamples).",
    ):
        assert part in note
    assert note.endswith("As planned.")
    assert texts(figure, "title") == ["A title"]
    assert draw_importance(RESULT, labels={"decrease of C": "Loss"}).axes[0].get_xlabel() == "Loss"


def test_what_is_not_estimable_is_text_and_comes_last() -> None:
    figure = draw_importance(GAPS)
    assert len(artists(figure, "estimate-")) == len(artists(figure, "limits-")) == 4
    assert texts(figure, "label-5") == ["age"]
    assert texts(figure, "number-5") == ["not estimable"]
    single = draw_importance(CASES["one"])
    assert not artists(single, "limits-")
    assert texts(single, "number-") == ["0.030"]
    assert "Lines" not in " ".join(texts(single, "note"))
    for case in ("gaps", "one", "nothing"):
        shown = draw_importance(CASES[case])
        assert "nan" not in " ".join([*texts(shown), shown.alt_text]).lower()


def test_limits_far_beyond_the_estimates_are_cut_with_arrows() -> None:
    figure = draw_importance(WIDE)
    start, end = figure.axes[0].get_xlim()
    assert [arrow.get_gid() for arrow in artists(figure, "arrow-low")] == ["arrow-low-4", "arrow-low-5"]
    for number in (4, 5):
        np.testing.assert_array_equal(artist(figure, f"limits-{number}").get_xdata(), [start, end])
        assert artist(figure, f"arrow-high-{number}").get_xdata() == [end]
    assert "Arrows: beyond the axis." in " ".join(texts(figure, "note"))
    assert not artists(draw_importance(RESULT), "arrow-")


@pytest.mark.parametrize("case", CASES)
def test_the_axis_holds_0_and_every_estimate(case: str) -> None:
    data = importance_plot_data(CASES[case])
    assert data.start < 0 < data.end
    assert data.end - data.start >= 0.02
    known = data.estimate[~np.isnan(data.estimate)]
    assert ((known > data.start) & (known < data.end)).all()


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("case", CASES)
def test_no_text_runs_into_another(case: str, width: float) -> None:
    figure = draw_importance(CASES[case], width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown(text: str, tmp_path) -> None:
    figure = draw_importance(RESULT, labels={"age": text, "decrease of C": text}, title=text, note=text)
    assert_texts_are_apart(figure)
    save_figure(figure, tmp_path / "figure.svg")


def test_source_data_and_description_have_the_numbers() -> None:
    figure = draw_importance(RESULT)
    expected = RESULT.tidy().sort_values("estimate", ascending=False, ignore_index=True)
    pd.testing.assert_frame_equal(figure.source_data, expected, check_exact=True)
    assert figure.alt_text.startswith("Decrease of out-of-bag C when a column is permuted: age 0.062 (")
    many = importance([f"x{k}" for k in range(40)], np.linspace(0, 0.1, 40))
    assert draw_importance(many).alt_text.endswith("; and 28 more rows.")


def test_settings_styles_bytes_and_size(tmp_path) -> None:
    before = dict(mpl.rcParams)
    with journal_style("springer"):
        figure = draw_importance(RESULT)
    assert {text.get_fontsize() for text in artists(figure, "label-")} == {8.0}
    assert_texts_are_apart(figure)
    for name in ("one.svg", "one.pdf", "one.png"):
        first = [file.read_bytes() for file in save_figure(draw_importance(RESULT), tmp_path / name)]
        again = save_figure(draw_importance(RESULT), tmp_path / f"again-{name}")
        assert first == [file.read_bytes() for file in again]
        assert max(map(len, first)) <= 500_000
    assert dict(mpl.rcParams) == before


def test_what_is_no_importance_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_importance(RESULT.tidy())
    other = calibration(Outcome([1, 2, 3, 4], [1, 1, 1, 1]), [0.9, 0.8, 0.2, 0.1], 2, groups=2)
    with pytest.raises(ConfigError, match="lacks columns of an importance: variable"):
        draw_importance(other)
    with pytest.raises(ConfigError, match="no rows"):
        draw_importance(replace(RESULT, variables=(), decreases=np.empty((0, 10)), subsampled=None))
    with pytest.raises(ConfigError, match="width_mm is 10"):
        draw_importance(RESULT, width_mm=10)
