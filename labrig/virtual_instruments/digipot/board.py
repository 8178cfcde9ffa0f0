"""A virtual bank of digital potentiometers, as specified in `drivers/firmware/README.md`.

`VirtualDigipotBoard` is the protocol and the chips without I/O; `serial_server.serve` puts one on a TCP port. To lose,
delay or corrupt bytes, wrap `receive`.

COBS is implemented here rather than taken from the `cobs` package: labrig itself then needs no such package, and the
driver, which uses it, is tested against an independent implementation.
"""

from __future__ import annotations

import binascii
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum

from labrig.clock import Clock, MonotonicClock
from labrig.instruments.data import LevelTable
from labrig.instruments.parts import Part, find_part
from labrig.virtual_instruments.digipot.wipers import wipers

VERSION = 1
REPLY = 0x80
"""The bit that marks the operation of a reply."""
FIRMWARE_REVISION = 2
MTU = 272
SHORTEST_FRAME = 6
LONGEST_CHUNK = MTU + 3
"""Largest number of encoded bytes that can decode to MTU bytes."""
MOST_CHANNELS = 128
POWER_ON, RESET_LINE = 1, 2
DEFAULT_PART = "MCP4251-104"


class Op(IntEnum):
    """Operations of the protocol."""

    HELLO = 1
    STATUS = 2
    STAGE = 3
    COMMIT = 4
    READ = 5
    SAFE = 6
    ARM = 7
    STAGE_COMMIT = 8


class Status(IntEnum):
    """Status of a reply."""

    OK = 0
    BAD_VERSION = 1
    BAD_OP = 2
    MALFORMED = 3
    OUT_OF_RANGE = 4
    NOT_ARMED = 5
    TABLE_MISMATCH = 6
    VERIFY_FAILED = 7


class BoardState(IntEnum):
    """State of the terminals."""

    SAFE = 0
    ARMED = 1
    TRIPPED = 2


class Refusal(Exception):
    """Ends a request with a status other than OK; `body` is that of the reply."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE."""
    return binascii.crc_hqx(data, 0xFFFF)


def cobs_encode(data: bytes) -> bytes:
    """Encode a frame by COBS, without the delimiting zeros."""
    out = bytearray()
    *_, last = pieces = data.split(b"\0")
    for piece in pieces:
        full = len(piece) // 254 * 254
        for at in range(0, full, 254):
            out += b"\xff" + piece[at : at + 254]
        out += bytes([len(piece) - full + 1]) + piece[full:]
    return bytes(out[:-1] if last and len(last) % 254 == 0 else out)  # no empty block after a full one at the end


def cobs_decode(chunk: bytes) -> bytes | None:
    """Decode a frame; None if a block extends beyond the chunk."""
    out = bytearray()
    at = 0
    while at < len(chunk):
        block = chunk[at]
        if at + block > len(chunk):
            return None
        out += chunk[at + 1 : at + block]
        at += block
        if block < 0xFF and at < len(chunk):
            out.append(0)
    return bytes(out)


