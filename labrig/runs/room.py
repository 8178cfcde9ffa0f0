"""Disk space: a run stops before the disk is full, so that its end can still be recorded."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from labrig.errors import StorageError
from labrig.files import format_bytes

RESERVE_BYTES = 4 << 20
"""Space that is kept free (bytes) for the log of SQLite and the last events."""


def require_room(folder: Path) -> None:
    """Raise StorageError if less than the reserve is free."""
    free = shutil.disk_usage(folder).free
    if free < RESERVE_BYTES:
        raise StorageError(
            f"the disk of {folder} has only {format_bytes(free)} left",
            limit=format_bytes(RESERVE_BYTES),
            remedy=f"free disk space, then continue with: labrig resume {folder}",
        )


def warn_of_little_room(folder: Path, needed: int) -> None:
    """Warn if a run will store more than the free space (`needed` in bytes)."""
    free = shutil.disk_usage(folder).free
    if needed > free - RESERVE_BYTES:
        logging.getLogger("labrig").warning(
            "labrig: warning: the run will store about %s, but the disk of %s has only %s free, so the run "
            "will stop before the disk is full; free disk space, or store less (storage.raw, storage.gradients)",
            *(format_bytes(needed), folder, format_bytes(free)),
        )
