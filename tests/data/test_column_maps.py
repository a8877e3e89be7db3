"""Tables of any program by a column map, first maps for them, and folders of exports."""

import tomllib

import pytest
from data.export_files import HERE, codes, exported, problems, scanned

from survmodel.data.findings import FindingsError
from survmodel.data.readers.column_map import MAPPED, find_region, parse_column_map
from survmodel.data.readers.column_map_suggestion import ALIASES, suggest_column_map
from survmodel.data.readers.folder import list_files
from survmodel.data.readers.lesion_exports import LesionExport
from survmodel.errors import ConfigError

TABLE, MAP, LIFEX = HERE / "workstation.csv", HERE / "workstation.toml", HERE / "lifex_v7.csv"


def mapped(path=TABLE, columns=MAP, **changes):
    given = {"reader": "column_map", "tracer": "cxcr4", "segmentation": "41pct", "delimiter": ";", "decimal": ","}
    return LesionExport(path=path, column_map=columns, **{**given, **changes})


def lifex(path=LIFEX, **changes):
    return LesionExport(**{"path": path, "reader": "lifex", "tracer": "cxcr4", "segmentation": "41pct", **changes})


def refused(text):
    with pytest.raises(ConfigError) as caught:
        parse_column_map(text.encode(), "map.toml")
    return str(caught.value)


def test_a_table_of_any_program_by_its_map():
    read = scanned(mapped())
    assert read.table["lesion_id"].tolist() == ["Hum left", "Vertebra L3"]
    assert read.table["scan_id"].tolist() == ["s1", "s2"]
    assert read.table["region"].tolist() == ["humerus", "vertebra"]
    assert read.table["suvmax"].tolist() == [9.75, 7.5]
    assert read.table["suvmean"].tolist() == [5.0, 4.0]
    assert read.table["volume_ml"].tolist() == [12.5, 2.3456]
    assert codes(read) == []
    assert [part.name for part in read.parts] == ["workstation.csv", "workstation.toml"]


def test_the_day_tells_which_scan_it_is(tmp_path):
    path = exported(tmp_path, TABLE, ("05.03.2024", "01.09.2024"))
    assert scanned(mapped(path, tracer="fdg")).table["scan_id"].tolist()[0] == "f3"


def test_a_unit_that_nobody_confirmed_is_refused(tmp_path):
    columns = exported(tmp_path, MAP, ('unit = "cm3"', 'unit = "CONFIRM"'))
    with pytest.raises(ConfigError, match=r"columns\.volume_ml: the unit is not confirmed"):
        scanned(mapped(columns=columns))


def test_another_unit_of_the_map_is_heeded(tmp_path):
    columns = exported(tmp_path, MAP, ('unit = "cm3"', 'unit = "mm3"'))
    assert scanned(mapped(columns=columns)).table["volume_ml"].tolist() == [0.0125, 0.0023456]


@pytest.mark.parametrize("heading", ["Pt ID", "Contour Name", "SUVbw Max", "Vol", "Exam Date"])
def test_a_heading_that_the_table_does_not_have_is_told(tmp_path, heading):
    found = problems(mapped(exported(tmp_path, TABLE, (heading, "Strange"))))
    assert [(one.code, one.column) for one in found] == [("D190", heading)]


@pytest.mark.parametrize("column", ["lesion_id", "suvmax"])
def test_a_map_without_lesion_or_uptake_is_refused(tmp_path, column):
    text = "".join(line for line in MAP.read_text("utf-8").splitlines(True) if not line.startswith(column))
    (tmp_path / "m.toml").write_text(text, "utf-8")
    assert [one.code for one in problems(mapped(columns=tmp_path / "m.toml"))] == ["D190"]


def test_a_name_that_no_pattern_fits_is_an_error_without_the_name(tmp_path):
    read = scanned(mapped(exported(tmp_path, TABLE, ("Vertebra L3", "Mueller Hans"))))
    (finding,) = read.findings
    assert (finding.code, finding.rows, finding.severity) == ("D196", (3,), "error")
    assert "Mueller" not in str(finding)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[columns", "is no TOML"),
        ("a = " + "9" * 5000, "is no TOML"),
        ("a = " + "[" * 5000, "is no TOML"),
        ("a = '\0'", "is no TOML"),
        ("[colums]", "no section 'colums'; did you mean"),
        ("scan = 1", "[scan] must be a section"),
        ('[scan]\npatient = "a"', "no key of [scan] 'patient'"),
        ("[scan]\npatient_from = 1", "scan.patient_from must be a text"),
        ('[scan]\npatient_from = ""', "scan.patient_from must be a text"),
        ('[scan]\npatient_from_file_name = "yes"', "must be true or false"),
        ('[scan]\npatient_from = "a"\npatient_from_file_name = true', "exclude each other"),
        ('[scan]\ndate_format = "%d.%m.%Y"', "needs scan.date_from"),
        ('[scan]\ndate_from = "a"\ndate_format = "dd.mm"', "scan.date_format: "),
        ('[columns]\nsuvmx = { from = "a", unit = "SUV" }', "no column of lesions 'suvmx'; did you mean 'suvmax'"),
        ('[columns]\nscan_id = { from = "a" }', "no column of lesions 'scan_id'"),
        ('[columns]\nsuvmax = "a"', "columns.suvmax must be written as"),
        ('[columns]\nsuvmax = { unit = "SUV" }', "columns.suvmax must be written as"),
        ('[columns]\nsuvmax = { from = "a", units = "SUV" }', "columns.suvmax must be written as"),
        ('[columns]\nsuvmax = { from = "a" }', "columns.suvmax: no unit is named; known: SUV, SUVbw, g/ml"),
        ('[columns]\nsuvmax = { from = "a", unit = "Bq/ml" }', "is an activity concentration"),
        ('[columns]\nlesion_id = { from = "a", unit = "mm" }', "columns.lesion_id is a text and has no unit"),
        ('[regions]\n"" = "spleen"', "must have 1 to 100 characters"),
        (f'[regions]\n"{"a" * 101}" = "spleen"', "must have 1 to 100 characters"),
        ('[regions]\n"a" = " "', "must be a text"),
    ],
)
def test_what_a_map_cannot_say(text, told):
    assert told in refused(text)


