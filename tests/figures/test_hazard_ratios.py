"""The hazard-ratio plot: every mark at its number, every row beside its text, and nothing runs into anything else."""

from __future__ import annotations

import itertools
import math

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from figures.drawn import (
    artist,
    artists,
    assert_texts_are_apart,
    on_the_page,
    svg_mark,
    svg_path,
    svg_root,
    texts,
)
from figures.ratio_cases import (
    ALONE,
    FORTY,
    FULL,
    LABELS,
    MODELS,
    NASTY,
    OUTCOME,
    TABLE,
    UNITS,
    few_rows,
    fitted,
    ratio_table,
)
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.figures.hazard_ratios import draw_hazard_ratios
from survmodel.figures.hazard_ratios_data import ratio_rows, read_models, write_ratio
from survmodel.figures.style import StudyFigure, journal_style
from survmodel.models.cox import CoxPH


def height_of(text: Text, figure: StudyFigure) -> float:
    """Height of the middle of a text above the lower edge of the axes, in points."""
    box = text.get_window_extent()
    return ((box.y0 + box.y1) / 2 - figure.axes[0].bbox.y0) * 72 / figure.dpi


def label(figure: StudyFigure, number: int) -> str:
    return " ".join(text.get_text() for text in artists(figure, f"label-{number}-"))


def test_marks_stand_at_the_numbers_of_the_table() -> None:
    figure = draw_hazard_ratios(FULL, labels=LABELS, units=UNITS, width_mm=174)
    expected = FULL.hazard_ratios()
    marks = artists(figure, "estimate-")
    np.testing.assert_array_equal([mark.get_xdata()[0] for mark in marks], expected["estimate"])
    lines = artists(figure, "limits-")
    np.testing.assert_array_equal([line.get_xdata() for line in lines], expected[["conf_low", "conf_high"]])
    for mark, line in zip(marks, lines, strict=True):
        assert set(line.get_ydata()) == {mark.get_ydata()[0]}
    heights = [mark.get_ydata()[0] for mark in marks]
    assert heights == sorted(heights, reverse=True)
    assert figure.axes[0].get_xscale() == "log"


def test_every_mark_stands_beside_its_text() -> None:
    figure = draw_hazard_ratios(FULL, labels=LABELS, units=UNITS, width_mm=174)
    figure.draw_without_rendering()
    rows = ratio_rows(read_models(FULL), LABELS, UNITS)
    for number, row in enumerate(rows, start=1):
        assert label(figure, number) == row.label
        if not row.ratios:
            assert not artists(figure, f"ratio-{number}-")
            continue
        kind = "reference" if row.ratios[0].is_reference else "estimate"
        height = artist(figure, f"{kind}-{number}-1").get_ydata()[0]
        for gid in ("label", "n", "events", "ratio"):
            assert height_of(artist(figure, f"{gid}-{number}-1"), figure) == pytest.approx(height, abs=1.5)
    numbers = FULL.hazard_ratios()[["estimate", "conf_low", "conf_high"]].to_numpy()
    ratios = [write_ratio(*row) for row in numbers]
    assert [text for text in texts(figure, "ratio-") if text != "reference"] == ratios


def test_texts_follow_their_rows_when_the_figure_is_changed() -> None:
    figure = draw_hazard_ratios(FULL, width_mm=174)
    figure.set_size_inches(8, 9)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    for mark in artists(figure, "estimate-"):
        name = mark.get_gid().removeprefix("estimate-")
        box = artist(figure, f"ratio-{name}").get_window_extent()
        middle = axes.transData.transform((1, mark.get_ydata()[0]))[1]
        assert (box.y0 + box.y1) / 2 == pytest.approx(middle, abs=0.03 * axes.bbox.height)


