"""The effect plot: the curve is the table, the reference stands at 1, and nothing runs into anything."""

from __future__ import annotations

from pathlib import Path

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
    drawn_texts,
    on_the_page,
    svg_path,
    svg_root,
    texts,
)

from survmodel import ConfigError, CoxPH, DataError, Outcome, draw_effect, save_figure
from survmodel.figures.effect_data import effect_plot_data
from survmodel.figures.style import journal_style

LIMITS = ("conf_low", "conf_high")


def curve(n: int = 41, beta: float = 0.08, reference: float = 60.0, error: float = 0.03) -> pd.DataFrame:
    """A log-linear effect of age with known limits: exp(beta d), exp(beta d -+ 1.96 error d)."""
    level = np.linspace(40, 80, n)
    step = level - reference
    spread = 1.959963984540054 * error * np.abs(step)
    return pd.DataFrame({
        "variable": "age", "level": level, "reference": reference, "estimate": np.exp(beta * step),
        "std_error": error * np.abs(step), "conf_low": np.exp(beta * step - spread),
        "conf_high": np.exp(beta * step + spread),
    })  # fmt: skip


def test_the_curve_is_the_table() -> None:
    table = curve()
    figure = draw_effect(table, unit="years")
    (drawn,) = artists(figure, "curve")
    assert drawn.get_xdata() == pytest.approx(table["level"])
    assert drawn.get_ydata() == pytest.approx(table["estimate"])
    assert artist(figure, "band-low").get_ydata() == pytest.approx(table["conf_low"])
    assert artist(figure, "band-high").get_ydata() == pytest.approx(table["conf_high"])
    mark = artist(figure, "reference")
    assert (float(mark.get_xdata()[0]), float(mark.get_ydata()[0])) == (60.0, 1.0)
    assert figure.axes[0].get_yscale() == "log"
    low, high = figure.axes[0].get_ylim()
    assert np.log(low) == pytest.approx(-np.log(high))


def test_a_fit_of_our_own_is_drawn() -> None:
    random = np.random.default_rng(2)
    table = pd.DataFrame({"suv": random.lognormal(2, 0.6, 120)})
    outcome = Outcome(random.exponential(10 / table["suv"]), np.ones(120), unit="years")
    fit = CoxPH("log2(suv)").fit(table, outcome)
    shown = fit.effect_curve("suv", 8.0)
    figure = draw_effect(shown, labels={"suv": "CXCR4 SUVmax"}, observed=table["suv"], note="Enters on the log2 scale.")
    assert len(artist(figure, "rug").get_xdata()) == 120
    assert figure.axes[0].get_xlabel() == "CXCR4 SUVmax"
    said = " ".join(texts(figure, "note"))
    assert "Reference (hazard ratio 1): 8." in said
    assert "pointwise 95% confidence limits" in said
    assert "120 observed values" in said
    assert "Enters on the log2 scale." in said
    assert_texts_are_apart(figure)


def test_source_data_hold_every_number_drawn(tmp_path: Path) -> None:
    table = curve(5)
    figure = draw_effect(table, observed=[45.0, np.nan, 70.0])
    data = figure.source_data
    for name in ("level", "estimate", "conf_low", "conf_high"):
        assert set(np.round(table[name], 9)) <= set(np.round(data[name].dropna(), 9))
    assert {45.0, 70.0} <= set(data.select_dtypes("number").to_numpy().ravel().tolist())
    files = save_figure(figure, tmp_path / "effect")
    assert {file.suffix for file in files} == {".pdf", ".svg", ".png", ".csv"}
    assert all(file.stat().st_size < 500_000 for file in files)


def test_the_path_on_the_page_is_the_curve(tmp_path: Path) -> None:
    table = curve()
    figure = draw_effect(table)
    root = svg_root(figure, tmp_path)
    path = svg_path(root, "curve")
    left, right = figure.axes[0].get_xlim()
    low, high = np.log(figure.axes[0].get_ylim())
    share = np.column_stack(
        [(table["level"] - left) / (right - left), (np.log(table["estimate"]) - low) / (high - low)]
    )
    assert max(distance(place, path) for place in on_the_page(figure, root, share)) < 0.5


