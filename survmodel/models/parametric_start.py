"""The first climb to the maximum of a parametric likelihood, by lifelines.

lifelines gets numbers only: standardised columns named x0, x1, ... and times. No formula of a user reaches it, since
its formulas run code. What it warns of is not passed on: Newton's method goes on from where it stopped, and whatever is
wrong with the data shows there.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.models.parametric_laws import LAWS, Law
from survmodel.models.parametric_likelihood import ParametricRows

Floats = npt.NDArray[np.float64]


def climb_with_lifelines(rows: ParametricRows, law: Law) -> Floats | None:
    """Fit with lifelines.

    Parameters
    ----------
    rows : ParametricRows
        Data, columns standardised.
    law : Law
        The distribution.

    Returns
    -------
    ndarray, shape (k,), or None
        Intercept, coefficients, log scale and shape where lifelines stopped; None where it gave up.
    """
    if law is LAWS["exponential"]:
        return None
    from lifelines.exceptions import ConvergenceError, StatError

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = _read(_fit(rows, law), law, rows.x.shape[1])
        except (ConvergenceError, StatError, ValueError, ArithmeticError, TypeError, np.linalg.LinAlgError):
            return None
    return found if np.isfinite(found).all() else None


def _fit(rows: ParametricRows, law: Law) -> Any:  # noqa: ANN401 - a fitter of lifelines
    import lifelines

    # An offset of log time is a factor of time.
    unit = np.exp(rows.offset)
    columns = {f"x{j}": rows.x[:, j] for j in range(rows.x.shape[1])}
    table = pd.DataFrame({**columns, "weight": rows.multiplicity}).assign(one=1.0)
    options: dict[str, Any] = {"weights_col": "weight"}
    if (rows.entry > 0).any():
        table["entry"] = rows.entry / unit
        options["entry_col"] = "entry"
    if law.has_shape:
        fitter: Any = lifelines.GeneralizedGammaRegressionFitter(penalizer=0.0)
        options["regressors"] = {"mu_": ["one", *columns], "sigma_": ["one"], "lambda_": ["one"]}
    else:
        names = {
            "weibull": "WeibullAFTFitter",
            "lognormal": "LogNormalAFTFitter",
            "loglogistic": "LogLogisticAFTFitter",
        }
        fitter = getattr(lifelines, next(names[name] for name, one in LAWS.items() if one is law))()
        table = table.drop(columns="one")
    if (rows.exact | ~rows.event).all():
        table["time"], table["event"] = rows.lower / unit, rows.exact
        return fitter.fit(table, "time", event_col="event", **options)
    table["lower"], table["upper"] = rows.lower / unit, rows.upper / unit
    return fitter.fit_interval_censoring(table, "lower", "upper", **options)


def _read(fitter: Any, law: Law, p: int) -> Floats:  # noqa: ANN401 - a fitter of lifelines
    """Bring lifelines' parameters into the order and scale of survreg."""
    values = fitter.params_
    columns = [f"x{j}" for j in range(p)]
    if law.has_shape:
        main = [values["mu_", name] for name in ("one", *columns)]
        return np.array([*main, values["sigma_", "one"], values["lambda_", "one"]], dtype=np.float64)
    first, second = fitter._primary_parameter_name, fitter._ancillary_parameter_name
    main = [values[first, name] for name in ("Intercept", *columns)]
    scale = float(values[second, "Intercept"])
    if law is LAWS["loglogistic"] or law is LAWS["weibull"]:
        scale = -scale
    return np.array([*main, scale], dtype=np.float64)
