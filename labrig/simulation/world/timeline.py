"""The timeline of a board: what every source was told to play, what every edge was set to, and when."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import ToneProgram

Array = NDArray[np.float64]
State = TypeVar("State")

SAME_SAMPLE = 1e-6
"""An event this close behind a sample (in samples) counts as at it: the rounding of times must not shift it."""

_FORGOTTEN_AT_ONCE = 64
"""States that nobody can sample any more, of one thing, that are kept until there are more."""

_REMEMBERED_EVENTS = 4096
_REMEMBERED_SIEMENS = 1 << 22
"""Conductances in all states that are kept: 32 MB, of boards with thousands of edges the last few hundred states."""


class _History(Generic[State]):
    """States of one thing over time, newest last. Only the recent past is kept."""

    def __init__(self, initial: State, remembered: int = _REMEMBERED_EVENTS) -> None:
        self._times = [-np.inf]
        self._states = [initial]
        self._remembered = remembered

    def append(self, t: float, state: State) -> None:
        if t < self._times[-1]:
            raise ValueError("the World's timeline cannot be changed before its latest event")
        self._times.append(t)
        self._states.append(state)
        if len(self._times) > self._remembered:
            del self._times[: self._remembered // 2], self._states[: self._remembered // 2]

    def forget(self, before: float) -> None:
        """Forget states that had ended before that time (s)."""
        if len(self._times) <= _FORGOTTEN_AT_ONCE:
            return
        ended = bisect_right(self._times, before) - 1
        if ended >= _FORGOTTEN_AT_ONCE:
            del self._times[:ended], self._states[:ended]

    def at(self, t: float) -> tuple[float, State]:
        """Since when the state at t holds, and the state."""
        times = self._times
        if t >= times[-1]:  # nearly always
            return times[-1], self._states[-1]
        position = max(0, bisect_right(times, t) - 1)
        return times[position], self._states[position]


class Timeline:
    """What was set and driven when.

    Parameters
    ----------
    channels : sequence of str
        Source channels that drive the board.
    edges : sequence of str
        Names of the edges, in the order of the network.
    siemens : (E,) array
        Conductances to begin with (S).
    """

    def __init__(self, channels: Sequence[str], edges: Sequence[str], siemens: Array) -> None:
        self.changes = 0
        """How often something was driven or set: voltages asked for before may no longer hold."""
        self._played: dict[str, _History[ToneProgram | None]] = {channel: _History(None) for channel in channels}
        remembered = min(_REMEMBERED_EVENTS, max(64, _REMEMBERED_SIEMENS // max(1, len(edges))))
        self._siemens = _History(np.array(siemens, dtype=float), remembered)
        self._edge_index = {edge: position for position, edge in enumerate(edges)}
        self._events: list[float] = []

    def drive(self, t: float, channel: str, program: ToneProgram | None) -> None:
        """From t on the channel plays `program`, whose tones count their time from t; None opens the output."""
        if channel in self._played:
            self._played[channel].append(t, program)
            self._note(t)

    def set(self, t: float, siemens: Mapping[str, float]) -> None:
        """From t on these edges have these conductances (S)."""
        _, now = self._siemens.at(np.inf)
        changed = now.copy()
        for edge, value in siemens.items():
            changed[self._edge_index[edge]] = value
        self._siemens.append(t, changed)
        self._note(t)

    @property
    def events(self) -> list[float]:
        """Times of all changes that are remembered (s), increasing."""
        return self._events

    def forget(self, before: float) -> None:
        """Forget what had ended before that time (s): nobody will ask for it any more."""
        for history in (*self._played.values(), self._siemens):
            history.forget(before)
        ended = bisect_right(self._events, before)
        if ended >= _FORGOTTEN_AT_ONCE:
            del self._events[:ended]

    def programs(self, t: float) -> list[tuple[float, ToneProgram | None]]:
        """What each channel plays at t, and since when; None if its output is open."""
        return [history.at(t) for history in self._played.values()]

    def playing(self, t: float) -> dict[str, ToneProgram | None]:
        """What each channel plays at t, by its name."""
        return {channel: history.at(t)[1] for channel, history in self._played.items()}

    def conductances(self, t: float) -> Array:
        """(E,) conductances at t (S). The array is never changed: another one holds after a change."""
        return self._siemens.at(t)[1]

    def bounds(self, t0: float, rate: float, n: int) -> list[int]:
        """Sample indices at which something changes, with 0 and n, for n samples at t0 + k/rate.

        A change at t shows from the first sample at or after t.
        """
        events = self._events
        within = events[bisect_right(events, t0) : bisect_right(events, t0 + n / rate)]
        inside = {int(np.ceil((t - t0) * rate - SAME_SAMPLE)) for t in set(within)}
        return [0, *sorted(index for index in inside if 0 < index < n), n]

    def passed(self, t: float, rate: float) -> int:
        """How many changes show in a sample at t; two samples with the same number see the same."""
        return bisect_right(self._events, t + SAME_SAMPLE / rate)

    def _note(self, t: float) -> None:
        """Keep the times of all events in order; nearly always the newest comes last."""
        self.changes += 1
        if self._events and self._events[-1] == t:
            return
        insort(self._events, t)
        if len(self._events) > 16 * _REMEMBERED_EVENTS:
            del self._events[: 8 * _REMEMBERED_EVENTS]
