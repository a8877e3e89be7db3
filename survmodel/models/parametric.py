"""Parametric survival models: log time is a linear function of covariates plus a scaled error of a known law.

Conventions: those of R's ``survreg``: coefficients of log time, so that a POSITIVE coefficient means LONGER survival
and ``exp`` of it is a time ratio; the log of the scale; for the generalized gamma the shape Q of Prentice and flexsurv.
The prognostic index points the other way, as everywhere in this package: it is minus the predicted log time, higher =
worse. The likelihood is that of the times, with late entry as left truncation; it is climbed to the rule of Cox models
(score 1e-9 of its standard deviation, relative change 1e-12); covariance from the observed information there. BIC takes
the number of patients, as R does for these models.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import DataError, FitError
from survmodel.formatting import count_noun
from survmodel.frame import as_frame
from survmodel.models.complete_rows import find_complete_rows, refuse_missing_for_draws, refuse_no_rows
from survmodel.models.cox import EVENTS_PER_PARAMETER
from survmodel.models.cox_likelihood import refuse_constant, refuse_few_events
from survmodel.models.formula import learn_counted, parse_formula
from survmodel.models.parametric_fit import ParametricFit
from survmodel.models.parametric_likelihood import ParametricRows
from survmodel.models.parametric_maximum import REMEDY, maximise
from survmodel.models.parametric_resampling import ParametricResampler
from survmodel.models.parametric_settings import ParametricSettings
from survmodel.models.parametric_variance import robust_covariance
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.interval import IntervalOutcome
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_counts, read_weights
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ParametricSurvival(ParametricSettings):
    """Parametric survival regression (accelerated failure time).

    Parameters
    ----------
    formula : str or sequence of str
        Right-hand side in the formula language, as for :class:`~survmodel.models.cox.CoxPH`; an offset is one of log
        time. ``"1"`` has no covariates.
    distribution : {"weibull", "exponential", "lognormal", "loglogistic", "generalized_gamma"}
        Law of the times.
    reference : mapping of str to object, optional
        Reference level of factors, ``{"stage": "I"}``.
    conf_level : float
        Coverage of limits.

    Notes
    -----
    MIND THE SIGN. Coefficients are those of log time: above 0 is longer survival, ``time_ratios()`` above 1 is better.
    Hazard ratios of a Cox model point the other way; ``hazard_ratios()`` gives them for Weibull and exponential models,
    whose hazards are proportional.

    References
    ----------
    Cox DR, Oakes D (1984). Analysis of Survival Data, chapters 5 and 6. Chapman and Hall.
    Prentice RL (1974). Biometrika 61:539-544 (generalized gamma). Stacy EW (1962). Ann Math Stat 33:1187-1192.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import Outcome, ParametricSurvival
    >>> table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    >>> fit = ParametricSurvival("x").fit(table, Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1]))
    >>> fit.coefficients.round(3).to_dict()
    {'(Intercept)': 2.237, 'x': -0.744}
    >>> fit.predict_risk(table.tail(1), [6.0]).round(3).tolist()
    [[0.314]]
    """

    def fit(
        self, table: pd.DataFrame, outcome: Outcome | IntervalOutcome, weights: object = None, freq: object = None
    ) -> ParametricFit:
        """Fit the model to complete rows.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula; rows are those of the outcome.
        outcome : Outcome or IntervalOutcome
            Times and events of one kind, or intervals in which the events lie. Events at time 0 have no logarithm: they
            are left out and named in a warning.
        weights : Series or array_like, shape (n,), optional
            Case weights, as in R. Standard errors are robust when any is not whole, by patient where the outcome has
            ids.
        freq : Series or array_like of whole numbers, shape (n,), optional
            How many identical rows each row stands for; the fit equals that of the replicated rows.

        Returns
        -------
        ParametricFit
            Coefficients, tests and predictions. Rows with a missing value are left out and counted in it.

        Raises
        ------
        ConfigError
            For columns that the table lacks.
        DataError
            When rows differ from the outcome's, or values cannot be coded.
        FitError
            Without events, with constant or collinear columns, with too many columns for the events, or when the
            likelihood has no maximum.
        """
        table = read_table(table)
        lower, upper = read_bounds(outcome)
        outcome.check_rows(table)
        formula = parse_formula(self.formula)
        kept, missing = find_complete_rows([formula], [], table)
        weight, count = read_weights(outcome, weights), read_counts(outcome, freq)
        at_zero = upper == 0
        counted = (weight > 0) & (count > 0)
        rows = np.flatnonzero(kept & counted & ~at_zero)
        refuse_no_rows(rows, missing)
        used = table.iloc[rows]
        design = learn_counted(formula, used, self.reference, count[rows])
        data = ParametricRows(
            x=design.matrix(used),
            offset=design.offset(used),
            weight=weight[rows],
            count=count[rows],
            lower=lower[rows],
            upper=upper[rows],
            entry=np.zeros(rows.size) if outcome.entry is None else outcome.entry[rows],
        )
        refuse_too_few(data, design.names)
        maximum = maximise(data, self.law, design.names)
        analysed = outcome.take(rows)
        patients = None if analysed.id is None else pd.factorize(analysed.id)[0]
        covariance = maximum.covariance
        if data.weight_is_broken:
            covariance = frozen(robust_covariance(data, maximum, self.law, patients))
        n_zero = int((kept & counted & at_zero).sum())
        return ParametricFit(
            spec=self,
            design=design,
            theta=maximum.theta,
            theta_covariance=covariance,
            maximum=maximum,
            robust=data.weight_is_broken,
            n_patient=float(data.count.sum()) if patients is None else float(patients.max() + 1),
            data=data,
            outcome=analysed,
            rows=frozen(rows, np.int64),
            columns=used[list(formula.variables)],
            n_missing=int((~kept).sum()),
            n_time_zero=n_zero,
            missing=missing,
            warnings=join_warnings(outcome.warnings, [*_look_at_zero(n_zero), *_look_at_events(data, design.names)]),
            notes=join_warnings(design.notes, outcome.notes),
        )

    def resampler(self, table: pd.DataFrame, outcome: Outcome | IntervalOutcome) -> ParametricResampler | None:
        """Prepare complete rows for refits with other counts; the numbers equal refits on replicated rows.

        Parameters
        ----------
        table : pandas.DataFrame
            As for :meth:`fit`, without missing values in the columns used.
        outcome : Outcome or IntervalOutcome
            Its rows, without events at time 0.

        Returns
        -------
        ParametricResampler, or None
            Gives the prognostic index of every row for any counts; None where the formula learns numbers, such as
            means, from the rows.

        Raises
        ------
        DataError
            For missing values and events at time 0: the rows of all resamples must be the same.
        """
        fit = self.fit(as_frame(table), outcome)
        refuse_missing_for_draws(fit.missing)
        refuse_zero_for_draws(fit.n_time_zero)
        # Where the columns depend on the rows, only a refit on replicated rows learns them anew.
        return None if fit.design.learns_numbers else ParametricResampler(fit)


def read_bounds(outcome: Outcome | IntervalOutcome) -> tuple[Floats, Floats]:
    """Give the times after which, and by which, the event of each row happened.

    Parameters
    ----------
    outcome : Outcome or IntervalOutcome
        Times and events of one kind.

    Returns
    -------
    lower, upper : ndarray, shape (n,)
        Equal for events at a known time; `upper` is infinite for censored rows.

    Examples
    --------
    >>> read_bounds(Outcome([5, 8], [1, 0]))
    (array([5., 8.]), array([ 5., inf]))
    """
    if isinstance(outcome, IntervalOutcome):
        return outcome.lower, outcome.upper
    check_outcome(outcome)
    return outcome.time, np.where(outcome.died, outcome.time, np.inf)


def refuse_zero_for_draws(n_time_zero: int) -> None:
    """Refuse events at time 0 where the same rows are to be drawn again and again.

    Parameters
    ----------
    n_time_zero : int
        How many there are.

    Raises
    ------
    DataError
        When there is any.
    """
    if n_time_zero:
        raise DataError(
            "rows with an event at time 0 cannot be drawn again",
            count_noun(n_time_zero, "event"),
            "leave them out first: a parametric model cannot use them",
        )


def refuse_too_few(rows: ParametricRows, names: tuple[str, ...]) -> None:
    """Refuse what so many events cannot estimate, and constant columns.

    Parameters
    ----------
    rows : ParametricRows
        Rows in table order.
    names : tuple of str
        Columns of the design matrix.

    Raises
    ------
    FitError
        Without events, with too few for the columns, or with a constant column.
    """
    n_event, n = float(rows.count[rows.event].sum()), int(rows.count.sum())
    if n_event == 0:
        raise FitError(
            "there are no events", f"0 among {n} analysed rows", "a parametric model needs events to learn from"
        )
    try:
        refuse_few_events(n_event, n, names, penalty=None)
    except FitError as error:
        raise FitError(error.problem, error.found, REMEDY) from None
    refuse_constant(rows.x[rows.count > 0], names)


def _look_at_zero(n_zero: int) -> list[str]:
    if not n_zero:
        return []
    return [f"{count_noun(n_zero, 'event')} at time 0 left out: log time does not exist there"]


def _look_at_events(rows: ParametricRows, names: tuple[str, ...]) -> list[str]:
    n_event, p = float(rows.count[rows.event].sum()), len(names)
    if p == 0 or n_event / p >= EVENTS_PER_PARAMETER:
        return []
    return [
        f"{n_event:g} events for {count_noun(p, 'coefficient')}: estimates tend to be too large; consider fewer columns"
    ]
