"""The ELF for the ATmega328P in lock-step: simulated CPU, serial line and SPI bits, nothing sleeps.

yasimavr is GPL: used by tests where it is installed, by labrig never.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from firmware.boards import EXTERNAL, POWER_ON
from firmware.wire import STAGE_COMMIT, Host, pairs, run, table_crc

pytest.importorskip("yasimavr", reason="yasimavr is not installed (pip install yasimavr: needs g++ and libelf-dev)")
from yasimavr.device_library import load_device
from yasimavr.lib import core as avr
from yasimavr.utils.uart import UART_IO

CPU_HZ = 16_000_000
BYTE_MS = 0.02
"""One byte at 500 kbaud."""
FIRST_BOOT = 0
"""An erased EEPROM holds 0xFFFF."""
RESET_FLAGS = {
    POWER_ON: avr.Device.ResetFlag.PowerOn,
    EXTERNAL: avr.Device.ResetFlag.Ext,
    4: avr.Device.ResetFlag.BOD,
    8: avr.Device.ResetFlag.WDT,
}
"""By their bit in HELLO's reset_cause."""
SELECT_PINS = ("PD2", "PD3", "PD4", "PD5", "PD6", "PD7", "PB0", "PB1")
ADDRESS_PINS = ("PC0", "PC1", "PC2")
WRITE, READ = 0, 3
WIPERS, TCON = (0, 1), 4


class Chip(Protocol):
    """What hangs on the bus."""

    def start(self) -> None:
        """It is selected."""

    def rising(self, level: bool) -> bool:
        """A bit comes in; True when a word is complete."""

    def out(self) -> bool:
        """The level for the next rising edge."""


class Mcp4251:
    """One chip, bit by bit, SPI mode 0 (Microchip DS22060): in on rising clock, out on falling.

    A word is `A3..A0 C1 C0 D9 D8`, `D7..D0`. Out come six ones, a bit that says whether the command was understood, and
    the register, the top bit of which must be there while the command byte still runs.
    """

    def __init__(self) -> None:
        self.stuck: set[int] = set()
        self.silent = False
        self.registers: dict[int, int] = {}
        self.power_up()

    def power_up(self) -> None:
        fresh = {0: 128, 1: 128, TCON: 0x1FF}
        self.registers = fresh | {wiper: self.registers[wiper] for wiper in self.stuck}
        self.start()

    def start(self) -> None:
        self._taken = 0
        self._word = 0

    @property
    def _command(self) -> tuple[int, int]:
        return self._word >> 12, (self._word >> 10) & 3

    def _understood(self) -> bool:
        address, command = self._command
        return address in self.registers and command in (WRITE, READ)

    def rising(self, level: bool) -> bool:
        """True when a word is complete."""
        self._word |= level << (15 - self._taken)
        self._taken += 1
        if self._taken < 16:
            return False
        address, command = self._command
        if self._understood() and command == WRITE and address not in self.stuck:
            value = self._word & 0x1FF
            self.registers[address] = min(value, 256) if address in WIPERS else value | 0x100
        self.start()
        return True

    def out(self) -> bool:
        """The level for the next rising edge."""
        if self._taken < 6:
            return True
        if self._taken == 6:
            return self._understood()
        address, command = self._command
        if self._understood() and command == READ:
            return bool(self.registers[address] >> (15 - self._taken) & 1)
        return self._understood()


class Bus:
    """Chips wired as drivers/firmware/README.md says, with its pull-ups on the select lines and pull-down on MISO."""

    select_pins = SELECT_PINS

    def __init__(self, device, chips: int, cycle: Callable[[], int]) -> None:
        self.shortest_period = math.inf  # of the clock, in cycles of the CPU
        self._cycle = cycle
        self._last_rise = -math.inf
        self.chips = [Mcp4251() for _ in range(chips)]
        self.words = 0
        self.clashes: list[list[int]] = []
        self._active: Chip | None = None
        self._hooks = []
        self._address = [attached(device, pin, "Z") for pin in ADDRESS_PINS]
        self._selects = [attached(device, pin, "U") for pin in self.select_pins]
        self._clock = attached(device, "PB5", "Z")
        self._mosi = attached(device, "PB3", "Z")
        self._miso = attached(device, "PB4", "D")
        for wire in self._selects:
            self.on_change(wire, self._selected)
        self.on_change(self._clock, self._clocked)

    def on_change(self, wire, changed) -> None:
        def hook(signal, _) -> None:
            if signal.sigid == avr.Wire.SignalId.DigitalChange:
                changed(bool(signal.data.as_uint()))

        callback = avr.CallableSignalHook(hook)
        wire.signal().connect(callback)
        self._hooks.append(callback)  # the simulator does not keep it alive

    def _chip(self) -> Chip | None:
        lines = [i for i, wire in enumerate(self._selects) if not wire.digital_state()]
        if len(lines) > 1:
            self.clashes.append(lines)  # an exception must not cross the simulator
        if not lines:
            return None
        return self.chip_at(lines[0], sum(wire.digital_state() << i for i, wire in enumerate(self._address)))

    def chip_at(self, line: int, address: int) -> Chip | None:
        """The chip behind a select line and its decoder; None if there is none, or it is silent."""
        index = line + 8 * address
        return None if index >= len(self.chips) or self.chips[index].silent else self.chips[index]

    def _selected(self, _: bool) -> None:
        self._active = self._chip()
        if self._active is None:
            self._miso.set_state("D")
        else:
            self._active.start()
            self._drive()

    def _clocked(self, high: bool) -> None:
        if self._active is None:
            return
        if high:
            self.shortest_period = min(self.shortest_period, self._cycle() - self._last_rise)
            self._last_rise = self._cycle()
            self.words += self._active.rising(bool(self._mosi.digital_state()))
        else:
            self._drive()

    def _drive(self) -> None:
        if self._active is not None:
            self._miso.set_state("H" if self._active.out() else "L")


