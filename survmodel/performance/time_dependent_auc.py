r"""AUC(t): how often a patient with the event by t has a higher risk than one without it.

.. math::
    AUC(t) = \frac{\sum_i \sum_j a_i\,c_j\,\{1[x_i > x_j] + \tfrac12 1[x_i = x_j]\}}{\sum_i a_i \sum_j c_j}

with the weights of riskRegression's ``Score``: cases have had the event by t, :math:`a_i = 1/G(T_i-)`; controls are
followed on after t, :math:`c_j = 1/G(t)`, or had a competing event by then, :math:`c_j = 1/G(T_j-)`. G is described in
:mod:`~survmodel.performance.censoring_weights`.

Within strata every pair lies in one stratum, and the AUCs of the strata are averaged, weighted by their rows. Beside
them stands the *pooled* value over all pairs, which includes the differences between strata: an index that knows no
more than the disease of a patient is rewarded by it.

Standard errors are those of the influence function, which counts that G, and the shares of the strata, were estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import FitError, list_values
from survmodel.formatting import MISSING, count_noun, format_interval, format_number, format_significant
from survmodel.kernels.weighted_pairs import weigh_pairs
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.naming import percent_level
from survmodel.outcome.argument import check_outcome
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.censoring_weights import CensoringWeights
from survmodel.performance.paired_differences import NO_TEST_OF_NESTED_MODELS, PairedDifferences, spread
from survmodel.performance.predicted_risk import name_models, read_columns, refuse_late_entry, refuse_times
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AUC = "AUC"
#: Never a claim: it rises when diseases differ in risk.
POOLED = "AUC, pooled (includes differences between strata)"


class AucPart(NamedTuple):
    """AUCs of all models at all times: within strata, in one stratum, or pooled.

    Attributes
    ----------
    measure, group : str
        What it is; the stratum, "" for all rows.
    n : int
        Rows.
    n_event : ndarray of int64, shape (n_times,)
        Cases at each time.
    estimate, std_error : ndarray, shape (n_models, n_times)
        NaN where there is no case or no control.
    """

    measure: str
    group: str
    n: int
    n_event: Ints
    estimate: Floats
    std_error: Floats


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class TimeDependentAUC(Result):
    """AUC(t) of one or more models.

    Attributes
    ----------
    models : tuple of str
        Names.
    horizons : ndarray, shape (n_times,)
        Times.
    parts : tuple of AucPart
        The headline first; with strata each of them and the pooled value after it.
    compared : PairedDifferences
        Headline of each model less that of those before it.
    n, n_event, n_strata : int
        Rows, events up to the last time, strata.
    unit : str
        Unit of time.
    conf_level : float
        Coverage of the limits.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    models: tuple[str, ...]
    horizons: Floats
    parts: tuple[AucPart, ...]
    compared: PairedDifferences
    n: int
    n_event: int
    n_strata: int
    unit: str
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimate(self) -> Floats:
        """AUC of each model at each time, within strata; shape (n_models, n_times)."""
        return self.parts[0].estimate

    @property
    def std_error(self) -> Floats:
        """Standard errors of the same shape."""
        return self.parts[0].std_error

    def tidy(self) -> pd.DataFrame:
        """Give the AUCs, the headline first and then, with strata, each of them and the pooled value.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure ("AUC", or the pooled one by its name), group (stratum, "" for all rows), horizon, n,
            n_event (cases), estimate, std_error, conf_low, conf_high; limits within 0 and 1.
        """
        z = normal_quantile(self.conf_level)
        tables = []
        for part in self.parts:
            estimate, error = part.estimate.ravel(), part.std_error.ravel()
            columns = {
                "model": np.repeat(np.array(self.models, dtype=object), self.horizons.size),
                "measure": part.measure,
                "group": part.group,
                "horizon": np.tile(self.horizons, len(self.models)),
                "n": part.n,
                "n_event": np.tile(part.n_event, len(self.models)),
                "estimate": estimate,
                "std_error": error,
                "conf_low": np.maximum(estimate - z * error, 0.0),
                "conf_high": np.minimum(estimate + z * error, 1.0),
            }
            tables.append(pd.DataFrame(columns))
        return pd.concat(tables, ignore_index=True)

    def differences(self) -> pd.DataFrame:
        """Give the differences between the models, paired on the same rows and within strata.

        Returns
        -------
        pandas.DataFrame
            Columns model, reference (an earlier model), measure, horizon, estimate (model less reference), std_error,
            conf_low, conf_high, statistic, p_value. The p-value is no test of nested models fitted to these rows: use
            the likelihood ratio test.
        """
        return self.compared.table(AUC, self.horizons, self.conf_level)

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        text = "cases 1/G(T-), controls followed on 1/G(t), those with a competing event 1/G(T-); tied risks 1/2; "
        text += "deaths leave before censorings; pairs and G within strata, strata weighted by rows; "
        text += f"influence-function se, G estimated; {NO_TEST_OF_NESTED_MODELS}"
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_strata": self.n_strata,
            "horizon": float(self.horizons[-1]),
            "conf_level": self.conf_level,
            "conventions": text,
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        within = ["AUC", f"{percent_level(self.conf_level)} limits"]
        unit = f", {self.unit}" if self.unit else ""
        header = ["model", f"at{unit}", *(["stratum"] if self.n_strata > 1 else []), "cases", *within]
        rows = []
        for one in self.tidy().to_dict("records"):
            label = str(one["group"]) or ("pooled" if one["measure"] == POOLED else "within strata")
            limits = format_interval(one["conf_low"], one["conf_high"], 3)
            cells = [str(one["n_event"]), format_number(one["estimate"], 3), limits]
            time = format_significant(float(one["horizon"]))
            rows.append([str(one["model"]), time, *([label] if self.n_strata > 1 else []), *cells])
        tables = [Table(header, rows)]
        if self.compared.pairs:
            shown = [
                [f"{one['model']} less {one['reference']}", format_significant(float(one["horizon"])),
                 format_number(one["estimate"], 3), format_interval(one["conf_low"], one["conf_high"], 3)]
                for one in self.differences().to_dict("records")
            ]  # fmt: skip
            tables.append(Table(["difference", f"at{unit}", *within], shown))
        strata = f" within {self.n_strata} strata" if self.n_strata > 1 else ""
        title = f"AUC(t){strata}: {count_noun(self.n, 'row')}, {count_noun(self.n_event, 'event')}"
        notes = ["higher = worse: 1/2 for a risk that knows nothing"]
        if self.n_strata > 1:
            notes.append("within strata: their mean, weighted by rows; pooled: includes differences between strata")
        if np.isnan(self.parts[0].estimate).any() or any(np.isnan(part.estimate).any() for part in self.parts):
            notes.append(f"{MISSING}: no case or no control")
        return Display(title, tuple(tables), (*notes, *self.notes))


