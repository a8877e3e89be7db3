"""The difference of two runs: exactly what was changed in the data and the study file, and what followed from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study.study_folder import STUDY, made_table, write_study

import survmodel as sm
from survmodel.cli import main
from survmodel.errors import ConfigError
from survmodel.study.run import run_study
from survmodel.study.run_diff import diff_runs
from survmodel.study.run_traces import token_of


def table() -> pd.DataFrame:
    made = made_table()
    return made.assign(id=[f"QX{row:03d}" for row in range(len(made))])


def run(folder: Path, name: str, data: pd.DataFrame, text: str = STUDY) -> Path:
    return run_study(write_study(folder / name / "study", data, text), folder / name / "out").out


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("diff")
    run(folder, "first", table())
    return folder


def test_a_run_and_itself(first: Path) -> None:
    found = diff_runs(first / "first" / "out", first / "first" / "out")
    assert found.same
    assert repr(found).startswith("The two runs tell the same")
    assert found.glance().iloc[0].tolist() == [0] * 6


def test_one_more_one_fewer_one_changed(first: Path) -> None:
    """Row 3 leaves, a copy of row 5 comes under another pseudonym, the age of row 7 is corrected."""
    data = table()
    changed = data.drop(index=3)
    changed = pd.concat([changed, data.loc[[5]].assign(id="QX900")], ignore_index=True)
    place = changed.index[changed["id"] == "QX007"][0]
    changed.loc[place, "age"] = int(changed.loc[place, "age"]) + 1
    second = run(first, "second", changed)
    names = {token_of(name): name for name in [*data["id"], "QX900"]}
    found = diff_runs(first / "first" / "out", second, names)
    assert dict(found.patients[["patient", "change"]].to_numpy().tolist()) == {
        "QX003": "removed", "QX900": "added", "QX007": "changed",
    }  # fmt: skip
    columns = found.patients.set_index("patient").loc["QX007", "columns"].split(", ")
    assert "age" in columns
    assert not [name for name in columns if name.startswith("outcome") or name == "sex"]
    inputs = found.settings[found.settings["setting"].str.startswith("inputs")]
    assert len(inputs) >= 1
    records = [json.loads((out / "results.json").read_text(encoding="utf-8"))["records"]
               for out in (first / "first" / "out", second)]  # fmt: skip
    for measure in ("hazard ratio",):
        own = found.numbers[(found.numbers["step"] == "cox/clinical") & (found.numbers["measure"] == measure)]
        for one in own[own["number"] == "estimate"].to_dict("records"):
            was, now = (
                next(
                    r["estimate"] for r in part
                    if r["step"] == "cox/clinical" and r["measure"] == measure and r["term"] == one["term"]
                )
                for part in records
            )  # fmt: skip
            assert (one["was"], one["now"]) == (was, now)
            assert one["change"] == pytest.approx(now - was)
    cox = found.numbers[(found.numbers["step"] == "cox/clinical") & (found.numbers["number"] == "estimate")]
    by_measure = {measure: own.set_index("term")["std_errors"] for measure, own in cox.groupby("measure")}
    ratio, log_ratio = by_measure["hazard ratio"], by_measure["log hazard ratio"]
    assert ratio.sort_index().to_numpy() == pytest.approx(log_ratio.sort_index().to_numpy())
    shifts = found.numbers["std_errors"].abs().dropna().to_numpy()
    assert len(shifts)
    assert np.all(np.diff(shifts) <= 0), "what moved most comes first"
    assert any(row["was"] and row["now"] for row in found.sentences.to_dict("records"))


def test_without_the_study_patients_are_tokens(first: Path) -> None:
    data = table()
    data.loc[7, "age"] = int(data.loc[7, "age"]) + 1
    found = diff_runs(first / "first" / "out", run(first, "third", data))
    assert found.patients["patient"].tolist() == [token_of("QX007")]


def test_another_seed_moves_no_patient(first: Path) -> None:
    text = STUDY.replace("seed = ", "seed = 9", 1)
    assert text != STUDY
    found = diff_runs(first / "first" / "out", run(first, "seed", table(), text))
    assert len(found.patients) == 0
    assert {"seed", "settings.seed"} <= set(found.settings["setting"])


def test_order_of_rows_moves_no_patient(first: Path) -> None:
    found = diff_runs(first / "first" / "out", run(first, "turned", table().iloc[::-1]))
    assert len(found.patients) == 0
    close = found.numbers[found.numbers["std_errors"].abs() > 1e-6]
    assert len(close) == 0, "numbers may differ in their last digits only"


def test_command(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = table()
    data.loc[7, "age"] = int(data.loc[7, "age"]) + 1
    second = run(first, "fourth", data)
    study = first / "fourth" / "study" / "study.toml"
    words = ["diff", str(first / "first" / "out"), str(second)]
    assert main([*words, "--study", str(study), "--out", str(tmp_path / "d")]) == 0
    shown = capsys.readouterr().out
    assert "QX007" in shown
    assert "patients: 0 added, 0 removed, 1 changed" in shown
    written = pd.read_csv(tmp_path / "d" / "diff_patients.csv")
    assert written["patient"].tolist() == ["QX007"]
    assert main(words) == 0
    assert "QX" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["manifest.json", "results.json", "patients.json", "sentences.json"])
@pytest.mark.parametrize("damage", ["", "{", "[]", "5", None])
def test_no_run(first: Path, tmp_path: Path, name: str, damage: str | None) -> None:
    out = tmp_path / "out"
    shutil.copytree(first / "first" / "out", out)
    if damage is None:
        (out / name).unlink()
    else:
        (out / name).write_text(damage, encoding="utf-8")
    with pytest.raises(ConfigError, match=name.split(".", maxsplit=1)[0]):
        diff_runs(out, first / "first" / "out")


def test_an_emptied_file_is_no_run(first: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(first / "first" / "out", out)
    (out / "results.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no whole run"):
        diff_runs(out, out)


def test_an_incomplete_run_warns(first: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(first / "first" / "out", out)
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    (out / "manifest.json").write_text(json.dumps({**manifest, "status": "FAILED", "study": "x"}), encoding="utf-8")
    assert diff_runs(first / "first" / "out", out).warnings == ("the runs are of different studies", "a run is FAILED")


def test_public_name() -> None:
    assert sm.diff_runs is diff_runs
