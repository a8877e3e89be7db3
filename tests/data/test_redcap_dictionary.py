"""The data schema as a REDCap data dictionary, and dictionaries of other projects."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from survmodel.data.findings import FindingsError
from survmodel.data.redcap_dictionary import is_variable, read_redcap_dictionary, write_redcap_dictionary
from survmodel.data.redcap_fields import HEADERS, heading_key, read_choices, read_label, write_choices, write_label
from survmodel.data.schema import Category, Field, ForeignKey, Schema, TableSchema, load_schema
from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError

#: The headers as REDCap downloads them, typed from its documentation.
HEADER = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels","Field Note","Text Validation Type OR Show Slider Number",'
    '"Text Validation Min","Text Validation Max",Identifier?,"Branching Logic (Show field only if...)",'
    '"Required Field?","Custom Alignment","Question Number (surveys only)","Matrix Group Name","Matrix Ranking?",'
    '"Field Annotation"\n'
)
PATIENT = Field("patient_id", "patient", "", "identifier", "identifier", required=True, unique=True)


def one_line(text):
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def rows_of(schema):
    return list(csv.DictReader(io.StringIO(write_redcap_dictionary(schema))))


def one_table(*fields, name="patients"):
    return Schema((TableSchema(name, "Patients", "One row for each patient.", (PATIENT, *fields), ("patient_id",)),))


def dictionary(*lines, header=HEADER):
    return read_redcap_dictionary(header + "\n".join(lines) + "\n")


def codes_of(text):
    with pytest.raises(FindingsError) as caught:
        read_redcap_dictionary(text)
    return [(one.code, one.rows, one.column) for one in caught.value.findings]


# The schema of this installation


def test_the_headers_are_those_of_redcap():
    assert next(csv.reader([HEADER])) == list(HEADERS)
    assert write_redcap_dictionary(load_schema()).splitlines()[0] == ",".join(
        f'"{name}"' if "," in name else name for name in HEADERS
    )


def test_the_schema_comes_back_exactly():
    text = write_redcap_dictionary(load_schema())
    read = read_redcap_dictionary(text)
    assert read.schema == load_schema()
    assert write_redcap_dictionary(read.schema) == text


def test_the_dictionary_beside_the_schema_is_the_one_that_is_written():
    assert (schema_folder() / "redcap_dictionary.csv").read_bytes().decode() == write_redcap_dictionary(load_schema())


def test_forms_are_tables_and_the_record_id_stands_once_and_first():
    rows = rows_of(load_schema())
    assert list(dict.fromkeys(row["Form Name"] for row in rows)) == [table.name for table in load_schema().tables]
    assert [i for i, row in enumerate(rows) if "patient_id" in row["Variable / Field Name"]] == [0]


def test_variables_are_short_unique_and_what_redcap_takes():
    names = [row["Variable / Field Name"] for row in rows_of(load_schema())]
    assert len(set(names)) == len(names)
    assert all(is_variable(name) and len(name) <= 26 for name in names)


def test_labels_are_unique_over_the_whole_dictionary():
    labels = [heading_key(row["Field Label"]) for row in rows_of(load_schema()) if row["Field Type"] != "descriptive"]
    assert len(set(labels)) == len(labels)
    assert "scan (Scans)" in [row["Field Label"] for row in rows_of(load_schema())]


def test_rows_say_what_redcap_can_say():
    rows = {row["Variable / Field Name"]: row for row in rows_of(load_schema())}
    assert rows["patients_sex"]["Field Type"] == "radio"
    assert rows["patients_sex"]["Choices, Calculations, OR Slider Labels"] == "female, female | male, male"
    assert rows["patients_entity"]["Field Type"] == "dropdown"
    assert rows["patients_birth_date"]["Text Validation Type OR Show Slider Number"] == "date_ymd"
    assert [name for name, row in rows.items() if row["Identifier?"] == "y"] == ["patients_birth_date"]
    assert rows["patients_confirmed"]["Field Type"] == "yesno"
    age = rows["patients_age_years"]
    assert (age["Text Validation Min"], age["Text Validation Max"], age["Field Note"]) == ("0", "110", "years")
    assert rows["patients_ecog"]["Text Validation Type OR Show Slider Number"] == "integer"
    assert rows["scans_scan_date"]["Required Field?"] == "y"
    codes = rows["lesions_segmentation"]["Choices, Calculations, OR Slider Labels"]
    assert [part.split(",")[0].strip() for part in codes.split("|")][:3] == ["41pct", "50pct", "fixed2.5"]
    assert (rows["labs_uln"]["Text Validation Min"], rows["labs_uln"]["Text Validation Max"]) == ("0", "")
    # REDCap takes <0.5 in a text without validation only.
    assert rows["labs_value"]["Text Validation Type OR Show Slider Number"] == ""


def test_every_form_begins_with_what_a_row_is_and_whether_the_form_repeats():
    about = {row["Form Name"]: row["Field Label"] for row in rows_of(load_schema()) if "_about" in row[HEADERS[0]]}
    assert {form for form, label in about.items() if "does not repeat" in label} == {"patients", "follow_up"}
    assert {form for form, label in about.items() if "repeating instrument" in label} == {
        "scans", "lesions", "labs", "therapy", "reads", "region_reads", "assessments", "adverse_events",
    }  # fmt: skip


def test_a_small_schema_is_written_as_by_hand():
    grade = Field(
        "grade", "grade", "", "category", "baseline", categories=(Category("1", "low, or none", aliases=("I",)),)
    )
    expected = (
        'patient_id,patients,,text,patient,,,,,,,,y,,,,,"@SURVMODEL={""column"":""patients.patient_id"",'
        '""role"":""identifier"",""type"":""identifier"",""unique"":true}"\n'
        "patients_about,patients,,descriptive,Patients: One row for each patient. Key: patient_id. This form does not "
        'repeat.,,,,,,,,,,,,,"@SURVMODEL={""description"":""One row for each patient."",""foreign_keys"":[],'
        '""missing"":[],""primary_key"":[""patient_id""],""record_id_at"":0,""table"":""patients"",""title"":'
        '""Patients"",""version"":""""}"\n'
        'patients_grade,patients,,radio,grade,"1, low, or none",,,,,,,,,,,,"@SURVMODEL={""column"":'
        '""patients.grade"",""levels"":{""1"":{""aliases"":[""I""]}},""role"":""baseline""}"\n'
    )
    written = write_redcap_dictionary(one_table(grade))
    assert written.split("\n", 1)[1] == expected


