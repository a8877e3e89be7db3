"""What is true in a simulated study: effects, baseline hazards, and where each number comes from.

The hazard of progression or death of a patient of entity e in index group g is Weibull::

    H(t) = rate[e, g] * anchor * (t / anchor) ** shape[e]
           * exp(b_cxcr4 * (log2 SUVmax_cxcr4 - log2 median_cxcr4[e]) + b_fdg * (log2 SUVmax_fdg - log2 median_fdg[e]))

so that at the median uptake the curve passes through ``exp(-rate * anchor)`` at the anchor time, which is the published
survival wherever a source is named. SUVmax is that of the hottest lesion before the shift of the scanner. A scan that
shows nothing has an uptake below what can be seen; its hazard follows the same line. In the null scenario both slopes
are exactly 0: given the index group, neither tracer tells anything.

Rates are events for each year. Sources have a code S##, listed at the end; **everything without a source
is assumed, not published**, and every rate published for death is used for progression or death, which is assumed too.

======  =========================================================================================================
Entity  Index, shares and rates of the groups (low, intermediate, high)
======  =========================================================================================================
MZL     MZL-IPI 27/57/16 %, 5-year PFS 85/66/37 %: .033, .083, .199 (S47)
MCL     MIPI 44/35/21 % (S40); .163, .287 from a median survival of 51 and 29 months (S40); low .100 assumed
DLBCL   IPI; shares 60/30/10 % as those of the risk groups of S54; high .182 from a 3-year PFS of 58.0 % (S54); low .080
        and intermediate .140 assumed
FL      FLIPI 36/37/27 %, hazard ratios 2.3 and 4.3 (S37); low .060 assumed
MM      R-ISS II 62 % (S61), I 28 % and III 10 % assumed; ratios 2.40 and 4.58 of the 5-year survival 82/62/40 %
        (S60); low .130 assumed, so that the median PFS lies between the 26.2 and 34.2 months of patients with remaining
        CXCR4 uptake (S21)
CLL     CLL-IPI 5-year survival 93.2/79.3 %: .014, .046 (S64); high .180, between .091
        and .291 (S64), and shares 40/35/25 % assumed
AML     ELN 2022 median survival 16.8 and 9.7 months: .495, .858 (S66); favourable .350 and shares 30/30/40 % assumed
======  =========================================================================================================

======  =========================================================================================================
Entity  Uptake: median SUVmax and share of scans read as negative, CXCR4 and FDG
======  =========================================================================================================
MZL     CXCR4 negative 2 % (pooled sensitivity 97.6 %, S22); FDG negative 30 %, medians 9.0 and 4.5 assumed
MCL     CXCR4 negative 0 % (S10); FDG negative 10 % assumed; medians 10.0 and 4.1 in the ratio 4.9 to 2.0 (S10)
DLBCL   medians 6.0 and 14.0, negative 15 % and 2 % assumed
FL      medians 5.0 and 9.0, negative 15 % and 5 % assumed
MM      negative 10 % and 32.5 % (S21); medians 11.2 and 7.4 give the pooled means 13.6 and 9.0 (S22)
CLL     medians 6.0 and 4.0, negative 10 % and 30 % assumed
AML     CXCR4 negative 50 % (S26); FDG median 6.1 (S27), CXCR4 median 5.5 and FDG negative 40 % assumed
======  =========================================================================================================

Assumed for all: Weibull shapes, the share of deaths without progression, survival after progression, ages, and a
standard deviation of 0.9 doublings of SUVmax within an entity. The slope of the strong scenario, 0.80 for each
doubling, is what a hazard ratio of 3.18 between high and low uptake (S14) means when the halves lie 1.44 doublings
apart; that of the realistic scenario, 0.35, is assumed, as are those of FDG. The activity of Pentixafor, 1.85 to 3.71
MBq/kg, is from S3, the share of changed stages, 27 %, from S14. A latent burden of disease loads on index, FDG and
CXCR4 (0.5, 0.6, 0.6; assumed).

Sources: S3 trial NCT05255926; S10 Mayerhoefer 2021 (MCL, PMC7738870); S14 Duell, J Nucl Med 2023 64:1889 (MZL); S21
Kaur (MM, response); S22 Chavoshi 2024 (meta-analysis); S26 Herhaus (AML, PMC4967572); S27 PETAML (PMC7271590); S37
FLIPI, Blood 2004 104:1258; S40 MIPI, Blood 2008 111:558; S47 MZL-IPI (PMC11019091); S54 Mikhaeel, J Clin Oncol 2022
(PMC9287279); S60, S61 reports on R-ISS; S64 tables of the CLL-IPI; S66 ELN 2022, Blood Adv 2023 7:1899.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

from survmodel.errors import ConfigError, closest

LockName = Literal["trial", "multicentre"]
Scenario = Literal["null", "realistic", "strong"]
Triple = tuple[float, float, float]

#: Groups of every clinical index, from the best to the worst.
INDEX_GROUPS = ("low", "intermediate", "high")

#: Accrual and data lock of both locks, as ISO dates.
ACCRUAL = ("2020-08-07", "2023-12-31")
DATA_LOCK = "2025-01-31"

#: Standard deviation of log2 SUVmax within an entity.
UPTAKE_SD = 0.9
#: Correlation of the latent burden with index, FDG and CXCR4.
LOADINGS = {"index": 0.5, "fdg": 0.6, "cxcr4": 0.6}
#: Log hazard ratio for each doubling of SUVmax: CXCR4, FDG.
SLOPES: dict[str, tuple[float, float]] = {"null": (0.0, 0.0), "realistic": (0.35, 0.20), "strong": (0.80, 0.30)}


@dataclass(frozen=True, slots=True)
class EntityTruth:
    """What is true in one entity.

    Attributes
    ----------
    entity, disease_group, index_name : str
        Its name, its group, its clinical index.
    index_shares : tuple of float
        Shares of the index groups low, intermediate, high.
    yearly_rates : tuple of float
        Events of progression or death for each year up to the anchor, by index group, at the median uptake.
    anchor_years, shape : float
        Where the rates hold on average, and the Weibull shape.
    death_share : float
        Share of the events that are deaths without progression.
    rate_after_progression : float
        Deaths for each year after progression.
    cxcr4_median, cxcr4_negative, fdg_median, fdg_negative : float
        Median SUVmax of the hottest lesion, and share of scans that show nothing.
    age_mean, age_sd : float
        Age in years.
    """

    entity: str
    disease_group: str
    index_name: str
    index_shares: Triple
    yearly_rates: Triple
    anchor_years: float
    shape: float
    death_share: float
    rate_after_progression: float
    cxcr4_median: float
    cxcr4_negative: float
    fdg_median: float
    fdg_negative: float
    age_mean: float
    age_sd: float

    @property
    def log_hazard_ratios(self) -> dict[str, float]:
        """Log hazard ratio of each index group against low."""
        low = self.yearly_rates[0]
        return {group: math.log(rate / low) for group, rate in zip(INDEX_GROUPS, self.yearly_rates, strict=True)}

    def years_to_event(self, cumulative_hazard: float, group: str, log_ratio: float) -> float:
        """Find when the cumulative hazard of a patient reaches a level.

        Parameters
        ----------
        cumulative_hazard : float
            The level, above 0.
        group : str
            Index group.
        log_ratio : float
            Log hazard ratio of the patient's uptake.

        Returns
        -------
        float
            Time in years.

        Examples
        --------
        >>> mzl = ENTITIES["MZL"]
        >>> round(mzl.years_to_event(0.033 * 5, "low", 0.0), 9)
        5.0
        """
        at_anchor = self.yearly_rates[INDEX_GROUPS.index(group)] * self.anchor_years * math.exp(log_ratio)
        return float(self.anchor_years * (cumulative_hazard / at_anchor) ** (1 / self.shape))


ENTITIES = {
    one.entity: one
    for one in (
        EntityTruth("MZL", "lymphoma", "MZL-IPI", (0.27, 0.57, 0.16), (0.033, 0.083, 0.199), 5.0, 1.0, 0.12, 0.12,
                    9.0, 0.02, 4.5, 0.30, 65, 11),
        EntityTruth("MCL", "lymphoma", "MIPI", (0.44, 0.35, 0.21), (0.100, 0.163, 0.287), 3.0, 1.0, 0.12, 0.30,
                    10.0, 0.0, 4.1, 0.10, 67, 9),
        EntityTruth("DLBCL", "lymphoma", "IPI", (0.60, 0.30, 0.10), (0.080, 0.140, 0.182), 3.0, 0.7, 0.12, 0.50,
                    6.0, 0.15, 14.0, 0.02, 62, 13),
        EntityTruth("FL", "lymphoma", "FLIPI", (0.36, 0.37, 0.27), (0.060, 0.060 * 2.3, 0.060 * 4.3), 5.0, 1.0, 0.10,
                    0.08, 5.0, 0.15, 9.0, 0.05, 61, 11),
        EntityTruth("MM", "myeloma", "R-ISS", (0.28, 0.62, 0.10), (0.130, 0.130 * 2.40, 0.130 * 4.58), 3.0, 1.1, 0.12,
                    0.22, 11.2, 0.10, 7.4, 0.325, 64, 9),
        EntityTruth("CLL", "leukemia", "CLL-IPI", (0.40, 0.35, 0.25), (0.014, 0.046, 0.180), 5.0, 1.2, 0.25, 0.15,
                    6.0, 0.10, 4.0, 0.30, 69, 9),
        EntityTruth("AML", "leukemia", "ELN 2022", (0.30, 0.30, 0.40), (0.350, 0.495, 0.858), 1.4, 0.8, 0.30, 1.20,
                    5.5, 0.50, 6.1, 0.40, 60, 14),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a lock is, and how many of its rows hold what a clean table would not.

    Attributes
    ----------
    name : str
        Name of the lock.
    confirmed, benign : dict of str to int
        Patients by entity; for the benign, the entity that was suspected.
    sites : dict of str to float
        Sites and their shares.
    scanners : dict of str to tuple of str
        Scanners of each site.
    far_apart, pretreated, paediatric, no_limit, indeterminate : int
        Patients with scans more than 14 days apart, treated before the scan, younger than 18 (AML), with LDH but
        without its upper limit; scans whose consensus is indeterminate.
    """

    name: str
    confirmed: dict[str, int]
    benign: dict[str, int]
    sites: dict[str, float]
    scanners: dict[str, tuple[str, ...]]
    far_apart: int
    pretreated: int
    paediatric: int
    no_limit: int
    indeterminate: int


