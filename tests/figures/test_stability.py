"""The stability plot: a line for each patient at the numbers of the result, and texts apart."""

from __future__ import annotations

import numpy as np
import pytest
from figures.drawn import HOSTILE, artist, assert_texts_are_apart, texts

from survmodel import draw_stability, prediction_stability
from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.performance.stability import PredictionStability


def stable(n: int = 60, scale: float = 1.0) -> PredictionStability:
    random = np.random.default_rng(2)
    original = random.uniform(0.05, 0.9, n) * scale
    others = np.clip(original + random.normal(0, 0.06 * scale, (200, n)), 0, 1)
    others[3] = np.nan
    return prediction_stability(original, others)


RESULT = stable()


def test_lines_stand_at_the_numbers_of_the_table() -> None:
    figure, table = draw_stability(RESULT), RESULT.tidy().sort_values("expected")
    drawn = np.array(artist(figure, "bands").get_segments())
    np.testing.assert_array_equal(drawn[:, 0, 0], table["expected"])
    np.testing.assert_array_equal(drawn[:, 1, 0], table["expected"])
    np.testing.assert_array_equal(drawn[:, 0, 1], table["lower"])
    np.testing.assert_array_equal(drawn[:, 1, 1], table["upper"])
    axes = figure.axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    a, b, c = axes.transData.transform([(0, 0), (0.5, 0), (0, 0.5)])
    assert b[0] - a[0] == pytest.approx(c[1] - a[1], rel=1e-6)


def test_what_is_said() -> None:
    figure = draw_stability(RESULT, note="As planned.", labels={"risk": "Risk of death"})
    assert texts(figure, "mape") == [f"MAPE {RESULT.mape:.3f}"]
    note = " ".join(texts(figure, "note"))
    for part in ("60 patients, 199 resamples.", "middle 95%", "1 of 200 resamples failed.", "As planned."):
        assert part in note
    assert figure.axes[0].get_xlabel() == "Risk of death"
    assert f"MAPE {RESULT.mape:.3f}" in figure.alt_text
    source = figure.source_data
    assert source.loc[source["measure"] == "MAPE", "estimate"].tolist() == [RESULT.mape]
    np.testing.assert_array_equal(source.loc[source["measure"] == "patient", "lower"], RESULT.lower)


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_no_text_runs_into_another(scale: float, width: float) -> None:
    figure = draw_stability(stable(scale=scale), width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown_and_bytes_are_the_same_again(text: str, tmp_path) -> None:
    figures = [
        draw_stability(RESULT, labels={"risk": text, "risk by resample": text}, title=text, note=text) for _ in range(2)
    ]
    assert_texts_are_apart(figures[0])
    one, two = (save_figure(figure, tmp_path / f"{k}.svg") for k, figure in enumerate(figures))
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


def test_something_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_stability(RESULT.tidy())
