"""What a marker adds, drawn: corrected changes of each measure with paired limits, beside the numbers.

All changes are drawn so that right of zero is better: the Brier score, which falls when predictions improve, is turned
round and says so.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from survmodel.errors import ConfigError
from survmodel.figures.page import check_width, known_labels, spoken
from survmodel.figures.style import StudyFigure, current_style, style_settings
from survmodel.figures.zero_rows import draw_zero_rows, limits_note
from survmodel.figures.zero_rows_data import ZeroRows, limit_axis
from survmodel.formatting import count_noun, format_number, format_p_equation, format_percent, format_significant
from survmodel.naming import duration
from survmodel.performance.added_value import AddedValue
from survmodel.result import frozen
from survmodel.table import one_line

#: Measures that are drawn, in their order; of those a fall is a gain.
MEASURES = ("Harrell C", "AUC", "IPA", "Brier score")
FALLING = ("Brier score",)
CORRECTED = "corrected"


def draw_added_value(
    result: AddedValue,
    *,
    labels: Mapping[str, str] | None = None,
    width_mm: float | None = None,
    title: str = "",
    note: str = "",
) -> StudyFigure:
    """Draw what a larger model gains over a smaller one: corrected changes of C, AUC, IPA and Brier score.

    Parameters
    ----------
    result : AddedValue
        As from ``sm.added_value(base, full, table, outcome, horizons=[12, 24])``.
    labels : mapping of str to str, optional
        What to show for a measure; ``"change"`` names the axis.
    width_mm : float, optional
        Width in print; one column of the journal style without it.
    title : str
        Heading; journals put it in the legend.
    note : str
        Text under the figure, after the test and the counts.

    Returns
    -------
    StudyFigure
        A matplotlib figure with ``source_data`` (the rows in the order shown) and ``alt_text``.

    Raises
    ------
    ConfigError
        When `result` is something else, no change could be estimated, or the width makes no sense.

    Examples
    --------
    >>> from survmodel import CoxPH, Outcome, added_value
    >>> random = np.random.default_rng(1)
    >>> table = pd.DataFrame({"age": random.normal(size=90), "cxcr4": random.normal(size=90)})
    >>> outcome = Outcome(random.exponential(np.exp(-table["cxcr4"])), np.ones(90), endpoint="death")
    >>> result = added_value(CoxPH("age"), CoxPH("age + cxcr4"), table, outcome, repeats=50)
    >>> draw_added_value(result).alt_text.split(":")[0]
    'Corrected changes from the smaller to the larger model'
    """
    found: object = result
    if not isinstance(found, AddedValue):
        remedy = "pass sm.added_value(base, full, table, outcome)"
        raise ConfigError("draw_added_value draws an added value", f"found {type(found).__name__}", remedy)
    table = _changes(result)
    if not np.isfinite(table["estimate"].to_numpy(dtype=np.float64)).any():
        raise ConfigError("no change of the added value could be estimated", remedy="give horizons, or more resamples")
    rows = _rows(table, result.conf_level)
    style, known = current_style(), known_labels(labels)
    names = [_name(one, result.validation.unit, known) for one in table.to_dict("records")]
    with style_settings(style):
        axis = known.get("change", "Corrected change, right of 0 better")
        page = draw_zero_rows(rows, names, check_width(width_mm, style), number="Change", axis=axis)
        below = page.draw_note(page.wrap_note(" ".join([*_notes(result, rows), note])), page.axis_block)
        page.fit_height(page.draw_title(title, 1.7 * page.size), below)
    figure = page.figure
    figure.source_data = table
    figure.caption = one_line(title) or "Added value of a marker"
    told = "; ".join(f"{spoken(name)} {rows.write(place, limits=True)}" for place, name in enumerate(names))
    figure.alt_text = f"Corrected changes from the smaller to the larger model: {told}."
    return figure


def _changes(result: AddedValue) -> pd.DataFrame:
    """Take the corrected changes, each as a gain: of measures that fall when predictions improve, with changed sign."""
    found = result.differences()
    found = found[(found["sample"] == CORRECTED) & found["measure"].isin(MEASURES)]
    order = found["measure"].map({name: place for place, name in enumerate(MEASURES)})
    found = found.assign(order=order).sort_values(["order", "horizon"], kind="stable", ignore_index=True)
    falling = found["measure"].isin(FALLING).to_numpy()
    numbers = found[["estimate", "conf_low", "conf_high"]].astype(np.float64)
    turned = -numbers[["estimate", "conf_high", "conf_low"]].to_numpy()
    numbers.loc[falling] = turned[falling]
    found[numbers.columns] = numbers
    return found.drop(columns="order")


def _rows(table: pd.DataFrame, conf_level: float) -> ZeroRows:
    estimate, low, high = (table[name].to_numpy(dtype=np.float64) for name in ("estimate", "conf_low", "conf_high"))
    start, end = limit_axis(estimate, low, high)
    return ZeroRows(
        estimate=frozen(estimate), low=frozen(low), high=frozen(high), start=start, end=end, conf_level=conf_level
    )


def _name(one: Mapping[object, object], unit: str, known: Mapping[str, str]) -> str:
    measure, horizon = str(one["measure"]), float(str(one["horizon"]))
    turned = " (fall)" if measure in FALLING else ""
    at = "" if np.isnan(horizon) else f", {duration(horizon, unit)}"
    return f"{known.get(measure, measure)}{turned}{at}"


def _notes(result: AddedValue, rows: ZeroRows) -> list[str]:
    test = result.test
    parts = [f"{count_noun(result.n, 'patient')}, {count_noun(result.n_event, 'event')}."]
    if not test.reason:
        size = f"{format_number(test.statistic, 1)} on {format_significant(test.df)} df"
        parts.append(f"Likelihood ratio of what was added: {size}, {format_p_equation(test.p_value)}.")
    if np.isfinite(result.adequacy):
        parts.append(f"New information: {format_percent(result.new_information, 0)}.")
    used = int(result.validation.glance().iloc[0]["used"])
    return [*parts, *limits_note(rows, f", paired, of {count_noun(used, 'resample')}")]
