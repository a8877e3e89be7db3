"""Formulas: what the language accepts, what it refuses and where, and the matrices that follow, worked by hand."""

from __future__ import annotations

import datetime as dt
import json
import math
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from survmodel.errors import ConfigError, DataError
from survmodel.models.formula import Design, Formula, parse_formula
from survmodel.models.formula_coding import CODINGS, FUNCTIONS, DesignColumn


def labels(formula: str | list[str]) -> list[str]:
    return [term.label for term in parse_formula(formula).terms]


def learn(formula: str, reference: dict[str, object] | None = None, **columns: object) -> Design:
    return parse_formula(formula).learn(pd.DataFrame(columns), reference)


def refusal(error: type[Exception], formula: str, **columns: object) -> str:
    with pytest.raises(error) as caught:
        learn(formula, **columns)
    return str(caught.value)


@pytest.fixture
def patients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "age": [50, 60, 70, 80, 65],
            "sex": ["male", "female", "female", "male", "female"],
            "stage": ["I", "II", "III", "I", "I"],
            "wbc": [1.0, 2.0, 4.0, 8.0, 16.0],
            "treated": [True, False, True, True, False],
        }
    )


class TestTerms:
    """The text becomes terms, in the order of R."""

    @pytest.mark.parametrize(
        ("formula", "expected"),
        [
            ("1", []),
            ("age", ["age"]),
            ("  age+sex\n", ["age", "sex"]),
            ("b + a", ["b", "a"]),
            ("a + a", ["a"]),
            ("a + b + a:b + b:a", ["a", "b", "a:b"]),
            ("b + a + a:b", ["b", "a", "b:a"]),
            ("a:b + a + b", ["a", "b", "a:b"]),
            ("a*b", ["a", "b", "a:b"]),
            ("a*a", ["a"]),
            ("a:a", ["a"]),
            ("a*b + c", ["a", "b", "c", "a:b"]),
            ("a*b*c", ["a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"]),
            ("b:c + c*a*b", ["c", "a", "b", "c:b", "c:a", "a:b", "c:a:b"]),
            ("b*c + a*b:c + a:b + a:c", ["b", "c", "a", "b:c", "b:a", "c:a", "b:c:a"]),
            ("log2(wbc) + log(x) + sqrt(y)", ["log2(wbc)", "log(x)", "sqrt(y)"]),
            ("log1p(mtv)", ["log1p(mtv)"]),
            ("sex*log2( wbc )", ["sex", "log2(wbc)", "sex:log2(wbc)"]),
            ("log2", ["log2"]),
            ("ph.ecog + _x + größe + x2", ["ph.ecog", "_x", "größe", "x2"]),
            ("cafe\u0301 + kg_m²", ["cafe\u0301", "kg_m²"]),
            ("`white cells` + `age`", ["`white cells`", "age"]),
            (r"`a\`b\\c`", [r"`a\`b\\c`"]),
            (["age", "log2(wbc)"], ["age", "log2(wbc)"]),
            (["a*b", "`c d`"], ["a", "b", "`c d`", "a:b"]),
            (["1"], []),
        ],
    )
    def test_terms_are_in_the_order_of_r(self, formula, expected):
        assert labels(formula) == expected

    @pytest.mark.parametrize(
        ("formula", "text"),
        [
            ("1", "1"),
            ("offset( x )", "offset(x)"),
            ("offset(log(x)) + sex*age + offset(log(x))", "sex + age + sex:age + offset(log(x))"),
            ('factor(stage,reference="I")', "factor(stage, reference='I')"),
            ("factor(stage, reference=+2.0)", "factor(stage, reference=2)"),
            ("factor(stage, reference=-.5)", "factor(stage, reference=-0.5)"),
            ("factor(stage, reference=1e20)", "factor(stage, reference=1e+20)"),
            (r"""factor(d, reference="Crohn's \"II\" \\")""", r"""factor(d, reference='Crohn\'s "II" \\')"""),
            ("factor(`white cells`)", "factor(`white cells`)"),
        ],
    )
    def test_text_is_in_normal_form(self, formula, text):
        parsed = parse_formula(formula)
        assert parsed.text == text
        assert parse_formula(text) == parsed

    def test_variables_are_in_order_of_first_use_with_offsets_last(self):
        formula = parse_formula("offset(log(z)) + log2(b) + a + sqrt(b) + `c d`*a")
        assert formula.variables == ("b", "a", "c d", "z")

    def test_equal_formulas_are_equal_and_hash_alike(self):
        one, other = parse_formula("a+b:a + b"), parse_formula(["a", "b", "a*b"])
        assert one == other
        assert hash(one) == hash(other)
        assert pickle.loads(pickle.dumps(one)) == one

    def test_a_long_list_of_columns_is_a_formula(self):
        names = [f"gene.{i}" for i in range(20_000)]
        assert parse_formula(names).variables == tuple(names)


