"""Operating points against ngspice at tight tolerance.

ngspice-39's kT/q uses the 2014 CODATA constants, so emission coefficients are written scaled by the ratio.
gmin = 1e-12 per junction is in both.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from unit.network.networks import XOR_INPUT, conductances, diode_grid, xor_board

from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import HiddenLayer, layered
from labrig.network.resistive.diodes import DIODES, THERMAL_VOLTAGE_V, DiodeModel
from labrig.network.resistive.graph import Diode, Graph
from labrig.network.resistive.solve.solver import Solver

NGSPICE = shutil.which("ngspice")
NGSPICE_THERMAL_VOLTAGE_V = 1.38064852e-23 * 300.15 / 1.6021766208e-19

pytestmark = pytest.mark.skipif(NGSPICE is None, reason="ngspice is not installed")


def ngspice_voltages(graph: Graph, siemens: np.ndarray, source_v: np.ndarray, folder) -> np.ndarray:
    number = {GROUND: 0, **{node: k + 1 for k, node in enumerate(graph.nodes)}}
    ratio = THERMAL_VOLTAGE_V / NGSPICE_THERMAL_VOLTAGE_V
    lines = ["* labrig"]
    for k, (edge, value) in enumerate(zip(graph.edges, siemens, strict=True)):
        if value > 0:
            lines.append(f"re{k} {number[edge.a]} {number[edge.b]} {1 / float(value)!r}")
    for k, resistor in enumerate(graph.resistors):
        lines.append(f"rf{k} {number[resistor.a]} {number[resistor.b]} {resistor.ohm!r}")
    for k, (source, volts) in enumerate(zip(graph.sources, source_v, strict=True)):
        lines += [f"v{k} s{k} 0 dc {float(volts)!r}", f"rs{k} s{k} {number[source.node]} {source.ohm!r}"]
    for k, diode in enumerate(graph.diodes):
        for parallel in range(diode.count):
            lines.append(f"d{k}p{parallel} {number[diode.anode]} {number[diode.cathode]} m{k}")
        model = diode.model
        series = f" rs={model.series_resistance_ohm!r}" if model.series_resistance_ohm else ""
        if not np.isinf(model.breakdown_voltage_v):
            series += f" bv={model.breakdown_voltage_v!r} ibv={model.breakdown_current_a!r}"
        lines.append(
            f".model m{k} d(is={model.saturation_current_a!r} n={model.emission_coefficient * ratio!r}{series})"
        )
    lines += [".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-12 temp=27 tnom=27 itl1=1000", ".control"]
    lines += ["set numdgt=14", "op"]
    lines += [f"print v({k + 1})" for k in range(len(graph.nodes))]
    lines += ["quit", ".endc", ".end"]
    netlist = folder / "network.cir"
    netlist.write_text("\n".join(lines) + "\n")
    done = subprocess.run([str(NGSPICE), "-b", str(netlist)], capture_output=True, text=True, timeout=60, check=False)
    found = {}
    for line in done.stdout.splitlines():
        name, equals, value = line.partition(" = ")
        if equals and name.startswith("v("):
            found[int(name[2:-1])] = float(value)
    assert len(found) == len(graph.nodes), done.stdout + done.stderr
    return np.array([found[k + 1] for k in range(len(graph.nodes))])


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
    expected = ngspice_voltages(graph, siemens, source_v, tmp_path)
    full_scale = np.abs(source_v).max()
    assert np.abs(labrig_voltages(graph, siemens, source_v) - expected).max() <= 1e-8 * full_scale


def test_conducting_hard(tmp_path):
    graph, source_v = xor_board("BAT54"), 30 * XOR_INPUT
    siemens = conductances(graph, seed=4, low=1e-3, high=1e-2)
    expected = ngspice_voltages(graph, siemens, source_v, tmp_path)
    assert np.abs(labrig_voltages(graph, siemens, source_v) - expected).max() <= 1e-8 * 30


def test_the_comparison_would_see_a_saturation_current_off_by_a_hundred_thousandth(tmp_path):
    graph, source_v = CASES["xor board, 1N4148 at 3 V"]
    siemens = conductances(graph, seed=3)
    part = DIODES["1N4148"]
    off = DiodeModel(part.saturation_current_a * (1 + 1e-5), part.emission_coefficient, part.series_resistance_ohm)
    diodes = tuple(Diode(diode.name, diode.anode, diode.cathode, off, diode.count) for diode in graph.diodes)
    expected = ngspice_voltages(graph, siemens, source_v, tmp_path)
    wrong = labrig_voltages(Graph(graph.nodes, graph.edges, (), diodes, graph.sources), siemens, source_v)
    assert np.abs(wrong - expected).max() > 1e-8 * 3


def test_the_boards_in_breakdown_are_in_breakdown():
    for name in ("HSMS-285x in breakdown", "5 V in breakdown"):
        graph, source_v = CASES[name]
        v = labrig_voltages(graph, conductances(graph, seed=3), source_v)
        hidden = v[[graph.nodes.index(f"hid{k}") for k in range(4)]]
        assert (hidden < -graph.diodes[0].model.breakdown_knee_v).any(), hidden
