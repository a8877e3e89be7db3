"""Studies whose data stand in a workbook: what is read, and what is refused by sheet and cell."""

import datetime
import io
import json
import struct
import zipfile

import pytest
from bad_input.study_files import (
    DATA,
    MODEL,
    OS,
    PFS,
    completed,
    plain_rows,
    refused,
    refused_settings,
    run,
    write_plain,
)
from bad_input.workbooks import LETTERS, SHEET, book, typed, with_xml, write_book
from data.study_files import FILES
from openpyxl import Workbook

from survmodel.data.columns import Column
from survmodel.data.dates import DateRule
from survmodel.data.findings import FindingsError
from survmodel.data.readers.excel import scan_workbook


def test_a_workbook_gives_what_the_csv_file_gives(tmp_path, capsys):
    for name in ("text", "book"):
        (tmp_path / name).mkdir()
    text = write_plain(tmp_path / "text", more=MODEL)
    workbook = write_book(tmp_path / "book", more=MODEL)
    completed(text, capsys)
    completed(workbook, capsys)
    one, other = (json.loads((study.parent / "results" / "results.json").read_text()) for study in (text, workbook))
    different = {key for key in one if one[key] != other[key]}
    assert different <= {"study", "data", "files", "notes", "input", "provenance"}, different


def cell(column, row):
    return f"{LETTERS[column]}{row}"


@pytest.mark.parametrize(
    ("cells", "code", "where", "words"),
    [
        ({cell("age", 7): "old"}, "D021", cell("age", 7), "not a number"),
        ({cell("age", 7): 130}, "D024", cell("age", 7), "out of range, found 130"),
        ({cell("age", 7): "=1+1"}, "D074", cell("age", 7), "formulas without a value"),
        ({cell("id", 3): "=A2"}, "D074", cell("id", 3), "formulas without a value"),
        ({cell("age", 7): "#N/A"}, "D075", cell("age", 7), "an error of the spreadsheet"),
        ({cell("age", 9): "#DIV/0!"}, "D075", cell("age", 9), "an error of the spreadsheet"),
        ({cell("id", 3): "#REF!"}, "D075", cell("id", 3), "an error of the spreadsheet"),
        ({cell("id", 3): None}, "D030", cell("id", 3), "the identifier is missing"),
        ({cell("id", 3): "KEY-0000"}, "D031", cell("id", 2), "occurs more than once"),
        ({cell("days", 4): -5}, "D041", cell("days", 4), "negative"),
        ({cell("sex", 5): "x"}, "D023", cell("sex", 5), "level not declared: 'x'"),
        ({cell("dead", 5): True}, "D021", cell("dead", 5), "not a number, found text"),
        ({cell("age", 1): "agee"}, "D007", "", "the file has no such column"),
        ({cell("site", 1): "age"}, "D010", cell("site", 1), "this name 2 times"),
    ],
)
def test_a_finding_names_the_sheet_and_the_cell(tmp_path, capsys, cells, code, where, words):
    (problem,) = [one for one in refused(write_book(tmp_path, book(cells)), capsys) if one["code"] == code]
    assert words in str(problem["message"])
    assert problem["file"] == "patients.xlsx[patients]"
    assert str(problem["message"]).startswith(f"{code} patients.xlsx[patients]{'!' + where if where else ':'}")
    assert problem["cells"][:1] == ([where] if where else [])


def test_an_error_in_a_cell_is_told_once(tmp_path, capsys):
    problems = refused(write_book(tmp_path, book({"A3": "#N/A", "A4": "=A2", "D5": "#N/A"})), capsys)
    assert [(one["code"], one["cells"]) for one in problems] == [
        ("D074", ["A4"]),
        ("D075", ["A3"]),
        ("D075", ["D5"]),
    ]


def test_a_formula_is_read_as_its_value_with_a_warning(tmp_path, capsys):
    content = with_xml(book({cell("age", 7): 51}), rf'<c r="{cell("age", 7)}" t="n"><v>51</v>',
                       f'<c r="{cell("age", 7)}"><f>50+1</f><v>51</v>')  # fmt: skip
    done = completed(write_book(tmp_path, content), capsys)
    (problem,) = [one for one in done.problems if one["code"] == "D073"]
    assert (problem["severity"], problem["cells"]) == ("warning", [cell("age", 7)])
    table = scan_workbook(tmp_path / "patients.xlsx", [Column("age", "number")]).table
    assert table["age"][5] == 51.0


