"""Writes a board as a netlist that ngspice and `labrig simulate` can read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from labrig.network.physics import GROUND
from labrig.network.resistive.diodes import DiodeModel
from labrig.network.resistive.graph import Graph
from labrig.network.resistive.netlist.models import SPICE_SLOPE, ZERO_CELSIUS_K

TIGHT = ".options reltol=1e-9 abstol=1e-16 vntol=1e-12 gmin=1e-12 itl1=1000"
"""Tolerances with which ngspice agrees with labrig to 1e-8."""


def netlist_text(
    graph: Graph, siemens: NDArray[np.float64], volts: NDArray[np.float64], title: str, comments: Sequence[str] = ()
) -> str:
    """Return a netlist for the operating point of a board at one moment.

    Parameters
    ----------
    graph : Graph
        The network.
    siemens : (E,)
        Conductances of the edges (S); an edge of 0 S is left out.
    volts : (S,)
        Voltages that the sources play (V).
    title : str
        Title of the netlist.
    comments : sequence of str
        Lines of comments below the title.
    """
    names = _Names()
    lines = [f"* {title}", *(f"* {comment}" for comment in comments), ""]
    for edge, value in zip(graph.edges, siemens.tolist(), strict=True):
        text = f"{names.part('r', edge.name)} {names.node(edge.a)} {names.node(edge.b)} "
        lines.append(f"{text}{_number(1 / value)}" if value > 0 else f"* {text}open")
    for part in graph.resistors:
        lines.append(f"{names.part('r', part.name)} {names.node(part.a)} {names.node(part.b)} {_number(part.ohm)}")
    models = {diode.model: f"dm{k}" for k, diode in enumerate({each.model: each for each in graph.diodes}.values())}
    for diode in graph.diodes:
        many = "" if diode.count == 1 else f" m={diode.count}"
        ends = f"{names.node(diode.anode)} {names.node(diode.cathode)}"
        lines.append(f"{names.part('d', diode.name)} {ends} {models[diode.model]}{many}")
    for source, plays in zip(graph.sources, volts.tolist(), strict=True):
        node = names.node(source.node)
        if source.transconductance_s is None:
            played = names.node(f"played_{source.node}")
            lines.append(f"{names.part('v', source.node)} {played} 0 DC {_number(plays)}")
            lines.append(f"{names.part('r', f'of_{source.node}')} {played} {node} {_number(source.ohm)}")
            continue
        lines.append(f"{names.part('i', source.node)} 0 {node} DC {_number(plays * source.transconductance_s)}")
        if math.isfinite(source.ohm):
            lines.append(f"{names.part('r', f'of_{source.node}')} {node} 0 {_number(source.ohm)}")
    lines += [_model(name, model) for model, name in models.items()]
    celsius = _temperature_c(models)
    lines[1 + len(comments) : 1 + len(comments)] = [f"* node {n} is {written} here" for n, written in names.changed()]
    return "\n".join([*lines, f"{TIGHT} temp={celsius:g} tnom={celsius:g}", ".op", ".end", ""])


def _number(value: float) -> str:
    """The value to 12 digits: 1/(1/24950) is 24950 again, and no solution changes by more than rounding."""
    return f"{value:.12g}"


def _model(name: str, model: DiodeModel) -> str:
    """The .model statement, with parameters at the temperature of the junction, so that SPICE converts nothing."""
    values = {
        "IS": model.saturation_current_a,
        "N": model.emission_coefficient / SPICE_SLOPE,
        "RS": model.series_resistance_ohm,
        "EG": model.energy_gap_ev,
        "XTI": model.saturation_exponent,
    }
    if math.isfinite(model.breakdown_voltage_v):
        values |= {"BV": model.breakdown_voltage_v, "IBV": model.breakdown_current_a}
    return f".model {name} D({' '.join(f'{key}={_number(value)}' for key, value in values.items())})"


def _temperature_c(models: Iterable[DiodeModel]) -> float:
    return next((round(model.temperature_k - ZERO_CELSIUS_K, 6) for model in models), 27.0)


class _Names:
    """Names that SPICE accepts: without blanks, and distinct even if case is ignored."""

    def __init__(self) -> None:
        self._nodes = {GROUND: "0"}
        self._taken = {"0", "gnd"}

    def node(self, name: str) -> str:
        """The name of a node in the netlist; a node always gets the same name."""
        if name not in self._nodes:
            self._nodes[name] = self._free(_plain(name, keep="/"))  # schematic editors write labels as /name
        return self._nodes[name]

    def changed(self) -> list[tuple[str, str]]:
        """The nodes whose name differs in the netlist, where names have no case and only ASCII characters."""
        return [(name, written) for name, written in self._nodes.items() if written not in (name, "0")]

    def part(self, kind: str, name: str) -> str:
        """A name for a part that is not used yet and begins with the letter of its kind."""
        return self._free(f"{kind}_{_plain(name)}")

    def _free(self, wanted: str) -> str:
        name, number = wanted, 2
        while name.lower() in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name.lower())
        return name


def _plain(name: str, keep: str = "") -> str:
    return re.sub(rf"[^\w.+{keep}-]", "_", name, flags=re.ASCII)
