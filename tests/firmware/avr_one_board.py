"""The one-board bench on a simulated ATmega328P: its converters bit by bit, and when they did what."""

from __future__ import annotations

from collections.abc import Sequence

from firmware.avr_board import AvrBoard, Bus, attached
from firmware.bus_chips import Chip, Mcp3208, Mcp4922
from firmware.one_board import reading

LATCH_PIN = "PD7"
INPUT_LINES, OUTPUT_LINE = {5: 0, 6: 1}, 4


class OneBoardBus(Bus):
    """Potentiometers at D2 to D5, converters at D6 with LDAC at D7, inputs at D8 and D9, as the README says."""

    select_pins = ("PD2", "PD3", "PD4", "PD5", "PD6", "PB0", "PB1")

    def __init__(self, device, chips, cycle) -> None:
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