def test_reference_levels_have_a_row_with_an_open_square_at_1() -> None:
    figure = draw_hazard_ratios(FULL, width_mm=174)
    references = artists(figure, "reference-")
    names = [label(figure, int(mark.get_gid().split("-")[1])) for mark in references]
    assert names == [FULL.hazard_ratios().query("variable == 'sex'")["reference"].iloc[0], "I", "no"]
    for mark in references:
        assert mark.get_xdata() == [1]
        assert mark.get_marker() == "s"
        assert to_rgb(mark.get_markerfacecolor()) == (1, 1, 1)
        name = mark.get_gid().removeprefix("reference-")
        assert artist(figure, f"ratio-{name}").get_text() == "reference"
        assert not artists(figure, f"estimate-{name}") + artists(figure, f"limits-{name}")
    assert "Open squares: reference levels." in " ".join(texts(figure, "note"))
    assert "Open squares" not in " ".join(texts(draw_hazard_ratios(fitted("age")), "note"))


def test_counts_are_those_of_the_analysed_rows() -> None:
    table = TABLE.assign(age=TABLE["age"].where(np.arange(len(TABLE)) % 7 > 0))
    fit = CoxPH("age + sex + bulky").fit(table, OUTCOME)
    figure = draw_hazard_ratios(fit, width_mm=174)
    used, died = table[table["age"].notna()], OUTCOME.died[table["age"].notna()]
    sexes = used["sex"].value_counts().index
    expected = [(len(used), died.sum())]
    expected += [((used["sex"] == sex).sum(), died[used["sex"] == sex].sum()) for sex in sexes]
    expected += [((used["bulky"] == truth).sum(), died[used["bulky"] == truth].sum()) for truth in (False, True)]
    assert texts(figure, "n-") == [str(n) for n, _ in expected]
    assert texts(figure, "events-") == [str(events) for _, events in expected]
    np.testing.assert_array_equal(figure.source_data[["n", "n_event"]], expected)
    assert f"{len(used)} patients, {died.sum()} events." in " ".join(texts(figure, "note"))
    joined = draw_hazard_ratios(fit, width_mm=85)
    assert texts(joined, "events-of-n-") == [f"{events}/{n}" for n, events in expected]


def test_counts_of_rows_that_stand_for_several_are_counted() -> None:
    freq = np.arange(len(TABLE)) % 3 + 1
    fit = CoxPH("sex").fit(TABLE, OUTCOME, freq=freq)
    data = draw_hazard_ratios(fit).source_data
    for level, n, events in zip(data["level"], data["n"], data["n_event"], strict=True):
        inside = (TABLE["sex"] == level).to_numpy()
        assert (n, events) == (freq[inside].sum(), freq[inside & OUTCOME.died].sum())


def test_a_truth_value_is_shown_as_a_factor() -> None:
    figure = draw_hazard_ratios(fitted("bulky"), labels={"bulky": "bulky disease"}, width_mm=174)
    assert [label(figure, number) for number in (1, 2, 3)] == ["Bulky disease", "no", "yes"]
    assert artist(figure, "estimate-3-1").get_xdata()[0] == fitted("bulky").hazard_ratios()["estimate"][0]


def test_interactions_and_contrasts_have_rows_of_their_own() -> None:
    fit = fitted("age * sex")
    level = fit.hazard_ratios()["level"][1]
    figure = draw_hazard_ratios(fit, labels=LABELS, units=UNITS)
    assert [label(figure, number) for number in range(1, 6)][-1] == f"Age × Sex ({level})"
    assert artist(figure, "estimate-5-1").get_xdata()[0] == fit.hazard_ratios()["estimate"][2]
    contrasts = FULL.hazard_ratios({"suv": (5, 10), "sex": ("male", "female")})
    figure = draw_hazard_ratios(contrasts, labels=LABELS, width_mm=174)
    assert [label(figure, number) for number in (1, 2)] == [
        "CXCR4 SUVmax of the hottest lesion, 10 vs 5",
        "Sex, female vs male",
    ]
    assert not artists(figure, "reference-")


def test_the_fit_and_its_table_give_the_same_marks() -> None:
    one, other = draw_hazard_ratios(fitted("age + stage")), draw_hazard_ratios(fitted("age + stage").hazard_ratios())
    for gid in ("estimate-", "limits-", "reference-"):
        for mark, same in zip(artists(one, gid), artists(other, gid), strict=True):
            np.testing.assert_array_equal(mark.get_xdata(), same.get_xdata())
            assert mark.get_gid() == same.get_gid()


