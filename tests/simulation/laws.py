"""Laws that several checks share: noise, two covariates of eight that tell, two diseases, risks that are true."""

from __future__ import annotations

import numpy as np
import pandas as pd

from survmodel import Outcome

#: Time at which risks of `true_risks` are known.
HORIZON = 12.0


def censored(time: np.ndarray, end: np.ndarray) -> Outcome:
    """Join times of events and ends of follow-up."""
    return Outcome(np.minimum(time, end), (time <= end).astype(int), unit="years")


def noise(random: np.random.Generator, n: int = 50) -> tuple[pd.DataFrame, Outcome]:
    """Three columns that tell nothing; about half the times are events."""
    table = pd.DataFrame(random.normal(size=(n, 3)), columns=["marker", "a", "b"])
    return table, censored(random.exponential(size=n), random.exponential(size=n))


def signal(random: np.random.Generator, n: int, end: float = 2.0) -> tuple[pd.DataFrame, Outcome]:
    """Eight columns, two of which tell, hazard ratios 1.65 per standard deviation; a third is censored, or more."""
    x = random.normal(size=(n, 8))
    time = random.exponential(np.exp(-0.5 * x[:, 0] - 0.5 * x[:, 1]))
    table = pd.DataFrame(x, columns=[f"x{j}" for j in range(8)])
    return table, censored(time, random.exponential(end, n))


def diseases(random: np.random.Generator, n: int = 150) -> tuple[pd.DataFrame, Outcome]:
    """A marker that differs between two diseases with different hazards, and tells nothing within them."""
    disease = random.choice(["indolent", "aggressive"], n)
    bad = disease == "aggressive"
    table = pd.DataFrame({"marker": random.normal(size=n) + 1.5 * bad, "disease": disease})
    return table, censored(random.exponential(np.where(bad, 0.4, 2.0)), random.uniform(0.5, 4, n))


def incomplete(random: np.random.Generator, effect: float, n: int) -> tuple[pd.DataFrame, Outcome]:
    """Two correlated covariates, 30 % of the first missing completely at random; log ratios effect and .6 effect."""
    z = random.normal(size=n)
    x = 0.5 * z + np.sqrt(0.75) * random.normal(size=n)
    time, left = random.exponential(np.exp(-effect * (x + 0.6 * z))), random.uniform(0.3, 3, n)
    table = pd.DataFrame({"x": x, "z": z})
    table.loc[random.random(n) < 0.3, "x"] = np.nan
    return table, Outcome(np.minimum(time, left), time <= left)


def true_risks(random: np.random.Generator, n: int = 150, *, competing: bool = False) -> tuple[Outcome, np.ndarray]:
    """Patients whose true risks at the horizon are known; four in ten are censored before it."""
    rate = np.exp(0.8 * random.normal(size=n)) / 20
    time, end = random.exponential(1 / rate), random.uniform(4, 30, n)
    event = (time <= end).astype(int)
    if not competing:
        return Outcome(np.minimum(time, end), event), 1 - np.exp(-HORIZON * rate)
    other = random.exponential(30, n)
    event = np.where(other < np.minimum(time, end), 2, event)
    causes = {1: "relapse", 2: "death"}
    outcome = Outcome(np.minimum(np.minimum(time, end), other), event, causes=causes)
    return outcome, rate / (rate + 1 / 30) * (1 - np.exp(-HORIZON * (rate + 1 / 30)))
