"""note: add a note or a tag to a run, or print its notes."""

from __future__ import annotations

import argparse

from labrig.cli.options import add_run, named, print_damaged_lines
from labrig.json_text import json_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)
    parser.add_argument(
        "text", nargs="?", default="", metavar="TEXT", help="the note; without TEXT and --tag, the notes are printed"
    )
    parser.add_argument("--tag", dest="tags", type=named, action="append", default=[], metavar="T", help="add a tag")


def execute(arguments: argparse.Namespace) -> int:
    """Add the note, then print every note of the run."""
    from labrig.runs.folder import find_run
    from labrig.runs.notes import add_note, read_notes, tags_of

    folder = find_run(arguments.run, arguments.runs_dir)
    if arguments.text or arguments.tags:
        add_note(folder, arguments.text, arguments.tags)
    notes = read_notes(folder)
    print_damaged_lines(folder)
    if arguments.json:
        line = {"event": "notes", "run": str(folder.path), "notes": [note.to_json() for note in notes]}
        print(json_text({**line, "tags": tags_of(notes)}))
        return 0
    for note in notes:
        print("  ".join(part for part in (note.written, note.text, " ".join(f"#{tag}" for tag in note.tags)) if part))
    return 0
