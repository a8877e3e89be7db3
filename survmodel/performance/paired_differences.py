"""Differences of one measure between models that were scored on the same rows.

Two scores of the same patients rise and fall together, so that their difference is known better than either. Its
standard error comes from the difference of what each row contributes to the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.distributions import normal_quantile, two_sided_p
from survmodel.result import frozen

Floats = npt.NDArray[np.float64]

#: What the p-values of differences do not test.
NO_TEST_OF_NESTED_MODELS = "the p-value of a difference is no test of nested models fitted to these rows: use the "
NO_TEST_OF_NESTED_MODELS += "likelihood ratio test"


@dataclass(frozen=True, slots=True, eq=False)
class PairedDifferences:
    """Differences of all pairs of models.

    Attributes
    ----------
    pairs : tuple of (str, str)
        Model and the earlier one that it is compared with.
    estimate, std_error : ndarray, shape (n_pairs, n_horizons)
        Model less the earlier one.
    """

    pairs: tuple[tuple[str, str], ...]
    estimate: Floats
    std_error: Floats

    @classmethod
    def of(cls, models: tuple[str, ...], values: Floats, contributions: Floats) -> PairedDifferences:
        """Compare every model with those before it.

        Parameters
        ----------
        models : tuple of str
            Names.
        values : ndarray, shape (n_models, n_horizons)
            Their scores.
        contributions : ndarray, shape (n_models, n_rows, n_horizons)
            What the rows contribute to the errors of the scores, see :func:`spread`.

        Returns
        -------
        PairedDifferences
            Pairs in the order of the models.
        """
        places = [(later, first) for first in range(len(models)) for later in range(first + 1, len(models))]
        shape = (len(places), values.shape[1])
        estimate, error = np.empty(shape), np.empty(shape)
        for place, (later, first) in enumerate(places):
            estimate[place] = values[later] - values[first]
            error[place] = spread(contributions[later] - contributions[first])
        names = tuple((models[later], models[first]) for later, first in places)
        return cls(names, frozen(estimate), frozen(error))

    def table(self, measure: str, horizons: Floats, conf_level: float) -> pd.DataFrame:
        """Write the differences with limits and p-values.

        Parameters
        ----------
        measure : str
            What was compared.
        horizons : ndarray, shape (n_horizons,)
            Times.
        conf_level : float
            Coverage of the limits.

        Returns
        -------
        pandas.DataFrame
            Columns model, reference, measure, horizon, estimate (model less reference), std_error, conf_low, conf_high,
            statistic, p_value; the last two NaN where the models do not differ.
        """
        z = normal_quantile(conf_level)
        n_pairs, n_times = self.estimate.shape
        estimate, error = self.estimate.ravel(), self.std_error.ravel()
        statistic = np.full(estimate.size, np.nan)
        np.divide(estimate, error, out=statistic, where=error > 0)
        return pd.DataFrame({
            "model": [model for model, _ in self.pairs for _ in range(n_times)],
            "reference": [reference for _, reference in self.pairs for _ in range(n_times)],
            "measure": measure,
            "horizon": np.tile(np.asarray(horizons, dtype=np.float64), n_pairs),
            "estimate": estimate,
            "std_error": error,
            "conf_low": estimate - z * error,
            "conf_high": estimate + z * error,
            "statistic": statistic,
            "p_value": two_sided_p(statistic),
        })  # fmt: skip


def spread(contributions: Floats, n: int | None = None) -> Floats:
    """Turn what rows contribute to the error of an estimate into its standard error.

    Parameters
    ----------
    contributions : ndarray, shape (..., n_rows, n_times)
        Influence of each row divided by the number of rows; they add up to 0.
    n : int, optional
        Rows that the estimate is of, where these are fewer than all.

    Returns
    -------
    ndarray, shape (..., n_times)
        Standard errors.

    Examples
    --------
    >>> spread(np.array([[0.5], [-0.5]])).tolist()
    [1.0]
    """
    rows = contributions.shape[-2] if n is None else n
    error: Floats = np.sqrt((contributions**2).sum(axis=-2) * (rows / max(rows - 1, 1)))
    return error
