"""The command line: ``survmodel demo``, ``run``, ``check``, ``init``. Nothing heavy loads before it is needed."""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self, TextIO

from survmodel import __version__

if TYPE_CHECKING:
    from survmodel.simulate.truth import LockName, Scenario
    from survmodel.study.new_study import Kind

USAGE_ERROR = 2
IO_ERROR = 5
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose messages begin as every other message does."""

    def error(self, message: str) -> NoReturn:
        print(f"survmodel: {message}", file=sys.stderr)
        print(f"Try {self.prog} --help.", file=sys.stderr)
        sys.exit(USAGE_ERROR)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words of the command line.

    Returns
    -------
    int
        Exit status: 0 complete, 2 wrong usage or study file, 3 wrong data, 4 a statistic could not be estimated,
        5 a file could not be read or written, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    status = 0
    try:
        try:
            status = _dispatch(words)
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else 0
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("survmodel: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of the output went away. Python would complain once more while it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _dispatch(words: list[str]) -> int:
    parser = _build_parser()
    _suggest_command(parser, words)
    options = parser.parse_args(words)
    commands: dict[str, Callable[[], int]] = {
        "check": lambda: _check(options.study, options.out),
        "column-map": lambda: _column_map(options.table, options.encoding),
        "columns": lambda: _columns(options.dictionary, options.encoding),
        "demo": lambda: _demo(options.out, options.lock, options.scenario),
        "diff": lambda: _diff(options.first, options.second, options.study, options.out),
        "init": lambda: _init(options.folder, options.tables),
        "lock": lambda: _lock(options.study, again=options.again),
        "plan": lambda: _plan(options),
        "run": lambda: _run(options.study, options.out),
        "schema": lambda: _schema(options.out),
        "warm-up": _warm_up,
    }
    if options.command in commands:
        return _guarded(commands[options.command])
    parser.print_help()
    return USAGE_ERROR


COMMANDS = ("demo", "init", "check", "lock", "run", "diff", "plan", "schema", "columns", "column-map", "warm-up")


def _build_parser() -> _Parser:
    parser = _Parser(prog="survmodel", description="Prognostic survival modelling for PET studies.")
    parser.add_argument("--version", action="version", version=f"survmodel {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    demo = commands.add_parser("demo", help="write the SYNTHETIC example study beside a folder of results, and run it")
    demo.add_argument("out", metavar="OUT", nargs="?", default="results/example", help="default: results/example")
    demo.add_argument("--lock", choices=("trial", "multicentre"), default="trial", help="how large the study is")
    demo.add_argument("--scenario", choices=("null", "realistic", "strong"), default="realistic",
                      help="how much uptake tells in it")  # fmt: skip
    init = commands.add_parser("init", help="write a new study: a study file, empty tables and a Makefile")
    init.add_argument("folder", metavar="DIR", help="folder of the study; no file in it is replaced")
    init.add_argument("--tables", choices=("csv", "excel"), default="csv",
                      help="text files, or one workbook with lists and limits in its cells")  # fmt: skip
    check = commands.add_parser("check", help="check a study file and its data without analysing them")
    check.add_argument("study", metavar="STUDY", help="the study file, by custom study.toml")
    check.add_argument("--out", metavar="DIR", help="also write findings.csv and findings.html there")
    run = commands.add_parser("run", help="analyse a study file and write a folder of results")
    run.add_argument("study", metavar="STUDY", help="the study file, by custom study.toml")
    run.add_argument("--out", metavar="DIR", help="folder of the results (default: results/<study>)")
    lock = commands.add_parser("lock", help="lock the question of a study, before its outcomes are known")
    lock.add_argument("study", metavar="STUDY", help="the study file, by custom study.toml")
    lock.add_argument("--again", action="store_true", help="lock a question that was changed; reports will say so")
    diff = commands.add_parser("diff", help="tell what two runs of a study tell differently")
    diff.add_argument("first", metavar="RUN_A", help="folder of results of the earlier run")
    diff.add_argument("second", metavar="RUN_B", help="folder of results of the later run")
    diff.add_argument("--study", metavar="STUDY", help="study file, by whose data patients are named by pseudonym")
    diff.add_argument("--out", metavar="DIR", help="also write every difference as CSV there")
    plan = commands.add_parser("plan", help="tell how many patients or events a study needs, or what it can show")
    plan.add_argument(
        "--hazard-ratio", type=float, metavar="HR", help="events for it: per SD, and for two equal groups"
    )
    plan.add_argument("--events", type=float, metavar="D", help="smallest hazard ratios that so many events show")
    plan.add_argument("--patients", type=int, metavar="N", help="width of C, parameters, and paired power")
    plan.add_argument("--event-share", type=float, metavar="SHARE", help="of the patients with an event (width of C)")
    plan.add_argument("--r2", type=float, metavar="R2", help="expected Cox-Snell R2 (parameters that N patients carry)")
    plan.add_argument("--first-only", type=float, metavar="SHARE", help="of patients positive by the first test alone")
    plan.add_argument("--second-only", type=float, metavar="SHARE", help="of patients positive by the second alone")
    plan.add_argument("--power", type=float, default=0.8, help="default: 0.8")
    plan.add_argument("--alpha", type=float, default=0.05, help="two-sided level (default: 0.05)")
    schema = commands.add_parser("schema", help="write the data dictionary, empty tables and the schema of study files")
    schema.add_argument("out", metavar="OUT", nargs="?", default="schema", help="default: schema")
    columns = commands.add_parser("columns", help="declare the fields of a REDCap data dictionary for a study file")
    columns.add_argument("dictionary", metavar="DICTIONARY", help="data dictionary, as downloaded from the project")
    columns.add_argument("--encoding", default="utf-8", help="of the file (default: utf-8)")
    export = commands.add_parser("column-map", help="write a first column map for a table of PET lesions")
    export.add_argument("table", metavar="FILE", help="the table, as a program for PET exported it")
    export.add_argument("--encoding", default="utf-8", help="of the file (default: utf-8)")
    commands.add_parser("warm-up", help="compile the numerical kernels once, so that no analysis waits for it")
    return parser


def _suggest_command(parser: _Parser, words: list[str]) -> None:
    first = words[0] if words else ""
    if not first or first.startswith("-") or first in COMMANDS:
        return
    near = difflib.get_close_matches(first, COMMANDS, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COMMANDS)}"
    parser.error(f"unknown command {first!r}; {advice}")


def _guarded(command: Callable[[], int]) -> int:
    """Turn the errors that survmodel raises on purpose, and those of files, into a message and an exit status."""
    from survmodel.errors import SurvmodelError

    try:
        return command()
    except BrokenPipeError:
        raise
    except SurvmodelError as error:
        _complain(str(error))
        return error.exit_status
    except OSError as error:
        reason = error.strerror or str(error)
        _complain(reason + (f": {error.filename}" if error.filename else ""))
        return IO_ERROR


def _complain(message: str) -> None:
    """Print a message without the control characters that a file may have brought into it."""
    from survmodel.table import one_line

    print("survmodel: " + "\n".join(one_line(line) for line in message.split("\n")), file=sys.stderr)


def _run(study: str | Path, out: str | Path | None) -> int:
    from survmodel.study.run import run_study

    with _Progress(sys.stderr) as progress:
        run = run_study(study, out, progress=progress.tell)
    for problem in run.problems:
        if problem.severity != "note":
            _complain(str(problem))
    print(f"{run.status.lower()}: {run.report}")
    return run.exit_status


def _check(study: str, out: str | None) -> int:
    from survmodel.errors import DataError
    from survmodel.study.checking import summarise, write_check
    from survmodel.table import one_line

    check = write_check(study, out)
    for finding in check.findings:
        print(one_line(f"{finding.severity}: {finding}"))
    print(summarise(check.findings))
    return 0 if check.ok else DataError.exit_status


def _init(folder: str, tables: Kind) -> int:
    from survmodel.study.new_study import write_new_study

    study = write_new_study(folder, tables)[0]
    print(f"study: {study}; fill the tables in {study.parent / 'data'}, then: survmodel check {study}")
    return 0


def _lock(study: str, *, again: bool) -> int:
    import datetime

    from survmodel.study.config import read_study
    from survmodel.study.question_lock import lock_path, lock_question

    path = lock_path(Path(study))
    today = datetime.datetime.now(datetime.UTC).date()
    entry, is_new = lock_question(read_study(study).settings, path, today, again=again)
    print(f"{'locked' if is_new else 'locked already'} on {entry.date}: {path}")
    for what, value in entry.question.items():
        print(f"  {what}: {value or 'none'}")
    return 0


def _diff(first: str, second: str, study: str | None, out: str | None) -> int:
    from survmodel.study.run_diff import diff_runs
    from survmodel.study.run_names import name_tokens, write_diff
    from survmodel.table import one_line

    found = diff_runs(first, second, None if study is None else name_tokens(study))
    for line in repr(found).split("\n"):
        print(one_line(line))
    if out is not None:
        print(f"written: {write_diff(found, out)}")
    return 0


def _plan(options: argparse.Namespace) -> int:
    from survmodel.study.planning import plan_lines

    names = ("hazard_ratio", "events", "patients", "event_share", "r2", "first_only", "second_only", "power", "alpha")
    for line in plan_lines(**{name: getattr(options, name) for name in names}):
        print(line)
    return 0


def _schema(out: str) -> int:
    from survmodel.study.schema_files import write_schema_files

    print(f"{len(write_schema_files(out))} files: {out}")
    return 0


def _columns(dictionary: str, encoding: str) -> int:
    from survmodel.data.redcap_dictionary import read_redcap_dictionary
    from survmodel.study.redcap_columns import write_columns

    _check_encoding(encoding)
    print(write_columns(read_redcap_dictionary(Path(dictionary), encoding=encoding)), end="")
    return 0


def _column_map(table: str, encoding: str) -> int:
    from survmodel.data.readers.column_map_suggestion import suggest_column_map

    _check_encoding(encoding)
    print(suggest_column_map(table, encoding=encoding), end="")
    return 0


def _check_encoding(encoding: str) -> None:
    from survmodel.errors import ConfigError, closest
    from survmodel.study.settings_files import ENCODINGS

    if encoding not in ENCODINGS:
        raise ConfigError(f"--encoding {encoding!r} is not known", remedy=closest(encoding, ENCODINGS))


def _demo(out: str, lock: LockName, scenario: Scenario) -> int:
    from survmodel.study.example import write_example

    results = Path(out)
    study = write_example(results.with_name(f"{results.name}_study"), lock, scenario)
    print(f"study: {study} (SYNTHETIC data)")
    return _run(study, results)


class _Progress:
    """One line on a terminal that says which step runs, and nothing where the output is piped or logged."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.shown = stream.isatty()
        self.width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def tell(self, step: str) -> None:
        """Show the name of a step."""
        from survmodel.table import one_line

        self._write(one_line(step)[:70])

    def _write(self, text: str) -> None:
        if self.shown:
            self.stream.write("\r" + text.ljust(self.width) + ("" if text else "\r"))
            self.stream.flush()
            self.width = len(text)


def _warm_up() -> int:
    print("Compiling kernels once, about 20 s ...", flush=True)
    from survmodel.kernels.warm_up import warm_up

    warm_up()
    return 0
