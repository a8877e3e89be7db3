"""Cox models and concordance against lifelines, scikit-survival and statsmodels: where they agree and where not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from properties.generators import Cohort, make_cohort

from survmodel import CoxPH, Outcome, Ridge, concordance

NAMES = ["age", "male", "suv"]
FORMULA = " + ".join(NAMES)


@pytest.fixture(params=["exponential", "whole", "months"])
def cohort(request: pytest.FixtureRequest) -> Cohort:
    return make_cohort(19, 150, request.param, 0.6, strata=3)


def long_table(cohort: Cohort) -> pd.DataFrame:
    return cohort.table[NAMES].assign(time=cohort.time, event=cohort.event, stratum=cohort.stratum)


class TestCoxIsTheSame:
    def test_efron_of_lifelines(self, cohort: Cohort) -> None:
        from lifelines import CoxPHFitter

        theirs = CoxPHFitter().fit(long_table(cohort), "time", "event", strata="stratum")
        ours = CoxPH(FORMULA, strata="stratum").fit(long_table(cohort), cohort.outcome)
        assert_allclose(ours.coefficients[NAMES], theirs.params_[NAMES], rtol=1e-5)
        assert_allclose(np.sqrt(np.diag(ours.covariance)), theirs.standard_errors_[NAMES], rtol=1e-5)
        assert ours.maximum.loglik == pytest.approx(theirs.log_likelihood_, rel=1e-9)

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_scikit_survival(self, cohort: Cohort, ties: str) -> None:
        from sksurv.linear_model import CoxPHSurvivalAnalysis
        from sksurv.util import Surv

        theirs = CoxPHSurvivalAnalysis(ties=ties, n_iter=100, tol=1e-12)
        theirs.fit(cohort.table[NAMES], Surv.from_arrays(cohort.event, cohort.time))
        ours = CoxPH(FORMULA, ties=ties).fit(cohort.table, cohort.outcome)
        assert_allclose(ours.beta, theirs.coef_, rtol=1e-7)
        if ties == "breslow":
            times = np.quantile(cohort.time, [0.1, 0.5, 0.9])
            curves = theirs.predict_survival_function(cohort.table[NAMES][:5], return_array=True)
            place = np.searchsorted(theirs.unique_times_, times, side="right") - 1
            assert_allclose(ours.predict_survival(cohort.table[:5], times), curves[:, place], rtol=1e-7)

    @pytest.mark.parametrize("ties", ["breslow", "efron"])
    def test_statsmodels(self, cohort: Cohort, ties: str) -> None:
        from statsmodels.duration.hazard_regression import PHReg

        model = PHReg(cohort.time, cohort.table[NAMES], status=cohort.event, ties=ties, strata=cohort.stratum)
        theirs = model.fit(disp=0)
        ours = CoxPH(FORMULA, ties=ties, strata="stratum").fit(long_table(cohort), cohort.outcome)
        assert_allclose(ours.beta, theirs.params, rtol=1e-5)
        assert_allclose(np.sqrt(np.diag(ours.covariance)), theirs.bse, rtol=1e-5)
        assert ours.maximum.loglik == pytest.approx(theirs.llf, rel=1e-8)

    def test_late_entry_of_lifelines(self) -> None:
        from lifelines import CoxPHFitter

        cohort = make_cohort(23, 200, "exponential", 0.6, late=True)
        table = long_table(cohort).drop(columns="stratum").assign(entry=cohort.entry)
        theirs = CoxPHFitter().fit(table, "time", "event", entry_col="entry")
        ours = CoxPH(FORMULA).fit(cohort.table, cohort.outcome)
        assert_allclose(ours.coefficients[NAMES], theirs.params_[NAMES], rtol=1e-5)

    def test_ridge_of_scikit_survival(self, cohort: Cohort) -> None:
        from sksurv.linear_model import CoxPHSurvivalAnalysis
        from sksurv.util import Surv

        theirs = CoxPHSurvivalAnalysis(alpha=3.0, ties="efron", n_iter=100, tol=1e-12)
        theirs.fit(cohort.table[NAMES], Surv.from_arrays(cohort.event, cohort.time))
        ours = CoxPH(FORMULA, penalty=Ridge(3.0)).fit(cohort.table, cohort.outcome)
        assert_allclose(ours.beta, theirs.coef_, rtol=1e-6)


class TestCoxDiffersOnPurpose:
    def test_risk_sets_of_statsmodels_with_entry(self) -> None:
        """Row 8: (entry, exit]; PHReg counts a row that enters at an event time as at risk there."""
        from statsmodels.duration.hazard_regression import PHReg

        time, event = np.array([2, 3, 6, 7, 8, 9, 9, 9, 14, 17.0]), np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
        entry, x = np.array([1, 2, 5, 2, 1, 7, 3, 4, 8, 8.0]), np.array([1, 0, 0, 1, 0, 1, 1, 1, 0, 0.0])
        ours = CoxPH("x", ties="breslow").fit(pd.DataFrame({"x": x}), Outcome(time, event, entry)).beta[0]
        closed = PHReg(time, x[:, None], status=event, entry=entry, ties="breslow").fit(disp=0).params[0]
        later = PHReg(time, x[:, None], status=event, entry=entry + 1e-6, ties="breslow").fit(disp=0).params[0]
        assert abs(ours - closed) > 0.01
        assert ours == pytest.approx(later, abs=1e-5)

    def test_baseline_of_an_efron_fit(self) -> None:
        """Row 18: an Efron fit has Efron's baseline; lifelines pairs its coefficients with Breslow's."""
        from lifelines import CoxPHFitter

        cohort = make_cohort(29, 150, "months", 0.8)
        table = long_table(cohort).drop(columns="stratum")
        theirs = CoxPHFitter().fit(table, "time", "event").predict_survival_function(table[:1], times=[60.0]).iloc[0, 0]
        efron = CoxPH(FORMULA).fit(table, cohort.outcome).predict_survival(table[:1], [60.0])[0, 0]
        assert efron < theirs - 1e-5

    def test_default_ties_of_statsmodels(self) -> None:
        """Row 14: Efron by default, Breslow there; on rounded times the estimates differ visibly."""
        from statsmodels.duration.hazard_regression import PHReg

        cohort = make_cohort(31, 150, "months", 0.9)
        theirs = PHReg(cohort.time, cohort.table[NAMES], status=cohort.event).fit(disp=0).params
        assert np.abs(CoxPH(FORMULA).fit(cohort.table, cohort.outcome).beta - theirs).max() > 1e-3


class TestConcordance:
    @pytest.mark.parametrize("decimals", [None, 0, -1])
    def test_scikit_survival(self, cohort: Cohort, decimals: int | None) -> None:
        from sksurv.metrics import concordance_index_censored

        index = cohort.table["age"].to_numpy()
        index = index if decimals is None else np.round(index, decimals)
        c, concordant, discordant, tied, _ = concordance_index_censored(
            cohort.event == 1, cohort.time, index, tied_tol=0.0
        )
        ours = concordance(cohort.outcome, index)
        assert ours.estimate == pytest.approx(c, rel=1e-12)
        assert (ours.concordant, ours.discordant, ours.tied_index) == (concordant, discordant, tied)

    def test_lifelines_wants_the_other_direction(self) -> None:
        """Row 22: there a higher score means a longer life; tied times with both events count there."""
        from lifelines.utils import concordance_index

        cohort = make_cohort(41, 150, "exponential", 0.6)
        index = cohort.table["age"].to_numpy()
        ours = concordance(cohort.outcome, index).estimate
        assert ours == pytest.approx(concordance_index(cohort.time, -index, cohort.event), rel=1e-12)
        assert ours == pytest.approx(1 - concordance_index(cohort.time, index, cohort.event), rel=1e-12)

    def test_uno_of_scikit_survival_without_ties(self) -> None:
        """Row 23: 1 / G(t-)^2; scikit-survival reads G at the event time, which is the same without ties."""
        from sksurv.metrics import concordance_index_ipcw
        from sksurv.util import Surv

        cohort = make_cohort(37, 200, "exponential", 0.7)
        rows = Surv.from_arrays(cohort.event, cohort.time)
        index = cohort.table["suv"].to_numpy()
        tau = float(np.quantile(cohort.time, 0.8))
        theirs = concordance_index_ipcw(rows, rows, index, tau=tau, tied_tol=0.0)[0]
        assert concordance(cohort.outcome, index, method="uno", horizon=tau).estimate == pytest.approx(theirs, rel=1e-9)