@pytest.mark.parametrize("width", [85, 174])
@pytest.mark.parametrize("label", ["age at diagnosis", "a very long name " * 20, *HOSTILE[:4]])
def test_texts_are_apart_and_large_enough(width: float, label: str) -> None:
    assert_texts_are_apart(draw_effect(curve(), labels={"age": label}, unit="years", title="SYNTHETIC", width_mm=width))


def test_gaps_are_gaps_and_nothing_estimable_says_so() -> None:
    table = curve()
    table.loc[10:15, ["estimate", "conf_low", "conf_high"]] = np.nan
    figure = draw_effect(table)
    (drawn,) = artists(figure, "curve")
    assert np.isnan(drawn.get_ydata()).sum() == 6
    assert "Gaps: not estimable." in " ".join(texts(figure, "note"))
    nothing = draw_effect(table.assign(estimate=np.nan, conf_low=np.nan, conf_high=np.nan))
    assert texts(nothing, "not-estimable") == ["not estimable"]
    assert not artists(nothing, "curve")
    assert "nan" not in nothing.alt_text


def test_one_value_is_a_point_with_limits() -> None:
    figure = draw_effect(curve().iloc[[30]])
    (points,) = artists(figure, "curve-points")
    assert points.get_ydata() == pytest.approx(curve()["estimate"].iloc[[30]])
    assert "Line: 95% confidence limits." in " ".join(texts(figure, "note"))
    assert_texts_are_apart(figure)


def test_huge_limits_leave_the_axes_and_say_so() -> None:
    figure = draw_effect(curve(error=2.0))
    assert "beyond the axis" in " ".join(texts(figure, "note"))
    assert_texts_are_apart(figure)


def test_alt_text_has_the_ends_of_the_curve() -> None:
    table = curve(3)
    text = draw_effect(table, labels={"age": "Age"}, unit="years").alt_text
    # exp(-1.6) = .2019, exp(1.6) = 4.953
    assert text.startswith("Hazard ratio by Age against 60 years: 0.20 (")
    assert "at 40 years, 4.95 (" in text


def test_the_session_keeps_its_settings() -> None:
    before = dict(mpl.rcParams)
    draw_effect(curve())
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("wrong", [None, [1, 2], pd.DataFrame({"level": [1.0]}), curve().iloc[:0]])
def test_what_is_no_curve_is_refused(wrong: object) -> None:
    with pytest.raises(ConfigError):
        draw_effect(wrong)


def test_wrong_observed_values_and_widths_are_refused() -> None:
    with pytest.raises(DataError):
        draw_effect(curve(), observed=["a", "b"])
    with pytest.raises(ConfigError, match="width_mm"):
        draw_effect(curve(), width_mm=2)
    two = pd.concat([curve(), curve().assign(variable="suv")])
    with pytest.raises(ConfigError):
        draw_effect(two)


def without(table: pd.DataFrame, rows: object, columns: tuple[str, ...] = LIMITS) -> pd.DataFrame:
    table = table.copy()
    table.loc[rows, list(columns)] = np.nan
    return table


def test_rows_in_any_order_give_the_same_curve() -> None:
    mixed = curve().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(draw_effect(mixed).source_data, draw_effect(curve()).source_data)


def test_the_rug_stands_at_the_observed_values_and_stretches_the_axis() -> None:
    seen = pd.Series([90.0, 45.0, np.nan, 45.0, 30.0])
    figure = draw_effect(curve(), observed=seen)
    assert artist(figure, "rug").get_xdata().tolist() == [30, 45, 45, 90]
    data = figure.source_data
    assert data.loc[data["measure"] == "observed", "level"].tolist() == [30, 45, 45, 90]
    low, high = figure.axes[0].get_xlim()
    assert low < 30
    assert high > 90
    assert "4 observed values" in " ".join(texts(figure, "note"))
    assert not artists(draw_effect(curve(), observed=[np.nan]), "rug")


