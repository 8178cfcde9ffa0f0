"""Whether a run's folder is as it was written: every row of the journal, and every file that the journal knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from labrig.errors import StorageError
from labrig.runs.folder import RunFolder
from labrig.runs.journal import DamagedJournal, Record, StoredFile, read_blocks, read_journal
from labrig.runs.raw import RawBlocks


def require_intact(folder: RunFolder) -> Record:
    """Read the journal of a run and check its other files.

    Raises
    ------
    StorageError
        If something is damaged, naming each row and file.
    """
    record = read_journal(folder.journal)
    damaged = list(damaged_files(folder, record.files))
    if damaged:
        raise StorageError(
            f"{folder.path} is damaged: {', '.join(damaged)}",
            remedy="restore what is damaged from a copy",
        )
    return record


def damages(folder: RunFolder, samples: bool = False) -> list[str]:
    """Return what is damaged in the folder of a run, in words; empty if nothing is.

    With `samples`, every stored sample is read and checked, too.
    """
    try:
        record = read_journal(folder.journal)
        blocks = read_blocks(folder.journal) if samples else ()
    except DamagedJournal as error:
        return list(error.rows)
    except StorageError as error:
        return [error.message]
    return [*damaged_files(folder, record.files), *RawBlocks(folder.path, blocks).damaged()]


def damaged_files(folder: RunFolder, files: tuple[StoredFile, ...]) -> Iterator[str]:
    """Yield, in words, which of these files are not as they were written."""
    for file in files:
        try:
            content = (folder.path / file.name).read_bytes()
        except FileNotFoundError:
            yield f"{file.name} is missing"
        except OSError as error:
            yield f"{file.name} cannot be read: {error.strerror}"
        else:
            if hashlib.sha256(content).hexdigest() != file.sha256:
                yield f"{file.name} has changed"
