"""Every number that the report prints stands in results.json: nothing is computed on the way to the page."""

from __future__ import annotations

import html
import json
import math
import re

import pytest
from study.study_folder import write_study

from survmodel.study.example import write_example
from survmodel.study.run import run_study

NUMBER = re.compile(r"(?<![\w.,-])[-−]?\d[\d,]*(?:\.\d+)?(?![\w-])")
#: Said by the report and no results: limits and levels, conventions, the scale of C, the length of a month.
CONSTANTS = {"95", "80", "5", "0.5", "1", "0", "7", "30.4375", "100", "100.0", "0.0", "41", "120", "0.999"}


def numbers_of(report: str) -> list[tuple[str, str]]:
    """The numbers of table cells and of sentences, with what stands around them."""
    body = report[report.index("<main>") : report.index("<footer>")]
    body = re.sub(r"<img[^>]*>|<h[12]>.*?</h[12]>", " ", body, flags=re.DOTALL)
    body = re.sub(r"<b>(Table|Figure) \d+\.</b>", " ", body)
    body = re.sub(r"SHA-256[^<]*", " ", body)
    cells = re.split(r"<[^>]+>", body)
    return [(found, cell) for cell in map(html.unescape, cells) for found in NUMBER.findall(cell)]


def values_of(run) -> set[float]:
    records = json.loads((run.out / "results.json").read_text(encoding="utf-8"))["records"]
    values: set[float] = set()
    for record in records:
        own = {key: float(value) for key, value in record.items() if isinstance(value, int | float)}
        values |= set(own.values())
        for count in ("estimate", "n_event", "n_censor", "n_missing", "n_risk"):
            if own.get("n") and count in own:
                values |= {100 * own[count] / own["n"]}
        values |= {100 * own[key] for key in ("estimate", "conf_low", "conf_high", "probability") if key in own}
    # What C of an index that tells nothing lies between is its half-width around 0.5.
    values |= {0.5 + sign * value for value in list(values) if 0 < value < 1 for sign in (-1, 1)}
    return values


def is_there(text: str, values: set[float]) -> bool:
    bare = text.replace(",", "").replace("−", "-")
    digits = len(bare.partition(".")[2])
    for value in values:
        if not math.isfinite(value):
            continue
        if f"{value:.{digits}f}" == bare or f"{value:.4g}" == bare or f"{value:.3g}" == bare:
            return True
    return False


@pytest.mark.parametrize("which", ["trial", "multicentre", "plain"])
def test_each_number_of_the_report_is_in_the_results(which, tmp_path):
    study = write_study(tmp_path / "s") if which == "plain" else write_example(tmp_path / "s", which, "strong")
    run = run_study(study, tmp_path / "out")
    report = run.report.read_text(encoding="utf-8")
    report = report[: report.index("<h2>Notes</h2>")] if "<h2>Notes</h2>" in report else report
    report = report[: report.index("<h2>Warnings</h2>")] if "<h2>Warnings</h2>" in report else report
    report = report.replace("50 to 64", "")  # the label of a group
    found = [(text, cell) for text, cell in numbers_of(f"{report}<footer>") if text not in CONSTANTS]
    assert len(found) > 100
    values = values_of(run)
    strange = [(text, cell[:80]) for text, cell in found if not is_there(text, values)]
    assert not strange
