"""Which cases are timed, against whom, and what is asked of each. A new row is a new entry here."""

from __future__ import annotations

from dataclasses import dataclass, field

#: Peers that peers.R times, by kind; all others are in peers.py.
R_PEERS = ("coxph.fit", "coxph", "survfit", "concordance", "ranger", "rms::validate", "mice")
#: Peers that cannot live beside survmodel; the interpreter that has them stands in SURVMODEL_PEER_PYTHON.
APART = ("comprisk",)


@dataclass(frozen=True)
class Budget:
    """What is asked of the ratio to one peer.

    Attributes
    ----------
    at_least : float
        Least ratio of the peer's time to ours; below 1 we may be slower.
    extra : float
        Seconds of ours that do not count.
    """

    at_least: float
    extra: float = 0.0

    def __str__(self) -> str:
        return f">= {self.at_least:.3g}" + (f" after {1000 * self.extra:g} ms" if self.extra else "")


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes
    ----------
    name, kind : str
        Name of the rows, and what is computed ("cox", "km", "concordance", "optimism", "imputation", "forest",
        "importance").
    n, p : int
        Patients and columns; of a forest, the patients it is trained on.
    peers : tuple of str
        Whom survmodel is compared with; nobody where it is only asked to finish within its memory.
    budgets : dict of str to Budget
        By peer.
    memory : float
        Most bytes above those of the input, in inputs; infinite where nothing is asked. Asked in rows with a budget
        of time, or in every row of a case that has none.
    tolerance : tuple of float
        How far a check value may lie from ours: one for all values, or one for each.
    loose : dict of str to tuple of float
        The same for peers that stop their iterations early.
    large : bool
        Whether it runs only when asked for.
    trees : int
        Trees of a forest.
    rounds : int
        Most rounds, fewer where peers take half a minute.
    """

    name: str
    kind: str
    n: int
    p: int
    peers: tuple[str, ...]
    budgets: dict[str, Budget] = field(default_factory=dict)
    memory: float = float("inf")
    tolerance: tuple[float, ...] = (1e-9,)
    loose: dict[str, tuple[float, ...]] = field(default_factory=dict)
    large: bool = False
    trees: int = 0
    rounds: int = 5


def input_bytes(p: int) -> int:
    """Give the bytes of one patient: p columns and a time of 8 each, and an event of 4."""
    return 8 * (p + 1) + 4


#: Forests differ by their seeds and conventions.
FOREST_C = (0.02,)
EARLY = {"lifelines": (1e-5,), "statsmodels": (1e-6,), "sksurv": (1e-6,)}

CASES = (
    Case(
        "cox_300x10",
        "cox",
        300,
        10,
        ("kernel", "coxph.fit", "coxph", "lifelines", "sksurv", "statsmodels"),
        {"kernel": Budget(1 / 3, extra=0.003)},
        loose=EARLY,
    ),
    Case(
        "cox_10000x20",
        "cox",
        10_000,
        20,
        ("kernel", "coxph.fit", "coxph", "lifelines"),
        {"coxph.fit": Budget(5)},
        loose=EARLY,
    ),
    Case("km_300", "km", 300, 2, ("survfit", "lifelines"), tolerance=(1e-12,)),
    Case("concordance_300", "concordance", 300, 2, ("concordance", "lifelines"), tolerance=(1e-12,)),
    # All draw their own samples: the corrected C agrees as far as so few of them tell.
    Case(
        "optimism_300x10",
        "optimism",
        300,
        10,
        ("rms::validate", "lifelines"),
        {"rms::validate": Budget(30), "lifelines": Budget(400)},
        tolerance=(1e-6, 0.03),
    ),
    # scikit-survival takes G(T) where we take G(T-), and lets deaths and censorings of one time leave together.
    Case("scores_300", "scores", 300, 2, ("sksurv",), {"sksurv": Budget(40)}, tolerance=(0.01,)),
    # Pooled coefficients of 20 imputations, each program with its own draws.
    Case("imputation_250x10", "imputation", 250, 10, ("mice",), {"mice": Budget(20)}, tolerance=(0.15,), rounds=3),
    Case(
        "forest_300x10",
        "forest",
        300,
        10,
        ("ranger", "sksurv", "comprisk"),
        {"ranger": Budget(10), "sksurv": Budget(10)},
        tolerance=FOREST_C,
        trees=500,
    ),
    Case(
        "forest_2000x10",
        "forest",
        2_000,
        10,
        ("ranger", "sksurv", "comprisk"),
        {"ranger": Budget(30), "sksurv": Budget(30), "comprisk": Budget(8)},
        tolerance=FOREST_C,
        trees=200,
        rounds=3,
    ),
    # ranger and scikit-survival take minutes here, or gigabytes.
    Case(
        "forest_10000x20",
        "forest",
        10_000,
        20,
        ("comprisk",),
        {"comprisk": Budget(5)},
        tolerance=FOREST_C,
        trees=50,
    ),
    Case(
        "importance_500x14",
        "importance",
        500,
        14,
        ("ranger",),
        {"ranger": Budget(8)},
        tolerance=FOREST_C,
        trees=500,
    ),
    Case(
        "cox_1000000x20",
        "cox",
        1_000_000,
        20,
        ("kernel", "coxph.fit"),
        {"coxph.fit": Budget(3)},
        memory=3.5,
        large=True,
    ),
    # 100 MB
    Case(
        "forest_50000x20",
        "forest",
        50_000,
        20,
        ("comprisk",),
        memory=100e6 / (50_000 * input_bytes(20)),
        tolerance=FOREST_C,
        large=True,
        trees=20,
    ),
    Case("forest_1000000x20", "forest", 1_000_000, 20, (), large=True, trees=5, rounds=1),
)