PLANS = {
    "trial": Plan(
        "trial",
        {"MZL": 7, "MCL": 5, "DLBCL": 6, "FL": 4, "MM": 18, "CLL": 3, "AML": 7},
        {"MZL": 2, "DLBCL": 2, "MM": 2},
        {"site_1": 1.0},
        {"site_1": ("scanner_A", "scanner_B")},
        far_apart=2, pretreated=1, paediatric=1, no_limit=1, indeterminate=3,
    ),
    "multicentre": Plan(
        "multicentre",
        {"MZL": 30, "MCL": 21, "DLBCL": 26, "FL": 17, "MM": 77, "CLL": 15, "AML": 28},
        {"MZL": 9, "DLBCL": 9, "MM": 8},
        {"site_1": 0.4, "site_2": 0.25, "site_3": 0.2, "site_4": 0.15},
        {
            "site_1": ("scanner_A", "scanner_B"), "site_2": ("scanner_C",), "site_3": ("scanner_B",),
            "site_4": ("scanner_D",),
        },
        far_apart=6, pretreated=4, paediatric=3, no_limit=5, indeterminate=12,
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Truth:
    """The true effects of a simulated study.

    Attributes
    ----------
    lock, scenario : str
        Which study.
    seed : int
        Its seed.
    log_hr_cxcr4, log_hr_fdg : float
        Log hazard ratio of progression or death for each doubling of the SUVmax of the hottest lesion, within entity,
        given the index group and the other tracer.
    uptake_sd : float
        Standard deviation of log2 SUVmax within an entity, before negative scans are taken out.
    loadings : dict of str to float
        Correlation of the latent burden with index, FDG and CXCR4.
    scanner_shifts : dict of str to float
        What each scanner adds to log2 SUV; not part of the hazard.
    entities : tuple of EntityTruth
        Baseline hazards and index groups.
    """

    lock: str
    scenario: str
    seed: int
    log_hr_cxcr4: float
    log_hr_fdg: float
    uptake_sd: float
    loadings: dict[str, float]
    scanner_shifts: dict[str, float]
    entities: tuple[EntityTruth, ...]

    @property
    def has_added_value(self) -> bool:
        """Whether CXCR4 tells anything beyond index and FDG."""
        return self.log_hr_cxcr4 != 0

    def index_log_hazard(self, entity: str, group: str) -> float:
        """Give the true log hazard ratio of an index group against the low one.

        Parameters
        ----------
        entity, group : str
            Entity and index group.

        Returns
        -------
        float
            The log hazard ratio.
        """
        return ENTITIES[entity].log_hazard_ratios[group]

    def to_record(self) -> dict[str, object]:
        """Give the truth as what JSON can hold.

        Returns
        -------
        dict
            Every number, and the log hazard ratios of the index groups.
        """
        record = asdict(self)
        for entity, one in zip(record["entities"], self.entities, strict=True):
            entity["index_log_hazard_ratios"] = one.log_hazard_ratios
        return {"SYNTHETIC": "no patient of this study exists", "has_added_value": self.has_added_value, **record}


#: What each scanner adds to log2 SUV (assumed).
SCANNER_SHIFTS = {"scanner_A": 0.0, "scanner_B": -0.12, "scanner_C": 0.08, "scanner_D": -0.15}


def make_truth(lock: str, scenario: str, seed: int) -> Truth:
    """Put together what is true in a study.

    Parameters
    ----------
    lock : {"trial", "multicentre"}
        Which lock.
    scenario : {"null", "realistic", "strong"}
        How much uptake tells.
    seed : int
        Seed of the study, at least 0.

    Returns
    -------
    Truth
        The truth.

    Raises
    ------
    ConfigError
        For names that do not exist and seeds that are no whole number of at least 0.

    Examples
    --------
    >>> make_truth("trial", "null", 1).has_added_value
    False
    """
    for word, what, known in ((lock, "lock", PLANS), (scenario, "scenario", SLOPES)):
        if word not in known:
            raise ConfigError(f"there is no {what} {word!r}", remedy=closest(str(word), known))
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError("the seed is no whole number of at least 0")
    cxcr4, fdg = SLOPES[scenario]
    used = sorted({scanner for several in PLANS[lock].scanners.values() for scanner in several})
    return Truth(
        lock=lock,
        scenario=scenario,
        seed=seed,
        log_hr_cxcr4=cxcr4,
        log_hr_fdg=fdg,
        uptake_sd=UPTAKE_SD,
        loadings=dict(LOADINGS),
        scanner_shifts={scanner: SCANNER_SHIFTS[scanner] for scanner in used},
        entities=tuple(ENTITIES.values()),
    )
