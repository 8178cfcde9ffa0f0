"""Chips bit by bit on the bus of a simulated microcontroller, written from their data sheets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from firmware.boards import EXTERNAL, POWER_ON


class Chip:
    """What hangs on the bus; SPI mode 0 or, with `takes_on_falling_edge`, mode 1."""

    takes_on_falling_edge = False
    idle = "D"
    """The state of the answers' line without an answer: pulled down (D) or up (U)."""

    def start(self) -> None:
        """It is selected."""

    def take(self, level: bool) -> bool:
        """A bit comes in; True when a word is complete."""
        return False

    def out(self) -> bool | None:
        """The level for the next bit; None if the output is off."""
        return False

    def release(self) -> None:
        """It is no longer selected."""


class Potentiometer(Chip, ABC):
    """A chip with rheostats, and what may be wrong with it."""

    rheostats = 1
    power_up_code: int

    def __init__(self) -> None:
        self.words: list[int] = []
        """What came over the bus."""
        self.stuck: set[int] = set()
        self.silent = False
        self.codes = [self.power_up_code] * self.rheostats
        self.power_up()

    def power_up(self) -> None:
        self.codes = [code if k in self.stuck else self.power_up_code for k, code in enumerate(self.codes)]
        self.start()

    def move(self, rheostat: int, code: int) -> None:
        if rheostat not in self.stuck:
            self.codes[rheostat] = code

    def stick(self, rheostat: int, code: int) -> None:
        self.silent = False
        self.stuck.add(rheostat)
        self.codes[rheostat] = code

    def silence(self) -> None:
        self.stuck.clear()
        self.silent = True

    def heal(self, rheostat: int) -> None:
        self.stuck.discard(rheostat)
        self.silent = False

    @abstractmethod
    def seen(self, rheostat: int) -> int | None:
        """The code as the network sees it: None for open terminals, -1 for neither open nor connected."""


class Mcp4251(Potentiometer):
    """SPI mode 0 (Microchip DS22060): in on rising clock, out on falling.

    A word is `A3..A0 C1 C0 D9 D8`, `D7..D0`. Out come six ones, a bit that says whether the command was understood, and
    the register, the top bit of which must be there while the command byte still runs.
    """

    rheostats = 2
    power_up_code = 128
    WRITE, READ, TCON = 0, 3, 4

    def power_up(self) -> None:
        self.terminals = 0x1FF
        super().power_up()

    def start(self) -> None:
        self._taken = 0
        self._word = 0

    @property
    def _command(self) -> tuple[int, int]:
        return self._word >> 12, (self._word >> 10) & 3

    def _understood(self) -> bool:
        address, command = self._command
        return address in (0, 1, self.TCON) and command in (self.WRITE, self.READ)

    def take(self, level: bool) -> bool:
        self._word |= level << (15 - self._taken)
        self._taken += 1
        if self._taken < 16:
            return False
        address, command = self._command
        if self._understood() and command == self.WRITE:
            value = self._word & 0x1FF
            if address == self.TCON:
                self.terminals = value | 0x100
            else:
                self.move(address, min(value, 256))
        self.start()
        return True

    def out(self) -> bool | None:
        if self._taken < 6:
            return True
        if self._taken == 6:
            return self._understood()
        address, command = self._command
        if self._understood() and command == self.READ:
            register = self.terminals if address == self.TCON else self.codes[address]
            return bool(register >> (15 - self._taken) & 1)
        return self._understood()

    def seen(self, rheostat: int) -> int | None:
        terminals = self.terminals >> (4 * rheostat) & 0xF  # not in shutdown, A, W, B
        return {0xF: self.codes[rheostat], 0x8: None}.get(terminals, -1)


class Shifted(Potentiometer):
    """Potentiometers with a shift register of 16 bits, the last of which count."""

    def start(self) -> None:
        self._taken = 0
        self._word = 0

    def take(self, level: bool) -> bool:
        self._word = (self._word << 1 | level) & 0xFFFF
        self._taken += 1
        return self._taken % 16 == 0


