"""How much it matters that an event was taken for as late as the visit that showed it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from survmodel.errors import DataError
from survmodel.formatting import count_noun, format_number, format_p, format_ratio, format_significant
from survmodel.models.parametric import ParametricSurvival
from survmodel.models.parametric_fit import ParametricFit
from survmodel.outcome.interval import IntervalOutcome
from survmodel.result import Display, Result, join_warnings
from survmodel.table import Table

#: What the two fits are called.
EXACT, INTERVALS = "exact times", "intervals"


def interval_sensitivity(
    spec: ParametricSurvival, table: pd.DataFrame, outcome: IntervalOutcome, weights: object = None
) -> IntervalSensitivity:
    """Fit one parametric model twice: events at the visit that showed them, and anywhere since the visit before.

    Parameters
    ----------
    spec : ParametricSurvival
        The model, for example ``ParametricSurvival("age + log2(cxcr4_suvmax)")``, a Weibull model.
    table : pandas.DataFrame, or a table of polars or pyarrow
        Columns of the formula; rows are those of the outcome.
    outcome : IntervalOutcome
        Intervals of visits.
    weights : Series or array_like, shape (n,), optional
        Case weights, as for :meth:`~survmodel.models.parametric.ParametricSurvival.fit`.

    Returns
    -------
    IntervalSensitivity
        Both fits, and how far their estimates are apart.

    Raises
    ------
    DataError
        For an outcome of exact times.
    FitError
        When one of the models cannot be fitted.

    Examples
    --------
    >>> import pandas as pd
    >>> from survmodel import IntervalOutcome, ParametricSurvival, interval_sensitivity
    >>> table = pd.DataFrame({"x": [1, 0, 1, 1, 0, 0, 1, 0]})
    >>> outcome = IntervalOutcome([0, 3, 3, 6, 6, 9, 9, 12], [3, 6, 6, 9, 9, 12, float("inf"), float("inf")])
    >>> found = interval_sensitivity(ParametricSurvival("x"), table, outcome)
    >>> found.change().columns.tolist()
    ['term', 'variable', 'level', 'reference', 'estimate', 'std_error', 'statistic']
    """
    if not isinstance(outcome, IntervalOutcome):
        raise DataError(
            "a sensitivity analysis of intervals needs an IntervalOutcome",
            f"the outcome is a {type(outcome).__name__}",
            "make it first: IntervalOutcome.from_visits(outcome, last_free)",
        )
    exact, intervals = (spec.fit(table, one, weights) for one in (outcome.known, outcome))
    return IntervalSensitivity(exact, intervals, join_warnings(exact.warnings, intervals.warnings))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IntervalSensitivity(Result):
    """One model of exact times and of intervals.

    Attributes
    ----------
    exact, intervals : ParametricFit
        The two fits, to the same rows.
    warnings : tuple of str
        What the reader must know.
    """

    exact: ParametricFit
    intervals: ParametricFit
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the parameters of both fits on the scale of log time: a coefficient above 0 means longer survival.

        Returns
        -------
        pandas.DataFrame
            Column model ("exact times", "intervals"), and those of the fits.
        """
        tables = [fit.tidy().assign(model=name) for name, fit in ((EXACT, self.exact), (INTERVALS, self.intervals))]
        table = pd.concat(tables, ignore_index=True)
        return table[["model", *table.columns.drop("model")]]

    def change(self) -> pd.DataFrame:
        """Give how far each parameter moves when events lie between visits.

        Returns
        -------
        pandas.DataFrame
            Columns term, variable, level, reference, estimate (intervals minus exact times, on the scale of log time),
            std_error (of the fit to intervals), statistic (the move in such standard errors: no test, the rows are the
            same).
        """
        table = self.intervals.tidy()
        move = self.intervals.theta - self.exact.theta
        labels = table[["term", "variable", "level", "reference"]].copy()
        return labels.assign(estimate=move, std_error=table["std_error"], statistic=move / table["std_error"])

    def glance(self) -> pd.DataFrame:
        """Give counts and the largest move, in one row.

        Returns
        -------
        pandas.DataFrame
            Rows, events, events between two times, distribution, the largest move of a coefficient in standard errors
            and whether any p-value crosses 5 %.
        """
        moves = self.change()["statistic"].abs().to_numpy()[1 : 1 + len(self.exact.design.names)]
        one, other = (self._ratios(fit)["p_value"] < 0.05 for fit in (self.exact, self.intervals))
        known = self.intervals.glance().iloc[0]
        row = {
            "distribution": known["distribution"],
            "n": known["n"],
            "n_event": known["n_event"],
            "n_interval": known["n_interval"],
            "largest_move": float(moves.max(initial=0.0)),
            "p_crosses": bool((one != other).any()),
            "median_width": float(np.median(self._widths())) if known["n_interval"] else np.nan,
            "conventions": "the same rows twice: an event at the end of its interval, and anywhere in it",
        }
        return pd.DataFrame([row])

    def _widths(self) -> np.ndarray:
        data = self.intervals.data
        between = data.event & ~data.exact
        return data.upper[between] - data.lower[between]

    def _ratios(self, fit: ParametricFit) -> pd.DataFrame:
        """Hazard ratios where there are some, else time ratios."""
        return fit.hazard_ratios() if fit.spec.law.proportional else fit.time_ratios()

    def _display(self) -> Display:
        rows = []
        both = (self._ratios(self.exact).to_dict("records"), self._ratios(self.intervals).to_dict("records"))
        for one, other in zip(*both, strict=True):
            shown = [format_ratio(row["estimate"], row["conf_low"], row["conf_high"]) for row in (one, other)]
            percent = format_number(100 * (other["estimate"] / one["estimate"] - 1), 1)
            sign = "" if percent.startswith(("-", "−", "0.0")) else "+"
            rows.append([one["term"], shown[0], format_p(one["p_value"]), shown[1], format_p(other["p_value"]),
                         f"{sign}{percent} %"])  # fmt: skip
        glance = self.glance().iloc[0]
        law = self.exact.spec.law
        ratio = "hazard ratio" if law.proportional else "time ratio"
        unit = f" {self.intervals.outcome.unit}" if self.intervals.outcome.unit else ""
        title = (
            f"Exact times against intervals, {law.title} model: {count_noun(glance.n, 'row')}, "
            f"{glance.n_interval} of {count_noun(glance.n_event, 'event')} between two times"
        )
        notes = (
            [f"Largest move of a coefficient: {format_number(glance.largest_move, 2)} standard errors"] if rows else []
        )
        if glance.n_interval:
            notes.append(f"Intervals are {format_significant(glance.median_width)}{unit} wide at the median")
        header = ["term", f"{ratio}, exact times", "p", f"{ratio}, intervals", "p", "change"]
        return Display(title, (Table(header, rows),) if rows else (), (*notes, *self.intervals.notes))
