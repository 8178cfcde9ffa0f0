"""The soldering sheet of a large board lists fans of edges, that of a small one every edge."""

from __future__ import annotations

from labrig.cli.fans import MOST_ROWS, edge_rows
from labrig.procedures.wiring_sheet import Connection


def pot(a: str, b: str, channel: int) -> Connection:
    return Connection(a, "pot", "pots", "MCP4251-104", str(channel), to=b, edge=f"{a}-{b}")


def test_a_layered_board_has_one_row_per_node():
    edges = [pot(f"in{i}", f"hid{h}", 30 * i + h) for i in range(20) for h in range(30)]
    assert len(edges) > MOST_ROWS
    rows = edge_rows(edges)
    assert len(rows) == 20
    assert rows[2] == ("in2-hid0..in2-hid29", "in2", "hid0..hid29", "pots", "MCP4251-104", "60..89", "")


def test_a_fan_ends_where_nodes_or_channels_do_not_count_on():
    edges = [pot("in0", f"hid{h}", h if h < 300 else h + 1) for h in range(450)]
    edges[100] = pot("in0", "ground", 100)
    assert [row[2] for row in edge_rows(edges)] == ["hid0..hid99", "ground", "hid101..hid299", "hid300..hid449"]


def test_a_small_board_has_one_row_per_edge():
    edges = [pot("in0", f"hid{h}", h) for h in range(8)]
    assert [row[0] for row in edge_rows(edges)] == [edge.edge for edge in edges]
