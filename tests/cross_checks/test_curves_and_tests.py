"""Curves and log-rank tests against lifelines, scikit-survival and statsmodels: where they agree and where not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from properties.generators import Cohort, make_cohort

from survmodel import KaplanMeier, Outcome, logrank_test, pairwise_logrank

KINDS = ("exponential", "tenths", "whole", "months")


@pytest.fixture(params=KINDS)
def cohort(request: pytest.FixtureRequest) -> Cohort:
    return make_cohort(7, 160, request.param, 0.6, groups=4)


class TestSame:
    def test_curve_of_lifelines(self, cohort: Cohort) -> None:
        from lifelines import KaplanMeierFitter

        theirs = KaplanMeierFitter().fit(cohort.time, cohort.event)
        ours = KaplanMeier().fit(cohort.outcome).tidy()
        assert_allclose(ours["estimate"], theirs.survival_function_at_times(ours["time"]), rtol=1e-10, atol=1e-12)
        limits = theirs.confidence_interval_survival_function_.loc[ours["time"]].to_numpy()
        inside = (ours["estimate"] > 0) & (ours["estimate"] < 1)
        assert_allclose(ours[["conf_low", "conf_high"]][inside], limits[inside], rtol=1e-8)

    def test_late_entry_of_lifelines(self) -> None:
        from lifelines import KaplanMeierFitter

        cohort = make_cohort(3, 200, "exponential", 0.6, late=True)
        theirs = KaplanMeierFitter().fit(cohort.time, cohort.event, entry=cohort.entry)
        ours = KaplanMeier().fit(cohort.outcome).tidy()
        assert_allclose(ours["estimate"], theirs.survival_function_at_times(ours["time"]), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("conf_type", ["log-log", None])
    def test_curve_of_scikit_survival(self, cohort: Cohort, conf_type: str | None) -> None:
        from sksurv.nonparametric import kaplan_meier_estimator

        ours = KaplanMeier().fit(cohort.outcome).tidy()
        if conf_type is None:
            time, survival = kaplan_meier_estimator(cohort.event == 1, cohort.time)
        else:
            time, survival, limits = kaplan_meier_estimator(cohort.event == 1, cohort.time, conf_type=conf_type)
            inside = ((ours["estimate"] > 0) & (ours["estimate"] < 1)).to_numpy()
            assert_allclose(ours[["conf_low", "conf_high"]].to_numpy()[inside], limits.T[inside], rtol=1e-8)
        assert_allclose(ours["time"], time)
        assert_allclose(ours["estimate"], survival, rtol=1e-11, atol=1e-14)

    def test_nelson_aalen_of_scikit_survival(self, cohort: Cohort) -> None:
        from sksurv.nonparametric import nelson_aalen_estimator

        _, hazard = nelson_aalen_estimator(cohort.event == 1, cohort.time)
        assert_allclose(KaplanMeier().fit(cohort.outcome).cumulative_hazard()["estimate"], hazard, rtol=1e-11)

    def test_curve_of_statsmodels(self, cohort: Cohort) -> None:
        from statsmodels.duration.survfunc import SurvfuncRight

        theirs = SurvfuncRight(cohort.time, cohort.event)
        ours = KaplanMeier().fit(cohort.outcome).tidy()
        ours = ours[ours["n_event"] > 0]
        assert_allclose(ours["estimate"], theirs.surv_prob, rtol=1e-10, atol=1e-12)
        known = ours["estimate"].to_numpy() > 0
        assert_allclose(ours["std_error"][known], np.asarray(theirs.surv_prob_se)[known], rtol=1e-8)

    @pytest.mark.parametrize(
        ("weighting", "options"), [(None, {}), ("gb", {"weighting": "gehan"}), ("tw", {"weighting": "tarone-ware"})]
    )
    @pytest.mark.parametrize("stratified", [False, True])
    def test_logrank_of_statsmodels(
        self, cohort: Cohort, weighting: str | None, options: dict[str, str], stratified: bool
    ) -> None:
        from statsmodels.duration.survfunc import survdiff

        strata = cohort.table["male"].to_numpy() if stratified else None
        statistic, p = survdiff(cohort.time, cohort.event, cohort.group, weight_type=weighting, strata=strata)
        ours = logrank_test(cohort.outcome, cohort.group, strata=strata, **options)
        assert ours.statistic == pytest.approx(statistic, rel=1e-8)
        assert ours.p_value == pytest.approx(p, rel=1e-6)

    def test_logrank_of_lifelines(self, cohort: Cohort) -> None:
        from lifelines.statistics import multivariate_logrank_test, pairwise_logrank_test

        theirs = multivariate_logrank_test(cohort.time, cohort.group, cohort.event)
        assert logrank_test(cohort.outcome, cohort.group).statistic == pytest.approx(theirs.test_statistic, rel=1e-8)
        pairs = pairwise_logrank_test(cohort.time, cohort.group, cohort.event).summary["p"]
        ours = pairwise_logrank(cohort.outcome, cohort.group).tidy()
        for row in ours.itertuples():
            assert row.p_value == pytest.approx(pairs[row.reference, row.group], rel=1e-6)

    def test_logrank_of_scikit_survival(self, cohort: Cohort) -> None:
        from sksurv.compare import compare_survival
        from sksurv.util import Surv

        statistic, _ = compare_survival(Surv.from_arrays(cohort.event, cohort.time), cohort.group)
        assert logrank_test(cohort.outcome, cohort.group).statistic == pytest.approx(statistic, rel=1e-8)

    def test_restricted_mean_of_lifelines(self, cohort: Cohort) -> None:
        from lifelines import KaplanMeierFitter
        from lifelines.utils import restricted_mean_survival_time

        theirs = restricted_mean_survival_time(KaplanMeierFitter().fit(cohort.time, cohort.event), t=20)
        ours = KaplanMeier().fit(cohort.outcome).rmst(20)
        assert ours["estimate"][0] == pytest.approx(theirs, rel=1e-9)


class TestDifferentOnPurpose:
    def test_median_on_a_flat(self) -> None:
        """Row 3: the middle of the flat; lifelines takes its left end."""
        from lifelines import KaplanMeierFitter

        time, event = [1, 2, 3, 4], [1, 1, 1, 1]
        assert KaplanMeier().fit(Outcome(time, event)).quantile(0.5)["estimate"][0] == 2.5
        assert KaplanMeierFitter().fit(time, event).median_survival_time_ == 2.0

    def test_float_fuzz(self) -> None:
        """Row 4: times that differ by float fuzz are one time; scikit-survival keeps them apart."""
        from sksurv.nonparametric import kaplan_meier_estimator

        time, event = np.array([0.3, 0.1 + 0.2, 1.0]), np.array([True, True, False])
        assert len(KaplanMeier().fit(Outcome(time, event)).tidy()) == 2
        assert len(kaplan_meier_estimator(event, time)[0]) == 3

    def test_number_at_risk_at_a_tied_time(self) -> None:
        """Row 7: at risk at t are those with T >= t; lifelines' tables count T > t."""
        from lifelines import KaplanMeierFitter

        time, event = np.array([6.0, 6.0, 6.0, 12.0, 12.0]), np.array([1, 1, 0, 1, 0])
        ours = KaplanMeier().fit(Outcome(time, event)).at([6.0])["n_risk"][0]
        table = KaplanMeierFitter().fit(time, event).event_table
        assert ours == table.loc[6.0, "at_risk"] == 5
        assert (time > 6).sum() == 2

    def test_nelson_aalen_at_ties(self) -> None:
        """Row 9: the sum of d/n; lifelines spreads tied deaths (Fleming and Harrington) unless told not to."""
        from lifelines import NelsonAalenFitter

        time, event = [1, 1, 1, 2, 3], [1, 1, 0, 1, 0]
        ours = KaplanMeier().fit(Outcome(time, event)).cumulative_hazard()["estimate"].iloc[0]
        spread = NelsonAalenFitter().fit(time, event).cumulative_hazard_.iloc[1, 0]
        assert ours == pytest.approx(2 / 5)
        assert spread == pytest.approx(1 / 5 + 1 / 4)
        plain = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(time, event).cumulative_hazard_.iloc[1, 0]
        assert plain == pytest.approx(ours)

    def test_degrees_of_freedom_of_a_group_gone_early(self) -> None:
        """Row 10: a group without expected events costs no degree of freedom; lifelines counts it."""
        from lifelines.statistics import multivariate_logrank_test

        cohort = make_cohort(11, 60, "whole", 0.8)
        time = np.concatenate([cohort.time, [0.1, 0.2, 0.3]])
        event = np.concatenate([cohort.event, [0, 0, 0]])
        group = np.concatenate([cohort.group, ["new"] * 3])
        ours = logrank_test(Outcome(time, event), group)
        theirs = multivariate_logrank_test(time, group, event)
        assert ours.df == 1
        assert theirs.degrees_of_freedom == 2
        assert ours.p_value < theirs.p_value

    @pytest.mark.filterwarnings("ignore:The maximum number of subdivisions")  # lifelines integrates steps by quadrature
    def test_variance_of_the_restricted_mean(self) -> None:
        """Row 13: the standard error of the area; lifelines gives the variance of one person's time."""
        from lifelines import KaplanMeierFitter
        from lifelines.utils import restricted_mean_survival_time

        cohort = make_cohort(5, 150, "tenths", 1.0)
        _, person = restricted_mean_survival_time(
            KaplanMeierFitter().fit(cohort.time, cohort.event), t=20, return_variance=True
        )
        ours = KaplanMeier().fit(cohort.outcome).rmst(20)["std_error"][0]
        # without censoring the one is the other divided by n
        assert ours**2 * cohort.n == pytest.approx(person, rel=0.01)
