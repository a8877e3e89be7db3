"""One run at a time in a folder of results; the operating system frees the folder when a run dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"


@contextmanager
def one_run(folder: Path) -> Iterator[None]:
    """Hold a folder for the time of a block.

    Parameters
    ----------
    folder : pathlib.Path
        An existing folder.

    Yields
    ------
    None
        While no other run can hold it.

    Raises
    ------
    BlockingIOError
        When another run holds it.
    """
    handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        _take(handle)
    except OSError:
        os.close(handle)
        remedy = "wait for it to end, or choose another folder with --out"
        raise BlockingIOError(f"another run is writing to {folder}: {remedy}") from None
    try:
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        os.close(handle)


def _take(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
