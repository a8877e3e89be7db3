"""What is true can be found again, and what is not there is not found."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from numpy.testing import assert_allclose
from simulate.analysis import from_people, from_tables

from survmodel import CoxPH, KaplanMeier, Outcome, likelihood_ratio_test
from survmodel.simulate import simulate_study
from survmodel.simulate.cohort import Person, draw_cohort
from survmodel.simulate.course import draw_courses
from survmodel.simulate.truth import ENTITIES, INDEX_GROUPS, PLANS, SCANNER_SHIFTS, SLOPES, make_truth

REPLICATES = 200
SEEDS = 16


def fit(formula, rows):
    kept = rows.dropna().reset_index(drop=True)
    return CoxPH(formula, strata="entity").fit(kept, Outcome(kept["days"], kept["event"], unit="days"))


@pytest.mark.filterwarnings("ignore")
def test_nothing_is_found_in_the_null_scenario():
    """Added value of CXCR4 is exactly 0: p-values of 200 seeded studies are uniform.

    Bands: 5 % +- 3 standard errors (4.6 %) of rejections; mean .5 +- 3 standard errors (.061); Kolmogorov-Smirnov
    distance below its 1 % point, 1.63 / sqrt(200) = .115.
    """
    plan, p_values, slopes = PLANS["multicentre"], [], []
    for seed in range(REPLICATES):
        truth = make_truth("multicentre", "null", seed)
        people = draw_cohort(plan, seed)
        rows = from_people(people, draw_courses(people, truth), truth)[["cxcr4", "index", "entity", "event", "days"]]
        small, large = fit("index", rows.dropna()), fit("index + cxcr4", rows)
        p_values.append(likelihood_ratio_test(small, large).p_value)
        slopes.append(float(large.coefficients["cxcr4"]))
    p = np.sort(p_values)
    uniform = (np.arange(REPLICATES) + 0.5) / REPLICATES
    assert abs((p < 0.05).mean() - 0.05) <= 0.046
    assert abs(p.mean() - 0.5) <= 0.061
    assert np.abs(p - uniform).max() + 0.5 / REPLICATES < 0.115
    assert abs(np.mean(slopes)) < 3 * np.std(slopes) / np.sqrt(REPLICATES)


@pytest.mark.parametrize("scenario", ["realistic", "strong"])
def test_the_truth_is_recovered(scenario):
    """Each multicentre study within 3 standard errors (one stray of 16 allowed), and their mean within 3 of its own."""
    fits = [
        fit("cxcr4 + fdg + index", from_tables(simulate_study("multicentre", scenario, seed=seed)))
        for seed in range(SEEDS)
    ]
    for term, true in zip(("cxcr4", "fdg", "index"), (*SLOPES[scenario], 1.0), strict=True):
        estimates = np.array([float(one.coefficients[term]) for one in fits])
        errors = np.array([float(np.sqrt(one.covariance.loc[term, term])) for one in fits])
        assert (np.abs(estimates - true) > 3 * errors).sum() <= 1, term
        assert abs(estimates.mean() - true) < 3 * errors.mean() / np.sqrt(SEEDS), term
        # The reported errors are those of the estimates.
        assert 0.6 < estimates.std(ddof=1) / errors.mean() < 1.6, term


def test_tables_and_people_agree():
    """The way through the tables changes uptake by the scanner's shift only, and no time."""
    seed = 7
    study, people = simulate_study("trial", "strong", seed=seed), draw_cohort(PLANS["trial"], seed)
    tables, direct = from_tables(study), from_people(people, draw_courses(people, study.truth), study.truth)
    assert tables.index.equals(direct.index)
    assert (tables[["event", "days", "entity"]] == direct[["event", "days", "entity"]]).all(axis=None)
    shift = {person.patient_id: SCANNER_SHIFTS[person.scanner] for person in people}
    for tracer in ("cxcr4", "fdg"):
        assert_allclose(tables[tracer], direct[tracer] + tables.index.map(shift), atol=0.02)


@pytest.mark.parametrize("entity", list(ENTITIES))
@pytest.mark.parametrize("group", INDEX_GROUPS)
def test_the_baseline_passes_through_its_anchor(entity, group):
    one = ENTITIES[entity]
    rate = one.yearly_rates[INDEX_GROUPS.index(group)]
    assert_allclose(one.years_to_event(rate * one.anchor_years, group, 0.0), one.anchor_years)
    # A log hazard ratio b at this time is a hazard exp(b) times as high.
    assert_allclose(one.years_to_event(2 * rate * one.anchor_years, group, np.log(2)), one.anchor_years)


def test_published_survival_comes_back():
    """5-year PFS of the MZL-IPI groups is 85, 66 and 37 %, from the hazards as from a large sample of them."""
    mzl, n = ENTITIES["MZL"], 4000
    levels = -np.log((np.arange(n) + 0.5) / n)
    for group, survival in zip(INDEX_GROUPS, (0.85, 0.66, 0.37), strict=True):
        years = [mzl.years_to_event(float(level), group, 0.0) for level in levels]
        curve = KaplanMeier().fit(Outcome(years, np.ones(n, dtype=int), unit="years"))
        assert abs(float(curve.at([5.0])["estimate"].iloc[0]) - survival) < 0.006


@pytest.fixture(scope="module")
def people() -> tuple[Person, ...]:
    return tuple(one for seed in range(40) for one in draw_cohort(PLANS["multicentre"], seed) if one.confirmed)


def test_index_shares_and_negative_scans_are_the_stated_ones(people):
    """Within 3.5 standard errors."""
    for entity, one in ENTITIES.items():
        inside = [person for person in people if person.truth.entity == entity]
        shares = [*one.index_shares, one.cxcr4_negative, one.fdg_negative]
        counts = [sum(person.index_group == group for person in inside) for group in INDEX_GROUPS]
        counts += [sum(not person.cxcr4.visible for person in inside), sum(not person.fdg.visible for person in inside)]
        for share, count in zip(shares, counts, strict=True):
            error = np.sqrt(share * (1 - share) / len(inside))
            assert abs(count / len(inside) - share) <= 3.5 * error + 1e-12, entity


def test_burden_links_index_fdg_and_cxcr4(people):
    values = np.array([[one.burden, one.liability, one.fdg.doublings, one.cxcr4.doublings] for one in people])
    seen = np.corrcoef(values, rowvar=False)
    expected = [0.5, 0.6, 0.6]
    assert_allclose(seen[0, 1:], expected, atol=0.03)
    assert_allclose([seen[1, 2], seen[1, 3], seen[2, 3]], [0.3, 0.3, 0.36], atol=0.04)
    # log-normal uptake: median and spread of the entity
    assert abs(np.median(values[:, 3])) < 0.05
    assert_allclose(values[:, 3].std(), 0.9, atol=0.03)


def test_the_slope_of_the_strong_scenario_is_that_of_its_source():
    """A hazard ratio of 3.18 between halves that lie 1.44 doublings apart."""
    apart = 2 * 0.9 * NormalDist().pdf(0) / 0.5
    assert_allclose(np.log(3.18) / apart, SLOPES["strong"][0], atol=0.01)
    assert SLOPES["null"] == (0.0, 0.0)
