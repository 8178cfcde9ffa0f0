"""How tones lag on a board whose nodes have capacitance, in the steady state: what was driven long ago has settled.

A capacitor C from a node to ground draws C dv/dt. A linear network is solved exactly at each tone. With diodes the
current follows from how the voltages change without it, twice over, which is exact to the second order of ωτ.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from labrig.errors import ConfigError
from labrig.network.physics import Equilibrium, TakesCurrents

Array = NDArray[np.float64]

LARGEST_CORRECTION = 0.15
"""The second correction may have this part of the first. What is left out has about its square: 2 % of the lag."""

STEP_RAD = 1e-3
"""Phase of the fastest tone over which voltages are compared to see how they change."""

KEY = "simulation.node_capacitance"


def _board(solver: Equilibrium) -> TakesCurrents:
    """The solver as one that takes currents; raises ConfigError if its physics knows none."""
    if not isinstance(solver, TakesCurrents):
        raise ConfigError("the physics of this network knows no currents into its nodes", remedy=f"set {KEY}=false")
    return solver


class LinearResponse:
    """Response of a linear network, for one set of conductances, to each source and to the capacitance of its nodes.

    Parameters
    ----------
    solver : Equilibrium
        The network.
    sources : int
        How many it has.
    farad : (N,) array or None
        Capacitance of each node (F).

    Attributes
    ----------
    responses : (S, N) array
        Voltages of the nodes per volt of each source.
    """

    def __init__(self, solver: Equilibrium, sources: int, farad: Array | None) -> None:
        self.responses = solver.states(np.eye(sources))
        self._seconds: Array | None = None  # (N, N) voltages per change of voltage
        if farad is not None:
            nodes = len(farad)
            self._seconds = _board(solver).with_currents(np.zeros((nodes, sources)), np.eye(nodes)).T * farad
        self._turns: dict[float, NDArray] = {}

    def lag(self, frequencies_hz: tuple[float, ...], phasors: NDArray) -> NDArray[np.complex128]:
        """(F, N) what capacitance adds at the nodes to tones (F, S) of the sources."""
        still = phasors @ self.responses
        return np.array([self._turn(frequency) @ row for frequency, row in zip(frequencies_hz, still, strict=True)])

    def _turn(self, frequency_hz: float) -> NDArray:
        """(N, N) what capacitance adds at the nodes, per volt that they have without it."""
        if frequency_hz not in self._turns:
            assert self._seconds is not None
            matrix = 2j * np.pi * frequency_hz * self._seconds
            self._turns[frequency_hz] = -np.linalg.solve(np.eye(len(matrix)) + matrix, matrix)
        return self._turns[frequency_hz]


def lagging(
    solver: Equilibrium, farad: Array, played: Callable[[float], Array], fastest_hz: float, still: Array
) -> Array:
    """(T, N) node voltages of a network with diodes.

    Parameters
    ----------
    solver : Equilibrium
        The network.
    farad : (N,) array
        Capacitance of each node (F).
    played : callable
        What the sources play so much later (s) than at each of T moments, (T, S).
    fastest_hz : float
        The highest tone.
    still : (T, N) array
        The voltages without capacitance.

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
            f"the nodes of this board are too slow for tones of {fastest_hz:g} Hz: with diodes their lag is computed "
            f"to second order only, and the second is {second / first:.2g} of the first",
            limit=f"{LARGEST_CORRECTION:g}",
            remedy=f"lower acquisition.cable or the tones, or set {KEY}=false",
        )
    return twice