def time_dependent_auc(
    outcome: Outcome,
    risk: object,
    times: float | Sequence[float] | Floats,
    *,
    strata: object = None,
    censoring: Outcome | None = None,
    censoring_strata: object = None,
    conf_level: float = 0.95,
) -> TimeDependentAUC:
    """Estimate how well risks tell those who have the event by a time from those who do not.

    Parameters
    ----------
    outcome : Outcome
        Times and events; with competing events the event itself (code 1) is meant, and those who had another one by
        the time are controls. No late entry.
    risk : array_like, shape (n,) or (n, n_times), or mapping of str to such
        Risk or index of one or several models, higher = worse; one column serves all times.
    times : float or sequence of float
        Times above 0 within the follow-up.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed, and the censoring distribution estimated, within strata.
    censoring : Outcome, optional
        Rows from which the censoring distribution is estimated (the training rows, say); the scored rows themselves,
        within strata, without it. Standard errors then take it as known.
    censoring_strata : Series or array_like, shape (n_censoring,), optional
        Strata of the rows of `censoring`, with the labels of `strata`; one curve for all without them.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    TimeDependentAUC
        AUC of each model within strata, in each stratum and pooled, and differences between the models.

    Raises
    ------
    DataError
        When rows differ from the outcome's, or risks are missing or infinite.
    EndpointError
        For times that are not within the follow-up.
    FitError
        With late entry, and when no stratum has both a case and a control at one of the times.

    References
    ----------
    Blanche P, Dartigues J-F, Jacqmin-Gadda H (2013). Stat Med 32:5381-5397. Uno H et al. (2007). J Am Stat Assoc
    102:527-537.

    Examples
    --------
    >>> outcome = Outcome([1, 2, 3, 4], [1, 1, 0, 1])
    >>> time_dependent_auc(outcome, [0.9, 0.4, 0.6, 0.2], 2.5).tidy()["estimate"].tolist()
    [0.75]
    """
    check_outcome(outcome)
    refuse_late_entry(outcome, "AUC(t)")
    asked = check_times(times)
    refuse_times(outcome, asked, float(asked.max(initial=0.0)))
    layers = read_groups(outcome, strata, "strata")
    given = name_models(risk)
    risks = {name: read_columns(outcome, one, asked.size, name, one_for_all=True) for name, one in given.items()}
    weights = CensoringWeights.learn(outcome, float(asked.max()), layers, censoring, censoring_strata)
    pairs = _Pairs.of(weights, asked)
    kept = pairs.usable(layers)
    _refuse_no_pairs(kept, asked)
    parts, compared = _score(weights, pairs, layers, risks, asked)
    return TimeDependentAUC(
        models=tuple(risks),
        horizons=frozen(asked),
        parts=parts,
        compared=compared,
        n=outcome.n,
        n_event=int(((outcome.event == 1) & (outcome.time <= asked.max())).sum()),
        n_strata=layers.n,
        unit=outcome.unit or "",
        conf_level=conf_level,
        warnings=outcome.warnings,
        notes=join_warnings(layers.notes, weights.notes, _left_out(kept, asked, layers)),
    )


