"""A programmer behind transducers: levels, settings and what is read back, in the unit of the network."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.instruments.data import Continuous, Level, LevelTable, ProgramReport, Setting, Target
from labrig.rig.transducers import TransducedProgrammer


class Bank:
    """Two channels, one with levels and one without, which hold what is written."""

    def __init__(self) -> None:
        self.held: dict[str, Setting] = {}
        self.left = False

    def levels(self):
        return {"0": Continuous(1e-5, 1e-4), "1": LevelTable(np.array([1, 0]), np.array([1e-5, 2e-5]))}

    def program(self, settings):
        self.held |= settings
        return ProgramReport(tuple(settings), tuple(settings), (), dict(settings))

    def read_back(self, channels):
        return {channel: self.held[channel] for channel in channels}

    def leave(self):
        self.left = True


def test_levels_are_in_the_unit_of_the_network() -> None:
    levels = TransducedProgrammer(Bank(), {"0": 2e6, "1": 2e6}).levels()  # type: ignore[arg-type]
    assert levels["0"] == Continuous(20.0, 200.0)
    np.testing.assert_allclose(levels["1"].siemens, [20.0, 40.0])


@given(st.floats(20.0, 200.0), st.sampled_from([2e6, 3e-3, 0.7]))
def test_what_was_asked_for_is_read_back_to_the_last_bit(wanted: float, factor: float) -> None:
    bank = Bank()
    programmer = TransducedProgrammer(bank, {"0": factor, "1": factor})  # type: ignore[arg-type]
    programmer.levels()
    asked: dict[str, Setting] = {"0": Target(wanted), "1": Level(1)}
    assert programmer.program(asked).read_back == asked
    assert programmer.read_back(["0", "1"]) == asked
    assert bank.held["0"].siemens == pytest.approx(wanted / factor, rel=1e-11)  # type: ignore[union-attr]


def test_what_something_else_has_set_is_seen() -> None:
    bank = Bank()
    programmer = TransducedProgrammer(bank, {"0": 2e6})  # type: ignore[arg-type]
    programmer.program({"0": Target(50.0)})
    bank.held["0"] = Target(3e-5)
    assert programmer.read_back(["0"]) == {"0": Target(pytest.approx(60.0))}


def test_the_network_can_be_left_connected() -> None:
    bank = Bank()
    TransducedProgrammer(bank, {}).leave()  # type: ignore[arg-type]
    assert bank.left
