"""SCPI syntax (IEEE 488.2, chapter 7): splits byte streams into messages and messages into units; parses numbers.

Definite-length blocks (`#` digit length bytes) and quoted strings may contain any byte, so separators inside them do
not count.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

MAX_MESSAGE = 64 * 1024 * 1024
"""Longest message accepted (bytes)."""

_SPACE = b" \t\r\n\x00"
_QUOTES = b"\"'"


class ScpiError(Exception):
    """An entry of the error queue: a standard number and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code:+d},{text}")
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Unit:
    """One command or query.

    Attributes
    ----------
    header
        Upper case, without the question mark.
    query
        Whether it is a query.
    arguments
        Text without quotes, or the bytes of a block.
    """

    header: str
    query: bool
    arguments: tuple[str | bytes, ...]


def block_extent(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """(start, end) of the contents of the block at `at`; None if there is no block.

    The end may lie beyond the data received so far, and so may the start if the block's header is incomplete.
    """
    if data[at : at + 1] != b"#" or not data[at + 1 : at + 2].isdigit():
        return None
    digits = data[at + 1] - ord("0")
    start = at + 2 + digits
    if digits == 0:  # indefinite: up to the end of the message
        return start, len(data)
    if len(data) < start:
        return start, start
    length = bytes(data[at + 2 : start])
    return (start, start + int(length)) if length.isdigit() else None


def split_units(message: bytes, raw_after: Collection[str] = (), chaining: bool = True) -> list[Unit]:
    """Split one message into its units.

    Parameters
    ----------
    message
        The message without its terminator.
    raw_after
        Argument words after which the rest of the message is raw bytes.
    chaining
        Whether `;` separates units; otherwise only the first unit is returned.

    Raises
    ------
    ScpiError
        For invalid syntax. The units before it are lost too, as in an instrument that parses a whole message first.
    """
    units: list[Unit] = []
    at, end = 0, len(message)
    while at < end:
        while at < end and message[at] in b" \t\r\n\x00;":
            at += 1
        begin = at
        while at < end and message[at] not in b" \t\r\n\x00;":
            at += 1
        if at == begin:
            break
        header = message[begin:at]
        if not header.isascii():
            raise ScpiError(-101, "Invalid character")
        text = header.decode("ascii").upper()
        arguments, at = _arguments(message, at, raw_after)
        units.append(Unit(text.rstrip("?"), text.endswith("?"), tuple(arguments)))
        if not chaining:
            break
    return units


def _arguments(message: bytes, at: int, raw_after: Collection[str]) -> tuple[list[str | bytes], int]:
    """The arguments from `at` on, and the end of their unit."""
    arguments: list[str | bytes] = []
    current = bytearray()
    whole: bytes | None = None  # a block is an argument by itself
    seen = False
    end = len(message)

    def finish() -> None:
        nonlocal whole, seen
        arguments.append(current.decode("latin-1").strip() if whole is None else whole)
        current.clear()
        whole, seen = None, False

    while at < end and message[at] != ord(";"):
        byte = message[at]
        if byte == ord(","):
            finish()
            seen = True  # another argument follows a comma
            at += 1
            last = arguments[-1]
            if isinstance(last, str) and last.upper() in raw_after and message[at : at + 1] != b"#":
                arguments.append(message[at:])
                return arguments, end
            continue
        if byte in _QUOTES:
            close = message.find(message[at : at + 1], at + 1)
            if close < 0:
                raise ScpiError(-151, "Invalid string data")
            current += message[at + 1 : close]
            at, seen = close + 1, True
            continue
        if byte == ord("#") and not current.strip() and (block := block_extent(message, at)) is not None:
            start, stop = block
            if stop > end or start > end:
                raise ScpiError(-161, "Invalid block data")
            whole, at, seen = message[start:stop], stop, True
            continue
        if byte not in _SPACE:
            seen = True
        current.append(byte)
        at += 1
    if seen:
        finish()
    return arguments, at


_NUMBER = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?)\s*([A-Za-z%]*)", re.ASCII)
_MULTIPLIERS = {
    "": 1.0,
    "EX": 1e18,
    "PE": 1e15,
    "T": 1e12,
    "G": 1e9,
    "MA": 1e6,
    "K": 1e3,
    "M": 1e-3,
    "U": 1e-6,
    "N": 1e-9,
    "P": 1e-12,
    "F": 1e-15,
}
_UNITS = ("", "V", "VPP", "VRMS", "A", "S", "HZ", "OHM", "DEG", "RAD", "W", "F", "DBM")
_SUFFIXES = {multiplier + unit: factor for multiplier, factor in _MULTIPLIERS.items() for unit in _UNITS if unit}
_SUFFIXES |= {"": 1.0, "MHZ": 1e6, "MOHM": 1e6, "PCT": 1.0, "%": 1.0}  # 488.2: MHZ and MOHM are mega, all other M milli


def number(text: str | bytes) -> float:
    """Parse a number with an optional unit to SI: `2.5MHZ` is 2.5e6, `10MV` is 0.01. Raises ScpiError."""
    match = _NUMBER.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ScpiError(-104, "Data type error")
    factor = _SUFFIXES.get(match[2].upper())
    if factor is None:
        raise ScpiError(-131, "Invalid suffix")
    value = float(match[1]) * factor
    if not math.isfinite(value):
        raise ScpiError(-222, "Data out of range")
    return value


def boolean(text: str | bytes) -> bool:
    """Parse ON, OFF or a number; only the number 0 means off. Raises ScpiError for other text."""
    if isinstance(text, str) and text.strip().upper() in ("ON", "OFF"):
        return text.strip().upper() == "ON"
    return round(number(text)) != 0


class Framer:
    """Splits a byte stream into messages, which end at a newline outside blocks.

    `blocks` says whether the instrument has blocks; otherwise every newline ends a message.
    """

    def __init__(self, blocks: bool = True) -> None:
        self._blocks = blocks
        self._data = bytearray()
        self._scanned = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; returns complete messages without newline. Raises ScpiError above MAX_MESSAGE."""
        self._data += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        if len(self._data) > MAX_MESSAGE:
            raise ScpiError(-223, "Too much data")
        return messages

    def _next(self) -> bytes | None:
        data = self._data
        while True:
            newline = data.find(b"\n", self._scanned)
            limit = len(data) if newline < 0 else newline
            mark = data.find(b"#", self._scanned, limit) if self._blocks else -1
            if mark >= 0:
                if mark + 1 == len(data):  # may be a block or a stray character
                    return None
                block = block_extent(data, mark) if data[mark - 1 : mark] in (b",", b" ") else None
                if block is None or data[mark + 1] == ord("0"):
                    self._scanned = mark + 1
                    continue
                start, stop = block
                if len(data) < start or len(data) < stop:
                    return None
                self._scanned = stop
                continue
            if newline < 0:
                self._scanned = len(data)
                return None
            message = bytes(data[:newline])
            del data[: newline + 1]
            self._scanned = 0
            return message
