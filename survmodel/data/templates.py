"""Empty tables to fill in: the headings of every table of the data schema as CSV."""

from __future__ import annotations

import csv
import io

from survmodel.data.schema import Schema, TableSchema


def write_csv_template(table: TableSchema) -> str:
    """Write the heading line of a table.

    Parameters
    ----------
    table : TableSchema
        A canonical table.

    Returns
    -------
    str
        One line: what stands below it are data, so that nothing has to be deleted before a table is read.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> print(write_csv_template(load_schema().table("reads")), end="")
    scan_id,reader,result,rule,rule_version
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([field.name for field in table.fields])
    return line.getvalue()


def write_csv_templates(schema: Schema) -> dict[str, str]:
    """Write the heading line of every table.

    Parameters
    ----------
    schema : Schema
        The canonical tables.

    Returns
    -------
    dict of str to str
        By name of the file.

    Examples
    --------
    >>> from survmodel.data.schema import load_schema
    >>> list(write_csv_templates(load_schema()))[:2]
    ['patients.csv', 'scans.csv']
    """
    return {f"{table.name}.csv": write_csv_template(table) for table in schema.tables}
