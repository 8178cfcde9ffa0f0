"""stdin, stdout and stderr that never end a command: closed ones, a reader that has gone, letters they cannot write."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Collection
from typing import Any

STORAGE = 6
_READER_GONE = (errno.EPIPE, errno.ECONNRESET)
_TERMINAL_GONE = (errno.EIO, errno.ENXIO)


def mend_streams() -> None:
    """Replace what would fail.

    A stream that was closed is the null device: its number would otherwise go to the next file that is opened, the
    journal for one. What is written for a reader or a terminal that has gone is dropped, and so is whatever stderr
    cannot take. A character that the encoding lacks is written as its escape.
    """
    for number in (0, 1, 2):
        _occupy(number)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    sys.stdout = _mended(sys.stdout, _READER_GONE)
    sys.stderr = _mended(sys.stderr, None)


def flushed(code: int) -> int:
    """The exit code after what is still buffered was written: 6 where a command that went well cannot say so."""
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"labrig: cannot write to stdout: {error.strerror}", file=sys.stderr)
        sys.stdout = _null()
        return code or STORAGE
    return code


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def _mended(stream: Any, dropped: Collection[int] | None) -> Any:
    if stream is None:
        return _null()
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # unbuffered (-u) it is the file itself
    if not isinstance(raw, io.FileIO):  # a console of Windows, or a stream of whoever called
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    if dropped is not None and raw.isatty():
        dropped = (*dropped, *_TERMINAL_GONE)
    file = _Undisturbed(raw.fileno(), dropped)
    return io.TextIOWrapper(
        file if buffer is raw else io.BufferedWriter(file),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _null() -> Any:
    return open(os.devnull, "w", encoding="utf-8")


class _Undisturbed(io.FileIO):
    """Drops what cannot be written for one of the reasons given as error numbers; None: for any."""

    def __init__(self, number: int, dropped: Collection[int] | None) -> None:
        super().__init__(number, "wb", closefd=False)
        self._dropped = dropped

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if self._dropped is None or error.errno in self._dropped:
                return memoryview(data).nbytes
            raise
