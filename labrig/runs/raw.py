"""The samples of a run: append-only segments raw-00000.bin, raw-00001.bin, … next to the journal.

A block counts once its row is committed; bytes after the last committed block are ignored, and overwritten when the run
is resumed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.errors import StorageError
from labrig.instruments.data import Block
from labrig.runs.journal import Journal, StoredBlock
from labrig.runs.sync import sync_folder
from labrig.signals.tones import Tone, ToneProgram

SEGMENT_BYTES = 64 << 20
"""Size of a segment (bytes) at which a new one is begun."""

Programs = Mapping[str, Mapping[str, ToneProgram]]


def segment_path(folder: Path, number: int) -> Path:
    """Return the path of a segment."""
    return folder / f"raw-{number:05d}.bin"


class RawRecorder:
    """Writes the samples of every acquisition, and records in the journal where they are.

    Parameters
    ----------
    folder
        The folder of the run.
    journal
        The journal of the run.
    written
        Blocks that a resumed run has written already.
    """

    def __init__(self, folder: Path, journal: Journal, written: Sequence[StoredBlock] = ()) -> None:
        self._folder = folder
        self._journal = journal
        self._number = written[-1].segment if written else 0
        self._offset = written[-1].offset_bytes + written[-1].length_bytes if written else 0
        self._scale: NDArray[np.float64] | None = None
        self._acquisition = 0
        self._played: dict[str, Any] | None = None
        self._file = self._opened()

    def begin(self, acquisition: int, asked: Programs, played: Programs) -> None:
        """Begin an acquisition: its number, and the programs that were requested and those that sources reported."""
        self._acquisition = acquisition
        self._played = None if played == asked else as_plain(played)

    def add(self, block: Block) -> None:
        """Write a block of the acquisition. Raises StorageError."""
        content = np.ascontiguousarray(block.codes).tobytes()
        if self._offset >= SEGMENT_BYTES:
            self.close()
            self._number, self._offset = self._number + 1, 0
            self._file = self._opened()
        try:
            rest = memoryview(content)
            while rest:  # on a full disk a write may be short
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise self._failed(error) from error
        new_scale = self._scale is None or not np.array_equal(self._scale, block.scale)
        row = StoredBlock(
            acquisition=self._acquisition,
            segment=self._number,
            offset_bytes=self._offset,
            length_bytes=len(content),
            content_crc=zlib.crc32(content),
            scans=block.codes.shape[0],
            channels=block.codes.shape[1],
            dtype=block.codes.dtype.newbyteorder("<").str,
            start_index=block.start_index,
            lost=block.lost,
            overrange=tuple(np.flatnonzero(block.overrange).tolist()),
            scale=block.scale if new_scale else None,
            played=self._played,
        )
        self._scale = block.scale
        self._played = None
        self._offset += len(content)
        self._journal.add_block(row, self._sync)

    def _sync(self) -> None:
        """Wait until the samples of the open segment are on the disk."""
        if not self._is_open:
            return
        try:
            getattr(os, "fdatasync", os.fsync)(self._file)
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the segment."""
        if self._journal.survives_power_failure:
            self._sync()
        os.close(self._file)
        self._is_open = False

    def _opened(self) -> int:
        try:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            file = os.open(segment_path(self._folder, self._number), flags, 0o644)
            os.truncate(file, self._offset)
            os.lseek(file, self._offset, os.SEEK_SET)
            if self._journal.survives_power_failure:
                sync_folder(self._folder)
        except OSError as error:
            raise self._failed(error) from error
        self._is_open = True
        return file

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"cannot write {segment_path(self._folder, self._number)}: {error.strerror}",
            remedy="free disk space, then continue with `labrig resume`; or store no samples (storage.raw: false)",
        )


class RawBlocks:
    """Reads the samples of a run.

    Parameters
    ----------
    folder
        The folder of the run.
    rows
        Where the samples are, from `read_blocks`.
    """

    def __init__(self, folder: Path, rows: Sequence[StoredBlock]) -> None:
        self._folder = folder
        self._rows: dict[int, list[StoredBlock]] = {}
        for row in rows:
            blocks = self._rows.setdefault(row.acquisition, [])
            if blocks and blocks[-1].start_index >= row.start_index:
                blocks.clear()  # measured again after the run was resumed
            blocks.append(row)
        self._segments: dict[int, np.memmap[Any, np.dtype[np.uint8]]] = {}

    @property
    def acquisitions(self) -> tuple[int, ...]:
        """Numbers of all acquisitions, in order."""
        return tuple(sorted(self._rows))

    def most(self) -> tuple[int, int]:
        """Return the largest number of scans and of channels of an acquisition; (0, 0) if there are no samples."""
        rows = [row for rows in self._rows.values() for row in rows]
        scans = max((row.start_index + row.scans for row in rows), default=0)
        return scans, max((row.channels for row in rows), default=0)

    def damaged(self) -> Iterator[str]:
        """Yield a message for each acquisition whose samples are missing or damaged."""
        for acquisition in self.acquisitions:
            try:
                self.blocks(acquisition)
            except StorageError as error:
                yield error.message

    def played(self, acquisition: int) -> dict[str, dict[str, ToneProgram]] | None:
        """Return the programs that the sources reported; None if they are those requested, or nothing was read."""
        rows = self._rows.get(acquisition)
        return None if rows is None or rows[0].played is None else as_programs(rows[0].played)

    def blocks(self, acquisition: int) -> list[Block]:
        """Return the blocks of an acquisition, mapped from the disk; raises StorageError if they are damaged."""
        return [self._block(row) for row in self._rows[acquisition]]

    def _block(self, row: StoredBlock) -> Block:
        content = self._content(row)
        codes = content.view(row.dtype).reshape(row.scans, row.channels)
        overrange = np.zeros(row.channels, dtype=bool)
        overrange[list(row.overrange)] = True
        assert row.scale is not None, "filled in by read_blocks"
        return Block(codes, row.scale, row.start_index, overrange, row.lost)

    def _content(self, row: StoredBlock) -> NDArray[np.uint8]:
        path = segment_path(self._folder, row.segment)
        ends = row.offset_bytes + row.length_bytes
        if path.exists() and not path.is_file():  # reading a FIFO might wait forever
            raise StorageError(f"cannot read {path}: it is not a regular file", remedy="restore it from a copy")
        try:
            segment = self._segments.get(row.segment)
            if segment is None or len(segment) < ends:
                segment = self._segments[row.segment] = np.memmap(path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:
            raise StorageError(f"cannot read {path}: {error}", remedy="restore it from a copy") from error
        content = segment[row.offset_bytes : ends]
        if len(content) != row.length_bytes or zlib.crc32(content.data) != row.content_crc:
            raise StorageError(
                f"the samples of acquisition {row.acquisition} in {path} are damaged",
                remedy="restore the file from a copy",
            )
        return content


def as_plain(programs: Programs) -> dict[str, Any]:
    """Return programs by device and channel as plain values."""
    return {device: {channel: asdict(each) for channel, each in of.items()} for device, of in programs.items()}


def as_programs(plain: Mapping[str, Any]) -> dict[str, dict[str, ToneProgram]]:
    """Return the programs from the plain values of `as_plain`."""
    return {
        device: {
            channel: ToneProgram(each["dc"], tuple(Tone(**tone) for tone in each["tones"]))
            for channel, each in of.items()
        }
        for device, of in plain.items()
    }
