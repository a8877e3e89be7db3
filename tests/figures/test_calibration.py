"""The calibration plot: points at the risks of the table, the histogram at the predicted ones, and texts apart."""

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
from survmodel.figures.calibration import draw_calibration
from survmodel.figures.calibration_data import calibration_plot_data
from survmodel.figures.files import save_figure
from survmodel.figures.style import journal_style
from survmodel.outcome.response import Outcome
from survmodel.performance.calibration import Calibration, calibration


def calibrated(
    n: int = 200, *, groups: int = 5, scale: float = 1.0, sample: str = "out of fold", repeats: int = 60
) -> Calibration:
    random = np.random.default_rng(4)
    index = random.normal(size=n)
    time, end = random.exponential(8 / scale * np.exp(-index)), random.uniform(4, 12, n)
    outcome = Outcome(np.minimum(time, end), time <= end, unit="years", endpoint="overall survival")
    risk = 1 - np.exp(-5 / 8 * scale * np.exp(0.8 * index))
    return calibration(outcome, risk, 5, groups=groups, sample=sample, repeats=repeats)


def without_limits(result: Calibration, rows: list[int], columns: list[str]) -> Calibration:
    groups = result.tidy()
    groups.loc[rows, columns] = np.nan
    return replace(result, groups=groups)


RESULT = calibrated()
NUMBERS = ["estimate", "std_error", "conf_low", "conf_high"]
NOTHING = replace(
    without_limits(RESULT, [0, 1, 2, 3, 4], NUMBERS), o_e=np.nan, o_e_low=np.nan, o_e_high=np.nan, horizon=1.0
)
PARTLY = replace(
    without_limits(without_limits(RESULT, [0], NUMBERS), [4], ["conf_low", "conf_high"]),
    o_e_low=np.nan,
    o_e_high=np.nan,
    unit="",
    endpoint="an endpoint " * 40,
    sample="x" * 400,
)
CASES = {
    "easy": RESULT,
    "two": calibrated(30, groups=2),
    "many": calibrated(600, groups=30),
    "rare": calibrated(3000, scale=0.001),
    "nothing": NOTHING,
    "partly": PARTLY,
}


def test_points_and_limits_stand_at_the_numbers_of_the_table() -> None:
    figure, table = draw_calibration(RESULT), RESULT.tidy()
    points = artists(figure, "group-")
    np.testing.assert_array_equal([point.get_xdata()[0] for point in points], table["expected"])
    np.testing.assert_array_equal([point.get_ydata()[0] for point in points], table["estimate"])
    lines = artists(figure, "limits-")
    np.testing.assert_array_equal([line.get_ydata() for line in lines], table[["conf_low", "conf_high"]])
    np.testing.assert_array_equal([line.get_xdata() for line in lines], np.repeat(table[["expected"]], 2, axis=1))


@pytest.mark.parametrize("width", [85, 174])
def test_both_axes_have_the_same_scale_and_the_diagonal_is_one(width: float) -> None:
    figure = draw_calibration(RESULT, width_mm=width)
    axes = figure.axes[0]
    a, b, c = axes.transData.transform([(0, 0), (0.5, 0), (0, 0.5)])
    assert b[0] - a[0] == pytest.approx(c[1] - a[1], rel=1e-6)
    np.testing.assert_array_equal(artist(figure, "ideal").get_xdata(), artist(figure, "ideal").get_ydata())
    assert axes.get_xlim() == (0, 1)
    assert axes.get_ylim()[1] == 1


def test_the_svg_shows_the_data_to_half_a_pixel(tmp_path) -> None:
    figure = draw_calibration(RESULT, width_mm=85)
    root, table = svg_root(figure, tmp_path), RESULT.tidy()
    axes = figure.axes[0]
    low, high = axes.get_ylim()

    def places(x: list[float], y: list[float]) -> np.ndarray:
        return on_the_page(figure, root, np.column_stack([x, (np.array(y) - low) / (high - low)]))

    for number, row in enumerate(table.itertuples(), start=1):
        (mark,) = places([row.expected], [row.estimate])
        np.testing.assert_allclose(svg_mark(root, f"group-{number}"), mark, atol=0.5)
        ends = places([row.expected] * 2, [row.conf_low, row.conf_high])
        np.testing.assert_allclose(svg_path(root, f"limits-{number}"), ends, atol=0.5)


def test_bars_are_the_counts_of_predicted_risks() -> None:
    figure = draw_calibration(RESULT)
    counts = np.array([((RESULT.risk >= k / 40) & (RESULT.risk < (k + 1) / 40)).sum() for k in range(40)])
    bars = {int(bar.get_gid().removeprefix("class-")) - 1: bar for bar in artists(figure, "class-")}
    assert sorted(bars) == np.flatnonzero(counts).tolist()
    tallest = max(bar.get_height() for bar in bars.values())
    for place, bar in bars.items():
        assert bar.get_x() == pytest.approx(place / 40)
        assert bar.get_width() == pytest.approx(1 / 40)
        assert bar.get_height() / tallest == pytest.approx(counts[place] / counts.max())
        # The bars stay below the square of the points.
        assert bar.get_y() + bar.get_height() < 0
    assert f"tallest {counts.max()}." in " ".join(texts(figure, "note"))