class TestRefusedText:
    """What is not a formula is refused, with the piece, its place and the way out."""

    @pytest.mark.parametrize(
        ("formula", "piece", "position", "remedy"),
        [
            ("time ~ age", "~", 6, "write only the right-hand side"),
            ("Surv(time, dead) ~ age", "~", 18, "write only the right-hand side"),
            ("age - sex", "-", 5, "terms are only added"),
            ("age/sex", "/", 4, "allowed: column names, +, : and *"),
            ("age^2", "^", 4, "allowed: column names, +, : and *"),
            ("a %in% b", "%", 3, "allowed: column names, +, : and *"),
            ("a + I(b^2)", "I", 5, "compute anything else as a column of the table first"),
            ("poly(age, 2)", "poly", 1, "factor, log, log1p, log2, offset, "),
            ("as.factor(stage)", "as.factor", 1, "factor, log, log1p, log2, offset, "),
            ("__import__('os')", "__import__", 1, "factor, log, log1p, log2, offset, "),
            ("age.__class__('x')", "age.__class__", 1, "factor, log, log1p, log2, offset, "),
            ("age + strata(x)", "strata", 7, "pass strata='x' to the model"),
            ("strata(centre) + age", "strata", 1, "pass strata='centre' to the model"),
            ("cluster(`patient id`)", "cluster", 1, "pass cluster='patient id' to the model"),
            ("strata(", "strata", 1, "pass strata='x' to the model"),
            ("(a + b)", "(", 1, "a parenthesis only follows the name of a function"),
            ("a:(b + c)", "(", 3, "a parenthesis only follows the name of a function"),
            ("a b", "b", 3, "allowed: column names"),
            ("a ++ b", "+", 4, "allowed: column names"),
            ("a + ; b", ";", 5, "allowed: column names"),
            ("age + 1", "1", 7, "alone as '1'"),
            ("0", "0", 1, "alone as '1'"),
            ("1.0", "1.0", 1, "alone as '1'"),
            ("'age'", "'age'", 1, "write a column name bare or between backticks"),
            ("2x + age", "2x", 1, "between backticks"),
            ("age + `white", "`white", 7, "close it with `"),
            ("factor(a, reference='I)", "'I)", 21, "close it with '"),
            ("age + ``", "``", 7, "between the backticks"),
            (r"factor(a, reference='\n')", r"\n", 22, r"write \\ for \ "),
            ("log(a + b)", "+", 7, "compute a column in the table first"),
            ("log(2)", "2", 5, "allowed"),
            ("log()", ")", 5, "allowed"),
            ("log(a, 2)", "log(a, 2)", 1, "write log(column)"),
            ("sqrt(log(a))", "sqrt(log(a))", 1, "write sqrt(column)"),
            ("log2(factor(a))", "log2(factor(a))", 1, "write log2(column)"),
            ("factor(log(a))", "factor(log(a))", 1, "write factor(column)"),
            ("factor(a, 'I')", "factor(a, 'I')", 1, "reference='level'"),
            ("factor(a, ref='I')", "factor(a, ref='I')", 1, "reference='level'"),
            ("factor(a, reference=I)", "factor(a, reference=I)", 1, "reference='level'"),
            ("factor(a, reference=[1, -2])", "factor(a, reference=[1, -2])", 1, "reference='level'"),
            ("factor(a, reference=[1, b])", "b", 25, "allowed"),
            ("factor(a, reference=[1, 2)", ")", 26, "allowed"),
            ("age + `b\\", "`b\\", 7, "close it with `"),
            ("factor(a, reference=1, reference=2)", "reference", 24, "give it once"),
            ("factor(a, reference=1, 2)", "2", 24, "allowed"),
            ("factor(a, reference=1e999)", "1e999", 21, "smaller"),
            ("offset(factor(a))", "offset(factor(a))", 1, "offset(column)"),
            ("offset(offset(a))", "offset(offset(a))", 1, "offset(column)"),
            ("offset(log(log(a)))", "log(log(a))", 8, "write log(column)"),
            ("offset(a, 2)", "offset(a, 2)", 1, "offset(column)"),
            ("age*offset(a)", "offset(a)", 5, "+ offset(x)"),
            ("log(log(log(log(log(a)))))", "log", 17, "allowed"),
            ("a:b", "a:b", 1, "write a*b"),
            ("a + a:log(b)", "a:log(b)", 5, "write a*log(b)"),
            ("a*b + c + a:b:c", "a:b:c", 11, "write a*b*c"),
            ("a*b*c*d*e", "e", 9, "write the interactions that are meant"),
            (["age", "sex ^ 2"], "^", 11, "allowed"),
            (["`a", "b`"], "`a", 1, "close it with `"),
        ],
    )
    def test_the_message_names_piece_place_and_remedy(self, formula, piece, position, remedy):
        with pytest.raises(ConfigError) as caught:
            parse_formula(formula)
        assert f"{piece!r} at character {position}," in str(caught.value)
        assert remedy in caught.value.remedy

    @pytest.mark.parametrize(("formula", "position"), [("age +", 6), ("log(age", 8), ("factor(a, reference=", 21)])
    def test_a_formula_that_stops_short_is_refused_at_its_end(self, formula, position):
        with pytest.raises(ConfigError, match=f"the end at character {position},"):
            parse_formula(formula)

    @pytest.mark.parametrize("formula", ["", "  \n", []])
    def test_an_empty_formula_points_to_the_null_model(self, formula):
        with pytest.raises(ConfigError, match=r"the formula is empty. Write '1' for the null model"):
            parse_formula(formula)

    def test_an_interaction_names_the_terms_it_lacks(self):
        with pytest.raises(ConfigError, match=r"lower-order terms, here b, a:b, b:c: 'a:b:c'"):
            parse_formula("a*c + a:b:c")

    @pytest.mark.parametrize("formula", [None, 3, b"age", ["age", 3], {"age"}, pd.Series(["age"])])
    def test_only_texts_are_formulas(self, formula):
        with pytest.raises(ConfigError, match="a text or a list of texts"):
            parse_formula(formula)

    def test_a_long_formula_is_cut_in_the_message(self):
        with pytest.raises(ConfigError, match=r"'\^' at character 100001, in the formula '\.\.\.aaa") as caught:
            parse_formula("a" * 100_000 + "^" + "b" * 100_000)
        assert len(str(caught.value)) < 500


