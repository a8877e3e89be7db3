"""The benchmarks run on a tiny case and notice wrong answers; no test looks at the clock."""

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks import bench
from benchmarks.cases import CASES, Budget, Case
from benchmarks.data import read, simulate, write
from benchmarks.rotation import OURS, Measurement, measure_fresh, misses, run_case

TINY = Case("cox_60x3", "cox", 60, 3, ("kernel",), {"kernel": Budget(1 / 3, extra=0.003)})


def fixed(kind: str, peer: str, folder: Path) -> Measurement:
    return {"cpu": 0.002 if peer == OURS else 0.010, "first": 0.1, "peak": 1000, "check": [0.5, -0.25]}


def test_a_tiny_case_has_a_ratio_and_a_check_value(tmp_path: Path) -> None:
    (row,) = run_case(TINY, tmp_path, rounds=1)
    assert row.problem == ""
    assert row.rounds == 1
    assert row.ratio > 0
    assert row.check <= 1e-9
    assert not row.wrong
    assert json.loads(json.dumps(measure_fresh("cox", "kernel", tmp_path)))["check"]


def test_the_ratio_is_that_of_the_peer_to_ours(tmp_path: Path) -> None:
    (row,) = run_case(TINY, tmp_path, rounds=3, measure=fixed)
    assert (row.ratio, row.low, row.high) == pytest.approx((5, 5, 5))
    assert (row.rounds, row.check, row.wrong, row.missed) == (3, 0, False, False)


def test_peers_without_a_budget_take_part_in_fewer_rounds(tmp_path: Path) -> None:
    case = Case("cox_60x3", "cox", 60, 3, ("kernel", "coxph"), TINY.budgets)
    kernel, coxph = run_case(case, tmp_path, rounds=5, measure=fixed)
    assert (kernel.rounds, coxph.rounds, coxph.wrong) == (5, 3, False)


@pytest.mark.parametrize("check", [[0.5, -0.2500001], [0.5], [0.5, float("nan")]])
def test_a_wrong_answer_is_loud(
    check: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(kind: str, peer: str, folder: Path) -> Measurement:
        return {**fixed(kind, peer, folder), **({} if peer == OURS else {"check": check})}

    monkeypatch.setattr(bench, "run_case", lambda case, folder, rounds: run_case(case, folder, rounds, broken))
    assert bench.run([TINY], 2, tmp_path / "results") == 1
    assert "WRONG ANSWER" in capsys.readouterr().out
    (written,) = (tmp_path / "results").glob("*.json")
    assert json.loads(written.read_text(encoding="utf-8"))["rows"][0]["wrong"] is True


def test_a_missing_peer_is_told_and_a_failed_one_is_wrong(tmp_path: Path) -> None:
    def without(kind: str, peer: str, folder: Path) -> Measurement:
        return fixed(kind, peer, folder) if peer == OURS else {"missing": "no Rscript"}

    def failing(kind: str, peer: str, folder: Path) -> Measurement:
        return fixed(kind, peer, folder) if peer == OURS else {"failed": "ValueError"}

    (row,) = run_case(TINY, tmp_path, 2, without)
    assert ("no Rscript" in bench.format_row(row), row.wrong) == (True, False)
    (row,) = run_case(TINY, tmp_path, 2, failing)
    assert ("ValueError" in bench.format_row(row), row.wrong) == (True, True)


@pytest.mark.parametrize(("ours", "missed"), [(0.0059, False), (0.0061, True)])
def test_a_budget_of_three_kernels_and_three_milliseconds(ours: float, missed: bool) -> None:
    assert misses(Budget(1 / 3, extra=0.003), np.array([ours]), np.array([0.001])) is missed


def test_data_are_as_described(tmp_path: Path) -> None:
    cohort = simulate(2000, 6)
    assert cohort.event.mean() == pytest.approx(0.35, abs=0.01)
    assert set(cohort.x[0]) == {0, 1}
    assert cohort.x[2].min() > 0
    assert (cohort.time == np.ceil(cohort.time)).all()
    assert cohort.time.min() >= 1
    write(cohort, tmp_path)
    assert all((a == b).all() for a, b in zip(cohort, read(tmp_path), strict=True))
    assert (simulate(2000, 6).time == cohort.time).all()


def test_budgets_name_peers_of_their_case() -> None:
    assert all(
        set(case.budgets) | set(case.loose) - {"lifelines", "sksurv", "statsmodels"} <= set(case.peers)
        for case in CASES
    )
