from __future__ import annotations

import numpy as np
import pytest

from labrig.errors import ConfigError
from labrig.network.physics import GROUND, Edge, NetworkError, Source
from labrig.network.resistive.diodes import DIODES
from labrig.network.resistive.graph import Diode, Graph, Resistor

BAT54 = DIODES["BAT54"]
GOOD = {
    "nodes": ("a", "b"),
    "edges": (Edge("e0", "a", "b"), Edge("e1", "b", GROUND)),
    "resistors": (Resistor("r0", "a", GROUND, 1e3),),
    "diodes": (Diode("d0", "a", GROUND, BAT54),),
    "sources": (Source("a", 50.0),),
}


def test_drops_have_plus_one_at_a_and_minus_one_at_b_and_no_ground():
    np.testing.assert_array_equal(Graph(**GOOD).drops(), [[1, -1], [0, 1]])


def test_index():
    graph = Graph(**GOOD)
    assert [graph.index("a"), graph.index("b")] == [0, 1]
    with pytest.raises(NetworkError, match="unknown node 'c'"):
        graph.index("c")
    with pytest.raises(NetworkError, match="ground is the reference"):
        graph.index(GROUND)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": ("a", "b", "a")}, "duplicate node 'a'"),
        ({"nodes": ("a", "b", GROUND)}, "'ground' exists in every network"),
        ({"edges": (Edge("e0", "a", "c"),)}, "edge 'e0': unknown node 'c'"),
        ({"resistors": (Resistor("r0", "c", "a", 1.0),)}, "resistor 'r0': unknown node 'c'"),
        ({"diodes": (Diode("d0", "a", "c", BAT54),)}, "diode 'd0': unknown node 'c'"),
        ({"sources": (Source("c", 50.0),)}, "a source is on the unknown node 'c'"),
        ({"sources": (Source(GROUND, 50.0),)}, "a source is on the unknown node 'ground'"),
        ({"edges": (Edge("e0", "a", "b"), Edge("e0", "b", "a"))}, "duplicate edge 'e0'"),
        ({"resistors": (Resistor("r", "a", "b", 1.0), Resistor("r", "a", "b", 2.0))}, "duplicate resistor 'r'"),
        ({"diodes": (Diode("d", "a", "b", BAT54), Diode("d", "b", "a", BAT54))}, "duplicate diode 'd'"),
        ({"edges": (Edge("e0", "a", "a"),)}, "edge 'e0': both ends are on 'a'"),
        ({"resistors": (Resistor("r0", GROUND, GROUND, 1.0),)}, "both ends are on 'ground'"),
        ({"diodes": (Diode("d0", "b", "b", BAT54),)}, "both ends are on 'b'"),
        ({"resistors": (Resistor("r0", "a", "b", 0.0),)}, "resistor 'r0': resistance is 0.0 ohm"),
        ({"resistors": (Resistor("r0", "a", "b", -5.0),)}, "resistor 'r0': resistance is -5.0 ohm"),
        ({"sources": (Source("a", 0.0),)}, "source on 'a': resistance is 0.0 ohm"),
        ({"sources": (Source("a", 1e3, -1e-5),)}, "source on 'a': transconductance is -1e-05 A/V"),
        ({"sources": (Source("a", 1e3, float("nan")),)}, "source on 'a': transconductance is nan A/V"),
        ({"sources": (Source("a", float("nan")),)}, "source on 'a': resistance is nan ohm"),
        ({"sources": (Source("a", float("inf")),)}, "source on 'a': resistance is inf ohm"),
        ({"sources": (Source("a", 50.0), Source("a", 60.0))}, "node 'a' has two sources"),
        ({"diodes": (Diode("d0", "a", "b", BAT54, 0),)}, "diode 'd0': count is 0"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(change, message):
    with pytest.raises(NetworkError, match=message) as caught:
        Graph(**{**GOOD, **change})
    assert isinstance(caught.value, ConfigError)


def test_undetermined_nodes_are_named_and_a_diode_is_no_path():
    graph = Graph(
        ("a", "b", "c", "d"),
        edges=(Edge("e0", "a", "b"), Edge("e1", "c", "d")),
        diodes=(Diode("d0", "b", "c", BAT54),),
        sources=(Source("a", 50.0),),
    )
    assert graph.undetermined_nodes() == ("c", "d")
    with pytest.raises(NetworkError, match=r"no resistive path to ground from c, d \(remedy: add a source"):
        graph.check()


@pytest.mark.parametrize("anchor", ["edge", "resistor", "source"])
def test_edges_resistors_and_sources_are_paths_to_ground(anchor):
    graph = Graph(
        ("a", "b"),
        edges=(Edge("e0", "a", "b"), *([Edge("e1", GROUND, "b")] if anchor == "edge" else [])),
        resistors=(Resistor("r0", GROUND, "b", 1e9),) if anchor == "resistor" else (),
        sources=(Source("b", 50.0),) if anchor == "source" else (),
    )
    assert graph.undetermined_nodes() == ()
    graph.check()
    assert graph.undetermined_nodes(open_edges={"e0"}) == ("a",)
