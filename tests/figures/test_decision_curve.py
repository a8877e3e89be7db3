"""The decision curve: curves at the net benefits of the table, limits of one model, and what is said in words."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, on_the_page, svg_path, svg_root, texts

from survmodel.errors import ConfigError
from survmodel.figures.decision_curve import draw_decision_curve
from survmodel.figures.files import save_figure
from survmodel.figures.style import journal_style
from survmodel.outcome.response import Outcome
from survmodel.performance.decision_curve import DecisionCurve, decision_curve

GRID = np.linspace(0.05, 0.6, 56)


def curves(thresholds: object = GRID, *, models: int = 2, strata: bool = False, **options: object) -> DecisionCurve:
    random = np.random.default_rng(4)
    x = random.normal(size=200)
    time, end = random.exponential(8 * np.exp(-x)), random.uniform(4, 12, 200)
    outcome = Outcome(np.minimum(time, end), time <= end, unit="years", endpoint="overall survival")
    risk = 1 - np.exp(-5 / 8 * np.exp(0.8 * x))
    risks = {f"model {k}": risk ** (1 + k / 2) for k in range(models)} if models > 1 else risk
    given = {"sample": "out of fold", **options}
    group = np.where(np.arange(200) % 3 == 0, "a", "b") if strata else None
    return decision_curve(outcome, risks, 5, thresholds, strata=group, **given)


TWO = curves()
ONE = curves(models=1)
CASES = {
    "two": TWO,
    "one": ONE,
    "points": curves([0.1, 0.2, 0.4]),
    "single": curves(0.3, models=1),
    "many": curves(models=12),
    "strata": curves(strata=True),
    "bad": curves(np.linspace(0.9, 0.99, 10)),
    "silent": replace(ONE, sample="", unit="", endpoint="an endpoint " * 40),
    "narrow": curves([0.1, 0.1001]),
}


def test_curves_stand_at_the_numbers_of_the_table() -> None:
    figure, table = draw_decision_curve(TWO), TWO.tidy()
    for number, curve in enumerate(artists(figure, "curve-")):
        own = table[table["model"] == f"model {number}"]
        np.testing.assert_array_equal(curve.get_xdata(), own["threshold"])
        np.testing.assert_array_equal(curve.get_ydata(), own["estimate"])
    everybody = artist(figure, "treat-all")
    np.testing.assert_array_equal(everybody.get_ydata(), table[table["model"] == "treat all"]["estimate"])
    assert set(artist(figure, "treat-none").get_ydata()) == {0.0}
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["model 0", "model 1"]
    assert not artists(figure, "limits")


def test_the_svg_shows_the_data_to_half_a_pixel(tmp_path) -> None:
    figure = draw_decision_curve(TWO, width_mm=85)
    root, axes = svg_root(figure, tmp_path), figure.axes[0]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    values = TWO.estimate[2]
    share = np.column_stack([(GRID - left) / (right - left), (values - low) / (high - low)])
    expected = on_the_page(figure, root, share)
    drawn = svg_path(root, "curve-1")
    # points on one line may be joined to it
    for place in drawn:
        assert np.hypot(*(expected - place).T).min() < 0.5
    np.testing.assert_allclose(drawn[[0, -1]], expected[[0, -1]], atol=0.5)


def test_the_limits_of_one_model_are_a_band() -> None:
    figure = draw_decision_curve(ONE)
    own = ONE.tidy().query("model == 'model'")
    band = artist(figure, "limits").get_paths()[0].vertices
    ends = {round(y, 12) for x, y in band if x == GRID[10]}
    assert ends == {round(own["conf_low"].iloc[10], 12), round(own["conf_high"].iloc[10], 12)}
    assert figure.axes[0].get_legend() is None
    assert "Band: 95% confidence limits." in " ".join(texts(figure, "note"))
    (line,) = artist(draw_decision_curve(CASES["single"]), "limits").get_segments()
    assert line[:, 0].tolist() == [0.3, 0.3]


@pytest.mark.parametrize("case", CASES)
def test_all_models_are_inside_the_axes_and_zero_is(case: str) -> None:
    result = CASES[case]
    low, high = draw_decision_curve(result).axes[0].get_ylim()
    assert low < 0 < high
    assert (result.estimate[2:] <= high).all()
    assert (result.estimate[2:] >= low).all() or low <= -0.5 * high + 1e-9


def test_words_and_numbers() -> None:
    labels = {"model 0": "Clinical", "overall survival": "Death"}
    figure = draw_decision_curve(TWO, labels=labels, note="As planned.", title="A title")
    note = " ".join(texts(figure, "note"))
    for part in ("Endpoint: Death.", f"200 patients, {TWO.n_event} events by 5 years.", "Predictions: out of fold."):
        assert part in note
    assert "Grey dashed line: treat all. Line at 0: treat none." in note
    assert "Treat all: below the axis. Line at 0" in " ".join(texts(draw_decision_curve(CASES["bad"]), "note"))
    assert note.endswith("As planned.")
    assert figure.axes[0].get_xlabel() == "Threshold of predicted risk at 5 years"
    assert figure.axes[0].get_ylabel() == "Net benefit"
    first, last = TWO.estimate[2, [0, -1]]
    assert f"Clinical {first:.3f} and {last:.3f}" in figure.alt_text
    assert "5 years (out of fold), 200 patients, thresholds of risk 5.0% to 60.0%" in figure.alt_text
    assert "too good" in " ".join(texts(draw_decision_curve(curves(sample="apparent")), "note"))
    assert "not said" in " ".join(texts(draw_decision_curve(CASES["silent"]), "note"))
    assert "within 2 strata" in " ".join(texts(draw_decision_curve(CASES["strata"]), "note"))
    assert "and 9 more models" in draw_decision_curve(CASES["many"]).alt_text


def test_source_data_hold_every_number() -> None:
    data = draw_decision_curve(CASES["strata"]).source_data
    table = CASES["strata"].tidy()
    expected = table[table["group"] == ""].reset_index(drop=True)
    pd.testing.assert_frame_equal(data[list(expected)], expected)
    assert set(data["endpoint"]) == {"overall survival"}


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("case", CASES)
def test_no_text_runs_into_another(case: str, width: float) -> None:
    figure = draw_decision_curve(CASES[case], width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert "nan" not in " ".join([*texts(figure), figure.alt_text]).lower()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown(text: str, tmp_path) -> None:
    labels = {"model 0": text, "overall survival": text, "threshold": text, "net benefit": text}
    figure = draw_decision_curve(replace(TWO, sample=text), labels=labels, title=text, note=text)
    assert_texts_are_apart(figure)
    save_figure(figure, tmp_path / "figure.svg")


def test_settings_styles_and_bytes(tmp_path) -> None:
    before = dict(mpl.rcParams)
    with journal_style("springer"):
        figure = draw_decision_curve(TWO)
    assert figure.get_figwidth() * 25.4 == pytest.approx(84)
    assert_texts_are_apart(figure)
    first = [file.read_bytes() for file in save_figure(draw_decision_curve(TWO), tmp_path / "one.svg")]
    again = [file.read_bytes() for file in save_figure(draw_decision_curve(TWO), tmp_path / "two.svg")]
    assert first == again
    assert dict(mpl.rcParams) == before


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_decision_curve(TWO.tidy())
    with pytest.raises(ConfigError, match="width_mm is 10"):
        draw_decision_curve(TWO, width_mm=10)
