"""keysight.trueform against the virtual generator, over both front ends and into a World."""

from __future__ import annotations

import time

import numpy as np
import pytest
from labrig_drivers.keysight import DRIVERS, TrueformOptions, TrueformSource, capabilities
from labrig_drivers.keysight.generator import LATENCY_S
from sweeps import wait_for
from wire.keysight.rigs import rig
from wire.siglent.rigs import BEGUN, RATE_HZ, assert_as_told, played, seen, sine, virtual_bench

from labrig.errors import ChannelFault, ConfigError, ConnectionFailed, IdentityMismatch
from labrig.instruments.contracts import WaveformSource
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.keysight import VirtualTrueform
from labrig.virtual_instruments.scpi import SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg

FRONTS = pytest.mark.parametrize("front", [SocketServer, Vxi11Server])


@FRONTS
def test_tones_play_what_load_said(front):
    with rig(front) as (source, generator):
        assert isinstance(source, WaveformSource)
        source.idle()
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": sine(1000, -0.25)})
        assert_as_told(told, volts)
        pilot, error = told["1"].tones[0], told["2"].tones[0]
        assert pilot.phase_rad == pytest.approx(-np.pi / 2 - 2 * np.pi * 1000 * LATENCY_S)
        assert np.cos(error.phase_rad - pilot.phase_rad) == pytest.approx(-1.0, abs=1e-12)
        assert (pilot.amplitude, error.amplitude) == (0.5, 0.25)


def test_every_acquisition_starts_anew():
    with rig() as (source, generator):
        source.idle()
        for amplitude in (0.5, 0.5, -0.5, 0.0, 0.5, 0.5):
            told, volts = played(source, generator, {"1": sine(777.5, 1.0), "2": sine(777.5, amplitude)})
            assert_as_told(told, volts)
            time.sleep(0.003)


def test_before_the_trigger_nothing_plays():
    with rig() as (source, generator):
        source.idle()
        source.load({"1": sine(1000, 2.0), "2": sine(1000, -2.0, dc=0.5)})
        volts = seen(generator, time.monotonic() - 1e-4, RATE_HZ, 20)
        assert np.abs(volts - [0.0, 0.5]).max() < 1e-9


@pytest.mark.parametrize("small", [SILENT, sine(1000, 0.0), sine(1000, 0.4e-3)])
def test_zero_is_a_true_zero_with_the_output_on(small):
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": sine(1000, 1.0)})
        told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": small})
        assert told["2"] == SILENT
        assert np.abs(volts[BEGUN, 1]).max() < 1e-9
        assert generator._bench.world.playing(time.monotonic())["gen/2"] is not None
        assert_as_told(told, volts)


def test_dc_and_back():
    with rig() as (source, generator):
        source.idle()
        for first, second in ((1.5, -9.5), (0.0, 9.99), (-3.0, 0.0)):
            told, volts = played(source, generator, {"1": ToneProgram(first), "2": ToneProgram(second)})
            assert told == {"1": ToneProgram(first), "2": ToneProgram(second)}
            assert np.abs(volts[BEGUN] - [first, second]).max() < 1e-9
            told, volts = played(source, generator, {"1": sine(500, 9.0), "2": sine(500, 1.0, dc=-8.5)})
            assert_as_told(told, volts)


@pytest.mark.parametrize("load", ["high_z", "50ohm"])
def test_programs_are_open_circuit_volts_whatever_the_panel_shows(load):
    with rig(load=load) as (source, generator):
        told, volts = played(source, generator, {"1": sine(1000, 8.0, dc=1.0), "2": ToneProgram(-9.0)})
        assert_as_told(told, volts)
        assert volts[:, 0].max() == pytest.approx(9.0, abs=1e-2)


@FRONTS
def test_two_tones_from_an_uploaded_table(front):
    two = ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3, np.pi)))
    with rig(front) as (source, generator):
        source.idle()
        told, volts = played(source, generator, {"1": two, "2": sine(1100, 0.5)})
        assert_as_told(told, volts, 1e-4)
        told, volts = played(source, generator, {"1": two, "2": sine(1100, 0.5)})
        assert_as_told(told, volts, 1e-4)
        told, volts = played(source, generator, {"1": SILENT, "2": sine(1100, 0.5)})
        assert np.abs(volts[BEGUN, 0]).max() < 1e-4
        told, volts = played(source, generator, {"1": sine(1100, 0.2), "2": SILENT})
        assert_as_told(told, volts)
        with pytest.raises(ConfigError, match="no table"):
            source.load({"1": ToneProgram(0, (Tone(650.001, 0.6), Tone(1100, 0.3)))})