def test_dark_bars_are_the_events_by_the_horizon() -> None:
    figure = draw_calibration(RESULT)
    risk = RESULT.risk[RESULT.happened]
    assert risk.size == RESULT.n_event
    counts = np.array([((risk >= k / 40) & (risk < (k + 1) / 40)).sum() for k in range(40)])
    whole = {bar.get_gid().removeprefix("class-"): bar for bar in artists(figure, "class-")}
    dark = {bar.get_gid().removeprefix("event-"): bar for bar in artists(figure, "event-")}
    assert sorted(int(number) - 1 for number in dark) == np.flatnonzero(counts).tolist()
    tallest = max((RESULT.risk >= k / 40).sum() - (RESULT.risk >= (k + 1) / 40).sum() for k in range(40))
    unit = max(bar.get_height() for bar in whole.values()) / tallest
    for number, bar in dark.items():
        assert bar.get_height() / unit == pytest.approx(counts[int(number) - 1])
        assert (bar.get_x(), bar.get_y()) == (whole[number].get_x(), whole[number].get_y())
    assert "dark with the event" in " ".join(texts(figure, "note"))


def test_the_smooth_curve_and_its_band_stand_at_the_numbers_of_the_result() -> None:
    figure, curve = draw_calibration(RESULT), RESULT.curve
    line = artist(figure, "smooth")
    np.testing.assert_array_equal(line.get_xdata(), curve["expected"])
    np.testing.assert_array_equal(line.get_ydata(), curve["estimate"])
    corners = artist(figure, "smooth-limits").get_paths()[0].vertices
    for row in curve.iloc[[5, 30, 55]].itertuples():
        ends = corners[np.isclose(corners[:, 0], row.expected, rtol=0, atol=1e-12), 1]
        assert (ends.min(), ends.max()) == pytest.approx((row.conf_low, min(row.conf_high, 1)))
    note = " ".join(texts(figure, "note"))
    assert "Curve: Cox model, restricted cubic spline with 3 knots" in note
    assert "95% limits of 60 resamples." in note
    slope, low, high = RESULT.read("slope")
    assert texts(figure, "slope") == [f"Slope {slope:.2f} ({low:.2f} to {high:.2f})"]
    ici, low, high = RESULT.read("ICI")
    assert texts(figure, "ici") == [f"ICI {ici:.3f} ({low:.3f} to {high:.3f})"]
    assert f"slope {slope:.2f}" in figure.alt_text


def test_without_limits_or_without_a_curve_none_is_drawn_or_named() -> None:
    bare = draw_calibration(calibrated(repeats=0))
    assert artists(bare, "smooth")[0].get_gid() == "smooth"
    assert "smooth-limits" not in [one.get_gid() for one in artists(bare, "smooth")]
    assert "resamples" not in " ".join(texts(bare, "note"))
    none = draw_calibration(replace(RESULT, curve=RESULT.curve.iloc[:0], smoother=""))
    assert not artists(none, "smooth")
    assert "Curve" not in " ".join(texts(none, "note"))
    apparent = draw_calibration(calibrated(sample="apparent", repeats=0))
    assert not artists(apparent, "slope")
    assert "Slope" not in " ".join(texts(apparent))


def test_the_table_of_groups_says_the_numbers() -> None:
    figure, table = draw_calibration(RESULT), RESULT.tidy()
    assert texts(figure, "cell-group") == table["group"].tolist()
    assert texts(figure, "cell-n-") == [str(n) for n in table["n"]]
    assert texts(figure, "cell-events") == [str(n) for n in table["n_event"]]
    assert texts(figure, "cell-predicted") == [f"{100 * risk:.1f}" for risk in table["expected"]]
    shown = [
        f"{100 * row.estimate:.1f} ({100 * row.conf_low:.1f} to {100 * row.conf_high:.1f})"
        for row in table.itertuples()
    ]
    assert texts(figure, "cell-observed") == shown


def test_ratio_sample_horizon_and_endpoint_are_said() -> None:
    figure = draw_calibration(RESULT, labels={"overall survival": "Death"}, note="As planned.", title="A title")
    ratio = f"O/E {RESULT.o_e:.2f} (95% CI {RESULT.o_e_low:.2f} to {RESULT.o_e_high:.2f})"
    assert texts(figure, "observed-expected") == [ratio]
    assert figure.axes[0].get_xlabel() == "Predicted risk at 5 years"
    assert figure.axes[0].get_ylabel() == "Observed risk at 5 years"
    note = " ".join(texts(figure, "note"))
    for part in ("Endpoint: Death.", f"200 patients, {RESULT.n_event} events by 5 years.", "Predictions: out of fold."):
        assert part in note
    assert note.endswith("As planned.")
    assert texts(figure, "title") == ["A title"]
    named = draw_calibration(RESULT, labels={"predicted risk": "Risk by the model"})
    assert named.axes[0].get_xlabel() == "Risk by the model at 5 years"