class TestTable:
    """Which columns a formula uses, and what is missing in them."""

    def test_check_columns_accepts_what_is_there(self):
        parse_formula("age*sex + offset(log(t))").check_columns(["t", "sex", "age", "more"])

    @pytest.mark.parametrize(
        ("formula", "message"),
        [
            ("age + sexx", "'sexx' at character 7, in the formula 'age + sexx'. Did you mean 'sex'?"),
            ("age  *  sexx", "'sexx' at character 7, in the formula 'age + sexx + age:sexx'. Did you mean 'sex'?"),
            ("age + log( agee )", "'agee' at character 11, in the formula 'age + log(agee)'. Did you mean 'age'?"),
            ("offset(q) + age", "'q' at character 14, in the formula 'age + offset(q)'. Known: age, sex."),
        ],
    )
    def test_check_columns_names_the_place_in_the_normal_text(self, formula, message):
        with pytest.raises(ConfigError) as caught:
            parse_formula(formula).check_columns(["age", "sex"])
        assert message in str(caught.value)

    def test_missing_knows_every_kind_of_missing_value(self):
        table = pd.DataFrame(
            {
                "a": [1.0, np.nan, 3.0],
                "b": ["x", None, "z"],
                "c": pd.to_datetime(["2020-01-01", None, "2020-01-03"]),
                "d": pd.array([1, None, 3], dtype="Int64"),
                "e": pd.Categorical(["x", None, "z"]),
                "f": [None, 1, 2],
            },
            index=[7, 8, 9],
        )
        missing = parse_formula("a + b + c + d + offset(e)").missing(table)
        assert list(missing.columns) == ["a", "b", "c", "d", "e"]
        assert list(missing.index) == [7, 8, 9]
        assert_array_equal(missing.to_numpy(), [[False] * 5, [True] * 5, [False] * 5])

    def test_missing_finds_nan_inside_a_nullable_column(self):
        ratio = pd.Series([0.0, 1.0, None], dtype="Float64") / pd.Series([0.0, 1.0, 1.0], dtype="Float64")
        assert list(parse_formula("x").missing(pd.DataFrame({"x": ratio}))["x"]) == [True, False, True]

    def test_missing_of_the_null_model_has_no_columns(self, patients):
        assert parse_formula("1").missing(patients).shape == (5, 0)

    def test_learn_wants_complete_rows(self):
        message = refusal(DataError, "a + offset(b)", a=[1, None, 3], b=[1.0, 2.0, np.nan], c=[None, 1, 2])
        assert "values are missing in a, b: rows 2, 3 (2 of 3)" in message

    def test_learn_wants_rows(self):
        assert "no rows" in refusal(DataError, "a", a=[])

    def test_an_absent_column_is_named_with_the_closest(self, patients):
        with pytest.raises(DataError, match=r"no column 'agee'. Did you mean 'age'?"):
            parse_formula("agee").learn(patients)
        design = parse_formula("age").learn(patients)
        with pytest.raises(DataError, match=r"no column 'age'. Did you mean 'aged'?"):
            design.matrix(patients.rename(columns={"age": "aged"}))

    def test_a_column_name_means_one_column(self, patients):
        twice = pd.concat([patients, patients[["age"]]], axis=1)
        design = parse_formula("age + offset(wbc)").learn(patients)
        for use in (parse_formula("age").learn, parse_formula("age").missing, design.matrix, design.offset):
            with pytest.raises(DataError, match="same name: age"):
                use(twice)


