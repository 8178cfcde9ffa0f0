"""The equations of a circuit: exact elimination of voltage sources, guarded Newton's method for the operating point.

A voltage source couples two nodes, v_plus = v_minus + e. A tree of voltage sources has one free voltage, so all node
voltages are v = P·y + K·e with the free voltages y. The solution minimizes a strictly convex function of y, as in the
networks of `labrig.network.resistive.solve`, and Newton's method with shortened steps always converges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import NetworkError
from labrig.network.resistive.junctions import LINEAR_ABOVE_A, DiodeArrays, diode_arrays, diode_current
from labrig.network.resistive.netlist.circuit import GROUND, Circuit, NetlistError, VoltageSource
from labrig.network.resistive.solve.lapack import sparse_factor

Array = NDArray[np.float64]

FINAL_ERROR = 1e-13
"""Newton's method ends when the remaining error, estimated as du²/(2·nVt), is below this fraction of full scale."""

BEND = 0.1
"""Largest |du|/nVt for which this estimate holds."""

SAFE_BEND = 1.0
STEEPEST_END = 0.9
MOST_ITERATIONS = 1000
MOST_DENSE = 300
"""Largest number of free voltages for which a dense factorization is as fast as a sparse one."""


class Equations:
    """The equations of a circuit without its capacitors.

    Attributes
    ----------
    nodes : tuple of N str
        Names of the nodes.
    free : (N, m) array
        The matrix P in v = P·y + K·e.
    held : (N, S) array
        The matrix K in v = P·y + K·e.
    """

    free: Array
    held: Array

    def __init__(self, circuit: Circuit) -> None:
        self.nodes = circuit.nodes
        self._circuit = circuit
        self._index = {node: k for k, node in enumerate(self.nodes)}
        self.free, self.held = self._eliminated(circuit.voltages)
        conductance = np.zeros((len(self.nodes), len(self.nodes)))
        for part in circuit.resistors:
            column = self.column(part.a, part.b)
            conductance += np.outer(column, column) / part.ohm
        self._conductance = self.free.T @ conductance @ self.free
        self._from_held = self.free.T @ conductance @ self.held
        drops = [self.column(part.anode, part.cathode) for part in circuit.diodes]
        incidence = np.array(drops).reshape(-1, len(self.nodes)).T
        self._incidence, self._offset = self.free.T @ incidence, self.held.T @ incidence
        self._diodes: DiodeArrays = diode_arrays([part.model for part in circuit.diodes])
        pushed = [self.column(part.minus, part.plus) for part in circuit.currents]
        self._pushed = self.free.T @ np.array(pushed).reshape(-1, len(self.nodes)).T
        self._check_paths()

    @property
    def nothing(self) -> Array:
        """(m,) free voltages of 0 V, as the start of a search."""
        return np.zeros(len(self.free.T))

    def column(self, a: str, b: str) -> Array:
        """(N,) incidence vector with +1 at node a and −1 at node b; ground has no entry."""
        column = np.zeros(len(self.nodes))
        for node, sign in ((a, 1.0), (b, -1.0)):
            if node != GROUND:
                column[self._index[node]] += sign
        return column

    def voltages(self, y: Array, volts: Array) -> Array:
        """(N,) node voltages from the free voltages y (m,) and the voltages of the sources `volts` (S,)."""
        return self.free @ y + self.held @ volts

    def solve(
        self, volts: Array, amperes: Array, start: Array, more_s: Array | None = None, more_a: Array | None = None
    ) -> Array:
        """(m,) free voltages when sources play `volts` (S,) and `amperes` (I,); the search starts from `start` (m,).

        `more_s` (m, m) and `more_a` (m,) are conductances and currents of capacitors in a time step. Raises
        NetworkError if no solution is found.
        """
        conductance = self._conductance if more_s is None else self._conductance + more_s
        pushed = self._pushed @ amperes - self._from_held @ volts
        if more_a is not None:
            pushed = pushed + more_a
        if not len(self._diodes) or not len(pushed):
            return _solved(conductance, pushed)
        offset = volts @ self._offset
        y, scale = start, max(float(np.abs(volts).max(initial=0.0)), 1e-6)
        missing, slope = self._residual(y, conductance, pushed, offset)
        for _ in range(MOST_ITERATIONS):
            jacobian = (self._incidence * slope) @ self._incidence.T + conductance
            step = _solved(jacobian, missing)
            du = np.abs(step @ self._incidence)
            bend = float((du / self._diodes.slope_voltage_v).max())
            left = float((0.5 * du * du / self._diodes.slope_voltage_v).max())
            if bend <= BEND and left <= FINAL_ERROR * max(scale, float(np.abs(y + step).max())):
                if (slope * self._diodes.slope_voltage_v).max() > 0.5 * LINEAR_ABOVE_A:
                    self._check_currents(slope)
                return y + step
            y, missing, slope = self._shortened(y, step, bend, float(missing @ step), conductance, pushed, offset)
        raise NetworkError(
            "no operating point was found",
            limit=f"{MOST_ITERATIONS} Newton iterations",
            remedy="check for parts or drives that are many orders of magnitude apart",
        )

    def _check_currents(self, slope: Array) -> None:
        """Raise NetlistError if a diode without series resistance carries more than LINEAR_ABOVE_A."""
        ideal = ~self._diodes.resistive
        for part, steep, nvt in zip(self._circuit.diodes, slope * ideal, self._diodes.slope_voltage_v, strict=True):
            if steep * nvt > (1 - 1e-6) * LINEAR_ABOVE_A:
                raise NetlistError(
                    part.place,
                    f"{part.name} would carry more than {LINEAR_ABOVE_A:g} A, because nothing limits its current",
                    "give its model a series resistance (RS), or put a resistor in series",
                )

    def _shortened(
        self, y: Array, step: Array, bend: float, descent: float, conductance: Array, pushed: Array, offset: Array
    ) -> tuple[Array, Array, Array]:
        """Shorten a step so that the energy falls. Return the new free voltages, residual, and slopes of the diodes."""
        alpha = self._limit(y, step, offset)
        while True:
            at = y + alpha * step
            missing, slope = self._residual(at, conductance, pushed, offset)
            if alpha * bend <= SAFE_BEND or -float(missing @ step) <= STEEPEST_END * descent:
                return at, missing, slope
            alpha *= 0.5

    def _limit(self, y: Array, step: Array, offset: Array) -> float:
        """Largest fraction of a step that takes no diode past SPICE's limit (pnjlim)."""
        u, du = y @ self._incidence + offset, step @ self._incidence
        nvt, critical = self._diodes.slope_voltage_v, self._diodes.critical_voltage_v
        far = (u + du > critical) & (du > 2 * nvt)
        if not far.any():
            return 1.0
        rise = du[far]
        limit = np.where(u[far] > 0, u[far] + nvt[far] * np.log1p(rise / nvt[far]), critical[far])
        return float(min(1.0, ((np.maximum(limit, critical[far]) - u[far]) / rise).min()))

    def _residual(self, y: Array, conductance: Array, pushed: Array, offset: Array) -> tuple[Array, Array]:
        current, slope = diode_current(y @ self._incidence + offset, self._diodes)
        return pushed - conductance @ y - self._incidence @ current, slope

    def _eliminated(self, sources: Sequence[VoltageSource]) -> tuple[Array, Array]:
        """P (N, m) and K (N, S), which give every node voltage from the free voltages and the sources."""
        count = len(self.nodes)
        root = list(range(count + 1))  # the last one is ground
        above = np.zeros((count + 1, len(sources)))  # v_node − v_root in terms of the sources
        place = {**self._index, GROUND: count}
        for number, source in enumerate(sources):
            a, b = place[source.plus], place[source.minus]
            if root[a] == root[b]:
                raise NetlistError(
                    source.place,
                    f"{source.name} closes a loop of voltage sources",
                    "remove it, or put a resistor in series",
                )
            joined, kept = (root[b], root[a]) if root[a] == count else (root[a], root[b])
            # From v_a = v_b + e, with both nodes in terms of their roots: v_joined = v_kept + between.
            between = above[b] - above[a]
            between[number] += 1.0
            if joined == root[b]:
                between = -between
            for node in range(count + 1):
                if root[node] == joined:
                    root[node] = kept
                    above[node] += between
        free = sorted({root[node] for node in range(count)} - {count})
        taken = np.zeros((count, len(free)))
        for node in range(count):
            if root[node] != count:
                taken[node, free.index(root[node])] = 1.0
        return taken, above[:count]

    def _check_paths(self) -> None:
        """Raise NetlistError if a node has no DC path to ground."""
        links = [(part.a, part.b) for part in self._circuit.resistors]
        links += [(part.anode, part.cathode) for part in self._circuit.diodes]
        links += [(part.plus, part.minus) for part in self._circuit.voltages]
        reached, waiting = {GROUND}, [GROUND]
        neighbours: dict[str, list[str]] = {}
        for a, b in links:
            neighbours.setdefault(a, []).append(b)
            neighbours.setdefault(b, []).append(a)
        while waiting:
            for node in neighbours.get(waiting.pop(), ()):
                if node not in reached:
                    reached.add(node)
                    waiting.append(node)
        for node in self.nodes:
            if node not in reached:
                named = [
                    part.place
                    for part in (*self._circuit.capacitors, *self._circuit.resistors)
                    if node in (part.a, part.b)
                ]
                named += [part.place for part in self._circuit.currents if node in (part.plus, part.minus)]
                named += [part.place for part in self._circuit.diodes if node in (part.anode, part.cathode)]
                named += [part.place for part in self._circuit.voltages if node in (part.plus, part.minus)]
                raise NetlistError(
                    named[0],
                    f"node {node} has no DC path to ground (0)",
                    "connect it to ground by a resistor; ground is called 0 or gnd",
                )


def _solved(matrix: Array, right: Array) -> Array:
    """Solution of a symmetric, positive definite system."""
    if len(right) <= MOST_DENSE:
        return np.linalg.solve(matrix, right).astype(np.float64, copy=False)
    columns, rows = np.nonzero(matrix)  # sorted by row; the matrix is symmetric, so columns may come first
    starts = np.searchsorted(columns, np.arange(len(right) + 1))
    factor = sparse_factor(matrix[columns, rows], rows, starts)
    if factor is None:
        raise NetworkError("the equations have no unique solution", remedy="check for floating parts of the circuit")
    return factor.solve(right)
