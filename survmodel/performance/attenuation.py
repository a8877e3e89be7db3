r"""How far measurement error draws a hazard ratio towards 1, and the ratio of a marker measured without error.

With classical error (independent of the true value, of outcome and of other covariates) and one marker in the model,
the observed log hazard ratio is near the true one times the reliability: :math:`\beta_{obs} \approx ICC \cdot \beta`.
The corrected :math:`\beta_{obs} / ICC` has the delta-method variance
:math:`s_\beta^2 / ICC^2 + \beta_{obs}^2 s_{ICC}^2 / ICC^4`. The relation is approximate in Cox models: good where the
effect is small or events are rare. Reliability must come from patients who spread as those of the study do.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, sqrt

import pandas as pd
from scipy.stats import norm

from survmodel.errors import DataError
from survmodel.formatting import format_number, format_ratio
from survmodel.performance.proportions import check_level
from survmodel.result import Display, Result
from survmodel.table import Table

ASSUMPTIONS = "classical error, one marker, small effect or rare events, reliability from patients of the same spread"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Attenuation(Result):
    """A log hazard ratio as observed, and corrected for measurement error.

    Attributes
    ----------
    icc : float
        Reliability.
    observed, corrected : tuple of (float, float)
        Log hazard ratio and its standard error.
    conf_level : float
        Coverage of limits.
    warnings : tuple of str
        What the reader must know.
    """

    icc: float
    observed: tuple[float, float]
    corrected: tuple[float, float]
    conf_level: float
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give log hazard ratios.

        Returns
        -------
        pandas.DataFrame
            Columns measure ("observed", "corrected"), estimate, std_error, conf_low, conf_high, on the log scale.
        """
        z = float(norm.ppf((1 + self.conf_level) / 2))
        rows = []
        for name, (value, error) in (("observed", self.observed), ("corrected", self.corrected)):
            limits = {"conf_low": value - z * error, "conf_high": value + z * error}
            rows.append({"measure": name, "estimate": value, "std_error": error, **limits})
        return pd.DataFrame(rows)

    def glance(self) -> pd.DataFrame:
        """Give reliability and assumptions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        return pd.DataFrame([{"icc": self.icc, "conf_level": self.conf_level, "conventions": f"assumes {ASSUMPTIONS}"}])

    def _display(self) -> Display:
        rows = [
            [r["measure"], format_ratio(exp(r["estimate"]), exp(r["conf_low"]), exp(r["conf_high"]))]
            for r in self.tidy().to_dict("records")
        ]
        title = f"Hazard ratio and measurement error, reliability {format_number(self.icc)}"
        return Display(title, (Table(["", "hazard ratio"], rows),), (f"Assumes {ASSUMPTIONS}",))


def attenuation(
    icc: float,
    log_hazard_ratio: float,
    *,
    std_error: float,
    icc_std_error: float = 0.0,
    conf_level: float = 0.95,
) -> Attenuation:
    """Correct a log hazard ratio for the measurement error of its marker.

    Parameters
    ----------
    icc : float
        Reliability of the marker on the scale of the model, in (0, 1]; see ``intraclass_correlation``.
    log_hazard_ratio, std_error : float
        As observed, for one unit of the marker.
    icc_std_error : float
        Standard error of the reliability; about a quarter of the width of its 95% limits.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    Attenuation
        Observed and corrected log hazard ratio with limits.

    Raises
    ------
    DataError
        For a reliability outside (0, 1], and numbers that are not finite or errors below 0.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Prentice RL (1982). Biometrika 69:331-342. Rosner B, Willett WC, Spiegelman D (1989). Stat Med 8:1051-1069.

    Examples
    --------
    >>> attenuation(0.8, 0.4, std_error=0.1).corrected
    (0.5, 0.125)
    """
    check_level(conf_level)
    if not 0 < icc <= 1:
        raise DataError("a reliability is above 0 and at most 1", f"found {icc}", "give the intraclass correlation")
    if not (isfinite(log_hazard_ratio) and isfinite(std_error) and isfinite(icc_std_error)):
        raise DataError("log hazard ratio and errors must be finite numbers")
    if std_error < 0 or icc_std_error < 0:
        raise DataError("a standard error is below 0", f"{std_error} and {icc_std_error}")
    error = sqrt((std_error / icc) ** 2 + (log_hazard_ratio * icc_std_error / icc**2) ** 2)
    low = icc < 0.5
    return Attenuation(
        icc=float(icc),
        observed=(float(log_hazard_ratio), float(std_error)),
        corrected=(log_hazard_ratio / icc, error),
        conf_level=conf_level,
        warnings=("Most of the variance is measurement error: the correction leans on its assumptions",) if low else (),
    )
