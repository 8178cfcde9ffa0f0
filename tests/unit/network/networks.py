"""Networks that several tests use."""

from __future__ import annotations

import numpy as np

from labrig.network.physics import GROUND, Source
from labrig.network.resistive.builders import HiddenLayer, grid, layered
from labrig.network.resistive.diodes import DIODES, DiodeModel
from labrig.network.resistive.graph import Diode, Graph, Resistor

XOR_INPUT = np.array([1.0, -1.0, -1.0, 1.0, -1.0, 1.0])


def xor_board(part: str = "BAT54", hidden: int = 6) -> Graph:
    """6 inputs behind 50 Ω, hidden nodes with an antiparallel pair each, 2 outputs."""
    layout = layered(6, 2, [HiddenLayer(hidden, DIODES[part], 1)])
    return layout.with_sources([Source(f"in{number}", 50.0) for number in range(6)])


def conductances(graph: Graph, seed: int = 0, low: float = 1e-5, high: float = 1e-4) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, len(graph.edges))


def diode_grid(side: int, seed: int, part: str = "1N4148", ground_ohm: float = 1e6) -> Graph:
    """A grid with antiparallel pairs on half the nodes, diodes on a fifth of the edges, two sources at corners."""
    rng = np.random.default_rng(seed)
    layout = grid(side, side)
    pairs = [(str(node), GROUND) for node in rng.choice(layout.nodes, len(layout.nodes) // 2, replace=False)]
    pairs += [(b, a) for a, b in pairs]
    for chosen in rng.choice(len(layout.edges), len(layout.edges) // 5, replace=False):
        edge = layout.edges[chosen]
        pairs.append((edge.a, edge.b) if rng.random() < 0.5 else (edge.b, edge.a))
    diodes = tuple(Diode(f"d{k}", anode, cathode, DIODES[part]) for k, (anode, cathode) in enumerate(pairs))
    resistors = tuple(Resistor(f"to ground {node}", node, GROUND, ground_ohm) for node in layout.nodes)
    sources = (Source(layout.nodes[0], 50.0), Source(layout.nodes[-1], 50.0))
    return Graph(layout.nodes, layout.edges, resistors, diodes, sources)


def hard_instance(seed: int, series_resistance_ohm: float) -> tuple[Graph, np.ndarray, np.ndarray]:
    """Graph, conductances (S) and injected currents (A): 10 Ω–10 MΩ, Is 1e-16–1e-6 A, drive to 1 A."""
    rng = np.random.default_rng(seed)
    layout = grid(6, 6)
    siemens = 10 ** -rng.uniform(1, 7, len(layout.edges))
    resistors = tuple(Resistor(f"g {node}", node, GROUND, float(10 ** rng.uniform(3, 9))) for node in layout.nodes)
    pairs = [(str(node), GROUND) for node in rng.choice(layout.nodes, 18, replace=False)]
    pairs += [(b, a) for a, b in pairs]
    for chosen in rng.choice(len(layout.edges), 12, replace=False):
        edge = layout.edges[chosen]
        pairs.append((edge.a, edge.b) if rng.random() < 0.5 else (edge.b, edge.a))
    models = [
        DiodeModel(float(10 ** rng.uniform(-16, -6)), float(rng.uniform(1, 2)), series_resistance_ohm) for _ in pairs
    ]
    diodes = tuple(
        Diode(f"d{k}", anode, cathode, model)
        for k, ((anode, cathode), model) in enumerate(zip(pairs, models, strict=True))
    )
    injected = np.zeros(36)
    injected[rng.choice(36, 6, replace=False)] = rng.uniform(-1, 1, 6) * 10 ** rng.uniform(-5, 0)
    return Graph(layout.nodes, layout.edges, resistors, diodes), siemens, injected
