"""What stands in a REDCap data dictionary: its headers, its fields, and how choices are written.

Choices are ``code, label | code, label``. A label may hold commas; a bar or a line break in it is written as the HTML
entity that REDCap shows as that character.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

#: The headers, letter for letter and in order. Older projects end at the 16th or 17th.
HEADERS = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number",
    "Text Validation Min", "Text Validation Max", "Identifier?", "Branching Logic (Show field only if...)",
    "Required Field?", "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name", "Matrix Ranking?",
    "Field Annotation",
)  # fmt: skip
#: The same columns as the programming interface of REDCap names them.
API_HEADERS = (
    "field_name", "form_name", "section_header", "field_type", "field_label", "select_choices_or_calculations",
    "field_note", "text_validation_type_or_show_slider_number", "text_validation_min", "text_validation_max",
    "identifier", "branching_logic", "required_field", "custom_alignment", "question_number", "matrix_group_name",
    "matrix_ranking", "field_annotation",
)  # fmt: skip
FEWEST_HEADERS = 16
#: Types of fields whose cells hold one of the choices.
CHOICE_TYPES = frozenset({"radio", "dropdown"})
FIELD_TYPES = frozenset({
    "text", "notes", "radio", "dropdown", "checkbox", "yesno", "truefalse", "calc", "slider", "file", "sql",
    "descriptive",
})  # fmt: skip
#: What REDCap shows for the choices of these types, which a dictionary does not list.
FIXED_CHOICES = {"yesno": (("1", "Yes"), ("0", "No")), "truefalse": (("1", "True"), ("0", "False"))}
#: Types of fields that have no column in an export.
NOT_EXPORTED = frozenset({"descriptive"})
VARIABLE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
CODE = re.compile(r"[A-Za-z0-9._-]+")
LONGEST_VARIABLE, RECOMMENDED_VARIABLE = 100, 26
#: Marks what only survmodel understands in the annotation of a field.
TAG = "@SURVMODEL="

_MARKUP = re.compile(r"</?[A-Za-z][^<>]{0,2000}>")


@dataclass(frozen=True, slots=True)
class RedcapField:
    """One field of a project.

    Parameters
    ----------
    variable, form : str
        Its name, and the form (instrument) on which it stands.
    type : str
        Such as ``"text"``, ``"radio"``, ``"checkbox"`` or ``"calc"``.
    label : str
        The question.
    choices : tuple of (str, str)
        Code and label of each choice; of yes and no too, which a dictionary does not list.
    calculation : str
        Formula of a calculated field, or labels of a slider, as text; it is never evaluated.
    note, validation : str
        Text below the field; how a text is validated, such as ``"date_dmy"`` or ``"number_1dp"``.
    minimum, maximum : str
        Limits of the validation.
    identifier, required : bool
        Whether it tells who a patient is; whether it must be filled in.
    branching : str
        When the field is shown, as text; it is never evaluated.
    section, annotation : str
        Heading above the field; action tags and remarks.
    line : int
        Of the dictionary, 0 for a field that was not read from one.

    Examples
    --------
    >>> RedcapField("symptoms", "visit", "checkbox", "Symptoms", (("1", "fever"), ("-9", "unknown"))).exported
    ('symptoms___1', 'symptoms____9')
    """

    variable: str
    form: str
    type: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    calculation: str = ""
    note: str = ""
    validation: str = ""
    minimum: str = ""
    maximum: str = ""
    identifier: bool = False
    required: bool = False
    branching: str = ""
    section: str = ""
    annotation: str = ""
    line: int = 0

    @property
    def is_choice(self) -> bool:
        """Whether a cell holds one of the choices."""
        return self.type in CHOICE_TYPES or self.type in FIXED_CHOICES

    @property
    def is_date(self) -> bool:
        """Whether a cell holds a date, with or without a time of day."""
        return self.type == "text" and self.validation.startswith(("date_", "datetime_"))

    @property
    def has_decimal_comma(self) -> bool:
        """Whether REDCap writes the numbers of the field with a comma."""
        return self.validation.startswith("number") and self.validation.endswith("comma_decimal")

    @property
    def exported(self) -> tuple[str, ...]:
        """Headings of its columns in an export of raw data."""
        if self.type in NOT_EXPORTED:
            return ()
        if self.type != "checkbox":
            return (self.variable,)
        return tuple(f"{self.variable}___{checkbox_code(code)}" for code, _ in self.choices)

    @property
    def exported_labels(self) -> tuple[str, ...]:
        """Headings of its columns in an export of labels, in the same order."""
        if self.type == "checkbox":
            return tuple(f"{self.label} (choice={label})" for _, label in self.choices)
        return (self.label,) if self.exported else ()


def checkbox_code(code: str) -> str:
    """Write the code of a choice as the heading of its column does.

    Parameters
    ----------
    code : str
        Of the choice.

    Returns
    -------
    str
        Small letters; signs other than letters and digits are written as low lines.

    Examples
    --------
    >>> checkbox_code("-2B")
    '_2b'
    """
    return re.sub(r"[^a-z0-9_]", "_", code.lower())


def plain_text(text: str) -> str:
    """Leave the markup of a label out, as an export does.

    Parameters
    ----------
    text : str
        A label of a field or of a choice.

    Returns
    -------
    str
        In one line, with single blanks.

    Examples
    --------
    >>> plain_text(" <b>Date of  scan</b> &amp; time")
    'Date of scan & time'
    """
    return tidy_text(html.unescape(_MARKUP.sub("", text)))


def tidy_text(text: str) -> str:
    r"""Write a text in one line, with single blanks and no signs that cannot be printed.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        What REDCap would make of it.

    Examples
    --------
    >>> tidy_text(" date\tof\n scan ")
    'date of scan'
    """
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def heading_key(text: str) -> str:
    """Reduce a label to what two writings of it have in common.

    Parameters
    ----------
    text : str
        A label of a field or of a choice.

    Returns
    -------
    str
        For comparison: no markup, no case, single blanks.

    Examples
    --------
    >>> heading_key(" <b>Date of  scan</b>") == heading_key("date of scan")
    True
    """
    return plain_text(text).casefold()


def write_choices(choices: Iterable[tuple[str, str]]) -> str:
    """Write choices as a dictionary holds them.

    Parameters
    ----------
    choices : iterable of (str, str)
        Code and label.

    Returns
    -------
    str
        Separated by bars.

    Examples
    --------
    >>> write_choices([("fixed2.5", "SUV 2.5, fixed"), ("m", "by hand | other")])
    'fixed2.5, SUV 2.5, fixed | m, by hand &#124; other'
    """
    return " | ".join(f"{code}, {write_label(label)}" for code, label in choices)


def write_label(label: str) -> str:
    """Write a label in one line and without bars.

    Parameters
    ----------
    label : str
        Any text.

    Returns
    -------
    str
        `read_label` gives the label back as `tidy_text` leaves it.
    """
    # "&#" is written out too, so that a label which holds an entity as text comes back as it was.
    return tidy_text(label).replace("&#", "&#38;#").replace("|", "&#124;")


def read_label(text: str) -> str:
    """Read a label that `write_label` wrote.

    Parameters
    ----------
    text : str
        From a dictionary.

    Returns
    -------
    str
        The label.
    """
    return text.replace("&#124;", "|").replace("&#38;#", "&#")


def read_choices(text: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Read the choices of a field.

    Parameters
    ----------
    text : str
        ``code, label | code, label``. In older projects a choice without a comma is its own code.

    Returns
    -------
    choices : tuple of (str, str)
        Code and label in order.
    problems : tuple of str
        What is wrong with them.

    Examples
    --------
    >>> read_choices("1, yes | 2, no, never | unknown")
    ((('1', 'yes'), ('2', 'no, never'), ('unknown', 'unknown')), ())
    >>> read_choices("1, yes | 1, no")[1]
    ('choice 2 has the code of another',)
    """
    parts = [part.strip() for part in text.replace("\r", "\n").replace("\n", "|").split("|")]
    are_bare = not any("," in part for part in parts)
    choices, problems = list[tuple[str, str]](), list[str]()
    for number, part in enumerate(parts, start=1):
        code, comma, label = (one.strip() for one in part.partition(","))
        if not part:
            continue
        if not comma and not are_bare and not CODE.fullmatch(part):
            problems.append(f"choice {number} has no comma between code and label")
        elif not code:
            problems.append(f"choice {number} has no code")
        elif code in {known for known, _ in choices}:
            problems.append(f"choice {number} has the code of another")
        else:
            choices.append((code, read_label(label if comma else code)))
    return tuple(choices), tuple(problems) if choices or problems else ("no choices are given",)


def to_cells(field: RedcapField) -> tuple[str, ...]:
    """Give the cells of a field in a dictionary.

    Parameters
    ----------
    field : RedcapField
        The field.

    Returns
    -------
    tuple of str
        In the order of the headers.
    """
    listed = "" if field.type in FIXED_CHOICES else write_choices(field.choices)
    cells: dict[str, Any] = dict.fromkeys(HEADERS, "")
    cells |= zip(
        HEADERS[:10],
        (
            field.variable, field.form, field.section, field.type, field.label, listed or field.calculation,
            field.note, field.validation, field.minimum, field.maximum,
        ),
        strict=True,
    )  # fmt: skip
    cells["Identifier?"] = "y" if field.identifier else ""
    cells["Branching Logic (Show field only if...)"] = field.branching
    cells["Required Field?"] = "y" if field.required else ""
    cells["Field Annotation"] = field.annotation
    return tuple(cells.values())
