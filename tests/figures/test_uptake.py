"""The plot of uptake: every patient at the value of the table, quartiles of type 7, counts under each column."""

from __future__ import annotations

import itertools
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

from survmodel.errors import ConfigError, DataError
from survmodel.figures.files import save_figure
from survmodel.figures.style import journal_style
from survmodel.figures.uptake import draw_uptake
from survmodel.figures.uptake_data import NOT_STATED, rows_of, spread, swarm, uptake_plot_data, value_axis

GROUPS = {
    "lymphoma": ["MZL", "MCL", "DLBCL", "FL", "PTCL", "HL"],
    "plasma cell neoplasm": ["MM", "plasmacytoma", "AL"],
    "leukemia": ["CLL", "AML", "ALL"],
}
NAMES = {
    "suv": "CXCR4 SUVmax",
    "DLBCL": "diffuse large B-cell lymphoma",
    "ALL": "acute lymphoblastic leukemia",
    "MM": "multiple myeloma",
}


def patients(sizes: tuple[int, ...] = (40, 22, 9, 1, 3, 14), *, zeros: float = 0.0, seed: int = 1) -> pd.DataFrame:
    """Twelve entities in three groups, one value in ten missing."""
    draw = np.random.default_rng(seed)
    pairs = [(group, entity) for group, entities in GROUPS.items() for entity in entities]
    rows = [pair for place, pair in enumerate(pairs) for _ in range(sizes[place % len(sizes)])]
    table = pd.DataFrame(rows, columns=["group", "entity"])
    values = 8 * np.exp(draw.normal(0, 0.7, len(table)))
    values[draw.random(len(table)) < zeros] = 0
    values[draw.random(len(table)) < 0.1] = np.nan
    table["suv"] = values
    table["group"] = pd.Categorical(table["group"], categories=[*GROUPS, "never seen"])
    return table


def columns_of(table: pd.DataFrame) -> list[tuple[str, str, pd.Series]]:
    """Columns in the order in which they are drawn: groups as categories, entities by name."""
    return [
        (group, entity, table.loc[(table["group"] == group) & (table["entity"] == entity), "suv"])
        for group, entities in GROUPS.items()
        for entity in sorted(entities)
    ]


@pytest.mark.parametrize("log", [True, False])
def test_every_patient_stands_at_the_value_of_the_table(log: bool) -> None:
    table = patients()
    figure = draw_uptake(table, "suv", "group", entity="entity", log=log)
    ends = []
    for place, (_, _, values) in enumerate(columns_of(table), start=1):
        points = artist(figure, f"points-{place}")
        np.testing.assert_array_equal(points.get_ydata(), np.sort(values.dropna()))
        ends.append((points.get_xdata().min(), points.get_xdata().max()))
    assert len(artists(figure, "points-")) == 12
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ends))
    assert figure.axes[0].get_yscale() == ("log" if log else "linear")


def test_quartiles_are_those_of_type_7_and_one_patient_is_a_point_only() -> None:
    table = patients()
    figure = draw_uptake(table, "suv", "group", entity="entity")
    for place, (_, _, values) in enumerate(columns_of(table), start=1):
        known = values.dropna()
        boxes = artists(figure, f"quartiles-{place}")
        if len(known) < 2:
            assert not any(box.get_gid() == f"quartiles-{place}" for box in boxes)
            continue
        low, middle, high = (known.quantile(share) for share in (0.25, 0.5, 0.75))
        np.testing.assert_allclose(artist(figure, f"median-{place}").get_ydata(), [middle] * 2, rtol=1e-12)
        np.testing.assert_allclose(
            artist(figure, f"quartiles-{place}").get_ydata(), [low, low, high, high, low], rtol=1e-12
        )
    for place, group in enumerate(GROUPS, start=1):
        expected = table.loc[table["group"] == group, "suv"].median()
        line = artist(figure, f"group-median-{place}").get_ydata()
        np.testing.assert_allclose(line, [expected] * 2, rtol=1e-12)


@pytest.mark.parametrize("width", [85, 174])
def test_counts_stand_under_their_columns(width: float) -> None:
    table = patients()
    figure = draw_uptake(table, "suv", "group", entity="entity", width_mm=width)
    figure.draw_without_rendering()
    for place, (_, _, values) in enumerate(columns_of(table), start=1):
        middle = np.mean(artist(figure, f"median-{place}").get_xdata()) if values.notna().sum() > 1 else None
        for row, number in enumerate((values.notna().sum(), values.isna().sum()), start=1):
            text = artist(figure, f"count-{row}-{place}")
            assert text.get_text() == str(number)
            box = text.get_window_extent()
            if middle is not None:
                shown = figure.axes[0].transData.transform((middle, 1.0))[0]
                assert (box.x0 + box.x1) / 2 == pytest.approx(shown, abs=0.6)
    assert " ".join(reversed(texts(figure, "group-1"))) == "lymphoma"


