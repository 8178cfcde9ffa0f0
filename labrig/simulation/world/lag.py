"""Delay and attenuation of tones on a board whose nodes have capacitance, in the steady state after settling.

A capacitor C from a node to ground draws C dv/dt. A linear network is solved exactly at each tone. With diodes, this
current is computed from the voltages without it, and then once more from the corrected voltages; that is exact to
second order in ωτ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError
from labrig.network.physics import Equilibrium, TakesCurrents

Array = NDArray[np.float64]

LARGEST_CORRECTION = 0.15
"""Largest ratio of the second correction to the first. The error is about its square: 2 % of the lag."""

STEP_RAD = 1e-3
"""Phase step of the fastest tone for the differences that give dv/dt."""

KEY = "simulation.node_capacitance"


def _board(solver: Equilibrium) -> TakesCurrents:
    """Return the solver typed as TakesCurrents; raises ConfigError if its physics does not support this."""
    if not isinstance(solver, TakesCurrents):
        message = "the physics of this network does not support currents into nodes, so nodes cannot have capacitance"
        raise ConfigError(message, remedy=f"set {KEY}=false")
    return solver


class LinearResponse:
    """Response of a linear network with one set of conductances to each source, and the effect of node capacitance.

    Parameters
    ----------
    solver : Equilibrium
        The network.
    sources : int
        Number of sources.
    farad : (N,) array or None
        Capacitance of each node (F).

    Attributes
    ----------
    responses : (S, N) array
        Node voltages per volt of each source.
    """

    def __init__(self, solver: Equilibrium, sources: int, farad: Array | None) -> None:
        self.responses = solver.states(np.eye(sources))
        self._seconds: Array | None = None  # (N, N) voltage at each node per dv/dt at each node (s)
        if farad is not None:
            nodes = len(farad)
            self._seconds = _board(solver).with_currents(np.zeros((nodes, sources)), np.eye(nodes)).T * farad
        self._lags: dict[tuple[float, ...], NDArray[np.complex128]] = {}

    def lag(self, frequencies_hz: tuple[float, ...], phasors: NDArray) -> NDArray[np.complex128]:
        """Return the (F, N) phasors that capacitance adds at the nodes, for source phasors (F, S)."""
        return np.matmul(phasors[:, np.newaxis], self._lags_at(frequencies_hz))[:, 0]

    def _lags_at(self, frequencies_hz: tuple[float, ...]) -> NDArray[np.complex128]:
        """Return the (F, S, N) phasors that capacitance adds at the nodes, per volt of each source."""
        if frequencies_hz not in self._lags:
            assert self._seconds is not None
            drawn = 2j * np.pi * np.multiply.outer(frequencies_hz, self._seconds)
            turns = -np.linalg.solve(np.eye(len(self._seconds)) + drawn, drawn)
            self._lags[frequencies_hz] = self.responses @ turns.swapaxes(1, 2)
        return self._lags[frequencies_hz]


def lagging(
    solver: Equilibrium, farad: Array, played: Callable[[float], Array], fastest_hz: float, still: Array
) -> Array:
    """Return the (T, N) node voltages of a network with diodes and node capacitance.

    Parameters
    ----------
    solver : Equilibrium
        The network.
    farad : (N,) array
        Capacitance of each node (F).
    played : callable
        Returns the source voltages (T, S) at a delay (s) after each of T times.
    fastest_hz : float
        Frequency of the highest tone.
    still : (T, N) array
        Node voltages without capacitance.

    Raises
    ------
    ConfigError
        If the nodes are too slow for the tones.
    """
    board = _board(solver)
    step_s = STEP_RAD / (2 * np.pi * fastest_hz)

    def drawn(later: Array, earlier: Array, apart_s: float) -> Array:
        return (earlier - later) / apart_s * farad

    long_before, long_after = (solver.states(played(2 * side * step_s)) for side in (-1, 1))
    before = board.with_currents(played(-step_s), drawn(still, long_before, 2 * step_s))
    after = board.with_currents(played(step_s), drawn(long_after, still, 2 * step_s))
    once = board.with_currents(played(0.0), drawn(long_after, long_before, 4 * step_s))
    twice = board.with_currents(played(0.0), drawn(after, before, 2 * step_s))
    first, second = np.abs(once - still).max(), np.abs(twice - once).max()
    if second > LARGEST_CORRECTION * max(first, 1e-9):
        raise ConfigError(
            f"the nodes of this board are too slow for tones of {fastest_hz:g} Hz: with diodes the lag is computed "
            f"only to second order, and the second-order term is {second / first:.2g} of the first-order term",
            limit=f"{LARGEST_CORRECTION:g}",
            remedy=f"reduce acquisition.cable (a capacitance) or the frequencies of the tones, or set {KEY}=false",
        )
    return twice
