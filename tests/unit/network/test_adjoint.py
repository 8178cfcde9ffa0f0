from __future__ import annotations

import numpy as np
import pytest
from unit.network.networks import XOR_INPUT, conductances, diode_grid, xor_board

from labrig.network.physics import Source
from labrig.network.resistive.builders import grid
from labrig.network.resistive.solve.solver import Solver

CASES = {
    "xor board": (xor_board(), XOR_INPUT),
    "xor board, silicon at 3 V": (xor_board("1N4148"), 3 * XOR_INPUT),
    "diode grid": (diode_grid(4, 1), np.array([2.0, -1.0])),
    "linear grid": (grid(4, 4).with_sources([Source("n0_0", 50.0), Source("n3_3", 1e3)]), np.array([1.0, -1.0])),
}


@pytest.mark.parametrize("name", CASES)
def test_gradient_against_central_differences_of_voltages(name):
    graph, source_v = CASES[name]
    siemens = conductances(graph)
    cost = np.random.default_rng(1).normal(size=len(graph.nodes))
    solver = Solver(graph)

    def voltages(values):
        solver.set_parameters(values)
        return solver.states(source_v)

    differences = np.empty(len(siemens))
    for k in range(len(siemens)):
        step = np.zeros_like(siemens)
        step[k] = 2e-4 * siemens[k]
        once = cost @ (voltages(siemens + step) - voltages(siemens - step)) / (2 * step[k])
        twice = cost @ (voltages(siemens + 2 * step) - voltages(siemens - 2 * step)) / (4 * step[k])
        differences[k] = (4 * once - twice) / 3
    v = voltages(siemens)
    gradient = solver.gradient(v, cost)
    assert np.linalg.norm(gradient - differences) <= 1e-6 * np.linalg.norm(differences)
    np.testing.assert_allclose(gradient, differences, rtol=1e-6, atol=1e-7 * np.abs(differences).max())


def test_sensitivity_against_a_small_injected_error_current():
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    cost = np.zeros(14)
    cost[[graph.index("out0"), graph.index("out1")]] = 1.0, -1.0
    v = solver.states(XOR_INPUT)
    small = 1e-8
    response = (solver.states(XOR_INPUT, -small * cost) - solver.states(XOR_INPUT, small * cost)) / (2 * small)
    expected = solver.sensitivity(v, cost)
    assert np.linalg.norm(response - expected) <= 1e-6 * np.linalg.norm(expected)


def test_gradient_is_the_product_of_drops():
    graph = diode_grid(3, 0)
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    v = solver.states([1.0, 0.0])
    cost = np.arange(9.0)
    expected = (graph.drops() @ v) * (graph.drops() @ solver.sensitivity(v, cost))
    np.testing.assert_allclose(solver.gradient(v, cost), expected, rtol=1e-13)
