"""rigol.dg1000z against the virtual generator, over both front ends and into a World."""

from __future__ import annotations

import time

import numpy as np
import pytest
from labrig_drivers.rigol import DRIVERS, Dg1000zSource, capabilities
from labrig_drivers.rigol.settings import TABLE_POINTS
from wire.rigol.rigs import SETTLE_S, fast_reset, options, rig
from wire.siglent.rigs import BEGUN, RATE_HZ, assert_as_told, played, seen, sine, virtual_bench

from labrig.errors import ChannelFault, ConfigError, ConnectionFailed, IdentityMismatch, LimitExceeded
from labrig.instruments.contracts import WaveformSource
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.keysight import VirtualTrueform
from labrig.virtual_instruments.rigol import VirtualDg1000z
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server

FRONTS = pytest.mark.parametrize("front", [SocketServer, Vxi11Server])
HALF_CODE = 1 / 16383
"""No code is in the middle of the range: a waveform of zeros is half a code above it, in units of the amplitude."""


@FRONTS
def test_tones_play_what_load_said(front):
    with rig(front) as (source, generator):
        assert isinstance(source, WaveformSource)
        source.idle()
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": sine(1000, -0.25)})
        assert_as_told(told, volts)
        pilot, error = told["1"].tones[0], told["2"].tones[0]
        assert pilot.phase_rad == pytest.approx(-np.pi / 2)
        assert np.cos(error.phase_rad - pilot.phase_rad) == pytest.approx(-1.0, abs=1e-12)
        assert (pilot.amplitude, error.amplitude) == (0.5, 0.25)


def test_every_acquisition_starts_anew():
    with rig() as (source, generator):
        source.idle()
        for amplitude in (0.5, 0.5, -0.5, 0.0, 0.0, 0.5, 0.5):
            told, volts = played(source, generator, {"1": sine(777.5, 1.0), "2": sine(777.5, amplitude)})
            assert_as_told(told, volts, 1e-7 + HALF_CODE * (amplitude == 0.0))
            time.sleep(0.003)


def test_before_the_trigger_nothing_plays():
    with rig() as (source, generator):
        source.idle()
        source.load({"1": sine(1000, 2.0), "2": sine(1000, -2.0, dc=0.5)})
        volts = seen(generator, time.monotonic() - 1e-4, RATE_HZ, 20)
        assert np.abs(volts - [0.0, 0.5]).max() < 1e-9


@pytest.mark.parametrize("small", [SILENT, sine(1000, 0.0), sine(1000, 0.4e-3)])
def test_silence_is_the_nearest_code_with_the_output_on(small):
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": sine(1000, 1.0)})
        for _ in range(2):  # the second trigger finds it playing
            told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": small})
            assert told["2"] == SILENT
            assert np.abs(volts[BEGUN, 1]).max() < 1.01 * HALF_CODE
            assert generator._bench.world.playing(time.monotonic())["gen/2"] is not None
            assert_as_told(told, volts, 1e-4)


def test_dc_and_back():
    with rig() as (source, generator):
        source.idle()
        for first, second in ((1.5, -9.5), (0.0, 9.99), (-3.0, 0.0)):
            told, volts = played(source, generator, {"1": ToneProgram(first), "2": ToneProgram(second)})
            assert told == {"1": ToneProgram(first), "2": ToneProgram(second)}
            assert np.abs(volts[BEGUN] - [first, second]).max() < 9.0 * 1.01 * HALF_CODE
            told, volts = played(source, generator, {"1": sine(500, 9.0), "2": sine(500, 1.0, dc=-8.5)})
            assert_as_told(told, volts)


@pytest.mark.parametrize("load", ["high_z", "50ohm"])
def test_programs_are_open_circuit_volts_whatever_the_panel_shows(load):
    with rig(load=load) as (source, generator):
        told, volts = played(source, generator, {"1": sine(1000, 8.0, dc=1.0), "2": ToneProgram(-9.0)})
        assert_as_told(told, volts, 1e-6)
        assert volts[:, 0].max() == pytest.approx(9.0, abs=1e-2)


@FRONTS
def test_two_tones_from_an_uploaded_waveform(front):
    two = ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3, np.pi)))
    with rig(front) as (source, generator):
        source.idle()
        for _ in range(2):
            told, volts = played(source, generator, {"1": two, "2": sine(1100, 0.5)})
            assert_as_told(told, volts, 2e-4)
            for tone, cycles in zip(told["1"].tones, (13, 22), strict=True):  # of a waveform at 50 Hz
                late = tone.phase_rad + np.pi / 2 - (np.pi if tone.frequency_hz == 1100 else 0)
                assert late == pytest.approx(-np.pi * cycles / TABLE_POINTS, abs=1e-9)
        told, volts = played(source, generator, {"1": SILENT, "2": sine(1100, 0.5)})
        assert np.abs(volts[BEGUN, 0]).max() < 1.01 * HALF_CODE
        told, volts = played(source, generator, {"1": sine(1100, 0.2), "2": SILENT})
        assert_as_told(told, volts, 1e-4)
        with pytest.raises(ConfigError, match="no table"):
            source.load({"1": ToneProgram(0, (Tone(650.001, 0.6), Tone(1100, 0.3)))})


