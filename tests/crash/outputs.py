"""Generators served in another process, and what a second client sees of their outputs while a program uses them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from serving import grpc_address, served

CONFIG = Path(__file__).with_name("generators.yaml")
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


def watched(
    folder: Path, resources: Mapping[str, str], command: Sequence[str], sent: signal.Signals | None = None
) -> Ending:
    """Run a program that writes what is done to it into `folder`/marks; see its outputs until it has ended.

    sent: a signal that it gets once outputs have been on for a while. A program still running after 40 s is killed.
    """
    marks, said = folder / "marks", folder / "said"
    marks.touch()
    at_s: list[float] = []
    on: list[set[str]] = []
    panel = Panel(resources)

    def look() -> None:
        at_s.append(time.monotonic())
        on.append(panel.on())
        time.sleep(5e-3)

    with ExitStack() as stack:
        stack.callback(panel.close)
        output: Any = stack.enter_context(said.open("w"))
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
        child = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=environment)
        stack.callback(child.wait)
        stack.callback(child.kill)
        ends = time.monotonic() + 40.0
        while child.poll() is None and time.monotonic() < ends:
            look()
            if sent is not None and all(on[-20:]) and len(on) > 20:
                with marks.open("a") as file:
                    file.write(f"struck {time.monotonic()}\n")
                child.send_signal(sent)
                sent = None
        ended_s, code = time.monotonic(), child.poll()
        while time.monotonic() < ended_s + 0.5:
            look()
    struck = [float(line.split()[1]) for line in marks.read_text().splitlines()]
    return Ending(code, said.read_text(), struck[-1] if struck else float("nan"), ended_s, at_s, on)
