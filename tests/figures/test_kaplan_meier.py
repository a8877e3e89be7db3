"""The Kaplan-Meier figure: what is drawn is what was estimated, and nothing runs into anything else."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, drawn_texts
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from survmodel.errors import ConfigError, EndpointError
from survmodel.figures.kaplan_meier import draw_km
from survmodel.figures.kaplan_meier_data import km_plot_data
from survmodel.figures.step_data import time_ticks
from survmodel.figures.style import StudyFigure
from survmodel.models.kaplan_meier import KaplanMeier, KaplanMeierFit
from survmodel.outcome.response import Outcome


def cohort(groups: int = 2, n: int = 200, *, seed: int = 1, late: bool = False, mean: float = 30.0, share: float = 0.6):
    """Rows with ties, in months, and their groups."""
    draw = np.random.default_rng(seed)
    group = np.arange(n) % groups
    time = np.ceil(draw.exponential(mean * (1 + group)) * 2) / 2
    event = draw.random(n) < share
    entry = np.floor(time * draw.random(n) * 0.5 * 2) / 2 if late else None
    outcome = Outcome(time, event, entry, unit="months", endpoint="death")
    return outcome, np.array([f"group {name}" for name in group])


def fitted(groups: int = 2, **options) -> KaplanMeierFit:
    outcome, by = cohort(groups, **options)
    return KaplanMeier().fit(outcome, by=by if groups > 1 else None)


@pytest.mark.parametrize("late", [False, True])
def test_curves_are_those_of_the_fit(late: bool) -> None:
    fit = fitted(3, late=late)
    figure = draw_km(fit)
    for number, (group, table) in enumerate(fit.tidy().groupby("group", sort=False), start=1):
        line = artist(figure, f"curve-{number}")
        assert line.get_drawstyle() == "steps-post"
        np.testing.assert_array_equal(line.get_xdata(), [0, *table["time"]])
        np.testing.assert_array_equal(line.get_ydata(), [1, *table["estimate"]])
        assert line.get_xdata()[-1] == fit.curves[number - 1].last, group
        marks = artist(figure, f"censored-{number}")
        censored = table[table["n_censor"] > 0]
        np.testing.assert_array_equal(marks.get_xdata(), censored["time"])
        np.testing.assert_array_equal(marks.get_ydata(), censored["estimate"])
    assert figure.axes[0].get_ylim() == (0, 1)


@pytest.mark.parametrize("late", [False, True])
def test_numbers_at_risk_are_counts_of_the_data_under_their_ticks(late: bool) -> None:
    outcome, by = cohort(2, late=late)
    times = [0, 24, 48.5, 72, 120, 300]
    figure = draw_km(KaplanMeier().fit(outcome, by=by), times=times, width_mm=174)
    entry = np.full(outcome.n, -1.0) if outcome.entry is None else outcome.entry
    axes = figure.axes[0]
    figure.draw_without_rendering()
    np.testing.assert_array_equal(axes.get_xticks(), times)
    for (number, group), (place, time) in itertools.product(enumerate(np.unique(by), 1), enumerate(times, 1)):
        text = artist(figure, f"at-risk-{number}-{place}")
        # At time 0 those count who are there when time begins.
        there = (entry < time) | ((time == 0) & (entry == 0))
        at_risk = int((there & (outcome.time >= time) & (by == group)).sum())
        assert text.get_text() == str(at_risk)
        box = text.get_window_extent()
        assert (box.x0 + box.x1) / 2 == pytest.approx(axes.transData.transform((time, 0))[0], abs=0.01)
        assert box.y1 < axes.bbox.y0
        assert figure.at_risk_data.loc[(number - 1) * len(times) + place - 1].tolist() == [group, time, at_risk]


def test_numbers_at_risk_follow_their_ticks_when_the_axis_is_changed() -> None:
    figure = draw_km(fitted(mean=5), times=[0, 12, 24])
    figure.axes[0].set_xlim(0, 30)
    figure.set_size_inches(6, 4)
    figure.draw_without_rendering()
    box = artist(figure, "at-risk-1-2").get_window_extent()
    assert (box.x0 + box.x1) / 2 == pytest.approx(figure.axes[0].transData.transform((12, 0))[0], abs=0.01)


def test_source_data_are_the_numbers_of_the_fit() -> None:
    fit = fitted()
    figure = draw_km(fit)
    pd.testing.assert_frame_equal(figure.source_data, fit.tidy())


def test_bands_are_the_limits_and_opaque() -> None:
    fit = fitted(2)
    figure = draw_km(fit)
    data = km_plot_data(fit)
    for curve, table in zip(data.curves, (fit.tidy().groupby("group", sort=False)), strict=True):
        tidy = table[1].iloc[:-1]
        np.testing.assert_array_equal(curve.band_low[2::2], tidy["conf_low"])
        np.testing.assert_array_equal(curve.band_high[3::2], tidy["conf_high"])
        np.testing.assert_array_equal(curve.band_time[2::2], tidy["time"])
    bands = artists(figure, "band-")
    assert {band.get_gid() for band in bands} == {"band-1", "band-2", "band-1-2"}
    assert all(band.get_alpha() is None and band.get_facecolor()[0, 3] == 1 for band in bands)
    assert all(band.get_zorder() < artist(figure, "curve-1").get_zorder() for band in bands)
    assert not artists(draw_km(fit, limits=False), "band-")


def test_overlaps_of_bands_are_their_intersections() -> None:
    data = km_plot_data(fitted(3, n=90))
    layers = {layer.groups: layer for layer in data.band_layers()}
    assert (0, 1, 2) in layers

    def limits(position: int, time: float) -> tuple[float, float]:
        layer = layers[position,]
        if not layer.time[0] <= time < layer.time[-1]:
            return np.nan, np.nan
        place = np.searchsorted(layer.time[::2], time, side="right") - 1
        return layer.low[2 * place], layer.high[2 * place]

    for groups, layer in layers.items():
        for start, end, low, high in zip(
            layer.time[::2], layer.time[1::2], layer.low[::2], layer.high[::2], strict=True
        ):
            if start == end:
                continue
            each = [limits(position, (start + end) / 2) for position in groups]
            bottom, top = max(low for low, _ in each), min(high for _, high in each)
            if any(np.isnan(low) for low, _ in each) or bottom >= top:
                assert np.isnan(low)
            else:
                assert (low, high) == (bottom, top)


def test_the_band_begins_with_the_exact_limit() -> None:
    fit = KaplanMeier().fit(Outcome(np.arange(1, 21), np.ones(20, int)))
    curve = km_plot_data(fit).curves[0]
    assert curve.band_low[0] == pytest.approx(0.025 ** (1 / 20))
    assert curve.band_high[0] == 1


def test_median_lines_only_when_asked_and_reached() -> None:
    outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 0, 1, 0, 1, 0, 0, 0])
    by = ["a", "b"] * 4
    fit = KaplanMeier().fit(outcome, by=by)
    assert fit.quantile(0.5)["estimate"].isna().tolist() == [False, True]
    assert not artists(draw_km(fit), "median")
    rays = artists(draw_km(fit, median=True), "median")
    ends = [tuple(ray.get_xdata()) for ray in rays]
    median = fit.quantile(0.5)["estimate"][0]
    assert ends == [(0, median), (median, median)]
    none = KaplanMeier().fit(Outcome([1, 2, 3, 4, 5], [0, 0, 0, 0, 1]).take([0, 1, 2, 3]))
    assert not artists(draw_km(none, median=True), "median")


@pytest.mark.parametrize(
    ("last", "unit", "ticks"),
    [
        (75, "months", [0, 12, 24, 36, 48, 60, 72]),
        (30, "month", [0, 6, 12, 18, 24, 30]),
        (4977, "days", [0, 730, 1460, 2190, 2920, 3650, 4380]),
        (1022, "days", [0, 180, 360, 540, 720, 900]),
        (14.2, "years", [0, 5, 10]),
        (6.2, "Years", [0, 1, 2, 3, 4, 5, 6]),
        (0.9, "years", [0, 0.2, 0.4, 0.6, 0.8]),
        (0, "days", [0]),
        (33, "", [0, 5, 10, 15, 20, 25, 30]),
    ],
)
def test_ticks_suit_the_unit(last: float, unit: str, ticks: list[float]) -> None:
    np.testing.assert_allclose(time_ticks(last, unit), ticks)


@pytest.mark.parametrize("last", np.geomspace(1e-3, 1e6, 40))
@pytest.mark.parametrize("unit", ["days", "months", "years", ""])
def test_there_are_two_to_seven_ticks(last: float, unit: str) -> None:
    ticks = time_ticks(last, unit)
    assert 2 <= ticks.size <= 7
    assert ticks[-1] <= last


LAYOUTS = [
    {"groups": 1},
    {"groups": 2, "median": True, "title": "Overall survival", "annotation": "Log-rank p = 0.03\nHR 1.4 (1.1 to 1.9)"},
    {"groups": 3, "n": 12, "median": True, "annotation": "p = 0.4"},
    {"groups": 4, "mean": 4000.0, "share": 0.05, "annotation": "p = 0.4", "percent": True},
    {"groups": 6, "note": "Updated in January. " * 12, "annotation": "p < 0.001"},
    {"groups": 8, "mean": 900.0, "late": True, "times": range(0, 6000, 250)},
    {"groups": 3, "limits": False, "at_risk": False, "censor_marks": False},
]


@pytest.mark.parametrize("width", [60, 85, 174])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout['groups']} groups")
def test_nothing_overlaps_and_all_is_on_the_page(layout: dict, width: float) -> None:
    data_options = {key: layout[key] for key in layout.keys() & {"groups", "n", "mean", "share", "late"}}
    options = {key: layout[key] for key in layout.keys() - data_options.keys()}
    fit = fitted(**data_options)
    figure = draw_km(fit, width_mm=width, **options)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert_texts_are_apart(figure)
    assert_key_is_free(figure, fit, limits=options.get("limits", True))


def assert_key_is_free(figure: StudyFigure, fit: KaplanMeierFit, *, limits: bool) -> None:
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in artists(figure, "annotation")]
    boxes += [axes.get_legend().get_window_extent()] if axes.get_legend() else []
    covered = km_plot_data(fit, axes.get_xticks()).covered(limits=limits)
    for left, low, right, high in covered:
        corners = axes.transAxes.transform([(left, low), (right, high)])
        band = Bbox(corners)
        for box in boxes:
            assert box.x1 < band.x0 or box.x0 > band.x1 or box.y1 < band.y0 or box.y0 > band.y1


def test_hostile_labels_are_shown_as_they_are_or_cut() -> None:
    outcome, by = cohort(8)
    labels = {f"group {number}": text for number, text in enumerate(HOSTILE)}
    texts = {"annotation": "$p_{<0.001", "note": "50% & $_", "title": "$\\alpha$ <b>"}
    figure = draw_km(KaplanMeier().fit(outcome, by=by), labels={**labels, "time": "$t$ & _t"}, width_mm=174, **texts)
    shown = {text.get_text() for text in drawn_texts(figure)}
    assert {"<img src=x onerror=alert(1)>", "$x_{", "_hidden", "$t$ & _t", "$p_{<0.001", "$\\alpha$ <b>"} <= shown
    assert "two lines and�" in shown
    assert "(blank)" in shown
    assert all(len(text) < 250 for text in shown)
    assert any(text.startswith("long long") and text.endswith("…") for text in shown)
    assert not any(text.get_parse_math() or text.get_usetex() for text in figure.findobj(Text))
    figure.draw_without_rendering()
    assert len(figure.alt_text) < 1500
    assert not set("\n\x00\u202e\ud800") & set(figure.alt_text)


def test_ticks_that_would_run_into_each_other_are_left_out_of_the_figure_only() -> None:
    fit = fitted(2)
    figure = draw_km(fit, times=range(0, 200, 2))
    shown = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert len(shown) == 100
    numbers = {text.get_gid().split("-")[-1] for text in artists(figure, "at-risk-1-")}
    assert numbers == {str(place) for place, text in enumerate(shown, start=1) if text}
    assert len(figure.at_risk_data) == 200


def test_labels_name_levels_and_axes() -> None:
    outcome = Outcome([5, 8, 9, 12], [1, 0, 1, 1], unit="months")
    fit = KaplanMeier().fit(outcome, by=pd.Series([0, 1, 0, 1]))
    figure = draw_km(fit, labels={0: "women", 1.0: "men", "survival": "Progression-free survival", "age": "Age"})
    shown = [text.get_text() for text in drawn_texts(figure)]
    assert {"women", "men", "Progression-free survival", "Time (months)"} <= set(shown)
    assert "Survival (%)" in {text.get_text() for text in drawn_texts(draw_km(fit, percent=True))}


def test_the_kind_of_limits_and_of_counts_is_stated() -> None:
    outcome = Outcome([5, 8, 9, 12], [1, 0, 1, 1])
    fit = KaplanMeier(conf_type="plain", conf_level=0.9).fit(outcome, weights=[1, 2.5, 1, 1])
    note = " ".join(text.get_text() for text in artists(draw_km(fit, note="Cut on 1 May."), "note"))
    expected = (
        "Bands: pointwise 90% confidence limits (plain). Vertical marks: censored. Weighted: numbers at risk are "
    )
    assert note == expected + "sums of weights. Cut on 1 May."
    assert artist(draw_km(fit, times=[0, 6]), "at-risk-1-2").get_text() == "4.5"


def test_alt_text_holds_counts_and_medians() -> None:
    outcome = Outcome([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], unit="years", endpoint="relapse")
    figure = draw_km(KaplanMeier().fit(outcome, by=["a", "a", "a", "b", "b", "b"]), labels={"b": "control"})
    assert figure.alt_text == (
        "Kaplan-Meier curves of 2 groups, survival free of relapse: a (n = 3, 3 events, median 2 years); "
        "control (n = 3, 0 events, median not reached)."
    )


def test_the_session_is_left_as_it_was() -> None:
    before = dict(mpl.rcParams)
    figure = draw_km(fitted())
    figure.draw_without_rendering()
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before


def test_the_session_does_not_reach_the_figure() -> None:
    fit = fitted()
    plain = draw_km(fit)._repr_png_()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "text.color": "green"}):
        assert draw_km(fit)._repr_png_() == plain


@pytest.mark.parametrize("width", [0, -85, 20, 10_000, float("nan")])
def test_a_width_out_of_range_is_refused(width: float) -> None:
    with pytest.raises(ConfigError, match="width_mm"):
        draw_km(fitted(), width_mm=width)


def test_what_cannot_be_drawn_is_refused() -> None:
    fit = fitted()
    with pytest.raises(ConfigError, match="KaplanMeier"):
        draw_km(fit.tidy())
    with pytest.raises(EndpointError, match="times"):
        draw_km(fit, times=[-1, 12])
    with pytest.raises(ConfigError, match="times is empty"):
        draw_km(fit, times=[])


@pytest.mark.parametrize(("time", "event"), [([0], [1]), ([0, 0], [0, 1]), ([3], [0]), ([0.0, 5], [1, 1])])
def test_smallest_cohorts_are_drawn(time: list[float], event: list[int]) -> None:
    draw_km(KaplanMeier().fit(Outcome(time, event)), median=True).draw_without_rendering()


def test_more_groups_than_colours_keep_looks_of_their_own() -> None:
    figure = draw_km(fitted(20, n=400), limits=False)
    looks = {
        (line.get_color(), str(line.get_linestyle()), line._unscaled_dash_pattern)
        for line in artists(figure, "curve-")
    }  # fmt: skip
    assert len(looks) == 20
