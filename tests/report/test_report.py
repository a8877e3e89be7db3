from __future__ import annotations

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.naming import describe_term_in_table, name_term, show_unit
from survmodel.report.document import Document, FigureBlock, Paragraph, Section, TableBlock
from survmodel.report.hazard_tables import hazard_ratio_table
from survmodel.report.sentences import join_words, not_estimable
from survmodel.report.writers.html import write_html
from survmodel.study.folder import file_stem
from survmodel.study.run import run_study
from survmodel.table import Table
from survmodel.writing import harmless

HOSTILE = "<img src=x onerror=1>"
FORBIDDEN = ("independent predictor", "superior", "predicts benefit")


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def named(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def small_fit(formula="age + sex", **options):
    generator = np.random.default_rng(1)
    table = pd.DataFrame({
        "age": generator.normal(60, 10, 80),
        "sex": pd.Categorical(generator.choice(["female", "male"], 80)),
        "suv": generator.lognormal(2, 0.5, 80),
    })  # fmt: skip
    outcome = sm.Outcome(generator.exponential(10, 80), generator.random(80) < 0.8, unit="months", endpoint="death")
    return sm.CoxPH(formula, reference={"sex": "female"} if "sex" in formula else None, **options).fit(table, outcome)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    return (run_study(write_study(folder / "made"), folder / "out").out / "report.html").read_text(encoding="utf-8")


def check_safe(text):
    page = Page(text)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "link", "form", "base", "svg"}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
    for image in page.named("img"):
        assert image["src"].startswith("data:image/")
        assert image["alt"].strip()
    assert all(head.get("scope") in {"col", "row", "rowgroup"} for head in page.named("th"))
    assert "http://" not in text
    assert "https://" not in text
    return page


