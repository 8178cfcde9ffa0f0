from __future__ import annotations

import numpy as np
import pytest
from unit.network.dense_oracle import conductance_matrix, dense_voltages, pushed_in
from unit.network.networks import XOR_INPUT, conductances, diode_grid, xor_board

from labrig.network.physics import GROUND, NetworkError, Source
from labrig.network.resistive.builders import from_edges, grid, layered
from labrig.network.resistive.diodes import DiodeModel
from labrig.network.resistive.graph import Diode, Resistor
from labrig.network.resistive.solve import newton
from labrig.network.resistive.solve.solver import Solver


def divider() -> Solver:
    """1 kΩ source, edge to `out`, 2 kΩ to ground."""
    layout = from_edges(["in-out"], [Resistor("load", "out", GROUND, 2000.0)])
    return Solver(layout.with_sources([Source("in", 1000.0)]))


def test_divider_by_hand():
    solver = divider()
    solver.set_parameters([1 / 3000.0])
    np.testing.assert_allclose(solver.states([6.0]), [5.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(
        solver.states([0.0], [0.0, 1e-3]), [1e-3 * 2e3 / 6e3 * 1e3, 1e-3 * 8e6 / 6e3], rtol=1e-14
    )


def test_a_norton_source_by_hand():
    """10 µA/V beside 5 kΩ into 3 kΩ and 2 kΩ to ground: the current splits in halves, whatever plays it."""
    layout = from_edges(["in-out"], [Resistor("load", "out", GROUND, 2000.0)])
    solver = Solver(layout.with_sources([Source("in", 5000.0, transconductance_s=10e-6)]))
    solver.set_parameters([1 / 3000.0])
    np.testing.assert_allclose(solver.states([2.0]), [10e-6 * 5000.0, 10e-6 * 2000.0], rtol=1e-14)


def test_divider_gradient_by_hand():
    # v_out = V·R_L/(R_s + 1/θ + R_L), so dv_out/dθ = V·R_L/(R_s + 1/θ + R_L)²/θ².
    solver = divider()
    solver.set_parameters([1 / 3000.0])
    gradient = solver.gradient(solver.states([6.0]), [0.0, 1.0])
    np.testing.assert_allclose(gradient, [6.0 * 2000.0 / 6000.0**2 * 3000.0**2], rtol=1e-13)


def test_sensitivity_is_the_response_to_minus_the_cost_gradient():
    graph = layered(4, 3).with_sources([Source(f"in{number}", 50.0) for number in range(4)])
    solver = Solver(graph)
    siemens = conductances(graph)
    solver.set_parameters(siemens)
    cost = np.arange(7.0)
    expected = -np.linalg.solve(conductance_matrix(graph, siemens), cost)
    np.testing.assert_allclose(solver.sensitivity(np.zeros(7), cost), expected, rtol=1e-12)


def test_linear_grid_against_the_dense_matrix():
    graph = grid(7, 5).with_sources([Source("n0_0", 1.0), Source("n3_2", 1e4)])
    solver = Solver(graph)
    siemens = conductances(graph)
    solver.set_parameters(siemens)
    expected = np.linalg.solve(conductance_matrix(graph, siemens), pushed_in(graph, np.array([1.0, -2.0])))
    np.testing.assert_allclose(solver.states([1.0, -2.0]), expected, rtol=1e-11)


def test_source_voltages_follow_the_order_of_the_sources_and_nodes_theirs():
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    v = solver.states(XOR_INPUT)
    # 50 Ω against ≥ 10 kΩ: every input node sits close to its source.
    np.testing.assert_allclose(v[[graph.index(f"in{k}") for k in range(6)]], XOR_INPUT, atol=0.05)


@pytest.mark.parametrize("graph", [xor_board(), diode_grid(4, 1), layered(6, 8).with_sources([Source("in0", 50.0)])])
def test_batches_and_single_samples_agree(graph):
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    rng = np.random.default_rng(0)
    source_v = rng.uniform(-1, 1, (5, len(graph.sources)))
    injected = rng.uniform(-1e-5, 1e-5, (5, len(graph.nodes)))
    both = solver.states(source_v, injected)
    assert both.shape == (5, len(graph.nodes))
    for row in range(5):
        np.testing.assert_allclose(solver.states(source_v[row], injected[row]), both[row], atol=2e-12)
    np.testing.assert_allclose(solver.states(source_v[2], injected)[2], both[2], atol=2e-12)
    np.testing.assert_allclose(solver.states(source_v, injected[3])[3], both[3], atol=2e-12)
    cost = rng.normal(size=both.shape)
    np.testing.assert_allclose(solver.gradient(both, cost)[4], solver.gradient(both[4], cost[4]), rtol=1e-9)
    assert solver.states(np.empty((0, len(graph.sources)))).shape == (0, len(graph.nodes))


def test_equal_rows_are_solved_once_and_equal_the_single_solve(monkeypatch):
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    single = solver.states(XOR_INPUT)
    plain_step, lanes = newton.newton_step, []

    def recorded(problem, slope_s, missing_a):
        lanes.append(len(missing_a))
        return plain_step(problem, slope_s, missing_a)

    monkeypatch.setattr(newton, "newton_step", recorded)
    solver = Solver(graph)  # the first one remembers
    solver.set_parameters(conductances(graph))
    np.testing.assert_allclose(solver.states(np.tile(XOR_INPUT, (6, 1))), np.tile(single, (6, 1)), atol=1e-15)
    assert set(lanes) == {1}


def test_the_result_does_not_depend_on_earlier_calls():
    graph = xor_board()
    fresh, used = Solver(graph), Solver(graph)
    for other in range(1, 4):
        used.set_parameters(conductances(graph, other))
        used.states(-XOR_INPUT)
    fresh.set_parameters(conductances(graph))
    used.set_parameters(conductances(graph))
    np.testing.assert_array_equal(fresh.states(XOR_INPUT), used.states(XOR_INPUT))


def test_new_conductances_count_and_the_callers_array_stays_its_own():
    graph = xor_board()
    solver = Solver(graph)
    siemens = conductances(graph)
    solver.set_parameters(siemens)
    before = solver.states(XOR_INPUT)
    siemens *= 2
    np.testing.assert_array_equal(solver.states(XOR_INPUT), before)
    solver.set_parameters(siemens)
    expected = dense_voltages(graph, siemens, pushed_in(graph, XOR_INPUT))
    np.testing.assert_allclose(solver.states(XOR_INPUT), expected, atol=1e-11)
    assert np.abs(solver.states(XOR_INPUT) - before).max() > 1e-4


def test_large_batches_go_in_parts_with_the_same_result(monkeypatch):
    graph = xor_board()
    solver = Solver(graph)
    solver.set_parameters(conductances(graph))
    source_v = np.random.default_rng(0).uniform(-1, 1, (23, 6))
    whole = solver.states(source_v)
    monkeypatch.setattr("labrig.network.resistive.solve.newton.LARGEST_BATCH_ENTRIES", 150)
    np.testing.assert_allclose(solver.states(source_v), whole, atol=2e-12)


def test_networks_too_large_for_the_stamp_table_solve_the_same(monkeypatch):
    graph = diode_grid(4, 3)
    siemens = conductances(graph)
    with_table = Solver(graph)
    monkeypatch.setattr("labrig.network.resistive.solve.problem.LARGEST_STAMP_TABLE", 0)
    without = Solver(graph)
    for solver in (with_table, without):
        solver.set_parameters(siemens)
    np.testing.assert_allclose(without.states([1.0, -1.0]), with_table.states([1.0, -1.0]), atol=2e-12)


def test_diodes_on_every_node_leave_nothing_to_eliminate():
    model = DiodeModel(1e-9, 1.5, 1.0)
    graph = from_edges(["a-b"], diodes=[Diode("d0", "a", "b", model), Diode("d1", "b", GROUND, model)]).with_sources(
        [Source("a", 100.0)]
    )
    solver = Solver(graph)
    solver.set_parameters([1e-4])
    v = solver.states([3.0])
    np.testing.assert_allclose(v, dense_voltages(graph, np.array([1e-4]), np.array([0.03, 0.0])), atol=1e-11)


def test_floating_networks_are_refused_at_once_or_when_an_edge_opens():
    with pytest.raises(NetworkError, match="no resistive path to ground from in, out"):
        Solver(from_edges(["in-out"]).with_sources([]))
    solver = Solver(from_edges(["in-out"]).with_sources([Source("in", 50.0)]))
    solver.set_parameters([0.0])
    with pytest.raises(NetworkError, match="no resistive path to ground from out"):
        solver.states([1.0])
    solver.set_parameters([1e-5])
    np.testing.assert_allclose(solver.states([1.0]), [1.0, 1.0])


def test_an_open_edge_that_leaves_nothing_floating_is_solved():
    solver = divider()
    solver.set_parameters([0.0])
    np.testing.assert_allclose(solver.states([6.0]), [6.0, 0.0], atol=1e-15)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([-1e-9], "edge 'in-out' is -1e-09 S"),
        ([float("nan")], "edge 'in-out' is nan S"),
        ([float("inf")], "edge 'in-out' is inf S"),
        ([1.0, 1.0], r"shape \(2,\)"),
    ],
)
def test_impossible_conductances_are_refused_and_the_old_ones_stay(bad, message):
    solver = divider()
    solver.set_parameters([1 / 3000.0])
    with pytest.raises(NetworkError, match=message):
        solver.set_parameters(bad)
    np.testing.assert_allclose(solver.states([6.0]), [5.0, 2.0])