def test_the_axis_is_symmetric_unless_one_side_is_bare() -> None:
    # The widest limit, at 40 and at 80 years, and 6% of room.
    reach = 1.06 * (1.6 + 1.959963984540054 * 0.03 * 20)
    both = effect_plot_data(curve())
    assert (np.log(both.bottom), np.log(both.top)) == pytest.approx((-reach, reach))
    above = effect_plot_data(curve(reference=30.0))
    assert above.bottom < 1
    assert -np.log(above.bottom) == pytest.approx(0.1 * np.log(above.top))
    assert draw_effect(curve(reference=30.0)).axes[0].get_ylim() == pytest.approx((above.bottom, above.top))
    flat = effect_plot_data(curve(beta=0.0, error=0.0))
    assert (flat.bottom, flat.top) == pytest.approx((0.8, 1.25))


def test_a_reference_outside_the_range_is_said_and_not_marked() -> None:
    figure = draw_effect(curve(reference=30.0), unit="years")
    assert not artists(figure, "reference")
    assert "Reference (hazard ratio 1): 30 years, outside the range shown." in " ".join(texts(figure, "note"))
    assert_texts_are_apart(figure)


@pytest.mark.parametrize("conf_level", [0.8, 0.9, 0.99])
def test_the_note_says_the_coverage_of_the_limits(conf_level: float) -> None:
    random = np.random.default_rng(5)
    table = pd.DataFrame({"age": random.normal(60, 10, 90)})
    fit = CoxPH("age", conf_level=conf_level).fit(table, Outcome(random.exponential(4, 90), np.ones(90)))
    note = " ".join(texts(draw_effect(fit.effect_curve("age")), "note"))
    assert f"Band: pointwise {100 * conf_level:.0f}% confidence limits." in note


def test_values_without_a_neighbour_are_points_with_limits() -> None:
    table = without(curve(5), [1, 3], ("estimate", *LIMITS))
    figure = draw_effect(table.drop(index=2))
    points, (low, high) = (
        artist(figure, "curve-points"),
        np.transpose([line[:, 1] for line in artist(figure, "point-limits").get_segments()]),
    )
    assert points.get_xdata().tolist() == [40, 80]
    np.testing.assert_allclose(points.get_ydata(), np.exp([-1.6, 1.6]))
    np.testing.assert_allclose(low, table["conf_low"].iloc[[0, 4]])
    np.testing.assert_allclose(high, table["conf_high"].iloc[[0, 4]])
    note = " ".join(texts(figure, "note"))
    assert "Lines: pointwise 95% confidence limits. Gaps: not estimable." in note
    assert "Band" not in note
    mixed = " ".join(texts(draw_effect(without(curve(9), [1], ("estimate", *LIMITS))), "note"))
    assert "Band and line: pointwise 95% confidence limits." in mixed


def test_lone_limits_of_an_unbroken_curve_are_seen() -> None:
    figure = draw_effect(without(curve(5), [0, 2, 3, 4]))
    assert not artists(figure, "curve-points")
    (segment,) = artist(figure, "point-limits").get_segments()
    np.testing.assert_allclose(segment, [[50, curve(5)["conf_low"][1]], [50, curve(5)["conf_high"][1]]])
    assert "Line: pointwise 95% confidence limits. Gaps: not estimable." in " ".join(texts(figure, "note"))


def test_a_curve_without_limits_says_so() -> None:
    figure = draw_effect(without(curve(3), slice(None)))
    assert not artists(figure, "band")
    note = " ".join(texts(figure, "note"))
    assert "Confidence limits: not estimable." in note
    assert "Gaps" not in note
    assert figure.alt_text == (
        "Hazard ratio by age against 60: 0.20 (limits not estimable) at 40, 4.95 (limits not estimable) at 80."
    )


def test_limits_of_0_and_infinity_reach_the_edges() -> None:
    table = curve()
    table.loc[0, "conf_low"], table.loc[40, "conf_high"] = 0.0, np.inf
    figure = draw_effect(table)
    low, high = figure.axes[0].get_ylim()
    for gid, place, ends in (("band-low", 0, (0, low)), ("band-high", 40, (high, np.inf))):
        drawn = artist(figure, gid).get_ydata()[place]
        assert np.isfinite(drawn)
        assert ends[0] < drawn < ends[1]
    assert high == pytest.approx(np.exp(1.06 * max(np.log(16), 3.2)))
    data = figure.source_data
    assert (data["conf_low"].iloc[0], data["conf_high"].iloc[40]) == (0, np.inf)
    assert_texts_are_apart(figure)


