"""Columns that a model or a marker uses, looked at before anything is fitted: is each what a predictor can be.

A logarithm of 0, a copy of the outcome: errors. Much that is missing, a column in which one patient differs, a name of
something that happened later, codes that are used as a number, levels in the order of the alphabet, a column that the
others nearly give: warnings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.cohort import Analysis, Cohort
from survmodel.data.columns import Column
from survmodel.data.findings import Finding, Severity
from survmodel.errors import DataError, SurvmodelError
from survmodel.formatting import count_noun, format_p_equation, format_significant
from survmodel.models.formula import Formula, parse_formula
from survmodel.models.formula_coding import learn_inner
from survmodel.models.formula_grammar import Atom, Call
from survmodel.models.logrank import logrank_test
from survmodel.study.config import Study
from survmodel.study.gathering import Gathered

Floats = npt.NDArray[np.float64]

LOGARITHMS = frozenset({"log", "log2"})
#: A covariate that is missing in more than this share of the patients is warned of.
MOST_MISSING = 0.4
#: Variance inflation above which a coefficient says little of its own column.
LARGEST_INFLATION = 10.0
#: Fewest patients of whom "all but one" or "exactly the outcome" says something, and fewest of each kind.
PATIENTS_TO_JUDGE, OF_EACH_KIND = 10, 3
#: Patients without a value differ in their outcome from the rest below this.
SMALLEST_P = 0.01
#: A smaller share without a value moves no estimate by much.
LEAST_MISSING = 0.05
#: Two columns that agree to this are copies of each other, in whatever unit.
COPY = 1e-10
#: Whole numbers of so many kinds under one of these names are codes of something that has no order.
CODES = (3, 15)
_NOMINAL = frozenset({
    "disease", "diagnosis", "entity", "histology", "subtype", "site", "centre", "center", "hospital", "region",
    "district", "country", "race", "ethnicity", "scanner", "vendor", "treatment", "therapy", "regimen", "karyotype",
    "genotype", "arm",
})  # fmt: skip
#: Words of things that are known after time zero only.
_LATER = frozenset({
    "death", "dead", "died", "deceased", "pfs", "dfs", "efs", "ttp", "followup", "survival", "survived", "censored",
    "censoring", "outcome", "alive",
})  # fmt: skip
_LAST = frozenset({"status", "contact", "visit", "seen"})
_ORDERS = (
    ("very low", "low", "low-intermediate", "intermediate", "medium", "high-intermediate", "high", "very high"),
    ("none", "mild", "moderate", "severe"),
    ("negative", "weak", "moderate", "strong"),
    ("favorable", "intermediate", "adverse"),
    ("favourable", "intermediate", "adverse"),
    ("good", "fair", "poor"),
    ("good", "intermediate", "poor"),
    ("small", "medium", "large"),
    ("first", "second", "third", "fourth"),
)


#: What is to be done where values are imputed.
IF_IMPUTED = {
    "D155": "most of what the model says of it is imputed: say why the values are missing, or leave the column out",
    "D163": "imputation takes them to be like the others given what is known of them: say why the values are missing",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Use:
    """One formula in the patients of one endpoint."""

    key: str
    formula: Formula
    analysis: Analysis
    data: Gathered
    columns: dict[str, Column]
    declared: frozenset[str]
    is_linear: bool

    def patients(self, where: npt.ArrayLike) -> list[int]:
        """Give positions among all patients of a mask over those of the analysis."""
        chosen = np.flatnonzero(np.asarray(where, dtype=bool))
        return [int(i) for i in self.data.table.index.get_indexer(self.analysis.table.index[chosen])]

    def on_rows(self, code: str, name: str, problem: str, where: npt.ArrayLike, remedy: str, severity: Severity
                ) -> Iterator[Finding]:  # fmt: skip
        yield from self.data.places.find(code, name, problem, self.patients(where), remedy=remedy, severity=severity)

    def on_column(self, code: str, name: str, problem: str, remedy: str, severity: Severity) -> Finding:
        place = self.data.places.patients[0]
        return Finding(code, problem, place.file, column=name, remedy=remedy, severity=severity, table=place.table)


def look_at_predictors(study: Study, data: Gathered, cohort: Cohort) -> Iterator[Finding]:
    """Look at the columns of every model and marker, each problem of a column told once.

    Parameters
    ----------
    study : Study
        Its models and markers.
    data : Gathered
        The patients with their places in the files.
    cohort : Cohort
        The patients with their outcomes.

    Yields
    ------
    Finding
        D152, D157 and D164, errors; D155, D156, D158 to D160, D162 and D163, warnings.
    """
    told: set[tuple[str, str]] = set()
    instead = IF_IMPUTED if study.settings.missing.method == "multiple_imputation" else {}
    for use in _uses(study, data, cohort):
        for look in (
            _logarithms,
            _splines,
            _missing,
            _nearly_constant,
            _copies,
            _later,
            _codes,
            _alphabetical,
            _inflated,
        ):
            for finding in look(use):
                if (finding.code, finding.column) not in told:
                    told.add((finding.code, finding.column))
                    yield replace(finding, remedy=instead[finding.code]) if finding.code in instead else finding


def _uses(study: Study, data: Gathered, cohort: Cohort) -> Iterator[_Use]:
    settings = study.settings
    asked = [(f"model.{name}", one.formula, one.endpoint, not one.is_forest) for name, one in settings.model.items()]
    first = next(iter(settings.endpoint))
    asked += [(f"marker {one.name}", one.term, one.endpoint or first, True) for one in settings.marker]
    columns = study.columns
    declared = frozenset(name for name, entry in settings.column.items() if entry.source is None)
    for key, text, endpoint, is_linear in asked:
        try:
            analysis = cohort.analysis(endpoint, settings.set_of(endpoint))
        except DataError:
            # Nobody has the endpoint: its steps say so.
            continue
        yield _Use(key, parse_formula(text), analysis, data, columns, declared, is_linear)


def _columns_under_logarithms(atoms: Iterable[Atom]) -> Iterator[str]:
    for atom in atoms:
        inner: Atom = atom
        while isinstance(inner, Call):
            if inner.function in LOGARITHMS and not isinstance(inner.inner, Call):
                yield inner.inner.name
            inner = inner.inner


def _logarithms(use: _Use) -> Iterator[Finding]:
    """Find numbers of 0 and below in the files that a formula takes the logarithm of."""
    for name in _columns_under_logarithms(use.formula.atoms):
        # What is made of lesions is 0 where there is none, and the step that uses it says so.
        if name not in use.declared:
            continue
        values = _numbers(use.analysis.table[name])
        if values is not None and (values <= 0).any():
            problem = f"0 or below, and {use.key} takes the logarithm"
            remedy = (
                "if 0 means that there is no lesion, give that a column of its own with 0 and 1; if the value is not "
                "known, leave the cell empty; otherwise correct it, or leave the logarithm out"
            )
            yield from use.on_rows("D152", name, problem, values <= 0, remedy, "error")


def _splines(use: _Use) -> Iterator[Finding]:
    """Find columns whose values leave no room for the knots of a spline."""
    table = use.analysis.table.loc[~use.formula.missing(use.analysis.table).any(axis=1).to_numpy()]
    for atom in use.formula.atoms:
        if not isinstance(atom, Call) or atom.function != "rcs" or not len(table):
            continue
        try:
            learn_inner(atom.inner, table)
        except SurvmodelError:
            # What is no number, or has no logarithm, is told as such.
            continue
        try:
            parse_formula(atom.label).learn(table)
        except DataError as error:
            problem = f"{error.problem}, in {use.key}"
            found = use.on_column("D164", atom.columns[0].name, problem, error.remedy, "error")
            yield replace(found, expected=error.found) if error.found else found


def _numbers(values: pd.Series) -> Floats | None:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return None
    numbers: Floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers


def _missing(use: _Use) -> Iterator[Finding]:
    """Find covariates that are missing in many patients, or in patients who fare otherwise than the rest."""
    n = len(use.analysis.table)
    for name in use.formula.variables:
        gone = use.analysis.table[name].isna().to_numpy()
        mask = use.data.undefined.get(name)
        if mask is not None:
            # A value that does not exist is not missing.
            gone &= ~mask.reindex(use.analysis.table.index).to_numpy(dtype=bool)
        if n >= PATIENTS_TO_JUDGE and gone.sum() > MOST_MISSING * n:
            problem = f"missing in {int(gone.sum())} of {n} patients whom {use.key} is about"
            remedy = "the model stands on the others: say why the values are missing, or leave the column out"
            yield use.on_column("D155", name, problem, remedy, "warning")
        p_value = _difference(use, gone)
        if p_value < SMALLEST_P:
            problem = f"the {int(gone.sum())} of {n} patients without a value fare otherwise than the rest"
            expected = f"no difference of {use.analysis.outcome.endpoint}, log-rank {format_p_equation(p_value)}"
            remedy = "leaving them out may bias the model: say why the values are missing"
            yield replace(use.on_column("D163", name, problem, remedy, "warning"), expected=expected)


def _difference(use: _Use, gone: npt.NDArray[np.bool_]) -> float:
    """Compare patients without a value with the rest; 1 where either are too few."""
    if min(gone.sum(), (~gone).sum()) < PATIENTS_TO_JUDGE or gone.mean() < LEAST_MISSING:
        return 1.0
    try:
        return float(logrank_test(use.analysis.outcome, np.where(gone, "without", "with"), permutations=0).p_value)
    except SurvmodelError:
        # No events: nothing differs.
        return 1.0


def _nearly_constant(use: _Use) -> Iterator[Finding]:
    """Find columns in which all patients but one agree."""
    for name in use.formula.variables:
        values = use.analysis.table[name]
        counts = values.value_counts()
        counts = counts[counts > 0]
        alone = list(counts.index[counts == 1])
        if not alone or counts.sum() < PATIENTS_TO_JUDGE:
            continue
        remedy = "an effect of it is the fate of one patient: leave it out, or merge levels"
        if len(counts) == 2:
            problem = "all patients but one have the same value"
        elif _numbers(values) is None and use.is_linear:
            problem = f"{count_noun(len(alone), 'level')} with one patient"
        else:
            continue
        yield from use.on_rows("D156", name, problem, values.isin(alone), remedy, "warning")


def _copies(use: _Use) -> Iterator[Finding]:
    """Find columns that are the time or the event itself."""
    outcome = use.analysis.outcome
    remedy = "it is no predictor: take it out of the formula, and declare what it is with its role"
    for name in use.formula.variables:
        values = use.analysis.table[name]
        known = values.notna().to_numpy()
        if known.sum() < PATIENTS_TO_JUDGE:
            continue
        numbers = _numbers(values)
        if numbers is not None and _is_line(numbers[known], outcome.time[known]):
            problem = f"a copy of the time of the endpoint that {use.key} is about, in this or another unit"
            yield use.on_column("D157", name, problem, remedy, "error")
        elif _is_recoded(values.to_numpy(dtype=object)[known], outcome.event[known]):
            problem = f"a copy of the event that {use.key} is about: it tells exactly who had it"
            yield use.on_column("D157", name, problem, remedy, "error")


def _is_line(values: Floats, time: Floats) -> bool:
    if np.ptp(values) == 0 or np.ptp(time) == 0 or np.unique(values).size < OF_EACH_KIND:
        return False
    a, b = ((one - one.mean()) / one.std() for one in (values, time))
    return bool(np.abs(a - np.sign(a @ b) * b).max() < COPY**0.5)


def _is_recoded(values: npt.NDArray[np.object_], event: npt.NDArray[np.integer]) -> bool:
    events = np.unique(event).size
    if events < 2 or len(set(values)) != events:
        return False
    kinds = pd.Series(list(zip(values, event, strict=True))).value_counts()
    return len(kinds) == events and int(kinds.min()) >= OF_EACH_KIND


def _words(name: str) -> set[str]:
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:300]).casefold()
    return set(re.findall(r"[a-z]+", re.sub(r"follow[ _-]up", "followup", apart)))


def _later(use: _Use) -> Iterator[Finding]:
    """Find names of what is known after time zero only."""
    for name in use.formula.variables:
        words = _words(name)
        if name in use.columns and use.columns[name].role == "post_baseline":
            # A factor of what was reached by a landmark, declared as such.
            continue
        if words & _LATER or ("last" in words and words & _LAST):
            problem = f"{use.key} predicts with it, and its name tells of what happens later"
            remedy = 'if it was not known at time zero, declare role = "post_baseline" and take it out of the formula'
            yield use.on_column("D158", name, problem, remedy, "warning")


def _codes(use: _Use) -> Iterator[Finding]:
    """Find codes of something without order that a formula uses as a number."""
    for atom in use.formula.atoms:
        inner: Atom = atom
        functions = set()
        while isinstance(inner, Call):
            functions.add(inner.function)
            inner = inner.inner
        values = _numbers(use.analysis.table[inner.name])
        if values is None or "factor" in functions or not _words(inner.name) & _NOMINAL:
            continue
        kinds = np.unique(values[np.isfinite(values)])
        if CODES[0] <= kinds.size <= CODES[1] and (kinds == np.round(kinds)).all():
            problem = f"{kinds.size} whole numbers, which {use.key} uses as a measurement and which look like codes"
            remedy = f'if they are codes, declare type = "category" with levels in [column.{inner.name}]'
            yield use.on_column("D159", inner.name, problem, remedy, "warning")


def _alphabetical(use: _Use) -> Iterator[Finding]:
    """Find texts with an order of their own, whose levels a model would take in the order of the alphabet."""
    for name in use.formula.variables:
        if name not in use.columns or use.columns[name].type != "text":
            continue
        found = {str(value).strip().casefold() for value in use.analysis.table[name].dropna().unique()}
        for order in _ORDERS:
            inside = [word for word in order if word in found]
            if len(inside) > 1 and found <= set(order) and sorted(inside) != inside:
                problem = f"levels that have an order, and as text stand in that of the alphabet: {sorted(inside)}"
                levels = ", ".join(f'"{word}" = "{word}"' for word in inside)
                remedy = f'declare type = "category" and levels = {{ {levels} }} in [column.{name}]'
                yield use.on_column("D160", name, problem, remedy, "warning")
                break


def _inflated(use: _Use) -> Iterator[Finding]:
    """Find numbers that the other terms of a model nearly give."""
    atoms = use.formula.atoms
    if len(atoms) < 2 or not use.is_linear:
        return
    terms = parse_formula(" + ".join(atom.label for atom in atoms))
    try:
        table = use.analysis.table.loc[~terms.missing(use.analysis.table).any(axis=1).to_numpy()]
        design = terms.learn(table)
        matrix = design.matrix(table)
    except SurvmodelError:
        # A term that cannot be coded is told by the model itself.
        return
    names = {atom.label: atom.columns[0].name for atom in atoms}
    for at, factor in enumerate(_inflation(matrix)):
        label = design.names[at]
        if label in names and factor > LARGEST_INFLATION:
            problem = f"the other terms of {use.key} nearly give it, variance inflation {format_significant(factor, 3)}"
            remedy = "its coefficient has wide limits and says little of its own: leave one of the terms out"
            yield use.on_column("D162", names[label], problem, remedy, "warning")


def _inflation(matrix: Floats) -> Floats:
    """Give the variance inflation factors; NaN for all where columns are constant or exactly dependent."""
    nothing: Floats = np.full(matrix.shape[1], np.nan)
    if matrix.shape[0] <= matrix.shape[1] + 1 or (np.ptp(matrix, axis=0) == 0).any():
        return nothing
    correlation = np.corrcoef(matrix, rowvar=False)
    # The model itself names a set of exactly dependent columns.
    if np.linalg.cond(correlation) > 1 / np.sqrt(np.finfo(float).eps):
        return nothing
    found: Floats = np.diag(np.linalg.inv(correlation))
    return found
