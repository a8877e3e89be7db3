"""Sections of a report on risk groups, forests and calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from survmodel.formatting import count_noun, format_count
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.naming import begin
from survmodel.performance.calibration import Calibration
from survmodel.performance.calibration_measures import SLOPE
from survmodel.performance.forest_against_cox import SMALLEST_GAIN
from survmodel.report import sentences, validation_tables
from survmodel.report.contents import EndpointPart, ModelPart, StudyContents
from survmodel.report.document import Block, FigureBlock, Paragraph, TableBlock
from survmodel.report.validation_contents import ForestPart, RiskGroupPart

NO_TEST = (
    "No test compares these groups and no hazard ratio is given: they were made from a model of the same patients, and "
    "a test between them would find differences where there are none."
)


def risk_group_blocks(part: EndpointPart) -> Iterator[Block]:
    """Show the risk groups of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Yields
    ------
    Block
        For each model with risk groups: the curves and their table, or why there are none.
    """
    said = False
    for model in _with_groups(part):
        groups = model.risk_groups
        if groups is None:
            continue
        fit, label = groups.fit.result, begin(model.label)
        if fit is None:
            yield from _no_groups(groups, label)
            continue
        left = ""
        if groups.n_left_out:
            why = f": {'; '.join(groups.reasons)}" if groups.reasons else ""
            left = f" {begin(count_noun(groups.n_left_out, 'patient'))} could not be assigned{why}."
        text = f"Risk groups by {model.label}: {groups.origin}; each patient assigned by {groups.assigned_by}.{left}"
        yield Paragraph(text if said else f"{text} {NO_TEST}")
        said = True
        if groups.figure is not None:
            yield groups.figure
        caption = f"{begin(part.label)} in risk groups by {model.label}.{sentences.composite_note(part)}"
        measure = "Event-free" if part.causes else "Survival"
        incidence = None if groups.incidence is None else groups.incidence.result
        notes = (f"Groups: {groups.origin}; assigned out of sample.",)
        table = validation_tables.risk_group_table(
            fit, part.horizons, caption, measure=measure, incidence=incidence, notes=notes
        )
        yield TableBlock(table, f"risk_groups_{model.name}")
        if groups.incidence is not None and groups.incidence.result is None:
            what = f"Incidence in risk groups by {model.label}"
            yield Paragraph(sentences.not_estimable(what, groups.incidence.reason), "missing")


def _no_groups(groups: RiskGroupPart, label: str) -> Iterator[Block]:
    if groups.fit.withheld:
        yield Paragraph(f"Risk groups by {label}: not formed: {groups.fit.reason}.")
    else:
        yield Paragraph(sentences.not_estimable(f"Risk groups by {label}", groups.fit.reason), "missing")


def all_models(part: EndpointPart) -> list[ModelPart | ForestPart]:
    """List the Cox models and the forests of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    list of ModelPart or ForestPart
        Cox models first.
    """
    return [*part.models, *part.forests]


def _with_groups(part: EndpointPart) -> Sequence[ModelPart | ForestPart]:
    return [one for one in all_models(part) if one.risk_groups is not None]


def has_risk_groups(part: EndpointPart) -> bool:
    """Tell whether an endpoint has risk groups to show.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    bool
        Whether any model of it has.
    """
    return bool(_with_groups(part))


def forest_blocks(part: EndpointPart, contents: StudyContents) -> Iterator[Block]:
    """Show the forests of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.
    contents : StudyContents
        Labels of columns.

    Yields
    ------
    Block
        C, whether it adds anything to a Cox model, and importance.
    """
    grown = [forest for forest in part.forests if forest.fit.result is not None]
    for forest in part.forests:
        if forest.fit.result is None:
            yield Paragraph(sentences.not_estimable(begin(forest.label), forest.fit.reason), "missing")
        elif forest.exploratory:
            text = f"{begin(forest.label)} is exploratory: {forest.exploratory}."
            yield Paragraph(text, "warning")
    if any(forest.concordance.result is not None for forest in grown):
        table = validation_tables.forest_table(
            grown, f"Discrimination of {part.title} by forests.", contents.group_label
        )
        yield TableBlock(table, f"forest_{part.name}")
    for forest in grown:
        compared = forest.against_cox.result
        if compared is not None:
            said = compared.sentence.replace("The forest", begin(forest.label), 1)
            yield Paragraph(said.replace("the forest", forest.label, 1))
        for answer in (forest.concordance, forest.validation, forest.brier):
            if answer.failed:
                what = f"{begin(forest.label)}, {answer.step.partition('/')[0]}"
                yield Paragraph(sentences.not_estimable(what, answer.reason), "missing")
        importance = forest.importance.result
        if importance is None:
            what = f"{begin(forest.label)}, importance"
            yield Paragraph(sentences.not_estimable(what, forest.importance.reason), "missing")
            continue
        stamp = "Exploratory. " if forest.exploratory else ""
        caption = f"{stamp}{begin(forest.label)}: decrease of out-of-bag C when a column is shuffled."
        shown = validation_tables.importance_table(importance, contents.labels, caption)
        yield TableBlock(shown, f"importance_{forest.name}")


def further_blocks(contents: StudyContents) -> Iterator[Block]:
    """Show what stands at the end: uptake, effects, hazard ratios, calibration, importance.

    Parameters
    ----------
    contents : StudyContents
        The results.

    Yields
    ------
    Block
        Figures, and the table of calibration before its figure.
    """
    yield from contents.uptake
    for part in contents.endpoints:
        yield from _figures(part)
        yield from () if part.imputation is None else part.imputation.figures
        answers = [(model.label, answer) for model in all_models(part) for answer in model.calibrations]
        for label, answer in answers:
            if answer.failed:
                what = f"Calibration of {label} ({answer.step})"
                yield Paragraph(sentences.not_estimable(what, answer.reason), "missing")
        results = [(label, answer.result) for label, answer in answers if answer.result is not None]
        if results:
            caption = f"Calibration, {part.title}."
            yield TableBlock(validation_tables.calibration_table(results, caption), f"calibration_{part.name}")


def _figures(part: EndpointPart) -> Iterator[FigureBlock]:
    yield from (one.figure for one in part.incidence if one.figure is not None)
    yield from (marker.figure for marker in part.markers if marker.figure is not None)
    for model in all_models(part):
        yield from model.figures


def validation_methods(part: EndpointPart) -> tuple[str, ...]:
    """Write the methods of validation, risk groups and forests of an endpoint.

    Parameters
    ----------
    part : EndpointPart
        The endpoint.

    Returns
    -------
    tuple of str
        Sentences; none where nothing was validated.
    """
    return (*_optimism_methods(part), *_group_methods(part), *_forest_methods(part))


def _optimism_methods(part: EndpointPart) -> Iterator[str]:
    done = [
        one.validation.result for one in part.models if one.validation is not None and one.validation.result is not None
    ]
    if done:
        asked = format_count(int(done[0].glance()["asked"].iloc[0]))
        inside = ", drawn within strata and disease groups," if any(one.n_strata > 1 for one in done) else ""
        timed = any(one.horizons for one in done)
        what = "C, the calibration slope and, at the horizons, AUC, Brier score and IPA" if timed else "C and slope"
        yield (
            f"{what} were corrected for optimism by {asked} bootstrap samples of patients{inside} in each of which the "
            "whole model was fitted anew (Harrell); limits are those of the bootstrap distribution moved by the "
            "optimism."
        )
    scored = [one.validation.result for one in all_models(part) if one.validation is not None]
    if any(one is not None and one.horizons for one in scored):
        yield (
            "AUC and Brier score make up for patients censored before the horizon by inverse probability of censoring "
            "weights; IPA is 1 less the ratio of the Brier score to that of the Kaplan-Meier estimate of the stratum."
        )
    if any(one.calibrations for one in part.models):
        yield (
            "Calibration compares risks predicted out of fold with those observed in groups of equal size; observed "
            "risks are Kaplan-Meier estimates."
        )
    calibrated = [answer.result for one in all_models(part) for answer in one.calibrations if answer.result is not None]
    if calibrated:
        yield from _calibration_methods(calibrated)


def _calibration_methods(results: Sequence[Calibration]) -> Iterator[str]:
    """Say how slope and curve of calibration were estimated."""
    inside = " within disease groups or strata" if any(len(one.strata) > 1 for one in results) else ""
    if any(np.isfinite(one.read(SLOPE)[0]) for one in results):
        yield (
            "The calibration slope is the coefficient of log(-log(1 - predicted risk)) in a Cox model of the hazard up "
            f"to the horizon{inside}, and the intercept the log of observed over expected cumulative hazard (Crowson, "
            "Atkinson and Therneau)."
        )
    smooth = [one for one in results if one.smoother and one.repeats]
    if smooth:
        yield (
            "Observed risk was smoothed over predicted risk (Austin, Harrell and van Klaveren), with limits of "
            f"the curve, ICI, E50 and E90 by {format_count(smooth[0].repeats)} bootstrap samples of patients{inside}."
        )


def _group_methods(part: EndpointPart) -> Iterator[str]:
    for model in _with_groups(part):
        if model.risk_groups is not None and model.risk_groups.fit.result is not None:
            groups = model.risk_groups
            yield (
                f"Risk groups by {model.label} are {groups.origin}; each patient was assigned by {groups.assigned_by}, "
                "so that no patient's own outcome had a part in it."
            )


def _forest_methods(part: EndpointPart) -> Iterator[str]:
    for forest in part.forests:
        fit = forest.fit.result
        if fit is None:
            continue
        yield (
            f"{begin(forest.label)}: random survival forest of {format_count(fit.spec.n_trees)} trees with log-rank "
            f"splits ({count_noun(fit.mtry, 'column')} tried at each, leaves of at least "
            f"{count_noun(fit.min_leaf, 'drawn patient')}{_tuned(fit)}), grown by {fit.spec.engine}; it was read out "
            "of bag only."
        )
        if fit.spec.missing == "direction":
            yield (
                f"{begin(forest.label)} keeps patients with missing values: at each split they go to the side where it "
                "separates better."
            )
        if forest.validation.result is not None:
            asked = format_count(int(forest.validation.result.glance()["asked"].iloc[0]))
            yield f"Its C was estimated by the .632+ method from {asked} bootstrap samples, and by cross-validation."
        compared = forest.against_cox.result
        if compared is not None and compared.differences:
            yield (
                "A Cox model of the same columns was fitted to the same samples and folds. The forest is said to add "
                "nothing where its C outside the samples is not above that of the Cox model, or 1/2, by more than "
                f"{SMALLEST_GAIN:g}, and to rank better where it is, the limits of the cross-validated difference lie "
                "above 0, and those of its own C above 1/2."
            )


def _tuned(fit: SurvivalForestFit) -> str:
    if not fit.tried:
        return ""
    return f", both chosen by out-of-bag C among {count_noun(len(fit.tried), 'pair')}, anew in each resample"
