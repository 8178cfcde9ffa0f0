"""The write-ahead log next to a journal, checked frame by frame.

SQLite stops reading a log at the first frame whose checksum is wrong, and does not mention the commits that follow it.
Here these commits are found. The checksum is a linear function of the words, so the place of a single wrong bit follows
from the difference of the checksums, and the bit is corrected. Several wrong bits are left to the checksums of rows,
which detect them.

Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labrig.files import content_of

HEADER, FRAME = 32, 24
_MAGIC = 0x377F0682
_VERSION = 3007000
_DATABASE_HEADER = 100

Words = NDArray[np.uint32]


@dataclass(frozen=True)
class Log:
    """A write-ahead log.

    Parameters
    ----------
    pages
        Number and content of each page up to the last commit, in the order in which they were written.
    damaged
        Numbers of the damaged frames, at which SQLite would stop reading; 0 is the header.
    size
        Number of pages of the database after the last commit.
    """

    pages: tuple[tuple[int, bytes], ...]
    damaged: tuple[int, ...]
    size: int

    def hidden_by(self, journal: Path) -> bool:
        """Return whether SQLite must not open this journal, as it would ignore part of the log, or even delete it."""
        return bool(self.damaged) or is_empty(journal)

    def applied_to(self, database: bytes) -> bytes:
        """Return the content of a database file with these pages applied, which needs no log."""
        if not self.pages:
            return database
        length = len(self.pages[0][1])
        whole = bytearray(database[: self.size * length].ljust(self.size * length, b"\0"))
        for number, content in self.pages:
            if number <= self.size:
                whole[(number - 1) * length : number * length] = content
        whole[18:20] = b"\1\1"  # marks the database as one without a log
        return bytes(whole)


def is_empty(journal: Path) -> bool:
    """Return whether SQLite treats a database as empty, as it also does if the file is a single byte."""
    return journal.stat().st_size <= 1


def log_path(journal: Path) -> Path:
    """Return the path of the log of a journal."""
    return journal.with_name(f"{journal.name}-wal")


def read_log(path: Path) -> Log | None:
    """Read a log; None if there is no log, or nothing in it was committed."""
    try:
        content = content_of(path)
    except FileNotFoundError:
        return None
    if len(content) <= HEADER + FRAME:
        return None
    header, repaired = _header(content[:HEADER])
    if header is None:
        return None
    frames = list(_frames(content, header))
    commits = [place for place, frame in enumerate(frames) if frame.is_commit and frame.belongs]
    if not commits:
        return None
    kept = frames[: commits[-1] + 1]
    damaged = tuple(place for place, frame in enumerate(kept, 1) if not frame.intact)
    return Log(
        tuple((frame.number, frame.content) for frame in kept if frame.belongs),
        (0, *damaged) if repaired else damaged,
        kept[-1].size,
    )


@dataclass(frozen=True)
class _Header:
    big_endian: bool
    page: int
    salt: bytes
    checksum: tuple[int, int]


@dataclass(frozen=True)
class _Frame:
    """One frame. belongs: whether it belongs to this generation of the log. intact: whether its checksum is right."""

    number: int
    size: int
    content: bytes
    belongs: bool
    intact: bool

    @property
    def is_commit(self) -> bool:
        return self.size > 0


def _header(content: bytes) -> tuple[_Header | None, bool]:
    """Return the header (None if it cannot be corrected), and whether one of its bits had to be corrected."""
    for bit in (None, *range(8 * HEADER)):
        tried = content if bit is None else _flipped(content, bit)
        magic, version, page = (int.from_bytes(tried[k : k + 4], "big") for k in (0, 4, 8))
        if magic & ~1 != _MAGIC or version != _VERSION or not 512 <= page <= 65536 or page & (page - 1):
            continue
        stored = int.from_bytes(tried[24:28], "big"), int.from_bytes(tried[28:32], "big")
        if _checksum(_words(tried[:24], bool(magic & 1)), (0, 0)) == stored:
            return _Header(bool(magic & 1), page, tried[16:24], stored), bit is not None
    return None, False


def _frames(content: bytes, header: _Header) -> Iterator[_Frame]:
    """Yield every frame up to the first one that was not written in this generation of the log."""
    seeds = [header.checksum]  # more than one after a frame whose checksum is in doubt
    length = FRAME + header.page
    strangers: list[_Frame] = []
    for start in range(HEADER, len(content) - length + 1, length):
        head, page = content[start : start + FRAME], content[start + FRAME : start + length]
        checked = head[:8] + page
        stored = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
        words = _words(checked, header.big_endian)
        found = [_checksum(words, seed) for seed in seeds]
        right, of_this = stored in found, head[8:16] == header.salt
        intact = right and of_this
        if right and not of_this:
            of_this = _distance(head[8:16], header.salt) == 1
        seeds = [stored]
        if of_this and not right:
            checked = _bytes(_corrected(words, found[0], stored), header.big_endian)
            seeds = [stored, found[0]]
        frame = _Frame(
            int.from_bytes(checked[:4], "big"), int.from_bytes(checked[4:8], "big"), checked[8:], of_this, intact
        )
        if of_this:
            yield from strangers
            strangers.clear()
            yield frame
        elif strangers:
            return  # two frames in a row are of an earlier generation
        else:
            strangers.append(frame)


def _corrected(words: Words, found: tuple[int, int], stored: tuple[int, int]) -> Words:
    """Return the words with the one bit corrected that explains the difference of the checksums.

    The words are unchanged if no bit or several bits explain it: the highest bits of many words change the sums alike.
    """
    off = [np.uint32((there - here) & 0xFFFFFFFF) for here, there in zip(found, stored, strict=True)]
    in_the_checksum = (found[0] ^ stored[0]).bit_count() + (found[1] ^ stored[1]).bit_count() == 1
    first, second = _weights(len(words))
    fitting: set[tuple[int, int]] = set()
    for bit in range(32):
        for change in (1 << bit, -(1 << bit)):
            factor = np.uint32(change & 0xFFFFFFFF)
            places = np.flatnonzero((first * factor == off[0]) & (second * factor == off[1]))
            fitting |= {(place, bit) for place in places.tolist() if bool(words[place] >> bit & 1) == (change < 0)}
    if len(fitting) != 1 or in_the_checksum:
        return words
    ((place, bit),) = fitting
    corrected = words.copy()
    corrected[place] ^= np.uint32(1 << bit)
    return corrected


def _checksum(words: Words, before: tuple[int, int]) -> tuple[int, int]:
    """The two sums of SQLite, t[k] = t[k-2] + t[k-1] + word[k] modulo 2**32: words times Fibonacci numbers."""
    count = len(words)
    first, second = _weights(count)
    fibonacci = _fibonacci(count + 3)
    of_words = int((first * words).sum(dtype=np.uint32)), int((second * words).sum(dtype=np.uint32))
    of_before = (
        int(fibonacci[count - 1]) * before[0] + int(fibonacci[count]) * before[1],
        int(fibonacci[count]) * before[0] + int(fibonacci[count + 1]) * before[1],
    )
    return (of_words[0] + of_before[0]) & 0xFFFFFFFF, (of_words[1] + of_before[1]) & 0xFFFFFFFF


@lru_cache(maxsize=8)
def _weights(count: int) -> tuple[Words, Words]:
    """Return the weight of each of `count` words in the first and in the second sum."""
    fibonacci = _fibonacci(count + 3)
    return fibonacci[count - 1 :: -1][:count].copy(), fibonacci[count:0:-1].copy()


@lru_cache(maxsize=8)
def _fibonacci(count: int) -> Words:
    """Return the first Fibonacci numbers, from F(0), modulo 2**32."""
    numbers = [0, 1]
    while len(numbers) < count:
        numbers.append((numbers[-1] + numbers[-2]) & 0xFFFFFFFF)
    return np.array(numbers, dtype=np.uint32)


def _words(content: bytes, big_endian: bool) -> Words:
    return np.frombuffer(content, dtype=">u4" if big_endian else "<u4").astype(np.uint32)


def _bytes(words: Words, big_endian: bool) -> bytes:
    return words.astype(">u4" if big_endian else "<u4").tobytes()


def _flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _distance(a: bytes, b: bytes) -> int:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()