def _refuse_no_pairs(kept: npt.NDArray[np.bool_], times: Floats) -> None:
    empty = ~kept.any(axis=0)
    if empty.any():
        found = list_values([format_significant(float(time)) for time in times[empty]])
        raise FitError("no stratum has both a case and a control", f"at {found}", "choose another time, or no strata")


def _left_out(kept: npt.NDArray[np.bool_], times: Floats, strata: Groups) -> list[str]:
    """Name the strata that have no AUC at a time."""
    return [
        f"no case or no control at {format_significant(float(time))}, left out there: "
        + list_values([strata.labels[code] for code in np.flatnonzero(~kept[:, place])])
        for place, time in enumerate(times)
        if not kept[:, place].all()
    ]


class _Pairs(NamedTuple):
    """Weights of the rows as cases and as controls, shape (n, n_times)."""

    case: Floats
    control: Floats

    @classmethod
    def of(cls, weights: CensoringWeights, times: Floats) -> _Pairs:
        outcome = weights.outcome
        past = outcome.time[:, np.newaxis] <= times
        ended = np.where(past, weights.case_weights()[:, np.newaxis], 0.0)
        own = (outcome.event == 1)[:, np.newaxis]
        return cls(
            np.where(own, ended, 0.0), np.where(past, np.where(own, 0.0, ended), weights.survivor_weights(times))
        )

    def usable(self, strata: Groups) -> npt.NDArray[np.bool_]:
        """Whether each stratum has both a case and a control at each time, shape (n_strata, n_times)."""
        return np.array([
            (self.case[strata.codes == code] > 0).any(axis=0) & (self.control[strata.codes == code] > 0).any(axis=0)
            for code in range(strata.n)
        ])  # fmt: skip


