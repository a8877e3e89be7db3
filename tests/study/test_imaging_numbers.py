"""Every number that the sections on readers, regions, residual disease, management and safety print is a result."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from study.imaging_study import write_imaging_study
from study.test_care import tables_with
from study.test_mrd import end_tables
from study.test_numbers_of_the_report import CONSTANTS, is_there, numbers_of, values_of
from study.test_regions import TRUTH, region_reads

from survmodel.study.example import write_example
from survmodel.study.run import run_study

SECTIONS = (
    "Readers and repeated measurement", "Regions and lesions of both tracers", "Change of management",
    "PET and residual disease at the end of treatment", "Adverse events after 10 baseline scans with CXCR4",
)  # fmt: skip


def every_table(reference):
    tables, end = tables_with(), end_tables()
    tables["scans"] += [line for line in end["scans"] if line.startswith("E-")]
    tables["reads"] += [line for line in end["reads"] if line.startswith("E-")]
    return tables | {"assessments": end["assessments"], "region_reads": region_reads(reference)}


@pytest.mark.parametrize("reference", [TRUTH, ("???",) * 8], ids=["with a reference", "without"])
def test_every_number_of_the_sections_is_in_the_results(tmp_path, reference):
    run = run_study(write_imaging_study(tmp_path / "s", every_table(reference)), tmp_path / "out")
    assert run.status == "COMPLETE"
    report = run.report.read_text("utf-8")
    for title in SECTIONS:
        assert title in report
    for heading in ("<h2>Notes</h2>", "<h2>Warnings</h2>"):
        report = re.sub(f"{heading}.*?(?=<h2>|<footer>)", "", report, flags=re.DOTALL)
    # the names of tests and of grades, and years of publications
    report = re.sub(r"ICC\(2,1\)|[Gg]rade [0-5]|Prentice 1982", "", report)
    values = values_of(run)
    found = [(text, cell) for text, cell in numbers_of(f"{report}<footer>") if text not in CONSTANTS]
    assert len(found) > 100
    assert not [(text, cell[:80]) for text, cell in found if not is_there(text, values)]


def test_every_number_of_the_other_sections_is_in_the_results(tmp_path):
    """Acquisition, families of markers, entities, correlations, groups left out, response: of the larger example."""
    study = write_example(tmp_path / "s", "multicentre", "strong")
    head, rest = study.read_text("utf-8").split("[model.forest]", 1)
    more = (
        '[validation]\nrepeats = 50\nleave_out = "cxcr4_scanner"\n\n[[sensitivity]]\nname = "scanners"\n'
        'model = "fdg_cxcr4"\nleave_out = "cxcr4_scanner"\n\n[model.all]\nkind = "cox"\nendpoint = "pfs"\n'
        'formula = "age_years + sqrt(cxcr4_mtv_41pct) + sqrt(cxcr4_tlu_41pct)"\n\n'
        '[[response]]\noutcome = "ecog_later"\nlevels = ["low", "high"]\nformula = "age_years + sex"\n\n'
        '[column.ecog_later]\ntype = "category"\nrole = "post_baseline"\n'
        'levels = { "low" = "low", "high" = "high" }\n\n'
    )
    study.write_text(head + more + "[missing]" + rest.split("[missing]", 1)[1], "utf-8")
    patients = pd.read_csv(tmp_path / "s" / "data" / "patients.csv", dtype=str)
    patients["ecog_later"] = np.where(np.arange(len(patients)) % 3 == 0, "low", "high")
    patients.to_csv(tmp_path / "s" / "data" / "patients.csv", index=False)
    run = run_study(study, tmp_path / "out")
    report = run.report.read_text("utf-8")
    for title in ("How the scans were made", "Markers that measure the same", "Response to treatment",
                  "Models in groups that they had not seen", "Uptake by entity and tracer"):  # fmt: skip
        assert title in report
    sections = [
        *re.findall(r"<h2>(?:How the scans were made|Markers that measure the same|Response to treatment|"
                    r"Models in groups that they had not seen)[^<]*</h2>.*?(?=<h2>|<footer>)", report, flags=re.DOTALL),
        *re.findall(r"<table[^>]*>(?:(?!</table>).)*?(?:Uptake by entity|Uptake against age).*?</table>", report,
                    flags=re.DOTALL),
    ]  # fmt: skip
    assert len(sections) >= 5
    # names of rules, of the window, of the stages of a scale, and the axis of the correlation
    text = re.sub(r"41pct|β2|Log2|log2|\\bof 0\\b", "", " ".join(sections))
    values = values_of(run)
    found = [(text, cell) for text, cell in numbers_of(f"<main>{text}<footer>") if text not in CONSTANTS]
    assert len(found) > 200
    assert not [(text, cell[:90]) for text, cell in found if not is_there(text, values)]


def test_no_result_names_a_patient_or_a_scan(tmp_path):
    run = run_study(write_imaging_study(tmp_path / "s", every_table(TRUTH)), tmp_path / "out")
    for path in run.out.rglob("*"):
        if path.is_file() and path.suffix in {".html", ".json", ".csv"}:
            text = path.read_text("utf-8")
            assert not re.search(r"\b[CFEI]-[0-9]\b", text), path.name
            assert "2021-0" not in text, path.name
            if path.name != "patients.json":
                assert "KEY-" not in text, path.name


def test_two_runs_say_the_same(tmp_path):
    tables = every_table(TRUTH)
    first = run_study(write_imaging_study(tmp_path / "a", tables), tmp_path / "x")
    # rows of another order are the same study
    turned = {name: [lines[0], *reversed(lines[1:])] for name, lines in tables.items() if name != "patients"}
    second = run_study(write_imaging_study(tmp_path / "b", tables | turned), tmp_path / "y")
    one, two = (json.loads((run.out / "results.json").read_text("utf-8"))["records"] for run in (first, second))
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys()
        for name, value in a.items():
            assert b[name] == (pytest.approx(value) if isinstance(value, float) else value), (name, a, b)