def test_wrong_arguments_are_refused():
    solver = divider()
    with pytest.raises(NetworkError, match="conductances are not set"):
        solver.states([1.0])
    solver.set_parameters([1e-3])
    for call, message in (
        (lambda: solver.states([1.0, 2.0]), r"source voltages have the wrong shape \(2,\)"),
        (lambda: solver.states(1.0), r"source voltages have the wrong shape \(\)"),
        (lambda: solver.states([1.0], [0.0]), r"injected currents has the wrong shape \(1,\)"),
        (lambda: solver.states([float("nan")]), "not finite"),
        (lambda: solver.states([1.0], [0.0, float("inf")]), "not finite"),
        (lambda: solver.sensitivity([1.0], [0.0, 1.0]), r"voltages has the wrong shape \(1,\)"),
        (lambda: solver.gradient([1.0, 1.0], [0.0]), r"cost gradient has the wrong shape \(1,\)"),
    ):
        with pytest.raises(NetworkError, match=message):
            call()


def test_a_network_conditioned_beyond_double_precision_is_refused():
    solver = Solver(from_edges(["a-b"], [Resistor("leak", "a", GROUND, 1e30)]).with_sources([]))
    solver.set_parameters([1.0])
    with pytest.raises(NetworkError, match="singular to working precision"):
        solver.states([])
