"""The watchdog process: it waits until its owner ends or is silent for too long, and makes its instruments safe.

Messages come on stdin, one JSON object per line: {"records": folder, "silence_s": seconds or null},
{"guard": record}, {"release": key}, and {} for a completed acquisition.
The answer to each record on stdout is {"ready": key, "error": reason why this instrument cannot be made safe, or null}.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from labrig.errors import StorageError, reason
from labrig.instruments import records
from labrig.instruments.machine_lock import MachineLock
from labrig.instruments.records import Record
from labrig.instruments.rescue import RETRY_S, Rescue, begin_all

LOOK_S = 0.25
"""Interval of checks that the owner is still the parent process (s): a fork of the owner may keep the pipe open."""

LAST_ATTEMPT_S = 5.0
RELEASED_S = 0.2
"""Longest time until the locks of a killed process are released (s)."""

TOUCH_S = 3600.0
"""Interval of updates of the records' time stamps (s), because systems delete old files from temporary folders."""

_IGNORED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGBREAK")


def main(owner: int) -> None:
    """Guard the instruments of the process `owner` until it has released them or has ended."""
    for name in _IGNORED:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    _raise_memory_limit()
    messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(messages,), daemon=True).start()
    _Guard(owner).run(messages)


class _Guard:
    """The guarded instruments, and the time of the owner's last message."""

    def __init__(self, owner: int) -> None:
        self._owner = owner
        self._parent = os.getppid()
        self._silence_s: float | None = None
        self._fed_s: float | None = None
        self._touched_s = time.monotonic()
        self._rescues: dict[str, Rescue] = {}

    def run(self, messages: queue.SimpleQueue[str | None]) -> None:
        """Guard the instruments until the messages or the owner end."""
        while True:
            try:
                line = messages.get(timeout=LOOK_S)
            except queue.Empty:
                if os.getppid() != self._parent:
                    break
            else:
                if line is None:
                    break
                self._take(json.loads(line))
            if self._fed_s is not None and self._silence_s and time.monotonic() - self._fed_s > self._silence_s:
                self._fed_s = None  # until the next message
                self._rescue_from_living_owner(self._silence_s)
            self._touch()
        self._rescue_after_the_end()

    def _take(self, message: dict[str, Any]) -> None:
        if not message:
            self._fed_s = time.monotonic()
        elif "silence_s" in message:
            records.FOLDER, self._silence_s = Path(message["records"]), message["silence_s"]
        elif "guard" in message:
            record = Record(**message["guard"])
            self._rescues[record.key] = Rescue(record, on_ready=lambda error: _answer(record.key, error))
        elif (rescue := self._rescues.pop(message["release"], None)) is not None:
            rescue.withdraw()

    def _touch(self) -> None:
        if time.monotonic() - self._touched_s > TOUCH_S:
            self._touched_s = time.monotonic()
            for rescue in self._rescues.values():
                records.touch(rescue.record)

    def _rescue_from_living_owner(self, silence_s: float) -> None:
        """Make safe every instrument that drives the board. If the owner continues later, it notices this and stops."""
        drive = {key: each for key, each in self._rescues.items() if each.record.kind != "digitizer"}
        self._make_safe(drive, f"process {self._owner} has completed no acquisition for {silence_s:g} s")
        for key, each in drive.items():
            self._rescues[key] = Rescue(each.record)

    def _rescue_after_the_end(self) -> None:
        """Make safe the instruments that the owner did not release, unless another program has taken them over."""
        if not self._rescues:
            return
        mine: dict[str, Rescue] = {}
        locks: list[MachineLock] = []
        ends = time.monotonic() + RELEASED_S
        for key, each in self._rescues.items():
            lock = MachineLock(key)
            if _acquired(lock, self._owner, ends):
                mine[key] = each
                locks.append(lock)
        safe = self._make_safe(mine, f"process {self._owner} has ended without switching its instruments off")
        for record in safe:
            try:
                records.remove(record)
            except StorageError as error:
                _say(str(error))
        for lock in locks:
            lock.release()

    def _make_safe(self, rescues: dict[str, Rescue], why: str) -> list[Record]:
        """Make instruments safe, print the result, and return the records of the instruments that are safe."""
        began = time.monotonic()
        begin_all(rescues.values())
        safe, failed = [], []
        for each in rescues.values():
            over = each.wait(began + RETRY_S + LAST_ATTEMPT_S - time.monotonic())
            if over and each.error is None:
                safe.append(each.record)
            else:
                failed.append(f"{each.record.name}: {reason(each.error) if each.error else 'its driver hangs'}")
        if safe:
            took = f"{time.monotonic() - began:.2f} s"
            _say(f"{why}; made safe within {took}: {', '.join(record.name for record in safe)}")
        for line in failed:
            _say(f"{why}; could not be made safe: {line}; switch it off by hand, or try again: labrig safe")
        return safe


def _acquired(lock: MachineLock, owner: int, ends: float) -> bool:
    """Take the lock of a process that has ended; return False if another process holds it."""
    while True:
        try:
            if lock.acquire():
                return True
            if lock.holder() not in (None, owner):
                return False
        except (OSError, StorageError):
            return True
        if time.monotonic() >= ends:  # a fork of the owner still holds it
            return True
        time.sleep(5e-3)


def _read(messages: queue.SimpleQueue[str | None]) -> None:
    with suppress(OSError):
        for line in sys.stdin:
            messages.put(line)
    messages.put(None)


def _answer(key: str, error: Exception | None) -> None:
    line = {"ready": key, "error": None if error is None else reason(error)}
    with suppress(OSError):
        os.write(1, json.dumps(line).encode() + b"\n")


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # its terminal may be gone
        print(f"labrig watchdog: {text}", file=sys.stderr, flush=True)


def _raise_memory_limit() -> None:
    """Raise the memory limit inherited from the owner, as far as allowed."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
