"""Studies whose lesions stand in exports of PET programs: the cohort of the canonical table, and what is refused."""

import csv
import json
from decimal import Decimal

import pandas as pd
import pytest
from data.export_files import HERE

from survmodel.cli import main
from survmodel.data.findings import FindingsError
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.file_errors import StudyFileError
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study

LESIONS = 'lesions = { path = "data/lesions.csv" }'
LIFEX = 'path = "data/lifex.csv", reader = "lifex", tracer = "cxcr4", segmentation = "41pct"'
PMOD = 'path = "data/pmod.csv", reader = "pmod", tracer = "fdg", segmentation = "41pct"'
BOTH = f"lesions = [\n  {{ {LIFEX} }},\n  {{ {PMOD} }},\n]"
V7 = {
    "volume": "MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3]",
    "suvmean": "INTENSITY-BASED_MeanIntensity(IBSI:Q4LE)[SUVbw]",
    "suv_sd": "INTENSITY-BASED_StandardDeviation(IBSI:No)[SUVbw]",
    "suvmax": "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUVbw]",
    "suvpeak": "LOCAL_INTENSITY_BASED_GlobalIntensityPeak(IBSI:0F91)[SUVbw]",
}


def tables_of(data):
    """Lesions with patient, tracer and day of their scan, from the canonical tables of the example."""
    lesions, scans = (
        pd.read_csv(data / f"{name}.csv", dtype=str, keep_default_na=False) for name in ("lesions", "scans")
    )
    return lesions.merge(scans[["scan_id", "patient_id", "tracer", "scan_date"]], on="scan_id")


def write_lifex(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["INFO_PatientName", "INFO_NameOfRoi", *V7.values()])
        for row in rows.to_dict("records"):
            volume = str(Decimal(row["volume_ml"]) * 1000)
            name = f"'{row['region']}_{row['lesion_id']}"
            out.writerow(
                [row["patient_id"], name, volume, row["suvmean"], row["suv_sd"], row["suvmax"], row["suvpeak"]]
            )


