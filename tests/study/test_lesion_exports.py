"""Studies whose lesions stand in exports of PET programs: the cohort of the canonical table, and what is refused."""

import json

import pandas as pd
import pytest
from data.export_files import HERE

from survmodel.cli import main
from survmodel.data.findings import FindingsError
from survmodel.simulate import simulate_study
from survmodel.study.config import read_study
from survmodel.study.example import SEED, write_example
from survmodel.study.file_errors import StudyFileError
from survmodel.study.preparation import prepare
from survmodel.study.run import run_study

TABLE = 'lesions = { path = "data/lesions.csv" }'
LIFEX = 'path = "data/lifex_cxcr4.csv", reader = "lifex", tracer = "cxcr4", segmentation = "41pct"'
PMOD = 'path = "data/pmod_fdg.csv", reader = "pmod", tracer = "fdg", segmentation = "41pct"'
BOTH = f"lesions = [\n  {{ {LIFEX} }},\n  {{ {PMOD} }},\n]"


def with_lesions(study, lesions):
    """The study with another entry for its lesions."""
    text = study.read_text("utf-8")
    start = text.index("lesions = ")
    stop = text.index("reads = ", start)
    study.write_text(f"{text[:start]}{lesions}\n{text[stop:]}", "utf-8")
    return study


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """The example with its lesions in the canonical table."""
    place = write_example(tmp_path_factory.mktemp("canonical") / "study")
    simulate_study(seed=SEED).write(place.parent / "data")
    return with_lesions(place, TABLE)


@pytest.fixture
def study(tmp_path):
    """The example with its lesions in an export of LIFEx and one of PMOD."""
    return with_lesions(write_example(tmp_path / "study"), BOTH)


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
    # PMOD has no SUVpeak, and neither export coordinates: lesions are then matched by region.
    lacking = [name for name in wanted if name not in found]
    assert "fdg_suvpeak" in lacking
    assert all(("peak" in name and "fdg" in name) or name.endswith("dmax") for name in lacking)
    matched = {"tracer_pattern", "lesions_both", "lesions_cxcr4_only", "lesions_fdg_only", "cxcr4_only_share_41pct"}
    columns = [name for name in wanted if name in found and name not in matched]
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
    lines = len((study.parent / "data" / "lifex_cxcr4.csv").read_text("utf-8").splitlines())
    assert inputs["data/lifex_cxcr4.csv"]["rows"] == lines - 1
    assert len(inputs["data/pmod_fdg.csv"]["sha256"]) == 64
    assert "data/lesions.csv" not in inputs


def test_a_folder_is_one_source_and_its_files_are_not_named(study, tmp_path):
    data = study.parent / "data"
    lines = (data / "lifex_cxcr4.csv").read_text("utf-8").splitlines(True)
    (data / "lifex").mkdir()
    for patient in {line.split(",")[0] for line in lines[1:]}:
        mine = [line for line in lines[1:] if line.startswith(f"{patient},")]
        (data / "lifex" / f"NAME-{patient}.csv").write_text(lines[0] + "".join(mine), "utf-8")
    whole = prepare(read_study(study)).cohort.table
    changed(study, 'path = "data/lifex_cxcr4.csv"', 'path = "data/lifex"')
    pd.testing.assert_frame_equal(prepare(read_study(study)).cohort.table, whole, rtol=1e-12)
    run_study(study, tmp_path / "out")
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or b"NAME-SYN" not in path.read_bytes(), path.name


def test_a_lesion_of_nobody_stops_the_study_without_the_name(study):
    changed(study.parent / "data" / "lifex_cxcr4.csv", "SYN-016", "MUELLER")
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
    path = study.parent / "data" / "pmod_fdg.csv"
    lines = path.read_text("utf-8").splitlines()
    cells = lines[4].split(";")
    lines[4] = ";".join([*cells[:5], "99", *cells[6:]])
    path.write_text("\n".join(lines) + "\n", "utf-8")
    before = len((study.parent / "data" / "lifex_cxcr4.csv").read_text("utf-8").splitlines()) + 1
    with pytest.raises(FindingsError) as caught:
        prepare(read_study(study))
    (finding,) = [one for one in caught.value.findings if one.code == "D140"]
    assert (finding.file, finding.rows) == ("lifex_cxcr4.csv + pmod_fdg.csv", (before + 5,))
    assert f"row {before + 5} is line 5 of pmod_fdg.csv" in finding.expected.lower()


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
        (LIFEX.replace("lifex_cxcr4.csv", "lifex_cxcr4.xlsx"), "an export is read as text"),
        (LIFEX.replace("lifex_cxcr4.csv", "none.csv"), "data.lesions.path: no such file 'data/none.csv'"),
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
            f"lesions = [{{ {PMOD} }}, {{ {LIFEX.replace('lifex_cxcr4.csv', 'none.csv')} }}]",
            "data.lesions[2].path: no such file",
        ),
        (f'lesions = [{{ {PMOD} }}, {{ {LIFEX}, colour = "red" }}]', "data.lesions[2].colour: unknown key"),
        ('lesions = "data/lifex_cxcr4.csv"', "data.lesions: "),
    ],
)
def test_what_an_array_of_exports_cannot_be(study, lesions, told):
    changed(study, BOTH, lesions)
    assert any(told in problem for problem in refusals(study)), refusals(study)


def test_a_decimal_comma_of_pmod_needs_no_delimiter(study):
    before = prepare(read_study(study)).cohort.table
    path = study.parent / "data" / "pmod_fdg.csv"
    path.write_text(path.read_text("utf-8").replace(".", ","), "utf-8")
    after = prepare(read_study(changed(study, PMOD, f'{PMOD}, decimal = ","'))).cohort.table
    pd.testing.assert_frame_equal(after, before)
    assert after["fdg_mtv_41pct"].notna().any()


def test_the_command_prints_a_first_map(capsys):
    assert main(["column-map", str(HERE / "workstation.csv")]) == 0
    shown = capsys.readouterr().out
    assert 'suvmax = { from = "SUVbw Max", unit = "CONFIRM" }' in shown
    assert "SYN-" not in shown
    assert main(["column-map", str(HERE / "workstation.csv"), "--encoding", "utf8"]) == 2
    assert "Did you mean 'utf-8'" in capsys.readouterr().err
    assert main(["column-map", str(HERE / "none.csv")]) == 5
