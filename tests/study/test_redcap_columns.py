"""Fields of a REDCap project as declarations that a study file accepts."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel.cli import main
from survmodel.data.redcap_dictionary import RedcapDictionary, read_redcap_dictionary
from survmodel.data.redcap_fields import FIELD_TYPES, FIXED_CHOICES, RedcapField
from survmodel.study.config import read_study
from survmodel.study.file_errors import read_settings
from survmodel.study.redcap_columns import write_columns

CLINIC = Path(__file__).parent.parent / "data" / "redcap" / "clinic_dictionary.csv"
STUDY = """
schema = 1
title = "A plain table"

[data]
patients = { path = "export.csv" }

[endpoint.os]
time = "months"
event = "died"
unit = "months"

"""
RECORD = RedcapField("record_id", "a", "text", "Record")


def declared(*fields):
    text = STUDY + write_columns(RedcapDictionary((RECORD, *fields), None, {}))
    return read_settings(text.encode(), "study.toml").column


def test_the_fields_of_a_project_are_declared():
    columns = read_settings((STUDY + write_columns(read_redcap_dictionary(CLINIC))).encode(), "study.toml").column
    assert list(columns) == [
        "record_id", "gender", "dx_group", "entity", "confirmed", "ldh", "symptoms___1", "symptoms___2",
        "symptoms____9", "pet_no", "pet_tracer", "pet_dt", "liver", "status", "seen_dt", "dead_dt",
    ]  # fmt: skip
    assert columns["record_id"].type == "identifier"
    assert columns["gender"].levels == {"1": "Female", "2": "Male"}
    assert (columns["ldh"].type, columns["ldh"].range, columns["ldh"].unit) == ("number", (0, 5000), "")
    assert (columns["symptoms___2"].type, columns["symptoms___2"].label) == ("boolean", "Symptoms: Night sweats")
    assert (columns["pet_dt"].type, columns["pet_dt"].role) == ("date", "outcome")


def test_what_is_left_out_and_what_is_never_evaluated_stands_in_comments(capsys):
    assert main(["columns", str(CLINIC)]) == 0
    out = capsys.readouterr().out
    assert "# surname (Surname) is left out: it tells who a patient is." in out
    assert "# dob (Date of birth) is left out: it tells who a patient is." in out
    assert "# consent (Consent form) is left out: it holds files." in out
    assert "# Shown only if: [entity]<>''" in out
    tomllib.loads(out)


def test_texts_that_tell_who_a_patient_is_are_left_out():
    fields = [
        RedcapField("contact", "a", "text", "Contact", validation="email"),
        RedcapField("phone_home", "a", "text", "Phone"),
        RedcapField("remarks", "a", "notes", "Remarks"),
        RedcapField("chart", "a", "text", "Chart", validation="mrn_10d"),
        RedcapField("place", "a", "text", "Place", validation="postalcode_germany"),
    ]
    assert list(declared(*fields)) == ["record_id"]


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        (("0", ""), (0, float("inf"))), (("", "4.5"), (float("-inf"), 4.5)), (("", ""), None), (("5", "1"), None),
        (("[other]", "9"), None), (("nan", "9"), None), (("-1e3", "1e-7"), (-1000, 1e-7)),
    ],
)  # fmt: skip
def test_limits_are_taken_where_they_are_numbers(limits, found):
    field = RedcapField("x", "a", "text", "X", validation="number", minimum=limits[0], maximum=limits[1])
    assert declared(field)["x"].range == found


TEXTS = st.text(max_size=30) | st.sampled_from(['"', "\\", "\x7f", "a\nb", "'''", "<b>x</b>", "=1", "]", "\u2028"])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                sorted(FIELD_TYPES - {"descriptive"})
            ),
            st.sampled_from(["", "number", "integer", "date_mdy", "datetime_seconds_ymd", "number_comma_decimal"]),
            TEXTS, TEXTS, TEXTS,
            st.lists(st.tuples(st.from_regex(r"[A-Za-z0-9._-]{1,4}", fullmatch=True), TEXTS), min_size=1, max_size=4,
                     unique_by=lambda one: one[0].lower().replace("-", "_").replace(".", "_")),
        ),
        max_size=5,
    )
)  # fmt: skip
def test_any_project_is_declared_so_that_a_study_file_takes_it(parts):
    fields = []
    for number, (kind, validation, label, branching, calculation, listed) in enumerate(parts):
        choices = FIXED_CHOICES.get(kind, tuple(listed) if kind in {"radio", "dropdown", "checkbox"} else ())
        fields.append(
            RedcapField(
                f"v{number}", label or "f", kind, label, choices, calculation,
                validation=validation if kind == "text" else "", branching=branching,
            )
        )  # fmt: skip
    columns = declared(*fields)
    expected = [name for field in fields if field.type not in {"notes", "file"} for name in field.exported]
    assert list(columns) == ["record_id", *expected]


def test_a_pasted_declaration_reads_an_export(tmp_path):
    fields = (
        RECORD,
        RedcapField("sex", "a", "radio", "Sex", (("1", "female"), ("2", "male"))),
        RedcapField("symptoms", "a", "checkbox", "Symptoms", (("1", "fever"), ("2", "sweats"))),
    )
    text = STUDY + write_columns(RedcapDictionary(fields, None, {}))
    (tmp_path / "study.toml").write_text(text, "utf-8")
    rows = [f"{i},{1 + i % 2},{i % 2},0,{i},{i % 3 // 2},2" for i in range(1, 31)]
    head = "record_id,sex,symptoms___1,symptoms___2,months,died,a_complete"
    (tmp_path / "export.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")
    assert main(["check", str(tmp_path / "study.toml")]) == 0
    assert read_study(tmp_path / "study.toml").labels["symptoms___1"] == "Symptoms: fever"


def test_a_dictionary_that_is_none_is_refused(tmp_path, capsys):
    path = tmp_path / "dictionary.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    assert main(["columns", str(path)]) == 3
    assert "D090 dictionary.csv row 1" in capsys.readouterr().err
    assert main(["columns", str(tmp_path / "no.csv")]) == 5
    assert main(["columns", str(path), "--encoding", "utf-9"]) == 2
    assert "did you mean 'utf-8'" in capsys.readouterr().err.lower()
