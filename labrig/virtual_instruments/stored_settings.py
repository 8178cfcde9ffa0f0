"""Settings of a virtual SCPI generator that are only stored and read back, and modes that exclude bursts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import boolean


class Bursting(Protocol):
    """A channel with a burst."""

    name: str
    burst: bool
    started: float | None


class StoredSettings:
    """Registers the queries and commands of settings that are only stored, and of modes that exclude bursts.

    Parameters
    ----------
    instrument
        The generator.
    of
        Returns the channel of a call.
    of_channel, of_generator
        Values after *RST, by pattern, of the settings of each channel and of the whole generator.
    modes
        Patterns of the states of modes; switching one on ends the burst of its channel.
    states
        The replies of a mode when it is off, and when it is on.
    """

    def __init__(
        self,
        instrument: ScpiInstrument,
        of: Callable[[Call], Bursting],
        of_channel: Mapping[str, str],
        of_generator: Mapping[str, str],
        modes: Sequence[str],
        states: tuple[str, str],
    ) -> None:
        self._of = of
        self._of_generator = of_generator
        self._states = states
        self._stored: dict[tuple[str, str], str] = {}
        self._defaults = {**of_channel, **of_generator, **dict.fromkeys(modes, states[0])}
        for pattern in self._defaults:
            instrument.query(pattern, partial(self._read, pattern))
            instrument.command(pattern, partial(self._switch if pattern in modes else self._store, pattern))

    def reset(self) -> None:
        """Set everything to its value after *RST."""
        self._stored.clear()

    def _key(self, pattern: str, call: Call) -> tuple[str, str]:
        return pattern, "" if pattern in self._of_generator else self._of(call).name

    def _read(self, pattern: str, call: Call) -> str:
        return self._stored.get(self._key(pattern, call), self._defaults[pattern])

    def _store(self, pattern: str, call: Call) -> None:
        self._stored[self._key(pattern, call)] = call.text()

    def _switch(self, pattern: str, call: Call) -> None:
        on = boolean(call.text())
        self._stored[self._key(pattern, call)] = self._states[on]
        if on:
            channel = self._of(call)
            channel.burst, channel.started = False, None
