"""Simulated studies have the structure that they promise, and say that they are synthetic."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulate.analysis import from_tables

from survmodel import ConfigError, DataError
from survmodel.data.checks import check_tables
from survmodel.data.schema_location import schema_folder
from survmodel.data.tables import TableFile, read_tables
from survmodel.data.waivers import Waiver, apply_waivers
from survmodel.simulate import SimulatedStudy, simulate_study
from survmodel.simulate.flaws import KINDS
from survmodel.simulate.streams import even_uniforms, stream
from survmodel.simulate.truth import ACCRUAL, DATA_LOCK, ENTITIES, PLANS, SLOPES

LOCKS = [("trial", seed) for seed in range(4)] + [("multicentre", 1)]
TABLES = ("patients", "scans", "lesions", "labs", "therapy", "reads", "assessments", "follow_up")


@pytest.fixture(scope="module", params=LOCKS, ids=lambda param: f"{param[0]}-{param[1]}")
def study(request) -> SimulatedStudy:
    lock, seed = request.param
    return simulate_study(lock, "realistic", seed=seed)


@pytest.fixture(scope="module")
def trial() -> SimulatedStudy:
    return simulate_study("trial", "realistic", seed=20250131)


def dates(column: pd.Series) -> pd.Series:
    return pd.to_datetime(column, format="%Y-%m-%d")


def digest(study: SimulatedStudy, folder: Path) -> str:
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in study.write(folder))).hexdigest()


# ---- structure


def test_every_cell_fits_the_schema(study):
    assert tuple(study.tables) == TABLES
    for name, table in study.tables.items():
        schema = json.loads((schema_folder() / f"{name}.schema.json").read_text())
        fields = {field["name"]: field for field in schema["fields"]}
        assert set(table.columns) <= set(fields)
        required = {field for field, one in fields.items() if one.get("constraints", {}).get("required")}
        assert required <= set(table.columns)
        for column in table.columns:
            limits, cells = fields[column].get("constraints", {}), table[column]
            assert cells.map(type).eq(str).all()
            filled = cells[cells != ""]
            if column in required:
                assert len(filled) == len(table), column
            if "enum" in limits:
                assert set(filled) <= set(limits["enum"]), column
            if fields[column]["type"] == "boolean":
                assert set(filled) <= {"yes", "no"}
            if fields[column]["type"] in {"number", "integer"}:
                numbers = filled.astype(float)
                assert numbers.between(limits.get("minimum", -np.inf), limits.get("maximum", np.inf)).all(), column
            if fields[column]["type"] == "date":
                assert dates(filled).le(DATA_LOCK).all(), column


def test_keys_point_at_rows(study):
    tables = study.tables
    patients, scans = set(tables["patients"]["patient_id"]), set(tables["scans"]["scan_id"])
    assert tables["patients"]["patient_id"].str.fullmatch(r"SYN-\d{3}").all()
    assert tables["patients"]["patient_id"].is_unique
    assert tables["scans"]["scan_id"].is_unique
    assert set(tables["follow_up"]["patient_id"]) == patients
    assert tables["follow_up"]["patient_id"].is_unique
    for name in ("scans", "labs", "therapy", "assessments"):
        assert set(tables[name]["patient_id"]) <= patients
    for name, key in (("lesions", "lesion_id"), ("reads", "reader")):
        assert set(tables[name]["scan_id"]) <= scans
        assert not tables[name].duplicated(["scan_id", key]).any()
    assert not tables["labs"].duplicated(["patient_id", "test"]).any()
    assert not tables["scans"].duplicated(["patient_id", "tracer"]).any()


def test_the_package_reads_it_and_finds_what_is_listed(study, tmp_path):
    """The reader accepts the files; the checks find the deliberate flaws, on the listed lines, and nothing else."""
    study.write(tmp_path)
    files = {name: TableFile(tmp_path / f"{name}.csv") for name in study.tables}
    lock = datetime.date.fromisoformat(DATA_LOCK)
    read = read_tables(files, data_lock=lock)
    assert not read.findings
    found = {finding.code: finding for finding in check_tables(read, lock)}
    assert {code for code in found if not code.startswith("D20")} == {"D105", "D126", "D131"}
    outside = [one for one in check_tables(read, lock) if one.code == "D200"]
    scans = study.tables["scans"]
    minutes = scans["uptake_min"].astype(float)
    allowed = {"cxcr4": (45, 75), "fdg": (55, 75)}
    expected = {
        row + 2
        for row, (tracer, value) in enumerate(zip(scans["tracer"], minutes, strict=True))
        if not allowed[tracer][0] <= value <= allowed[tracer][1]
    }
    assert {row for one in outside for row in one.rows} == expected
    listed = {flaw.name: flaw for flaw in study.flaws}
    assert found["D126"].rows == listed["mis-dated row"].rows
    assert found["D131"].rows == listed["scans more than 14 days apart"].rows
    waiver = Waiver(**{key: tuple(value) if key == "rows" else value for key, value in waivers(study)[0].items()})
    remaining, waived = apply_waivers(found.values(), [waiver])
    assert [one.finding.code for one in waived] == ["D126"]
    assert {finding.code for finding in remaining} - {"D200", "D205"} == {"D105", "D131"}


def waivers(study: SimulatedStudy) -> list[dict[str, object]]:
    toml = study.readme.split("```toml\n")[1].split("```")[0]
    return tomllib.loads(toml)["waive"]


# ---- counts


def test_trial_counts(study):
    plan = PLANS[study.truth.lock]
    patients = study.tables["patients"]
    confirmed = patients[patients["confirmed"] == "yes"]
    assert confirmed["entity"].value_counts().to_dict() == plan.confirmed
    assert (patients["suspected"] == "yes").all()
    assert (patients["confirmed"] == "no").sum() == sum(plan.benign.values())
    assert set(patients["site"]) == set(plan.sites)
    assert len(set(study.tables["scans"]["scanner"])) == {"trial": 2, "multicentre": 4}[study.truth.lock]
    if study.truth.lock == "trial":
        assert len(patients) == 56
        assert confirmed["disease_group"].value_counts().to_dict() == {"lymphoma": 22, "myeloma": 18, "leukemia": 10}
        assert confirmed.query("disease_group == 'lymphoma'")["entity"].nunique() == 4
        assert (patients["confirmed"] == "no").sum() == 6
    else:
        assert len(patients) == 240


@pytest.mark.parametrize("scenario", list(SLOPES))
def test_a_trial_has_about_twenty_events(scenario):
    events = [int(from_tables(simulate_study("trial", scenario, seed=seed))["event"].sum()) for seed in range(25)]
    assert min(events) >= 15
    assert max(events) <= 27
    assert 18 <= np.mean(events) <= 22


# ---- what a real study holds


def test_every_flaw_is_there_and_listed(study):
    plan, flaws = PLANS[study.truth.lock], {flaw.name: flaw for flaw in study.flaws}
    always = {name for name, *_ in KINDS} - {"lost to follow-up"}
    assert always <= set(flaws)
    for flaw in study.flaws:
        assert str(flaw) in study.readme
        assert flaw.rows
        assert flaw.patients
    counts = {name: len(flaw.patients) for name, flaw in flaws.items()}
    assert counts["scans more than 14 days apart"] == plan.far_apart
    assert counts["treated before the scan"] == plan.pretreated
    assert counts["paediatric"] == plan.paediatric
    assert counts["LDH without upper limit"] == plan.no_limit
    assert len(flaws["indeterminate reads"].rows) == plan.indeterminate
    assert counts["mis-dated row"] == 1


def test_the_listed_lines_hold_the_flaws(study):
    """Line 2 is the first row below the header."""
    flaws, tables = {flaw.name: flaw for flaw in study.flaws}, study.tables

    def rows(name):
        return tables[flaws[name].table].iloc[[line - 2 for line in flaws[name].rows]]

    assert (rows("paediatric")["age_years"].astype(float) < 18).all()
    assert (tables["patients"]["age_years"].astype(float) < 18).sum() == len(rows("paediatric"))
    assert (rows("LDH without upper limit")[["test", "uln"]] == ["ldh", ""]).all(axis=None)
    assert ((tables["labs"]["test"] == "ldh") & (tables["labs"]["uln"] == "")).sum() == len(
        rows("LDH without upper limit")
    )
    measured = tables["labs"].query("test == 'b2_microglobulin'")["patient_id"]
    assert not rows("beta-2 microglobulin missing")["patient_id"].isin(measured).any()
    late = rows("mis-dated row")
    assert (dates(late["last_contact_date"]) < dates(late["progression_date"])).all()
    scans = tables["scans"].pivot(index="patient_id", columns="tracer", values="scan_date").apply(dates)
    apart = (scans["cxcr4"] - scans["fdg"]).dt.days.abs()
    assert set(apart.index[apart > 14]) == set(flaws["scans more than 14 days apart"].patients)
    shown = set(tables["lesions"]["scan_id"])
    assert not shown & set(rows("read-negative scans")["scan_id"])
    assert set(rows("indeterminate reads")["scan_id"]) <= shown
    assert set(tables["scans"]["scan_id"]) == shown | set(rows("read-negative scans")["scan_id"])


def test_clinical_rows(study):
    tables = study.tables
    therapy, follow_up = tables["therapy"], tables["follow_up"]
    assert {"systemic", "transplant", "watch_and_wait"} <= set(therapy["kind"])
    assert set(therapy.query("kind == 'transplant'")["patient_id"]) == set(
        follow_up.query("transplant_date != ''")["patient_id"]
    )
    assert (follow_up["new_treatment_date"] != "").any()
    entity = tables["assessments"]["patient_id"].map(tables["patients"].set_index("patient_id")["entity"])
    assert set(entity[tables["assessments"]["mrd"] != ""]) == {"MM"}
    assert {"negative", "not_done"} <= set(tables["assessments"]["mrd"])
    scanned = dates(tables["scans"].query("tracer == 'cxcr4'")["scan_date"])
    assert scanned.min() >= pd.Timestamp(ACCRUAL[0])
    assert scanned.max() <= pd.Timestamp(ACCRUAL[1])
    assert (scanned.max() - scanned.min()).days > 900
    early = tables["scans"].groupby("patient_id")["scan_date"].max()
    naive = tables["patients"].set_index("patient_id")["untreated"]
    first = therapy.groupby("patient_id")["therapy_date"].min()
    before = first < early.loc[first.index]
    assert set(before.index[before]) == set(naive.index[naive == "no"])


def test_the_course_of_patients(study):
    """Progression on the day of a visit, visits about every three months, death last."""
    follow_up = study.tables["follow_up"].set_index("patient_id")
    seen = (
        study.tables["assessments"].assign(day=lambda t: dates(t["assessment_date"])).sort_values(["patient_id", "day"])
    )
    gaps = seen.groupby("patient_id")["day"].diff().dt.days.dropna()
    assert gaps.between(70, 113).all()
    last = seen.groupby("patient_id").last()
    assert (last["assessment_date"] == follow_up.loc[last.index, "last_assessment_date"]).all()
    progressed = follow_up[follow_up["progression_date"] != ""]
    worse = seen[seen["response"] == "PD"].set_index("patient_id")["assessment_date"]
    assert worse.sort_index().equals(progressed["progression_date"].sort_index().rename("assessment_date"))
    dead = follow_up[follow_up["vital_status"] == "dead"]
    assert (dead["death_date"] != "").all()
    assert (follow_up["death_date"] != "").sum() == len(dead)
    assert (dead["progression_date"] <= dead["death_date"]).all()
    others = dead.drop(index=set(study.flaws[-1].patients) & set(dead.index))
    assert (others["last_contact_date"] == others["death_date"]).all()


def test_lesions_are_ordered_and_hot(study):
    numbers = study.tables["lesions"][["suvmean", "suvpeak", "suvmax", "volume_ml"]].astype(float)
    assert (numbers["suvmean"] <= numbers["suvpeak"]).all()
    assert (numbers["suvpeak"] <= numbers["suvmax"]).all()
    assert (numbers > 0).all(axis=None)
    per_scan = study.tables["lesions"].groupby("scan_id").size()
    assert per_scan.max() <= 25
    assert per_scan.nunique() > 3


# ---- same seed, same bytes


@pytest.mark.parametrize("lock", list(PLANS))
def test_same_seed_same_bytes(lock, tmp_path):
    first = digest(simulate_study(lock, "realistic", seed=3), tmp_path / "a")
    assert digest(simulate_study(lock, "realistic", seed=3), tmp_path / "b") == first
    assert digest(simulate_study(lock, "realistic", seed=4), tmp_path / "c") != first


def test_scenarios_share_patients_and_scans():
    studies = [simulate_study("trial", scenario, seed=5) for scenario in ("null", "realistic", "strong")]
    for name in ("scans", "lesions", "reads", "labs"):
        for other in studies[1:]:
            pd.testing.assert_frame_equal(studies[0].tables[name], other.tables[name])
    assert not studies[0].tables["follow_up"].equals(studies[2].tables["follow_up"])


def test_streams_are_known_by_name():
    """The first numbers of a stream are fixed: another release must not change the studies."""
    assert stream(1, "sex").bit_generator.random_raw(2).tolist() == [17621702620433143145, 14614026225540157578]
    assert stream(1, "sex").random() != stream(2, "sex").random()
    uniforms = np.sort(even_uniforms(1, "time to event", 50))
    assert (np.floor(uniforms * 50) == np.arange(50)).all()


def test_rows_are_not_in_the_order_of_enrolment(trial):
    assert not trial.tables["patients"]["patient_id"].is_monotonic_increasing


# ---- files, words, refusals


def test_files(trial, tmp_path):
    paths = trial.write(tmp_path / "deep" / "folder")
    assert sorted(path.name for path in paths) == sorted(
        [*(f"{name}.csv" for name in TABLES), "SYNTHETIC.md", "TRUTH.json"]
    )
    truth = json.loads((tmp_path / "deep" / "folder" / "TRUTH.json").read_text())
    assert truth["SYNTHETIC"] == "no patient of this study exists"
    assert truth["log_hr_cxcr4"] == SLOPES["realistic"][0]
    assert truth["has_added_value"] is True
    assert {one["entity"] for one in truth["entities"]} == set(ENTITIES)
    assert truth["entities"][0]["index_log_hazard_ratios"]["low"] == 0
    back = pd.read_csv(tmp_path / "deep" / "folder" / "patients.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(back, trial.tables["patients"], check_dtype=False)
    trial.write(tmp_path / "deep" / "folder")  # again over itself


def test_lesions_as_two_programs_export_them(trial, tmp_path):
    """Every lesion stands in one of the exports, volumes in mm3 in that of LIFEx and in mL in that of PMOD."""
    paths = trial.write(tmp_path, exports=True)
    names = {path.name for path in paths}
    assert "lesions.csv" not in names
    assert {"lifex_cxcr4.csv", "pmod_fdg.csv", "regions.toml"} <= names
    assert "`lifex_cxcr4.csv` (CXCR4), `pmod_fdg.csv` (FDG), `regions.toml`: SYNTHETIC" in (
        tmp_path / "SYNTHETIC.md"
    ).read_text("utf-8")
    rows = trial.tables["lesions"].merge(trial.tables["scans"], on="scan_id")
    lifex = pd.read_csv(tmp_path / "lifex_cxcr4.csv", dtype=str)
    pmod = pd.read_csv(tmp_path / "pmod_fdg.csv", dtype=str, sep=";", skiprows=1)
    for tracer, found, volume, factor in (
        ("cxcr4", lifex, "MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3]", 1000), ("fdg", pmod, "Volume [ccm]", 1),
    ):  # fmt: skip
        own = rows[rows["tracer"] == tracer]
        assert list(found.iloc[:, 0]) == list(own["patient_id"])
        np.testing.assert_allclose(found[volume].astype(float), own["volume_ml"].astype(float) * factor, rtol=1e-12)
    assert lifex["INFO_NameOfRoi"].str.startswith("'").all()
    patterns = tomllib.loads((tmp_path / "regions.toml").read_text("utf-8"))["regions"]
    assert set(rows["region"]) <= set(patterns.values())


def test_it_says_synthetic(trial):
    assert "SYNTHETIC" in repr(trial)
    assert "no patient in them exists" in trial.readme
    for name in TABLES:
        assert f"- `{name}.csv`: SYNTHETIC" in trial.readme
    assert "exactly zero" in simulate_study("trial", "null", seed=1).readme


def test_real_data_are_not_written_over(trial, tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id\n1\n")
    with pytest.raises(DataError, match="not marked as synthetic"):
        trial.write(tmp_path)
    assert (tmp_path / "patients.csv").read_text() == "patient_id\n1\n"
    assert [path.name for path in tmp_path.iterdir()] == ["patients.csv"]


def test_the_truth_is_frozen(trial):
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.truth.log_hr_cxcr4 = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        trial.tables = {}


@pytest.mark.parametrize(
    ("lock", "scenario", "seed", "words"),
    [
        ("trail", "null", 1, "Did you mean 'trial'"),
        ("trial", "weak", 1, "there is no scenario"),
        ("trial", "null", -1, "seed"),
        ("trial", "null", True, "seed"),
        ("trial", "null", 1.5, "seed"),
    ],
)
def test_refusals(lock, scenario, seed, words):
    with pytest.raises(ConfigError, match=words):
        simulate_study(lock, scenario, seed=seed)


def test_no_outcome_code_is_used():
    """The generator knows dates, not how the package turns them into times."""
    import survmodel.simulate

    folder = Path(survmodel.simulate.__file__).parent
    allowed = ("errors", "formatting", "writing", "data", "simulate")
    for file in folder.glob("*.py"):
        for line in file.read_text().splitlines():
            if line.startswith(("from survmodel", "import survmodel")):
                assert line.split()[1].split(".")[1] in allowed, line
