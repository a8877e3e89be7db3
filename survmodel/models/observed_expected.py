r"""Hazard ratios from observed and expected events of a log-rank test, for tables beside its p-value.

With :math:`O, E` the observed and expected events of two groups, and *V* the variance of :math:`O - E`,

.. math::
    \text{Pike:}\quad \frac{O_1 / E_1}{O_2 / E_2}, \quad \operatorname{se} \log = \sqrt{1/E_1 + 1/E_2}; \qquad
    \text{Peto:}\quad \exp\frac{O_1 - E_1}{V}, \quad \operatorname{se} \log = 1 / \sqrt V .

Peto's is one step of Newton's method towards the Cox estimate from 0; both are too close to 1 where the true ratio is
far from it, and a Cox model is the better estimate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.models.coefficient_tests import wald_columns

Floats = npt.NDArray[np.float64]


def observed_expected_ratios(
    groups: tuple[str, ...],
    observed: Floats,
    expected: Floats,
    covariance: Floats,
    reference: str | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Compute hazard ratios of groups against a reference.

    Parameters
    ----------
    groups : tuple of str
        Labels.
    observed, expected : ndarray, shape (k,)
        Events, unweighted.
    covariance : ndarray, shape (k, k)
        Covariance of observed minus expected.
    reference : str, optional
        Label of the group to compare with, the first without it.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    pandas.DataFrame
        Columns group, reference, measure ("Pike"; with two groups also "Peto"), estimate (above 1 = worse than the
        reference), std_error (log scale), statistic, p_value, conf_low, conf_high. Missing where a group has no
        expected event; a group without observed events has ratio 0 by Pike, without limits.

    Raises
    ------
    ConfigError
        For an unknown reference.

    References
    ----------
    Machin D, Cheung YB, Parmar M (2006). Survival Analysis, chapter 3. Wiley. Yusuf S et al (1985). Prog Cardiovasc
    Dis 27:335-371.
    """
    base_label = groups[0] if reference is None else reference
    if base_label not in groups:
        raise ConfigError(f"there is no group {base_label!r}", closest(base_label, groups))
    base = groups.index(base_label)
    others = [place for place in range(len(groups)) if place != base]
    labels, logs, errors = [], [], []
    with np.errstate(all="ignore"):
        share = np.log(observed) - np.log(expected)
        for place in others:
            labels.append((groups[place], "Pike"))
            logs.append(share[place] - share[base])
            errors.append(np.sqrt(1 / expected[place] + 1 / expected[base]))
            if len(groups) == 2:
                labels.append((groups[place], "Peto"))
                logs.append((observed[place] - expected[place]) / covariance[place, place])
                errors.append(1 / np.sqrt(covariance[place, place]))
    estimate, std_error = np.array(logs), np.array(errors)
    std_error[~np.isfinite(estimate) | ~np.isfinite(std_error)] = np.nan
    columns = wald_columns(estimate, std_error, conf_level)
    scaled = ["estimate", "conf_low", "conf_high"]
    columns[scaled] = np.exp(columns[scaled])
    names = pd.DataFrame({
        "group": [group for group, _ in labels],
        "reference": base_label,
        "measure": [measure for _, measure in labels],
    })  # fmt: skip
    return pd.concat([names, columns], axis=1)
