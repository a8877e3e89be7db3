r"""A share of lesions, or of regions, that come several to a patient: limits that know of the patients.

Lesions of one patient are alike, so that limits which count each lesion as a patient are too narrow. The share is that
of all lesions; its logit has the sandwich covariance of generalised estimating equations with independent working
correlation, corrected for few clusters (Mancl and DeRouen), and limits by Student's t with one degree of freedom less
than patients. Where all lesions agree there is no such covariance: the limit is then the exact one of Clopper and
Pearson for as many patients as there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from survmodel.errors import ConfigError, DataError
from survmodel.formatting import count_noun, format_interval, format_percent
from survmodel.performance.delong import read_together, read_yes_no
from survmodel.result import Display, Result
from survmodel.table import Table

GEE, EXACT = "GEE, bias-reduced covariance, t", "exact, patients as units"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClusteredProportion(Result):
    """A share with limits that know of clusters.

    Attributes
    ----------
    estimate, conf_low, conf_high, conf_level : float
        Share of all rows and its limits.
    std_error : float
        Of its logit; NaN where all rows agree.
    n, n_yes, n_cluster, n_missing : int
        Rows, those that are yes, patients, rows left out.
    method : str
        Where the limits come from.
    warnings : tuple of str
        What the reader must know.
    """

    estimate: float
    conf_low: float
    conf_high: float
    conf_level: float
    std_error: float
    n: int
    n_yes: int
    n_cluster: int
    n_missing: int
    method: str
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the share.

        Returns
        -------
        pandas.DataFrame
            Columns estimate, std_error (logit scale), conf_low, conf_high, n.
        """
        row = {name: getattr(self, name) for name in ("estimate", "std_error", "conf_low", "conf_high", "n")}
        return pd.DataFrame([row])

    def glance(self) -> pd.DataFrame:
        """Give counts and conventions in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        names = ("n", "n_yes", "n_cluster", "n_missing", "conf_level")
        return pd.DataFrame([{**{name: getattr(self, name) for name in names}, "conventions": self.method}])

    def _display(self) -> Display:
        limits = format_interval(100 * self.conf_low, 100 * self.conf_high, 1)
        rows = [[f"{self.n_yes} of {self.n}", format_percent(self.estimate), limits]]
        notes = [f"{count_noun(self.n_cluster, 'patient')}; {self.method}"]
        notes += [f"{count_noun(self.n_missing, 'row')} left out"] if self.n_missing else []
        return Display("Share of rows within patients", (Table(["", "share", "limits, %"], rows),), tuple(notes))


def clustered_proportion(correct: object, cluster: object, *, conf_level: float = 0.95) -> ClusteredProportion:
    """Estimate a share of rows that come several to a patient, such as the sensitivity for lesions.

    Parameters
    ----------
    correct : Series or array_like, shape (n,)
        1 or True for yes; rows that lack it are left out and counted.
    cluster : Series or array_like, shape (n,)
        Patient of each row.
    conf_level : float
        Coverage of limits.

    Returns
    -------
    ClusteredProportion
        Share and limits.

    Raises
    ------
    DataError
        For other values than yes and no, a row without a patient, and fewer than two patients.
    ConfigError
        For a coverage outside (0, 1).

    References
    ----------
    Mancl LA, DeRouen TA (2001). Biometrics 57:126-134. Genders TSS et al. (2012). Radiology 265:910-916.

    Examples
    --------
    >>> result = clustered_proportion([1, 1, 1, 0, 1, 0, 1, 1], ["a", "a", "b", "b", "c", "c", "d", "d"])
    >>> result.estimate, result.conf_low < 0.5 < result.conf_high
    (0.75, True)
    """
    if not 0 < conf_level < 1:
        raise ConfigError(f"conf_level is {conf_level}", remedy="give the coverage as a share, for example 0.95")
    labels = pd.Series(np.asarray(cluster, dtype=object))
    if labels.isna().any():
        raise DataError("a row has no patient", remedy="leave it out on purpose, or say whose it is")
    codes = pd.factorize(labels, sort=True)[0]
    columns = read_together({"correct": correct, "cluster": codes})
    known = ~np.isnan(columns[:, 0])
    yes, patient = read_yes_no(columns[known, 0], "correct"), codes[known]
    n_cluster = int(np.unique(patient).size)
    if n_cluster < 2:
        raise DataError("limits within patients need two of them", f"found {n_cluster}")
    tail = (1 - conf_level) / 2
    share = float(yes.mean())
    error, method = float("nan"), EXACT
    if 0 < share < 1:
        error, method = _error_of_logit(yes, patient), GEE
        reach = float(student.ppf(1 - tail, n_cluster - 1)) * error
        centre = np.log(share / (1 - share))
        low, high = (float(1 / (1 + np.exp(-(centre + step)))) for step in (-reach, reach))
    else:
        edge = tail ** (1 / n_cluster)
        low, high = (edge, 1.0) if share == 1 else (0.0, 1 - edge)
    return ClusteredProportion(
        estimate=share,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        std_error=error,
        n=int(yes.size),
        n_yes=int(yes.sum()),
        n_cluster=n_cluster,
        n_missing=int((~known).sum()),
        method=method,
    )


def _error_of_logit(yes: np.ndarray, patient: np.ndarray) -> float:
    """Compute the bias-reduced standard error of the logit of a share; rows of a patient stand together for GEE."""
    # Statsmodels takes a second to load.
    from statsmodels.genmod.cov_struct import Independence
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_estimating_equations import GEE as Equations

    order = np.argsort(patient, kind="stable")
    model = Equations(
        yes[order].astype(float), np.ones((yes.size, 1)), groups=patient[order], family=Binomial(),
        cov_struct=Independence(),
    )  # fmt: skip
    return float(model.fit(cov_type="bias_reduced").bse[0])