def test_a_formula_with_an_empty_text_for_its_value_is_a_missing_cell(tmp_path, capsys):
    content = with_xml(book({cell("age", 7): 51}), rf'<c r="{cell("age", 7)}" t="n"><v>51</v>',
                       f'<c r="{cell("age", 7)}" t="str"><f>""</f><v></v>')  # fmt: skip
    done = completed(write_book(tmp_path, content), capsys)
    assert [one["cells"] for one in done.problems if one["code"] == "D073"] == [[cell("age", 7)]]


def test_merged_cells_are_refused(tmp_path, capsys):
    problems = refused(write_book(tmp_path, book(change=lambda sheet: sheet.merge_cells("B1:C1"))), capsys)
    assert "merged cells B1:C1 in the header" in str(problems[0]["message"])
    assert [one["code"] for one in problems] == ["D076", "D007", "D016"]


def test_merged_cells_among_the_data_are_refused(tmp_path, capsys):
    problems = refused(write_book(tmp_path, book(change=lambda sheet: sheet.merge_cells("B3:B4"))), capsys)
    assert [(one["code"], one["rows"]) for one in problems] == [("D076", [3])]


def test_a_second_header_row_is_refused(tmp_path, capsys):
    rows = typed(plain_rows())
    problems = refused(write_book(tmp_path, book(rows=[rows[0], rows[0], *rows[1:]])), capsys)
    assert [(one["code"], one["rows"]) for one in problems] == [("D015", [2])]


@pytest.mark.parametrize("word", ["Mean", "Total", "Sum:", "Mittelwert"])
def test_a_row_of_totals_is_no_patient(tmp_path, capsys, word):
    rows = [*typed(plain_rows()), [word, None, 300.0, 20.0, 55.0, None]]
    problems = refused(write_book(tmp_path, book(rows=rows)), capsys)
    assert [(one["code"], one["rows"]) for one in problems] == [("D017", [42])]


def test_a_blank_row_in_the_middle_is_refused_and_blanks_at_the_end_are_not(tmp_path, capsys):
    rows = typed(plain_rows())
    (tmp_path / "a").mkdir()
    problems = refused(write_book(tmp_path / "a", book(rows=[*rows[:5], [], *rows[5:]])), capsys)
    assert [(one["code"], one["rows"]) for one in problems] == [("D011", [6])]
    (tmp_path / "b").mkdir()
    done = completed(write_book(tmp_path / "b", book({"A60": " ", "J3": " "})), capsys)
    assert not [one for one in done.problems if one["severity"] != "note"]


# Which sheet


def test_the_only_sheet_needs_no_name(tmp_path, capsys):
    completed(write_book(tmp_path, data='[data]\npatients = { path = "patients.xlsx" }\n'), capsys)


def test_one_of_several_sheets_must_be_named(tmp_path, capsys):
    content = book(sheets=("notes", "patients"))
    study = write_book(tmp_path, content, data='[data]\npatients = { path = "patients.xlsx" }\n')
    (problem,) = refused(study, capsys)
    assert problem["code"] == "D071"
    assert "the workbook has 2 sheets: notes, patients" in str(problem["message"]).replace(" and ", ", ")
    assert 'sheet = "notes"' in str(problem["remedy"])


def test_a_misspelt_sheet_is_answered_with_the_nearest(tmp_path, capsys):
    study = write_book(tmp_path, data=SHEET.replace('sheet = "patients"', 'sheet = "patient"'))
    (problem,) = refused(study, capsys)
    assert (problem["code"], problem["remedy"]) == ("D071", "did you mean 'patients'?")


def test_keys_that_do_not_fit_the_kind_of_file_are_refused(tmp_path, capsys):
    said = refused_settings(write_plain(tmp_path, data=DATA.replace(" }", ', sheet = "patients" }')), capsys)
    assert "data.patients: sheet belongs to a workbook" in said
    said = refused_settings(write_book(tmp_path, data=SHEET.replace(" }", ', delimiter = ";" }')), capsys)
    assert "data.patients: delimiter is for text files" in said


