"""Reading a study file: TOML in, a checked study out; every problem is reported at once, with its key."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from survmodel.data.columns import Column, CutColumn
from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun
from survmodel.models.formula import parse_formula
from survmodel.study.settings import NOT_YET, ColumnEntry, EndpointEntry, ModelEntry, StudySettings

LARGEST_STUDY = 1_000_000
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_WHOLE = re.compile(r"-?[1-9][0-9]{0,14}|0")
_BAD_NAME = re.compile(r"[\x00-\x1f\x7f]")

#: What tomllib says, and what to do about it.
_SYNTAX = (
    ("Expected newline or end", "write one key to a line; texts need quotation marks and numbers a decimal point"),
    ("Invalid value", 'texts need quotation marks: key = "text"; truth values are true and false'),
    ("Expected '=' after a key", "write key = value; a table name stands in square brackets"),
    ("Cannot overwrite a value", "the key is given twice: keep one of them"),
    ("twice", "the table is declared twice: put its keys together under one heading"),
    ("Cannot mutate", "the table is declared twice or was written inline: put its keys together under one heading"),
    ("Unescaped '\\'", "write paths with / and other backslashes twice"),
    ("Unclosed array", "close the array with ]"),
    ("Unterminated string", "close the text with a quotation mark"),
    ("Illegal character", "close the text with a quotation mark on the same line"),
    ("Expected ']'", "close the heading with ]"),
    ("Invalid initial character", "names hold letters, digits, _ and -; others need quotation marks"),
)


@dataclass(frozen=True, slots=True)
class Study:
    """A study file that was read and checked.

    Attributes
    ----------
    name : str
        Name of the study: its folder's.
    folder : pathlib.Path
        Where the study file lies; data paths are relative to it.
    file : str
        Name of the study file.
    sha256 : str
        Hash of its bytes.
    settings : StudySettings
        What it says.
    """

    name: str
    folder: Path
    file: str
    sha256: str
    settings: StudySettings

    @property
    def data_path(self) -> Path:
        """The patient file."""
        return self.folder / self.settings.data.patients.path

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the patient file, in the order of the study file."""
        return tuple(_column(name, entry) for name, entry in self.settings.column.items() if entry.source is None)

    @property
    def cuts(self) -> tuple[CutColumn, ...]:
        """Factors cut from numbers."""
        return tuple(
            CutColumn(name, entry.source, entry.cuts or (), entry.labels or (), entry.label or name, entry.reference)
            for name, entry in self.settings.column.items()
            if entry.source is not None
        )

    @property
    def labels(self) -> dict[str, str]:
        """Label of every column."""
        return {name: entry.label or name for name, entry in self.settings.column.items()}


