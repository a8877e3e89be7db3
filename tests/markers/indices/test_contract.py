"""What every clinical index does: bounds under missing inputs, refusals, and what the result shows."""

import json

import numpy as np
import pandas as pd
import pytest
from markers.indices.rows import table

import survmodel as sm
from survmodel import ConfigError, DataError, indices

IPI = indices.ipi


def test_a_missing_input_bounds_the_value():
    result = IPI(table({"ldh_uln": None}, {"ldh_uln": None, "ecog": 2, "stage_ct": "IV", "extranodal_sites": 2}))
    tidy = result.tidy()
    assert tidy["value_min"].tolist() == [0, 3]
    assert tidy["value_max"].tolist() == [1, 4]
    assert tidy["value"].isna().all()
    assert tidy["n_missing"].tolist() == [1, 1]


def test_the_group_is_given_only_where_the_bounds_agree():
    result = IPI(table({"ldh_uln": None}, {"ldh_uln": None, "ecog": 2}, {"ecog": 2, "stage_ct": "III"}))
    assert result.group.astype(object).fillna("?").tolist() == ["low", "?", "low-intermediate"]
    tidy = result.tidy()
    assert tidy["group_min"].tolist() == ["low", "low", "low-intermediate"]
    assert tidy["group_max"].tolist() == ["low", "low-intermediate", "low-intermediate"]


def test_nothing_known_gives_the_whole_range():
    tidy = IPI(table(dict.fromkeys(["age_years", "ecog", "stage_ct", "ldh_uln", "extranodal_sites"]))).tidy()
    assert tidy[["value_min", "value_max", "n_missing"]].iloc[0].tolist() == [0, 5, 5]
    assert tidy["group"].isna().all()


def test_the_tidy_table_numbers_rows_and_names_nobody():
    labelled = table({}, {"ecog": 3}).set_index(pd.Index(["Mueller", "Meier"]))
    result = IPI(labelled)
    assert result.tidy()["row"].tolist() == [1, 2]
    assert list(result.tidy().columns) == ["row", "value", "value_min", "value_max", "group", "group_min", "group_max",
                                           "n_missing"]  # fmt: skip
    assert set(result.tidy().columns) <= set(sm.result.VOCABULARY)
    assert "Mueller" not in repr(result) + result._repr_html_() + result.to_json()
    assert result.value.index.tolist() == ["Mueller", "Meier"]


def test_groups_are_ordered_from_the_lowest_risk():
    group = IPI(table({}, {"ecog": 3, "ldh_uln": 2.0})).group
    assert group.cat.ordered
    assert tuple(group.cat.categories) == IPI.groups
    assert (group < "high").all()


def test_the_print_counts_groups_and_says_what_is_unknown():
    text = repr(IPI(table({}, {"ldh_uln": None}, {"ldh_uln": None, "ecog": 2})))
    assert "International Prognostic Index of 3 patients" in text
    assert "low                2  66.7%" in text
    assert "not known          1  33.3%" in text
    assert "1 patient has a group although an input is missing" in text
    assert "A missing input bounds the index" in text
    assert "stage from stage_ct" in text
    assert "N Engl J Med 329:987" in text


def test_glance_is_one_row():
    glance = IPI(table({}, {"ldh_uln": None, "ecog": 2})).glance()
    assert glance[["model", "n", "n_missing", "verified"]].iloc[0].tolist() == ["ipi", 2, 1, True]
    assert json.loads(IPI(table({})).to_json())["glance"]["citation"] == IPI.citation


def test_an_empty_table_has_no_patients():
    result = IPI(table({}).iloc[:0])
    assert len(result.tidy()) == 0
    assert "of 0 patients" in repr(result)


def test_the_stage_of_fdg_pet_may_be_used_and_is_told():
    rows = table({"stage_fdg": "IV"})
    assert IPI(rows, stage="stage_fdg").value.iloc[0] == 1
    assert "stage from stage_fdg" in IPI(rows, stage="stage_fdg").glance()["conventions"].iloc[0]
    assert IPI(rows).value.iloc[0] == 0


@pytest.mark.parametrize("option", [{"stage": "stage_cxcr4"}, {"stage": "Stage_Pentixafor"},
                                    {"columns": {"extranodal_sites": "cxcr4_sites"}}])  # fmt: skip
