"""The pictures of a run, one file each.

To add a picture, add its file and put its name in PICTURES. The file has one public function,
`draw(run: RunData) -> Figure | None`; None means that the run has no data for this picture.

Pictures are drawn after the result is recorded, so nothing here raises: a picture that fails is left out, and the
reason is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from labrig.errors import StorageError, reason
from labrig.runs.folder import RunFolder
from labrig.runs.journal import Record, read_journal

PICTURES = ("learning", "conductances", "spectrum")
"""Names of the pictures in the order in which they are drawn; each is written to NAME.png."""


@dataclass(frozen=True)
class RunData:
    """The data from which pictures are drawn.

    Parameters
    ----------
    folder
        The run's folder.
    record
        The contents of its journal.
    meta
        The contents of its meta.json.
    """

    folder: RunFolder
    record: Record
    meta: dict[str, Any]


@dataclass(frozen=True)
class Plots:
    """The pictures of a run that were drawn, and those that were not.

    Parameters
    ----------
    paths
        The PNGs that were written.
    left_out
        Reason for each picture that failed, by file name.
    stopped
        True if `stop()` returned True before all pictures were drawn.
    """

    paths: tuple[Path, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    stopped: bool = False


def reasons(left_out: Mapping[str, str]) -> str:
    """Return one line with the pictures that could not be drawn, and the reasons."""
    by_reason: dict[str, list[str]] = {}
    for name, why in left_out.items():
        by_reason.setdefault(why, []).append(name)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in by_reason.items())


def write_plots(folder: RunFolder, stop: Callable[[], bool] = lambda: False, into: Path | None = None) -> Plots:
    """Write every picture for which the run has data.

    Parameters
    ----------
    folder
        The run's folder.
    stop
        Called before each picture; True skips the rest.
    into
        Folder of the pictures, created if necessary; by default that of the run.

    Returns
    -------
    Plots
        The files written and the pictures left out. A picture that fails does not raise, and the others are still
        drawn.
    """
    try:
        run = RunData(folder, read_journal(folder.journal), folder.meta())
    except Exception as error:
        return Plots(left_out=dict.fromkeys(map(_file, PICTURES), reason(error)))
    paths: list[Path] = []
    left_out: dict[str, str] = {}
    for name in PICTURES:
        if stop():
            return Plots(tuple(paths), left_out, stopped=True)
        path = (into or folder.path) / _file(name)
        try:
            drawn = _png(name, run)
            if drawn is not None:
                _write(path, drawn)
                paths.append(path)
        except Exception as error:
            left_out[path.name] = reason(error)
    return Plots(tuple(paths), left_out)


def _file(name: str) -> str:
    return f"{name}.png"


def _png(name: str, run: RunData) -> bytes | None:
    from labrig.runs.plots.canvas import own_settings, png  # before any picture imports matplotlib

    with own_settings():
        figure = import_module(f"{__name__}.{name}").draw(run)
        if figure is not None and (label := run.meta["card"].get("measurement")):
            figure.text(0.005, 0.995, label, va="top", fontsize=7, color="C3")
        return None if figure is None else png(figure)


def _write(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        with suppress(OSError):
            path.unlink()  # half a picture
        message = f"cannot write {path}: {error.strerror}"
        raise StorageError(message, remedy="choose another folder: labrig show RUN --out DIR") from error