# Any schema

NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}(_[a-z0-9]{1,8}){0,2}", fullmatch=True).filter(is_variable)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["a | b", "1, 2", '"x"', "&#124;", "&#38;#", "<b>x</b>", "中文", "@NOW", " "]
)
CODES = st.from_regex(r"[A-Za-z0-9._-]{1,6}", fullmatch=True)
LIMITS = st.none() | st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False))
CATEGORIES = st.lists(
    st.builds(Category, CODES, TEXTS, TEXTS, st.lists(TEXTS, max_size=2).map(tuple)),
    min_size=1, max_size=6, unique_by=lambda one: one.value,
).map(tuple)  # fmt: skip


@st.composite
def columns(draw, name):
    kind = draw(st.sampled_from(["number", "integer", "category", "text", "identifier", "date", "boolean"]))
    return Field(
        name, draw(TEXTS), draw(TEXTS), kind,
        draw(st.sampled_from(["identifier", "baseline", "marker", "outcome", "post_baseline", "acquisition"])),
        draw(TEXTS), draw(st.booleans()), draw(st.booleans()), draw(LIMITS),
        draw(st.sampled_from(["error", "warning"])), draw(TEXTS),
        draw(CATEGORIES) if kind == "category" or draw(st.integers(0, 9)) == 0 else (),
        tuple(draw(st.lists(st.tuples(TEXTS, st.sampled_from(["true", "false"])), max_size=2))),
        tuple(draw(st.lists(TEXTS, max_size=2))), draw(st.booleans()), tuple(draw(st.lists(TEXTS, max_size=2))),
        draw(st.booleans()),
    )  # fmt: skip


@st.composite
def schemas(draw):
    tables = []
    for number, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))):
        others = draw(st.lists(NAMES.filter(lambda one: one != "patient_id"), max_size=4, unique=True))
        fields = [draw(columns(one)) for one in others]
        if number == 0 or draw(st.booleans()):
            fields.insert(draw(st.integers(0, len(fields))), draw(columns("patient_id")))
        keys = tuple(draw(st.lists(st.builds(ForeignKey, NAMES, NAMES, NAMES), max_size=2)))
        tables.append(TableSchema(name, draw(TEXTS), draw(TEXTS), tuple(fields), tuple(draw(st.lists(NAMES))), keys))
    return Schema(tuple(tables), draw(TEXTS))


