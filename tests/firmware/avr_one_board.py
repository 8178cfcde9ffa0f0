"""The one-board bench on a simulated ATmega328P: its converters bit by bit, and when they did what."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from firmware.avr_board import AvrBoard, Bus, Chip, attached
from firmware.one_board import INPUTS, LAST, MIDDLE, OUTPUTS, SAMPLE, SOURCES, outputs, played, reading, sample, scans
from firmware.wire import OK, OUT_OF_RANGE, SAFE, Host, Reply, replies, request

LATCH_PIN = "PD7"
INPUT_LINES, OUTPUT_LINE = {5: 0, 6: 1}, 4


class Mcp4922:
    """A dual converter, and as well an MCP4822 (Microchip DS22250, DS20002249): `B, BUF, GA, SHDN`, 12 bits of data.

    The outputs follow at the latch.
    """

    def __init__(self) -> None:
        self.inputs: list[int | None] = [None, None]  # None: off, as after power-up
        self.outputs: list[int | None] = [None, None]
        self.errors: list[str] = []
        self.start()

    def start(self) -> None:
        self._taken = 0
        self._word = 0

    def rising(self, level: bool) -> bool:
        self._word = self._word << 1 | level
        self._taken += 1
        if self._taken != 16:
            return False
        if self._word >> 12 & 0b111 != 0b111:
            self.errors.append(f"{self._word:#x} is not buffered, with gain 1, and on")
        self.inputs[self._word >> 15] = self._word & 0xFFF
        return True

    def latch(self) -> None:
        self.outputs = list(self.inputs)

    def out(self) -> bool:
        return False


class Mcp3208:
    """Eight inputs (Microchip DS21298): a start bit, `SGL, D2, D1, D0`, 1.5 clocks of sampling, a zero, 12 bits."""

    def __init__(self, bus: OneBoardBus, number: int) -> None:
        self._bus, self._number = bus, number
        self.start()

    def start(self) -> None:
        self._taken = 0
        self._started = False
        self._word = 0
        self._code = 0

    def rising(self, level: bool) -> bool:
        if not self._started:
            self._started = level
            return False
        self._taken += 1
        if self._taken <= 4:
            self._word = self._word << 1 | level
        if self._taken == 4:
            if not self._word & 8:
                self._bus.errors.append("not single-ended")
            self._code = self._bus.convert(8 * self._number + (self._word & 7))
        return self._taken == 18

    def out(self) -> bool:
        """After the four bits a clock to sample, a zero, then the code, highest bit first."""
        bit = self._taken - 6
        return bool(self._code >> (11 - bit) & 1) if 0 <= bit < 12 else bit != -1


class OneBoardBus(Bus):
    """Potentiometers at D2 to D5, converters at D6 with LDAC at D7, inputs at D8 and D9, as the README says."""

    select_pins = ("PD2", "PD3", "PD4", "PD5", "PD6", "PB0", "PB1")

    def __init__(self, device, chips: int, cycle) -> None:
        self.converters = [Mcp4922() for _ in range(8)]
        self.digitizers = [Mcp3208(self, number) for number in range(2)]
        self.latched_at: list[int] = []
        self.converted_at: list[int] = []
        self.errors: list[str] = []
        super().__init__(device, chips, cycle)
        self._latch = attached(device, LATCH_PIN, "U")
        self.on_change(self._latch, self._latches)

    def chip_at(self, line: int, address: int) -> Chip | None:
        if line in INPUT_LINES:
            return self.digitizers[INPUT_LINES[line]]
        if line == OUTPUT_LINE:
            return self.converters[address]
        index = 8 * line + address
        return None if index >= len(self.chips) or self.chips[index].silent else self.chips[index]

    def _latches(self, high: bool) -> None:
        if high:
            return
        self.latched_at.append(self._cycle())
        for converter in self.converters:
            converter.latch()

    def outputs(self, sources: int) -> list[int | None]:
        every = [code for converter in self.converters for code in converter.outputs]
        return every[:sources]

    def convert(self, number: int) -> int:
        self.converted_at.append(self._cycle())
        return reading(number, [code or 0 for code in self.outputs(12)])


class AvrOneBoard(AvrBoard):
    """As AvrBoard; `wait_ms` also collects what the board sends on its own."""

    byte_ms = 0.01  # 1 Mbaud
    wired = OneBoardBus

    def send(self, data: bytes) -> None:
        """Put bytes on the line; they go out while the CPU runs."""
        self._uart.write(data)

    def collected(self, duration_ms: float) -> bytes:
        """What the board sends on its own within so much time."""
        said = b""
        for _ in range(round(duration_ms / 0.05)):
            self.wait_ms(0.05)
            said += self._uart.read(self._uart.available())
        return said

    def outputs(self) -> Sequence[int | None]:
        assert isinstance(self.bus, OneBoardBus)
        return self.bus.outputs(12)


def unevenness(avr: AvrOneBoard, inputs: int, scans_wanted: int, seed: int) -> int:
    """Take scans at the shortest period that the board accepts, and check every code.

    Returns the largest difference between a period of the outputs and what was asked (cycles).
    """
    assert isinstance(avr.bus, OneBoardBus)
    rng, host = random.Random(seed), Host(avr, sequence=1000 * seed)
    tones = [(source, rng.randrange(1, 128), rng.randrange(256), rng.randrange(-900, 900)) for source in range(3)]
    levels = [rng.randrange(1000, 3000) for _ in range(SOURCES)]
    assert host(OUTPUTS, outputs(levels, tones)).status == OK
    assert avr.outputs() == levels
    chosen = rng.sample(range(INPUTS), inputs)
    period = 500 + 500 * inputs + 230 * len(tones)
    assert host(SAMPLE, sample(period - 1, scans_wanted, chosen)).status == OUT_OF_RANGE
    avr.bus.latched_at.clear()
    said = avr.receive(request(SAMPLE, 1000 * seed + 500, sample(period, scans_wanted, chosen)))
    answer, *blocks = replies(said + avr.collected(scans_wanted * period / 16000 + 4))
    assert (answer.op, answer.status) == (SAMPLE, OK)
    found = [scans(block, inputs) for block in blocks]
    assert [row for each in found for row in each.codes] == [
        [reading(each, played(levels, tones, scan)) for each in chosen] for scan in range(scans_wanted)
    ]
    assert [each.flags for each in found] == [0] * (len(found) - 1) + [LAST]
    assert avr.outputs() == levels
    status = host.status()
    assert (status["overruns"], status["dropped"]) == (0, 0)
    assert not avr.bus.errors
    assert not any(converter.errors for converter in avr.bus.converters)
    return int(abs(np.diff(avr.bus.latched_at[:scans_wanted]) - period).max())


def tries_until_safe(avr: AvrOneBoard, inputs: int, attempts: int, seed: int) -> list[int]:
    """How often SAFE must be sent while scans are taken at the shortest period, at so many different times.

    Then the outputs must be at rest, and all terminals open.
    """
    rng, host = random.Random(seed), Host(avr, sequence=30_000 + 1000 * seed)
    levels = [rng.randrange(1000, 1900) for _ in range(SOURCES)]
    tones = [(source, rng.randrange(1, 128), rng.randrange(256), rng.randrange(-900, 900)) for source in range(3)]
    period = 500 + 500 * inputs + 230 * len(tones)
    needed: list[int] = []
    for _ in range(attempts):
        assert host.arm().status == OK
        assert host(OUTPUTS, outputs(levels, tones)).status == OK
        host.sequence += 1
        avr.receive(request(SAMPLE, host.sequence, sample(period, 60_000, range(inputs))))
        avr.collected(rng.uniform(5, 5 + period / 16000))
        assert None not in avr.codes().values()
        host.sequence += 1
        tries = 1
        while not _obeys_safe(avr, host.sequence) and tries < 5:
            tries += 1
        needed.append(tries)
        assert avr.outputs() == [MIDDLE] * SOURCES
        assert set(avr.codes().values()) == {None}
    return needed


def _obeys_safe(avr: AvrOneBoard, sequence: int) -> bool:
    """Whether the reply comes within 20 ms."""
    avr.send(request(SAFE, sequence))
    answers = whole(avr.collected(20))
    return any((reply.op, reply.sequence, reply.status) == (SAFE, sequence, OK) for reply in answers)


def whole(said: bytes) -> list[Reply]:
    """The replies among bytes of which the first and last frames may be cut off."""
    return replies(said[said.find(0) : said.rfind(0) + 1])
