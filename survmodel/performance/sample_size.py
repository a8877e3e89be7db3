r"""How many patients a study needs: for a model that is not over-fitted, for a marker, for two groups, for C.

*A model.* Riley's three criteria for *p* parameters, an expected Cox-Snell :math:`R^2` and events at a constant rate
:math:`\lambda` over a mean follow-up *f*:

.. math:: n_1 = \frac{p}{(S - 1)\log(1 - R^2/S)}, \qquad
   n_2 = n_1 \text{ with } S = \frac{R^2}{R^2 + 0.05 \max R^2}, \qquad
   \max R^2 = 1 - \exp\{2(e \log e - e)\},\ e = \lambda f

and :math:`n_3` such that the limits of the overall risk at the horizon, :math:`1 - \exp\{-(\lambda \pm
1.96\sqrt{\lambda/(n f)})\,t\}`, lie within a margin of it.

*A marker or two groups.* :math:`D = (z_{1-\alpha/2} + z_{1-\beta})^2 / \{\sigma^2 (1 - R^2) \log^2\mathrm{HR}\}` events
(Hsieh and Lavori; :math:`\sigma^2 = p(1 - p)` for groups, Schoenfeld), over the share of patients who have one.

*C.* The index tells nothing, an event is as likely at every observed time (Koziol and Green), and the expectations of
the pairs and of their imbalance enter the formula of :mod:`survmodel.performance.planning`:

.. math:: \mathrm{E}P = e\,\frac{n(n-1)}{2}, \qquad
   \mathrm{E}d_i^2 = e(n-i)^2 - 2e^2(n-i)(i-1) + e(1-e)(i-1) + e^2(i-1)^2
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError
from survmodel.formatting import format_count, format_number, format_significant
from survmodel.performance.planning import is_between, spread_of, sum_of_quantiles
from survmodel.result import Display, Result
from survmodel.table import Table

#: Largest difference between apparent and corrected Nagelkerke R2 of the second criterion.
MOST_OPTIMISM = 0.05
SHRINKAGE, OPTIMISM, OVERALL_RISK, WHOLE = "shrinkage", "optimism of R2", "overall risk", "largest"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SampleSize(Result):
    """Patients and events that a study needs.

    Attributes
    ----------
    table : pandas.DataFrame
        Columns measure (criterion), n, n_event, estimate (events per parameter, or what the criterion is about).
    title, conventions : str
        What was asked for, and by which formula.
    warnings : tuple of str
        What the reader must know.
    """

    table: pd.DataFrame
    title: str
    conventions: str
    warnings: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Patients: the most that any criterion asks for."""
        return int(self.table["n"].max())

    @property
    def n_event(self) -> int:
        """Events among them."""
        return int(self.table["n_event"].max())

    def tidy(self) -> pd.DataFrame:
        """Give one row for each criterion.

        Returns
        -------
        pandas.DataFrame
            Columns measure, n, n_event, estimate.
        """
        return self.table.copy()

    def glance(self) -> pd.DataFrame:
        """Give what is needed in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_event, conventions.
        """
        return pd.DataFrame([{"n": self.n, "n_event": self.n_event, "conventions": self.conventions}])

    def _display(self) -> Display:
        rows = [
            [
                str(one["measure"]),
                format_count(one["n"]),
                format_count(one["n_event"]),
                format_number(one["estimate"], 2),
            ]
            for one in self.table.to_dict("records")
        ]
        what = "events per parameter" if len(self.table) > 1 else "share with an event"
        return Display(self.title, (Table(["criterion", "patients", "events", what], rows),), (self.conventions,))


