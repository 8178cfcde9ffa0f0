"""Runs that continue without a terminal: `labrig run --detach` starts one, and its output goes to its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from labrig.errors import DeadlineExceeded, LabrigError, StorageError

LOG = "output.jsonl"
"""File of a detached run's output: JSON lines, and messages on lines of their own."""
BEFORE = "output.1.jsonl"
"""File to which the earlier output is moved when the output becomes long."""
LONGEST = 4 << 20
"""Length (bytes) at which the output is moved; the output that was moved before is lost."""
START_S = 120.0
_begun: list[subprocess.Popen[bytes]] = []  # kept, as Python warns of a process that outlives its object


def detach(command: Sequence[str], runs_dir: Path) -> dict[str, Any]:
    """Start a run in a new session, and wait until its folder exists.

    Parameters
    ----------
    command
        Arguments of labrig, without --detach.
    runs_dir
        Folder in which its output is kept until its own folder exists.

    Returns
    -------
    dict
        The first line of the run, "started", with the process id.

    Raises
    ------
    StorageError
        If `runs_dir` cannot be written.
    LabrigError
        If the run ended before it had a folder; the error contains the run's messages.
    DeadlineExceeded
        If the run has no folder within `START_S`; the run is then stopped.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=".detached-", suffix=".jsonl", dir=runs_dir)
    except OSError as error:
        text = f"cannot write in {runs_dir}: {error.strerror}"
        raise StorageError(text, remedy="choose another --runs-dir") from error
    log = Path(name)
    os.close(number)
    with log.open("ab") as output:  # every process appends, so that the file can be truncated
        process = subprocess.Popen(
            [sys.executable, "-m", "labrig", *command, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _begun.append(process)
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        ended = process.poll() is not None
        text = log.read_text(encoding="utf-8", errors="replace")
        for line in map(parsed, text.splitlines()):
            if line.get("event") == "started":
                log.replace(Path(line["run"]) / LOG)
                return {**line, "process": process.pid}
        if ended:
            log.unlink()
            said = [line.removeprefix("labrig: ") for line in text.splitlines() if not parsed(line)]
            raise LabrigError("\n".join(said) or f"the run ended with exit code {process.returncode}")
        time.sleep(0.05)
    process.terminate()
    raise DeadlineExceeded("the run did not start", limit=f"{START_S:g} s", remedy=f"see {log}")


def keep_short(folder: Path, longest: int = LONGEST) -> None:
    """Move the output so far to another file if this process is a detached run and its output has become too long.

    The file is copied and truncated, so that other processes that write to it, such as the watchdog, keep using it.
    """
    try:
        length = os.fstat(1).st_size
        if length <= longest:
            return
        log = folder / LOG
        if not os.path.samestat(os.fstat(1), log.stat()):
            return
        new = folder / f".{BEFORE}"
        shutil.copyfile(log, new)
        new.replace(folder / BEFORE)
        os.ftruncate(1, 0)
    except OSError:  # the file keeps growing; if the disk is full, the journal reports it
        return


def follow(folder: Path, running: Callable[[], bool], print_line: Callable[[str], None]) -> dict[str, Any]:
    """Print the output of a detached run until `running()` is False; return its last event.

    `running` is called whenever all output so far has been printed.

    Raises
    ------
    StorageError
        If the run was not detached, or its output cannot be read.
    """
    path, before = folder / LOG, folder / BEFORE
    last: dict[str, Any] = {}

    def show(line: bytes) -> None:
        nonlocal last
        text = line.decode("utf-8", "replace").rstrip("\n")
        last = parsed(text) or last
        print_line(text)

    try:
        with path.open("rb") as log:
            _show_from(before, 0, show)
            goes_on = True
            while True:
                at = log.tell()
                line = log.readline()
                if line.endswith(b"\n"):
                    show(line)
                    continue
                log.seek(at)
                if os.fstat(log.fileno()).st_size < at:  # the output was moved in the meantime
                    _show_from(before, at, show)
                    log.seek(0)
                elif not goes_on:
                    return last
                elif goes_on := running():
                    time.sleep(0.1)
    except OSError as error:
        raise StorageError(
            f"cannot read {path}: {error.strerror}",
            remedy="attach only to runs that were started with `labrig run --detach`",
        ) from error


def _show_from(path: Path, begins: int, show: Callable[[bytes], None]) -> None:
    """Show the lines of a file, if it exists, from a position on."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(begins)
        for line in file:
            show(line)


def parsed(line: str) -> dict[str, Any]:
    """Return a line of the output as a map; empty if it is a message."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "event" in found else {}
