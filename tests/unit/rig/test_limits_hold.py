"""No path drives a node or an edge past its limits unnoticed, whatever is asked for and whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.rig.benches import Wrapper, assembled, off, setup_with

from labrig.errors import LabrigError, LimitExceeded, SenseMisfit
from labrig.instruments.data import Level
from labrig.learning.measurement import Excitation
from labrig.signals.tones import SILENT, Tone, ToneProgram

NODE_V, POWER_W = 2.0, 2e-4
BOARD = assembled(
    "iris",
    "simulation.preset=typical",
    "instruments.daq.full_scale=10 V",
    f"limits.node={NODE_V} V",
    f"limits.edge_power={POWER_W} W",
    "learning.error.current=10 uA",
)
SPARE = 0.03
"""Of the limits: noise that is allowed for, and errors of source and digitizer."""

Fault = Callable[[str, ToneProgram], ToneProgram]


class Disobedient(Wrapper):
    """A source that plays something else than it was told, and says nothing about it."""

    def __init__(self, inner: Any, fault: Fault) -> None:
        super().__init__(inner)
        self.fault = fault

    def load(self, programs):
        self.inner.load({channel: self.fault(channel, program) for channel, program in programs.items()})
        return dict(programs)


class Confessing(Disobedient):
    """The same, but it says what it plays."""

    def load(self, programs):
        played = {channel: self.fault(channel, program) for channel, program in programs.items()}
        self.inner.load(played)
        return played


class Stuck(Wrapper):
    """A bank in which one wiper keeps its code, as the bank reports."""

    def __init__(self, inner: Any, channel: str, code: int) -> None:
        super().__init__(inner)
        self.channel, self.code = channel, Level(code)

    def open(self):
        self.inner.open()
        self.inner.program({self.channel: self.code})

    def program(self, settings):
        report = self.inner.program({c: s for c, s in settings.items() if c != self.channel})
        if self.channel not in settings:
            return report
        return replace(report, faulty=(self.channel,), read_back={**report.read_back, self.channel: self.code})


def scaled(program: ToneProgram, gain: float) -> ToneProgram:
    return ToneProgram(gain * program.dc, tuple(replace(t, amplitude=gain * t.amplitude) for t in program.tones))


volts = st.floats(-3.0, 3.0)
channels = st.sampled_from([str(k) for k in range(14)])


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """A wrong load setting, another tone, another level, or a channel that does not play."""
    kind, one, gain = draw(st.sampled_from(["none", "gain", "tone", "level", "silent"])), draw(channels), 0.0
    everywhere, size = draw(st.booleans()), draw(volts)
    if kind == "gain":
        gain = draw(st.sampled_from([0.5, 2.0, 4.0]))
    hertz = draw(st.floats(60.0, 5e3))

    def fault(channel: str, program: ToneProgram) -> ToneProgram:
        if kind == "none" or not (channel == one or everywhere):
            return program
        if kind == "tone":
            return replace(program, tones=(*program.tones, Tone(hertz, abs(size), 0.3)))
        if kind == "level":
            return replace(program, dc=size)
        return SILENT if kind == "silent" else scaled(program, gain)

    return fault


def truth_of(setup) -> tuple[float, float]:
    """The largest node voltage (V) and edge power (W) that the board really has now."""
    bench, hookup = setup.bench, setup.rig.hookup
    nodes = [wire.node for wire in hookup.senses]
    samples = bench.world.voltages(nodes, bench.clock.now(), 50e3, 1000)
    drops = samples @ hookup.drops.matrix.T if samples.shape[1] == len(nodes) else samples.T @ hookup.drops.matrix.T
    return float(np.abs(samples).max()), float((bench.truth.conductances() * (drops**2).mean(axis=0)).max())


@settings(max_examples=80, deadline=None)
@given(
    activation=st.lists(volts, min_size=10, max_size=10),
    error_a=st.lists(st.floats(-30e-6, 30e-6), min_size=3, max_size=3),
    fault=faults(),
    confessing=st.booleans(),
    initial=st.booleans(),
    stuck=st.tuples(st.integers(0, 29), st.integers(0, 256)),
)
def test_what_was_measured_was_within_the_limits(activation, error_a, fault, confessing, initial, stuck):
    source = Confessing if confessing else Disobedient
    setup = setup_with(
        BOARD, awg=lambda inner: source(inner, fault), pots=lambda inner: Stuck(inner, str(stuck[0]), stuck[1])
    )
    excitation = Excitation(np.array(activation), error=np.array([error_a]))
    try:
        with setup.rig as rig:
            if initial:
                rig.program(BOARD.update(rig).settings())
            rig.measure(excitation)
            highest_v, most_w = truth_of(setup)
            assert highest_v <= (1 + SPARE) * NODE_V
            assert most_w <= (1 + SPARE) * POWER_W
    except LabrigError:
        pass
    assert off(setup)


@settings(max_examples=60, deadline=None)
@given(activation=st.lists(volts, min_size=10, max_size=10), current_a=st.floats(-60e-6, 60e-6))
def test_what_is_too_much_is_never_played(activation, current_a):
    setup = BOARD.setup()
    error = np.array([[current_a, 0.0, 0.0]])
    too_much = max(map(abs, activation)) > NODE_V or abs(current_a) * 100e3 > NODE_V
    with setup.rig as rig:
        rig.program(BOARD.update(rig).settings())
        try:
            rig.measure(Excitation(np.array(activation), error=error))
        except LimitExceeded:
            if too_much:
                assert setup.bench.world.acquisitions == 0
                assert set(setup.bench.world.playing(np.inf).values()) == {SILENT}
        else:
            assert not too_much


@pytest.mark.parametrize("channel", ["0", "11"])
def test_a_foreign_tone_ends_the_run_at_once(channel):
    size_v = 3.5 if channel == "0" else 140.0  # behind 100 kΩ it takes much more to be as dangerous

    def foreign(played: str, program: ToneProgram) -> ToneProgram:
        return replace(program, tones=(*program.tones, Tone(777.0, size_v, 0.0))) if played == channel else program

    board = replace(BOARD, limits=replace(BOARD.limits, misread=1e3)) if channel == "0" else BOARD
    setup = setup_with(board, awg=lambda inner: Disobedient(inner, foreign))
    node = "in0" if channel == "0" else "out1"
    with pytest.raises(LimitExceeded, match=f"node {node} is at .*limits.node"), setup.rig as rig:
        rig.measure(Excitation(np.zeros(10)))
    assert off(setup)
    assert setup.bench.world.acquisitions == 1


def test_power_counts_the_largest_conductance_that_the_part_may_have():
    """Wipers that labrig did not write are read back: the edge of a wiper at its end takes 300 times more."""
    low = replace(BOARD, limits=replace(BOARD.limits, edge_power_w=3e-5))
    with low.setup().rig as rig:
        rig.measure(Excitation(np.array([1.0] + [0.0] * 9)))
    setup = setup_with(low, pots=lambda inner: Stuck(inner, "0", 3))
    with setup.rig as rig, pytest.raises(LimitExceeded, match="edge in0-out0 takes up to"):
        rig.measure(Excitation(np.array([1.0] + [0.0] * 9)))
    assert off(setup)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.0, "in3 reads 0 V, but it is driven with 0.9 V.*sense lead open"),
        (0.1, "in3 reads 0.08.* V, but it is driven with 0.9 V.*range wrong"),
        (-1.0, "in3 reads -0.8.* V, but it is driven with 0.9 V.*inverted"),
        (2.0, "in3 reads 1.7.* V, but it is driven with 0.9 V.*load setting"),
    ],
)
@pytest.mark.parametrize("activation", ["dc", "sine"])
def test_a_sense_that_reads_something_else_than_is_driven(factor, words, activation):
    class Wrong(Wrapper):
        def read(self, timeout_s):
            block = self.inner.read(timeout_s)
            codes = block.codes.copy()
            codes[:, 3] = np.rint(factor * codes[:, 3].astype(float))
            return replace(block, codes=codes)

    board = assembled("iris", f"learning.activation={activation}", "instruments.daq.full_scale=10 V")
    driven = np.array([0.5, -0.5, 0.1, 0.9, 0, 0, 0, 0, 0, 0])
    setup = setup_with(board, daq=Wrong)
    with setup.rig as rig:
        rig.program(board.update(rig).settings())
        with pytest.raises(SenseMisfit, match=words):
            rig.measure(Excitation(driven))
    assert off(setup)