def test_a_manual_trigger_starts_both_channels():
    with rig(trigger="manual", clock="internal") as (source, generator):
        source.idle()
        told = source.load({"1": sine(1000, 0.5), "2": sine(500, 0.25)})
        source.arm()
        before = time.monotonic()
        source.start()
        both = generator.channel(1), generator.channel(2)
        wait_for(lambda: all(channel.started is not None for channel in both))  # the driver cannot know
        began = {channel.started for channel in both}
        assert len(began) == 1
        start = began.pop()
        assert before < start < time.monotonic()
        volts = seen(generator, start - LATENCY_S, RATE_HZ, 200)
        times = np.arange(200) / RATE_HZ
        for column, channel in enumerate("12"):
            assert np.abs(volts[BEGUN, column] - told[channel].at(times[BEGUN])).max() < 1e-4


def test_messages_of_an_acquisition():
    with rig() as (source, _):
        source.idle()

        def messages(first: ToneProgram, second: ToneProgram) -> int:
            before = source._session.messages
            source.load({"1": first, "2": second})
            source.arm()
            source.start()
            return source._session.messages - before

        pilot = sine(1000, 1.0)
        messages(pilot, sine(1000, 0.1))
        assert messages(pilot, sine(1000, 0.2)) == 3  # one write, the settings of channel 2, the error queue
        assert messages(pilot, sine(1000, 0.2)) == 2  # ABOR, and one question
        assert messages(ToneProgram(1.0), SILENT) == 4
        assert messages(ToneProgram(1.0), SILENT) == 0


def test_what_the_generator_refuses_is_named_with_its_own_words():
    with rig() as (source, _):
        with pytest.raises(ChannelFault, match=r"FREQ: requested 50000000, got \+3\.0.*-222 Data out of range"):
            source.load({"1": sine(50e6, 1.0)})
        with pytest.raises(ChannelFault, match=r"VOLT: requested 24, got \+2\.0"):
            source.load({"2": sine(1000, 12.0)})
        source.load({"1": sine(1000, 1.0)})  # and it recovers


def test_levels_are_those_that_are_read_back(monkeypatch: pytest.MonkeyPatch):
    """A generator that rounds to four digits is told apart from one that plays something else."""

    def rounded(channel, text: str) -> None:
        channel.open_vpp = float(f"{float(text):.4g}")

    monkeypatch.setattr("labrig.virtual_instruments.keysight.channel.Channel.set_vpp", rounded)
    with rig() as (source, generator):
        told, volts = played(source, generator, {"1": sine(1000, 0.123456), "2": SILENT})
        assert told["1"].tones[0].amplitude == pytest.approx(0.12345, abs=1e-9)
        assert_as_told(told, volts)


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
        assert_as_told(told, volts)
        source.confirm()


def test_safe_means_both_outputs_off():
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": ToneProgram(2.0)})
        source.make_safe()
        assert not generator.channel(1).on
        assert not generator.channel(2).on
        source.idle()
        assert generator.channel(1).on


def test_another_instrument_at_the_address_is_never_driven():
    sdg = VirtualSdg(virtual_bench(), "gen")
    with SocketServer(sdg) as server:
        source = TrueformSource("gen", TrueformOptions(driver="keysight.trueform", resource=server.resource))
        with pytest.raises(IdentityMismatch, match="not a Keysight 33500 or 33600"):
            source.open()
        source.make_safe()
        source.close()


def test_without_10_mhz_it_is_not_used():
    generator = VirtualTrueform(virtual_bench(), "gen", reference=lambda: False)
    with SocketServer(generator) as server:
        source = TrueformSource("gen", TrueformOptions(driver="keysight.trueform", resource=server.resource))
        with pytest.raises(ConnectionFailed, match="runs on its INT clock instead of EXT"):
            source.open()
        source.close()


def test_rescue_switches_off_what_another_process_left_on():
    with rig() as (source, generator):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": ToneProgram(2.0)})
        other = TrueformSource("gen", source._options)
        other.rescue()
        assert not generator.channel(1).on
        assert not generator.channel(2).on


@pytest.mark.parametrize(
    ("model", "channels", "bits", "tones"),
    [("33522B", 2, 16, 64), ("33511B", 1, 16, 64), ("33622A", 2, 14, 64), ("33520B", 2, 16, 1)],
)
def test_models(model, channels, bits, tones):
    able = capabilities(TrueformOptions(driver="keysight.trueform", resource="TCPIP::h::INSTR", model=model))
    assert (len(able.channels), able.bits, able.most_tones) == (channels, bits, tones)
    assert model in DRIVERS[0].models
