"""One trial of a sweep as a worker runs it: train, resume, or leave a finished trial alone.

The name of a trial's folder contains a hash of its configuration, so its contents belong to exactly this training. Only
one process at a time trains in it, whatever happened to the client or to another worker.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from labrig import __version__
from labrig.assembly import assemble
from labrig.errors import InUse, LabrigError, StorageError, leaves, reason
from labrig.extensions import place_in_third_party
from labrig.procedures.resume import Resumable
from labrig.procedures.train import train
from labrig.runs.folder import CONFIG, RunFolder
from labrig.runs.lock import being_written, is_being_written
from labrig.runs.summary import summarize
from labrig.runs.sweeps import RECORD

DONE = ("finished", "missed")
POLL_S = 0.2
STALLED_S = 120.0
"""Time without a step after which another process that writes to the folder counts as stuck (s)."""

_ONE_AT_A_TIME = threading.Lock()
"""Lock held while this process trains: a worker may have several threads, and they share the module search path."""


class Outcome(TypedDict):
    """How a trial ended: `code` is its exit code, and `reason` says why the code is not 0."""

    code: int
    reason: str


def run_trial(config: str, overrides: Sequence[str], folder: str, plots: bool) -> Outcome:
    """Train in `folder` unless that is done already. A failure is returned as an Outcome, never raised.

    Parameters
    ----------
    config
        Absolute path of the configuration.
    overrides
        Overrides as for `assemble`.
    folder
        Absolute path of this run's folder, which may exist. The sweep's folder above it must exist.
    plots
        Whether to draw pictures at the end.
    """
    with _ONE_AT_A_TIME:
        try:
            return _outcome(_trained(config, overrides, RunFolder(Path(folder)), plots))
        except (LabrigError, OSError, ExceptionGroup) as error:
            first = leaves(error)[0] if isinstance(error, ExceptionGroup) else error
            code = first.exit_code if isinstance(first, LabrigError) else 6 if isinstance(first, OSError) else 1
            return Outcome(code=code, reason=reason(first))
        except Exception as error:
            return Outcome(code=1, reason=f"{place_in_third_party(error) or 'internal error'}: {reason(error)}")


def finished(path: Path) -> Outcome | None:
    """Return the outcome of a trial that needs no more training; None if there is something left to do."""
    folder = RunFolder(path)
    if not folder.journal.is_file():
        return None
    try:
        summary = summarize(folder)
    except StorageError:  # running the trial reports what is wrong
        return None
    return _outcome(summary) if summary["state"] in DONE else None


def versions() -> str:
    """Return the version of labrig on the worker that calls this."""
    return __version__


def _trained(config: str, overrides: Sequence[str], folder: RunFolder, plots: bool) -> dict[str, Any]:
    """Train to the end; return the summary of the run."""
    sweep = folder.path.parent
    if not (sweep / RECORD).is_file():
        raise StorageError(f"a worker cannot see {sweep}", remedy="give a --runs-dir that every worker can write")
    _wait_for_writer(folder)
    if folder.path.is_dir() and not folder.has(CONFIG):  # killed before anything was measured
        folder.discard()
    if not folder.path.is_dir():
        train(assemble(Path(config), overrides), run_dir=folder.path, plots=plots)
    elif summarize(folder)["state"] not in DONE:
        run = Resumable(folder)
        if run.finished is None:
            run.resume(plots=plots)
    return summarize(folder)


def _wait_for_writer(folder: RunFolder) -> None:
    """Wait for another process that trains in this folder; a worker whose client was killed finishes its trial."""
    last, since = None, time.monotonic()
    while is_being_written(folder.journal):
        now = summarize(folder)["steps"]
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            other = being_written(folder.journal)
            raise InUse(f"{other.message}, which has made no step for {STALLED_S:.0f} s", remedy=other.remedy)
        time.sleep(POLL_S)


def _outcome(summary: dict[str, Any]) -> Outcome:
    if summary["state"] == "finished":
        return Outcome(code=0, reason="")
    return Outcome(code=7 if summary["state"] == "missed" else 1, reason=summary["reason"] or summary["state"])