def test_every_problem_of_a_map_is_told_at_once():
    message = refused('[scan]\nx = 1\n[columns]\ny = 1\n[regions]\n"" = ""\n')
    assert message.count(";") >= 3
    assert refused("#" * 100_001).startswith("map.toml: a column map has at most 100000 bytes")


def test_a_map_that_is_as_long_as_it_may_be():
    assert parse_column_map(b"#" * 100_000, "map.toml").columns == ()


@pytest.mark.parametrize(
    ("name", "region"),
    [("Lung node", "lung"), ("NODE", "node"), ("node a", "other"), ("", "other"), ("n[d", "other"), ("x1", "digit")],
)
def test_the_first_pattern_that_fits_counts(name, region):
    patterns = [("*lung*", "lung"), ("node", "node"), ("x[0-9]", "digit"), ("*", "other")]
    assert find_region(name, patterns) == region


def test_no_pattern_takes_long():
    assert find_region("a" * 10_000, [("*a" * 50, "long"), ("*a" * 49 + "b", "never")]) == "long"
    assert find_region("a" * 10_000, [("*a" * 49 + "*b", "never")]) is None


def test_a_map_goes_before_what_the_reader_finds(tmp_path):
    columns = tmp_path / "m.toml"
    columns.write_text(
        '[columns]\nsuvpeak = { from = "INTENSITY-BASED_MeanIntensity(IBSI:Q4LE)[SUVbw]", unit = "SUV" }\n'
        '[regions]\n"*" = "any"\n',
        "utf-8",
    )
    read = scanned(lifex(column_map=columns))
    assert read.table["suvpeak"].tolist() == [5.0, 3.5, 4.0]
    assert read.table["suvmax"].tolist() == [9.75, 4.25, 7.5]
    assert read.table["region"].tolist() == ["any"] * 3


def test_the_total_of_the_program_is_not_compared_with_another_volume(tmp_path):
    columns = tmp_path / "m.toml"
    columns.write_text(
        '[columns]\nvolume_ml = { from = "MORPHOLOGICAL_Maximum3DDiameter(IBSI:L0JK)[mm]", unit = "mL" }\n', "utf-8"
    )
    assert codes(scanned(lifex(column_map=columns))) == []


def test_regions_stand_in_one_place():
    with pytest.raises(ConfigError, match=r"regions stand in the study file and in workstation\.toml"):
        scanned(mapped(regions=(("*", "other"),)))


def test_the_rule_of_segmentation_may_stand_in_a_column(tmp_path):
    path = exported(tmp_path, TABLE, (";Comment", ";Rule"), (";a\n", ";liver\n"), (";b\n", ";manual\n"))
    columns = exported(tmp_path, MAP, ("[regions]", 'segmentation = { from = "Rule" }\n[regions]'), name="m.toml")
    read = scanned(mapped(path, columns, segmentation=""))
    assert read.table["segmentation"].tolist() == ["liver", "manual"]
    assert [one.code for one in problems(mapped(path, columns))] == ["D190"]


# First maps


def test_a_first_map_is_refused_until_its_units_are_confirmed(tmp_path):
    text = suggest_column_map(TABLE)
    found = tomllib.loads(text)
    assert found["columns"]["suvmax"] == {"from": "SUVbw Max", "unit": "CONFIRM"}
    assert found["columns"]["volume_ml"] == {"from": "Vol", "unit": "CONFIRM"}
    assert found["columns"]["lesion_id"] == {"from": "Contour Name"}
    assert '# not used: "Comment"' in text
    assert "columns.suvmax: the unit is not confirmed" in refused(text)


