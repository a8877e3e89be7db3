"""What is asked of a random survival forest, checked before any data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from survmodel.errors import ConfigError, closest
from survmodel.models.forest_tuning import ForestTuning
from survmodel.models.formula import parse_formula

#: Engines, by name.
ENGINES = ("survmodel", "scikit-survival")
#: What becomes of rows with a missing value.
MISSING_RULES = ("leave out", "direction")
#: Fields that only our own engine knows, with the value that asks for nothing.
OWN_FIELDS = {
    "min_events": 1,
    "max_depth": None,
    "random_cuts": None,
    "replace": True,
    "sample_fraction": None,
    "missing": "leave out",
    "n_jobs": 1,
}
#: Share of the rows that a tree is grown on where it draws without replacement.
DRAWN_SHARE = 0.632


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """The fields of :class:`~survmodel.models.survival_forest.RandomSurvivalForest`, which describes them."""

    formula: str | Sequence[str]
    n_trees: int = 500
    mtry: int | None = None
    min_leaf: int | None = None
    seed: int = 0
    engine: Literal["survmodel", "scikit-survival"] = "survmodel"
    min_events: int = 1
    max_depth: int | None = None
    random_cuts: int | None = None
    replace: bool = True
    sample_fraction: float | None = None
    missing: Literal["leave out", "direction"] = "leave out"
    n_jobs: int = 1
    tuning: ForestTuning | None = None

    @property
    def is_tuned(self) -> bool:
        """Whether columns and leaves are chosen by what the forest says out of bag."""
        return self.tuning is not None

    def __post_init__(self) -> None:
        formula = parse_formula(self.formula)
        if formula.offsets:
            raise ConfigError("a forest takes no offset", formula.text, "leave it out")
        if not formula.terms:
            raise ConfigError("a forest needs columns", formula.text, "name at least one")
        for name, known in (("engine", ENGINES), ("missing", MISSING_RULES)):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} {getattr(self, name)!r} is not available", closest(str(getattr(self, name)), known)
                )
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ConfigError(f"{name} is {value!r}", remedy=f"give a whole number of at least {least}")
        if not isinstance(self.replace, bool):
            raise ConfigError(f"replace is {self.replace!r}", remedy="give True or False")
        self._check_share()
        self._check_tuning()
        if self.engine != "survmodel":
            asked = [name for name, plain in OWN_FIELDS.items() if getattr(self, name) != plain]
            if asked:
                raise ConfigError(f"{self.engine} knows no {asked[0]}", remedy='leave it out, or engine="survmodel"')

    def _check_tuning(self) -> None:
        if self.tuning is None:
            return
        if not isinstance(self.tuning, ForestTuning):
            raise ConfigError(f"tuning is {self.tuning!r}", remedy="give ForestTuning(), with or without grids")
        fixed = [name for name in ("mtry", "min_leaf") if getattr(self, name) is not None]
        if fixed:
            raise ConfigError(f"{fixed[0]} is given and tuned", remedy=f"leave it out, or give tuning its {fixed[0]}")

    def _check_share(self) -> None:
        share = self.sample_fraction
        if share is not None and (isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1):
            raise ConfigError(f"sample_fraction is {share!r}", remedy="give a number above 0, at most 1")

    def n_draws(self, n: int) -> int:
        """Tell how many of n rows a tree is grown on."""
        share = self.sample_fraction if self.sample_fraction is not None else (1.0 if self.replace else DRAWN_SHARE)
        return max(1, round(share * n))


#: Least value of each whole number; None is allowed where that is the default.
_LEAST = {
    "n_trees": 1,
    "mtry": 1,
    "min_leaf": 1,
    "seed": 0,
    "min_events": 0,
    "max_depth": 1,
    "random_cuts": 1,
    "n_jobs": 1,
}
