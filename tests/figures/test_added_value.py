"""The figure of added value: points at the corrected gains, a fall of the Brier score drawn to the right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, texts

from survmodel import ConfigError, CoxPH, Outcome, added_value, draw_added_value

RANDOM = np.random.default_rng(1)
TABLE = pd.DataFrame({"age": RANDOM.normal(size=120), "cxcr4": RANDOM.normal(size=120)})
OUTCOME = Outcome(RANDOM.exponential(np.exp(-TABLE["cxcr4"])), np.ones(120), endpoint="death", unit="years")
RESULT = added_value(CoxPH("age"), CoxPH("age + cxcr4"), TABLE, OUTCOME, horizons=[0.5, 1.0], repeats=60)


def test_points_stand_at_the_corrected_gains() -> None:
    figure = draw_added_value(RESULT)
    table = RESULT.differences()
    table = table[table["sample"] == "corrected"].set_index(["measure", "horizon"])
    shown = figure.source_data.to_dict("records")
    assert [one["measure"] for one in shown] == ["Harrell C", *["AUC"] * 2, *["IPA"] * 2, *["Brier score"] * 2]
    for number, one in enumerate(shown, start=1):
        own = RESULT.differences()
        same = (own["measure"] == one["measure"]) & (own["sample"] == "corrected")
        same &= own["horizon"].isna() if np.isnan(one["horizon"]) else own["horizon"] == one["horizon"]
        (expected,) = own[same].to_dict("records")
        sign = -1 if one["measure"] == "Brier score" else 1
        assert artist(figure, f"estimate-{number}").get_xdata()[0] == sign * expected["estimate"]
        ends = sorted(sign * expected[name] for name in ("conf_low", "conf_high"))
        start, end = figure.axes[0].get_xlim()
        drawn = artist(figure, f"limits-{number}").get_xdata()
        np.testing.assert_array_equal(drawn, np.clip(ends, start, end))
    assert shown[-1]["estimate"] > 0, "the marker tells, so that the Brier score falls: right of 0"


def test_what_is_said() -> None:
    figure = draw_added_value(RESULT, labels={"IPA": "Index of accuracy"}, note="As declared.")
    note = " ".join(texts(figure, "note"))
    for part in (
        "120 patients, 120 events",
        "Likelihood ratio",
        "New information",
        "paired, of 60 resamples",
        "As declared.",
    ):
        assert part in note
    rows = [text for text in texts(figure) if "Index of accuracy" in text or "fall" in text]
    assert rows
    assert "Index of accuracy, 0.5 years" in figure.alt_text
    assert "p < 0.001" in note


@pytest.mark.parametrize("width", [85, 174])
def test_texts_are_apart(width: float) -> None:
    assert_texts_are_apart(draw_added_value(RESULT, width_mm=width, labels={"AUC": HOSTILE}, title="A title"))


def test_what_is_no_added_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="draw_added_value draws an added value"):
        draw_added_value(CoxPH("age").fit(TABLE, OUTCOME))  # type: ignore[arg-type]


def test_zero_is_drawn() -> None:
    figure = draw_added_value(RESULT)
    assert list(artist(figure, "zero").get_xdata()) == [0.0, 0.0]
    assert len(artists(figure, "zero")) == 1
