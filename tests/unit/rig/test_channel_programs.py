"""What the sources say that they played, against what was asked of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from labrig.errors import ChannelFault, LabrigError, SyncLost
from labrig.learning.measurement import Excitation
from labrig.rig.channel_programs import ChannelPrograms, Programs
from labrig.rig.hookup import Hookup, SenseWire, SourceWire
from labrig.signals.tones import Tone

HOOKUP = Hookup(
    digitizer="daq",
    inputs=(SourceWire("in0", "awg", "0", 50.0), SourceWire("in1", "awg", "1", 50.0)),
    outputs=(SourceWire("out0", "err", "1", 1e5), SourceWire("out1", "err", "2", 1e5)),
    pilot=SourceWire("pilot", "gen", "1", 50.0),
    senses=tuple(SenseWire(node, str(k)) for k, node in enumerate(("in0", "in1", "out0", "out1", "pilot"))),
    edges=(),
)
PROGRAMS = ChannelPrograms(HOOKUP, (1000.0, 1500.0), "sine", 1.0)
ASKED = PROGRAMS.programs(Excitation(np.array([0.5, -0.25]), np.array([[1e-6, -2e-6]])))


def turned(programs: Programs, **by_rad: float) -> Programs:
    """As played by sources that turn all their tones, by name."""
    return {
        device: {
            channel: replace(
                program,
                tones=tuple(replace(t, phase_rad=t.phase_rad + by_rad.get(device, 0.0)) for t in program.tones),
            )
            for channel, program in channels.items()
        }
        for device, channels in programs.items()
    }


@pytest.mark.parametrize("by", [{}, {"awg": 0.3}, {"awg": -1.5, "err": 1.5, "gen": -1.5}, {"gen": 3.0}])
def test_signs_are_those_asked_for_however_the_sources_turn_their_tones(by: dict[str, float]) -> None:
    played = turned(ASKED, **by)
    lead = PROGRAMS.lead(ASKED, played)
    wanted = [by.get("awg", 0.0) - by.get("gen", 0.0), by.get("err", 0.0) - by.get("gen", 0.0)]
    np.testing.assert_allclose(np.exp(1j * lead), np.exp(1j * np.array(wanted)), atol=1e-12)
    np.testing.assert_allclose(PROGRAMS.error_as_played(played, lead), [[1e-6, -2e-6]], rtol=1e-12)


def test_two_sources_that_turn_one_frequency_differently_are_refused() -> None:
    played = turned(ASKED)
    tone = played["awg"]["1"].tones[0]
    played["awg"]["1"] = replace(played["awg"]["1"], tones=(replace(tone, phase_rad=tone.phase_rad + 0.2),))
    with pytest.raises(SyncLost, match=r"awg/0 and awg/1 play 1000 Hz 11° apart"):
        PROGRAMS.lead(ASKED, played)


@pytest.mark.parametrize("hertz", [60.0, 1500.0])  # foreign, and the error's tone
def test_a_source_that_says_it_plays_a_tone_it_was_not_asked_for_is_refused(hertz: float) -> None:
    played = turned(ASKED)
    tones = (*played["awg"]["1"].tones, Tone(hertz, 0.1))
    played["awg"]["1"] = replace(played["awg"]["1"], tones=tones)
    with pytest.raises(ChannelFault, match=rf"awg: channel 1 plays {hertz:g} Hz, which was not requested"):
        PROGRAMS.lead(ASKED, played)


@pytest.mark.parametrize(
    ("activation", "error", "message"),
    [
        ([0.5], None, r"activation has shape \(1,\); with 2 inputs it must be \(2,\)"),
        ([0.5, 0.5], [1e-6, 1e-6], r"error has shape \(2,\); with 1 error tones and 2 outputs it must be \(1, 2\)"),
        ([0.5, 0.5], 1e-6, r"error has shape \(\)"),
        ([0.5, np.nan], None, "contains NaN"),
        ([0.5, 0.5], [[np.inf, 0.0]], "contains NaN"),
    ],
)
def test_what_does_not_fit_the_wiring_is_never_spread_over_it(activation, error, message) -> None:
    with pytest.raises(LabrigError, match=message):
        PROGRAMS.programs(Excitation(np.array(activation), None if error is None else np.array(error)))


def test_a_silent_source_turns_nothing() -> None:
    free = PROGRAMS.programs(Excitation(np.array([0.5, 0.0])))
    np.testing.assert_array_equal(PROGRAMS.lead(free, turned(free)), [0.0, 0.0])
