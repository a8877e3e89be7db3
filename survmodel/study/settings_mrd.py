"""What a study file says about residual disease at the end of treatment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from survmodel.study.settings_base import Strict


class MrdEntry(Strict):
    """``[mrd]``: how far the marrow and the end-of-treatment scan may lie apart.

    A result from ``days`` before the scan up to ``days`` after it belongs to it.
    """

    days: Annotated[int, Field(ge=0, le=365)] = 30
