"""The lock of one machine, as it works on Linux and with a file elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from labrig.instruments import records
from labrig.instruments.machine_lock import MachineLock


@pytest.fixture(params=["linux", "darwin"])
def system(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    if request.param != "linux":
        monkeypatch.setattr(sys, "platform", request.param)
    return request.param


@pytest.mark.skipif(sys.platform != "linux", reason="the abstract namespace of sockets is Linux's")
def test_only_one_holds_it_until_it_is_released(system: str) -> None:
    name = "TCPIP::192.0.2.20::INSTR/ä"
    first, second, another = MachineLock(name), MachineLock(name), MachineLock("another")
    assert first.acquire()
    assert not second.acquire()
    assert another.acquire()
    another.release()
    assert second.holder() == (os.getpid() if system == "linux" else None)
    first.release()
    first.release()  # does nothing
    assert second.acquire()
    second.release()
    assert second.holder() is None
