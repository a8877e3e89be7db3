"""Power of one's own design, by simulation: the study is made many times with a known effect, and analysed as planned.

People, uptake, index groups and baseline hazards are those of :mod:`survmodel.simulate`, by entity; what is asked about
is the effect of CXCR4 uptake beyond what the smaller model holds. SYNTHETIC patients: nothing here is evidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun, format_interval, format_number, format_percent, format_significant
from survmodel.models.cox import CoxPH
from survmodel.models.cox_tests import likelihood_ratio_test
from survmodel.outcome.response import Outcome
from survmodel.performance.planning import is_between
from survmodel.performance.proportions import wilson_limits
from survmodel.performance.sample_size import check_count, check_positive
from survmodel.resampling import run_replicates
from survmodel.result import Display, Result, frozen
from survmodel.simulate.cohort import draw_cohort
from survmodel.simulate.truth import ENTITIES, INDEX_GROUPS, Plan
from survmodel.table import Table


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimulatedPower(Result):
    """How often a planned study would find its effect.

    Attributes
    ----------
    p_values : ndarray of float64, shape (repeats,)
        Of the likelihood ratio test in each study; NaN where it could not be made, which counts as not found.
    hazard_ratios : ndarray of float64, shape (repeats,)
        Estimates of the added column for one unit as it stands in the formula; NaN likewise, or with several columns.
    events : ndarray of float64, shape (repeats,)
        Events among the analysed patients.
    n : int
        Patients of each study.
    alpha : float
        Level of the test.
    failures : tuple of (str, int)
        Why studies could not be analysed.
    warnings : tuple of str
        What the reader must know.
    """

    p_values: np.ndarray
    hazard_ratios: np.ndarray
    events: np.ndarray
    n: int
    alpha: float
    failures: tuple[tuple[str, int], ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def power(self) -> float:
        """Share of the studies with a p-value below alpha."""
        return float(np.mean(np.nan_to_num(self.p_values, nan=1.0) < self.alpha))

    def tidy(self) -> pd.DataFrame:
        """Give power with Wilson limits, events and the hazard ratio, one row each.

        Returns
        -------
        pandas.DataFrame
            Columns measure, estimate, conf_low, conf_high: limits of the power are for the number of simulated studies,
            those of events and hazard ratio hold 95% of the studies.
        """
        found = int((np.nan_to_num(self.p_values, nan=1.0) < self.alpha).sum())
        low, high = wilson_limits(found, self.p_values.size)
        rows = [["power", self.power, low, high]]
        for name, values in (("events", self.events), ("hazard ratio", self.hazard_ratios)):
            known = values[np.isfinite(values)]
            if known.size:
                ends = np.quantile(known, [0.025, 0.975])
                rows.append([name, float(np.median(known)), float(ends[0]), float(ends[1])])
        return pd.DataFrame(rows, columns=["measure", "estimate", "conf_low", "conf_high"])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, used (studies that could be analysed) and conventions.
        """
        used = int(np.isfinite(self.p_values).sum())
        text = f"likelihood ratio test, two-sided level {format_significant(self.alpha)}; SYNTHETIC studies"
        return pd.DataFrame([{"n": self.n, "used": used, "conventions": text}])

    def _display(self) -> Display:
        rows = []
        for one in self.tidy().to_dict("records"):
            if one["measure"] == "power":
                ends = " to ".join(format_percent(one[name]) for name in ("conf_low", "conf_high"))
                rows.append(["power", f"{format_percent(one['estimate'])} ({ends})"])
                continue
            digits = 0 if one["measure"] == "events" else 2
            limits = format_interval(one["conf_low"], one["conf_high"], digits)
            rows.append([f"{one['measure']}, median", f"{format_number(one['estimate'], digits)} ({limits})"])
        title = f"Power of {count_noun(self.p_values.size, 'SYNTHETIC study', 'SYNTHETIC studies')}: "
        title += f"{count_noun(self.n, 'patient')}"
        note = (
            "limits of the power are those of the simulation; of events and hazard ratio they hold 95% of the studies"
        )
        return Display(title, (Table(["", "value"], rows),), (str(self.glance().iloc[0]["conventions"]), note))


