"""Drawing the figures of a study and writing their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from survmodel.formatting import format_p_equation, format_percent, format_significant
from survmodel.models.cox_fit import CoxFit
from survmodel.models.kaplan_meier_fit import KaplanMeierFit
from survmodel.models.pooled_regression import PooledRegression
from survmodel.models.term_tests import columns_of_splines, splines_of
from survmodel.naming import begin
from survmodel.report import sentences
from survmodel.report.added_value_contents import AddedValuePart
from survmodel.report.contents import CurvePart, EndpointPart, IncidencePart, MarkerPart, ModelPart, StudyContents
from survmodel.report.cutpoint_contents import CutpointPart
from survmodel.report.document import FigureBlock
from survmodel.report.imputation_contents import ImputationPart
from survmodel.report.validation_contents import ForestPart, RiskGroupPart
from survmodel.study.folder import ResultsFolder, file_stem
from survmodel.study.known_columns import group_columns
from survmodel.study.preparation import Prepared
from survmodel.study.tracer_drawing import draw_tracers

if TYPE_CHECKING:
    from survmodel.figures.style import StudyFigure

#: Between one and two columns of a journal: the letters of a figure are then as large as those of the report.
FIGURE_MM = 120.0


class Drawing:
    """Draws the figures of a study into its folder.

    Parameters
    ----------
    contents : StudyContents
        The results; figures carry its stamp.
    prepared : Prepared
        Patients and settings.
    folder : ResultsFolder
        Where files go.
    """

    def __init__(self, contents: StudyContents, prepared: Prepared, folder: ResultsFolder) -> None:
        self._contents, self._prepared, self._folder = contents, prepared, folder
        self._stamp = contents.stamp
        self._labels = dict(contents.labels)

    def draw_all(self) -> StudyContents:
        """Draw every figure.

        Returns
        -------
        StudyContents
            The results with their figures.
        """
        drawn = tuple(self._endpoint(part) for part in self._contents.endpoints)
        tracers = self._contents.tracers
        if tracers is not None:
            tracers = draw_tracers(tracers, self._prepared, self._keep, self._stamp)
        return replace(self._contents, endpoints=drawn, uptake=tuple(self._uptake()), tracers=tracers)

    def _endpoint(self, part: EndpointPart) -> EndpointPart:
        return replace(
            part,
            curves=tuple(self._curve(part, curve) for curve in part.curves),
            incidence=tuple(self._incidence(part, one) for one in part.incidence),
            markers=tuple(self._marker(part, marker) for marker in part.markers),
            models=tuple(self._model(part, model) for model in part.models),
            forests=tuple(self._forest(part, forest) for forest in part.forests),
            added_value=self._added_value(part, part.added_value),
            cutpoints=tuple(self._cutpoint(part, cut) for cut in part.cutpoints),
            imputation=self._imputation(part, part.imputation),
        )

    def _keep(self, figure: StudyFigure, name: str, caption: str, alt_text: str = "") -> FigureBlock:
        """Write the files of a figure and give what a report shows of it."""
        from survmodel.figures.files import save_figure

        spoken = alt_text or figure.alt_text
        if self._stamp:
            figure.source_data = figure.source_data.assign(data=self._stamp)
            figure.alt_text = f"{self._stamp}. {figure.alt_text}"
        place = self._folder.path / "figures"
        place.mkdir(exist_ok=True)
        self._folder.record(save_figure(figure, place / name, formats=("pdf", "svg", "png")))
        # A browser would draw the SVG with the fonts it finds; the PNG looks the same everywhere.
        return FigureBlock((place / f"{name}.png").read_bytes(), "image/png", spoken, caption, name)

    def _curve(self, part: EndpointPart, curve: CurvePart) -> CurvePart:
        fit = curve.fit.result
        if fit is None:
            return curve
        test = None if curve.test is None else curve.test.result
        within = f",\nwithin {curve.strata_label}" if curve.strata_label else ""
        annotation = "" if test is None else f"Log-rank {format_p_equation(test.p_value)}{within}"
        figure = self._draw_km(fit, part, annotation=annotation)
        caption, alt_text = sentences.curve_caption(part, curve, fit), sentences.curve_alt_text(part, curve, fit)
        return replace(curve, figure=self._keep(figure, file_stem("km", part.name, curve.by), caption, alt_text))

    def _draw_km(self, fit: KaplanMeierFit, part: EndpointPart, **options: Any) -> StudyFigure:  # noqa: ANN401
        from survmodel.figures.kaplan_meier import draw_km

        names = {"survival": begin(part.label), **_time_axis(part)}
        return draw_km(fit, labels=names, title=self._stamp, width_mm=FIGURE_MM, **options)

    def _incidence(self, part: EndpointPart, one: IncidencePart) -> IncidencePart:
        from survmodel.figures.cumulative_incidence import draw_cumulative_incidence

        fit = one.fit.result
        if fit is None:
            return one
        test = next((answer.result for answer in one.tests if answer.step.endswith("/1")), None)
        within = f",\nwithin {one.strata_label}" if one.strata_label else ""
        annotation = "" if test is None else f"Gray's test {format_p_equation(test.p_value)}{within}"
        figure = draw_cumulative_incidence(
            fit, labels=_time_axis(part), annotation=annotation, title=self._stamp, width_mm=FIGURE_MM
        )
        by = f" by {one.label}" if one.by else ""
        what = f"of {part.event_label}" if one.by else "of each event"
        caption = f"Cumulative incidence {what}{by}, {part.title}, Aalen-Johansen estimate. Bands: pointwise limits."
        caption += f" p: Gray's test of {part.event_label}." if test is not None else ""
        return replace(one, figure=self._keep(figure, file_stem("incidence", part.name, one.by), caption))

    def _added_value(self, part: EndpointPart, added: AddedValuePart | None) -> AddedValuePart | None:
        from survmodel.figures.added_value import draw_added_value

        found = None if added is None else added.answer.result
        if added is None or found is None or not np.isfinite(found.differences()["estimate"].astype(float)).any():
            return added
        figure = draw_added_value(found, title=self._stamp, width_mm=FIGURE_MM)
        caption = f"What {added.marker} adds to {added.labels[0]}, {part.title}: changes corrected for optimism."
        return replace(added, figures=(self._keep(figure, file_stem("added_value", *added.names), caption),))

    def _cutpoint(self, part: EndpointPart, cut: CutpointPart) -> CutpointPart:
        from survmodel.figures.cutpoint import draw_cutpoint

        if cut.search.result is None:
            return cut
        names = {cut.marker: cut.label}
        figure = draw_cutpoint(
            cut.search.result, cut.stability.result, labels=names, title=self._stamp, width_mm=FIGURE_MM
        )
        caption = f"Cut-point profile of {cut.label}, {part.title}: standardised log-rank statistic at every cut."
        return replace(cut, figure=self._keep(figure, file_stem("cutpoint", part.name, cut.marker), caption))

    def _marker(self, part: EndpointPart, marker: MarkerPart) -> MarkerPart:
        from survmodel.figures.effect import draw_effect

        fit = marker.fits[0].answer.result
        question = self._contents.question
        if fit is None or marker.role != "primary" or question is None or question.endpoint != part.name:
            return marker
        observed = fit.columns[marker.name].to_numpy(dtype=float)
        unit = self._contents.units.get(marker.name, "")
        curve = fit.effect_curve(marker.name)
        scale = "" if marker.term == marker.name else f" It enters on the {marker.term.partition('(')[0]} scale."
        note = f"{scale.strip()} Alone in the model."
        figure = draw_effect(
            curve, labels=self._labels, unit=unit, observed=observed, title=self._stamp, width_mm=FIGURE_MM, note=note
        )
        label = begin(self._labels.get(marker.name, marker.name))
        caption = (
            f"{label}: hazard ratio for {part.event_label} relative to the median of "
            f"{format_significant(float(curve['reference'].iloc[0]))}, with 95% limits, alone in the model.{scale}"
        )
        return replace(marker, figure=self._keep(figure, file_stem("effect", part.name, marker.name), caption))

    def _model(self, part: EndpointPart, model: ModelPart) -> ModelPart:
        figures = list(self._ratios(part, model))
        fit = model.fit.result
        if fit is not None:
            figures += self._splines(part, model, fit)
        return replace(
            model,
            figures=(*figures, *self._calibrated(model), *self._stable(part, model)),
            risk_groups=self._risk_groups(part, model.name, model.label, model.risk_groups),
        )

    def _ratios(self, part: EndpointPart, model: ModelPart) -> Iterator[FigureBlock]:
        """Draw the hazard ratios of a model; pooled ones beside those of complete cases."""
        from survmodel.figures.hazard_ratios import draw_hazard_ratios

        fit = model.fit.result
        pooled = None if model.pooled is None else model.pooled.fit.result
        first = fit if pooled is None else pooled.fits[0]
        if first is None:
            return
        splines = columns_of_splines(first.design)
        if len(first.beta) == len(splines):
            return
        sources: Any = fit
        what, note = "all columns together", ""
        if pooled is not None:
            sources = {"Multiple imputation": _count_patients(pooled).drop(index=list(splines)).reset_index(drop=True)}
            sources |= {} if fit is None else {"Complete cases": fit}
            what = f"{what}, pooled over {pooled.m} completed tables" + (
                "" if fit is None else " and of complete cases"
            )
            note = "The levels of completed tables are not counted." if (pooled.tidy()["level"] != "").any() else ""
        figure = draw_hazard_ratios(
            sources, labels=self._labels, units=dict(self._contents.units), title=self._stamp, width_mm=FIGURE_MM,
            note=note,
        )  # fmt: skip
        kind = "cause-specific hazard ratios" if part.causes else "hazard ratios"
        rest = " Splines are drawn as curves." if splines else ""
        caption = f"{begin(model.label)}: {kind} for {part.event_label}, {what}.{rest}"
        yield self._keep(figure, file_stem("hazard_ratios", model.name), caption)

    def _imputation(self, part: EndpointPart, imputed: ImputationPart | None) -> ImputationPart | None:
        """Draw the chains of each imputed column."""
        from survmodel.figures.imputation import draw_imputation

        if imputed is None or imputed.fit.result is None:
            return imputed
        drawn = []
        for name, _ in imputed.missing:
            unit = self._contents.units.get(name, "")
            figure = draw_imputation(
                imputed.fit.result, name, labels=self._labels, unit=unit, title=self._stamp, width_mm=FIGURE_MM
            )
            label = self._labels.get(name, name)
            caption = f"Convergence of the imputation of {label}, {part.title}: mean of the imputed values by cycle, a "
            caption += "line for each imputation. Lines that cross and show no trend have run long enough."
            drawn.append(self._keep(figure, file_stem("imputation", part.name, name), caption))
        return replace(imputed, figures=tuple(drawn))

    def _stable(self, part: EndpointPart, model: ModelPart) -> Iterator[FigureBlock]:
        """Draw how much risks at the last horizon depend on who was in the study."""
        from survmodel.figures.stability import draw_stability

        result = None if model.stability is None else model.stability.result
        if result is None:
            return
        figure = draw_stability(result, labels=self._labels, title=self._stamp, width_mm=FIGURE_MM)
        caption = f"{begin(model.label)}: risk of each patient by models fitted to bootstrap samples of the patients, "
        caption += f"{part.title}; their mean distance from the risk by the model itself is "
        caption += f"{format_percent(result.mape)}."
        yield self._keep(figure, file_stem("stability", model.name), caption)

    def _splines(self, part: EndpointPart, model: ModelPart, fit: CoxFit) -> Iterator[FigureBlock]:
        """Draw the curve of each spline that is part of no interaction; in one it has a curve for each other value."""
        from survmodel.figures.effect import draw_effect

        whom = "" if model.pooled is None else " Complete cases."
        alone = {term.columns[0].name for term in fit.design.formula.terms if len(term.factors) == 1}
        alone -= {column.name for term in fit.design.formula.terms if len(term.factors) > 1 for column in term.columns}
        for spline in splines_of(fit.design):
            name = spline.variable
            if name not in alone:
                continue
            curve = fit.effect_curve(name)
            label, unit = begin(self._labels.get(name, name)), self._contents.units.get(name, "")
            knots = f"Restricted cubic spline with {len(spline.knots)} knots"
            figure = draw_effect(
                curve, labels=self._labels, unit=unit, observed=fit.columns[name].to_numpy(dtype=float),
                title=self._stamp, width_mm=FIGURE_MM, note=f"{knots}, the other columns held.",
            )  # fmt: skip
            caption = (
                f"{begin(model.label)}, {label}: hazard ratio for {part.event_label} relative to the median of "
                f"{format_significant(float(curve['reference'].iloc[0]))}, with 95% limits, the other columns held."
                f"{whom}"
            )
            yield self._keep(figure, file_stem("effect", model.name, name), caption)

    def _forest(self, part: EndpointPart, forest: ForestPart) -> ForestPart:
        from survmodel.figures.importance import draw_importance

        figures = []
        importance = forest.importance.result
        if importance is not None:
            named = {name: begin(label) for name, label in self._labels.items()}
            figure = draw_importance(importance, labels=named, title=self._stamp, width_mm=FIGURE_MM)
            stamp = "Exploratory. " if forest.exploratory else ""
            caption = f"{stamp}{begin(forest.label)}: decrease of out-of-bag C when a column is shuffled."
            caption += " Limits are those of drawing other patients." if importance.subsamples else ""
            figures.append(self._keep(figure, file_stem("importance", forest.name), caption))
        return replace(
            forest,
            figures=(*figures, *self._calibrated(forest)),
            risk_groups=self._risk_groups(part, forest.name, forest.label, forest.risk_groups),
        )

    def _calibrated(self, model: ModelPart | ForestPart) -> list[FigureBlock]:
        """Draw the calibration at the last horizon."""
        from survmodel.figures.calibration import draw_calibration

        done = [one.result for one in model.calibrations if one.result is not None]
        if not done:
            return []
        result = done[-1]
        figure = draw_calibration(result, labels=self._labels, title=self._stamp, width_mm=FIGURE_MM)
        unit = f" {result.unit}" if result.unit else ""
        caption = (
            f"{begin(model.label)}: risk predicted {result.sample} and observed risk at "
            f"{format_significant(result.horizon)}{unit}."
        )
        return [self._keep(figure, file_stem("calibration", model.name), caption)]

    def _risk_groups(
        self, part: EndpointPart, name: str, label: str, groups: RiskGroupPart | None
    ) -> RiskGroupPart | None:
        from survmodel.figures.cumulative_incidence import draw_cumulative_incidence

        if groups is None or groups.fit.result is None:
            return groups
        fit = groups.fit.result
        note = "Groups assigned out of sample; no test compares them."
        draw: Callable[[], StudyFigure] = lambda: self._draw_km(fit, part, note=note)  # noqa: E731
        what = begin(part.label)
        if groups.incidence is not None and groups.incidence.result is not None:
            incidence = groups.incidence.result
            draw = lambda: draw_cumulative_incidence(  # noqa: E731
                incidence, labels=_time_axis(part), note=note, title=self._stamp, width_mm=FIGURE_MM
            )
            what = f"Cumulative incidence of {part.event_label}"
        caption = f"{what} in risk groups by {label}: {groups.origin}; each patient assigned by {groups.assigned_by}."
        return replace(groups, figure=self._keep(draw(), file_stem("risk_groups", name), caption))

    def _uptake(self) -> list[FigureBlock]:
        """Draw each marker by disease group, in the patients of the first endpoint's set."""
        from survmodel.figures.uptake import draw_uptake

        settings, cohort = self._prepared.study.settings, self._prepared.cohort
        group, entity = group_columns(settings)
        table: pd.DataFrame = cohort.table.loc[cohort.sets[settings.set_of(next(iter(settings.endpoint)))][0]]
        if group is None or group not in table:
            return []
        drawn = []
        for marker in settings.marker:
            if not table[marker.name].notna().any():
                continue
            inside = entity if entity is not None and entity in table else None
            figure = draw_uptake(
                table, marker.name, group, entity=inside, labels=self._labels, units=dict(self._contents.units),
                title=self._stamp, width_mm=FIGURE_MM,
            )  # fmt: skip
            by = f"{self._labels[group]} and {self._labels[inside]}" if inside else self._labels[group]
            label = begin(self._labels.get(marker.name, marker.name))
            caption = f"{label} by {by}: every patient, with medians and quartiles."
            drawn.append(self._keep(figure, file_stem("uptake", marker.name), caption))
        return drawn


def _count_patients(pooled: PooledRegression) -> pd.DataFrame:
    """Count patients and events of each hazard ratio but those of levels, which may differ between tables."""
    ratios = pooled.hazard_ratios()
    whole = ratios["level"] == ""
    first = pooled.fits[0]
    return ratios.assign(
        n=np.where(whole, float(first.n), np.nan), n_event=np.where(whole, float(first.n_event), np.nan)
    )


def _time_axis(part: EndpointPart) -> dict[str, str]:
    """Name the time axis where time does not begin at time zero."""
    unit = f" ({part.outcome.unit})" if part.outcome.unit else ""
    return {} if part.landmark is None else {"time": f"Time from the landmark{unit}"}
