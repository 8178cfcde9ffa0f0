"""Outputs off within a second whatever strikes a run: the races of tests/crash/test_outputs_off.py, counted."""

from __future__ import annotations

from common import Figure, at_least, passed_trials


def measure(short: bool) -> list[Figure]:
    good = passed_trials("outputs_off", "tests/crash/test_outputs_off.py", short)
    claim = "Ctrl-C twice, no threads, calls that hang: every output off within 1 s"
    return [at_least(claim, good, 1 if short else 64, "d")]
