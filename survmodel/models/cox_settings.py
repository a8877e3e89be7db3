"""What is asked of a Cox model, checked before any data are seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.models.elastic_net_settings import ElasticNet
from survmodel.models.formula import parse_formula


@dataclass(frozen=True, slots=True)
class Ridge:
    """Ridge penalty: maximise ``loglik - theta / 2 * sum(beta^2)`` on the scale of the columns as they stand.

    Parameters
    ----------
    theta : float
        Weight of the penalty, above 0. Columns are not standardised: choose units in which one unit matters.

    Examples
    --------
    >>> from survmodel import CoxPH, Ridge
    >>> CoxPH("age", penalty=Ridge(2.0)).penalty
    Ridge(theta=2.0)
    """

    theta: float

    def __post_init__(self) -> None:
        if not 0 < self.theta < np.inf:
            raise ConfigError(f"theta is {self.theta}", remedy="give a number above 0, or leave the penalty out")


#: How a coefficient changes: with the logarithm of time, or by steps at times.
Change = Literal["log"] | tuple[float, ...]
TIES = ("efron", "breslow", "exact")
#: What a Cox model may be penalised by: nothing, Firth's half log determinant of the information, a ridge, or a ridge
#: and a lasso.
Penalty = Ridge | ElasticNet | Literal["firth"] | None


def read_changes(given: Mapping[str, object] | None) -> dict[str, Change]:
    """Check what is asked for: "log", a time, or several in ascending order.

    Parameters
    ----------
    given : mapping of str to object, or None
        By term or column.

    Returns
    -------
    dict of str to "log" or tuple of float
        The same in one form.

    Raises
    ------
    ConfigError
        For anything else.

    Examples
    --------
    >>> read_changes({"age": "log", "suv": 12})
    {'age': 'log', 'suv': (12.0,)}
    """
    changes: dict[str, Change] = {}
    for name, change in (given or {}).items():
        if isinstance(change, str):
            if change != "log":
                raise ConfigError(f"time_varying of {name!r} is {change!r}", closest(change, ["log"]))
            changes[name] = "log"
            continue
        try:
            cuts = tuple(float(one) for one in (change if isinstance(change, Sequence) else [change]))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            cuts = ()
        if not cuts or not all(np.isfinite(cut) and cut > 0 for cut in cuts) or any(b <= a for a, b in pairwise(cuts)):
            raise ConfigError(
                f"time_varying of {name!r} is {change!r}", remedy='give "log", a time above 0, or several ascending'
            )
        changes[name] = cuts
    return changes


@dataclass(frozen=True, slots=True)
class CoxSettings:
    """The fields of :class:`~survmodel.models.cox.CoxPH`, which describes them."""

    formula: str | Sequence[str]
    strata: str | Sequence[str] | None = None
    cluster: str | None = None
    ties: Literal["efron", "breslow", "exact"] = "efron"
    penalty: Penalty = None
    reference: Mapping[str, object] | None = None
    time_varying: Mapping[str, object] | None = None
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        parse_formula(self.formula)
        named: dict[str, object] = {"strata": self.strata, "cluster": self.cluster}
        for key, value in named.items():
            if isinstance(value, pd.Series | np.ndarray):
                name = getattr(value, "name", None) or "entity"
                raise ConfigError(f"{key} is a column, not its name", remedy=f"pass the name: {key}={name!r}")
        if self.ties not in TIES:
            raise ConfigError(f"ties {self.ties!r} is not known", closest(str(self.ties), TIES))
        if self.penalty not in (None, "firth") and not isinstance(self.penalty, Ridge | ElasticNet):
            remedy = 'use "firth", Ridge(theta), ElasticNet() or None'
            raise ConfigError(f"penalty {self.penalty!r} is not known", remedy=remedy)
        read_changes(self.time_varying)
        self._refuse_selection()
        if self.is_firth and self.cluster is not None:
            raise ConfigError(
                "Firth's penalty has no errors for clusters", remedy="leave cluster out, or fit without a penalty"
            )
        if self.ties == "exact" and (self.penalty is not None or self.cluster is not None):
            raise ConfigError("exact ties take no penalty and no clusters", remedy='use ties="efron"')
        if not 0 < self.conf_level < 1:
            raise ConfigError(
                f"conf_level is {self.conf_level}", remedy="give the coverage as a share, for example 0.95"
            )

    def _refuse_selection(self) -> None:
        """Refuse what scikit-survival's elastic net does not know and would leave out in silence."""
        if not self.is_tuned:
            return
        for what, present in (
            ("strata", bool(self.strata_columns)),
            ("clusters", self.cluster is not None),
            ("coefficients that change over time", bool(self.time_varying)),
            ("an offset", bool(parse_formula(self.formula).offsets)),
        ):
            if present:
                raise ConfigError(f"an elastic net does not take {what}", remedy="leave it out, or use Ridge(theta)")

    @property
    def is_tuned(self) -> bool:
        """Whether columns are selected, so that the optimism bootstrap is not honest."""
        return isinstance(self.penalty, ElasticNet)

    @property
    def changes(self) -> dict[str, Change]:
        """How coefficients change over time, by term or column; empty when none does."""
        return read_changes(self.time_varying)

    @property
    def is_firth(self) -> bool:
        """Whether the likelihood has Firth's penalty."""
        return isinstance(self.penalty, str)

    @property
    def theta(self) -> float:
        """Weight of the ridge, 0 without one."""
        return self.penalty.theta if isinstance(self.penalty, Ridge) else 0.0

    @property
    def variables(self) -> tuple[str, ...]:
        """Columns that the model uses."""
        others = [*self.strata_columns, *([self.cluster] if self.cluster else [])]
        return tuple(dict.fromkeys([*parse_formula(self.formula).variables, *others]))

    @property
    def strata_columns(self) -> tuple[str, ...]:
        """Columns that form the strata."""
        if self.strata is None:
            return ()
        return (self.strata,) if isinstance(self.strata, str) else tuple(self.strata)
