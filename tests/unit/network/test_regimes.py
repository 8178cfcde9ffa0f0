"""Every way of solving a network gives the operating points of the dense oracle, and the same ones each time."""

from __future__ import annotations

import numpy as np
import pytest
from unit.network.dense_oracle import dense_voltages, pushed_in
from unit.network.networks import conductances, diode_grid, xor_board

from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import HiddenLayer, from_edges, grid, layered
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Diode, Graph, Resistor
from labrig.network.resistive.solve import newton, stamps
from labrig.network.resistive.solve.many import samples_for_compiled
from labrig.network.resistive.solve.solver import Solver


def two_hidden_layers() -> Graph:
    hidden = [HiddenLayer(4, DIODES["1N4148"], 2), HiddenLayer(3, DIODES["BAT54"], 1)]
    return layered(5, 3, hidden).with_sources([Source(f"in{number}", 50.0) for number in range(5)])


def bare_and_broken() -> Graph:
    """Diodes without series resistance, diodes in breakdown, diodes between nodes."""
    bare, weak = DiodeModel(1e-12, 1.0, 0.0), DiodeModel(1e-9, 1.2, 4.0, 2.0, 1e-3)
    ends = [("a", "b", bare), ("c", GROUND, weak), (GROUND, "d", bare), ("d", "c", weak), ("b", GROUND, weak)]
    diodes = [Diode(f"d{k}", anode, cathode, model, k % 2 + 1) for k, (anode, cathode, model) in enumerate(ends)]
    layout = from_edges(["s-a", "a-b", "b-c", "c-d", "d-e", "e-s"], [Resistor("leak", "e", GROUND, 1e5)], diodes)
    return layout.with_sources([Source("s", 100.0)])


NETWORKS = {
    "xor board": xor_board(),
    "two hidden layers": two_hidden_layers(),
    "diodes in a grid": diode_grid(5, 3),
    "bare and broken": bare_and_broken(),
    "linear grid": grid(6, 5).with_sources([Source("n0_0", 50.0), Source("n5_4", 1e3)]),
    "linear layers": layered(4, 3).with_sources([Source(f"in{number}", 50.0) for number in range(4)]),
}


def never(*arguments: int) -> int:
    return 1 << 30


REGIMES = {
    "Newton": [
        (newton, "FEWEST_LANES", 1 << 30),
        (newton, "samples_for_compiled", never),
        (stamps, "SPARSE_NODES", 1 << 30),
    ],
    "chord": [
        (newton, "near", lambda *arguments: True),
        (newton, "samples_for_compiled", never),
        (newton, "CHORD_ABOVE", 0),
    ],
    "Newton around the first sample": [
        (newton, "near", lambda *arguments: True),
        (newton, "samples_for_compiled", never),
    ],
    "compiled lanes": [
        (newton, "near", lambda *arguments: False),
        (newton, "samples_for_compiled", lambda *arguments: 0),
    ],
    "sparse": [(stamps, "SPARSE_NODES", 2)],
    "as chosen": [],
}


def sources(graph: Graph, spread: float) -> np.ndarray:
    """Nineteen samples, which lanes of eight do not divide."""
    rng = np.random.default_rng(7)
    played = rng.uniform(-3, 3, len(graph.sources)) + spread * rng.uniform(-1, 1, (19, len(graph.sources)))
    played[:, 0] += 0.1 * spread * np.arange(19)
    return played


@pytest.mark.parametrize("spread", [1e-3, 3.0])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("regime", REGIMES)
def test_against_the_dense_oracle(regime, name, spread, monkeypatch):
    for module, attribute, value in REGIMES[regime]:
        monkeypatch.setattr(module, attribute, value)
    graph = NETWORKS[name]
    siemens, played = conductances(graph, 11), sources(graph, spread)
    solver = Solver(graph)
    solver.set_parameters(siemens)
    v = solver.states(played)
    expected = [dense_voltages(graph, siemens, pushed_in(graph, row)) for row in played]
    np.testing.assert_allclose(v, expected, atol=1e-11 * np.abs(played).max())
    np.testing.assert_array_equal(solver.states(played), v)
    other = Solver(graph)
    other.set_parameters(siemens * 1.5)
    other.states(-played)
    other.set_parameters(siemens)
    np.testing.assert_array_equal(other.states(played), v)


def test_the_regimes_are_what_they_are_called(monkeypatch):
    called = []
    for module, function in ((newton, "chord"), (newton, "many"), (newton, "_newton")):
        plain = getattr(module, function)
        monkeypatch.setattr(
            module, function, lambda *arguments, plain=plain, name=function: called.append(name) or plain(*arguments)
        )
    graph = NETWORKS["two hidden layers"]
    solver = Solver(graph)
    solver.set_parameters(conductances(graph, 11))
    solver.states(sources(graph, 1e-4))
    assert called == ["_newton", "_newton"]
    called.clear()
    monkeypatch.setattr(newton, "CHORD_ABOVE", 6)
    solver = Solver(graph)
    solver.set_parameters(conductances(graph, 11))
    solver.states(sources(graph, 1e-4))
    assert called == ["_newton", "chord"]
    called.clear()
    solver.states(sources(graph, 3.0))
    assert called == ["_newton"]
    called.clear()
    many_samples = np.concatenate([sources(graph, 3.0)] * 60)
    solver.states(many_samples)
    assert called == ["many"]


def test_samples_that_the_chord_cannot_reach_are_left_to_newton(monkeypatch):
    monkeypatch.setattr(newton, "near", lambda *arguments: True)
    graph = NETWORKS["xor board"]
    siemens, played = conductances(graph, 2), np.zeros((6, 6))
    played[:, 0] = [0.0, 1e-4, 2e-4, 1e-4, 0.0, 3.0]
    solver = Solver(graph)
    solver.set_parameters(siemens)
    expected = [dense_voltages(graph, siemens, pushed_in(graph, row)) for row in played]
    np.testing.assert_allclose(solver.states(played), expected, atol=3e-11)


@pytest.mark.parametrize(
    ("diodes", "nodes", "samples"),
    [(8, 9, 139), (16, 14, 45), (128, 64, 40), (512, 256, 39), (2000, 1000, 4)],
)
def test_compiled_code_is_for_many_samples_or_large_boards(diodes: int, nodes: int, samples: int) -> None:
    assert samples_for_compiled(diodes, nodes) == samples
