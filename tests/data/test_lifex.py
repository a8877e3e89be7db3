"""Exports of LIFEx, both generations: hand-written files by the documented headings, and every way to be wrong."""

import pandas as pd
import pytest
from data.export_files import HERE, SCANS, codes, exported, numbers, problems, scanned

from survmodel.data.findings import FindingsError
from survmodel.data.readers.lesion_exports import LesionExport
from survmodel.data.readers.lesion_layout import bare_name
from survmodel.data.uptake_units import explain_unit, find_factor, list_units

V7, V6 = HERE / "lifex_v7.csv", HERE / "lifex_v6.csv"
#: By hand: 12500 mm3 are 12.5 mL, 800 are 0.8, 2345.6 are 2.3456; everything else stands in the file.
EXPECTED = {
    "lesion_id": ["Hum_left", "Spleen_1", "Vertebra L3"],
    "scan_id": ["s1", "s1", "s2"],
    "segmentation": ["41pct"] * 3,
    "suvmax": [9.75, 4.25, 7.5],
    "suvpeak": [8.5, 4.0, 6.25],
    "suvmean": [5.0, 3.5, 4.0],
    "suv_sd": [1.25, 0.4, 0.9],
    "volume_ml": [12.5, 0.8, 2.3456],
}


def lifex(path=V7, **changes):
    return LesionExport(**{"path": path, "reader": "lifex", "tracer": "cxcr4", "segmentation": "41pct", **changes})


def test_version_7_in_canonical_columns():
    read = scanned(lifex())
    for name, values in EXPECTED.items():
        assert read.table[name].tolist() == values, name
    assert read.table[["x_mm", "y_mm", "z_mm"]].isna().all(axis=None)
    assert read.notes == ("lifex_v7.csv: centroids are in voxels, not in mm, and are left out",)
    assert codes(read) == []
    assert read.lines == (2, 3, 4)
    assert list(read.table.columns)[:3] == ["lesion_id", "scan_id", "region"]


def test_version_6_with_semicolons_and_decimal_commas():
    read = scanned(lifex(V6, delimiter=";", decimal=","))
    for name, values in EXPECTED.items():
        wanted = values[:2]
        if name == "suvpeak":
            assert numbers(read, name) == [8.5, None]
        else:
            assert read.table[name].tolist() == wanted, name
    assert codes(read) == []


def test_centroids_in_mm_are_read(tmp_path):
    path = exported(
        tmp_path, V7, ("Centroid(IBSI:No)[vx]", "Centroid(IBSI:No)[mm]"), ("(120.0, 70.5, 51.0)", "120;-70.5;51")
    )
    read = scanned(lifex(path))
    assert read.table["x_mm"].tolist() == [101.2, 120.0, 99.0]
    assert read.table["y_mm"].tolist() == [88.0, -70.5, 91.0]
    assert read.table["z_mm"].tolist() == [40.5, 51.0, 30.0]
    assert read.notes == ()


def test_a_centroid_that_is_no_point_is_told(tmp_path):
    path = exported(
        tmp_path, V7, ("Centroid(IBSI:No)[vx]", "Centroid(IBSI:No)[mm]"), ("(120.0, 70.5, 51.0)", "(120.0, 70.5)")
    )
    read = scanned(lifex(path))
    assert [(one.code, one.column, one.rows) for one in read.findings] == [
        ("D021", column, (3,)) for column in ("x_mm", "y_mm", "z_mm")
    ]


@pytest.mark.parametrize("unit", ["HU", "kBq/mL", "SUVlbm", "furlong"])
def test_another_unit_of_the_image_is_refused(tmp_path, unit):
    path = exported(tmp_path, V7, ("[SUVbw]", f"[{unit}]"))
    found = problems(lifex(path))
    assert {one.code for one in found} == {"D191"}
    assert len(found) == 4
    assert explain_unit(unit) in found[0].problem
    assert found[0].remedy == "export the PET image in SUV by body weight"


def test_an_export_of_the_ct_by_version_6_is_refused(tmp_path):
    path = exported(tmp_path, V6, ("SUVbw", "HU"))
    found = problems(lifex(path, delimiter=";", decimal=","))
    assert {one.code for one in found} == {"D191"}
    assert "Hounsfield" in str(found[0])


