"""The data dictionary as one HTML file: a table for each canonical table, headings scoped, every text escaped."""

from __future__ import annotations

import re

from survmodel.data.codebook import (
    LEVEL_NAMES_TEXT,
    QUANTITIES_TEXT,
    ROLES,
    describe_field,
    describe_quantity,
    introduce_table,
    list_level_names,
)
from survmodel.data.quantities import load_quantities
from survmodel.data.schema import Field, Schema, TableSchema
from survmodel.table import Table, escape

STYLE = (
    "body{margin:0;background:#fff;color:#1c1f23;font:1rem/1.5 system-ui,'Liberation Sans',Arial,sans-serif}"
    "main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem}"
    # A table wider than the page scrolls in its box, and the page does not.
    ".wide{overflow-x:auto}table{width:100%;font-size:.875rem;overflow-wrap:break-word;word-break:keep-all}"
    "th,td{vertical-align:top;border-bottom:1px solid #c9ced4}td:nth-child(n+4){min-width:8rem}"
    "tbody th,code,.kept,.fields td:nth-child(-n+3){white-space:nowrap}.fields td:nth-child(n+4){min-width:13rem}"
    "tbody th,code{font-family:'Liberation Mono',monospace}code{font-size:.95em}"
    "caption{text-align:left;padding:.4em .6em;font-weight:600}"
    "@media print{.wide{overflow:visible}}"
    # On a telephone the rows of a table of columns are paragraphs.
    "@media screen and (max-width:40rem){.fields :is(table,caption,tbody,tr,th,td){display:block;border:0}"
    ".fields thead{position:absolute;left:-99rem}.fields tr{border-bottom:1px solid #c9ced4;padding:.4em 0}"
    ".fields td:nth-child(-n+3){display:inline-block;color:#4b5259}.fields td:empty{display:none}"
    ".fields tbody th{font-weight:600!important}}"
)
#: A code and its label stay on one line up to this many characters.
LONGEST_KEPT = 40
#: Nothing is loaded and nothing runs: the page stands alone.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def write_codebook_html(schema: Schema) -> str:
    """Write the data dictionary as HTML.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    str
        The file; the same schema gives the same text.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> '<h2 id="lesions">Lesions</h2>' in write_codebook_html(load_schema())
    True
    """
    roles = Table(("role", "meaning"), list(ROLES.items()), "What a column is for", left=2).to_html()
    parts = {one.name: one.title for one in schema.tables}
    parts |= {"level-names": "Other names of levels", "quantities": "Laboratory quantities"}
    links = "".join(f'<li><a href="#{escape(name)}">{escape(title)}</a></li>' for name, title in parts.items())
    tables = "\n".join(
        [*(_write_table(table) for table in schema.tables), _write_level_names(schema), _write_quantities()]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Data dictionary</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        "<h1>Data dictionary</h1>\n"
        "<p>A column with an asterisk must be there, with a value in every row. An empty cell or NA is missing. "
        "Dates are written year-month-day. Identifiers are text.</p>\n"
        f'<nav aria-label="Tables"><ul>{links}</ul></nav>\n{roles}\n{tables}\n</main>\n</body>\n</html>\n'
    )


def _write_table(table: TableSchema) -> str:
    rows = [_row(field) for field in table.fields]
    header = ("column", "type", "role", "values", "meaning")
    shown = Table(header, rows, f"Columns of {table.name}", left=5)
    introduction = _mark_codes(escape(introduce_table(table)))
    return (
        f'<h2 id="{escape(table.name)}">{escape(table.title)}</h2>\n<p>{introduction}</p>\n{_box(shown, "wide fields")}'
    )


def _write_level_names(schema: Schema) -> str:
    shown = Table(("column", "code", "also read from"), list_level_names(schema), "Other names of levels", left=3)
    return f'<h2 id="level-names">Other names of levels</h2>\n<p>{escape(LEVEL_NAMES_TEXT)}</p>\n{_box(shown)}'


def _write_quantities() -> str:
    rows = [(name.replace("`", ""), *others) for name, *others in map(describe_quantity, load_quantities())]
    shown = Table(
        ("test", "unit", "also in", "plausible", "upper limit"), rows, "Units of laboratory quantities", left=5
    )
    words = _mark_codes(escape(QUANTITIES_TEXT))
    return f'<h2 id="quantities">Laboratory quantities</h2>\n<p>{words}</p>\n{_box(shown)}'


def _row(field: Field) -> tuple[str, ...]:
    name, kind, role, values, meaning = describe_field(field)
    if field.categories:
        values = ", ".join(
            item.replace(" ", "\u00a0") if len(item) <= LONGEST_KEPT else item for item in values.split(", ")
        )
    return (name.replace("`", ""), kind, role, values, meaning)


def _box(table: Table, kind: str = "wide") -> str:
    """Put a table into a box that scrolls, also for those who have no mouse."""
    return (
        f'<div class="{kind}" role="region" aria-label="{escape(table.caption)}" tabindex="0">'
        f"{_mark_codes(table.to_html())}</div>"
    )


def _mark_codes(markup: str) -> str:
    """Make elements of what stands between backticks; the texts are escaped already, and no pair reaches over a tag."""
    kept = re.sub("`([^`<>]*)`(\u00a0[^`<>,]*)", r'<span class="kept"><code>\1</code>\2</span>', markup)
    return re.sub("`([^`<>]*)`", r"<code>\1</code>", kept)
