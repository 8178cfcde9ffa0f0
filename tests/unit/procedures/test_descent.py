"""Descent: the loss falls as the gradient predicts, and as exact descent would; a wrong gradient is told by it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from unit.rig.benches import assembled

from labrig.procedures.certify import Verdict
from labrig.procedures.descent import descend


def descent(name: str, *overrides: str, steps: int = 3, spoil=None, truth: bool = True, bound: float = 0.01):
    assembly = assembled(name, *overrides)
    setup = assembly.setup()
    with setup.rig as rig:
        update = assembly.update(rig)
        if spoil is not None:
            measure = rig.measure
            rig.measure = lambda *a, **k: (lambda r: replace(r, b=spoil * r.b))(measure(*a, **k))
        exact = setup.bench.truth if truth else None
        found = descend(assembly.probe(rig, update), update, exact, [0, 1, 2, 3], steps, bound)
        np.testing.assert_array_equal(rig.siemens, update.conductances)
        assert update.steps == 0
        return found


def test_an_ideal_board_descends_as_predicted():
    found = descent("xor", "simulation.preset=ideal", "learning.rate=0.05")
    assert found.verdict is Verdict.RIGHT
    assert found.ratio == pytest.approx(1.0, abs=1e-3)
    assert found.trajectory < 1e-5
    assert all(step.change < 0 for step in found.steps)
    figures = found.to_json()
    assert len(figures["each"]) == figures["steps"] == 3
    assert figures["fall"] == pytest.approx(-sum(step["change"] for step in figures["each"]))


def test_the_fall_is_less_than_the_first_order_says():
    step = descent("xor", "simulation.preset=ideal", "learning.rate=0.5", steps=1).steps[0]
    assert step.first_order < step.predicted < 0
    assert abs(step.change - step.predicted) < 0.1 * abs(step.change - step.first_order)


@pytest.mark.parametrize(("spoil", "truth"), [(1.1, True), (1.1, False), (-1.0, True), (-1.0, False)])
def test_a_wrong_gradient_is_told(spoil, truth):
    found = descent("xor", "simulation.preset=ideal", "learning.rate=0.05", spoil=spoil, truth=truth)
    assert found.verdict is Verdict.WRONG


def test_parts_of_unknown_size_leave_it_open_at_one_percent_but_not_at_twenty():
    slow = "learning.rate=0.02"
    found = descent("iris", slow, steps=5)
    assert found.verdict is Verdict.UNRESOLVED
    assert "tolerance" in found.to_json()["reason"]
    assert descent("iris", slow, steps=5, bound=0.2).verdict is Verdict.RIGHT


def test_steps_that_change_nothing_are_unresolved():
    found = descent("xor", "learning.rate=1e-9", steps=2)
    assert found.verdict is Verdict.UNRESOLVED
    assert found.to_json()["ratio"] is None
