"""Which likelihood a Cox model maximises: the partial likelihood, with a ridge, with Firth's penalty, or exact."""

from __future__ import annotations

from survmodel.models.cox_likelihood import CoxData, Maximum, SortedData, maximise
from survmodel.models.cox_settings import CoxSettings
from survmodel.models.exact_ties import maximise_exact
from survmodel.models.firth import maximise_penalised


def maximise_for(spec: CoxSettings, data: CoxData, ordered: SortedData, names: tuple[str, ...]) -> Maximum:
    """Maximise the likelihood that a model asks for.

    Parameters
    ----------
    spec : CoxSettings
        Ties and penalty.
    data, ordered : CoxData, SortedData
        Rows in table order and sorted.
    names : tuple of str
        Columns of the design matrix, for messages.

    Returns
    -------
    Maximum
        On the scale of the design matrix.

    Raises
    ------
    FitError
        When there is no maximum.
    """
    if spec.is_firth:
        return maximise_penalised(data, ordered, names)
    if spec.ties == "exact":
        return maximise_exact(data, ordered, names)
    return maximise(data, ordered, names, spec.theta)
