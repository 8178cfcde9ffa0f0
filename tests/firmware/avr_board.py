"""The ELF for the ATmega328P in lock-step: simulated CPU, serial line and SPI bits, nothing sleeps.

yasimavr is GPL: used by tests where it is installed, by labrig never.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from firmware.avr_two_wire import Mcp4651, TwoWireLine
from firmware.boards import EXTERNAL, POWER_ON
from firmware.bus_chips import Ad5206, Ad5220, Ad5293, Chip, Mcp4251, OnRealChips, Potentiometer

pytest.importorskip("yasimavr", reason="yasimavr is not installed (pip install yasimavr: needs g++ and libelf-dev)")
from yasimavr.device_library import load_device
from yasimavr.lib import core as avr
from yasimavr.utils.uart import UART_IO

CPU_HZ = 16_000_000
BYTE_MS = 0.02
"""One byte at 500 kbaud."""
RESET_FLAGS = {
    POWER_ON: avr.Device.ResetFlag.PowerOn,
    EXTERNAL: avr.Device.ResetFlag.Ext,
    4: avr.Device.ResetFlag.BOD,
    8: avr.Device.ResetFlag.WDT,
}
"""By their bit in HELLO's reset_cause."""
SELECT_PINS = ("PD2", "PD3", "PD4", "PD5", "PD6", "PD7", "PB0", "PB1")
ADDRESS_PINS = ("PC0", "PC1", "PC2")


class Bus:
    """Chips with SPI, wired as drivers/firmware/README.md says, with its pull-ups on the select lines.

    The answers' line is pulled as the chips need it.
    """

    select_pins = SELECT_PINS

    def __init__(self, device, chips: list[Any], cycle: Callable[[], int]) -> None:
        self.shortest_period = math.inf  # of the clock, in cycles of the CPU
        self._cycle = cycle
        self._last_rise = -math.inf
        self.chips = chips
        self._idle = chips[0].idle if chips else "D"
        self.words = 0
        self.clashes: list[list[int]] = []
        self._active: Chip | None = None
        self._hooks = []
        self._address = [attached(device, pin, "Z") for pin in ADDRESS_PINS]
        self._selects = [attached(device, pin, "U") for pin in self.select_pins]
        self._clock = attached(device, "PB5", "Z")
        self._mosi = attached(device, "PB3", "Z")
        self._miso = attached(device, "PB4", self._idle)
        for wire in self._selects:
            self.on_change(wire, self._selected)
        self.on_change(self._clock, self._clocked)

    def on_change(self, wire, changed) -> None:
        on_change(self._hooks, wire, changed)

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
        before, self._active = self._active, self._chip()
        if before is not None and before is not self._active:
            before.release()
        if self._active is None:
            self._miso.set_state(self._idle)
        else:
            self._active.start()
            self._drive()

    def _clocked(self, high: bool) -> None:
        if self._active is None:
            return
        if high:
            self.shortest_period = min(self.shortest_period, self._cycle() - self._last_rise)
            self._last_rise = self._cycle()
        if high != self._active.takes_on_falling_edge:
            self.words += self._active.take(bool(self._mosi.digital_state()))
        else:
            self._drive()

    def _drive(self) -> None:
        if self._active is not None:
            self._miso.set_state({True: "H", False: "L", None: self._idle}[self._active.out()])


def on_change(hooks: list[Any], wire, changed: Callable[[bool], None]) -> None:
    """Call `changed` with the new level of a wire; `hooks` is kept as long as it shall be called."""

    def hook(signal, _) -> None:
        if signal.sigid == avr.Wire.SignalId.DigitalChange:
            changed(bool(signal.data.as_uint()))

    callback = avr.CallableSignalHook(hook)
    wire.signal().connect(callback)
    hooks.append(callback)  # the simulator does not keep it alive


def attached(device, pin: str, state: str):
    """A wire on a pin, in a state of the simulator: Z floating, U pulled up, D pulled down."""
    wire = avr.Wire()
    wire.set_state(state)
    device.find_pin(pin).attach(wire)
    return wire


class TwoWireBus:
    """Chips on eight lines SDA with one SCL, pulled up, wired as drivers/firmware/README.md says."""

    def __init__(self, device, chips: list[Any], cycle: Callable[[], int]) -> None:
        self.chips = chips
        self.clashes: list[list[int]] = []
        self._hooks = []
        self._clock = attached(device, "PC5", "U")
        self._lines = [TwoWireLine(attached(device, pin, "U"), chips[line::8]) for line, pin in enumerate(SELECT_PINS)]
        on_change(self._hooks, self._clock, self._clocked)
        for line in self._lines:
            on_change(self._hooks, line.wire, partial(self._changed, line))

    def _clocked(self, high: bool) -> None:
        for line in self._lines:
            if high:
                line.rise()
            else:
                line.fall()

    def _changed(self, line: TwoWireLine, high: bool) -> None:
        if self._clock.digital_state():
            if high:
                line.stop()
            else:
                line.start()


class AvrBoard(OnRealChips):
    """`receive` sends bytes at the line's speed and runs the CPU until the replies are complete.

    chips: fewer than the channels need are a bank that is not fully soldered.
    """

    byte_ms = BYTE_MS
    boot_ms = 30
    """Time after a reset until it listens."""
    wired: type[Bus] | type[TwoWireBus] = Bus
    chip: type[Potentiometer] = Mcp4251

    def __init__(self, elf: Path, channels: int, chips: int | None = None) -> None:
        self._channels = channels
        self._rheostats = self.chip.rheostats
        count = -(-channels // self._rheostats) if chips is None else chips
        self._device = load_device("atmega328p")
        self._loop = avr.SimLoop(self._device)
        self._loop.set_fast_mode(True)
        program = avr.Firmware.read_elf(str(elf))
        assert program is not None, f"{elf} is no program"
        program.frequency = CPU_HZ
        program.vcc = 5.0
        self._device.load_firmware(program)
        self._uart = UART_IO(self._device, 0)
        self.bus = self.wired(self._device, [self.chip() for _ in range(count)], self._loop.cycle)
        self.wait_ms(self.boot_ms)

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
        self.wait_ms(self.boot_ms)

    def _chips(self) -> Sequence[Potentiometer]:
        return self.bus.chips


class Ad5293Board(AvrBoard):
    chip = Ad5293


class Ad5206Board(AvrBoard):
    chip = Ad5206


class Ad5220Board(AvrBoard):
    chip = Ad5220


class Mcp4651Board(AvrBoard):
    chip = Mcp4651
    wired = TwoWireBus
    boot_ms = 150


AVR_BOARDS: dict[str, type[AvrBoard]] = {
    "mcp4251": AvrBoard,
    "ad5293": Ad5293Board,
    "ad5206": Ad5206Board,
    "ad5220": Ad5220Board,
    "mcp4651": Mcp4651Board,
}
"""By the name of the chip."""