class VirtualDigipotBoard:
    """The board. All methods are thread-safe.

    Parameters
    ----------
    channels
        Number of channels.
    part
        The part of every channel, which must have codes. None: the firmware's default.
    clock
        Clock for the watchdog.
    on_codes
        Called with the code of each channel, or None for open terminals, at the start and after every change.
    boot_id
        Number of the board's first start.

    Attributes
    ----------
    forced
        Statuses returned for the next requests, except HELLO and SAFE, without executing them.
    """

    def __init__(
        self,
        channels: int = 64,
        part: Part | None = None,
        *,
        clock: Clock | None = None,
        on_codes: Callable[[Mapping[int, int | None]], None] | None = None,
        boot_id: int = 1,
    ) -> None:
        if not 1 <= channels <= MOST_CHANNELS:
            raise ValueError(f"channels: a bank has 1 to {MOST_CHANNELS} channels, not {channels}")
        self.channels = channels
        part = part or find_part(DEFAULT_PART)
        self._wipers = wipers(channels, part)
        levels = part.levels()
        assert isinstance(levels, LevelTable)
        self.part = part.chip_name
        self.highest_code = levels.highest_code
        self.forced: deque[int] = deque()
        self._clock = clock or MonotonicClock()
        self._on_codes = on_codes
        self._shown: dict[int, int | None] | None = None
        self._lock = threading.RLock()
        self.boot_id = boot_id
        self._boot(POWER_ON)

    def codes(self) -> dict[int, int | None]:
        """The code of each channel, None if its terminals are open."""
        with self._lock:
            return {channel: self._wipers.code(channel) for channel in range(self.channels)}

    def stick(self, channel: int, code: int) -> None:
        """Make a wiper stick at `code`."""
        with self._lock:
            self._wipers.stick(channel, code)
            self._show()

    def silence(self, channel: int) -> None:
        """Make the chip of a channel stop obeying and answering."""
        with self._lock:
            self._wipers.silence(channel)

    def heal(self, channel: int) -> None:
        """Repair a channel that sticks or is silent."""
        with self._lock:
            self._wipers.heal(channel)

    def reset(self, cause: int = RESET_LINE) -> None:
        """Restart the microcontroller, as opening an Arduino's port does; the chips keep their codes."""
        with self._lock:
            self.boot_id = (self.boot_id + 1) & 0xFFFF
            self._boot(cause)

    def power_cycle(self) -> None:
        """Restart everything; wipers go to their power-up code."""
        with self._lock:
            self._wipers.power_up()
            self.reset(POWER_ON)

    def poll(self) -> None:
        """Check the watchdog, and try again to open one of the channels that did not open.

        The interval between calls is the time resolution of the watchdog. There is at most one new attempt per ms.
        """
        with self._lock:
            silent_ms = self._now_ms() - self._fed_ms
            if self.state is BoardState.ARMED and self._watchdog_ms and silent_ms > self._watchdog_ms:
                self.state = BoardState.TRIPPED
                self._trips += 1
                self._switch_terminals(False)
            elif self.state is not BoardState.ARMED and self._terminal_faults and self._now_ms() != self._switched_ms:
                self._reopen_next()
            self._show()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the host and return the replies."""
        with self._lock:
            self.poll()
            *chunks, rest = data.split(b"\0")
            replies = bytearray()
            for chunk in chunks:
                replies += self._answer(self._pending + chunk)
                self._pending = b""
            self._pending = (self._pending + rest)[: LONGEST_CHUNK + 1]
            self._show()
            return bytes(replies)

    def _answer(self, chunk: bytes) -> bytes:
        if not chunk:
            return b""
        frame = cobs_decode(chunk) if len(chunk) <= LONGEST_CHUNK else None
        if frame is None or not SHORTEST_FRAME <= len(frame) <= MTU or crc16(frame) != 0:
            self._dropped += 1
            return b""
        version, op, sequence = struct.unpack_from("<BBH", frame)
        if op & REPLY:  # an echo
            self._dropped += 1
            return b""
        self._fed_ms = self._now_ms()
        key = (sequence, frame[-2:])
        if key == self._answered:
            self._repeated += 1
        else:
            self._accepted += 1
            self._sequence = sequence
            status, body = self._execute(version, op, frame[4:-2])
            reply = struct.pack("<BBHBH", VERSION, op | REPLY, sequence, status, self.boot_id) + body
            self._reply = reply + struct.pack(">H", crc16(reply))
            self._answered = key
        return b"\0" + cobs_encode(self._reply) + b"\0"

    def _execute(self, version: int, op: int, payload: bytes) -> tuple[int, bytes]:
        """Status and body of the reply."""
        try:
            if op == Op.HELLO:
                return Status.OK, self._hello()
            if op == Op.SAFE:
                self.state = BoardState.SAFE
                return self._switch_terminals(False)
            if self.forced:
                raise Refusal(self.forced.popleft())
            if version != VERSION:
                raise Refusal(Status.BAD_VERSION, bytes([VERSION, VERSION]))
            return self._execute_versioned(op, payload)
        except Refusal as refusal:
            return refusal.status, refusal.body

    def _execute_versioned(self, op: int, payload: bytes) -> tuple[int, bytes]:
        match op:
            case Op.STATUS:
                unpack("<", payload)
                return Status.OK, self._status()
            case Op.STAGE:
                setpoints = self._setpoints(payload)
                self._staged.update(setpoints)
                return Status.OK, bytes([len(setpoints)])
            case Op.COMMIT:
                (expected,) = unpack("<H", payload)
                self._require_armed()
                return self._commit(expected)
            case Op.STAGE_COMMIT:
                (expected,) = unpack("<H", payload[:2])
                setpoints = self._setpoints(payload[2:])
                self._require_armed()
                self._staged.update(setpoints)
                return self._commit(expected)
            case Op.READ:
                first, count = unpack("<BB", payload)
                if first + count > self.channels:
                    raise Refusal(Status.OUT_OF_RANGE, struct.pack("<BH", max(first, self.channels), 0))
                return Status.OK, struct.pack(
                    f"<{count}H", *(self._wipers.read(c) for c in range(first, first + count))
                )
            case Op.ARM:
                (self._watchdog_ms,) = unpack("<H", payload)
                self.state = BoardState.ARMED
                return self._switch_terminals(True)
        raise Refusal(Status.BAD_OP)

    def _hello(self) -> bytes:
        who = (VERSION, VERSION, FIRMWARE_REVISION, self._reset_cause)
        limits = (self.channels, self.highest_code, MTU)
        part = self.part.encode("ascii")
        return struct.pack("<BBBBBHHB", *who, *limits, len(part)) + part

    def _status(self) -> bytes:
        uptime_ms = (self._now_ms() - self._started_ms) & 0xFFFFFFFF
        counters = [count & 0xFFFF for count in (self._accepted, self._dropped, self._repeated, self._trips)]
        state, overruns = (self.state, self._watchdog_ms, uptime_ms), 0
        return struct.pack("<BHIHHHHHBH", *state, *counters, overruns, self._terminal_faults, self._table_crc())

    def _setpoints(self, payload: bytes) -> list[tuple[int, int]]:
        """Decode (channel, code) in order; raises Refusal with the first that is out of range."""
        if payload[:1] == b"\0" and len(payload) >= 2 and len(payload) % 2 == 0:
            codes = struct.unpack(f"<{len(payload) // 2 - 1}H", payload[2:])
            setpoints = list(enumerate(codes, payload[1]))
        elif payload[:1] == b"\1" and len(payload) % 3 == 1:
            setpoints = list(struct.iter_unpack("<BH", payload[1:]))
        else:
            raise Refusal(Status.MALFORMED)
        for channel, code in setpoints:
            if channel >= self.channels or code > self.highest_code:
                raise Refusal(Status.OUT_OF_RANGE, struct.pack("<BH", channel, code))
        return setpoints

    def _require_armed(self) -> None:
        if self.state is not BoardState.ARMED:
            raise Refusal(Status.NOT_ARMED, bytes([self.state]))

    def _table_crc(self) -> int:
        return crc16(struct.pack(f"<{self.channels}H", *(self._staged[c] for c in range(self.channels))))

    def _commit(self, expected_crc: int) -> tuple[int, bytes]:
        crc = self._table_crc()
        if crc != expected_crc:
            raise Refusal(Status.TABLE_MISMATCH, struct.pack("<H", crc))
        differing = [c for c in range(self.channels) if self._wipers.read(c) != self._staged[c]]
        for channel in differing if self._wipers.reads_back else range(self.channels):
            self._wipers.write(channel, self._staged[channel])
        bad = [c for c in differing if self._wipers.read(c) != self._staged[c]]
        return Status.VERIFY_FAILED if bad else Status.OK, bytes([len(differing), len(bad), *bad])

    def _switch_terminals(self, connected: bool) -> tuple[int, bytes]:
        self._switched_ms = self._now_ms()
        self._reopened = self._reopening_faults = 0
        faulty = [channel for channel in range(self.channels) if not self._wipers.connect(channel, connected)]
        self._terminal_faults = len(faulty)
        return Status.VERIFY_FAILED if faulty else Status.OK, bytes([len(faulty), *faulty])

    def _reopen_next(self) -> None:
        self._switched_ms = self._now_ms()
        self._reopening_faults += not self._wipers.connect(self._reopened, False)
        self._reopened += 1
        if self._reopened == self.channels:
            self._terminal_faults = self._reopening_faults
            self._reopened = self._reopening_faults = 0

    def _boot(self, cause: int) -> None:
        self._reset_cause = int(cause)
        self._pending = b""
        self._answered: tuple[int, bytes] | None = None
        self._reply = b""
        self.state = BoardState.SAFE
        self._watchdog_ms = 0
        self._started_ms = self._fed_ms = self._now_ms()
        self._accepted = self._dropped = self._repeated = self._trips = 0
        self._wipers.begin()
        self._switch_terminals(False)
        held = [self._wipers.read(c) for c in range(self.channels)]
        self._staged = {c: code if code <= self.highest_code else 0 for c, code in enumerate(held)}
        self._show()

    def _now_ms(self) -> int:
        return round(1000 * self._clock.now())

    def _show(self) -> None:
        codes = self.codes()
        if codes != self._shown:
            self._shown = codes
            if self._on_codes is not None:
                self._on_codes(codes)


def unpack(layout: str, payload: bytes) -> tuple[int, ...]:
    """Unpack a payload by a `struct` layout; raises Refusal if its length does not match."""
    if len(payload) != struct.calcsize(layout):
        raise Refusal(Status.MALFORMED)
    return struct.unpack(layout, payload)
