"""Risk groups: patients put in order by an index or a risk, and cut where the index says or where somebody published.

Groups are formed within disease or on absolute risk: the index of a stratified model has no common scale across
diseases. A group never sees the outcome, and carries where its cuts came from. Curves of groups from a model fitted to
the same patients use assignments out of fold (:mod:`survmodel.performance.out_of_fold`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, FitError, closest, list_values, name_rows
from survmodel.formatting import count_noun, format_number, level_text
from survmodel.result import Display, Result
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
NamedCuts = Literal["median", "tertiles", "quartiles"]

#: Shares of patients below each cut.
SHARES: dict[str, tuple[float, ...]] = {
    "median": (1 / 2,),
    "tertiles": (1 / 3, 2 / 3),
    "quartiles": (1 / 4, 1 / 2, 3 / 4),
}
#: Names of so many groups, from the lowest risk.
NAMES = {
    2: ("low", "high"),
    3: ("low", "intermediate", "high"),
    4: ("low", "low-intermediate", "high-intermediate", "high"),
}


@dataclass(frozen=True, slots=True)
class RiskGroups:
    """Groups of low to high risk.

    Parameters
    ----------
    cuts : {"median", "tertiles", "quartiles"} or sequence of float
        Where to cut: at quantiles (type 7) of the index, or at given values. A value on a cut belongs below it.
    labels : sequence of str, optional
        Names of the groups from the lowest risk; low to high without them.
    source : str
        Where given cuts come from, for example a publication.

    Raises
    ------
    ConfigError
        For unknown cuts, values out of order, or as many labels as do not fit.

    Examples
    --------
    >>> fit = RiskGroups("median").fit([1.0, 2.0, 3.0, 4.0])
    >>> fit.cut_values(), list(fit.assign([0.0, 9.0]))
    ({'': (2.5,)}, ['low', 'high'])
    """

    cuts: NamedCuts | Sequence[float] = "tertiles"
    labels: Sequence[str] | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.cuts, str):
            if self.cuts not in SHARES:
                remedy = closest(self.cuts, SHARES) + ' or values, such as cuts=[0.2, 0.5] with their source=""'
                raise ConfigError(f"cuts {self.cuts!r} is not known", remedy=remedy)
            n_cuts = len(SHARES[self.cuts])
        else:
            values = np.asarray(self.cuts, dtype=np.float64)
            if values.ndim != 1 or not values.size or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
                raise ConfigError(
                    "cuts are no ascending numbers", f"found {self.cuts!r}", "give at least one, in order"
                )
            object.__setattr__(self, "cuts", tuple(float(value) for value in values))
            n_cuts = values.size
        names = self.labels if self.labels is not None else NAMES.get(n_cuts + 1, ())
        if self.labels is None and not names:
            names = [f"group {number}" for number in range(1, n_cuts + 2)]
        if len(names) != n_cuts + 1 or len(set(names)) < len(names):
            raise ConfigError(
                f"{count_noun(n_cuts, 'cut')} make {n_cuts + 1} groups", f"labels {list_values(list(names))}"
            )
        object.__setattr__(self, "labels", tuple(names))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the groups, from the lowest risk."""
        return tuple(self.labels or ())

    @property
    def origin(self) -> str:
        """Where the cuts come from, in words."""
        if isinstance(self.cuts, str):
            return self.cuts
        values = ", ".join(f"{value:g}" for value in self.cuts)
        return f"{values} ({self.source})" if self.source else f"{values} (source not stated)"

    def fit(self, index: npt.ArrayLike, within: npt.ArrayLike | None = None) -> RiskGroupsFit:
        """Find the cuts.

        Parameters
        ----------
        index : array_like, shape (n,)
            Prognostic index or risk, higher = worse.
        within : array_like, shape (n,), optional
            Disease of each patient: quantiles are then those of the disease.

        Returns
        -------
        RiskGroupsFit
            Assigns anybody to a group.

        Raises
        ------
        DataError
            For missing or infinite values, and a different number of labels.
        FitError
            When a group would be empty, because too many values are equal.
        """
        values, layers = _read(index, within)
        if not isinstance(self.cuts, str):
            return RiskGroupsFit(self, {"": tuple(self.cuts)}, values.size, by_layer=False)
        shares = SHARES[self.cuts]
        cuts = {}
        for layer in dict.fromkeys(layers):
            own = values[[one == layer for one in layers]]
            found = np.quantile(own, shares)
            if (np.bincount(np.searchsorted(found, own), minlength=len(shares) + 1) == 0).any():
                raise FitError(
                    f"the {self.cuts} of the index leave a group empty" + (f" in {layer}" if layer else ""),
                    f"{count_noun(int(np.unique(own).size), 'distinct value')} in {count_noun(own.size, 'patient')}",
                    "use fewer groups, or give the cuts",
                )
            cuts[layer] = tuple(float(value) for value in found)
        return RiskGroupsFit(self, cuts, values.size, by_layer=within is not None)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class RiskGroupsFit(Result):
    """Risk groups with their cuts.

    Attributes
    ----------
    spec : RiskGroups
        What was asked for.
    cuts : mapping of str to tuple of float
        Cuts of each disease, "" where all have the same.
    n : int
        Patients whose index was cut.
    by_layer : bool
        Whether the cuts are those of each disease.
    warnings : tuple of str
        None.
    """

    spec: RiskGroups
    cuts: dict[str, tuple[float, ...]]
    n: int
    by_layer: bool
    warnings: tuple[str, ...] = ()

    def cut_values(self) -> dict[str, tuple[float, ...]]:
        """Give the cuts of each disease."""
        return dict(self.cuts)

    def assign(self, index: npt.ArrayLike, within: npt.ArrayLike | None = None) -> pd.Categorical:
        """Put patients into groups.

        Parameters
        ----------
        index : array_like, shape (n,)
            Prognostic index or risk, higher = worse, on the scale of the fit.
        within : array_like, shape (n,), optional
            Disease of each patient; needed when the groups were formed within disease.

        Returns
        -------
        pandas.Categorical
            Ordered, from the lowest risk.

        Raises
        ------
        DataError
            For missing values, or a disease whose cuts are not known.
        """
        values, layers = _read(index, within if self.by_layer else None)
        if self.by_layer and within is None:
            raise DataError("these groups were formed within disease", remedy="pass within=, the disease of each")
        unknown = [layer not in self.cuts for layer in layers]
        if any(unknown):
            raise DataError("a disease has no cuts", name_rows(np.array(unknown)), "form the groups with all diseases")
        codes = [int(np.searchsorted(self.cuts[layer], value)) for value, layer in zip(values, layers, strict=True)]
        return pd.Categorical.from_codes(codes, categories=pd.Index(self.spec.names), ordered=True)

    def tidy(self) -> pd.DataFrame:
        """Give the cuts, one row each.

        Returns
        -------
        pandas.DataFrame
            Columns group (disease, "" for all), level (the group that ends at the cut), estimate (the cut).
        """
        rows = [
            (layer, name, cut)
            for layer, cuts in self.cuts.items()
            for name, cut in zip(self.spec.names, cuts, strict=False)
        ]
        return pd.DataFrame(rows, columns=["group", "level", "estimate"])

    def glance(self) -> pd.DataFrame:
        """Give counts and the origin of the cuts in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        return pd.DataFrame([{"n": self.n, "groups": len(self.spec.names), "conventions": self.origin}])

    @property
    def origin(self) -> str:
        """Where the cuts come from, in words."""
        if not isinstance(self.spec.cuts, str):
            return f"cut at {self.spec.origin}"
        inside = ", within disease" if self.by_layer else ""
        return f"{self.spec.origin} of the index of {count_noun(self.n, 'patient')}{inside}"

    def _display(self) -> Display:
        rows = [
            [one["group"] or "all", one["level"], format_number(one["estimate"], 3)]
            for one in self.tidy().to_dict("records")
        ]
        table = Table(["within", "group", "up to and including"], rows)
        return Display(f"Risk groups: {self.origin}", (table,), ("a value on a cut belongs below it",))


def _read(index: npt.ArrayLike, within: npt.ArrayLike | None) -> tuple[Floats, list[str]]:
    try:
        values = np.asarray(index, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError("the index is not numeric") from None
    if values.ndim != 1 or not values.size:
        raise DataError("the index is not one number for each patient", f"shape {values.shape}")
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise DataError("the index is missing or infinite", f"in {name_rows(wrong)}", "leave these patients out")
    if within is None:
        return values, [""] * values.size
    if isinstance(within, str):
        remedy = f"pass the column itself, for example within=table[{within!r}]"
        raise DataError(f"within is the text {within!r}", remedy=remedy)
    labels = pd.Series(np.asarray(within, dtype=object))
    if labels.size != values.size:
        raise DataError("index and diseases differ in number", f"{values.size} and {labels.size}")
    if labels.isna().any():
        raise DataError("a patient has no disease", name_rows(labels.isna().to_numpy()), "leave these patients out")
    return values, [level_text(label) for label in labels]
