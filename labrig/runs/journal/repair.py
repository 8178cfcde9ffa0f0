"""Repairs the write-ahead log of a journal before a run is resumed; SQLite would drop rows after a damaged frame."""

from __future__ import annotations

import os
from pathlib import Path

from labrig.errors import StorageError
from labrig.runs.journal.log import log_path, read_log
from labrig.runs.sync import sync_folder


def repair(path: Path) -> bool:
    """Move the content of a log into the journal if SQLite would not do so; the log is kept as run.db-wal.damaged.

    Returns
    -------
    bool
        Whether there was anything to repair. Rows that could not be repaired are detected by their checksums.

    Raises
    ------
    StorageError
        If files cannot be read or written.
    """
    try:
        log = read_log(log_path(path))
        if log is None or not log.hidden_by(path):
            return False
        repaired = path.with_name(f"{path.name}.repaired")
        with open(repaired, "wb") as file:
            file.write(log.applied_to(path.read_bytes()))
            file.flush()
            os.fsync(file.fileno())
        repaired.replace(path)  # before the log is renamed: repairing again after a kill gives the same journal
        sync_folder(path.parent)
        log_path(path).replace(log_path(path).with_name(f"{log_path(path).name}.damaged"))
        sync_folder(path.parent)
        path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"cannot repair {path}: {error}", remedy="check the disk and the folder's permissions"
        ) from error
    return True
