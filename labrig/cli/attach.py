"""attach: follow a run started with --detach; Ctrl-C does not stop the run, `labrig abort` does."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from labrig.cli.options import add_run
from labrig.cli.run_output import INTERRUPTED, VERDICT_FAILED, emit
from labrig.json_text import json_text

if TYPE_CHECKING:
    from labrig.runs.folder import RunFolder

FAILED = 1
ENDS = ("finished", "interrupted", "error")
"""Events that end a run; the last line of its output reports one of them."""
LAST_LINE_S = 60.0
"""Longest time from the end of a run in its journal to the last line of its output (s); plots are drawn meanwhile."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the output of the run, past and new, and how it ended; returns its exit code, or 0 after Ctrl-C."""
    from labrig.cli.detached import follow
    from labrig.runs.folder import find_run

    folder = find_run(arguments.run, arguments.runs_dir)
    shown = _Shown(arguments, ends=not _resumed(folder))
    try:
        follow(folder.path, lambda: shown.ends and _goes_on(folder, shown.last), shown.show)
        if not _resumed(folder) and shown.last.get("event") in ENDS:
            return _exit_code(shown.last)
        _wait(folder)
    except KeyboardInterrupt:
        return 0
    return _tell(arguments, folder)


class _Shown:
    """Shows lines of the output; if `ends` is False, omits how the run ended, because the run was resumed."""

    def __init__(self, arguments: argparse.Namespace, ends: bool) -> None:
        self._arguments = arguments
        self.ends = ends
        self.last: dict[str, Any] = {}

    def show(self, line: str) -> None:
        """Show a line: JSON on stdout, others on stderr."""
        from labrig.cli.detached import parsed

        found = parsed(line)
        if not found:
            print(line, file=sys.stderr, flush=True)
            return
        self.last = found
        hidden = not self.ends and found["event"] in ENDS
        # The message of an error has a line of its own, which goes to stderr.
        if not hidden and (self._arguments.json or found["event"] != "error"):
            emit(self._arguments, found)


def _resumed(folder: RunFolder) -> bool:
    """Return whether the run was resumed: always by another process, so its output since then went elsewhere."""
    from labrig.errors import StorageError
    from labrig.runs.journal import read_overview

    try:
        return any(event.event == "resumed" for event in read_overview(folder.journal).events)
    except StorageError:  # the journal is being created, or is damaged, which `_tell` reports
        return False


def _goes_on(folder: RunFolder, last: dict[str, Any]) -> bool:
    """Return whether more output is to be expected after the line `last`."""
    from labrig.errors import StorageError
    from labrig.runs.journal import read_overview
    from labrig.runs.lock import is_being_written
    from labrig.runs.summary import last_end

    if is_being_written(folder.journal):
        return True
    changed = folder.journal if folder.journal.is_file() else folder.path
    if last.get("event") in ENDS or time.time() > changed.stat().st_mtime + LAST_LINE_S:
        return False
    try:
        return last_end(read_overview(folder.journal).events) is not None
    except StorageError:  # the journal is being created
        return True


def _wait(folder: RunFolder) -> None:
    """Wait for the end of a run that was resumed elsewhere."""
    from labrig.runs.lock import is_being_written, writer

    if is_being_written(folder.journal):
        text = f"the run was resumed and goes on in process {writer(folder.journal)}, where its output appears; waiting"
        print(f"labrig: {text} until the run ends", file=sys.stderr, flush=True)
    while is_being_written(folder.journal):
        time.sleep(0.2)


def _tell(arguments: argparse.Namespace, folder: RunFolder) -> int:
    """Print how the run ended according to its journal; returns its exit code."""
    from labrig import errors
    from labrig.runs.journal import read_overview
    from labrig.runs.summary import last_end
    from labrig.runs.units import counted

    overview = read_overview(folder.journal)
    event, detail = last_end(overview.events) or ("killed", {})
    if event in ENDS:
        emit(arguments, {**detail, "run": str(folder.path)})
        return _exit_code(detail)
    after, resume = counted(overview.steps, "step"), f"continue with: labrig resume {folder.path}"
    if event == "killed":
        code, text = INTERRUPTED, f"the run was killed after {after}; {resume}"
    else:
        code = getattr(getattr(errors, detail.get("kind", ""), None), "exit_code", FAILED)
        text = f"the run failed after {after}: {detail.get('message', '')}; after correcting the cause, {resume}"
    if arguments.json:
        line = {"event": event, "run": str(folder.path), "steps": overview.steps, "message": text, "exit_code": code}
        print(json_text(line), flush=True)
    print(f"labrig: {text}", file=sys.stderr)
    return code


def _exit_code(last: dict[str, Any]) -> int:
    """Return the exit code that the last line of a run implies."""
    if last["event"] == "error":
        return int(last.get("exit_code", FAILED))
    if last["event"] == "interrupted":
        return INTERRUPTED
    return VERDICT_FAILED if last.get("missed") else 0
