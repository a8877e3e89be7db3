r"""Cause-specific Cox models of all causes, and the absolute risk of each that they add up to.

One Cox model for each cause gives the jumps :math:`dH_k(u \mid x)` of its cumulative hazard, the other causes censored
when they happen. The risk of cause *k* needs them all, because who leaves by another cause can no longer have it:

.. math:: F_k(t \mid x) = \sum_{u \le t} S(u- \mid x)\, dH_k(u \mid x), \qquad
          S(t \mid x) = \prod_{u \le t} \Bigl(1 - \sum_j dH_j(u \mid x)\Bigr)

(``product_limit=True``, as riskRegression's CSC by default: the risks and the chance of no event add up to 1), or
:math:`S = \exp(-\sum_j H_j)` (``product_limit=False``). Where the jumps of a person at one time add up to more than 1,
they are made to add up to 1. Baselines pair with the ties method of the models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, FitError, closest, list_values
from survmodel.formatting import count_noun, format_number, format_p, format_ratio
from survmodel.frame import as_frame
from survmodel.models.causes import cause_names
from survmodel.models.complete_rows import Missing, find_complete_rows, refuse_no_rows
from survmodel.models.cox import CoxPH
from survmodel.models.cox_fit import CoxFit
from survmodel.models.cox_prediction import Baseline, compute_baselines, hazard_at
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.kaplan_meier_fit import check_times
from survmodel.models.strata import stratum_codes
from survmodel.outcome.argument import check_outcome, read_table
from survmodel.outcome.response import Outcome
from survmodel.result import Display, Result, frozen, join_warnings
from survmodel.table import Table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Terms = str | Sequence[str]

#: Rows whose risks are computed together; more would need a large matrix of rows by event times.
BLOCK = 500


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CauseSpecificFit(Result):
    """Fitted Cox models of all causes.

    Attributes
    ----------
    spec : CauseSpecificCox
        What was asked for.
    fits : mapping of int to CoxFit
        The Cox model of each cause by its code.
    causes : mapping of int to str
        Names of these causes.
    outcome : Outcome
        Outcome of the analysed rows.
    rows : ndarray of int64
        Their positions in the table; the same for all causes.
    n_missing : int
        Rows left out for missing values.
    missing : tuple of (str, int)
        Missing values of each column that has some.
    warnings, notes : tuple of str
        What the reader must and may know.
    """

    spec: CauseSpecificCox
    fits: Mapping[int, CoxFit]
    causes: Mapping[int, str]
    outcome: Outcome
    rows: Ints
    n_missing: int = 0
    missing: Missing = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the coefficients on the log scale, one row for each cause and column of its design.

        Returns
        -------
        pandas.DataFrame
            Columns cause, term, variable, level, reference, estimate, std_error, statistic (z), p_value, conf_low,
            conf_high.
        """
        return self._by_cause({code: fit.tidy() for code, fit in self.fits.items()})

    def hazard_ratios(
        self, contrasts: Mapping[str, Sequence[object]] | None = None, at: Mapping[str, object] | None = None
    ) -> pd.DataFrame:
        """Give cause-specific hazard ratios with limits.

        Parameters
        ----------
        contrasts, at
            As for :meth:`survmodel.models.cox_fit.CoxFit.hazard_ratios`; a cause is left out whose model lacks a column
            that is compared.

        Returns
        -------
        pandas.DataFrame
            As :meth:`tidy`, estimate and limits exponentiated; std_error stays on the log scale.

        Raises
        ------
        ConfigError
            For columns that no formula has together, or an interaction without `at`.
        """
        asked = {
            code: fit.hazard_ratios(contrasts, at)
            for code, fit in self.fits.items()
            if contrasts is None or set(contrasts) <= set(fit.design.formula.variables)
        }
        if not asked:
            raise ConfigError(f"no cause has {list_values(list(contrasts or {}))} in its formula")
        return self._by_cause(asked)

    def _by_cause(self, tables: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
        named = []
        for code, table in tables.items():
            table.insert(0, "cause", self.causes[code])
            named.append(table)
        return pd.concat(named, ignore_index=True)

    def glance(self) -> pd.DataFrame:
        """Give what describes the models as a whole, in one row.

        Returns
        -------
        pandas.DataFrame
            Columns n, n_event (of any kind), n_missing, n_cause, loglik and loglik_null (summed over causes), ties,
            n_strata, product_limit, conf_level, conventions.
        """
        fits = list(self.fits.values())
        row = {
            "n": fits[0].n,
            "n_event": sum(fit.n_event for fit in fits),
            "n_missing": self.n_missing,
            "n_cause": len(fits),
            "loglik": sum(fit.maximum.loglik for fit in fits),
            "loglik_null": sum(fit.maximum.loglik_null for fit in fits),
            "ties": self.spec.ties,
            "n_strata": len(fits[0].strata_labels),
            "product_limit": self.spec.product_limit,
            "conf_level": self.spec.conf_level,
            "conventions": self._conventions(),
        }
        return pd.DataFrame([row])

    def _conventions(self) -> str:
        free = "product limit" if self.spec.product_limit else "exp(-H)"
        return (
            f"cause-specific hazards, {self.spec.ties.capitalize()} ties and baselines; absolute risk from the hazards "
            f"of all causes, event-free probability by {free}"
        )

    def prognostic_index(self, table: pd.DataFrame, cause: int = 1) -> Floats:
        """Predict the index of the cause-specific hazard; for the risk ask :meth:`predict_risk`.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formula.
        cause : int
            Code of the cause.

        Returns
        -------
        ndarray, shape (n,)
            Higher = higher hazard of the cause, which under competition is not always a higher risk.

        Raises
        ------
        ConfigError
            For a cause without a model.
        DataError
            For absent columns, missing values, unseen levels.
        """
        return self._fit_of(cause).prognostic_index(table)

    def predict_risk(self, table: pd.DataFrame, times: npt.ArrayLike, cause: int = 1) -> Floats:
        """Predict the cumulative incidence of a cause from the hazards of all causes.

        Parameters
        ----------
        table : pandas.DataFrame
            Columns of the formulas and strata.
        times : array_like, shape (n_times,)
            Times, at least 0.
        cause : int
            Code of the cause.

        Returns
        -------
        ndarray, shape (n, n_times)
            NaN beyond the longest follow-up of the row's stratum.

        Raises
        ------
        ConfigError
            For a cause without a model.
        DataError
            For absent columns, missing values, unseen levels or strata.
        EndpointError
            For negative or missing times.
        """
        self._fit_of(cause)
        asked = check_times(times)  # type: ignore[arg-type]
        table = as_frame(table)
        first = next(iter(self.fits.values()))
        codes = stratum_codes(table, first.spec.strata_columns, first.strata_labels)
        relative = {code: _relative_hazard(fit, table) for code, fit in self.fits.items()}
        baselines = {code: _baselines(fit) for code, fit in self.fits.items()}
        risk = np.empty((len(table), asked.size))
        for stratum in np.unique(codes):
            own = {code: steps[stratum] for code, steps in baselines.items()}
            rows = np.flatnonzero(codes == stratum)
            for start in range(0, rows.size, BLOCK):
                block = rows[start : start + BLOCK]
                scale = {code: values[block] for code, values in relative.items()}
                risk[block] = absolute_risk(own, scale, cause, asked, product_limit=self.spec.product_limit)
        return risk

    def _fit_of(self, cause: int) -> CoxFit:
        if cause not in self.fits:
            known = list_values([f"{code} ({name})" for code, name in self.causes.items()])
            raise ConfigError(f"cause {cause!r} has no model", f"known: {known}", "give the code of a cause")
        return self.fits[cause]

    def _display(self) -> Display:
        rows = []
        for row in self.hazard_ratios().to_dict("records"):
            ratio = format_ratio(row["estimate"], row["conf_low"], row["conf_high"])
            cells = [format_number(float(np.log(row["estimate"])), 4), format_number(row["std_error"], 4)]
            rows.append([row["cause"], row["term"], *cells, ratio, format_p(row["p_value"])])
        percent = f"{100 * self.spec.conf_level:g}% limits"
        table = Table(["cause", "term", "coef", "se", f"hazard ratio ({percent})", "p"], rows, left=2)
        counts = [count_noun(self.outcome.n, "row")]
        counts += [f"{fit.n_event} {self.causes[code]}" for code, fit in self.fits.items()]
        counts += [f"{count_noun(self.n_missing, 'row')} left out for missing values"] if self.n_missing else []
        return Display(f"Cause-specific Cox models: {', '.join(counts)}", (table,), (self._conventions(), *self.notes))


@dataclass(frozen=True, slots=True)
class CauseSpecificCox:
    """Cox models of the hazards of all causes, and absolute risks from them.

    Parameters
    ----------
    formula : str, sequence of str, or mapping of int to these
        Right-hand side in the formula language, one for all causes or one for each code, ``{1: "age", 2: "age +
        sex"}``.
    strata : str or sequence of str, optional
        Columns whose combinations have baseline hazards of their own, for every cause.
    ties : {"efron", "breslow"}
        Treatment of tied event times.
    reference : mapping of str to object, optional
        Reference level of factors, ``{"stage": "I"}``.
    product_limit : bool
        Event-free probability by the product limit, so that the risks of all causes and the chance of none add up to 1;
        by the exponential of the hazards otherwise.
    conf_level : float
        Coverage of limits.

    References
    ----------
    Benichou J, Gail MH (1990). Biometrics 46:813-826. Ozenne B et al. (2017). The R Journal 9:440-460.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import CauseSpecificCox, Outcome
    >>> table = pd.DataFrame({"x": [1, 0, 1, 1, 0, 1, 0, 0]})
    >>> outcome = Outcome([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 1, 0, 1, 2, 1, 0], causes={1: "relapse", 2: "death"})
    >>> fit = CauseSpecificCox("x").fit(table, outcome)
    >>> fit.tidy()["cause"].tolist()
    ['relapse', 'death']
    >>> fit.predict_risk(table.head(2), [4.0]).shape
    (2, 1)
    """

    formula: Terms | Mapping[int, Terms]
    strata: str | Sequence[str] | None = None
    ties: Literal["efron", "breslow"] = "efron"
    reference: Mapping[str, object] | None = None
    product_limit: bool = True
    conf_level: float = 0.95
    #: Competing events are taken as they are, not to be settled first.
    takes_competing: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.formula, Mapping) and not self.formula:
            raise ConfigError(
                "no cause has a formula", remedy='give one for each code, for example {1: "age", 2: "age"}'
            )
        if self.ties not in ("efron", "breslow"):
            # Risks are added up from the hazards of all causes, which the exact likelihood does not have.
            raise ConfigError(
                f"ties {self.ties!r} are not for cause-specific models", remedy='choose "efron" or "breslow"'
            )
        for formula in self._formulas():
            self._spec(formula)
        known = [name for formula in self._formulas() for name in parse_formula(formula).variables]
        strange = [name for name in self.reference or {} if name not in known]
        if strange:
            raise ConfigError(
                f"a reference is declared for {list_values(strange)}, in no formula", closest(strange[0], known)
            )

    def _formulas(self) -> list[Terms]:
        return list(self.formula.values()) if isinstance(self.formula, Mapping) else [self.formula]

    def _spec(self, formula: Terms, reference: Mapping[str, object] | None = None) -> CoxPH:
        return CoxPH(formula, strata=self.strata, ties=self.ties, reference=reference, conf_level=self.conf_level)

    def fit(self, table: pd.DataFrame, outcome: Outcome) -> CauseSpecificFit:
        """Fit the model of every cause to the same complete rows.

        Parameters
        ----------
        table : pandas.DataFrame, or a table of polars or pyarrow
            Columns of the formulas and strata; rows are those of the outcome.
        outcome : Outcome
            Times and events; late entry is allowed.

        Returns
        -------
        CauseSpecificFit
            The models, and predictions from all of them. Rows with a missing value in any formula are left out of all.

        Raises
        ------
        ConfigError
            For columns that the table lacks, or formulas that are not those of the causes.
        DataError
            When rows differ from the outcome's, or values cannot be coded.
        FitError
            Without events, or when the model of a cause cannot be estimated; the message names the cause.
        """
        table = read_table(table)
        check_outcome(outcome)
        outcome.check_rows(table)
        names = cause_names(outcome)
        formulas = self._by_code(names)
        parsed = [parse_formula(formula) for formula in formulas.values()]
        strata = self._spec(next(iter(formulas.values()))).strata_columns
        kept, missing = find_complete_rows(parsed, strata, table)
        rows = np.flatnonzero(kept)
        refuse_no_rows(rows, missing)
        used, analysed = table.iloc[rows], outcome.take(rows)
        present = [code for code in names if (analysed.event == code).any()]
        if not present:
            raise FitError("there are no events", f"0 among {rows.size} analysed rows", "a Cox model needs events")
        fits = {code: self._fit_cause(formulas[code], used, analysed, code, names[code]) for code in present}
        return CauseSpecificFit(
            spec=self,
            fits=fits,
            causes={code: names[code] for code in present},
            outcome=analysed,
            rows=frozen(rows, np.int64),
            n_missing=int((~kept).sum()),
            missing=missing,
            warnings=join_warnings(outcome.warnings, _collect(fits, names)),
            notes=join_warnings(*(fit.notes for fit in fits.values())),
        )

    def _by_code(self, names: Mapping[int, str]) -> dict[int, Terms]:
        if not isinstance(self.formula, Mapping):
            return dict.fromkeys(names, self.formula)
        if set(self.formula) != set(names):
            raise ConfigError(
                f"formulas are given for causes {list_values([str(code) for code in self.formula])}",
                f"the outcome has {list_values([f'{code} ({name})' for code, name in names.items()])}",
                "give one formula for each cause: the risk of one depends on the hazards of all",
            )
        return dict(self.formula)

    def _fit_cause(self, formula: Terms, table: pd.DataFrame, outcome: Outcome, code: int, name: str) -> CoxFit:
        reference = _own_references(self.reference, parse_formula(formula))
        try:
            return self._spec(formula, reference).fit(table, outcome.cause_specific(code))
        except FitError as error:
            remedy = "give this cause a formula of its own with fewer columns, for example {1: ..., 2: ...}"
            raise FitError(f"cause {name}: {error.problem}", error.found, remedy) from None