# What is no workbook, or too large


def _locked():
    return b"\xd0\xcf\x11\xe0" + bytes(100) + "EncryptedPackage".encode("utf-16-le") + bytes(100)


def _bomb(declared):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(declared))
    return out.getvalue()


def _damaged():
    content = bytearray(book())
    at = content.index(b"xl/worksheets/sheet1.xml") + 200
    content[at : at + 4] = bytes(byte ^ 255 for byte in content[at : at + 4])
    return bytes(content)


def _lying():
    """A part of 25 MB that says it has 1,000 bytes."""
    content = bytearray(_bomb(25_000_000))
    at = content.rindex(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 1000)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "D001", "the file is empty"),
        (b"id,age\nKEY-0001,50\n", "D070", "the file is no workbook, whatever its name says"),
        (_locked(), "D070", "locked with a password"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "D070", "of the older kind .xls"),
        (book()[:3000], "D070", "the file is no workbook"),
        (_damaged(), "D070", "damaged"),
        (_bomb(25_000_000), "D072", "unpacks to 25 MB"),
        (_lying(), "D070", "damaged"),
        (_bomb(1000), "D070", "damaged, or of a kind that is not known"),
    ],
)
def test_what_is_no_workbook_is_refused(tmp_path, capsys, content, code, words):
    (problem,) = refused(write_book(tmp_path, content), capsys)
    assert problem["code"] == code
    assert words in str(problem["message"])


@pytest.mark.parametrize(("number", "form"), [(1e10, "[h]:mm:ss"), (1e300, "[h]:mm"), (-1e300, "yyyy-mm-dd")])
def test_a_number_that_no_date_has_is_refused(tmp_path, capsys, number, form):
    """Its cell is formatted as a date or a duration, and the reader of cells breaks off."""

    def change(sheet):
        sheet["E7"] = number
        sheet["E7"].number_format = form

    (problem,) = refused(write_book(tmp_path, book(change=change)), capsys)
    assert (problem["code"], problem["file"]) == ("D070", "patients.xlsx[patients]")
    assert "formatted as a date or a time" in problem["message"]


def test_a_workbook_named_csv_is_refused(tmp_path, capsys):
    (problem,) = refused(write_plain(tmp_path, book()), capsys)
    assert (problem["code"], "ending .xlsx" in str(problem["remedy"])) == ("D003", True)


def test_a_lone_cell_at_the_far_end_is_refused_before_memory_is_taken(tmp_path, capsys):
    (problem,) = refused(write_book(tmp_path, book({"XFD1048576": 1})), capsys)
    assert problem["code"] == "D072"
    assert "1048576 rows and 16384 columns" in str(problem["message"])


