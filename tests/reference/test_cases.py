"""Every stored value of trusted software, answered through the public API."""

from __future__ import annotations

import pytest
from reference.answers.registry import find_answer
from reference.deviations import DEVIATES, LIMITS_AT_ONE, LOOSE, WIDER
from reference.stored_cases import SKIPPED, case_ids, compare, leaves, read_case, value_ids

VALUES = value_ids()


@pytest.mark.parametrize(("case", "value"), VALUES, ids=[f"{case}-{value}" for case, value in VALUES])
def test_value(case: str, value: str) -> None:
    entry = read_case(case).values[value]
    found = find_answer(case, value)
    if found is None:
        assert (case, value) in DEVIATES, "nobody answers this value, and no reason says why"
        return
    answer, subject = found
    if (case, value) in WIDER:
        entry = {**entry, "rtol": WIDER[case, value][0]}
    got = answer(subject)
    skipped = compare(got, entry)
    if skipped:
        assert (case, value) in DEVIATES or (case, value) in LIMITS_AT_ONE, (
            f"{skipped} elements left out without a reason"
        )
        assert skipped < len(list(leaves(entry["value"], got))) or "no_event" in value, "nothing is compared"
    if entry["kind"] in ("exact", "iter") and (case, value) not in LOOSE | WIDER:
        compare(got, entry, tight=True)


def test_cases_are_on_disk() -> None:
    assert len(case_ids()) >= 31
    assert len(VALUES) > 700


def test_deviations_have_values_and_reasons() -> None:
    for table in (DEVIATES, LOOSE, WIDER):
        for case, value in table:
            assert value in read_case(case).values, f"{case} has no value {value}"
            assert table[case, value]


class TestComparison:
    """The comparison itself can fail."""

    ENTRY = {"value": [1.0, None, "Inf"], "rtol": 1e-3, "atol": 0.0, "kind": "exact"}  # noqa: RUF012

    @pytest.mark.parametrize(
        "answer",
        [
            [1.01, float("nan"), float("inf")],
            [1.0, 2.0, float("inf")],
            [1.0, float("nan"), 5.0],
            [1.0, float("nan")],
            [float("nan"), float("nan"), float("inf")],
            "text",
        ],
    )
    def test_wrong_answers_fail(self, answer: object) -> None:
        with pytest.raises(AssertionError):
            compare(answer, self.ENTRY)

    def test_right_answer_passes(self) -> None:
        assert compare([1.0005, float("nan"), float("inf")], self.ENTRY) == 0
        assert compare([1.0005, SKIPPED, float("inf")], self.ENTRY) == 1

    def test_tight_is_tighter(self) -> None:
        with pytest.raises(AssertionError):
            compare([1.0005, float("nan"), float("inf")], self.ENTRY, tight=True)

    def test_mapping_keys_must_agree(self) -> None:
        with pytest.raises(AssertionError):
            compare({"a": 1.0}, {"value": {"a": 1.0, "b": 2.0}, "rtol": 0, "atol": 0})
