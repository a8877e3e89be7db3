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
    on_the_page,
    svg_path,
    svg_root,
    texts,
)

from survmodel import ConfigError, CoxPH, DataError, Outcome, draw_effect, save_figure


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
