"""The samples for the spectrum plot: one window, stored next to the journal."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.runs.folder import SPECTRUM, RunFolder


@dataclass(frozen=True)
class Window:
    """One window: (N, C) samples (V), (C,) names of the nodes, and (F,) frequencies of the tones (Hz)."""

    volts: NDArray[np.float64]
    nodes: tuple[str, ...]
    sample_rate_hz: float
    tones_hz: tuple[float, ...]


def save_spectrum(
    folder: RunFolder,
    volts: NDArray[np.float64],
    nodes: Sequence[str],
    sample_rate_hz: float,
    tones_hz: Sequence[float],
) -> None:
    """Save one window of samples; StorageError if that fails, and no partial file is left."""
    try:
        np.savez_compressed(
            folder.path / SPECTRUM,
            volts=volts.astype(np.float32),
            nodes=np.array(nodes),
            sample_rate_hz=sample_rate_hz,
            tones_hz=np.array(tones_hz),
        )
    except OSError as error:
        with suppress(OSError):
            (folder.path / SPECTRUM).unlink(missing_ok=True)
        raise StorageError(f"cannot write {folder.path / SPECTRUM}: {error.strerror}") from error


def load_spectrum(folder: RunFolder) -> Window | None:
    """Load the window of a run; None if there is none, StorageError if it is damaged."""
    path = folder.path / SPECTRUM
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return Window(
                kept["volts"].astype(float),
                tuple(str(node) for node in kept["nodes"]),
                float(kept["sample_rate_hz"]),
                tuple(float(f) for f in kept["tones_hz"]),
            )
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, BadZipFile, zlib.error) as error:
        remedy = "restore it from a copy; only spectrum.png is drawn from it"
        raise StorageError(f"cannot read {path}: it is damaged", remedy=remedy) from error