def test_what_cxcr4_pet_shows_cannot_enter_a_comparator(option):
    rows = table({"stage_cxcr4": "IV", "Stage_Pentixafor": "IV", "cxcr4_sites": 3})
    with pytest.raises(ConfigError, match=r"read from CXCR4 PET .* the marker into its own comparator"):
        IPI(rows, **option)


def test_a_column_may_have_another_name_and_another_unit():
    rows = table({"sites": 2}).drop(columns="extranodal_sites")
    assert IPI(rows, columns={"extranodal_sites": "sites"}).value.iloc[0] == 1
    with pytest.raises(
        DataError,
        match=r"IPI needs the column 'extranodal_sites'.*Name it in columns=.*did you mean 'extranodal_major'",
    ):
        IPI(rows)


def test_a_stage_that_is_named_twice_is_refused():
    with pytest.raises(ConfigError, match="the column of the stage is named twice"):
        IPI(table({}), stage="stage_fdg", columns={"stage": "stage_ct"})
    assert IPI(table({"own": "IV"}), columns={"stage": "own"}).value.iloc[0] == 1


@pytest.mark.parametrize("option", ["columns", "units"])
def test_an_unknown_input_is_refused(option):
    with pytest.raises(ConfigError, match=rf"{option}: IPI has no input 'ldh'. Did you mean 'ldh_uln'"):
        IPI(table({}), **{option: {"ldh": "ldh_uln"}})


def test_a_unit_is_refused_where_there_is_none_to_convert():
    with pytest.raises(ConfigError, match=r"age cannot be converted from 'months'. Give it in years"):
        IPI(table({}), units={"age_years": "months"})
    with pytest.raises(ConfigError, match="Ann Arbor stage has no unit"):
        IPI(table({}), units={"stage": "cm"})


def test_children_are_refused_and_named_by_row():
    with pytest.raises(DataError, match=r"IPI is an index for adults, and there are children: row 2 \(1 of 3\)"):
        IPI(table({}, {"age_years": 17.99}, {"age_years": 18.0}))


def test_the_limit_of_ldh_is_no_multiple_of_it():
    with pytest.raises(
        DataError, match=r"not plausible as .*row 1 \(1 of 1\), as 250\. It is a multiple, not the limit"
    ):
        IPI(table({"ldh_uln": 250.0}))
    assert IPI(table({"ldh_uln": 90.0})).value.iloc[0] == 1
    with pytest.raises(DataError, match=r"\(0.1 to 90\)"):
        IPI(table({"ldh_uln": 0.09}))


@pytest.mark.parametrize(("change", "problem"), [
    ({"ecog": 1.5}, "not whole as ECOG"), ({"ecog": 5}, "not plausible as ECOG performance status \\(0 to 4\\)"),
    ({"ecog": -1}, "not plausible"), ({"age_years": 111.0}, "not plausible as age in years"),
    ({"stage_ct": "V"}, "does not say the Ann Arbor stage.*The levels are I, II, III, IV"),
    ({"stage_ct": 3}, "does not say the Ann Arbor stage"), ({"ecog": "two"}, "holds text"),
    ({"ldh_uln": np.inf}, "not plausible"),
])  # fmt: skip
def test_what_an_input_cannot_be_is_refused(change, problem):
    with pytest.raises(DataError, match=problem):
        IPI(table(change))


@pytest.mark.parametrize("answer", ["maybe", 2, "1"])
def test_a_finding_is_present_or_not(answer):
    with pytest.raises(DataError, match=r"does not say whether bone marrow, .* Write True or False"):
        indices.nccn_ipi(table({"extranodal_major": answer}))


@pytest.mark.parametrize(("answers", "points"), [
    ([True, False], [1, 0]), ([1, 0], [1, 0]), (["yes", "no"], [1, 0]), ([1.0, 0.0], [1, 0]),
])  # fmt: skip
def test_yes_and_no_in_every_way_of_writing(answers, points):
    rows = table({}, {}).assign(extranodal_major=answers)
    assert indices.nccn_ipi(rows).value.tolist() == points
    assert indices.nccn_ipi(table({}, {}).assign(extranodal_major=pd.array([True, None], "boolean"))).low.tolist() == [
        1,
        0,
    ]


def test_true_and_false_are_no_number():
    with pytest.raises(DataError, match=r"'ecog' is true or false. Give numbers"):
        IPI(table({"ecog": True}))


