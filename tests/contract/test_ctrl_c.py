"""The Ctrl-C a suite sends strikes the instrument, never the coverage tool that watches."""

from __future__ import annotations

import subprocess
import sys

import pytest

STRIKES = 300

HAMMER = f"""
import coverage, random
watch = coverage.Coverage(branch=True, data_file=None, config_file=False)
watch.start()
from labrig.testing.calls import interrupted
from labrig.quantities import parse_quantity
choose = random.Random(1)
struck = sum(
    interrupted("work", lambda: [parse_quantity("1.5 mV") for _ in range(20_000)], choose.random() * 0.01)
    for _ in range({STRIKES})
)
watch.stop()
print(struck)
"""


def test_a_strike_leaves_no_lock_of_a_coverage_tool_held():
    pytest.importorskip("coverage", reason="coverage is not installed")
    ended = subprocess.run([sys.executable, "-c", HAMMER], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > STRIKES / 4
