"""The list of classes names every one of them, tests that exist, and codes that mean something."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (HERE / "README.md").read_text("utf-8").splitlines()
    if re.match(r"\| [0-9]+ \|", line)
]


def test_every_class_stands_once():
    assert [int(number) for number, *_ in ROWS] == list(range(50, 119))


def test_every_class_has_a_test_that_names_it_or_a_reason():
    for number, _, says, tests in ROWS:
        names = re.findall(r"`(\w+)`", tests)
        assert names or says.startswith(("out of reach", "not yet")), number
        for name in names:
            text = (HERE / f"{name}.py").read_text("utf-8")
            named = rf"\({number}, |test_{number}_|\"{number} |id=\"{number}"
            ranges = [range(int(a), int(b) + 1) for a, b in re.findall("test_([0-9]+)_to_([0-9]+)", text)]
            within = any(int(number) in some for some in ranges)
            assert name in BY_TITLE or within or re.search(named, text), (number, name)


#: Tests that are named by what they do and not by the class.
BY_TITLE = {
    "test_workbook_files",
    "test_encodings",
    "test_statistics_of_runs",
    "test_groups_and_models",
    "test_laboratory_files",
}


def test_every_code_is_one_of_the_dictionary():
    listed = (HERE.parents[1] / "data_schema" / "README.md").read_text("utf-8")
    for number, _, says, _ in ROWS:
        for code in re.findall(r"\b[DES][0-9]{3}\b", says):
            assert code in listed, (number, code)
