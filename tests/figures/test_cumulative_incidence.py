"""The figure of cumulative incidence: what is drawn is what was estimated, and nothing runs into anything else."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import (
    HOSTILE,
    artist,
    artists,
    assert_texts_are_apart,
    distance,
    on_the_page,
    svg_path,
    svg_root,
    texts,
)
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from survmodel.errors import ConfigError, EndpointError
from survmodel.figures.cumulative_incidence import draw_cumulative_incidence
from survmodel.figures.cumulative_incidence_data import incidence_axis, incidence_plot_data
from survmodel.figures.files import save_figure
from survmodel.figures.style import StudyFigure, journal_style
from survmodel.models.cumulative_incidence import CumulativeIncidence, CumulativeIncidenceFit
from survmodel.models.kaplan_meier import KaplanMeier
from survmodel.outcome.response import Outcome

CAUSES = {1: "relapse", 2: "death without relapse"}


def cohort(groups: int = 2, n: int = 160, *, seed: int = 1, late: bool = False, share=(0.4, 0.3), causes=None):
    """Rows with ties, in months, and their groups."""
    draw = np.random.default_rng(seed)
    group = np.arange(n) % groups
    time = np.ceil(draw.exponential(30.0 * (1 + group)) * 2) / 2
    event = draw.choice(len(share) + 1, n, p=[1 - sum(share), *share])
    entry = np.floor(time * draw.random(n) * 0.5 * 2) / 2 if late else None
    causes = causes or {code: CAUSES.get(code, f"cause {code}") for code in range(1, len(share) + 1)}
    outcome = Outcome(time, event, entry, unit="months", endpoint="relapse", causes=causes)
    return outcome, np.array([f"group {name}" for name in group])


def fitted(groups: int = 2, **options) -> CumulativeIncidenceFit:
    outcome, by = cohort(groups, **options)
    return CumulativeIncidence().fit(outcome, by=by if groups > 1 else None)


#: Five rows whose incidence is counted by hand: 0.2 at 2, then 0.2 + 0.6 / 2 at 7; the other cause 0.8 / 4 at 4.
HAND = Outcome([2, 4, 5, 7, 9], [1, 2, 0, 1, 0], unit="months", endpoint="relapse", causes=CAUSES)


def test_curves_by_hand() -> None:
    figure = draw_cumulative_incidence(CumulativeIncidence().fit(HAND))
    relapse, death = artist(figure, "curve-1"), artist(figure, "curve-2")
    np.testing.assert_array_equal(relapse.get_xdata(), [0, 2, 4, 5, 7, 9])
    np.testing.assert_allclose(relapse.get_ydata(), [0, 0.2, 0.2, 0.2, 0.5, 0.5])
    np.testing.assert_allclose(death.get_ydata(), [0, 0, 0.2, 0.2, 0.2, 0.2])
    assert {relapse.get_drawstyle(), death.get_drawstyle()} == {"steps-post"}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("cause", [None, 2, "death without relapse"])
def test_curves_of_groups_are_those_of_the_fit(late: bool, cause) -> None:
    fit = fitted(3, late=late)
    figure = draw_cumulative_incidence(fit, cause=cause)
    tidy = fit.tidy()
    tidy = tidy[tidy["level"] == ("relapse" if cause is None else "death without relapse")]
    for number, (_, table) in enumerate(tidy.groupby("group", sort=False), start=1):
        line = artist(figure, f"curve-{number}")
        np.testing.assert_array_equal(line.get_xdata(), [0, *table["time"]])
        np.testing.assert_array_equal(line.get_ydata(), [0, *table["estimate"]])
    assert len(artists(figure, "curve-")) == 3
    pd.testing.assert_frame_equal(figure.source_data, tidy.reset_index(drop=True))


def test_one_group_shows_every_cause_with_a_look_of_its_own() -> None:
    fit = fitted(1, share=(0.3, 0.2, 0.2))
    figure = draw_cumulative_incidence(fit)
    lines = artists(figure, "curve-")
    for line, (_, table) in zip(lines, fit.tidy().groupby("level", sort=False), strict=True):
        np.testing.assert_array_equal(line.get_ydata(), [0, *table["estimate"]])
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}) == 3
    assert len({str(line._unscaled_dash_pattern) for line in lines}) == 3
    key = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert key == ["relapse", "death without relapse", "cause 3"]
    pd.testing.assert_frame_equal(figure.source_data, fit.tidy())
    assert "Competing" not in " ".join(texts(figure, "note"))


@pytest.mark.parametrize("late", [False, True])
def test_numbers_at_risk_are_counts_of_the_data_under_their_ticks(late: bool) -> None:
    outcome, by = cohort(2, late=late)
    times = [0, 24, 48.5, 72, 120, 300]
    figure = draw_cumulative_incidence(CumulativeIncidence().fit(outcome, by=by), times=times, width_mm=174)
    entry = np.full(outcome.n, -1.0) if outcome.entry is None else outcome.entry
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for (number, group), (place, time) in itertools.product(enumerate(np.unique(by), 1), enumerate(times, 1)):
        text = artist(figure, f"at-risk-{number}-{place}")
        # at time 0 those count who are under observation from the start, as in R
        there = entry <= 0 if time == 0 else entry < time
        at_risk = int((there & (outcome.time >= time) & (by == group)).sum())
        assert text.get_text() == str(at_risk)
        box = text.get_window_extent()
        assert (box.x0 + box.x1) / 2 == pytest.approx(axes.transData.transform((time, 0))[0], abs=0.01)
        assert figure.at_risk_data.loc[(number - 1) * len(times) + place - 1].tolist() == [group, time, at_risk]


def test_the_causes_of_one_group_share_one_row_of_numbers_at_risk() -> None:
    figure = draw_cumulative_incidence(CumulativeIncidence().fit(HAND), times=[0, 4, 8])
    assert [text.get_text() for text in artists(figure, "at-risk-1-")] == ["5", "4", "1"]
    assert not artists(figure, "at-risk-2-") + artists(figure, "at-risk-key")
    assert figure.at_risk_data["n_risk"].tolist() == [5, 4, 1]
    assert not artists(draw_cumulative_incidence(CumulativeIncidence().fit(HAND), at_risk=False), "at-risk")


def test_bands_are_the_limits_and_opaque() -> None:
    fit = fitted(2)
    figure = draw_cumulative_incidence(fit)
    data = incidence_plot_data(fit)
    tidy = fit.tidy()
    for curve, (_, table) in zip(
        data.curves, tidy[tidy["level"] == "relapse"].groupby("group", sort=False), strict=True
    ):
        np.testing.assert_array_equal(curve.band_low[2::2], table["conf_low"].iloc[:-1])
        np.testing.assert_array_equal(curve.band_high[3::2], table["conf_high"].iloc[:-1])
        np.testing.assert_array_equal(curve.band_time[2::2], table["time"].iloc[:-1])
    bands = artists(figure, "band-")
    assert {band.get_gid() for band in bands} == {"band-1", "band-2", "band-1-2"}
    assert all(band.get_alpha() is None and band.get_facecolor()[0, 3] == 1 for band in bands)
    assert not artists(draw_cumulative_incidence(fit, limits=False), "band-")


def test_the_band_begins_with_the_exact_limit() -> None:
    curve = incidence_plot_data(CumulativeIncidence().fit(Outcome(np.arange(1, 21), np.ones(20, int)))).curves[0]
    assert curve.band_low[0] == 0
    assert curve.band_high[0] == pytest.approx(1 - 0.025 ** (1 / 20))


@pytest.mark.parametrize(
    ("highest", "top", "ticks"),
    [
        (0.0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.01, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        (0.05, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]),
        (0.0500001, 0.1, [0, 0.02, 0.04, 0.06, 0.08, 0.1]),
        (0.2, 0.2, [0, 0.05, 0.1, 0.15, 0.2]),
        (0.21, 0.3, [0, 0.1, 0.2, 0.3]),
        (0.5, 0.5, [0, 0.1, 0.2, 0.3, 0.4, 0.5]),
        (0.51, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (1.0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    ],
)
def test_the_axis_ends_at_1_or_above_what_is_drawn(highest: float, top: float, ticks: list[float]) -> None:
    found, levels = incidence_axis(highest)
    assert found == top
    np.testing.assert_allclose(levels, ticks)


def test_the_end_of_the_axis_is_said_where_it_is_not_1() -> None:
    fit = fitted(1, share=(0.05, 0.4))
    figure = draw_cumulative_incidence(fit, cause=1)
    top = figure.axes[0].get_ylim()[1]
    highest = np.nanmax(incidence_plot_data(fit, 1).curves[0].band_high)
    assert highest <= top < 1
    assert f"The vertical axis ends at {top:g}, not at 1." in " ".join(texts(figure, "note"))
    # Without bands they need no room.
    assert draw_cumulative_incidence(fit, cause=1, limits=False).axes[0].get_ylim()[1] <= top
    whole = draw_cumulative_incidence(fit, cause=2)
    assert whole.axes[0].get_ylim() == (0, 1)
    assert "vertical axis" not in " ".join(texts(whole, "note"))


def test_the_kind_of_limits_and_the_competing_events_are_stated() -> None:
    fit = CumulativeIncidence(conf_type="logit", conf_level=0.9).fit(HAND)
    note = " ".join(texts(draw_cumulative_incidence(fit, cause=1, note="Cut on 1 May."), "note"))
    assert note == (
        "Aalen-Johansen estimates. Bands: pointwise 90% confidence limits (logit). Competing event: death without "
        "relapse. Cut on 1 May."
    )


def test_labels_name_groups_causes_and_axes() -> None:
    fit = CumulativeIncidence().fit(HAND, by=pd.Series([0, 1, 0, 1, 0]))
    labels = {0: "women", 1.0: "men", "death without relapse": "other death", "relapse": "progression"}
    figure = draw_cumulative_incidence(fit, labels=labels)
    assert {"women", "men", "Cumulative incidence of progression", "Time (months)"} <= set(texts(figure))
    assert "Competing event: other death." in " ".join(texts(figure, "note"))
    assert figure.caption == "Cumulative incidence of progression"
    renamed = texts(draw_cumulative_incidence(fit, labels={"time": "Months since scan", "incidence": "Relapse"}))
    assert {"Months since scan", "Relapse"} <= set(renamed)


def test_a_cause_too_long_for_the_axis_is_named_in_the_note() -> None:
    long = "relapse or transformation into a more aggressive disease, whichever came first"
    figure = draw_cumulative_incidence(CumulativeIncidence().fit(HAND), cause=1, labels={"relapse": long})
    assert "Cumulative incidence" in texts(figure)
    assert f"Event: {long}." in " ".join(texts(figure, "note"))


def test_alt_text_holds_counts_and_incidences_at_a_time_that_all_reach() -> None:
    assert draw_cumulative_incidence(CumulativeIncidence().fit(HAND), times=[0, 4, 8, 12]).alt_text == (
        "Cumulative incidence of 2 causes: relapse (n = 5, 2 events, 0.50 at 8 months); death without relapse "
        "(n = 5, 1 event, 0.20 at 8 months)."
    )
    fit = CumulativeIncidence().fit(HAND, by=["a", "b", "a", "b", "b"])
    assert draw_cumulative_incidence(fit, labels={"b": "control"}, times=[0, 4, 8]).alt_text == (
        "Cumulative incidence of relapse in 2 groups: a (n = 2, 1 event, 0.50 at 4 months); control (n = 3, 1 event, "
        "0.00 at 4 months)."
    )


LAYOUTS = [
    {"groups": 1, "share": (0.3, 0.2, 0.2), "annotation": "Cut on 1 May"},
    {"groups": 1, "share": (0.03, 0.4), "cause": 1},
    {"groups": 2, "title": "Relapse by group", "annotation": "Gray's test p = 0.03\nSHR 1.4 (1.1 to 1.9)"},
    {"groups": 3, "n": 12, "annotation": "p = 0.4"},
    {"groups": 6, "note": "Updated in January. " * 12, "annotation": "p < 0.001"},
    {"groups": 8, "late": True, "times": range(0, 600, 25)},
    {"groups": 3, "limits": False, "at_risk": False, "labels": {"relapse": "relapse of any kind, " * 20}},
]


@pytest.mark.parametrize("width", [60, 85, 174])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: "-".join(map(str, layout)))
def test_nothing_overlaps_and_all_is_on_the_page(layout: dict, width: float) -> None:
    data_options = {key: layout[key] for key in layout.keys() & {"groups", "n", "share", "late"}}
    options = {key: layout[key] for key in layout.keys() - data_options.keys()}
    fit = fitted(**data_options)
    figure = draw_cumulative_incidence(fit, width_mm=width, **options)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert_texts_are_apart(figure)
    axes, limits = figure.axes[0], options.get("limits", True)
    boxes = [text.get_window_extent() for text in artists(figure, "annotation")]
    boxes += [axes.get_legend().get_window_extent()] if axes.get_legend() else []
    data = incidence_plot_data(fit, options.get("cause"), axes.get_xticks(), limits=limits)
    for left, low, right, high in data.covered_by_curves(limits=limits):
        band = Bbox(axes.transAxes.transform([(left, low), (right, high)]))
        assert not any(box.overlaps(band) for box in boxes)


def test_hostile_labels_are_shown_as_they_are_or_cut() -> None:
    outcome, by = cohort(8)
    labels = {f"group {number}": text for number, text in enumerate(HOSTILE)} | {"relapse": "$r$ & _r"}
    figure = draw_cumulative_incidence(
        CumulativeIncidence().fit(outcome, by=by), labels=labels, width_mm=174, annotation="$p_{<0.001", title="$\\a$"
    )
    assert_texts_are_apart(figure)
    shown = set(texts(figure))
    assert {"<img src=x onerror=alert(1)>", "$x_{", "_hidden", "(blank)", "$p_{<0.001", "$\\a$"} <= shown
    assert "Cumulative incidence of $r$ & _r" in shown
    assert not any(text.get_parse_math() or text.get_usetex() for text in figure.findobj(Text))
    assert len(figure.alt_text) < 1500
    assert not set("\n\x00\u202e\ud800") & set(figure.alt_text)


def test_svg_paths_are_the_curves(tmp_path) -> None:
    fit = fitted(3)
    figure = draw_cumulative_incidence(fit)
    data, root = incidence_plot_data(fit), svg_root(figure, tmp_path)
    for number, curve in enumerate(data.curves, start=1):
        corners = np.column_stack([np.repeat(curve.time, 2)[1:] / data.end, np.repeat(curve.height, 2)[:-1] / data.top])
        path = svg_path(root, f"curve-{number}")
        assert all(distance(place, path) < 0.5 for place in on_the_page(figure, root, corners))


def test_bytes_are_the_same_again_and_files_stay_small(tmp_path) -> None:
    written = [
        save_figure(draw_cumulative_incidence(fitted(4)), tmp_path / name, formats=["pdf", "svg", "png"])
        for name in ("a", "b")
    ]
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size <= 500_000


def test_the_session_and_the_figure_leave_each_other_alone() -> None:
    before, fit = dict(mpl.rcParams), fitted()
    plain = draw_cumulative_incidence(fit)._repr_png_()
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert draw_cumulative_incidence(fit)._repr_png_() == plain


def test_the_journal_style_is_respected() -> None:
    with journal_style("springer"):
        figure: StudyFigure = draw_cumulative_incidence(fitted())
    assert figure.get_figwidth() * 25.4 == pytest.approx(84)
    assert_texts_are_apart(figure)
    assert {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()} == {8.0}


def test_what_cannot_be_drawn_is_refused() -> None:
    fit = fitted()
    for wrong in (fit.tidy(), KaplanMeier().fit(Outcome([1, 2], [1, 0])), None):
        with pytest.raises(ConfigError, match="CumulativeIncidence"):
            draw_cumulative_incidence(wrong)
    with pytest.raises(ConfigError, match=r"relapse \(1\), death without relapse \(2\)"):
        draw_cumulative_incidence(fit, cause=3)
    with pytest.raises(ConfigError, match="Did you mean 'relapse'"):
        draw_cumulative_incidence(fit, cause="relaps")
    with pytest.raises(EndpointError, match="times"):
        draw_cumulative_incidence(fit, times=[-1, 12])
    with pytest.raises(ConfigError, match="times is empty"):
        draw_cumulative_incidence(fit, times=[])
    with pytest.raises(ConfigError, match="width_mm"):
        draw_cumulative_incidence(fit, width_mm=20)


@pytest.mark.parametrize(
    ("time", "event"), [([0], [1]), ([0, 0], [0, 1]), ([3], [0]), ([0.0, 5], [1, 2]), ([2, 3], [2, 2])]
)
def test_smallest_cohorts_are_drawn(time: list[float], event: list[int]) -> None:
    fit = CumulativeIncidence().fit(Outcome(time, event, causes=CAUSES))
    for cause in (None, 1, 2):
        figure = draw_cumulative_incidence(fit, cause=cause)
        assert_texts_are_apart(figure)
        assert "nan" not in figure.alt_text
