"""The stored samples of a run as an array of voltages; each acquisition is read from the disk when it is used."""

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
TEXT = "sampled voltages; NaN after the last scan"


class Samples:
    """The samples of all A acquisitions, each with up to T scans of C channels.

    Parameters
    ----------
    folder
        The folder of the run. Raises StorageError if its journal is damaged.

    Attributes
    ----------
    acquisitions : tuple of A int
        Numbers of the acquisitions; empty if no samples were stored.
    channels : list of C str
        Nodes that the digitizer's channels sense, or numbers of the channels if the run does not name the nodes.
    shape : tuple
        (A, T, C).
    """

    def __init__(self, folder: RunFolder) -> None:
        self._raw = RawBlocks(folder.path, read_blocks(folder.journal))
        self.acquisitions = self._raw.acquisitions
        self.shape = (len(self.acquisitions), *self._raw.most())
        self.channels = _channels(folder, self.shape[2])

    def of(self, acquisition: int) -> Array:
        """Return the (T, C) voltages of one acquisition; raises StorageError if its samples are damaged."""
        volts = np.full(self.shape[1:], np.nan)
        for block in self._raw.blocks(acquisition):
            scans, channels = block.codes.shape
            if block.start_index + scans > len(volts):
                raise StorageError(
                    f"acquisition {acquisition} has more samples than the journal lists",
                    remedy="restore the run from a copy",
                )
            volts[block.start_index : block.start_index + scans, :channels] = block.volts()
        return volts

    def __iter__(self) -> Iterator[Array]:
        """Yield the voltages of every acquisition, in order."""
        return map(self.of, self.acquisitions)


def _channels(folder: RunFolder, count: int) -> list[str]:
    board = folder.meta()["board"] if folder.has(META) else {}
    names = board.get("senses", []) if isinstance(board, dict) else []
    return list(names) if len(names) == count else [str(k) for k in range(count)]
