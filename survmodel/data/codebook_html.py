"""The data dictionary as one HTML file: a table for each canonical table, headings scoped, every text escaped."""

from __future__ import annotations

from survmodel.data.codebook import QUANTITIES_TEXT, ROLES, describe_field, describe_quantity, introduce_table
from survmodel.data.quantities import load_quantities
from survmodel.data.schema import Schema, TableSchema
from survmodel.table import Table, escape

STYLE = (
    "body{margin:0;background:#fff;color:#1c1f23;font:1rem/1.5 system-ui,'Liberation Sans',Arial,sans-serif}"
    "main{max-width:64rem;margin:0 auto;padding:2rem 1.25rem}"
    "table{width:100%;font-size:.875rem;overflow-wrap:anywhere}"
    "th,td{vertical-align:top;border-bottom:1px solid #c9ced4}tbody th{font-family:monospace}"
    "caption{text-align:left;padding:.4em .6em;font-weight:600}"
)
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
    links = "".join(f'<li><a href="#{escape(one.name)}">{escape(one.title)}</a></li>' for one in schema.tables)
    tables = "\n".join([*(_write_table(table) for table in schema.tables), _write_quantities()])
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
    rows = [tuple(cell.replace("`", "") for cell in describe_field(field)) for field in table.fields]
    header = ("column", "type", "role", "values", "meaning")
    shown = Table(header, rows, f"Columns of {table.name}", left=5).to_html()
    introduction = escape(introduce_table(table).replace("`", ""))
    return f'<h2 id="{escape(table.name)}">{escape(table.title)}</h2>\n<p>{introduction}</p>\n{shown}'


def _write_quantities() -> str:
    rows = [tuple(cell.replace("`", "") for cell in describe_quantity(one)) for one in load_quantities()]
    header = ("test", "unit", "also in", "plausible", "upper limit")
    shown = Table(header, rows, "Units of laboratory quantities", left=5).to_html()
    return f'<h2 id="quantities">Laboratory quantities</h2>\n<p>{escape(QUANTITIES_TEXT.replace("`", ""))}</p>\n{shown}'
