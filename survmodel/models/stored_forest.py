"""Forests on disk: trees and columns, never the rows that they were grown on, and nothing that runs when it is read.

A file holds arrays in numpy's own format, without pickled objects, and one text in JSON: columns, levels, counts. Cuts
lie halfway between values of patients and steps at times of events, as in any tree.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survmodel.errors import ConfigError, DataError
from survmodel.formatting import count_noun, format_count
from survmodel.kernels.forest_trees import LEAF, Trees
from survmodel.models.forest_columns import ForestColumns
from survmodel.models.forest_predictions import ForestPredictions
from survmodel.models.grown_trees import GrownTrees, Sampling
from survmodel.models.survival_forest_fit import SurvivalForestFit
from survmodel.result import Display, Result, frozen
from survmodel.writing import write_whole

Floats = npt.NDArray[np.float64]

FORMAT = "survmodel forest 1"
SUFFIX = ".npz"
#: A file that would unpack to more than this is no forest of ours.
MOST_BYTES = 4 * 10**9
#: Types of the arrays of trees, in the order of their fields.
_TYPES = ("i8", "i4", "f8", "u8", "i4", "?", "f8", "i8", "i4", "i4", "f8")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class StoredForest(ForestPredictions, Result):
    """A forest read from a file: it predicts, and knows nothing of the rows that it was grown on.

    Attributes
    ----------
    coding : ForestColumns
        How a table is read.
    engine : GrownTrees
        The trees.
    times : ndarray, shape (n_times,)
        Where curves are given unless other times are asked for.
    about : dict
        Endpoint, unit of time, formula, counts and settings of the fit.
    warnings : tuple of str
        Those of the fit.
    """

    coding: ForestColumns
    engine: GrownTrees
    times: Floats
    about: dict[str, Any]
    warnings: tuple[str, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Give the columns that the forest reads.

        Returns
        -------
        pandas.DataFrame
            Columns term, variables, kind, levels.
        """
        rows = [
            (column.name, ", ".join(column.variables), column.kind, ", ".join(column.levels))
            for column in self.coding.columns
        ]
        return pd.DataFrame(rows, columns=["term", "variables", "kind", "levels"])

    def glance(self) -> pd.DataFrame:
        """Give what was stored of the fit in one row.

        Returns
        -------
        pandas.DataFrame
            One row.
        """
        return pd.DataFrame([self.about])

    def _display(self) -> Display:
        about = self.about
        title = (
            f"Stored random survival forest, {about['endpoint']}: grown on {count_noun(about['n'], 'row')} with "
            f"{count_noun(about['n_event'], 'event')}, {format_count(about['n_trees'])} trees"
        )
        unit = about["unit"] or "the unit of the outcome"
        return Display(title, (), (f"reads {about['formula']}; times in {unit}",))


def save_model(fit: SurvivalForestFit, path: str | os.PathLike[str]) -> None:
    """Write a forest to a file, without the rows that it was grown on.

    Parameters
    ----------
    fit : SurvivalForestFit
        A forest of our own engine.
    path : path-like
        A file name that ends in ".npz". What is there is replaced once the new file is whole.

    Raises
    ------
    ConfigError
        For another suffix, and for anything but a forest of our own engine.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel import Outcome, RandomSurvivalForest
    >>> table = pd.DataFrame({"x": np.arange(60.0)})
    >>> fit = RandomSurvivalForest("x", n_trees=20).fit(table, Outcome(61.0 - table["x"], np.ones(60)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(fit, f"{folder}/forest.npz")
    ...     os.listdir(folder)
    ['forest.npz']
    """
    target = Path(path)
    if target.suffix != SUFFIX:
        raise ConfigError(f"a forest is stored as {SUFFIX}", f"found the name {target.name}")
    engine = getattr(fit, "engine", None)
    if not isinstance(engine, GrownTrees) or not isinstance(fit, SurvivalForestFit):
        raise ConfigError(
            f"a {type(fit).__name__} is not stored",
            remedy='only a RandomSurvivalForest with engine="survmodel" is stored as a file',
        )
    about = {
        "format": FORMAT,
        "endpoint": fit.outcome.endpoint,
        "unit": fit.outcome.unit,
        "formula": fit.design.formula.text,
        "n": fit.n,
        "n_event": fit.n_event,
        "n_trees": engine.states.size,
        "mtry": fit.mtry,
        "min_leaf": fit.min_leaf,
        "seed": fit.spec.seed,
    }
    text = json.dumps({"about": about, "coding": fit.coding.to_json(), "warnings": list(fit.warnings)})
    arrays = {
        **engine.trees._asdict(),
        "event_times": engine.event_times,
        "last_time": np.array([engine.last_time]),
        "times": fit.times,
        "text": np.frombuffer(text.encode(), dtype=np.uint8),
    }
    write_whole(target, _pack(arrays))


