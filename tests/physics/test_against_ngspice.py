"""Operating points against ngspice at tight tolerance.

Two of ngspice-39's habits are no part of labrig's diode and are accounted for here, so that what is compared is the
solution and not the model:

- its kT/q uses the 2014 CODATA constants: emission coefficients are written scaled by the ratio;
- below −3·nVt its reverse current is −Is·(1 + (3nVt/(e·u))³) and not −Is: the difference is pushed into labrig's
  nodes as currents, at labrig's own drops, until it settles.

gmin = 1e-12 per junction is in both.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from unit.network.dense_oracle import diode_incidence
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


def reverse_tail(graph: Graph, v: np.ndarray) -> np.ndarray:
    """Currents (A) into the nodes that turn labrig's reverse law at the voltages `v` into ngspice's."""
    across = diode_incidence(graph)
    u = across.T @ v
    slope = np.array([diode.model.emission_coefficient for diode in graph.diodes]) * THERMAL_VOLTAGE_V
    saturation = np.array([diode.model.saturation_current_a * diode.count for diode in graph.diodes])
    blocked = u < -3 * slope
    below = np.where(blocked, u, -3 * slope)
    difference = -saturation * ((3 * slope / (np.e * below)) ** 3 + np.exp(below / slope))
    return -across @ np.where(blocked, difference, 0.0)


def labrig_voltages(graph: Graph, siemens: np.ndarray, source_v: np.ndarray) -> np.ndarray:
    solver = Solver(graph)
    solver.set_parameters(siemens)
    v = solver.states(source_v)
    for _ in range(12):
        v = solver.states(source_v, reverse_tail(graph, v))
    return v


def with_rectifiers(series_ohm: float) -> Graph:
    """A layered board with a lone diode from each hidden node to an output: blocked ones are alone on their node."""
    model = DiodeModel(1e-9, 1.3, series_ohm)
    layout = layered(3, 2, [HiddenLayer(3, model, 2)])
    lone = tuple(Diode(f"lone{k}", f"hid{k}", f"out{k % 2}", model) for k in range(3))
    sources = tuple(Source(f"in{k}", 50.0) for k in range(3))
    return Graph(layout.nodes, layout.edges, layout.resistors, layout.diodes + lone, sources)


CASES = {
    "xor board, BAT54 at 1 V": (xor_board(), XOR_INPUT),
    "xor board, 1N4148 at 3 V": (xor_board("1N4148"), 3 * XOR_INPUT),
    "xor board, HSMS-285x at 1 V": (xor_board("HSMS-285x"), XOR_INPUT),
    "grid 4, 1N4148": (diode_grid(4, 1), np.array([5.0, -3.0])),
    "grid 6, 1N5711": (diode_grid(6, 2, "1N5711"), np.array([10.0, 2.0])),
    "rectifiers with series resistance": (with_rectifiers(3.0), np.array([2.0, -1.0, 0.5])),
    "rectifiers without": (with_rectifiers(0.0), np.array([2.0, -1.0, 0.5])),
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


def test_plain_reverse_law_costs_less_than_a_part_in_ten_thousand(tmp_path):
    for name in ("xor board, BAT54 at 1 V", "grid 4, 1N4148"):
        graph, source_v = CASES[name]
        siemens = conductances(graph, seed=3)
        solver = Solver(graph)
        solver.set_parameters(siemens)
        expected = ngspice_voltages(graph, siemens, source_v, tmp_path)
        assert np.abs(solver.states(source_v) - expected).max() <= 1e-4 * np.abs(source_v).max()
