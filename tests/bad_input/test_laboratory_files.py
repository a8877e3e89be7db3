"""Laboratory values in the wrong unit or beyond a limit of detection, run by the command line: classes 82, 83, 85."""

from __future__ import annotations

import json

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    PLAIN_HEAD,
    as_lines,
    completed,
    places,
    plain_rows,
    refused,
    refused_settings,
    the,
    write_canonical,
    write_plain,
)

from survmodel.study.preparation import build_cohort, check_study

WITH_LABS = (*CANONICAL_FILES, "labs")
#: Four patients with their baseline scans on 11 January, February, March and April 2021.
LABS = [
    "patient_id,lab_date,test,value,unit,uln",
    "KEY-A1,2021-01-10,hemoglobin,12.1,g/dL,",
    "KEY-A2,2021-02-10,hemoglobin,101,g/L,",
    "KEY-A3,2021-03-10,hemoglobin,8.3,mmol/L,",
    "KEY-A1,2021-01-10,ldh,300,U/L,250",
    "KEY-A2,2021-02-10,ldh,3.5,µkat/L,3.5",
    "KEY-A3,2021-03-10,ldh,1.8,xULN,",
    "KEY-A4,2021-04-10,ldh,200,U/L,250",
    "KEY-A1,2021-01-10,b2_microglobulin,2.8,mg/L,2.4",
    "KEY-A2,2021-02-10,b2_microglobulin,300,nmol/L,203",
]


def labs(*changes):
    rows = [line.split(",") for line in LABS]
    for line, column, text in changes:
        rows[line - 1][rows[0].index(column)] = text
    return {"labs": as_lines(rows)}


def test_units_become_one_and_the_report_says_which_sample_counts(tmp_path, capsys):
    study = write_canonical(tmp_path, labs(), only=WITH_LABS)
    table = build_cohort(study).table
    assert table["hemoglobin"].round(4).tolist()[:3] == [12.1, 10.1, 13.3746]  # 8.3 mmol/L of 16.114 g each
    assert table["ldh_uln"].tolist() == [1.2, 1.0, 1.8, 0.8]
    assert table["ldh"].tolist()[:2] == [300.0, 210.0]
    assert table["b2_microglobulin"].tolist()[:2] == [2.8, 3.54]
    done = completed(study, capsys)
    assert "Laboratory values are those of the last sample in the 30 days up to the CXCR4 scan" in done.report


