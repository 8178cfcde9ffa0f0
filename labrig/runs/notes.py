"""Notes and tags that users add to a run, one line of JSON each in notes.jsonl. No other file of the run changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labrig.runs.folder import RunFolder
from labrig.runs.json_lines import append, damages, read

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
    append(folder.path / NOTES, note.to_json())
    return note


def read_notes(folder: RunFolder) -> list[Note]:
    """Return the notes of a run, oldest first, without the lines that `damaged_notes` names."""
    return read(folder.path / NOTES, _note)


def damaged_notes(folder: RunFolder) -> list[str]:
    """Return a message for each line of notes.jsonl that is damaged or was not written by labrig."""
    return damages(folder.path / NOTES, _note)


def tags_of(notes: Sequence[Note]) -> list[str]:
    """Return every tag once, in the order in which the tags were added."""
    return list(dict.fromkeys(tag for note in notes for tag in note.tags))


def _note(found: Any) -> Note | None:
    written, text, tags = found["written"], found["text"], found["tags"]
    if not isinstance(tags, list) or not all(isinstance(each, str) for each in (written, text, *tags)):
        return None
    return Note(written, text, tuple(tags))
