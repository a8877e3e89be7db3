"""The lock of a question: a file beside the study file that says what was asked on which day, and cannot be forgotten.

``survmodel lock`` writes the primary marker, its endpoint with its definition, the pair of models and the smallest
useful hazard ratio, each entry sealed by a hash that holds the seal of the entry before it. A question that is changed
afterwards may be locked anew; the file keeps every entry, and each report prints what was changed and when.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from survmodel.errors import ConfigError
from survmodel.formatting import format_significant
from survmodel.study.settings import StudySettings
from survmodel.writing import write_whole

#: Ends the name of the lock of ``study.toml``: ``study.lock.json``.
SUFFIX = ".lock.json"
REMEDY = "restore the file as survmodel lock wrote it; it is not to be edited"
#: Settings of an endpoint that say what it is; horizons and labels only say how it is shown.
DEFINITION = (
    "time", "event", "event_value", "first", "entry", "origin", "events", "censor", "censor_at", "columns", "competing",
    "unit", "landmark",
)  # fmt: skip
MARKER, ENDPOINT, SMALLER, LARGER = "primary marker", "endpoint", "smaller model", "larger model"


@dataclass(frozen=True, slots=True)
class LockEntry:
    """What was asked on one day.

    Parameters
    ----------
    date : str
        The day, as 2025-01-31.
    question : mapping of str to str
        Parts of the question, by what they are.
    previous : str
        Seal of the entry before, "" of the first.
    """

    date: str
    question: Mapping[str, str]
    previous: str = ""

    @property
    def seal(self) -> str:
        """Hash of the entry and, through the one before, of all before it."""
        content = {"date": self.date, "question": dict(self.question), "previous": self.previous}
        return hashlib.sha256(json.dumps(content, ensure_ascii=True, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the question that was changed.

    Parameters
    ----------
    what, was, now : str
        The part, and how it read; "" where there was none.
    after : str
        Day of the lock that it differs from.
    on : str
        Day on which it was locked anew, "" where it was not.
    """

    what: str
    was: str
    now: str
    after: str
    on: str = ""

    def __str__(self) -> str:
        """Say it in a sentence."""
        anew = f" and locked anew on {self.on}" if self.on else ""
        return f"{self.what} changed after the lock on {self.after}{anew}: was {self.was or 'none'}, is " \
               f"{self.now or 'none'}"  # fmt: skip


@dataclass(frozen=True, slots=True)
class LockHistory:
    """The days on which a question was locked, and what was changed.

    Parameters
    ----------
    dates : tuple of str
        Days of the locks.
    changes : tuple of Change
        In order of time.
    is_late : bool
        Whether the first lock is later than the data lock, so that outcomes could be known.
    """

    dates: tuple[str, ...]
    changes: tuple[Change, ...] = ()
    is_late: bool = False


def declared_question(settings: StudySettings) -> dict[str, str]:
    """Take the question out of a study file.

    Parameters
    ----------
    settings : StudySettings
        The study.

    Returns
    -------
    dict of str to str
        By what each part is; empty without a primary marker.
    """
    primary = settings.primary_marker
    if primary is None:
        return {}
    name = primary.endpoint or next(iter(settings.endpoint))
    endpoint = settings.endpoint[name].model_dump(mode="json", include=set(DEFINITION), exclude_defaults=True)
    chosen = settings.analysis_set.get(settings.set_of(name))
    rules = "" if chosen is None else json.dumps(chosen.model_dump(mode="json")["include"], ensure_ascii=False)
    question = {
        MARKER: primary.term,
        ENDPOINT: name,
        "definition of the endpoint": json.dumps(endpoint, ensure_ascii=False, sort_keys=True),
        "patients": rules,
    }
    pair = settings.added_value
    if pair is not None:
        models = settings.model[pair.base], settings.model[pair.full]
        useful = pair.smallest_useful_hazard_ratio
        question |= {
            SMALLER: models[0].formula,
            LARGER: models[1].formula,
            "smallest useful hazard ratio": "" if useful is None else format_significant(useful),
        }
    return question


