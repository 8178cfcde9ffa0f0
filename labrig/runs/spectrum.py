"""The samples for the spectrum plot: one window, stored next to the journal."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.runs.folder import SPECTRUM, RunFolder
from labrig.runs.journal import StoredFile


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
    note: Callable[[StoredFile], None] = lambda file: None,
) -> None:
    """Save one window of samples with RunFolder.write; raises StorageError if that fails, leaving no partial file."""
    content = BytesIO()
    np.savez_compressed(
        content,
        volts=volts.astype(np.float32),
        nodes=np.array(nodes),
        sample_rate_hz=sample_rate_hz,
        tones_hz=np.array(tones_hz),
    )
    folder.write(SPECTRUM, content.getvalue(), note)


def load_spectrum(folder: RunFolder) -> Window | None:
    """Load the window of a run; None if there is none. Raises StorageError if it is damaged."""
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
        remedy = "restore it from a copy; it is needed only for spectrum.png"
        raise StorageError(f"cannot read {path}: it is damaged", remedy=remedy) from error