def test_paths_in_the_file_are_the_quartiles_of_the_table(tmp_path: Path) -> None:
    table = patients(zeros=0.1)
    figure = draw_uptake(table, "suv", "group", entity="entity")
    root = svg_root(figure, tmp_path)
    axes = figure.axes[0]
    bottom, top = np.log(axes.get_ylim())
    for place, (_, _, values) in enumerate(columns_of(table), start=1):
        known = values.dropna()
        if len(known) < 2 or known.quantile(0.25) <= 0:
            continue
        corners = artist(figure, f"quartiles-{place}").get_xdata()[[0, 1, 2, 3]] / axes.get_xlim()[1]
        low, high = np.log(known.quantile([0.25, 0.75]))
        heights = (np.array([low, low, high, high]) - bottom) / (top - bottom)
        path = svg_path(root, f"quartiles-{place}")
        for spot in on_the_page(figure, root, np.column_stack([corners, heights])):
            assert distance(spot, path) < 0.5


@pytest.mark.parametrize("lowest", [0.0, -3.0])
def test_what_a_log_axis_cannot_show_stands_in_a_strip_and_is_counted(lowest: float) -> None:
    table = pd.DataFrame({"suv": [lowest, 0.0, 4.0, 16.0, 1.0, 2.0], "group": list("aaaabb")})
    figure = draw_uptake(table, "suv", "group")
    axes = figure.axes[0]
    top = artist(figure, "strip").get_y() + artist(figure, "strip").get_height()
    drawn = artist(figure, "points-1").get_ydata()
    assert (drawn[:2] < top).all()
    assert (drawn[:2] > axes.get_ylim()[0]).all()
    np.testing.assert_array_equal(drawn[2:], [4, 16])
    assert top < 1.0
    words = "0" if lowest == 0 else "0 or less"
    assert f"Grey strip: 2 values of {words}." in " ".join(texts(figure, "note"))
    assert axes.get_yticklabels()[0].get_text() == ("0" if lowest == 0 else "≤ 0")
    shown = figure.source_data.query("measure == 'patient' and group == 'a'")["value"]
    assert shown.tolist() == [lowest, 0, 4, 16]
    assert not artists(draw_uptake(table, "suv", "group", log=False), "strip")


def test_medians_between_zero_and_an_amount_are_drawn_where_they_are() -> None:
    table = pd.DataFrame({"suv": [0.0, 4.0, 1.0, 9.0], "group": list("aabb")})
    figure = draw_uptake(table, "suv", "group")
    np.testing.assert_allclose(artist(figure, "median-1").get_ydata(), [2, 2])
    np.testing.assert_allclose(artist(figure, "quartiles-1").get_ydata(), [1, 1, 3, 3, 1])


def test_values_of_which_none_is_above_zero_get_an_even_axis() -> None:
    figure = draw_uptake(pd.DataFrame({"suv": [0.0, 0.0], "group": ["a", "a"]}), "suv", "group")
    assert figure.axes[0].get_yscale() == "linear"
    np.testing.assert_array_equal(artist(figure, "points-1").get_ydata(), [0, 0])


@pytest.mark.parametrize("width", [85, 174])
@pytest.mark.parametrize("entity", [None, "entity"])
@pytest.mark.parametrize("labels", [{}, NAMES, {"suv": "long " * 60, "MZL": "long " * 60, "lymphoma": "x" * 300}])
@pytest.mark.parametrize("zeros", [0.0, 0.3])
def test_no_text_runs_into_another(width: float, entity: str | None, labels: dict[str, str], zeros: float) -> None:
    figure = draw_uptake(
        patients(zeros=zeros), "suv", "group", entity=entity, labels=labels, units={"suv": "SUV"}, width_mm=width,
        title="Uptake " * 20, note="Synthetic patients. " * 10,
    )  # fmt: skip
    assert_texts_are_apart(figure)
    assert figure.get_figwidth() * 25.4 == pytest.approx(width)


@pytest.mark.parametrize("width", [85, 174])
@pytest.mark.parametrize("style", ["generic", "springer"])
def test_hostile_labels_are_shown_or_cut(width: float, style: str) -> None:
    table = pd.DataFrame({"suv": np.arange(1.0, 81.0), "group": HOSTILE * 10})
    with journal_style(style):
        assert_texts_are_apart(draw_uptake(table, "suv", "group", width_mm=width))
        table = table.assign(entity=table["group"], group=["one", "two"] * 40)
        assert_texts_are_apart(draw_uptake(table, "suv", "group", entity="entity", width_mm=width))


