"""What tests ask of a drawn figure: its artists by name, its texts, and that no text runs into another."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from matplotlib.text import Text

from survmodel.figures.files import save_figure
from survmodel.figures.style import StudyFigure

SVG = "{http://www.w3.org/2000/svg}"

#: Labels that must be shown as they are, or cut, and never run.
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "$x_{",
    "long " * 1000,
    "_hidden",
    "\u202eسرطان الدم",
    "\U0001f9ec \ud800 & \\frac{1}{2}",
    "two\nlines\tand\x00",
    " ",
]


def artist(figure: StudyFigure, gid: str):
    (found,) = figure.findobj(lambda item: item.get_gid() == gid)
    return found


def artists(figure: StudyFigure, start: str) -> list:
    return figure.findobj(lambda item: str(item.get_gid() or "").startswith(start))


def texts(figure: StudyFigure, start: str = "") -> list[str]:
    return [text.get_text() for text in drawn_texts(figure) if str(text.get_gid() or "").startswith(start)]


def drawn_texts(figure: StudyFigure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]


def assert_texts_are_apart(figure: StudyFigure) -> None:
    """No text covers another or is cut, and all is large enough to read in print."""
    figure.draw_without_rendering()
    found = drawn_texts(figure)
    boxes = [text.get_window_extent() for text in found]
    # A point of slack: boxes hold room for accents and descenders that neighbouring lines share.
    slack = figure.dpi / 72
    for (one, box), (other, more) in itertools.combinations(zip(found, boxes, strict=True), 2):
        beside = box.x1 <= more.x0 + slack or more.x1 <= box.x0 + slack
        above = box.y1 <= more.y0 + slack or more.y1 <= box.y0 + slack
        assert beside or above, (one.get_text(), other.get_text())
    for text, box in zip(found, boxes, strict=True):
        assert text.get_fontsize() >= 7
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, text.get_text()


def svg_root(figure: StudyFigure, folder: Path) -> ET.Element:
    (file,) = (file for file in save_figure(figure, folder / "figure.svg") if file.suffix == ".svg")
    return ET.parse(file).getroot()


def svg_path(root: ET.Element, gid: str) -> np.ndarray:
    """Corners of the path of an artist, in points from the upper left corner of the page."""
    (group,) = (item for item in root.iter(f"{SVG}g") if item.attrib.get("id") == gid)
    return np.array(re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", group[0].attrib["d"]), dtype=float)


def svg_mark(root: ET.Element, gid: str) -> tuple[float, float]:
    """Place of the only marker of an artist, in points from the upper left corner of the page."""
    (group,) = (item for item in root.iter(f"{SVG}g") if item.attrib.get("id") == gid)
    (mark,) = group.iter(f"{SVG}use")
    return float(mark.attrib["x"]), float(mark.attrib["y"])


def on_the_page(figure: StudyFigure, root: ET.Element, share: np.ndarray) -> np.ndarray:
    """Turn shares of the axes into points from the upper left corner of the page."""
    width, height = (float(root.attrib[name].removesuffix("pt")) for name in ("width", "height"))
    box = figure.axes[0].get_position()
    x = (box.x0 + share[:, 0] * box.width) * width
    return np.column_stack([x, height - (box.y0 + share[:, 1] * box.height) * height])


def distance(place: np.ndarray, path: np.ndarray) -> float:
    start, way = path[:-1], np.diff(path, axis=0)
    length = np.maximum((way**2).sum(axis=1), 1e-12)
    share = np.clip(((place - start) * way).sum(axis=1) / length, 0, 1)
    return float(np.min(np.hypot(*(start + share[:, None] * way - place).T)))
