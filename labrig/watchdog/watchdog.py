"""The program's side of the watchdog."""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress

from labrig.errors import ConnectionFailed, reason
from labrig.instruments import records
from labrig.instruments.records import Record

FEED_S = 0.2
"""Shortest interval between two reports of acquisitions to the watchdog (s)."""

READY_S = 30.0
"""Longest time for the watchdog to import the drivers (s)."""

_END_S = 2.0

_left: list[subprocess.Popen[bytes]] = []
"""Watchdogs that still guard instruments when this process ends."""


class Watchdog:
    """The watchdog process of this program, a Guardian that is started with the first instrument.

    Parameters
    ----------
    silence_s : float, optional
        Longest time between two completed acquisitions (s), counted from the first one. None: no limit.
    """

    def __init__(self, silence_s: float | None = None) -> None:
        self._silence_s = silence_s
        self._records: dict[str, Record] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe = self._answers = -1
        self._ready: dict[str, str | None] = {}
        self._rest = b""
        self._fed_s = 0.0
        self._lock = threading.RLock()  # instruments may be opened in parallel; re-entrant for signal handlers

    @property
    def pid(self) -> int | None:
        """ID of the watchdog process; None if it is not running."""
        return None if self._child is None else self._child.pid

    def guard(self, record: Record) -> None:
        """Make the watchdog guard this instrument. Raises ConnectionFailed if the watchdog cannot be started."""
        with self._lock:
            self._records[record.key] = record
            if self._child is None:
                self._start()
            else:
                self._send({"guard": record.to_json()})

    def ready(self, record: Record) -> None:
        """Wait until the watchdog is ready to make the instrument safe. Raises ConnectionFailed if it cannot."""
        if sys.platform == "win32":  # no select on pipes
            return
        with self._lock:
            ends = time.monotonic() + READY_S
            while record.key not in self._ready:
                left = ends - time.monotonic()
                answered = left > 0 and select.select([self._answers], [], [], left)[0]
                said = os.read(self._answers, 1 << 16) if answered else b""
                if not said:
                    raise ConnectionFailed(
                        "the watchdog does not answer; start again",
                        device=record.name,
                        action="watch",
                        limit=f"{READY_S:g} s",
                    )
                *lines, self._rest = (self._rest + said).split(b"\n")
                for answer in map(json.loads, lines):
                    self._ready[answer["ready"]] = answer["error"]
            if error := self._ready[record.key]:
                raise ConnectionFailed(
                    f"the watchdog would not be able to make this instrument safe: {error}",
                    device=record.name,
                    action="watch",
                    remedy="repair the installation of its driver",
                )

    def release(self, record: Record) -> None:
        """Tell the watchdog that the instrument is safe and closed."""
        with self._lock:
            self._records.pop(record.key, None)
            if self._child is not None:
                self._send({"release": record.key})

    def feed(self) -> None:
        """Tell the watchdog that an acquisition was completed. A watchdog that was killed is replaced."""
        now = time.monotonic()
        if now - self._fed_s < FEED_S:
            return
        with self._lock:
            if self._child is not None:
                self._fed_s = now
                self._send({})

    def close(self) -> None:
        """Let the watchdog end; it first makes safe the instruments that were not released."""
        child, self._child = self._child, None
        if child is None:
            return
        self._close_pipes()
        if self._records:
            self._records.clear()
            _left.append(child)
            return
        try:
            child.wait(_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _send(self, message: dict[str, object]) -> None:
        try:
            self._write(message)
        except BlockingIOError:  # the watchdog does not read: it was stopped, or the machine is overloaded
            return
        except OSError:
            self._replace()

    def _write(self, message: dict[str, object]) -> None:
        os.write(self._pipe, json.dumps(message).encode() + b"\n")

    def _start(self) -> None:
        """Start the process, and send it the settings and all records."""
        _no_core_dumps()
        search_path = os.pathsep.join(path for path in sys.path if path)
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", "labrig.watchdog", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd=os.sep,
                start_new_session=True,  # Ctrl-C and the end of the terminal do not reach it
                env={**os.environ, "PYTHONPATH": search_path, "OPENBLAS_NUM_THREADS": "1"},
            )
            assert child.stdin is not None
            assert child.stdout is not None
            self._pipe, self._answers = os.dup(child.stdin.fileno()), os.dup(child.stdout.fileno())
            child.stdin.close()
            child.stdout.close()
            os.set_blocking(self._pipe, False)
            self._child = child
            self._write({"records": str(records.FOLDER), "silence_s": self._silence_s})
            for record in self._records.values():
                self._write({"guard": record.to_json()})
        except OSError as error:
            raise ConnectionFailed(
                f"the watchdog process cannot be started: {reason(error)}",
                action="open",
                remedy="close other programs, or raise the limits (ulimit -u, ulimit -v): without a watchdog the "
                "outputs would stay on if this program were killed",
            ) from error

    def _close_pipes(self) -> None:
        for pipe in (self._pipe, self._answers):
            with suppress(OSError):
                os.close(pipe)
        self._pipe = self._answers = -1
        self._ready.clear()
        self._rest = b""

    def _replace(self) -> None:
        """Start a new watchdog in place of the one that has ended."""
        child, self._child = self._child, None
        assert child is not None
        self._close_pipes()
        with suppress(subprocess.TimeoutExpired):
            child.wait(_END_S)
        logging.getLogger("labrig").warning(
            "labrig: warning: the watchdog process %d has ended (code %s); a new one guards the outputs now",
            *(child.pid, child.returncode),
        )
        self._start()


def _no_core_dumps() -> None:
    """Switch off core dumps: if this process crashes, the pipe must close at once, not after memory was written."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    least = 1 if most != 0 else 0  # 1 byte also switches off programs that collect core dumps; 0 does not
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (least, most))
