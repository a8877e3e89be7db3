"""From files to a fit: simulated exports are read, checked, aggregated, joined with outcomes and analysed."""

import datetime

import pytest

import survmodel as sm
from survmodel.cohort import Field, MarkerLock, assemble
from survmodel.data.canonical import origin_dates
from survmodel.data.checks import check_tables
from survmodel.data.tables import TableFile, read_tables
from survmodel.data.waivers import Waiver, apply_waivers
from survmodel.markers.uptake import patient_uptake
from survmodel.outcome.standard_endpoints import standard_endpoint
from survmodel.simulate import simulate_study

LOCK = datetime.date(2025, 1, 31)
FIELDS = [Field(name) for name in ("age_years", "ecog", "entity", "disease_group", "confirmed", "untreated")]


@pytest.fixture(scope="module", params=["trial", "multicentre"])
def road(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    study = simulate_study(request.param, "strong", seed=11)
    study.write(folder)
    files = {name: TableFile(folder / f"{name}.csv") for name in study.tables}
    return study, read_tables(files, data_lock=LOCK)


def build_cohort(read):
    tables = read.without_phi().tables
    patients = tables["patients"].set_index("patient_id")
    uptake = patient_uptake(tables["patients"]["patient_id"], tables["scans"], tables["lesions"], tables["reads"])
    dates = tables["follow_up"].set_index("patient_id").reindex(patients.index)
    dates["cxcr4_scan_date"] = origin_dates(tables["scans"]).reindex(patients.index)
    return assemble(
        patients.join(uptake.table),
        [*FIELDS, Field("cxcr4_suvmax", "marker"), Field("cxcr4_negative", "marker")],
        {"pfs": standard_endpoint("pfs", data_lock=LOCK), "os": standard_endpoint("os", data_lock=LOCK)},
        outcome_columns=dates,
        sets={"prognostic": "confirmed and untreated"},
        follow_up_set="prognostic",
        lock=MarkerLock("cxcr4_suvmax", "pfs"),
    )


def test_the_checks_find_what_was_put_there_and_a_waiver_accepts_it(road):
    study, read = road
    findings = [*read.findings, *check_tables(read, LOCK)]
    assert not [finding for finding in findings if finding.severity == "error"]
    (misdated,) = [finding for finding in findings if finding.code == "D126"]
    (flaw,) = [flaw for flaw in study.flaws if flaw.name == "mis-dated row"]
    assert misdated.rows == tuple(flaw.rows)
    waiver = Waiver("D126", tuple(flaw.rows), "the progression stands", table="follow_up")
    remaining, waived = apply_waivers(findings, [waiver])
    assert [one.finding.code for one in waived] == ["D126"]
    assert "D126" not in {finding.code for finding in remaining}


def test_no_identifier_stands_in_a_finding(road):
    _, read = road
    for finding in [*read.findings, *check_tables(read, LOCK)]:
        assert "SYN-" not in str(finding)


def test_the_flow_adds_up_and_the_fit_counts_everybody(road):
    study, read = road
    cohort = build_cohort(read)
    analysis = cohort.analysis("pfs", "prognostic")
    n = len(study.tables["patients"])
    assert n - sum(step.n_removed for step in analysis.flow) == len(analysis.table)
    confirmed = study.tables["patients"]
    assert len(analysis.table) == int(((confirmed["confirmed"] == "yes") & (confirmed["untreated"] == "yes")).sum())
    fit = sm.CoxPH("log2(cxcr4_suvmax)", strata="entity").fit(analysis.table, analysis.outcome)
    assert fit.n + fit.n_missing == len(analysis.table)


def test_a_strong_marker_is_seen_in_the_multicentre_study(road):
    study, read = road
    if study.truth.lock == "trial":
        pytest.skip("too few events to see anything in one trial-sized study")
    analysis = build_cohort(read).analysis("pfs", "prognostic")
    row = sm.CoxPH("log2(cxcr4_suvmax)", strata="entity").fit(analysis.table, analysis.outcome).tidy().iloc[0]
    # Without FDG and index the slope is confounded upwards; it cannot be far below its truth.
    assert row["estimate"] > study.truth.log_hr_cxcr4 - 3 * row["std_error"]
    assert row["p_value"] < 0.01
