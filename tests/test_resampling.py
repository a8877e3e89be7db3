"""Draws of patients: balance, strata, seeds, and the count of failures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survmodel import DataError, FitError
from survmodel.errors import ConfigError
from survmodel.resampling import bootstrap_counts, count_rows, draw_folds, read_units, run_replicates


@st.composite
def cohorts(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Patient of each row and stratum of each row."""
    n = draw(st.integers(2, 30))
    stratum = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    rows = np.array(draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)))
    return np.repeat(np.arange(n), rows), np.repeat(stratum, rows)


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.integers(0, 1000))
def test_strata_keep_their_patients(cohort: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    patient, stratum = cohort
    units = read_units(patient.size, patient, stratum)
    counts = bootstrap_counts(units, 5, seed)
    first = np.unique(patient, return_index=True)[1]
    for row in counts:
        for level in np.unique(stratum):
            inside = first[stratum[first] == level]
            assert row[inside].sum() == inside.size
        # all rows of a patient count alike
        assert all(np.unique(row[patient == one]).size == 1 for one in np.unique(patient))


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.integers(0, 1000), st.integers(2, 10))
def test_folds_are_balanced(cohort: tuple[np.ndarray, np.ndarray], seed: int, n_folds: int) -> None:
    patient, stratum = cohort
    units = read_units(patient.size, patient, stratum)
    n_folds = min(n_folds, units.n)
    event = patient % 2 == 0
    fold = draw_folds(units, n_folds, 2, seed, event)
    first = np.unique(patient, return_index=True)[1]
    for dealt in fold:
        assert all(np.unique(dealt[patient == one]).size == 1 for one in np.unique(patient))
        sizes = np.bincount(dealt[first], minlength=n_folds)
        assert sizes.max() - sizes.min() <= 1
        for level in np.unique(stratum):
            inside = first[stratum[first] == level]
            spread = np.bincount(dealt[inside], minlength=n_folds)
            assert spread.max() - spread.min() <= 1


def test_mean_count_is_one() -> None:
    counts = bootstrap_counts(read_units(50), 4000, 7)
    assert counts.mean() == 1
    # the count of a patient is binomial(50, 1/50): variance .98, share of zeros (1 - 1/50)^50 = .364
    assert abs(counts.var(axis=0).mean() - 0.98) < 0.03
    assert abs((counts == 0).mean() - (1 - 1 / 50) ** 50) < 0.01


def test_a_longer_run_begins_with_a_shorter_one() -> None:
    units = read_units(20, strata=[0, 1] * 10)
    assert (bootstrap_counts(units, 9, 3)[:4] == bootstrap_counts(units, 4, 3)).all()
    assert (bootstrap_counts(units, 4, 3) != bootstrap_counts(units, 4, 4)).any()
    assert (draw_folds(units, 5, 3, 3)[:1] == draw_folds(units, 5, 1, 3)).all()


def test_counted_rows() -> None:
    assert count_rows(np.array([0, 3, 1])).tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize("n_folds", [1, 21])
def test_impossible_folds(n_folds: int) -> None:
    with pytest.raises(ConfigError, match="folds of 20 patients"):
        draw_folds(read_units(20), n_folds)


def test_a_patient_in_two_strata() -> None:
    with pytest.raises(DataError, match="two strata"):
        read_units(2, patient=["a", "a"], strata=["x", "y"])
    with pytest.raises(DataError, match="differ in number"):
        read_units(3, patient=["a", "a"])


def fail_on_odd(number: int) -> int:
    if number % 2:
        raise FitError("odd numbers have no half")
    return number // 2


def test_failures_are_counted_and_many_are_refused() -> None:
    some = run_replicates(fail_on_odd, [2, 4, 6, 8, 1])
    assert (some.asked, some.done, some.failures) == (5, [1, 2, 3, 4], (("odd numbers have no half.", 1),))
    some.refuse_many_failures("halves")
    many = run_replicates(fail_on_odd, [2, 4, 1, 3])
    with pytest.raises(FitError, match=r"2 of 4 resamples failed.*halves.*odd numbers"):
        many.refuse_many_failures("halves")


def test_other_errors_go_up() -> None:
    with pytest.raises(ZeroDivisionError):
        run_replicates(lambda number: 1 / number, [0])


def test_workers_do_not_change_the_answers() -> None:
    import joblib

    with joblib.parallel_config(backend="threading"):
        assert run_replicates(fail_on_odd, range(20), n_jobs=2) == run_replicates(fail_on_odd, range(20))
