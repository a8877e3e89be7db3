"""The effect of a marker in each disease group or entity, and how the groups inform each other.

The model is refitted in every group, without the terms that are constant there. A group with fewer than ten events
enters by the profile of Firth's penalised likelihood, any other by its estimate and standard error. Beside the groups
stand one effect common to all, effects that borrow from each other (half-normal prior of scale 0.5 on their spread,
flat prior on their mean; scales 0.25 and 1 as sensitivity), and the likelihood-ratio test of one slope against own
slopes in the same rows with groups as strata. Q, I squared and the variance between groups are shown from five groups
on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, DataError
from survmodel.formatting import MISSING, count_noun, format_count, format_number, format_p_equation, format_ratio
from survmodel.models.complete_rows import find_complete_rows
from survmodel.models.cox import CoxPH
from survmodel.models.cox_tests import LikelihoodRatioTest
from survmodel.models.formula import parse_formula
from survmodel.models.group_fits import (
    EVENTS_FOR_NORMAL,
    GroupData,
    GroupEffect,
    compare_slopes,
    find_marker,
    fit_group,
    refuse_several_slopes,
    split_rows,
)
from survmodel.models.group_likelihood import (
    Heterogeneity,
    Posterior,
    ProfileLikelihood,
    common_effect,
    heterogeneity,
    shrink,
)
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.checks import check_columns
from survmodel.outcome.response import Outcome
from survmodel.outcome.weights import read_weights
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

#: Fewer groups say nothing of the variance between groups.
GROUPS_FOR_HETEROGENEITY = 5
#: Scale of the half-normal prior on the spread between groups, and those of the sensitivity analyses.
SCALE, OTHER_SCALES = 0.5, (0.25, 1.0)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class GroupEffects(Result):
    """Effects of a marker by group, common and shrunken.

    Attributes
    ----------
    marker, by : str
        Term and column of groups.
    groups : tuple of GroupEffect
        In order.
    common : tuple of float
        One effect for all groups and its standard error; NaN without an estimable group.
    posteriors : mapping of float to Posterior
        Shrunken effects of the estimable groups by scale of the prior; empty with fewer than two.
    heterogeneity : Heterogeneity or None
        None below five estimable groups.
    interaction : LikelihoodRatioTest or None
        One slope against own slopes; None where it cannot be computed.
    sign_conflict : bool
        Whether estimates of two groups have opposite signs.
    n_missing : int
        Rows left out for missing values.
    conf_level : float
        Coverage of limits.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    marker: str
    by: str
    groups: tuple[GroupEffect, ...]
    common: tuple[float, float]
    posteriors: Mapping[float, Posterior]
    heterogeneity: Heterogeneity | None
    interaction: LikelihoodRatioTest | None
    sign_conflict: bool
    n_missing: int
    conf_level: float
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def estimable(self) -> tuple[GroupEffect, ...]:
        """Groups with an estimate."""
        return tuple(one for one in self.groups if one.likelihood is not None)

    def tidy(self) -> pd.DataFrame:
        """Give the effects on the log scale: own and shrunken ones of each group, the common one, the mean of groups.

        Returns
        -------
        pandas.DataFrame
            Columns group ("" for all), measure ("own", "shrunken", "common", "mean of groups"), n, n_event, estimate
            (log hazard ratio of one step of the marker), std_error, conf_low, conf_high. Missing where a group is not
            estimable. Shrunken effects are posterior means with posterior standard deviations and limits.
        """
        width = normal_quantile(self.conf_level)
        rows: list[tuple[object, ...]] = []
        for one in self.groups:
            own = (np.nan, np.nan) if one.likelihood is None else (one.likelihood.estimate, one.likelihood.std_error)
            rows.append((one.group, "own", one.n, one.n_event, *own, one.conf_low, one.conf_high))
        rows += [(one.group, "shrunken", one.n, one.n_event, *self._shrunken(SCALE, one)) for one in self.groups]
        n, n_event = (sum(getattr(one, name) for one in self.estimable) for name in ("n", "n_event"))
        estimate, error = self.common
        rows.append(("", "common", n, n_event, estimate, error, estimate - width * error, estimate + width * error))
        mean = self.posteriors[SCALE].mean.tolist() if self.posteriors else [np.nan] * 4
        rows.append(("", "mean of groups", n, n_event, *mean))
        names = ["group", "measure", "n", "n_event", "estimate", "std_error", "conf_low", "conf_high"]
        return pd.DataFrame(rows, columns=names)

    def hazard_ratios(self) -> pd.DataFrame:
        """Give the effects as hazard ratios.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale.
        """
        table = self.tidy()
        scaled = ["estimate", "conf_low", "conf_high"]
        table[scaled] = np.exp(table[scaled])
        return table

    def sensitivity(self) -> pd.DataFrame:
        """Give the shrunken effects under each prior on the spread between groups.

        Returns
        -------
        pandas.DataFrame
            Columns group ("" for the mean of groups), measure, level (scale of the prior), estimate, std_error,
            conf_low, conf_high, on the log scale.
        """
        rows: list[tuple[object, ...]] = []
        for scale, posterior in self.posteriors.items():
            rows += [(one.group, "shrunken", scale, *self._shrunken(scale, one)) for one in self.groups]
            rows.append(("", "mean of groups", scale, *posterior.mean.tolist()))
        names = ["group", "measure", "level", "estimate", "std_error", "conf_low", "conf_high"]
        return pd.DataFrame(rows, columns=names)

    def glance(self) -> pd.DataFrame:
        """Give counts, heterogeneity, the interaction test and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row; q, i_squared and tau_squared are missing below five estimable groups.
        """
        spread, test = self.heterogeneity, self.interaction
        row = {
            "n": sum(one.n for one in self.groups),
            "n_event": sum(one.n_event for one in self.groups),
            "n_missing": self.n_missing,
            "n_groups": len(self.groups),
            "n_estimable": len(self.estimable),
            "interaction_statistic": np.nan if test is None else test.statistic,
            "interaction_df": np.nan if test is None else test.df,
            "interaction_p_value": np.nan if test is None else test.p_value,
            "sign_conflict": self.sign_conflict,
            "tau": self.posteriors[SCALE].tau if self.posteriors else np.nan,
            "q": np.nan if spread is None else spread.q,
            "q_df": np.nan if spread is None else spread.df,
            "q_p_value": np.nan if spread is None else spread.p_value,
            "i_squared": np.nan if spread is None else spread.i_squared,
            "tau_squared": np.nan if spread is None else spread.tau_squared,
            "conf_level": self.conf_level,
            "conventions": (
                f"half-normal({SCALE:g}) prior on the spread between groups, flat prior on their mean; penalised "
                f"profile likelihood below {EVENTS_FOR_NORMAL} events; groups as strata of the interaction test"
            ),
        }
        return pd.DataFrame([row])

    def _shrunken(self, scale: float, group: GroupEffect) -> list[float]:
        if group.likelihood is None or scale not in self.posteriors:
            return [np.nan] * 4
        found: list[float] = self.posteriors[scale].groups[self.estimable.index(group)].tolist()
        return found

    def _display(self) -> Display:
        ratios = self.hazard_ratios().set_index(["measure", "group"])
        shown = ratios.apply(
            lambda row: (
                MISSING
                if np.isnan(row["estimate"])
                else format_ratio(row["estimate"], row["conf_low"], row["conf_high"])
            ),
            axis=1,
        )
        rows = [
            [one.group, format_count(one.n), format_count(one.n_event), shown["own", one.group],
             shown["shrunken", one.group]]
            for one in self.groups
        ]  # fmt: skip
        rows.append(["common", "", "", shown["common", ""], ""])
        rows.append(["mean of groups", "", "", "", shown["mean of groups", ""]])
        percent = f"{100 * self.conf_level:g}% limits"
        header = [self.by, "n", "events", f"own hazard ratio ({percent})", "shrunken"]
        return Display(f"{self.marker} by {self.by}", (Table(header, rows),), (*self._sentences(), *self.notes))

    def _sentences(self) -> list[str]:
        found = []
        if self.interaction is not None:
            test = self.interaction
            found.append(
                f"One slope against own slopes: likelihood ratio {format_number(test.statistic, 2)} on {test.df} df, "
                + format_p_equation(test.p_value)
            )
        if self.heterogeneity is not None:
            spread = self.heterogeneity
            found.append(
                f"Q {format_number(spread.q, 2)} on {spread.df} df, I squared {100 * spread.i_squared:.0f}%, variance "
                f"between groups {format_number(spread.tau_squared, 3)} (REML)"
            )
        if self.posteriors:
            found.append(f"Shrunken: half-normal({SCALE:g}) prior on the spread between groups")
        return found


