"""Saved figures: formats, equal bytes, source data that no spreadsheet runs, whole files or none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from io import BytesIO, StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from survmodel.errors import ConfigError
from survmodel.figures.files import save_figure
from survmodel.figures.kaplan_meier import draw_km
from survmodel.figures.kaplan_meier_data import km_plot_data
from survmodel.figures.style import StudyFigure
from survmodel.models.kaplan_meier import KaplanMeier, KaplanMeierFit
from survmodel.outcome.response import Outcome
from survmodel.writing import to_csv, write_whole

SVG = "{http://www.w3.org/2000/svg}"
FORMATS = ["pdf", "svg", "png", "eps", "tiff"]

IN_ANOTHER_PROCESS = """
import sys
sys.path.insert(0, sys.argv[2])
import test_files
test_files.save_figure(test_files.figure(), sys.argv[1], formats=test_files.FORMATS)
assert "matplotlib.pyplot" not in sys.modules
"""


def fit() -> KaplanMeierFit:
    draw = np.random.default_rng(5)
    time = np.round(draw.exponential(30, 150), 1) + 0.1
    outcome = Outcome(time, draw.random(150) < 0.7, unit="months", endpoint="death")
    return KaplanMeier().fit(outcome, by=np.array(["=low", "<b>high</b> & more", "$x_{"])[np.arange(150) % 3])


def figure() -> StudyFigure:
    return draw_km(fit(), annotation="Log-rank p < 0.001", median=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    save_figure(figure(), folder / "figure_1", formats=FORMATS)
    return folder


@pytest.mark.parametrize("seed", ["1", "4242"])
def test_bytes_are_the_same_in_another_process(folder: Path, tmp_path: Path, seed: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    here = str(Path(__file__).parent)
    command = [sys.executable, "-W", "error", "-c", IN_ANOTHER_PROCESS, str(tmp_path / "figure_1"), here]
    subprocess.run(command, check=True, env={**environment, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parents[2])
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == sorted(f"figure_1.{ending}" for ending in [*FORMATS, "csv"])
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name


def test_files_have_the_size_in_print_and_stay_small(folder: Path) -> None:
    pdf = (folder / "figure_1.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+)", pdf)
    assert float(box[1]) == pytest.approx(85 / 25.4 * 72, abs=0.01)
    assert b"CreationDate" not in pdf
    assert b"LiberationSans" in pdf
    with Image.open(folder / "figure_1.png") as picture:
        assert picture.width == int(85 / 25.4 * 600)
        assert "Software" not in picture.info
        assert picture.info["Description"].startswith("Kaplan-Meier curves")
    with Image.open(folder / "figure_1.tiff") as picture:
        assert picture.mode == "RGB"
        assert picture.info["dpi"] == (600, 600)
    eps = (folder / "figure_1.eps").read_bytes()
    assert eps.startswith(b"%!PS-Adobe-3.0 EPSF-3.0")
    assert b"CreationDate" not in eps
    assert all(file.stat().st_size < 500_000 for file in folder.iterdir())


def test_svg_is_described_and_holds_text_as_typed(folder: Path) -> None:
    root = ET.parse(folder / "figure_1.svg").getroot()
    assert [root.attrib["role"], root[0].tag, root[1].tag] == ["img", f"{SVG}title", f"{SVG}desc"]
    assert root[1].text == figure().alt_text
    assert "<b>high</b> & more (n = 50" in root[1].text
    texts = {item.text for item in root.iter(f"{SVG}text")}
    assert {"$x_{", "=low", "<b>high</b> & more", "Log-rank p < 0.001", "Number at risk"} <= texts
    assert {item.tag for item in root.iter()}.isdisjoint({f"{SVG}script", f"{SVG}b", f"{SVG}image"})
    assert not re.search(r"\d{4}-\d\d-\d\d", (folder / "figure_1.svg").read_text())


def test_svg_paths_are_the_curves(folder: Path) -> None:
    root = ET.parse(folder / "figure_1.svg").getroot()
    data = km_plot_data(fit())
    axes = figure().axes[0]
    box = axes.get_position()
    width, height = (float(root.attrib[name].removesuffix("pt")) for name in ("width", "height"))
    for number, curve in enumerate(data.curves, start=1):
        (group,) = (item for item in root.iter(f"{SVG}g") if item.attrib.get("id") == f"curve-{number}")
        numbers = re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", group[0].attrib["d"])
        path = np.array(numbers, dtype=float)
        corner_x = np.repeat(curve.time, 2)[1:]
        corner_y = np.repeat(curve.survival, 2)[:-1]
        x = (box.x0 + corner_x / data.end * box.width) * width
        y = height - (box.y0 + corner_y * box.height) * height
        # Every corner lies within half a pixel of the path.
        for place in zip(x, y, strict=True):
            assert _distance(np.array(place), path) < 0.5


def _distance(place: np.ndarray, path: np.ndarray) -> float:
    start, way = path[:-1], np.diff(path, axis=0)
    length = np.maximum((way**2).sum(axis=1), 1e-12)
    share = np.clip(((place - start) * way).sum(axis=1) / length, 0, 1)
    return float(np.min(np.hypot(*(start + share[:, None] * way - place).T)))


def test_source_data_come_back_with_every_digit(folder: Path) -> None:
    table = pd.read_csv(folder / "figure_1.csv", float_precision="round_trip")
    expected = fit().tidy()
    pd.testing.assert_frame_equal(table.drop(columns="group"), expected.drop(columns="group"), check_exact=True)
    assert table["group"].str.removeprefix("'").tolist() == expected["group"].tolist()
    assert set(table["group"]) == {"'=low", "<b>high</b> & more", "$x_{"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\tx", "\rx", "\n=x", " =1+1", "＝1+1", "=1,2", '="a"']
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    table = pd.DataFrame({text: [text, "plain"], "x": [-1.5, np.nan], "n": [-3, 4]})
    back = pd.read_csv(StringIO(to_csv(table), newline=""), lineterminator="\n", float_precision="round_trip")
    assert back.columns[0] == back.iloc[0, 0] == "'" + text
    assert back["x"].tolist()[0] == -1.5
    assert to_csv(table).splitlines()[-1] == "plain,,4"


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-05", "a=b", "1-2", "", "low"])
def test_other_text_and_numbers_are_left_alone(text: str) -> None:
    assert to_csv(pd.DataFrame({"a": [text], "b": [1]})) == f"a,b\n{text},1\n"


@pytest.mark.parametrize(
    ("path", "formats", "names"),
    [
        ("f", None, ["f.pdf", "f.svg", "f.png"]),
        ("f.png", None, ["f.png"]),
        ("f.SVG", None, ["f.SVG"]),
        ("f.tif", None, ["f.tif"]),
        ("f.pdf", ["svg", ".PNG", "svg"], ["f.svg", "f.png"]),
        ("f.v2", "svg", ["f.v2.svg"]),
        ("f.v2.svg", None, ["f.v2.svg"]),
    ],
)
def test_names_of_files(tmp_path: Path, path: str, formats: object, names: list[str]) -> None:
    plain = Figure(figsize=(1, 1))
    written = save_figure(plain, tmp_path / path, formats=formats, dpi=50)
    assert [file.name for file in written] == names == [n for n in names if (tmp_path / n).stat().st_size]
    assert sorted(os.listdir(tmp_path)) == sorted(names)


@pytest.mark.parametrize(("path", "formats"), [("f.jpg", None), ("f", ["pdf", "bmp"]), ("f", []), ("f.v2", None)])
def test_other_formats_are_refused(tmp_path: Path, path: str, formats: object) -> None:
    with pytest.raises(ConfigError, match="Choose from pdf, svg, png, eps, tiff"):
        save_figure(Figure(), tmp_path / path, formats=formats)
    assert not os.listdir(tmp_path)


def test_errors_of_the_disk_are_left_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        save_figure(Figure(figsize=(1, 1)), tmp_path / "missing" / "f.png")


def test_a_file_is_replaced_whole_or_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "f.csv"
    write_whole(target, b"old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no space"):
            write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f.csv"]
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"


def test_saving_as_matplotlib_does_keeps_the_style() -> None:
    content = BytesIO()
    drawn = figure()
    drawn.savefig(content, format="svg")
    assert b"Liberation Sans" in content.getvalue()
    tight = BytesIO()
    drawn.savefig(tight, format="png", bbox_inches="tight", dpi=100)
    with Image.open(tight) as picture:
        assert picture.width > 300
