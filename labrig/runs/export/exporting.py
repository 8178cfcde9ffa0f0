"""Exports a run in a process of its own, to a temporary file that is renamed once the export is complete.

HDF5 is known to crash on a full disk, and such a crash must not end a process that holds instruments.
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from labrig.errors import LabrigError, StorageError, UsageError
from labrig.runs.export import FORMATS
from labrig.runs.export.csv import bytes_per_sample
from labrig.runs.folder import RunFolder
from labrig.runs.samples import Samples

DEADLINE_S = 3600.0
_BYTES_PER_SAMPLE = 8

_REMEDY = "check whether the disk is full, or choose another --out; the run itself is unchanged"
_KINDS: dict[str, type[LabrigError]] = {"UsageError": UsageError, "StorageError": StorageError}


def export(
    folder: RunFolder, kind: str, out: Path | None = None, deadline_s: float = DEADLINE_S, *, samples: bool = False
) -> Path:
    """Export a run in a process of its own.

    Parameters
    ----------
    folder
        The folder of the run. The run may still be going on; the folder is only read.
    kind
        One of FORMATS.
    out
        The file, or the folder of CSV tables; by default next to the folder of the run, with the same name. An earlier
        export is replaced.
    deadline_s
        Longest time that the export may take (s).
    samples
        Whether to write the stored samples too.

    Returns
    -------
    Path
        The file or folder that was written.

    Raises
    ------
    UsageError
        If a library is missing, there are no samples, or `out` exists and is not an earlier export of this kind.
    StorageError
        If the run is damaged, or the export cannot be written or takes too long.
    """
    if kind not in FORMATS:
        raise UsageError(f"there is no format {kind!r}", remedy=f"choose one of {', '.join(FORMATS)}")
    beside = folder.path.resolve()
    path = out or beside.parent / (f"{beside.name}-csv" if kind == "csv" else f"{beside.name}.{kind}")
    _require_replaceable(path, kind)
    new = path.with_name(f".{path.name}.new")
    command = [sys.executable, "-P", "-m", "labrig.runs.export", kind, str(folder.path), str(new)]
    command += ["samples"] if samples else []
    try:
        _remove(new)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=deadline_s, check=False
        )
        if done.returncode:
            raise _failure(done, path)
        if path.is_dir():
            shutil.rmtree(path)
        new.replace(path)
    except subprocess.TimeoutExpired as error:
        message = f"the export to {path} did not end in time"
        raise StorageError(message, limit=f"{deadline_s:g} s", remedy="is the disk full or slow?") from error
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", remedy="choose another --out") from error
    finally:
        _remove(new)
    return path


def expected_bytes(folder: RunFolder, kind: str) -> float:
    """Return the size of the stored samples in a format (bytes), without compression; an estimate for CSV.

    Errors are those of `read_journal`.
    """
    samples = Samples(folder)
    return math.prod(samples.shape) * (bytes_per_sample(samples) if kind == "csv" else _BYTES_PER_SAMPLE)


def _require_replaceable(path: Path, kind: str) -> None:
    """Refuse to replace anything that does not look like an earlier export."""
    if kind == "csv":
        fine = not path.exists() or (path.is_dir() and all(each.suffix == ".csv" for each in path.iterdir()))
        what = "exists and is not a folder of only CSV files"
    else:
        fine = not path.exists() or (path.is_file() and path.suffix == f".{kind}")
        what = f"exists and is not a .{kind} file"
    if not fine:
        raise UsageError(f"{path} {what}, so it is not replaced", remedy="choose another --out")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.absolute().parent}", remedy="create it, or choose another --out")


def _failure(done: subprocess.CompletedProcess[str], path: Path) -> LabrigError:
    """Return the error that the other process reported, or an error with its exit code if it crashed."""
    kind, message = _reported(done.stderr)
    if done.returncode == 1 and kind in _KINDS:
        return _KINDS[kind](message)
    if done.returncode == 1 and kind == "write":
        return StorageError(f"cannot write {path}: {message}", remedy=_REMEDY)
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
    return StorageError(
        f"cannot write {path}: the export process ended with {how}",
        remedy=_REMEDY,
    )


def _reported(printed: str) -> tuple[str, str]:
    """Return kind and message of the last report that the process printed, whatever else it printed."""
    for line in reversed(printed.splitlines()):
        try:
            said = json.loads(line)
            return str(said["kind"]), str(said["message"])
        except (ValueError, TypeError, KeyError):
            continue
    return "", ""


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # on a read-only disk there is nothing to remove
            path.unlink(missing_ok=True)
