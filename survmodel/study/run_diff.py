"""What two runs of a study tell differently: patients, settings, numbers and sentences.

A number is moved when it is not the same to the last digit. Where it has a standard error the shift is told in standard
errors of the first run: what moved by a tenth of one hardly matters, what moved by one needs a reason.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pandas as pd

from survmodel.errors import ConfigError
from survmodel.formatting import count_noun, format_number, format_significant
from survmodel.result import Display, Result
from survmodel.study.folder import MANIFEST, RESULTS
from survmodel.study.records import KEYS, KEYS_OF_TIME, NUMBERS
from survmodel.study.run_traces import PATIENTS, SENTENCES
from survmodel.table import Table

#: Lines of each table that a print-out shows.
SHOWN = 20
ADDED, REMOVED, CHANGED = "added", "removed", "changed"
#: Parts of a manifest that say what was asked for and with what.
COMPARED = ("settings", "versions", "seed", "inputs")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RunDiff(Result):
    """What differs between two runs.

    Attributes
    ----------
    patients : pandas.DataFrame
        Columns patient (token, or pseudonym where known), change (added, removed, changed), columns.
    settings : pandas.DataFrame
        Columns setting, was, now: study file, software, seed and input files.
    numbers : pandas.DataFrame
        What each number is, then number (its column in ``results.json``), was, now, change and std_errors; a number
        that only one run has stands with the other missing.
    sentences : pandas.DataFrame
        Columns section, was, now; "" where a sentence is new or gone.
    status : tuple of (str, str)
        How the two runs ended.
    warnings : tuple of str
        What the reader must know.
    """

    patients: pd.DataFrame
    settings: pd.DataFrame
    numbers: pd.DataFrame
    sentences: pd.DataFrame
    status: tuple[str, str] = ("COMPLETE", "COMPLETE")
    warnings: tuple[str, ...] = field(default=())

    @property
    def same(self) -> bool:
        """Whether the two runs tell the same."""
        return not any(len(part) for part in (self.patients, self.settings, self.numbers, self.sentences))

    def tidy(self) -> pd.DataFrame:
        """Give the numbers that moved.

        Returns
        -------
        pandas.DataFrame
            ``numbers``.
        """
        return self.numbers.copy()

    def glance(self) -> pd.DataFrame:
        """Count the differences in one row.

        Returns
        -------
        pandas.DataFrame
            Columns patients_added, patients_removed, patients_changed, settings, numbers, sentences.
        """
        kinds = Counter(self.patients["change"])
        row = {f"patients_{kind}": kinds[kind] for kind in (ADDED, REMOVED, CHANGED)}
        rest = {name: len(getattr(self, name)) for name in ("settings", "numbers", "sentences")}
        return pd.DataFrame([row | rest])

    def _display(self) -> Display:
        counts = self.glance().iloc[0]
        head = ", ".join(
            [
                f"patients: {counts['patients_added']} added, {counts['patients_removed']} removed, "
                f"{counts['patients_changed']} changed",
                count_noun(int(counts["settings"]), "setting"),
                count_noun(int(counts["numbers"]), "number"),
                count_noun(int(counts["sentences"]), "sentence"),
            ]
        )
        tables = [self._table(name) for name in ("patients", "settings", "numbers", "sentences")]
        title = "The two runs tell the same" if self.same else "Difference of two runs"
        return Display(title, tuple(one for one in tables if one is not None), (head,))

    def _table(self, name: str) -> Table | None:
        table: pd.DataFrame = getattr(self, name)
        if not len(table):
            return None
        shown = table.head(SHOWN)
        if name == "numbers":
            rows = [
                [
                    _place(one),
                    str(one["number"]),
                    _written(one["was"]),
                    _written(one["now"]),
                    _written(one["std_errors"]),
                ]
                for one in shown.to_dict("records")
            ]
            header = ["number", "", "was", "now", "shift in SE"]
        else:
            rows = [[_cut(value) for value in row] for row in shown.astype(str).to_numpy().tolist()]
            header = list(table.columns)
        more = len(table) - len(shown)
        return Table(header, rows, name.capitalize(), (f"and {more} more",) if more else ())


def diff_runs(first: str | Path, second: str | Path, names: Mapping[str, str] | None = None) -> RunDiff:
    """Compare two folders of results.

    Parameters
    ----------
    first, second : str or pathlib.Path
        Folders that ``survmodel run`` wrote.
    names : mapping of str to str, optional
        Pseudonym of each token, as from :func:`name_tokens`; patients are told by token without it.

    Returns
    -------
    RunDiff
        Patients, settings, numbers and sentences.

    Raises
    ------
    ConfigError
        When a folder holds no whole run.
    OSError
        When a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel.study.run_diff import diff_runs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     diff_runs(folder, folder)
    Traceback (most recent call last):
    survmodel.errors.ConfigError: the folder holds no run: manifest.json is missing. Give the folder that survmodel run
    wrote.
    """
    runs = [_Run.read(Path(folder)) for folder in (first, second)]
    one, two = runs
    known = dict(names or {})
    status = (str(one.manifest.get("status")), str(two.manifest.get("status")))
    warnings = [] if one.manifest.get("study") == two.manifest.get("study") else ["the runs are of different studies"]
    warnings += [f"a run is {ended}" for ended in sorted(set(status)) if ended != "COMPLETE"]
    return RunDiff(
        patients=pd.DataFrame(_patients(one, two, known), columns=["patient", "change", "columns"]),
        settings=pd.DataFrame(_settings(one, two), columns=["setting", "was", "now"]),
        numbers=_numbers(one, two),
        sentences=pd.DataFrame(_sentences(one, two), columns=["section", "was", "now"]),
        status=status,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    manifest: dict[str, Any]
    records: list[dict[str, Any]]
    columns: list[str]
    patients: dict[str, list[str]]
    sentences: list[tuple[str, str]]

    @classmethod
    def read(cls, folder: Path) -> _Run:
        manifest = _read(folder / MANIFEST)
        traces = _read(folder / PATIENTS)
        try:
            return cls(
                manifest,
                list(_read(folder / RESULTS)["records"]),
                list(traces["columns"]),
                dict(traces["patients"]),
                [(one["section"], one["text"]) for one in _read(folder / SENTENCES)["sentences"]],
            )
        except (KeyError, TypeError):
            raise ConfigError("the folder holds no whole run", remedy="run the study again") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = "give the folder that survmodel run wrote"
        raise ConfigError(f"the folder holds no run: {path.name} is missing", remedy=remedy) from None
    except ValueError:
        raise ConfigError(f"{path.name} is damaged", remedy="run the study again") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path.name} is damaged", remedy="run the study again")
    return content


def _patients(one: _Run, two: _Run, names: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name each patient who came, went or has other values, with the columns that differ."""
    shared = [name for name in one.columns if name in two.columns]
    places = [(name, one.columns.index(name), two.columns.index(name)) for name in shared]
    for token in sorted({*one.patients, *two.patients}, key=lambda token: names.get(token, token)):
        name = names.get(token, token)
        if token not in one.patients:
            yield name, ADDED, ""
        elif token not in two.patients:
            yield name, REMOVED, ""
        else:
            before, after = one.patients[token], two.patients[token]
            moved = [column for column, i, j in places if before[i] != after[j]]
            if moved:
                yield name, CHANGED, ", ".join(moved)


