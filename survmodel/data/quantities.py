"""Laboratory quantities: the units in which they come, the one in which they are analysed, and what is plausible."""

from __future__ import annotations

import functools
import json
import math
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError, closest, list_values

QUANTITIES = "quantities.json"
#: A factor this close to one part of a whole number is that part.
ROUNDING = 1e-12
Number = TypeVar("Number", float, npt.NDArray[np.float64])
#: Unit of a value that is given in multiples of the upper limit of the laboratory.
OF_LIMIT = "xULN"
_OF_LIMIT_SPELLINGS = frozenset({"xuln", "x uln", "uln", "*uln", "times uln"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit in which a quantity may come.

    Parameters
    ----------
    name : str
        As it is written.
    factor : float
        A number in this unit times the factor is the number in the unit of analysis.
    aliases : tuple of str
        Other ways to write it.
    """

    name: str
    factor: float
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantity:
    """Something that a laboratory measures.

    Parameters
    ----------
    name, title : str
        Code in tables, and how it is shown.
    unit : str
        Unit in which it is analysed.
    units : tuple of Unit
        Units in which it may come, the unit of analysis first.
    plausible : tuple of float
        Smallest and largest number that a patient has, in the unit of analysis.
    typical_median : tuple of float
        Smallest and largest median that a group of patients has.
    upper_limit : tuple of float, optional
        Smallest and largest upper limit of normal that laboratories give; None where it is not asked for.
    aliases : tuple of str
        Other names of it.

    Examples
    --------
    >>> hemoglobin = find_quantity("Hb")
    >>> hemoglobin.convert(135.0, "g/L", "g/dL")
    13.5
    >>> find_quantity("ldh").find_unit("\u00b5kat/L").name
    'ukat/L'
    """

    name: str
    title: str
    unit: str
    units: tuple[Unit, ...]
    plausible: tuple[float, float]
    typical_median: tuple[float, float]
    upper_limit: tuple[float, float] | None = None
    aliases: tuple[str, ...] = ()

    def find_unit(self, text: str) -> Unit | None:
        """Find a unit by how it is written.

        Parameters
        ----------
        text : str
            As a laboratory writes it; case, blanks, and the sign of micro do not matter.

        Returns
        -------
        Unit or None
            None where the quantity does not come in it.
        """
        wanted = _bare(text)
        for unit in self.units:
            if wanted in {_bare(name) for name in (unit.name, *unit.aliases)}:
                return unit
        return None

    def convert(self, number: Number, unit: str, to: str) -> Number:
        """Convert numbers.

        Parameters
        ----------
        number : float or array of float
            In `unit`; NaN stays NaN.
        unit, to : str
            Units of this quantity.

        Returns
        -------
        float or array of float
            In `to`. A factor such as one tenth divides by ten, so that 35 g/L are exactly 3.5 g/dL and lie on the same
            side of a published cut-point.

        Raises
        ------
        ConfigError
            For a unit in which the quantity does not come.
        """
        factor = self.factor(unit, to)
        divisor = round(1 / factor)
        return number / divisor if divisor > 1 and abs(factor * divisor - 1) < ROUNDING else number * factor

    def factor(self, unit: str, to: str) -> float:
        """Give what turns a number in one unit into the number in another.

        Parameters
        ----------
        unit, to : str
            Units of this quantity.

        Returns
        -------
        float
            To multiply with.

        Raises
        ------
        ConfigError
            For a unit in which the quantity does not come.
        """
        return self._known(unit).factor / self._known(to).factor

    def _known(self, text: str) -> Unit:
        found = self.find_unit(text)
        if found is None:
            known = list_values([unit.name for unit in self.units])
            raise ConfigError(f"{self.title} does not come in {text!r}", remedy=f"it comes in {known}")
        return found

    def is_plausible(self, number: float) -> bool:
        """Tell whether a patient may have such a number.

        Parameters
        ----------
        number : float
            In the unit of analysis.

        Returns
        -------
        bool
            True for NaN.
        """
        return math.isnan(number) or self.plausible[0] <= number <= self.plausible[1]

    def units_that_explain(self, number: float, *, median: bool = False) -> Iterator[Unit]:
        """Find units in which an implausible number would be plausible.

        Parameters
        ----------
        number : float
            As it stands, whatever its unit is said to be.
        median : bool
            Whether it is the median of a group.

        Yields
        ------
        Unit
            In the order of the schema.
        """
        low, high = self.typical_median if median else self.plausible
        for unit in self.units:
            if low <= number * unit.factor <= high:
                yield unit


@functools.cache
def load_quantities() -> tuple[Quantity, ...]:
    """Read the quantities of this installation, once.

    Returns
    -------
    tuple of Quantity
        In the order of the file.
    """
    return read_quantities(schema_folder() / QUANTITIES)


def read_quantities(path: Path) -> tuple[Quantity, ...]:
    """Read a file of quantities.

    Parameters
    ----------
    path : pathlib.Path
        JSON as in ``data_schema/quantities.json``.

    Returns
    -------
    tuple of Quantity
        In the order of the file.
    """
    return tuple(
        Quantity(
            one["name"],
            one["title"],
            one["unit"],
            tuple(Unit(unit["unit"], unit["factor"], tuple(unit.get("aliases", ()))) for unit in one["units"]),
            (one["plausible"][0], one["plausible"][1]),
            (one["typical_median"][0], one["typical_median"][1]),
            (one["upper_limit"][0], one["upper_limit"][1]) if "upper_limit" in one else None,
            tuple(one["aliases"]),
        )
        for one in json.loads(path.read_text(encoding="utf-8"))["quantities"]
    )


def find_quantity(name: str) -> Quantity:
    """Give a quantity by its name or another name of it.

    Parameters
    ----------
    name : str
        Such as ``"hemoglobin"`` or ``"Hb"``.

    Returns
    -------
    Quantity
        What is known of it.

    Raises
    ------
    ConfigError
        When no quantity is called so.
    """
    found = look_up_quantity(name)
    if found is None:
        names = [one.name for one in load_quantities()]
        raise ConfigError(f"no quantity {name!r}", remedy=f"known: {list_values(names)}; {closest(name, names)}")
    return found


def look_up_quantity(name: str) -> Quantity | None:
    """Look whether a name is that of a quantity.

    Parameters
    ----------
    name : str
        Any text.

    Returns
    -------
    Quantity or None
        None when no quantity is called so.
    """
    wanted = _bare_name(name)
    for one in load_quantities():
        if wanted in {_bare_name(text) for text in (one.name, one.title, *one.aliases)}:
            return one
    return None


def is_of_limit(unit: str) -> bool:
    """Tell whether a unit says that a value is a multiple of the upper limit of normal.

    Parameters
    ----------
    unit : str
        As a laboratory writes it.

    Returns
    -------
    bool
        True for xULN.
    """
    return _bare(unit.replace("\u00d7", "x")) in {_bare(text) for text in _OF_LIMIT_SPELLINGS}


def _bare(text: str) -> str:
    """Write a unit without case and blanks, raised digits as digits and micro as u."""
    plain = unicodedata.normalize("NFKC", text.replace("\u00b2", "^2").replace("\u00b3", "^3").replace("\u2079", "^9"))
    return "".join(plain.casefold().split()).replace("\u03bc", "u").replace("\u00b5", "u").replace("\u00d7", "x")


def _bare_name(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())
