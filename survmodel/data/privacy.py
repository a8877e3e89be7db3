"""Columns that tell who a patient is: refused by name and by the shape of their cells, unless they are identifiers.

Only columns that a study declares are looked at; undeclared columns are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Place

#: Words of a heading that name a person, a record or an address. A heading is cut into words at case, _ and blanks.
_PERSONAL_NAMES = frozenset({
    "name", "firstname", "lastname", "surname", "forename", "givenname", "familyname", "fullname", "patientname",
    "initials", "vorname", "nachname", "mrn", "medicalrecordnumber", "recordnumber", "hospitalnumber", "nhsnumber",
    "casenumber", "ssn", "socialsecuritynumber", "nationalid", "insurancenumber", "passport", "phone", "telephone",
    "phonenumber", "mobile", "fax", "email", "mail", "address", "street", "zip", "zipcode", "zip5", "postcode",
    "postalcode", "dob", "dateofbirth", "birthdate", "birthday", "accession", "accessionnumber", "studyinstanceuid",
    "seriesinstanceuid", "sopinstanceuid", "accountnumber", "url", "ipaddress",
})  # fmt: skip
#: One of these words in a longer heading is enough, as in ``home_phone``.
_TELLING_WORDS = frozenset({
    "mrn", "ssn", "phone", "telephone", "email", "surname", "firstname", "lastname", "forename", "initials", "vorname",
    "nachname", "address", "street", "zip", "zipcode", "postcode", "dob", "passport", "accession", "uid",
})  # fmt: skip
#: "name" names a person only after one of these words: ``scanner_name`` does not.
_WHOSE = frozenset({"patient", "first", "last", "family", "given", "full", "middle", "maiden", "subject", "person"})

_SHAPES = (
    ("an e-mail address", re.compile(r"[^@\s]{1,64}@[^@\s]{1,200}\.[A-Za-z]{2,10}")),
    ("a DICOM identifier", re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,40}){5,20}")),
    ("a social security number", re.compile(r"[0-9]{3}-[0-9]{2}-[0-9]{4}")),
    ("a telephone number", re.compile(r"(?:\+|00)[0-9]{1,3}[ ()/-]{0,2}[0-9][0-9 ()/-]{5,20}[0-9]")),
)
REMEDY = 'leave the column out, or declare type = "identifier": its values are then never shown'


def look_at_extra_columns(columns: Sequence[Column], table: pd.DataFrame, place: Place) -> Iterator[Finding]:
    """Find declared columns that tell who a patient is.

    Parameters
    ----------
    columns : sequence of Column
        What the study declares beside the schema.
    table : pandas.DataFrame
        The columns that were read.
    place : Place
        For messages.

    Yields
    ------
    Finding
        Errors D113 by name and D114 by shape.
    """
    for column in columns:
        if column.is_identifier:
            continue
        if is_personal(column.name):
            problem = "the name of the column says that it tells who a patient is"
            yield Finding("D113", problem, place.file, column=column.name, remedy=REMEDY, table=place.table)
        if column.type == "text":
            yield from _look_at_shapes(column, table[column.name], place)


def _look_at_shapes(column: Column, cells: pd.Series, place: Place) -> Iterator[Finding]:
    for what, shape in _SHAPES:
        where = [i for i, cell in enumerate(cells) if isinstance(cell, str) and shape.fullmatch(cell.strip()[:300])]
        if where:
            yield place.find("D114", column.name, f"looks like {what}", where, remedy=REMEDY)


def is_personal(heading: str) -> bool:
    """Tell whether a heading names a person, a record or an address.

    Parameters
    ----------
    heading : str
        Name of a column.

    Returns
    -------
    bool
        Whether it does.

    Examples
    --------
    >>> is_personal("Patient Name"), is_personal("home_phone"), is_personal("scanner_name")
    (True, True, False)
    """
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading[:300])
    words = re.findall(r"[a-z]+[0-9]*|[0-9]+", apart.casefold())
    if "".join(words) in _PERSONAL_NAMES or _TELLING_WORDS & set(words):
        return True
    return ("name" in words and bool(_WHOSE & set(words))) or {"e", "mail"} <= set(words)
