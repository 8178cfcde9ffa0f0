"""The network of a calibration fixture, and how instruments are wired to it."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.calibration.fixture import REFERENCE, Fixture
from labrig.network.physics import GROUND, Edge, Source
from labrig.network.resistive.graph import Resistor
from labrig.network.resistive.network import ResistiveNetwork
from labrig.random_streams import RandomStream
from labrig.simulation.world import BoardWiring

SHORT_OHM = 0.1
"""Resistance of a short circuit (Ω)."""

REFERENCE_OHM = 1.0
"""Output resistance of a voltage reference (Ω)."""


def fixture_board(fixture: Fixture, output_ohm: Mapping[str, float], seed: int) -> tuple[ResistiveNetwork, BoardWiring]:
    """Return the network of a fixture and its wiring.

    Standards and references differ from their stated values by random amounts within their uncertainty, because a
    calibration cannot be better than its standards. The seed determines these amounts.

    Parameters
    ----------
    fixture : Fixture
        The connections.
    output_ohm : mapping
        Output resistance of each source, by instrument (Ω).
    seed : int
        Seed of the simulation.
    """
    nodes = dict.fromkeys((*fixture.senses.values(), *fixture.drives.values(), *fixture.parts.values()))
    resistors = [Resistor(f"short of {node}", node, GROUND, SHORT_OHM) for node in fixture.grounded]
    for number, standard in enumerate(fixture.standards):
        ohm = standard.ohm * (1 + standard.u_ohm * _drawn(seed, f"standard/{standard.b}"))
        resistors.append(Resistor(f"standard {number}", standard.a, standard.b, ohm))
    sources = tuple(
        Source(node, REFERENCE_OHM if label == REFERENCE else output_ohm[label.partition("/")[0]])
        for label, node in fixture.drives.items()
    )
    edges = tuple(Edge(label, node, GROUND) for label, node in fixture.parts.items())
    network = ResistiveNetwork(tuple(nodes), edges, tuple(resistors), (), sources)
    actual_v = fixture.reference_v * (1 + fixture.u_reference * _drawn(seed, "reference"))
    wiring = BoardWiring(
        sources=dict(fixture.drives),
        senses=dict(fixture.senses),
        edges={label: label for label in fixture.parts},
        references={REFERENCE: actual_v} if REFERENCE in fixture.drives else {},
    )
    return network, wiring


def _drawn(seed: int, name: str) -> float:
    return float(RandomStream(seed, f"calibration/{name}").at(0).standard_normal())
