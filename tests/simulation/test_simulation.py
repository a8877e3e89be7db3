"""Every check in its fast version; the list of checks is complete; the numbers do not depend on workers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from reference.deviations import DEVIATES
from reference.stored_cases import read_case
from simulation import curves, r_answers
from simulation.registry import CHECKS, KNOWN, LETTERS, Check, NotOffered
from simulation.rows import covers, inside, mean, share
from simulation.run import main

SEED = 20250131
#: Checks whose rows stand beside answers of R.
SIMULATED_IN_R = "abcde"


@pytest.mark.parametrize("letter", [letter for letter in LETTERS if isinstance(CHECKS.get(letter), Check)])
def test_fast_version(letter: str) -> None:
    check = CHECKS[letter]
    rows = check.run(check.fast, SEED, 1)
    assert rows
    assert {row.check for row in rows} == {letter}
    assert all(row.replicates <= check.fast for row in rows)
    missed = [row for row in rows if not row.passes and (row.check, row.quantity) not in KNOWN]
    assert not missed, missed


def test_no_letter_is_forgotten() -> None:
    assert tuple(CHECKS) == LETTERS
    for check in CHECKS.values():
        if isinstance(check, NotOffered):
            assert check.reason
        else:
            assert 2 <= check.fast < check.full
            assert "Law" in (check.run.__doc__ or ""), check.title


def test_known_misses_are_rows() -> None:
    """A reason stands for one row, by its name."""
    found = {
        (row.check, row.quantity) for letter in {letter for letter, _ in KNOWN} for row in CHECKS[letter].run(2, 0, 1)
    }
    assert set(KNOWN) <= found


def test_workers_change_no_number() -> None:
    """Two blocks and a part, by one worker and by two; another seed gives other numbers."""
    one = curves.restricted_means(120, 1)
    with parallel_config(backend="threading"):
        assert curves.restricted_means(120, 1, 2) == one
    assert curves.restricted_means(120, 2) != one


def test_every_stored_answer_has_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """What R simulated is a target, or is left out with a reason; either way the table of deviations says so."""
    read: set[str] = set()
    answer = r_answers.answer

    def remember(name: str, *place: str) -> np.ndarray:
        read.add(name)
        return answer(name, *place)

    for module in {check.run.__module__ for check in CHECKS.values() if isinstance(check, Check)}:
        monkeypatch.setattr(f"{module}.answer", remember, raising=False)
    for letter in SIMULATED_IN_R:
        CHECKS[letter].run(2, 0, 1)
    stored = set(read_case(r_answers.CASE).values)
    assert read | set(r_answers.LEFT_OUT) == stored
    assert {value for case, value in DEVIATES if case == r_answers.CASE} == stored


class TestPassMarks:
    def test_share_by_hand(self) -> None:
        """400 replicates about .05: 3 sqrt(.05 x .95 / 400) = .03269."""
        row = share("a", "size", [1] * 30 + [0] * 370 + [np.nan] * 3, 0.05)
        assert (row.low, row.high) == pytest.approx((0.01731, 0.08269), abs=1e-5)
        assert (row.estimate, row.replicates, row.left_out) == (0.075, 400, 3)
        assert row.passes
        assert not share("a", "size", [1] * 34 + [0] * 366, 0.05).passes

    def test_the_wider_of_band_and_error_counts(self) -> None:
        many, few = (share("a", "coverage", [1] * 95 * k + [0] * 5 * k, 0.95, (0.93, 0.97)) for k in (100, 1))
        assert (many.low, many.high) == (0.93, 0.97)
        assert few.low == pytest.approx(0.95 - 3 * np.sqrt(0.95 * 0.05 / 100))

    def test_a_simulated_target_has_its_own_error(self) -> None:
        row = share("a", "size", [0, 1] * 200, 0.5, simulated=400)
        assert row.high - 0.5 == pytest.approx(3 * np.sqrt(0.25 / 200))

    def test_mean_by_hand(self) -> None:
        """Standard deviation 1 of 0, 1, 2: three errors are sqrt(3)."""
        row = mean("c", "bias", [0.0, 1.0, 2.0], 0.0, (-0.1, 2.0))
        assert (row.low, row.high) == pytest.approx((-np.sqrt(3), 2.0))
        assert row.estimate == 1

    def test_a_band_is_widened_at_both_edges(self) -> None:
        row = inside("S8", "C", [0.0, 1.0, 2.0], (0.4, 0.6))
        assert (row.low, row.high) == pytest.approx((0.4 - np.sqrt(3), 0.6 + np.sqrt(3)))

    def test_missing_limits_are_no_miss(self) -> None:
        np.testing.assert_array_equal(covers([0, np.nan, 2], [1, 1, 3], 0.5), [1, np.nan, 0])


def test_the_run_writes_table_and_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "l", "--share", ".02", "--workers", "1", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "simulation.md").read_text(encoding="utf-8")
    assert text.strip() == capsys.readouterr().out.strip()
    with (tmp_path / "simulation.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert {row["passes"] for row in rows} == {"True"}
    assert {row["replicates"] for row in rows} == {"40"}
    assert "3 of 3 rows pass" in text
    assert all(f"Check {letter} " in text for letter, check in CHECKS.items() if isinstance(check, NotOffered))
