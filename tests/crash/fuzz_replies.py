"""Targets of fuzz.py: drivers that get mutated replies, and virtual instruments that get mutated messages.

Drivers talk to a virtual instrument in the same thread, without a line between: each reply may be mutated, left out or
answered with an error. Their clock goes on by itself, so that no deadline takes time.
"""

from __future__ import annotations

import contextlib
import random
import struct
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from unittest.mock import patch

from crash.fuzz import NotAnError, Target
from crash.mutations import TEXTS, mutated
from labrig_drivers.digipot_bank import DigipotBank
from labrig_drivers.digipot_bank import bank as bank_module
from labrig_drivers.digipot_bank import link as link_module
from labrig_drivers.siglent import SdgOptions, SdgSource
from wire.digipot.boards import options as bank_options
from wire.siglent.rigs import virtual_bench

from labrig.errors import LabrigError
from labrig.instruments.data import Level
from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.digipot.board import cobs_encode, crc16
from labrig.virtual_instruments.scpi import ScpiError, Vxi11Server
from labrig.virtual_instruments.scpi.servers import _Dropped
from labrig.virtual_instruments.scpi.syntax import Framer
from labrig.virtual_instruments.siglent import VirtualSdg

RESOURCE = "TCPIP::192.0.2.1::INSTR"
SCPI_WORDS = (*TEXTS, *b"; , ? : C1: C9: BSWV WVDT WAVEDATA, OUTP 1e308V '".split())


def reply_targets() -> dict[str, Target]:
    """All of them, by name."""
    messages = transcript()
    return {
        "sdg driver": SdgDriver(),
        "sdg messages": SdgMessages(messages),
        "sdg socket": SdgStream(messages),
        "sdg vxi-11": SdgRecords(messages),
        "bank driver": BankDriver(),
        "bank frames": BankFrames(),
    }


def transcript() -> list[bytes]:
    """What the driver sends to a generator."""
    sent: list[bytes] = []
    with _driven(lambda reply: reply, sent) as source:
        _use_generator(source, random.Random(0))
        _use_generator(source, random.Random(1))
    return list(dict.fromkeys(sent))


def _use_generator(source: SdgSource, rng: random.Random) -> None:
    """Every call of the contract; the last ones whatever became of the others."""
    try:
        source.open()
        source.identify()
        source.idle()
        for _ in range(3):
            source.load({channel: _program(rng) for channel in ("1", "2")})
            source.arm()
            source.start()
            source.confirm()
    finally:
        try:
            source.make_safe()
        finally:
            source.close()


def _program(rng: random.Random) -> ToneProgram:
    def tone() -> Tone:
        return Tone(100.0 * rng.randint(1, 20), rng.choice((0.001, 0.1, 1.0)), rng.choice((0.0, 3.14159, 0.3)))

    return ToneProgram(rng.choice((0.0, 0.5, -1.0)), tuple(tone() for _ in range(rng.choice((0, 1, 1, 2)))))


class _VisaSession:
    """What PyVISA gives a driver: a generator in the same thread, whose replies are changed."""

    def __init__(self, generator: VirtualSdg, change: Callable[[bytes], bytes], sent: list[bytes]) -> None:
        self._generator, self._change, self._sent = generator, change, sent
        self._waiting = b""

    def write(self, command: str) -> None:
        self.write_raw(command.encode() + b"\n")

    def write_raw(self, message: bytes) -> None:
        self._sent.append(message)
        reply = self._generator.execute(message.removesuffix(b"\n"))
        self._waiting = self._change(reply) if reply else b""

    def query(self, command: str) -> str:
        self.write(command)
        line, _, self._waiting = self._waiting.partition(b"\n")
        if not line:
            raise TimeoutError
        return line.decode("ascii")

    def read_bytes(self, count: int) -> bytes:
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        if len(data) < count:
            raise TimeoutError
        return data

    def close(self) -> None:
        self._waiting = b""


@contextlib.contextmanager
def _driven(change: Callable[[bytes], bytes], sent: list[bytes]) -> Iterator[SdgSource]:
    """A driver in front of a generator of its own."""
    generator = VirtualSdg(virtual_bench(), "gen")
    source = SdgSource("gen", SdgOptions(driver="siglent.sdg", resource=RESOURCE))
    with patch.object(source._session, "_connected", lambda: _VisaSession(generator, change, sent)):
        yield source
    if generator.failure is not None:
        raise generator.failure


