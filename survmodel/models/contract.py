"""What a model and a fit are: the contract that validation, figures and reports rely on.

A *spec* (``CoxPH("age + sex")``) is frozen and knows no data. Its ``fit`` returns a new frozen *fit*. Two
predictions, two names, one direction: ``prognostic_index`` (higher = worse) and ``predict_risk`` (probability of the
event by a time). A spec whose fit depends on rows only through how often they count may offer a *resampler*, which
refits without building a table for every resample; where the columns themselves depend on the rows it offers None, and
is refitted on replicated rows. A spec with ``takes_competing = True`` is fitted to outcomes with competing events as
they are; any other needs one kind of event.

A *step* prepares a table for a model by what it learns from the rows it is fitted to. The fitted step completes those
rows in one way or in several (an imputation), and completes rows to be scored in the same way without their outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.outcome.response import Outcome

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@runtime_checkable
class Fit(Protocol):
    """A fitted model: predictions on any table that has the columns it was fitted with."""

    @property
    def rows(self) -> Ints:
        """Positions of the analysed rows in the table it was fitted to."""
        ...

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict the prognostic index, shape (n,); higher = worse."""
        ...

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of the event by each time, shape (n, n_times)."""
        ...


@runtime_checkable
class Model(Protocol):
    """A frozen description of a model, fitted to a table and an outcome with the same rows."""

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> Fit:
        """Fit the model; neither argument is changed."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """What a model predicts for all rows after refits on b resamples.

    Attributes
    ----------
    index : ndarray, shape (b, n)
        Prognostic indices, higher = worse; NaN where a refit failed.
    risk : ndarray, shape (b, n, n_times)
        Probabilities of the event by each time; NaN where a refit failed or the time is beyond what it knows.
    reasons : tuple of str
        Why each refit failed, "" where it did not.
    """

    index: Floats
    risk: Floats
    reasons: tuple[str, ...]


@runtime_checkable
class Resampler(Protocol):
    """A model on fixed rows that is refitted with other counts: the same numbers as a refit on replicated rows."""

    def index(self, counts: Ints) -> Floats:
        """Refit with each row counted so often and predict the index of every row, shape (n,); higher = worse."""
        ...


@runtime_checkable
class ManyResampler(Resampler, Protocol):
    """A resampler that refits on many draws together, and predicts risks too."""

    def refit(self, counts: Ints, times: Floats, wanted: Bools | None = None) -> Refits:
        """Refit on each draw of counts, shape (b, n), and predict the rows that are wanted; failures are told."""
        ...


@runtime_checkable
class FixedModel(Model, Protocol):
    """A model without selection, tuning or data-derived cuts, for which the optimism bootstrap is honest."""

    def resampler(self, table: pd.DataFrame, outcome: Outcome) -> Resampler | None:
        """Prepare complete rows for refits with other counts; None: refit on replicated rows."""
        ...


@runtime_checkable
class FittedStep(Protocol):
    """A step that has learnt from the rows of one table."""

    @property
    def development(self) -> tuple[pd.DataFrame, ...]:
        """The rows it was fitted to, completed, in their order and with their labels: one table, or m of them."""
        ...

    def complete(self, table: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        """Complete rows that are to be scored, without their outcome: as many tables as ``development`` has."""
        ...


@runtime_checkable
class Step(Protocol):
    """A frozen description of what is learnt from a table before a model is fitted to it."""

    @property
    def selects(self) -> bool:
        """Whether it chooses something by the outcome, as a cut-point does; filling in values is no choice."""
        ...

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> FittedStep:
        """Learn from the rows of a table; neither argument is changed."""
        ...
