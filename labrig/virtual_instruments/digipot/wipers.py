"""The chips of a virtual bank: what the firmware's commands do to their wipers and terminals."""

from __future__ import annotations

from typing_extensions import override

from labrig.instruments.data import Level, LevelTable
from labrig.instruments.parts import Part

NO_ANSWER = 0xFFFF


class Wipers:
    """Chips that can be read, and whose terminals can be opened.

    Parameters
    ----------
    channels
        Number of channels.
    power_up
        Code at power-up.

    Attributes
    ----------
    reads_back
        Whether the chips can be read. Otherwise every commit writes all of them.
    """

    reads_back = True

    def __init__(self, channels: int, power_up: int) -> None:
        self._power_up = power_up
        self._codes = [power_up] * channels
        self._connected = [True] * channels
        self._stuck: set[int] = set()
        self._mute: set[int] = set()

    def begin(self) -> None:
        """Do what the firmware does first after a reset."""

    def write(self, channel: int, code: int) -> None:
        """Move a wiper."""
        if channel not in self._mute | self._stuck:
            self._codes[channel] = code

    def read(self, channel: int) -> int:
        """The code of a wiper, as the firmware knows it; NO_ANSWER if the chip does not answer."""
        return NO_ANSWER if channel in self._mute else self._codes[channel]

    def connect(self, channel: int, connected: bool) -> bool:
        """Connect or open the terminals of a channel; returns whether the chip confirms it."""
        if channel in self._mute:
            return False
        self._connected[channel] = connected
        return True

    def code(self, channel: int) -> int | None:
        """The code as the network sees it; None for open terminals."""
        return self._codes[channel] if self._connected[channel] else None

    def power_up(self) -> None:
        """Cut the supply and restore it. Faults stay."""
        self._codes = [code if c in self._stuck else self._power_up for c, code in enumerate(self._codes)]
        self._connected = [True] * len(self._connected)

    def stick(self, channel: int, code: int) -> None:
        """Make a wiper stick at `code`."""
        self.heal(channel)
        self._stuck.add(channel)
        self._codes[channel] = code

    def silence(self, channel: int) -> None:
        """Make the chip of a channel stop obeying and answering."""
        self.heal(channel)
        self._mute.add(channel)

    def heal(self, channel: int) -> None:
        """Repair a channel that sticks or is silent."""
        self._stuck.discard(channel)
        self._mute.discard(channel)


class BlindWipers(Wipers):
    """Chips that can be neither read nor opened.

    The board remembers what it has written. Instead of opening a channel it parks the wiper at code 0.
    """

    reads_back = False

    def __init__(self, channels: int, power_up: int) -> None:
        super().__init__(channels, power_up)
        self._written = [0] * channels

    @override
    def begin(self) -> None:
        self._written = [0] * len(self._written)

    @override
    def write(self, channel: int, code: int) -> None:
        self._written[channel] = code
        self._move(channel, code)

    @override
    def read(self, channel: int) -> int:
        return self._written[channel]

    @override
    def connect(self, channel: int, connected: bool) -> bool:
        self._move(channel, 0)
        if connected:
            self._move(channel, self._written[channel])
        return True

    def _move(self, channel: int, code: int) -> None:
        super().write(channel, code)


class CountedWipers(BlindWipers):
    """Chips stepped by pulses: for code 0, enough to reach it from anywhere; for other codes, the difference."""

    POSITIONS = 128

    def __init__(self, channels: int, power_up: int) -> None:
        super().__init__(channels, power_up)
        self._counted = [0] * channels

    @override
    def _move(self, channel: int, code: int) -> None:
        pulses = code - self._counted[channel] if code else -self.POSITIONS
        self._counted[channel] = code
        if pulses:
            super()._move(channel, min(max(self._codes[channel] + pulses, 0), self.POSITIONS - 1))


_KINDS = {"AD5206-100": BlindWipers, "AD5220-100": CountedWipers}
"""How the firmware drives the parts that cannot be read and opened."""


def wipers(channels: int, part: Part) -> Wipers:
    """The chips of a bank of this part. Raises ValueError, starting with 'part: ', if it has no codes."""
    power_up = part.power_up
    if not isinstance(part.levels(), LevelTable) or not isinstance(power_up, Level):
        raise ValueError(f"part: {part.name} has no codes, which the firmware needs")
    return _KINDS.get(part.chip_name, Wipers)(channels, power_up.code)
