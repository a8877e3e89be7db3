"""Reading a study file: TOML in, a checked study out; every problem is reported at once, with its key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from survmodel.data.columns import Column, CutColumn, ReachedColumn
from survmodel.data.readers.lesion_exports import LesionExport
from survmodel.data.tables import TableFile
from survmodel.data.waivers import Exclusion, Waiver
from survmodel.study.file_errors import StudyFileError, read_settings
from survmodel.study.known_columns import declared_columns, known_columns
from survmodel.study.question_lock import LockEntry, lock_path, read_locks
from survmodel.study.redcap_tables import find_redcap_tables, redcap_source
from survmodel.study.references import look_at_files, look_at_references
from survmodel.study.settings import StudySettings
from survmodel.study.settings_files import WRITING, LesionsEntry

#: A file of this name beside the data says that nobody in them exists.
SYNTHETIC_MARK = "SYNTHETIC.md"


@dataclass(frozen=True, slots=True)
class Study:
    """A study file that was read and checked.

    Attributes
    ----------
    name : str
        Name of the study: its folder's.
    folder : pathlib.Path
        Where the study file lies; data paths are relative to it.
    file : str
        Name of the study file.
    sha256 : str
        Hash of its bytes.
    settings : StudySettings
        What it says.
    locks : tuple of LockEntry
        What was locked as its question, and when; none where ``survmodel lock`` was never run.
    """

    name: str
    folder: Path
    file: str
    sha256: str
    settings: StudySettings
    locks: tuple[LockEntry, ...] = ()

    @property
    def files(self) -> dict[str, TableFile]:
        """The data files by name of their table, and how they are written."""
        return {
            table: TableFile(
                self.folder / entry.path,
                sheet=entry.sheet,
                redcap=redcap_source(self.folder, self.settings, table),
                exports=self.exports if table == "lesions" else (),
                **{key: getattr(entry, key) for key in WRITING},
            )
            for table, entry in self.settings.data.files.items()
        }

    @property
    def exports(self) -> tuple[LesionExport, ...]:
        """Exports of PET programs that hold the lesions; none where they stand in a canonical table."""
        return tuple(self._export(entry) for entry in self.settings.data.lesion_files if entry.reader is not None)

    def _export(self, entry: LesionsEntry) -> LesionExport:
        return LesionExport(
            self.folder / entry.path,
            str(entry.reader),
            str(entry.tracer),
            entry.segmentation or "",
            entry.uptake_unit or "",
            None if entry.column_map is None else self.folder / entry.column_map,
            tuple(entry.regions.items()),
            entry.date_format,
            str(entry.delimiter),
            str(entry.encoding),
            str(entry.decimal),
        )

    @property
    def is_synthetic(self) -> bool:
        """Whether nobody in the data exists: the study file says so, or SYNTHETIC.md beside a data file does."""
        marked = any((file.path.parent / SYNTHETIC_MARK).is_file() for file in self.files.values())
        return self.settings.synthetic or marked

    @property
    def extra(self) -> dict[str, tuple[Column, ...]]:
        """Columns that the study declares beside those of the data schema, by name of the table."""
        found = {table: declared_columns(self.settings, table) for table in ("patients", "follow_up")}
        return {table: columns for table, columns in found.items() if columns}

    @property
    def columns(self) -> dict[str, Column]:
        """Every column that the study may name."""
        return known_columns(self.settings)

    @property
    def cuts(self) -> tuple[CutColumn, ...]:
        """Factors cut from numbers."""
        return tuple(
            CutColumn(name, entry.source, entry.cuts or (), entry.labels or (), entry.label or name, entry.reference)
            for name, entry in self.settings.column.items()
            if entry.source is not None and entry.cuts is not None
        )

    @property
    def reached(self) -> tuple[ReachedColumn, ...]:
        """Factors of what was reached by a time."""
        return tuple(
            ReachedColumn(name, entry.source, entry.reached_by, (entry.labels[0], entry.labels[1]))
            for name, entry in self.settings.column.items()
            if entry.source is not None and entry.reached_by is not None and entry.labels is not None
        )

    @property
    def labels(self) -> dict[str, str]:
        """Label of every column."""
        return {name: column.label or name for name, column in self.columns.items()}

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Findings that the study accepts."""
        return tuple(Waiver(one.code, one.rows, one.reason, one.table) for one in self.settings.waive)

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """Patients whom the study sets aside."""
        return tuple(Exclusion(one.id, one.reason) for one in self.settings.exclude)


def read_study(path: str | Path) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, by custom ``study.toml``.

    Returns
    -------
    Study
        The checked study.

    Raises
    ------
    StudyFileError
        With every problem: the key, what was found, what is allowed, the closest known key.
    ConfigError
        When the lock beside the study file is damaged.
    FindingsError
        When the study reads a REDCap export that does not fit its data dictionary.
    OSError
        When the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel.study.example import write_example
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = read_study(write_example(folder))
    >>> study.settings.title, study.settings.set_of("pfs")
    ('Baseline CXCR4 PET and progression-free survival', 'prognostic')
    """
    place = Path(path)
    content = place.read_bytes()
    settings = read_settings(content, place.name)
    folder = place.resolve().parent
    settings = find_redcap_tables(folder, settings, place.name)
    problems = [*look_at_references(settings), *look_at_files(folder, settings)]
    if problems:
        raise StudyFileError(place.name, problems)
    locks = read_locks(lock_path(folder / place.name))
    return Study(study_name(place), folder, place.name, hashlib.sha256(content).hexdigest(), settings, locks)


def study_name(path: Path) -> str:
    """Name a study.

    Parameters
    ----------
    path : pathlib.Path
        The study file.

    Returns
    -------
    str
        The folder of a file ``study.toml``, else the file.

    Examples
    --------
    >>> study_name(Path("lymphoma/study.toml")), study_name(Path("lymphoma/second.toml"))
    ('lymphoma', 'second')
    """
    return path.resolve().parent.name if path.stem == "study" else path.stem