def test_the_report_is_one_safe_file(report):
    page = check_safe(report)
    policy = [meta["content"] for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    assert page.named("html") == [{"lang": "en"}]
    assert len(page.named("main")) == len(page.named("title")) == len(page.named("h1")) == 1
    # the curves, the hazard ratios, the calibration and the stability
    assert len(page.named("img")) == 4


def test_the_report_keeps_its_order(report):
    words = [
        "A made cohort", "Drawn at random for tests.", "<h2>What this study can show</h2>", "would need a hazard ratio",
        "<h2>Methods</h2>", "log-log limits", "<h2>Patients</h2>", "median (quartiles)", "Events and follow-up",
        "reverse Kaplan-Meier", "<h2>Overall survival</h2>", "<img", "Log-rank test of equal survival by age group",
        "Median overall survival by age group", "At 100 days", "<h2>Cox models</h2>", "58 patients", "reference",
        "2 left out without a value (Age 2)", "tests of proportional hazards", "A large p is no proof",
        "Apparent: computed on the patients the model was fitted to; optimistic; not validated.",
        "<h2>Notes</h2>", "1 column of patients.csv", "<footer>", "survmodel 0.1.0", "Seed 7", "SHA-256",
    ]  # fmt: skip
    at = 0
    for word in words:
        found = report.find(word, at)
        assert found >= 0, word
        at = found


def test_the_report_uses_no_forbidden_word(report):
    assert not [word for word in FORBIDDEN if word in report.lower()]
    assert not re.search(r"\bnan\b|p = 0\.000|\binf\b|>-0\.0*<", report.lower())


def test_hostile_texts_are_shown_and_never_run(tmp_path):
    text = STUDY.replace('"A made cohort"', f'"{HOSTILE}"').replace('"Drawn at random for tests."', f'"{HOSTILE}"')
    text = text.replace('label = "age"', f'label = "{HOSTILE}"').replace('"under 50"', f'"{HOSTILE}"')
    text = text.replace('"m" = "male"', '"m" = "{{ 7 * 7 }}\\u202E$x_{"').replace(
        'label = "clinical', f'label = "{HOSTILE}'
    )
    text = text.replace('label = "death"', f'label = "{HOSTILE}"').replace('label = "overall', f'label = "{HOSTILE}')
    text = text.replace('unit = "days"', 'unit = "<b>"')
    run = run_study(write_study(tmp_path / "made", text=text), tmp_path / "out")
    assert run.status == "COMPLETE"
    report = run.report.read_text(encoding="utf-8")
    page = check_safe(report)
    # the curves, the hazard ratios, the calibration and the stability
    assert len(page.named("img")) == 4
    assert HOSTILE in "".join(page.words)
    assert "{{ 7 * 7 }}" in "".join(page.words)
    assert "\u202e" not in report


def test_names_of_files_stay_inside_the_folder(tmp_path):
    text = STUDY.replace("[model.clinical]", '[model."../../x/<y>"]').replace("[endpoint.os]", '[endpoint."a/../b"]')
    text = text.replace('endpoint = "os"', 'endpoint = "a/../b"')
    run = run_study(write_study(tmp_path / "made", text=text), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"made", "out"}
    assert len(list((run.out / "tables").iterdir())) == 11


def test_a_spreadsheet_runs_nothing(tmp_path):
    text = STUDY.replace('"m" = "male"', '"m" = "=cmd|calc"').replace('"under 50"', '"@SUM(1)"')
    run = run_study(write_study(tmp_path / "made", text=text), tmp_path / "out")
    for path in (run.out / "tables").iterdir():
        with path.open(encoding="utf-8", newline="") as lines:
            cells = [cell for row in csv.reader(lines) for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=@]", cell)]


def test_rounded_tables_follow_from_the_numbers(report):
    fit_row = re.search(
        r'<th scope="row">Age, per year</th>.*<td>([0-9.]+) \(([0-9.]+) to ([0-9.]+)\)</td><td>[^<]*</td></tr>', report
    )
    table = made_table()
    table["age"] = pd.to_numeric(table["age"], errors="coerce")
    outcome = sm.Outcome.from_table(table, time="days", event="dead")
    ratio = sm.CoxPH("age + sex", reference={"sex": "f"}).fit(table, outcome).hazard_ratios().iloc[0]
    digits = len(fit_row[1].split(".")[1])
    assert fit_row.groups() == tuple(f"{ratio[key]:.{digits}f}" for key in ("estimate", "conf_low", "conf_high"))


def test_hazard_ratio_table_of_one_model():
    table = hazard_ratio_table(small_fit(), {"age": "age at scan", "sex": "sex"}, units={"age": "years"})
    assert table.header == ("Characteristic", "Hazard ratio (95% limits)", "p")
    assert [row[0].strip() for row in table.rows] == ["Age at scan, per year", "Sex", "female", "male"]
    assert table.rows[2][1:] == ("reference", "")
    assert table.footnotes[0].startswith("Complete cases, 80 patients, ")


def test_hazard_ratio_table_of_several_models_meets_on_terms():
    fits = {"A": small_fit("sex"), "B": small_fit("age + sex"), "C": small_fit("log2(suv) + age*sex", conf_level=0.9)}
    table = hazard_ratio_table(fits)
    names = [row[0].strip() for row in table.rows]
    assert names == ["Sex", "female", "male", "Age, per unit", "Suv, per doubling", "Interaction: Age × Sex (male)"]
    assert table.header[5] == "C: hazard ratio (90% limits)"
    assert table.rows[3][1:3] == ("", "")
    assert len(table.footnotes) == 3


@pytest.mark.parametrize(
    ("term", "variable", "shown"),
    [
        ("age", "age", "Age, per year"),
        ("wbc", "wbc", "White cells, per 10⁹/L"),
        ("log2(wbc)", "wbc", "White cells, per doubling"),
        ("ldh", "ldh", "Ldh, per unit"),
    ],
)
def test_terms_are_named_with_their_step(term, variable, shown):
    units = {"age": "years", "wbc": "10^9/L"}
    assert describe_term_in_table(term, variable, {"wbc": "white cells"}, units) == shown


@pytest.mark.parametrize(
    ("term", "shown"),
    [
        ("age", "Age"),
        ("a:b[x:y]", "A × B (x:y)"),
        ("`my col`[1]:age", "My col (1) × Age"),
        ("sqrt(`a:b`)", "sqrt of A:b"),
    ],
)
def test_terms_are_named_by_labels(term, shown):
    assert name_term(term, None) == shown


def test_numbers_of_blocks_count_up():
    picture = FigureBlock(b"x", "image/png", "alt", "caption", "f")
    block = TableBlock(Table(["a"], [["1"]], "t"), "t")
    text = write_html(Document("d", (), (Section("s", (block, picture, block)),)))
    assert re.findall(r"<b>(\w+ \d)\.</b>", text) == ["Table 1", "Figure 1", "Table 2"]


def test_a_p_value_is_not_broken_over_lines():
    text = write_html(Document("d", (Paragraph("We saw p < 0.001 here."),)))
    assert '<span class="p">p &lt; 0.001</span> here' in text


@pytest.mark.parametrize(
    ("cell", "safe"),
    [("=1", "'=1"), ("-1.5", "-1.5"), ("+x", "'+x"), (" @a", "' @a"), ("＝1", "'＝1"), ("a=1", "a=1"), ("-x", "'-x")],
)
def test_cells_that_a_spreadsheet_would_run_get_an_apostrophe(cell, safe):
    assert harmless(cell) == safe


def test_small_helpers():
    assert join_words(["a"]) == "a"
    assert show_unit("m^-2") == "m⁻²"
    assert not_estimable("X", "why?") == "X: not estimable: why?"
    assert file_stem("a/b") != file_stem("a-b")
    assert len(file_stem("x" * 500)) < 100
