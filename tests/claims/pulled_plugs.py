"""A plug pulled at a random moment of a step on the wire: the trials of tests/crash/test_pulled_plug.py, counted."""

from __future__ import annotations

from common import Figure, at_least, passed_trials


def measure(short: bool) -> list[Figure]:
    good = passed_trials("pulled_plugs", "tests/crash/test_pulled_plug.py", short)
    claim = "plugs pulled within a step: named error or right step, outputs off, no wrong update"
    return [at_least(claim, good, 2 if short else 200, "d")]
