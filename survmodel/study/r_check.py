"""A script for R that computes the main numbers of a run anew, from a table without identifiers and dates.

It needs R's survival package and nothing else: Kaplan-Meier estimates and cumulative incidences at the horizons,
log-rank tests, Cox models and their tests of proportional hazards, each compared with the number of this run. R stops
where one differs by more than one part in a million. Gray's tests are compared where R has the package cmprsk.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.cox_fit import CoxFit
from survmodel.models.formula_grammar import Atom, Call, Column
from survmodel.models.formula_splines import Spline
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.outcome.response import Outcome
from survmodel.report.contents import CurvePart, EndpointPart, IncidencePart
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.writing import harmless, to_csv

SCRIPT = "check_in_R.R"
#: Functions of a formula that R computes itself; what any other one makes of a column stands in the table.
OF_R = frozenset({"factor", "log", "log1p", "log2", "rcs", "sqrt"})
TIME, ENTRY, ANY_EVENT, EVENT, CAUSE = "time_", "entry_", "any_event_", "event_", "cause_"
HEAD = """\
# Computes the main numbers of this run anew, in R's survival. Run it in this folder: Rscript {script}
# {stamp}
suppressMessages(library(survival))
count <- 0
check <- function(what, r, ours) {{
  r <- as.numeric(r); ours <- as.numeric(ours)
  keep <- !is.na(ours)
  if (length(r) != length(ours)) stop(what, ": ", length(r), " numbers in R, ", length(ours), " in this run")
  apart <- abs(r[keep] - ours[keep]) > 1e-6 * pmax(abs(ours[keep]), 1e-6)
  if (any(is.na(r[keep]))) stop(what, ": R has no number")
  if (any(apart)) stop(what, ": R ", toString(r[keep][apart]), ", this run ", toString(ours[keep][apart]))
  count <<- count + sum(keep)
}}
converged <- coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50)
stay <- coxph.control(iter.max = 0)
"""

#: Said where the report has pooled models.
NOT_IMPUTED = """\
# Cox models below are those of complete cases. The completed tables are not in this folder, so that pooled
# hazard ratios are not computed anew here.
"""

#: Said where rows enter late, for which survdiff has no test: the log-rank test by its definition.
LATE_LOGRANK = """\
late_logrank <- function(entry, time, died, group, layer) {
  k <- nlevels(group); z <- numeric(k); v <- matrix(0, k, k)
  for (one in unique(layer)) for (t in unique(time[died == 1 & layer == one])) {
    at <- tabulate(group[layer == one & entry < t & t <= time], k)
    d <- tabulate(group[layer == one & time == t & died == 1], k)
    n <- sum(at); z <- z + d - sum(d) * at / n
    if (n > 1) v <- v + sum(d) * (n - sum(d)) / (n - 1) * (diag(at / n, k) - outer(at / n, at / n))
  }
  list(chisq = drop(z[-1] %*% solve(v[-1, -1, drop = FALSE]) %*% z[-1]))
}
"""

#: Said where a model has a spline: its columns from the knots of this run.
SPLINE = """\
rcs <- function(x, knots) {
  k <- length(knots); cube <- function(t) pmax((x - t) / (knots[k] - knots[1])^(2 / 3), 0)^3
  bent <- function(t) cube(t) + ((knots[k - 1] - t) * cube(knots[k]) - (knots[k] - t) * cube(knots[k - 1])) /
    (knots[k] - knots[k - 1])
  cbind(x, sapply(knots[seq_len(k - 2)], bent))
}
"""


def write_r_check(prepared: Prepared, parts: Sequence[EndpointPart], stamp: str = "") -> dict[str, str]:
    """Write the script and its tables.

    Parameters
    ----------
    prepared : Prepared
        The patients.
    parts : sequence of EndpointPart
        The results.
    stamp : str
        Said at the head of the script, for example "SYNTHETIC data".

    Returns
    -------
    dict of str to str
        Content by name of the file: the script, and a CSV file for each endpoint, whose rows have no identifier.
    """
    lines = [HEAD.format(script=SCRIPT, stamp=stamp or "Rows are patients without identifiers or dates.")]
    if any(part.imputation is not None for part in parts):
        lines.append(NOT_IMPUTED)
    if any(part.outcome.entry is not None for part in parts):
        lines.append(LATE_LOGRANK)
    if any(_knots(model.fit.result) for part in parts for model in part.models):
        lines.append(SPLINE)
    files: dict[str, str] = {}
    for number, part in enumerate(parts, start=1):
        analysis = prepared.cohort.analysis(part.name, prepared.study.settings.set_of(part.name))
        names = _safe_names(analysis.table.columns)
        table = _rows(analysis.outcome, part.outcome, analysis.table, part, prepared, names)
        file = f"check_in_R_{number}.csv"
        files[file] = to_csv(table.assign(data=stamp) if stamp else table)
        texts = [name for name in table if not pd.api.types.is_numeric_dtype(table[name].dtype)]
        kinds = ", ".join(f'{name} = "character"' for name in texts)
        lines.append(f'\n# {_comment(part.title)}\nd <- read.csv("{file}", na.strings = "", colClasses = c({kinds}))')
        lines += _check_curves(part, names, prepared)
        lines += _check_incidence(part, names, prepared)
        lines += _check_models(part, names)
    lines.append('\ncat(count, "numbers of this run agree with R\\n")\n')
    return {SCRIPT: "\n".join(lines), **files}


def _safe_names(columns: Iterable[object]) -> dict[str, str]:
    """Give every column a name that R takes as it is."""
    found: dict[str, str] = {}
    for name in map(str, columns):
        safe = "v_" + re.sub(r"[^A-Za-z0-9]", "_", name)
        while safe in found.values():
            safe += "_"
        found[name] = safe
    return found


def _rows(
    outcome: Outcome, of_any: Outcome, table: pd.DataFrame, part: EndpointPart, prepared: Prepared,
    names: Mapping[str, str],
) -> pd.DataFrame:  # fmt: skip
    """Take what the analyses of the endpoint use, in an order that tells nothing about the file."""
    entity = group_columns(prepared.study.settings)[1]
    used: dict[str, None] = {} if entity is None or entity not in table else {entity: None}
    used |= dict.fromkeys(curve.by for curve in part.curves if curve.by)
    for model in part.models:
        if model.fit.result is not None:
            used |= dict.fromkeys((*model.fit.result.design.formula.variables, *model.strata))
    columns: dict[str, object] = {
        TIME: outcome.time,
        ANY_EVENT: of_any.died.astype(int),
        EVENT: (outcome.event == 1) * 1,
    }
    if outcome.entry is not None:
        columns[ENTRY] = outcome.entry
    if outcome.causes is not None:
        columns[CAUSE] = outcome.event
    rows = pd.DataFrame(columns)
    for name in used:
        values = table[name].reset_index(drop=True)
        rows[names[name]] = values.astype("Int64") if values.dtype == "boolean" else values
    for number, model in enumerate(part.models, start=1):
        if model.fit.result is not None:
            for column, coded in _coded_columns(model.fit.result, number, table).items():
                rows[column] = coded
    return rows.sort_values(list(rows.columns), kind="stable").reset_index(drop=True)


def _coded_atoms(fit: CoxFit, number: int) -> dict[Atom, list[str]]:
    """Name the columns of the terms that R cannot compute, such as those with means or survival learnt elsewhere."""
    atoms = zip(fit.design.formula.atoms, fit.design.codings, strict=True)
    return {
        atom: [f"z_{number}_{place}_{column}" for column in range(1, len(coding.columns) + 1)]
        for place, (atom, coding) in enumerate(atoms, start=1)
        if isinstance(atom, Call) and atom.function not in OF_R
    }


def _coded_columns(fit: CoxFit, number: int, table: pd.DataFrame) -> dict[str, npt.NDArray[np.float64]]:
    """Code the analysed rows as the model does; the others have no value, and R leaves them out too."""
    named = _coded_atoms(fit, number)
    found: dict[str, npt.NDArray[np.float64]] = {}
    for atom, coding in zip(fit.design.formula.atoms, fit.design.codings, strict=True):
        if atom in named:
            values = coding.apply(table.iloc[fit.rows])
            for name, column in zip(named[atom], values.T, strict=True):
                found[name] = np.full(len(table), np.nan)
                found[name][fit.rows] = column
    return found


def _surv(part: EndpointPart, event: str) -> str:
    return f"Surv({f'{ENTRY}, ' if part.outcome.entry is not None else ''}{TIME}, {event})"


def _check_curves(part: EndpointPart, names: Mapping[str, str], prepared: Prepared) -> Iterator[str]:
    entity = group_columns(prepared.study.settings)[1]
    for curve in part.curves:
        fit = curve.fit.result
        if fit is None:
            continue
        by = names[curve.by] if curve.by else "1"
        yield f"g <- d[d${by} %in% {_texts(fit.groups)}, ]" if curve.by else "g <- d"
        if curve.by:
            yield f"g${by} <- factor(g${by}, levels = {_texts(fit.groups)})"
        yield from _check_horizons(part, curve, fit, by)
        test = None if curve.test is None else curve.test.result
        if test is not None:
            layer = names[entity] if curve.strata_label and entity is not None else ""
            if part.outcome.entry is None:
                strata = f" + strata({layer})" if layer else ""
                yield f"s <- survdiff({_surv(part, ANY_EVENT)} ~ {by}{strata}, data = g)"
            else:
                within = f"g${layer}" if layer else "rep(1, nrow(g))"
                yield f"s <- late_logrank(g${ENTRY}, g${TIME}, g${ANY_EVENT}, g${by}, {within})"
            yield f'check("{_comment(curve.test.step if curve.test else "")}", s$chisq, {_numbers([test.statistic])})'


def _check_horizons(part: EndpointPart, curve: CurvePart, fit: KaplanMeierFit, by: str) -> Iterator[str]:
    if not part.horizons:
        return
    read = fit.at(list(part.horizons))
    # Where S = 1 the limits of this run are exact, and R has none.
    limits = read[["conf_low", "conf_high"]].copy()
    limits[read["estimate"] == 1] = math.nan
    yield f'k <- survfit({_surv(part, ANY_EVENT)} ~ {by}, data = g, conf.type = "{fit.conf_type}")'
    yield f"k <- summary(k, times = {_numbers(part.horizons)}, extend = TRUE)"
    step = _comment(curve.fit.step)
    yield f'check("{step}", k$surv, {_numbers(read["estimate"])})'
    if fit.conf_type != "arcsin":
        yield f'check("{step}, lower limit", k$lower, {_numbers(limits["conf_low"])})'
        yield f'check("{step}, upper limit", k$upper, {_numbers(limits["conf_high"])})'


def _check_incidence(part: EndpointPart, names: Mapping[str, str], prepared: Prepared) -> Iterator[str]:
    entity = group_columns(prepared.study.settings)[1]
    layer = "" if entity is None else names.get(entity, "")
    for one in part.incidence:
        fit = one.fit.result
        # R follows rows with late entry by an identifier, which this table does not have.
        if fit is None or not part.horizons or part.outcome.entry is not None:
            continue
        by = names[one.by] if one.by else "1"
        yield f"g <- d[d${by} %in% {_texts(fit.groups)}, ]" if one.by else "g <- d"
        if one.by:
            yield f"g${by} <- factor(g${by}, levels = {_texts(fit.groups)})"
        yield f"k <- survfit(Surv({TIME}, factor({CAUSE}, levels = 0:{len(fit.causes)})) ~ {by}, data = g)"
        yield f"k <- summary(k, times = {_numbers(part.horizons)}, extend = TRUE)"
        read = fit.at(list(part.horizons))
        order = read["level"].map({cause: place for place, cause in enumerate(fit.causes)})
        read = read.assign(order=order).sort_values("order", kind="stable")
        step = _comment(one.fit.step)
        yield f'check("{step}", k$pstate[, -1], {_numbers(read["estimate"])})'
        yield f'check("{step}, standard errors", k$std.err[, -1], {_numbers(read["std_error"])})'
        yield from _check_gray_tests(one, by, layer)


def _check_gray_tests(one: IncidencePart, by: str, layer: str) -> Iterator[str]:
    """Compare Gray's tests where R has cmprsk, which gives none where a group says nothing."""
    tests = [(answer.step, answer.result) for answer in one.tests if answer.result is not None]
    full = [(step, test) for step, test in tests if test.df == len(test.groups) - 1]
    if not full:
        return
    strata = f", strata = g${layer}" if one.strata_label and layer else ""
    yield 'if (requireNamespace("cmprsk", quietly = TRUE)) {  # without this package Gray\'s tests are left out'
    yield f"  k <- cmprsk::cuminc(g${TIME}, g${CAUSE}, g${by}{strata})$Tests"
    for step, test in full:
        yield f'  check("{_comment(step)}", k["{step.rpartition("/")[2]}", "stat"], {_numbers([test.statistic])})'
    yield "}"