def riley_sample_size(
    n_parameters: int,
    *,
    rate: float,
    follow_up: float,
    horizon: float,
    r2_cs: float | None = None,
    r2_nagelkerke: float | None = None,
    shrinkage: float = 0.9,
    margin: float = 0.05,
) -> SampleSize:
    """Compute the patients that a prediction model with so many parameters needs.

    Parameters
    ----------
    n_parameters : int
        Candidate parameters, those that a selection drops among them.
    rate : float
        Events for each unit of time.
    follow_up : float
        Mean follow-up.
    horizon : float
        Time of the predicted risk; unit as of `rate` and `follow_up`.
    r2_cs : float, optional
        Expected Cox-Snell R2 of the model, of a published one where there is one.
    r2_nagelkerke : float, optional
        Instead of it, as a share of its maximum; 0.15 where nothing is known.
    shrinkage : float
        Smallest uniform shrinkage factor.
    margin : float
        Largest distance of a limit of the overall risk from it.

    Returns
    -------
    SampleSize
        One row for each criterion; ``.n`` is the largest.

    Raises
    ------
    ConfigError
        For numbers out of range, and unless one of the two R2 is given.

    References
    ----------
    Riley RD et al. (2019). Stat Med 38:1276-1296. Riley RD et al. (2020). BMJ 368:m441.

    Examples
    --------
    >>> found = riley_sample_size(5, rate=0.15, follow_up=2, horizon=2, r2_cs=0.15)
    >>> found.tidy()["n"].tolist()[0], found.n
    (275, 275)
    """
    check_positive({"rate": rate, "follow_up": follow_up, "horizon": horizon})
    check_count(n_parameters, "n_parameters")
    for name, value in (("shrinkage", shrinkage), ("margin", margin)):
        if not is_between(value, 0, 1):
            raise ConfigError(f"{name} is {value}", remedy="give a share between 0 and 1")
    largest = _largest_r2(rate * follow_up)
    if (r2_cs is None) == (r2_nagelkerke is None):
        raise ConfigError("the expected R2 is not clear", remedy="give r2_cs or r2_nagelkerke, and not both")
    given = r2_cs if r2_cs is not None else r2_nagelkerke
    if not is_between(given, 0, 1):
        raise ConfigError(f"the expected R2 is {given}", remedy="give a number between 0 and 1")
    r2 = float(r2_cs) if r2_cs is not None else float(r2_nagelkerke or 0) * largest
    if r2 >= min(largest, shrinkage):
        bound = format_significant(min(largest, shrinkage))
        raise ConfigError(f"an R2 of {format_significant(r2)} cannot be reached", f"the largest is {bound}",
                          "give the Cox-Snell R2, which events bound")  # fmt: skip
    sizes = {
        SHRINKAGE: _n_of_shrinkage(n_parameters, r2, shrinkage),
        OPTIMISM: _n_of_shrinkage(n_parameters, r2, r2 / (r2 + MOST_OPTIMISM * largest)),
        OVERALL_RISK: _n_of_overall_risk(rate, follow_up, horizon, margin),
    }
    rows = []
    for measure, n in sizes.items():
        events = math.ceil(n * rate * follow_up)
        rows.append([measure, n, events, n * rate * follow_up / n_parameters])
    table = pd.DataFrame(rows, columns=["measure", "n", "n_event", "estimate"])
    what = f"R2 (Cox-Snell) {format_significant(r2)} of at most {format_significant(largest)}"
    return SampleSize(
        table,
        f"Patients for a model of {n_parameters} parameters: {format_count(table['n'].max())}",
        f"Riley 2019; {what}; constant rate; shrinkage {format_significant(shrinkage)}",
    )


def affordable_parameters(n: int, r2_cs: float, *, shrinkage: float = 0.9) -> float:
    """Give how many parameters so many patients can carry, by Riley's first criterion.

    Parameters
    ----------
    n : int
        Patients.
    r2_cs : float
        Expected Cox-Snell R2 of the model.
    shrinkage : float
        Smallest uniform shrinkage factor.

    Returns
    -------
    float
        Parameters; below 1 not even a single one.

    Raises
    ------
    ConfigError
        For numbers out of range.

    References
    ----------
    Riley RD et al. (2019). Stat Med 38:1276-1296.

    Examples
    --------
    >>> round(affordable_parameters(50, 0.15), 1), round(affordable_parameters(100, 0.30), 1)
    (0.9, 4.1)
    """
    check_count(n, "n")
    if not (is_between(shrinkage, 0, 1) and is_between(r2_cs, 0, shrinkage)):
        raise ConfigError(f"r2_cs is {r2_cs} and shrinkage {shrinkage}", remedy="give 0 < r2_cs < shrinkage < 1")
    return n * (shrinkage - 1) * math.log(1 - r2_cs / shrinkage)


