"""What a report says where events compete: curves of the composite, models of the cause-specific hazard."""

from __future__ import annotations

import html
import re

import numpy as np
import pytest
from study.study_folder import STUDY, made_table, write_study

from survmodel.study.run import run_study

COMPETING = 'event = "dead"\nevent_value = 1\nevent_label = "relapse"\ncompeting = { "2" = "death" }\n'


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("competing")
    table = made_table()
    table["dead"] = np.random.default_rng(5).choice([0, 1, 2], len(table))
    text = STUDY.replace('event = "dead"\n', COMPETING).replace('label = "overall survival"', 'label = "relapse"')
    text += "\n[groups.min_events]\nperformance = 1\n"
    run = run_study(write_study(folder / "made", table, text), folder / "out")
    words = html.unescape(re.sub(r"<[^>]+>", " ", run.report.read_text(encoding="utf-8")))
    return re.sub(r"\s+", " ", words)


@pytest.mark.parametrize(
    "words",
    [
        "Relapse: time to relapse, in days; competing: death",
        "Kaplan-Meier curves and log-rank tests are of the composite of any of these events, because one minus a "
        "Kaplan-Meier curve of relapse with competing events censored would overstate the risk.",
        "Clinical model: cause-specific Cox proportional-hazards regression of relapse on age and sex",
        "The model is cause-specific: a competing event censors the patient. The hazard ratios describe the rate of "
        "relapse among patients still free of any event, not its cumulative risk",
        "in which an event of any kind ends observation and events leave before censorings at ties",
        "Freedom from any event by age group, Kaplan-Meier estimate of 58 patients",
        "Composite of relapse or death, whichever came first. One minus a Kaplan-Meier curve with competing events "
        "censored would overstate the risk.",
        "Log-rank test of equal freedom from any event by age group",
        "Median time to the first event of any kind by age group. Composite of relapse or death",
        "Event-free, %",
        "Clinical model: cause-specific hazard ratios for relapse (58 patients, ",
        "They describe the rate of relapse among patients still free of any event, not its cumulative risk.",
        "tests of proportional cause-specific hazards",
        "Apparent discrimination of relapse, by cause-specific models; a competing event counts as censored.",
        "an event of any kind ends observation.",
        "Gray's test compared the cumulative incidence of each event between groups.",
        "Gray's test of equal cumulative incidence of relapse by age group: p ",
        "Gray's test of equal cumulative incidence of death by age group: p ",
        "Bands: pointwise limits. p: Gray's test of relapse.",
    ],
)
def test_the_report_says_what_its_numbers_are_of(report, words):
    assert words in report


def test_events_are_counted_by_cause(report):
    codes = np.random.default_rng(5).choice([0, 1, 2], 60)
    relapse, death = int((codes == 1).sum()), int((codes == 2).sum())
    shares = [f"{label} {count} ({100 * count / 60:.1f}%)" for label, count in (("relapse", relapse), ("death", death))]
    assert (
        f"{relapse + death} of any kind in 60 patients ({100 * (relapse + death) / 60:.1f}%): {', '.join(shares)}"
        in report
    )
    assert f"Event: {shares[0]} Competing event: {shares[1]} Censored {60 - relapse - death} (" in report


def test_nothing_is_called_survival_where_events_compete(report):
    assert not re.search(r"equal survival|Survival, %|Survival was estimated", report)