def test_a_first_map_that_was_confirmed_reads_the_table(tmp_path):
    text = suggest_column_map(TABLE)
    volume = '{ from = "Vol", unit = "CONFIRM" }'
    assert volume in text
    text = text.replace(volume, volume.replace("CONFIRM", "cm3")).replace("CONFIRM", "SUV")
    # "Pt ID" is no usual name of a patient: the line is left to be filled.
    assert "# patient_from" in text
    text = text.replace('# patient_from = "heading of what names the patient"', 'patient_from = "Pt ID"')
    (tmp_path / "m.toml").write_text(text, "utf-8")
    assert {one.column for one in scanned(mapped(columns=tmp_path / "m.toml")).findings} == {"date of the scan"}
    (tmp_path / "m.toml").write_text(text.replace("# date_format", "date_format"), "utf-8")
    read = scanned(mapped(columns=tmp_path / "m.toml"))
    assert codes(read) == []
    assert read.table["suvmax"].tolist() == [9.75, 7.5]
    assert read.table["volume_ml"].tolist() == [12.5, 2.3456]


def test_nothing_of_a_file_without_headings_is_written(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("Mueller,Hans,9.75\nMeier,Eva,7.5\n", "utf-8")
    with pytest.raises(ConfigError) as caught:
        suggest_column_map(path)
    assert "Mueller" not in str(caught.value)


def test_two_headings_of_one_name_are_not_chosen_between(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Patient,ROI,Max,Max\n", "utf-8")
    assert "suvmax" not in suggest_column_map(path)


def test_strange_headings_stay_what_they_are(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('Patient,"ROI ""x"" \\ name",SUV max,ROI\n', "utf-8")
    found = tomllib.loads(suggest_column_map(path))
    assert found["columns"]["lesion_id"]["from"] == "ROI"


def test_aliases_are_bare_and_belong_to_one_column():
    names = [name for several in ALIASES.values() for name in several]
    assert len(names) == len(set(names))
    assert all(name.isalnum() and name == name.casefold() for name in names)
    assert set(ALIASES) <= set(MAPPED)


# Folders


def folder_of(tmp_path, *texts):
    folder = tmp_path / "exports"
    folder.mkdir()
    for name, text in texts:
        (folder / name).write_text(text, "utf-8")
    return folder


def test_a_folder_is_one_source_in_the_order_of_its_names(tmp_path):
    lines = LIFEX.read_text("utf-8").splitlines(True)
    folder = folder_of(tmp_path, ("b.csv", lines[0] + lines[3]), ("a.csv", "".join(lines[:3])), (".hidden", "x"))
    read = scanned(lifex(folder))
    assert read.name == "exports"
    assert read.table["scan_id"].tolist() == ["s1", "s1", "s2"]
    assert read.lines == (2, 3, 6)
    assert [(part.name, part.n_rows) for part in read.parts] == [("exports (file 1)", 2), ("exports (file 2)", 1)]
    assert read.notes == ("exports: centroids are in voxels, not in mm, and are left out",)


def test_files_of_a_folder_are_numbered_and_never_named(tmp_path):
    lines = LIFEX.read_text("utf-8").splitlines(True)
    folder = folder_of(
        tmp_path, ("Mueller_Hans.csv", "".join(lines[:3])), ("Zander.csv", lines[0] + lines[3].replace("7.5", "high"))
    )
    read = scanned(lifex(folder))
    (finding,) = [one for one in read.findings if one.code == "D021"]
    assert finding.rows == (6,)
    assert "row 6 is line 2 of exports (file 2)" in finding.expected
    assert "Mueller" not in repr(read.findings) + repr(read.notes) + repr(read.parts)
    assert "Zander" not in repr(read.findings) + repr(read.notes) + repr(read.parts)


def test_the_patient_may_be_the_name_of_the_file(tmp_path):
    lines = [line.replace("INFO_PatientName", "Strange") for line in LIFEX.read_text("utf-8").splitlines(True)]
    folder = folder_of(tmp_path, ("SYN-002.csv", "".join(lines[:2])), ("SYN-001.csv", lines[0] + lines[3]))
    columns = tmp_path / "m.toml"
    columns.write_text(
        '[scan]\npatient_from_file_name = true\n[columns]\nlesion_id = { from = "INFO_NameOfRoi" }\n'
        'suvmax = { from = "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUVbw]", unit = "SUV" }\n',
        "utf-8",
    )
    read = scanned(lifex(folder, reader="column_map", column_map=columns))
    assert read.table["scan_id"].tolist() == ["s1", "s2"]
    assert read.table["suvmax"].tolist() == [7.5, 9.75]


def test_files_with_different_headers_are_refused(tmp_path):
    text = LIFEX.read_text("utf-8")
    folder = folder_of(tmp_path, ("a.csv", text), ("b.csv", text.replace("[mm3]", "[mL]")))
    assert [(one.code, one.file) for one in problems(lifex(folder))] == [("D197", "exports (file 2)")]


@pytest.mark.parametrize("names", [(), ("a.pdf",), ("a.csv", "notes.docx")])
def test_a_folder_with_nothing_or_other_things_is_refused(tmp_path, names):
    folder = folder_of(tmp_path, *((name, "x") for name in names))
    with pytest.raises(FindingsError, match="D197 exports"):
        list_files(folder)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = folder_of(tmp_path, ("a.csv", LIFEX.read_text("utf-8")))
    (folder / "b.csv").symlink_to(TABLE)
    with pytest.raises(FindingsError, match="D197"):
        list_files(folder)
