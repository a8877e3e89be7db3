"""The lock of a question: what is changed after it is printed, and the file cannot be edited unseen."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from study.study_folder import STUDY, write_study
from study.test_comparison_of_models import LOW

from survmodel.cli import main
from survmodel.errors import ConfigError
from survmodel.report.contents import Question
from survmodel.report.study_sentences import lock_sentence
from survmodel.study.config import read_study
from survmodel.study.example import write_example
from survmodel.study.question_lock import declared_question, history_of, lock_path, lock_question, read_locks
from survmodel.study.run import run_study

FIRST, SECOND = datetime.date(2024, 3, 1), datetime.date(2024, 9, 30)


def example(folder: Path, *changes: tuple[str, str]) -> Path:
    study = write_example(folder)
    text = study.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    study.write_text(text, encoding="utf-8")
    return study


def change(study: Path, old: str, new: str) -> None:
    text = study.read_text(encoding="utf-8")
    assert old in text
    study.write_text(text.replace(old, new), encoding="utf-8")


def lock(study: Path, day: datetime.date, *, again: bool = False) -> bool:
    return lock_question(read_study(study).settings, lock_path(study), day, again=again)[1]


class TestLock:
    def test_question_is_marker_endpoint_and_pair(self, tmp_path: Path) -> None:
        question = declared_question(read_study(example(tmp_path)).settings)
        assert question["primary marker"] == "log2(cxcr4_suvmax)"
        assert question["endpoint"] == "pfs"
        assert json.loads(question["definition of the endpoint"])["events"] == ["progression", "death"]
        assert question["smaller model"] == "age_years + fdg_suvmax_part"
        assert question["larger model"] == "age_years + fdg_suvmax_part + cxcr4_suvmax_part"
        assert question["smallest useful hazard ratio"] == "1.3"

    def test_the_same_question_is_locked_once(self, tmp_path: Path) -> None:
        study = example(tmp_path)
        assert lock(study, FIRST)
        before = lock_path(study).read_bytes()
        assert not lock(study, SECOND)
        assert lock_path(study).read_bytes() == before

    def test_what_only_shows_the_results_is_not_the_question(self, tmp_path: Path) -> None:
        study = example(tmp_path)
        lock(study, FIRST)
        change(study, "horizons = [12, 24]", "horizons = [6, 12]")
        change(study, 'label = "progression-free survival"', 'label = "PFS"')
        assert history_of(read_study(study).settings, read_study(study).locks).changes == ()  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("old", "new", "what"),
        [
            ('transform = "log2"\nendpoint', 'transform = "log"\nendpoint', "primary marker"),
            ('events = ["progression", "death"]', 'events = ["progression"]', "definition of the endpoint"),
            ('transform = "log2"\nendpoint = "pfs"', 'transform = "log2"\nendpoint = "os"', "endpoint"),
            ('"confirmed" = ', '"suspected" = ', "patients"),
            ('formula = "age_years + fdg_suvmax_part"', 'formula = "fdg_suvmax_part"', "smaller model"),
            ("ratio = 1.3 ", "ratio = 1.2 ", "smallest useful hazard ratio"),
        ],
    )
    def test_every_part_is_held(self, tmp_path: Path, old: str, new: str, what: str) -> None:
        study = example(tmp_path)
        lock(study, FIRST)
        change(study, old, new)
        with pytest.raises(ConfigError, match=f"{what} changed after the lock on 2024-03-01"):
            lock(study, SECOND)
        assert lock(study, SECOND, again=True)
        read = read_study(study)
        history = history_of(read.settings, read.locks)
        assert history is not None
        assert history.dates == ("2024-03-01", "2024-09-30")
        assert what in [one.what for one in history.changes]
        assert {(one.after, one.on) for one in history.changes} == {("2024-03-01", "2024-09-30")}

    def test_a_change_that_was_taken_back_stays_in_the_history(self, tmp_path: Path) -> None:
        study = example(tmp_path)
        lock(study, FIRST)
        change(study, "ratio = 1.3 ", "ratio = 1.2 ")
        lock(study, SECOND, again=True)
        change(study, "ratio = 1.2 ", "ratio = 1.3 ")
        read = read_study(study)
        history = history_of(read.settings, read.locks)
        assert history is not None
        assert [(one.was, one.now, one.on) for one in history.changes] == [
            ("1.3", "1.2", "2024-09-30"),
            ("1.2", "1.3", ""),
        ]

    def test_a_lock_after_the_data_lock_says_so(self, tmp_path: Path) -> None:
        study = example(tmp_path)
        lock(study, datetime.date(2025, 2, 1))
        read = read_study(study)
        history = history_of(read.settings, read.locks)
        assert history is not None
        assert history.is_late

    def test_without_a_primary_marker(self, tmp_path: Path) -> None:
        study = write_study(tmp_path, text=STUDY + LOW)
        with pytest.raises(ConfigError, match="no primary marker"):
            lock(study, FIRST)
        assert not lock_path(study).exists()


class TestFile:
    @pytest.mark.parametrize(
        ("old", "new"),
        [('"2024-03-01"', '"2023-03-01"'), ("log2(cxcr4_suvmax)", "log2(fdg_suvmax)"), ('"pfs"', '"os"')],
    )
    def test_an_edited_lock_is_refused(self, tmp_path: Path, old: str, new: str) -> None:
        study = example(tmp_path)
        lock(study, FIRST)
        change(lock_path(study), old, new)
        with pytest.raises(ConfigError, match=r"study\.lock\.json was edited"):
            read_study(study)

    def test_a_removed_entry_is_refused(self, tmp_path: Path) -> None:
        study = example(tmp_path)
        lock(study, FIRST)
        change(study, "ratio = 1.3 ", "ratio = 1.2 ")
        lock(study, SECOND, again=True)
        content = json.loads(lock_path(study).read_text(encoding="utf-8"))
        lock_path(study).write_text(json.dumps({**content, "locks": content["locks"][1:]}), encoding="utf-8")
        with pytest.raises(ConfigError, match="entry 1 does not fit its seal"):
            read_locks(lock_path(study))

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "null", '{"locks": 5}', '{"locks": [{}]}', '{"locks": [{"date": "x"}]}', "\udcff"]
    )
    def test_what_is_no_lock_is_refused(self, tmp_path: Path, text: str) -> None:
        study = example(tmp_path)
        lock_path(study).write_bytes(text.encode("utf-8", "surrogateescape"))
        with pytest.raises(ConfigError, match="is not a lock of survmodel"):
            read_study(study)


class TestRun:
    def test_command_and_report(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        study = example(tmp_path / "s", ("repeats = 1000", "repeats = 50"))
        text = study.read_text(encoding="utf-8")
        head, rest = text.split("[model.forest]", 1)
        study.write_text(head + "[validation]" + rest.split("[validation]", 1)[1], encoding="utf-8")
        change(study, "compare = ", "# compare = ")
        assert main(["lock", str(study)]) == 0
        assert "primary marker: log2(cxcr4_suvmax)" in capsys.readouterr().out
        day = read_locks(lock_path(study))[0].date
        report = run_study(study, tmp_path / "kept").report.read_text(encoding="utf-8")
        assert f"The question was locked on {day} and not changed since." in report
        assert "That day is later than the data lock" in report
        assert "changed after" not in report
        change(study, "ratio = 1.3 ", "ratio = 1.2 ")
        assert main(["lock", str(study)]) == 2
        assert "lock it anew with --again" in capsys.readouterr().err
        run = run_study(study, tmp_path / "changed")
        report = run.report.read_text(encoding="utf-8")
        said = f"Smallest useful hazard ratio changed after the lock on {day}: was 1.3, is 1.2."
        assert report.count(said) == 2, "at the head and in the methods"
        assert "this claim is of the changed question, and exploratory" in report
        manifest = json.loads((run.out / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["lock"]["locked_on"] == [day]
        assert len(manifest["lock"]["changes"]) == 1
        assert main(["lock", str(study), "--again"]) == 0

    def test_without_a_lock_the_report_says_so(self, tmp_path: Path) -> None:
        settings = read_study(example(tmp_path)).settings
        assert history_of(settings, ()) is None
        said = lock_sentence(Question("CXCR4 SUVmax (log2)", "pfs", (), "3f"))
        assert said.startswith("No lock of the question stands beside the study file")
