"""What a study file says about one file: where it lies and how it is written, and what wrote the lesions in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from survmodel.data.dates import compile_format
from survmodel.data.readers.any_file import is_text, is_workbook
from survmodel.data.readers.column_map import look_at_regions
from survmodel.data.schema import load_schema
from survmodel.errors import closest, list_values
from survmodel.study.settings_base import Array, Character, Strict, Text

Encoding = Literal["utf-8", "utf-16", "cp1252", "cp1250", "iso-8859-1", "iso-8859-15", "gbk", "gb18030"]
ENCODINGS: tuple[str, ...] = get_args(Encoding)
#: How a file is written; a key of a file goes before the same key of [data].
WRITING = ("delimiter", "encoding", "decimal", "date_format", "excel_dates")


def _mark(value: str) -> str:
    if value.isalnum() or value in '"\r\n\0':
        raise ValueError(f'must be a mark that stands between cells, such as "," or ";" or "\\t", found {value!r}')
    return value


def _date_format(value: str) -> str:
    compile_format(value)
    return value


Delimiter = Annotated[Character, AfterValidator(_mark)]
DateFormat = Annotated[Text, AfterValidator(_date_format)]


class FileEntry(Strict):
    """``scans = { path = "scans.csv", delimiter = ";" }`` or ``scans = { path = "scans.xlsx", sheet = "scans" }``."""

    path: Text
    sheet: Text | None = None
    delimiter: Delimiter | None = None
    encoding: Encoding | None = None
    decimal: Literal[".", ","] | None = None
    date_format: DateFormat | None = None
    excel_dates: Literal[1900, 1904] | None = None

    @model_validator(mode="after")
    def _fits_the_kind(self) -> FileEntry:
        if self.sheet is not None and not is_workbook(self.path):
            raise ValueError("sheet belongs to a workbook, a file that ends in .xlsx")
        given = [key for key in ("delimiter", "encoding") if getattr(self, key) is not None]
        if given and not is_text(self.path):
            raise ValueError(f"{list_values(given)} is for text files, not for a workbook or a Parquet file")
        return self


#: Programs whose exports are read; any other one goes by a column map.
Reader = Literal["lifex", "pmod", "ohif", "slicer", "pyradiomics", "column_map"]
#: Keys that only an export has.
OF_EXPORTS = ("tracer", "segmentation", "uptake_unit", "column_map", "regions")
#: Programs that set their own mark between cells, and name the rule of segmentation.
OWN_DELIMITER, OWN_SEGMENTATION = ("pmod",), ("ohif", "column_map")


class LesionsEntry(FileEntry):
    """``lesions = { path = "lifex.csv", reader = "lifex", tracer = "cxcr4", segmentation = "41pct" }``.

    Without ``reader`` the file is the canonical table. With it, it is the export of a program, or a folder of such
    exports. ``segmentation`` is the rule that delineated the lesions, ``uptake_unit`` confirms the unit of an export
    that names none, ``regions`` names the region of a lesion by a pattern for its name, and ``column_map`` is a TOML
    file that says where columns stand.
    """

    reader: Reader | None = None
    tracer: Literal["cxcr4", "fdg"] | None = None
    segmentation: Text | None = None
    uptake_unit: Literal["SUV"] | None = None
    column_map: Text | None = None
    regions: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_whole(self) -> LesionsEntry:
        problems = list(self._problems_of_export() if self.reader is not None else self._problems_of_table())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems_of_table(self) -> Iterator[str]:
        given = [key for key in OF_EXPORTS if key in self.model_fields_set]
        if given:
            yield f'{list_values(given)} belongs to an export: name its program with reader, such as reader = "lifex"'

    def _problems_of_export(self) -> Iterator[str]:
        if not is_text(self.path):
            yield "an export is read as text: export it as CSV"
        if self.tracer is None:
            yield 'an export needs the tracer of its scans: tracer = "cxcr4" or "fdg"'
        rules = [level.value for level in load_schema().table("lesions").field("segmentation").categories]
        if self.segmentation is None and self.reader not in OWN_SEGMENTATION:
            yield f"an export needs the rule that delineated its lesions: segmentation, one of {list_values(rules)}"
        if self.segmentation is not None and self.segmentation not in rules:
            yield f"no segmentation rule {self.segmentation!r}; {closest(self.segmentation, rules)}"
        if self.reader == "column_map" and self.column_map is None:
            yield 'reader = "column_map" needs column_map, a TOML file; survmodel column-map writes a first one'
        if self.excel_dates is not None:
            yield "excel_dates belongs to workbooks; date_format says how an export writes dates"
        yield from look_at_regions(self.regions)


#: Names of the two ways to write lesions; they stand in no message.
ONE, SEVERAL = "<one>", "<several>"


def _kind(value: object) -> str:
    return SEVERAL if isinstance(value, list | tuple) else ONE


Lesions = Annotated[
    Annotated[LesionsEntry, Tag(ONE)] | Annotated[Array[LesionsEntry], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(_kind),
]
