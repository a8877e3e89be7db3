"""Exports of OHIF, 3D Slicer and PyRadiomics: hand-written files, and every way to be wrong."""

import pytest
from data.export_files import HERE, codes, exported, problems, scanned

from survmodel.data.readers.lesion_exports import LesionExport

OHIF, SLICER, PYRADIOMICS = HERE / "ohif.csv", HERE / "slicer.csv", HERE / "pyradiomics.csv"


def export(reader, path, **changes):
    return LesionExport(**{"path": path, "reader": reader, "tracer": "cxcr4", "segmentation": "41pct", **changes})


def ohif(path=OHIF, **changes):
    return export("ohif", path, **{"segmentation": "", **changes})


def slicer(path=SLICER, **changes):
    return export("slicer", path, **changes)


def pyradiomics(path=PYRADIOMICS, **changes):
    return export("pyradiomics", path, **{"uptake_unit": "SUV", **changes})


# OHIF


def test_ohif_in_canonical_columns():
    read = scanned(ohif())
    assert read.table["lesion_id"].tolist() == ["seg-1", "seg-2"]
    assert read.table["scan_id"].tolist() == ["s1", "s1"]
    assert read.table["suvmax"].tolist() == [9.75, 4.25]
    assert read.table["suvpeak"].tolist() == [8.5, 4.0]
    assert read.table["suvmean"].tolist() == [5.0, 3.5]
    assert read.table["suv_sd"].tolist() == [1.25, 0.4]
    assert read.table["volume_ml"].tolist() == [12.5, 0.8]
    # 41 % of the maximum, by the threshold configuration of the report.
    assert read.table["segmentation"].tolist() == ["41pct", "41pct"]
    assert codes(read) == []


def test_ohif_volumes_in_mm3_are_told_by_the_total(tmp_path):
    path = exported(tmp_path, OHIF, ("Hum_left,12.5,", "Hum_left,12500,"), ("Spleen_1,0.8,", "Spleen_1,800,"))
    assert scanned(ohif(path)).table["volume_ml"].tolist() == [12.5, 0.8]


@pytest.mark.parametrize(("total", "read"), [("13.03", False), ("13.04", True), ("13.57", True), ("13.58", False)])
def test_ohif_volumes_must_add_up_to_the_total_within_two_percent(tmp_path, total, read):
    # The segments are 13.3 mL together: 13.3 / 1.02 is 13.039, and 13.3 / 0.98 is 13.571.
    path = exported(tmp_path, OHIF, ("tmtv,13.3000", f"tmtv,{total}"))
    if read:
        assert scanned(ohif(path)).table["volume_ml"].tolist() == [12.5, 0.8]
    else:
        assert [one.code for one in problems(ohif(path))] == ["D191"]


def test_ohif_without_its_total_is_refused(tmp_path):
    path = exported(tmp_path, OHIF, ("Total Metabolic Tumor Volume,tmtv,13.3000\n", ""))
    assert [one.code for one in problems(ohif(path))] == ["D191"]


@pytest.mark.parametrize(
    ("configuration", "rule"),
    [
        ("strategy,roiStat,minValue,0,maxValue,100,weight,0.5", "50pct"),
        ("strategy,range,minValue,4,maxValue,100,weight,0.41", "fixed4"),
        ("strategy,range,ptLower,2.5,ptUpper,100,ctLower,-1024", "fixed2.5"),
    ],
)
def test_ohif_names_the_rule_of_its_threshold(tmp_path, configuration, rule):
    path = exported(tmp_path, OHIF, ("strategy,roiStat,minValue,0,maxValue,100,weight,0.41", configuration))
    assert scanned(ohif(path)).table["segmentation"].tolist() == [rule] * 2


def test_ohif_with_another_rule_than_the_study_names_is_refused():
    (finding,) = problems(ohif(segmentation="50pct"))
    assert (finding.code, "41pct" in finding.problem) == ("D190", True)
    assert scanned(ohif(segmentation="41pct")).table["segmentation"].tolist() == ["41pct"] * 2


def test_ohif_with_a_rule_that_the_schema_does_not_have_needs_one_of_the_study(tmp_path):
    path = exported(tmp_path, OHIF, ("weight,0.41", "weight,0.37"))
    assert [one.code for one in problems(ohif(path))] == ["D190"]
    assert scanned(ohif(path, segmentation="manual")).table["segmentation"].tolist() == ["manual"] * 2


def test_ohif_names_the_patient_once_where_the_rows_do_not(tmp_path):
    path = exported(tmp_path, OHIF, ("PatientID,", "Other,"), ("StudyDate", "Other2"))
    assert scanned(ohif(path)).table["scan_id"].tolist() == ["s1", "s1"]


def test_ohif_by_newer_headings_and_without_a_word_of_suv(tmp_path):
    path = exported(
        tmp_path, OHIF, ("maxValue,meanValue,stdValue,suvPeak,suvMax,", "namedStats_max,namedStats_mean,stdDev,a,b,")
    )  # fmt: skip
    assert {one.code for one in problems(ohif(path))} == {"D191"}
    read = scanned(ohif(path, uptake_unit="SUV"))
    assert read.table["suvmax"].tolist() == [9.75, 4.25]
    assert read.table["suvmean"].tolist() == [5.0, 3.5]
    assert read.table["suvpeak"].isna().all()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([("maxValue", "a"), ("suvMax,", "b,")], "D190"),
        ([("id,label,", "a,b,")], "D190"),
        ([("minValue,maxValue,meanValue", "minValue,volume,meanValue")], "D010"),
        ([(",1.2.3,1.2.4,20240305\n\n", "\n\n")], "D008"),
        ([(",", ";")], "D006"),
    ],
)
def test_a_report_that_is_not_as_ohif_writes_it(tmp_path, changes, code):
    found = problems(ohif(exported(tmp_path, OHIF, *changes)))
    assert code in [one.code for one in found]
    assert all("SYN-" not in str(one) for one in found)