def test_a_column_that_stands_twice_is_refused():
    rows = pd.concat([table({}), table({})[["ecog"]]], axis=1)
    with pytest.raises(DataError, match="has column 'ecog' twice"):
        IPI(rows)


def test_an_index_that_is_not_verified_is_off():
    with pytest.raises(ConfigError, match=r"R-IPI is off by default.*from memory.*say unverified=True"):
        indices.r_ipi(table({}))
    result = indices.r_ipi(table({}), unverified=True)
    assert not result.glance()["verified"].iloc[0]
    assert any("from memory" in warning for warning in result.warnings)


def test_ages_in_whole_years_are_pointed_out():
    rows = table(*({"age_years": float(age)} for age in range(40, 50)))
    assert any("Every age is a whole number" in warning for warning in IPI(rows).warnings)
    assert not IPI(rows.iloc[:9]).warnings
    assert not IPI(rows.assign(age_years=rows["age_years"] + 0.25)).warnings


def test_patients_of_another_entity_are_pointed_out():
    rows = table({"entity": "DLBCL"}, {"entity": "MCL"}, {"entity": None}, {"entity": "FL"})
    assert IPI(rows).warnings == ("IPI was made for DLBCL; 2 patients have another entity",)
    assert not IPI(rows.iloc[[0, 2]]).warnings


def test_indices_read_the_columns_of_a_cohort():
    cohort = sm.example_cohort().table
    for key, entity in (("iss", "MM"), ("malt_ipi", "MZL")):
        rows = cohort[cohort["entity"] == entity]
        result = indices.ALL[key](rows)
        assert len(rows) >= 5
        complete = rows[[result.columns[one.name] for one in indices.ALL[key].inputs]].notna().all(axis=1)
        assert complete.any()
        assert result.group[complete].notna().all()
    myeloma = cohort[cohort["entity"] == "MM"]
    high = (myeloma["b2_microglobulin"] >= 5.5).to_numpy()
    assert (indices.iss(myeloma).group.astype(object) == "III").tolist() == high.tolist()


def test_published_survival_enters_a_formula():
    rng = np.random.default_rng(3)
    rows = table(*({"b2_microglobulin": b2, "del17p": True} for b2 in rng.uniform(1, 9, 120)))
    result = indices.r_iss(rows)
    outcome = sm.Outcome(rng.exponential(60 / (result.high + 1)), np.ones(120))
    fit = sm.CoxPH("published_risk(survival)").fit(rows.assign(survival=result.published_survival()), outcome)
    scale = np.log(-np.log(pd.Series({1: 0.82, 2: 0.62, 3: 0.40})))
    plain = sm.CoxPH("scale").fit(rows.assign(scale=result.value.map(scale)), outcome)
    assert fit.tidy()["estimate"].iloc[0] == pytest.approx(plain.tidy()["estimate"].iloc[0], rel=1e-10)


def test_an_index_without_published_survival_says_so():
    with pytest.raises(ConfigError, match="no survival by group of IPI is on record"):
        IPI(table({})).published_survival()


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match="the table is no table"):
        IPI([1, 2])


def test_polars_gives_the_same():
    polars = pytest.importorskip("polars")
    rows = table({}, {"ecog": 2, "ldh_uln": 1.5})
    assert IPI(polars.from_pandas(rows)).value.tolist() == IPI(rows).value.tolist()


def test_values_derive_a_column_of_imputed_tables():
    rows = table(*({"age_years": 40.5 + k, "ecog": None if k == 3 else k % 3} for k in range(30)))
    rows["stage_ct"] = "II"
    outcome = sm.Outcome([(7.0 * k) % 31 + 1 for k in range(30)], [k % 2 for k in range(30)])
    plan = sm.MultipleImputation(columns=["age_years", "ecog"], m=3, seed=1, derive={"ipi": IPI.values})
    for one in plan.fit(rows, outcome).development:
        assert one["ipi"].notna().all()
        assert one["ipi"].equals(IPI(one).value.rename("ipi"))


def test_indices_are_found_by_disease_and_entity():
    assert "ipi" in indices.by_disease("lymphoma")
    assert all("DLBCL" in one.entities for one in indices.by_disease("DLBCL").values())
    with pytest.raises(ConfigError, match="no index of 'sarcoma'"):
        indices.by_disease("sarcoma")


def test_an_index_describes_itself():
    assert "age_years [years]" in repr(IPI)
    assert "(verified)" in repr(IPI)
    assert "(not verified)" in repr(indices.r_ipi)