def test_numbers_beyond_reading_are_not_spelt_out() -> None:
    text = draw_effect(curve(3, beta=0.6, error=1.0), unit="years").alt_text
    # exp(12) = 162755 and its inverse.
    assert "<0.001 (<0.001 to >1000) at 40 years, >1000 (<0.001 to >1000) at 80 years." in text
    assert "0.0000" not in text


EDGES = {
    "one": curve().iloc[[30]],
    "reference": curve().iloc[[20]],
    "two": curve(2),
    "huge": curve(beta=1.0, error=3.0),
    "outside": curve(reference=300.0, beta=0.01),
    "nothing": without(curve(), slice(None), ("estimate", *LIMITS)),
    "millions": curve().assign(level=lambda table: table["level"] * 1e5, reference=6e6),
    "tiny": curve().assign(level=lambda table: table["level"] * 1e-7, reference=6e-6),
}


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("case", EDGES)
def test_edges_are_laid_out_well(case: str, width: float) -> None:
    figure = draw_effect(
        EDGES[case], labels={"hazard ratio": "Hazard ratio of death " * 9}, unit="µg/L " * 5, width_mm=width,
        title="A title that is long " * 5, note="A note. " * 30, observed=EDGES[case]["level"],
    )  # fmt: skip
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)
    assert "nan" not in " ".join([*texts(figure), figure.alt_text]).lower()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_can_be_shown(text: str, tmp_path: Path) -> None:
    figure = draw_effect(curve(), labels={"age": text, "hazard ratio": text}, unit=text, title=text, note=text)
    assert_texts_are_apart(figure)
    assert len(figure.alt_text) < 700
    assert not set("\n\x00\u202e\ud800") & set(figure.alt_text)
    save_figure(figure, tmp_path / "figure.svg")


def test_the_band_is_opaque_and_lighter_than_the_curve_in_grey() -> None:
    figure = draw_effect(curve())
    band = artist(figure, "band")
    assert band.get_alpha() is None
    assert band.get_facecolor()[0, 3] == 1
    grey = [float(np.dot(mpl.colors.to_rgb(color), [0.299, 0.587, 0.114])) for color in (
        artist(figure, "curve").get_color(), artist(figure, "no-effect").get_color(), band.get_facecolor()[0],
    )]  # fmt: skip
    assert grey[0] + 0.1 < grey[1] < grey[2] - 0.1
    assert artist(figure, "no-effect").get_linestyle() == "--"


def test_bytes_styles_and_settings_of_the_session(tmp_path: Path) -> None:
    observed = np.linspace(40, 80, 300)
    for name in ("a.svg", "a.pdf", "a.png"):
        first = save_figure(draw_effect(curve(), observed=observed), tmp_path / name)
        again = save_figure(draw_effect(curve(), observed=observed), tmp_path / f"again-{name}")
        assert [file.read_bytes() for file in first] == [file.read_bytes() for file in again]
    plain = draw_effect(curve())._repr_png_()
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert draw_effect(curve())._repr_png_() == plain
    with journal_style("springer"):
        figure = draw_effect(curve(), observed=observed)
    assert figure.get_figwidth() * 25.4 == pytest.approx(84)
    assert {text.get_fontsize() for text in drawn_texts(figure)} == {8.0}
    assert_texts_are_apart(figure)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (curve().drop(columns="std_error"), "std_error"),
        (curve().assign(estimate="high"), "numbers only"),
        (pd.concat([curve(), curve(reference=50.0)]), "1 variable, 2 references"),
        (curve().assign(level=np.inf), "missing or infinite"),
        (curve().assign(reference=np.nan), "missing or infinite"),
    ],
)
def test_a_wrong_table_is_told_what_is_wrong(table: pd.DataFrame, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        draw_effect(table)


def test_infinite_observed_values_are_refused() -> None:
    with pytest.raises(DataError, match="infinite"):
        draw_effect(curve(), observed=[50.0, np.inf])
