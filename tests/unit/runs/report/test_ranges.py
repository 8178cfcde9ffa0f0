"""Rows of numbered nodes are merged, and nothing else is."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from labrig.runs.report.ranges import Row, merged


def test_consecutive_nodes_with_consecutive_channels_become_one_row() -> None:
    rows = [
        row
        for n in range(3)
        for row in (
            (f"wiring.in{n}.drive", f"awg/{n}", "a.yaml:3"),
            (f"wiring.in{n}.sense", f"daq/{n + 5}", "a.yaml:3"),
            (f"wiring.in{n}.through", "50 Ω", "default"),
        )
    ]
    assert merged(rows) == [
        ("wiring.in0..in2.drive", "awg/0..2", "a.yaml:3"),
        ("wiring.in0..in2.sense", "daq/5..7", "a.yaml:3"),
        ("wiring.in0..in2.through", "50 Ω", "default"),
    ]


def test_what_differs_in_more_than_its_number_stays_apart() -> None:
    rows = [
        ("wiring.in0.drive", "awg/0", "a.yaml:3"),
        ("wiring.in1.drive", "awg/2", "a.yaml:3"),  # another channel
        ("wiring.in2.drive", "awg/3", "--set"),  # another origin
        ("wiring.in4.drive", "awg/5", "--set"),  # a node is left out
        ("instruments.pots.supply[0]", "-2.5 V", "a.yaml:9"),
        ("instruments.pots.supply[1]", "-2.5 V", "a.yaml:9"),
        ("version", "1", "a.yaml:1"),
    ]
    assert merged(rows) == rows


ROWS = st.lists(
    st.tuples(
        st.builds("wiring.{}{}.{}".format, st.sampled_from(("in", "n")), st.integers(0, 6), st.sampled_from("ab")),
        st.sampled_from(("awg/0", "awg/1", "awg/2", "daq/1", "50 Ω", "null")),
        st.sampled_from(("default", "a.yaml:1")),
    ),
    max_size=30,
    unique_by=lambda row: row[0],
)


@given(ROWS)
def test_every_row_can_be_read_from_the_ranges(rows: list[Row]) -> None:
    read: list[Row] = []
    for key, value, origin in merged(rows):
        nodes, channels = re.search(r"([a-z]+)(\d+)\.\.[a-z]+(\d+)", key), re.search(r"/(\d+)\.\.\d+", value)
        if nodes is None:
            read.append((key, value, origin))
            continue
        first, last = int(nodes[2]), int(nodes[3])
        for n in range(first, last + 1):
            of_node = value if channels is None else value.replace(channels[0], f"/{int(channels[1]) + n - first}")
            read.append((key.replace(nodes[0], f"{nodes[1]}{n}"), of_node, origin))
    assert sorted(read) == sorted(rows)