class TestNumericColumns:
    """Numbers enter as they are or transformed."""

    def test_matrix_by_hand(self, patients):
        design = parse_formula("age + log2(wbc) + treated").learn(patients)
        assert design.names == ("age", "log2(wbc)", "treated")
        assert design.columns[1] == DesignColumn("log2(wbc)", "wbc", "", "")
        assert design.notes == ()
        matrix = design.matrix(patients)
        assert matrix.dtype == np.float64
        assert_array_equal(matrix, [[50, 0, 1], [60, 1, 0], [70, 2, 1], [80, 3, 1], [65, 4, 0]])

    def test_transforms(self):
        design = learn("log(a) + sqrt(b)", a=[1.0, math.e], b=[0.0, 9.0])
        assert_array_equal(design.matrix(pd.DataFrame({"a": [1.0, math.e], "b": [0, 9]})), [[0, 0], [1, 3]])

    def test_the_null_model_has_no_columns(self, patients):
        design = parse_formula("1").learn(patients)
        assert design.matrix(patients).shape == (5, 0)
        assert_array_equal(design.offset(patients), np.zeros(5))
        assert (design.names, design.terms) == ((), ())

    @pytest.mark.parametrize(
        "values",
        [
            [0, 1],
            [False, True],
            np.array([0, 1], dtype=np.uint8),
            np.array([0, 1], dtype=np.float32),
            pd.array([0, 1], dtype="Int64"),
            pd.array([0, 1], dtype="Float64"),
            pd.array([False, True], dtype="boolean"),
            pd.Series([False, True], dtype=object),
            pd.Series([0, 1.0], dtype=object),
            [Decimal(0), Decimal(1)],
            pd.arrays.SparseArray([0, 1]),
        ],
    )
    def test_every_way_to_store_numbers_is_numeric(self, values):
        design = learn("x", x=values)
        assert design.names == ("x",)
        assert_array_equal(design.matrix(pd.DataFrame({"x": values})), [[0], [1]])

    def test_offsets_add_up_and_are_no_columns(self, patients):
        design = parse_formula("age + offset(log2(wbc)) + offset(treated)").learn(patients)
        assert design.names == ("age",)
        assert_array_equal(design.offset(patients), [1, 1, 3, 4, 4])
        assert_array_equal(design.offset(patients[["treated", "wbc"]].iloc[:1]), [1])
        assert_array_equal(design.matrix(patients[["age"]].iloc[:1]), [[50]])

    @pytest.mark.parametrize(
        ("formula", "values", "message"),
        [
            ("log2(x)", [1.0, 0.0, -1.0], "log2(x) needs values above 0: rows 2, 3 (2 of 3). 0 may mean 'no lesion'"),
            ("log(x)", [0, 1, 2], "log(x) needs values above 0: row 1 (1 of 3). 0 may mean 'no lesion'"),
            ("log1p(x)", [0.0, 1.0, -1.0], "log1p(x) needs values of 0 or more: row 3 (1 of 3)"),
            ("sqrt(x)", [0.0, 1.0, -1.0], "sqrt(x) needs values of 0 or more: row 3 (1 of 3)"),
            ("x", [0.0, np.inf, -np.inf], "values of x are infinite: rows 2, 3 (2 of 3)"),
            ("factor(x)", [0.0, 1.0, np.inf], "values of x are infinite: row 3 (1 of 3)"),
            ("offset(x)", [0.0, 1.0, np.inf], "values of x are infinite: row 3 (1 of 3)"),
            ("offset(log(x))", [0.0, 1.0, 2.0], "log(x) needs values above 0: row 1 (1 of 3)"),
            ("log(x)", ["a", "b", "c"], "x must be numeric, but it is stored as text"),
            ("log(x)", ["1", "2", "3"], "Convert it with pandas.to_numeric"),
            ("sqrt(x)", pd.Categorical([1, 2, 2]), "x must be numeric, but it is stored as category"),
            ("offset(x)", ["a", "b", "c"], "x must be numeric, but it is stored as text"),
        ],
    )
    def test_values_without_a_number_are_refused(self, formula, values, message):
        assert message in refusal(DataError, formula, x=values)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([1.0, np.nan, 2.0], "values of x are missing: row 2 (1 of 3)"),
            ([1.0, None, "2"], "values of x are missing: row 2 (1 of 3)"),
            ([1.0, 2.0, np.inf], "values of x are infinite: row 3 (1 of 3)"),
            ([1.0, 0.0, 0.0], "log(x) needs values above 0: rows 2, 3 (2 of 3)"),
            (["1", "2", "3"], "x must be numeric, but it is stored as text"),
        ],
    )
    def test_prediction_refuses_the_same(self, values, message):
        design = learn("log(x) + offset(log(x))", x=[1.0, 2.0])
        for use in (design.matrix, design.offset):
            with pytest.raises(DataError) as caught:
                use(pd.DataFrame({"x": values}))
            assert message in str(caught.value)

    def test_no_rows_are_coded_to_no_rows(self, patients):
        design = parse_formula("age*stage + offset(wbc)").learn(patients)
        assert design.matrix(patients.iloc[:0]).shape == (0, 5)
        assert design.matrix(pd.DataFrame({"age": [], "stage": []})).shape == (0, 5)
        assert design.offset(patients.iloc[:0]).shape == (0,)


