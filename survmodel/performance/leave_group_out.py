"""Leaving whole groups out: what a specification learnt in all other scanners, centres or diseases says in this one.

Each group in turn is set aside, the whole specification is fitted to the others, and scored in the group: Harrell's C,
the calibration slope, and at horizons AUC, Brier score and IPA, weighted by the group's own censoring. Limits are those
of drawing other patients of the group. A model stratified by the groups knows no baseline of the one that it has not
seen: it has a C there, and no risk.

The average over the groups weighs C by usable pairs and the others by patients. It tells less than the spread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError, FitError, SurvmodelError
from survmodel.formatting import count_noun, format_interval, format_number, format_significant
from survmodel.models.contract import Model
from survmodel.models.cox import CoxPH
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.naming import percent_level
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.groups import read_groups
from survmodel.outcome.response import Outcome
from survmodel.performance.brier import NULL, brier_score
from survmodel.performance.discrimination import concordance
from survmodel.performance.scoring import HARRELL, SLOPE
from survmodel.performance.time_dependent_auc import time_dependent_auc
from survmodel.resampling import run_replicates
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COLUMNS = ["model", "measure", "horizon", "group", "n", "n_event", "estimate", "std_error", "conf_low", "conf_high"]
#: Label of the average over the groups.
AVERAGE = "average"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupValidation(Result):
    """Specifications scored in groups that they had not seen.

    Attributes
    ----------
    table : pandas.DataFrame
        What :meth:`tidy` gives.
    n, n_event, n_groups : int
        Patients, events, groups.
    unit : str
        Unit of time.
    conf_level : float
        Coverage of the limits.
    warnings : tuple of str
        Groups that could not be scored, and why.
    """

    table: pd.DataFrame
    n: int
    n_event: int
    n_groups: int
    unit: str
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give every measure in each group that was left out, and the average over them.

        Returns
        -------
        pandas.DataFrame
            Columns model, measure, horizon, group ("average" for the average), n, n_event, estimate, std_error,
            conf_low, conf_high.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "n": self.n,
            "n_event": self.n_event,
            "n_groups": self.n_groups,
            "conf_level": self.conf_level,
            "conventions": "fitted without the group, scored in it; pairs and censoring curve of the group; averages "
            "weigh C by usable pairs, others by patients",
        }
        return pd.DataFrame([row])

    def _display(self) -> Display:
        rows = []
        for one in self.table.to_dict("records"):
            at = "" if np.isnan(one["horizon"]) else f" at {format_significant(one['horizon'])} {self.unit}".rstrip()
            limits = format_interval(one["conf_low"], one["conf_high"], 3)
            cells = [format_number(one["estimate"], 3), limits]
            rows.append(
                [one["model"], f"{one['measure']}{at}", one["group"], str(one["n"]), str(one["n_event"]), *cells]
            )
        header = ["model", "measure", "group", "patients", "events", "estimate"]
        table = Table([*header, f"{percent_level(self.conf_level)} limits"], rows)
        groups, patients = count_noun(self.n_groups, "group"), count_noun(self.n, "patient")
        title = f"Leaving each of {groups} out: {patients}, {count_noun(self.n_event, 'event')}"
        return Display(title, (table,), ("each group scored by models that had not seen it",))


@dataclass(frozen=True, slots=True)
class _Score:
    """One measure of one model in one group, and what it weighs in the average."""

    measure: str
    horizon: float
    estimate: float
    std_error: float
    weight: float


def leave_group_out(
    spec: Model | Mapping[str, Model],
    table: pd.DataFrame,
    outcome: Outcome,
    groups: object,
    *,
    horizons: Sequence[float] = (),
    strata: object = None,
    n_jobs: int = 1,
    conf_level: float = 0.95,
) -> GroupValidation:
    """Score specifications in groups of patients that they were not fitted to.

    Parameters
    ----------
    spec : Model, or mapping of str to Model
        What is fitted, whole, without each group.
    table : pandas.DataFrame
        Columns of the specifications, complete; rows are those of the outcome.
    outcome : Outcome
        Times and events of one kind.
    groups : Series or array_like, shape (n,)
        Group of each row: scanner, centre, year. All rows of a patient are in one.
    horizons : sequence of float
        Times at which AUC, Brier score and IPA are scored.
    strata : Series or array_like, shape (n,), optional
        Pairs are formed within strata of each group.
    n_jobs : int
        Workers.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    GroupValidation
        Measures by group, and their average.

    Raises
    ------
    ConfigError
        With fewer than two groups.
    FitError
        For horizons where a specification has a stratum of its own for the group left out, and when no group can be
        scored.

    Examples
    --------
    >>> random = np.random.default_rng(2)
    >>> table = pd.DataFrame({"x": random.normal(size=90), "scanner": np.repeat(["A", "B", "C"], 30)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(90), unit="years")
    >>> found = leave_group_out(CoxPH("x"), table, outcome, table["scanner"])
    >>> found.tidy().query("measure == 'Harrell C'")["group"].tolist()
    ['A', 'B', 'C', 'average']
    """
    specs = dict(spec) if isinstance(spec, Mapping) else {"model": spec}
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    parts, layers = read_groups(outcome, groups, "groups"), read_groups(outcome, strata, "strata").codes
    if parts.n < 2:
        raise ConfigError("there is one group only", remedy="nothing is left to learn from when it is left out")
    if outcome.id is not None and (
        np.unique(np.column_stack([outcome.id, parts.codes]), axis=0).shape[0] > np.unique(outcome.id).size
    ):
        raise DataError("a patient has rows in two groups", remedy="leave out groups that patients do not change")
    asked = np.unique(check_times(np.asarray(horizons, dtype=np.float64)))
    rows, told = [], []
    for name, one in specs.items():
        compute = partial(_score_without, one, table, outcome, parts.codes, layers, asked)
        found = run_replicates(compute, list(range(parts.n)), n_jobs=n_jobs)
        if not found.done:
            raise FitError(f"{name} can be scored in no group", found.failures[0][0])
        told += [f"{name}, {count_noun(count, 'group')}: {reason}" for reason, count in found.failures]
        rows += list(_rows(name, found.values, parts.labels, parts.codes, outcome, conf_level))
    return GroupValidation(
        table=pd.DataFrame(rows, columns=COLUMNS),
        n=outcome.n,
        n_event=outcome.n_event,
        n_groups=parts.n,
        unit=outcome.unit or "",
        conf_level=conf_level,
        warnings=join_warnings(outcome.warnings, told),
    )


def _score_without(
    spec: Model, table: pd.DataFrame, outcome: Outcome, codes: Ints, layers: Ints, times: Floats, left: int
) -> list[_Score]:
    """Fit without a group and score in it."""
    learn, new = np.flatnonzero(codes != left), np.flatnonzero(codes == left)
    fit = spec.fit(table.iloc[learn], outcome.take(learn))
    shown, seen, stratum = table.iloc[new], outcome.take(new), layers[new]
    index = fit.prognostic_index(shown)
    c = concordance(seen, index, strata=stratum)
    pairs = c.concordant + c.discordant + c.tied_index
    scores = [_Score(HARRELL, np.nan, c.estimate, c.std_error, pairs), _slope(index, seen, stratum)]
    if times.size:
        scores += _at_horizons(spec, fit.predict_risk, shown, seen, stratum, times)
    return scores


def _slope(index: Floats, outcome: Outcome, stratum: Ints) -> _Score:
    """Give the slope of the index in the group, NaN where there is none."""
    shown = pd.DataFrame({"index": index, "stratum": stratum})
    plain = Outcome(outcome.time, outcome.died.astype(np.int64), outcome.entry)
    try:
        fit = CoxPH("index", strata="stratum").fit(shown, plain)
    except SurvmodelError:
        return _Score(SLOPE, np.nan, np.nan, np.nan, np.nan)
    return _Score(SLOPE, np.nan, float(fit.coefficients["index"]), float(fit.tidy()["std_error"].iloc[0]), np.nan)


def _at_horizons(
    spec: Model, predict: object, shown: pd.DataFrame, seen: Outcome, stratum: Ints, times: Floats
) -> Iterator[_Score]:
    within = [float(time) for time in times if time < seen.time.max()]
    if not within:
        return
    try:
        risk = predict(shown, within)  # type: ignore[operator]
    except DataError as error:
        columns = getattr(spec, "strata_columns", ())
        why = "a stratum of a group that was left out has no baseline" if columns else str(error)
        raise FitError(why, remedy="leave out the horizons: C needs no baseline") from None
    for time, column in zip(within, risk.T, strict=True):
        try:
            auc = time_dependent_auc(seen, column, time, strata=stratum)
            brier = brier_score(seen, column, time, strata=stratum)
        except SurvmodelError:
            continue
        yield _Score("AUC", time, float(auc.estimate[0, 0]), float(auc.std_error[0, 0]), seen.n)
        for one in brier.tidy().to_dict("records"):
            if one["model"] != NULL:
                yield _Score(str(one["measure"]), time, one["estimate"], one["std_error"], seen.n)


def _rows(
    name: str,
    by_group: Sequence[list[_Score] | None],
    labels: Sequence[str],
    codes: Ints,
    outcome: Outcome,
    conf_level: float,
) -> Iterator[list[object]]:
    """Give a row for each measure and group, and one for the average."""
    z = normal_quantile(conf_level)
    known = [(code, one) for code, scores in enumerate(by_group) for one in scores or ()]
    kinds = list(dict.fromkeys((one.measure, None if np.isnan(one.horizon) else one.horizon) for _, one in known))
    for measure, horizon in kinds:
        own = [
            (code, one)
            for code, one in known
            if one.measure == measure and (np.isnan(one.horizon) if horizon is None else one.horizon == horizon)
        ]
        head = [name, measure, np.nan if horizon is None else horizon]
        for code, one in own:
            inside = codes == code
            counts = [int(inside.sum()), int(outcome.died[inside].sum())]
            reach = z * one.std_error
            yield [
                *head,
                labels[code],
                *counts,
                one.estimate,
                one.std_error,
                one.estimate - reach,
                one.estimate + reach,
            ]
        weight = np.array([one.weight for _, one in own])
        if measure != SLOPE and weight.sum() > 0:
            share = weight / weight.sum()
            mean = float(share @ [one.estimate for _, one in own])
            error = float(np.sqrt(np.sum((share * [one.std_error for _, one in own]) ** 2)))
            yield [*head, AVERAGE, outcome.n, outcome.n_event, mean, error, mean - z * error, mean + z * error]
