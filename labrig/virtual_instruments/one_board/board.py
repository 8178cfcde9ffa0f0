"""A virtual one-board bench: the potentiometers of a bank, and converters that work in step with one clock.

`VirtualOneBoard` is the protocol without I/O and without a network: `digitize` returns the readings of the inputs.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Protocol

from typing_extensions import override

from labrig.virtual_instruments.digipot.board import (
    REPLY,
    VERSION,
    Refusal,
    Status,
    VirtualDigipotBoard,
    cobs_encode,
    crc16,
)
from labrig.virtual_instruments.one_board.sampler import (
    MOST_PARTIALS,
    Acquisition,
    Codes,
    Malformed,
    OutOfRange,
    Program,
)

CLOCK_HZ = 16_000_000


class BoardOp(IntEnum):
    """The ops beyond those of a bank; SCANS is sent by the board only."""

    OUTPUTS = 9
    SAMPLE = 10
    HALT = 11
    REST = 12
    SCANS = 13


class Network(Protocol):
    """What is connected to the converters."""

    def hold(self, program: Program) -> None:
        """Make the outputs hold the levels of a program."""
        ...

    def begin(self, acquisition: Acquisition) -> None:
        """Begin an acquisition and the tones of its program."""
        ...

    def digitize(self, acquisition: Acquisition, first: int, last: int) -> Codes:
        """Return the (n, C) codes of the scans first … last − 1."""
        ...


class VirtualOneBoard(VirtualDigipotBoard):
    """The board. All methods are thread-safe.

    Parameters
    ----------
    network : Network
        What is connected to the converters.
    sources, inputs : int
        Numbers of outputs and inputs.
    more : keyword arguments
        Further parameters, as for `VirtualDigipotBoard`.
    """

    def __init__(self, network: Network, channels: int, *, sources: int = 12, inputs: int = 16, **more: object) -> None:
        self._network = network
        self._sources, self._inputs = sources, inputs
        self._program = Program.resting(sources)
        self._resting = True
        self._loads = 0
        self._acquisition: Acquisition | None = None
        self._taken = 0
        self._started_s = 0.0
        self._outbox = bytearray()
        super().__init__(channels, **more)  # type: ignore[arg-type]

    @property
    def is_sampling(self) -> bool:
        """Whether scans are being taken."""
        return self._acquisition is not None

    @property
    def program(self) -> Program:
        """The program that the outputs play."""
        return self._program

    @override
    def receive(self, data: bytes) -> bytes:
        with self._lock:
            sent = self.take()  # what was due before comes first
            reply = super().receive(data)
            if data and not data.endswith(b"\0"):
                self._halt_if_sampling()
            self.poll()  # a board that was sampling has time for other things now
            return sent + reply

    @override
    def poll(self) -> None:
        with self._lock:
            self._scan()
            super().poll()

    def take(self) -> bytes:
        """Return the completed blocks of scans, as bytes for the line."""
        with self._lock:
            self.poll()
            sent, self._outbox = bytes(self._outbox), bytearray()
            return sent

    def due_s(self) -> float:
        """Time until the acquisition is complete (s); infinite without one."""
        with self._lock:
            running = self._acquisition
            if running is None:
                return float("inf")
            return max(0.0, self._started_s + running.wanted * running.period / CLOCK_HZ - self._clock.now())

    @override
    def _answer(self, chunk: bytes) -> bytes:
        self._halt_if_sampling()
        return super()._answer(chunk)

    @override
    def _execute_versioned(self, op: int, payload: bytes) -> tuple[int, bytes]:
        try:
            match op:
                case BoardOp.OUTPUTS:
                    self._program = Program.read(payload, self._sources)
                    self._loads = (self._loads + 1) & 0xFFFF
                    self._resting = False
                    self._network.hold(self._program)
                    return Status.OK, struct.pack("<H", self._loads)
                case BoardOp.SAMPLE:
                    header = struct.pack("<BBHBH", VERSION, BoardOp.SCANS | REPLY, self._sequence, 0, self.boot_id)
                    running = Acquisition.read(payload, self._inputs, self._program, header)
                    self._acquisition, self._taken = running, 0
                    self._started_s = self._clock.now()
                    self._network.begin(running)
                    return Status.OK, b""
                case BoardOp.HALT:
                    self._halt()
                    return Status.OK, struct.pack("<H", self._taken)
                case BoardOp.REST:
                    self._rest()
                    return Status.OK, struct.pack("<H", self._taken)
                case _:
                    return super()._execute_versioned(op, payload)
        except Malformed as error:
            raise Refusal(Status.MALFORMED) from error
        except OutOfRange as error:
            raise Refusal(Status.OUT_OF_RANGE, struct.pack("<BH", error.offender, error.value)) from error

    @override
    def _hello(self) -> bytes:
        return super()._hello() + bytes([self._sources, self._inputs, MOST_PARTIALS])

    @override
    def _status(self) -> bytes:
        return super()._status() + struct.pack("<BHH", self._resting, self._loads, self._taken)

    @override
    def _switch_terminals(self, connected: bool) -> tuple[int, bytes]:
        if not connected:
            self._rest()
        return super()._switch_terminals(connected)

    @override
    def _reopen_next(self) -> None:
        if not self.is_sampling:
            super()._reopen_next()

    @override
    def _boot(self, cause: int) -> None:
        self._loads = self._taken = 0
        self._outbox.clear()
        super()._boot(cause)

    def _rest(self) -> None:
        """Stop sampling, and set every output to the middle of its range."""
        self._acquisition = None
        self._program, self._resting = Program.resting(self._sources), True
        self._network.hold(self._program)

    def _halt_if_sampling(self) -> None:
        """Stop sampling, as any byte from the host does."""
        if self.is_sampling:
            self._halt()

    def _halt(self) -> None:
        """Stop sampling; the outputs hold their levels."""
        self._acquisition = None
        self._network.hold(self._program)

    def _scan(self) -> None:
        """Take the scans that are due."""
        running = self._acquisition
        if running is None:
            return
        due = running.due(round((self._clock.now() - self._started_s) * CLOCK_HZ))
        if due <= running.taken:
            return
        for frame in running.add(self._network.digitize(running, running.taken, due)):
            self._outbox += b"\0" + cobs_encode(frame + struct.pack(">H", crc16(frame))) + b"\0"
        self._taken = running.taken
        if running.is_over:
            self._halt()
