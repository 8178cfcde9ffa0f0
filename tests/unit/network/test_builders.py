from __future__ import annotations

import pytest

from labrig.network.physics import GROUND, Edge, NetworkError, Source
from labrig.network.resistive.builders import HiddenLayer, from_edges, grid, layered
from labrig.network.resistive.diodes import DIODES
from labrig.network.resistive.graph import Diode, Resistor

BAT54 = DIODES["BAT54"]


def names(layout):
    return [edge.name for edge in layout.edges]


def test_layered_without_hidden_nodes_is_input_major():
    layout = layered(2, 3)
    assert layout.nodes == ("in0", "in1", "out0", "out1", "out2")
    assert names(layout) == ["in0-out0", "in0-out1", "in0-out2", "in1-out0", "in1-out1", "in1-out2"]
    assert layout.edges[1] == Edge("in0-out1", "in0", "out1")
    assert layout.diodes == ()


def test_hidden_layers_are_numbered_on_and_bear_pairs():
    layout = layered(1, 1, [HiddenLayer(2, BAT54, 3), HiddenLayer(1, None, 1)])
    assert layout.nodes == ("in0", "hid0", "hid1", "hid2", "out0")
    assert names(layout) == ["in0-hid0", "in0-hid1", "hid0-hid2", "hid1-hid2", "hid2-out0"]
    assert layout.diodes == (
        Diode("hid0-ground", "hid0", GROUND, BAT54, 3),
        Diode("ground-hid0", GROUND, "hid0", BAT54, 3),
        Diode("hid1-ground", "hid1", GROUND, BAT54, 3),
        Diode("ground-hid1", GROUND, "hid1", BAT54, 3),
    )


def test_the_xor_board_has_eight_edges_per_hidden_node():
    assert len(layered(6, 2, [HiddenLayer(6, BAT54, 1)]).edges) == 48


def test_grid_runs_row_by_row_right_then_down():
    layout = grid(2, 2)
    assert layout.nodes == ("n0_0", "n0_1", "n1_0", "n1_1")
    assert names(layout) == ["n0_0-n0_1", "n0_0-n1_0", "n0_1-n1_1", "n1_0-n1_1"]
    assert len(grid(10, 10).edges) == 180


def test_from_edges_takes_pairs_edges_and_fixed_parts():
    extra = Resistor("r0", "c", GROUND, 1e3)
    diode = Diode("d0", "x", "a", BAT54)
    layout = from_edges(["a-b", Edge("named", "b", "c"), "c-ground"], [extra], [diode])
    assert layout.nodes == ("a", "b", "c", "x")
    assert layout.edges == (Edge("a-b", "a", "b"), Edge("named", "b", "c"), Edge("c-ground", "c", GROUND))
    assert (layout.resistors, layout.diodes) == ((extra,), (diode,))


def test_with_sources_makes_a_validated_graph():
    graph = layered(1, 1).with_sources([Source("in0", 50.0)])
    assert graph.sources == (Source("in0", 50.0),)
    with pytest.raises(NetworkError, match="unknown node 'in7'"):
        layered(1, 1).with_sources([Source("in7", 50.0)])


@pytest.mark.parametrize("text", ["a", "a-", "-b", "a-b-c", "", " - "])
def test_an_edge_must_name_two_nodes(text):
    with pytest.raises(NetworkError, match="does not name two nodes"):
        from_edges([text])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: layered(0, 1), "0 inputs"),
        (lambda: layered(1, 0), "0 outputs"),
        (lambda: layered(1, 1, [HiddenLayer(0)]), "0 hidden nodes"),
        (lambda: layered(1, 1, [HiddenLayer(1, BAT54, -1)]), "negative number of diode pairs"),
        (lambda: grid(1, 1), "has no edge"),
        (lambda: grid(0, 5), "has no edge"),
    ],
)
def test_counts_that_make_no_network_are_refused(build, message):
    with pytest.raises(NetworkError, match=message):
        build()
