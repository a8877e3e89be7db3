"""Strata of the rows that the censoring distribution comes from, where these are other rows than the scored ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from survmodel.errors import ConfigError
from survmodel.outcome.groups import Groups, read_groups
from survmodel.outcome.response import Outcome

Ints = npt.NDArray[np.int64]


def read_censoring_strata(strata: Groups, censoring: Outcome | None, labels: object) -> Ints | None:
    """Find the stratum of the scored rows that each row of `censoring` belongs to.

    Parameters
    ----------
    strata : Groups
        Strata of the scored rows; with the one label "" there are none.
    censoring : Outcome, optional
        Rows that the curves of censoring are estimated from.
    labels : Series or array_like, shape (n_censoring,), optional
        Their strata, with the labels of the scored ones.

    Returns
    -------
    ndarray of int64, shape (n_censoring,), or None
        Positions in ``strata.labels``, -1 for strata without scored rows; None where one curve serves all.

    Raises
    ------
    ConfigError
        For labels without other rows or without strata of the scored ones.
    DataError
        When labels are missing or belong to other rows.

    Examples
    --------
    >>> scored = read_groups(Outcome([1, 2], [1, 0]), ["a", "b"])
    >>> read_censoring_strata(scored, Outcome([1, 2, 3], [1, 0, 0]), ["b", "c", "a"]).tolist()
    [1, -1, 0]
    """
    if labels is None:
        return None
    if censoring is None or strata.labels == ("",):
        lacking = "censoring" if censoring is None else "strata"
        raise ConfigError(
            f"censoring_strata is given without {lacking}",
            remedy="it holds the strata of the rows of `censoring`, with the labels of `strata`",
        )
    own = read_groups(censoring, labels, "censoring_strata")
    place = {label: code for code, label in enumerate(strata.labels)}
    return np.array([place.get(label, -1) for label in own.labels], dtype=np.int64)[own.codes]
