"""Exports of PET programs that are wrong, by the command line: what the user reads, and that no name is shown."""

from pathlib import Path

import pytest
from bad_input.study_files import CANONICAL_FILES, completed, places, refused, the, write_canonical

from survmodel import cli

EXPORT = "lifex.csv"
HEADINGS = (
    "INFO_PatientName,INFO_NameOfRoi,MORPHOLOGICAL_Volume(IBSI:RNU0)[mm3],INTENSITY-BASED_MeanIntensity(IBSI:Q4LE)[SUVbw],"
    "INTENSITY-BASED_MaximumIntensity(IBSI:84IY)[SUVbw],INTENSITY-BASED_TotalLesionGlycolysis(IBSI:No)[SUVbw]"
)
#: Name of the lesion, volume in mm3, mean, maximum; the total is mean times volume in mL.
LESIONS = (("A", 14000, 7.0, 12.5), ("B", 4000, 6.0, 9.5))
OTHERS = tuple(table for table in CANONICAL_FILES if table != "lesions")


def patients() -> list[str]:
    header, *rows = CANONICAL_FILES["scans"]
    tracer, patient = (header.split(",").index(name) for name in ("tracer", "patient_id"))
    return [cells[patient] for row in rows if (cells := row.split(","))[tracer] == "cxcr4"]


def write_export(folder: Path, *changes: tuple[str, str]) -> Path:
    """A canonical study with its lesions in an export of LIFEx, in which texts are replaced."""
    lines = [HEADINGS]
    for patient in patients():
        lines += [
            f"{patient},{name},{volume},{mean},{top},{mean * volume / 1000}" for name, volume, mean, top in LESIONS
        ]
    text = "\n".join(lines) + "\n"
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    entry = f'lesions = {{ path = "{EXPORT}", reader = "lifex", tracer = "cxcr4", segmentation = "41pct" }}\n'
    study = write_canonical(folder, data=entry, only=OTHERS)
    (folder / EXPORT).write_text(text, "utf-8")
    return study


def test_an_export_without_a_flaw_is_analysed(tmp_path, capsys):
    done = completed(write_export(tmp_path / "study"), capsys)
    assert not {problem["code"] for problem in done.problems} & {f"D19{i}" for i in range(10)}


def test_53_a_lesion_of_nobody_is_refused_by_its_line(tmp_path, capsys):
    patient = patients()[1]
    study = write_export(tmp_path / "study", (f"{patient},A", "MUELLER^HANS,A"))
    problems = refused(study, capsys)
    assert places(problems) == [("D192", EXPORT, "", (4,))]
    assert "MUELLER" not in str(problems)


def test_80_a_total_that_is_not_mean_times_volume_is_told(tmp_path, capsys):
    done = completed(write_export(tmp_path / "study", (",24.0", ",25.0")), capsys)
    found = the(done.problems, "D195")
    assert (found["severity"], found["rows"]) == ("warning", [3 + 2 * i for i in range(len(patients()))])
    assert "is not mean times volume" in done.report


@pytest.mark.parametrize("unit", ["HU", "kBq/mL", "SUVlbm"])
def test_81_an_image_that_is_not_in_suv_is_refused(unit, tmp_path, capsys):
    problems = refused(write_export(tmp_path / "study", ("[SUVbw]", f"[{unit}]")), capsys)
    assert {problem["code"] for problem in problems} == {"D191"}
    assert all("Export the PET image in SUV by body weight." in str(problem["message"]) for problem in problems)


def test_85_a_value_that_a_program_could_not_compute_is_missing(tmp_path, capsys):
    study = write_export(tmp_path / "study", (",A,14000,7.0", ",A,14000,NaN"))
    assert "D021" not in {problem["code"] for problem in completed(study, capsys).problems}


def test_114_an_export_that_changes_during_the_run_stops_it(tmp_path, capsys, monkeypatch):
    study = write_export(tmp_path / "study")
    file = study.parent / EXPORT
    told: list[str] = []

    def tell(_: object, step: str) -> None:
        told.append(step)
        if len(told) == 2:
            file.write_bytes(file.read_bytes() + b"\n")

    monkeypatch.setattr(cli._Progress, "tell", tell)
    assert places(refused(study, capsys)) == [("D161", EXPORT, "", ())]