def test_levels_without_a_reference_stand_under_their_heading() -> None:
    table = ratio_table(("a", 1.2, 0.8, 1.8), ("b", 2.0, 1.1, 3.6), variable="suv", level=["MCL", "MM"])
    figure = draw_hazard_ratios(table, labels={"suv": "SUVmax, per doubling"})
    assert [label(figure, number) for number in (1, 2, 3)] == ["SUVmax, per doubling", "MCL", "MM"]
    assert not artists(figure, "reference-")
    assert not artists(figure, "n-") + artists(figure, "p-") + artists(figure, "events-")


def test_models_stand_side_by_side_with_marks_of_their_own() -> None:
    figure = draw_hazard_ratios(MODELS, labels=LABELS, width_mm=174)
    alone = pd.concat([fit.hazard_ratios() for fit in ALONE], ignore_index=True)
    for model, expected in enumerate([alone, FULL.hazard_ratios()], start=1):
        marks = [mark for mark in artists(figure, "estimate-") if mark.get_gid().endswith(f"-{model}")]
        np.testing.assert_array_equal([mark.get_xdata()[0] for mark in marks], expected["estimate"])
        key = artist(figure, f"key-{model}")
        assert {(mark.get_marker(), mark.get_color()) for mark in marks} == {(key.get_marker(), key.get_color())}
        assert artist(figure, f"key-text-{model}").get_text() == ["Alone", "Together"][model - 1]
    shapes = {artist(figure, f"key-{model}").get_marker() for model in (1, 2)}
    assert len(shapes) == 2, "grey print has shapes only"
    figure.draw_without_rendering()
    for mark in artists(figure, "estimate-"):
        text = artist(figure, mark.get_gid().replace("estimate", "ratio"))
        assert height_of(text, figure) == pytest.approx(mark.get_ydata()[0], abs=1.5)


def test_what_all_models_share_is_written_once() -> None:
    figure = draw_hazard_ratios(MODELS, width_mm=174)
    rows = ratio_rows(read_models(MODELS), {})
    assert len(artists(figure, "n-")) == sum(bool(row.ratios) for row in rows)
    assert texts(figure, "ratio-").count("reference") == 3 == len(artists(figure, "reference-"))
    assert not artists(draw_hazard_ratios(FULL), "key-")


def test_models_of_different_patients_show_the_counts_of_each() -> None:
    few = CoxPH("age").fit(TABLE[:100], OUTCOME.take(np.arange(100)))
    figure = draw_hazard_ratios({"first 100": few, "all": fitted("age + sex")}, width_mm=174)
    assert texts(figure, "n-1-") == ["100", "240"]
    events = [int(OUTCOME.died[:100].sum()), int(OUTCOME.died.sum())]
    assert texts(figure, "events-1-") == [str(count) for count in events]
    assert f"First 100: 100 patients, {events[0]} events; all: 240" in " ".join(texts(figure, "note"))


def test_a_level_that_another_model_refers_to_is_both() -> None:
    one, other = fitted("stage"), fitted("stage", reference={"stage": "II"})
    rows = ratio_rows(read_models({"I": one, "II": other}), {})
    kinds = {row.label: [ratio.is_reference for ratio in row.ratios] for row in rows if row.ratios}
    assert kinds == {"I": [True, False], "II": [False, True], "III": [False, False], "IV": [False, False]}
    figure = draw_hazard_ratios({"I": one, "II": other})
    assert texts(figure, "ratio-")[:4].count("reference") == 2
    assert_texts_are_apart(figure)


def test_source_data_are_all_numbers_of_all_models() -> None:
    data = draw_hazard_ratios(MODELS).source_data
    numbers = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
    for name, expected in (("Together", FULL.hazard_ratios()), ("Alone", pd.concat(f.hazard_ratios() for f in ALONE))):
        is_reference = (data["level"] == data["reference"]) & (data["level"] != "")
        mine = data[(data["model"] == name) & ~is_reference]
        np.testing.assert_array_equal(mine[numbers], expected[numbers])
        assert mine["term"].tolist() == expected["term"].tolist()
    references = data[(data["level"] == data["reference"]) & (data["level"] != "")]
    assert set(references["estimate"]) == {1.0}
    assert references["conf_low"].isna().all()
    assert references["term"].tolist()[:3] == [f"sex[{references['level'].iloc[0]}]", "stage[I]", "bulky[no]"]