def _score(
    weights: CensoringWeights, pairs: _Pairs, strata: Groups, risks: dict[str, Floats], times: Floats
) -> tuple[tuple[AucPart, ...], PairedDifferences]:
    """Score every model within strata, in each of them, and pooled."""
    n, codes = weights.outcome.n, strata.codes
    size = np.bincount(codes, minlength=strata.n)
    everybody = np.zeros(n, dtype=np.int64)
    found: list[list[tuple[Floats, Floats]]] = []
    headline: list[Floats] = []
    for risk in risks.values():
        value, own = _by_stratum(pairs, risk, codes, strata.n)
        kept = ~np.isnan(value)
        mean, total = _average_strata(weights, strata, value, own, times)
        headline.append(total)
        scores = [(mean, spread(total))]
        if strata.n > 1:
            for code in range(strata.n):
                inside = np.where((codes == code)[:, np.newaxis], own, 0.0)
                error = spread(inside + weights.influence(inside, times), int(size[code]))
                scores.append((value[code], np.where(kept[code], error, np.nan)))
            together, own = _by_stratum(pairs, risk, everybody, 1)
            scores.append((together[0], spread(own + weights.influence(own, times))))
        found.append(scores)
    cases = pairs.case > 0
    names = [(AUC, "", n, cases.sum(axis=0))]
    if strata.n > 1:
        names += [(AUC, label, int(size[code]), cases[codes == code].sum(axis=0))
                  for code, label in enumerate(strata.labels)]  # fmt: skip
        names.append((POOLED, "", n, cases.sum(axis=0)))
    parts = tuple(
        AucPart(*name, frozen([scores[place][0] for scores in found]), frozen([scores[place][1] for scores in found]))
        for place, name in enumerate(names)
    )
    return parts, PairedDifferences.of(tuple(risks), parts[0].estimate, np.array(headline))


def _average_strata(
    weights: CensoringWeights, strata: Groups, value: Floats, own: Floats, times: Floats
) -> tuple[Floats, Floats]:
    """Average the AUCs of the strata by their rows: mean (n_times,), and what each row contributes (n, n_times)."""
    codes = strata.codes
    size = np.bincount(codes, minlength=strata.n)[:, np.newaxis]
    kept = ~np.isnan(value)
    with np.errstate(invalid="ignore"):
        share = kept * size / (kept * size).sum(axis=0)
    mean = (share * np.where(kept, value, 0.0)).sum(axis=0)
    through = own * share[codes]
    # the shares of the strata are those of the rows: another row moves the mean towards its own stratum
    moved = (share / size)[codes] * (np.where(kept, value, 0.0)[codes] - mean)
    return mean, through + moved + weights.influence(through, times)


def auc_contributions(weights: CensoringWeights, strata: Groups, risk: Floats, times: Floats) -> Floats:
    """Give what each row contributes to the error of an AUC within strata.

    Parameters
    ----------
    weights : CensoringWeights
        Of the scored rows, up to the last time at least.
    strata : Groups
        Their strata.
    risk : ndarray, shape (n, n_times)
        Risks.
    times : ndarray, shape (n_times,)
        Times.

    Returns
    -------
    ndarray, shape (n, n_times)
        Influences divided by n; NaN at times without a case or a control in any stratum.
    """
    value, own = _by_stratum(_Pairs.of(weights, times), risk, strata.codes, strata.n)
    return _average_strata(weights, strata, value, own, times)[1]


def _by_stratum(pairs: _Pairs, risk: Floats, codes: Ints, n_strata: int) -> tuple[Floats, Floats]:
    """Give the AUC of each stratum, and what each row contributes to that of its own if G is known.

    Shapes (n_strata, n_times) and (n, n_times); NaN and 0 where a stratum has no case or no control.
    """
    below, above = np.empty(pairs.case.shape), np.empty(pairs.case.shape)
    order = np.lexsort((risk, np.broadcast_to(codes[:, np.newaxis], risk.shape)), axis=0)
    weigh_pairs(order, risk, codes, pairs.case, pairs.control, below, above)
    inside = (codes == np.arange(n_strata)[:, np.newaxis]).astype(np.float64)
    cases, controls, right = (inside @ weight for weight in (pairs.case, pairs.control, pairs.case * below))
    usable = (cases > 0) & (controls > 0)
    product = np.where(usable, cases * controls, 1.0)
    value = np.where(usable, right / product, np.nan)
    known = np.where(usable, value, 0.0)
    gained = pairs.case * (below - (known * controls)[codes]) + pairs.control * (above - (known * cases)[codes])
    return value, np.where(usable[codes], gained / product[codes], 0.0)
