"""Dates that cannot be, or contradict each other, as files that the command line runs: classes 32 to 49.

``tests/data`` has what the readers and checks say of each; here a study with the flaw is run from its study file, and
nothing that it prints or writes may show a date.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    CANONICAL_HEAD,
    MODEL,
    Rows,
    changed,
    completed,
    places,
    refused,
    refused_settings,
    results,
    the,
    write_canonical,
)

from survmodel.study.preparation import build_cohort
from survmodel.study.run import run_study

SCANS, FOLLOW_UP = "scans.csv", "follow_up.csv"
BOTH = "Correct the one that is wrong"


def scan_dates(rewrite: Callable[[str], str]) -> dict[str, Rows]:
    """The scans with every date written in another way."""
    head, *rows = (row.split(",") for row in CANONICAL_FILES["scans"])
    at = head.index("scan_date")
    return {"scans": [",".join(head), *(",".join([*row[:at], rewrite(row[at]), *row[at + 1 :]]) for row in rows)]}


def day_first(date: str) -> str:
    year, month, day = date.split("-")
    return f"{day}/{month}/{year}"


def ambiguous(date: str) -> str:
    return f"03/04/{date[:4]}"


def with_zone(date: str) -> str:
    return f"{date}T12:30{'Z' if date < '2021-02-01' else '+02:00'}"


def scan(line: int, text: str) -> dict[str, Rows]:
    return changed("scans", (line, "scan_date", text))


def seen(*cells: tuple[int, str, str]) -> dict[str, Rows]:
    return changed("follow_up", *cells)


ALL_SCANS = tuple(range(2, 10))


@pytest.mark.parametrize(
    ("changes", "expected", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (32, [changed("scans", (4, "scan_date", "2023-06-01"), (5, "scan_date", "2023-06-01")),
                  seen((3, "progression_date", ""))],
             [("D122", SCANS, "scan_date", (4, 5))], ["scan after death", "are the two dates swapped?"]),
            (33, [seen((3, "progression_date", "2023-06-01"))],
             [("D127", FOLLOW_UP, "progression_date", (3,))], ["progression after death", "dates swapped?"]),
            (35, [seen((3, "vital_status", "alive"))],
             [("D124", FOLLOW_UP, "vital_status", (3,))], ["a date of death, and a status other than dead", BOTH]),
            (36, [seen((2, "vital_status", "dead"))],
             [("D125", FOLLOW_UP, "death_date", (2,))], ["dead, and no date of death", "Find the date"]),
            (37, [scan_dates(ambiguous)],
             [("D050", SCANS, "scan_date", ALL_SCANS)],
             ["no cell tells day from month", 'date_format = "%d/%m/%Y", date_format = "%m/%d/%Y"']),
            (37, [scan_dates(day_first)],
             [("D050", SCANS, "scan_date", ALL_SCANS)], ["format needed", 'declare date_format = "%d/%m/%Y"']),
            (38, [scan(5, "13.02.2021")],
             [("D051", SCANS, "scan_date", (5,))], ["more than one format", "in one format"]),
            (39, [scan(5, "13/02/21")], [("D052", SCANS, "scan_date", (5,))], ["two digits", "Write the century"]),
            (40, [scan(5, "44240")],
             [("D053", SCANS, "scan_date", (5,))], ["serial date of a spreadsheet", "declare excel_dates = 1900"]),
            (41, [scan(5, "2021-02-29")], [("D054", SCANS, "scan_date", (5,))], ["the calendar does not have"]),
            (41, [seen((3, "death_date", "2023-04-31"))],
             [("D054", FOLLOW_UP, "death_date", (3,)), ("D125", FOLLOW_UP, "death_date", (3,))],
             ["the calendar does not have", "are day and month swapped?"]),
            (42, [seen((5, "last_contact_date", "2024-07-01"))],
             [("D055", FOLLOW_UP, "last_contact_date", (5,))], ["after the data lock", "or data_lock"]),
            (43, [seen((2, "last_contact_date", "1900-01-01"))],
             [("D056", FOLLOW_UP, "last_contact_date", (2,))], ["placeholder for an unknown date", "Find the date"]),
            (44, [scan_dates(with_zone)],
             [("D058", SCANS, "scan_date", ALL_SCANS)], ["time zones differ", "in the time zone of the hospital"]),
            (45, [seen((3, "progression_date", "2022-11"))],
             [("D059", FOLLOW_UP, "progression_date", (3,))], ["a part of the date is unknown", "report the rule"]),
            (47, [changed("patients", (2, "diagnosis_date", "2021-01-12"))],
             [("D121", "patients.csv", "diagnosis_date", (2,))], ["diagnosis after the baseline", "set suspected"]),
            (47, [seen((2, "last_contact_date", "2021-01-12"))],
             [("D123", SCANS, "scan_date", (3,))], ["baseline scan after the last contact", BOTH]),
            (48, [seen((3, "progression_date", "2021-02-10"))],
             [("D129", FOLLOW_UP, "progression_date", (3,))], ["progression before the baseline", "use a landmark"]),
        ]
    ],
)  # fmt: skip
def test_refused_by_line_and_column(changes, expected, said, tmp_path, capsys):
    problems = refused(write_canonical(tmp_path / "study", *changes), capsys)
    assert sorted(places(problems)) == sorted(expected)
    told = " ".join(str(problem["message"]) for problem in problems)
    for words in said:
        assert words.casefold() in told.casefold()


def test_problems_of_several_files_are_told_at_once(tmp_path, capsys):
    study = write_canonical(tmp_path / "study", scan(5, "2021-02-29"), seen((2, "vital_status", "dead")))
    assert {problem["code"] for problem in refused(study, capsys)} == {"D054", "D125"}


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return (run_study(write_canonical(folder / "study"), folder / "out").out / "results.json").read_bytes()


@pytest.mark.parametrize(
    ("change", "options", "expected", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (34, seen((3, "last_contact_date", "2023-05-08")), {},
             [("D126", "warning", FOLLOW_UP, "last_contact_date", [3])],
             "last contact before progression or death. The later day is used"),
            (37, scan_dates(day_first), {"data": 'date_format = "%d/%m/%Y"\n'}, None, ""),
            (40, scan(5, "44240"), {"data": "excel_dates = 1900\n"},
             [("D053", "warning", SCANS, "scan_date", [5])], "serial date of a spreadsheet, converted as declared"),
            (40, scan(5, "42778"), {"data": "excel_dates = 1904\n"},
             [("D053", "warning", SCANS, "scan_date", [5])], "serial date of a spreadsheet, converted as declared"),
            (43, seen((2, "progression_date", "9999-12-31")), {},
             [("D056", "warning", FOLLOW_UP, "progression_date", [2])],
             "looks like a placeholder for an unknown date, read as missing. Leave unknown dates empty"),
            (43, seen((2, "progression_date", "1111-11-11")), {},
             [("D056", "warning", FOLLOW_UP, "progression_date", [2])], "read as missing"),
            (44, scan(5, "2021-02-13 12:30"), {},
             [("D057", "note", SCANS, "scan_date", [5])], "the time of day was left out"),
        ]
    ],
)  # fmt: skip
def test_told_in_the_report_and_the_same_numbers(change, options, expected, said, clean, tmp_path, capsys):
    if expected is None:
        # The format holds for one file: the others keep theirs.
        files = {"scans": change["scans"]}
        study = write_canonical(tmp_path / "study", files)
        text = study.read_text().replace('"scans.csv"', '"scans.csv", date_format = "%d/%m/%Y"')
        study.write_text(text)
    else:
        study = write_canonical(tmp_path / "study", change, **options)
    done = completed(study, capsys)
    found = [(one["code"], one["severity"], one["file"], one["column"], one["rows"]) for one in done.problems]
    assert found == (expected or [])
    assert said in done.report
    assert results(done) == clean


def test_42_the_clock_has_no_say(tmp_path, capsys):
    study = write_canonical(
        tmp_path / "study", seen((5, "last_contact_date", "2188-01-01")), head=CANONICAL_HEAD.replace("data_lock", "#")
    )
    assert completed(study, capsys).problems == []


@pytest.mark.parametrize(
    ("changes", "code", "place", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (46, [seen((3, "progression_date", "2021-02-11"))], "D128", (FOLLOW_UP, "progression_date", [3]),
             ["progression on the day of the baseline scan", "finding of the scan itself?", "event at time 0"]),
            (47, [changed("patients", (2, "diagnosis_date", "2021-01-24"), (2, "suspected", "yes"))], "D121",
             ("patients.csv", "diagnosis_date", [2]), ["diagnosis after the baseline scan of suspected disease"]),
            (49, [changed("therapy", (2, "therapy_date", "2021-01-10"))], "D130", ("therapy.csv", "therapy_date", [2]),
             ["treatment before the baseline scan of a patient who is declared untreated"]),
        ]
    ],
)  # fmt: skip
def test_warned_and_told_in_the_report(changes, code, place, said, tmp_path, capsys):
    done = completed(write_canonical(tmp_path / "study", *changes), capsys)
    problem = the(done.problems, code)
    assert (problem["severity"], problem["file"], problem["column"], problem["rows"]) == ("warning", *place)
    for words in said:
        assert words.casefold() in done.report.casefold()


def test_46_the_event_counts_at_time_0(tmp_path):
    study = write_canonical(tmp_path / "study", seen((3, "progression_date", "2021-02-11")))
    outcome = build_cohort(study).outcome("pfs")
    assert (outcome.time[1], outcome.event[1], outcome.n) == (0, 1, 4)


@pytest.mark.parametrize(
    "place",
    [
        MODEL.replace('"age"', '"response"').replace('"os"', '"pfs"'),
        '[[marker]]\nname = "response"\n',
    ],
)
def test_49_what_was_measured_after_the_scan_is_no_predictor(place, tmp_path, capsys):
    column = '[column.response]\ntype = "number"\nrole = "post_baseline"\n'
    rows = zip(CANONICAL_FILES["patients"], ("response", *"1221"), strict=True)
    change = {"patients": [f"{row},{text}" for row, text in rows]}
    said = refused_settings(write_canonical(tmp_path / "study", change, more=column + place), capsys)
    assert "column 'response' has the role post_baseline" in said


def test_49_no_key_gives_a_column_the_day_it_was_measured_on(tmp_path, capsys):
    """Only a column with a day of its own could be found to be late; a study file has no such key, and the role."""
    column = '[column.response]\ntype = "number"\nmeasured_on = "scan_date"\n'
    assert "column.response.measured_on: unknown key" in refused_settings(
        write_canonical(tmp_path / "study", more=column), capsys
    )


def test_a_waiver_accepts_one_line_and_no_other(tmp_path, capsys):
    """A contradiction that was looked into does not stop the run; the same in another line does."""
    waiver = '[[waive]]\ncode = "D124"\nrows = [3]\nreason = "the register is behind"\n'
    wrong = seen((3, "vital_status", "alive"))
    done = completed(write_canonical(tmp_path / "waived", wrong, more=waiver), capsys)
    assert done.problems == []
    assert "the register is behind" in done.report
    problems = refused(write_canonical(tmp_path / "other", wrong, more=waiver.replace("[3]", "[2]")), capsys)
    assert the(problems, "D124")["rows"] == [3]
