"""What a report says of imputed values and of models that are pooled over completed tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from survmodel.formatting import (
    MISSING,
    count_noun,
    format_count,
    format_number,
    format_p_equation,
    format_percent,
    format_significant,
)
from survmodel.models.imputation_fit import LARGEST_R_HAT
from survmodel.models.pooled_regression import PooledRegression
from survmodel.naming import begin, join_words, label_of
from survmodel.report import sentences
from survmodel.report.contents import EndpointPart, ModelPart, StudyContents
from survmodel.report.document import Block, Paragraph, TableBlock
from survmodel.report.hazard_tables import pooled_table
from survmodel.report.imputation_contents import ImputationPart
from survmodel.table import Table

#: How each kind of column is imputed, in words.
METHODS = {
    "pmm": "predictive mean matching",
    "logistic": "logistic regression",
    "multinomial": "multinomial regression",
    "ordinal": "proportional odds",
}


def imputation_blocks(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    """Show what was imputed for the models of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    contents : StudyContents
        Labels of columns.

    Yields
    ------
    Block
        A table, and a warning where the chains did not meet; or why nothing could be imputed.
    """
    imputed = part.imputation
    if imputed is None:
        return
    found = imputed.fit.result
    if found is None:
        yield Paragraph(sentences.not_estimable("Multiple imputation", imputed.fit.reason), "missing")
        return
    caption = f"Imputed values, {part.title}."
    yield TableBlock(imputation_table(imputed, contents.labels, caption), f"imputed_{part.name}")
    if (found.r_hat > LARGEST_R_HAT).any():
        text = f"The chains of some columns have not met (R-hat above {format_significant(LARGEST_R_HAT)}): look at "
        yield Paragraph(f"{text}their figures, and write more iterations in [missing].", "warning")


def imputation_table(part: ImputationPart, labels: Mapping[str, str] | None = None, caption: str = "") -> Table:
    """Tabulate the imputed columns.

    Parameters
    ----------
    part : ImputationPart
        An imputation that was done.
    labels : mapping of str to str, optional
        Label of each column.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        A row for each column with imputed values.

    Raises
    ------
    ValueError
        When nothing could be imputed.
    """
    found = part.fit.result
    if found is None:
        raise ValueError("nothing was imputed")
    methods = dict(zip(found.tidy()["variable"], found.tidy()["measure"], strict=True))
    factors, rows = found.r_hat, []
    for name, count in part.missing:
        how = str(methods.get(name, ""))
        met = format_number(float(factors[name]), 2) if name in factors else MISSING
        share = f"{format_count(count)} ({format_percent(count / part.n)})"
        rows.append([begin(label_of(name, labels)), share, METHODS.get(how, how), met])
    whole = f"{format_count(part.n_incomplete)} ({format_percent(part.n_incomplete / part.n)})"
    rows.append(["Any of these", whole, "", ""])
    notes = [f"R-hat: how far the {format_count(found.m)} chains are from having met, 1 when they have."]
    for name, count in part.not_applicable:
        patients = count_noun(count, "patient")
        notes.append(f"{begin(label_of(name, labels))} does not apply to {patients}: not missing and not imputed.")
    if part.derived:
        named = join_words([(labels or {}).get(name) or name for name in part.derived])
        notes.append(f"Computed anew from completed columns: {named}.")
    return Table(["Column", "Imputed (% of patients)", "By", "R-hat"], rows, caption, notes)


def imputation_methods(part: EndpointPart, labels: Mapping[str, str]) -> tuple[str, ...]:
    """Write the methods of the imputation of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    labels : mapping of str to str
        Label of each column.

    Returns
    -------
    tuple of str
        Sentences; none without an imputation.
    """
    imputed = part.imputation
    if imputed is None or imputed.fit.result is None:
        return ()
    found = imputed.fit.result
    named = join_words([labels.get(name) or name for name in imputed.predictors])
    within = f" within {imputed.within}" if imputed.within else ""
    said = [
        f"Missing values of the Cox models were imputed {format_count(found.m)} times by chained equations{within} "
        f"({count_noun(found.settings.iterations, 'cycle')}), from {named}, with the event and the Nelson-Aalen "
        "cumulative hazard among the predictors; times and events themselves were never imputed.",
        "Cox models were fitted to each completed table; coefficients were pooled by Rubin's rules with the limits of "
        "large samples, likelihood-ratio tests by D2, and C on the logit scale. The fraction of missing information "
        "tells how much of the variance of a coefficient is due to the missing values.",
        "Models of complete cases stand beside them, and the tests of proportional hazards are of complete cases.",
    ]
    if any(model.validation is not None for model in part.models) or part.comparisons:
        said.append(
            "Validation repeats imputation and model together: patients were drawn first and imputed then, and those "
            "who were scored were completed without their outcome."
        )
    if part.forests:
        said.append("Forests read out of bag are of their own patients and not of imputed tables.")
    if part.markers:
        said.append("Markers one at a time are of the patients with a value.")
    return tuple(said)


def pooled_blocks(model: ModelPart, part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    """Show a Cox model pooled over completed tables.

    Parameters
    ----------
    model : ModelPart
        The model.
    part : EndpointPart
        The endpoint.
    contents : StudyContents
        Labels and units of columns.

    Yields
    ------
    Block
        The pooled test, and the table of hazard ratios; or why there are none.
    """
    if model.pooled is None:
        return
    answer, label = model.pooled.fit, begin(model.label)
    found = answer.result
    if found is None:
        if answer.withheld:
            yield Paragraph(f"{label}: not printed: {answer.reason}.")
        else:
            yield Paragraph(sentences.not_estimable(label, answer.reason), "missing")
        return
    yield Paragraph(_pooled_sentence(label, found))
    for term, alone in model.pooled.univariable:
        if alone.failed:
            yield Paragraph(sentences.not_estimable(f"{label}, {term} alone", alone.reason), "missing")
    first = found.fits[0]
    counts = f"{count_noun(first.n, 'patient')}, {count_noun(first.n_event, 'event')}"
    kind = "cause-specific " if part.causes else ""
    caption = f"{label}: {kind}hazard ratios for {part.event_label}, pooled over {format_count(found.m)} completed "
    caption += f"tables ({counts}).{sentences.cause_specific_note(part)}"
    yield TableBlock(pooled_table(model, contents.labels, contents.units, caption), f"cox_{model.name}")


def _pooled_sentence(label: str, found: PooledRegression) -> str:
    test = found.likelihood_ratio()
    below = format_significant(test.df_below) if test.df_below < float("inf") else "infinitely many"
    statistic = f"F {format_number(test.statistic, 2)} on {format_count(test.df)} and {below} df"
    return (
        f"{label}, likelihood-ratio tests against no covariates pooled by D2: {format_p_equation(test.p_value)} "
        f"({statistic})."
    )
