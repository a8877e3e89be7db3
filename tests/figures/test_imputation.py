"""The plots of an imputation: chains at their means, observed and imputed shares, what is said in words."""

from __future__ import annotations

from functools import cache

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import HOSTILE, artist, artists, assert_texts_are_apart, texts

from survmodel import MultipleImputation, Outcome, draw_imputation
from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.models.imputation_fit import FittedImputation

COLUMNS = ("number", "flag", "stage", "fixed")


@cache
def fitted(iterations: int = 6) -> FittedImputation:
    random = np.random.default_rng(2)
    n = 60
    table = pd.DataFrame(
        {
            "number": 100 * random.random(n),
            "flag": random.random(n) < 0.4,
            "stage": pd.Categorical(np.array(["I", "II", "a very long name of a level"])[random.integers(0, 3, n)]),
            "fixed": 7.0,
        }
    ).astype({"flag": object})
    for place, name in enumerate(COLUMNS):
        table.loc[np.arange(n) % 5 == place, name] = None
    outcome = Outcome(random.exponential(size=n), random.random(n) < 0.7)
    return MultipleImputation(m=4, iterations=iterations).fit(table, outcome)


def test_chains_stand_at_their_means() -> None:
    figure = draw_imputation(fitted(), "number", unit="U/l", labels={"number": "LDH"})
    chain = fitted().chain.query("column == 'number'")
    lines = artists(figure, "chain-")
    assert len(lines) == 4
    for number, line in enumerate(lines):
        one = chain[chain["imputation"] == number + 1]
        np.testing.assert_array_equal(line.get_xdata(), one["iteration"])
        np.testing.assert_allclose(line.get_ydata(), one["mean"], rtol=1e-12)
    assert figure.axes[0].get_ylabel() == "Mean of imputed LDH (U/l)"
    assert figure.alt_text == "Mean of the imputed values of LDH over 6 cycles, 4 chains."
    pd.testing.assert_frame_equal(figure.source_data, chain.reset_index(drop=True))


def test_values_are_shares() -> None:
    figure = draw_imputation(fitted(), "number", show="values")
    observed = artist(figure, "observed")
    known = np.sort(fitted().rows.state[:, 0][~np.isnan(fitted().rows.state[:, 0])])
    np.testing.assert_array_equal(observed.get_xdata(), known)
    assert observed.get_ydata()[-1] == 100
    last = fitted().development[2]["number"][fitted().rows.holes[:, 0]]
    np.testing.assert_array_equal(artist(figure, "imputed-3").get_xdata(), np.sort(last))
    levels = draw_imputation(fitted(), "stage", show="values", labels={"I": "first"})
    assert levels.axes[0].get_xticklabels()[0].get_text() == "first"
    share = fitted().development[0]["stage"][fitted().rows.holes[:, 2]].value_counts(normalize=True, sort=False)
    np.testing.assert_allclose(artist(levels, "imputed-1").get_ydata(), 100 * share.to_numpy())
    assert [text.get_text() for text in levels.axes[0].get_legend().get_texts()] == ["observed", "imputed"]


@pytest.mark.parametrize("width", [50, 85, 174])
@pytest.mark.parametrize("show", ["chain", "values"])
@pytest.mark.parametrize("column", COLUMNS)
def test_no_text_runs_into_another(column: str, show: str, width: float) -> None:
    figure = draw_imputation(fitted(), column, show=show, width_mm=width, title="A title that is long " * 5)
    assert_texts_are_apart(figure)
    assert "nan" not in " ".join([*texts(figure), figure.alt_text]).lower()


def test_one_cycle_is_drawn_as_points() -> None:
    assert artists(draw_imputation(fitted(1), "number"), "chain-")[0].get_marker() == "o"


@pytest.mark.parametrize("text", HOSTILE)
def test_any_label_can_be_shown(text: str, tmp_path) -> None:
    labels = {"stage": text, "I": text}
    for show in ("chain", "values"):
        figure = draw_imputation(fitted(), "stage", show=show, labels=labels, title=text, note=text, unit=text)
        assert_texts_are_apart(figure)
    save_figure(figure, tmp_path / "figure.svg")


def test_settings_and_bytes(tmp_path) -> None:
    before = dict(mpl.rcParams)
    first = [file.read_bytes() for file in save_figure(draw_imputation(fitted(), "number"), tmp_path / "one.svg")]
    again = [file.read_bytes() for file in save_figure(draw_imputation(fitted(), "number"), tmp_path / "two.svg")]
    assert first == again
    assert dict(mpl.rcParams) == before


def test_anything_else_is_refused() -> None:
    with pytest.raises(ConfigError, match="found DataFrame"):
        draw_imputation(fitted().tidy(), "number")
    with pytest.raises(ConfigError, match="nothing of 'numbr' was imputed"):
        draw_imputation(fitted(), "numbr")
    with pytest.raises(ConfigError, match="show 'trace' is not known"):
        draw_imputation(fitted(), "number", show="trace")
    with pytest.raises(ConfigError, match="width_mm is 10"):
        draw_imputation(fitted(), "number", width_mm=10)