def test_what_is_not_estimable_is_text_and_no_mark() -> None:
    figure = draw_calibration(NOTHING)
    assert not artists(figure, "group-") + artists(figure, "limits-")
    assert texts(figure, "not-estimable") == ["not estimable"]
    assert texts(figure, "observed-expected") == ["O/E not estimable"]
    assert texts(figure, "cell-observed") == ["not estimable"] * 5
    assert figure.axes[0].get_xlabel() == "Predicted risk at 1 year"
    partly = draw_calibration(PARTLY)
    assert [point.get_gid() for point in artists(partly, "group-")] == [f"group-{k}" for k in (2, 3, 4, 5)]
    assert [line.get_gid() for line in artists(partly, "limits-")] == [f"limits-{k}" for k in (2, 3, 4)]
    assert texts(partly, "cell-observed")[-1].endswith("(—)")
    assert "—: limits not estimable." in " ".join(texts(partly, "note"))
    assert texts(partly, "observed-expected") == [f"O/E {RESULT.o_e:.2f} (limits not estimable)"]
    for shown in (figure, partly):
        assert "nan" not in " ".join([*texts(shown), shown.alt_text]).lower()


def test_axes_end_at_the_first_round_risk_that_holds_all() -> None:
    data = calibration_plot_data(CASES["rare"])
    most = max(CASES["rare"].tidy()["conf_high"].max(), CASES["rare"].risk.max())
    assert data.top == min(end for end in (0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0) if end >= most)
    assert data.top < 0.2
    assert data.counts.sum() == 3000


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("case", CASES)
def test_no_text_runs_into_another(case: str, width: float) -> None:
    figure = draw_calibration(CASES[case], width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown(text: str, tmp_path) -> None:
    labels = {"overall survival": text, "predicted risk": text, "observed risk": text, "1": text}
    figure = draw_calibration(replace(RESULT, sample=text), labels=labels, title=text, note=text)
    assert_texts_are_apart(figure)
    save_figure(figure, tmp_path / "figure.svg")


def test_source_data_hold_every_number() -> None:
    data = draw_calibration(RESULT).source_data
    groups = data[data["measure"] == "group"].reset_index(drop=True)
    pd.testing.assert_frame_equal(
        groups[["expected", *NUMBERS]], RESULT.tidy()[["expected", *NUMBERS]], check_exact=True
    )
    (ratio,) = data[data["measure"] == "observed/expected"][["estimate", "conf_low", "conf_high"]].to_numpy()
    np.testing.assert_array_equal(ratio, [RESULT.o_e, RESULT.o_e_low, RESULT.o_e_high])
    assert data[data["measure"] == "predicted risks"]["n"].sum() == RESULT.n
    assert data[data["measure"] == "predicted risks"]["n_event"].sum() == RESULT.n_event
    curve = data[data["measure"] == "smooth curve"][["expected", "estimate", "conf_low", "conf_high"]]
    np.testing.assert_array_equal(curve, RESULT.curve)
    (slope,) = data[data["measure"] == "slope"][["estimate", "conf_low", "conf_high"]].to_numpy()
    assert tuple(slope) == RESULT.read("slope")
    assert set(data["sample"]) == {"out of fold"}
    assert set(data["horizon"]) == {5}


def test_the_description_has_the_main_numbers() -> None:
    text, table = draw_calibration(RESULT).alt_text, RESULT.tidy()
    for part in ("5 years (out of fold)", "200 patients in 5 groups", f"observed/expected {RESULT.o_e:.2f}"):
        assert part in text
    for risk in table[["estimate", "expected"]].iloc[[0, -1]].to_numpy().ravel():
        assert f"{100 * risk:.1f}%" in text


def test_settings_styles_bytes_and_size(tmp_path) -> None:
    before = dict(mpl.rcParams)
    with journal_style("springer"):
        figure = draw_calibration(RESULT)
    assert {text.get_fontsize() for text in artists(figure, "cell-")} == {8.0}
    assert figure.get_figwidth() * 25.4 == pytest.approx(84)
    assert_texts_are_apart(figure)
    for name in ("one.svg", "one.pdf", "one.png"):
        first = [file.read_bytes() for file in save_figure(draw_calibration(RESULT), tmp_path / name)]
        again = save_figure(draw_calibration(RESULT), tmp_path / f"again-{name}")
        assert first == [file.read_bytes() for file in again]
        # A PNG of 600 dots to the inch is mostly the edges of its letters.
        assert max(map(len, first)) <= (700_000 if name.endswith("png") else 500_000)
    assert dict(mpl.rcParams) == before


def test_what_is_no_calibration_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_calibration(RESULT.tidy())
    with pytest.raises(ConfigError, match="no groups"):
        draw_calibration(replace(RESULT, groups=RESULT.tidy().iloc[:0]))
    with pytest.raises(ConfigError, match="width_mm is 10"):
        draw_calibration(RESULT, width_mm=10)
