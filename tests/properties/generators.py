"""Random cohorts: times exponential, rounded, all equal or fuzzed; any censoring; covariates of several kinds.

Hypothesis draws the shape and a seed, numpy the numbers, so that a failing example is small and comes back the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from survmodel import CoxPH, FitError, Outcome
from survmodel.models.cox_fit import CoxFit

EXAMPLES = int(os.environ.get("SURVMODEL_EXAMPLES", "60"))
TIME_KINDS = ("exponential", "tenths", "whole", "months", "equal", "fuzzed")

#: Every property runs under these settings; a larger number of examples comes from the environment.
run = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@dataclass(frozen=True)
class Cohort:
    """Rows of a cohort; `group` and `stratum` are labels, `weight` is a number from 0.25 up."""

    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None
    group: np.ndarray
    stratum: np.ndarray
    weight: np.ndarray
    table: pd.DataFrame
    seed: int

    @property
    def n(self) -> int:
        return int(self.time.size)

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.time, self.event, self.entry)

    @property
    def random(self) -> np.random.Generator:
        """Numbers for the change that a property makes, apart from those of the cohort."""
        return np.random.default_rng([self.seed, 1])


def make_times(rng: np.random.Generator, n: int, kind: str) -> np.ndarray:
    times = rng.exponential(20, n) + 0.2
    if kind == "tenths":
        return np.maximum(np.round(times, 1), 0.1)
    if kind == "whole":
        return np.maximum(np.round(times), 1)
    if kind == "months":
        return np.maximum(np.round(times * 3 / 30) * 30, 30)
    if kind == "equal":
        return np.full(n, 12.0)
    if kind == "fuzzed":
        return np.maximum(np.round(times), 1) * (1 + rng.uniform(-1, 1, n) * 1e-13)
    return times


def make_cohort(
    seed: int, n: int, kind: str, events: float, *, late: bool = False, groups: int = 2, strata: int = 1
) -> Cohort:
    rng = np.random.default_rng([seed, n])
    time = make_times(rng, n, kind)
    event = (rng.uniform(size=n) < events).astype(int)
    entry = np.where(rng.uniform(size=n) < 0.6, rng.uniform(0, 0.9, n) * time, 0.0) if late else None
    if entry is not None and kind in ("whole", "months"):
        entry = np.where(np.floor(entry) < time, np.floor(entry), 0.0)
    normal = rng.normal(size=n)
    table = pd.DataFrame({
        "age": 60 + 10 * normal,
        "suv": rng.lognormal(1.5, 0.6, n),
        "male": rng.integers(0, 2, n),
        "stage": rng.choice(list("abcde"), n, p=[0.35, 0.25, 0.2, 0.1, 0.1]),
        "lp": rng.normal(scale=0.3, size=n),
        "constant": 3.0,
    })  # fmt: skip
    table["age_copy"] = table["age"]
    return Cohort(
        time=time,
        event=event,
        entry=entry,
        group=rng.choice([f"group {letter}" for letter in "abcdef"[:groups]], n),
        stratum=rng.integers(0, strata, n),
        weight=rng.integers(1, 13, n) / 4,
        table=table,
        seed=seed,
    )


SEEDS = st.integers(0, 2**32 - 1)
SHARES = st.sampled_from([0.0, 0.1, 0.4, 0.7, 1.0])


@st.composite
def cohorts(
    draw: st.DrawFn,
    smallest: int = 1,
    kinds: tuple[str, ...] = TIME_KINDS,
    *,
    late: bool | None = None,
    events: st.SearchStrategy[float] = SHARES,
) -> Cohort:
    """Draw cohorts of 1 to 200 rows, mostly small."""
    n = draw(
        st.one_of(st.integers(smallest, max(12, smallest + 8)), st.integers(smallest, 60), st.integers(smallest, 200))
    )
    return make_cohort(
        draw(SEEDS),
        n,
        draw(st.sampled_from(kinds)),
        draw(events),
        late=draw(st.booleans()) if late is None else late,
        groups=draw(st.integers(2, 5)),
        strata=draw(st.sampled_from([1, 2, 4, n])),
    )


def regression_cohorts(
    kinds: tuple[str, ...] = ("exponential", "tenths", "whole", "months", "fuzzed"), *, late: bool | None = None
) -> st.SearchStrategy[Cohort]:
    """Draw cohorts with enough events for a Cox model in nearly every draw."""
    return st.builds(
        lambda seed, n, kind, events, strata, enters_late: make_cohort(
            seed, n, kind, events, late=enters_late, groups=3, strata=strata
        ),
        SEEDS,
        st.integers(30, 120),
        st.sampled_from(kinds),
        st.sampled_from([0.5, 0.8, 1.0]),
        st.sampled_from([1, 1, 3]),
        st.booleans() if late is None else st.just(late),
    )


def fit_cox(model: CoxPH, table: pd.DataFrame, outcome: Outcome, **options: object) -> CoxFit | None:
    """Fit, or None where the estimates do not exist: the error says so, which is an answer too."""
    try:
        return model.fit(table, outcome, **options)  # type: ignore[arg-type]
    except FitError:
        return None