def _check_models(part: EndpointPart, names: Mapping[str, str]) -> Iterator[str]:
    for number, model in enumerate(part.models, start=1):
        fit = model.fit.result
        if fit is None:
            continue
        yield "m <- d"
        yield from _factors(fit, names)
        coded, knots = _coded_atoms(fit, number), _knots(fit)
        matrix = {atom: columns[0].rpartition("_")[0] for atom, columns in coded.items()}
        for atom, columns in coded.items():
            # A matrix is one term, with one test of proportional hazards.
            yield f"m${matrix[atom]} <- as.matrix(m[, {_texts(columns)}, drop = FALSE])"
        terms = [
            ":".join(matrix.get(atom) or _term(atom, names, knots) for atom in term.factors)
            for term in fit.design.formula.terms
        ]
        terms += [f"offset({_term(call.inner, names, {})})" for call in fit.design.formula.offsets]
        terms += [f"strata({names[name]})" for name in model.strata]
        formula = f"{_surv(part, EVENT)} ~ {' + '.join(terms) or '1'}"
        tidy, step = fit.tidy(), _comment(model.fit.step)
        if fit.spec.is_firth:
            yield f'call <- function(b) coxph({formula}, data = m, ties = "{model.ties}", init = b, control = stay)'
            yield from _check_firth(step, tidy, float(fit.glance()["loglik"].iloc[0]))
            continue
        yield f'f <- coxph({formula}, data = m, ties = "{model.ties}", control = converged)'
        yield f'check("{step}", coef(f), {_numbers(tidy["estimate"])})'
        yield f'check("{step}, standard errors", sqrt(diag(vcov(f))), {_numbers(tidy["std_error"])})'
        yield f'check("{step}, log-likelihood", f$loglik[2], {_numbers([fit.glance()["loglik"].iloc[0]])})'
        test = model.proportional_hazards.result
        if test is not None:
            shown = _comment(model.proportional_hazards.step)
            yield f'check("{shown}", cox.zph(f)$table[, "chisq"], {_numbers(test.tidy()["statistic"])})'


