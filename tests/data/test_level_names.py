"""Levels and headings by the other names that the data schema knows: labels, Chinese names, other spellings."""

import json

import pytest
from data.study_files import read_study, with_cell

from survmodel.data.columns import Column
from survmodel.data.findings import FindingsError
from survmodel.data.readers.delimited import scan_delimited
from survmodel.data.schema import load_schema, read_schema
from survmodel.data.schema_location import schema_folder
from survmodel.data.tables import TableFile, read_tables
from survmodel.errors import ConfigError

#: As a site in China exports it; written by hand.
CHINESE = """患者编号,疾病类别,病理类型,性别,年龄,CT分期,确诊日期
KEY-A1,淋巴瘤,边缘区淋巴瘤,女,61.5,Ⅱ期,2021/03/05
KEY-A2,骨髓瘤,多发性骨髓瘤,男,70,,2021/12/31
KEY-A3,白血病,急性髓系白血病,男性,44,,2022/01/02
"""


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_a_chinese_table_is_read_in_every_encoding(tmp_path, encoding):
    # GBK has no Roman numeral two as one sign in old tables, but Python's codec does.
    (tmp_path / "patients.csv").write_bytes(CHINESE.encode(encoding))
    file = TableFile(
        tmp_path / "patients.csv", encoding="utf-8" if encoding == "utf-8-sig" else encoding, date_format="%Y/%m/%d"
    )
    tables = read_tables({"patients": file})
    patients = tables.tables["patients"]
    assert patients["sex"].tolist() == ["female", "male", "male"]
    assert patients["disease_group"].tolist() == ["lymphoma", "myeloma", "leukemia"]
    assert patients["entity"].tolist() == ["MZL", "MM", "AML"]
    assert patients["stage_ct"].tolist()[0] == "II"
    assert patients["age_years"].tolist() == [61.5, 70.0, 44.0]
    assert [str(day.date()) for day in patients["diagnosis_date"]] == ["2021-03-05", "2021-12-31", "2022-01-02"]
    told = {(one.code, one.severity, one.column, one.rows) for one in tables.findings if one.code == "D079"}
    assert told == {
        ("D079", "note", "sex", (2, 3, 4)),
        ("D079", "note", "disease_group", (2, 3, 4)),
        ("D079", "note", "entity", (2, 3, 4)),
        ("D079", "note", "stage_ct", (2,)),
    }
    sex = next(one for one in tables.findings if one.code == "D079" and one.column == "sex")
    assert "女 as female" in str(sex)
    assert "男 as male" in str(sex)
    assert "男性 as male" in str(sex)


def test_labels_are_levels_whatever_their_case(tmp_path):
    tables = read_study(tmp_path, with_cell("patients", 2, "entity", "Marginal zone lymphoma"))
    assert tables.tables["patients"]["entity"].iloc[0] == "MZL"
    tables = read_study(tmp_path, with_cell("patients", 2, "sex", "Female"))
    assert tables.tables["patients"]["sex"].iloc[0] == "female"
    (note,) = (one for one in tables.findings if one.code == "D079")
    assert "female in other letters" in str(note)


def test_a_code_is_written_letter_for_letter(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,disease_group,entity\nKEY-A1,lymphoma,mzl\n")
    with pytest.raises(FindingsError) as caught:
        read_tables({"patients": TableFile(tmp_path / "patients.csv")})
    assert [(one.code, one.column, one.rows) for one in caught.value.findings] == [("D023", "entity", (2,))]


def test_truth_values_have_chinese_names(tmp_path):
    text = "patient_id,disease_group,entity,untreated,b_symptoms\nKEY-A1,lymphoma,MZL,是,否\n"
    (tmp_path / "patients.csv").write_text(text, encoding="utf-8")
    patients = read_tables({"patients": TableFile(tmp_path / "patients.csv")}).tables["patients"]
    assert patients[["untreated", "b_symptoms"]].iloc[0].tolist() == [True, False]


def test_no_name_means_two_levels_or_two_columns():
    for table in load_schema().tables:
        headings = [name.casefold() for field in table.fields for name in (field.name, *field.aliases)]
        assert len(set(headings)) == len(headings), table.name


def test_a_schema_in_which_a_name_means_two_levels_is_refused(tmp_path):
    for path in schema_folder().glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "patients.schema.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    sex = next(field for field in content["fields"] if field["name"] == "sex")
    sex["categories"][0]["x-aliases"] = ["MALE"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"patients\.sex: 'male' means two levels"):
        read_schema(tmp_path)


def test_levels_of_the_study_stay_letter_for_letter(tmp_path):
    (tmp_path / "patients.csv").write_text("sex\nfemale\nFemale\n")
    column = Column("sex", "category", levels=(("female", "female"), ("male", "male")))
    read = scan_delimited(tmp_path / "patients.csv", [column])
    assert [(one.code, one.rows) for one in read.findings] == [("D023", (3,))]
