"""A study file that cannot be read: TOML and its settings, every problem with its key and what to do."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun
from survmodel.study.references import look_at_references
from survmodel.study.settings import NOT_YET, StudySettings
from survmodel.study.settings_files import ONE, SEVERAL

LARGEST_STUDY = 1_000_000
_KEY = re.compile(r"[A-Za-z0-9_-]+")

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


def read_settings(content: bytes, file: str) -> StudySettings:
    """Read the settings of a study file.

    Parameters
    ----------
    content : bytes
        What the file holds.
    file : str
        Its name.

    Returns
    -------
    StudySettings
        Every value with its type; whether names point anywhere is not looked at.

    Raises
    ------
    StudyFileError
        With every problem.
    """
    values = _parse(content, file)
    try:
        return StudySettings.model_validate(values)
    except ValidationError as error:
        problems = [_explain(item, values) for item in error.errors(include_url=False)]
        problems += _look_past_unknown_keys(values, error)
        raise StudyFileError(file, problems) from None


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
    except ValueError:
        # Python reads no whole number of more than 4,300 digits.
        raise StudyFileError(file, ["a number has too many digits"]) from None
    except RecursionError:
        raise StudyFileError(file, ["arrays or tables are nested too deeply"]) from None


def _explain_syntax(message: str, content: bytes) -> str:
    found = re.search(r"\(at line (\d+), column (\d+)\)", message)
    last = content.count(b"\n") + 1
    line = int(found.group(1)) if found else last
    remedy = next((text for key, text in _SYNTAX if key in message), "see https://toml.io for the rules of the format")
    said = re.sub(r"\s*\(at .*\)$", "", message)
    return f"line {line}: {said[:1].lower() + said[1:]}; {remedy}"


def _look_past_unknown_keys(values: dict[str, Any], error: ValidationError) -> Iterator[str]:
    """Check the references too when unknown keys are all that is wrong so far."""
    items = error.errors(include_url=False)
    if any(item["type"] != "extra_forbidden" for item in items):
        return
    for item in items:
        *place, key = _place(item)
        del _at(values, place)[key]
    try:
        settings = StudySettings.model_validate(values)
    except ValidationError:
        return
    if settings.data.redcap is None:
        # Which tables an export holds is known only once it is read.
        yield from look_at_references(settings)


def _place(item: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Say where a problem stands in the file, without the names of ways to write a value."""
    return tuple(key for key in item["loc"] if key not in {ONE, SEVERAL})


def _at(values: Any, place: Sequence[str | int]) -> Any:  # noqa: ANN401
    for key in place:
        values = values[key]
    return values


def _explain(item: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Say what is wrong under a key: what was found, what is allowed."""
    place = _place(item)
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
            if isinstance(found, UnionType):
                # A table that may be left out.
                found = next((part for part in get_args(found) if _is_model(part)), found)
        else:
            # The key is the name of an entry or its place in an array.
            found = _model_in(found)
    return [field.alias or name for name, field in _model_in(found).model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel]:  # noqa: ANN401
    """Find the table behind an annotation: itself, the entry of an array, or what may be left out."""
    found: type[BaseModel] = next(part for part in _parts(annotation) if _is_model(part))
    return found


def _is_model(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _parts(annotation: Any) -> Iterator[Any]:  # noqa: ANN401
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
