"""One self-contained HTML file: no script, no address outside the file, every text escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from survmodel.naming import INDENT
from survmodel.report.document import Block, Document, Facts, FigureBlock, Paragraph, TableBlock
from survmodel.table import Table, escape, is_section

#: Letters of the longest cells of a row that fit the page in the size of the text.
WIDEST = 78
_COUNT = re.compile(r"\(n = ([0-9,]+)\)")
_P_VALUE = re.compile(r"\bp (?:=|&lt;|&gt;) [0-9.]*[0-9]")


def write_html(document: Document) -> str:
    """Write a document as HTML.

    Parameters
    ----------
    document : Document
        What to write.

    Returns
    -------
    str
        The file; the same document gives the same text.

    Examples
    --------
    >>> "<h1>A &lt;b&gt; report</h1>" in write_html(Document("A <b> report"))
    True
    """
    environment = _environment()
    return environment.get_template("report.html").render(document=document, show=_shower(environment))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("survmodel.report.writers"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    # Control characters and direction overrides are made visible, which autoescape does not do.
    environment.filters["visible"] = lambda text: Markup(escape(text))
    environment.filters["prose"] = _keep_p_values_whole
    environment.tests["section_row"] = is_section
    environment.tests["wide"] = _is_wide
    environment.filters["heading"] = lambda text: Markup(_COUNT.sub("(n\u00a0=\u00a0\\1)", escape(text)))
    environment.tests["indented"] = lambda text: text.startswith(INDENT)
    return environment


def _is_wide(table: Table) -> bool:
    """Tell whether a table needs smaller letters."""
    lines = [row for row in table.rows if not is_section(row)]
    widths = (max(len(row[j]) for row in lines) + 2 for j in range(len(table.header))) if lines else ()
    return sum(widths) > WIDEST


def _keep_p_values_whole(text: str) -> Markup:
    """Escape prose and let no line break fall inside a p-value."""
    return Markup(_P_VALUE.sub(r'<span class="p">\g<0></span>', escape(text)))


def _shower(environment: Environment) -> Callable[[Block], Markup]:
    """Make the function that renders a block and numbers tables and figures as they come."""
    blocks: Any = environment.get_template("blocks.html").module
    count = {"Table": 0, "Figure": 0}

    def number(kind: str) -> str:
        count[kind] += 1
        return f"{kind} {count[kind]}"

    def show(block: Block) -> Markup:
        if isinstance(block, Facts):
            return Markup(blocks.facts(block))
        if isinstance(block, Paragraph):
            return Markup(blocks.paragraph(block))
        if isinstance(block, TableBlock):
            return Markup(blocks.table(block, number("Table")))
        return Markup(blocks.figure(block, number("Figure"), _data_address(block)))

    return show


def _data_address(block: FigureBlock) -> str:
    return f"data:{block.media_type};base64,{base64.b64encode(block.image).decode('ascii')}"
