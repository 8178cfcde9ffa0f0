"""Relaxation of a board after each event, for physics whose relaxation takes a relevant time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import Decays, Equilibrium

Array = NDArray[np.float64]

_REMEMBERED = 4096
_DECAYED = 11.0
"""Number of time constants of the slowest mode after which the board counts as settled: 2e-5 of a change would be left.
Earlier states then have no effect, so that a resumed run continues as if it had not been stopped."""


@dataclass(frozen=True)
class _Event:
    """The departure from the steady state after an event: departure(t) = Σ_m modes[m] exp(−rates[m] t)."""

    at_s: float
    steady: Array
    modes: NDArray
    rates: NDArray

    @property
    def settled_s(self) -> float:
        """Time after the event at which the board counts as settled (s)."""
        return float(_DECAYED / np.real(self.rates).min()) if len(self.rates) else 0.0

    def left(self, seconds: Array, late_s: Array | float = 0.0) -> Array:
        """Return the (T, N) departures at times `seconds` after the event (s), for nodes sampled `late_s` later."""
        late = np.broadcast_to(late_s, self.steady.shape)
        turned = self.modes * np.exp(-np.multiply.outer(self.rates, late))
        found = np.real(np.exp(-np.multiply.outer(seconds, self.rates)) @ turned)
        found[seconds > self.settled_s] = 0.0
        return found


class Transients:
    """The departures of a board from its steady states, event by event.

    Parameters
    ----------
    events : callable
        Times of all events so far (s), increasing.
    steady : callable
        Returns the solver just after a time (s), and the steady states (N,) then.
    """

    def __init__(self, events: Callable[[], list[float]], steady: Callable[[float], tuple[Equilibrium, Array]]) -> None:
        self._events, self._steady = events, steady
        self._times: list[float] = []
        self._known: list[_Event] = []

    def departures(self, t: float, rate: float, n: int, late_s: Array) -> Array | None:
        """Return the (n, N) departures at t + k/rate, without an event in between; None if the board has settled.

        `late_s` (N,) is the delay with which each node is sampled (s).
        """
        event = self._last(t)
        if event is None or t - event.at_s > event.settled_s:
            return None
        return event.left(t - event.at_s + np.arange(n) / rate, late_s)

    def _last(self, t: float) -> _Event | None:
        """Return the last event at or before t."""
        events = self._events()
        for at_s in events[bisect_right(events, self._times[-1] if self._times else -np.inf) : bisect_right(events, t)]:
            self._add(at_s)
        place = bisect_right(self._times, t) - 1
        return self._known[place] if place >= 0 else None

    def _add(self, at_s: float) -> None:
        solver, steady = self._steady(at_s)
        departure = np.zeros_like(steady)
        if self._known:
            before = self._known[-1]
            departure = before.steady + before.left(np.array([at_s - before.at_s]))[0] - steady
        assert isinstance(solver, Decays)
        rates, modes = solver.decay(steady, departure)
        self._times.append(at_s)
        self._known.append(_Event(at_s, steady, modes, rates))
        if len(self._known) > _REMEMBERED:
            del self._times[: _REMEMBERED // 2], self._known[: _REMEMBERED // 2]
