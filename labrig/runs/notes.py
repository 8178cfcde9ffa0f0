"""Notes and tags that users add to a run, one line of JSON each in notes.jsonl. No other file of the run changes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labrig.errors import StorageError
from labrig.files import content_of
from labrig.json_text import json_text
from labrig.runs.folder import RunFolder
from labrig.runs.sync import sync_folder

NOTES = "notes.jsonl"


@dataclass(frozen=True)
class Note:
    """A note: the time at which it was written (ISO 8601), its text (may be empty), and its tags."""

    written: str
    text: str
    tags: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the note as plain values."""
        return {"written": self.written, "text": self.text, "tags": list(self.tags)}


def add_note(folder: RunFolder, text: str, tags: Sequence[str] = ()) -> Note:
    """Add a note to a run, which may still be going on. Raises StorageError if it cannot be written."""
    note = Note(datetime.now(UTC).isoformat(timespec="seconds"), text, tuple(dict.fromkeys(tags)))
    try:
        with open(folder.path / NOTES, "ab") as file:
            file.write(json_text(note.to_json(), ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder.path)
    except OSError as error:
        raise StorageError(f"cannot write {folder.path / NOTES}: {error.strerror}") from error
    return note


def read_notes(folder: RunFolder) -> list[Note]:
    """Return the notes of a run, oldest first. Lines that are damaged or not written by labrig are left out."""
    try:
        lines = content_of(folder.path / NOTES).splitlines()
    except OSError:
        return []
    return [note for note in map(_read, lines) if note is not None]


def tags_of(notes: Sequence[Note]) -> list[str]:
    """Return every tag once, in the order in which the tags were added."""
    return list(dict.fromkeys(tag for note in notes for tag in note.tags))


def _read(line: bytes) -> Note | None:
    try:
        found = json.loads(line)
        written, text, tags = found["written"], found["text"], found["tags"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(tags, list) or not all(isinstance(each, str) for each in (written, text, *tags)):
        return None
    return Note(written, text, tuple(tags))
