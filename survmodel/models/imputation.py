r"""Multiple imputation by chained equations, as a step that validation repeats in every resample.

Each column with missing values is imputed from all others: numbers by predictive mean matching, two levels by logistic
regression, more by multinomial regression or, where they are ordered, by proportional odds
(:mod:`survmodel.kernels.imputation_draws`), as R's mice does. Differences from mice: coefficients of the two last are
drawn too, not only estimated; columns that are combinations of others are left out by the pivots of a Cholesky factor.

**Outcome.** Rows that are learnt from are imputed with an indicator of the event and its cumulative hazard (White and
Royston 2009): without them the association is biased towards none. Rows that are scored must not know their outcome,
and have a second set of equations, learnt from the training rows without it. A row is completed alike whatever rows
stand beside it.

**Diseases.** With ``within``, each disease has equations of its own. A column with fewer than 20 observed values in a
disease, or fewer than two for each coefficient, is imputed there from all diseases, with indicators of them.

**Not applicable is not missing.** Outside the rows that ``applies`` names a column is never imputed, and it predicts
only where it applies to every row of an equation.

**Derived columns** (a score made of others) are computed anew from completed columns in every row. They predict
nothing: the columns that they are made of do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError, closest
from survmodel.formatting import count_noun
from survmodel.models.imputation_chain import (
    DEVELOPMENT,
    ChainSettings,
    ScoringEquations,
    outcome_columns,
    run_chains,
)
from survmodel.models.imputation_equations import CodedRows
from survmodel.models.imputation_fit import FittedImputation
from survmodel.models.imputation_table import Derive, fill_tables, learn_columns, order_rows, refuse_outcome
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.result import join_warnings

Ints = npt.NDArray[np.int64]

FEWEST_IMPUTATIONS = 20
#: A column of which a larger share is missing deserves a warning.
MUCH_MISSING = 0.4


@dataclass(frozen=True, slots=True)
class MultipleImputation:
    """Chained equations: fill in what is missing, m times.

    Parameters
    ----------
    columns : sequence of str, optional
        Columns of the imputation model; those with missing values are imputed, the others predict. All columns of the
        table without it.
    m : int, optional
        Imputations, at least 2; without it 20, or the percentage of incomplete rows where that is more.
    iterations : int
        Cycles of each.
    within : str, optional
        Column of the disease: equations of each disease apart.
    applies : mapping of str to (str, sequence), optional
        ``{"r_iss": ("disease_group", ["myeloma"])}``: the column applies to these rows only.
    derive : mapping of str to callable, optional
        Columns computed from the completed table, ``{"ipi": compute_ipi}``.
    methods : mapping of str to {"pmm", "logistic", "multinomial", "ordinal"}, optional
        How a column is imputed, where its type does not say.
    delta : mapping of str to float, optional
        What is added to imputed numbers, or to the log odds of the second of two levels, in every cycle: how much
        patients with a missing value may differ from those without.
    donors : int
        Observed rows among which predictive mean matching draws.
    outcome : bool
        Whether the outcome predicts in the rows that are learnt from. False is biased, and for comparison.
    seed : int
        The same seed imputes alike, whatever the order of rows.

    References
    ----------
    van Buuren S (2018). Flexible Imputation of Missing Data. CRC Press. White IR, Royston P (2009). Stat Med
    28:1982-1998. White IR, Daniel R, Royston P (2010). Comput Stat Data Anal 54:2267-2275. Resseguier N, Giorgi R,
    Paoletti X (2011). Epidemiology 22:282-283.

    Examples
    --------
    >>> random = np.random.default_rng(4)
    >>> table = pd.DataFrame({"x": random.normal(size=60), "z": random.normal(size=60)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["x"])), np.ones(60))
    >>> table.loc[::4, "x"] = np.nan
    >>> imputed = MultipleImputation(m=5, seed=1).fit(table, outcome)
    >>> len(imputed.development), int(imputed.development[0].isna().to_numpy().sum())
    (5, 0)
    """

    columns: Sequence[str] | None = None
    m: int | None = field(default=None, kw_only=True)
    iterations: int = field(default=10, kw_only=True)
    within: str | None = field(default=None, kw_only=True)
    applies: Mapping[str, tuple[str, Sequence[Any]]] | None = field(default=None, kw_only=True)
    derive: Mapping[str, Derive] | None = field(default=None, kw_only=True)
    methods: Mapping[str, str] | None = field(default=None, kw_only=True)
    delta: Mapping[str, float] | None = field(default=None, kw_only=True)
    donors: int = field(default=5, kw_only=True)
    outcome: bool = field(default=True, kw_only=True)
    seed: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if self.m is not None and self.m < 2:
            raise ConfigError(f"m is {self.m}", remedy="give at least 2 imputations: one tells nothing of its error")
        for name, least in (("iterations", 1), ("donors", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}", remedy=f"give a whole number from {least} on")
        if isinstance(self.columns, str):
            raise ConfigError("columns is one text", remedy=f'pass a list, columns=["{self.columns}"]')
        named = [] if self.columns is None else list(self.columns)
        twice = sorted({str(name) for name in named if named.count(name) > 1})
        if twice:
            raise ConfigError(f"a column is named twice: {', '.join(twice)}", remedy="name each column once")

    @property
    def selects(self) -> bool:
        """Nothing is selected: the optimism bootstrap stays honest."""
        return False

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> FittedImputation:
        """Impute the rows of a table.

        Parameters
        ----------
        table : pandas.DataFrame
            One row for each patient; rows are those of the outcome.
        outcome : Outcome
            Predicts missing values of these rows.

        Returns
        -------
        FittedImputation
            Completed tables, and the equations that complete rows to be scored.

        Raises
        ------
        DataError
            For columns that hold no variable, no value or the outcome, infinite values, a disease that is missing.
        ConfigError
            For settings of columns that are not in the imputation model.
        """
        table = read_table(table)
        check_outcome(outcome)
        outcome.check_rows(table)
        _refuse_intervals(outcome)
        derive = dict(self.derive or {})
        names = [name for name in (table.columns if self.columns is None else self.columns) if name not in derive]
        self._check_names(names)
        applies = {name: (teller, tuple(values)) for name, (teller, values) in (self.applies or {}).items()}
        reader = learn_columns(table, names, self.within, applies, self.methods or {})
        rows, outside = reader.read(table)
        refuse_outcome(rows, outcome)
        order = order_rows(rows, outcome, table)
        ordered, known = rows.take(order), outcome.take(order)
        settings = self._settings(rows)
        ahead = outcome_columns(known, ordered.group) if self.outcome else np.empty((outcome.n, 0))
        chains = run_chains(ordered, ahead, settings, DEVELOPMENT)
        back = np.argsort(order)
        tables = fill_tables(table, rows, [state[back] for state in chains.states], derive)
        return FittedImputation(
            settings=settings,
            reader=reader,
            rows=rows,
            development=tables,
            chains=chains,
            scoring=ScoringEquations(ordered, settings),
            derive=derive,
            with_outcome=self.outcome,
            warnings=join_warnings(
                outcome.warnings, self._look_at_m(rows), _look_at_gaps(rows), _look_outside(outside)
            ),
        )

    def _settings(self, rows: CodedRows) -> ChainSettings:
        places = {variable.name: column for column, variable in enumerate(rows.variables)}
        for name in self.delta or {}:
            if len(rows.variables[places[name]].levels) > 2:
                raise ConfigError(f"delta of {name}, which has more than two levels", remedy="shift numbers only")
        return ChainSettings(
            m=_imputations_needed(rows) if self.m is None else self.m,
            iterations=self.iterations,
            donors=self.donors,
            seed=self.seed,
            delta={places[name]: float(shift) for name, shift in (self.delta or {}).items()},
        )

    def _look_at_m(self, rows: CodedRows) -> list[str]:
        """Warn of fewer imputations than limits need."""
        needed = _imputations_needed(rows)
        if self.m is None or self.m >= needed or not rows.holes.any():
            return []
        return [f"{self.m} imputations where {needed} are needed: limits and p-values change with the seed"]

    def _check_names(self, names: Sequence[str]) -> None:
        """Refuse settings for columns that are not in the imputation model."""
        for setting in ("applies", "methods", "delta"):
            for name in getattr(self, setting) or {}:
                if name not in names:
                    raise ConfigError(
                        f"{setting} names {name!r}, which is no column of the imputation model",
                        remedy=closest(str(name), map(str, names)),
                    )


def _imputations_needed(rows: CodedRows) -> int:
    """Give 20, or the percentage of incomplete rows where that is more."""
    return max(FEWEST_IMPUTATIONS, int(np.ceil(100 * rows.holes.any(axis=1).mean() - 1e-9)))


def _refuse_intervals(outcome: Outcome) -> None:
    """Refuse several intervals of one patient, whose values would be imputed apart; a patient drawn twice is none."""
    if outcome.id is None or outcome.entry is None:
        return
    pairs = np.unique(np.column_stack([outcome.id, outcome.entry]), axis=0)
    if len(pairs) > np.unique(outcome.id).size:
        raise DataError(
            "a patient has several intervals, which would be imputed apart", remedy="impute one row for each patient"
        )


def _look_at_gaps(rows: CodedRows) -> list[str]:
    """Warn of columns that are missing in many of the rows they apply to."""
    warnings = []
    for column, variable in enumerate(rows.variables):
        share = rows.holes[:, column].sum() / max(int(rows.applies[:, column].sum()), 1)
        if share > MUCH_MISSING:
            warnings.append(f"{variable.name} is missing in {100 * share:.0f} % of the rows it applies to")
    return warnings


def _look_outside(outside: Mapping[str, int]) -> list[str]:
    return [
        f"{name} has {count_noun(count, 'value')} in rows to which it does not apply: not used"
        for name, count in outside.items()
    ]