class TestFactors:
    """Text and categories become 0/1 columns against a reference."""

    def test_the_reference_is_the_most_frequent_level(self, patients):
        design = parse_formula("sex + stage").learn(patients)
        assert design.names == ("sex[male]", "stage[II]", "stage[III]")
        assert design.columns[0] == DesignColumn("sex[male]", "sex", "male", "female")
        assert design.terms == (("sex", (0,)), ("stage", (1, 2)))
        assert design.notes[:2] == ("sex: reference 'female' (most frequent)", "stage: reference 'I' (most frequent)")
        assert_array_equal(design.matrix(patients), [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0]])

    def test_of_levels_as_frequent_the_first_is_the_reference(self):
        assert learn("x", x=["b", "c", "c", "b", "a"]).names == ("x[a]", "x[c]")

    def test_a_reference_in_the_formula(self, patients):
        design = parse_formula("age + factor(stage, reference='III')").learn(patients)
        assert design.names == ("age", "stage[I]", "stage[II]")
        assert design.columns[1] == DesignColumn("stage[I]", "stage", "I", "III")
        assert design.terms == (("age", (0,)), ("factor(stage, reference='III')", (1, 2)))
        assert not any("most frequent" in note for note in design.notes)

    @pytest.mark.parametrize("formula", ["stage", "factor(stage)", "factor(stage, reference='III')"])
    def test_a_reference_by_argument(self, patients, formula):
        assert parse_formula(formula).learn(patients, {"stage": "III"}).names == ("stage[I]", "stage[II]")

    @pytest.mark.parametrize("reference", [2, 2.0, np.int64(2), np.float32(2), "2"])
    def test_a_reference_may_be_a_number(self, reference):
        assert learn("factor(x)", {"x": reference}, x=[1, 2, 3, 3]).names == ("x[1]", "x[3]")
        assert learn("factor(x, reference=2)", {"x": reference}, x=[1.0, 2.0, 3.0]).names == ("x[1]", "x[3]")

    def test_numeric_codes_are_sorted_as_numbers(self):
        design = learn("factor(x)", x=[10.0, 2.0, 2.0, -1.0, 0.5])
        assert design.names == ("x[-1]", "x[0.5]", "x[10]")
        assert learn("factor(x)", x=["10", "2", "2", "-1", "0.5"]).names == design.names

    @pytest.mark.parametrize(
        "values",
        [
            [1, 2],
            [1.0, 2.0],
            ["1", "2"],
            pd.array([1, 2], dtype="Int64"),
            pd.Categorical([2, 1])[::-1],
            pd.Series([1, 2.0], dtype=object),
            [Decimal("1.0"), Decimal("2")],
        ],
    )
    def test_levels_compare_by_their_text(self, values):
        design = learn("factor(x)", x=[2, 1, 1])
        assert design.names == ("x[2]",)
        assert_array_equal(design.matrix(pd.DataFrame({"x": values})), [[0], [1]])

    def test_booleans_are_levels_by_name(self):
        design = learn("factor(x)", x=[True, False, True])
        assert design.columns == (DesignColumn("x[False]", "x", "False", "True"),)
        assert_array_equal(design.matrix(pd.DataFrame({"x": ["False", "True"]})), [[1], [0]])

    def test_mixed_objects_are_levels_by_their_text(self):
        design = learn("x", x=[1, "3+", "2", 1.0])
        assert design.names == ("x[2]", "x[3+]")

    def test_a_category_keeps_its_order_and_loses_its_empty_levels(self):
        values = pd.Categorical(["low", "high", "low", "mid", "mid", "low"], ["high", "none", "low", "mid"])
        design = learn("x", x=values)
        assert design.names == ("x[high]", "x[mid]")
        assert design.notes == (
            "x: reference 'low' (most frequent)",
            "x: level 'none' has no rows and was dropped",
            "x: level 'high' has 1 row",
        )

    def test_the_reference_of_an_ordered_category_is_its_first_level_with_rows(self):
        values = pd.Categorical(["II", "III", "III", "II"], ["I", "II", "III"], ordered=True)
        design = learn("x", x=values)
        assert design.columns == (DesignColumn("x[III]", "x", "III", "II"),)
        assert design.notes == ("x: level 'I' has no rows and was dropped",)

    def test_a_category_of_numbers_is_a_factor(self):
        assert learn("x", x=pd.Categorical([10, 2, 2])).names == ("x[10]",)

    def test_a_column_of_intervals_is_a_factor(self):
        assert learn("age", age=pd.cut([10, 30, 35], [0, 20, 40])).names == ("age[(20, 40]]",)

    @pytest.mark.parametrize("dtype", [object, "string", "category"])
    def test_every_way_to_store_text_is_a_factor(self, dtype):
        values = pd.Series(["a", "b", "b"], dtype=dtype)
        assert_array_equal(learn("x", x=values).matrix(pd.DataFrame({"x": values})), [[1], [0], [0]])

    def test_unusual_names_stay_readable(self):
        table = pd.DataFrame({"cell type": ["B", "T", "B"], "a:b": [1, 2, 3]})
        design = parse_formula("`cell type`*`a:b`").learn(table)
        assert design.names == ("`cell type`[T]", "`a:b`", "`cell type`[T]:`a:b`")
        assert [column.variable for column in design.columns] == ["cell type", "a:b", "cell type:a:b"]

    @pytest.mark.parametrize("values", [["1", "2.5", "-3"], ["1,5", " 2 ", "1e3"], [1, "2", "3"]])
    def test_numbers_stored_as_text_are_not_guessed(self, values):
        message = refusal(DataError, "x", x=values)
        assert "x is stored as text, but all its values look like numbers" in message
        assert "pandas.to_numeric, or write factor(x)" in message

    @pytest.mark.parametrize("formula", ["x", "factor(x)", "log(x)", "offset(x)"])
    @pytest.mark.parametrize(
        "values",
        [
            pd.to_datetime(["2020-01-01", "2021-05-05"]),
            pd.to_datetime(["2020-01-01", "2021-05-05"], utc=True),
            [dt.date(2020, 1, 1), dt.date(2021, 5, 5)],
            pd.to_timedelta([1, 2], unit="D"),
            pd.period_range("2020", periods=2, freq="Y"),
            pd.Categorical(pd.to_datetime(["2020-01-01", "2021-05-05"])),
            [1 + 2j, 3j],
        ],
    )
    def test_dates_and_the_like_are_refused_and_never_shown(self, formula, values):
        message = refusal(DataError, formula, x=values)
        assert "neither numbers nor text" in message
        assert "2020" not in message

    def test_a_single_level_is_constant(self):
        assert "x is constant: it has the single level 'a'" in refusal(DataError, "x", x=["a", "a"])
        one_used = pd.Categorical(["a", "a"], ["a", "b"])
        assert "x is constant" in refusal(DataError, "x", x=one_used)

    def test_an_unknown_reference_lists_the_levels(self, patients):
        with pytest.raises(ConfigError, match="no level 'IV' to be the reference: levels with rows: 'I', 'II', 'III'"):
            parse_formula("factor(stage, reference='IV')").learn(patients)
        with pytest.raises(ConfigError, match="no level 'IV'"):
            parse_formula("stage").learn(patients, {"stage": "IV"})

    def test_two_references_that_disagree_are_refused(self, patients):
        with pytest.raises(ConfigError, match=r"two reference levels: the formula says 'I', the argument .* says 'II'"):
            parse_formula("factor(stage, reference='I')").learn(patients, {"stage": "II"})

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("age", "declared for 'age', which is numeric here and no factor"),
            ("wbc", "declared for 'wbc', which is numeric here and no factor"),
            ("sx", "declared for 'sx', which is not in the formula and no factor. Did you mean 'sex'?"),
        ],
    )
    def test_a_reference_for_no_factor_is_refused(self, patients, name, message):
        with pytest.raises(ConfigError) as caught:
            parse_formula("age + sex + log(wbc)").learn(patients, {name: "male"})
        assert message in str(caught.value)

    def test_a_column_is_coded_once(self, patients):
        with pytest.raises(ConfigError, match=r"two terms code the same column: stage\[II\], stage\[III\]"):
            parse_formula("stage + factor(stage)").learn(patients)

    def test_a_number_may_enter_twice_when_coded_differently(self):
        assert learn("x + log(x) + factor(x)", x=[1, 2, 2]).names == ("x", "log(x)", "x[1]")

    def test_levels_that_look_alike_are_noted(self):
        design = learn("sex", x=0, sex=["male", "male ", "Male", "female", "male", "female", "Male", "male "])
        assert "sex: levels 'Male', 'male', 'male ' differ only in case or spaces" in design.notes

    def test_many_levels_are_counted_but_not_listed(self):
        design = learn("id", id=[f"P{i:02d}" for i in range(21)] + ["P00"])
        assert design.notes == ("id: reference 'P00' (most frequent)", "id: 21 levels, 20 of them with 1 row")

    def test_an_unseen_level_is_refused(self, patients):
        design = parse_formula("stage").learn(patients)
        with pytest.raises(DataError) as caught:
            design.matrix(pd.DataFrame({"stage": ["I", "IV", "V", "IV"]}))
        assert str(caught.value) == (
            "stage has levels that the model does not know: 'IV', 'V': rows 2, 3, 4 (3 of 4). "
            "Known levels: 'I', 'II', 'III'."
        )

    def test_a_missing_level_is_refused_with_its_row(self, patients):
        design = parse_formula("stage").learn(patients)
        with pytest.raises(DataError, match=r"values of stage are missing: row 2 \(1 of 2\)"):
            design.matrix(pd.DataFrame({"stage": ["I", None]}))


