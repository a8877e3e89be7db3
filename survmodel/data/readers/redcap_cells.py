"""Cells of a REDCap export as the data schema writes them: codes and labels of choices, boxes, decimal commas.

Whether the cells of a field are codes or labels is seen from all of them together: both are known from the data
dictionary. A level keeps its code where that is one of the column, else its label says which level it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from survmodel.data.columns import BOOLEAN_CODES, Column
from survmodel.data.findings import Finding, Place
from survmodel.data.redcap_fields import RedcapField, heading_key
from survmodel.errors import list_values

TICKED = {"1": True, "checked": True, "0": False, "unchecked": False}
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+")


@dataclass(frozen=True, slots=True)
class KnownCodes:
    """What a study knows of the codes of an export.

    Parameters
    ----------
    missing : collection of str
        Missing data codes of the project.
    levels : mapping of str to str
        Level of the column that a code of the field means.
    labelled : bool
        Whether the headings of the export are labels.
    decimal : {".", ","}
        Decimal mark of calculated fields and of texts; a field that is validated as a number has its own.
    """

    missing: Collection[str] = ()
    levels: Mapping[str, str] = field(default_factory=dict)
    labelled: bool = False
    decimal: str = "."


@dataclass(frozen=True, slots=True)
class _Choices:
    """What the cells of a field with choices may hold."""

    codes: dict[str, str]
    labels: dict[str, list[str]]

    def code(self, cell: str, *, labelled: bool) -> str | None:
        """Give the code that a cell means; None for a cell that is none of the choices."""
        if not labelled:
            return cell if cell in self.codes else None
        codes = self.labels.get(heading_key(cell), [])
        return codes[0] if len(codes) == 1 else None


def convert_cells(
    source: RedcapField | None, column: Column, cells: Sequence[str], known: KnownCodes, place: Place
) -> tuple[list[str], list[Finding]]:
    """Write the cells of a field as the file of a canonical table would hold them.

    Parameters
    ----------
    source : RedcapField, optional
        Field of the project, None for a column that REDCap adds, such as the event.
    column : Column
        What it becomes.
    cells : sequence of str, shape (n,)
        Of the export.
    known : KnownCodes
        What the study knows of them.
    place : Place
        For messages.

    Returns
    -------
    cells : list of str
        A cell that is none of the choices is blank.
    findings : list of Finding
        Errors D092 and D095.

    Examples
    --------
    >>> sex = RedcapField("gender", "visit", "radio", "Gender", (("1", "Female"), ("2", "Male")))
    >>> column = Column("sex", "category", levels=(("female", "female"), ("male", "male")), declared_in="schema")
    >>> convert_cells(sex, column, ["2", "", "1"], KnownCodes(), Place("export.csv", (2, 3, 4)))
    (['male', '', 'female'], [])
    """
    texts = ["" if cell.strip() in known.missing else cell for cell in cells]
    if source is None:
        return [known.levels.get(text.strip(), text) for text in texts], []
    if source.type == "checkbox":
        return _convert_boxes(column, texts, place)
    if source.is_choice:
        return _convert_choices(source, column, texts, known, place)
    has_own = source.validation.startswith(("number", "integer"))
    is_number = column.type in {"number", "integer"} and known.decimal == "," and not has_own
    if source.has_decimal_comma or is_number:
        texts = [text.replace(",", ".") if _COMMA.fullmatch(text.strip()) else text for text in texts]
    return [known.levels.get(text.strip(), text) for text in texts], []


def _convert_boxes(column: Column, cells: Sequence[str], place: Place) -> tuple[list[str], list[Finding]]:
    truth = _truth_codes(column)
    wrong = [i for i, cell in enumerate(cells) if cell.strip() and cell.strip().casefold() not in TICKED]
    found = [truth[TICKED[cell.strip().casefold()]] if cell.strip().casefold() in TICKED else "" for cell in cells]
    if not wrong:
        return found, []
    expected = "0 and 1, or Unchecked and Checked"
    return found, [place.find("D095", column.name, "cells that are none of a checkbox", wrong, expected=expected)]


def _truth_codes(column: Column) -> dict[bool, str]:
    if column.type != "boolean":
        return {True: "1", False: "0"}
    levels = column.levels or BOOLEAN_CODES
    return {
        truth: next((code for code, meaning in levels if (meaning == "true") == truth), "") for truth in (True, False)
    }


def _convert_choices(
    source: RedcapField, column: Column, cells: Sequence[str], known: KnownCodes, place: Place
) -> tuple[list[str], list[Finding]]:
    choices = _Choices(dict(source.choices), {})
    for code, label in source.choices:
        choices.labels.setdefault(heading_key(label), []).append(code)
    texts = [cell.strip() for cell in cells]
    as_labels = _are_labels(texts, choices, labelled=known.labelled)
    codes = [choices.code(text, labelled=as_labels) if text else "" for text in texts]
    strange = [i for i, code in enumerate(codes) if code is None]
    if strange:
        return ["" for _ in cells], [_strange_choices(column, texts, strange, choices, place, labelled=as_labels)]
    findings = [_unknown_code(column, source, code, place) for code in known.levels if code not in choices.codes]
    read = _reader_of(column)
    meanings: dict[str, str | None] = {code: read(code, label) for code, label in source.choices}
    meanings.update(known.levels)
    meanings.update(dict.fromkeys((*known.missing, ""), ""))
    opposed = [i for i, code in enumerate(codes) if code is not None and meanings[code] is None]
    if opposed:
        remedy = "say which level the code means under levels of [data.redcap]"
        problem = "the code of the choice is one level of the column and its label another"
        findings.append(place.find("D095", column.name, problem, opposed, remedy=remedy))
    return [meanings[code or ""] or "" for code in codes], findings


def _unknown_code(column: Column, source: RedcapField, code: str, place: Place) -> Finding:
    problem = f"levels of [data.redcap] names the code {code!r}, which {source.variable!r} does not have"
    expected = f"codes of the dictionary: {list_values([repr(one) for one, _ in source.choices], most=12)}"
    return Finding("D092", problem, place.file, column=column.name, expected=expected, table=place.table)


def _are_labels(texts: Sequence[str], choices: _Choices, *, labelled: bool) -> bool:
    """Tell from all cells of a field whether they are labels; what both could be follows the header."""
    there = {text for text in texts if text}
    n_codes = sum(text in choices.codes for text in there)
    n_labels = sum(heading_key(text) in choices.labels for text in there)
    return labelled if n_codes == n_labels else n_labels > n_codes


def _strange_choices(
    column: Column, texts: Sequence[str], strange: Sequence[int], choices: _Choices, place: Place, *, labelled: bool
) -> Finding:
    mixed = [i for i in strange if choices.code(texts[i], labelled=not labelled) is not None]
    shared = [i for i in strange if labelled and len(choices.labels.get(heading_key(texts[i]), [])) > 1]
    if len(mixed) == len(strange):
        problem, remedy = "codes and labels are mixed in one field", "export the data again, raw or as labels"
    elif len(shared) == len(strange):
        problem, remedy = "two choices of the field have this label", "export raw data"
    else:
        problem, remedy = "not one of the choices of the field", "take the dictionary of this project as it is now"
        remedy += "; a missing data code of the project goes into missing of [data.redcap]"
    expected = f"codes of the dictionary: {list_values([repr(code) for code in choices.codes], most=12)}"
    return place.find("D095", column.name, problem, strange, expected=expected, remedy=remedy)


def _reader_of(column: Column) -> Callable[[str, str], str | None]:
    """Give what turns code and label of a choice into the text of the column; None where the two oppose each other."""
    if column.type == "boolean":
        return lambda code, label: _read_truth(column, code, label)
    if column.type == "category":
        return lambda code, label: _read_level(column, code, label)
    if column.type == "text":
        return lambda _, label: label
    return lambda code, _: code


def _read_level(column: Column, code: str, label: str) -> str | None:
    levels = [level for level, _ in column.levels]
    names = {name.casefold(): level for name, level in column.level_aliases} | {one.casefold(): one for one in levels}
    named = names.get(" ".join(label.split()).casefold())
    if code in levels:
        # A study declares what each code means; in the data schema label and code must agree.
        return None if column.declared_in == "schema" and named not in {None, code} else code
    return named or names.get(code.casefold()) or label


def _read_truth(column: Column, code: str, label: str) -> str:
    # The label first: "1, No | 2, Yes" is written in many projects.
    codes = [one for one, _ in column.levels or BOOLEAN_CODES]
    words = {name.casefold(): one for name, one in column.level_aliases} | {one.casefold(): one for one in codes}
    if column.levels and column.declared_in == "study" and code in codes:
        return code
    told = label.strip().casefold()
    plain = {word: _truth_codes(column)[meaning == "true"] for word, meaning in BOOLEAN_CODES}
    return words.get(told) or plain.get(told) or words.get(code.casefold()) or label
