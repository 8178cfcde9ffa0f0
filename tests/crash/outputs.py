"""Generators served in another process, and what a second client sees of their outputs while a program uses them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import grpc_address, served

HERE = Path(__file__).parent
CONFIG = HERE / "generators.yaml"
ON = b" ON,"


@contextmanager
def generators() -> Iterator[dict[str, str]]:
    """`labrig virtual serve generators.yaml`: resources by name."""
    with served(str(CONFIG)) as resources:
        yield resources


def hardware(resources: Mapping[str, str]) -> list[str]:
    """Overrides that lead `bench: hardware` to what is served."""
    overrides = ["bench=hardware"]
    for name, resource in resources.items():
        if resource.startswith("grpc://"):
            host, port, device = grpc_address(resource)
            overrides += [f"instruments.{name}.grpc={host}:{port}", f"instruments.{name}.resource={device}"]
        else:
            overrides.append(f"instruments.{name}.resource='{resource}'")
    return overrides


class Panel:
    """The outputs of all generators, as their front panels would show them."""

    def __init__(self, resources: Mapping[str, str]) -> None:
        self._lines: dict[str, socket.socket] = {}
        for name, resource in resources.items():
            if resource.startswith("TCPIP") and resource.endswith("SOCKET"):
                _, host, port, _ = resource.split("::")
                self._lines[name] = socket.create_connection((host, int(port)), timeout=5.0)

    def on(self) -> set[str]:
        """Outputs that are on, as gen1/2."""
        found = set()
        for name, line in self._lines.items():
            for channel in "12":
                line.sendall(f"C{channel}:OUTP?\n".encode())
                if ON in line.recv(4096):
                    found.add(f"{name}/{channel}")
        return found

    def close(self) -> None:
        for line in self._lines.values():
            line.close()


@dataclass
class Ending:
    """How a program ended.

    on: outputs that were on at the times `at_s` (monotonic clock), until half a second after its end. struck_s: when
    the last thing was done to it.
    """

    code: int | None
    said: str
    struck_s: float
    ended_s: float
    at_s: list[float] = field(default_factory=list)
    on: list[set[str]] = field(default_factory=list)

    @property
    def were_on(self) -> bool:
        """Whether there was anything to switch off."""
        return any(self.on)

    @property
    def off_after_s(self) -> float:
        """Time from the strike until every output was off for good; infinite if one still is on."""
        if self.on[-1]:
            return float("inf")
        last = max((at for at, on in zip(self.at_s, self.on, strict=True) if on), default=self.struck_s)
        return last - self.struck_s


def race(
    folder: Path, resources: Mapping[str, str], name: str, seed: str, words: list[str], sent: int | None = None
) -> Ending:
    """Run race.py; words: for it. sent: a signal that it gets once it has measured. Ends a program that does not end
    within 40 s."""
    marks, said = folder / "marks", folder / "said"
    marks.touch()
    command = [sys.executable, str(HERE / "race.py"), name, seed, str(marks), *words]
    at_s: list[float] = []
    on: list[set[str]] = []
    panel = Panel(resources)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    with ExitStack() as stack:
        stack.callback(panel.close)
        output: Any = stack.enter_context(said.open("w"))
        child = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=environment)
        stack.callback(child.wait)
        stack.callback(child.kill)
        began = time.monotonic()
        while child.poll() is None and time.monotonic() < began + 40.0:
            at_s.append(time.monotonic())
            on.append(panel.on())
            if sent is not None and said.read_text().count("measured") >= 3:
                with marks.open("a") as file:
                    file.write(f"struck {time.monotonic()}\n")
                child.send_signal(sent)
                sent = None
            time.sleep(5e-3)
        ended_s, code = time.monotonic(), child.poll()
        while time.monotonic() < ended_s + 0.5:
            at_s.append(time.monotonic())
            on.append(panel.on())
            time.sleep(5e-3)
    struck = [float(line.split()[1]) for line in marks.read_text().splitlines() if line.startswith("struck")]
    return Ending(code, said.read_text(), struck[-1] if struck else float("nan"), ended_s, at_s, on)
