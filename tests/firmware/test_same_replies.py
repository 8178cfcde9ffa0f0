"""The Python board and the firmware's core give the same replies to whatever comes, and end in the same state."""

from __future__ import annotations

import os

import pytest
from firmware.same_replies import BANKS, EVERY_STATUS, converse

FRAMES = 5000 if os.environ.get("LABRIG_LONG") else 1000


@pytest.mark.parametrize("seed", range(20))
def test_same_replies(testbed, seed):
    met = converse(testbed, seed, BANKS[seed % len(BANKS)], FRAMES)
    assert set(met) == EVERY_STATUS