def _check_firth(step: str, tidy: pd.DataFrame, loglik: float) -> Iterator[str]:
    """Compare with the definition: R's log-likelihood and information at these coefficients, which no step betters."""
    yield "penalised <- function(b) { f <- call(b); f$loglik[1] - 0.5 * as.numeric(determinant(f$var)$modulus) }"
    yield f"b <- {_numbers(tidy['estimate'])}; s <- sqrt(diag(call(b)$var))"
    yield f'check("{step}, penalised log-likelihood", penalised(b), {_numbers([loglik])})'
    yield f'check("{step}, standard errors", s, {_numbers(tidy["std_error"])})'
    yield "around <- sapply(seq_along(b), function(j) sapply(c(-1, 1), function(k) {"
    yield "  o <- b; o[j] <- o[j] + k * 1e-3 * s[j]; penalised(o) - penalised(b) }))"
    yield f'if (any(around > 0)) stop("{step}: not the maximum of the penalised likelihood")'


def _factors(fit: CoxFit, names: Mapping[str, str]) -> Iterator[str]:
    """Give R the levels of this run, the reference first."""
    levels: dict[str, list[str]] = {}
    for record in fit.tidy().to_dict("records"):
        if record["level"] and record["variable"] in names:
            levels.setdefault(str(record["variable"]), [str(record["reference"])]).append(str(record["level"]))
    for name, own in levels.items():
        yield f"m${names[name]} <- factor(m${names[name]}, levels = {_texts(own)})"


