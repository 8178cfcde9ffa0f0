"""Steady state of tubes: pressures p from H p = q, and concentrations c from D c = r.

H = Aᵀ g A + S, with the conductances g of the tubes and the loads S of sources and leaks on nodes. D = κ (Aᵀ d A + S),
where d = g if a chemical diffuses in proportion to the conductance: then κ c responds to a release as p responds to a
volume flow, and its drops are those of the adjoint state. Reservoirs and leaks absorb the chemical. With
d ∝ √g (tubes whose radius is trained: conductance ∝ r⁴, diffusion ∝ r²), and with advection, which carries the chemical
along with the flow, this is no longer exact.

Source of the idea: Anisetti, Scellier, Schwarz, Phys. Rev. Research 5, 023024 (2023).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.network.flow.tubes import Tubes
from labrig.network.physics import Source

Array = NDArray[np.float64]


class Steady:
    """Solver of one network with M nodes, E tubes and S sources."""

    def __init__(
        self, layout: Tubes, sources: Sequence[Source], beside: Sequence[str], is_open: Collection[int] = ()
    ) -> None:
        self._size = len(layout.names)
        self._chemical = layout.chemical
        position = {name: place for place, name in enumerate(layout.names)}
        self._ends = np.array([(position[a], position[b]) for a, b in layout.tubes], dtype=np.intp)
        self._drops = np.zeros((len(layout.tubes), self._size))
        for row, (a, b) in enumerate(self._ends.tolist()):
            self._drops[row, a], self._drops[row, b] = 1.0, -1.0
        nodes = {name: place for place, name in enumerate((*layout.nodes, *beside))}
        self._count = len(nodes)
        self._into = np.zeros((len(sources), self._count))
        self._load = np.zeros(self._size)
        for row, source in enumerate(sources):
            place, closed = nodes[source.node], row not in is_open
            apart = place >= self._count - len(beside)
            self._into[row, place] = 1.0 if apart else source.norton_s * closed
            if place < self._size and closed:
                self._load[place] += 1.0 / source.ohm
        self._leak = np.full(self._size, layout.leak)
        self.set_parameters(np.ones(len(layout.tubes)))

    def set_parameters(self, values: ArrayLike) -> None:
        """Set the conductance (E,) of every tube (m³/(s·Pa))."""
        self._g = np.array(values, dtype=float)
        self._answer = np.linalg.inv(self._matrix(self._g))
        if self._chemical is not None:
            self._diffusion = self._chemical.kappa_pa * self._matrix(self._chemical.diffusive(self._g))
            self._spread = np.linalg.inv(self._diffusion)

    def _matrix(self, conductances: Array) -> Array:
        return self._drops.T @ (conductances[:, np.newaxis] * self._drops) + np.diag(self._load + self._leak)

    def states(self, source_v: ArrayLike) -> Array:
        """Pressures (Pa), then concentrations (mol/m³) of a chemical, if any, then nodes outside the network (V)."""
        pushed = np.atleast_2d(np.asarray(source_v, dtype=float)) @ self._into
        states = pushed.copy()  # nodes outside the network have the value that their source plays
        states[:, : self._size] = pushed[:, : self._size] @ self._answer
        if self._chemical is not None:
            second = slice(self._size, 2 * self._size)
            states[:, second] = self._concentrations(states[:, : self._size], pushed[:, second])
        return states if np.ndim(source_v) > 1 else states[0]

    def _concentrations(self, pressures: Array, released: Array) -> Array:
        """(B, M) concentrations at these pressures (B, M) and releases (B, M) (mol/s)."""
        assert self._chemical is not None
        if not self._chemical.peclet_per_pa:
            return released @ self._spread
        found = np.zeros_like(pressures)
        for row in np.flatnonzero(released.any(axis=1)).tolist():
            found[row] = np.linalg.solve(self._diffusion + self._advection(pressures[row]), released[row])
        return found

    def _advection(self, pressure: Array) -> Array:
        """(M, M) matrix of advection (m³/s), by which the flow carries the upstream concentration out of each node."""
        assert self._chemical is not None
        flow = self._chemical.peclet_per_pa * self._chemical.kappa_pa * self._g * (self._drops @ pressure)
        upstream = np.where(flow > 0, self._ends[:, 0], self._ends[:, 1])
        downstream = np.where(flow > 0, self._ends[:, 1], self._ends[:, 0])
        matrix = np.zeros((self._size, self._size))
        np.add.at(matrix, (upstream, upstream), np.abs(flow))
        np.add.at(matrix, (downstream, upstream), -np.abs(flow))
        return matrix

    def gradient(self, states: ArrayLike, output_gradient: ArrayLike) -> Array:
        """Exact ∂C/∂g, (E,) or (B, E), from ∂C/∂p; derivatives with respect to concentrations are ignored."""
        p, by_p = (np.asarray(each, dtype=float)[..., : self._size] for each in (states, output_gradient))
        return (p @ self._drops.T) * (-(by_p @ self._answer) @ self._drops.T)

    def local(self, states: ArrayLike) -> Array:
        """½Δp² of every tube."""
        return 0.5 * (np.asarray(states, dtype=float)[..., : self._size] @ self._drops.T) ** 2

    def decay(self, states: Array, departure: Array) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rates (M,) and modes (M, N) with which a departure of the concentrations from equilibrium decays.

        Pressures follow without delay.
        """
        count, second = len(departure), slice(self._size, 2 * self._size)
        if self._chemical is None or not self._chemical.volume_m3:
            return np.zeros(0), np.zeros((0, count))
        carried = self._diffusion
        if self._chemical.peclet_per_pa:
            carried = carried + self._advection(states[: self._size])
        rates, vectors = np.linalg.eig(carried / self._chemical.volume_m3)
        modes = np.zeros((self._size, count), dtype=vectors.dtype)
        modes[:, second] = vectors.T * np.linalg.solve(vectors, departure[second])[:, np.newaxis]
        return rates, modes

    @property
    def slowest_s(self) -> float:
        """Time constant of the slowest mode of the chemical (s); 0 without a chemical or without volumes."""
        if self._chemical is None or not self._chemical.volume_m3:
            return 0.0
        return float(self._chemical.volume_m3 / np.linalg.eigvalsh(self._diffusion)[0])