def _own_references(reference: Mapping[str, object] | None, formula: Formula) -> dict[str, object] | None:
    """Keep the references of the columns of a formula."""
    if reference is None:
        return None
    return {name: level for name, level in reference.items() if name in formula.variables}


def _collect(fits: Mapping[int, CoxFit], names: Mapping[int, str]) -> list[str]:
    """Collect what the fits warn of, each with its cause, and name the causes that nobody had."""
    found = [f"no event of cause {name!r}: it has no model" for code, name in names.items() if code not in fits]
    for code, fit in fits.items():
        found += [
            f"cause {names[code]!r}: {warning}" for warning in fit.warnings if warning not in fit.outcome.warnings
        ]
    return found


def _relative_hazard(fit: CoxFit, table: pd.DataFrame) -> Floats:
    """Give the hazard of each row relative to the baseline, which stands at the means of the covariates."""
    centred = fit.design.matrix(table) - fit.ordered.centre
    relative: Floats = np.exp(centred @ fit.beta + fit.design.offset(table) - fit.data.offset.mean())
    return relative


def _baselines(fit: CoxFit) -> tuple[Baseline, ...]:
    return compute_baselines(fit.data, fit.ordered, fit.beta, float(fit.data.offset.mean()))


def absolute_risk(
    baselines: Mapping[int, Baseline],
    relative: Mapping[int, Floats],
    cause: int,
    times: Floats,
    *,
    product_limit: bool,
) -> Floats:
    """Add up the absolute risk of a cause in one stratum.

    Parameters
    ----------
    baselines : mapping of int to Baseline
        Cumulative hazard of every cause.
    relative : mapping of int to ndarray, shape (n,)
        Hazards of the rows relative to it.
    cause : int
        Whose risk.
    times : ndarray, shape (k,)
        Times.
    product_limit : bool
        How the event-free probability is computed.

    Returns
    -------
    ndarray, shape (n, k)
        NaN beyond the longest follow-up.
    """
    last = max(one.last for one in baselines.values())
    grid = np.unique(np.concatenate([one.time for one in baselines.values()]))
    jumps = {
        code: np.outer(relative[code], np.diff(hazard_at(one, grid)[0], prepend=0.0)) for code, one in baselines.items()
    }
    total: Floats = sum(jumps.values(), start=np.zeros_like(jumps[cause]))
    own = jumps[cause]
    if product_limit:
        own = own / np.maximum(total, 1.0)
        free = np.cumprod(1 - np.minimum(total, 1.0), axis=1)
    else:
        free = np.exp(-np.cumsum(total, axis=1))
    before = np.column_stack([np.ones(len(free)), free[:, :-1]])
    risk = np.column_stack([np.zeros(len(free)), np.cumsum(before * own, axis=1)])
    found: Floats = risk[:, np.searchsorted(grid, times, side="right")]
    found[:, times > last] = np.nan
    return found
