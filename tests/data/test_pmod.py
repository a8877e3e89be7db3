"""Statistics of volumes of interest from PMOD: both layouts, and every way to be wrong."""

import pytest
from data.export_files import HERE, codes, exported, problems, scanned

from survmodel.data.readers.lesion_exports import LesionExport

CSV, VOISTAT = HERE / "pmod.csv", HERE / "pmod.voistat"


def pmod(path=CSV, **changes):
    return LesionExport(**{"path": path, "reader": "pmod", "tracer": "fdg", "segmentation": "50pct", **changes})


def test_semicolons_with_the_scan_by_its_day():
    read = scanned(pmod())
    assert read.table["lesion_id"].tolist() == ["Liver_dome", "Liver_dome", "Node axilla L"]
    # The second row is of the scan at the end of treatment.
    assert read.table["scan_id"].tolist() == ["f1", "f3", "f2"]
    assert read.table["suvmax"].tolist() == [5.5, 4.25, 8.25]
    assert read.table["suvmean"].tolist() == [3.0, 2.5, 4.0]
    assert read.table["suv_sd"].tolist() == [0.5, 0.25, 0.8]
    assert read.table["volume_ml"].tolist() == [20.0, 10.0, 1.5]
    assert read.table["suvpeak"].isna().all()
    assert read.table["segmentation"].tolist() == ["50pct"] * 3
    assert read.lines == (3, 4, 5)
    # The time of day is left out, and told.
    assert codes(read) == ["D057"]


def test_tabs_with_the_header_behind_slashes_and_remarks_between_rows():
    read = scanned(pmod(VOISTAT))
    assert read.table["scan_id"].tolist() == ["f1", "f2"]
    assert read.table["suvmax"].tolist() == [5.5, 8.25]
    assert read.table["volume_ml"].tolist() == [20.0, 1.5]
    assert read.lines == (4, 6)
    assert codes(read) == []


@pytest.mark.parametrize("unit", ["kBq/cc", "1/1", "HU"])
def test_another_unit_of_the_image_is_refused(tmp_path, unit):
    found = problems(pmod(exported(tmp_path, CSV, ("Averaged [SUV]", f"Averaged [{unit}]"))))
    # Max and Sd have no unit of their own and are in that of the mean.
    assert [one.code for one in found] == ["D191"] * 3


def test_columns_that_contradict_each_other_in_their_unit_are_refused(tmp_path):
    path = exported(tmp_path, CSV, (";Max;", ";Max [kBq/cc];"))
    assert ("D191", "Max [kBq/cc]") in [(one.code, one.column) for one in problems(pmod(path))]


def test_no_unit_at_all_asks_for_confirmation(tmp_path):
    path = exported(tmp_path, CSV, ("Averaged [SUV]", "Averaged"))
    assert {one.code for one in problems(pmod(path))} == {"D191"}
    assert scanned(pmod(path, uptake_unit="SUV")).table["suvmax"].tolist() == [5.5, 4.25, 8.25]


def test_a_total_that_is_not_mean_times_volume_is_told(tmp_path):
    # 4.0 times 1.5 is 6.0.
    read = scanned(pmod(exported(tmp_path, CSV, (";6.0;2.0;", ";6.2;2.0;"))))
    assert [(one.code, one.rows) for one in read.findings if one.code == "D195"] == [("D195", (5,))]


def test_a_day_on_which_there_was_no_scan_is_told(tmp_path):
    read = scanned(pmod(exported(tmp_path, CSV, ("2024-04-10", "2024-04-11"))))
    assert [(one.code, one.rows) for one in read.findings if one.severity == "error"] == [("D192", (5,))]


@pytest.mark.parametrize(("written", "form"), [("10.04.2024", "%d.%m.%Y"), ("20240410", None)])
def test_days_as_they_are_declared_or_as_dicom_writes_them(tmp_path, written, form):
    days = {
        "2024-03-06 09:15:00": "2024-03-06",
        "2024-09-01 10:00:00": "2024-09-01",
        "2024-04-10 08:40:12": "2024-04-10",
    }
    year, month, day = ("%Y", "%m", "%d")
    changes = [
        (old, (form or "%Y%m%d").replace(year, iso[:4]).replace(month, iso[5:7]).replace(day, iso[8:]))
        for old, iso in days.items()
    ]
    assert changes[-1][1] == written
    read = scanned(pmod(exported(tmp_path, CSV, *changes), date_format=form))
    assert read.table["scan_id"].tolist() == ["f1", "f3", "f2"]
    assert codes(read) == []


def test_a_date_that_is_none_is_told_once(tmp_path):
    read = scanned(pmod(exported(tmp_path, CSV, ("2024-04-10 08:40:12", "10/04"))))
    assert [one.rows for one in read.findings if one.severity == "error"] == [(5,)]
    assert "D192" not in codes(read)


@pytest.mark.parametrize(
    ("changes", "code", "rows"),
    [
        ([("PatientName [string]", "Patient [string]")], "D190", (1,)),
        ([("VoiName(Region) [string]", "Voi [string]")], "D190", (1,)),
        ([(";Max;", ";Maximum;")], "D190", (1,)),
        ([(";Min;Max;", ";Max;Max;")], "D013", (1,)),
        ([(";300;6.0;2.0;8.25;60;7.5;3.9;3.0;5.1", "")], "D008", (5,)),
        ([(";Node axilla L;", ';"Node axilla L;')], "D005", (5,)),
        ([(";", ",")], "D190", (1,)),
    ],
)
def test_a_file_that_is_not_as_pmod_writes_it(tmp_path, changes, code, rows):
    found = problems(pmod(exported(tmp_path, CSV, *changes), delimiter=";"))
    assert (code, rows) in [(one.code, one.rows) for one in found]
    assert all("SYN-" not in str(one) for one in found)


def test_a_second_header_is_told(tmp_path):
    lines = CSV.read_text("utf-8").splitlines()
    path = tmp_path / "twice.csv"
    path.write_text("\n".join([*lines[:4], lines[1], lines[4]]), "utf-8")
    assert [(one.code, one.rows) for one in problems(pmod(path))] == [("D015", (5,))]


def test_decimal_commas_that_are_not_declared(tmp_path):
    read = scanned(pmod(exported(tmp_path, CSV, ("8.25", "8,25"))))
    assert [(one.code, one.column) for one in read.findings if one.severity == "error"] == [("D020", "suvmax")]


def test_remarks_alone_are_no_export(tmp_path):
    (tmp_path / "r.csv").write_text("// nothing\n# nothing\n", "utf-8")
    assert [one.code for one in problems(pmod(tmp_path / "r.csv"))] == ["D190"]