class TestInteractions:
    """Products of columns, the first factor varying fastest, as in R."""

    def test_factor_by_number(self, patients):
        design = parse_formula("sex*age").learn(patients)
        assert design.columns[2] == DesignColumn("sex[male]:age", "sex:age", "male", "female")
        assert design.terms == (("sex", (0,)), ("age", (1,)), ("sex:age", (2,)))
        assert_array_equal(design.matrix(patients), [[1, 50, 50], [0, 60, 0], [0, 70, 0], [1, 80, 80], [0, 65, 0]])

    def test_factor_by_factor(self):
        table = pd.DataFrame({"a": ["x", "y", "z", "y", "z"], "b": ["p", "q", "r", "r", "q"]})
        design = parse_formula("a*b").learn(table, {"a": "x", "b": "p"})
        assert design.names[4:] == ("a[y]:b[q]", "a[z]:b[q]", "a[y]:b[r]", "a[z]:b[r]")
        assert design.columns[5] == DesignColumn("a[z]:b[q]", "a:b", "z:q", "x:p")
        assert design.terms[2] == ("a:b", (4, 5, 6, 7))
        assert_array_equal(
            design.matrix(table)[:, 4:],
            [[0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]],
        )

    def test_three_ways(self):
        table = pd.DataFrame({"s": ["f", "m", "m"], "x": [2, 3, 5], "y": [7.0, 1.0, 4.0]})
        design = parse_formula("s*x*sqrt(y)").learn(table, {"s": "f"})
        assert design.names[-1] == "s[m]:x:sqrt(y)"
        assert_array_equal(design.matrix(table)[1:, -4:], [[3, 1, 3, 3], [5, 2, 10, 10]])


