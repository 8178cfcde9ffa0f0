"""The memristors of a board: the state, history and conductance of every cell.

Random numbers depend only on the cell and on its number of pulses and readings, so a resumed run finds the same cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from labrig.instruments.parts.memristor import CellState, Memristor
from labrig.random_streams import RandomStream

OPEN_S = 1e-12
"""Conductance of an edge whose cell is disconnected from the network (S)."""

_NORMAL = NormalDist()
_LEAST_UNIFORM = 2.0**-54


@dataclass
class _Cell:
    """One cell: its specimen, its state and the time of that state, and its numbers of pulses and readings."""

    part: Memristor
    stream: RandomStream
    state: CellState
    since_s: float = 0.0
    pulses: int = 0
    reads: int = 0

    def siemens(self, t: float) -> float:
        return self.part.after(self.state, max(0.0, t - self.since_s))


class Cells:
    """The memristors of a board by channel ("pots/0"), including those that are not wired to an edge.

    Parameters
    ----------
    parts : mapping of str to Memristor
        The specimen in each channel.
    edges : mapping of str to str
        The edge of each wired channel.
    seed : int
        Seed of the simulation.
    set_edges : callable
        Sets the conductances (S) of edges from a given time on.

    Attributes
    ----------
    strongest_v : float
        Largest amplitude of a pulse so far (V).
    touched_connected : int
        Number of pulses and readings that were wrongly made while the network was connected to the cell.
    """

    def __init__(
        self,
        parts: Mapping[str, Memristor],
        edges: Mapping[str, str],
        seed: int,
        set_edges: Callable[[float, Mapping[str, float]], None],
    ) -> None:
        self._cells = {
            channel: _Cell(part, RandomStream(seed, f"cell {channel}"), CellState(part.initial_s))
            for channel, part in parts.items()
        }
        self._edges = {channel: edge for channel, edge in edges.items() if channel in self._cells}
        self._set_edges = set_edges
        self._isolated: set[str] = set()
        self._shown: dict[str, float] = {}
        self.strongest_v = 0.0
        self.touched_connected = 0

    def __len__(self) -> int:
        return len(self._cells)

    def __contains__(self, channel: str) -> bool:
        return channel in self._cells

    @property
    def pulses(self) -> int:
        """Number of pulses so far."""
        return sum(cell.pulses for cell in self._cells.values())

    @property
    def reads(self) -> int:
        """Number of readings so far."""
        return sum(cell.reads for cell in self._cells.values())

    def of(self, programmer: str) -> tuple[str, ...]:
        """Return the channels of a programmer that have cells."""
        return tuple(channel for channel in self._cells if channel.startswith(f"{programmer}/"))

    def siemens(self, t: float, channel: str) -> float:
        """Return the conductance of a cell at t (S)."""
        return self._cells[channel].siemens(t)

    def isolate(self, t: float, programmer: str) -> None:
        """Disconnect the network from the cells of a programmer at t."""
        channels = self.of(programmer)
        self._isolated.update(channels)
        self._show(t, {channel: OPEN_S for channel in channels if channel in self._edges})

    def connect(self, t: float, programmer: str) -> None:
        """Connect the network to the cells of a programmer at t."""
        channels = self.of(programmer)
        self._isolated.difference_update(channels)
        self._show(t, {channel: self.siemens(t, channel) for channel in channels if channel in self._edges})

    def drift(self, t: float) -> None:
        """Apply the drift of the cells until t to the network."""
        if self._edges:
            self._show(t, {c: self.siemens(t, c) for c in self._edges if c not in self._isolated})

    def pulse(self, t: float, channel: str, volts: float, width_s: float) -> None:
        """Apply a pulse that ends at t."""
        cell = self._cells[channel]
        self._touch(channel)
        cell.pulses += 1
        self.strongest_v = max(self.strongest_v, abs(volts))
        self._disturb(t, cell, volts, width_s)

    def read(self, t: float, channel: str, volts: float, duration_s: float) -> float:
        """Return a noisy reading of the conductance (S); a voltage above the part's quiet voltage is a pulse, too."""
        cell = self._cells[channel]
        self._touch(channel)
        cell.reads += 1
        if abs(volts) > cell.part.quiet_v:
            self._disturb(t, cell, volts, duration_s)
        noise = _NORMAL.inv_cdf(max(cell.stream.uniform(cell.reads), _LEAST_UNIFORM))
        return cell.siemens(t) * (1 + cell.part.ramp.read_noise * noise)

    def state(self) -> dict[str, list[float]]:
        """Return the state that a resumed run needs, as plain values."""
        return {
            channel: [cell.state.siemens, cell.state.drift, cell.since_s, cell.pulses, cell.reads]
            for channel, cell in self._cells.items()
        }

    def resume(self, t: float, state: Mapping[str, Any]) -> None:
        """Continue from a saved state at t."""
        for channel, (siemens, drift, since_s, pulses, reads) in state.items():
            cell = self._cells[channel]
            cell.state, cell.since_s = CellState(siemens, drift), since_s
            cell.pulses, cell.reads = int(pulses), int(reads)
        self.drift(t)

    def _disturb(self, t: float, cell: _Cell, volts: float, width_s: float) -> None:
        if abs(volts) <= cell.part.quiet_v:
            return
        generator = cell.stream.at(cell.pulses, cell.reads)
        cell.state, cell.since_s = cell.part.pulsed(cell.siemens(t), volts, width_s, generator), t

    def _touch(self, channel: str) -> None:
        if channel in self._edges and channel not in self._isolated:
            self.touched_connected += 1

    def _show(self, t: float, siemens: Mapping[str, float]) -> None:
        changed = {channel: value for channel, value in siemens.items() if self._shown.get(channel) != value}
        if changed:
            self._shown.update(changed)
            self._set_edges(t, {self._edges[channel]: value for channel, value in changed.items()})
