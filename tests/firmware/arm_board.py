"""The ELF for the STM32F446 in lock-step: simulated core, serial line and SPI bits, chips wired to a NUCLEO's pins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware.arm_processor import (
    BROWN_OUT,
    POWER_ON,
    RESET_LINE,
    TICKS_PER_US,
    WATCHDOG,
    Processor,
)
from firmware.boards import EXTERNAL
from firmware.boards import POWER_ON as BY_POWER_ON
from firmware.bus_chips import Ad5206, Ad5293, Chip, Mcp3208, Mcp4251, Mcp4922, OnRealChips, Potentiometer
from firmware.one_board import reading

LINES = {"D2": "A10", "D3": "B3", "D4": "B5", "D5": "B4", "D6": "B10", "D7": "A8", "D8": "A9", "D9": "C7"}
ADDRESS = {"A0": "A0", "A1": "A1", "A2": "A4"}
"""Pins of a NUCLEO-F446RE at the labels of its Arduino connectors, as in stm32duino/Arduino_Core_STM32."""
FLAGS = {BY_POWER_ON: POWER_ON, EXTERNAL: RESET_LINE, 4: BROWN_OUT, 8: WATCHDOG}
"""By their bit in HELLO's reset_cause."""
SHORTEST_NS = {"select": 100, "release": 15, "idle": 500}
"""From select to the first edge of SCK (MCP3208); from the end of the last bit to release (MCP4922); between two
selections (MCP3208)."""


class Bus:
    """Chips with SPI behind select lines and decoders, with pull-ups as drivers/firmware/README.md says."""

    select_lines = tuple(LINES)

    def __init__(self, chips: Sequence[Potentiometer]) -> None:
        self.chips = chips
        self.clashes: list[list[str]] = []
        self.errors: list[str] = []
        self.shortest_bit = math.inf
        self._low: list[str] = []
        self._active: Chip | None = None
        self._quiet_at = self._free_at = self._selected_at = -1_000_000

    def chip_at(self, line: int, address: int) -> Chip | None:
        """The chip behind a select line and its decoder; None if there is none, or it is silent."""
        index = line + 8 * address
        return None if index >= len(self.chips) or self.chips[index].silent else self.chips[index]

    def changed(self, now: int, level: Callable[[str, int], bool | None]) -> None:
        def at(pin: str) -> bool | None:
            return level(pin[0], int(pin[1:]))

        low = [label for label in self.select_lines if at(LINES[label]) is False]
        if low == self._low:
            return
        if len(low) > 1:
            self.clashes.append(low)
        if self._active is not None:
            self._active.release()
            self._active = None
        if self._low:
            self._free_at = now
            self._least("release", now - self._quiet_at)
        self._low = low
        if low:
            self._least("idle", now - self._free_at)
            self._selected_at = now
            address = sum(bool(at(pin)) << k for k, pin in enumerate(ADDRESS.values()))
            self._active = self.chip_at(self.select_lines.index(low[0]), address)
            if self._active is not None:
                self._active.start()

    def exchange(self, now: int, byte: int, ticks_per_bit: int, mode: int) -> int:
        """Bit by bit, the highest first."""
        self._least("select", max(now - self._selected_at, now - self._quiet_at))
        self._quiet_at = now + 8 * ticks_per_bit
        self.shortest_bit = min(self.shortest_bit, ticks_per_bit)
        chip, answer = self._active, 0
        idle = bool(self.chips) and self.chips[0].idle == "U"
        for k in range(7, -1, -1):
            level = bool(byte >> k & 1)
            seen = chip.out() if chip is not None else None
            answer = answer << 1 | (idle if seen is None else seen)
            if chip is not None:
                if chip.takes_on_falling_edge != (mode == 1):
                    self.errors.append(f"SPI mode {mode}")
                chip.take(level)
        return answer

    def _least(self, what: str, ticks: int) -> None:
        if 1000 * ticks < SHORTEST_NS[what] * TICKS_PER_US:
            self.errors.append(f"{what} after {1000 * ticks / TICKS_PER_US:.0f} ns")


