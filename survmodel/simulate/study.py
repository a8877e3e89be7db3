"""A simulated study: its tables, its truth, and the page that says that nobody in it exists."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from survmodel.errors import DataError, list_values
from survmodel.formatting import count_noun, format_number, format_significant
from survmodel.simulate.cohort import draw_cohort
from survmodel.simulate.course import draw_courses
from survmodel.simulate.exports import LIFEX, MAP, PMOD, export_lesions
from survmodel.simulate.flaws import WAIVED_CODE, WAIVER_REASON, Flaw, list_flaws
from survmodel.simulate.tables import choose_blemishes, make_tables
from survmodel.simulate.truth import ACCRUAL, DATA_LOCK, PLANS, LockName, Scenario, Truth, make_truth
from survmodel.writing import to_csv, write_whole


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SimulatedStudy:
    """A study of which the truth is known.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        The canonical tables; every cell is the text that a file would hold.
    truth : Truth
        The true effects.
    flaws : tuple of Flaw
        What is wrong on purpose.
    """

    tables: dict[str, pd.DataFrame]
    truth: Truth
    flaws: tuple[Flaw, ...]

    def __repr__(self) -> str:
        rows = ", ".join(f"{name} {len(table)}" for name, table in self.tables.items())
        what = f"lock {self.truth.lock!r}, scenario {self.truth.scenario!r}, seed {self.truth.seed}"
        return f"SYNTHETIC study, {what}: {rows} rows"

    @property
    def readme(self) -> str:
        """The page SYNTHETIC.md: what this is, what is true, what is wrong on purpose."""
        return self._describe(exports=False)

    def _describe(self, *, exports: bool) -> str:
        return "\n".join([*_head(self, exports=exports), *_effects(self.truth), *_flaws(self.flaws)]) + "\n"

    @property
    def waiver(self) -> str:
        """The part of a study file that accepts the deliberate error of a date; "" when there is none."""
        return _waiver(self.flaws)

    def write(self, folder: str | Path, *, exports: bool = False) -> tuple[Path, ...]:
        """Write one CSV file for each table, TRUTH.json, and SYNTHETIC.md.

        A folder that holds such files and no SYNTHETIC.md may hold real patients: nothing is written there.

        Parameters
        ----------
        folder : path
            Where to; it is made when it does not exist. Files of the same name are replaced.
        exports : bool
            Write the lesions as LIFEx and PMOD export them, with a map of their regions, and no table of them.

        Returns
        -------
        tuple of pathlib.Path
            The files.

        Raises
        ------
        DataError
            When the folder holds files of these names that are not synthetic.
        OSError
            When a file cannot be written.
        """
        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        contents = {f"{name}.csv": to_csv(table) for name, table in self.tables.items()}
        if exports:
            del contents["lesions.csv"]
            contents |= export_lesions(self.tables)
        contents["TRUTH.json"] = json.dumps(self.truth.to_record(), indent=2, sort_keys=True) + "\n"
        contents["SYNTHETIC.md"] = self._describe(exports=exports)
        _refuse_real_data(root, contents)
        paths = []
        for name, text in contents.items():
            write_whole(root / name, text.encode())
            paths.append(root / name)
        return tuple(paths)


def simulate_study(
    lock: LockName = "trial", scenario: Scenario = "realistic", *, seed: int = 20250131
) -> SimulatedStudy:
    """Simulate a CXCR4 PET study of which the truth is known.

    Parameters
    ----------
    lock : {"trial", "multicentre"}
        56 suspected of whom 50 are confirmed, at one site; or 240 suspected of whom 214 are confirmed, at four.
    scenario : {"null", "realistic", "strong"}
        How much uptake tells beyond the clinical index: nothing at all, what a good marker may, or very much.
    seed : int
        Same seed, same bytes. The scenarios of one seed have the same patients and scans.

    Returns
    -------
    SimulatedStudy
        Tables, truth and deliberate flaws.

    Raises
    ------
    ConfigError
        For a lock or scenario that does not exist, or a seed that is no whole number of at least 0.

    Examples
    --------
    >>> study = simulate_study("trial", "null", seed=1)
    >>> len(study.tables["patients"]), study.truth.log_hr_cxcr4
    (56, 0.0)
    """
    truth = make_truth(lock, scenario, seed)
    plan = PLANS[lock]
    people = draw_cohort(plan, seed)
    courses = draw_courses(people, truth)
    blemishes = choose_blemishes(people, courses, plan, seed)
    tables = make_tables(people, courses, blemishes, plan, seed)
    return SimulatedStudy(tables, truth, list_flaws(tables, people, blemishes))


def _refuse_real_data(folder: Path, names: Iterable[str]) -> None:
    there = [name for name in names if (folder / name).exists()]
    if there and not (folder / "SYNTHETIC.md").exists():
        problem = "the folder holds files of the same names that are not marked as synthetic"
        raise DataError(problem, list_values(there), "choose another folder")


def _head(study: SimulatedStudy, *, exports: bool) -> list[str]:
    truth = study.truth
    lines = [
        "# SYNTHETIC data",
        "",
        "**These data are SYNTHETIC. A program made them; no patient in them exists, and nothing in them is evidence "
        "about any disease, tracer or treatment.**",
        "",
        f"Lock `{truth.lock}`, scenario `{truth.scenario}`, seed {truth.seed}; accrual {ACCRUAL[0]} to {ACCRUAL[1]}, "
        f"data lock {DATA_LOCK}. The index group is drawn, not computed from the laboratory values.",
        "",
    ]
    for name, table in study.tables.items():
        files = f"`{LIFEX}` (CXCR4), `{PMOD}` (FDG), `{MAP}`" if exports and name == "lesions" else f"`{name}.csv`"
        lines.append(f"- {files}: SYNTHETIC, {count_noun(len(table), 'row')}.")
    return [
        *lines,
        "- `TRUTH.json`: the true effects and baseline hazards. Not for an analysis, only to judge one.",
        "",
    ]


def _effects(truth: Truth) -> list[str]:
    said = (
        "Uptake of neither tracer tells anything: the added value of CXCR4 is exactly zero."
        if not truth.has_added_value
        else "CXCR4 tells something beyond index and FDG."
    )
    slopes = (
        f"- Log hazard ratio of progression or death for each doubling of SUVmax, within entity: CXCR4 "
        f"{format_number(truth.log_hr_cxcr4)}, FDG {format_number(truth.log_hr_fdg)}."
    )
    shifts = ", ".join(f"{scanner} {format_number(shift)}" for scanner, shift in truth.scanner_shifts.items())
    lines = ["## What is true", "", said, "", slopes, f"- Shift of log2 SUV by scanner: {shifts}.", ""]
    lines += ["| entity | index | events a year: low | intermediate | high |", "|---|---|---|---|---|"]
    for one in truth.entities:
        rates = " | ".join(format_significant(rate, 3) for rate in one.yearly_rates)
        lines.append(f"| {one.entity} | {one.index_name} | {rates} |")
    return [*lines, ""]


def _flaws(flaws: tuple[Flaw, ...]) -> list[str]:
    lines = ["## What is wrong on purpose", "", *(f"- {flaw}" for flaw in flaws), ""]
    waiver = _waiver(flaws)
    return [*lines, "```toml", *waiver.splitlines(), "```"] if waiver else lines


def _waiver(flaws: tuple[Flaw, ...]) -> str:
    parts = []
    for flaw in flaws:
        if flaw.name == "mis-dated row":
            rows = ", ".join(str(row) for row in flaw.rows)
            parts += ["[[waive]]", f'code = "{WAIVED_CODE}"', f'table = "{flaw.table}"', f"rows = [{rows}]"]
            parts += [f'reason = "{WAIVER_REASON}"', ""]
    return "\n".join(parts)