def simulate_power(  # noqa: PLR0913 - two models, who takes part, and what is true
    base: CoxPH,
    full: CoxPH,
    patients: Mapping[str, int],
    *,
    hazard_ratio: float,
    fdg_hazard_ratio: float = 1.0,
    accrual: float = 2.0,
    follow_up: float = 1.0,
    missing: float = 0.0,
    alpha: float = 0.05,
    repeats: int = 500,
    seed: int = 0,
    n_jobs: int = 1,
) -> SimulatedPower:
    """Simulate a planned study many times, and count how often its test finds the effect.

    Parameters
    ----------
    base, full : CoxPH
        The nested models of the plan. Columns are entity, age_years, index_group (low, intermediate, high),
        cxcr4_suvmax and fdg_suvmax (missing on a negative scan), cxcr4_negative and fdg_negative (0 or 1),
        cxcr4_suvmax_part and fdg_suvmax_part (log2, 0 on a negative scan), and scanner.
    patients : mapping of str to int
        Patients of each entity: MZL, MCL, DLBCL, FL, MM, CLL, AML.
    hazard_ratio : float
        True hazard ratio for a doubling of CXCR4 SUVmax, given index group and FDG.
    fdg_hazard_ratio : float
        The same of FDG.
    accrual, follow_up : float
        Years of even enrolment, and years from the last one to the analysis.
    missing : float
        Share of the patients without a CXCR4 value, at random.
    alpha : float
        Two-sided level of the likelihood ratio test.
    repeats : int
        Simulated studies.
    seed : int
        The same seed gives the same studies.
    n_jobs : int
        Workers; the answer does not depend on them.

    Returns
    -------
    SimulatedPower
        Power with its limits, events, and the spread of the estimated hazard ratio.

    Raises
    ------
    ConfigError
        For entities that are not simulated, and numbers out of range.
    FitError
        When more than one in five studies cannot be analysed.

    References
    ----------
    Morris TP, White IR, Crowther MJ (2019). Stat Med 38:2074-2102.

    Examples
    --------
    >>> base, full = CoxPH("fdg_suvmax_part"), CoxPH("fdg_suvmax_part + cxcr4_suvmax_part")
    >>> found = simulate_power(base, full, {"MM": 60, "MZL": 40}, hazard_ratio=2.0, repeats=50)
    >>> found.p_values.size, 0.8 < found.power <= 1
    (50, True)
    """
    plan = _make_plan(patients)
    check_positive({"hazard_ratio": hazard_ratio, "fdg_hazard_ratio": fdg_hazard_ratio, "follow_up": follow_up})
    check_count(repeats, "repeats", least=10)
    if not (accrual == 0 or is_between(accrual, 0, math.inf)):
        raise ConfigError(f"accrual is {accrual}", remedy="give years, 0 or more")
    if not (missing == 0 or is_between(missing, 0, 1)):
        raise ConfigError(f"missing is {missing}", remedy="give a share below 1")
    if not is_between(alpha, 0, 1):
        raise ConfigError(f"alpha is {alpha}", remedy="give the level as a share, for example 0.05")
    slopes = math.log(hazard_ratio), math.log(fdg_hazard_ratio)
    seeds = np.random.SeedSequence(seed).generate_state(repeats).tolist()
    compute = partial(_study, base, full, plan, slopes, (accrual, follow_up), missing)
    found = run_replicates(compute, seeds, n_jobs=n_jobs)
    found.refuse_many_failures("the planned models in the planned study")
    values = np.array([(np.nan,) * 3 if one is None else one for one in found.values], dtype=np.float64)
    failed = found.asked - len(found.done)
    warnings = (f"{failed} of {found.asked} studies could not be analysed and count as not found",) if failed else ()
    return SimulatedPower(
        frozen(values[:, 0]), frozen(values[:, 1]), frozen(values[:, 2]), int(sum(patients.values())), float(alpha),
        found.failures, warnings,
    )  # fmt: skip


