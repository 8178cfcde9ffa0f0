"""One window of samples, stored next to the journal, and its amplitude spectrum."""

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

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """One window: (N, C) samples (V), (C,) names of the nodes, and (F,) frequencies of the tones (Hz)."""

    volts: Array
    nodes: tuple[str, ...]
    sample_rate_hz: float
    tones_hz: tuple[float, ...]


def amplitudes(volts: Array, sample_rate_hz: float) -> tuple[Array, Array]:
    """Return frequencies (Hz) and amplitudes (V peak), (F,) and (F, C), of (N, C) samples without their mean.

    A Hann window keeps lines without a whole number of periods in the window, such as mains, from covering others.
    """
    taper = np.hanning(len(volts) + 1)[:-1]
    weighted: Array = (volts - taper @ volts / taper.sum()) * taper[:, None]
    spectrum: Array = 2 * np.abs(np.fft.rfft(weighted, axis=0)) / taper.sum()
    frequency = np.arange(len(spectrum)) * sample_rate_hz / len(volts)
    return frequency[1:], spectrum[1:]


def save_spectrum(
    folder: RunFolder,
    volts: Array,
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
