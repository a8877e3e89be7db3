"""What every table of a study file is made of: strict frozen models, and readers of arrays and names."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

Item = TypeVar("Item")


def _tuple(value: Any) -> Any:  # noqa: ANN401
    """Turn a TOML array into a tuple; strict models take no list for one."""
    return tuple(value) if isinstance(value, list) else value


def _names(value: Any) -> Any:  # noqa: ANN401
    """Let one name stand for an array of one."""
    return (value,) if isinstance(value, str) else _tuple(value)


def _codes(value: object) -> object:
    """Let one code stand for an array of one."""
    codes = tuple(value) if isinstance(value, list) else (value,)
    if not codes or any(isinstance(code, bool) or not isinstance(code, int | str) for code in codes):
        raise ValueError("must be a whole number or a text, or an array of these")
    if len(set(codes)) < len(codes):
        raise ValueError("a code stands twice")
    return codes


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(map(math.isfinite, values)):
        raise ValueError("must be finite numbers")
    if not values or any(b <= a for a, b in itertools.pairwise(values)):
        raise ValueError("must be numbers in ascending order, at least one")
    return values


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if any(value <= 0 for value in values):
        raise ValueError("must be above 0")
    return _ascending(values) if values else values


Array = Annotated[tuple[Item, ...], BeforeValidator(_tuple)]
#: What an editor is told: one may stand for an array of one, which pydantic cannot see in a function.
_NAME: dict[str, Any] = {"type": "string"}
_CODE: dict[str, Any] = {"type": ["integer", "string"]}
Names = Annotated[
    tuple[str, ...], BeforeValidator(_names), WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME}]})
]
Codes = Annotated[
    tuple[int | str, ...],
    BeforeValidator(_codes),
    WithJsonSchema({"anyOf": [_CODE, {"type": "array", "items": _CODE, "minItems": 1}]}),
]
Ascending = Annotated[tuple[float, ...], BeforeValidator(_tuple), AfterValidator(_ascending)]
Times = Annotated[tuple[float, ...], BeforeValidator(_tuple), AfterValidator(_positive)]
Pair = Annotated[tuple[float, float], BeforeValidator(_tuple)]
Text = Annotated[str, Field(min_length=1, max_length=10_000)]
Character = Annotated[str, Field(min_length=1, max_length=1)]


class Strict(BaseModel):
    """A frozen table of the study file that refuses unknown keys and wrong types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)
