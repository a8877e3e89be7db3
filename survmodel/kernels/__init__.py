"""Numba kernels: arrays in, arrays out; no pandas, no objects.

Every kernel is compiled by the decorator of this module, :func:`kernel`: serial code that releases the GIL, cached on
disk. Numba's own cache compares a kernel with the date of its own file only, so that editing a callee in another file
leaves the cached caller as it was. Here the stamp is a hash of all kernel sources together: change one line in any of
them and all are compiled anew. The cache lives in the user's cache folder (or below ``SURVMODEL_CACHE_DIR``), one
folder for each stamp, so that two versions of survmodel never read each other's code.

The caching classes belong to numba's internals; pyproject.toml therefore pins numba to one minor version.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

import numba
import numpy as np
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.runtime.nrt import rtsys
from numba.misc.appdirs import AppDirs

Function = TypeVar("Function", bound=Callable[..., Any])

# The C library gives memory back to the system when a few megabytes are free, and fetching the same pages anew for
# every fit costs more than all its checks. Once a block of 31 MB was freed, here untouched, it keeps that much.
np.empty(31 << 20, dtype=np.uint8)

#: Reordering sums lets the compiler use vector instructions; NaN and infinity keep their meaning.
REORDER_SUMS = {"reassoc", "contract"}


@cache
def source_stamp() -> str:
    """Hash the sources of all kernels, so that a change in any of them invalidates every cached one.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:2]}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def cache_root() -> Path:
    """Name the folder that holds compiled kernels, one subfolder for each stamp.

    Returns
    -------
    pathlib.Path
        ``SURVMODEL_CACHE_DIR`` where that is set, else the user's cache folder.
    """
    chosen = os.environ.get("SURVMODEL_CACHE_DIR")
    base = Path(chosen) if chosen else Path(AppDirs(appname="survmodel", appauthor=False).user_cache_dir)
    return base / "kernels"


class _KernelLocator(_CacheLocator):
    """Tell numba where compiled kernels are kept and what makes them stale."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return str(cache_root() / source_stamp()[:20])

    def ensure_cache_path(self) -> None:
        Path(self.get_cache_path()).mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_source_stamp(self) -> str:
        return source_stamp()

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _KernelLocator:  # noqa: ARG003
        return cls(py_func)


class _KernelCacheImpl(CompileResultCacheImpl):
    _locator_classes: ClassVar[list[Any]] = [_KernelLocator]  # type: ignore[misc]


class _KernelCache(FunctionCache):
    """A function cache that treats an unreadable or unwritable folder as an empty one."""

    _impl_class = _KernelCacheImpl

    def load_overload(self, sig: Any, target_context: Any) -> Any:  # noqa: ANN401
        # Numba would first load every implementation it could compile with, which costs a second and a cached kernel
        # needs none of them but the runtime.
        try:
            rtsys.initialize(target_context)
            return self._load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a damaged cache costs a compilation, never the analysis
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:  # noqa: ANN401
        with contextlib.suppress(OSError):
            super().save_overload(sig, data)


def kernel(*, reorder_sums: bool = False, allocates: bool = True) -> Callable[[Function], Function]:
    """Compile a function by numba: serial, without the GIL, division as numpy divides, cached soundly.

    Parameters
    ----------
    reorder_sums : bool
        Allow sums to be added in another order, which lets long sums run several times faster. The order is fixed when
        the kernel is compiled: the same machine gives the same bits every time.
    allocates : bool
        Whether the kernel makes arrays. One that does not, and works only in arrays it is given, need not count who
        holds them, which costs small kernels more than their work.

    Returns
    -------
    callable
        The decorator.
    """
    fastmath: bool | set[str] = REORDER_SUMS if reorder_sums else False
    # Numba counts references to arrays; a kernel without its runtime does not.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath, "_nrt": allocates}

    def compiled(function: Function) -> Function:
        dispatcher: Any = numba.njit(**options)(function)
        dispatcher._cache = _KernelCache(function)
        return cast(Function, dispatcher)

    return compiled


def remove_old_caches() -> int:
    """Delete kernels compiled from sources that differ from the present ones.

    Returns
    -------
    int
        How many folders were removed.
    """
    present = source_stamp()[:20]
    old = [path for path in cache_root().glob("*") if path.is_dir() and path.name != present]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)