def test_what_cannot_be_estimated_is_text_and_never_a_mark() -> None:
    figure = draw_hazard_ratios(NASTY, width_mm=174)
    shown = {name: texts(figure, f"ratio-{name}-") for name in range(1, 10)}
    for number in (2, 6, 7, 9):
        assert shown[number] == ["not estimable"]
        assert not artists(figure, f"estimate-{number}") + artists(figure, f"limits-{number}")
        assert texts(figure, f"p-{number}-") == []
    assert shown[8] == ["2.00 (—)"]
    assert artist(figure, "estimate-8-1").get_xdata() == [2.0]
    assert not artists(figure, "limits-8")
    for mark in itertools.chain(artists(figure, "estimate-"), artists(figure, "limits-")):
        assert np.isfinite(mark.get_xdata()).all()
    assert not any("nan" in text.casefold() for text in texts(figure))


def test_labels_and_units_name_the_rows() -> None:
    labels = LABELS | {"sex[male]": "men", "female": "women", "log2(suv)": "SUVmax (doubling)"}
    figure = draw_hazard_ratios(FULL, labels=labels, units=UNITS, width_mm=174)
    shown = [label(figure, number) for number in range(1, 15)]
    assert shown == [
        "Age, per year", "Sex", *sorted(["men", "women"], key=lambda name: name != {"male": "men", "female": "women"}[
            FULL.hazard_ratios().query("variable == 'sex'")["reference"].iloc[0]
        ]),
        "Ann Arbor stage", "I", "II", "III", "IV", "SUVmax (doubling)", "Wbc, per 10⁹/L", "Bulky", "no", "yes",
    ]  # fmt: skip
    assert "CXCR4 SUVmax of the hottest lesion, per doubling" in (
        label(draw_hazard_ratios(FULL, labels=LABELS, width_mm=174), 10)
    )


def test_alt_text_holds_the_ratios() -> None:
    table = ratio_table(
        ("age", 1.05, 1.01, 1.09), ("sex[m]", 1.5, 0.9, 2.5), variable=["age", "sex"], level=["", "m"],
        reference=["", "f"],
    )  # fmt: skip
    assert draw_hazard_ratios(table, units={"age": "years"}, conf_level=0.9).alt_text == (
        "Hazard ratios with 90% confidence limits: Age, per year 1.05 (1.01 to 1.09); Sex, m vs f 1.50 (0.90 to 2.50)."
    )
    one, few = fitted("age"), CoxPH("age").fit(TABLE[:100], OUTCOME.take(np.arange(100)))
    ratios = [write_ratio(*fit.hazard_ratios()[["estimate", "conf_low", "conf_high"]].iloc[0]) for fit in (few, one)]
    assert draw_hazard_ratios({"few": few, "all": one}).alt_text == (
        f"Hazard ratios of 2 models with 95% confidence limits, few (100 patients, {few.n_event} events), "
        f"all (240 patients, {one.n_event} events): Age, per unit {ratios[0]} and {ratios[1]}."
    )
    forty = draw_hazard_ratios(FORTY).alt_text
    assert forty.endswith("; and 28 more rows.")
    hostile = draw_hazard_ratios(NASTY).alt_text
    assert len(hostile) < 1500
    assert not set("\n\x00\u202e\ud800") & set(hostile)


def test_the_note_says_what_the_marks_mean() -> None:
    figure = draw_hazard_ratios({"alone": ALONE[:2], "few": few_rows()}, note="Cut on 1 May.")
    n, events = few_rows().n, few_rows().n_event
    assert " ".join(texts(figure, "note")) == (
        f"Alone: 240 patients, {FULL.n_event} events; few: {n} patients, {events} events. Lines: 95% confidence "
        "limits. Open squares: reference levels. Cut on 1 May."
    )
    mixed = draw_hazard_ratios({"alone": [ALONE[0], few_rows()]})
    assert f"{n} to 240 patients, {events} to {FULL.n_event} events." in " ".join(texts(mixed, "note"))
    same = draw_hazard_ratios(MODELS)
    assert f"Each model: 240 patients, {FULL.n_event} events." in " ".join(texts(same, "note"))
    table = ALONE[0].hazard_ratios()
    unknown = draw_hazard_ratios({"few": few_rows(), "table": table})
    assert f"Few: {n} patients, {events} events; table: counts not known." in " ".join(texts(unknown, "note"))
    assert texts(draw_hazard_ratios(table), "note") == ["Lines: 95% confidence limits."]
    robust = CoxPH("age", cluster="stage").fit(TABLE, OUTCOME)
    assert "confidence limits, from robust standard errors." in " ".join(texts(draw_hazard_ratios(robust), "note"))