def marker_events(
    hazard_ratio: float, *, sd: float = 1.0, r_squared: float = 0.0, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Give the events that the hazard ratio of a continuous marker needs.

    Parameters
    ----------
    hazard_ratio : float
        For one unit of the marker, above or below 1.
    sd : float
        Standard deviation of the marker in that unit; 1 for a hazard ratio per standard deviation.
    r_squared : float
        Share of the variance of the marker that the other covariates explain.
    power, alpha : float
        Power, and two-sided level of the test.

    Returns
    -------
    int
        Events, not patients.

    Raises
    ------
    ConfigError
        For numbers out of range, and a hazard ratio of 1.

    References
    ----------
    Hsieh FY, Lavori PW (2000). Control Clin Trials 21:552-560.

    Examples
    --------
    >>> marker_events(1.3), marker_events(1.5), marker_events(2.0)
    (115, 48, 17)
    """
    return events_for(hazard_ratio, spread_of(None, sd), r_squared=r_squared, power=power, alpha=alpha)


def logrank_sample_size(
    hazard_ratio: float,
    *,
    rate: float,
    accrual: float,
    follow_up: float,
    share: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> SampleSize:
    """Compute the events and patients of a comparison of two groups.

    Parameters
    ----------
    hazard_ratio : float
        Of the second group against the first.
    rate : float
        Events of the first group for each unit of time, taken to be constant.
    accrual : float
        How long patients are enrolled, at an even pace; 0 when all enter at once.
    follow_up : float
        From the last enrolment to the analysis.
    share : float
        Share of the patients in the second group.
    power, alpha : float
        Power, and two-sided level of the test.

    Returns
    -------
    SampleSize
        Events by Schoenfeld, and patients by the chance of an event in each group.

    Raises
    ------
    ConfigError
        For numbers out of range, and a hazard ratio of 1.

    References
    ----------
    Schoenfeld DA (1983). Biometrics 39:499-503.

    Examples
    --------
    >>> found = logrank_sample_size(2.0, rate=0.1, accrual=2.0, follow_up=2.0)
    >>> found.n_event, found.n
    (66, 188)
    """
    check_positive({"rate": rate, "follow_up": follow_up})
    if not (accrual == 0 or is_between(accrual, 0, math.inf)):
        raise ConfigError(f"accrual is {accrual}", remedy="give a time of 0 or more")
    events = events_for(hazard_ratio, spread_of(share, 1.0), power=power, alpha=alpha)
    chances = [_chance(rate * ratio, accrual, follow_up) for ratio in (1.0, hazard_ratio)]
    whole = (1 - share) * chances[0] + share * chances[1]
    table = pd.DataFrame(
        [["log-rank test", math.ceil(events / whole), events, whole]], columns=["measure", "n", "n_event", "estimate"]
    )
    ratio = format_significant(hazard_ratio)
    return SampleSize(
        table, f"Patients for two groups with a hazard ratio of {ratio}: {format_count(table['n'].max())}",
        "Schoenfeld 1983; constant rates, even accrual, nobody lost",
    )  # fmt: skip


def concordance_half_width(n: int, event_share: float, *, conf_level: float = 0.95) -> float:
    """Give the half-width that the limits of Harrell's C are to have.

    Parameters
    ----------
    n : int
        Patients, 2 or more.
    event_share : float
        Share of the patients with an event, above 0 and at most 1.
    conf_level : float
        Coverage of the limits.

    Returns
    -------
    float
        Half the width of normal limits of C around 1/2, in expectation.

    Raises
    ------
    ConfigError
        For numbers out of range.

    References
    ----------
    Kendall MG (1938). Biometrika 30:81-93. Koziol JA, Green SB (1976). Biometrika 63:465-474.

    Examples
    --------
    >>> round(concordance_half_width(50, 0.4), 3), round(concordance_half_width(200, 0.4), 3)
    (0.151, 0.074)
    """
    check_count(n, "n", least=2)
    if not (is_between(event_share, 0, 1) or event_share == 1):
        raise ConfigError(f"event_share is {event_share}", remedy="give a share above 0 and at most 1")
    if not is_between(conf_level, 0, 1):
        raise ConfigError(f"conf_level is {conf_level}", remedy="give a share such as 0.95")
    place, share = np.arange(1, n + 1, dtype=np.float64), float(event_share)
    later, earlier = n - place, place - 1
    imbalance = (
        share * later**2 - 2 * share**2 * later * earlier + share * (1 - share) * earlier + share**2 * earlier**2
    )
    pairs = share * n * (n - 1) / 2
    return normal_quantile(conf_level) * math.sqrt((pairs + float(imbalance.sum())) / 12) / pairs


def _largest_r2(events_per_patient: float) -> float:
    """Largest Cox-Snell R2 that a model of so many events for each patient can have."""
    return 1 - math.exp(2 * (events_per_patient * math.log(events_per_patient) - events_per_patient))


def _n_of_shrinkage(n_parameters: int, r2: float, shrinkage: float) -> int:
    return math.ceil(n_parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage)))


def _n_of_overall_risk(rate: float, follow_up: float, horizon: float, margin: float) -> int:
    """Find the fewest patients of whom both limits of the overall risk lie within the margin."""
    risk = -math.expm1(-rate * horizon)

    def reach(n: int) -> float:
        error = normal_quantile(0.95) * math.sqrt(rate / (n * follow_up))
        low, high = (-math.expm1(-max(value, 0.0) * horizon) for value in (rate - error, rate + error))
        return max(risk - low, high - risk)

    high = 1
    while reach(high) > margin:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if reach(middle) > margin else (low, middle)
    return high


def _chance(rate: float, accrual: float, follow_up: float) -> float:
    """Chance of an event of a patient who enters at an even pace and is followed to the analysis."""
    if accrual == 0:
        return -math.expm1(-rate * follow_up)
    return 1 - math.exp(-rate * follow_up) * -math.expm1(-rate * accrual) / (rate * accrual)


def events_for(
    hazard_ratio: float, spread: float, *, r_squared: float = 0.0, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Give the events for a hazard ratio of a covariate with a given spread.

    Parameters
    ----------
    hazard_ratio : float
        For one unit of it.
    spread : float
        Standard deviation of the covariate.
    r_squared : float
        Share of its variance that others explain.
    power, alpha : float
        Power, and two-sided level.

    Returns
    -------
    int
        Events.

    Raises
    ------
    ConfigError
        For numbers out of range.
    """
    if not (is_between(hazard_ratio, 0, math.inf) and hazard_ratio != 1):
        raise ConfigError(f"the hazard ratio is {hazard_ratio}", remedy="give a positive number other than 1")
    if not (r_squared == 0 or is_between(r_squared, 0, 1)):
        raise ConfigError(f"r_squared is {r_squared}", remedy="give a share from 0 up to, not including, 1")
    quantiles = sum_of_quantiles(power, alpha)
    return math.ceil(quantiles**2 / (spread**2 * (1 - r_squared) * math.log(hazard_ratio) ** 2))


def check_positive(values: dict[str, float]) -> None:
    """Refuse numbers that are not above 0 and finite.

    Parameters
    ----------
    values : dict of str to float
        By what they are called.

    Raises
    ------
    ConfigError
        For the first that is not.
    """
    for name, value in values.items():
        if not is_between(value, 0, math.inf):
            raise ConfigError(f"{name} is {value}", remedy="give a number above 0")


def check_count(value: object, name: str, least: int = 1) -> None:
    """Refuse what is no whole number, or too small.

    Parameters
    ----------
    value : object
        What was given.
    name : str
        What it is called.
    least : int
        Smallest number.

    Raises
    ------
    ConfigError
        When it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or int(value) < least:
        raise ConfigError(f"{name} is {value}", remedy=f"give a whole number from {least} up")