def group_effects(
    spec: CoxPH, table: pd.DataFrame, outcome: Outcome, *, by: str, marker: str, weights: object = None
) -> GroupEffects:
    """Estimate the effect of a marker in each group, and let the groups inform each other.

    Parameters
    ----------
    spec : CoxPH
        A model with the marker among its terms; no ridge, which would shrink the effects a second time.
    table : pandas.DataFrame
        Columns of the model and `by`; rows are those of the outcome. Rows with a missing value are left out.
    outcome : Outcome
        Times and events of one kind.
    by : str
        Column of the groups, disease group or entity.
    marker : str
        A numeric term of the formula as it stands there, such as ``"log2(cxcr4_suvmax)"``, or its column.
    weights : Series or array_like, shape (n,), optional
        Case weights.

    Returns
    -------
    GroupEffects
        Own, common and shrunken effects, and the test of interaction.

    Raises
    ------
    ConfigError
        When the marker is no numeric term of the formula or part of an interaction, and for a ridge.
    DataError
        When rows differ from the outcome's, values cannot be coded, or there is one group only.

    References
    ----------
    Roever C (2020). J Stat Softw 93(6):1-51. Friede T, Roever C, Wandel S, Neuenschwander B (2017). Res Synth Methods
    8:79-91. Higgins JPT, Thompson SG (2002). Stat Med 21:1539-1558. Heinze G, Schemper M (2001). Biometrics 57:114-119.

    Examples
    --------
    >>> from survmodel import CoxPH, example_cohort
    >>> analysis = example_cohort().analysis("pfs", "prognostic")
    >>> effects = group_effects(
    ...     CoxPH("log2(cxcr4_suvmax)"), analysis.table, analysis.outcome, by="disease_group", marker="cxcr4_suvmax"
    ... )
    >>> effects.tidy()["measure"].unique().tolist()
    ['own', 'shrunken', 'common', 'mean of groups']
    """
    table = read_table(table)
    check_outcome(outcome)
    outcome.check_rows(table)
    if spec.theta:
        raise ConfigError("a ridge shrinks the effects already", remedy='use no penalty, or penalty="firth"')
    formula = parse_formula(spec.formula)
    atom = find_marker(formula, marker)
    check_columns(table, [by])
    case_weight = read_weights(outcome, weights)
    kept, _ = find_complete_rows([formula], [*spec.strata_columns, by], table)
    rows = np.flatnonzero(kept & (case_weight > 0))
    if not rows.size:
        raise DataError("no row is complete", remedy="look for missing values")
    data = GroupData(spec, formula, atom, table.iloc[rows], outcome.take(rows), case_weight[rows], by)
    refuse_several_slopes(data)
    levels = split_rows(data.table, by)
    groups = tuple(fit_group(level, data.only(np.flatnonzero(inside))) for level, inside in levels)
    interaction, problem = compare_slopes(data, levels)
    return _put_together(data, groups, interaction, int((~kept).sum()), problem)


