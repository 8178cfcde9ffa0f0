"""Signals reach the runs of these tests as they do at a terminal, whoever began the tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def heeded_signals() -> Iterator[None]:
    """nohup, or a shell that starts something in the background, leaves signals ignored, and children inherit that."""
    before = {}
    for name, heeded in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            before[number] = signal.signal(number, heeded)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
