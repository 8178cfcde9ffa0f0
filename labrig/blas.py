"""One BLAS thread: labrig multiplies many small matrices, where a second thread costs more than it gains."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)
"""Environment variables that BLAS libraries read when they are loaded; if the user has set one, its value is used."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit every BLAS library of this process, also those loaded later, to one thread while the context is open.

    A 10 × 10 grid then takes a tenth of the CPU time that it takes with two threads. Child processes inherit the limit.
    A number of threads that the user has set takes precedence, even if it was set after NumPy was loaded.
    """
    written = next((os.environ[name] for name in VARIABLES if name in os.environ), None)
    if written is not None:
        with _limited(int(written) if written.isdecimal() and int(written) else None):
            yield
        return
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    try:
        with _limited(1):
            yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)


def _limited(threads: int | None) -> AbstractContextManager[object]:
    """Limit the BLAS libraries that are loaded already; those loaded later read the environment variables."""
    if threads is None or "numpy" not in sys.modules:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(threads, user_api="blas")
