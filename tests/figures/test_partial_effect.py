"""The partial-effect plot: curves at the mean risks, quartiles with one time, what is said in words."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, texts

from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.figures.partial_effect import draw_partial_effect
from survmodel.models.forest_effect import PartialEffect

RISK = np.array([[0.10, 0.20], [0.18, 0.35], [0.30, 0.52]])
NUMBERS = PartialEffect(
    "marker", (1.0, 2.5, 6.0), np.array([12.0, 24.0]), RISK, RISK - 0.05, RISK + 0.05, n=120, unit="months"
)
ONE = replace(NUMBERS, times=np.array([24.0]), risk=RISK[:, 1:], lower=RISK[:, 1:] - 0.05, upper=RISK[:, 1:] + 0.05)
FACTOR = replace(NUMBERS, column="stage", values=("I", "II", "a very long name of the last stage of all"))
CASES = {
    "numbers": NUMBERS,
    "one": ONE,
    "factor": FACTOR,
    "factor, one": replace(ONE, values=("I", "II", "III")),
    "single value": replace(ONE, values=(3.0,), risk=RISK[:1, :1], lower=RISK[:1, :1], upper=RISK[:1, :1]),
    "beyond": replace(NUMBERS, risk=np.where([False, True], np.nan, RISK)),
    "nothing": replace(ONE, risk=np.full((3, 1), np.nan), lower=np.full((3, 1), np.nan), upper=np.full((3, 1), np.nan)),
    "many": replace(
        FACTOR,
        values=tuple(f"level {k}" for k in range(12)),
        risk=np.full((12, 2), 0.01),
        lower=np.full((12, 2), 0.0),
        upper=np.full((12, 2), 0.02),
    ),
}


def test_curves_stand_at_the_means() -> None:
    figure = draw_partial_effect(NUMBERS, unit="ng/ml")
    for number, curve in enumerate(artists(figure, "curve-")):
        np.testing.assert_array_equal(curve.get_xdata(), [1.0, 2.5, 6.0])
        np.testing.assert_array_equal(curve.get_ydata(), RISK[:, number])
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["12 months", "24 months"]
    assert figure.axes[0].get_xlabel() == "marker (ng/ml)"
    assert not artists(figure, "quartiles")


def test_quartiles_with_one_time() -> None:
    band = artist(draw_partial_effect(ONE), "quartiles").get_paths()[0].vertices
    assert {round(y, 9) for x, y in band if x == 6.0} == {0.47, 0.57}
    lines = artist(draw_partial_effect(CASES["factor, one"]), "quartiles").get_segments()
    np.testing.assert_allclose(lines[2], [[2, 0.47], [2, 0.57]])
    assert "Lines: quartiles of the patients." in " ".join(texts(draw_partial_effect(CASES["factor, one"]), "note"))
    assert "Band: quartiles of the patients." in " ".join(texts(draw_partial_effect(ONE), "note"))


def test_words_and_numbers() -> None:
    figure = draw_partial_effect(ONE, labels={"marker": "Marker"}, note="As planned.", title="A title")
    note = " ".join(texts(figure, "note"))
    assert "Mean risk at 24 months predicted for 120 patients, each value given to all of them." in note
    assert "A description of the model, not of what a change would do." in note
    assert note.endswith("As planned.")
    assert figure.alt_text == "Mean predicted risk by Marker: at 24 months 20.0% at 1, 52.0% at 6."
    expected = ONE.tidy().query("measure == 'risk'").reset_index(drop=True)
    pd.testing.assert_frame_equal(figure.source_data, expected)
    assert draw_partial_effect(FACTOR, labels={"I": "first"}).axes[0].get_xticklabels()[0].get_text() == "first"


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("case", CASES)
def test_no_text_runs_into_another(case: str, width: float) -> None:
    figure = draw_partial_effect(CASES[case], width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert "nan" not in " ".join([*texts(figure), figure.alt_text]).lower()


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown(text: str, tmp_path) -> None:
    labels = {"stage": text, "I": text, "risk": text}
    figure = draw_partial_effect(FACTOR, labels=labels, title=text, note=text, unit=text)
    assert_texts_are_apart(figure)
    save_figure(figure, tmp_path / "figure.svg")


def test_what_is_not_estimable_is_said() -> None:
    assert texts(draw_partial_effect(CASES["nothing"]), "not-estimable") == ["not estimable"]
    figure = draw_partial_effect(CASES["beyond"])
    assert len(artists(figure, "curve-")) == 1
    assert "beyond the longest follow-up" in " ".join(texts(figure, "note"))


def test_settings_and_bytes(tmp_path) -> None:
    before = dict(mpl.rcParams)
    first = [file.read_bytes() for file in save_figure(draw_partial_effect(NUMBERS), tmp_path / "one.svg")]
    again = [file.read_bytes() for file in save_figure(draw_partial_effect(NUMBERS), tmp_path / "two.svg")]
    assert first == again
    assert dict(mpl.rcParams) == before


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_partial_effect(NUMBERS.tidy())
    with pytest.raises(ConfigError, match="width_mm is 10"):
        draw_partial_effect(NUMBERS, width_mm=10)