class StudyFileError(ConfigError):
    """Everything that is wrong with a study file.

    Parameters
    ----------
    file : str
        Its name.
    problems : sequence of str
        One sentence each, beginning with the key.
    """

    def __init__(self, file: str, problems: Sequence[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        head = f"{file} has {count_noun(len(self.problems), 'problem')}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(head, lines)
        self.args = (f"{head}:{lines}",)

    def __reduce__(self) -> tuple[type[StudyFileError], tuple[str, tuple[str, ...]]]:  # type: ignore[override]
        """Rebuild from the problems."""
        return type(self), (self.file, self.problems)


def read_study(path: str | Path) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, by custom ``study.toml``.

    Returns
    -------
    Study
        The checked study.

    Raises
    ------
    StudyFileError
        With every problem: the key, what was found, what is allowed, the closest known key.
    OSError
        When the file cannot be read.
    """
    place = Path(path)
    content = place.read_bytes()
    values = _parse(content, place.name)
    settings = _validate(values, place.name)
    folder = place.resolve().parent
    problems = [*_look_at_references(settings), *_look_at_path(folder, settings.data.patients.path)]
    if problems:
        raise StudyFileError(place.name, problems)
    name = folder.name if place.stem == "study" else place.stem
    return Study(name, folder, place.name, hashlib.sha256(content).hexdigest(), settings)


def _parse(content: bytes, file: str) -> dict[str, Any]:
    if len(content) > LARGEST_STUDY:
        raise StudyFileError(file, [f"the file has {len(content)} bytes, more than {LARGEST_STUDY}"])
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"line {line}: byte 0x{content[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise StudyFileError(file, [problem]) from None
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(file, [_explain_syntax(str(error), content)]) from None
    except RecursionError:
        raise StudyFileError(file, ["arrays or tables are nested too deeply"]) from None


def _explain_syntax(message: str, content: bytes) -> str:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    last = content.count(b"\n") + 1
    line = int(found.group(1)) if found else last
    remedy = next((text for key, text in _SYNTAX if key in message), "see https://toml.io for the rules of the format")
    said = re.sub(r"\s*\(at .*\)$", "", message)
    return f"line {line}: {said[:1].lower() + said[1:]}; {remedy}"


def _validate(values: dict[str, Any], file: str) -> StudySettings:
    try:
        return StudySettings.model_validate(values)
    except ValidationError as error:
        problems = [_explain(item, values) for item in error.errors(include_url=False)]
        problems += _look_past_unknown_keys(values, error)
        raise StudyFileError(file, problems) from None


def _look_past_unknown_keys(values: dict[str, Any], error: ValidationError) -> Iterator[str]:
    """Check the references too when unknown keys are all that is wrong so far."""
    items = error.errors(include_url=False)
    if any(item["type"] != "extra_forbidden" for item in items):
        return
    for item in items:
        del _at(values, item["loc"][:-1])[item["loc"][-1]]
    try:
        yield from _look_at_references(StudySettings.model_validate(values))
    except ValidationError:
        return


def _at(values: Any, place: Sequence[str | int]) -> Any:  # noqa: ANN401
    for key in place:
        values = values[key]
    return values


def _explain(item: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Say what is wrong under a key: what was found, what is allowed."""
    place = item["loc"]
    key = _key_path(place)
    kind = item["type"]
    if kind == "extra_forbidden":
        name = str(place[-1])
        if name in NOT_YET:
            return f"{key}: this key is not available in this version; leave it out"
        return f"{key}: unknown key; {closest(name, _known_keys(place[:-1]))}"
    if kind == "missing":
        return f"{key}: required and not given"
    message = str(item["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if kind == "value_error":
        return f"{key}: {message}"
    found = _found(values, place)
    if kind == "literal_error" and key.endswith(".kind"):
        message += " (other kinds of model are not available in this version)"
    return f"{key}: {message.replace('input should be', 'must be')}, found {found}"


def _found(values: Mapping[str, Any], place: Sequence[str | int]) -> str:
    try:
        shown = repr(_at(values, place))
    except (KeyError, IndexError, TypeError):
        return "something else"
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _key_path(place: Sequence[str | int]) -> str:
    """Write a place as in TOML; entries of arrays are counted from 1."""
    path = ""
    for key in place:
        if isinstance(key, int):
            path += f"[{key + 1}]"
            continue
        path += ("." if path else "") + (key if _KEY.fullmatch(key) else f'"{key}"')
    return path


def _known_keys(place: Sequence[str | int]) -> list[str]:
    """List the keys that a table of the study file may have."""
    found: Any = StudySettings
    for key in place:
        if _is_model(found):
            found = {field.alias or name: field for name, field in found.model_fields.items()}[str(key)].annotation
        else:
            # The key is the name of an entry or its place in an array.
            found = next(part for part in _parts(found) if _is_model(part))
    return [field.alias or name for name, field in found.model_fields.items()]


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _parts(annotation: Any) -> Iterator[Any]:  # noqa: ANN401
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)


def _column(name: str, entry: ColumnEntry) -> Column:
    role = "identifier" if entry.type == "identifier" else entry.role
    return Column(
        name, entry.type or "text", entry.label or name, entry.unit, role, entry.missing, tuple(entry.levels.items()),
        entry.range, entry.reference,
    )  # fmt: skip


def _look_at_references(settings: StudySettings) -> Iterator[str]:
    """Yield names that point nowhere or at something that does not fit."""
    columns = settings.column
    for name, entry in columns.items():
        if _BAD_NAME.search(name):
            yield f"column {name!r}: names hold no control characters"
        if entry.source is not None:
            yield from _points_at(f"column.{name}.from", entry.source, columns, {"number", "integer"})
    for name, endpoint in settings.endpoint.items():
        yield from _points_at(f"endpoint.{name}.time", endpoint.time, columns, {"number", "integer"})
        yield from _points_at(f"endpoint.{name}.event", endpoint.event, columns, {"integer", "category"})
        yield from _look_at_codes(f"endpoint.{name}", endpoint, columns)
        if endpoint.entry is not None:
            yield from _points_at(f"endpoint.{name}.entry", endpoint.entry, columns, {"number", "integer"})
    for number, curve in enumerate(settings.curve, start=1):
        yield from _endpoint(f"curve[{number}].endpoint", curve.endpoint, settings)
        if curve.by is not None:
            yield from _points_at(f"curve[{number}].by", curve.by, columns, {"category"})
    for name, model in settings.model.items():
        yield from _endpoint(f"model.{name}.endpoint", model.endpoint, settings)
        yield from _look_at_model(f"model.{name}", model, columns)


def _endpoint(key: str, name: str, settings: StudySettings) -> Iterator[str]:
    if name not in settings.endpoint:
        yield f"{key}: no endpoint {name!r} is declared; {closest(name, settings.endpoint)}"


def _points_at(key: str, name: str, columns: Mapping[str, ColumnEntry], types: set[str]) -> Iterator[str]:
    entry = columns.get(name)
    if entry is None:
        yield f"{key}: no column {name!r} is declared; {closest(name, columns)}"
        return
    found = "category" if entry.source is not None else str(entry.type)
    if found not in types:
        yield f"{key}: column {name!r} is of type {found}; allowed: {', '.join(sorted(types))}"


def _look_at_codes(key: str, endpoint: EndpointEntry, columns: Mapping[str, ColumnEntry]) -> Iterator[str]:
    """Check that the codes of events can stand in their column: whole numbers, or labels of levels."""
    column = columns.get(endpoint.event)
    if column is None:
        return
    if column.source is not None:
        yield f"{key}.event: column {endpoint.event!r} is cut from a number and cannot hold events"
    elif column.type == "category":
        levels = column.level_labels
        for part, code in _codes_of(endpoint):
            if code not in levels:
                yield f"{key}.{part}: {code!r} is not the label of a level; {closest(str(code), levels)}"
    elif column.type == "integer":
        for part, code in _codes_of(endpoint):
            if not (isinstance(code, int) if part == "event_value" else _WHOLE.fullmatch(str(code))):
                yield f"{key}.{part}: column {endpoint.event!r} holds whole numbers, found {code!r}"
            elif endpoint.competing and str(code) == "0":
                yield f"{key}.{part}: 0 means censored where events compete"


def _codes_of(endpoint: EndpointEntry) -> Iterator[tuple[str, int | str]]:
    yield from (("event_value", code) for code in endpoint.event_value or ())
    yield from (("competing", code) for code in endpoint.competing)


def _look_at_model(key: str, model: ModelEntry, columns: Mapping[str, ColumnEntry]) -> Iterator[str]:
    for name in model.strata:
        yield from _points_at(f"{key}.strata", name, columns, {"category"})
    try:
        formula = parse_formula(model.formula)
        formula.check_columns(columns)
    except ConfigError as error:
        yield f"{key}.formula: {error}"
        return
    for name in formula.variables:
        entry = columns[name]
        if entry.role in {"identifier", "outcome"} or entry.type == "identifier":
            role = "identifier" if entry.type == "identifier" else entry.role
            yield f"{key}.formula: column {name!r} has the role {role} and cannot be a predictor"


def _look_at_path(folder: Path, text: str) -> Iterator[str]:
    """Refuse a data path that leaves the folder of the study."""
    key = "data.patients.path"
    parts = PurePosixPath(text.replace("\\", "/")).parts
    outside = PurePosixPath(text).is_absolute() or PureWindowsPath(text).drive or PureWindowsPath(text).root
    if _BAD_NAME.search(text):
        yield f"{key}: the path holds a control character"
    elif outside or ".." in parts:
        yield f"{key}: must be relative to the study file and stay inside its folder, found {text!r}"
    elif not (folder / text).resolve().is_relative_to(folder):
        yield f"{key}: {text!r} is a link that leads out of the folder of the study file"
    elif not (folder / text).is_file():
        names = [path.name for path in sorted(folder.iterdir()) if path.is_file()]
        near = closest(PurePosixPath(text).name, names)
        yield f"{key}: no such file {text!r}" + (f"; {near}" if near.startswith("did") else "")