# 3D Slicer


def test_slicer_leaves_copies_of_a_second_run_out():
    read = scanned(slicer())
    assert read.table["lesion_id"].tolist() == ["1", "2", "1"]
    assert read.table["scan_id"].tolist() == ["s1", "s1", "s2"]
    assert read.table["suvmax"].tolist() == [9.75, 4.25, 7.5]
    assert read.table["suvmean"].tolist() == [5.0, 3.5, 4.0]
    assert read.table["volume_ml"].isna().all()
    assert read.lines == (2, 3, 4)
    assert [(one.code, one.rows, one.severity) for one in read.findings] == [("D194", (5, 6), "note")]
    assert read.notes[0].startswith("slicer.csv: the table of 3D Slicer has no volumes")


def test_slicer_with_two_values_of_one_lesion_is_an_error(tmp_path):
    lines = SLICER.read_text("utf-8").splitlines()
    path = tmp_path / "s.csv"
    path.write_text("\n".join([*lines[:5], lines[5].replace("9.75", "9.5")]), "utf-8")
    assert ", 9.75, 5.0, Hum_left" in lines[4]
    lines[4] = lines[4].replace("9.75", "9.5")
    path.write_text("\n".join(lines), "utf-8")
    read = scanned(slicer(path))
    assert [(one.code, one.rows) for one in read.findings] == [("D194", (6,)), ("D193", (2, 5))]


def test_slicer_names_regions_by_the_label():
    read = scanned(slicer(regions=(("hum*", "humerus"), ("spleen*", "spleen"), ("*", "other"))))
    assert read.table["region"].tolist() == ["humerus", "spleen", "other"]


@pytest.mark.parametrize("heading", ["patientID", "studyDate", "labelID", "suvmax", "suvmean"])
def test_a_table_without_a_column_of_slicer_is_refused(tmp_path, heading):
    assert [one.code for one in problems(slicer(exported(tmp_path, SLICER, (heading, "other"))))] == ["D190"]


def test_a_header_of_slicer_in_the_middle_is_told(tmp_path):
    text = SLICER.read_text("utf-8")
    path = tmp_path / "s.csv"
    path.write_text(text + text.splitlines()[0] + "\n", "utf-8")
    assert [(one.code, one.rows) for one in problems(slicer(path))] == [("D015", (7,))]


# PyRadiomics


def test_pyradiomics_in_canonical_columns():
    read = scanned(pyradiomics())
    assert read.table["lesion_id"].tolist() == ["hum_left.nrrd", "l3.nrrd"]
    assert read.table["scan_id"].tolist() == ["s1", "s2"]
    assert read.table["suvmax"].tolist() == [9.75, 7.5]
    assert read.table["suvmean"].tolist() == [5.0, 4.0]
    assert read.table["volume_ml"].tolist() == [12.5, 2.3456]
    assert read.table[["x_mm", "y_mm", "z_mm"]].to_numpy().tolist() == [[56.25, 86.5, -115.75], [1.5, -2.5, 300.0]]
    assert codes(read) == []


def test_pyradiomics_asks_for_the_unit_of_the_image():
    found = problems(pyradiomics(uptake_unit=""))
    assert {(one.code, one.remedy) for one in found} == {
        ("D191", 'confirm it with uptake_unit = "SUV" in the study file')
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [("PatientID", "Name of nobody"), ("Mask,diag", "Region of nobody,diag"), ("firstorder_Maximum", "firstorder_Max")],
)
def test_pyradiomics_without_patient_lesion_or_maximum_is_refused(tmp_path, old, new):
    assert [one.code for one in problems(pyradiomics(exported(tmp_path, PYRADIOMICS, (old, new))))] == ["D190"]


def test_a_value_that_could_not_be_computed_is_missing(tmp_path):
    read = scanned(pyradiomics(exported(tmp_path, PYRADIOMICS, (",4.0,1.0", ",nan,1.0"))))
    assert read.table["suvmean"].isna().tolist() == [False, True]
    assert codes(read) == []


# The bad twin of each export


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        ("lifex", {("D015", (3,)), ("D191", (1,))}),
        ("pmod", {("D008", (4,)), ("D191", (1,))}),
        ("ohif", {("D191", (1,))}),
        ("pyradiomics", {("D190", (1,))}),
    ],
)
def test_a_bad_twin_is_refused_as_a_whole(reader, told):
    found = problems(export(reader, HERE / f"{reader}_bad.csv"))
    assert {(one.code, one.rows) for one in found} == told
    assert all(one.remedy for one in found)
    assert all("SYN-" not in str(one) for one in found)


def test_the_bad_twins_whose_rows_are_wrong_are_told_by_their_lines():
    read = scanned(slicer(HERE / "slicer_bad.csv"))
    assert {(one.code, one.rows) for one in read.findings} == {("D193", (2, 4)), ("D192", (3,))}
    table = export(
        "column_map", HERE / "workstation_bad.csv", column_map=HERE / "workstation.toml", delimiter=";", decimal=","
    )
    read = scanned(table)
    assert {(one.code, one.column, one.rows) for one in read.findings if one.severity == "error"} == {
        ("D020", "suvmax", (2,)), ("D022", "suvmean", (3,)), ("D051", "date of the scan", (3,)),
    }  # fmt: skip
    assert all("SYN-" not in str(one) and "2024" not in str(one) for one in read.findings)