@pytest.mark.parametrize("low", [1e-80, 0.011, 0.99, 1.0, 3.0, 9.7])
def test_ticks_are_apart_wherever_the_axis_ends(low: float) -> None:
    table = pd.DataFrame({"suv": [0.0, low, 1.01 * low, 60.0], "group": "a"})
    assert_texts_are_apart(draw_uptake(table, "suv", "group"))


@pytest.mark.parametrize("values", [[7.3], [4.0] * 9, [np.nan, np.nan], [1e-90, 1e90], [3.01, 3.02, 3.03]])
@pytest.mark.parametrize("log", [True, False])
def test_few_like_and_missing_values_are_drawn(values: list[float], log: bool) -> None:
    table = pd.DataFrame({"suv": values, "group": "a", "entity": "b"})
    figure = draw_uptake(table, "suv", "group", entity="entity", log=log)
    assert_texts_are_apart(figure)
    known = np.sort(np.array(values)[~np.isnan(values)])
    assert bool(artists(figure, "points-")) == bool(known.size)
    assert bool(artists(figure, "no-values")) == (not known.size)
    for points in artists(figure, "points-"):
        np.testing.assert_array_equal(points.get_ydata(), known)


def test_missing_groups_are_counted_and_missing_entities_have_a_column() -> None:
    table = pd.DataFrame({
        "suv": [1.0, 2.0, 3.0, 4.0], "group": ["a", "a", "a", None], "entity": ["x", None, "x", "x"],
    })  # fmt: skip
    figure = draw_uptake(table, "suv", "group", entity="entity")
    assert texts(figure, "column-") == ["x", NOT_STATED]
    np.testing.assert_array_equal(artist(figure, "points-2").get_ydata(), [2])
    assert "Not shown: 1 patient without a group." in " ".join(texts(figure, "note"))


def test_source_data_are_every_number_drawn() -> None:
    table = patients()
    data = draw_uptake(table, "suv", "group", entity="entity").source_data
    for group, entity, values in columns_of(table):
        rows = data[(data["group"] == group) & (data["entity"] == entity)]
        one = rows.set_index("measure")["value"]
        np.testing.assert_array_equal(one.loc[["patient"]], np.sort(values.dropna()))
        assert (one["n"], one["no value"]) == (values.notna().sum(), values.isna().sum())
        if values.notna().sum() > 1:
            assert one["median"] == pytest.approx(values.median(), rel=1e-12)
    assert (data["measure"] == "group median").sum() == 3


def test_description_gives_the_numbers() -> None:
    table = pd.DataFrame({"suv": [1.0, 2.0, 3.0, 4.0, np.nan, 12.0], "group": ["a"] * 5 + ["b"]})
    figure = draw_uptake(table, "suv", "group", labels={"suv": "SUVmax", "b": "myeloma"}, units={"suv": "SUV"})
    assert figure.alt_text == (
        "SUVmax by group in 5 patients, 1 more without a value: median 2.5 SUV (quartiles 1.75 to 3.25) in a (n = 4), "
        "12 SUV in myeloma (n = 1)."
    )
    assert figure.caption == "SUVmax by group"
    assert figure.axes[0].get_ylabel() == "SUVmax (SUV)"


def test_groups_stand_in_the_order_of_their_levels() -> None:
    values = [1.0, 2.0, 3.0]
    for levels, expected in (([10, 2, 1.0], ["1", "2", "10"]), (["b", "a", "c"], ["a", "b", "c"])):
        data = uptake_plot_data(pd.DataFrame({"suv": values, "group": levels}), "suv", "group")
        assert list(data.groups) == expected
    mixed = pd.DataFrame({"suv": values, "group": pd.Series([2, "2", "a"], dtype=object)})
    assert list(uptake_plot_data(mixed, "suv", "group").groups) == ["2", "a"]


def test_points_of_a_column_do_not_touch_while_there_is_room() -> None:
    places = np.sort(np.random.default_rng(2).normal(0, 12, 60))
    aside = swarm(places, 2.5, 40.0)
    gaps = np.hypot(np.subtract.outer(aside, aside), np.subtract.outer(places, places))
    assert gaps[~np.eye(60, dtype=bool)].min() >= 2.5 - 1e-6
    np.testing.assert_array_equal(aside, swarm(places, 2.5, 40.0))
    assert np.abs(swarm(np.zeros(300), 2.5, 5.0)).max() == pytest.approx(5.0)


def test_points_in_rows_are_apart_until_the_rows_are_full() -> None:
    for n in (0, 1, 7, 11, 12):
        aside, up = rows_of(n, 2.0, 4.0, 3)
        assert len({*zip(aside.round(6), up.round(6), strict=True)}) == n
        assert np.abs(aside).max(initial=0.0) <= 4.0 + 1e-9
    aside, up = rows_of(300, 2.0, 4.0, 3)
    assert np.abs(aside).max() == pytest.approx(4.0)
    assert np.unique(up).tolist() == [-2, 0, 2]


