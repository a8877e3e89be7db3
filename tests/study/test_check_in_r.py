"""The script that every run leaves for R: R agrees where it is present, and stops at a number that was changed."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from study.study_folder import CANARY, STUDY, made_table, write_study

from survmodel.study.example import write_example
from survmodel.study.run import run_study

STUDIES = Path(__file__).parents[2] / "notebooks" / "studies"
RSCRIPT = shutil.which("Rscript")
needs_r = pytest.mark.skipif(RSCRIPT is None, reason="R is not installed")


def run_in_r(folder):
    return subprocess.run(
        [str(RSCRIPT), "--vanilla", "check_in_R.R"], cwd=folder, check=False, capture_output=True, text=True
    )


def make(which, folder):
    if which in {"trial", "multicentre"}:
        return write_example(folder / "study", which, "strong")
    if which == "made":
        text = STUDY.replace('formula = "age + sex"', 'formula = "log2(age) * sex"\nstrata = "age_group"')
        text = (
            text.replace('"m" = "male"', '"m" = "m\u00e4nnlich \\"x\\" $"')
            .replace('"65 and over"', '"+65"')
            .replace('"under 50"', '"=1+1"')
        )
        text = text.replace("[model", '[[curve]]\nendpoint = "os"\nconf_type = "log"\n\n[model', 1)
        return write_study(folder / "study", made_table(200), text)
    if which == "late":
        table = made_table(200)
        table["entry"] = table["days"] // 3
        text = STUDY.replace('unit = "days"\nlabel', 'entry = "entry"\nunit = "days"\nlabel')
        text = (
            text.replace('formula = "age + sex"', 'formula = "age"')
            + '\n[groups]\nentity = "sex"\n[[curve]]\nendpoint = "os"\n'
        )
        return write_study(folder / "study", table, text)
    if which == "splines":
        text = STUDY.replace('formula = "age + sex"', 'formula = "sex * rcs(age, 4)"')
        text += '\n[model.other]\nkind = "cox"\nendpoint = "os"\nformula = "rcs(log2(age), 3)"\npenalty = "firth"\n'
        return write_study(folder / "study", made_table(200), text)
    if which == "firth":
        table = made_table(120)
        # A level without an event: no estimate but the penalised one.
        table["sex"] = ["x" if dead == "0" and i % 4 == 0 else sex for i, (dead, sex) in enumerate(
            zip(table["dead"].astype(str), table["sex"], strict=True))]  # fmt: skip
        text = STUDY.replace('"m" = "male" }', '"m" = "male", "x" = "not said" }')
        return write_study(folder / "study", table, text.replace('kind = "cox"', 'kind = "cox"\npenalty = "firth"'))
    return STUDIES / which / "study.toml"


@needs_r
@pytest.mark.parametrize(
    "which",
    ["trial", "multicentre", "made", "late", "splines", "firth", *sorted(path.name for path in STUDIES.iterdir())],
)
def test_r_agrees(which, tmp_path):
    run = run_study(make(which, tmp_path), tmp_path / "out")
    done = run_in_r(run.out)
    assert done.returncode == 0, done.stderr
    count = re.fullmatch(r"(\d+) numbers of this run agree with R\n", done.stdout)
    assert count is not None
    assert int(count[1]) >= 20


@needs_r
def test_r_stops_at_a_changed_number(tmp_path):
    run = run_study(make("trial", tmp_path), tmp_path / "out")
    script = run.out / "check_in_R.R"
    text = script.read_text(encoding="utf-8")
    found = re.search(r'check\("cox/fdg", coef\(f\), c\((-?[0-9.]+)', text)
    assert found is not None
    script.write_text(text.replace(found[1], str(float(found[1]) * 1.00001), 1), encoding="utf-8")
    done = run_in_r(run.out)
    assert done.returncode != 0
    assert "cox/fdg" in done.stderr


def test_the_table_for_r_has_no_identifier_and_no_order_of_the_file(tmp_path):
    run = run_study(write_study(tmp_path / "made"), tmp_path / "out")
    text = (run.out / "check_in_R_1.csv").read_text(encoding="utf-8")
    assert CANARY not in text + (run.out / "check_in_R.R").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    times = [float(row["time_"]) for row in rows]
    assert times == sorted(times)
    assert len(rows) == 60
    assert set(rows[0]) == {"time_", "any_event_", "event_", "v_age_group", "v_age", "v_sex"}


def test_a_hostile_label_stays_a_text(tmp_path):
    text = STUDY.replace('"m" = "male"', '"m" = "x\\"); system(\\"touch pwned\\"); c(\\"y"')
    text = text.replace('label = "overall survival"', 'label = "a\\nsystem(1)"')
    run = run_study(write_study(tmp_path / "made", text=text), tmp_path / "out")
    script = (run.out / "check_in_R.R").read_text(encoding="utf-8")
    # The text keeps its letters and loses what could end it: quotation marks stand as numbers.
    assert "touch pwned" in script
    assert '"touch' not in script
    assert "\nsystem" not in script
    if RSCRIPT is not None:
        assert run_in_r(run.out).returncode == 0
    assert not (run.out / "pwned").exists()


@needs_r
def test_r_stops_where_the_penalised_likelihood_can_be_bettered(tmp_path):
    run = run_study(make("firth", tmp_path), tmp_path / "out")
    script = run.out / "check_in_R.R"
    text = script.read_text(encoding="utf-8")
    changed = re.sub(r"b <- c\((-?[0-9])", r"b <- c(0.1 + \1", text, count=1)
    assert changed != text
    script.write_text(changed, encoding="utf-8")
    done = run_in_r(run.out)
    assert done.returncode != 0
    assert "cox/clinical" in done.stderr


def test_a_penalised_model_is_named_in_the_report(tmp_path):
    run = run_study(make("firth", tmp_path), tmp_path / "out")
    report = (run.out / "report.html").read_text(encoding="utf-8")
    assert "Firth's penalised likelihood (Heinze and Schemper 2001)" in unescape(report)
    assert "Wald limits" not in report
    assert "no maximum" not in report
