"""What is asked of a parametric survival model, checked before any data are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from survmodel.errors import ConfigError, closest
from survmodel.models.formula import parse_formula
from survmodel.models.parametric_laws import LAWS, Distribution, Law


@dataclass(frozen=True, slots=True)
class ParametricSettings:
    """The fields of :class:`~survmodel.models.parametric.ParametricSurvival`, which describes them."""

    formula: str | Sequence[str]
    distribution: Distribution = "weibull"
    reference: Mapping[str, object] | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        parse_formula(self.formula)
        if self.distribution not in LAWS:
            raise ConfigError(f"distribution {self.distribution!r} is not known", closest(str(self.distribution), LAWS))
        if not 0 < self.conf_level < 1:
            raise ConfigError(
                f"conf_level is {self.conf_level}", remedy="give the coverage as a share, for example 0.95"
            )

    @property
    def law(self) -> Law:
        """The law of log time."""
        return LAWS[self.distribution]