def test_an_image_without_a_unit_asks_for_confirmation(tmp_path):
    path = exported(tmp_path, V7, ("[SUVbw]", "[Intensity]"))
    assert {one.remedy for one in problems(lifex(path))} == {'confirm it with uptake_unit = "SUV" in the study file'}
    assert scanned(lifex(path, uptake_unit="SUV")).table["suvmax"].tolist() == EXPECTED["suvmax"]


def test_volumes_in_ml_are_not_divided(tmp_path):
    read = scanned(lifex(exported(tmp_path, V7, ("[mm3]", "[mL]"), (",12500.0,", ",12.5,"))))
    assert read.table["volume_ml"].tolist() == [12.5, 800.0, 2345.6]
    # Mean times volume is now a thousand times the total in two rows.
    assert [(one.code, one.rows, one.severity) for one in read.findings][-1] == ("D195", (3, 4), "warning")


def test_a_volume_without_a_unit_is_refused(tmp_path):
    found = problems(lifex(exported(tmp_path, V7, ("[mm3]", ""))))
    assert [(one.code, one.remedy) for one in found] == [("D191", "name the unit in a column map")]


@pytest.mark.parametrize(("total", "told"), [("63.7", False), ("63.8", True), ("61.3", False), ("61.2", True)])
def test_total_uptake_within_two_percent_of_mean_times_volume(tmp_path, total, told):
    # 5.0 times 12.5 mL is 62.5; 2 % of it are 1.25.
    read = scanned(lifex(exported(tmp_path, V7, (",62.5,", f",{total},"))))
    assert [one.rows for one in read.findings if one.code == "D195"] == ([(2,)] if told else [])


def test_the_total_is_compared_with_the_volume_of_the_voxels_where_there_is_one(tmp_path):
    # 5.0 times 13 mL of voxels is 65; times the 12.5 mL inside the surface it would be 62.5, 4 % less.
    voxels = (
        ("MORPHOLOGICAL_Maximum3DDiameter(IBSI:L0JK)[mm]", "MORPHOLOGICAL_ApproximateVolume(IBSI:YEKZ)[mm3]"),
        (",31.2,", ",13000,"), (",12.0,", ",800,"), (",18.9,", ",2345.6,"), (",62.5,", ",65.0,"),
    )  # fmt: skip
    read = scanned(lifex(exported(tmp_path, V7, *voxels)))
    assert codes(read) == []
    assert read.table["volume_ml"].tolist() == EXPECTED["volume_ml"]
    read = scanned(lifex(exported(tmp_path, V7, *voxels, (",65.0,", ",62.5,"))))
    assert [(one.code, one.rows) for one in read.findings] == [("D195", (2,))]


@pytest.mark.parametrize(
    ("changes", "code", "rows"),
    [
        ([("INFO_PatientName", "Name")], "D190", (1,)),
        ([("INFO_NameOfRoi", "Roi")], "D190", (1,)),
        ([("INTENSITY-BASED_MaximumIntensity", "INTENSITY-BASED_Other")], "D190", (1,)),
        ([("INFO_NameOfRoi", "INFO_PatientName")], "D010", (1,)),
        ([("MORPHOLOGICAL_Maximum3DDiameter(IBSI:L0JK)[mm]", "MORPHOLOGICAL_Volume(IBSI:RNU0)[mL]")], "D013", (1,)),
        ([(",9.3824,6.25", "")], "D008", (4,)),
        ([(",", ";")], "D006", (1,)),
        ([("SYN-002,'Vertebra L3", "SYN-002,\"'Vertebra L3")], "D005", (4,)),
    ],
)
def test_a_file_that_is_not_as_lifex_writes_it(tmp_path, changes, code, rows):
    found = problems(lifex(exported(tmp_path, V7, *changes)))
    assert (code, rows) in [(one.code, one.rows) for one in found]
    assert all("SYN-" not in str(one) for one in found)


def test_a_header_alone_and_an_empty_file(tmp_path):
    header = V7.read_text("utf-8").splitlines()[0]
    (tmp_path / "h.csv").write_text(header + "\n", "utf-8")
    (tmp_path / "e.csv").write_text("", "utf-8")
    assert [one.code for one in problems(lifex(tmp_path / "h.csv"))] == ["D002"]
    assert [one.code for one in problems(lifex(tmp_path / "e.csv"))] == ["D001"]


