"""What is true of every index: order, bounds against a full enumeration, refusals, and what stands on record."""

import itertools
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markers.indices.rows import table

import survmodel
from survmodel import ConfigError, DataError, indices
from survmodel.markers.indices.inputs import Level, Number, YesNo

ALL = indices.ALL
#: Numbers on which rules turn, and numbers between them.
CUTS = {
    "age_years": [18, 40, 45, 50, 55, 60, 63, 65, 68, 70, 72, 75, 80, 110], "ecog": [0, 1, 2, 3, 4],
    "ldh_uln": [0.1, 0.67, 0.8, 1, 1.05, 250 / 225, 1.3, 1.5, 2, 3, 4, 90], "ldh": [30, 249, 250, 300],
    "hemoglobin": [3, 8.4, 8.5, 9, 10, 10.5, 11, 11.5, 11.7, 12, 13, 25], "platelets": [0.5, 99, 100, 101, 5000],
    "albumin": [0.8, 3.4, 3.5, 7], "b2_microglobulin": [0.3, 3, 3.2, 3.5, 3.7, 4, 5, 5.5, 100],
    "creatinine": [0.1, 1.1, 1.2, 1.5, 2, 25], "b2_microglobulin_uln": [0.1, 1, 1.1, 90],
    "longest_node_cm": [0, 6, 6.1, 40], "wbc": [0.01, 5, 6.7, 8, 10, 12, 15, 49, 50, 1000],
    "ki67_percent": [0, 29.9, 30, 100],
    "lymphocytes": [0, 0.9, 1, 1000], "neutrophils": [0, 6.5, 6.6, 300], "csf_protein": [5, 45, 50, 60, 61, 2000],
    "igm": [0.01, 70, 70.1, 200], "calcium": [4, 12, 12.1, 25], "igg": [0, 4.9, 5, 7, 7.1, 15],
    "iga": [0, 2.9, 3, 5, 5.1, 15], "bence_jones": [0, 3.9, 4, 12, 12.1, 60],
}  # fmt: skip


def candidates(one):
    """Values of an input on each side of every cut."""
    if isinstance(one, YesNo):
        return [False, True]
    if isinstance(one, Level):
        return list(one.levels)
    if one.name == "age_years" and one.low == 0:
        return [0.0, 0.5, 1, 5, 9, 10, 17.9]
    if one.name in CUTS:
        return CUTS[one.name]
    # What is left is counted, and no cut lies beyond 30 but that of a Karnofsky of 70.
    return sorted(
        {*range(int(one.low), min(int(one.high), 30) + 1), *([69, 70] if one.high == 100 else []), int(one.high)}
    )


def column(one):
    return "stage_ct" if one.name == "stage" else one.name


def known(one):
    return st.sampled_from(candidates(one))


@st.composite
def patients(draw, index, missing=True):
    """A patient with a value or nothing for each input."""
    return {column(one): draw(st.one_of(st.none(), known(one)) if missing else known(one)) for one in index.inputs}


def compute(index, *rows):
    """Rows one by one: a made-up group of them has no median."""
    return [index(pd.DataFrame([row]), unverified=True) for row in rows]


@pytest.mark.parametrize("key", ALL)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_with_everything_known_the_bounds_are_the_value(key, data):
    (result,) = compute(ALL[key], data.draw(patients(ALL[key], missing=False)))
    assert result.low[0] == result.high[0] == result.value.iloc[0]
    assert result.group.notna().all()
    assert result.n_missing.tolist() == [0]


@pytest.mark.parametrize("key", ALL)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_is_filled_in_stays_within_the_bounds(key, data):
    index = ALL[key]
    row = data.draw(patients(index))
    filled = {column(one): row[column(one)] if row[column(one)] is not None else data.draw(known(one))
              for one in index.inputs}  # fmt: skip
    bounds, value = compute(index, row, filled)
    assert bounds.low[0] <= value.low[0] <= bounds.high[0]
    lowest, highest = (bounds.tidy()[name].cat.codes[0] for name in ("group_min", "group_max"))
    assert lowest <= value.group.cat.codes.iloc[0] <= highest
    if bounds.group.notna().all():
        assert bounds.group.iloc[0] == value.group.iloc[0]


@pytest.mark.parametrize("key", [key for key, one in ALL.items() if one.measure != "score" and key != "eln_2022"])
@given(data=st.data())
@settings(max_examples=4, deadline=None)
def test_bounds_are_those_of_every_way_to_fill_in(key, data):
    index = ALL[key]
    complete = data.draw(patients(index, missing=False))
    gone = data.draw(st.lists(st.sampled_from(index.inputs), min_size=1, max_size=2, unique=True))
    ways = list(itertools.product(*(candidates(one) for one in gone)))
    rows = [{**complete, **{column(one): value for one, value in zip(gone, way, strict=True)}} for way in ways]
    # The rule itself, so that the plausible medians of a column do not matter.
    read = {one.name: np.array([_code(one, row[column(one)]) for row in rows]) for one in index.inputs}
    values = index.rule(read)
    (bounds,) = compute(index, {**complete, **{column(one): None for one in gone}})
    assert (bounds.low[0], bounds.high[0]) == (values.min(), values.max())