def lock_path(study_file: Path) -> Path:
    """Name the lock of a study file.

    Parameters
    ----------
    study_file : pathlib.Path
        The study file.

    Returns
    -------
    pathlib.Path
        Beside it.

    Examples
    --------
    >>> lock_path(Path("lymphoma/study.toml")).name
    'study.lock.json'
    """
    return study_file.with_name(study_file.stem + SUFFIX)


def read_locks(path: Path) -> tuple[LockEntry, ...]:
    """Read a lock.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    tuple of LockEntry
        In order of time; none without a file.

    Raises
    ------
    ConfigError
        When the file is not a whole lock: its text is damaged, or a seal does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError:
        raise ConfigError(f"{path.name} is not a lock of survmodel", remedy=REMEDY) from None
    try:
        entries = [_read_entry(one) for one in json.loads(text)["locks"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ConfigError(f"{path.name} is not a lock of survmodel", remedy=REMEDY) from None
    before = ""
    for number, (entry, seal) in enumerate(entries, start=1):
        if entry.seal != seal or entry.previous != before:
            raise ConfigError(f"{path.name} was edited", f"entry {number} does not fit its seal", REMEDY)
        before = seal
    return tuple(entry for entry, _ in entries)


def _read_entry(content: Mapping[str, Any]) -> tuple[LockEntry, str]:
    date, previous, seal, question = (content[key] for key in ("date", "previous", "sha256", "question"))
    datetime.date.fromisoformat(date)
    texts = (previous, seal, *question.keys(), *question.values())
    if not all(isinstance(text, str) for text in texts):
        raise TypeError
    return LockEntry(date, question, previous), seal


def lock_question(
    settings: StudySettings, path: Path, today: datetime.date, *, again: bool = False
) -> tuple[LockEntry, bool]:
    """Lock the question of a study.

    Parameters
    ----------
    settings : StudySettings
        The study.
    path : pathlib.Path
        The lock.
    today : datetime.date
        Day of the lock.
    again : bool
        Whether a question that differs from the locked one is locked anew; the file keeps both.

    Returns
    -------
    LockEntry
        The last entry.
    bool
        Whether it is new.

    Raises
    ------
    ConfigError
        Without a primary marker; for a question that differs from the locked one, unless `again`; for a damaged lock.
    OSError
        When the file cannot be written.
    """
    question = declared_question(settings)
    if not question:
        raise ConfigError("the study declares no primary marker", remedy='add [[marker]] with role = "primary"')
    entries = read_locks(path)
    if entries and dict(entries[-1].question) == question:
        return entries[-1], False
    if entries and not again:
        changes = "; ".join(str(change) for change in _changes(entries[-1], question))
        remedy = "restore the question, or lock it anew with --again: every report will say so"
        raise ConfigError("the question is not the one that was locked", changes, remedy)
    entry = LockEntry(today.isoformat(), question, entries[-1].seal if entries else "")
    content = [
        {"date": one.date, "question": dict(one.question), "previous": one.previous, "sha256": one.seal}
        for one in (*entries, entry)
    ]
    write_whole(path, (json.dumps({"schema": 1, "locks": content}, ensure_ascii=False, indent=1) + "\n").encode())
    return entry, True


def history_of(settings: StudySettings, entries: Sequence[LockEntry]) -> LockHistory | None:
    """Compare a study with its lock.

    Parameters
    ----------
    settings : StudySettings
        The study as it is now.
    entries : sequence of LockEntry
        Its lock.

    Returns
    -------
    LockHistory or None
        None where the study was never locked.
    """
    if not entries:
        return None
    changes: list[Change] = []
    for earlier, later in pairwise(entries):
        changes += _changes(earlier, later.question, later.date)
    changes += _changes(entries[-1], declared_question(settings))
    late = settings.data_lock is not None and entries[0].date > settings.data_lock.isoformat()
    return LockHistory(tuple(entry.date for entry in entries), tuple(changes), late)


def _changes(entry: LockEntry, question: Mapping[str, str], on: str = "") -> Iterator[Change]:
    for what in dict.fromkeys((*entry.question, *question)):
        was, now = entry.question.get(what, ""), question.get(what, "")
        if was != now:
            yield Change(what, was, now, entry.date, on)