def test_widths_of_blocks_fill_the_axes() -> None:
    left, wide, pitch = spread(200.0, [6, 3, 1], [30.0, 30.0, 30.0], 8.0)
    assert (wide + 8.0).sum() == pytest.approx(200.0)
    np.testing.assert_allclose(wide[:2], [6 * pitch, 3 * pitch])
    assert wide[2] == 30.0
    np.testing.assert_allclose(left[1:], left[:-1] + wide[:-1] + 8.0)


@pytest.mark.parametrize(("values", "log"), [([0.5, 3.0, 80.0], True), ([0.0, 2.0, 9.0], True), ([-4.0, 9.0], False)])
def test_values_and_places_of_an_axis_are_inverse(values: list[float], log: bool) -> None:
    axis = value_axis(np.array(values), log=log, strip=12.0, height=150.0)
    shown = [value for value in values if value > 0 or not log]
    np.testing.assert_allclose(axis.value(axis.place(shown)), shown)
    assert (axis.place(values) >= 0).all()
    assert (axis.place(values) <= 150).all()


@pytest.mark.parametrize(
    ("table", "options", "error", "message"),
    [
        ([1, 2], {}, ConfigError, "found list"),
        ({"suv": [1.0], "group": ["a"]}, {}, ConfigError, "found dict"),
        (pd.DataFrame({"sub": [1.0], "group": ["a"]}), {}, ConfigError, "Did you mean 'sub'"),
        (pd.DataFrame({"suv": [1.0], "group": ["a"]}), {"entity": "kind"}, ConfigError, "no column 'kind'"),
        (pd.DataFrame([[1.0, 2.0, "a"]], columns=["suv", "suv", "group"]), {}, ConfigError, "several columns"),
        (pd.DataFrame({"suv": ["high"], "group": ["a"]}), {}, DataError, "no numbers"),
        (pd.DataFrame({"suv": [np.inf], "group": ["a"]}), {}, DataError, "row 1"),
        (pd.DataFrame({"suv": pd.to_datetime(["2020-01-01"]), "group": ["a"]}), {}, DataError, "dates"),
        (pd.DataFrame({"suv": [1.0], "group": pd.to_datetime(["2020-01-01"])}), {}, DataError, "dates"),
        (pd.DataFrame({"suv": [1.0], "group": [["a"]]}), {}, DataError, "lists"),
        (pd.DataFrame({"suv": [1.0], "group": [None]}), {}, DataError, "every row is missing"),
        (pd.DataFrame({"suv": [], "group": []}), {}, DataError, "no rows"),
        (pd.DataFrame({"suv": [1.0], "group": ["a"]}), {"width_mm": 5}, ConfigError, "width_mm"),
        (pd.DataFrame({"suv": np.arange(60.0), "group": np.arange(60)}), {}, ConfigError, "60 columns"),
    ],
)
def test_wrong_input_is_refused(table: object, options: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw_uptake(table, "suv", "group", **options)


def test_whole_numbers_and_nullable_columns_are_read() -> None:
    table = pd.DataFrame({"suv": pd.array([3, None, 5], dtype="Int64"), "group": pd.array(["a"] * 3, dtype="string")})
    figure = draw_uptake(table, "suv", "group")
    np.testing.assert_array_equal(artist(figure, "points-1").get_ydata(), [3, 5])
    assert texts(figure, "count-") == ["2", "1"]


def test_session_and_table_stay_as_they_are() -> None:
    table = patients()
    kept, settings = table.copy(), dict(mpl.rcParams)
    draw_uptake(table, "suv", "group", entity="entity")
    assert dict(mpl.rcParams) == settings
    pd.testing.assert_frame_equal(table, kept)


def test_groups_differ_in_grey_by_place_and_colours_are_opaque() -> None:
    figure = draw_uptake(patients(), "suv", "group", entity="entity")
    for item in figure.axes[0].lines:
        assert item.get_alpha() is None
    lines = [artist(figure, f"group-line-{place}").get_xdata() for place in (1, 2, 3)]
    assert lines[0][1] < lines[1][0] < lines[1][1] < lines[2][0]


def test_many_patients_make_small_files_with_the_same_bytes(tmp_path: Path) -> None:
    table = patients((300,))
    first, second = (
        save_figure(draw_uptake(table, "suv", "group", entity="entity", width_mm=174), tmp_path / name / "figure")
        for name in ("one", "two")
        if not (tmp_path / name).mkdir()
    )
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert one.suffix == ".png" or one.stat().st_size <= 500_000