def _code(one, value):
    return float(one.levels.index(value)) if isinstance(one, Level) else float(value)


@pytest.mark.parametrize("key", [key for key in ALL if key != "nci_all"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_worse_input_never_lowers_the_group(key, data):
    index = ALL[key]
    row = data.draw(patients(index, missing=False))
    one = data.draw(st.sampled_from(index.inputs))
    codes = {_code(one, value): value for value in candidates(one)}
    up = one.worst > one.best
    worse = [value for code, value in codes.items() if (code - _code(one, row[column(one)])) * (1 if up else -1) >= 0]
    before, after = compute(index, row, {**row, column(one): data.draw(st.sampled_from(worse))})
    assert before.low[0] <= after.low[0]
    assert before.group.cat.codes.iloc[0] <= after.group.cat.codes.iloc[0]


@pytest.mark.parametrize("key", ALL)
def test_what_stands_on_record(key):
    index = ALL[key]
    assert index.key == key
    assert getattr(indices, key) is index
    assert len(index.groups) == len(set(index.groups)) == len(index.cuts) + 1
    assert list(index.cuts) == sorted(index.cuts)
    assert re.search(r"\((19|20)\d\d\)", index.citation)
    assert index.disease in {"lymphoma", "myeloma", "leukemia"}
    assert len({one.name for one in index.inputs}) == len(index.inputs)
    assert index.verified or index.doubts
    assert index.measure in {"points", "score", "stage"}
    assert key in (survmodel.indices.__doc__ or "")
    if index.published:
        known_survival = [one for one in index.published.survival if one is not None]
        assert len(index.published.survival) == len(index.groups)
        assert known_survival == sorted(known_survival, reverse=True)
        assert all(0 < one < 1 for one in known_survival)


#: Graded C in the specification, and nothing else.
OFF = {"r_ipi", "mipi_c", "pink", "pink_e", "ims_2025", "rai", "binet", "nci_all"}


def test_indices_that_are_not_verified_are_off_and_no_other():
    assert {key for key, one in ALL.items() if not one.verified} == OFF
    for key in OFF:
        rows = table({"age_years": 5.0} if key == "nci_all" else {})
        with pytest.raises(ConfigError, match=r"is off by default.*say unverified=True"):
            ALL[key](rows)
        result = ALL[key](rows, unverified=True)
        assert not result.glance()["verified"].iloc[0]
        assert result.warnings


@pytest.mark.parametrize("key", [key for key in ALL if key != "nci_all"])
def test_every_index_of_adults_refuses_children(key):
    with pytest.raises(DataError, match=r"index for adults, and there are children: row 2 \(1 of 2\)"):
        ALL[key](table({}, {"age_years": 17.9}), unverified=True)


@pytest.mark.parametrize("key", [key for key, one in ALL.items() if any(i.name == "stage" for i in one.inputs)])
def test_no_index_takes_the_stage_of_cxcr4_pet(key):
    with pytest.raises(ConfigError, match=r"'stage_cxcr4' was read .* Use stage_ct or stage_fdg"):
        ALL[key](table({"stage_cxcr4": "IV"}), stage="stage_cxcr4", unverified=True)


@pytest.mark.parametrize("key", [key for key, one in ALL.items() if not one.imaging])
def test_no_comparator_takes_a_column_of_cxcr4_pet(key):
    name = ALL[key].inputs[0].name
    with pytest.raises(ConfigError, match="was read from CXCR4 PET and cannot enter"):
        ALL[key](table({}), columns={name: "cxcr4_column"}, unverified=True)


@pytest.mark.parametrize("key", ALL)
def test_numbers_beyond_the_plausible_are_refused(key):
    for one in ALL[key].inputs:
        if not isinstance(one, Number) or one.name == "age_years":
            continue
        for beyond in (one.low - 1, one.high + 1):
            with pytest.raises(DataError, match=f"column '{one.name}' is not plausible as"):
                ALL[key](table({"age_years": 5.0 if key == "nci_all" else 40.0, one.name: beyond}), unverified=True)


@pytest.mark.parametrize("key", ALL)
def test_a_column_that_the_table_lacks_is_named(key):
    for one in ALL[key].inputs:
        rows = table({"age_years": 5.0 if key == "nci_all" else 40.0}).drop(columns=column(one))
        with pytest.raises(DataError, match=f"needs the column '{column(one)}'"):
            ALL[key](rows, unverified=True)


def test_an_index_goes_to_a_worker_process_and_back():
    for index in ALL.values():
        assert pickle.loads(pickle.dumps(index)).key == index.key


def test_no_two_citations_of_one_index_are_mixed_up():
    assert len({one.title for one in ALL.values()}) == len(ALL)
    assert len({one.short for one in ALL.values()}) == len(ALL)
