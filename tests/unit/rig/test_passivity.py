"""An inverted pilot, or error sources, are refused as wiring; a healthy board never is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from training.controls import XOR_ERRORS
from unit.rig.benches import Wrapper, assembled, setup_with
from unit.rig.saboteurs import FlippedTones

from labrig.errors import SenseMisfit


def inverted(column: int):
    """A digitizer with one channel's lead inverted."""

    class Inverted(Wrapper):
        def read(self, timeout_s):
            block = self.inner.read(timeout_s)
            codes = block.codes.copy()
            codes[:, column] = -codes[:, column]
            return replace(block, codes=codes)

    return Inverted


def measured(board, examples=(0,), **wraps):
    """Measure the gradients of some examples."""
    setup = setup_with(board, **wraps)
    with setup.rig as rig:
        rig.program(board.update(rig).settings())
        probe = board.probe(rig, board.update(rig))
        for example in examples:
            probe.gradient(example)


@pytest.mark.parametrize("name", ["xor", "iris", "allostery", "divider", "iris_hidden", "xor_am", "elastic_allostery"])
def test_an_inverted_pilot_is_named(name):
    board = assembled(name)
    column = board.board.hookup.pilot_column
    with pytest.raises(SenseMisfit, match=r"is the pilot \(.*\) inverted"):
        measured(board, daq=inverted(column))


def test_inverted_error_sources_are_named():
    with pytest.raises(SenseMisfit, match=r"moves out0.* opposite to its current.*error source \(awg/6"):
        measured(assembled("xor"), awg=lambda source: FlippedTones(source, XOR_ERRORS))


def test_a_sign_that_may_be_misread_is_not_judged():
    measured(assembled("xor", "limits.misread=100 %"), awg=lambda source: FlippedTones(source, XOR_ERRORS))


@pytest.mark.parametrize(
    "name", ["xor", "iris", "allostery", "divider", pytest.param("xor_am", marks=pytest.mark.more)]
)
def test_a_healthy_board_is_not_refused_with_bad_instruments(name):
    for seed in range(3):
        board = assembled(name, "simulation.preset=harsh", "simulation.node_capacitance=false", f"seed={seed}")
        measured(board, examples=np.unique(board.task.train)[:4])
