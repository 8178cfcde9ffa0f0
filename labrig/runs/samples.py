"""The stored samples of a run as one array of voltages, of which each acquisition is read when it is used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.runs.folder import META, RunFolder
from labrig.runs.journal import read_blocks
from labrig.runs.raw import RawBlocks

Array = NDArray[np.float64]

DIMS = ("acquisition", "sample", "channel")
UNITS = "V"
TEXT = "voltages that were sampled; NaN after the last scan"


class Samples:
    """The samples of all A acquisitions, of T scans at most, of C channels.

    Parameters
    ----------
    folder
        Of the run. Raises StorageError if its journal is damaged.

    Attributes
    ----------
    acquisitions : tuple of A ints
        Their numbers; empty if no samples were stored.
    channels : list of C strings
        The nodes that the digitizer's channels sense; their numbers in a run that does not say.
    shape : tuple
        (A, T, C).
    """

    def __init__(self, folder: RunFolder) -> None:
        self._raw = RawBlocks(folder.path, read_blocks(folder.journal))
        self.acquisitions = self._raw.acquisitions
        self.shape = (len(self.acquisitions), *self._raw.most())
        self.channels = _channels(folder, self.shape[2])

    def of(self, acquisition: int) -> Array:
        """(T, C) volts of one acquisition. Raises StorageError if its samples are damaged."""
        volts = np.full(self.shape[1:], np.nan)
        for block in self._raw.blocks(acquisition):
            scans, channels = block.codes.shape
            if block.start_index + scans > len(volts):
                raise StorageError(f"the samples of acquisition {acquisition} do not fit the others")
            volts[block.start_index : block.start_index + scans, :channels] = block.volts()
        return volts

    def __iter__(self) -> Iterator[Array]:
        """Yield the volts of every acquisition, in order."""
        return map(self.of, self.acquisitions)


def _channels(folder: RunFolder, count: int) -> list[str]:
    board = folder.meta()["board"] if folder.has(META) else {}
    names = board.get("senses", []) if isinstance(board, dict) else []
    return list(names) if len(names) == count else [str(k) for k in range(count)]
