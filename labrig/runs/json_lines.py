"""Files of a run that users add to, one line of JSON each: notes and certificates."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from labrig.errors import StorageError
from labrig.files import content_of
from labrig.json_text import json_text
from labrig.runs.sync import sync_folder

T = TypeVar("T")


def append(path: Path, values: Mapping[str, Any]) -> None:
    """Add a line to a file, completely or not at all; raises StorageError if it cannot be written."""
    try:
        before = path.stat().st_size if path.exists() else None
        try:
            with open(path, "ab", buffering=0) as file:
                _write(file.fileno(), json_text(values, ensure_ascii=False).encode() + b"\n")
                os.fsync(file.fileno())
        except OSError:
            _take_back(path, before)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}",
            remedy="check the free space and the permissions of the folder, and try again",
        ) from error


def read(path: Path, parsed: Callable[[Any], T | None]) -> list[T]:
    """Return `parsed(line)` for each line of a file, in order; lines for which it is None are left out."""
    try:
        return [found for _, found in _lines(path, parsed) if found is not None]
    except OSError:
        return []


def damages(path: Path, parsed: Callable[[Any], T | None]) -> list[str]:
    """Return a message for each damaged line of a file; none if the file does not exist."""
    try:
        return [f"{path.name}: line {number} is damaged" for number, found in _lines(path, parsed) if found is None]
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"{path.name} cannot be read: {error.strerror}"]


def _lines(path: Path, parsed: Callable[[Any], T | None]) -> Iterator[tuple[int, T | None]]:
    for number, line in enumerate(content_of(path).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, parsed(json.loads(line))
        except (ValueError, KeyError, TypeError, RecursionError):
            yield number, None


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]


def _take_back(path: Path, size: int | None) -> None:
    """Return a file to its size before a line that was written only in part; None if there was no file."""
    with suppress(OSError):
        if size is None:
            path.unlink(missing_ok=True)
        else:
            os.truncate(path, size)
