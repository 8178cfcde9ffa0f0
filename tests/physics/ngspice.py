"""Networks in ngspice at tight tolerance: operating points, and sine waves in time.

ngspice-39's kT/q uses the 2014 CODATA constants, so emission coefficients are written scaled by the ratio.
gmin = 1e-12 per junction is in both.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from labrig.network.physics import GROUND
from labrig.network.resistive.diodes import THERMAL_VOLTAGE_V
from labrig.network.resistive.graph import Graph

NGSPICE = shutil.which("ngspice")
NGSPICE_THERMAL_VOLTAGE_V = 1.38064852e-23 * 300.15 / 1.6021766208e-19
TIGHT = ".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-12 temp=27 tnom=27 itl1=1000"


def netlist(graph: Graph, siemens: np.ndarray, sources: Sequence[str], control: Sequence[str]) -> str:
    """The network as a netlist; `sources` is what each source plays ("dc 1.0"), `control` what to do."""
    number = {GROUND: 0, **{node: k + 1 for k, node in enumerate(graph.nodes)}}
    ratio = THERMAL_VOLTAGE_V / NGSPICE_THERMAL_VOLTAGE_V
    lines = ["* labrig"]
    for k, (edge, value) in enumerate(zip(graph.edges, siemens, strict=True)):
        if value > 0:
            lines.append(f"re{k} {number[edge.a]} {number[edge.b]} {1 / float(value)!r}")
    for k, resistor in enumerate(graph.resistors):
        lines.append(f"rf{k} {number[resistor.a]} {number[resistor.b]} {resistor.ohm!r}")
    for k, (source, plays) in enumerate(zip(graph.sources, sources, strict=True)):
        lines += [f"v{k} s{k} 0 {plays}", f"rs{k} s{k} {number[source.node]} {source.ohm!r}"]
    models = {diode.model: f"m{k}" for k, diode in enumerate(graph.diodes)}
    for k, diode in enumerate(graph.diodes):
        for parallel in range(diode.count):
            lines.append(f"d{k}p{parallel} {number[diode.anode]} {number[diode.cathode]} {models[diode.model]}")
    for model, name in models.items():
        series = f" rs={model.series_resistance_ohm!r}" if model.series_resistance_ohm else ""
        if not np.isinf(model.breakdown_voltage_v):
            series += f" bv={model.breakdown_voltage_v!r} ibv={model.breakdown_current_a!r}"
        lines.append(
            f".model {name} d(is={model.saturation_current_a!r} n={model.emission_coefficient * ratio!r}{series})"
        )
    return "\n".join([*lines, TIGHT, ".control", *control, "quit", ".endc", ".end"]) + "\n"


def operating_point(graph: Graph, siemens: np.ndarray, source_v: np.ndarray, folder: Path) -> np.ndarray:
    """Node voltages (N,) at constant source voltages (S,)."""
    prints = [f"print v({k + 1})" for k in range(len(graph.nodes))]
    plays = [f"dc {float(volts)!r}" for volts in source_v]
    done = run(netlist(graph, siemens, plays, ["set numdgt=14", "op", *prints]), folder)
    found = {}
    for line in done.stdout.splitlines():
        name, equals, value = line.partition(" = ")
        if equals and name.startswith("v("):
            found[int(name[2:-1])] = float(value)
    assert len(found) == len(graph.nodes), done.stdout + done.stderr
    return np.array([found[k + 1] for k in range(len(graph.nodes))])


def waves(
    graph: Graph, siemens: np.ndarray, tones: Sequence[tuple[float, float]], samples: int, step_s: float, folder: Path
) -> tuple[np.ndarray, np.ndarray, float]:
    """Times (T,) that ngspice chose, node voltages (T, N) then, and its CPU time without start and parsing (s).

    `tones` are amplitude (V) and frequency (Hz) of the sine that each source plays.
    """
    plays = [f"sin(0 {amplitude!r} {frequency!r})" for amplitude, frequency in tones]
    raw = folder / "waves.raw"
    span = samples * step_s
    control = ["set filetype=binary", f"tran {step_s!r} {span!r} 0 {step_s!r}", f"write {raw} all"]
    before = _cpu_s()
    run(netlist(graph, siemens, plays, ["op", f"write {raw} all"]), folder)
    between = _cpu_s()
    run(netlist(graph, siemens, plays, control), folder)
    took = (_cpu_s() - between) - (between - before)
    header, _, data = raw.read_bytes().partition(b"Binary:\n")
    names = [line.split()[1] for line in header.decode().split("Variables:\n")[1].strip().split("\n")]
    table = np.frombuffer(data, dtype=float).reshape(-1, len(names))
    columns = [names.index(f"v({k + 1})") for k in range(len(graph.nodes))]
    return table[:, 0], table[:, columns], took


def run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Let ngspice run a netlist."""
    path = folder / "network.cir"
    path.write_text(text)
    return subprocess.run([str(NGSPICE), "-b", str(path)], capture_output=True, text=True, timeout=120, check=False)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
