"""A suite that passes everything finds nothing: every broken instrument fails the check that is about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract import broken_bench

from labrig.assembly import assemble, packaged_configs
from labrig.assembly.assembly import BENCHES
from labrig.testing import digitizer, instrument, programmer, rig, source
from labrig.testing.station import Station, Subject


@pytest.fixture
def station(monkeypatch):
    """The divider with converters, so that codes are codes; its serial numbers are known."""
    monkeypatch.setitem(BENCHES, "simulated", "contract.broken_bench")
    changes = ["simulation.preset=typical", "instruments.daq.serial=D1", "instruments.awg.serial=A1"]
    yield Station(assemble(Path(packaged_configs() / "divider.yaml"), changes), margin_s=0.5)
    broken_bench.broken.clear()


RIG = {
    "ignores make_safe": (
        "awg",
        broken_bench.IgnoresMakeSafe,
        rig.make_safe_silences,
        "still at .* after make_safe",
    ),
    "ignores idle": ("awg", broken_bench.IgnoresIdle, rig.idle_silences, "still at .* after idle"),
    "scales volts twice": (
        "daq",
        broken_bench.ScalesTwice,
        rig.a_drive_comes_back_at_its_own_node,
        "it is scaled by",
    ),
    "forgets the sign": ("awg", broken_bench.ForgetsTheSign, rig.an_error_tone_has_its_sign_and_size, "sign is wrong"),
    "forgets the sign of DC": (
        "awg",
        broken_bench.ForgetsTheSignSilently,
        rig.a_drive_comes_back_at_its_own_node,
        "sign is wrong",
    ),
    "lies about the rate": ("daq", broken_bench.LiesAboutTheRate, rig.the_rate_is_what_it_says, "reports a wrong rate"),
}
ALONE = {
    "forgets the sign": (
        "awg",
        broken_bench.ForgetsTheSign,
        source.plays_the_tone_it_was_asked,
        "the sign of an error current would be lost",
    ),
    "answers as another": (
        "daq",
        broken_bench.AnswersAsAnother,
        instrument.identity_is_stable_and_as_configured,
        "identifies as serial 'another', but the configuration names 'D1'",
    ),
    "never times out": ("daq", broken_bench.NeverTimesOut, digitizer.keeps_its_deadline, "read had not ended after"),
    "reports nothing": (
        "pots",
        broken_bench.ClampsSilently,
        programmer.holds_what_was_written,
        "read_back differs from the settings written",
    ),
    "raises a library's error": (
        "awg",
        broken_bench.RaisesWhatItLikes,
        instrument.nothing_works_before_open_or_after_close,
        "raised AttributeError .* it must raise LabrigError",
    ),
}


@pytest.mark.parametrize("what", RIG)
def test_a_broken_rig_fails(station, what):
    name, broken, check, message = RIG[what]
    check(station)
    broken_bench.broken[name] = broken
    with pytest.raises(AssertionError, match=message):
        check(Station(station.assembly, station.margin_s))


@pytest.mark.parametrize("what", ALONE)
def test_a_broken_instrument_fails(station, what):
    name, broken, check, message = ALONE[what]
    if what == "raises a library's error":  # the simulated faces answer identify unopened: load alone is looked at
        broken_bench.broken[name] = broken
        unopened = station.connect(name)
        with pytest.raises(AssertionError, match=message):
            instrument.refused("awg: load", lambda: unopened.load({}))
        return
    check(Subject(station, name))
    broken_bench.broken[name] = broken
    with pytest.raises(AssertionError, match=message):
        check(Subject(Station(station.assembly, station.margin_s), name))
