"""What a clinical index is, and what it says about patients.

Missing inputs bound an index instead of emptying it: it is evaluated with everything missing at its best, and again
with everything missing at its worst. A patient has a group where both agree. Stage II of the ISS is stage II of the
R-ISS, whatever cytogenetics and LDH would show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, closest
from survmodel.formatting import count_noun, format_percent
from survmodel.frame import as_frame
from survmodel.markers.indices.checks import AGE, check_ages, doubts_of_ages, doubts_of_entities, is_marker, pick
from survmodel.markers.indices.inputs import Floats, Input, Number
from survmodel.markers.indices.points import Inputs
from survmodel.naming import begin
from survmodel.result import Display, Result, frozen
from survmodel.table import Table

STAGE = "stage"
STAGE_CT = "stage_ct"


@dataclass(frozen=True, slots=True)
class Published:
    """Survival that was published for the groups of an index.

    Parameters
    ----------
    survival : tuple of float or None
        Probability at the horizon for each group, lowest risk first; None where it was not read.
    years : float
        The horizon.
    endpoint : str
        Of what.
    """

    survival: tuple[float | None, ...]
    years: float
    endpoint: str


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IndexResult(Result):
    """A clinical index of patients.

    Attributes
    ----------
    index : ClinicalIndex
        Which.
    labels : pandas.Index
        Row labels of the table.
    low, high : ndarray of float, shape (n,)
        Bounds of the value; the same number where it is known.
    n_missing : ndarray of int, shape (n,)
        Inputs that a patient lacks.
    columns : mapping of str to str
        The column that each input came from.
    warnings : tuple of str
        What is not certain about the rule, and about the columns.
    """

    index: ClinicalIndex
    labels: pd.Index
    low: Floats
    high: Floats
    n_missing: npt.NDArray[np.int64]
    columns: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    @property
    def value(self) -> pd.Series:
        """Value of each patient, NaN where its bounds differ."""
        values = np.where(self.low == self.high, self.low, np.nan)
        return pd.Series(values, index=self.labels, name=self.index.key)

    @property
    def group(self) -> pd.Series:
        """Group of each patient, an ordered category; missing where the bounds lie in different groups."""
        lowest, highest = self.index.place(self.low), self.index.place(self.high)
        return self._levels(np.where(lowest == highest, lowest, -1))

    def _levels(self, places: npt.NDArray[np.int64]) -> pd.Series:
        levels = pd.Categorical.from_codes(list(places), categories=pd.Index(self.index.groups), ordered=True)
        return pd.Series(levels, index=self.labels, name=f"{self.index.key}_group")

    def published_survival(self) -> pd.Series:
        """Give the survival that was published for the group of each patient, for ``published_risk`` in a formula.

        Returns
        -------
        pandas.Series
            Probabilities at the horizon of ``index.published``; NaN where the group is not known, or its survival.

        Raises
        ------
        ConfigError
            For an index without published survival.
        """
        published = self.index.published
        if published is None:
            remedy = "give published_risk() the survival of its groups from a paper by survival=[...]"
            raise ConfigError(f"no survival by group of {self.index.short} is on record", remedy=remedy)
        by_group = dict(zip(self.index.groups, published.survival, strict=True))
        values = self.group.astype(object).map(by_group).astype(np.float64)
        return values.rename(f"{self.index.key}_published")

    def tidy(self) -> pd.DataFrame:
        """Give the index of each patient.

        Returns
        -------
        pandas.DataFrame
            Columns row (number, from 1), value, value_min, value_max, group, group_min, group_max (ordered categories),
            and n_missing; one row for each patient.
        """
        columns = {
            "row": np.arange(len(self.labels)) + 1,
            "value": self.value.array,
            "value_min": self.low,
            "value_max": self.high,
            "group": self.group.array,
            "group_min": self._levels(self.index.place(self.low)).array,
            "group_max": self._levels(self.index.place(self.high)).array,
            "n_missing": self.n_missing,
        }
        return pd.DataFrame(columns)

    def glance(self) -> pd.DataFrame:
        """Give the index in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        row = {
            "model": self.index.key,
            "n": len(self.labels),
            "n_missing": int(self.group.isna().sum()),
            "verified": self.index.verified,
            "citation": self.index.citation,
            "conventions": "; ".join(self._conventions()),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> list[str]:
        said = ["a missing input bounds the index, and the group is given where the bounds agree"]
        if STAGE in self.columns:
            said.append(f"stage from {self.columns[STAGE]}")
        return said

    def _display(self) -> Display:
        group, total = self.group, len(self.labels)
        counts = [(level, int((group == level).sum())) for level in self.index.groups]
        counts += [("not known", int(group.isna().sum()))] if group.isna().any() else []
        rows = [[level, str(n), format_percent(n / total if total else None)] for level, n in counts]
        partly = int(((self.n_missing > 0) & group.notna().to_numpy()).sum())
        notes = [self.index.citation, begin("; ".join(self._conventions()))]
        if partly:
            notes.append(f"{count_noun(partly, 'patient has', 'patients have')} a group although an input is missing")
        return Display(f"{self.index.title} of {count_noun(total, 'patient')}", (Table(["group", "n", "share"], rows),),
                       tuple(notes))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ClinicalIndex:
    """A published prognostic index; call it with a table.

    Parameters
    ----------
    key, title, short : str
        Name in code, whole name, and abbreviation.
    disease : str
        "lymphoma", "myeloma" or "leukemia".
    entities : tuple of str
        Entities of the data schema that it was made for.
    inputs : tuple of Number, YesNo or Level
        What it takes in.
    rule : callable
        Turns complete columns into values; never lower where an input is worse.
    groups : tuple of str
        Lowest risk first.
    cuts : tuple of float
        Smallest value of each group but the first.
    citation : str
        Where it was published.
    measure : str
        What the value is: "points", a "score" or a "stage".
    verified : bool
        Whether the rule was read in a source that can be trusted.
    doubts : tuple of str
        What is not certain about it; shown as warnings.
    published : Published, optional
        Survival of its groups.
    adult : bool
        Whether it is for adults; an index for children otherwise.
    oldest : float, optional
        Greatest age that it is for.
    imaging : bool
        Whether it grades a scan of any tracer, so that the one of CXCR4 PET is a marker and no comparator.

    Examples
    --------
    >>> from survmodel.markers.indices import aaipi
    >>> aaipi(pd.DataFrame({"stage_ct": ["I", "IV"], "ldh_uln": [1.0, 1.2], "ecog": [1, 2]})).group.tolist()
    ['low', 'high']
    """

    key: str
    title: str
    short: str
    disease: str
    entities: tuple[str, ...]
    inputs: tuple[Input, ...]
    rule: Callable[[Inputs], Floats]
    groups: tuple[str, ...]
    cuts: tuple[float, ...]
    citation: str
    measure: str = "points"
    verified: bool = True
    doubts: tuple[str, ...] = ()
    published: Published | None = None
    adult: bool = True
    oldest: float | None = None
    imaging: bool = False

    def __repr__(self) -> str:
        needed = ", ".join(f"{one.name} [{one.unit}]" if isinstance(one, Number) and one.unit else one.name
                           for one in self.inputs)  # fmt: skip
        trust = "verified" if self.verified else "not verified"
        return f"{self.title} ({trust}). Inputs: {needed}. Groups: {', '.join(self.groups)}. {self.citation}"

    def place(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Find the group of values.

        Parameters
        ----------
        values : array_like of float, shape (n,)
            Values of the index.

        Returns
        -------
        ndarray of int, shape (n,)
            Place among the groups, from 0.

        Examples
        --------
        >>> from survmodel.markers.indices import ipi
        >>> ipi.place([1, 2, 5])
        array([0, 1, 3])
        """
        return np.searchsorted(self.cuts, np.asarray(values, dtype=np.float64), side="right").astype(np.int64)

    def __call__(
        self, table: object, *, stage: str = STAGE_CT, columns: Mapping[str, str] | None = None,
        units: Mapping[str, str] | None = None, unverified: bool = False,
    ) -> IndexResult:  # fmt: skip
        """Compute the index.

        Parameters
        ----------
        table : pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row for each patient, with a column for each input: exact ages in years, never rounded.
        stage : str
            Column of the stage: "stage_ct" or "stage_fdg". That of CXCR4 PET is refused, for it would carry the
            marker into its own comparator.
        columns : mapping of str to str, optional
            Column of an input that goes by another name.
        units : mapping of str to str, optional
            Unit of an input that comes in another one, such as ``{"hemoglobin": "g/L"}``.
        unverified : bool
            Whether to use an index whose rule is not verified.

        Returns
        -------
        IndexResult
            Value, group and bounds of each patient.

        Raises
        ------
        ConfigError
            For an index that is not verified, a column read from CXCR4 PET, an unknown input or unit.
        DataError
            For a column that is missing, numbers that are not plausible, unknown levels, and patients for whom the
            index was not made.
        """
        self._check_trust(unverified=unverified)
        frame = as_frame(table)
        sources = self._sources(stage, columns)
        self._check_inputs(units or {}, "units")
        check_ages(frame, sources.get(AGE, AGE), self.short, adult=self.adult, oldest=self.oldest)
        read = {one.name: one.read(pick(frame, sources[one.name], self.short), (units or {}).get(one.name, ""))
                for one in self.inputs}  # fmt: skip
        missing = {name: np.isnan(values) for name, values in read.items()}
        low, high = (
            self.rule({one.name: np.where(missing[one.name], end, read[one.name]) for one, end in ends})
            for ends in ([(one, one.best) for one in self.inputs], [(one, one.worst) for one in self.inputs])
        )
        return IndexResult(
            index=self,
            labels=frame.index,
            low=frozen(low),
            high=frozen(high),
            n_missing=frozen(np.sum(list(missing.values()), axis=0), np.int64),
            columns=sources,
            warnings=self._warnings(frame, read, sources),
        )

    def values(self, table: object) -> pd.Series:
        """Compute the value of each patient, as ``MultipleImputation(derive={"ipi": sm.indices.ipi.values})`` asks for.

        Parameters
        ----------
        table : pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row for each patient, its columns named and measured as the inputs are. Where they are not, write a
            function that calls the index with ``columns=`` or ``units=`` and gives its ``value``.

        Returns
        -------
        pandas.Series
            Values, NaN where missing inputs leave them open; rows as in the table.

        Examples
        --------
        >>> from survmodel.markers.indices import aaipi
        >>> aaipi.values(pd.DataFrame({"stage_ct": ["I", "IV"], "ldh_uln": [1.0, 1.2], "ecog": [1, 2]})).tolist()
        [0.0, 3.0]
        """
        return self(table).value

    def _check_trust(self, *, unverified: bool) -> None:
        if self.verified or unverified:
            return
        raise ConfigError(
            f"{self.short} is off by default, because its rule is not verified",
            " ".join(self.doubts),
            f"check the rule against {self.citation.rstrip('.')}, and say unverified=True",
        )

    def _check_inputs(self, given: Mapping[str, str], option: str) -> None:
        known = [one.name for one in self.inputs]
        for name in given:
            if name not in known:
                raise ConfigError(f"{option}: {self.short} has no input {name!r}", remedy=closest(name, known))

    def _sources(self, stage: str, columns: Mapping[str, str] | None) -> dict[str, str]:
        """Name the column of each input; refuse those of CXCR4 PET."""
        self._check_inputs(columns or {}, "columns")
        sources = {one.name: one.name for one in self.inputs}
        if stage != STAGE_CT and STAGE in (columns or {}):
            raise ConfigError("the column of the stage is named twice", f"{stage!r} and {columns}", "leave one out")
        if STAGE in sources:
            sources[STAGE] = stage
        elif stage != STAGE_CT:
            raise ConfigError(f"{self.short} takes no stage", f"found stage={stage!r}", "leave it out")
        sources.update(columns or {})
        for name, column in sources.items():
            if is_marker(column) and not self.imaging:
                remedy = f"use {'stage_ct or stage_fdg' if name == STAGE else 'conventional findings'}"
                problem = f"{column!r} was read from CXCR4 PET and cannot enter {self.short}"
                raise ConfigError(problem, "the index would carry the marker into its own comparator", remedy)
        return sources

    def _warnings(self, frame: pd.DataFrame, read: Inputs, sources: Mapping[str, str]) -> tuple[str, ...]:
        said = [sentence.rstrip(".") for sentence in self.doubts]
        said += [one.doubt(read[one.name]) for one in self.inputs if isinstance(one, Number)]
        said += doubts_of_ages(read.get(AGE, np.empty(0)))
        said += doubts_of_entities(frame, self.entities, self.short)
        markers = [column for column in sources.values() if is_marker(column)]
        if markers:
            said.append(f"Read from CXCR4 PET ({', '.join(markers)}): a marker, and no comparator of one")
        return tuple(sentence for sentence in said if sentence)
