"""Instruments that do something else than they say: what a rig has to notice, or has to fail from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from unit.rig.benches import Wrapper

from labrig.errors import ConnectionFailed
from labrig.instruments.data import AcquisitionPlan, Block
from labrig.signals.tones import ToneProgram

Programs = Mapping[str, ToneProgram]


class FlippedTones(Wrapper):
    """A source whose tones come out with the opposite sign on these channels; it reports what it was asked for."""

    def __init__(self, inner, channels: set[str]) -> None:
        super().__init__(inner)
        self.channels = channels

    def load(self, programs: Programs) -> dict[str, ToneProgram]:
        self.inner.load({c: flipped(p) if c in self.channels else p for c, p in programs.items()})
        return dict(programs)


class Disconnected(Wrapper):
    """A source whose tones never reach the board on these channels; it reports what it was asked for."""

    def __init__(self, inner, channels: set[str]) -> None:
        super().__init__(inner)
        self.channels = channels

    def load(self, programs: Programs) -> dict[str, ToneProgram]:
        self.inner.load({c: replace(p, tones=()) if c in self.channels else p for c, p in programs.items()})
        return dict(programs)


class LateError(Wrapper):
    """A source that plays the error of the example before, of the same size, and reports this example's."""

    def __init__(self, inner, channels: set[str]) -> None:
        super().__init__(inner)
        self.channels = channels
        self.last: dict[str, ToneProgram] = {}

    def load(self, programs: Programs) -> dict[str, ToneProgram]:
        errors = {c: p for c, p in programs.items() if c in self.channels}
        if any(program.tones for program in errors.values()):
            self.inner.load({**programs, **self.last})
            self.last = errors
        else:
            self.inner.load(programs)
        return dict(programs)


class Loud(Wrapper):
    """A source that plays `gain` times what it was asked for on one channel."""

    def __init__(self, inner, channel: str, gain: float) -> None:
        super().__init__(inner)
        self.channel, self.gain = channel, gain

    def load(self, programs: Programs) -> dict[str, ToneProgram]:
        tones = tuple(replace(t, amplitude=self.gain * t.amplitude) for t in programs[self.channel].tones)
        self.inner.load({**programs, self.channel: replace(programs[self.channel], tones=tones)})
        return dict(programs)


class EarlyDigitizer(Wrapper):
    """A digitizer whose report of the settle is `early` samples short: demodulation begins in the old drive."""

    def __init__(self, inner, early: int) -> None:
        super().__init__(inner)
        self.early = early

    def configure(self, plan: AcquisitionPlan) -> AcquisitionPlan:
        actual = self.inner.configure(plan)
        return replace(actual, settle_samples=actual.settle_samples - self.early)


class UnpluggedDigitizer(Wrapper):
    """A digitizer that is lost after `reads` reads."""

    def __init__(self, inner, reads: int) -> None:
        super().__init__(inner)
        self.left = reads

    def read(self, timeout_s: float) -> Block:
        self.left -= 1
        if self.left < 0:
            raise ConnectionFailed("does not answer any more", device="daq", action="read")
        return self.inner.read(timeout_s)


class Journalled(Wrapper):
    """Notes the calls that matter for order and safety in `calls`, and fails where `broken` says so."""

    def __init__(self, inner, name: str, calls: list[str], broken: frozenset[str] = frozenset()) -> None:
        super().__init__(inner)
        self.name, self.calls, self.broken = name, calls, broken

    def _note(self, action: str):
        self.calls.append(f"{self.name}.{action}")
        if action in self.broken:
            raise ConnectionFailed("does not answer", device=self.name, action=action)

    def open(self) -> None:
        self._note("open")
        self.inner.open()

    def make_safe(self) -> None:
        self._note("make_safe")
        self.inner.make_safe()

    def close(self) -> None:
        self._note("close")
        self.inner.close()

    def arm(self) -> None:
        self._note("arm")
        self.inner.arm()

    def start(self) -> None:
        self._note("start")
        self.inner.start()


def flipped(program: ToneProgram) -> ToneProgram:
    return replace(program, tones=tuple(replace(t, phase_rad=t.phase_rad + np.pi) for t in program.tones))
