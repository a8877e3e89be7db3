"""Units in which programs for PET export uptake, volumes and coordinates, and what they are in the data schema.

A unit that is not in the table is refused: a factor of a thousand, or Hounsfield units, would pass for uptake.
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Literal

from survmodel.errors import list_values

Kind = Literal["uptake", "volume", "length"]

#: What a number in a unit is multiplied with, by the bare spelling of the unit.
FACTORS: dict[Kind, dict[str, Decimal]] = {
    "uptake": {
        text: Decimal(1)
        for text in ("suv", "suvbw", "suv(bw)", "{suvbw}suv", "g/ml", "{suvbw}g/ml", "{suv}g/ml", "g/cc", "g/ccm")
    },
    "volume": {
        **{text: Decimal(1) for text in ("ml", "cm3", "cm^3", "ccm", "cc")},
        **{text: Decimal("0.001") for text in ("mm3", "mm^3", "ul", "cmm")},
    },
    "length": {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000)},
}
#: Canonical columns and what they measure.
KINDS: dict[str, Kind] = {
    "suvmax": "uptake", "suvpeak": "uptake", "suvmean": "uptake", "suv_sd": "uptake",
    "volume_ml": "volume", "x_mm": "length", "y_mm": "length", "z_mm": "length",
}  # fmt: skip
#: One usual spelling of each unit, for messages.
SHOWN: dict[Kind, tuple[str, ...]] = {
    "uptake": ("SUV", "SUVbw", "g/ml"),
    "volume": ("mL", "cm3", "ccm", "mm3"),
    "length": ("mm", "cm"),
}
#: Spellings that name no unit: the columns beside them may do.
UNNAMED = frozenset({"", "intensity"})
_ACTIVITY = "an activity concentration, not an SUV"
_OTHER_SUV = "an SUV that is not normalised by body weight"
_REFUSED = {
    "hu": "Hounsfield units: an export of the CT, not of the PET",
    **dict.fromkeys(("bq/ml", "kbq/ml", "mbq/ml", "bq/cc", "kbq/cc", "bqml", "kbqml"), _ACTIVITY),
    **dict.fromkeys(("suvlbm", "suv(lbm)", "sul", "suvbsa", "suv(bsa)", "suvibw", "suv(ibw)", "suvlb"), _OTHER_SUV),
    **dict.fromkeys(("vx", "voxel", "voxels", "#vx", "px", "pixel", "pixels"), "a number of voxels"),
}


def find_factor(kind: Kind, unit: str) -> Decimal | None:
    """Give what turns a number of an export into the unit of the data schema.

    Parameters
    ----------
    kind : {"uptake", "volume", "length"}
        What is measured.
    unit : str
        As the export writes it; case, blanks and raised digits do not matter.

    Returns
    -------
    decimal.Decimal or None
        To multiply with, exact; None for a unit that is not known, or known to be another thing.

    Examples
    --------
    >>> find_factor("volume", "mm\u00b3"), find_factor("uptake", "g/mL"), find_factor("uptake", "HU")
    (Decimal('0.001'), Decimal('1'), None)
    """
    return FACTORS[kind].get(bare_unit(unit))


def explain_unit(unit: str) -> str:
    """Say why a unit is refused.

    Parameters
    ----------
    unit : str
        As the export writes it.

    Returns
    -------
    str
        One clause.

    Examples
    --------
    >>> explain_unit("kBq/cc")
    "the unit 'kBq/cc' is an activity concentration, not an SUV"
    >>> explain_unit("")
    'no unit is named'
    """
    bare = bare_unit(unit)
    if bare in UNNAMED:
        return "no unit is named"
    reason = _REFUSED.get(bare)
    return f"the unit {unit.strip()[:20]!r} is {reason}" if reason else f"the unit {unit.strip()[:20]!r} is not known"


def list_units(kind: Kind) -> str:
    """List the usual units of a measurement.

    Parameters
    ----------
    kind : {"uptake", "volume", "length"}
        What is measured.

    Returns
    -------
    str
        For a message.

    Examples
    --------
    >>> list_units("length")
    'mm, cm'
    """
    return list_values(SHOWN[kind])


def bare_unit(text: str) -> str:
    """Write a unit without case, blanks and raised digits.

    Parameters
    ----------
    text : str
        As an export writes it.

    Returns
    -------
    str
        By which the unit is looked up.

    Examples
    --------
    >>> bare_unit(" cm\u00b3 "), bare_unit("[\u00b5L]")
    ('cm3', 'ul')
    """
    plain = "".join(unicodedata.normalize("NFKC", text).casefold().split()).replace("\u03bc", "u")
    return plain.removeprefix("[").removesuffix("]")
