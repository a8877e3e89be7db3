r"""Drawing patients again: bootstrap, subsamples, folds, and the runner that refits on each draw.

The unit is the patient, never the row, and patients are drawn within strata, so that every resample has each disease
as often as the study. Replicate *b* draws with the *b*-th word, or child, of one seed sequence: the draws are the same
whatever the number of workers, and a longer run begins with the draws of a shorter one.

A draw is a *count* for each row, how often its patient was drawn. Nothing here knows what a model is; a replicate that
cannot be computed is counted with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError, DataError, FitError, SurvmodelError
from survmodel.kernels.random_words import draw_units

Ints = npt.NDArray[np.int64]
Drawn = TypeVar("Drawn")
Computed = TypeVar("Computed")

#: A step of which a larger share of replicates fails is no estimate of anything.
MOST_FAILED = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Who is drawn.

    Attributes
    ----------
    patient : ndarray of int64, shape (n_rows,)
        Patient of each row, 0, 1, ...
    stratum : ndarray of int64, shape (n_patients,)
        Stratum of each patient, 0, 1, ...
    """

    patient: Ints
    stratum: Ints

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.stratum.size)


def read_units(n_rows: int, patient: npt.ArrayLike | None = None, strata: npt.ArrayLike | None = None) -> Units:
    """Find the patients and their strata.

    Parameters
    ----------
    n_rows : int
        Rows of the data.
    patient : array_like, shape (n_rows,), optional
        Patient of each row; every row is a patient of its own without it.
    strata : array_like, shape (n_rows,), optional
        Stratum of each row; one stratum without it.

    Returns
    -------
    Units
        Numbered in order of first appearance.

    Raises
    ------
    DataError
        When the rows of a patient lie in two strata.

    Examples
    --------
    >>> read_units(4, patient=["a", "a", "b", "c"], strata=["x", "x", "y", "x"]).stratum.tolist()
    [0, 1, 0]
    """
    codes = np.arange(n_rows, dtype=np.int64) if patient is None else _number(patient)
    layers = np.zeros(n_rows, dtype=np.int64) if strata is None else _number(strata)
    if codes.size != n_rows or layers.size != n_rows:
        raise DataError("patients, strata and rows differ in number", f"{codes.size}, {layers.size} and {n_rows}")
    _, first = np.unique(codes, return_index=True)
    of_patient = layers[first]
    if (of_patient[codes] != layers).any():
        raise DataError("a patient has rows in two strata", remedy="draw within strata that patients do not change")
    return Units(codes, of_patient)


def _number(labels: npt.ArrayLike) -> Ints:
    """Give labels numbers in order of first appearance."""
    values = np.asarray(labels)
    _, first, codes = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[codes.ravel()]


def bootstrap_counts(units: Units, repeats: int, seed: int = 0) -> Ints:
    """Draw patients with replacement within their strata.

    Parameters
    ----------
    units : Units
        Who is drawn.
    repeats : int
        Number of resamples, at least 1.
    seed : int
        The same seed gives the same draws; the first draws of a longer run are those of a shorter one.

    Returns
    -------
    ndarray of int64, shape (repeats, n_rows)
        How often each row counts in each resample.

    References
    ----------
    Efron B, Tibshirani RJ (1993). An Introduction to the Bootstrap. Chapman and Hall.

    Examples
    --------
    >>> counts = bootstrap_counts(read_units(5), repeats=3, seed=1)
    >>> counts.sum(axis=1).tolist()
    [5, 5, 5]
    """
    _check_repeats(repeats)
    members = np.argsort(units.stratum, kind="stable").astype(np.int64)
    bounds = np.append(0, np.cumsum(np.bincount(units.stratum))).astype(np.int64)
    counts = np.empty((repeats, units.patient.size), dtype=np.int64)
    words = np.asarray(np.random.SeedSequence(seed).generate_state(repeats, np.uint64), dtype=np.uint64)
    draw_units(words, bounds, members, units.patient, np.empty(units.n, dtype=np.int64), counts)
    return counts


