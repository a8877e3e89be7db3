"""An export of a REDCap project as a whole: which heading is which variable, and which form each row belongs to.

An export of raw data has the names of variables for headings and codes in its cells; an export of labels has labels for
both. The first column names the record. A row whose repeat instrument is blank holds the forms that do not repeat.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from survmodel.data.findings import ROWS_KEPT, Finding, FindingsError, Place
from survmodel.data.readers.reading import refuse_by_size
from survmodel.data.redcap_dictionary import RedcapDictionary
from survmodel.data.redcap_fields import RedcapField, heading_key
from survmodel.data.text_rows import decode_text, refuse_other_delimiter, split_rows
from survmodel.errors import closest
from survmodel.formatting import count_noun

#: Columns that REDCap adds: heading in an export of raw data and in one of labels.
EVENT, INSTRUMENT, INSTANCE = "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance"
GROUP = "redcap_data_access_group"
OWN_COLUMNS = {
    EVENT: "Event Name",
    INSTRUMENT: "Repeat Instrument",
    INSTANCE: "Repeat Instance",
    GROUP: "Data Access Group",
    "redcap_survey_identifier": "Survey Identifier",
}
#: Columns that REDCap adds to each form, in the same way.
OF_FORMS = {"complete": "Complete?", "timestamp": "Survey Timestamp", "return_code": "Survey Return Code"}
UNTICKED = frozenset({"", "0", "unchecked"})


@dataclass(frozen=True, slots=True, eq=False)
class RedcapExport:
    """An export that was read.

    Attributes
    ----------
    name : str
        Of the file.
    dictionary : RedcapDictionary
        Of its project.
    rows : tuple of list of str
        Its cells.
    lines : tuple of int
        Line on which each row begins.
    forms : tuple of str
        Repeating form of each row, "" for a row of forms that do not repeat.
    labelled : bool
        Whether its headings are labels.
    positions : mapping of str to int
        Where each column stands, by its heading in an export of raw data.
    ambiguous : frozenset of str
        Columns whose heading is a label that others have too.
    status : mapping of str to int
        Where the status of each form stands.
    findings : tuple of Finding
        Notes.
    sha256 : str
        Hash of its bytes.
    size : int
        Number of bytes.
    """

    name: str
    dictionary: RedcapDictionary
    rows: tuple[list[str], ...]
    lines: tuple[int, ...]
    forms: tuple[str, ...]
    labelled: bool
    positions: Mapping[str, int]
    ambiguous: frozenset[str]
    status: Mapping[str, int]
    findings: tuple[Finding, ...]
    sha256: str
    size: int

    def fields_of(self, form: str) -> dict[str, RedcapField]:
        """Give the fields of a form by their columns in an export of raw data.

        Parameters
        ----------
        form : str
            Name of the form.

        Returns
        -------
        dict of str to RedcapField
            Without the record id; a checkbox has a column for each choice.
        """
        fields = [field for field in self.dictionary.fields[1:] if field.form == form]
        return {column: field for field in fields for column in field.exported}

    def filled_rows(self, form: str) -> list[int]:
        """Find the rows of a form.

        Parameters
        ----------
        form : str
            Name of the form.

        Returns
        -------
        list of int
            Positions of the rows in which a field of the form has a value; a box that is not ticked is none.
        """
        found = []
        boxes = {column: field.type == "checkbox" for column, field in self.fields_of(form).items()}
        places = [(self.positions[column], box) for column, box in boxes.items() if column in self.positions]
        for i, row in enumerate(self.rows):
            if self.forms[i] in {"", form} and any(
                row[at].strip() and not (box and row[at].strip().casefold() in UNTICKED) for at, box in places
            ):
                found.append(i)
        return found


def read_export(path: Path, dictionary: RedcapDictionary, *, delimiter: str, encoding: str) -> RedcapExport:
    """Read an export as a whole.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    dictionary : RedcapDictionary
        Of the project.
    delimiter, encoding : str
        How the file is written.

    Returns
    -------
    RedcapExport
        Its rows and where its columns stand.

    Raises
    ------
    FindingsError
        For a file that is no export of this project, or whose rows cannot be told apart.
    OSError
        When the file cannot be opened.
    """
    name, size = path.name, path.stat().st_size
    refuse_by_size(name, size)
    data = path.read_bytes()
    rows, lines = split_rows(decode_text(data, name, encoding, []), name, delimiter)
    header = [heading.strip() for heading in rows[0]]
    refuse_other_delimiter(header, name, delimiter)
    body = [(row, line) for row, line in zip(rows[1:], lines[1:], strict=True) if any(cell.strip() for cell in row)]
    place = Place(name, tuple(line for _, line in body))
    labelled, positions, ambiguous, status = _place_columns(header, dictionary, name)
    findings = list(_look_at_rows([row for row, _ in body], header, place))
    if findings:
        raise FindingsError(findings)
    forms, strange = _sort_rows([row for row, _ in body], positions, dictionary, place)
    if strange:
        raise FindingsError(strange)
    known = {*positions.values(), *status.values()}
    unknown = [i for i, heading in enumerate(header) if i not in known and not _is_own(heading, dictionary)]
    unknown = [i for i in unknown if not labelled or heading_key(header[i]) not in _label_keys(dictionary)]
    notes = []
    if unknown:
        problem = f"left out: {count_noun(len(unknown), 'column')} that the data dictionary does not know"
        notes.append(Finding("D097", problem, name, (1,), 1, 0, severity="note"))
    return RedcapExport(
        name, dictionary, tuple(row for row, _ in body), place.lines, tuple(forms), labelled, positions,
        frozenset(ambiguous), status, tuple(notes), hashlib.sha256(data).hexdigest(), size,
    )  # fmt: skip


def _place_columns(
    header: Sequence[str], dictionary: RedcapDictionary, name: str
) -> tuple[bool, dict[str, int], set[str], dict[str, int]]:
    """Recognise the headings, as variables or as labels; the record id stands first."""
    by_name = {column: column for field in dictionary.fields for column in field.exported}
    by_label: dict[str, list[str]] = {}
    for field in dictionary.fields:
        for column, label in zip(field.exported, field.exported_labels, strict=True):
            by_label.setdefault(_label_key(label), []).append(column)
    n_names = sum(heading in by_name for heading in header)
    n_labels = sum(_label_key(heading) in by_label for heading in header)
    labelled = n_labels > n_names
    own = {_label_key(label): column for column, label in OWN_COLUMNS.items()}
    found: dict[str, list[int]] = {}
    for i, heading in enumerate(header):
        key = _label_key(heading)
        columns = [own[key]] if labelled and key in own else by_label.get(key, []) if labelled else [heading]
        for column in columns:
            if column in by_name or column in OWN_COLUMNS:
                found.setdefault(column, []).append(i)
    record_id = dictionary.record_id.variable
    others = [column for column in found if column not in OWN_COLUMNS and column != record_id]
    foreign = [heading for heading in header[1:] if not _is_own(heading, dictionary)]
    _check_record_id(
        found.get(record_id, []), dictionary, name, any_known=bool(others) or (not foreign and n_names > 0)
    )
    shared = Counter(i for places in found.values() for i in places)
    ambiguous = {column for column, places in found.items() if len(places) > 1 or shared[places[0]] > 1}
    if labelled:
        # The record id is known by its place.
        ambiguous.discard(record_id)
    ambiguous |= {column for key in own if labelled for column in by_label.get(key, [])}
    if ambiguous and not labelled:
        raise FindingsError([_repeated(column, len(found[column]), name) for column in sorted(ambiguous)])
    positions = {column: places[0] for column, places in found.items() if column not in ambiguous}
    return labelled, positions, ambiguous, _place_status(header, positions, dictionary, labelled=labelled)


def _check_record_id(places: Sequence[int], dictionary: RedcapDictionary, name: str, *, any_known: bool) -> None:
    if places and places[0] == 0 and any_known:
        return
    expected = f"the record id, {dictionary.record_id.variable!r} or its label, as the first column"
    if not any_known:
        problem = "the export and the data dictionary have no variable in common"
        remedy = "download both from the same project, the dictionary after the last change of the project"
    elif not places:
        problem, remedy = "the record id is not in the export", "export it too, as the first column"
    else:
        problem, remedy = "the record id is not the first column", "leave the columns of the export as they are"
    raise FindingsError([Finding("D091", problem, name, (1,), 1, 0, "patient_id", expected, remedy)])


def _repeated(column: str, count: int, name: str) -> Finding:
    problem = f"the header has this name {count} times"
    return Finding("D010", problem, name, (1,), 1, 0, column, remedy="leave the columns of the export as they are")


def _place_status(
    header: Sequence[str], positions: Mapping[str, int], dictionary: RedcapDictionary, *, labelled: bool
) -> dict[str, int]:
    """Find the status of each form. In an export of labels it stands after the fields of its form."""
    if not labelled:
        return {form: header.index(f"{form}_complete") for form in dictionary.forms if f"{form}_complete" in header}
    last: dict[int, str] = {}
    for field in dictionary.fields:
        last |= {positions[column]: field.form for column in field.exported if column in positions}
    found, form = dict[str, int](), ""
    for i, heading in enumerate(header):
        form = last.get(i, form)
        if _label_key(heading) == _label_key(OF_FORMS["complete"]) and form:
            found.setdefault(form, i)
    return found


def _look_at_rows(rows: Sequence[Sequence[str]], header: Sequence[str], place: Place) -> Iterator[Finding]:
    if not rows:
        yield Finding("D002", "the export has no rows", place.file, remedy="check the export")
    ragged = [i for i, row in enumerate(rows) if len(row) != len(header)]
    if ragged:
        expected, remedy = f"{len(header)} cells, as in the header", "export the data again"
        yield place.find("D008", "", "rows with more or fewer cells", ragged, expected=expected, remedy=remedy)
        return
    nameless = [i for i, row in enumerate(rows) if not row[0].strip()]
    if nameless:
        remedy = "leave the rows of the export as they are"
        yield place.find("D030", "patient_id", "the record id is missing", nameless, remedy=remedy)


def _sort_rows(
    rows: Sequence[Sequence[str]], positions: Mapping[str, int], dictionary: RedcapDictionary, place: Place
) -> tuple[list[str], list[Finding]]:
    """Name the repeating form of each row."""
    at = positions.get(INSTRUMENT)
    if at is None:
        return [""] * len(rows), []
    forms = {form: form for form in dictionary.forms}
    texts = [row[at].strip() for row in rows]
    # A label is the name of its form but for case, blanks and signs, unless somebody renamed it.
    found = [forms.get(text, forms.get(_as_form(text), "")) for text in texts]
    strange: dict[str, list[int]] = {}
    for i, (text, form) in enumerate(zip(texts, found, strict=True)):
        if text and not form:
            strange.setdefault(text, []).append(i)
    remedy = "take the dictionary of this project as it is now; where a form has another title, export raw data"
    # The text is not shown: in a row that was shifted by hand it may be anything.
    problem = "a repeat instrument that is no form of the data dictionary"
    findings = [
        place.find(
            "D093", INSTRUMENT, problem, where, expected=closest(_as_form(text), dictionary.forms), remedy=remedy
        )
        for text, where in list(strange.items())[:ROWS_KEPT]
    ]
    return found, findings


def _as_form(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def _label_key(text: str) -> str:
    # Older versions write the label of a choice between quotation marks.
    return re.sub(r"\(choice='(.*)'\)$", r"(choice=\1)", heading_key(text))


def _label_keys(dictionary: RedcapDictionary) -> set[str]:
    return {_label_key(label) for field in dictionary.fields for label in field.exported_labels}


def _is_own(heading: str, dictionary: RedcapDictionary) -> bool:
    labels = {_label_key(label) for label in (*OWN_COLUMNS.values(), *OF_FORMS.values())}
    of_forms = {f"{form}_{own}" for form in dictionary.forms for own in OF_FORMS}
    return heading in OWN_COLUMNS or heading in of_forms or _label_key(heading) in labels
