"""The watchdog process against virtual instruments: it acts when its owner ends or is silent, and only then."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from busy import stretched
from unit.instruments.in_use import record, use
from wire.siglent.rigs import virtual_bench

from labrig.instruments import records
from labrig.instruments.machine_lock import MachineLock
from labrig.instruments.records import Record
from labrig.virtual_instruments.scpi import SocketServer
from labrig.virtual_instruments.siglent import VirtualSdg
from labrig.watchdog import watchdog as module
from labrig.watchdog.watchdog import Watchdog

HOLD = """
import sys
from pathlib import Path
from labrig.instruments import machine_lock, records
records.FOLDER = Path(sys.argv[1])
lock = machine_lock.MachineLock(sys.argv[2])
print(lock.acquire(), flush=True)
sys.stdin.read()
"""
WITHIN_S = 1.0
STARTED_S = 20.0


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    return use(tmp_path / "in use", monkeypatch)


@pytest.fixture
def generator() -> Iterator[tuple[VirtualSdg, Record]]:
    """A generator with both outputs on, and its record."""
    virtual = VirtualSdg(virtual_bench(), "gen")
    with SocketServer(virtual, name="gen") as server:
        for channel in "12":
            virtual.execute(f"C{channel}:OUTP ON".encode())
        yield virtual, replace(record(server.resource), key=f"siglent.sdg {server.resource}")


def outputs_on(virtual: VirtualSdg) -> bool:
    return any(b"OUTP ON" in virtual.execute(f"C{channel}:OUTP?".encode()) for channel in "12")


def off_within(virtual: VirtualSdg, seconds: float) -> bool:
    ends = time.monotonic() + stretched(seconds)
    while outputs_on(virtual) and time.monotonic() < ends:
        time.sleep(5e-3)
    return not outputs_on(virtual)


def started(watchdog: Watchdog) -> None:
    """Wait until it has imported everything: a record has a thread then, and the process is idle."""
    pid = watchdog.pid
    ends = time.monotonic() + STARTED_S
    idle = 0
    before = -1
    while idle < 10:
        assert time.monotonic() < ends
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        idle = idle + 1 if ticks == before and ticks > 20 else 0
        before = ticks
        time.sleep(0.05)


def test_what_its_owner_did_not_release_is_made_safe_at_once(generator) -> None:
    virtual, written = generator
    watchdog = Watchdog()
    records.write(written)
    watchdog.guard(written)
    started(watchdog)
    assert outputs_on(virtual)
    watchdog.close()
    assert off_within(virtual, WITHIN_S)
    assert module._left.pop().wait(10) == 0
    assert records.read_all() == ([], [])


def test_what_was_released_is_left_alone(generator) -> None:
    virtual, written = generator
    watchdog = Watchdog()
    watchdog.guard(written)
    pid = watchdog.pid
    watchdog.release(written)
    watchdog.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert outputs_on(virtual)


@pytest.mark.more
def test_silence_counts_from_the_first_acquisition_on(generator) -> None:
    virtual, written = generator
    with ExitStack() as stack:
        watchdog = Watchdog(silence_s=0.6)
        stack.callback(watchdog.close)
        watchdog.guard(written)
        stack.callback(watchdog.release, written)
        started(watchdog)
        time.sleep(1.0)
        assert outputs_on(virtual)  # no acquisition yet
        for _ in range(4):
            time.sleep(0.3)
            watchdog.feed()
        assert outputs_on(virtual)  # fed in time
        assert off_within(virtual, 0.6 + WITHIN_S)
        virtual.execute(b"C1:OUTP ON")
        watchdog.feed()
        assert off_within(virtual, 0.6 + WITHIN_S)  # and once more


@pytest.mark.more
def test_without_a_deadline_it_waits_for_ever(generator) -> None:
    virtual, written = generator
    with ExitStack() as stack:
        watchdog = Watchdog()
        stack.callback(watchdog.close)
        watchdog.guard(written)
        stack.callback(watchdog.release, written)
        started(watchdog)
        watchdog.feed()
        assert not off_within(virtual, 1.5)


def test_signals_to_it_change_nothing(generator) -> None:
    virtual, written = generator
    watchdog = Watchdog()
    watchdog.guard(written)
    started(watchdog)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGALRM):
        os.kill(watchdog.pid, number)
    time.sleep(0.2)
    assert outputs_on(virtual)
    watchdog.close()
    assert off_within(virtual, WITHIN_S)
    module._left.pop().wait(10)


def test_one_that_was_killed_is_replaced_and_that_is_said(generator, caplog) -> None:
    virtual, written = generator
    watchdog = Watchdog()
    watchdog.guard(written)
    killed = watchdog.pid
    os.kill(killed, signal.SIGKILL)
    ends = time.monotonic() + 5.0
    while watchdog.pid == killed and time.monotonic() < ends:
        time.sleep(0.1)
        watchdog.feed()
    assert watchdog.pid != killed
    assert f"the watchdog process {killed} has ended" in caplog.text
    started(watchdog)
    watchdog.close()
    assert off_within(virtual, WITHIN_S)
    module._left.pop().wait(10)


@pytest.mark.more
def test_it_makes_safe_what_it_can_while_another_instrument_hangs(generator, capfd) -> None:
    virtual, written = generator
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"TCPIP::127.0.0.1::{silent.getsockname()[1]}::SOCKET"
        hanging = replace(record(address, "silent"), key=f"siglent.sdg {address}")
        watchdog = Watchdog()
        watchdog.guard(hanging)
        watchdog.guard(written)
        started(watchdog)
        watchdog.close()
        assert off_within(virtual, WITHIN_S)
        assert module._left.pop().wait(30) == 0
    said = capfd.readouterr().err
    assert "made safe within" in said
    assert "could not be made safe: silent" in said


def test_another_program_that_has_taken_over_is_not_disturbed(generator) -> None:
    virtual, written = generator
    watchdog = Watchdog()
    watchdog.guard(written)
    started(watchdog)
    with LockInAnotherProcess(written.key):
        watchdog.close()
        module._left.pop().wait(10)
        assert outputs_on(virtual)
    lock = MachineLock(written.key)
    assert lock.acquire()
    lock.release()


class LockInAnotherProcess:
    """A lock that a child holds."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        words = [sys.executable, "-c", HOLD, str(records.FOLDER), self._key]
        self._child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout.readline() == "True\n"

    def __exit__(self, *exception: object) -> None:
        self._child.communicate("")