def _knots(fit: CoxFit | None) -> dict[Atom, tuple[float, ...]]:
    """Give the knots of each spline of a model."""
    if fit is None:
        return {}
    codings = zip(fit.design.formula.atoms, fit.design.codings, strict=True)
    return {atom: coding.knots for atom, coding in codings if isinstance(coding, Spline)}


def _term(atom: Atom, names: Mapping[str, str], knots: Mapping[Atom, tuple[float, ...]]) -> str:
    if isinstance(atom, Column):
        return names[atom.name]
    inner = _term(atom.inner, names, knots)
    if isinstance(atom, Call) and atom.function == "factor":
        return inner
    placed = f", {_numbers(knots[atom])}" if atom in knots else ""
    return f"{atom.function}({inner}{placed})"


def _numbers(values: Sequence[float] | pd.Series) -> str:
    """Write numbers with every digit; what is missing is not compared."""
    return f"c({', '.join('NA' if math.isnan(value) else repr(float(value)) for value in np.asarray(values, float))})"


def _texts(values: Sequence[str]) -> str:
    return f"c({', '.join(_quote(value) for value in values)})"


def _quote(text: str) -> str:
    """Write a text as R reads it from the table: every sign that is no plain letter by its number."""
    text = harmless(text)
    plain = [sign.isascii() and (sign.isalnum() or sign in " _-.,<>=()+/%") for sign in text]
    signs = [sign if kept else f"\\U{{{ord(sign):x}}}" for sign, kept in zip(text, plain, strict=True)]
    return f'"{"".join(signs)}"'


def _comment(text: str) -> str:
    """Keep a text on its line and inside its quotes."""
    return re.sub(r"[^A-Za-z0-9 ()_./,+*:-]", "_", text)
