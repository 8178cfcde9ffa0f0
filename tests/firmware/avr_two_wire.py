"""Chips on a two-wire bus of a simulated ATmega328P, bit by bit, written from the data sheet (Microchip DS22096)."""

from __future__ import annotations

from collections.abc import Sequence

from firmware.bus_chips import Potentiometer

FAMILY = 0b0101
WRITE, READ, TCON = 0, 3, 4


class Mcp4651(Potentiometer):
    """Bytes after the address: `A3..A0 C1 C0 D9 D8`, then D7..D0. A reading is two bytes, the first with D8 alone."""

    rheostats = 2
    power_up_code = 128

    def power_up(self) -> None:
        self.terminals = 0x1FF
        self._register = 0
        super().power_up()

    def start(self) -> None:
        self._command: int | None = None
        self._sent = 0

    def put(self, byte: int) -> bool:
        """Take a byte; returns whether it is acknowledged."""
        self.words.append(byte)
        if self._command is None:
            self._command = byte
            self._register = byte >> 4
            return self._register in (0, 1, TCON) and byte >> 2 & 3 in (WRITE, READ)
        if self._command >> 2 & 3 != WRITE:
            return False
        value = (self._command & 1) << 8 | byte
        if self._register == TCON:
            self.terminals = value | 0x100
        else:
            self.move(self._register, min(value, 256))
        return True

    def get(self) -> int:
        """The next byte to send."""
        held = self.terminals if self._register == TCON else self.codes[self._register]
        self._sent += 1
        return held >> 8 if self._sent % 2 else held & 0xFF

    def seen(self, rheostat: int) -> int | None:
        terminals = self.terminals >> (4 * rheostat) & 0xF  # not in shutdown, A, W, B
        return {0xF: self.codes[rheostat], 0x8: None}.get(terminals, -1)


class TwoWireLine:
    """One line SDA with its chips, the position of which is their address. Chips change it only while SCL is low."""

    def __init__(self, wire, chips: Sequence[Mcp4651]) -> None:
        self.wire = wire
        self._chips = chips
        self._chip: Mcp4651 | None = None
        self._listening = self._sending = self._addressed = self._acknowledged = False
        self._count = self._byte = 0

    def start(self) -> None:
        self._listening, self._sending, self._addressed = True, False, False
        self._count = self._byte = 0

    def stop(self) -> None:
        self._listening = self._sending = False

    def rise(self) -> None:
        if not self._listening:
            return
        self._count += 1
        level = bool(self.wire.digital_state())
        if self._count == 9:
            self._acknowledged = not level
        elif not self._sending:
            self._byte = self._byte << 1 | level

    def fall(self) -> None:
        if not self._listening:
            return
        if self._count == 8:
            self._pull(not self._sending and self._taken())
            return
        if self._count == 9:
            self._pull(False)
            self._listening = self._acknowledged
            self._count = self._byte = 0
            if self._sending and self._listening and self._chip is not None:
                self._byte = self._chip.get()
        if self._sending and self._listening:
            self._pull(not self._byte >> (7 - self._count) & 1)

    def _taken(self) -> bool:
        """Whether somebody acknowledges the byte."""
        if self._addressed and self._chip is not None:
            return self._chip.put(self._byte)
        address = self._byte >> 1 & 7
        if self._byte >> 4 != FAMILY or address >= len(self._chips) or self._chips[address].silent:
            return False
        self._chip = self._chips[address]
        self._addressed, self._sending = True, bool(self._byte & 1)
        self._chip.start()
        self._chip.words.append(self._byte)
        return True

    def _pull(self, down: bool) -> None:
        self.wire.set_state("L" if down else "U")
