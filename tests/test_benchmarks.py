"""The benchmarks run on a tiny case and notice wrong answers; no test looks at the clock."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks import bench, measure
from benchmarks.cases import APART, CASES, R_PEERS, Budget, Case
from benchmarks.data import HELD_OUT, read, simulate, write
from benchmarks.forests import FORESTS
from benchmarks.peers import CALLS
from benchmarks.rotation import NOBODY, OURS, PEER_PYTHON, Measurement, measure_fresh, misses, ranked, run_case
from benchmarks.scaling import GATE, forest_scaling

from survmodel import Outcome, concordance

TINY = Case("cox_60x3", "cox", 60, 3, ("kernel",), {"kernel": Budget(1 / 3, extra=0.003)})
FOREST = Case("forest_60x3", "forest", 60, 3, ("sksurv",), tolerance=(0.2,), trees=5)


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


def test_every_peer_of_a_case_can_be_measured() -> None:
    assert all(
        peer in R_PEERS or (case.kind, peer) in {**CALLS, **FORESTS} for case in CASES for peer in (OURS, *case.peers)
    )


def test_a_tiny_forest_has_a_ratio_and_its_c(tmp_path: Path) -> None:
    (row,) = run_case(FOREST, tmp_path, rounds=1)
    assert (row.problem, row.rounds, row.wrong) == ("", 1, False)
    assert row.ratio > 0
    assert row.check <= 0.2
    assert len(read(tmp_path).time) == 60 + HELD_OUT


@pytest.mark.parametrize("kind", ["forest", "importance"])
def test_forests_answer(kind: str) -> None:
    prepared = FORESTS[kind, OURS](simulate(60 + HELD_OUT, 3), 5)
    answer = np.array(prepared.read(prepared.call()))
    assert answer.shape == ((HELD_OUT,) if kind == "forest" else ())
    assert np.isfinite(answer).all()


def test_the_driver_ranks_held_out_rows() -> None:
    cohort = simulate(60 + HELD_OUT, 3)
    outcome = Outcome(cohort.time, cohort.event).take(np.arange(60, 60 + HELD_OUT))
    index = cohort.index[60:]
    assert ranked({"cpu": 1, "check": index.tolist()}, cohort)["check"] == [concordance(outcome, index).estimate]
    for broken in (index[1:], np.where(index > index.mean(), np.nan, index)):
        assert np.isnan(ranked({"cpu": 1, "check": broken.tolist()}, cohort)["check"]).all()  # type: ignore[call-overload]
    assert ranked({"missing": "no Rscript"}, cohort) == {"missing": "no Rscript"}


def test_what_does_not_finish_is_missed_when_ours_and_told_when_theirs(tmp_path: Path) -> None:
    def late(kind: str, peer: str, folder: Path) -> Measurement:
        return {"unfinished": "no answer within 600 s"} if peer in tired else fixed(kind, peer, folder)

    tired = {OURS}
    (row,) = run_case(TINY, tmp_path, 2, late)
    assert (row.missed, row.wrong) == (True, False)
    assert bench.format_row(row).endswith("survmodel: no answer within 600 s  MISSED")
    tired = {"kernel"}
    (row,) = run_case(TINY, tmp_path, 2, late)
    assert (row.missed, row.wrong) == (False, False)
    assert "kernel: no answer" in bench.format_row(row)


def test_a_case_without_peers_has_a_row(tmp_path: Path) -> None:
    calls = []

    def counted(kind: str, peer: str, folder: Path) -> Measurement:
        calls.append(peer)
        return fixed(kind, peer, folder)

    case = replace(TINY, peers=(), budgets={}, memory=1.0, rounds=1)
    (row,) = run_case(case, tmp_path, 5, counted)
    assert (row.peer, row.problem, row.wrong, row.missed, calls) == (NOBODY, "", False, False, [OURS])
    assert "memory <= 1" in bench.format_row(row)
    (row,) = run_case(replace(case, memory=0.1), tmp_path, 1, fixed)
    assert bench.format_row(row).endswith("MISSED")
    (row,) = run_case(case, tmp_path, 1, lambda kind, peer, folder: {"failed": "ValueError"})
    assert (row.wrong, row.missed) == (True, False)


def test_memory_is_asked_in_every_row_of_a_case_without_budgets_of_time(tmp_path: Path) -> None:
    case = replace(TINY, budgets={}, memory=0.1)
    (row,) = run_case(case, tmp_path, 1, fixed)
    assert (row.missed, row.budget) == (True, "memory <= 0.1")
    two = replace(case, peers=("kernel", "coxph"), budgets={"kernel": Budget(1)})
    assert [row.missed for row in run_case(two, tmp_path, 1, fixed)] == [True, False]


def test_a_peer_apart_is_measured_by_its_own_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (peer,) = APART
    monkeypatch.delenv(PEER_PYTHON, raising=False)
    assert measure_fresh("forest", peer, tmp_path) == {"missing": f"no interpreter in {PEER_PYTHON}"}
    write(simulate(60 + HELD_OUT, 3), tmp_path)
    (tmp_path / "trees.txt").write_text("5\n", encoding="ascii")
    monkeypatch.setenv(PEER_PYTHON, sys.executable)
    assert measure_fresh("forest", peer, tmp_path) == {"missing": f"no package {peer}"}


def test_a_process_that_needs_too_much_memory_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def greedy(cohort: object) -> None:
        raise MemoryError

    write(simulate(60, 3), tmp_path)
    monkeypatch.setattr(measure, "limit_memory", lambda: None)
    monkeypatch.setitem(measure.CALLS, ("cox", "greedy"), greedy)
    measure.main("cox", "greedy", str(tmp_path))
    assert json.loads(capsys.readouterr().out) == {"unfinished": "needs more than 8 GB"}


@pytest.mark.parametrize("slope", [1.0, GATE + 0.01])
def test_the_slope_of_a_tree(slope: float, capsys: pytest.CaptureFixture[str]) -> None:
    def growing(kind: str, peer: str, folder: Path) -> Measurement:
        return {"cpu": float(folder.name) ** slope}

    assert forest_scaling(growing, rows=(20, 80)) == pytest.approx(slope)
    assert ("MISSED" in capsys.readouterr().out) is (slope > GATE)


def test_a_forest_that_does_not_finish_has_no_slope(capsys: pytest.CaptureFixture[str]) -> None:
    assert np.isnan(forest_scaling(lambda kind, peer, folder: {"unfinished": "too slow"}, rows=(20, 80)))
    assert "20 rows: too slow  MISSED" in capsys.readouterr().out
