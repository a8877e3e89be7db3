"""Times and events that cannot be what they claim, as files that the command line runs.

The numbers are those of the classes of bad input, 1 to 31; ``test_time_and_event`` has what the library says of them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from bad_input.study_files import (
    CURVE,
    DATA,
    ENDPOINT,
    MODEL,
    PLAIN_HEAD,
    Rows,
    as_lines,
    completed,
    places,
    plain,
    plain_rows,
    refused,
    refused_settings,
    results,
    the,
    write_canonical,
    write_plain,
)

from survmodel.study.run import run_study

Write = Callable[[Path], Path]
TWO = MODEL.replace('"age"', '"age + sex"')
ENTRY = ENDPOINT + 'entry = "entry"\n'
ENTRY_COLUMN = '[column.entry]\ntype = "number"\nunit = "days"\nrole = "outcome"\n'
EVENT_OF_WORDS = PLAIN_HEAD.replace(
    'label = "death"\ntype = "integer"',
    'label = "death"\ntype = "category"\nlevels = { "ja" = "ja", "nein" = "nein" }',
)


def damaged(column: str, cells: Mapping[int, str] | Callable[[int, str], str], **options: str) -> Write:
    return lambda folder: write_plain(folder, plain(column, cells), **options)


def entered(cells: Mapping[int, str], **options: str) -> Write:
    """A study with late entry, on day 10 unless a line says something else."""
    rows = [[*row, cells.get(line, "10") if line > 1 else "entry"] for line, row in enumerate(plain_rows(), start=1)]
    options = {"endpoint": ENTRY, "more": ENTRY_COLUMN} | options
    return lambda folder: write_plain(folder, as_lines(rows), **options)


def as_words(line: int, code: str) -> str:
    return "ja" if code == "1" else "nein"


def plus_one(line: int, code: str) -> str:
    return str(int(code) + 1)


def died(*lines: int) -> Callable[[int, str], str]:
    return lambda line, _: str(int(line in lines))


EVERY_LINE = tuple(range(2, 42))
STRANGE = (
    'say in [endpoint.os] what {0} is',
    'event_value = 1 and competing = {{ "{0}" = "its name" }}',
    "unknown belongs in missing of [column.dead]",
)  # fmt: skip


def strange(code: str) -> tuple[str, ...]:
    return tuple(words.format(code) for words in STRANGE)


@pytest.mark.parametrize(
    ("write", "code", "column", "rows", "said"),
    [
        pytest.param(*case, id=f"{number:02d}")
        for number, *case in [
            (1, damaged("days", {5: "-5", 7: "-2"}), "D041", "days", (5, 7), ("negative, smallest -5", "swapped?")),
            (4, damaged("days", {5: ""}), "D040", "days", (5,), ("missing", "endpoint os", "Find the value")),
            (5, damaged("days", {5: "inf"}), "D021", "days", (5,), ("an infinite number, found 'inf'", "Correct")),
            (5, damaged("days", {5: "1e308"}), "D047", "days", (5,), ("beyond any follow-up", "times are in days")),
            (5, damaged("days", {5: "1e999"}), "D021", "days", (5,), ("beyond all measure", "Correct the cells")),
            (6, damaged("days", {5: "a year"}), "D021", "days", (5,), ("not a number", "declare what they mean")),
            (7, damaged("days", {5: "12,3"}), "D020", "days", (5,), ("a decimal comma", 'Set decimal = ","')),
            (8, damaged("days", {5: "1.234,5"}), "D026", "days", (5,), ("thousands separator", "without separators")),
            (8, damaged("days", {5: "1 234"}), "D026", "days", (5,), ("thousands separator", "without separators")),
            (9, damaged("dead", plus_one), "D042", "dead", None, ("event codes 1, 2", "event_value = 2")),
            (10, damaged("dead", lambda *_: "1"), "D042", "dead", EVERY_LINE,
             ("every event code is 1", "event_value = 1, or event_value = 2")),
            (11, damaged("dead", {5: "2"}), "D042", "dead", (5,), ("event codes 0, 1, 2", *strange("2"))),
            (12, damaged("dead", as_words), "D021", "dead", EVERY_LINE,
             ("'ja', 'nein'", 'levels = { "ja" = "ja", "nein" = "nein" }', 'event_value = "ja"')),
            (12, damaged("dead", as_words, head=EVENT_OF_WORDS), "D042", "dead", EVERY_LINE,
             ("event codes ja, nein", "event_value = 'ja' or event_value = 'nein'")),
            (12, damaged("dead", {5: "yes"}), "D021", "dead", (5,), ("not a number", "Correct the cells")),
            (14, damaged("dead", {5: "", 8: ""}), "D040", "dead", (5, 8), ("missing", "leave the patient out")),
            (14, damaged("dead", {5: "NA"}), "D022", "dead", (5,), ("a word for missing", "[column.dead]")),
            (15, damaged("dead", {5: "0.5"}), "D021", "dead", (5,), ("not a whole number", "Correct the cells")),
            (15, damaged("dead", {5: "-1"}), "D042", "dead", (5,), ("event codes -1, 0, 1", *strange("-1"))),
            (15, damaged("dead", {5: "9"}), "D042", "dead", (5,), ("event codes 0, 1, 9", *strange("9"))),
            (26, entered({5: "5000"}), "D045", "entry", (5,), ("at or after the end of follow-up", "Check the two")),
            (26, entered({5: str(int(plain_rows()[4][2]) - 1e-7)}), "D045", "entry", (5,),
             ("at or after the end of follow-up", "Check the two")),
            (26, entered({5: "-3"}), "D041", "entry", (5,), ("negative, smallest -3", "swapped?")),
            (27, entered({5: ""}), "D044", "entry", (5,), ("unknown is not the same as 0", "Find the value")),
        ]
    ],
)  # fmt: skip
def test_refused_by_line_and_column(write, code, column, rows, said, tmp_path, capsys):
    problems = refused(write(tmp_path / "study"), capsys)
    expected = rows or tuple(line for line in EVERY_LINE if (line - 2) % 5 < 3)
    assert places(problems) == [(code, "patients.csv", column, expected)]
    for words in said:
        assert words in str(problems[0]["message"])


def test_27_nobody_has_an_entry(tmp_path, capsys):
    problems = refused(entered(dict.fromkeys(EVERY_LINE, ""))(tmp_path / "study"), capsys)
    assert places(problems) == [("D044", "patients.csv", "entry", EVERY_LINE)]


def test_identifiers_in_the_wrong_column_are_not_shown(tmp_path, capsys):
    for column in ("dead", "days"):
        (problem,) = refused(damaged(column, lambda line, _: f"KEY-{line}")(tmp_path / column), capsys)
        assert (problem["code"], problem["column"], problem["n_rows"]) == ("D021", column, 40)


def quoted() -> Rows:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(plain_rows())
    return out.getvalue().splitlines()


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    run = run_study(write_plain(folder / "study", more=MODEL), folder / "out")
    return (run.out / "results.json").read_bytes()


@pytest.mark.parametrize("kind", ["text", "integer"])
@pytest.mark.parametrize("more", ["", "event_value = {}\n", 'event_value = {}\ncompeting = {{ "5" = "accident" }}\n'])
def test_identifiers_instead_of_codes_are_not_shown(kind, more, tmp_path, capsys):
    """Whatever stands in the column of events, only what can be a code is listed."""
    cells = [f"KEY-{line}" if kind == "text" else str(7654300 + line) for line in range(1, 42)]
    rows = [[*row, cell if line else "id"] for line, (row, cell) in enumerate(zip(plain_rows(), cells, strict=True))]
    rows[0] = ["pid", *rows[0][1:-1], "scan_id"]
    column = f'[column.scan_id]\ntype = "{kind}"\nrole = "outcome"\n'
    endpoint = ENDPOINT.replace('"dead"', '"scan_id"') + more.format('"dead"' if kind == "text" else 3)
    head = PLAIN_HEAD.replace("[column.id]", "[column.pid]")
    (problem,) = refused(
        write_plain(tmp_path / "study", as_lines(rows), endpoint=endpoint, more=column, head=head), capsys
    )
    assert problem["code"] in {"D042", "D043"}
    assert "40 different values, not shown, since they may name persons" in str(problem["message"])


def test_codes_are_written_as_in_the_file(tmp_path, capsys):
    """A missing cell makes numbers of codes, 2.0 for 2, which nobody wrote."""
    problems = refused(damaged("dead", {5: "2", 8: ""})(tmp_path / "study"), capsys)
    assert [problem["code"] for problem in problems] == ["D040", "D042"]
    assert "event codes 0, 1, 2. 0 for censored" in str(problems[1]["message"])
    assert 'competing = { "2" = "its name" }' in str(problems[1]["message"])


class TestWaysOut:
    """What a refusal advises gives the numbers of the study without the flaw."""

    @pytest.mark.parametrize(
        ("lines", "options"),
        [
            pytest.param(quoted, {}, id="06-13-text"),
            pytest.param(
                lambda: as_lines([[cell.replace(".", ",") for cell in row] for row in plain_rows()], delimiter=";"),
                {"data": DATA + 'delimiter = ";"\ndecimal = ","\n'}, id="07-comma",
            ),
            pytest.param(lambda: plain("dead", plus_one), {"endpoint": ENDPOINT + "event_value = 2\n"}, id="09-codes"),
            pytest.param(lambda: plain("dead", as_words), {"endpoint": ENDPOINT + 'event_value = "ja"\n',
                                                           "head": EVENT_OF_WORDS}, id="12-words"),
        ],
    )  # fmt: skip
    def test_the_same_numbers(self, lines, options, clean, tmp_path, capsys):
        done = completed(write_plain(tmp_path / "study", lines(), more=MODEL, **options), capsys)
        assert done.problems == []
        assert results(done) == clean

    def test_04_a_patient_without_a_time_is_left_out_and_counted(self, tmp_path, capsys):
        out = '[[exclude]]\nid = "KEY-0003"\nreason = "never seen again"\n'
        done = completed(damaged("days", {5: ""}, more=MODEL + out)(tmp_path / "study"), capsys)
        assert "Set aside: never seen again,1,39" in done.files["tables/flow.csv"].decode()
        assert "Set aside: never seen again" in done.report

    def test_11_another_event_competes(self, tmp_path, capsys):
        endpoint = ENDPOINT + 'event_value = 1\ncompeting = { "2" = "accident" }\n'
        done = completed(damaged("dead", {5: "2"}, endpoint=endpoint)(tmp_path / "study"), capsys)
        assert "accident 1 (2.5%)" in done.report


@pytest.mark.parametrize(
    ("write", "status", "code", "severity", "column", "rows", "said"),
    [
        pytest.param(*case, id=f"{number:02d}")
        for number, *case in [
            (2, damaged("days", {2: "0"}, more=MODEL), 0, "E046", "warning", "days", [2],
             ["an event at time 0; kept", "parametric models cannot use"]),
            (3, damaged("days", {5: "0"}, more=MODEL), 0, "E003", "note", "days", [5],
             ["censored at time 0; counted as a patient, and adds nothing else"]),
            (10, damaged("dead", lambda *_: "1", endpoint=ENDPOINT + "event_value = 2\n", more=MODEL), 4, "E015",
             "warning", "dead", [], ["nobody has the event value 2", "there are no events"]),
            (16, damaged("dead", lambda line, _: str(int(line not in (2, 12))), more=MODEL), 0, "S002", "warning", "",
             [], ["more than 90 % of rows are events", "check the coding of event"]),
            (18, damaged("days", {5: "1000000"}, more=MODEL), 0, "E018", "warning", "days", [5],
             ["a time more than 100 times the median", "Check its unit"]),
            (19, damaged("days", lambda *_: "300", more=MODEL), 4, "S002", "warning", "", [],
             ["all times are equal", "all events happen at one time"]),
            (21, damaged("dead", lambda *_: "1", endpoint=ENDPOINT + "event_value = 1\n", more=MODEL), 0, "S002",
             "warning", "", [], ["no censoring: follow-up is not estimable"]),
            (22, damaged("dead", died(5, 20, 33), more=MODEL), 0, "S002", "warning", "", [],
             ["3 events for 1 coefficient", "estimates tend to be too large"]),
            (31, entered({line: str(min(int(row[2]) - 1, 150)) for line, row in enumerate(plain_rows(), start=1)
                          if line > 3}, more=ENTRY_COLUMN + CURVE.replace('by = "sex"\n', "")),
             0, "S002", "warning", "", [],
             ["while fewer than 10 are at risk", "(smallest 2 at risk, at 100 days)", "the event at 153 days"]),
        ]
    ],
)  # fmt: skip
def test_warned_and_told_in_the_report(write, status, code, severity, column, rows, said, tmp_path, capsys):
    done = completed(write(tmp_path / "study"), capsys, status)
    assert (severity, column, rows) in [
        (one["severity"], one["column"], one["rows"]) for one in done.problems if one["code"] == code
    ]
    for words in said:
        assert words.casefold() in done.report.casefold()
    analysed = [one for one in json.loads(results(done))["records"] if one["step"] == "cox/age"]
    assert all(one["n"] == 40 for one in analysed if one["measure"] == "fit")


class TestUnits:
    """Class 17: the times of one site in another unit than those of the others."""

    @pytest.mark.parametrize(
        ("factor", "said"),
        [
            (30.4, "30 times shorter"),
            (12, "12 times shorter"),
            (365.25, "366 times shorter"),
            (1 / 30.4, "30 times longer"),
        ],
    )
    def test_one_site_of_several(self, factor, said, tmp_path, capsys):
        """Of three patients in a row with the same time, one is of each site."""
        rows = plain_rows(39)
        for line in range(2, 41):
            triple, site = divmod(line - 2, 3)
            days = 200 + 10 * triple
            rows[line - 1][1:3] = [("north", "west", "south")[site], f"{days / factor:.2f}" if site == 1 else str(days)]
        here = list(range(3, 41, 3))
        done = completed(write_plain(tmp_path / "study", as_lines(rows)), capsys)
        problem = the(done.problems, "D048")
        assert (problem["severity"], problem["column"], problem["rows"]) == ("warning", "days", here)
        assert f"about {said} than those of the others" in done.report
        assert "months instead of days?" in done.report

    def test_of_two_equal_sites_the_one_with_short_times_is_named(self, tmp_path, capsys):
        write = damaged("days", lambda line, days: str(round(int(days) / 30.4, 1)) if line % 2 else days)
        problem = the(completed(write(tmp_path / "study"), capsys).problems, "D048")
        assert problem["rows"] == [line for line in EVERY_LINE if line % 2]

    @pytest.mark.parametrize("factor", [1, 3, 7, 20, 60])
    def test_other_differences_are_those_of_the_patients(self, factor, tmp_path, capsys):
        write = damaged("days", lambda line, days: str(int(days) * factor) if line % 2 else days)
        assert "D048" not in [one["code"] for one in completed(write(tmp_path / "study"), capsys).problems]

    def test_times_beside_canonical_tables(self, tmp_path, capsys):
        """The site stands in one file, the times in another."""
        sites = {line: "north" if line < 9 else "south" for line in range(2, 18)}
        patients = [f"KEY-{line},{site},lymphoma,FL" for line, site in sites.items()]
        months = [f"KEY-{line},alive,2024-01-08,{12 if line < 9 else 365},{line % 2}" for line in sites]
        files = {
            "patients": ["patient_id,site,disease_group,entity", *patients],
            "follow_up": ["patient_id,vital_status,last_contact_date,days,dead", *months],
        }
        columns = "".join(
            f'[column.{name}]\ntype = "integer"\ntable = "follow_up"\nrole = "outcome"\n' for name in ("days", "dead")
        )
        study = write_canonical(tmp_path / "study", files, only=("patients", "follow_up"), more=columns,
                                endpoint=ENDPOINT)  # fmt: skip
        problem = the(completed(study, capsys, 0).problems, "D048")
        assert (problem["file"], problem["column"], problem["rows"]) == ("follow_up.csv", "days", list(range(2, 9)))

    @pytest.mark.parametrize(("n", "is_told"), [(4, False), (5, True)])
    def test_few_patients_say_nothing(self, n, is_told, tmp_path, capsys):
        rows = plain_rows()
        for line in EVERY_LINE:
            rows[line - 1][1:3] = ["west", "12"] if line < 2 + n else ["north", "360"]
        done = completed(write_plain(tmp_path / "study", as_lines(rows)), capsys)
        assert ("D048" in [one["code"] for one in done.problems]) == is_told


def test_20_no_events(tmp_path, capsys):
    done = completed(damaged("dead", died(), more=MODEL + CURVE)(tmp_path / "study"), capsys, 4)
    failed = [str(one["problem"]).split(":")[0] for one in done.problems if one["code"] == "S001"]
    assert failed == ["logrank/os/sex", "cox/age", "proportional_hazards/age", "concordance/age"]
    for words in ("there are no events", "the median is not reached", "upper 95% limit of the rate", "not reached"):
        assert words in done.report.replace("There are", "there are")
    assert "figures/km_os_sex.svg" in done.files


def test_22_few_events_for_several_variables(tmp_path, capsys):
    done = completed(damaged("dead", died(5, 20, 33), more=TWO)(tmp_path / "study"), capsys, 4)
    assert "2 coefficients cannot be estimated from 3 events" in done.report
    assert done.files["STATUS"] == b"FAILED\n"
    assert "report.INCOMPLETE.html" in done.files


def test_23_events_per_variable(tmp_path, capsys):
    done = completed(damaged("dead", died(*range(2, 41, 5)), more=TWO)(tmp_path / "study"), capsys)
    assert "8 events for 2 coefficients: estimates tend to be too large; consider fewer columns" in done.report


def test_25_a_horizon_beyond_follow_up_has_no_estimate(tmp_path, capsys):
    study = write_plain(tmp_path / "study", endpoint=ENDPOINT + "horizons = [200, 9000]\n", more=CURVE)
    done = completed(study, capsys)
    rows = list(csv.reader(done.files["tables/survival_os_sex.csv"].decode().splitlines()))
    late = rows[next(i for i, row in enumerate(rows) if row[0].startswith("At 9000")) + 1 :]
    assert [row[-2:] for row in late] == [["—", "—"], ["—", "—"]]
    assert "no estimate beyond the last follow-up of the group" in done.report
    records = json.loads(results(done))["records"]
    beyond = [one["estimate"] for one in records if one["measure"] == "survival" and one["time"] == 9000]
    assert beyond == [None, None]


#: Classes whose statistic or shape of data no key of a study file can ask for: class, a key that would, and the reason.
NOT_REACHED = (
    (24, "rmst = 365\n", "restricted means are computed by the library alone"),
    (25, "auc = [365]\n", "AUC and Brier score are no steps of a study; horizons are read from curves"),
    (28, 'start = "entry"\n', "a study has one row for each patient, so that rows of one cannot overlap"),
    (29, 'stop = "days"\n', "a study has one row for each patient, so that there is no gap between rows"),
    (30, 'id = "id"\n', "a study has one row for each patient, so that nobody has a second event"),
)


@pytest.mark.parametrize(("number", "key", "reason"), NOT_REACHED)
def test_a_study_file_cannot_ask_for_it(number, key, reason, tmp_path, capsys):
    said = refused_settings(write_plain(tmp_path / "study", endpoint=ENDPOINT + key), capsys)
    assert f"endpoint.os.{key.split()[0]}: unknown key" in said
    assert "known: " in said or "did you mean" in said


@pytest.mark.parametrize("table", ["[validation]\nbootstrap = 200\n", '[[rmst]]\nendpoint = "os"\nhorizon = 365\n'])
def test_nor_can_a_table_of_its_own(table, tmp_path, capsys):
    said = refused_settings(write_plain(tmp_path / "study", more=table), capsys)
    assert "not available in this version" in said or "unknown key" in said


def test_28_to_30_rows_of_one_patient_are_refused(tmp_path, capsys):
    (problem,) = refused(write_plain(tmp_path / "study", [*plain(), "KEY-0003,north,900,1,61,f"]), capsys)
    assert (problem["code"], problem["rows"]) == ("D031", [5, 42])
