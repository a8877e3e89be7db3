r"""The laws of log time: extreme value (Weibull), logistic, normal, and the generalized gamma, each in standard form.

Log time is :math:`\mu + \sigma w`, and a law says what the standard error *w* is:

.. math::
    \text{weibull} &: S(w) = \exp(-e^w) & \text{loglogistic} &: S(w) = 1 / (1 + e^w) \\
    \text{lognormal} &: S(w) = \Phi(-w) & \text{generalized gamma} &: \text{see } \texttt{generalized_gamma}

The exponential law is Weibull's with the scale held at 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_ndtr, logit, ndtri

from survmodel.models import generalized_gamma
from survmodel.models.jets import Jet, without_shape

Floats = npt.NDArray[np.float64]
Distribution = Literal["weibull", "exponential", "lognormal", "loglogistic", "generalized_gamma"]


@dataclass(frozen=True, slots=True)
class Law:
    """A distribution of log time in standard form.

    Attributes
    ----------
    title : str
        As a title says it.
    log_density, log_survival : callable
        From w and Q to a jet; Q matters for the generalized gamma only.
    quantile : callable
        From shares and Q to w.
    has_scale, has_shape : bool
        Whether sigma and Q are estimated.
    proportional : bool
        Whether hazards are proportional.
    """

    title: str
    log_density: Callable[[Floats, float], Jet]
    log_survival: Callable[[Floats, float], Jet]
    quantile: Callable[[Floats, float], Floats]
    has_scale: bool = True
    has_shape: bool = False
    proportional: bool = False


def _weibull_density(w: Floats, _: float) -> Jet:
    e = np.exp(w)
    return without_shape(w - e, 1 - e, -e)


def _weibull_survival(w: Floats, _: float) -> Jet:
    e = np.exp(w)
    return without_shape(-e, -e, -e)


def _weibull_quantile(p: Floats, _: float) -> Floats:
    found: Floats = np.log(-np.log1p(-p))
    return found


def _logistic_density(w: Floats, _: float) -> Jet:
    p = expit(w)
    return without_shape(w - 2 * np.logaddexp(0, w), 1 - 2 * p, -2 * p * (1 - p))


def _logistic_survival(w: Floats, _: float) -> Jet:
    p = expit(w)
    return without_shape(-np.logaddexp(0, w), -p, -p * expit(-w))


def _logistic_quantile(p: Floats, _: float) -> Floats:
    found: Floats = logit(p)
    return found


def _normal_density(w: Floats, _: float) -> Jet:
    return without_shape(-0.5 * w**2 - 0.5 * np.log(2 * np.pi), -w, np.full_like(w, -1.0))


def _normal_survival(w: Floats, _: float) -> Jet:
    value = log_ndtr(-w)
    hazard = np.exp(-0.5 * w**2 - 0.5 * np.log(2 * np.pi) - value)
    return without_shape(value, -hazard, -hazard * (hazard - w))


def _normal_quantile(p: Floats, _: float) -> Floats:
    found: Floats = ndtri(p)
    return found


_EXTREME = (_weibull_density, _weibull_survival, _weibull_quantile)
LAWS: Mapping[str, Law] = {
    "weibull": Law("Weibull", *_EXTREME, proportional=True),
    "exponential": Law("exponential", *_EXTREME, has_scale=False, proportional=True),
    "lognormal": Law("lognormal", _normal_density, _normal_survival, _normal_quantile),
    "loglogistic": Law("log-logistic", _logistic_density, _logistic_survival, _logistic_quantile),
    "generalized_gamma": Law(
        "generalized gamma",
        generalized_gamma.log_density,
        generalized_gamma.log_survival,
        generalized_gamma.quantile,
        has_shape=True,
    ),
}
