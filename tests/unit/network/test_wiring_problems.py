"""What is wrong with a wired network: names that lead nowhere, outputs without inputs, edges without current."""

from __future__ import annotations

import pytest

from labrig.network.physics import Source, ground_hint
from labrig.network.resistive.builders import from_edges
from labrig.network.resistive.graph import Resistor
from labrig.network.resistive.wiring_problems import wiring_problems


def found(edges, resistors=(), wired=("in0", "out0"), sources=("in0", "out0"), outputs=("out0",)):
    parts = [Resistor(f"resistor{k}", a, b, 1e3) for k, (a, b) in enumerate(resistors)]
    network = from_edges(edges, parts).with_sources([Source(node, 50.0) for node in sources])
    return list(wiring_problems(network, wired, ["in0"], outputs))


def test_a_sound_network_has_none():
    assert found(["in0-out0"], [("out0", "ground"), ("in0", "x"), ("x", "ground")]) == []


def test_two_resistors_to_a_node_called_gnd():
    one, other = found(["in0-out0"], [("out0", "GND"), ("in0", "GND")])
    assert (one.path, other.path) == (("network", "resistors", 0, "to"), ("network", "resistors", 1, "to"))
    assert one.message == "nothing is wired to node 'GND'; ground is called 'ground'"


def test_a_misspelt_node_leads_nowhere():
    (one,) = found(["in0-out0"], [("otu0", "ground")])
    assert one.path == ("network", "resistors", 0, "from")
    assert not one.warning


def test_ground_does_not_connect_an_output_to_an_input():
    (one,) = [each for each in found(["in0-ground", "out0-ground"]) if not each.warning]
    assert one.path == ("wiring", "out0")
    assert "no input reaches output out0" in one.message


@pytest.mark.parametrize(
    ("edges", "dead"),
    [
        (["in0-out0", "out0-a"], "edge out0-a carries no current"),
        (["in0-out0", "a-b", "out0-a", "b-c"], "edges a-b, out0-a, b-c carry no current"),
        (["in0-out0", "out0-GND"], "far end; ground is called 'ground'"),
    ],
)
def test_edges_without_current_are_warned_of(edges, dead):
    (one,) = found(edges, wired=("in0", "out0", "a", "b", "c", "GND"))
    assert one.warning
    assert dead in one.message


def test_the_names_of_ground():
    assert all(ground_hint(name) for name in ("GND", "gnd", "Ground", "0", "0V", "AGND"))
    assert not any(ground_hint(name) for name in ("ground", "out0", "00", "g"))
