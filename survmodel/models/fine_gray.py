"""The subdistribution hazards model of Fine and Gray: how covariates change the risk of one of several causes.

Conventions: those of R's ``cmprsk::crr``. A patient who leaves by another cause stays in the risk set with the weight
G(t-) / G(t_i-) of the Kaplan-Meier curve of censoring, over all analysed rows or within censoring groups; ties are
Breslow's; standard errors are of the sandwich kind and count that the censoring curve is estimated. Newton's method
goes on to the package's rule of convergence, beyond that of crr.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.formatting import count_noun, format_significant
from survmodel.frame import as_frame
from survmodel.models.causes import OTHER, read_cause, refuse_late_entry
from survmodel.models.complete_rows import find_complete_rows, refuse_missing_for_draws, refuse_no_rows
from survmodel.models.cox import EVENTS_PER_PARAMETER
from survmodel.models.fine_gray_fit import FineGrayFit, FineGrayResampler, FineGraySettings, refuse_too_few
from survmodel.models.fine_gray_likelihood import FineGrayRows, prepare
from survmodel.models.fine_gray_maximum import maximise
from survmodel.models.fine_gray_variance import sandwich
from survmodel.models.formula import learn_counted, parse_formula
from survmodel.models.formula_groups import look_at_groups
from survmodel.models.strata import read_strata
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_counts
from survmodel.result import frozen, join_warnings

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FineGray(FineGraySettings):
    """Fine-Gray regression: subdistribution hazards of one cause.

    Parameters
    ----------
    formula : str or sequence of str
        Right-hand side in the formula language, as for :class:`~survmodel.models.cox.CoxPH`.
    cause : int
        Code of the cause of interest.
    censoring_groups : str or sequence of str, optional
        Columns within whose combinations the censoring curve is estimated, for example the disease group; all analysed
        rows share one curve without it.
    reference : mapping of str to object, optional
        Reference level of factors, ``{"stage": "I"}``.
    conf_level : float
        Coverage of limits.

    References
    ----------
    Fine JP, Gray RJ (1999). J Am Stat Assoc 94:496-509.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import FineGray, Outcome
    >>> table = pd.DataFrame({"x": [1, 0, 1, 1, 0, 0, 1, 0]})
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 0, 1, 2, 1, 0], causes={1: "relapse", 2: "death"})
    >>> fit = FineGray("x").fit(table, outcome)
    >>> fit.n_event, fit.n_competing
    (4, 2)
    >>> fit.predict_risk(table.head(2), [4.0]).round(2).tolist()
    [[0.39], [0.08]]
    """

    def fit(self, table: pd.DataFrame, outcome: Outcome, freq: object = None) -> FineGrayFit:
        """Fit the model to complete rows.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula and of the censoring groups; rows are those of the outcome.
        outcome : Outcome
            Times and events; nobody enters late. Without competing events the fit is Cox's with Breslow's ties.
        freq : Series or array_like of whole numbers, shape (n,), optional
            How many identical rows each row stands for; the fit equals that of the replicated rows.

        Returns
        -------
        FineGrayFit
            Coefficients, tests and predictions. Rows with a missing value are left out and counted in it.

        Raises
        ------
        ConfigError
            For columns that the table lacks, or a cause that the outcome does not have.
        DataError
            When rows differ from the outcome's, or values cannot be coded.
        EndpointError
            With late entry.
        FitError
            Without events of the cause, with constant, collinear or uninformative columns, with too many columns for
            the events, or when the likelihood has no maximum.
        """
        table = read_table(table)
        check_outcome(outcome)
        kind, name = read_cause(outcome, self.cause)
        outcome.check_rows(table)
        refuse_late_entry(outcome, "the Fine-Gray model")
        formula = parse_formula(self.formula)
        kept, missing = find_complete_rows([formula], self.group_columns, table)
        count = read_counts(outcome, freq)
        rows = np.flatnonzero(kept & (count > 0))
        refuse_no_rows(rows, missing)
        used, analysed = table.iloc[rows], outcome.take(rows)
        design = learn_counted(formula, used, self.reference, count[rows])
        groups = read_strata(used, self.group_columns)
        data = FineGrayRows(
            design.matrix(used), design.offset(used), count[rows], analysed.time, kind[rows], groups.codes
        )
        refuse_too_few(data, design.names)
        ordered = prepare(data)
        maximum = maximise(ordered, design.names)
        warnings = [
            *_look_at_events(data, len(design.names)),
            *_look_at_groups(data, groups.labels),
            *look_at_groups(design.codings, formula.mains, used, kind[rows] == 1),
        ]
        return FineGrayFit(
            spec=self,
            cause=name,
            design=design,
            beta=maximum.beta,
            beta_covariance=frozen(sandwich(ordered, maximum.beta, maximum.covariance)),
            maximum=maximum,
            data=data,
            ordered=ordered,
            group_labels=groups.labels,
            outcome=analysed,
            rows=frozen(rows, np.int64),
            columns=used[list(formula.variables)],
            n_missing=int((~kept).sum()),
            missing=missing,
            warnings=join_warnings(outcome.warnings, warnings),
            notes=join_warnings(design.notes, outcome.notes, _look_for_others(data)),
        )

    def resampler(self, table: pd.DataFrame, outcome: Outcome) -> FineGrayResampler | None:
        """Prepare complete rows for refits with other counts; the numbers equal refits on replicated rows.

        Parameters
        ----------
        table : pandas.DataFrame
            As for :meth:`fit`, without missing values in the columns used.
        outcome : Outcome
            Its rows.

        Returns
        -------
        FineGrayResampler, or None
            Gives the prognostic index of every row for any counts; None where the formula learns numbers, such as
            means, from the rows: only a refit on replicated rows learns them anew.

        Raises
        ------
        DataError
            For missing values: the rows of all resamples must be the same.
        """
        fit = self.fit(as_frame(table), outcome)
        refuse_missing_for_draws(fit.missing)
        return None if fit.design.learns_numbers else FineGrayResampler(fit)


def _look_at_events(data: FineGrayRows, p: int) -> list[str]:
    events = float(data.count[data.kind == 1].sum())
    if p == 0 or events / p >= EVENTS_PER_PARAMETER:
        return []
    return [
        f"{events:g} events of the cause for {p} coefficient{'s' if p > 1 else ''}: estimates tend to be too large and "
        "sandwich standard errors too small; consider fewer columns"
    ]


def _look_at_groups(data: FineGrayRows, labels: tuple[str, ...]) -> list[str]:
    """Warn of censoring groups that are followed less long than the events of the cause go on."""
    warnings = []
    last_event = data.time[data.kind == 1].max()
    for code, label in enumerate(labels):
        mine = data.group == code
        last = data.time[mine].max()
        n_left = int((mine & (data.kind == OTHER)).sum())
        if n_left and last < last_event:
            warnings.append(
                f"censoring group {label!r} is followed until {format_significant(float(last))}, before the last event "
                f"of the cause: its {count_noun(n_left, 'patient')} with a competing event count no longer after that"
            )
    return warnings


def _look_for_others(data: FineGrayRows) -> list[str]:
    return [] if (data.kind == OTHER).any() else ["no competing event: the model is Cox's with Breslow's ties"]
