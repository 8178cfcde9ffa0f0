"""The timeline of a board: the programs that sources play and the conductances of the edges, over time."""

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
"""An event up to this much (in samples) after a sample counts as simultaneous, so that rounding does not shift it."""

_FORGOTTEN_AT_ONCE = 64
"""States that can no longer be sampled are deleted once there are this many of them."""

_REMEMBERED_EVENTS = 4096
_REMEMBERED_PROGRAMS = 4
"""Largest number of times for which the programs of all channels are cached: settling still hears those before."""

_REMEMBERED_SIEMENS = 1 << 22
"""Largest number of conductances in all kept states (32 MB): with thousands of edges, the last few hundred states."""


class _History(Generic[State]):
    """States over time of one channel or of the edges, newest last. Only the recent past is kept."""

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
        """Delete states that ended before that time (s)."""
        if len(self._times) <= _FORGOTTEN_AT_ONCE:
            return
        ended = bisect_right(self._times, before) - 1
        if ended >= _FORGOTTEN_AT_ONCE:
            del self._times[:ended], self._states[:ended]

    def at(self, t: float) -> tuple[float, State]:
        """Return the time since which the state at t holds, and the state."""
        times = self._times
        if t >= times[-1]:  # nearly always
            return times[-1], self._states[-1]
        position = max(0, bisect_right(times, t) - 1)
        return times[position], self._states[position]


class Timeline:
    """The programs of all source channels and the conductances of all edges, over time.

    Parameters
    ----------
    channels : sequence of str
        Source channels that drive the board.
    edges : sequence of str
        Names of the edges, in the order of the network.
    siemens : (E,) array
        Initial conductances (S).
    """

    def __init__(self, channels: Sequence[str], edges: Sequence[str], siemens: Array) -> None:
        self.changes = 0
        """Number of changes so far; after a change, voltages computed before may no longer hold."""
        self._played: dict[str, _History[ToneProgram | None]] = {channel: _History(None) for channel in channels}
        remembered = min(_REMEMBERED_EVENTS, max(64, _REMEMBERED_SIEMENS // max(1, len(edges))))
        self._siemens = _History(np.array(siemens, dtype=float), remembered)
        self._edge_index = {edge: position for position, edge in enumerate(edges)}
        self._events: list[float] = []
        self._starts = [-np.inf]
        self._programs: dict[float, Sequence[tuple[float, ToneProgram | None]]] = {}

    def drive(self, t: float, channel: str, program: ToneProgram | None) -> None:
        """Make the channel play `program` from t on, with tones that start at t; None opens the output."""
        if channel in self._played:
            self._played[channel].append(t, program)
            _insert(self._starts, t)
            if self._programs and t <= next(reversed(self._programs)):
                self._programs.clear()
            self._note(t)

    def set(self, t: float, siemens: Mapping[str, float]) -> None:
        """Set the conductances (S) of these edges from t on."""
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
        """Delete states and events that ended before that time (s), as they will not be needed again."""
        for history in (*self._played.values(), self._siemens):
            history.forget(before)
        ended = bisect_right(self._events, before)
        if ended >= _FORGOTTEN_AT_ONCE:
            del self._events[:ended]
        started = bisect_right(self._starts, before) - 1  # the programs that still play are kept
        if started >= _FORGOTTEN_AT_ONCE:
            del self._starts[:started]

    def programs(self, t: float) -> Sequence[tuple[float, ToneProgram | None]]:
        """Return the start time and the program of each channel at t; the program is None if the output is open."""
        since = self._starts[max(0, bisect_right(self._starts, t) - 1)]
        if since not in self._programs:
            programs = [history.at(t) for history in self._played.values()]
            self._programs = dict(sorted({since: programs, **self._programs}.items())[-_REMEMBERED_PROGRAMS:])
            return programs
        return self._programs[since]

    def playing(self, t: float) -> dict[str, ToneProgram | None]:
        """Return the program that each channel plays at t, by channel; None if its output is open."""
        return {channel: history.at(t)[1] for channel, history in self._played.items()}

    def conductances(self, t: float) -> Array:
        """Return the (E,) conductances at t (S). The array is never modified: a change creates a new one."""
        return self._siemens.at(t)[1]

    def bounds(self, t0: float, rate: float, n: int) -> list[int]:
        """Return the sample indices at which something changes, with 0 and n, for n samples at t0 + k/rate.

        A change at t takes effect with the first sample at or after t.
        """
        events = self._events
        within = events[bisect_right(events, t0) : bisect_right(events, t0 + n / rate)]
        inside = {int(np.ceil((t - t0) * rate - SAME_SAMPLE)) for t in set(within)}
        return [0, *sorted(index for index in inside if 0 < index < n), n]

    def passed(self, t: float, rate: float) -> int:
        """Return the number of changes that have taken effect in a sample at t."""
        return bisect_right(self._events, t + SAME_SAMPLE / rate)

    def _note(self, t: float) -> None:
        """Record a change and its time."""
        self.changes += 1
        _insert(self._events, t)


def _insert(times: list[float], t: float) -> None:
    """Insert a time into increasing times, nearly always at the end; the oldest of very many are deleted."""
    if times and times[-1] == t:
        return
    insort(times, t)
    if len(times) > 16 * _REMEMBERED_EVENTS:
        del times[: 8 * _REMEMBERED_EVENTS]
