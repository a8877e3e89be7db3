"""Splines in tables, figures and runs: one term with its tests and a curve, never single coefficients."""

from __future__ import annotations

import csv
import json

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

from survmodel import ConfigError, CoxPH, Outcome
from survmodel.figures.hazard_ratios import draw_hazard_ratios
from survmodel.formatting import format_p
from survmodel.models.formula import parse_formula
from survmodel.models.term_tests import splines_of
from survmodel.naming import INDENT, describe_term_in_table, name_term
from survmodel.report.hazard_tables import hazard_ratio_table
from survmodel.study.run import run_study

LABELS = {"suv": "CXCR4 SUVmax"}


def fit(formula: str, **options: object):
    random = np.random.default_rng(2)
    table = pd.DataFrame({"suv": random.lognormal(1.5, 0.6, 150), "sex": random.choice(["f", "m"], 150)})
    time = random.exponential(30 / np.exp(0.1 * table["suv"])) + 0.1
    reference = {"sex": "f"} if "sex" in formula else None
    return CoxPH(formula, reference=reference, **options).fit(table, Outcome(time, random.random(150) < 0.7))


def test_names() -> None:
    assert describe_term_in_table("rcs(suv, 3)", "suv", LABELS) == "CXCR4 SUVmax, spline with 3 knots"
    assert describe_term_in_table("rcs(suv)", "suv", LABELS) == "CXCR4 SUVmax, spline"
    assert describe_term_in_table("rcs(log2(`a, b`), 5)", "a, b", None) == "A, b, spline of log2 with 5 knots"
    assert name_term("sex:rcs(suv, 3)", LABELS) == "Sex × Spline of CXCR4 SUVmax"


def test_a_spline_is_one_term_of_the_table() -> None:
    found = fit("sex + rcs(suv, 3)")
    tests = found.term_tests()
    overall, bends = tests.loc[tests["term"] == "rcs(suv, 3)", "p_value"]
    table = hazard_ratio_table(found, LABELS)
    assert [row[0] for row in table.rows[-2:]] == ["CXCR4 SUVmax, spline with 3 knots", f"{INDENT}non-linear part"]
    assert table.rows[-2][1:] == ("no single ratio", format_p(overall))
    assert table.rows[-1][1:] == ("", format_p(bends))
    assert len(table.rows) == 5
    knots = ", ".join(f"{knot:.4g}" for knot in splines_of(found.design)[0].knots)
    assert f"Spline of CXCR4 SUVmax: restricted cubic, knots at {knots}." in table.footnotes
    assert "p of a spline: Wald tests of all its columns" in " ".join(table.footnotes)
    assert "penalised likelihood-ratio tests of all" in " ".join(
        hazard_ratio_table(fit("rcs(suv, 3)", penalty="firth")).footnotes
    )


def test_an_interaction_with_a_spline_is_one_term_too() -> None:
    table = hazard_ratio_table(fit("sex*rcs(suv, 3)"), LABELS)
    assert [row[0] for row in table.rows[-2:]] == [
        "Interaction: Sex × Spline of CXCR4 SUVmax", f"{INDENT}non-linear part",
    ]  # fmt: skip


def test_the_printed_fit_shows_no_ratio_of_a_coefficient() -> None:
    lines = repr(fit("sex + rcs(suv, 3)")).splitlines()
    (bent,) = (line for line in lines if line.strip().startswith("suv'"))
    assert " to " not in bent
    assert any("rcs(suv, 3), non-linear: p = " in line for line in lines)


def test_the_figure_of_hazard_ratios_leaves_splines_out() -> None:
    figure = draw_hazard_ratios(fit("rcs(suv, 3) + sex"))
    assert figure.source_data["variable"].unique().tolist() == ["sex"]
    with pytest.raises(ConfigError, match="no hazard ratio to draw"):
        draw_hazard_ratios(fit("rcs(suv, 3)"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splines")
    text = STUDY.replace('formula = "age + sex"', 'formula = "rcs(age, 3) + sex"')
    text += '\n[model.alone]\nkind = "cox"\nendpoint = "os"\nformula = "rcs(age)"\n'
    text += '\n[model.crossed]\nkind = "cox"\nendpoint = "os"\nformula = "sex * rcs(age, 3)"\n'
    return run_study(write_study(folder / "study", made_table(150), text), folder / "out")


def test_a_study_reports_splines(run) -> None:
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert "Age, spline with 3 knots" in report
    assert "age (restricted cubic spline)" in report
    assert "Numbers enter linearly unless a spline is named." in report
    assert "rcs(" not in report
    with (run.out / "tables" / "cox_clinical.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row and "spline with 3 knots" in row[0]]
    assert len(rows) == 1
    assert rows[0].count("no single ratio") == 2


def test_a_study_draws_the_curve_of_a_spline_outside_interactions(run) -> None:
    names = {path.stem for path in (run.out / "figures").glob("*.svg")}
    assert {"effect_clinical_age", "effect_alone_age", "hazard_ratios_clinical", "hazard_ratios_crossed"} <= names
    # Nothing but a spline: no hazard ratio to draw. Within an interaction: a curve for each level.
    assert not names & {"hazard_ratios_alone", "effect_crossed_age"}


def test_a_study_keeps_the_tests_of_its_terms(run) -> None:
    text = (run.out / "results.json").read_text(encoding="utf-8")
    records = [one for one in _walk(json.loads(text)) if str(one.get("measure", "")).startswith("test of the term")]
    clinical = [one for one in records if one["step"].endswith("cox/clinical")]
    assert {(one["term"], one["measure"], one["df"]) for one in clinical} == {
        ("rcs(age, 3)", "test of the term, overall", 2),
        ("rcs(age, 3)", "test of the term, non-linear", 1),
        ("sex", "test of the term, overall", 1),
    }
    knots = [one["estimate"] for one in _walk(json.loads(text)) if str(one.get("measure", "")).startswith("knot ")]
    assert len(knots) == 3 + 4 + 3


def _walk(value: object):
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _walk(one)


def test_the_label_of_a_formula_is_read_back() -> None:
    assert parse_formula("rcs( log2(`a b`) , 3 )").text == "rcs(log2(`a b`), 3)"
