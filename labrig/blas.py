"""One BLAS thread: labrig multiplies many small matrices, where a second thread costs more than it gains."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)
"""Environment variables that BLAS libraries read when they are loaded; if the user has set one, its number is used."""


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit every BLAS library of this process, also those loaded later, to one thread while the context is open.

    A 10 × 10 grid then takes a tenth of the CPU time that it takes with two threads. Child processes inherit the limit.
    If the user has set the number of threads, this number holds, although NumPy may have been loaded before it was set.
    """
    from threadpoolctl import threadpool_limits

    written = next((os.environ[name] for name in VARIABLES if name in os.environ), None)
    if written is not None:
        count = int(written) if written.isdecimal() and int(written) else None
        with threadpool_limits(count, user_api="blas"):
            yield
        return
    os.environ.update(dict.fromkeys(VARIABLES, "1"))
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)
