"""The Brier score of a forest on its own rows, out of bag: each row's risk by the trees that had not drawn it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import FitError
from survmodel.formatting import count_noun, format_significant
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.brier import Brier, brier_score, integrated_brier_score
from survmodel.result import Display, Result, join_warnings

Floats = npt.NDArray[np.float64]

#: The score is integrated up to the last event time after which so many rows are still followed.
LEAST_FOLLOWED = 10
FOREST = "forest"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OutOfBagBrier(Result):
    """Out-of-bag Brier scores of a forest.

    Attributes
    ----------
    integrated : Brier
        Up to the last event time after which at least ten rows are still followed.
    at_times : Brier, optional
        At the times asked for; None where none were.
    n_unseen : int
        Rows left out because every tree had drawn them.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    integrated: Brier
    at_times: Brier | None
    n_unseen: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def horizon(self) -> float:
        """Time up to which the score is integrated."""
        return float(self.integrated.horizons[0])

    def tidy(self) -> pd.DataFrame:
        """Give scores and IPA of the forest and of the null model, those at times first.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure ("Brier score", "integrated Brier score", "IPA", "integrated IPA"), sample ("out of
            bag"), horizon, estimate, std_error, conf_low, conf_high.
        """
        whole = self.integrated.tidy().replace({"measure": {"IPA": "integrated IPA"}})
        both = whole if self.at_times is None else pd.concat([self.at_times.tidy(), whole], ignore_index=True)
        both.insert(2, "sample", "out of bag")
        return both

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            That of the integrated score, with the rows that every tree had drawn.
        """
        row = self.integrated.glance()
        row["n_missing"] = self.n_unseen
        rule = f"; out of bag; tau: last event time after which {LEAST_FOLLOWED} rows are still followed"
        row["conventions"] = row["conventions"] + rule
        return row

    def _display(self) -> Display:
        shown = self.integrated._display()
        tables = shown.tables if self.at_times is None else (*self.at_times._display().tables, *shown.tables)
        return replace(shown, title=f"Out of bag: {shown.title}", tables=tables, notes=(*shown.notes, *self.notes))


def oob_brier(
    fit: SurvivalForestFit,
    times: float | Sequence[float] | Floats | None = None,
    *,
    strata: object = None,
    conf_level: float = 0.95,
) -> OutOfBagBrier:
    """Score the out-of-bag risks of a forest.

    Parameters
    ----------
    fit : SurvivalForestFit
        The forest.
    times : float or sequence of float, optional
        Times to score at, beside the integrated score.
    strata : Series or array_like, shape (n,), optional
        Stratum of each analysed row of the fit: censoring and null model are estimated within.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    OutOfBagBrier
        At the times, and integrated over the event times (200 of them where there are more) up to the last one after
        which at least ten rows are still followed: beyond it the weights of few rows would decide.

    Raises
    ------
    FitError
        When fewer rows are followed beyond every event.
    SurvmodelError
        As for :func:`~survmodel.performance.brier.brier_score`.

    Examples
    --------
    >>> from survmodel import RandomSurvivalForest
    >>> random = np.random.default_rng(1)
    >>> table = pd.DataFrame({"x": random.normal(size=100)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(100), unit="years")
    >>> result = oob_brier(RandomSurvivalForest("x", n_trees=50).fit(table, outcome), times=1)
    >>> result.tidy().query("model == 'forest'")["measure"].tolist()
    ['Brier score', 'IPA', 'integrated Brier score', 'integrated IPA']
    """
    read_groups(fit.outcome, strata, "strata")
    seen = np.flatnonzero(np.isfinite(fit.oob_index))
    outcome = fit.outcome.take(seen)
    layers = None if strata is None else np.asarray(strata, dtype=object)[seen]
    tau = last_scored_time(outcome)
    grid = fit.times[fit.times <= tau]
    whole = integrated_brier_score(
        outcome, {FOREST: fit.oob_risk(grid)[seen]}, grid, horizon=tau, strata=layers, conf_level=conf_level
    )
    single = None
    if times is not None:
        asked = check_times(np.atleast_1d(np.asarray(times, dtype=np.float64)))
        risk = {FOREST: fit.oob_risk(asked)[seen]}
        single = brier_score(outcome, risk, asked, strata=layers, conf_level=conf_level)
    notes = [f"integrated up to {format_significant(tau)}, the last event after which {LEAST_FOLLOWED} are followed"]
    left = fit.n - seen.size
    if left:
        notes.append(f"{count_noun(left, 'row')} drawn by every tree left out")
    return OutOfBagBrier(
        integrated=whole,
        at_times=single,
        n_unseen=left,
        warnings=join_warnings(whole.warnings, () if single is None else single.warnings),
        notes=join_warnings(notes, whole.notes, () if single is None else single.notes),
    )


def last_scored_time(outcome: Outcome) -> float:
    """Give the last event time after which at least ten rows are still followed.

    Parameters
    ----------
    outcome : Outcome
        Times and events of one kind.

    Returns
    -------
    float
        The time.

    Raises
    ------
    FitError
        When there is none.

    Examples
    --------
    >>> last_scored_time(Outcome(range(1, 21), [1] * 20))
    10.0
    """
    ends = np.sort(outcome.time)
    events = np.unique(outcome.time[outcome.died])
    enough = events[outcome.n - np.searchsorted(ends, events, side="right") >= LEAST_FOLLOWED]
    if not enough.size:
        raise FitError(f"fewer than {LEAST_FOLLOWED} rows are followed beyond the first event")
    return float(enough[-1])