def test_a_document_type_is_refused(tmp_path, capsys):
    content = with_xml(book(), "^<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet')
    (problem,) = refused(write_book(tmp_path, content), capsys)
    assert problem["code"] == "D070"


def test_a_sheet_at_the_last_row_may_be_cut_off(tmp_path):
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("all")
    sheet.append(["id"])
    for number in range(65_535):
        sheet.append([f"KEY-{number}"])
    workbook.save(tmp_path / "a.xlsx")
    (finding,) = scan_workbook(tmp_path / "a.xlsx", [Column("id", "identifier")]).findings
    assert (finding.code, finding.severity, finding.file) == ("D077", "warning", "a.xlsx[all]")
    assert "ends at row 65536" in finding.problem


# Cells of every kind


def scan(folder, columns, *rows, dates=None, decimal=".", epoch=None):
    workbook = Workbook()
    if epoch is not None:
        workbook.epoch = epoch
    for row in rows:
        workbook.active.append(row)
    workbook.save(folder / "a.xlsx")
    return scan_workbook(folder / "a.xlsx", columns, dates=dates, decimal=decimal)


def test_identifiers_are_text_whatever_the_cell_holds(tmp_path):
    read = scan(tmp_path, [Column("id", "identifier")], ["id"], ["007"], [7.0], [70], ["KEY-1"])
    assert read.table["id"].tolist() == ["007", "7", "70", "KEY-1"]


@pytest.mark.parametrize("form", [None, "%d.%m.%Y"])
@pytest.mark.parametrize("epoch", [datetime.datetime(1899, 12, 30), datetime.datetime(1904, 1, 1)])
def test_date_cells_are_dates_whatever_is_declared(tmp_path, form, epoch):
    columns = [Column("id", "identifier"), Column("seen", "date")]
    rows = [["id", "seen"], ["a", datetime.date(2021, 3, 4)], ["b", datetime.datetime(2022, 12, 31)]]
    read = scan(tmp_path, columns, *rows, dates=DateRule(form), epoch=epoch)
    assert read.table["seen"].dt.strftime("%Y-%m-%d").tolist() == ["2021-03-04", "2022-12-31"]
    assert read.findings == ()


def test_serial_numbers_in_general_cells_are_dates_only_when_declared(tmp_path):
    columns = [Column("id", "identifier"), Column("seen", "date")]
    rows = [["id", "seen"], ["a", 44259], ["b", 44260.0]]
    (finding,) = scan(tmp_path, columns, *rows).findings
    assert (finding.code, finding.severity, finding.cells) == ("D053", "error", ("B2", "B3"))
    read = scan(tmp_path, columns, *rows, dates=DateRule(excel=1900))
    assert read.table["seen"].dt.strftime("%Y-%m-%d").tolist() == ["2021-03-04", "2021-03-05"]
    assert [(one.code, one.severity) for one in read.findings] == [("D053", "warning")]


def test_numbers_and_text_numbers_are_read_with_one_decimal_mark(tmp_path):
    columns = [Column("id", "identifier"), Column("x", "number"), Column("n", "integer")]
    rows = [["id", "x", "n"], ["a", 0.1, 7.0], ["b", "2,5", "8"], ["c", -1e-12, 12]]
    read = scan(tmp_path, columns, *rows, decimal=",")
    assert read.findings == ()
    assert read.table["x"].tolist() == [0.1, 2.5, -1e-12]
    assert read.table["n"].tolist() == [7, 8, 12]


def test_truth_values_are_read(tmp_path):
    declared = Column("b", "category", levels=(("TRUE", "yes"), ("FALSE", "no")))
    rows = [["id", "a", "b"], ["a", True, True], ["b", False, False]]
    read = scan(tmp_path, [Column("id", "identifier"), Column("a", "boolean")], *rows)
    assert read.table["a"].tolist() == [True, False]
    read = scan(tmp_path, [Column("id", "identifier"), declared], *rows)
    assert read.table["b"].tolist() == ["yes", "no"]


def test_errors_of_undeclared_columns_do_not_matter(tmp_path):
    read = scan(tmp_path, [Column("id", "identifier")], ["id", "other"], ["a", "#N/A"], ["b", "=1+1"])
    assert (read.findings, read.n_undeclared) == ((), 1)


def test_a_sheet_without_cells_is_empty(tmp_path):
    with pytest.raises(FindingsError, match=r"D001 a\.xlsx\[Sheet\]: the sheet is empty"):
        scan(tmp_path, [Column("id", "identifier")])


# Canonical tables


def canonical_book(folder, cells=()):
    workbook = Workbook()
    workbook.remove(workbook.active)
    for table, lines in FILES.items():
        sheet = workbook.create_sheet(table)
        for line in lines:
            sheet.append([_spreadsheet_value(cell) for cell in line.split(",")])
    for table, address, value in cells:
        workbook[table][address] = value
    workbook.save(folder / "study.xlsx")
    paths = "\n".join(f'{table} = {{ path = "study.xlsx", sheet = "{table}" }}' for table in FILES)
    head = 'schema = 1\ntitle = "A made PET study"\ndata_lock = 2024-06-30\n[groups]\n'
    head += "min_events = { hazard_ratio = 1, performance = 1 }\n"
    (folder / "study.toml").write_text("\n".join([head, "[data]", paths, PFS, OS]))
    return folder / "study.toml"


def _spreadsheet_value(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text or None


def test_one_workbook_holds_every_table_of_a_study(tmp_path, capsys):
    done = run(canonical_book(tmp_path), capsys)
    assert done.status in {0, 4}, done.said
    manifest = json.loads(done.files["manifest.json"])
    assert "study.xlsx" in json.dumps(manifest)


def test_dates_of_a_workbook_are_checked_and_named_by_cell(tmp_path, capsys):
    study = canonical_book(tmp_path, [("follow_up", "D3", datetime.date(2020, 5, 9)), ("scans", "E3", "#VALUE!")])
    problems = refused(study, capsys)
    assert ("D075", "study.xlsx[scans]", ["E3"]) in [(one["code"], one["file"], one["cells"]) for one in problems]


def test_checks_across_sheets_name_the_cells(tmp_path, capsys):
    study = canonical_book(tmp_path, [("follow_up", "D3", datetime.date(2020, 5, 9))])
    problems = refused(study, capsys)
    assert [(one["code"], one["file"], one["cells"]) for one in problems] == [
        ("D122", "study.xlsx[scans]", ["E4", "E5"]),
        ("D127", "study.xlsx[follow_up]", ["E3"]),
    ]


# As Excel itself writes it: texts in a part of their own, formulas with their values

TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
SHEET_XML = """<sheetData>
<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c><c r="C1" t="s"><v>2</v></c></row>
<row r="2"><c r="A2" t="s"><v>3</v></c><c r="B2"><v>61.5</v></c><c r="C2" t="b"><v>1</v></c></row>
<row r="3"><c r="A3"><v>7</v></c><c r="B3"><f>B2+1</f><v>62.5</v></c><c r="C3" t="b"><f>B3&gt;70</f><v>0</v></c></row>
<row r="4"><c r="A4" t="str"><f>"x"&amp;1</f><v>x1</v></c><c r="B4" t="e"><f>1/0</f><v>#DIV/0!</v></c>
<c r="C4" s="0"/></row>
<row r="9"><c r="E9" s="0"/></row>
</sheetData>"""


def write_by_hand(path, sheet, relations=TRANSITIONAL):
    kinds = {
        "xl/workbook.xml": "sheet.main",
        "xl/worksheets/one.xml": "worksheet",
        "xl/sharedStrings.xml": "sharedStrings",
    }
    types = "".join(
        f'<Override PartName="/{part}" '
        f'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
        for part, kind in kinds.items()
    )
    link = '<Relationship Id="{}" Type="{}/{}" Target="{}"/>'
    texts = "".join(f"<si><t>{text}</t></si>" for text in ("id", "age", "cured", "007"))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + link.format("rId1", relations, "officeDocument", "xl/workbook.xml")
        + "</Relationships>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{relations}"><sheets>'
        '<sheet name="A &amp; B" sheetId="4" r:id="rId7"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        + link.format("rId7", relations, "worksheet", "worksheets/one.xml")
        + link.format("rId8", relations, "sharedStrings", "sharedStrings.xml")
        + "</Relationships>",
        "xl/worksheets/one.xml": f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}" count="4" uniqueCount="4">{texts}</sst>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{content}')


@pytest.mark.parametrize("relations", [TRANSITIONAL, STRICT])
def test_a_workbook_written_by_hand_is_read_cell_by_cell(tmp_path, relations):
    write_by_hand(tmp_path / "a.xlsx", SHEET_XML, relations)
    columns = [Column("id", "identifier"), Column("age", "number"), Column("cured", "boolean")]
    read = scan_workbook(tmp_path / "a.xlsx", columns)
    assert read.table["id"].tolist() == ["007", "7", "x1"]
    assert read.table["age"].tolist()[:2] == [61.5, 62.5]
    assert read.table["cured"].tolist()[:2] == [True, False]
    assert read.table.isna().sum().to_dict() == {"id": 0, "age": 1, "cured": 1}
    assert {(one.code, one.severity, one.file, one.cells) for one in read.findings} == {
        ("D073", "warning", "a.xlsx[A & B]", ("A4",)),
        ("D073", "warning", "a.xlsx[A & B]", ("B3",)),
        ("D073", "warning", "a.xlsx[A & B]", ("C3",)),
        ("D075", "error", "a.xlsx[A & B]", ("B4",)),
    }
