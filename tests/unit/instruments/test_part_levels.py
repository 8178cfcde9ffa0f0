"""Levels of a part that somebody else wrote: what is wrong with them is said where the part is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from labrig.extensions import UnknownExtension
from labrig.instruments.data import Continuous, Level, LevelTable, Setting
from labrig.instruments.parts import Part, find_part


class Own(Part):
    """A part with four levels."""

    given: Any = LevelTable(np.arange(4), np.array([10e-6, 20e-6, 40e-6, 100e-6]), 0.1)

    def levels(self) -> Any:
        return self.given

    @property
    def power_up(self) -> Setting:
        return Level(0)

    def conductance(self, setting: Setting) -> float:
        return 10e-6


def test_levels_that_increase_are_those_of_a_part() -> None:
    assert find_part(f"{__name__}:Own").levels() is Own.given


@pytest.mark.parametrize(
    ("levels", "why"),
    [
        (LevelTable(np.arange(3), np.array([3e-5, 2e-5, 1e-5])), "must be ≥ 0 and increase; sort them"),
        (LevelTable(np.arange(3), np.array([1e-5, np.nan, 3e-5])), "must be ≥ 0 and increase"),
        (LevelTable(np.arange(3), np.array([-1e-5, 2e-5, 3e-5])), "must be ≥ 0 and increase"),
        (LevelTable(np.array([0, 1, 1]), np.array([1e-5, 2e-5, 3e-5])), "a code occurs twice"),
        (LevelTable(np.arange(4), np.array([1e-5, 2e-5, 3e-5])), "arrays of the same length"),
        (LevelTable(np.arange(0), np.zeros(0)), "arrays of the same length"),
        (LevelTable([0, 1], [1e-5, 2e-5]), "NumPy arrays"),  # type: ignore[arg-type]
        (LevelTable(np.array([0.0, 1.0]), np.array([1e-5, 2e-5])), "whole numbers"),  # type: ignore[arg-type]
        (Continuous(2e-5, 1e-5), "0 ≤ minimum < maximum"),
        (None, "not NoneType"),
    ],
)
def test_other_levels_are_refused(levels: Any, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Own, "given", levels)
    with pytest.raises(UnknownExtension, match=f"Own cannot be used: .*{why}"):
        find_part(f"{__name__}:Own")