class TestStorage:
    """A design goes to JSON and back, and needs no data there."""

    FORMULA = "age*stage + factor(grade, reference=2) + treated + log2(wbc):age + log2(wbc) + offset(log(wbc))"

    @pytest.fixture
    def table(self, patients) -> pd.DataFrame:
        return patients.assign(grade=[1, 2, 3, 2, 1])

    def test_round_trip(self, table):
        design = parse_formula(self.FORMULA).learn(table)
        stored = json.loads(json.dumps(design.to_json(), allow_nan=False))
        again = Design.from_json(stored)
        assert again.formula == design.formula
        assert (again.columns, again.terms, again.notes) == (design.columns, design.terms, design.notes)
        assert_array_equal(again.matrix(table), design.matrix(table))
        assert_array_equal(again.offset(table), design.offset(table))
        assert again.to_json() == stored

    def test_pickle(self, table):
        design = parse_formula(self.FORMULA).learn(table)
        assert_array_equal(pickle.loads(pickle.dumps(design)).matrix(table), design.matrix(table))

    @pytest.mark.parametrize(
        "change",
        [
            {"formula": "age^2"},
            {"formula": "age"},
            {"formula": None},
            {"columns": ["other"]},
            {"codings": []},
            {"codings": [{"kind": "unknown"}]},
            {"codings": 3},
            {"offsets": []},
            {"notes": None},
            {"more": 1},
        ],
    )
    def test_a_damaged_store_is_refused(self, table, change):
        stored = parse_formula(self.FORMULA).learn(table).to_json()
        with pytest.raises(ConfigError, match="stored design"):
            Design.from_json(stored | change)

    def test_an_incomplete_store_is_refused(self):
        with pytest.raises(ConfigError, match="stored design is not understood"):
            Design.from_json({"formula": "age"})

    def test_the_table_is_left_alone(self, table):
        before = table.copy(deep=True)
        parse_formula(self.FORMULA).learn(table).matrix(table)
        pd.testing.assert_frame_equal(table, before)


class TestRegistry:
    """A function with a learnt state needs two entries, and no new grammar."""

    def test_a_new_function_reads_its_arguments_learns_predicts_and_is_stored(self, monkeypatch):
        @dataclass(frozen=True, slots=True)
        class Hinges:
            kind: ClassVar[str] = "hinges"
            learns_numbers: ClassVar[bool] = True
            variable: str
            mean: float
            knots: tuple[float, ...]

            @property
            def columns(self):
                return tuple(DesignColumn(f"hinge({self.variable})[{knot:g}]", self.variable) for knot in self.knots)

            def apply(self, table):
                centred = table[self.variable].to_numpy(dtype=float) - self.mean
                return np.maximum(centred[:, np.newaxis] - np.array(self.knots), 0.0)

        class Hinge:
            usage = "hinge(column, knots=[number, number])"

            def check(self, call):
                return "" if dict(call.keywords).keys() == {"knots"} else "hinge() needs knots"

            def learn(self, call, table, declared):
                (column,) = call.columns
                return Hinges(column.name, float(table[column.name].mean()), dict(call.keywords)["knots"]), ("learnt",)

        monkeypatch.setitem(FUNCTIONS, "hinge", Hinge())
        monkeypatch.setitem(CODINGS, "hinges", Hinges)
        assert parse_formula("hinge( x,knots = [-1, +2.5] )").text == "hinge(x, knots=[-1, 2.5])"
        with pytest.raises(ConfigError, match=r"hinge.. needs knots.*Write hinge.column, knots="):
            parse_formula("hinge(x, 3)")
        design = learn("hinge(x, knots=[-1, 1])", x=[1.0, 3.0, 5.0])
        again = Design.from_json(json.loads(json.dumps(design.to_json())))
        assert again.names == ("hinge(x)[-1]", "hinge(x)[1]")
        assert again.notes == ("learnt",)
        assert_array_equal(again.matrix(pd.DataFrame({"x": [5.0, 3.0]})), [[3, 1], [1, 0]])


