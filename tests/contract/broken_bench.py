"""A simulated bench on which one instrument is broken on purpose; `broken` says how."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from labrig.assembly import Assembly
from labrig.assembly.benches import simulated
from labrig.instruments.contracts import Instrument
from labrig.instruments.data import Identity
from labrig.signals.tones import ToneProgram
from labrig.simulation.bench import SimulatedBench


class Broken:
    """An instrument that does everything like another one, but for what a subclass gets wrong."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class IgnoresMakeSafe(Broken):
    def make_safe(self) -> None:
        """Outputs stay on."""


class IgnoresIdle(Broken):
    def idle(self) -> None:
        """What plays goes on."""


class ScalesTwice(Broken):
    """A digitizer that applies its gain to what was volts already."""

    def read(self, timeout_s: float) -> Any:
        block = self._inner.read(timeout_s)
        return replace(block, scale=np.tile([0.0, 1.0, 0.0, 0.0], (len(block.scale), 1)), codes=2.0 * block.volts())


class ForgetsTheSign(Broken):
    """A negative drive is played, and said to be played, as a positive one."""

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        return self._inner.load({channel: _positive(program) for channel, program in programs.items()})


class ForgetsTheSignSilently(ForgetsTheSign):
    """The same, and it says that it plays what it was asked."""

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        super().load(programs)
        return dict(programs)


class LiesAboutTheRate(Broken):
    """Samples one percent faster than it says."""

    def configure(self, plan: Any) -> Any:
        self._inner.configure(replace(plan, sample_rate_hz=1.01 * plan.sample_rate_hz))
        return plan


class AnswersAsAnother(Broken):
    def identify(self) -> Identity:
        return replace(self._inner.identify(), serial="another")


class NeverTimesOut(Broken):
    """Waits for its trigger whatever it is told; for this test, not quite for ever."""

    def read(self, timeout_s: float) -> Any:
        if self._inner._context.triggered_at is None:
            time.sleep(3.0)
        return self._inner.read(timeout_s)


class ClampsSilently(Broken):
    """Writes the nearest level that exists, one wrong channel or not, and says that all is well."""

    def program(self, settings: Mapping[str, Any]) -> Any:
        report = self._inner.program(settings)
        return replace(report, read_back={})


class RaisesWhatItLikes(Broken):
    def load(self, programs: Mapping[str, ToneProgram]) -> Any:
        if not self._inner._open:
            raise AttributeError("'NoneType' object has no attribute 'write'")
        return self._inner.load(programs)


broken: dict[str, Callable[[Any], Any]] = {}
"""By instrument: what makes it a broken one."""


class BrokenBench(SimulatedBench):
    def connect(self, name: str, driver: Any, options: Any) -> Instrument:
        instrument = super().connect(name, driver, options)
        return broken[name](instrument) if name in broken else instrument


def build(assembly: Assembly) -> SimulatedBench:
    bench = simulated.build(assembly)
    bench.__class__ = BrokenBench
    return bench


def _positive(program: ToneProgram) -> ToneProgram:
    tones = tuple(replace(t, phase_rad=0.0) if math.cos(t.phase_rad) < 0 else t for t in program.tones)
    return ToneProgram(abs(program.dc), tones)