@pytest.mark.parametrize(
    ("change", "code", "column", "lines", "words"),
    [
        ([(2, "value", "121")], "D171", "value", (2,), ["121", "in g/dL, and plausible in g/L", "divided by 10"]),
        ([(3, "unit", "g/dL")], "D171", "value", (3,), ["101", "hemoglobin", "g/L"]),
        ([(5, "value", "5")], "D171", "value", (5,), ["in U/L, and plausible in ukat/L", "times 60"]),
        ([(9, "value", "240")], "D171", "value", (9,), ["and plausible in nmol/L"]),
        ([(7, "value", "230")], "D171", "value", (7,), ["no multiple of the upper limit", "230", "0.05 to 50 xULN"]),
        ([(2, "unit", "mg/mL")], "D170", "unit", (2,), ["'g/dL', 'g/L'", "hemoglobin does not come"]),
        ([(2, "unit", "xULN")], "D170", "unit", (2,), ["hemoglobin"]),
        ([(2, "unit", "")], "D032", "unit", (2,), ["missing"]),
        ([(9, "value", "<0.5")], "D025", "value", (9,), ['below_limit = "half" in [labs]']),
        ([(9, "value", ">20")], "D025", "value", (9,), ['above_limit = "limit" in [labs]']),
        ([(5, "value", "1'234")], "D026", "value", (5,), ["thousands"]),
        ([(5, "test", "LD")], "D023", "test", (5,), ["'ldh'"]),
        ([(5, "patient_id", "KEY-A4"), (5, "lab_date", "2021-04-10")], "D174", "value", (5, 8), ["on one day"]),
        ([(5, "value", "-3")], "D024", "value", (5,), ["0 or more"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path, capsys, change, code, column, lines, words):
    problems = refused(write_canonical(tmp_path, labs(*change), only=WITH_LABS), capsys)
    assert places([the(problems, code)]) == [(code, "labs.csv", column, lines)]
    for word in words:
        assert word.replace("'", "") in str(the(problems, code)["message"]).replace("'", "")


@pytest.mark.parametrize(
    ("change", "code", "column", "lines"),
    [
        ([(2, "value", "1.1")], "D172", "value", (2,)),  # neither g/dL nor g/L nor mmol/L
        ([(5, "uln", "25")], "D173", "uln", (5,)),
    ],
)
def test_what_is_strange_is_told(tmp_path, capsys, change, code, column, lines):
    done = completed(write_canonical(tmp_path, labs(*change), only=WITH_LABS), capsys)
    assert places([the(done.problems, code)]) == [(code, "labs.csv", column, lines)]


def test_a_true_value_is_accepted_with_a_waiver(tmp_path, capsys):
    more = '[[waive]]\ncode = "D171"\nrows = [2]\nreason = "confirmed"\n'
    completed(write_canonical(tmp_path, labs((2, "value", "2.9")), only=WITH_LABS, more=more), capsys)


def test_values_below_the_limit_by_rule_and_counted(tmp_path, capsys):
    more = '[labs]\nbelow_limit = "root"\nabove_limit = "limit"\n'
    study = write_canonical(tmp_path, labs((9, "value", "<1.2"), (10, "value", ">5000")), only=WITH_LABS, more=more)
    table = build_cohort(study).table
    assert table["b2_microglobulin"].tolist()[0] == pytest.approx(1.2 / 2**0.5, rel=1e-12)
    assert table["b2_microglobulin"].tolist()[1] == pytest.approx(59.0, rel=1e-12)
    done = completed(study, capsys)
    assert [(one["code"], one["rows"]) for one in done.problems if one["code"] == "D080"] == [
        ("D080", [9]),
        ("D080", [10]),
    ]


def test_days_and_units_are_those_of_the_study(tmp_path):
    more = '[labs]\ndays_before = 0\ndays_after = 3\nunits = { hemoglobin = "g/L" }\n'
    study = write_canonical(tmp_path, labs((2, "lab_date", "2021-01-12")), only=WITH_LABS, more=more)
    table = build_cohort(study).table
    assert table["hemoglobin"].tolist()[0] == 121.0
    assert table["hemoglobin"].isna().tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    ("more", "only", "words"),
    [
        ("[labs]\ndays_before = 30\n", tuple(CANONICAL_FILES), "no file of labs"),
        ("[labs]\ndays_before = -1\n", WITH_LABS, "days_before"),
        ('[labs]\nunits = { hemoglobine = "g/L" }\n', WITH_LABS, "did you mean 'hemoglobin'"),
        ('[labs]\nunits = { hemoglobin = "mg/L" }\n', WITH_LABS, "hemoglobin does not come in 'mg/L'"),
        ('[labs]\nbelow_limit = "zero"\n', WITH_LABS, "below_limit"),
        ('[column.ldh]\ntype = "number"\n', WITH_LABS, "made of the laboratory table"),
    ],
)
def test_settings_that_cannot_be(tmp_path, capsys, more, only, words):
    assert words in refused_settings(write_canonical(tmp_path, labs(), only=only, more=more), capsys)


HB = '[column.hb]\nlabel = "hemoglobin"\ntype = "number"\nunit = "g/dL"\n'


def with_hb(cells):
    rows = plain_rows()
    rows[0].append("hb")
    for i, row in enumerate(rows[1:]):
        row.append(cells(i))
    return as_lines(rows)


def grams_per_deciliter(i):
    return f"{9 + i % 5}.5"


def test_a_plain_column_is_known_by_its_name_and_unit(tmp_path, capsys):
    # Two sites, one of which writes g/L: the values have two modes.
    lines = with_hb(lambda i: grams_per_deciliter(i) if i % 2 else f"{95 + i}")
    problems = refused(write_plain(tmp_path, lines, head=PLAIN_HEAD + HB), capsys)
    found = the(problems, "D171")
    assert (found["column"], found["n_rows"], found["rows"][:3]) == ("hb", 20, [2, 4, 6])
    assert "in g/dL, and plausible in g/L" in str(found["message"])


def test_a_whole_column_in_another_unit_is_seen_by_its_median(tmp_path, capsys):
    # Each number alone may be one in mg/dL; together they are calcium in mmol/L... or not of people.
    head = PLAIN_HEAD + '[column.hb]\nlabel = "calcium"\ntype = "number"\nunit = "mg/dL"\nquantity = "calcium"\n'
    problems = refused(write_plain(tmp_path, with_hb(lambda i: f"4.{i % 10}"), head=head), capsys)
    assert the(problems, "D171")["n_rows"] == 40


def test_a_plain_column_is_converted(tmp_path, capsys):
    head = PLAIN_HEAD + HB + 'quantity = "hemoglobin"\nunit_in_file = "g/L"\nrange = [3, 25]\n'
    model = '[model.hb]\nkind = "cox"\nendpoint = "os"\nformula = "hb"\n'
    study = write_plain(tmp_path / "a", with_hb(lambda i: f"{90 + 3 * i}"), head=head, more=model)
    assert build_cohort(study).table["hb"].tolist() == [(90 + 3 * i) / 10 for i in range(40)]
    same = write_plain(tmp_path / "b", with_hb(lambda i: f"{(90 + 3 * i) / 10}"), head=PLAIN_HEAD + HB, more=model)

    def numbers(one):
        records = json.loads(completed(one, capsys).files["results.json"])["records"]
        return [record for record in records if str(record["step"]).startswith("cox")]

    assert numbers(study) == numbers(same)
    assert numbers(same)


def test_a_plain_column_with_a_limit_of_detection(tmp_path):
    head = PLAIN_HEAD + HB + 'below_limit = "half"\nlimit_of_detection = 7\n'
    study = write_plain(tmp_path, with_hb(lambda i: "<7" if i == 3 else grams_per_deciliter(i)), head=head)
    assert build_cohort(study).table["hb"].tolist()[3] == 3.5
    assert [(one.code, one.rows) for one in check_study(study).findings] == [("D080", (5,))]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('quantity = "haemo"\n', "no quantity 'haemo'"),
        ('quantity = "hemoglobin"\nunit_in_file = "kg"\n', "hemoglobin does not come in 'kg'"),
        ('unit_in_file = "g/L"\n', "unit_in_file needs quantity"),
        ("limit_of_detection = 7\n", "limit_of_detection needs below_limit"),
        ('below_limit = "none"\n', "below_limit"),
        ("limit_of_detection = -7\n", "limit_of_detection"),
    ],
)
def test_keys_of_a_column_that_cannot_be(tmp_path, capsys, keys, words):
    study = write_plain(tmp_path, with_hb(grams_per_deciliter), head=PLAIN_HEAD + HB + keys)
    assert words in refused_settings(study, capsys)


@pytest.mark.parametrize(
    "head",
    [
        PLAIN_HEAD.replace('label = "age"\n', 'label = "age"\nbelow_limit = "half"\n').replace(
            'type = "number"\nunit = "years"', 'type = "integer"\nunit = "years"'
        ),
        PLAIN_HEAD + '[column.more]\ntype = "text"\nquantity = "ldh"\n',
        PLAIN_HEAD + '[column.old]\nfrom = "age"\ncuts = [60]\nlabels = ["a", "b"]\nquantity = "ldh"\n',
    ],
)
def test_only_numbers_are_measured(tmp_path, capsys, head):
    said = refused_settings(write_plain(tmp_path, head=head), capsys)
    assert "number" in said
