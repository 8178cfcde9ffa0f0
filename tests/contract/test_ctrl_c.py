"""Ctrl-C sent by a suite interrupts the instrument, never a coverage tool."""

from __future__ import annotations

import subprocess
import sys

import pytest

INTERRUPTS = 300

PROGRAM = f"""
import coverage, random
watch = coverage.Coverage(branch=True, data_file=None, config_file=False)
watch.start()
from labrig.testing.calls import interrupted
from labrig.quantities import parse_quantity
choose = random.Random(1)
interruptions = sum(
    interrupted("work", lambda: [parse_quantity("1.5 mV") for _ in range(20_000)], choose.random() * 0.01)
    for _ in range({INTERRUPTS})
)
watch.stop()
print(interruptions)
"""


def test_ctrl_c_leaves_no_lock_of_a_coverage_tool_held():
    pytest.importorskip("coverage", reason="coverage is not installed")
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > INTERRUPTS / 4