def _settings(one: _Run, two: _Run) -> Iterator[tuple[str, str, str]]:
    flat = [dict(_flatten({key: run.manifest.get(key) for key in COMPARED})) for run in (one, two)]
    for key in dict.fromkeys((*flat[0], *flat[1])):
        was, now = (values.get(key, "") for values in flat)
        if was != now:
            yield key, was, now


def _flatten(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(inner, dict) for inner in value):
        for number, inner in enumerate(value, start=1):
            yield from _flatten(inner, f"{key}[{number}]")
    else:
        yield key, json.dumps(value, ensure_ascii=False)


def _numbers(one: _Run, two: _Run) -> pd.DataFrame:
    before, after = (dict(_keyed(run.records)) for run in (one, two))
    rows = []
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key, {}), after.get(key, {})
        for number in NUMBERS:
            own = was.get(number), now.get(number)
            if own[0] == own[1]:
                continue
            old, new = (math.nan if value is None else float(value) for value in own)
            what = was or now
            shift = _in_errors(old, new, was) if number == "estimate" else math.nan
            rows.append(
                {name: what.get(name, "") for name in (*KEYS, *KEYS_OF_TIME)}
                | {"number": number, "was": old, "now": new, "change": new - old, "std_errors": shift}
            )
    columns = [*KEYS, *KEYS_OF_TIME, "number", "was", "now", "change", "std_errors"]
    table = pd.DataFrame(rows, columns=columns)
    # what moved most comes first; numbers without a standard error keep their order behind those
    order = table["std_errors"].astype(float).abs().fillna(-1).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _in_errors(old: float, new: float, was: Mapping[str, Any]) -> float:
    """Tell a shift in standard errors of the first run; that of a ratio is on the scale of logarithms."""
    error, measure = float(was.get("std_error") or 0), str(was.get("measure"))
    if not error:
        return math.nan
    if "ratio" in measure and not measure.startswith("log "):
        return math.log(new / old) / error if min(old, new) > 0 else math.nan
    return (new - old) / error


def _keyed(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    seen: Counter[tuple[str, ...]] = Counter()
    for record in records:
        key = tuple(str(record.get(name, "")) for name in (*KEYS, *KEYS_OF_TIME))
        seen[key] += 1
        yield (*key, str(seen[key])), record


def _sentences(one: _Run, two: _Run) -> Iterator[tuple[str, str, str]]:
    before, after = one.sentences, two.sentences
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        old, new = before[i:j], after[k:m]
        for place in range(max(len(old), len(new))):
            was = old[place] if place < len(old) else ("", "")
            now = new[place] if place < len(new) else ("", "")
            yield now[0] or was[0], was[1], now[1]


def _place(one: Mapping[Any, Any]) -> str:
    words = [str(one[name]) for name in (*KEYS, *KEYS_OF_TIME) if str(one[name]) not in {"", "nan"}]
    return _cut(" · ".join(words))


def _written(value: object) -> str:
    number = float(value)  # type: ignore[arg-type]
    if math.isnan(number):
        return ""
    return format_number(number, 0) if number.is_integer() else format_significant(number)


def _cut(text: str, longest: int = 110) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