def draw_subsamples(units: Units, share: float, repeats: int, seed: int = 0) -> Ints:
    """Draw a share of the patients without replacement within their strata.

    Parameters
    ----------
    units : Units
        Who is drawn.
    share : float
        Share that is drawn, above 0 and below 1; of each stratum the nearest whole number, at least one patient.
    repeats : int
        Number of subsamples, at least 1.
    seed : int
        The same seed gives the same draws; the first draws of a longer run are those of a shorter one.

    Returns
    -------
    ndarray of int64, shape (repeats, n_rows)
        1 for the rows of a subsample, else 0.

    References
    ----------
    Politis DN, Romano JP, Wolf M (1999). Subsampling. Springer.

    Examples
    --------
    >>> draw_subsamples(read_units(5, strata=["x", "x", "x", "x", "y"]), 0.5, repeats=3, seed=1).sum(axis=1).tolist()
    [3, 3, 3]
    """
    _check_repeats(repeats)
    if not 0 < share < 1:
        raise ConfigError(f"the share of a subsample is {share}", remedy="give a number above 0 and below 1")
    members = [np.flatnonzero(units.stratum == code) for code in range(int(units.stratum.max()) + 1)]
    sizes = [max(1, round(share * inside.size)) for inside in members]
    counts = np.zeros((repeats, units.patient.size), dtype=np.int64)
    for replicate, child in enumerate(np.random.SeedSequence(seed).spawn(repeats)):
        random = np.random.default_rng(child)
        drawn = [random.choice(inside, size, replace=False) for inside, size in zip(members, sizes, strict=True)]
        chosen = np.zeros(units.n, dtype=np.int64)
        chosen[np.concatenate(drawn)] = 1
        counts[replicate] = chosen[units.patient]
    return counts


def draw_folds(units: Units, n_folds: int, repeats: int = 1, seed: int = 0, event: npt.ArrayLike | None = None) -> Ints:
    """Deal the patients out to folds, in equal numbers and with equal shares of strata and events.

    Parameters
    ----------
    units : Units
        Who is dealt out.
    n_folds : int
        Number of folds, from 2 to the number of patients.
    repeats : int
        How often.
    seed : int
        The same seed gives the same folds.
    event : array_like of bool, shape (n_rows,), optional
        Rows with the event; a patient has it when any of the rows does.

    Returns
    -------
    ndarray of int64, shape (repeats, n_rows)
        Fold of each row.

    Examples
    --------
    >>> folds = draw_folds(read_units(6), n_folds=3, seed=2)
    >>> np.bincount(folds[0]).tolist()
    [2, 2, 2]
    """
    _check_repeats(repeats)
    if not 2 <= n_folds <= units.n:
        raise ConfigError(f"{n_folds} folds of {units.n} patients", remedy="take at least 2, at most one a patient")
    died = np.zeros(units.n, dtype=np.int64)
    if event is not None:
        np.maximum.at(died, units.patient, np.asarray(event, dtype=bool).astype(np.int64))
    folds = np.empty((repeats, units.patient.size), dtype=np.int64)
    for replicate, child in enumerate(np.random.SeedSequence(seed).spawn(repeats)):
        random = np.random.default_rng(child)
        # Shuffled, then ordered by stratum and event: neighbours are alike and go to different folds.
        shuffled = random.permutation(units.n)
        dealt = shuffled[np.lexsort((died[shuffled], units.stratum[shuffled]))]
        numbers = random.permutation(n_folds)
        of_patient = np.empty(units.n, dtype=np.int64)
        of_patient[dealt] = numbers[np.arange(units.n) % n_folds]
        folds[replicate] = of_patient[units.patient]
    return folds


def _check_repeats(repeats: int) -> None:
    if repeats < 1:
        raise ConfigError(f"repeats is {repeats}", remedy="give a whole number of at least 1")


