"""Operating points against ngspice at tight tolerance."""

from __future__ import annotations

import numpy as np
import pytest
from physics.ngspice import NGSPICE, operating_point
from unit.network.networks import XOR_INPUT, conductances, diode_grid, xor_board

from labrig.network.physics import Source
from labrig.network.resistive.builders import HiddenLayer, layered
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Diode, Graph
from labrig.network.resistive.solve.solver import Solver

pytestmark = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")


def labrig_voltages(graph: Graph, siemens: np.ndarray, source_v: np.ndarray) -> np.ndarray:
    solver = Solver(graph)
    solver.set_parameters(siemens)
    return solver.states(source_v)


def with_rectifiers(series_ohm: float) -> Graph:
    """A layered board with a lone diode from each hidden node to an output: blocked ones are alone on their node."""
    model = DiodeModel(1e-9, 1.3, series_ohm)
    layout = layered(3, 2, [HiddenLayer(3, model, 2)])
    lone = tuple(Diode(f"lone{k}", f"hid{k}", f"out{k % 2}", model) for k in range(3))
    sources = tuple(Source(f"in{k}", 50.0) for k in range(3))
    return Graph(layout.nodes, layout.edges, layout.resistors, layout.diodes + lone, sources)


def in_breakdown(model: DiodeModel) -> Graph:
    """A layered board with a lone diode from each hidden node to ground."""
    layout = layered(6, 2, [HiddenLayer(4, None, 0)])
    lone = tuple(Diode(f"lone{k}", f"hid{k}", "ground", model) for k in range(4))
    sources = tuple(Source(f"in{k}", 50.0) for k in range(6))
    return Graph(layout.nodes, layout.edges, layout.resistors, lone, sources)


BREAKING = np.array([-30.0, -8.0, -6.0, 6.0, -30.0, -8.0])

CASES = {
    "xor board, BAT54 at 1 V": (xor_board(), XOR_INPUT),
    "xor board, 1N4148 at 3 V": (xor_board("1N4148"), 3 * XOR_INPUT),
    "xor board, HSMS-285x at 1 V": (xor_board("HSMS-285x"), XOR_INPUT),
    "grid 4, 1N4148": (diode_grid(4, 1), np.array([5.0, -3.0])),
    "grid 6, 1N5711": (diode_grid(6, 2, "1N5711"), np.array([10.0, 2.0])),
    "rectifiers with series resistance": (with_rectifiers(3.0), np.array([2.0, -1.0, 0.5])),
    "rectifiers without": (with_rectifiers(0.0), np.array([2.0, -1.0, 0.5])),
    "HSMS-285x in breakdown": (in_breakdown(DIODES["HSMS-285x"]), BREAKING),
    "5 V in breakdown": (in_breakdown(DiodeModel(1e-9, 1.2, 4.0, 5.0, 1e-3)), BREAKING),
    "linear": (layered(3, 3).with_sources([Source("in0", 50.0), Source("in1", 1e4)]), np.array([1.0, -0.3])),
}


@pytest.mark.parametrize("name", CASES)
def test_operating_point(name, tmp_path):
    graph, source_v = CASES[name]
    siemens = conductances(graph, seed=3)
    expected = operating_point(graph, siemens, source_v, tmp_path)
    full_scale = np.abs(source_v).max()
    assert np.abs(labrig_voltages(graph, siemens, source_v) - expected).max() <= 1e-8 * full_scale


def test_conducting_hard(tmp_path):
    graph, source_v = xor_board("BAT54"), 30 * XOR_INPUT
    siemens = conductances(graph, seed=4, low=1e-3, high=1e-2)
    expected = operating_point(graph, siemens, source_v, tmp_path)
    assert np.abs(labrig_voltages(graph, siemens, source_v) - expected).max() <= 1e-8 * 30


def test_the_comparison_would_see_a_saturation_current_off_by_a_hundred_thousandth(tmp_path):
    graph, source_v = CASES["xor board, 1N4148 at 3 V"]
    siemens = conductances(graph, seed=3)
    part = DIODES["1N4148"]
    off = DiodeModel(part.saturation_current_a * (1 + 1e-5), part.emission_coefficient, part.series_resistance_ohm)
    diodes = tuple(Diode(diode.name, diode.anode, diode.cathode, off, diode.count) for diode in graph.diodes)
    expected = operating_point(graph, siemens, source_v, tmp_path)
    wrong = labrig_voltages(Graph(graph.nodes, graph.edges, (), diodes, graph.sources), siemens, source_v)
    assert np.abs(wrong - expected).max() > 1e-8 * 3


def test_the_boards_in_breakdown_are_in_breakdown():
    for name in ("HSMS-285x in breakdown", "5 V in breakdown"):
        graph, source_v = CASES[name]
        v = labrig_voltages(graph, conductances(graph, seed=3), source_v)
        hidden = v[[graph.nodes.index(f"hid{k}") for k in range(4)]]
        assert (hidden < -graph.diodes[0].model.breakdown_knee_v).any(), hidden
