r"""Pointwise limits of a survival probability, by the transformation on which it is taken to be normal.

With *s* the standard error of log S and *z* the normal quantile,

.. math::
    \text{plain} &: S \pm z\,s\,S & \text{log} &: \exp(\log S \pm z\,s) \\
    \text{log-log} &: \exp(-\exp(\log(-\log S) \pm z\,s / \log S)) &
    \text{logit} &: \operatorname{logit}^{-1}(\operatorname{logit} S \pm z\,s / (1 - S)) \\
    \text{arcsin} &: \sin^2(\arcsin\sqrt S \pm \tfrac z2\, s\, \sqrt{S / (1 - S)})

kept inside [0, 1]. Where S = 0 no limit exists. Where S = 1 nothing has happened yet, and every transformation gives
limits that are too narrow: the upper limit is 1 and the lower is exact, :math:`(\alpha/2)^{1/Y}` with *Y* at risk,
missing below five at risk.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from survmodel.distributions import normal_quantile
from survmodel.errors import ConfigError, closest

Floats = npt.NDArray[np.float64]
ConfType = Literal["log-log", "log", "plain", "logit", "arcsin"]

#: Below this many at risk a curve without events has no limits worth printing.
FEWEST_AT_RISK = 5


def check_limits(conf_type: str, conf_level: float) -> None:
    """Refuse a transformation or a level that is not known.

    Parameters
    ----------
    conf_type : str
        Name of the transformation.
    conf_level : float
        Coverage, between 0 and 1.

    Raises
    ------
    ConfigError
        With what is allowed.
    """
    if conf_type not in get_args(ConfType):
        raise ConfigError(f"conf_type {conf_type!r} is not known", closest(str(conf_type), get_args(ConfType)))
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level}", remedy="give the coverage as a share, for example 0.95")


def survival_limits(
    survival: Floats, std_error: Floats, n_risk: Floats, conf_type: str, conf_level: float
) -> tuple[Floats, Floats]:
    """Limits of survival probabilities.

    Parameters
    ----------
    survival, std_error, n_risk : ndarray, all of one shape
        S(t), the standard error of S(t) itself, and the number at risk; `n_risk` matters only where S = 1.
    conf_type : {"log-log", "log", "plain", "logit", "arcsin"}
        Transformation.
    conf_level : float
        Coverage.

    Returns
    -------
    low, high : ndarray
        Limits in [0, 1], NaN where none exists.
    """
    z = normal_quantile(conf_level)
    low, high = np.full(survival.shape, np.nan), np.full(survival.shape, np.nan)
    inside = (survival > 0) & (survival < 1)
    s, error = survival[inside], std_error[inside] / survival[inside]
    if conf_type == "plain":
        low[inside], high[inside] = s - z * error * s, s + z * error * s
    elif conf_type == "log":
        low[inside], high[inside] = s * np.exp(-z * error), s * np.exp(z * error)
    elif conf_type == "log-log":
        width = z * error / np.log(s)
        low[inside], high[inside] = s ** np.exp(-width), s ** np.exp(width)
    elif conf_type == "logit":
        centre, width = np.log(s / (1 - s)), z * error / (1 - s)
        low[inside], high[inside] = 1 / (1 + np.exp(width - centre)), 1 / (1 + np.exp(-width - centre))
    else:
        centre, width = np.arcsin(np.sqrt(s)), 0.5 * z * error * np.sqrt(s / (1 - s))
        low[inside] = np.sin(np.maximum(centre - width, 0)) ** 2
        high[inside] = np.sin(np.minimum(centre + width, np.pi / 2)) ** 2
    exact = (survival == 1) & (n_risk >= FEWEST_AT_RISK)
    low[exact] = ((1 - conf_level) / 2) ** (1 / n_risk[exact])
    high[exact] = 1.0
    return np.clip(low, 0, 1), np.clip(high, 0, 1)
