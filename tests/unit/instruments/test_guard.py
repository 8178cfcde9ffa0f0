"""Device guards refuse what a device cannot do, before the device hears of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labrig.errors import LimitExceeded
from labrig.instruments.contracts import ConductanceProgrammer, WaveformSource
from labrig.instruments.data import Continuous, Identity, Level, LevelTable, ProgramReport, Target
from labrig.instruments.drivers import ProgrammerCapabilities, SourceCapabilities
from labrig.instruments.guard import GuardedProgrammer, GuardedSource
from labrig.instruments.parts import find_part
from labrig.signals.tones import Tone, ToneProgram

PART = find_part("MCP4251-104")


class Recorder:
    """An instrument that does everything it is asked for, and notes it."""

    def __init__(self, levels=None) -> None:
        self.calls: list[str] = []
        self._levels = levels or {}

    def __getattr__(self, name: str):
        def call(*arguments):
            self.calls.append(name)
            if name == "levels":
                return self._levels
            if name == "load":
                return dict(arguments[0])
            if name == "identify":
                return Identity("recorder")
            if name == "program":
                return ProgramReport(tuple(arguments[0]))
            return None

        return call


def source() -> tuple[GuardedSource, Recorder]:
    inner = Recorder()
    return GuardedSource("awg", inner, SourceCapabilities(("0", "1"), 16, 5.0, 50.0, 0.0)), inner


def programmer(levels) -> tuple[GuardedProgrammer, Recorder]:
    inner = Recorder(levels)
    able = ProgrammerCapabilities(tuple(levels), PART, (-2.5, 2.5), 0.0)
    return GuardedProgrammer("pots", inner, able), inner


@pytest.mark.parametrize(
    "program",
    [
        ToneProgram(5.01),
        ToneProgram(-5.01),
        ToneProgram(4.0, (Tone(100.0, 0.6), Tone(200.0, 0.6))),
        ToneProgram(float("nan")),
        ToneProgram(0.0, (Tone(100.0, float("inf")),)),
    ],
    ids=["positive", "negative", "sum of tones", "not a number", "infinite"],
)
def test_beyond_the_full_scale(program):
    guard, inner = source()
    with pytest.raises(LimitExceeded, match="full scale 5 V") as caught:
        guard.load({"0": ToneProgram(1.0), "1": program})
    assert (caught.value.device, caught.value.action) == ("awg", "load")
    assert inner.calls == []


def test_up_to_the_full_scale():
    guard, inner = source()
    programs = {"0": ToneProgram(-4.0, (Tone(100.0, 1.0),))}
    assert guard.load(programs) == programs
    assert inner.calls == ["load"]


def test_a_channel_the_source_does_not_have():
    guard, inner = source()
    with pytest.raises(LimitExceeded, match="has no channel '2'"):
        guard.load({"2": ToneProgram(0.0)})
    assert inner.calls == []


TABLE = {"0": LevelTable(np.array([9, 7, 5]), np.array([1.0, 2.0, 4.0])), "1": Continuous(1.0, 4.0)}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"0": Level(8)}, "has no code 8"),
        ({"0": Level(-1)}, "has no code -1"),
        ({"0": Target(2.0)}, "cannot be set to 2 S"),
        ({"1": Level(9)}, "cannot be set to code 9 .*it is set by a conductance"),
        ({"1": Target(4.001)}, "cannot be set to 4.001 S"),
        ({"1": Target(0.999)}, "cannot be set to 0.999 S"),
        ({"1": Target(float("nan"))}, "cannot be set to nan S"),
        ({"2": Level(9)}, "has no channel '2'"),
    ],
)
def test_what_the_part_does_not_realize(settings, message):
    guard, inner = programmer(TABLE)
    with pytest.raises(LimitExceeded, match=message):
        guard.program({"0": Level(9), **settings} if "0" not in settings else settings)
    assert "program" not in inner.calls
    assert guard.writes == {}


def test_writes_are_counted_per_channel():
    guard, inner = programmer(TABLE)
    guard.program({"0": Level(9), "1": Target(4.0)})
    guard.program({"0": Level(7)})
    assert guard.writes == {"0": 2, "1": 1}
    assert inner.calls.count("levels") == 1


@pytest.mark.parametrize("guard", [source()[0], programmer(TABLE)[0]], ids=["source", "programmer"])
def test_a_guard_keeps_the_contract_and_hands_on_the_rest(guard):
    contract = WaveformSource if isinstance(guard, GuardedSource) else ConductanceProgrammer
    assert isinstance(guard, contract)
    actions = ["open", "make_safe", "close"] + (["arm", "start", "idle"] if contract is WaveformSource else [])
    inner = guard._source if contract is WaveformSource else guard._programmer
    inner.calls.clear()
    for action in actions:
        getattr(guard, action)()
    assert guard.identify() == Identity("recorder")
    assert inner.calls == [*actions, "identify"]


NUMBERS = st.floats(width=32)


@given(
    st.dictionaries(
        st.sampled_from(["0", "1", "2"]),
        st.builds(
            ToneProgram, NUMBERS, st.lists(st.builds(Tone, st.just(1e3), NUMBERS.map(abs)), max_size=3).map(tuple)
        ),
    )
)
def test_whatever_is_asked_for_nothing_beyond_the_full_scale_reaches_a_source(programs):
    guard, inner = source()
    allowed = "2" not in programs and all(program.peak <= 5.0 for program in programs.values())
    try:
        guard.load(programs)
    except LimitExceeded:
        assert not allowed
        assert inner.calls == []
    else:
        assert allowed
        seconds = np.linspace(0, 1e-3, 50)
        assert all(np.abs(each.at(seconds)).max() <= 5.0 * (1 + 1e-9) for each in programs.values())


@given(
    st.dictionaries(
        st.sampled_from(["0", "1", "2"]),
        st.one_of(st.builds(Level, st.integers(-3, 300)), st.builds(Target, NUMBERS)),
    )
)
def test_whatever_is_asked_for_a_programmer_gets_only_what_its_channels_realize(settings):
    guard, inner = programmer(TABLE)
    realizable = {"0": lambda s: isinstance(s, Level) and s.code in (5, 7, 9)}
    realizable["1"] = lambda s: isinstance(s, Target) and 1.0 <= s.siemens <= 4.0
    allowed = all(channel in realizable and realizable[channel](each) for channel, each in settings.items())
    try:
        guard.program(settings)
    except LimitExceeded:
        assert not allowed
        assert "program" not in inner.calls
    else:
        assert allowed


def test_an_ac_coupled_source_plays_no_level():
    recorder = Recorder()
    able = SourceCapabilities(("0",), 24, 2.0, 100.0, 0.1, lowest_hz=20.0)
    guarded = GuardedSource("out", recorder, able)
    with pytest.raises(LimitExceeded, match=r"AC-coupled and cannot play a level of 0\.1 V"):
        guarded.load({"0": ToneProgram(0.1, (Tone(1000.0, 0.5),))})
    assert recorder.calls == []
    guarded.load({"0": ToneProgram(0.0, (Tone(1000.0, 0.5),))})
    assert recorder.calls == ["load"]