@settings(deadline=None, max_examples=100)
@given(schemas())
def test_any_schema_comes_back_exactly_or_is_refused(schema):
    try:
        text = write_redcap_dictionary(schema)
    except ConfigError:
        # Names that are taken: a field "complete" of one table, for example.
        assume(False)
    read = read_redcap_dictionary(text)
    assert read.schema == schema
    assert write_redcap_dictionary(read.schema) == text
    labels = [heading_key(field.label) for field in read.fields if field.exported]
    assert len(set(labels)) == len(labels)
    assert len({field.variable for field in read.fields}) == len(read.fields)
    assert "\0" not in text


@given(st.lists(st.tuples(CODES, TEXTS), min_size=1, unique_by=lambda one: one[0]))
def test_choices_come_back_but_for_blanks(choices):
    read, problems = read_choices(write_choices(choices))
    assert problems == ()
    assert read == tuple((code, one_line(label)) for code, label in choices)


def test_choices_of_older_projects_are_their_own_codes():
    assert read_choices("Mr. | Mrs. | Dr. h. c.") == ((("Mr.", "Mr."), ("Mrs.", "Mrs."), ("Dr. h. c.",) * 2), ())


@given(TEXTS)
def test_labels_hold_no_bars_and_come_back(label):
    assert "|" not in write_label(label)
    assert read_label(write_label(label)) == one_line(label)


@pytest.mark.parametrize(
    ("field", "named"),
    [
        (Field("Grade", "", "", "text", "baseline"), "patients.Grade"),
        (Field("a__b", "", "", "text", "baseline"), "patients.a__b"),
        (Field("x" * 101, "", "", "text", "baseline"), "patients.xxx"),
        (Field("grade", "", "", "category", "baseline", categories=(Category("a b", ""),)), "'a b'"),
        (Field("grade", "", "", "category", "baseline", categories=(Category("a,b", ""),)), "'a,b'"),
        (Field("grade", "", "", "category", "baseline"), "without levels"),
        (Field("age", "", "", "number", "baseline", range=(float("nan"), 1.0)), "not a number"),
    ],
)
def test_what_redcap_cannot_carry_is_refused(field, named):
    with pytest.raises(ConfigError, match=r"REDCap cannot carry") as caught:
        write_redcap_dictionary(one_table(field))
    assert named in str(caught.value)


def test_a_schema_whose_first_table_has_no_patients_is_refused():
    table = TableSchema("scans", "", "", (Field("scan_id", "", "", "identifier", "identifier"),))
    with pytest.raises(ConfigError, match="patient_id"):
        write_redcap_dictionary(Schema((table,)))


def test_variables_keep_away_from_the_columns_of_redcap():
    field = Field("complete", "", "", "boolean", "baseline")
    text = write_redcap_dictionary(one_table(field))
    assert "\ncomplete," in text
    assert "patients_complete" not in text


# Dictionaries of other projects

FOREIGN = (
    "record_id,enrol,,text,Record ID,,,,,,,,,,,,,",
    "surname,enrol,About you,text,Last name,,,,,,y,,,,,,,",
    'dob,enrol,,text,"Birth, date of",,,date_dmy,,,y,,y,,,,,',
    'sex,enrol,,radio,Sex,"1, Female | 2, Male",,,,,,,,,,,,',
    "ldh,enrol,,text,LDH,,U/L,number_1dp,0,5000,,[sex]='1',,,,,,@HIDDEN",
    'symptoms,enrol,,checkbox,Symptoms,"1, Fever | 2, Night sweats | -9, ""Other""",,,,,,,,,,,,',
    'bmi,enrol,,calc,BMI,"round([weight]/[height],1)",,,,,,,,,,,,',
    "seen,enrol,,yesno,Seen,,,,,,,,,,,,,",
    "scale,enrol,,slider,Scale,none | some | much,,number,0,100,,,,RH,,,,",
    'welcome,enrol,,descriptive,"Hello,\nand welcome",,,,,,,,,,,,,',
)


