"""Default signal handling for the runs in these tests, as at a terminal, however the tests were started."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def default_signals() -> Iterator[None]:
    """Restore ignored signals: nohup and background jobs of a shell ignore them, and children inherit that."""
    before = {}
    for name, default in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            before[number] = signal.signal(number, default)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
