from __future__ import annotations

import pytest

from labrig.config.faults import ConfigFaults, Fault, Faults, Mark, render_path
from labrig.errors import ConfigError


def test_paths_read_like_the_ones_of_set() -> None:
    assert render_path(("network", "edges", 3, "from")) == "network.edges[3].from"
    assert render_path(()) == ""
    assert render_path(("matrix", 0, 1)) == "matrix[0][1]"


def test_faults_are_sorted_by_place_and_shown_with_line_and_caret() -> None:
    faults = Faults()
    faults.add_source("a.yaml", "name: x\r\nrate: [1, b]\n")
    faults.add(None, ("task",), "not checked")
    faults.add(Mark("b.yaml", 1, 1), "", "no text known")
    faults.add(Mark("a.yaml", 2, 11), ("rate", 1), "expected a number, got 'b'")
    faults.add(Mark("a.yaml", 1, 7), ("name",), "too short")
    faults.add(Mark("a.yaml", 1, 7), ("name",), "too short")
    assert bool(faults)
    assert len(faults) == 4
    assert faults.render().splitlines() == [
        "a.yaml:1:7: name: too short",
        "    name: x",
        "          ^",
        "a.yaml:2:11: rate[1]: expected a number, got 'b'",
        "    rate: [1, b]",
        "              ^",
        "b.yaml:1:1: no text known",
        "task: not checked",
        "4 faults",
    ]
    with pytest.raises(ConfigFaults) as caught:
        faults.raise_if_any()
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value) == faults.render()
    assert caught.value.faults[0] == Fault(Mark("a.yaml", 1, 7), "name", "too short")
    assert caught.value.to_json() == faults.to_json()
    assert faults.to_json()[0] == {
        "file": "a.yaml", "line": 1, "column": 7, "path": "name", "message": "too short",
    }  # fmt: skip
    assert faults.to_json()[-1]["line"] is None


def test_notes_stand_between_the_faults_and_their_number() -> None:
    faults = Faults()
    faults.note("not checked: timing")
    assert not faults
    faults.add(None, "task", "wrong")
    assert faults.render() == "task: wrong\nnot checked: timing\n1 fault"


def test_no_faults_raise_nothing() -> None:
    faults = Faults()
    assert not faults
    faults.raise_if_any()


def test_faults_under_a_path_are_its_own_and_those_below() -> None:
    faults = Faults()
    for path in (("task",), ("task", "split"), ("tasks",), ("edges", 3)):
        faults.add(None, path, "wrong")
    assert [fault.path for fault in faults.under(("task",))] == ["task", "task.split"]
    assert [fault.path for fault in faults.under(("edges",))] == ["edges[3]"]
    assert len(faults.under(())) == 4


@pytest.mark.parametrize("column", [1, 60, 150, 300])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    line = "-" * (column - 1) + "X" + "-" * (300 - column)
    faults = Faults()
    faults.add_source("a", line)
    faults.add(Mark("a", 1, column), "", "here")
    _, shown, caret, _ = faults.render().splitlines()
    assert len(shown) <= 130
    assert shown.index("X") == caret.index("^")


def test_the_caret_stands_under_wide_characters_and_escapes_do_not_reach_the_terminal() -> None:
    faults = Faults()
    faults.add_source("a", "\t電圧\u0301: \x1b[31mX")
    faults.add(Mark("a", 1, 12), "", "one\nline \x1b")
    headline, shown, caret, _ = faults.render().splitlines()
    assert headline == "a:1:12: one line \ufffd"
    assert "\x1b" not in shown
    assert caret == "    " + " " * (1 + 4 + 0 + 2 + 5) + "^"