def test_the_coverage_is_that_of_the_fit() -> None:
    figure = draw_hazard_ratios(fitted("age", conf_level=0.9))
    assert "HR (90% CI)" in texts(figure)
    assert "Lines: 90% confidence limits." in " ".join(texts(figure, "note"))


def test_svg_paths_are_the_limits_and_marks(tmp_path) -> None:
    figure = draw_hazard_ratios(FULL, width_mm=85)
    root = svg_root(figure, tmp_path)
    end = figure.axes[0].get_xlim()[1]
    top = figure.axes[0].get_ylim()[1]
    expected = FULL.hazard_ratios()
    for line, row in zip(artists(figure, "limits-"), expected.to_dict("records"), strict=True):
        y = line.get_ydata()[0] / top
        values = np.log([row["conf_low"], row["conf_high"], row["estimate"]]) / math.log(end)
        places = on_the_page(figure, root, np.column_stack([0.5 + 0.5 * values, [y] * 3]))
        np.testing.assert_allclose(svg_path(root, line.get_gid()), places[:2], atol=0.5)
        mark = svg_mark(root, line.get_gid().replace("limits", "estimate"))
        np.testing.assert_allclose(mark, places[2], atol=0.5)


def test_bytes_are_the_same_again_and_files_stay_small(tmp_path) -> None:
    written = [
        [
            *save_figure(draw_hazard_ratios(MODELS, width_mm=174), tmp_path / f"{name}_wide", formats=["pdf", "svg"]),
            *save_figure(draw_hazard_ratios(FULL), tmp_path / name, formats=["pdf", "svg", "png"]),
        ]
        for name in ("a", "b")
    ]
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.stat().st_size <= 500_000


def test_the_session_and_the_figure_leave_each_other_alone() -> None:
    before = dict(mpl.rcParams)
    plain = draw_hazard_ratios(MODELS)._repr_png_()
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert draw_hazard_ratios(MODELS)._repr_png_() == plain


def test_the_journal_style_is_respected() -> None:
    with journal_style("springer"):
        figure = draw_hazard_ratios(MODELS, labels=LABELS)
    assert figure.get_figwidth() * 25.4 == pytest.approx(84)
    assert_texts_are_apart(figure)
    assert {text.get_fontsize() for text in figure.findobj(Text) if text.get_text()} == {8.0}


def test_input_is_left_as_it_was() -> None:
    table = FULL.hazard_ratios()
    labels = dict(LABELS)
    draw_hazard_ratios(table, labels=labels)
    pd.testing.assert_frame_equal(table, FULL.hazard_ratios())
    assert labels == LABELS


@pytest.mark.parametrize(
    ("fits", "problem"),
    [
        (None, "found NoneType"),
        ("age", "found str"),
        ([1, 2], "found list"),
        ({"a": None}, "found NoneType"),
        ({"a": []}, "found list"),
        ({}, "no hazard ratio"),
        (ratio_table(), "no hazard ratio"),
        (pd.DataFrame({"term": ["x"], "estimate": [1.0]}), "conf_low, conf_high"),
        ({"a": FULL, "b": fitted("age", conf_level=0.9)}, "different coverage"),
        ({"a": [FULL, fitted("age", conf_level=0.9)]}, "different coverage"),
        (fitted("1"), "no hazard ratio"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_cannot_be_drawn_is_refused(fits, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        draw_hazard_ratios(fits)


@pytest.mark.parametrize(
    "options", [{"axis_end": 1.0}, {"axis_end": math.nan}, {"axis_end": -2}, {"conf_level": 95}, {"width_mm": 10}]
)
def test_numbers_that_make_no_sense_are_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        draw_hazard_ratios(FULL, **options)