def test_a_manual_trigger_starts_one_channel():
    with rig(trigger="manual", clock="internal") as (source, generator):
        source.idle()
        told = source.load({"1": sine(1000, 0.5), "2": ToneProgram(0.25)})
        source.arm()
        source.start()
        source.confirm()
        start = generator.channel(1).started
        assert start is not None
        volts = seen(generator, start, RATE_HZ, 200)
        assert np.abs(volts[:, 0] - told["1"].at(np.arange(200) / RATE_HZ)).max() < 1e-4
        with pytest.raises(ConfigError, match="simultaneously"):
            source.load({"1": sine(1000, 0.5), "2": sine(1000, 0.5)})


def test_settings_of_an_acquisition():
    with rig() as (source, _):
        source.idle()

        def settings(first: ToneProgram, second: ToneProgram) -> int:
            """Each takes two messages, and the last one is followed by a query of the errors."""
            before = source._session.messages
            source.load({"1": first, "2": second})
            source.arm()
            source.start()
            return (source._session.messages - before) // 2

        pilot = sine(1000, 1.0)
        settings(pilot, sine(1000, 0.1))
        assert settings(pilot, SILENT) == 2 + 1
        assert settings(pilot, sine(1000, 0.2)) == 2 + 4
        assert settings(pilot, sine(1000, 0.2)) == 2 + 2
        assert settings(ToneProgram(1.0), SILENT) == 2 + 1
        assert settings(ToneProgram(1.0), SILENT) == 0


def test_a_message_that_comes_too_early_spoils_the_one_before():
    """As seen on a DG1062Z: the setting reads back, so that the driver cannot know."""
    with rig(settle_s=20 * SETTLE_S, pause="0 s") as (source, generator):
        source.idle()
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": sine(1000, 0.25)})
        source.confirm()
        with pytest.raises(AssertionError):
            assert_as_told(told, volts)


def test_what_the_generator_limits_is_named():
    with rig() as (source, _):
        with pytest.raises(ChannelFault, match=r"channel 2 did not accept VOLT: requested 24, got 2\.0"):
            source.load({"2": sine(1000, 12.0)})
        with pytest.raises(LimitExceeded, match="5e\\+07 Hz"):
            source.load({"1": sine(50e6, 1.0)})
        source.load({"1": sine(1000, 1.0)})  # and it recovers


def test_levels_are_those_that_are_read_back(monkeypatch: pytest.MonkeyPatch):
    def rounded(channel, text: str) -> None:
        channel.open_vpp = round(float(text), 3)

    monkeypatch.setattr("labrig.virtual_instruments.rigol.channel.Channel.set_vpp", rounded)
    with rig() as (source, generator):
        told, volts = played(source, generator, {"1": sine(1000, 0.123456), "2": SILENT})
        assert told["1"].tones[0].amplitude == pytest.approx(0.1235, abs=1e-9)
        assert_as_told(told, volts, 1e-4)


@pytest.mark.parametrize("program", [sine(1000, 1.0), SILENT, ToneProgram(0.5)])
def test_a_generator_that_was_reset_since_its_start_does_not_confirm(program):
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": program, "2": SILENT})
        source.confirm()
        generator.power_cycle()
        with pytest.raises(ChannelFault, match=r"did not accept.*confirm"):
            source.confirm()
        told, volts = played(source, generator, {"1": program, "2": SILENT})  # set up anew
        assert_as_told(told, volts, 1e-4)
        source.confirm()


@pytest.mark.parametrize("command", ["OUTP2:LOAD 75", "SOUR2:BURS:TRIG:SOUR MAN", "SOUR1:BURS:PHAS 5"])
def test_what_somebody_changes_at_the_front_panel_is_noticed_in_time(command):
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": SILENT})
        generator.execute(command.encode())
        source._confirmed = 15  # every sixteenth time everything is asked
        with pytest.raises(ChannelFault, match="did not accept"):
            source.confirm()


def test_safe_means_both_outputs_off():
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": ToneProgram(2.0)})
        source.make_safe()
        time.sleep(SETTLE_S)
        playing = generator._bench.world.playing(time.monotonic())
        assert (playing["gen/1"], playing["gen/2"]) == (None, None)
        source.idle()
        assert generator.channel(1).on


@pytest.mark.parametrize(
    "other",
    [
        lambda: VirtualTrueform(virtual_bench(), "gen"),
        lambda: VirtualDg1000z(virtual_bench(), "gen", model="DG4162"),
    ],
)
def test_another_instrument_at_the_address_is_never_driven(other):
    with SocketServer(other()) as server:
        source = Dg1000zSource("gen", options(server.resource))
        with pytest.raises(IdentityMismatch, match="not a Rigol DG1000Z"):
            source.open()
        source.make_safe()
        source.close()


def test_without_10_mhz_it_is_not_used():
    generator = VirtualDg1000z(virtual_bench(), "gen", reference=lambda: False, settle_s=SETTLE_S)
    with fast_reset(), SocketServer(generator) as server:
        source = Dg1000zSource("gen", options(server.resource))
        with pytest.raises(ConnectionFailed, match="runs on its INT clock instead of EXT"):
            source.open()
        source.close()


def test_rescue_switches_off_what_another_process_left_on():
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": ToneProgram(2.0)})
        other = Dg1000zSource("gen", source._options)
        other.rescue()
        assert not generator.channel(1).on
        assert not generator.channel(2).on


def test_models():
    able = capabilities(options("TCPIP::h::5555::SOCKET", model="DG1032Z"))
    assert (able.channels, able.bits, able.most_tones, able.address) == (("1", "2"), 14, 64, "TCPIP::h::INSTR")
    assert set(DRIVERS[0].models) == {"DG1022Z", "DG1032Z", "DG1062Z"}