def count_rows(counts: Ints) -> Ints:
    """List the rows of a draw, each as often as it counts.

    Parameters
    ----------
    counts : ndarray of int64, shape (n_rows,)
        How often each row counts.

    Returns
    -------
    ndarray of int64
        Row positions.

    Examples
    --------
    >>> count_rows(np.array([2, 0, 1])).tolist()
    [0, 0, 2]
    """
    return np.repeat(np.arange(counts.size, dtype=np.int64), counts)


@dataclass(frozen=True, slots=True)
class Replicates(Generic[Computed]):
    """What the replicates gave.

    Attributes
    ----------
    values : tuple
        One for each draw, in order; None where it could not be computed.
    failures : tuple of (str, int)
        Reasons, the most frequent first, and how many replicates each befell.
    """

    values: tuple[Computed | None, ...]
    failures: tuple[tuple[str, int], ...] = ()

    @property
    def asked(self) -> int:
        """Replicates asked for."""
        return len(self.values)

    @property
    def done(self) -> list[Computed]:
        """Values of the replicates that could be computed."""
        return [value for value in self.values if value is not None]

    def refuse_many_failures(self, what: str) -> None:
        """Refuse to go on when too many replicates failed.

        Parameters
        ----------
        what : str
            What was asked for, for the message.

        Raises
        ------
        FitError
            When more than one in five failed, or all did.
        """
        failed = self.asked - len(self.done)
        if failed > MOST_FAILED * self.asked or not self.done:
            reason, _ = self.failures[0]
            raise FitError(
                f"{failed} of {self.asked} resamples failed, more than {100 * MOST_FAILED:.0f} %: {what}",
                f"most often: {reason}",
                "use fewer columns, merge rare levels, or a penalty",
            )


def gather_replicates(values: Sequence[Computed | None], reasons: Sequence[str]) -> Replicates[Computed]:
    """Put together what the replicates gave.

    Parameters
    ----------
    values : sequence
        One for each draw; None where it could not be computed.
    reasons : sequence of str
        Why not, "" where it could.

    Returns
    -------
    Replicates
        With reasons counted.

    Examples
    --------
    >>> gather_replicates([1.0, None], ["", "no events"]).failures
    (('no events', 1),)
    """
    return Replicates(tuple(values), tuple(Counter(reason for reason in reasons if reason).most_common()))


def run_replicates(
    compute: Callable[[Drawn], Computed], draws: Iterable[Drawn], *, n_jobs: int = 1, threads: bool = False
) -> Replicates[Computed]:
    """Compute something for every draw.

    Parameters
    ----------
    compute : callable
        Is given one draw. Refusals of survmodel become failures with a reason; any other error goes up.
    draws : iterable
        The draws, made beforehand, so that the answers do not depend on who computes them.
    n_jobs : int
        Workers of joblib; 1 computes here. A ``joblib.parallel_config`` in force chooses the backend.
    threads : bool
        Whether threads do as well as processes, since nearly all is done in kernels.

    Returns
    -------
    Replicates
        In the order of the draws.

    Examples
    --------
    >>> from survmodel.errors import FitError
    >>> def half(number):
    ...     if number % 2:
    ...         raise FitError("odd")
    ...     return number // 2
    >>> run_replicates(half, [2, 3, 4])
    Replicates(values=(1, None, 2), failures=(('odd.', 1),))
    """
    if n_jobs == 1:
        answers: Sequence[tuple[Computed | None, str]] = [_attempt(compute, draw) for draw in draws]
    else:
        from joblib import Parallel, delayed

        parallel = Parallel(n_jobs=n_jobs, prefer="threads" if threads else None)
        answers = parallel(delayed(_attempt)(compute, draw) for draw in draws)
    return gather_replicates([value for value, _ in answers], [reason for _, reason in answers])


def _attempt(compute: Callable[[Drawn], Computed], draw: Drawn) -> tuple[Computed | None, str]:
    try:
        return compute(draw), ""
    except SurvmodelError as error:
        return None, str(error)
