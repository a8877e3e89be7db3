"""A model behind steps that learn from the same rows: fitted, resampled and scored as one specification.

The steps are fitted in order and the model to each table that they complete. Whatever is learnt from patients, means
of imputed values among them, is learnt anew wherever the pipeline is fitted, so that validation repeats all of it: it
draws patients first and imputes then. Rows that are scored are completed by what the training rows taught, without
their outcome; their prediction is the mean over the completed tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, FitError
from survmodel.formatting import count_noun
from survmodel.frame import as_frame
from survmodel.models.contract import Fit, FittedStep, FixedModel, Model, Step
from survmodel.models.pooled_regression import PooledRegression, can_pool, pool_fits
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Fitted steps of one place in the order: one for each table that reaches it.
Stage = tuple[FittedStep, ...]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PipelineFit(Result):
    """A fitted pipeline.

    Attributes
    ----------
    steps : tuple of tuple of FittedStep
        Fitted steps in order; behind an imputation there is one for each completed table.
    fits : tuple of Fit
        Fits of the model, one for each completed table.
    outcome : Outcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Positions of the rows that every fit analysed.
    warnings : tuple of str
        What the reader must know.
    """

    steps: tuple[Stage, ...]
    fits: tuple[Fit, ...]
    outcome: Outcome
    rows: Ints
    warnings: tuple[str, ...] = ()

    def complete(self, table: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
        """Complete rows that are to be scored, without their outcome: a table for each fit.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the steps and of the model.

        Returns
        -------
        tuple of pandas.DataFrame
            In the order of the fits.
        """
        tables: tuple[pd.DataFrame, ...] = (as_frame(table),)
        for stage in self.steps:
            tables = tuple(done for one, step in zip(tables, stage, strict=True) for done in step.complete(one))
        return tables

    def prognostic_index(self, table: pd.DataFrame) -> Floats:
        """Predict the prognostic index: the mean over the completed tables; higher = worse.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the steps and of the model.

        Returns
        -------
        ndarray, shape (n,)
            Index.

        Raises
        ------
        DataError
            For what steps or model refuse.
        """
        tables = self.complete(table)
        found = [fit.prognostic_index(one) for fit, one in zip(self.fits, tables, strict=True)]
        index: Floats = np.mean(found, axis=0)
        return index

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike) -> Floats:
        """Predict the probability of the event by each time: the mean over the completed tables.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the steps and of the model.
        times : array_like, shape (n_times,)
            Times.

        Returns
        -------
        ndarray, shape (n, n_times)
            Probabilities.

        Raises
        ------
        DataError
            For what steps or model refuse.
        """
        tables = self.complete(table)
        found = [fit.predict_risk(one, times) for fit, one in zip(self.fits, tables, strict=True)]
        risk: Floats = np.mean(found, axis=0)
        return risk

    def pooled(self, conf_level: float = 0.95) -> PooledRegression:
        """Pool the coefficients of the fits by Rubin's rules.

        Parameters
        ----------
        conf_level : float
            Coverage of limits.

        Returns
        -------
        PooledRegression
            Coefficients.

        Raises
        ------
        FitError
            Where the model is no regression with standard errors.
        """
        return pool_fits(self.fits, conf_level=conf_level)

    def tidy(self) -> pd.DataFrame:
        """Give the pooled coefficients of a regression; of any other model the rows that each fit analysed.

        Returns
        -------
        pandas.DataFrame
            As :meth:`PooledRegression.tidy`, or columns model (1 for the first fit) and n.
        """
        if can_pool(self.fits):
            return self.pooled().tidy()
        return pd.DataFrame({"model": np.arange(len(self.fits)) + 1, "n": [one.rows.size for one in self.fits]})

    def glance(self) -> pd.DataFrame:
        """Give counts in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.rows.size,
            "n_event": int((self.outcome.event == 1).sum()),
            "m": len(self.fits),
            "n_steps": len(self.steps),
            "conventions": "steps and model learnt from the same rows; predictions averaged over completed tables",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        title = f"Pipeline: {count_noun(self.rows.size, 'row')}, {count_noun(len(self.fits), 'fit')}"
        if can_pool(self.fits):
            shown = self.pooled()._display()
            return Display(title, shown.tables, shown.notes)
        names = [[type(stage[0]).__name__, str(len(stage[0].development))] for stage in self.steps]
        table = Table(["step", "tables"], [*names, [type(self.fits[0]).__name__, str(len(self.fits))]])
        return Display(title, (table,))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps, and the model that is fitted to what they complete.

    Parameters
    ----------
    steps : sequence of Step
        In order.
    model : Model
        Fitted to each completed table.

    Examples
    --------
    >>> from survmodel.models.cox import CoxPH
    >>> from survmodel.models.imputation import MultipleImputation
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> fit = Pipeline([MultipleImputation(m=5)], CoxPH("x + z")).fit(table, outcome)
    >>> len(fit.fits), fit.rows.size, fit.tidy()["term"].tolist()
    (5, 60, ['x', 'z'])
    """

    steps: Sequence[Step]
    model: Model

    def __post_init__(self) -> None:
        steps = self.steps if isinstance(self.steps, Sequence) else (self.steps,)
        object.__setattr__(self, "steps", tuple(steps))
        for one in self.steps:
            if not isinstance(one, Step):
                raise ConfigError(f"{type(one).__name__} is no step", remedy="give steps first, then one model")
        if not isinstance(self.model, Model):
            raise ConfigError(f"{type(self.model).__name__} is no model", remedy="for example CoxPH(...)")

    @property
    def takes_competing(self) -> bool:
        """Whether the model takes competing events as they are."""
        return bool(getattr(self.model, "takes_competing", False))

    @property
    def is_tuned(self) -> bool:
        """Whether anything is tuned or chosen by the outcome; else the optimism bootstrap is honest."""
        fixed = isinstance(self.model, FixedModel) and not getattr(self.model, "is_tuned", False)
        return not fixed or any(step.selects for step in self.steps)

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> PipelineFit:
        """Fit the steps in order, and the model to each table that they complete.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the steps and of the model; rows are those of the outcome.
        outcome : Outcome
            As the model takes it.

        Returns
        -------
        PipelineFit
            Fits and predictions.

        Raises
        ------
        FitError
            When no row is analysed by every fit.
        """
        table = read_table(table)
        check_outcome(outcome)
        outcome.check_rows(table)
        tables: tuple[pd.DataFrame, ...] = (table,)
        stages: list[Stage] = []
        for step in self.steps:
            # Completed tables that are one object are learnt from once.
            known: dict[int, FittedStep] = {}
            for one in tables:
                if id(one) not in known:
                    known[id(one)] = step.fit(one, outcome)
            stage = tuple(known[id(one)] for one in tables)
            stages.append(stage)
            tables = tuple(done for fitted in stage for done in fitted.development)
        done: dict[int, Fit] = {}
        for one in tables:
            if id(one) not in done:
                done[id(one)] = self.model.fit(one, outcome)
        fits = tuple(done[id(one)] for one in tables)
        rows = _common_rows(fits, outcome.n)
        said = [getattr(one, "warnings", ()) for one in [*(step for stage in stages for step in stage), *fits]]
        return PipelineFit(
            steps=tuple(stages),
            fits=fits,
            outcome=outcome.take(rows),
            rows=frozen(rows, np.int64),
            warnings=join_warnings(*said),
        )

    def resampler(self, table: pd.DataFrame, outcome: Outcome) -> None:  # noqa: ARG002 - the contract of FixedModel
        """Offer no faster way: steps learn from the rows, so that every resample is a fit to replicated rows.

        Parameters
        ----------
        table : pandas.DataFrame
            Rows.
        outcome : Outcome
            Their outcome.
        """
        return


def _common_rows(fits: Sequence[Fit], n: int) -> Ints:
    counts = np.zeros(n, dtype=np.int64)
    for fit in fits:
        counts[fit.rows] += 1
    rows = np.flatnonzero(counts == len(fits))
    if not rows.size:
        raise FitError("no row is analysed by every fit", remedy="let a step complete the columns of the model")
    return rows
