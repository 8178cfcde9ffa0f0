"""Reads files that users name, or that belong to a run, without waiting forever, and formats file sizes.

Opening a FIFO waits until another process opens its other end, and reading waits until that process writes.
"""

from __future__ import annotations

import os
import select
import stat
import time
from pathlib import Path

PIPE_S = 5.0
"""Time to wait for the content of a pipe (s)."""

_AT_ONCE = 1 << 16


def content_of(path: Path, most: int | None = None) -> bytes:
    """Return the content of a file or of a pipe such as the shell's <(…); if `most` is given, at most this many bytes.

    Raises
    ------
    OSError
        If the file cannot be read; TimeoutError if a pipe is not closed within `PIPE_S`.
    """
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if stat.S_ISREG(os.fstat(file).st_mode) or os.name == "nt":
            with open(file, "rb", closefd=False) as stream:
                return stream.read(-1 if most is None else most)
        return _from_pipe(file, path, most)
    except OSError as error:
        error.filename = error.filename or str(path)  # reading a directory names none
        raise
    finally:
        os.close(file)


def format_bytes(count: float) -> str:
    """Return a number of bytes in MB, or in GB from 1 GB: '3.51 MB'."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{float(f'{count / 1e6:.3g}'):g} MB"


def _from_pipe(file: int, path: Path, most: int | None) -> bytes:
    content = bytearray()
    ends = time.monotonic() + PIPE_S
    while most is None or len(content) < most:
        if not select.select([file], [], [], max(0.0, ends - time.monotonic()))[0]:
            raise TimeoutError(0, f"the pipe was not closed within {PIPE_S:g} s", str(path))
        if not (part := os.read(file, _AT_ONCE)):
            break
        content += part
    return bytes(content[:most])