def write_pmod(path, rows):
    heads = ["PatientName [string]", "StudyDate [date_time]", "VoiName(Region) [string]", "Averaged [SUV]", "Sd [SUV]",
             "Volume [ccm]", "Max [SUV]"]  # fmt: skip
    keys = ["patient_id", "scan_date", "lesion_id", "suvmean", "suv_sd", "volume_ml", "suvmax"]
    lines = [
        "// VOI statistics",
        ";".join(heads),
        *(";".join(row[key] for key in keys) for row in rows.to_dict("records")),
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_example(tmp_path_factory.mktemp("plain") / "study")


@pytest.fixture
def study(tmp_path):
    """The example with its lesions in an export of LIFEx and one of PMOD."""
    place = write_example(tmp_path / "study")
    data = place.parent / "data"
    rows = tables_of(data)
    write_lifex(data / "lifex.csv", rows[rows["tracer"] == "cxcr4"])
    write_pmod(data / "pmod.csv", rows[rows["tracer"] == "fdg"])
    (data / "lesions.csv").unlink()
    return changed(place, LESIONS, BOTH)


def changed(study, old, new):
    text = study.read_text("utf-8")
    assert old in text
    study.write_text(text.replace(old, new), "utf-8")
    return study


def refusals(study):
    with pytest.raises(StudyFileError) as caught:
        read_study(study)
    return caught.value.problems


def test_the_cohort_is_that_of_the_canonical_table(study, original):
    found, wanted = prepare(read_study(study)).cohort.table, prepare(read_study(original)).cohort.table
    # PMOD has no SUVpeak.
    columns = [name for name in wanted if name != "fdg_suvpeak"]
    assert "fdg_suvpeak" not in found
    assert {"cxcr4_suvpeak", "cxcr4_mtv_41pct", "cxcr4_tlu_41pct", "fdg_suvmax", "fdg_tlu_41pct"} <= set(columns)
    pd.testing.assert_frame_equal(found[columns], wanted[columns], rtol=1e-12)


def test_regions_come_from_the_names_of_lesions(study):
    changed(
        study,
        f"{{ {LIFEX} }}",
        f'{{ {LIFEX}, regions = {{ "marrow_*" = "marrow", "*_left*" = "left", "*" = "other" }} }}',
    )
    files = read_study(study).files
    assert files["lesions"].exports[0].regions == (("marrow_*", "marrow"), ("*_left*", "left"), ("*", "other"))
    assert prepare(read_study(study)).cohort.table["cxcr4_lesions"].sum() > 0


def test_the_manifest_names_every_file_with_its_hash(study, tmp_path):
    run_study(study, tmp_path / "out")
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["inputs"]
    lines = len((study.parent / "data" / "lifex.csv").read_text("utf-8").splitlines())
    assert inputs["data/lifex.csv"]["rows"] == lines - 1
    assert len(inputs["data/pmod.csv"]["sha256"]) == 64
    assert "data/lesions.csv" not in inputs


def test_a_folder_is_one_source_and_its_files_are_not_named(study, tmp_path):
    data = study.parent / "data"
    lines = (data / "lifex.csv").read_text("utf-8").splitlines(True)
    (data / "lifex").mkdir()
    for patient in {line.split(",")[0] for line in lines[1:]}:
        mine = [line for line in lines[1:] if line.startswith(f"{patient},")]
        (data / "lifex" / f"NAME-{patient}.csv").write_text(lines[0] + "".join(mine), "utf-8")
    whole = prepare(read_study(study)).cohort.table
    changed(study, 'path = "data/lifex.csv"', 'path = "data/lifex"')
    pd.testing.assert_frame_equal(prepare(read_study(study)).cohort.table, whole, rtol=1e-12)
    run_study(study, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"NAME-SYN" not in path.read_bytes(), path.name


def test_a_lesion_of_nobody_stops_the_study_without_the_name(study):
    changed(study.parent / "data" / "lifex.csv", "SYN-016", "MUELLER")
    with pytest.raises(FindingsError) as caught:
        prepare(read_study(study))
    assert {(one.code, one.table) for one in caught.value.findings} == {("D192", "lesions")}
    assert "MUELLER" not in str(caught.value)
    rows = [row for one in caught.value.findings for row in one.rows]
    study.write_text(
        study.read_text("utf-8") + f'\n[[waive]]\ncode = "D192"\nrows = {rows}\nreason = "not of the study"\n', "utf-8"
    )
    lesions = prepare(read_study(study)).cohort.table["cxcr4_lesions"]
    assert "SYN-016" not in lesions.dropna().index or lesions["SYN-016"] == 0


def test_a_later_check_names_the_file_and_its_line(study):
    path = study.parent / "data" / "pmod.csv"
    lines = path.read_text("utf-8").splitlines()
    cells = lines[4].split(";")
    lines[4] = ";".join([*cells[:3], "99", *cells[4:]])
    path.write_text("\n".join(lines) + "\n", "utf-8")
    before = len((study.parent / "data" / "lifex.csv").read_text("utf-8").splitlines()) + 1
    with pytest.raises(FindingsError) as caught:
        prepare(read_study(study))
    (finding,) = [one for one in caught.value.findings if one.code == "D140"]
    assert (finding.file, finding.rows) == ("lifex.csv + pmod.csv", (before + 5,))
    assert f"row {before + 5} is line 5 of pmod.csv" in finding.expected.lower()


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (LIFEX.replace('"lifex"', '"mim"'), "data.lesions.reader: "),
        (LIFEX.replace(', tracer = "cxcr4"', ""), "an export needs the tracer of its scans"),
        (LIFEX.replace("cxcr4", "psma"), "data.lesions.tracer: "),
        (LIFEX.replace(', segmentation = "41pct"', ""), "an export needs the rule that delineated its lesions"),
        (LIFEX.replace("41pct", "42pct"), "no segmentation rule '42pct'; did you mean '41pct'"),
        (LIFEX.replace(', reader = "lifex"', ""), "tracer, segmentation belongs to an export"),
        (LIFEX.replace("reader", "raeder"), "data.lesions.raeder: unknown key; did you mean 'reader'"),
        (LIFEX.replace('"lifex"', '"column_map"'), 'reader = "column_map" needs column_map'),
        (f'{LIFEX}, column_map = "maps/no.toml"', "data.lesions.column_map: no such file 'maps/no.toml'"),
        (f'{LIFEX}, regions = {{ "" = "a" }}', "the pattern '' must have 1 to 100 characters"),
        (f'{LIFEX}, uptake_unit = "HU"', "data.lesions.uptake_unit: "),
        (f"{LIFEX}, excel_dates = 1900", "excel_dates belongs to workbooks"),
        (f'{LIFEX}, decimal = ","', "delimiter and decimal of lesions are the same character"),
        (LIFEX.replace("lifex.csv", "lifex.xlsx"), "an export is read as text"),
        (LIFEX.replace("lifex.csv", "none.csv"), "data.lesions.path: no such file 'data/none.csv'"),
    ],
)
def test_what_an_entry_of_an_export_cannot_say(study, entry, told):
    changed(study, BOTH, f"lesions = {{ {entry} }}")
    assert any(told in problem for problem in refusals(study)), refusals(study)


@pytest.mark.parametrize(
    ("lesions", "told"),
    [
        ("lesions = []", "data.lesions: "),
        ('lesions = [{ path = "data/scans.csv" }]', "each of them needs its reader"),
        (
            f"lesions = [{{ {PMOD} }}, {{ {LIFEX.replace('lifex.csv', 'none.csv')} }}]",
            "data.lesions[2].path: no such file",
        ),
        (f'lesions = [{{ {PMOD} }}, {{ {LIFEX}, colour = "red" }}]', "data.lesions[2].colour: unknown key"),
        ('lesions = "data/lifex.csv"', "data.lesions: "),
    ],
)
def test_what_an_array_of_exports_cannot_be(study, lesions, told):
    changed(study, BOTH, lesions)
    assert any(told in problem for problem in refusals(study)), refusals(study)


def test_a_decimal_comma_of_pmod_needs_no_delimiter(study):
    path = study.parent / "data" / "pmod.csv"
    path.write_text(path.read_text("utf-8").replace(".", ","), "utf-8")
    whole = prepare(read_study(changed(study, PMOD, f'{PMOD}, decimal = ","'))).cohort.table
    assert whole["fdg_suvmax"].notna().any()


def test_the_command_prints_a_first_map(capsys):
    assert main(["column-map", str(HERE / "workstation.csv")]) == 0
    shown = capsys.readouterr().out
    assert 'suvmax = { from = "SUVbw Max", unit = "CONFIRM" }' in shown
    assert "SYN-" not in shown
    assert main(["column-map", str(HERE / "workstation.csv"), "--encoding", "utf8"]) == 2
    assert "Did you mean 'utf-8'" in capsys.readouterr().err
    assert main(["column-map", str(HERE / "none.csv")]) == 5
