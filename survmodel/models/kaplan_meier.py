"""The Kaplan-Meier estimator: survival curves by group with limits, quantiles, fixed times and restricted means.

Conventions: S(t) is a right-continuous step, missing beyond a group's last follow-up; the number at risk at *t*
counts rows with ``entry < t <= time``, and at time 0 those who are there when time begins; a quantile on which the
curve lies flat is the midpoint of the flat; limits are log-log unless asked otherwise, and exact where S = 1
(:mod:`survmodel.models.limits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survmodel.errors import DataError
from survmodel.formatting import format_significant
from survmodel.kernels.kaplan_meier import ProductLimit, jackknife_variance, product_limit
from survmodel.models.kaplan_meier_fit import AtRisk, Curve, KaplanMeierFit
from survmodel.models.late_entry import look_at_risk_set
from survmodel.models.limits import ConfType, check_limits, survival_limits
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.checks import continues
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_weights
from survmodel.result import frozen, join_warnings

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Kaplan-Meier survival curves.

    Parameters
    ----------
    conf_type : {"log-log", "log", "plain", "logit", "arcsin"}
        Transformation of the pointwise limits. Log-log keeps its coverage at 25 to 50 patients; R's default is log.
    conf_level : float
        Coverage of the limits.

    References
    ----------
    Kaplan EL, Meier P (1958). J Am Stat Assoc 53:457-481.

    Examples
    --------
    >>> from survmodel import KaplanMeier, Outcome
    >>> fit = KaplanMeier().fit(Outcome([6, 7, 10, 15], [1, 0, 1, 1], unit="months"))
    >>> fit.quantile(0.5)[["estimate", "conf_low", "conf_high"]].values.tolist()
    [[10.0, 6.0, nan]]
    """

    conf_type: ConfType = "log-log"
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        check_limits(self.conf_type, self.conf_level)

    def fit(self, outcome: Outcome, by: object = None, weights: object = None) -> KaplanMeierFit:
        """Estimate the curves.

        Parameters
        ----------
        outcome : Outcome
            Times and events of one kind.
        by : Series or array_like, shape (n,), optional
            Groups, one curve each.
        weights : Series or array_like, shape (n,), optional
            Case weights, at least 0. Whole weights count as so many rows; others get an infinitesimal-jackknife
            standard error.

        Returns
        -------
        KaplanMeierFit
            The curves.

        Raises
        ------
        EndpointError
            When the outcome has competing events.
        DataError
            When rows, groups or weights do not fit the outcome.
        """
        check_outcome(outcome)
        died = outcome.died
        groups = read_groups(outcome, by)
        weight = read_weights(outcome, weights)
        robust = bool((weight != np.round(weight)).any())
        if robust and outcome.id is not None and np.bincount(outcome.id).max() > 1:
            raise DataError("weights that are not whole need one row for each patient")
        used = weight > 0
        curves = []
        for code, label in enumerate(groups.labels):
            rows = np.flatnonzero((groups.codes == code) & used)
            if rows.size == 0:
                raise DataError(f"group {label!r} has weight 0 in every row")
            curves.append(self._curve(outcome.take(rows), died[rows], weight[rows], label, robust=robust))
        return KaplanMeierFit(
            curves=tuple(curves),
            conf_type=self.conf_type,
            conf_level=self.conf_level,
            unit=outcome.unit or "",
            endpoint=outcome.endpoint,
            n=int(used.sum()),
            n_event=int(died[used].sum()),
            robust=robust,
            weighted=weights is not None,
            warnings=join_warnings(outcome.warnings, _look_at_curves(curves, outcome.unit or "")),
            notes=join_warnings(groups.notes, outcome.notes),
        )

    def _curve(
        self, outcome: Outcome, died: npt.NDArray[np.bool_], weight: Floats, label: str, *, robust: bool
    ) -> Curve:
        order = np.lexsort((~died, outcome.time))
        time, event, sorted_weight = outcome.time[order], died[order], weight[order]
        entry, entry_weight = np.empty(0), np.empty(0)
        if outcome.entry is not None:
            by_entry = np.argsort(outcome.entry, kind="stable")
            entry, entry_weight = outcome.entry[by_entry], weight[by_entry]
        steps = product_limit(time, event, sorted_weight, entry, entry_weight)
        variance = steps.greenwood
        if robust:
            start = np.full(time.size, -np.inf) if outcome.entry is None else outcome.entry[order]
            variance = jackknife_variance(steps, time, event, sorted_weight, start)
        # A row that goes on in the patient's next row is no censoring.
        goes_on = continues(outcome.time, outcome.entry, outcome.id)
        if goes_on.any():
            steps, variance = _without_continued(steps, variance, outcome.time[goes_on], weight[goes_on])
        with np.errstate(invalid="ignore"):
            std_error = np.where(steps.survival > 0, steps.survival * np.sqrt(variance), np.nan)
        low, high = survival_limits(steps.survival, std_error, steps.n_risk, self.conf_type, self.conf_level)
        return Curve(
            group=label,
            n=float(weight.sum()),
            steps=ProductLimit(*(frozen(column) for column in steps)),
            std_error=frozen(std_error),
            conf_low=frozen(low),
            conf_high=frozen(high),
            at_risk=AtRisk.build(time, sorted_weight, entry, entry_weight),
        )


def _without_continued(
    steps: ProductLimit, variance: Floats, times: Floats, weights: Floats
) -> tuple[ProductLimit, Floats]:
    """Take rows that go on out of the censorings, and times at which nothing else happens out of the curve."""
    n_censor = steps.n_censor.copy()
    np.subtract.at(n_censor, np.searchsorted(steps.time, times), weights)
    n_censor[np.abs(n_censor) < 1e-9] = 0.0
    kept = (n_censor > 0) | (steps.n_event > 0)
    columns = steps._replace(n_censor=n_censor)
    return ProductLimit(*(column[kept] for column in columns)), variance[kept]


def _look_at_curves(curves: Sequence[Curve], unit: str) -> list[str]:
    """Warn of groups without events, and of risk sets that late entry leaves small or empty."""
    warnings = []
    for curve in curves:
        name = f"group {curve.group!r}" if curve.group else "the cohort"
        events = curve.steps.n_event > 0
        if not events.any():
            rate = 3 / _person_time(curve) if curve.last > 0 else np.nan
            warnings.append(
                f"{name} has no events: the median is not reached; upper 95% limit of the rate about "
                f"{format_significant(rate, 2)} per unit of time"
            )
        steps = curve.steps
        warnings += look_at_risk_set(name, steps.time, steps.n_risk, steps.n_event, curve.at_risk, unit)
    return warnings


def _person_time(curve: Curve) -> float:
    """Sum of the time under observation: the area under the number at risk."""
    edges = np.unique(np.concatenate([[0.0], curve.at_risk.exits, curve.at_risk.entries]))
    return float(np.sum(np.diff(edges) * curve.at_risk(edges[1:])))
