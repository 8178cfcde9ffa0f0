from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.network.dense_oracle import conductance_matrix, dense_voltages, diode_incidence, pushed_in
from unit.network.networks import XOR_INPUT, conductances, diode_grid, xor_board

from labrig.network.physics import GROUND, Edge, NetworkError, Source
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Diode, Graph, Resistor
from labrig.network.resistive.junctions import diode_arrays, diode_current
from labrig.network.resistive.solve import newton
from labrig.network.resistive.solve.solver import Solver


@st.composite
def networks(draw):
    """A connected random network with any diodes, its conductances, source voltages and injected currents."""
    size = draw(st.integers(1, 7))
    nodes = tuple(f"n{number}" for number in range(size))
    places = st.sampled_from([*nodes, GROUND])
    tree = [(nodes[k], nodes[draw(st.integers(0, k - 1))]) for k in range(1, size)]
    more = draw(st.lists(st.tuples(places, places).filter(lambda ends: ends[0] != ends[1]), max_size=6))
    edges = tuple(Edge(f"e{k}", a, b) for k, (a, b) in enumerate(tree + more))
    pairs = draw(st.lists(st.tuples(places, places).filter(lambda ends: ends[0] != ends[1]), max_size=8))
    bare = DiodeModel(1e-12, 1.0, 0.0)
    model = st.sampled_from([*DIODES.values(), bare])
    diodes = tuple(Diode(f"d{k}", a, b, draw(model), draw(st.integers(1, 3))) for k, (a, b) in enumerate(pairs))
    source = (Source(draw(st.sampled_from(nodes)), draw(st.floats(1.0, 1e4))),)
    leak = (Resistor("leak", draw(st.sampled_from(nodes)), GROUND, draw(st.floats(1e2, 1e6))),)
    exponents = draw(st.lists(st.floats(-6, -2), min_size=len(edges), max_size=len(edges)))
    siemens = 10 ** np.array(exponents, dtype=float)
    injected = draw(st.lists(st.floats(-1e-3, 1e-3), min_size=size, max_size=size))
    return Graph(nodes, edges, leak, diodes, source), siemens, draw(st.floats(-5, 5)), np.array(injected)


@settings(max_examples=60)
@given(networks())
def test_kirchhoffs_current_law_holds_and_the_dense_oracle_agrees(case):
    graph, siemens, volts, injected = case
    solver = Solver(graph)
    solver.set_parameters(siemens)
    v = solver.states([volts], injected)
    matrix, across = conductance_matrix(graph, siemens), diode_incidence(graph)
    arrays = diode_arrays([diode.model for diode in graph.diodes], [diode.count for diode in graph.diodes])
    current, slope = diode_current(across.T @ v, arrays)
    pushed = pushed_in(graph, np.array([volts]), injected)
    missing = pushed - matrix @ v - across @ current
    jacobian = matrix + (across * slope) @ across.T
    # A node of 1 S cannot balance better than the promised voltage error, in siemens times volts; nor can a diode
    # better than the rounding of Is, which it subtracts.
    scale = max(float(np.abs(v).max()), 1e-3)
    assert (np.abs(missing) <= 1e-11 * scale * np.abs(jacobian).sum(axis=1)).all()
    assert np.abs(np.linalg.solve(jacobian, missing)).max() <= 1e-11 * scale
    np.testing.assert_allclose(v, dense_voltages(graph, siemens, pushed), atol=1e-9 * scale)


@pytest.mark.parametrize("part", DIODES)
def test_the_xor_board_against_the_dense_oracle(part):
    graph = xor_board(part)
    siemens = conductances(graph)
    solver = Solver(graph)
    solver.set_parameters(siemens)
    source_v = np.random.default_rng(5).uniform(-3, 3, (20, 6))
    for row, v in zip(source_v, solver.states(source_v), strict=True):
        np.testing.assert_allclose(v, dense_voltages(graph, siemens, pushed_in(graph, row)), atol=1e-11)


def test_antiparallel_pairs_make_the_board_odd():
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    np.testing.assert_allclose(solver.states(-XOR_INPUT), -solver.states(XOR_INPUT), atol=1e-12)


@pytest.mark.parametrize("change", [("newton.SLOPE_ITERATIONS", 0), ("line_search.SECANT_TRIALS", 0)])
def test_the_guarantee_alone_reaches_the_same_point(monkeypatch, change):
    graph = diode_grid(5, 2, part="1N4148")
    solver = Solver(graph)
    siemens = conductances(graph, low=1e-6, high=1e-2)
    solver.set_parameters(siemens)
    injected = np.zeros((3, 25))
    injected[0, 7], injected[1, 18], injected[2, 3] = 0.5, -1.0, 1e-2
    expected = solver.states([0.0, 0.0], injected)
    monkeypatch.setattr(f"labrig.network.resistive.solve.{change[0]}", change[1])
    monkeypatch.setattr(newton, "first_guess", lambda problem, current_a: np.zeros_like(current_a))
    np.testing.assert_allclose(solver.states([0.0, 0.0], injected), expected, atol=1e-11 * np.abs(expected).max())


def test_an_unconverged_sample_is_an_error_and_never_an_answer(monkeypatch):
    graph = diode_grid(4, 2)
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    monkeypatch.setattr(newton, "MOST_ITERATIONS", 1)
    with pytest.raises(NetworkError, match="no operating point found for 2 of 3 samples"):
        solver.states([[1.0, -1.0], [0.0, 0.0], [3.0, 2.0]])


def test_the_first_guess_leaves_little_to_do_where_diodes_hardly_interact(monkeypatch):
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    plain_step, calls = newton.newton_step, []
    monkeypatch.setattr(newton, "newton_step", lambda *arguments: calls.append(1) or plain_step(*arguments))
    solver.states(np.random.default_rng(0).uniform(-1, 1, (40, 6)))
    assert len(calls) <= 4
