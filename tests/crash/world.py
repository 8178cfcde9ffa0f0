"""`labrig virtual serve` in a process that labrig did not start, programs that use it as hardware, and its outputs.

What the sources play, and since when, comes from the simulated board itself; its times are of the monotonic clock,
which all processes share.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.outputs import hardware

from labrig.instruments import records

START_S = 60.0


@dataclass
class ServedWorld:
    """Virtual instruments and their board.

    Parameters
    ----------
    resources
        Address of each instrument.
    """

    process: subprocess.Popen[str]
    resources: dict[str, str]

    def playing(self) -> dict[str, dict[str, Any]]:
        """Whether each source channel plays anything, and since when (s)."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write('{"playing": true}\n')
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["channels"]

    def on(self) -> list[str]:
        """Names of the channels that play something."""
        return [name for name, channel in self.playing().items() if channel["on"]]

    def off_after(self, struck_s: float, within_s: float) -> float:
        """Time from a strike until the last channel was off (s); infinite if one is still on after `within_s`."""
        ends = time.monotonic() + within_s
        while True:
            channels = self.playing().values()
            if not any(channel["on"] for channel in channels):
                return max(channel["since_s"] for channel in channels) - struck_s
            if time.monotonic() > ends:
                return float("inf")
            time.sleep(5e-3)

    def overrides(self) -> list[str]:
        """Arguments that lead a command to these instruments as hardware."""
        return [word for override in hardware(self.resources) for word in ("--set", override)]


@contextmanager
def served_world(config: str) -> Iterator[ServedWorld]:
    """Serve a configuration."""
    command = [sys.executable, "-m", "labrig", "virtual", "serve", config, "--json", "--until-eof"]
    resources: dict[str, str] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "ready":
                    break
                resources[event["name"]] = event["resource"]
            yield ServedWorld(process, resources)
        finally:
            process.kill()
            forget(resources)


def forget(resources: Mapping[str, str]) -> None:
    """Delete the records of instruments that no longer exist: a watchdog may have had no time for all of them."""
    addresses = {resource.removeprefix("grpc://") for resource in resources.values()}
    for record in records.read_all()[0]:
        if record.address in addresses:
            records.remove(record)


def _with_default_signals() -> None:
    """Let signals have their effect, also if these tests run in the background or by nohup, which ignore some."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def program(folder: Path, words: Sequence[str], **popen: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a `labrig` command, with what it says in `folder`/said."""
    with (folder / "said").open("ab") as said:
        command = [sys.executable, "-m", "labrig", *words]
        process = subprocess.Popen(
            command, stdout=said, stderr=said, cwd=folder, preexec_fn=_with_default_signals, **popen
        )
        try:
            yield process
        except AssertionError as error:
            error.add_note((folder / "said").read_text(errors="replace"))
            raise
        finally:
            process.kill()
            process.wait()


def wait_until_playing(world: ServedWorld, process: subprocess.Popen[bytes]) -> None:
    """Wait until a program drives the board."""
    ends = time.monotonic() + START_S
    while not world.on():
        assert process.poll() is None, "it ended before it played anything"
        assert time.monotonic() < ends, "it never played anything"
        time.sleep(0.02)
