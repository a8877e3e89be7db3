"""The cut-point profile: steps and bars at the numbers of the results, and texts apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, texts

from survmodel import ConfigError, Outcome, bootstrap_cutpoint, draw_cutpoint, maximally_selected_logrank


def searched(effect: float = 0.8, name: str = "suvmax"):
    random = np.random.default_rng(4)
    marker = pd.Series(random.normal(size=80), name=name)
    time, censor = random.exponential(np.exp(-effect * marker)), random.uniform(0.5, 4, 80)
    outcome = Outcome(np.minimum(time, censor), time <= censor)
    found = maximally_selected_logrank(outcome, marker, permutations=999)
    return found, bootstrap_cutpoint(outcome, marker, repeats=200)


RESULT, BOOTSTRAP = searched()


def test_the_profile_stands_at_the_numbers_of_the_table() -> None:
    figure = draw_cutpoint(RESULT, BOOTSTRAP)
    line, table = artist(figure, "profile"), RESULT.tidy()
    np.testing.assert_array_equal(line.get_xdata(), table["cutpoint"])
    np.testing.assert_array_equal(line.get_ydata(), table["statistic"])
    assert list(artist(figure, "cut").get_xdata()) == [RESULT.cutpoint, RESULT.cutpoint]
    heights = [one.get_ydata()[0] for one in artists(figure, "critical")]
    assert RESULT.critical in heights
    bars = np.array(artist(figure, "resamples").get_segments())
    found = BOOTSTRAP.tidy()
    inside = found[found["cutpoint"].between(RESULT.cuts[0], RESULT.cuts[-1])]
    np.testing.assert_array_equal(bars[:, 0, 0], inside["cutpoint"])
    shares = (bars[:, 1, 1] - bars[:, 0, 1]) / inside["probability"].to_numpy()
    np.testing.assert_allclose(shares, shares[0])


def test_what_is_said() -> None:
    figure = draw_cutpoint(RESULT, BOOTSTRAP, labels={"suvmax": "CXCR4 SUVmax"}, note="As planned.")
    note = " ".join(texts(figure, "note"))
    for part in ("80 patients", "999 permutations", "200 resamples", "keep their side", "shrunken", "As planned."):
        assert part in note
    assert figure.axes[0].get_xlabel() == "Cut of CXCR4 SUVmax"
    assert texts(figure, "cut-text")[0].startswith(f"Best cut {RESULT.cutpoint:.2f}, p ")
    assert "where chance exceeds" in figure.alt_text
    assert set(figure.source_data["measure"]) == {"profile", "resamples"}


def test_without_permutations_there_is_no_line() -> None:
    random = np.random.default_rng(5)
    outcome = Outcome(random.exponential(size=60), np.ones(60))
    found = maximally_selected_logrank(outcome, random.normal(size=60), p_value="lausen94")
    figure = draw_cutpoint(found)
    assert not artists(figure, "critical")
    assert not artists(figure, "resamples")


@pytest.mark.parametrize("width", [50, 85, 174])
def test_no_text_runs_into_another(width: float) -> None:
    figure = draw_cutpoint(RESULT, BOOTSTRAP, width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_labels(text: str) -> None:
    assert_texts_are_apart(draw_cutpoint(RESULT, BOOTSTRAP, labels={"suvmax": text}, title=text, note=text))


def test_refusals() -> None:
    with pytest.raises(ConfigError, match="draws the search for a cut"):
        draw_cutpoint(BOOTSTRAP)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="two markers"):
        draw_cutpoint(RESULT, searched(name="mtv")[1])
