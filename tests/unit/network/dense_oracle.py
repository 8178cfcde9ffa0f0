"""An independent judge: plain Newton on the whole network, junctions as nodes of their own, nothing reduced.

Shares with labrig only the graph and the constants: no Wright omega, no elimination, no batch.
"""

from __future__ import annotations

import numpy as np

from labrig.network.physics import GROUND
from labrig.network.resistive.diodes import THERMAL_VOLTAGE_V
from labrig.network.resistive.graph import Graph
from labrig.network.resistive.junctions import GMIN_S


def conductance_matrix(graph: Graph, siemens: np.ndarray) -> np.ndarray:
    """(N, N) in the graph's own order, element by element."""
    matrix = np.zeros((len(graph.nodes), len(graph.nodes)))
    for edge, value in zip(graph.edges, siemens, strict=True):
        _stamp(matrix, graph, edge.a, edge.b, value)
    for resistor in graph.resistors:
        _stamp(matrix, graph, resistor.a, resistor.b, 1 / resistor.ohm)
    for source in graph.sources:
        _stamp(matrix, graph, source.node, GROUND, 1 / source.ohm)
    return matrix


def pushed_in(graph: Graph, source_v: np.ndarray, injected: np.ndarray | None = None) -> np.ndarray:
    """Norton currents into the nodes (N,)."""
    current = np.zeros(len(graph.nodes)) if injected is None else np.array(injected, dtype=float)
    for source, volts in zip(graph.sources, source_v, strict=True):
        factor = 1 / source.ohm if source.transconductance_s is None else source.transconductance_s
        current[graph.nodes.index(source.node)] += volts * factor
    return current


def diode_incidence(graph: Graph) -> np.ndarray:
    """(N, K): +1 at the anode, −1 at the cathode."""
    matrix = np.zeros((len(graph.nodes), len(graph.diodes)))
    for column, diode in enumerate(graph.diodes):
        for node, sign in ((diode.anode, 1.0), (diode.cathode, -1.0)):
            if node != GROUND:
                matrix[graph.nodes.index(node), column] = sign
    return matrix


def dense_voltages(graph: Graph, siemens: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Node voltages (N,) by Newton with Armijo halving on the energy, run until steps are rounding."""
    nodes, junctions = len(graph.nodes), [diode for diode in graph.diodes if diode.model.series_resistance_ohm > 0]
    size = nodes + len(junctions)
    linear, rhs = np.zeros((size, size)), np.zeros(size)
    linear[:nodes, :nodes], rhs[:nodes] = conductance_matrix(graph, siemens), current
    across = np.zeros((size, len(graph.diodes)))
    internal = nodes
    for column, diode in enumerate(graph.diodes):
        anode = None if diode.anode == GROUND else graph.nodes.index(diode.anode)
        if diode.model.series_resistance_ohm > 0:
            series = diode.count / diode.model.series_resistance_ohm
            linear[internal, internal] += series
            if anode is not None:
                linear[anode, anode] += series
                linear[anode, internal] -= series
                linear[internal, anode] -= series
            anode, internal = internal, internal + 1
        if anode is not None:
            across[anode, column] += 1
        if diode.cathode != GROUND:
            across[graph.nodes.index(diode.cathode), column] -= 1
    saturation = np.array([diode.model.saturation_current_a * diode.count for diode in graph.diodes])
    slope = np.array([diode.model.emission_coefficient * THERMAL_VOLTAGE_V for diode in graph.diodes])
    gmin = np.array([GMIN_S * diode.count for diode in graph.diodes])
    knee = np.array([diode.model.breakdown_knee_v for diode in graph.diodes])

    def energy(v: np.ndarray) -> float:
        u = across.T @ v
        stored = saturation * _stored(u, slope, knee) + 0.5 * gmin * u**2
        return float(0.5 * v @ linear @ v - rhs @ v + stored.sum())

    v = np.zeros(size)
    last_steps = 0
    for _ in range(2000):
        u = across.T @ v
        carried, conducts = _law(u, slope, knee)
        residual = rhs - linear @ v - across @ (saturation * carried + gmin * u)
        step = np.linalg.solve(linear + (across * (saturation * conducts + gmin)) @ across.T, residual)
        small = (np.abs(across.T @ step) <= 0.5 * slope).all()
        alpha = 1.0
        while not small and energy(v + alpha * step) > energy(v) - 1e-4 * alpha * (residual @ step):
            alpha *= 0.5
        v = v + alpha * step
        # From within half an nVt, quadratic convergence is down to rounding well before eight full steps.
        last_steps = last_steps + 1 if small else 0
        if last_steps == 8:
            break
    else:
        raise AssertionError("the oracle itself did not converge")
    return v[:nodes]


def _law(u: np.ndarray, slope: np.ndarray, knee: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SPICE's current of each junction over its saturation current, and the derivative."""
    current, derivative = np.empty_like(u), np.empty_like(u)
    for k, (v, n, b) in enumerate(zip(u, slope, knee, strict=True)):
        if v >= -3 * n:
            grown = np.exp(min(v / n, 600.0))
            current[k], derivative[k] = grown - 1, grown / n
        elif v >= -b:
            tail = (3 * n / (np.e * v)) ** 3
            current[k], derivative[k] = -1 - tail, 3 * tail / v
        else:
            grown = np.exp(min(-(b + v) / n, 600.0))
            current[k], derivative[k] = -grown, grown / n
    return current, derivative


def _stored(u: np.ndarray, slope: np.ndarray, knee: np.ndarray) -> np.ndarray:
    """The integral of `_law` from zero."""
    total = np.empty_like(u)
    for k, (v, n, b) in enumerate(zip(u, slope, knee, strict=True)):
        forward = max(v, -3 * n)
        total[k] = n * np.expm1(min(forward / n, 600.0)) - forward
        if v < -3 * n:
            blocked = max(v, -b)
            total[k] -= blocked + 3 * n - (3 * n / np.e) ** 3 * (0.5 / blocked**2 - 0.5 / (3 * n) ** 2)
        if v < -b:
            total[k] += n * np.expm1(min(-(b + v) / n, 600.0))
    return total


def _stamp(matrix: np.ndarray, graph: Graph, a: str, b: str, siemens: float) -> None:
    ends = [(graph.nodes.index(node), sign) for node, sign in ((a, 1.0), (b, -1.0)) if node != GROUND]
    for i, sign_i in ends:
        for j, sign_j in ends:
            matrix[i, j] += sign_i * sign_j * siemens
