"""Writing figures: the same bytes whenever and wherever the same figure is saved, with the numbers beside it.

No file holds a date, a host or a path, and each appears whole or not at all.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from survmodel.errors import ConfigError, list_values
from survmodel.figures.lettering import FONT_FAMILIES
from survmodel.figures.style import PRESETS, StudyFigure, style_settings
from survmodel.writing import to_csv, write_whole

#: Formats by the ending of a file's name.
ENDINGS = {"pdf": "pdf", "svg": "svg", "png": "png", "eps": "eps", "tiff": "tiff", "tif": "tiff"}
DEFAULT_FORMATS = ("pdf", "svg", "png")


def save_figure(
    fig: Figure, path: str | os.PathLike[str], *, formats: str | Sequence[str] | None = None, dpi: int | None = None
) -> list[Path]:
    """Save a figure for a manuscript, with its source data.

    Parameters
    ----------
    fig : matplotlib Figure
        The figure. One with ``source_data`` gets them in a CSV file of the same name.
    path : path
        Where to, with or without an ending.
    formats : str or sequence of str, optional
        Of "pdf", "svg", "png", "eps" and "tiff"; without it the ending of `path`, else pdf, svg and png.
    dpi : int, optional
        Resolution of png and tiff; without it that of the journal style, 600.

    Returns
    -------
    list of pathlib.Path
        The files written, the CSV file last.

    Raises
    ------
    ConfigError
        For a format that is not known.
    OSError
        When a file cannot be written; those before it in the list are.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel import KaplanMeier, Outcome
    >>> from survmodel.figures.kaplan_meier import draw_km
    >>> fit = KaplanMeier().fit(Outcome([6, 7, 10, 15], [1, 0, 1, 1], unit="months"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [file.name for file in save_figure(draw_km(fit), f"{folder}/figure_1.svg")]
    ['figure_1.svg', 'figure_1.csv']
    """
    target = Path(path)
    stem, endings = _read_endings(target, formats)
    contents = [
        (target.with_name(f"{stem}.{ending}"), _render(fig, ENDINGS[ending.lower()], dpi)) for ending in endings
    ]
    data = getattr(fig, "source_data", None)
    if isinstance(data, pd.DataFrame) and not data.empty:
        contents.append((target.with_name(f"{stem}.csv"), to_csv(data).encode()))
    for file, content in contents:
        write_whole(file, content)
    return [file for file, _ in contents]


def _read_endings(target: Path, formats: str | Sequence[str] | None) -> tuple[str, list[str]]:
    """Split the name of a file and decide on the endings to write."""
    ending = target.suffix.removeprefix(".")
    known = ending.lower() in ENDINGS
    stem = target.stem if known or (ending and formats is None) else target.name
    if formats is None:
        asked = [ending] if ending else list(DEFAULT_FORMATS)
    else:
        listed = [formats] if isinstance(formats, str) else list(formats)
        asked = list(dict.fromkeys(str(name).strip().lower().removeprefix(".") for name in listed))
    unknown = [name for name in asked if name.lower() not in ENDINGS]
    if unknown or not asked or not stem:
        raise ConfigError(
            "the figure's file format is not known" if unknown else "nothing to write",
            f"found {list_values([repr(name) for name in unknown])}" if unknown else "",
            f"choose from {list_values(list(dict.fromkeys(ENDINGS.values())))}",
        )
    return stem, asked


def _render(fig: Figure, kind: str, dpi: int | None) -> bytes:
    style = fig.style if isinstance(fig, StudyFigure) else PRESETS["generic"]
    with style_settings(style):
        return _RENDERERS[kind](fig, style.dpi if dpi is None else dpi)


def _print(fig: Figure, kind: str, dpi: int, **options: Any) -> bytes:  # noqa: ANN401 - handed on
    content = BytesIO()
    fig.savefig(content, format=kind, dpi=dpi, **options)
    return content.getvalue()


def _describe(fig: Figure) -> tuple[str, str]:
    return str(getattr(fig, "caption", "")), str(getattr(fig, "alt_text", ""))


def _pdf(fig: Figure, dpi: int) -> bytes:
    title, text = _describe(fig)
    return _print(fig, "pdf", dpi, metadata={"CreationDate": None, "Title": title or None, "Subject": text or None})


def _png(fig: Figure, dpi: int) -> bytes:
    _, text = _describe(fig)
    return _print(fig, "png", dpi, metadata={"Software": None, **({"Description": text} if text else {})})


def _svg(fig: Figure, dpi: int) -> bytes:
    """Print as SVG with title and description, and with fonts of the same widths for who lacks ours."""
    text = _print(fig, "svg", dpi, metadata={"Date": None}).decode()
    ours = ", ".join(f"'{family}'" for family in FONT_FAMILIES)
    text = text.replace(ours, f"'{FONT_FAMILIES[0]}', Arial, Helvetica, '{FONT_FAMILIES[1]}', sans-serif")
    title, description = (html.escape(part, quote=False) for part in _describe(fig))
    inside = "".join(f" <{tag}>{part}</{tag}>\n" for tag, part in (("title", title), ("desc", description)) if part)
    opening = re.search(r"<svg\b[^>]*>\n?", text)
    if opening is None:
        return text.encode()
    tag = opening.group().replace("<svg", '<svg role="img"', 1)
    return (text[: opening.start()] + tag + inside + text[opening.end() :]).encode()


def _eps(fig: Figure, dpi: int) -> bytes:
    content = _print(fig, "eps", dpi)
    return re.sub(rb"%%CreationDate: [^\n]*\n", b"", content, count=1)


def _tiff(fig: Figure, dpi: int) -> bytes:
    """Print as TIFF without an alpha channel, which printers do not take, LZW compressed."""
    from PIL import Image

    content = BytesIO()
    with Image.open(BytesIO(_print(fig, "png", dpi, facecolor="white"))) as picture:
        picture.convert("RGB").save(content, format="TIFF", compression="tiff_lzw", dpi=(dpi, dpi))
    return content.getvalue()


_RENDERERS: dict[str, Callable[[Figure, int], bytes]] = {
    "pdf": _pdf,
    "svg": _svg,
    "png": _png,
    "eps": _eps,
    "tiff": _tiff,
}
