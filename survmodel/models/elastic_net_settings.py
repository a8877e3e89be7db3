"""What is asked of an elastic net, checked before any data are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from survmodel.errors import ConfigError, closest

CHOICES = ("min", "1se")


@dataclass(frozen=True, slots=True)
class ElasticNet:
    r"""Elastic-net penalty of a Cox model, its weight chosen by cross-validation.

    Minimises :math:`-\ell(\beta)/n + \alpha \sum_j \{\rho |b_j| + (1 - \rho) b_j^2 / 2\}` with Breslow's ties, where
    :math:`b_j = s_j \beta_j` belongs to the column divided by its standard deviation (divisor n) and :math:`\rho` is
    `l1_ratio`. Every column of the design is penalised apart, those of one factor or spline too, so that some of them
    may be kept and others not, and what is kept of a factor depends on its reference level. For prediction only:
    columns are selected, so that standard errors, limits and tests would not be honest.

    Parameters
    ----------
    l1_ratio : float
        Share of the lasso, above 0 and at most 1. Nothing is selected at 0: use ``Ridge``, whose theta corresponds to
        ``n * alpha`` for columns with standard deviation 1.
    alpha : float, optional
        Weight of the penalty; chosen by cross-validation without it.
    n_alphas : int
        Weights tried, from the least that keeps no column downwards.
    folds, repeats : int
        Folds of the cross-validation, and how often patients are dealt out to them.
    choose : {"min", "1se"}
        Weight with the largest cross-validated partial likelihood, or the largest weight within a standard error of it.
    seed : int
        The same seed deals the same folds, whatever the order of rows.

    References
    ----------
    Simon N et al. (2011). J Stat Softw 39(5):1-13. Verweij PJM, van Houwelingen HC (1993). Stat Med 12:2305-2314.

    Examples
    --------
    >>> from survmodel import CoxPH, ElasticNet
    >>> CoxPH("age + suv", penalty=ElasticNet(l1_ratio=0.9, choose="1se")).penalty.choose
    '1se'
    """

    l1_ratio: float = 0.5
    alpha: float | None = None
    n_alphas: int = 100
    folds: int = 10
    repeats: int = 1
    choose: Literal["min", "1se"] = "min"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.l1_ratio <= 1:
            raise ConfigError(
                f"l1_ratio is {self.l1_ratio}", remedy="give a share above 0 and at most 1, or use Ridge(theta) for 0"
            )
        if self.alpha is not None and not 0 < self.alpha < np.inf:
            raise ConfigError(f"alpha is {self.alpha}", remedy="give a number above 0, or leave it out")
        for name, least in (("n_alphas", 2), ("folds", 2), ("repeats", 1), ("seed", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigError(f"{name} is {value!r}", remedy=f"give a whole number of at least {least}")
        if self.choose not in CHOICES:
            raise ConfigError(f"choose {self.choose!r} is not known", closest(str(self.choose), CHOICES))
