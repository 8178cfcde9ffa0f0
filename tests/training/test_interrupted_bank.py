"""A bank of potentiometers that loses its settings in the middle of a step: the step is repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit.rig.benches import Wrapper, assembled, setup_with

from labrig.errors import ChannelFault, SenseMisfit, SourceMisfit
from labrig.instruments.data import ProgramReport, Setting
from labrig.runs.journal import Journal, Record, read_journal


class Forgetful(Wrapper):
    """Recovers from a reset in these `program` calls (counted from 0), and says so."""

    def __init__(self, inner: Any, resets: set[int]) -> None:
        super().__init__(inner)
        self.resets = resets
        self.calls = -1

    def program(self, settings: Mapping[str, Setting]) -> ProgramReport:
        self.calls += 1
        return replace(self.inner.program(settings), interrupted=self.calls in self.resets)


class Doubtful(Wrapper):
    """Raises `error` at the fourth `confirm`, that of the third step."""

    def __init__(self, inner: Any, error: Exception) -> None:
        super().__init__(inner)
        self.error = error
        self.calls = 0

    def confirm(self) -> None:
        self.calls += 1
        if self.calls == 4:
            raise self.error
        self.inner.confirm()


def trained(folder: Path, resets: set[int], refused: Exception | None = None) -> Record:
    # Continuous conductances without noise: a repeated step must come out the same.
    assembly = assembled("xor", "learning.epochs=4", "simulation.preset=ideal")
    doubtful = {} if refused is None else {"awg": lambda inner: Doubtful(inner, refused)}
    setup = setup_with(assembly, pots=lambda inner: Forgetful(inner, resets), **doubtful)
    folder.mkdir()
    with setup.rig as rig, Journal(folder / "run.db") as journal:
        assembly.experiment(rig, journal).run(lambda: False, lambda _: None)
    return read_journal(folder / "run.db")


def test_a_step_that_was_interrupted_is_repeated_and_leaves_no_trace_in_the_weights(tmp_path):
    whole, interrupted = trained(tmp_path / "whole", set()), trained(tmp_path / "interrupted", {3})
    np.testing.assert_array_equal(interrupted.step, whole.step)
    np.testing.assert_allclose(interrupted.shadow, whole.shadow, rtol=1e-9)
    assert whole.events == ()
    assert [(step, event) for step, event, *_ in interrupted.events] == [(1, "repeated")]


def test_an_evaluation_in_which_the_bank_was_reset_is_measured_again(tmp_path):
    """The first call of `program` sets the initial levels, the second asks after the first evaluation."""
    whole, interrupted = trained(tmp_path / "whole", set()), trained(tmp_path / "interrupted", {1})
    assert [(step, event, detail) for step, event, detail, *_ in interrupted.events] == [
        (0, "repeated", {"evaluation": 0})
    ]
    assert len(interrupted.evaluations) == len(whole.evaluations)
    np.testing.assert_allclose(interrupted.shadow, whole.shadow, rtol=1e-9)


def test_a_bank_that_never_holds_its_settings_ends_the_run(tmp_path):
    with pytest.raises(ChannelFault, match="lost their settings"):
        trained(tmp_path / "run", set(range(1, 100)))


@pytest.mark.parametrize("refused", [SourceMisfit("the board was reset"), SenseMisfit("in0 reads 0 V")])
def test_a_measurement_refused_because_of_lost_settings_is_made_again(tmp_path, refused):
    whole, interrupted = trained(tmp_path / "whole", set()), trained(tmp_path / "interrupted", {4}, refused)
    np.testing.assert_allclose(interrupted.shadow, whole.shadow, rtol=1e-9)
    ((step, event, detail, *_),) = interrupted.events
    assert (step, event, detail["error"]) == (2, "repeated", refused.message)


@pytest.mark.parametrize("refused", [SourceMisfit("the board was reset"), SenseMisfit("in0 reads 0 V")])
def test_a_measurement_refused_for_another_reason_ends_the_run(tmp_path, refused):
    with pytest.raises(type(refused)):
        trained(tmp_path / "run", set(), refused)
