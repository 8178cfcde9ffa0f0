"""The zero of the digitizer, measured again between other measurements and subtracted from DC.

Offsets, flicker and drift move the zero of every channel. A measurement with all activations at 0 V reads the present
zero; subtracting it leaves the response to the activation. The remaining error is the movement of the zero until it is
measured again. Successive readings show how large this is, so no model of the drift is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.demodulated import Demodulated
from labrig.lockin.drops import DropTerms, prepare_drops

Array = NDArray[np.float64]

AT_FIRST = 12
"""Number of zeros measured before the first measurement, so that their scatter is known."""

TWICE = 10
"""Number of zeros after which the zero is measured twice in a row, to see how far it moves in one acquisition."""

MEMORY = 100
"""Number of zeros after which the weight of an old one in the scatter has fallen to 1/e."""

SHARED = 8.0
"""Weight, in zeros, of the scatter of all channels in that of each channel, because few zeros say little about a single
channel."""


@dataclass(frozen=True)
class ZeroReading:
    """Readings at zero of each channel (C,) and of each edge's drop (E,), with uncertainties (V)."""

    dc: Array
    edge_dc: Array
    u_dc: Array
    u_edge_dc: Array
    systematic_dc: Array
    systematic_edge_dc: Array


class Zero:
    """The latest zero of every channel, and the scatter of the zeros.

    Parameters
    ----------
    every : int
        Acquisitions after which the zero is measured again.
    terms : DropTerms
        The drops as combinations of channels.
    offset_v : float or (C,) array
        Standard uncertainty (type B) that the digitizer states for its zero (V); subtracting the zero removes it.
    """

    def __init__(self, every: int, terms: DropTerms, offset_v: float | Array) -> None:
        self._every = every
        drops = self._drops = prepare_drops(terms)
        channels = np.broadcast_to(np.square(offset_v), drops.channels)
        self._offset, self._offset_of_drops = channels, drops.of_squares(channels)
        self._since = 0
        self._missing = AT_FIRST
        self._until_twice = TWICE
        self._latest: ZeroReading | None = None
        self._channels = _Scatter(every + 1)
        self._edges = _Scatter(every + 1)

    def state(self) -> dict[str, Any]:
        """Return the latest zero and the scatter of the zeros, as plain values and arrays."""
        return {
            "since": self._since,
            "missing": self._missing,
            "until_twice": self._until_twice,
            "latest": None if self._latest is None else asdict(self._latest),
            "channels": self._channels.state(),
            "edges": self._edges.state(),
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self._since, self._missing, self._until_twice = (state[key] for key in ("since", "missing", "until_twice"))
        self._latest = None if state["latest"] is None else ZeroReading(**state["latest"])
        self._channels.resume(state["channels"])
        self._edges.resume(state["edges"])

    @property
    def due(self) -> bool:
        """Whether the zero must be measured before the next measurement."""
        return self._missing > 0 or self._since >= self._every

    @property
    def due_next(self) -> bool:
        """Whether the zero must be measured after one more measurement."""
        return self._since + 1 >= self._every

    def measured(self, read: Demodulated) -> None:
        """Store a new measurement of the zero."""
        if self._latest is not None:
            moved = read.dc - self._latest.dc
            self._channels.add(moved, self._since + 1)
            self._edges.add(self._drops.of(moved), self._since + 1)
        if self._missing:
            self._missing -= 1
        else:
            self._until_twice -= 1
            if self._until_twice == 0:
                self._until_twice, self._missing = TWICE, 1
        self._latest = ZeroReading(**{each.name: getattr(read, each.name) for each in fields(ZeroReading)})
        self._since = 0

    def subtracted_from(self, read: Demodulated) -> Demodulated:
        """Return the reading with the zero subtracted from DC, and with the uncertainty due to its movement."""
        zero = self._latest
        assert zero is not None, "the zero has not been measured yet"
        self._since += 1
        systematic = read.systematic_dc**2 + zero.systematic_dc**2 - 2 * self._offset
        of_edges = read.systematic_edge_dc**2 + zero.systematic_edge_dc**2 - 2 * self._offset_of_drops
        return replace(
            read,
            dc=read.dc - zero.dc,
            edge_dc=read.edge_dc - zero.edge_dc,
            u_dc=self._channels.after(self._since, zero.u_dc),
            u_edge_dc=self._edges.after(self._since, zero.u_edge_dc),
            systematic_dc=np.sqrt(np.maximum(systematic, 0.0)),
            systematic_edge_dc=np.sqrt(np.maximum(of_edges, 0.0)),
        )


def zeros_among(acquisitions: int, every: int) -> int:
    """Number of zeros that are measured among `acquisitions` other acquisitions; 0 if `every` is 0."""
    return 0 if not every else AT_FIRST + round(acquisitions / every * (1 + 1 / TWICE))


class _Scatter:
    """Standard deviation of the difference between a zero and a reading some acquisitions later.

    It is estimated from consecutive zeros, which are one acquisition apart, and from the others, which are `apart`
    acquisitions apart; its square is interpolated linearly in between.
    """

    def __init__(self, apart: int) -> None:
        self._apart = apart
        self._near, self._far = _Squares(), _Squares()

    def state(self) -> dict[str, Any]:
        """Return the scatter as plain values and arrays."""
        return {"near": self._near.state(), "far": self._far.state()}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self._near.resume(state["near"])
        self._far.resume(state["far"])

    def add(self, moved: Array, acquisitions: int) -> None:
        """Take the difference of two successive zeros, which are `acquisitions` apart."""
        (self._near if acquisitions == 1 else self._far).add(moved)

    def after(self, acquisitions: int, u: Array) -> Array:
        """Return the standard deviation for each value; while there are few zeros, it is proportional to `u`.

        `u` are the standard errors of one zero.
        """
        near = self._near.mean
        far = self._far.mean if self._far.count else near
        variance = max(near + (far - near) * (acquisitions - 1) / (self._apart - 1), near)
        size = float(np.mean(u**2))
        shape = SHARED * (u**2 / size if size > 0 else np.ones_like(u)) + self._near.shape + self._far.shape
        return np.sqrt(variance * shape / (SHARED + self._near.count + self._far.count))


class _Squares:
    """Running sum of squared differences, in which old ones have less and less weight."""

    def __init__(self) -> None:
        self.count = 0.0
        self._sum: Array | float = 0.0

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "sum": self._sum}

    def resume(self, state: Mapping[str, Any]) -> None:
        self.count, self._sum = state["count"], state["sum"]

    def add(self, moved: Array) -> None:
        keep = 1 - 1 / MEMORY
        self.count = keep * self.count + 1
        self._sum = keep * self._sum + moved**2

    @property
    def mean(self) -> float:
        """Mean square over all values and all differences."""
        return float(np.mean(self._sum)) / self.count

    @property
    def shape(self) -> Array | float:
        """Sum of squares of each value, relative to the mean square."""
        return self._sum / self.mean if self.count and self.mean > 0 else 0.0