class SdgDriver:
    """The Siglent driver."""

    made = 0

    def __init__(self) -> None:
        self._replies = [b"ON,LOAD,HZ,PLRT,NOR", b"C1:BTWV STATE,ON,PRD,1e+300S,STPS,nan,DLAY,1e+09S", b"*IDN"]

    def case(self, rng: random.Random) -> None:
        often, count = rng.choice((0.02, 0.1, 0.5)), 0

        def change(reply: bytes) -> bytes:
            nonlocal count
            if rng.random() > often:
                if len(self._replies) < 200:
                    self._replies.append(reply)
                return reply
            count += 1
            self.made += 1
            line = mutated(rng, reply.rstrip(b"\n"), self._replies, SCPI_WORDS)
            return line + (b"\n" if rng.random() < 0.9 else b"")

        try:
            with _driven(change, []) as source:
                _use_generator(source, rng)
        except LabrigError as error:
            if not count:  # nothing was wrong with this generator
                raise NotAnError(f"refused a generator that answers rightly: {error}") from None
            raise


class SdgMessages:
    """The virtual generator, message by message."""

    made = 0

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = messages
        self._generator = VirtualSdg(virtual_bench(), "gen")

    def case(self, rng: random.Random) -> None:
        for _ in range(20):
            self.made += 1
            message = mutated(rng, rng.choice(self._messages), self._messages, SCPI_WORDS)
            reply = self._generator.execute(message)
            if not isinstance(reply, bytes):
                raise NotAnError(f"replies {reply!r}")
            if self._generator.failure is not None:
                failure, self._generator.failure = self._generator.failure, None
                raise failure
        if rng.random() < 0.05:
            self._generator.power_cycle()


class SdgStream:
    """How a byte stream is split into messages."""

    made = 0

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = [message.removesuffix(b"\n") + b"\n" for message in messages]

    def case(self, rng: random.Random) -> None:
        self.made += 5
        stream = b"".join(rng.choice(self._messages) for _ in range(5))
        stream = mutated(rng, stream, self._messages, SCPI_WORDS)
        framer, whole = Framer(blocks=rng.random() < 0.7), Framer(blocks=False)
        found = []
        while stream:
            length = rng.choice((1, 7, 100, 5000))
            with contextlib.suppress(ScpiError):
                found += framer.feed(stream[:length])
                whole.feed(stream[:length])
            stream = stream[length:]


class _Connection:
    """A socket that delivers these bytes, in pieces, and takes replies."""

    def __init__(self, data: bytes, rng: random.Random) -> None:
        self._data, self._rng = data, rng

    def recv(self, count: int) -> bytes:
        piece, self._data = self._data[:count], self._data[count:]
        return piece

    def sendall(self, data: bytes) -> None:
        pass


class SdgRecords:
    """The records of VXI-11."""

    made = 0

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = [message for message in messages if len(message) < 4096]
        self._server = Vxi11Server(VirtualSdg(virtual_bench(), "gen"), name="gen")
        self._server.stop()
        self._server._stopping = SimpleNamespace(wait=lambda s: False, is_set=lambda: False)  # type: ignore[assignment]

    def case(self, rng: random.Random) -> None:
        self.made += 5
        message = rng.choice(self._messages)
        calls = [(10, struct.pack("!4I", 1, 0, 0, 6) + b"inst0\0\0\0")]
        calls += [(11, struct.pack("!5I", 1, 1000, 0, 8, len(message)) + message + b"\0" * (-len(message) % 4))]
        calls += [(12, struct.pack("!6I", 1, 4096, 1000, 0, 0, 0)), (13, struct.pack("!4I", 1, 0, 0, 1000)), (15, b"")]
        stream = b""
        for number, (procedure, arguments) in enumerate(calls):
            record = struct.pack("!6I", number, 0, 2, 0x0607AF, 1, procedure) + bytes(16) + arguments
            if rng.random() < 0.5:
                record = mutated(rng, record)
            stream += struct.pack("!I", 0x80000000 | len(record)) + record
        if rng.random() < 0.5:
            stream = mutated(rng, stream)
        with contextlib.suppress(OSError, EOFError, struct.error, _Dropped, ScpiError):  # as the server's thread does
            self._server.serve(_Connection(stream, rng))  # type: ignore[arg-type]
        failure = self._server.instrument.failure  # type: ignore[attr-defined]
        if failure is not None:
            self._server.instrument.failure = None  # type: ignore[attr-defined]
            raise failure