# What holds for any formula.

names = st.sampled_from(["a", "b", "ph.ecog", "`white cells`", "größe", r"`\``"])
atoms = st.one_of(
    names,
    st.builds("{}({})".format, st.sampled_from(["log", "log1p", "log2", "sqrt", "factor"]), names),
    st.builds("rcs({}{})".format, names, st.sampled_from(["", ", 3", ", 7"])),
    st.builds("factor({}, reference={})".format, names, st.sampled_from(["'I'", '"it\'s"', "2", "-0.5", "1e30"])),
)
products = st.lists(atoms, min_size=1, max_size=3).map(" * ".join)
offsets = st.builds("offset({})".format, st.one_of(names, st.builds("log({})".format, names)))
formulas = st.lists(st.one_of(products, products, offsets), min_size=1, max_size=5).map(" + ".join)

HOSTILE = ["a", "age", "1", "2.5e", ".", "_", "+", ":", "*", "-", "/", "^", "~", "(", ")", "[", "]", "{", "}", ",", "="]
HOSTILE += ["`", "'", '"', "\\", " ", "\n", "\0", "é", "́", "²", "\u0661", "😀", "\ud800", "log(", "factor(", "offset("]
HOSTILE += ["strata(", "reference=", "__import__('os')", "lambda x: x", "{0.__class__}", "%s", "I(", ";", "@", "$", "#"]


def read_or_refuse(formula: str) -> Formula | ConfigError:
    try:
        return parse_formula(formula)
    except ConfigError as error:
        return error


@given(formulas)
def test_the_text_of_a_formula_is_its_normal_form(formula):
    parsed = parse_formula(formula)
    again = parse_formula(parsed.text)
    assert again == parsed
    assert again.text == parsed.text
    assert parse_formula(parsed.text.split(" + ")) == parsed


@given(formulas, formulas)
def test_terms_come_by_order_and_once(one, other):
    terms = parse_formula(f"{one} + {other} + {one}").terms
    orders = [len(term.factors) for term in terms]
    assert orders == sorted(orders)
    assert len({frozenset(term.factors) for term in terms}) == len(terms)


@given(st.lists(st.sampled_from(HOSTILE), max_size=30).map("".join))
def test_hostile_text_is_read_or_refused(formula):
    result = read_or_refuse(formula)
    if isinstance(result, Formula):
        assert parse_formula(result.text) == result


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(formula):
    read_or_refuse(formula)


REPEATED = [
    "a",
    "1",
    ".",
    "+",
    "~",
    "^",
    "(",
    "`",
    "'",
    "\\",
    " ",
    "\ud800",
    "log(",
    "strata(",
    "''",
    "``",
    "[1,",
    "1,",
]
REPEATED += ["a ", "a+", "a:", "a*", "a*b*c*d+", "log(log("]


@pytest.mark.parametrize("unit", REPEATED)
def test_very_long_text_is_read_or_refused(unit):
    long = unit * (100_000 // len(unit))
    read_or_refuse(f"age + {long} age")
    read_or_refuse(f"factor(age, reference={long})")


@given(st.permutations(["age", "sex", "stage", "wbc", "more"]), st.permutations(range(6)))
def test_the_order_of_columns_is_nothing_and_that_of_rows_only_that(columns, rows):
    table = pd.DataFrame(
        {
            "age": [50, 60, 70, 80, 65, 55],
            "sex": ["m", "f", "f", "m", "f", "m"],
            "stage": ["I", "II", "III", "I", "III", "II"],
            "wbc": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
            "more": ["x"] * 6,
        }
    )
    formula = parse_formula("sex*age + stage*sex + log2(wbc) + offset(wbc)")
    design = formula.learn(table)
    shuffled = table[list(columns)].iloc[list(rows)]
    again = formula.learn(shuffled)
    assert again.to_json() == design.to_json()
    assert_array_equal(again.matrix(shuffled), design.matrix(table)[list(rows)])
    assert_array_equal(design.offset(shuffled), design.offset(table)[list(rows)])
