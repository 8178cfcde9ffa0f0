"""An instrument that stops answering in any call of the contracts: an error by name at the deadline, then outputs off.

A session makes every call that a rig makes of its instruments. In one of them an instrument falls silent for good; it
still does what it is told, as it cannot know that nobody hears it. LABRIG_LONG=1: every call of every real driver.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from trials import trials
from unit.rig.benches import Wrapper, assembled
from wire.in_process import SMALL, InProcessWire

from labrig.assembly import Assembly
from labrig.errors import DeadlineExceeded, LabrigError, leaves
from labrig.signals.tones import ToneProgram
from labrig.simulation.bench import SimulatedBench
from labrig.simulation.faults.silent import Silent
from labrig.simulation.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # pyvisa-py leaves sockets open
    pytest.mark.usefixtures("impatient_drivers"),
]

WITHIN_S = 1.0
DEADLINE_S = 5.0
"""Longer than any deadline of the drivers here, with their repeats."""

SOURCE = ("open", "identify", "load", "arm", "start", "confirm", "idle", "make_safe", "close")
DIGITIZER = ("open", "identify", "configure", "arm", "start", "read", "make_safe", "close")
PROGRAMMER = ("open", "identify", "levels", "keep_alive", "program", "read_back", "make_safe", "close")
SIMULATED = [
    (name, call) for name, calls in (("awg", SOURCE), ("daq", DIGITIZER), ("pots", PROGRAMMER)) for call in calls
]
WIRE = [
    (name, call)
    for name, calls in (("err1", SOURCE), ("daq", DIGITIZER), ("pots", PROGRAMMER), ("awg", SOURCE))
    for call in calls
]
STRIDE = 7
"""Neighbours in the list are of one instrument; the few of a short form should not be."""


class Silenced(Wrapper):
    """Falls silent when a call is made; notes when, and when a call raised after that."""

    def __init__(self, inner: Any, call: str, fall_silent: Callable[[], None], now: Callable[[], float]) -> None:
        super().__init__(inner)
        self._call, self._fall_silent, self._now = call, fall_silent, now
        self.silent_s: float | None = None
        self.raised_s: float | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.inner, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            if name == self._call and self.silent_s is None:
                self.silent_s = self._now()
                self._fall_silent()
            try:
                return found(*arguments, **named)
            except Exception:
                if self.silent_s is not None and self.raised_s is None:
                    self.raised_s = self._now()
                raise

        return call


@contextmanager
def silencing(bench: type, name: str, call: str) -> Iterator[list[Any]]:
    """A bench on which an instrument falls silent; yields the bench and the instrument once they are made."""
    made: list[Any] = []

    class Bench(bench):  # type: ignore[misc,valid-type]
        def connect(self, device: str, driver: Any, options: Any) -> Any:
            instrument = super().connect(device, driver, options)
            if device != name:
                return instrument
            now = self.clock.now
            silenced = Silenced(instrument, call, lambda: self.world.faults.begin(Silent(), name), now)
            made.extend((self, silenced))
            return silenced

    where = "labrig.assembly.benches." + ("wire.build" if bench is InProcessWire else "simulated.SimulatedBench")
    with patch(where, Bench):
        yield made


def session(assembly: Assembly) -> None:
    """Every call of the contracts, at least once."""
    with assembly.open_rig() as rig:
        experiment = assembly.experiment(rig, None)  # type: ignore[arg-type]
        rig.program(experiment.update.settings())
        for example in assembly.task.train[:2]:
            experiment.probe.gradient(int(example))
            rig.confirm()
        rig.read_back()
        rig.idle()


def off_since(world: World) -> float:
    """Since when no source plays anything, however often it was switched off after that; infinite if one plays."""
    since = -math.inf
    for history in world.timeline._played.values():
        states = list(zip(history._times, history._states, strict=True))
        off = list(itertools.takewhile(lambda state: state[1] in (None, ToneProgram(0.0)), reversed(states)))
        since = max(since, off[-1][0] if off else math.inf)
    return since


def check(assembly: Assembly, bench: type, name: str, call: str) -> None:
    failures: list[Exception] = []
    with silencing(bench, name, call) as made:
        try:
            session(assembly)
        except Exception as error:
            failures = list(leaves(error))
        there, silenced = made
        off_s = off_since(there.world)
    assert silenced.silent_s is not None, f"{call} was never called"
    assert all(isinstance(each, LabrigError) for each in failures), failures
    named = [each for each in failures if isinstance(each, DeadlineExceeded) and each.device == name]
    drives = name not in ("daq", "pots" if bench is SimulatedBench else "daq")
    if call == "close" or (call == "make_safe" and not drives):  # nothing has to be done any more
        assert failures == named
        assert math.isfinite(off_s)
        return
    assert named, failures
    assert silenced.raised_s is not None
    assert silenced.raised_s - silenced.silent_s <= DEADLINE_S
    assert off_s - silenced.raised_s <= WITHIN_S


@pytest.mark.parametrize(("name", "call"), SIMULATED)
def test_a_simulated_instrument_that_falls_silent(name: str, call: str) -> None:
    check(assembled("xor", "simulation.preset=ideal"), SimulatedBench, name, call)


@pytest.mark.parametrize(("name", "call"), [WIRE[STRIDE * k % len(WIRE)] for k in range(trials(1, 5, len(WIRE)))])
def test_a_real_driver_s_instrument_that_falls_silent(name: str, call: str) -> None:
    began = time.monotonic()
    check(assembled("iris_wire", *SMALL), InProcessWire, name, call)
    assert time.monotonic() - began < 30.0
