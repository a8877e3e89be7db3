"""Everything that is written from the data schema and the settings: dictionary, empty tables, schema of study files."""

from __future__ import annotations

import json
from pathlib import Path

from survmodel.data.codebook import write_codebook
from survmodel.data.codebook_html import write_codebook_html
from survmodel.data.entry_workbook import ENTRY_WORKBOOK, write_entry_workbook
from survmodel.data.redcap_dictionary import write_redcap_dictionary
from survmodel.data.schema import load_schema
from survmodel.data.templates import write_csv_templates
from survmodel.errors import ConfigError, list_values
from survmodel.study.settings import StudySettings
from survmodel.writing import write_whole

STUDY_SCHEMA = "study.schema.json"


def write_study_schema() -> str:
    """Write the JSON Schema of study files, by which an editor completes keys and marks wrong ones.

    Returns
    -------
    str
        JSON with sorted keys. A study file that it accepts may still be refused: what names point at is looked at when
        the file is read.

    Examples
    --------
    >>> sorted(json.loads(write_study_schema())["required"])
    ['data', 'endpoint', 'schema', 'title']
    """
    schema = StudySettings.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Study file of survmodel"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schema_files(folder: str | Path) -> tuple[Path, ...]:
    """Write the data dictionary, the empty tables and the schema of study files.

    Parameters
    ----------
    folder : path
        Where to; it is made when it does not exist.

    Returns
    -------
    tuple of pathlib.Path
        What was written.

    Raises
    ------
    ConfigError
        When the folder holds other files of these names; nothing is written then.
    OSError
        When a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_schema_files(folder)][:3]
    ['data_dictionary.md', 'data_dictionary.html', 'study.schema.json']
    """
    root, contents = Path(folder), schema_files()
    # The same files again are no loss; anything else of the same name, a filled table above all, is.
    other = [name for name, text in contents.items() if (root / name).exists() and (root / name).read_bytes() != text]
    if other:
        problem = "the folder holds other files of the same names, and none of them is replaced"
        raise ConfigError(problem, list_values(other), "choose a new folder")
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(root / name, content)
    return tuple(root / name for name in contents)


def schema_files() -> dict[str, bytes]:
    """Make every generated file.

    Returns
    -------
    dict of str to bytes
        By path inside the folder; the same bytes every time.
    """
    schema = load_schema()
    texts = {
        "data_dictionary.md": write_codebook(schema),
        "data_dictionary.html": write_codebook_html(schema),
        STUDY_SCHEMA: write_study_schema(),
        "redcap_dictionary.csv": write_redcap_dictionary(schema),
    }
    texts |= {f"templates/{name}": text for name, text in write_csv_templates(schema).items()}
    files = {name: text.encode() for name, text in texts.items()}
    return files | {f"templates/{ENTRY_WORKBOOK}": write_entry_workbook(schema)}
