"""How the contract suites call an instrument: what may come of a call, and in what time."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest
from busy import stretched

from labrig.errors import ChannelFault, ConfigError, LabrigError
from labrig.testing.calls import (
    NotApplicable,
    bounded,
    bounded_by_alarm,
    interrupted,
    recorded_touches,
    refused,
    require_ctrl_c,
    succeeded,
)


def raising(error: BaseException) -> Any:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize("bound", [bounded, bounded_by_alarm])
def test_a_bounded_call_returns_raises_or_is_too_late(bound: Any) -> None:
    assert bound("open", lambda: 7, 1.0) == 7
    with pytest.raises(ChannelFault, match="broken"):
        bound("open", raising(ChannelFault("broken")), 1.0)
    began = time.monotonic()
    with pytest.raises(AssertionError, match=r"open had not ended after 0\.05 s; every blocking call must have"):
        bound("open", lambda: time.sleep(1.0), 0.05)
    assert time.monotonic() - began < stretched(0.9)


def test_ctrl_c_is_for_the_main_thread() -> None:
    found: list[BaseException] = []

    def ask() -> None:
        try:
            require_ctrl_c()
        except NotApplicable as error:
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert "main thread" in str(found[0])


def test_what_must_be_refused() -> None:
    error = ConfigError("no")
    assert refused("load", raising(error)) is error
    with pytest.raises(AssertionError, match="load was accepted and returned 'ok'; it must raise LabrigError"):
        refused("load", lambda: "ok")
    with pytest.raises(AssertionError, match=r"load raised KeyError \('x'\); it must raise ConfigError"):
        refused("load", raising(KeyError("x")), ConfigError)
    with pytest.raises(AssertionError, match=r"returned 'x{76}\.\.\.;"):
        refused("load", lambda: "x" * 200)
    with pytest.raises(AssertionError, match="too late"):
        refused("load", raising(AssertionError("too late")))


def test_what_must_succeed() -> None:
    assert succeeded("close", lambda: 3) == 3
    with pytest.raises(AssertionError, match="close must not raise, but raised LabrigError: no"):
        succeeded("close", raising(LabrigError("no")))
    with pytest.raises(AssertionError, match="too late"):
        succeeded("close", raising(AssertionError("too late")))


def test_an_interrupted_call_may_only_say_so() -> None:
    assert interrupted("read", lambda: time.sleep(1.0), 0.01)
    assert not interrupted("read", lambda: None, 0.5)
    assert not interrupted("read", raising(ChannelFault("broken")), 0.5)
    with pytest.raises(AssertionError, match=r"read, interrupted after 500 ms, raised OSError \(lost\); only Keyboard"):
        interrupted("read", raising(OSError("lost")), 0.5)


def test_only_what_reaches_out_is_recorded(tmp_path: Any) -> None:
    with recorded_touches() as touches:
        (tmp_path / "file").write_text("not I/O with an instrument")
        assert touches == []
        with open("/dev/null", "rb"), socket.socket() as ours:
            ours.bind(("127.0.0.1", 0))
    assert [touch.split()[0] for touch in touches] == ["open", "socket.bind"]
    with open("/dev/null", "rb"):
        assert len(touches) == 2  # after the context nothing is recorded
