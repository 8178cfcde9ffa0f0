from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.config.marked import plain
from labrig.config.problems import Problems
from labrig.config.reading import Source, compose
from labrig.config.wiring import LONGEST_RANGE, expand_range, expand_wiring, in_words


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("in0..in2", ["in0", "in1", "in2"]),
        ("in0..2", ["in0", "in1", "in2"]),
        ("awg/0..2", ["awg/0", "awg/1", "awg/2"]),
        ("awg/ao9..ao11", ["awg/ao9", "awg/ao10", "awg/ao11"]),
        ("awg/ao0..awg/ao1", ["awg/ao0", "awg/ao1"]),
        ("n0_0..n0_2", ["n0_0", "n0_1", "n0_2"]),
        ("daq/2..0", ["daq/2", "daq/1", "daq/0"]),
        ("ch08..ch10", ["ch08", "ch09", "ch10"]),
        ("in0 .. in1", ["in0", "in1"]),
        ("pilot", ["pilot"]),
        (" awg/13 ", ["awg/13"]),
        ("in5..in5", ["in5"]),
    ],
)
def test_ranges_stand_for_names(text: str, names: list[str]) -> None:
    assert expand_range(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name is empty"),
        ("in0..", "'in0..' is not a range such as"),
        ("a..b", "is not a range"),
        ("in0...in9", "has two different prefixes: 'in' and '.in'"),
        ("in0..out9", "has two different prefixes: 'in' and 'out'"),
        ("n0_0..n1_9", "different prefixes"),
        ("ch08..ch100", "different width"),
        (f"in0..in{LONGEST_RANGE}", "covers more than 100000 names"),
        ("in0..in99999999999", "different prefixes"),
    ],
)
def test_what_is_no_range_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        expand_range(text)


@given(st.text(alphabet="ab/_.0129 "))
def test_any_text_is_names_or_a_value_error(text: str) -> None:
    try:
        names = expand_range(text)
    except ValueError:
        return
    assert 1 <= len(names) <= LONGEST_RANGE
    assert len(set(names)) == len(names)


@given(st.sampled_from(["in", "n0_", "awg/", "awg/ao"]), st.integers(0, 300), st.integers(0, 300))
def test_a_range_has_every_number_between_its_ends(prefix: str, first: int, last: int) -> None:
    names = expand_range(f"{prefix}{first}..{last}")
    assert len(names) == abs(last - first) + 1
    assert (names[0], names[-1]) == (f"{prefix}{first}", f"{prefix}{last}")


def expand(text: str) -> tuple[Any, list[str]]:
    problems = Problems()
    tree = compose(text, Source("a.yaml"), problems)
    assert tree is not None
    wiring = tree.child("wiring")
    assert wiring is not None
    return plain(expand_wiring(wiring, problems)), [str(problem) for problem in problems]


def test_a_row_for_a_range_is_a_row_for_each_node() -> None:
    rows, problems = expand(
        "wiring:\n"
        "  in0..in1: {drive: awg/ao0..ao1, through: 50 Ω, sense: daq/1..0}\n"
        "  out2: {error: err2/1, through: {howland: 10 µA/V}}\n"
        "  edges: pots/0..29\n"
    )
    assert not problems
    assert rows == {
        "in0": {"drive": "awg/ao0", "through": "50 Ω", "sense": "daq/1"},
        "in1": {"drive": "awg/ao1", "through": "50 Ω", "sense": "daq/0"},
        "out2": {"error": "err2/1", "through": {"howland": "10 µA/V"}},
        "edges": "pots/0..29",
    }


def test_lengths_nodes_and_ranges_that_do_not_fit_are_all_reported() -> None:
    rows, problems = expand(
        "wiring:\n"
        "  in0..in9: {drive: awg/0..8, sense: daq/3}\n"
        "  pilot: {drive: awg/1..2}\n"
        "  in3: {drive: awg/40}\n"
        "  a..b: {}\n"
        "  in10: {drive: awg/x..y}\n"
        "  in11..in12: 5\n"
    )
    assert problems == [
        "a.yaml:2:21: wiring.in0..in9.drive: 'awg/0..8' names 9 channels for 10 nodes (in0..in9)",
        "a.yaml:2:38: wiring.in0..in9.sense: 'daq/3' names 1 channel for 10 nodes (in0..in9)",
        "a.yaml:3:18: wiring.pilot.drive: 'awg/1..2' names 2 channels for 1 node (pilot)",
        "a.yaml:4:3: wiring.in3: node 'in3' is wired twice (first at line 2)",
        "a.yaml:5:3: wiring.a..b: 'a..b' is not a range such as 'in0..in9' or 'awg/0..9'",
        "a.yaml:6:17: wiring.in10.drive: 'awg/x..y' is not a range such as 'in0..in9' or 'awg/0..9'",
    ]
    assert rows["in11"] == rows["in12"] == 5


def test_a_wiring_of_millions_of_nodes_is_refused() -> None:
    _, problems = expand("wiring:\n  a0..a99998: {}\n  b0..b9: {}\n")
    assert problems == ["a.yaml:3:3: wiring.b0..b9: the wiring names more than 100000 nodes; wire fewer"]


def test_a_wiring_that_is_no_map_is_left_to_validation() -> None:
    assert expand("wiring: [1]") == ([1], [])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["ai0"], "ai0"),
        (["ai0", "ai1", "ai2"], "ai0 to ai2"),
        (["ai7", "ai16", "ai17"], "ai7, ai16 to ai17"),
        (["3", "2", "A", "CH 1", "CH 2"], "3, 2, A, CH 1 to CH 2"),
        ([str(2 * k) for k in range(9)], "0, 2, 4, 6, 8, 10, 12, 14 …"),
    ],
)
def test_names_in_words(names: list[str], words: str) -> None:
    assert in_words(names) == words
