"""The wire with its virtual instruments in this process: a test sees their World and can pull their plugs."""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import tty
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from busy import stretched
from wire.both_benches import FAST

from labrig.assembly import Assembly, assemble, packaged_configs
from labrig.assembly.benches.wire import virtual_instruments
from labrig.cli.main import main
from labrig.clock import MonotonicClock
from labrig.runs.journal import Record, read_journal
from labrig.signals.tones import ToneProgram
from labrig.simulation.world import World
from labrig.virtual_instruments.counterpart import Endpoint
from labrig.virtual_instruments.daqmx import DaqmxServer
from labrig.virtual_instruments.digipot import OPEN_TERMINALS_S, VirtualDigipotBoard
from labrig.virtual_instruments.virtual_bench import VirtualBench

SMALL = (
    *FAST,
    *(f"wiring.out{k}.buffer=100 Ω" for k in range(3)),  # no warning of a ghost
    "simulation.multiplexer=0 F",
    "task.split={train_per_class: 1, test_per_class: 1}",
    "learning.epochs=2",
    "learning.rate=0.02",
    'instruments.err1.resource="TCPIP::192.0.2.20::5025::SOCKET"',
    'instruments.err2.resource="TCPIP::192.0.2.21::5025::SOCKET"',
    f"instruments.err1.deadline={stretched(0.4):.3g} s",
    f"instruments.err2.deadline={stretched(0.4):.3g} s",
    "simulation.noise=0 V",
    "simulation.digitizer_offset=0 V",
    "simulation.digitizer_gain=0",
    "simulation.source_amplitude=0",
    "simulation.part_tolerance=false",
)
"""Iris with an example of each class: an evaluation is six acquisitions, a run six steps of two. Parts are as their
data sheets say, so that the gradient of every step is known."""


class InProcessWire:
    """Keeps the Bench protocol. The last one built is `InProcessWire.last`."""

    truth = None
    last: InProcessWire

    def __init__(self, assembly: Assembly) -> None:
        InProcessWire.last = self
        self.clock = MonotonicClock()
        self.assembly = assembly
        self.boards: list[VirtualDigipotBoard] = []
        self.daqmx_servers: list[DaqmxServer] = []
        self._serving = ExitStack()
        self._endpoints: dict[str, Endpoint] = {}

    def _remember(self, *arguments: Any) -> VirtualBench:
        self.virtual_bench = VirtualBench(*arguments)
        return self.virtual_bench

    def _board(self, *arguments: Any, **options: Any) -> VirtualDigipotBoard:
        self.boards.append(VirtualDigipotBoard(*arguments, **options))
        return self.boards[-1]

    def _daqmx_server(self, *arguments: Any) -> DaqmxServer:
        self.daqmx_servers.append(DaqmxServer(*arguments))
        return self.daqmx_servers[-1]

    @property
    def world(self) -> World:
        return self.virtual_bench.world

    def connect(self, name: str, driver: Any, options: Any) -> Any:
        if not self._endpoints:
            with (
                patch("labrig.assembly.benches.wire.VirtualBench", self._remember),
                patch("labrig.virtual_instruments.digipot.counterpart.VirtualDigipotBoard", self._board),
                patch("labrig.virtual_instruments.daqmx.counterpart.DaqmxServer", self._daqmx_server),
            ):
                self._served = self._serving.enter_context(virtual_instruments(self.assembly))
            self._endpoints = {endpoint.name: endpoint for endpoint in self._served.endpoints}
        return driver.factory(name, options.model_copy(update=self._endpoints[name].overrides))

    def pause(self) -> None:
        """As on the wire bench."""

    def state(self) -> dict[str, Any]:
        return {}

    def resume(self, state: Any) -> None:
        pass

    def true_outputs(self, activation: np.ndarray, tone: bool) -> np.ndarray:
        return np.array([self._served.true_outputs(row, tone) for row in activation])

    def close(self) -> None:
        self._serving.close()

    def outputs_on(self) -> list[str]:
        """Source channels that play something, and edges whose terminals are connected, when all has been done."""
        playing = self.world.playing(float("inf"))
        siemens = self.world.conductances(float("inf"))
        edges = [edge.name for edge, g in zip(self.world.network.edges, siemens, strict=True) if g > OPEN_TERMINALS_S]
        return [channel for channel, program in playing.items() if program not in (None, ToneProgram(0.0))] + edges


class PtyWire(InProcessWire):
    """The bank is at a pseudo-terminal, as an Arduino is; `unplug` closes it for good."""

    def connect(self, name: str, driver: Any, options: Any) -> Any:
        instrument = super().connect(name, driver, options)
        if name != "pots":
            return instrument
        host, _, port = self._endpoints[name].resource.removeprefix("socket://").partition(":")
        self._board_side = socket.create_connection((host, int(port)))
        self._ours, self._theirs = os.openpty()
        self._closed = False
        tty.setraw(self._theirs)
        self._unplugged = threading.Event()
        self._lead = threading.Thread(target=self._carry, daemon=True)
        self._lead.start()
        return driver.factory(name, options.model_copy(update={"resource": os.ttyname(self._theirs)}))

    def unplug(self) -> None:
        self._unplugged.set()
        self._lead.join()

    def close(self) -> None:
        self.unplug()
        super().close()
        if not self._closed:  # until now nobody else got the number of this terminal
            self._closed = True
            os.close(self._theirs)

    def _carry(self) -> None:
        while not self._unplugged.is_set():
            for readable in select.select([self._ours, self._board_side], [], [], 0.005)[0]:
                if readable is self._board_side:
                    os.write(self._ours, self._board_side.recv(4096))
                else:
                    self._board_side.sendall(os.read(self._ours, 4096))
        self._board_side.close()
        os.close(self._ours)


@dataclass(frozen=True)
class Outcome:
    """A run that ended: its exit code, its lines, what it said, its configuration, its journal."""

    code: int
    lines: list[dict[str, Any]]
    said: str
    assembly: Assembly
    record: Record

    @property
    def bench(self) -> InProcessWire:
        """The bench of the last run in this process."""
        return InProcessWire.last

    @property
    def kinds(self) -> list[str]:
        return [line["kind"] for line in self.lines if line["event"] == "error"]

    @property
    def repeated(self) -> int:
        return sum(event == "repeated" for _, event, *_ in self.record.events)


def run(folder: Path, overrides: Sequence[str] = (), bench: type[InProcessWire] = InProcessWire) -> Outcome:
    """As `ended`, with the virtual instruments in this process."""
    with patch("labrig.assembly.benches.wire.build", bench):
        return ended(folder, overrides)


def ended(folder: Path, overrides: Sequence[str] = ()) -> Outcome:
    """`labrig run iris_wire.yaml` with these overrides and those of SMALL; its folder is `folder`."""
    config = packaged_configs() / "iris_wire.yaml"
    sets = [word for override in (*SMALL, *overrides) for word in ("--set", override)]
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(["run", str(config), "--json", "--no-plots", "--run-dir", str(folder), *sets])
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assembly = assemble(config, [*SMALL, *overrides])
    return Outcome(code, lines, err.getvalue(), assembly, read_journal(folder / "run.db"))
