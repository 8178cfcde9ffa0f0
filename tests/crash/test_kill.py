"""Short forms of kill.py and damage.py, which are programs with counts of their own."""

from __future__ import annotations

import os
import sys

import pytest
from crash.damage import flips
from crash.kill import kill
from trials import trials

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills by SIGKILL")


@pytest.mark.more
def test_a_killed_run_goes_on_as_if_nothing_had_happened():
    found = kill(trials(10, 30, 1000), seed=os.getpid())
    assert found.resumed > 0
    assert (found.lost, found.different) == (0, 0)


@pytest.mark.more
def test_a_flipped_bit_is_corrected_or_named():
    for line in flips(trials(10, 40, 500), seed=os.getpid()):
        assert (line["read wrong, unsaid"], line["tracebacks"]) == (0, 0), line