def test_decimal_commas_that_are_not_declared_are_findings_of_cells(tmp_path):
    read = scanned(lifex(V6, delimiter=";"))
    assert {(one.code, one.column) for one in read.findings if one.severity == "error"} == {
        ("D020", column) for column in ("suvmax", "suvpeak", "suvmean", "suv_sd", "volume_ml")
    }


def test_a_patient_who_has_no_scan_is_told_without_the_name(tmp_path):
    read = scanned(lifex(exported(tmp_path, V7, ("SYN-002", "MUELLER^HANS"))))
    (finding,) = [one for one in read.findings if one.severity == "error"]
    assert (finding.code, finding.rows) == ("D192", (4,))
    assert "MUELLER" not in str(finding)
    # The row is left out, so that a study may accept it.
    assert read.table["scan_id"].tolist() == ["s1", "s1"]
    assert read.lines == (2, 3)


def test_the_scan_of_the_other_tracer_is_another_one():
    assert scanned(lifex(tracer="fdg")).table["scan_id"].tolist() == ["f1", "f1", "f2"]


def test_two_baseline_scans_of_a_patient_are_not_decided():
    twice = pd.concat([SCANS, SCANS.iloc[:1].assign(scan_id="s9")], ignore_index=True)
    read = scanned(lifex(), scans=twice)
    assert [(one.code, one.rows) for one in read.findings] == [("D192", (2, 3))]
    assert read.table["scan_id"].tolist() == ["s2"]


def test_a_scan_by_lean_body_mass_has_no_lesions_by_body_weight():
    scans = SCANS.assign(suv_type=["bw", "lbm", "lbm", None, None])
    read = scanned(lifex(), scans=scans)
    assert [(one.code, one.rows) for one in read.findings] == [("D198", (4,))]
    assert [(one.code, one.rows) for one in scanned(lifex(tracer="fdg"), scans=scans).findings] == [("D198", (2, 3))]
    assert codes(scanned(lifex(), scans=scans.assign(suv_type="bw"))) == []


def test_the_rule_of_segmentation_must_be_named():
    (finding,) = problems(lifex(segmentation=""))
    assert finding.code == "D190"
    assert 'segmentation = "41pct"' in finding.remedy


def test_two_files_are_one_table_with_rows_counted_through(tmp_path):
    second = exported(tmp_path, V7, ("4.25", "four"), name="second.csv")
    read = scanned(lifex(), lifex(second, tracer="fdg"))
    assert read.name == "lifex_v7.csv + second.csv"
    assert read.lines == (2, 3, 4, 7, 8, 9)
    assert read.table["scan_id"].tolist() == ["s1", "s1", "s2", "f1", "f1", "f2"]
    (finding,) = [one for one in read.findings if one.severity == "error"]
    assert (finding.code, finding.rows) == ("D021", (8,))
    assert "row 8 is line 3 of second.csv" in finding.expected
    assert [(part.name, part.n_rows) for part in read.parts] == [("lifex_v7.csv", 3), ("second.csv", 3)]


def test_problems_of_all_files_are_told_together(tmp_path):
    files = [exported(tmp_path, V7, ("[SUVbw]", "[HU]"), name=f"{i}.csv") for i in (1, 2)]
    with pytest.raises(FindingsError) as caught:
        scanned(*(lifex(path) for path in files))
    assert {one.file for one in caught.value.findings} == {"1.csv", "2.csv"}


def test_units_by_hand():
    assert [float(find_factor("volume", unit)) for unit in ("mL", "cm³", "ccm", "mm3", "µL")] == [1, 1, 1, 0.001, 0.001]
    assert [float(find_factor("length", unit)) for unit in ("mm", "[cm]", "m")] == [1, 10, 1000]
    assert find_factor("length", "vx") is None
    assert explain_unit("vx") == "the unit 'vx' is a number of voxels"
    assert list_units("volume") == "mL, cm3, ccm, mm3"


@pytest.mark.parametrize(("text", "name"), [("'A", "A"), ("A^^", "A"), (" A B ", "A B"), ("A^B", "A^B"), ("", "")])
def test_names_as_programs_write_them(text, name):
    assert bare_name(text) == name
