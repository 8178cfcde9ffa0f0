"""The Python board and the firmware's core give the same replies to whatever comes, and end in the same state."""

from __future__ import annotations

import pytest
from firmware.chips import EVERY_STATUS
from firmware.same_replies import BANKS, converse
from trials import trials

FRAMES = trials(1000, 1000, 5000)


@pytest.mark.parametrize("seed", range(trials(8, 20, 20)))
def test_same_replies(testbed, seed):
    met = converse(testbed, seed, BANKS[seed % len(BANKS)], FRAMES)
    assert set(met) == EVERY_STATUS