def attached(device, pin: str, state: str):
    """A wire on a pin, in a state of the simulator: Z floating, U pulled up, D pulled down."""
    wire = avr.Wire()
    wire.set_state(state)
    device.find_pin(pin).attach(wire)
    return wire


class AvrBoard:
    """`receive` sends bytes at the line's speed and runs the CPU until the replies are complete.

    chips: fewer than the channels need are a bank that is not fully soldered.
    """

    byte_ms = BYTE_MS
    wired: type[Bus] = Bus

    def __init__(self, elf: Path, channels: int, chips: int | None = None) -> None:
        self._channels = channels
        self._device = load_device("atmega328p")
        self._loop = avr.SimLoop(self._device)
        self._loop.set_fast_mode(True)
        program = avr.Firmware.read_elf(str(elf))
        assert program is not None, f"{elf} is no program"
        program.frequency = CPU_HZ
        program.vcc = 5.0
        self._device.load_firmware(program)
        self._uart = UART_IO(self._device, 0)
        self.bus = self.wired(self._device, (channels + 1) // 2 if chips is None else chips, self._loop.cycle)
        self.wait_ms(30)

    def now_s(self) -> float:
        return self._loop.cycle() / CPU_HZ

    def wait_ms(self, duration_ms: float) -> None:
        cycles = int(duration_ms * CPU_HZ / 1000)
        if cycles:  # of 0 cycles the simulator makes a run without end
            self._loop.run(cycles)

    def receive(self, data: bytes, expected: int = 1, within_ms: float = 100.0) -> bytes:
        """Until the bytes are sent and so many whole replies have come, or none has for too long."""
        self._uart.write(data)
        self.wait_ms(len(data) * self.byte_ms)
        replies = self._uart.read(self._uart.available())
        deadline_s = self.now_s() + within_ms / 1000
        while replies.count(0) < 2 * expected and self.now_s() < deadline_s:
            self.wait_ms(0.05)
            replies += self._uart.read(self._uart.available())
        assert not self.bus.clashes, f"select lines low together: {self.bus.clashes}"
        return replies

    def reset(self, cause: int = EXTERNAL) -> None:
        self._device.reset(RESET_FLAGS[cause])
        self.wait_ms(30)

    def power_cycle(self) -> None:
        for chip in self.bus.chips:
            chip.power_up()
        self.reset(POWER_ON)

    def stick(self, channel: int, code: int) -> None:
        chip = self._chip(channel)
        chip.silent = False
        chip.stuck.add(channel % 2)
        chip.registers[channel % 2] = code

    def silence(self, channel: int) -> None:
        """The whole chip: its other channel is silent, too."""
        chip = self._chip(channel)
        chip.stuck.clear()
        chip.silent = True

    def heal(self, channel: int) -> None:
        chip = self._chip(channel)
        chip.stuck.discard(channel % 2)
        chip.silent = False

    def _chip(self, channel: int) -> Mcp4251:
        return self.bus.chips[channel // 2]

    def codes(self) -> dict[int, int | None]:
        """As the network sees them: None for open terminals, -1 for neither open nor connected."""
        seen: dict[int, int | None] = {}
        for channel in range(self._channels):
            registers, wiper = self._chip(channel).registers, channel % 2
            terminals = registers[TCON] >> (4 * wiper) & 0xF  # not in shutdown, A, W, B
            seen[channel] = {0xF: registers[wiper], 0x8: None}.get(terminals, -1)
        return seen


def time_of_a_step_ms(elf: Path, channels: int, changed: int) -> float:
    """Simulated time in which so many channels are changed, written and verified by one STAGE_COMMIT."""
    rng = random.Random(channels)
    avr = AvrBoard(elf, channels)
    host = Host(avr)
    host.arm()
    table = [128] * channels
    new = {channel: rng.randrange(128) for channel in sorted(rng.sample(range(channels), changed))}
    for channel, code in new.items():
        table[channel] = code
    setpoints = min(pairs(new), run(0, table), key=len)
    start_s = avr.now_s()
    reply = host(STAGE_COMMIT, table_crc(table) + setpoints)
    took_ms = 1000 * (avr.now_s() - start_s)
    assert reply.body == bytes([changed, 0])
    assert list(avr.codes().values()) == table
    return took_ms
