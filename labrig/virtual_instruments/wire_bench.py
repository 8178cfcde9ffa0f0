"""The wire bench: real drivers talk over loopback to virtual instruments in a child process, around one World."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.clock import MonotonicClock
from labrig.errors import ConfigError, ConnectionFailed
from labrig.instruments.contracts import Instrument
from labrig.instruments.drivers import DriverInfo
from labrig.json_text import json_text
from labrig.virtual_instruments.counterpart import Endpoint

START_S = 60.0
ANSWER_S = 10.0
STOP_S = 5.0


class WireBench:
    """A Bench. The child process starts at the first `connect` and ends at `close`, or with this process.

    The true state of the board is in the child process. Real instruments do not load the computer of a lab, so if there
    are two cores, the child has its own core. Until `close`, the thread that connects, and the threads that it starts,
    stay on another core, because a program that the scheduler moves would find its caches cold after each window.

    Parameters
    ----------
    config : str
        The configuration as YAML text.
    modules : Path
        Folder of the modules that the configuration names by dotted paths.
    fixture : str, optional
        A calibration fixture that replaces the board, as `Fixture.to_text` writes it.
    """

    truth = None

    def __init__(self, config: str, modules: Path, fixture: str = "") -> None:
        self.clock = MonotonicClock()
        self._config = config
        self._fixture = fixture
        self._modules = modules
        self._child: subprocess.Popen[str] | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()  # lines printed by the child; None at its end
        self._cores: set[int] = set()  # this thread's cores before it was pinned to one

    def connect(self, name: str, driver: DriverInfo, options: Any) -> Instrument:
        """Create the real driver, connected to its virtual counterpart.

        Raises ConfigError for a driver that can only be simulated, and ConnectionFailed without a virtual counterpart.
        """
        if driver.factory is None:
            raise ConfigError(f"{driver.name} has no real driver; use 'bench: simulated'", device=name)
        if self._child is None:
            self._start()
        if name not in self._endpoints:
            raise ConnectionFailed("has no virtual counterpart; use 'bench: simulated'", device=name, action="connect")
        return driver.factory(name, options.model_copy(update=self._endpoints[name].overrides))

    def true_outputs(self, activation: NDArray[np.float64], tone: bool) -> NDArray[np.float64]:
        """Exact outputs (M, O) for the inputs `activation` (M, I) of M examples (V), computed by the child process."""
        return np.array([self._true_outputs(row.tolist(), tone) for row in activation])

    def pause(self) -> None:
        """Do nothing: faults are scheduled by acquisitions, and no acquisition is made before `resume`."""

    def state(self) -> dict[str, Any]:
        """Return an empty state: the board is in the child process, and ends with it."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Do nothing: the child has a new board, whose parts have the same tolerances."""

    def _true_outputs(self, activation: list[float], tone: bool) -> list[float]:
        """Return the exact outputs of one example (V). One example at a time keeps the pipes from filling up."""
        if self._child is None or self._child.stdin is None:
            raise ConnectionFailed("is not running; reopen it", device="wire bench", action="ask for the true outputs")
        try:
            self._child.stdin.write(json_text({"activation": activation, "tone": tone}) + "\n")
            self._child.stdin.flush()
        except OSError:
            line = None
        else:
            line = self._next_line(time.monotonic() + ANSWER_S)
        if line is None:
            raise ConnectionFailed(
                "did not answer", device="wire bench", action="ask for the true outputs", limit=f"{ANSWER_S:g} s"
            )
        return json.loads(line)["outputs"]

    def _next_line(self, deadline: float) -> str | None:
        """Return the next line that the child prints; None if it has ended, or prints nothing until the deadline."""
        try:
            return self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop the child: terminate it, then kill it if it does not exit."""
        cores, self._cores = self._cores, set()
        if cores:
            _pin(0, cores)
        child, self._child = self._child, None
        if child is not None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(STOP_S)
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="labrig-wire-")
        path = Path(self._folder.name) / "bench.yaml"
        path.write_text(self._config, encoding="utf-8")
        more: list[str] = []
        if self._fixture:
            (path.parent / "fixture.json").write_text(self._fixture, encoding="utf-8")
            more = ["--fixture", str(path.parent / "fixture.json")]
        # In a new session, so that Ctrl-C only reaches the run, which still needs the instruments to make them safe.
        self._child = subprocess.Popen(
            [sys.executable, "-m", "labrig", "virtual", "serve", str(path), "--json", "--until-eof", *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(self._search_path())},
        )
        self._share_cores(self._child.pid)
        self._lines = queue.Queue()
        threading.Thread(target=_read_lines, args=(self._child, self._lines), daemon=True).start()
        deadline = time.monotonic() + START_S
        serving: dict[str, dict[str, Any]] = {}
        while True:
            line = self._next_line(deadline)
            if line is None:
                busy = "the machine may be busy: try again; or " if self._child.poll() is None else ""
                self.close()
                raise ConnectionFailed(
                    "the virtual instruments did not start",
                    device="wire bench",
                    action="start",
                    limit=f"{START_S:g} s",
                    remedy=f"{busy}run `labrig virtual serve CONFIG` to see why",
                )
            event = json.loads(line)
            if event["event"] == "ready":
                self._endpoints = {
                    name: Endpoint(name, line["model"], line["resource"], event["options"][name])
                    for name, line in serving.items()
                }
                self._folder.cleanup()  # already read; if this process is killed, no folder is left behind
                return
            if event["event"] == "serving":
                serving[event["name"]] = event
            elif event["event"] == "error":
                self.close()
                raise ConnectionFailed(event["message"], device="wire bench", action="start")

    def _search_path(self) -> list[str]:
        """Module search path of the child: that of this process, and the folder of the configuration."""
        given = os.environ.get("PYTHONPATH")
        return [*([given] if given else []), str(self._modules.resolve())]

    def _share_cores(self, child: int) -> None:
        """Pin the child and this thread to one core each; other processes choose different ones."""
        if not hasattr(os, "sched_setaffinity"):  # not on Windows and macOS
            return
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            self._cores = set(cores)
            first = os.getpid() % len(cores)
            _pin(0, {cores[first]})
            _pin(child, {cores[(first + 1) % len(cores)]})


def _pin(process: int, cores: set[int]) -> None:
    """Restrict a process (0: this thread) to some cores."""
    with suppress(OSError):
        os.sched_setaffinity(process, cores)


def _read_lines(child: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert child.stdout is not None
    try:
        for line in child.stdout:
            lines.put(line)
    except ValueError:  # closed while reading: the bench was closed
        pass
    lines.put(None)
