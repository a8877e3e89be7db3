"""Traces of a run by which a later one can be compared with it: digests of patients, and the sentences of the report.

No value and no pseudonym is written. A patient is a token made of the pseudonym, and each of the patient's values a
digest, so that two runs tell who was changed in which column; with the study at hand the tokens have names again.
Whoever knows the pseudonyms could try out values: the file belongs inside the institution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survmodel.report.document import Block, Document, Facts, Paragraph
from survmodel.study.preparation import Prepared

PATIENTS, SENTENCES = "patients.json", "sentences.json"
DIGITS = 12


def token_of(pseudonym: str) -> str:
    """Make the token of a patient.

    Parameters
    ----------
    pseudonym : str
        As in the data.

    Returns
    -------
    str
        Twelve hexadecimal digits; the same in every run.

    Examples
    --------
    >>> token_of("A-17") == token_of("A-17"), len(token_of("A-17"))
    (True, 12)
    """
    return hashlib.sha256(f"patient {pseudonym}".encode()).hexdigest()[:DIGITS]


def trace_patients(prepared: Prepared) -> dict[str, object]:
    """Digest the columns, sets and outcomes of every patient.

    Parameters
    ----------
    prepared : Prepared
        The patients.

    Returns
    -------
    dict
        ``columns``, and ``patients``: for each token one digest for each column, in their order. A patient who is in no
        set or endpoint has the digest of that, too.
    """
    cohort = prepared.cohort
    columns: dict[str, pd.Series] = {str(name): cohort.table[name] for name in cohort.table.columns}
    for name, (inside, _) in cohort.sets.items():
        columns[f"analysis set {name}"] = pd.Series(inside, index=cohort.table.index)
    for name, result in cohort.endpoints.items():
        outcome = result.outcome
        entries = np.zeros(outcome.n) if outcome.entry is None else outcome.entry
        told = [
            f"{time!r} {event} {entry!r}"
            for time, event, entry in zip(
                outcome.time.tolist(), outcome.event.tolist(), np.asarray(entries).tolist(), strict=True
            )
        ]
        spread = np.full(len(cohort.table), "", dtype=object)
        spread[result.rows] = told
        columns[f"outcome {name}"] = pd.Series(spread, index=cohort.table.index)
    patients = {}
    for place, pseudonym in enumerate(cohort.table.index.astype(str)):
        token = token_of(pseudonym)
        patients[token] = [_digest(token, name, values.iloc[place]) for name, values in columns.items()]
    return {"schema": 1, "columns": list(columns), "patients": dict(sorted(patients.items()))}


def _digest(token: str, column: str, value: object) -> str:
    text = "" if pd.isna(value) else repr(float(value)) if isinstance(value, int | float) else str(value)  # type: ignore[call-overload]
    return hashlib.sha256(f"{token} {column} {text}".encode()).hexdigest()[:DIGITS]


def trace_sentences(document: Document) -> list[Mapping[str, str]]:
    """List the sentences of a report.

    Parameters
    ----------
    document : Document
        The report.

    Returns
    -------
    list of dict
        ``section`` and ``text``, in reading order; tables and figures have files of their own.
    """
    found = [{"section": "", "text": text} for block in document.opening for text in _texts(block)]
    for section in document.sections:
        found += [{"section": section.heading, "text": text} for block in section.blocks for text in _texts(block)]
    return list(found)


def _texts(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield block.text
    elif isinstance(block, Facts):
        yield from (f"{name}: {statement}" for name, statement in block.items)
