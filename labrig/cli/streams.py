"""Standard streams that never abort a command, and that write only printable text."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Collection
from typing import Any

from typing_extensions import override

STORAGE = 6
_PIPE_CLOSED = (errno.EPIPE, errno.ECONNRESET)
_TERMINAL_CLOSED = (errno.EIO, errno.ENXIO)


def protect_streams() -> None:
    """Replace standard streams that could fail.

    A closed stream becomes the null device; otherwise the next file opened, such as the journal, would get its file
    descriptor. Output to a broken pipe or a closed terminal is dropped, as is anything that stderr cannot write.
    Characters that the encoding lacks and control characters are written as escapes, so names and texts from files
    cannot send commands to the terminal.
    """
    for number in (0, 1, 2):
        _occupy(number)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    sys.stdout = _protected(sys.stdout, _PIPE_CLOSED)
    sys.stderr = _protected(sys.stderr, None)


def flush_stdout(code: int) -> int:
    """Flush stdout and return the exit code: 6 if flushing fails and `code` is 0, else `code`."""
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"labrig: cannot write to stdout: {error.strerror}", file=sys.stderr)
        sys.stdout = _null()
        return code or STORAGE
    return code


def _occupy(number: int) -> None:
    """Open the null device on a file descriptor if it is closed."""
    try:
        os.fstat(number)
    except OSError:
        null = os.open(os.devnull, os.O_RDWR)
        if null != number:
            os.dup2(null, number)
            os.close(null)


def _protected(stream: Any, dropped: Collection[int] | None) -> Any:
    if stream is None:
        return _null()
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # with python -u the buffer is the raw file itself
    if not isinstance(raw, io.FileIO):  # a Windows console, or a stream the caller replaced
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    if dropped is not None and raw.isatty():
        dropped = (*dropped, *_TERMINAL_CLOSED)
    file = _DroppingFile(raw.fileno(), dropped)
    return _Printable(
        file if buffer is raw else io.BufferedWriter(file),  # type: ignore[arg-type]
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters except tab and line feed, and characters that reverse the direction of the text after them."""


class _Printable(io.TextIOWrapper):
    """Writes control characters as escapes."""

    @override
    def write(self, text: str, /) -> int:
        return super().write(_CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text))


class Unfiltered:
    """A stream through which control characters pass unchanged: a progress bar needs them to control the terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text unchanged."""
        if isinstance(self._stream, _Printable):
            return io.TextIOWrapper.write(self._stream, text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _null() -> Any:
    return open(os.devnull, "w", encoding="utf-8")


class _DroppingFile(io.FileIO):
    """Drops output that fails with one of the given error numbers; None drops on any error."""

    def __init__(self, number: int, dropped: Collection[int] | None) -> None:
        super().__init__(number, "wb", closefd=False)
        self._dropped = dropped

    @override
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if self._dropped is None or error.errno in self._dropped:
                return memoryview(data).nbytes
            raise
