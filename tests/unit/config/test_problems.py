from __future__ import annotations

import pytest

from labrig.config.messages import did_you_mean
from labrig.config.problems import ConfigProblems, Mark, Problem, Problems, render_path
from labrig.errors import ConfigError


def test_paths_read_like_the_ones_of_set() -> None:
    assert render_path(("network", "edges", 3, "from")) == "network.edges[3].from"
    assert render_path(()) == ""
    assert render_path(("matrix", 0, 1)) == "matrix[0][1]"


def test_faults_are_sorted_by_place_and_shown_with_line_and_caret() -> None:
    problems = Problems()
    problems.add_source("a.yaml", "name: x\r\nrate: [1, b]\n")
    problems.add(None, ("task",), "not checked")
    problems.add(Mark("b.yaml", 1, 1), "", "no text known")
    problems.add(Mark("a.yaml", 2, 11), ("rate", 1), "expected a number, got 'b'")
    problems.add(Mark("a.yaml", 1, 7), ("name",), "too short")
    problems.add(Mark("a.yaml", 1, 7), ("name",), "too short")
    assert bool(problems)
    assert len(problems) == 4
    assert problems.render().splitlines() == [
        "a.yaml:1:7: name: too short",
        "    name: x",
        "          ^",
        "a.yaml:2:11: rate[1]: expected a number, got 'b'",
        "    rate: [1, b]",
        "              ^",
        "b.yaml:1:1: no text known",
        "task: not checked",
        "4 problems",
    ]
    with pytest.raises(ConfigProblems) as caught:
        problems.raise_if_any()
    assert isinstance(caught.value, ConfigError)
    assert str(caught.value) == problems.render()
    assert caught.value.problems[0] == Problem(Mark("a.yaml", 1, 7), "name", "too short")
    assert caught.value.to_json() == problems.to_json()
    assert problems.to_json()[0] == {
        "file": "a.yaml", "line": 1, "column": 7, "path": "name", "message": "too short",
    }  # fmt: skip
    assert problems.to_json()[-1]["line"] is None


def test_notes_stand_between_the_faults_and_their_number() -> None:
    problems = Problems()
    problems.note("not checked: timing")
    assert not problems
    problems.add(None, "task", "wrong")
    assert problems.render() == "task: wrong\nnot checked: timing\n1 problem"


def test_no_faults_raise_nothing() -> None:
    problems = Problems()
    assert not problems
    problems.raise_if_any()


def test_faults_under_a_path_are_its_own_and_those_below() -> None:
    problems = Problems()
    for path in (("task",), ("task", "split"), ("tasks",), ("edges", 3)):
        problems.add(None, path, "wrong")
    assert [problem.path for problem in problems.under(("task",))] == ["task", "task.split"]
    assert [problem.path for problem in problems.under(("edges",))] == ["edges[3]"]
    assert len(problems.under(())) == 4


@pytest.mark.parametrize("column", [1, 60, 150, 300])
def test_long_lines_are_cut_around_the_caret(column: int) -> None:
    line = "-" * (column - 1) + "X" + "-" * (300 - column)
    problems = Problems()
    problems.add_source("a", line)
    problems.add(Mark("a", 1, column), "", "here")
    _, shown, caret, _ = problems.render().splitlines()
    assert len(shown) <= 130
    assert shown.index("X") == caret.index("^")


def test_the_caret_stands_under_wide_characters_and_escapes_do_not_reach_the_terminal() -> None:
    problems = Problems()
    problems.add_source("a", "\t電圧\u0301: \x1b[31mX")
    problems.add(Mark("a", 1, 12), "", "one\nline \x1b")
    headline, shown, caret, _ = problems.render().splitlines()
    assert headline == "a:1:12: one line \ufffd"
    assert "\x1b" not in shown
    assert caret == "    " + " " * (1 + 4 + 0 + 2 + 5) + "^"


def test_two_names_that_are_equally_close_are_both_suggested() -> None:
    parts = ["MCP4251-104", "MCP4251-103", "AD5293-100"]
    assert did_you_mean("MCP4251-10k", parts) == "; did you mean 'MCP4251-104' or 'MCP4251-103'?"
    assert did_you_mean("MCP4251-1o4", parts) == "; did you mean 'MCP4251-104'?"
    assert did_you_mean("PCM", parts) == ""