class _Clock:
    """A clock that goes on whenever it is read."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def monotonic(self) -> float:
        self._now_s += 5e-3
        return self._now_s

    now = monotonic

    def sleep(self, duration_s: float) -> None:
        self._now_s += duration_s


class _Port:
    """A serial port with a board behind it, whose replies are changed."""

    timeout = 0.0

    def __init__(self, board: VirtualDigipotBoard, change: Callable[[bytes], bytes]) -> None:
        self._board, self._change, self._waiting = board, change, b""

    def write(self, data: bytes) -> None:
        self._waiting += self._change(self._board.receive(data))

    def read(self, count: int) -> bytes:
        data, self._waiting = self._waiting[:count], self._waiting[count:]
        return data

    def reset_input_buffer(self) -> None:
        self._waiting = b""

    def set_low_latency_mode(self, on: bool) -> None:
        pass

    def close(self) -> None:
        pass


class BankDriver:
    """The driver of the potentiometer bank: mutated frames, and frames whose content was mutated before the CRC."""

    made = 0

    def __init__(self) -> None:
        self._replies: list[bytes] = []

    def case(self, rng: random.Random) -> None:
        often, count, clock = rng.choice((0.02, 0.1, 0.5)), 0, _Clock()
        board = VirtualDigipotBoard(4, clock=clock)

        def change(reply: bytes) -> bytes:
            nonlocal count
            if rng.random() > often:
                return reply
            count += 1
            self.made += 1
            if rng.random() < 0.3:
                board.reset()
                return b""
            if rng.random() < 0.5:
                return mutated(rng, reply, self._replies)
            return _framed(mutated(rng, _unframed(reply), self._replies)[:300])

        bank = DigipotBank("pots", bank_options("/dev/ttyUSB0"))
        port = _Port(board, change)
        try:
            with (
                patch("serial.serial_for_url", lambda *_, **__: port),
                patch.object(link_module, "time", clock),
                patch.object(bank_module, "time", clock),
            ):
                self._use(bank, rng)
        except LabrigError as error:
            if not count:
                raise NotAnError(f"refused a board that answers rightly: {error}") from None
            raise

    def _use(self, bank: DigipotBank, rng: random.Random) -> None:
        try:
            bank.open()
            bank.identify()
            bank.keep_alive()
            for _ in range(3):
                bank.program({str(channel): Level(rng.randrange(257)) for channel in range(rng.randint(0, 4))})
                bank.read_back([str(rng.randrange(4))])
                bank.keep_alive()
        finally:
            try:
                bank.make_safe()
            finally:
                bank.close()


def _unframed(reply: bytes) -> bytes:
    from cobs import cobs

    return cobs.decode(reply.strip(b"\0"))[:-2] if reply.strip(b"\0") else b""


def _framed(plain: bytes) -> bytes:
    return b"\0" + cobs_encode(plain + struct.pack(">H", crc16(plain))) + b"\0"


class BankFrames:
    """The virtual board, frame by frame."""

    made = 0

    def __init__(self) -> None:
        self._board = VirtualDigipotBoard(16)
        self._requests = [
            bytes((1, op, 0, 0)) + payload
            for op, payload in (
                (1, b""),
                (2, b""),
                (3, b"\0\3" + bytes(8)),
                (3, b"\1\5\x10\0\6\x20\0"),
                (4, b"\0\0"),
                (5, b"\0\x10"),
                (6, b""),
                (7, b"\xe8\3"),
                (8, b"\0\0\1\5\x10\0"),
            )
        ]

    def case(self, rng: random.Random) -> None:
        for _ in range(20):
            self.made += 1
            request = bytearray(rng.choice(self._requests))
            request[2:4] = struct.pack("<H", rng.randrange(65536))
            frame = _framed(mutated(rng, bytes(request), self._requests)[:300])
            if rng.random() < 0.3:
                frame = mutated(rng, frame)
            if not isinstance(self._board.receive(frame), bytes):
                raise NotAnError("no bytes")
        if rng.random() < 0.05:
            self._board.power_cycle()
