"""From a study file to a folder of results: read, check, compute, draw, write."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from survmodel.data.findings import Finding, FindingsError
from survmodel.errors import FitError
from survmodel.report.contents import StudyContents
from survmodel.report.document import TableBlock
from survmodel.report.sections import build_document
from survmodel.report.writers.html import write_html
from survmodel.study.config import Study, read_study, study_name
from survmodel.study.contents import gather_contents
from survmodel.study.drawing import Drawing
from survmodel.study.family_steps import family_part
from survmodel.study.folder import INCOMPLETE_REPORT, MANIFEST, PROBLEMS, REPORT, RESULTS, ResultsFolder, file_stem
from survmodel.study.imaging_steps import imaging_part
from survmodel.study.manifest import build_manifest
from survmodel.study.preparation import Prepared, prepare
from survmodel.study.r_check import write_r_check
from survmodel.study.records import collect_records
from survmodel.study.response_steps import response_parts
from survmodel.study.run_traces import PATIENTS, SENTENCES, trace_patients, trace_sentences
from survmodel.study.step_parts import Progress, silent
from survmodel.study.steps import describe_patients, run_steps
from survmodel.study.tracer_steps import tracer_part
from survmodel.table import escape


@dataclass(frozen=True, slots=True)
class StudyRun:
    """What a run of a study left behind.

    Attributes
    ----------
    out : pathlib.Path
        Folder of the results.
    status : {"COMPLETE", "FAILED"}
        Whether everything that the study asks for could be estimated.
    problems : tuple of Finding
        Steps that failed, and warnings.
    """

    out: Path
    status: str
    problems: tuple[Finding, ...] = ()

    @property
    def report(self) -> Path:
        """The report; its name says so when it is incomplete."""
        return self.out / (REPORT if self.status == "COMPLETE" else INCOMPLETE_REPORT)

    @property
    def exit_status(self) -> int:
        """0 when complete, 4 when a statistic could not be estimated."""
        return 0 if self.status == "COMPLETE" else FitError.exit_status

    def __repr__(self) -> str:
        lines = [f"{self.status}: {self.report}", *(str(problem) for problem in self.problems)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        problems = "".join(f"<li>{escape(str(problem))}</li>" for problem in self.problems)
        return f"<p>{escape(self.status)}: <code>{escape(str(self.report))}</code></p><ul>{problems}</ul>"


def run_study(path: str | Path, out: str | Path | None = None, *, progress: Callable[[str], None] = silent) -> StudyRun:
    """Run a study file and write its folder of results.

    Parameters
    ----------
    path : str or pathlib.Path
        The study file.
    out : str or pathlib.Path, optional
        Folder of the results; ``results/<study>`` under the working folder without it.
    progress : callable, optional
        Is told the name of each step before it begins.

    Returns
    -------
    StudyRun
        Where the results are, and what is to be known about them.

    Raises
    ------
    ConfigError
        When the study file is not understood; nothing is written.
    FindingsError
        When the data cannot be what they claim to be; only ``problems.json`` and ``STATUS`` are written.
    OSError
        When a file cannot be read or written.
    """
    started = datetime.datetime.now(datetime.UTC)
    study: Study | FindingsError
    try:
        study = read_study(path)
    except FindingsError as error:
        # An export as a whole is looked at with the study file, since it says which tables there are.
        study = error
    folder = ResultsFolder(Path("results") / study_name(Path(path)) if out is None else Path(out))
    with folder.one_run():
        return _run_in(folder, study, started, progress)


def _run_in(
    folder: ResultsFolder, study: Study | FindingsError, started: datetime.datetime, progress: Progress
) -> StudyRun:
    """Run a study in a folder that is held, and leave its status behind whatever happens."""
    try:
        if isinstance(study, FindingsError):
            raise study
        return _run(study, folder, started, progress)
    except FindingsError as error:
        folder.write_json(PROBLEMS, [finding.to_record() for finding in error.findings])
        folder.write_status("FAILED")
        raise
    except KeyboardInterrupt:
        folder.write_status("INTERRUPTED")
        raise
    except BaseException:
        folder.write_status("FAILED")
        raise


def _run(study: Study, folder: ResultsFolder, started: datetime.datetime, progress: Progress) -> StudyRun:
    progress("data")
    prepared = prepare(study)
    parts = run_steps(prepared, progress)
    contents = gather_contents(prepared, parts, describe_patients(prepared, progress))
    contents = replace(
        contents,
        tracers=tracer_part(prepared, progress),
        imaging=imaging_part(prepared, parts, progress),
        families=family_part(prepared, progress),
        responses=tuple(response_parts(prepared, progress)),
    )
    _refuse_changes(prepared)
    progress("figures")
    contents = Drawing(contents, prepared, folder).draw_all()
    progress("report")
    document = build_document(contents)
    for block in document.blocks():
        if isinstance(block, TableBlock):
            folder.write_table(file_stem(block.name), block.table, contents.stamp)
    for name, text in write_r_check(prepared, parts, contents.stamp).items():
        folder.write(name, text)
    mark = {"data": "SYNTHETIC"} if contents.synthetic else {}
    status = "FAILED" if contents.failed() else "COMPLETE"
    run = "INCOMPLETE" if contents.failed() else "COMPLETE"
    folder.write_json(RESULTS, {"schema": 1, "run": run, **mark, "records": collect_records(contents)})
    folder.write(INCOMPLETE_REPORT if contents.failed() else REPORT, write_html(document))
    folder.write_json(PATIENTS, {**mark, **trace_patients(prepared)})
    folder.write_json(SENTENCES, {"schema": 1, **mark, "sentences": trace_sentences(document)})
    problems = _list_problems(contents, prepared)
    folder.write_json(PROBLEMS, [{**problem.to_record(), **mark} for problem in problems])
    steps = {answer.step: answer.reason or "done" for answer in contents.answers()}
    finished = datetime.datetime.now(datetime.UTC)
    manifest = build_manifest(prepared, contents.question, folder.describe_files(), status, steps, (started, finished))
    folder.write_json(MANIFEST, manifest)
    folder.write_status(status)
    return StudyRun(folder.path, status, problems)


def _refuse_changes(prepared: Prepared) -> None:
    """Stop when a file is no longer the one that was read: nobody could find the numbers again."""
    study = prepared.study
    read = {(study.folder / study.file, study.file, study.sha256)}
    for source in prepared.data.files:
        path = source.path or study.files[source.table].path
        read.add((path, path.name if source.path is None else source.name, source.sha256))
    remedy = "wait until the export or the copy of the file is complete, and run the study again"
    changed = [name for path, name, digest in sorted(read) if _hash(path) != digest]
    if changed:
        problem = "the file was changed while it was analysed"
        raise FindingsError([Finding("D161", problem, name, remedy=remedy) for name in changed])


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "gone"


def _list_problems(contents: StudyContents, prepared: Prepared) -> tuple[Finding, ...]:
    failed = [Finding("S001", f"{answer.step}: not estimable: {answer.reason}") for answer in contents.failed()]
    warned = [Finding("S002", f"{step}: {text}", severity="warning") for step, text in contents.warnings()]
    return (*failed, *warned, *prepared.findings)