def test_the_fields_of_another_project_are_listed():
    read = dictionary(*FOREIGN)
    assert read.schema is None
    assert read.columns == {}
    fields = {field.variable: field for field in read.fields}
    assert next(iter(fields)) == read.record_id.variable == "record_id"
    assert fields["surname"].identifier
    assert fields["dob"].is_date
    assert fields["dob"].label == "Birth, date of"
    assert fields["dob"].required
    assert fields["sex"].choices == (("1", "Female"), ("2", "Male"))
    ldh = fields["ldh"]
    assert (ldh.validation, ldh.minimum, ldh.maximum, ldh.branching) == ("number_1dp", "0", "5000", "[sex]='1'")
    assert fields["symptoms"].exported == ("symptoms___1", "symptoms___2", "symptoms____9")
    assert fields["symptoms"].exported_labels[2] == 'Symptoms (choice="Other")'
    assert fields["bmi"].calculation == "round([weight]/[height],1)"
    assert fields["seen"].choices == (("1", "Yes"), ("0", "No"))
    assert fields["welcome"].exported == ()
    assert fields["welcome"].line == 11


@pytest.mark.parametrize("width", [16, 17])
def test_dictionaries_of_older_projects_are_read(width):
    lines = [HEADER, *(f"{line}\n" for line in FOREIGN[:4])]
    text = io.StringIO()
    csv.writer(text).writerows(row[:width] for row in csv.reader(lines))
    assert [field.variable for field in read_redcap_dictionary(text.getvalue()).fields][-1] == "sex"


def test_a_file_is_read_with_its_byte_order_mark(tmp_path):
    path = tmp_path / "dictionary.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + "\n".join(FOREIGN)).encode().replace(b"\n", b"\r\n"))
    assert len(read_redcap_dictionary(path).fields) == len(FOREIGN)


def test_every_problem_of_a_dictionary_is_found():
    text = HEADER + "\n".join([
        FOREIGN[0],
        FOREIGN[0],
        "sex,enrol,,radio,Sex,\"1, Female | Male sex\",,,,,,,,,,,,",
        "grade,enrol,,dropdown,Grade,\"1, one | 1, two\",,,,,,,,,,,,",
        "empty,enrol,,checkbox,Grade,,,,,,,,,,,,,",
        "odd,enrol,,radiobutton,Odd,,,,,,,,,,,,,",
        ",enrol,,text,Nameless,,,,,,,,,,,,,",
        "short,enrol",
    ])  # fmt: skip
    choices = "Choices, Calculations, OR Slider Labels"
    assert codes_of(text) == [
        ("D090", (3,), "Variable / Field Name"), ("D090", (4,), choices), ("D090", (5,), choices),
        ("D090", (6,), choices), ("D090", (7,), "Field Type"), ("D090", (8,), "Variable / Field Name"),
        ("D090", (9,), ""),
    ]  # fmt: skip


def test_another_file_is_no_dictionary():
    assert codes_of("patient_id,age\n1,2\n") == [("D090", (1,), "")]
    assert codes_of(HEADER.replace("Field Type", "Type") + FOREIGN[0]) == [("D090", (1,), "")]
    assert codes_of(HEADER) == [("D090", (), "")]
    assert codes_of(HEADER + 'a,b,"c') == [("D005", (2,), "")]


def test_bytes_of_another_encoding_are_found(tmp_path):
    path = tmp_path / "dictionary.csv"
    path.write_bytes((HEADER + FOREIGN[0] + "\nx,enrol,,text,Größe,,,,,,,,,,,,,\n").encode("cp1252"))
    with pytest.raises(FindingsError) as caught:
        read_redcap_dictionary(Path(path))
    assert [one.code for one in caught.value.findings] == ["D003"]
    assert len(read_redcap_dictionary(path, encoding="cp1252").fields) == 2


@pytest.mark.parametrize("tag", ['@SURVMODEL={""column"":', "@SURVMODEL={}", '@SURVMODEL={""column"":""patients.x""}'])
def test_a_damaged_tag_is_found(tag):
    about = write_redcap_dictionary(one_table()).split("\n", 1)[1]
    text = f'{HEADER}{about}x,patients,,text,X,,,,,,,,,,,,,"{tag}"\n'
    assert codes_of(text) == [("D090", (4,), "Field Annotation")]