def _make_plan(patients: Mapping[str, int]) -> Plan:
    for entity, count in patients.items():
        if entity not in ENTITIES:
            raise ConfigError(f"there is no simulated entity {entity!r}", remedy=closest(str(entity), ENTITIES))
        check_count(count, f"patients[{entity!r}]", least=0)
    if sum(patients.values()) < 2:
        raise ConfigError("the plan has no patients", remedy='give some: patients={"MM": 40, "MZL": 20}')
    return Plan(
        "planned", dict(patients), {}, {"site_1": 1.0}, {"site_1": ("scanner_A", "scanner_B")},
        far_apart=0, pretreated=0, paediatric=0, no_limit=0, indeterminate=0,
    )  # fmt: skip


def _study(
    base: CoxPH,
    full: CoxPH,
    plan: Plan,
    slopes: tuple[float, float],
    times: tuple[float, float],
    missing: float,
    seed: int,
) -> tuple[float, float, float]:
    """Draw and analyse one study: p, estimated hazard ratio, events."""
    table, outcome = draw_study(plan, slopes, times, missing, seed)
    used = table[list(dict.fromkeys((*base.variables, *full.variables)))].notna().all(axis=1)
    rows = np.flatnonzero(used.to_numpy())
    inside, seen = table.iloc[rows], outcome.take(rows)
    small, large = base.fit(inside, seen), full.fit(inside, seen)
    test = likelihood_ratio_test(small, large)
    added = large.hazard_ratios()
    own = set(added["term"]) - set(small.hazard_ratios()["term"])
    estimate = float(added.loc[added["term"].isin(own), "estimate"].iloc[0]) if len(own) == 1 else math.nan
    return float(test.p_value), estimate, float(seen.n_event)


def draw_study(
    plan: Plan, slopes: tuple[float, float], times: tuple[float, float], missing: float, seed: int
) -> tuple[pd.DataFrame, Outcome]:
    """Draw the patients of one study, with progression or death as the event.

    Parameters
    ----------
    plan : Plan
        Patients by entity.
    slopes : tuple of (float, float)
        Log hazard ratio of a doubling of CXCR4 and of FDG SUVmax.
    times : tuple of (float, float)
        Accrual and follow-up in years.
    missing : float
        Share without a CXCR4 value.
    seed : int
        Of the study.

    Returns
    -------
    table : pandas.DataFrame
        One row for each patient.
    outcome : Outcome
        Times in years.
    """
    people = draw_cohort(plan, seed)
    random = np.random.default_rng([seed, 1])
    hazard, (entered, lost) = random.exponential(size=len(people)), random.uniform(size=(2, len(people)))
    rows, event_times = [], []
    for person, level in zip(people, hazard.tolist(), strict=True):
        effect = slopes[0] * person.cxcr4.doublings + slopes[1] * person.fdg.doublings
        event_times.append(person.truth.years_to_event(level, person.index_group, effect))
        row: dict[str, object] = {
            "entity": person.truth.entity, "age_years": person.age, "index_group": person.index_group,
            "scanner": person.scanner,
        }  # fmt: skip
        for name, uptake in (("cxcr4", person.cxcr4), ("fdg", person.fdg)):
            row[f"{name}_suvmax"] = 2**uptake.log2_suvmax if uptake.visible else math.nan
            row[f"{name}_negative"] = 0.0 if uptake.visible else 1.0
            row[f"{name}_suvmax_part"] = uptake.log2_suvmax if uptake.visible else 0.0
        rows.append(row)
    table = pd.DataFrame(rows)
    table["index_group"] = pd.Categorical(table["index_group"], categories=list(INDEX_GROUPS), ordered=True)
    columns = ["cxcr4_suvmax", "cxcr4_negative", "cxcr4_suvmax_part"]
    table.loc[lost < missing, columns] = math.nan
    censored = times[1] + times[0] * entered
    event_at = np.array(event_times)
    time, happened = np.minimum(event_at, censored), event_at <= censored
    return table, Outcome(time, happened, unit="years", endpoint="progression or death (SYNTHETIC data)")
