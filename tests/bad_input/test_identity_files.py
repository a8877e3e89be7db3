"""Patients, rows and groups that are not what they claim, as files that the command line runs: classes 50 to 71."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    CURVE,
    DATA,
    MODEL,
    PFS,
    PLAIN_HEAD,
    Rows,
    Run,
    changed,
    completed,
    places,
    plain,
    plain_rows,
    refused,
    results,
    shows_nothing,
    the,
    write_canonical,
    write_plain,
)
from data.study_files import with_cell, with_row, without_row

from survmodel.study.preparation import build_cohort
from survmodel.study.run import run_study

Write = Callable[[Path], Path]
SITES = PLAIN_HEAD.replace(
    '[column.site]\ntype = "text"',
    '[column.site]\ntype = "category"\nlevels = { "north" = "north", "south" = "south", "west" = "west" }',
)


def tables(*changes: dict[str, Rows | bytes], **options: str) -> Write:
    return lambda folder: write_canonical(folder, *changes, **options)


def lines(text: Sequence[str], **options: str) -> Write:
    return lambda folder: write_plain(folder, text, **options)


def more(*rows: str, **options: str) -> Write:
    """The plain table with rows added at its end: lines 42, 43, ..."""
    return lines([*plain(), *(f"{row},north,300,1,60,f" for row in rows)], **options)


def head(text: str, rows: Rows | None = None) -> Write:
    """The plain table under another header."""
    return lines([text, *(plain()[1:] if rows is None else rows)])


def everywhere(old: str, new: str) -> dict[str, Rows]:
    return {table: [row.replace(old, new) for row in rows] for table, rows in CANONICAL_FILES.items()}


def with_index(heading: str) -> Rows:
    return [f"{line if line else heading},{row}" for line, row in enumerate(plain())]


HEADER = "id,site,days,dead,age,sex"
PATIENTS, SCANS, LESIONS, FOLLOW_UP = "patients.csv", "scans.csv", "lesions.csv", "follow_up.csv"
RULES = '[analysis_set.few]\ninclude = { "confirmed" = "not confirmed", "ecog == 4" = "not bedridden" }\n'
COPIES = "Remove the copies, or correct the identifiers"


@pytest.mark.parametrize(
    ("write", "expected", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (50, more("KEY-0003"), [("D031", PATIENTS, "id", (5, 42))], ["more than once", COPIES]),
            (50, tables(with_row("patients", CANONICAL_FILES["patients"][1])),
             [("D031", PATIENTS, "patient_id", (2, 6))], ["more than once", COPIES]),
            (52, more("1.23E+05", "01-Mar", "2016-03-01"), [("D103", PATIENTS, "id", (42, 43, 44))],
             ["a spreadsheet turned into a number or a date", "Set the column to text"]),
            (52, tables(everywhere("KEY-A2", "1.23E+05")),
             [("D103", PATIENTS, "patient_id", (3,)), ("D103", SCANS, "patient_id", (4, 5)),
              ("D103", FOLLOW_UP, "patient_id", (3,))], ["enter the identifiers again"]),
            (53, tables(with_cell("lesions", 3, "scan_id", "SCAN-99")),
             [("D104", LESIONS, "scan_id", (3,))], ["belongs to no row of scans", "Add the row to scans"]),
            (53, tables(with_cell("scans", 3, "patient_id", "key-a01")),
             [("D104", SCANS, "patient_id", (3,))], ["1 would be found but for case", "correct the identifier"]),
            (55, tables(with_cell("lesions", 3, "lesion_id", "L1")),
             [("D101", LESIONS, "lesion_id", (2, 3))], ["the same scan_id, segmentation and lesion_id", COPIES]),
            (56, tables(with_row("scans", "SCAN-9,KEY-A1,cxcr4,,2021-01-20,A,")),
             [("D108", SCANS, "scan_role", (2, 10))], ["more than one baseline scan", "Say in scan_role"]),
            (57, tables(with_cell("scans", 3, "tracer", "CXCR-4")),
             [("D023", SCANS, "tracer", (3,))], ["level not declared: 'CXCR-4'", "did you mean 'cxcr4'?"]),
            (57, tables(with_cell("scans", 3, "tracer", "FDG ")),
             [("D023", SCANS, "tracer", (3,))], ["level not declared: 'FDG '", "did you mean 'fdg'?"]),
            (57, tables(with_cell("scans", 3, "tracer", "Pentixafor")),
             [("D023", SCANS, "tracer", (3,))], ["'Pentixafor'", "declared: 'cxcr4', 'fdg'", "one of the declared"]),
            (57, tables(with_cell("scans", 3, "tracer", "")),
             [("D032", SCANS, "tracer", (3,))], ["missing, and every row needs it", "Find the value"]),
            (59, tables(with_row("follow_up", CANONICAL_FILES["follow_up"][1])),
             [("D031", FOLLOW_UP, "patient_id", (2, 6))], ["One row for each identifier", COPIES]),
            (60, tables({"lesions": b""}), [("D001", LESIONS, "", ())], ["the file is empty", "Check the export"]),
            (60, tables({"lesions": b"\n\n"}), [("D001", LESIONS, "", ())], ["the file is empty"]),
            (60, tables({"lesions": CANONICAL_FILES["lesions"][:1]}),
             [("D002", LESIONS, "", ())], ["a header and no rows", "Check the export"]),
            (60, tables(endpoint=PFS + 'analysis_set = "few"\n', more=RULES),
             [("D046", "", "", ())], ["nobody is left", "the last left: not bedridden", "Check the rules of the set"]),
            (61, head("id,site,days,dead,days,sex"),
             [("D010", PATIENTS, "days", (1,)), ("D007", PATIENTS, "age", ())],
             ["this name 2 times", "Rename the columns"]),
            (61, tables(with_cell("scans", 1, "scanner", "tracer")),
             [("D010", SCANS, "tracer", (1,))], ["this name 2 times", "Rename the columns"]),
            (62, head("id,site,days,dead,Alter,sex"),
             [("D007", PATIENTS, "age", ())], ["no such column", "known: id, site, days, dead, Alter, sex"]),
            (62, head("id,site,Days,dead,age,sex"),
             [("D007", PATIENTS, "days", ())], ["no such column", "did you mean 'Days'"]),
            (63, lines([*plain()[:10], ",,,,,", *plain()[10:]]),
             [("D011", PATIENTS, "", (11,))], ["the row is blank", "Remove blank rows"]),
            (63, more("Mean"), [("D017", PATIENTS, "", (42,))],
             ["a row of totals, not a patient", "Remove the rows below the data"]),
            (64, head(HEADER, plain()), [("D015", PATIENTS, "", (2,))],
             ["a second header line", "Keep one header line"]),
            (64, head("id,site,days,,age,sex"),
             [("D007", PATIENTS, "dead", ()), ("D016", PATIENTS, "", (1,))],
             ["column 4 has cells and no heading", "without merged cells"]),
            (64, head("Patient,,Outcome,,,", plain()),
             [("D007", PATIENTS, "", (1,))], ["names none of the declared columns", "what stands above the header"]),
            (65, lines([*plain()[:4], plain()[4] + ",7", *plain()[5:]]),
             [("D008", PATIENTS, "", (5,))], ["the row has 7 cells", "6 cells, as in the header", "quotation marks"]),
            (66, lines([row.replace(",", ";") for row in plain()]),
             [("D006", PATIENTS, "", (1,))], ["only one column found", 'Set delimiter = ";"']),
            (66, lines([row.replace(",", "\t") for row in plain()]),
             [("D006", PATIENTS, "", (1,))], ["looks like a tab", 'Set delimiter = "\\t"']),
            (67, lines([*plain()[:4], plain()[4].replace("south", '"south'), *plain()[5:]]),
             [("D005", PATIENTS, "", (5,))], ["quotation mark is not closed", "begins on this line"]),
        ]
    ],
)  # fmt: skip
def test_refused_by_line_and_column(write, expected, said, tmp_path, capsys):
    problems = refused(write(tmp_path / "study"), capsys)
    assert places(problems) == expected
    told = " ".join(str(problem["message"]) for problem in problems)
    for words in said:
        assert words.casefold() in told.casefold()


@pytest.mark.parametrize(
    ("write", "code", "place", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (51, more("key-0003"), "D102", ("warning", PATIENTS, "id", [5, 42]), "differ only by case"),
            (51, more("KEY\u20100003 "), "D102", ("warning", PATIENTS, "id", [5, 42]), "leading zeros or dashes"),
            (51, more("007", "7"), "D102", ("warning", PATIENTS, "id", [42, 43]), "Write the identifier of a"),
            (51, tables(with_row("patients", "key-a2,north,lymphoma,FL,,,,,,,,")), "D102",
             ("warning", PATIENTS, "patient_id", [3, 6]), "rename those that are different patients"),
            (54, tables(without_row("lesions", 4)), "D105", ("warning", PATIENTS, "patient_id", [3]),
             "the volume is 0 and SUVmax is missing"),
            (58, tables(without_row("scans", 9)), "D109", ("warning", PATIENTS, "patient_id", [5]),
             "Paired comparisons use the pairs: 3 patients have both tracers"),
            (69, tables(everywhere("myeloma,MM,male", "leukemia,CLL,male")), "D111",
             ("warning", PATIENTS, "disease_group", [4, 5]), "No curve and no estimate will be given for the group"),
        ]
    ],
)  # fmt: skip
def test_warned_and_told_in_the_report(write, code, place, said, tmp_path, capsys):
    done = completed(write(tmp_path / "study"), capsys)
    problem = the(done.problems, code)
    assert (problem["severity"], problem["file"], problem["column"], problem["rows"]) == place
    assert said in done.report


def test_51_identifiers_are_texts(tmp_path):
    """007 and 7 are two patients, whatever a spreadsheet thinks of them."""
    cohort = build_cohort(more("007", "7")(tmp_path / "study"))
    assert list(cohort.table.index[-2:]) == ["007", "7"]


def test_54_a_patient_without_lesions_has_no_volume_and_no_uptake(tmp_path):
    table = build_cohort(tables(without_row("lesions", 4))(tmp_path / "study")).table
    assert table.loc["KEY-A2", "cxcr4_mtv_41pct"] == 0
    assert np.isnan(table.loc["KEY-A2", "cxcr4_suvmax"])
    assert len(table) == 4


def test_56_roles_settle_which_scan_is_the_baseline(tmp_path, capsys):
    later = with_row("scans", "SCAN-9,KEY-A1,cxcr4,interim,2021-04-20,A,")
    assert completed(tables(later)(tmp_path / "study"), capsys).problems == []


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clean")
    return (run_study(write_plain(folder / "study", more=MODEL), folder / "out").out / "results.json").read_bytes()


@pytest.mark.parametrize(
    ("text", "data", "codes", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (63, [f"{row},," for row in plain()], DATA, [], "2 columns of patients.csv that the study file does not"),
            (63, [*plain(), "", ",,,,,"], DATA, [], ""),
            (66, [row.replace(",", ";") for row in plain()], DATA + 'delimiter = ";"\n', [], ""),
            (68, with_index("Unnamed: 0"), DATA, [("D014", "note")], "a column of row numbers was left out"),
            (68, with_index(""), DATA, [("D014", "note")], "a column of row numbers was left out"),
        ]
    ],
)  # fmt: skip
def test_what_is_harmless_changes_no_number(text, data, codes, said, clean, tmp_path, capsys):
    done = completed(write_plain(tmp_path / "study", text, data=data, more=MODEL), capsys)
    assert [(one["code"], one["severity"]) for one in done.problems] == codes
    assert said in done.report
    assert results(done) == clean


def records(done, **wanted: object) -> list[dict[str, object]]:
    found = json.loads(results(done))["records"]
    return [one for one in found if all(one.get(key) == value for key, value in wanted.items())]


class TestGroups:
    """Groups that a curve or a test cannot use."""

    def test_69_a_patient_alone_in_a_group_is_neither_drawn_nor_tested(self, tmp_path, capsys):
        alone = lines(plain("site", {5: "west"}), head=SITES, more=CURVE.replace('"sex"', '"site"'))
        done = completed(alone(tmp_path / "study"), capsys)
        assert "site, west: one patient, who is neither drawn nor tested" in done.report.replace("Site", "site")
        assert "West: one patient, not drawn." in done.report
        (test,) = records(done, step="logrank/os/site", measure="test")
        assert test["df"] == 1
        assert b"west" not in done.files["figures/km_os_site.csv"]

    def test_69_a_disease_group_of_one(self, tmp_path, capsys):
        curve = CURVE.replace('"os"', '"pfs"').replace('"sex"', '"disease_group"')
        change = changed("patients", (5, "disease_group", "leukemia"), (5, "entity", "CLL"))
        problems = completed(tables(change, more=curve)(tmp_path / "study"), capsys, 4).problems
        assert the(problems, "D111")["rows"] == [4, 5]
        assert "there is only one group" in str(the(problems, "S001")["problem"])

    def test_70_one_group_only(self, tmp_path, capsys):
        everybody = lines(plain("sex", lambda *_: "f"), more=CURVE + MODEL.replace('"age"', '"age + sex"'))
        done = completed(everybody(tmp_path / "study"), capsys, 4)
        assert "Log-rank test: not estimable: there is only one group: all 40 rows are in 'female'" in done.report
        assert "sex is constant: it has the single level 'female'. Leave it out of the formula" in done.report
        assert records(done, step="logrank/os/sex", measure="test") == []

    def test_71_patients_without_a_group_are_left_out_and_counted(self, tmp_path, capsys):
        """The numbers are those of a file without the two patients."""
        done = completed(lines(plain("sex", {5: "", 8: ""}), more=CURVE)(tmp_path / "study"), capsys)
        assert "2 patients without a group are left out" in done.report
        rest = [row for line, row in enumerate(plain(), start=1) if line not in {5, 8}]
        hand = completed(lines(rest, more=CURVE)(tmp_path / "rest"), capsys)
        for step in ("logrank/os/sex", "curve/os/sex"):
            assert records(done, step=step) == records(hand, step=step) != []

    def test_71_a_group_may_be_declared_for_those_who_have_none(self, tmp_path, capsys):
        named = PLAIN_HEAD.replace('"m" = "male" }', '"m" = "male", "u" = "not known" }')
        done = completed(lines(plain("sex", {5: "u", 8: "u"}), head=named, more=CURVE)(tmp_path / "study"), capsys)
        (test,) = records(done, step="logrank/os/sex", measure="test")
        assert test["df"] == 2
        assert "not known" in done.report

    def test_71_without_a_disease_group_a_patient_is_described_in_none(self, tmp_path, capsys):
        groups = PLAIN_HEAD.replace("[groups]\n", '[groups]\ncolumn = "sex"\n')
        done = completed(lines(plain("sex", {5: "", 8: ""}), head=groups)(tmp_path / "study"), capsys)
        problem = the(done.problems, "S002")
        assert "2 patients without a value of 'sex'" in str(problem["problem"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lambda line: f"KEY-{line}", "nearly every patient has a text of his or her own"),
        (lambda line: f"seen on 2021-03-{line % 28 + 1:02d}", "holds dates in a column of text"),
        (lambda line: f"{line % 28 + 1}.3.2021", "holds dates in a column of text"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "canonical"])
def test_a_column_of_text_that_tells_who_it_is_is_refused(kind, text, said, tmp_path, capsys):
    """A report would list the values of a text, as it does those of a category."""
    column = '[column.remark]\ntype = "text"\n'
    if kind == "plain":
        rows = [f"{row},{text(line) if line else 'remark'}" for line, row in enumerate(plain())]
        study = write_plain(tmp_path / "study", rows, more=column)
    else:
        extra = [f"KEY-B{line},north,lymphoma,FL,,,,,,,,,{text(line)}" for line in range(20)]
        patients = [f"{row},{'' if line else 'remark'}" for line, row in enumerate(CANONICAL_FILES["patients"])]
        study = write_canonical(tmp_path / "study", {"patients": [*patients, *extra]}, more=column)
    problem = the(refused(study, capsys), "D114")
    assert problem["column"] == "remark"
    assert said in str(problem["message"])
    assert "leave the column out" in str(problem["message"]).lower()


@pytest.mark.parametrize("leak", ["KEY-0003 is twice", "of 2023-05-09", "in 2021"])
def test_a_leak_would_be_seen(leak, tmp_path):
    study = write_canonical(tmp_path / "study")
    for done in (Run(3, leak, {}), Run(3, "", {"problems.json": leak.encode()})):
        with pytest.raises(AssertionError):
            shows_nothing(study, done)
    shows_nothing(study, Run(0, "row 3 (1 of 40): are the two dates swapped?", {}))


def test_the_plain_study_has_no_flaw(tmp_path, capsys):
    assert completed(write_plain(tmp_path / "study", more=MODEL), capsys).problems == []
    assert len(plain_rows()) == 41


def test_the_canonical_study_has_no_flaw(tmp_path, capsys):
    assert completed(write_canonical(tmp_path / "study"), capsys).problems == []
