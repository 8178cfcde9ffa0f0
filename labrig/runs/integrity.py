"""Checks that a run's folder is undamaged: every row of the journal, and every file that the journal lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from labrig.errors import StorageError
from labrig.runs.certificates import damaged_certificates
from labrig.runs.folder import CONFIG, META, RunFolder
from labrig.runs.journal import DamagedJournal, Record, StoredFile, read_blocks, read_journal
from labrig.runs.notes import damaged_notes
from labrig.runs.raw import RawBlocks
from labrig.runs.sync import sync_folder


def configuration_of(folder: RunFolder) -> Path:
    """Return the path of the configuration of a run.

    Raises
    ------
    StorageError
        If it is missing. The journal is then read, so that the message can say whether it was ever written.
    """
    if folder.has(CONFIG):
        return folder.path / CONFIG
    if folder.has(META) or any(file.name == CONFIG for file in read_journal(folder.journal).files):
        raise folder.damaged(CONFIG, "it is missing")
    raise StorageError(
        f"{folder.path} ended before its configuration was written", remedy="start it again with labrig run"
    )


def require_intact(folder: RunFolder) -> Record:
    """Read the journal of a run and check its other files.

    Raises
    ------
    StorageError
        If anything is damaged; the message names each damaged row and file.
    """
    record = read_journal(folder.journal)
    damaged = list(damaged_files(folder, record.files))
    if damaged:
        raise StorageError(
            f"{folder.path} is damaged: {', '.join(damaged)}",
            remedy="restore the damaged files from a copy",
        )
    return record


def damages(folder: RunFolder, samples: bool = False) -> list[str]:
    """Return a message for each damage in the folder of a run; empty if there are none.

    With `samples`, every stored sample is read and checked too.
    """
    return [*_of_the_journal(folder, samples), *damaged_lines(folder)]


def _of_the_journal(folder: RunFolder, samples: bool) -> list[str]:
    try:
        record = read_journal(folder.journal)
        blocks = read_blocks(folder.journal) if samples else ()
    except DamagedJournal as error:
        return list(error.rows)
    except StorageError as error:
        return [error.message]
    return [*damaged_files(folder, record.files), *RawBlocks(folder.path, blocks).damaged()]


def damaged_lines(folder: RunFolder) -> list[str]:
    """Return a message for each damaged line in the files that users add to; readers leave these lines out."""
    return [*damaged_notes(folder), *damaged_certificates(folder)]


def damaged_files(folder: RunFolder, files: tuple[StoredFile, ...]) -> Iterator[str]:
    """Yield a message for each of these files that has changed or is missing."""
    for file in files:
        if folder.find(file) is None:
            yield f"{file.name} {'has changed' if folder.has(file.name) else 'is missing'}"


def finish_writing(folder: RunFolder, files: tuple[StoredFile, ...]) -> None:
    """Complete every replacement of a file that was interrupted by a kill; raises StorageError if that fails."""
    for file in files:
        found = folder.find(file)
        if found is not None and found != folder.path / file.name:
            try:
                found.replace(folder.path / file.name)
                sync_folder(found.parent)
            except OSError as error:
                raise StorageError(
                    f"cannot write {folder.path / file.name}: {error.strerror}; check permissions and free space"
                ) from error
