"""150 networks on which plain Newton fails more often than not (71 of 150 converge)."""

from __future__ import annotations

import numpy as np
import pytest
from trials import quick
from unit.network.dense_oracle import conductance_matrix, diode_incidence
from unit.network.networks import hard_instance

from labrig.network.resistive.junctions import diode_arrays, diode_current
from labrig.network.resistive.solve import newton
from labrig.network.resistive.solve.solver import Solver


def remaining_error(graph, siemens, injected, v):
    """Largest error of `v` as a part of full scale: one Newton step of the whole network, not reduced."""
    matrix, across = conductance_matrix(graph, siemens), diode_incidence(graph)
    current, slope = diode_current(across.T @ v, diode_arrays([diode.model for diode in graph.diodes]))
    missing = injected - matrix @ v - across @ current
    error = np.linalg.solve(matrix + (across * slope) @ across.T, missing)
    return np.abs(error).max() / np.abs(v).max()


@pytest.mark.parametrize("series_ohm", quick(1, [0.0, 0.5]))
@pytest.mark.parametrize("start", quick(1, ["guess", "zero"]))
def test_every_hard_network_is_solved(series_ohm, start, monkeypatch):
    iterations = []
    plain_step = newton.newton_step

    def counted(*arguments):
        iterations[-1] += 1
        return plain_step(*arguments)

    monkeypatch.setattr(newton, "newton_step", counted)
    if start == "zero":
        monkeypatch.setattr(newton, "first_guess", lambda problem, current_a: np.zeros_like(current_a))
    worst = 0.0
    for seed in range(150):
        graph, siemens, injected = hard_instance(seed, series_ohm)
        solver = Solver(graph)
        solver.set_parameters(siemens)
        iterations.append(0)
        v = solver.states([], injected)
        worst = max(worst, remaining_error(graph, siemens, injected, v))
    assert worst <= 5e-12
    assert np.median(iterations) <= 15
    assert max(iterations) <= 45


@pytest.mark.parametrize("series_ohm", [0.0, 0.5])
def test_the_guarantee_alone_solves_them_too(series_ohm, monkeypatch):
    monkeypatch.setattr(newton, "SLOPE_ITERATIONS", 0)
    for seed in range(40):
        graph, siemens, injected = hard_instance(seed, series_ohm)
        solver = Solver(graph)
        solver.set_parameters(siemens)
        assert remaining_error(graph, siemens, injected, solver.states([], injected)) <= 5e-12
