"""What is asked of a random survival forest, checked before any data are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from survmodel.errors import ConfigError, closest
from survmodel.models.formula import parse_formula

#: Engines, by name.
ENGINES = ("scikit-survival",)


@dataclass(frozen=True, slots=True)
class ForestSettings:
    """The fields of :class:`~survmodel.models.survival_forest.RandomSurvivalForest`, which describes them."""

    formula: str | Sequence[str]
    n_trees: int = 500
    mtry: int | None = None
    min_leaf: int | None = None
    seed: int = 0
    engine: Literal["scikit-survival"] = "scikit-survival"

    def __post_init__(self) -> None:
        formula = parse_formula(self.formula)
        if formula.offsets:
            raise ConfigError("a forest takes no offset", formula.text, "leave it out")
        if not formula.terms:
            raise ConfigError("a forest needs columns", formula.text, "name at least one")
        if self.engine not in ENGINES:
            raise ConfigError(f"engine {self.engine!r} is not available", closest(str(self.engine), ENGINES))
        for name, least in (("n_trees", 1), ("mtry", 1), ("min_leaf", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ConfigError(f"{name} is {value!r}", remedy=f"give a whole number of at least {least}")
