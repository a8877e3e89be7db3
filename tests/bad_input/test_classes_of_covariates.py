"""Covariates and PET numbers that are not what they claim, as files that the command line runs: classes 76 to 101.

Which class is tested where stands in ``tests/bad_input/README.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from bad_input.study_files import (
    CANONICAL_FILES,
    ENDPOINT,
    MODEL,
    PLAIN_HEAD,
    as_lines,
    changed,
    column_of,
    completed,
    places,
    plain_rows,
    refused,
    the,
    write_canonical,
    write_plain,
)

Cell = Callable[[int], str]
PATIENTS, LESIONS = "patients.csv", "lesions.csv"
FREE = PLAIN_HEAD.replace("range = [18, 100]\n", "")
SUV = 'type = "number"\nrole = "marker"\nunit = "SUV"\n'
NUMBER, TEXT = 'type = "number"\n', 'type = "text"\n'


def suv(line: int) -> str:
    """Between 2 and 6, different in many lines."""
    return f"{2 + line * 7 % 13 / 3:.2f}"


def but(cell: Cell, others: Mapping[int, str]) -> Cell:
    return lambda line: others.get(line, cell(line))


def with_column(
    name: str, cell: Cell, declared: str, formula: str = "", head: str = PLAIN_HEAD, endpoint: str = ENDPOINT
) -> Callable[[Path], Path]:
    """The plain study with one more column, by line of the file, and a model that uses it."""
    rows = plain_rows()
    rows[0].append(name)
    for line in range(2, len(rows) + 1):
        rows[line - 1].append(cell(line))
    model = MODEL.replace('"age"', f'"{formula or f"age + {name}"}"')
    return lambda folder: write_plain(
        folder, as_lines(rows), head=f"{head}\n[column.{name}]\n{declared}", more=model, endpoint=endpoint
    )


def with_age(cells: Mapping[int, str] | Callable[[int, str], str], head: str = FREE) -> Callable[[Path], Path]:
    return lambda folder: write_plain(folder, column_of(plain_rows(), "age", cells), head=head, more=MODEL)


def burden(*levels: str) -> Cell:
    return lambda line: levels[line % len(levels)]


def days(line: int) -> str:
    return plain_rows()[line - 1][2]


def dead(line: int) -> str:
    return plain_rows()[line - 1][3]


def age(line: int) -> int:
    return int(plain_rows()[line - 1][4])


def uptake(*cells: tuple[int, str, str]) -> Callable[[Path], Path]:
    return lambda folder: write_canonical(folder, changed("lesions", *cells))


def all_lesions(column: str, text: str) -> Callable[[Path], Path]:
    return uptake(*((line, column, text) for line in range(2, 8)))


OUT_OF_RANGE = "no age of a patient in years"
YES = 'type = "category"\nlevels = { "0" = "no", "1" = "yes" }\n'


@pytest.mark.parametrize(
    ("write", "expected", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (76, with_column("suvmax", but(suv, {5: "0"}), SUV, "age + log2(suvmax)"),
             [("D152", PATIENTS, "suvmax", (5,))],
             ["0 or below", "takes the logarithm", "if 0 means that there is no lesion", "leave the cell empty"]),
            (76, with_column("cxcr4_suvmax", but(suv, {5: "0"}), SUV, "log2(cxcr4_suvmax)"),
             [("D152", PATIENTS, "cxcr4_suvmax", (5,))], ["takes the logarithm"]),
            (76, with_column("suvmax", but(suv, {5: "0", 6: "-2"}), SUV + '[[marker]]\nname = "suvmax"\n', "age"),
             [("D152", PATIENTS, "suvmax", (5, 6))], ["marker suvmax takes the logarithm"]),
            (78, uptake((3, "suvmean", "30")), [("D140", LESIONS, "suvmean", (3,))], ["SUVmean is larger", "swapped"]),
            (78, uptake((4, "suvpeak", "30")), [("D140", LESIONS, "suvpeak", (4,))], ["SUVpeak is larger"]),
            (81, all_lesions("suvmax", "12500"), [("D144", LESIONS, "suvmax", tuple(range(2, 8)))],
             ["activity concentrations", "normalized by body weight"]),
            (84, with_age({5: "0"}), [("D154", PATIENTS, "age", (5,))], [OUT_OF_RANGE, "found 0."]),
            (84, with_age({5: "999", 9: "180"}), [("D154", PATIENTS, "age", (5, 9))], [OUT_OF_RANGE, "180, 999"]),
            (84, with_age({5: "-3"}), [("D154", PATIENTS, "age", (5,))], [OUT_OF_RANGE, "found -3"]),
            (84, with_age({5: "1956"}), [("D154", PATIENTS, "age", (5,))], ["a year of birth", "write the age"]),
            (84, with_age(lambda line, _: str(1930 + line), FREE.replace('unit = "years"\n', "")),
             [("D154", PATIENTS, "age", tuple(range(2, 42)))], ["a year of birth"]),
            (84, with_age({5: "180"}, PLAIN_HEAD), [("D024", PATIENTS, "age", (5,))], ["out of range, found 180"]),
            *(
                (85, with_age({5: word}), [("D022", PATIENTS, "age", (5,))],
                 ["a word for missing that is not declared", repr(word), "add it to missing of [column.age]"])
                for word in ("n/a", "NA", "missing", "ND", "#N/A", "#DIV/0!", "-")
            ),
            (85, with_age({5: ">100", 6: "<0.5"}), [("D025", PATIENTS, "age", (5,)), ("D025", PATIENTS, "age", (6,))],
             ["beyond a limit of detection", "say what stands for it"]),
            (86, with_age({5: "inf", 6: "-Infinity"}), [("D021", PATIENTS, "age", (5, 6))],
             ["an infinite number", "where the number is not known"]),
            (98, with_column("x", days, NUMBER), [("D157", PATIENTS, "x", ())], ["a copy of the time", "no predictor"]),
            (98, with_column("x", lambda line: f"{float(days(line)) / 30.4375:.9f}", NUMBER),
             [("D157", PATIENTS, "x", ())], ["a copy of the time", "in this or another unit"]),
            (98, with_column("x", dead, YES), [("D157", PATIENTS, "x", ())], ["a copy of the event", "no predictor"]),
            (98, with_column("x", lambda line: str(1 - int(dead(line))), NUMBER), [("D157", PATIENTS, "x", ())],
             ["it tells exactly who had it"]),
            (105, with_column("x", burden("1", "2", "4", "7"), NUMBER, "age + rcs(x, 3)"),
             [("D164", PATIENTS, "x", ())], ["x has 4 distinct values, too few for a spline", "write x alone"]),
            (105, with_column("x", lambda line: str(20 if 5 < line < 37 else line), NUMBER, "rcs(log2(x), 3)"),
             [("D164", PATIENTS, "x", ())], ["2 different knots of 3", "write log2(x) alone"]),
            (105, with_column("x", burden("1", "2", "3", "4", "5", "6"), NUMBER, "rcs(x, 5)"),
             [("D164", PATIENTS, "x", ())], ["too few for a spline with 5 knots", "write rcs(x, 3) or x alone"]),
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
    ("write", "status", "expected", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (72, with_column("grp", but(burden("a", "b"), {5: "c", 9: "d"}), TEXT), 4, ("D156", "grp", [5, 9]),
             ["2 levels with one patient", "merge levels"]),
            (73, with_column("grp", burden("male", "Male", "female"), TEXT), 0,
             ("D112", "grp", [line for line in range(2, 42) if line % 3 < 2]), ["only by case, blanks", "in one way"]),
            (76, with_column("suvmax", but(suv, {5: "0"}), SUV), 0, ("D141", "suvmax", [5]),
             ["0 or below", "if the scan shows no lesion"]),
            (85, with_column("suvmax", but(suv, {5: "99", 7: "-9"}), SUV), 0, ("D153", "suvmax", [5, 7]),
             ["far from all other values", "found -9, 99", 'set missing = ["-9", "99"] in [column.suvmax]']),
            (85, with_column("ecog", but(burden("0", "1", "2"), {5: "999", 8: "999"}), 'type = "integer"\n'), 0,
             ("D153", "ecog", [5, 8]), ["may stand for missing, found 999"]),
            (88, with_column("x", lambda line: "" if line < 19 else suv(line), NUMBER), 0, ("D155", "x", []),
             ["missing in 17 of 40 patients", "leave the column out"]),
            (89, with_column("x", lambda line: suv(line) * (int(days(line)) >= 250), NUMBER), 0, ("D163", "x", []),
             ["of 40 patients without a value fare otherwise", "log-rank p", "may bias the model"]),
            (91, with_column("x", but(lambda _: "1", {5: "2"}), NUMBER), 4, ("D156", "x", [5]),
             ["all patients but one have the same value", "leave it out"]),
            (93, with_column("x", lambda line: str(2 * age(line) + line % 3), NUMBER), 0, None,
             ["variance inflation", "leave one of the terms out"]),
            (99, with_column("last_status", lambda line: str(line % 3), NUMBER), 0, ("D158", "last_status", []),
             ["its name tells of what happens later", 'role = "post_baseline"']),
            (99, with_column("death_cause", burden("a", "b"), TEXT), 0, ("D158", "death_cause", []), ["happens later"]),
            (99, with_column("pfs_months", suv, NUMBER), 0, ("D158", "pfs_months", []), ["happens later"]),
            (100, with_column("diagnosis", lambda line: str(line % 4), 'type = "integer"\n'), 0,
             ("D159", "diagnosis", []), ["4 whole numbers", "look like codes", 'type = "category"']),
            (101, with_column("burden", burden("low", "intermediate", "high"), TEXT), 0, ("D160", "burden", []),
             ["the alphabet", 'levels = { "low" = "low", "intermediate" = "intermediate", "high" = "high" }']),
        ]
    ],
)  # fmt: skip
def test_warned_and_told_in_the_report(write, status, expected, said, tmp_path, capsys):
    done = completed(write(tmp_path / "study"), capsys, status)
    if expected is None:
        problems = [one for one in done.problems if one["code"] == "D162"]
        assert [(one["severity"], one["column"]) for one in problems] == [("warning", "age"), ("warning", "x")]
    else:
        code, column, rows = expected
        problems = [the(done.problems, code)]
        assert (problems[0]["severity"], problems[0]["file"]) == ("warning", PATIENTS)
        assert (problems[0]["column"], problems[0]["rows"]) == (column, rows)
    for words in said:
        assert words.casefold() in str(problems[0]["message"]).casefold()


@pytest.mark.parametrize(
    ("write", "code", "column", "rows", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (76, uptake((3, "suvmax", "0"), (3, "suvpeak", ""), (3, "suvmean", "")), "D141", "suvmax", [3],
             "a scan without lesions has no row in lesions"),
            (77, uptake((3, "suvmax", "300")), "D024", "suvmax", [3], "out of range, found 300"),
            (79, uptake((5, "volume_ml", "11000"), (6, "volume_ml", "12000"), (7, "volume_ml", "9000")), "D142",
             "volume_ml", [5, 6, 7], "are they in mm3? Divide them by 1000"),
        ]
    ],
)  # fmt: skip
def test_warned_of_lesions(write, code, column, rows, said, tmp_path, capsys):
    problem = the(completed(write(tmp_path / "study"), capsys).problems, code)
    assert (problem["severity"], problem["file"], problem["column"], problem["rows"]) == (
        "warning", LESIONS, column, rows,
    )  # fmt: skip
    assert said.casefold() in str(problem["message"]).casefold()


def test_84_the_age_of_the_data_schema_has_its_range(tmp_path, capsys):
    ages = ["age_years", "61", "999", "58", "70"]
    rows = [f"{row},{cell}" for row, cell in zip(CANONICAL_FILES["patients"], ages, strict=True)]
    problems = refused(write_canonical(tmp_path / "study", {"patients": rows}), capsys)
    assert places(problems) == [("D024", PATIENTS, "age_years", (3,))]


@pytest.mark.parametrize(
    ("write", "said"),
    [
        pytest.param(*case, id=str(number))
        for number, *case in [
            (90, with_age(lambda *_: "50"), "age is constant, in all 40 analysed rows. Leave it out of the formula"),
            (92, with_column("x", lambda line: str(2 * age(line)), NUMBER), "x is determined by age: the columns are"),
            (94, with_column("x", lambda line: str(1000 - int(days(line)) if dead(line) == "1" else 0), NUMBER, "x"),
             "the partial likelihood has no maximum"),
            (95, with_column("x", lambda line: str(int(dead(line) == "0" and line % 2)), YES, "x"),
             "separation by x[yes] (lower hazard)"),
            (96, with_column("x", suv, NUMBER, "age + sex + x", endpoint=ENDPOINT
                             .replace('"dead"', '"rare"')), "coefficients cannot be estimated from 2 events"),
            (106, with_column("x", lambda line: str(int(line // 2 % 2 and line % 3 == 0)), YES, "sex * x"),
             "sex[male]:x[yes]"),
        ]
    ],
)  # fmt: skip
def test_what_no_model_can_use_has_no_number(write, said, tmp_path, capsys):
    study = write(tmp_path / "study")
    if "rare" in study.read_text("utf-8"):
        table = study.parent / PATIENTS
        lines = table.read_text("utf-8").splitlines()
        added = [f"{row},{'rare' if i == 0 else int(i in (3, 8))}" for i, row in enumerate(lines)]
        table.write_text("\n".join(added) + "\n", "utf-8")
    done = completed(study, capsys, 4)
    failed = [one for one in done.problems if one["code"] == "S001"]
    assert any(said in str(one["message"]) for one in failed), failed
    assert said in done.report


def test_87_missing_values_are_counted_before_the_fit(tmp_path, capsys):
    """10 of 40 have no value, lines 2 to 11: 3 of 5 died, as among all."""
    done = completed(with_column("x", lambda line: "" if line < 12 else suv(line), NUMBER)(tmp_path / "s"), capsys)
    assert "Complete cases, 30 patients, 18 events, 10 left out without a value (X 10)" in done.report


@pytest.mark.parametrize(
    "write",
    [
        with_age({5: "99", 6: "90", 7: "18"}),
        with_age(lambda line, _: str(line % 18), FREE.replace("years", "months")),
        with_age(lambda line, _: f"{line % 5 - 2 + line / 100:.2f}", FREE.replace('unit = "years"\n', "")),
        with_column("suvmax", suv, SUV, "age + log2(suvmax)"),
        with_column("ldh", but(lambda line: str(150 + 31 * line % 400), {5: "999"}), NUMBER),
        with_column("change", but(lambda line: str(line % 9 - 4), {5: "-9"}), NUMBER),
        with_column("x", lambda line: "" if line < 17 else suv(line), NUMBER),
        with_column("x", but(lambda _: "1", dict.fromkeys(range(5, 15), "2")), NUMBER),
        with_column("stage", lambda line: str(1 + line % 4), NUMBER),
        with_column("treatments", lambda line: str(1 + line % 4), NUMBER),
        with_column("diagnosis", lambda line: str(line % 3), 'type = "integer"\n', "age + factor(diagnosis)"),
        with_column("burden", burden("low", "high"), 'type = "category"\nlevels = { "low" = "l", "high" = "h" }\n'),
        with_column("sign", burden("+", "-"), TEXT),
        with_column("x", but(dead, {line: str(1 - int(dead(line))) for line in range(2, 42, 5)}), YES),
        with_column("deadwood_index", suv, NUMBER),
        with_column("x", lambda line: str(age(line) + 40 * (line % 3)), NUMBER),
    ],
)
def test_ordinary_data_raise_no_alarm(write, tmp_path, capsys):
    done = completed(write(tmp_path / "study"), capsys)
    assert [one["code"] for one in done.problems if str(one["code"]).startswith("D")] == []
