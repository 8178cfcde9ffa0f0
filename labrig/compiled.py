"""Compiled code for large problems; small ones avoid numba, which takes 0.5 s to import and seconds to compile.

Machine code is kept on disk: next to the module or, if that folder is read-only, in the user's numba folder.
"""

# pyright: basic
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

T = TypeVar("T", bound=Callable[..., Any])


def compiled(function: T) -> T:
    """Compile a function at its first call, unless its machine code is on disk; print a message when compiling."""
    kernel: Any = numba.njit(cache=True, error_model="numpy", nogil=True)(function)
    announced = False

    def call(*arguments: Any) -> Any:
        nonlocal announced
        if not announced:
            announced = True
            if not _kept(kernel, function):
                print("labrig: compiling for large boards (once) …", file=sys.stderr, flush=True)
        return kernel(*arguments)

    return call  # type: ignore[return-value]


def helper(function: T) -> T:
    """Compile a function that other compiled functions call."""
    kernel: Any = numba.njit(error_model="numpy")(function)
    return kernel


def _kept(kernel: Any, function: Callable[..., Any]) -> bool:
    """Return whether numba has stored machine code for this function on disk, as its index file shows."""
    source = Path(function.__code__.co_filename).stem
    return any(Path(kernel.stats.cache_path).glob(f"{source}.{function.__qualname__}-*.nbi"))