class Ad5293(Shifted):
    """SPI mode 1 (Analog Devices, Rev. D): in on falling clock, out on rising; a word acts when SYNC returns high.

    Only multiples of 16 bits count. The output shifts out the word before, or what it asked for; it is an open drain,
    switched off by 0x8001 and a word of zeros.
    """

    takes_on_falling_edge = True
    idle = "U"
    power_up_code = 512
    WRITE, READ, RESET, WRITE_CONTROL, READ_CONTROL, SHUTDOWN = 1, 2, 4, 6, 7, 8

    def power_up(self) -> None:
        self.control = 0
        self.is_shut = False
        self.is_on = True
        self._answer = self._before = 0
        super().power_up()

    def out(self) -> bool | None:
        bit = bool(self._answer >> (15 - self._taken % 16) & 1)
        return None if bit or not self.is_on else False  # an open drain only pulls down

    def release(self) -> None:
        if self._taken == 0 or self._taken % 16:
            return
        word, before = self._word, self._before
        self.words.append(word)
        self._before = self._answer = word
        command, data = word >> 10, word & 0x3FF
        if word == 0 and before == 0x8001:
            self.is_on = False
        elif command == self.WRITE and self.control & 2:
            self.move(0, data)
        elif command == self.READ:
            self._answer, self.is_on = self.codes[0], True
        elif command == self.RESET:
            self.power_up()
        elif command == self.WRITE_CONTROL:
            self.control = data & 6
        elif command == self.READ_CONTROL:
            self._answer, self.is_on = self.control, True
        elif command == self.SHUTDOWN:
            self.is_shut = bool(data & 1)

    def seen(self, rheostat: int) -> int | None:
        return None if self.is_shut else self.codes[0]


class Ad5206(Shifted):
    """SPI mode 0 (Analog Devices, AD5204/AD5206 Rev. C): the last 11 bits, A2..A0 and D7..D0, act when CS returns high.

    It has no output. Addresses 0 to 5 are its six rheostats.
    """

    rheostats = 6
    power_up_code = 128

    def out(self) -> bool | None:
        return None

    def release(self) -> None:
        self.words.append(self._word)
        address = self._word >> 8 & 7
        if self._taken >= 11 and address < self.rheostats:
            self.move(address, self._word & 0xFF)

    def seen(self, rheostat: int) -> int | None:
        return self.codes[rheostat]


class Ad5220(Potentiometer):
    """Moved by pulses (Analog Devices, Rev. 0): on each falling edge of CLK by one, up if U/D is high, until an end.

    On the bus CLK is the clock and U/D the line of data; a bit is a pulse.
    """

    takes_on_falling_edge = True
    power_up_code = 64

    def take(self, level: bool) -> bool:
        self.words.append(level)
        self.move(0, min(max(self.codes[0] + (1 if level else -1), 0), 127))
        return False

    def out(self) -> bool | None:
        return None

    def seen(self, rheostat: int) -> int | None:
        return self.codes[0]


class OnRealChips(ABC):
    """A board whose wipers are those of simulated chips on its bus, in order: how a test sees and damages them."""

    _channels: int
    _rheostats: int

    @abstractmethod
    def _chips(self) -> Sequence[Potentiometer]:
        """In the order of their channels."""

    @abstractmethod
    def reset(self, cause: int = EXTERNAL) -> None:
        """Reset the microcontroller, which then finds this cause in its flags."""

    def power_cycle(self) -> None:
        for chip in self._chips():
            chip.power_up()
        self.reset(POWER_ON)

    def stick(self, channel: int, code: int) -> None:
        self._chip(channel).stick(channel % self._rheostats, code)

    def silence(self, channel: int) -> None:
        """The whole chip: its other channels are silent, too."""
        self._chip(channel).silence()

    def heal(self, channel: int) -> None:
        self._chip(channel).heal(channel % self._rheostats)

    def _chip(self, channel: int) -> Potentiometer:
        return self._chips()[channel // self._rheostats]

    def codes(self) -> dict[int, int | None]:
        """As the network sees them: None for open terminals, -1 for neither open nor connected."""
        return {channel: self._chip(channel).seen(channel % self._rheostats) for channel in range(self._channels)}


class Network(Protocol):
    """What the converters of a board are connected to."""

    errors: list[str]

    def convert(self, number: int) -> int:
        """The code of an input, now."""
        ...


class Mcp4922(Chip):
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

    def take(self, level: bool) -> bool:
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


class Mcp3208(Chip):
    """Eight inputs (Microchip DS21298): a start bit, `SGL, D2, D1, D0`, 1.5 clocks of sampling, a zero, 12 bits."""

    def __init__(self, network: Network, number: int) -> None:
        self._network, self._number = network, number
        self.start()

    def start(self) -> None:
        self._taken = 0
        self._started = False
        self._word = 0
        self._code = 0

    def take(self, level: bool) -> bool:
        if not self._started:
            self._started = level
            return False
        self._taken += 1
        if self._taken <= 4:
            self._word = self._word << 1 | level
        if self._taken == 4:
            if not self._word & 8:
                self._network.errors.append("not single-ended")
            self._code = self._network.convert(8 * self._number + (self._word & 7))
        return self._taken == 18

    def out(self) -> bool:
        """After the four bits a clock to sample, a zero, then the code, highest bit first."""
        bit = self._taken - 6
        return bool(self._code >> (11 - bit) & 1) if 0 <= bit < 12 else bit != -1
