"""survmodel: prognostic survival modelling for CXCR4 PET.

Does CXCR4 uptake tell who will do badly, beyond what the clinical index and FDG already tell?

Names load on first use, so that ``import survmodel`` is quick and changes nothing in the session.

A tour::

    import survmodel as sm

    outcome = sm.Outcome.from_table(table, time="months", event="status", event_value="dead", unit="months")
    km = sm.KaplanMeier().fit(outcome, by=table["disease_group"])
    sm.draw_km(km)
    sm.logrank_test(outcome, by=table["disease_group"])
    fit = sm.CoxPH("age + log2(cxcr4_suvmax)", strata="entity").fit(table, outcome)
    fit.hazard_ratios(contrasts={"cxcr4_suvmax": (5, 10)})
    sm.proportional_hazards_test(fit)
    sm.concordance(outcome, fit.prognostic_index(table), strata=table["entity"])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

#: Where each public name lives.
_HOME = {
    "CauseSpecificCox": "models.cause_specific",
    "ConfigError": "errors",
    "CoxPH": "models.cox",
    "CumulativeIncidence": "models.cumulative_incidence",
    "DataDerivedCut": "models.data_derived_cut",
    "DataError": "errors",
    "Decision": "performance.added_value",
    "ElasticNet": "models.elastic_net_settings",
    "Endpoint": "outcome.endpoints",
    "EndpointError": "errors",
    "FineGray": "models.fine_gray",
    "FitError": "errors",
    "ForestTuning": "models.forest_tuning",
    "IntervalOutcome": "outcome.interval",
    "KaplanMeier": "models.kaplan_meier",
    "MultipleImputation": "models.imputation",
    "Outcome": "outcome.response",
    "ParametricSurvival": "models.parametric",
    "Pipeline": "models.pipeline",
    "RandomSurvivalForest": "models.survival_forest",
    "Ridge": "models.cox_settings",
    "RiskGroups": "models.risk_groups",
    "SurvivalEstimator": "performance.estimator",
    "SurvmodelError": "errors",
    "Table": "table",
    "TurnbullCurve": "models.turnbull",
    "added_value": "performance.added_value",
    "affordable_parameters": "performance.sample_size",
    "attenuation": "performance.attenuation",
    "bootstrap_cutpoint": "models.cutpoint_bootstrap",
    "brier_score": "performance.brier",
    "build_cohort": "study.preparation",
    "calibration": "performance.calibration",
    "check_study": "study.preparation",
    "clustered_proportion": "performance.clustered_proportion",
    "cohens_kappa": "performance.agreement",
    "compare_markers": "performance.encompassing",
    "compare_survival_at": "models.survival_differences",
    "compare_with_cox": "performance.forest_against_cox",
    "concordance": "performance.discrimination",
    "concordance_difference": "performance.discrimination",
    "concordance_half_width": "performance.sample_size",
    "decision_curve": "performance.decision_curve",
    "delong_test": "performance.delong",
    "delta_sensitivity": "models.delta_sensitivity",
    "describe": "models.description",
    "diff_runs": "study.run_diff",
    "draw_added_value": "figures.added_value",
    "draw_agreement": "figures.agreement",
    "draw_calibration": "figures.calibration",
    "draw_correlations": "figures.correlations",
    "draw_cumulative_incidence": "figures.cumulative_incidence",
    "draw_cutpoint": "figures.cutpoint",
    "draw_decision_curve": "figures.decision_curve",
    "draw_effect": "figures.effect",
    "draw_hazard_ratios": "figures.hazard_ratios",
    "draw_importance": "figures.importance",
    "draw_imputation": "figures.imputation",
    "draw_km": "figures.kaplan_meier",
    "draw_paired_uptake": "figures.paired_uptake",
    "draw_partial_effect": "figures.partial_effect",
    "draw_regions": "figures.regions",
    "draw_stability": "figures.stability",
    "draw_stage_migration": "figures.stage_migration",
    "draw_uptake": "figures.uptake",
    "draw_uptake_change": "figures.uptake_change",
    "example_cohort": "study.example",
    "follow_up": "models.follow_up",
    "gonen_heller": "performance.prognostic_separation",
    "gray_test": "models.gray",
    "group_effects": "models.group_effects",
    "hazard_ratio_table": "report.hazard_tables",
    "incidence_rate": "models.incidence_rate",
    "integrated_brier_score": "performance.brier",
    "interval_sensitivity": "models.interval_sensitivity",
    "intraclass_correlation": "performance.intraclass",
    "journal_style": "figures.style",
    "landmark": "outcome.landmark",
    "leave_group_out": "performance.leave_group_out",
    "likelihood_ratio_test": "models.cox_tests",
    "limits_of_agreement": "performance.limits_of_agreement",
    "load_model": "models.stored_forest",
    "logrank_sample_size": "performance.sample_size",
    "logrank_test": "models.logrank",
    "marker_events": "performance.sample_size",
    "marker_families": "performance.marker_families",
    "maximally_selected_logrank": "models.cutpoint",
    "mcnemar_power": "performance.mcnemar_power",
    "mcnemar_sample_size": "performance.mcnemar_power",
    "mcnemar_test": "performance.mcnemar",
    "minimal_depth": "models.forest_depth",
    "minimum_p_permutation": "models.minimum_p",
    "oob_brier": "performance.forest_brier",
    "paired_accuracy": "performance.paired_accuracy",
    "paired_counts": "performance.paired_uptake",
    "paired_positivity": "performance.paired_positivity",
    "paired_uptake": "performance.paired_uptake",
    "pairwise_logrank": "models.logrank",
    "partial_effect": "models.forest_effect",
    "performance_table": "report.performance_tables",
    "permutation_importance": "models.forest_importance",
    "pool_estimates": "models.pooling",
    "pooled": "models.pooling",
    "pooled_auc": "performance.pooled_measures",
    "pooled_concordance": "performance.pooled_measures",
    "pooled_likelihood_ratio": "models.pooled_regression",
    "precision": "performance.precision",
    "predict_out_of_fold": "performance.out_of_fold",
    "prediction_stability": "performance.stability",
    "proportion": "performance.proportions",
    "proportional_hazards_test": "models.cox_tests",
    "rank_correlations": "performance.correlations",
    "read_study": "study.config",
    "response_model": "models.response_model",
    "riley_sample_size": "performance.sample_size",
    "risk_limits": "models.forest_jackknife",
    "rmst_difference": "models.survival_differences",
    "royston_d": "performance.prognostic_separation",
    "run_study": "study.run",
    "safety_table": "report.safety_table",
    "save_figure": "figures.files",
    "save_model": "models.stored_forest",
    "simulate_power": "performance.power",
    "simulate_study": "simulate",
    "size_dependence": "performance.correlations",
    "smallest_hazard_ratio": "performance.planning",
    "stability_of": "performance.stability",
    "stage_migration": "performance.stage_migration",
    "standard_endpoint": "outcome.standard_endpoints",
    "table_one": "report.table_one",
    "time_dependent_auc": "performance.time_dependent_auc",
    "uptake_change": "markers.change",
    "validate": "performance.validation",
    "visit_intervals": "outcome.visit_intervals",
    "wilson_limits": "performance.proportions",
}
#: Modules that are public as a whole.
_MODULES = {"indices": "markers.indices"}

__all__ = [*sorted([*_HOME, *_MODULES]), "__version__"]  # noqa: PLE0604 - the names are text

if TYPE_CHECKING:
    from survmodel.errors import ConfigError as ConfigError
    from survmodel.errors import DataError as DataError
    from survmodel.errors import EndpointError as EndpointError
    from survmodel.errors import FitError as FitError
    from survmodel.errors import SurvmodelError as SurvmodelError
    from survmodel.figures.added_value import draw_added_value as draw_added_value
    from survmodel.figures.agreement import draw_agreement as draw_agreement
    from survmodel.figures.calibration import draw_calibration as draw_calibration
    from survmodel.figures.correlations import draw_correlations as draw_correlations
    from survmodel.figures.cumulative_incidence import draw_cumulative_incidence as draw_cumulative_incidence
    from survmodel.figures.cutpoint import draw_cutpoint as draw_cutpoint
    from survmodel.figures.decision_curve import draw_decision_curve as draw_decision_curve
    from survmodel.figures.effect import draw_effect as draw_effect
    from survmodel.figures.files import save_figure as save_figure
    from survmodel.figures.hazard_ratios import draw_hazard_ratios as draw_hazard_ratios
    from survmodel.figures.importance import draw_importance as draw_importance
    from survmodel.figures.imputation import draw_imputation as draw_imputation
    from survmodel.figures.kaplan_meier import draw_km as draw_km
    from survmodel.figures.paired_uptake import draw_paired_uptake as draw_paired_uptake
    from survmodel.figures.partial_effect import draw_partial_effect as draw_partial_effect
    from survmodel.figures.regions import draw_regions as draw_regions
    from survmodel.figures.stability import draw_stability as draw_stability
    from survmodel.figures.stage_migration import draw_stage_migration as draw_stage_migration
    from survmodel.figures.style import journal_style as journal_style
    from survmodel.figures.uptake import draw_uptake as draw_uptake
    from survmodel.figures.uptake_change import draw_uptake_change as draw_uptake_change
    from survmodel.markers import indices as indices
    from survmodel.markers.change import uptake_change as uptake_change
    from survmodel.models.cause_specific import CauseSpecificCox as CauseSpecificCox
    from survmodel.models.cox import CoxPH as CoxPH
    from survmodel.models.cox_settings import Ridge as Ridge
    from survmodel.models.cox_tests import likelihood_ratio_test as likelihood_ratio_test
    from survmodel.models.cox_tests import proportional_hazards_test as proportional_hazards_test
    from survmodel.models.cumulative_incidence import CumulativeIncidence as CumulativeIncidence
    from survmodel.models.cutpoint import maximally_selected_logrank as maximally_selected_logrank
    from survmodel.models.cutpoint_bootstrap import bootstrap_cutpoint as bootstrap_cutpoint
    from survmodel.models.data_derived_cut import DataDerivedCut as DataDerivedCut
    from survmodel.models.delta_sensitivity import delta_sensitivity as delta_sensitivity
    from survmodel.models.description import describe as describe
    from survmodel.models.elastic_net_settings import ElasticNet as ElasticNet
    from survmodel.models.fine_gray import FineGray as FineGray
    from survmodel.models.follow_up import follow_up as follow_up
    from survmodel.models.forest_depth import minimal_depth as minimal_depth
    from survmodel.models.forest_effect import partial_effect as partial_effect
    from survmodel.models.forest_importance import permutation_importance as permutation_importance
    from survmodel.models.forest_jackknife import risk_limits as risk_limits
    from survmodel.models.forest_tuning import ForestTuning as ForestTuning
    from survmodel.models.gray import gray_test as gray_test
    from survmodel.models.group_effects import group_effects as group_effects
    from survmodel.models.imputation import MultipleImputation as MultipleImputation
    from survmodel.models.incidence_rate import incidence_rate as incidence_rate
    from survmodel.models.interval_sensitivity import interval_sensitivity as interval_sensitivity
    from survmodel.models.kaplan_meier import KaplanMeier as KaplanMeier
    from survmodel.models.logrank import logrank_test as logrank_test
    from survmodel.models.logrank import pairwise_logrank as pairwise_logrank
    from survmodel.models.minimum_p import minimum_p_permutation as minimum_p_permutation
    from survmodel.models.parametric import ParametricSurvival as ParametricSurvival
    from survmodel.models.pipeline import Pipeline as Pipeline
    from survmodel.models.pooled_regression import pooled_likelihood_ratio as pooled_likelihood_ratio
    from survmodel.models.pooling import pool_estimates as pool_estimates
    from survmodel.models.pooling import pooled as pooled
    from survmodel.models.response_model import response_model as response_model
    from survmodel.models.risk_groups import RiskGroups as RiskGroups
    from survmodel.models.stored_forest import load_model as load_model
    from survmodel.models.stored_forest import save_model as save_model
    from survmodel.models.survival_differences import compare_survival_at as compare_survival_at
    from survmodel.models.survival_differences import rmst_difference as rmst_difference
    from survmodel.models.survival_forest import RandomSurvivalForest as RandomSurvivalForest
    from survmodel.models.turnbull import TurnbullCurve as TurnbullCurve
    from survmodel.outcome.endpoints import Endpoint as Endpoint
    from survmodel.outcome.interval import IntervalOutcome as IntervalOutcome
    from survmodel.outcome.landmark import landmark as landmark
    from survmodel.outcome.response import Outcome as Outcome
    from survmodel.outcome.standard_endpoints import standard_endpoint as standard_endpoint
    from survmodel.outcome.visit_intervals import visit_intervals as visit_intervals
    from survmodel.performance.added_value import Decision as Decision
    from survmodel.performance.added_value import added_value as added_value
    from survmodel.performance.agreement import cohens_kappa as cohens_kappa
    from survmodel.performance.attenuation import attenuation as attenuation
    from survmodel.performance.brier import brier_score as brier_score
    from survmodel.performance.brier import integrated_brier_score as integrated_brier_score
    from survmodel.performance.calibration import calibration as calibration
    from survmodel.performance.clustered_proportion import clustered_proportion as clustered_proportion
    from survmodel.performance.correlations import rank_correlations as rank_correlations
    from survmodel.performance.correlations import size_dependence as size_dependence
    from survmodel.performance.decision_curve import decision_curve as decision_curve
    from survmodel.performance.delong import delong_test as delong_test
    from survmodel.performance.discrimination import concordance as concordance
    from survmodel.performance.discrimination import concordance_difference as concordance_difference
    from survmodel.performance.encompassing import compare_markers as compare_markers
    from survmodel.performance.estimator import SurvivalEstimator as SurvivalEstimator
    from survmodel.performance.forest_against_cox import compare_with_cox as compare_with_cox
    from survmodel.performance.forest_brier import oob_brier as oob_brier
    from survmodel.performance.intraclass import intraclass_correlation as intraclass_correlation
    from survmodel.performance.leave_group_out import leave_group_out as leave_group_out
    from survmodel.performance.limits_of_agreement import limits_of_agreement as limits_of_agreement
    from survmodel.performance.marker_families import marker_families as marker_families
    from survmodel.performance.mcnemar import mcnemar_test as mcnemar_test
    from survmodel.performance.mcnemar_power import mcnemar_power as mcnemar_power
    from survmodel.performance.mcnemar_power import mcnemar_sample_size as mcnemar_sample_size
    from survmodel.performance.out_of_fold import predict_out_of_fold as predict_out_of_fold
    from survmodel.performance.paired_accuracy import paired_accuracy as paired_accuracy
    from survmodel.performance.paired_positivity import paired_positivity as paired_positivity
    from survmodel.performance.paired_uptake import paired_counts as paired_counts
    from survmodel.performance.paired_uptake import paired_uptake as paired_uptake
    from survmodel.performance.planning import smallest_hazard_ratio as smallest_hazard_ratio
    from survmodel.performance.pooled_measures import pooled_auc as pooled_auc
    from survmodel.performance.pooled_measures import pooled_concordance as pooled_concordance
    from survmodel.performance.power import simulate_power as simulate_power
    from survmodel.performance.precision import precision as precision
    from survmodel.performance.prognostic_separation import gonen_heller as gonen_heller
    from survmodel.performance.prognostic_separation import royston_d as royston_d
    from survmodel.performance.proportions import proportion as proportion
    from survmodel.performance.proportions import wilson_limits as wilson_limits
    from survmodel.performance.sample_size import affordable_parameters as affordable_parameters
    from survmodel.performance.sample_size import concordance_half_width as concordance_half_width
    from survmodel.performance.sample_size import logrank_sample_size as logrank_sample_size
    from survmodel.performance.sample_size import marker_events as marker_events
    from survmodel.performance.sample_size import riley_sample_size as riley_sample_size
    from survmodel.performance.stability import prediction_stability as prediction_stability
    from survmodel.performance.stability import stability_of as stability_of
    from survmodel.performance.stage_migration import stage_migration as stage_migration
    from survmodel.performance.time_dependent_auc import time_dependent_auc as time_dependent_auc
    from survmodel.performance.validation import validate as validate
    from survmodel.report.hazard_tables import hazard_ratio_table as hazard_ratio_table
    from survmodel.report.performance_tables import performance_table as performance_table
    from survmodel.report.safety_table import safety_table as safety_table
    from survmodel.report.table_one import table_one as table_one
    from survmodel.simulate import simulate_study as simulate_study
    from survmodel.study.config import read_study as read_study
    from survmodel.study.example import example_cohort as example_cohort
    from survmodel.study.preparation import build_cohort as build_cohort
    from survmodel.study.preparation import check_study as check_study
    from survmodel.study.run import run_study as run_study
    from survmodel.study.run_diff import diff_runs as diff_runs
    from survmodel.table import Table as Table


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value: object = importlib.import_module(f"survmodel.{_MODULES[name]}")
    elif name in _HOME:
        value = getattr(importlib.import_module(f"survmodel.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module 'survmodel' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
