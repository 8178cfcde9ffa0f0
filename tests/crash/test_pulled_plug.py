"""A plug pulled at a random moment of each phase of a step, on the wire: a named error or a step that is right.

However the run ended: outputs are off, every recorded update is the one its measurement asks for, every measurement
agrees with the exact gradient, and the potentiometers hold what the journal says. LABRIG_LONG=1: 200 trials;
LABRIG_TRIALS_SEED: other moments.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from crash.replay import begun, largest_error
from crash.runs import check_folders
from trials import trials
from wire.in_process import InProcessWire, Outcome, PtyWire, ended, run

from labrig.instruments.data import Level
from labrig.rig.rig import Rig
from labrig.rig.source_group import SourceGroup
from labrig.runs.journal import Journal
from labrig.simulation.faults.disconnect import Disconnect
from labrig.simulation.faults.reset import Reset
from labrig.virtual_instruments.wire_bench import WireBench

# pyvisa-py leaves the socket of a link that was refused to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("impatient_drivers"),
]

TRIALS, PTYS, KILLS = trials(1, 4, 150), trials(1, 2, 20), trials(1, 1, 30)
SEED = os.environ.get("LABRIG_TRIALS_SEED", "")
STEPS = 6
LARGEST_ERROR = 0.03
"""‖Δ‖/‖g‖: 1 % in an undisturbed run, for codes are 61 µV apart."""


@dataclass(frozen=True)
class Phase:
    """Of a step: the method it is, how often that was called before training, and how often a step calls it.

    which: of these calls of a step. lasts_s: about how long.
    """

    owner: type
    method: str
    before: int
    a_step: int
    which: int
    lasts_s: float


PHASES = {
    "first drive": Phase(SourceGroup, "load", 6, 2, 0, 20e-3),
    "first window": Phase(Rig, "_read", 6, 2, 0, 30e-3),
    "second drive": Phase(SourceGroup, "load", 6, 2, 1, 20e-3),
    "second window": Phase(Rig, "_read", 6, 2, 1, 30e-3),
    "confirmation": Phase(Rig, "confirm", 1, 1, 0, 4e-3),
    "programming": Phase(Rig, "program", 2, 1, 0, 6e-3),
    "recording": Phase(Journal, "append", 0, 1, 0, 2e-3),
}
BEFORE_PROGRAMMING = ("first drive", "first window", "second drive", "second window", "confirmation")


def cable(device: str) -> Callable[[InProcessWire], None]:
    """Out, and in again after 50 ms."""
    return lambda bench: bench.world.faults.begin(Disconnect(), device, for_s=50e-3)


def reset(device: str) -> Callable[[InProcessWire], None]:
    return lambda bench: bench.world.faults.begin(Reset(), device)


def key(device: str, command: bytes) -> Callable[[InProcessWire], None]:
    """Somebody presses a key of its panel."""

    def press(bench: InProcessWire) -> None:
        _, host, port, _ = bench._endpoints[device].resource.split("::")
        with socket.create_connection((host, int(port))) as line:
            line.sendall(command + b"\n*OPC?\n")
            line.recv(16)

    return press


def mains(device: str) -> Callable[[InProcessWire], None]:
    """It loses its power, and does not come back."""

    def fail(bench: InProcessWire) -> None:
        bench.world.faults.begin(Disconnect(), device)
        bench.world.faults.begin(Reset(), device)

    return fail


def daqmx_server(bench: InProcessWire) -> None:
    """The server of the NI devices dies, and their chassis with it: outputs fall to 0 V."""
    (server,) = bench.daqmx_servers
    server.stop()
    with bench.virtual_bench.lock:
        for board in server._boards.values():
            board.power_up()


PLUGS: dict[str, Callable[[InProcessWire], None]] = {
    "cable of pots": cable("pots"),
    "reset of pots": reset("pots"),
    "mains of err1": mains("err1"),
    "output key of err1": key("err1", b"C1:OUTP OFF"),
    "server of the NI devices": daqmx_server,
    "cable of err2": cable("err2"),
    "reset of err1": reset("err1"),
    "cable of daq": cable("daq"),
    "mains of pots": mains("pots"),
    "mains of err2": mains("err2"),
    "cable of err1": cable("err1"),
    "cable of awg": cable("awg"),
    "polarity key of err2": key("err2", b"C1:OUTP PLRT,INVT"),
}


class Pull:
    """Replaces the method of a phase: in the chosen call, pulls after `delay_s`, in a thread of its own."""

    def __init__(self, phase: Phase, step: int, delay_s: float, pull: Callable[[], None]) -> None:
        self._inner: Any = getattr(phase.owner, phase.method)
        self._left = phase.before + step * phase.a_step + phase.which
        self._timer = threading.Timer(delay_s, pull)

    def __get__(self, instance: Any, owner: type) -> Any:
        return lambda *arguments: self._call(instance, *arguments)

    def _call(self, instance: Any, *arguments: Any) -> Any:
        if self._left == 0:
            self._timer.start()
        self._left -= 1
        return self._inner(instance, *arguments)

    def finish(self) -> None:
        assert self._left < 0, "the run never came to this phase"
        self._timer.join()


@pytest.mark.parametrize("number", range(TRIALS))
def test_a_plug_pulled_at_any_moment_of_a_step(tmp_path, number):
    draw = random.Random(f"{SEED}/{number}")
    name = list(PHASES)[number % len(PHASES)]
    plug = list(PLUGS)[number % len(PLUGS)]
    phase, step = PHASES[name], draw.randrange(STEPS)
    pull = Pull(phase, step, draw.uniform(0.0, phase.lasts_s), lambda: PLUGS[plug](InProcessWire.last))
    with patch.object(phase.owner, phase.method, pull):
        outcome = run(tmp_path / "runs" / "run")
    pull.finish()
    where = f"{plug}, {name} of step {step + 1}: exit {outcome.code}, {outcome.said}"
    check(tmp_path / "runs", outcome, where)
    assert outcome.bench.outputs_on() == [], where
    if outcome.code == 0 or (name in BEFORE_PROGRAMMING and plug not in ("reset of pots", "mains of pots")):
        assert held(outcome.bench) == pytest.approx(recorded(outcome)), where


@pytest.mark.more
@pytest.mark.parametrize("number", range(PTYS))
def test_the_bank_s_port_closed_for_good_at_any_moment_of_a_step(tmp_path, number):
    """Nobody can tell it to open its terminals any more: its watchdog does."""
    draw = random.Random(f"{SEED}/{number}")
    phase, step = PHASES[list(PHASES)[number % len(PHASES)]], draw.randrange(STEPS)
    pull = Pull(phase, step, draw.uniform(0.0, phase.lasts_s), lambda: PtyWire.last.unplug())
    with patch.object(phase.owner, phase.method, pull):
        outcome = run(tmp_path / "runs" / "run", ["instruments.pots.watchdog=300 ms"], PtyWire)
    pull.finish()
    where = f"{phase.method} of step {step + 1}: exit {outcome.code}, {outcome.said}"
    check(tmp_path / "runs", outcome, where)
    assert outcome.code == 4, where
    assert "pots: " in outcome.said, where
    assert outcome.bench.outputs_on() == [], where


@pytest.mark.parametrize("number", range(KILLS))
def test_every_virtual_instrument_killed_at_any_moment_of_a_step(tmp_path, number):
    """With their process the World ends too: nothing is left that could be on."""
    draw = random.Random(f"{SEED}/{number}")
    phase, step = PHASES[draw.choice(list(PHASES))], draw.randrange(STEPS)
    benches: list[WireBench] = []

    class Bench(WireBench):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            benches.append(self)

    def kill() -> None:
        child = benches[0]._child
        if child is not None:
            os.kill(child.pid, signal.SIGKILL)

    pull = Pull(phase, step, draw.uniform(0.0, phase.lasts_s), kill)
    with patch.object(phase.owner, phase.method, pull), patch("labrig.assembly.benches.wire.WireBench", Bench):
        outcome = ended(tmp_path / "runs" / "run")
    pull.finish()
    where = f"{phase.method} of step {step + 1}: exit {outcome.code}, {outcome.said}"
    check(tmp_path / "runs", outcome, where)
    assert outcome.code != 0, where
    assert benches[0]._child is None


def check(runs: Path, outcome: Outcome, where: str) -> None:
    """A named error, or a run to its end; no update that was applied is wrong."""
    assert outcome.code in (0, 4, 5), where
    assert "internal" not in outcome.said, where
    progress = "iris_wire: "  # of a run that a busy machine has slowed down
    assert all(line.startswith(("labrig: ", progress)) for line in outcome.said.splitlines()), where
    assert bool(outcome.kinds) == bool(outcome.code), where
    assert check_folders(runs, None, "failed" if outcome.code else "finished") == 1
    assert outcome.code or len(outcome.record.step) == STEPS, where
    assert largest_error(outcome.assembly, outcome.record) < LARGEST_ERROR, where


def held(bench: InProcessWire) -> np.ndarray:
    """(E,) nominal conductances of the codes in the bank (S)."""
    (board,) = bench.boards
    hookup = bench.assembly.board.hookup
    able: Any = bench.assembly.devices["pots"].capabilities
    codes = [board._wipers.read(able.channels.index(edge.channel)) for edge in hookup.edges]
    return np.array([able.part.conductance(Level(code)) for code in codes])


def recorded(outcome: Outcome) -> np.ndarray:
    """(E,) conductances after the last step of the journal, or those a run begins with (S)."""
    return outcome.record.conductances[-1] if len(outcome.record.step) else begun(outcome.assembly).conductances