def _pack(arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Pack arrays as numpy's savez does, but with a fixed date: the same forest gives the same bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, values in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def load_model(path: str | os.PathLike[str]) -> StoredForest:
    """Read a forest that :func:`save_model` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    StoredForest
        It predicts the same numbers as the forest that was stored.

    Raises
    ------
    DataError
        When the file cannot be read, is no stored forest, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from survmodel import Outcome, RandomSurvivalForest
    >>> table = pd.DataFrame({"x": np.arange(60.0)})
    >>> fit = RandomSurvivalForest("x", n_trees=20).fit(table, Outcome(61.0 - table["x"], np.ones(60)))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(fit, f"{folder}/forest.npz")
    ...     stored = load_model(f"{folder}/forest.npz")
    >>> bool((stored.prognostic_index(table) == fit.prognostic_index(table)).all())
    True
    """
    try:
        arrays = _unpack(Path(path))
        stored = json.loads(arrays["text"].tobytes().decode())
        about, coding = stored["about"], ForestColumns.from_json(stored["coding"])
        if about["format"] != FORMAT:
            raise DataError(f"the file is no {FORMAT}", remedy="store the forest again")
        trees = Trees._make(arrays[name] for name in Trees._fields)
        event_times, times = arrays["event_times"], arrays["times"]
        _check_trees(trees, coding, event_times.size, about["n_trees"])
        last_time, warnings = float(arrays["last_time"][0]), tuple(stored["warnings"])
    except (OSError, zipfile.BadZipFile, LookupError, TypeError, ValueError, EOFError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError("the file cannot be read as a stored forest", str(error), "store the forest again") from error
    engine = GrownTrees(
        trees=trees,
        event_times=event_times,
        last_time=last_time,
        unordered=coding.unordered,
        states=np.zeros(about["n_trees"], dtype=np.uint64),
        sampling=Sampling(n_draws=0, replace=True, cumulative=np.empty(0)),
        first_copy=np.empty(0, dtype=np.int64),
        n_rows=0,
    )
    return StoredForest(coding, engine, frozen(times), about, warnings)


def _unpack(path: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > MOST_BYTES:
        raise DataError("the file is too large for a forest", f"it would unpack to {size} bytes")
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _check_trees(trees: Trees, coding: ForestColumns, n_times: int, n_trees: int) -> None:
    """Refuse trees that would lead a reader astray: every index must lie where it should."""
    bounds, n_nodes = trees.node_bounds, trees.feature.size
    sizes = {field.size for field in (trees.cut, trees.left, trees.missing_left, trees.mortality, trees.first_step)}
    with_levels = bool(coding.unordered.any())
    fields: list[npt.NDArray[Any]] = list(trees)
    sound = all(field.dtype == np.dtype(kind) and field.ndim == 1 for field, kind in zip(fields, _TYPES, strict=True))
    sound = sound and sizes == {n_nodes} == {trees.n_steps.size} and bounds.size == n_trees + 1 > 1
    sound = sound and trees.left_levels.size == (n_nodes if with_levels else 0)
    sound = sound and bounds[0] == 0 and bounds[-1] == n_nodes and bool((np.diff(bounds) > 0).all())
    if not sound:
        raise DataError("the stored trees do not fit together", remedy="store the forest again")
    # A child stands behind its parent, in the same tree: no way through a tree is endless.
    node = np.arange(n_nodes) - np.repeat(bounds[:-1], np.diff(bounds))
    size = np.repeat(np.diff(bounds), np.diff(bounds))
    inner = trees.feature != LEAF
    places = trees.step_place
    sound = bool(
        ((trees.feature >= LEAF) & (trees.feature < len(coding.columns))).all()
        and ((trees.left > node) & (trees.left + 1 < size))[inner].all()
        and (trees.n_steps >= 0).all()
        and (trees.first_step >= 0).all()
        and (trees.first_step + trees.n_steps <= places.size).all()
        and places.size == trees.hazard_step.size
        and ((places >= 0) & (places < n_times)).all()
    )
    if not sound:
        raise DataError("the stored trees do not fit together", remedy="store the forest again")
