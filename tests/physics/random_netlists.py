"""Random netlists, solved by ngspice at tight tolerance and by labrig."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np

from labrig.network.resistive.netlist import read_netlist
from labrig.network.resistive.netlist.circuit import Circuit
from labrig.network.resistive.netlist.transient import node_voltages, operating_point

NGSPICE = shutil.which("ngspice")
MODELS = (
    "d(is=2.52e-9 n=1.752 rs=0.568)",
    "d(is=2.117e-7 n=1.016 rs=2.637 bv=36 ibv=1.196e-6 eg=0.69 xti=2)",
    "d(is=1e-14 rs=1)",
    "d(is=22n n=1.08 rs=6 bv=15 ibv=100u)",
)
TIGHT = ".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-12 temp=27 tnom=27 itl1=1000 itl4=1000"
WAVES = ("dc", "sin", "pwl")
BOUNDS = {"op": 1e-8, "tran": 1e-8, "capacitors": 1e-4}
"""Largest deviation of a kind, as a part of full scale; with capacitors ngspice's own truncation error."""

STEPS = {"op": ("", ""), "tran": ("2u", "0.2u"), "capacitors": ("0.2u", "0.02u")}
"""Longest steps of ngspice, and those with which a deviation is looked at again."""

END_S = 1e-3


class NgspiceFailed(Exception):
    """ngspice gave no answer."""


def netlist(seed: int, kind: str, step: str) -> str:
    """A connected network of resistors with diodes, sources, and for 'capacitors' these too.

    step: the longest step that ngspice may take.
    """
    draw = np.random.default_rng(seed)
    count = int(draw.integers(3, 14))
    nodes = [f"n{k}" for k in range(count)]
    lines = [f"random {seed}"]

    def ohm() -> str:
        return f"{10 ** draw.uniform(2, 6):.6g}"

    def pairs(most: int) -> list[tuple[str, str]]:
        drawn = [draw.choice([*nodes, "0"], 2, replace=False) for _ in range(int(draw.integers(0, most)))]
        return [(str(a), str(b)) for a, b in drawn]

    lines += [f"r{k} n{k} n{int(draw.integers(0, k))} {ohm()}" for k in range(1, count)]
    lines.append(f"rg n0 0 {ohm()}")
    lines += [f"rx{k} {a} {b} {ohm()}" for k, (a, b) in enumerate(pairs(2 * count))]
    for k, (a, b) in enumerate(pairs(count + 2)):
        area = f" area={draw.uniform(0.5, 3):.4g}" if draw.random() < 0.3 else ""
        lines.append(f"d{k} {a} {b} m{int(draw.integers(len(MODELS)))}{area}")
    lines += [f"v{k} {a} {b} {_wave(draw)}" for k, (a, b) in enumerate(_apart(draw, nodes))]
    lines += [f"i{k} {a} {b} dc {draw.uniform(-2, 2):.4g}m" for k, (a, b) in enumerate(pairs(3))]
    if kind == "capacitors":
        ends = [("n0", "0"), *pairs(count)]
        lines += [f"c{k} {a} {b} {10 ** draw.uniform(-11, -8):.4g}" for k, (a, b) in enumerate(ends)]
    lines += [f".model m{k} {model}" for k, model in enumerate(MODELS)]
    return "\n".join([*lines, TIGHT, f".tran 2u {END_S!r} 0 {step}" if step else ".op", ".end", ""])


def deviation(seed: int, kind: str, folder: Path) -> float:
    """Largest deviation between labrig and ngspice, at the times that ngspice chose, as a part of full scale.

    ngspice sometimes accepts an iterate that has not converged, or takes too long a step. So it answers again where the
    deviation is above its bound, with shorter steps and from another start; what stays then counts, unless the two
    answers begin at different operating points.
    """
    path, (first, second) = folder / f"{kind}{seed}.cir", STEPS[kind]
    path.write_text(netlist(seed, kind, first))
    circuit = read_netlist(path)
    found, began = _deviation(circuit, path)
    if found <= BOUNDS[kind]:
        return found
    near = zip(circuit.nodes, operating_point(circuit).tolist(), strict=True)
    start = " ".join(f"v({node})={volts:.1f}" for node, volts in near)
    path.write_text(netlist(seed, kind, second).replace(".end", f".nodeset {start}\n.end"))
    found, again = _deviation(circuit, path)
    if found > BOUNDS[kind] and np.abs(again - began).max() > BOUNDS[kind] * np.abs(began).max():
        raise NgspiceFailed(f"{path.name}: two operating points")
    return found


def _deviation(circuit: Circuit, path: Path) -> tuple[float, np.ndarray]:
    """The deviation of a circuit from what ngspice says to its netlist at `path`, and ngspice's operating point."""
    names, table = by_ngspice(path)
    transient = names[0] == "time"
    if transient and table[-1, 0] < 0.999 * END_S:
        raise NgspiceFailed(path.name)  # its steps became too small; the last point is not converged
    columns = [names.index(f"v({node})") if f"v({node})" in names else names.index(node) for node in circuit.nodes]
    reference = table[:, columns]
    found = node_voltages(circuit, table[:, 0]) if transient else operating_point(circuit)[np.newaxis]
    return float(np.abs(found - reference).max() / max(np.abs(reference).max(), 1e-3)), reference[0]


def by_ngspice(path: Path) -> tuple[list[str], np.ndarray]:
    """Names of the columns and (T, columns) what ngspice computes; NgspiceFailed if it gives up."""
    raw = path.with_suffix(".raw")
    command = [str(NGSPICE), "-b", "-r", str(raw), str(path)]
    try:
        subprocess.run(command, capture_output=True, timeout=60, check=False)
        header, _, data = raw.read_bytes().partition(b"Binary:\n")
    except (subprocess.TimeoutExpired, OSError) as error:
        raise NgspiceFailed(path.name) from error
    if not data:
        raise NgspiceFailed(path.name)  # no solution: it lists no variables either
    names = [line.split()[1] for line in header.decode().split("Variables:\n")[1].strip().split("\n")]
    return names, np.frombuffer(data, dtype=float).reshape(-1, len(names))


def _wave(draw: np.random.Generator) -> str:
    kind = draw.choice(WAVES)
    if kind == "dc":
        return f"dc {draw.uniform(-3, 3):.5g}"
    if kind == "pwl":
        return "pwl(0 0 0.3m 1 0.5m -1 1m 0.2)"
    delay, damping = draw.choice([0.0, 1e-4]), draw.choice([0, 300])
    level, amplitude, hz = draw.uniform(-1, 1), draw.uniform(0, 3), draw.uniform(200, 3000)
    return f"sin({level:.4g} {amplitude:.4g} {hz:.5g} {delay:g} {damping} {draw.uniform(-90, 90):.4g})"


def _apart(draw: np.random.Generator, nodes: list[str]) -> list[tuple[str, str]]:
    """Ends of up to three voltage sources that form no loop: of ground, or of two nodes that no other source has."""
    free = [str(node) for node in draw.permutation(nodes)]
    ends: list[tuple[str, str]] = []
    for _ in range(int(draw.integers(1, 4))):
        if len(free) < 2:
            break
        ends.append((free.pop(), "0" if draw.random() < 0.7 else free.pop()))
    return ends
