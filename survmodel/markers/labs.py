"""Laboratory values at the baseline scan: one number for each patient and test, in one unit for each test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survmodel.data.quantities import Quantity, is_of_limit, load_quantities
from survmodel.formatting import count_noun

#: A column of multiples of the upper limit of normal has this ending.
OF_LIMIT_ENDING = "_uln"


@dataclass(frozen=True, slots=True)
class LabRule:
    """Which sample counts, and in which unit it is analysed.

    Parameters
    ----------
    days_before, days_after : int
        A sample counts from so many days before the baseline CXCR4 scan to so many after it; of several the last one
        up to the scan, else the first one after it.
    units : mapping of str to str
        Unit of analysis of a test, where it is not that of the data schema.
    """

    days_before: int = 30
    days_after: int = 0
    units: Mapping[str, str] = field(default_factory=dict)

    def unit(self, quantity: Quantity) -> str:
        """Give the unit in which a test is analysed.

        Parameters
        ----------
        quantity : Quantity
            The test.

        Returns
        -------
        str
            The declared unit, else that of the data schema.
        """
        return self.units.get(quantity.name, quantity.unit)


@dataclass(frozen=True, slots=True)
class LabColumn:
    """A column of laboratory values.

    Attributes
    ----------
    name, label, unit : str
        Column, how it is shown, its unit; "" for a multiple of the upper limit.
    """

    name: str
    label: str
    unit: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PatientLabs:
    """Laboratory values by patient.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each patient, in the order given; a column for each test that somebody has.
    columns : tuple of LabColumn
        What its columns are.
    notes : tuple of str
        Which samples count, and how many patients have none of them.
    """

    table: pd.DataFrame
    columns: tuple[LabColumn, ...]
    notes: tuple[str, ...] = ()


def possible_labs(rule: LabRule) -> tuple[LabColumn, ...]:
    """List every column that `patient_labs` can make.

    Parameters
    ----------
    rule : LabRule
        Units of analysis.

    Returns
    -------
    tuple of LabColumn
        Values, and multiples of the upper limit where a test has one.

    Examples
    --------
    >>> [column.name for column in possible_labs(LabRule())][:3]
    ['hemoglobin', 'ldh', 'ldh_uln']
    """
    return tuple(column for quantity in load_quantities() for column in _columns_of(quantity, rule))


def _columns_of(quantity: Quantity, rule: LabRule) -> list[LabColumn]:
    """Name the value, and its multiple of the upper limit where laboratories give one."""
    value = LabColumn(quantity.name, quantity.title, rule.unit(quantity))
    if quantity.upper_limit is None:
        return [value]
    return [value, LabColumn(f"{quantity.name}{OF_LIMIT_ENDING}", f"{quantity.title}, times the upper limit of normal")]


def patient_labs(
    patients: Sequence[str], origins: pd.Series, labs: pd.DataFrame, rule: LabRule | None = None
) -> PatientLabs:
    """Choose the sample of each patient and test, and bring it into the unit of analysis.

    Parameters
    ----------
    patients : sequence of str
        Patient ids, one for each row of the result.
    origins : pandas.Series
        Day of the baseline CXCR4 scan, by patient id.
    labs : pandas.DataFrame
        The canonical table.
    rule : LabRule, optional
        Which sample counts: the last one of the 30 days up to the scan, without it.

    Returns
    -------
    PatientLabs
        Missing where a patient has no sample in time, where its unit is not known, or where two samples of the day
        differ. A multiple of the upper limit needs the limit of the laboratory beside the value.

    Examples
    --------
    >>> labs = pd.DataFrame({
    ...     "patient_id": ["a", "a"], "lab_date": pd.to_datetime(["2024-04-29", "2024-05-01"]),
    ...     "test": ["ldh", "ldh"], "value": [5.0, 300.0], "unit": ["\u00b5kat/L", "U/L"], "uln": [4.0, 250.0],
    ... })
    >>> patient_labs(["a"], pd.Series({"a": pd.Timestamp("2024-05-02")}), labs).table.iloc[0].to_dict()
    {'ldh': 300.0, 'ldh_uln': 1.2}
    """
    rule = rule or LabRule()
    table = pd.DataFrame(index=pd.Index(list(patients), name="patient_id"))
    delay = (labs["lab_date"] - labs["patient_id"].map(origins)).dt.days
    in_time = labs.assign(delay=delay)[delay.between(-rule.days_before, rule.days_after)]
    columns, notes = [], [_which_samples(rule)]
    for quantity in load_quantities():
        mine = _chosen(in_time[in_time["test"].astype(object) == quantity.name])
        measured = labs.loc[labs["test"].astype(object) == quantity.name, "patient_id"]
        notes += _out_of_time(quantity, set(measured) & set(table.index), set(mine.index))
        for column, values in _values(quantity, mine, rule):
            if values.notna().any():
                table[column.name] = values.reindex(table.index)
                columns.append(column)
    return PatientLabs(table, tuple(columns), tuple(notes))


def _which_samples(rule: LabRule) -> str:
    after = f" and the {count_noun(rule.days_after, 'day')} after it" if rule.days_after else ""
    return (
        "Laboratory values are those of the last sample in the "
        f"{count_noun(rule.days_before, 'day')} up to the CXCR4 scan{after}"
    )


def _chosen(samples: pd.DataFrame) -> pd.DataFrame:
    """Keep the last sample up to the scan, else the first after it; none where two of its day differ."""
    after = samples["delay"] > 0
    nearest = samples.assign(after=after, distance=samples["delay"].abs())
    best = nearest.sort_values(["after", "distance"], kind="stable").drop_duplicates("patient_id")
    day = best.set_index("patient_id")["delay"]
    same = nearest[nearest["delay"] == nearest["patient_id"].map(day)]
    written = same[["patient_id", "value", "unit", "uln"]].drop_duplicates()
    return written.drop_duplicates("patient_id", keep=False).set_index("patient_id")


def _out_of_time(quantity: Quantity, measured: set[str], chosen: set[str]) -> list[str]:
    lost = len(measured - chosen)
    if not lost:
        return []
    return [f"{count_noun(lost, 'patient has', 'patients have')} a value of {quantity.title} and none that counts"]


def _values(quantity: Quantity, samples: pd.DataFrame, rule: LabRule) -> list[tuple[LabColumn, pd.Series]]:
    """Convert the values, and divide them by the upper limits."""
    units = samples["unit"].fillna("").astype(str)
    numbers = samples["value"].astype(float)
    limits = samples["uln"].astype(float)
    converted = pd.Series(np.nan, index=samples.index)
    for unit in units.unique():
        known = quantity.find_unit(unit)
        if known is not None:
            mine = (units == unit).to_numpy()
            converted[mine] = quantity.convert(numbers[mine].to_numpy(), known.name, rule.unit(quantity))
    ratio = (numbers / limits).where(converted.notna() & (limits > 0))
    ratio = numbers.where(units.map(is_of_limit).astype(bool), ratio)
    # A test without an upper limit has one column.
    return list(zip(_columns_of(quantity, rule), (converted, ratio), strict=False))
