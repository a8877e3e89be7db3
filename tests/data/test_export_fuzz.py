"""Whatever bytes an export holds, its reader gives lesions or findings; and what must hold of any numbers in it."""

from __future__ import annotations

import contextlib
import csv
import io
from decimal import Decimal

import pytest
from data.export_files import COLUMNS, HERE, SCANS
from data.fuzzing import LISTED, damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st

from survmodel.data.findings import FindingsError
from survmodel.data.readers.column_map import find_region, parse_column_map
from survmodel.data.readers.column_map_suggestion import suggest_column_map
from survmodel.data.readers.lesion_exports import LesionExport, scan_lesion_exports
from survmodel.errors import ConfigError

FILES = {
    "lifex": ("lifex_v7.csv", "lifex_v6.csv"),
    "pmod": ("pmod.csv", "pmod.voistat"),
    "ohif": ("ohif.csv",),
    "slicer": ("slicer.csv",),
    "pyradiomics": ("pyradiomics.csv",),
    "column_map": ("workstation.csv",),
}
SUVS = st.decimals(min_value=0, max_value=99, places=3)
VOLUMES = st.decimals(min_value="0.001", max_value=9_999_999, places=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exports")


def read(path, reader, **changes):
    export = LesionExport(
        path, reader, "cxcr4", "41pct", "SUV", HERE / "workstation.toml" if reader == "column_map" else None, **changes
    )
    return scan_lesion_exports([export], COLUMNS, SCANS)


def looked_at(findings):
    """Every finding has a code of the data dictionary and names no patient."""
    for finding in findings:
        assert finding.code in LISTED
        assert "SYN-" not in str(finding)


@pytest.mark.parametrize("reader", FILES)
def test_any_bytes_become_lesions_or_findings(folder, reader):
    sources = [(HERE / name).read_bytes() for name in FILES[reader]]

    @fuzz(120)
    @given(
        content=damaged(sources) | st.binary(max_size=300),
        delimiter=st.sampled_from(",;\t"),
        decimal=st.sampled_from(".,"),
    )
    def check(content, delimiter, decimal):
        path = folder / "export.csv"
        path.write_bytes(content)
        try:
            found = read(path, reader, delimiter=delimiter, decimal=decimal)
        except FindingsError as error:
            looked_at(error.findings)
            return
        looked_at(found.findings)
        assert list(found.table.columns) == [column.name for column in COLUMNS]
        assert len(found.table) == len(found.lines)
        assert set(found.table["scan_id"]) <= set(SCANS["scan_id"])

    check()


@pytest.mark.parametrize("reader", FILES)
def test_nothing_of_a_first_line_that_is_no_header_is_shown(folder, reader):
    lines = (HERE / FILES[reader][0]).read_text("utf-8").splitlines(True)
    first = next(i for i, line in enumerate(lines) if "SYN-" in line)
    path = folder / "headless.csv"
    path.write_text("".join(lines[first:]), "utf-8")
    with pytest.raises(FindingsError) as caught:
        read(path, reader, delimiter=";" if reader == "column_map" else ",")
    looked_at(caught.value.findings)
    assert "D190" in {one.code for one in caught.value.findings}


@fuzz(200)
@given(content=damaged([(HERE / "workstation.toml").read_bytes()]) | st.binary(max_size=200))
def test_any_bytes_are_a_map_or_refused(content):
    try:
        found = parse_column_map(content, "map.toml")
    except ConfigError:
        return
    assert all(isinstance(pattern, str) and region for pattern, region in found.regions)


@fuzz(100)
@given(content=damaged([(HERE / "workstation.csv").read_bytes()]) | st.binary(max_size=200))
def test_any_bytes_give_a_first_map_that_is_toml_or_none(folder, content):
    path = folder / "table.csv"
    path.write_bytes(content)
    try:
        text = suggest_column_map(path)
    except (ConfigError, FindingsError):
        return
    # Whatever the headings hold: only what a person has to confirm is wrong with the map.
    with (
        pytest.raises(ConfigError, match="is not confirmed")
        if 'CONFIRM"' in text.split("[columns]")[1]
        else contextlib.nullcontext()
    ):
        parse_column_map(text.encode(), "map.toml")


@fuzz(60)
@given(rows=st.lists(st.tuples(SUVS, VOLUMES), min_size=1, max_size=5), decimal=st.sampled_from(".,"))
def test_volumes_are_divided_exactly_and_uptake_stays(folder, rows, decimal):
    path = folder / "numbers.csv"
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";")
    writer.writerow(["INFO_PatientName", "INFO_NameOfRoi", "X_(IBSI:1)[HU]", "MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3]",
                     "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUV]"])  # fmt: skip
    for i, (suv, volume) in enumerate(rows):
        writer.writerow(["SYN-001", f"L{i}", "", str(volume).replace(".", decimal), str(suv).replace(".", decimal)])
    path.write_text(out.getvalue(), "utf-8")
    table = read(path, "lifex", delimiter=";", decimal=decimal).table
    assert table["suvmax"].tolist() == [float(suv) for suv, _ in rows]
    # The float that is nearest to the exact thousandth, not to that of another float.
    assert table["volume_ml"].tolist() == [float(Decimal(volume) / 1000) for _, volume in rows]


@fuzz(200)
@given(name=st.text(max_size=30), region=st.sampled_from(["a", "b"]), other=st.text("ab*?[]!", min_size=1, max_size=20))
def test_an_earlier_pattern_decides_whatever_follows(name, region, other):
    assert find_region(name, [("*", region), (other, "c")]) == region
    assert find_region(name.upper(), [(other, "c")]) in {"c", None}
