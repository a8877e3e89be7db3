"""Cox's proportional-hazards model.

Conventions: Efron's ties unless Breslow's are asked for; converged when the score is 1e-9 of its standard deviation
and the log-likelihood moves by less than 1e-12 of itself; `weights` average over a tie as in R, `freq` counts as so
many rows; robust and cluster errors from dfbetas of the ties method of the fit; the baseline pairs with that method;
BIC uses the number of events; a prognostic index is not centred, higher = worse.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, FitError
from survmodel.frame import as_frame
from survmodel.models.collinearity import look_at_collinearity
from survmodel.models.complete_rows import (
    find_complete_rows,
    refuse_missing_for_draws,
    refuse_no_rows,
)
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_likelihood import CoxData, refuse_few_events, sort_data
from survmodel.models.cox_maximum import maximise_for
from survmodel.models.cox_resampling import CoxResampler
from survmodel.models.cox_residuals import compute_residuals, robust_covariance
from survmodel.models.cox_settings import CoxSettings
from survmodel.models.elastic_net_fit import choose_maximum, with_path
from survmodel.models.elastic_net_settings import ElasticNet
from survmodel.models.formula import learn_counted, parse_formula
from survmodel.models.formula_groups import look_at_groups
from survmodel.models.formula_splines import look_at_splines
from survmodel.models.own_columns import read_columns
from survmodel.models.strata import look_at_strata, read_strata
from survmodel.models.time_varying import TimeVaryingFit, split_rows
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_counts, read_weights
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: With fewer events for each coefficient than this the estimates are likely to be too large.
EVENTS_PER_PARAMETER = 10


@dataclass(frozen=True, slots=True)
class CoxPH(CoxSettings):
    """Cox proportional-hazards regression.

    Parameters
    ----------
    formula : str or sequence of str
        Right-hand side in the formula language: column names, ``+ : *``, log2, log, log1p, sqrt, rcs, factor, offset,
        and within, within_entity_z and published_risk for columns whose meaning differs between diseases.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own.
    cluster : str, optional
        Column of clusters: standard errors allow for correlation within them.
    ties : {"efron", "breslow", "exact"}
        Treatment of tied event times. ``"exact"`` is for times that are discrete, such as visits: the deaths of a time
        are compared with all sets of as many rows at risk, as in a conditional logistic regression. It takes no
        penalty, weights or clusters; baseline hazard and residuals are Breslow's at its coefficients, as in R.
    penalty : {"firth"}, Ridge or ElasticNet, optional
        Penalty of the log-likelihood. ``"firth"`` (Heinze and Schemper) is for inference from few events: estimates are
        finite where a group has no events, limits are those of the profile, tests are penalised likelihood-ratio tests.
        A ridge is for prediction; so is an elastic net, which selects columns, has Breslow's ties and gives no
        standard errors.
    reference : mapping of str to object, optional
        Reference level of factors, ``{"stage": "I"}``.
    time_varying : mapping of str to "log", float or sequence of float, optional
        Terms, or columns, whose coefficients change: ``{"age": "log"}`` adds age times the logarithm of time,
        ``{"age": [12, 24]}`` gives age a coefficient for each period. The fit is a
        :class:`~survmodel.models.time_varying.TimeVaryingFit`, which has no single index.
    conf_level : float
        Coverage of limits.

    References
    ----------
    Cox DR (1972). J R Stat Soc B 34:187-220. Efron B (1977). J Am Stat Assoc 72:557-565.
    Heinze G, Schemper M (2001). Biometrics 57:114-119.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CoxPH, Outcome
    >>> table = pd.DataFrame({"x": [1, 1, 1, 0, 0, 0]})
    >>> fit = CoxPH("x").fit(table, Outcome([1, 1, 6, 6, 8, 9], [1, 0, 1, 1, 0, 1]))
    >>> round(float(fit.coefficients["x"]), 6)
    1.676857
    """

    def fit(self, table: pd.DataFrame, outcome: Outcome, weights: object = None, freq: object = None) -> CoxFit:
        """Fit the model to complete rows.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formula, strata and cluster; rows are those of the outcome.
        outcome : Outcome
            Times and events of one kind.
        weights : Series or array_like, shape (n,), optional
            Case weights (average weight in Efron's ties, as in R). Standard errors are robust when any is not whole, by
            patient where the outcome has ids.
        freq : Series or array_like of whole numbers, shape (n,), optional
            How many identical rows each row stands for; the fit equals that of the replicated rows.

        Returns
        -------
        CoxFit
            Coefficients, tests and predictions. Rows with a missing value are left out and counted in it.

        Raises
        ------
        ConfigError
            For columns that the table lacks.
        DataError
            When rows differ from the outcome's, or values cannot be coded.
        FitError
            Without events, with constant, collinear or uninformative columns, with too many columns for the events, or
            when the likelihood has no maximum.
        """
        table = read_table(table)
        check_outcome(outcome)
        died = outcome.died
        outcome.check_rows(table)
        formula = parse_formula(self.formula)
        others = [*self.strata_columns, *([self.cluster] if self.cluster else [])]
        columns = read_columns(table, formula, others)
        kept, missing = find_complete_rows([formula], others, columns.frame, columns.finite)
        weight, count = read_weights(outcome, weights), read_counts(outcome, freq)
        rows = np.flatnonzero(kept & (weight > 0) & (count > 0))
        refuse_no_rows(rows, missing)
        columns, analysed = columns.take(rows), outcome
        if rows.size < outcome.n:
            analysed, weight, count = outcome.take(rows), weight[rows], count[rows]
        used = columns.frame
        design = learn_counted(formula, used, self.reference, count, columns.finite)
        layers = read_strata(used, self.strata_columns)
        group_warnings = look_at_groups(design.codings, formula.mains, used, died[rows], layers.codes)
        data = CoxData(
            x=columns.matrix(design),
            offset=design.offset(used),
            weight=weight,
            count=count,
            time=analysed.time,
            entry=analysed.entry,
            event=died[rows],
            stratum=layers.codes,
            efron=self.ties == "efron" and not self.is_tuned,
        )
        split = split_rows(changes, design, data) if (changes := self.changes) else None
        if split is not None:
            design, data = split.design, split.data
        events = float(data.count @ data.event)
        warnings = [
            *self._look_at_events(events, data.time.size, design.names),
            *look_at_splines(design.codings, events),
            *look_at_strata(data.event, data.stratum, layers.n),
            *group_warnings,
        ]
        ordered = sort_data(data)
        self._refuse_weights(data)
        if isinstance(self.penalty, ElasticNet):
            path, maximum, said = choose_maximum(self.penalty, data, analysed, design.names)
        else:
            maximum = maximise_for(self, data, ordered, design.names)
        cluster = self._clusters(used, analysed, data)
        if split is not None and (cluster is not None or data.weight_is_broken):
            cluster = split.origin if cluster is None else cluster[split.origin]
        robust = cluster is not None or data.weight_is_broken
        covariance = maximum.covariance
        if robust:
            residuals = compute_residuals(data, ordered, maximum.beta)
            covariance = frozen(robust_covariance(residuals, data, maximum.covariance, cluster))
        if self.penalty is None or self.is_firth:
            warnings += look_at_collinearity(design, maximum.information)
        make = CoxFit if split is None else partial(TimeVaryingFit, split=split)
        fit = make(
            spec=self,
            design=design,
            beta=maximum.beta,
            beta_covariance=covariance,
            maximum=maximum,
            robust=robust,
            n_cluster=0 if cluster is None else int(cluster.max()) + 1,
            data=data,
            ordered=ordered,
            strata_labels=layers.labels,
            outcome=analysed,
            rows=frozen(rows, np.int64),
            columns=used[list(formula.variables)] if others else used,
            n_missing=int((~kept).sum()),
            missing=missing,
            warnings=join_warnings(outcome.warnings, warnings),
            notes=join_warnings(design.notes, outcome.notes),
        )
        return with_path(fit, self.penalty, path, said) if isinstance(self.penalty, ElasticNet) else fit

    def _refuse_weights(self, data: CoxData) -> None:
        if self.is_firth and data.weight_is_broken:
            raise ConfigError("Firth's penalty takes whole weights only", remedy="leave weights or penalty out")
        if self.ties == "exact" and (data.weight != 1).any():
            raise ConfigError("exact ties take no weights", remedy='pass counts as freq=, or use ties="efron"')

    def _clusters(self, used: pd.DataFrame, outcome: Outcome, data: CoxData) -> Ints | None:
        """Give the cluster of each row: that asked for, or the patient when rows are weighted; None without either."""
        if self.cluster is not None:
            return pd.factorize(used[self.cluster])[0].astype(np.int64)
        if outcome.id is None or not data.weight_is_broken:
            return None
        return pd.factorize(outcome.id)[0].astype(np.int64)

    def resampler(self, table: pd.DataFrame, outcome: Outcome, fit: CoxFit | None = None) -> CoxResampler | None:
        """Prepare complete rows for refits with other counts; the numbers equal refits on replicated rows.

        Parameters
        ----------
        table : pandas.DataFrame
            As for :meth:`fit`, without missing values in the columns used.
        outcome : Outcome
            Its rows.
        fit : CoxFit, optional
            The fit to these rows, where there is one already.

        Returns
        -------
        CoxResampler, or None
            Gives the prognostic index of every row for any counts; None where the formula learns numbers, such as
            means, from the rows, or for an elastic net: only a refit on replicated rows learns or chooses them anew.

        Raises
        ------
        DataError
            For missing values: the rows of all resamples must be the same.
        FitError
            For coefficients that change over time.
        """
        if self.time_varying:
            raise FitError(
                "a model with coefficients that change over time has no index", remedy="leave time_varying out"
            )
        fit = self.fit(as_frame(table), outcome) if fit is None else fit
        refuse_missing_for_draws(fit.missing)
        return None if fit.design.learns_numbers or self.is_tuned else CoxResampler(fit)

    def _look_at_events(self, events: float, n_rows: int, names: tuple[str, ...]) -> list[str]:
        """Refuse what so many events cannot estimate, and warn of what they estimate badly."""
        p = len(names)
        refuse_few_events(events, n_rows, names, self.penalty)
        if p == 0 or self.penalty is not None or events / p >= EVENTS_PER_PARAMETER:
            return []
        return [
            f"{events:g} events for {p} coefficient{'s' if p > 1 else ''}: estimates tend to be too large; "
            "consider fewer columns or a penalty"
        ]