class OneBoardBus(Bus):
    """Potentiometers at D2 to D5, converters at D6 with LDAC at D7, inputs at D8 and D9."""

    select_lines = ("D2", "D3", "D4", "D5", "D6", "D8", "D9")

    def __init__(self, chips: Sequence[Potentiometer]) -> None:
        super().__init__(chips)
        self.converters = [Mcp4922() for _ in range(8)]
        self.digitizers = [Mcp3208(self, number) for number in range(2)]
        self.latched_at: list[float] = []
        self._latch = False

    def chip_at(self, line: int, address: int) -> Chip | None:
        if line >= 5:
            return self.digitizers[line - 5]
        if line == 4:
            return self.converters[address]
        index = 8 * line + address
        return None if index >= len(self.chips) or self.chips[index].silent else self.chips[index]

    def changed(self, now: int, level: Callable[[str, int], bool | None]) -> None:
        super().changed(now, level)
        latch = level("A", 8) is False
        if latch and not self._latch:
            self.latched_at.append(now / (TICKS_PER_US / 16))
            for converter in self.converters:
                converter.latch()
        self._latch = latch

    def outputs(self, sources: int) -> list[int | None]:
        return [code for converter in self.converters for code in converter.outputs][:sources]

    def convert(self, number: int) -> int:
        if self.shortest_bit_of_inputs < TICKS_PER_US:
            self.errors.append("faster than an MCP3208 at 2.7 V")
        return reading(number, [code or 0 for code in self.outputs(12)])

    shortest_bit_of_inputs: float = math.inf

    def exchange(self, now: int, byte: int, ticks_per_bit: int, mode: int) -> int:
        if self._active in self.digitizers:
            self.shortest_bit_of_inputs = min(self.shortest_bit_of_inputs, ticks_per_bit)
        return super().exchange(now, byte, ticks_per_bit, mode)


class ArmBoard(OnRealChips):
    """`receive` sends bytes at the line's speed and runs the core until the replies are complete.

    chips: fewer than the channels need are a bank that is not fully soldered. missing: clocks that do not come.
    """

    boot_ms = 60
    """Time after a reset until it listens."""
    wired: type[Bus] = Bus
    chip: type[Potentiometer] = Mcp4251

    def __init__(self, elf: Path, channels: int, chips: int | None = None, missing: int = 0) -> None:
        self._channels, self._rheostats = channels, self.chip.rheostats
        count = -(-channels // self._rheostats) if chips is None else chips
        self.bus = self.wired([self.chip() for _ in range(count)])
        self.processor = Processor(elf, self.bus, missing)
        self.wait_ms(self.boot_ms)

    def now_s(self) -> float:
        return self.processor.now / (TICKS_PER_US * 1e6)

    def wait_ms(self, duration_ms: float) -> None:
        self.processor.run(int(1000 * duration_ms * TICKS_PER_US))

    def send(self, data: bytes) -> None:
        """Put bytes on the line; they go out while the core runs."""
        self.processor.say(data)

    def receive(self, data: bytes, expected: int = 1, within_ms: float = 100.0) -> bytes:
        """Until the bytes are sent and so many whole replies have come, or none has for too long."""
        self.send(data)
        self.wait_ms(len(data) * self.processor.byte_ticks() / (1000 * TICKS_PER_US))
        replies, deadline_s = self.processor.said(), self.now_s() + within_ms / 1000
        while replies.count(0) < 2 * expected and self.now_s() < deadline_s:
            self.wait_ms(0.05)
            replies += self.processor.said()
        self.must_be_sound()
        return replies

    def must_be_sound(self) -> None:
        assert not self.bus.clashes, f"select lines low together: {self.bus.clashes}"
        assert not self.bus.errors, self.bus.errors[:10]
        assert not self.processor.faults, self.processor.faults[:10]

    def collected(self, duration_ms: float) -> bytes:
        """What the board sends on its own within so much time."""
        self.wait_ms(duration_ms)
        return self.processor.said()

    def reset(self, cause: int = EXTERNAL) -> None:
        self.processor.reset(FLAGS[cause])
        self.wait_ms(self.boot_ms)

    def _chips(self) -> Sequence[Potentiometer]:
        return self.bus.chips


class Ad5293Board(ArmBoard):
    chip = Ad5293


class Ad5206Board(ArmBoard):
    chip = Ad5206


class ArmOneBoard(ArmBoard):
    wired = OneBoardBus

    def outputs(self) -> Sequence[int | None]:
        assert isinstance(self.bus, OneBoardBus)
        return self.bus.outputs(12)
