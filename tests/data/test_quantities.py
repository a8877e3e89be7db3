"""Units of laboratory values: factors from molar masses and definitions, written out here by hand."""

import json

import numpy as np
import pytest

from survmodel.data.quantities import find_quantity, is_of_limit, load_quantities, look_up_quantity
from survmodel.data.schema import load_schema
from survmodel.data.schema_location import schema_folder
from survmodel.errors import ConfigError

#: Grams in a mole. Creatinine C4H7N3O and calcium from standard atomic weights; hemoglobin is one chain with its iron,
#: beta-2 microglobulin and albumin are the mature proteins.
GRAMS_PER_MOLE = {
    "hemoglobin": 16114.0,
    "creatinine": 4 * 12.011 + 7 * 1.008 + 3 * 14.007 + 15.999,
    "calcium": 40.078,
    "b2_microglobulin": 11800.0,
    "albumin": 66400.0,
}


def test_every_test_of_the_laboratory_table_is_a_quantity():
    tests = [level.value for level in load_schema().table("labs").field("test").categories]
    assert [one.name for one in load_quantities()] == tests


@pytest.mark.parametrize(
    ("name", "unit", "analysed", "moles_per_liter", "grams_per_liter"),
    [
        ("hemoglobin", "mmol/L", "g/dL", 1e-3, 10.0),
        ("creatinine", "umol/L", "mg/dL", 1e-6, 0.01),
        ("creatinine", "mmol/L", "mg/dL", 1e-3, 0.01),
        ("calcium", "mmol/L", "mg/dL", 1e-3, 0.01),
        ("b2_microglobulin", "nmol/L", "mg/L", 1e-9, 0.001),
        ("albumin", "umol/L", "g/dL", 1e-6, 10.0),
    ],
)
def test_amounts_become_masses_by_the_molar_mass(name, unit, analysed, moles_per_liter, grams_per_liter):
    quantity = find_quantity(name)
    assert quantity.unit == analysed
    expected = GRAMS_PER_MOLE[name] * moles_per_liter / grams_per_liter
    assert quantity.convert(1.0, unit, analysed) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "number", "unit", "to", "expected"),
    [
        # One katal is one mole a second, one unit one micromole a minute.
        ("ldh", 1.0, "ukat/L", "U/L", 60.0),
        ("ldh", 4000.0, "nkat/L", "U/L", 240.0),
        ("calcium", 1.0, "mEq/L", "mmol/L", 0.5),
        ("hemoglobin", 120.0, "g/L", "g/dL", 12.0),
        ("albumin", 35.0, "g/L", "g/dL", 3.5),
        ("albumin", 3.5, "g/dL", "g/L", 35.0),
        ("igm", 230.0, "mg/dL", "g/L", 2.3),
        ("wbc", 6700.0, "/uL", "10^9/L", 6.7),
        ("platelets", 150.0, "10^3/uL", "10^9/L", 150.0),
        ("b2_microglobulin", 3500.0, "ug/L", "mg/L", 3.5),
    ],
)
def test_conversions_by_definition(name, number, unit, to, expected):
    assert find_quantity(name).convert(number, unit, to) == pytest.approx(expected, rel=1e-9)


def test_powers_of_ten_are_exact_so_that_cut_points_hold():
    numbers = np.arange(1.0, 2000.0)
    assert (find_quantity("hemoglobin").convert(numbers, "g/L", "g/dL") == numbers / 10).all()
    assert (find_quantity("igm").convert(numbers, "mg/dL", "g/L") == numbers / 100).all()
    assert (find_quantity("wbc").convert(numbers, "/uL", "10^9/L") == numbers / 1000).all()


def test_there_and_back_is_the_same_number():
    for quantity in load_quantities():
        for unit in quantity.units:
            there = quantity.convert(quantity.plausible[1], quantity.unit, unit.name)
            assert quantity.convert(there, unit.name, quantity.unit) == pytest.approx(quantity.plausible[1], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "written", "unit"),
    [
        ("hemoglobin", " G/DL ", "g/dL"),
        ("creatinine", "\u00b5mol/L", "umol/L"),  # micro sign
        ("creatinine", "\u03bcmol/l", "umol/L"),  # Greek letter
        ("ldh", "IU/L", "U/L"),
        ("wbc", "\u00d710\u2079/L", "10^9/L"),
        ("wbc", "10^9 / L", "10^9/L"),
        ("wbc", "10\u00b3/\u00b5L", "10^9/L"),
        ("platelets", "G/l", "10^9/L"),
    ],
)
def test_units_are_known_however_they_are_written(name, written, unit):
    found = find_quantity(name).find_unit(written)
    assert found is not None
    assert found.name == unit


def test_no_way_of_writing_means_two_units():
    for quantity in load_quantities():
        for unit in quantity.units:
            for name in (unit.name, *unit.aliases):
                assert quantity.find_unit(name) is unit, (quantity.name, name)


def test_what_is_not_known_is_refused():
    with pytest.raises(ConfigError, match="does not come in 'mol'"):
        find_quantity("ldh").convert(1.0, "mol", "U/L")
    with pytest.raises(ConfigError, match="no quantity 'haemoglobine'"):
        find_quantity("haemoglobine")
    assert look_up_quantity("age") is None
    assert find_quantity("Haemoglobin").name == "hemoglobin"


def test_multiples_of_the_upper_limit():
    assert [is_of_limit(text) for text in ("xULN", "x ULN", "\u00d7 ULN", "ULN", "U/L")] == [True] * 4 + [False]


def test_the_file_has_no_key_that_nobody_reads():
    content = json.loads((schema_folder() / "quantities.json").read_text(encoding="utf-8"))
    keys = {"name", "title", "unit", "plausible", "typical_median", "units", "aliases", "upper_limit"}
    for one in content["quantities"]:
        assert set(one) <= keys
        assert (one["units"][0]["unit"], one["units"][0]["factor"]) == (one["unit"], 1)
        low, high = one["typical_median"]
        assert one["plausible"][0] <= low < high <= one["plausible"][1]