def _put_together(
    data: GroupData,
    groups: tuple[GroupEffect, ...],
    interaction: LikelihoodRatioTest | None,
    n_missing: int,
    problem: str,
) -> GroupEffects:
    estimable = [one for one in groups if one.likelihood is not None]
    likelihoods = [one.likelihood for one in groups if one.likelihood is not None]
    estimate = np.array([one.estimate for one in likelihoods])
    error = np.array([one.std_error for one in likelihoods])
    level = data.spec.conf_level
    enough = len(likelihoods) >= 2
    conflict = bool((estimate > 0).any() and (estimate < 0).any())
    warnings = [f"{one.group}: not estimable, {one.reason}" for one in groups if one.reason]
    if conflict:
        warnings.append("estimates of two groups have opposite signs: no sentence about all groups together")
    if problem:
        warnings.append(f"no test of interaction: {problem}")
    return GroupEffects(
        marker=data.marker.label,
        by=data.by,
        groups=groups,
        common=common_effect(likelihoods) if likelihoods else (np.nan, np.nan),
        posteriors={scale: shrink(likelihoods, scale, level) for scale in (SCALE, *OTHER_SCALES)} if enough else {},
        heterogeneity=heterogeneity(estimate, error) if estimate.size >= GROUPS_FOR_HETEROGENEITY else None,
        interaction=interaction,
        sign_conflict=conflict,
        n_missing=n_missing,
        conf_level=level,
        warnings=join_warnings(warnings),
        notes=tuple(_notes(estimable)),
    )


def _notes(estimable: Sequence[GroupEffect]) -> list[str]:
    notes = [f"{one.group}: {', '.join(one.dropped)} constant and left out" for one in estimable if one.dropped]
    few = [one.group for one in estimable if isinstance(one.likelihood, ProfileLikelihood)]
    if few:
        notes.append(f"fewer than {EVENTS_FOR_NORMAL} events, penalised profile likelihood: {', '.join(few)}")
    if len(estimable) < GROUPS_FOR_HETEROGENEITY:
        shown = count_noun(len(estimable), "estimable group")
        notes.append(f"Q, I squared and REML are not shown: {shown}, fewer than {GROUPS_FOR_HETEROGENEITY}")
    return notes
