"""siglent.sdg against the virtual generator, over both front ends and into a World."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
from labrig_drivers.siglent import DRIVERS, SdgOptions, SdgSource, capabilities
from labrig_drivers.tone_table import table_plan
from pydantic import ValidationError
from wire.siglent.rigs import BEGUN, RATE_HZ, assert_as_told, options, played, rig, seen, sine, virtual_bench

from labrig.errors import (
    ChannelFault,
    ConfigError,
    ConnectionFailed,
)
from labrig.instruments.contracts import WaveformSource
from labrig.instruments.guard import GuardedSource
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.scpi import Latency, SocketServer, Vxi11Server
from labrig.virtual_instruments.siglent import VirtualSdg

FRONTS = pytest.mark.parametrize("front", [SocketServer, Vxi11Server])


@FRONTS
def test_tones_play_what_load_said(front):
    with rig(front) as (source, generator, _):
        source.idle()
        told, volts = played(source, generator, {"1": sine(1000, 0.5), "2": sine(1000, -0.25)})
        assert_as_told(told, volts)
        pilot, error = told["1"].tones[0], told["2"].tones[0]
        # turned by −90° and the burst delay, both alike: signs survive relative to the pilot
        assert pilot.phase_rad == pytest.approx(-np.pi / 2, abs=0.01)
        assert np.cos(error.phase_rad - pilot.phase_rad) == pytest.approx(-1.0, abs=1e-12)
        assert (pilot.amplitude, error.amplitude) == (0.5, 0.25)
        assert (pilot.frequency_hz, error.frequency_hz) == (1000, 1000)


def test_two_generators_are_turned_alike():
    bench = virtual_bench()
    first, second = VirtualSdg(bench, "one"), VirtualSdg(bench, "two")
    with SocketServer(first) as a, SocketServer(second) as b:
        sources = [SdgSource(name, options(server)) for name, server in (("one", a), ("two", b))]
        phases = []
        for source in sources:
            source.open()
            phases.append(source.load({"1": sine(1234.5, 0.3)})["1"].tones[0].phase_rad)
            source.close()
    assert phases[0] == phases[1]


def test_every_acquisition_starts_anew():
    with rig() as (source, generator, _):
        source.idle()
        for amplitude in (0.5, 0.5, -0.5, 0.0, 0.5, 0.5):
            told, volts = played(source, generator, {"1": sine(777.5, 1.0), "2": sine(777.5, amplitude)})
            assert_as_told(told, volts)
            time.sleep(0.003)


def test_before_the_trigger_nothing_plays():
    with rig() as (source, generator, _):
        source.idle()
        source.load({"1": sine(1000, 2.0), "2": sine(1000, -2.0, dc=0.5)})
        volts = seen(generator, time.monotonic() - 1e-4, RATE_HZ, 20)
        assert np.abs(volts - [0.0, 0.5]).max() < 1e-9


@pytest.mark.parametrize("small", [SILENT, sine(1000, 0.0), sine(1000, 0.4e-3)])
def test_zero_is_a_true_zero_with_the_output_on(small):
    with rig() as (source, generator, _):
        source.idle()
        played(source, generator, {"1": sine(1000, 1.0), "2": sine(1000, 1.0)})
        told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": small})
        assert told["2"] == SILENT
        assert np.abs(volts[BEGUN, 1]).max() < 1e-9
        assert generator._bench.world.playing(time.monotonic())["gen/2"] is not None
        assert_as_told(told, volts)


def test_what_is_too_small_is_played_at_the_smallest_and_said_so():
    with rig() as (source, generator, _):
        told, volts = played(source, generator, {"1": sine(1000, 0.7e-3), "2": SILENT})
        assert told["1"].tones[0].amplitude == pytest.approx(1e-3)
        assert_as_told(told, volts)


def test_dc_and_back():
    with rig() as (source, generator, _):
        source.idle()
        for first, second in ((1.5, -9.5), (0.0, 9.99), (-3.0, 0.0)):
            told, volts = played(source, generator, {"1": ToneProgram(first), "2": ToneProgram(second)})
            assert told == {"1": ToneProgram(first), "2": ToneProgram(second)}
            assert np.abs(volts[BEGUN] - [first, second]).max() < 1e-9
            told, volts = played(source, generator, {"1": sine(500, 9.0), "2": sine(500, 1.0, dc=-8.5)})
            assert_as_told(told, volts)


@pytest.mark.parametrize("load", ["high_z", "50ohm"])
def test_programs_are_open_circuit_volts_whatever_the_panel_shows(load):
    with rig(load=load) as (source, generator, _):
        told, volts = played(source, generator, {"1": sine(1000, 8.0, dc=1.0), "2": ToneProgram(-9.0)})
        assert_as_told(told, volts)
        assert volts[:, 0].max() == pytest.approx(9.0, abs=1e-2)


@pytest.mark.parametrize("joins_long", [False, True])
def test_two_tones_from_an_uploaded_table(joins_long):
    two = ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3, np.pi)))
    with rig(Vxi11Server, joins_long=joins_long) as (source, generator, _):
        source.idle()
        told, volts = played(source, generator, {"1": two, "2": sine(1100, 0.5)})
        assert_as_told(told, volts, 1e-4)
        before = source._session.messages
        told, volts = played(source, generator, {"1": two, "2": sine(1100, 0.5)})
        assert source._session.messages - before == 3
        assert_as_told(told, volts, 1e-4)
        told, volts = played(source, generator, {"1": SILENT, "2": sine(1100, 0.5)})
        assert np.abs(volts[BEGUN, 0]).max() < 1e-4
        told, volts = played(source, generator, {"1": sine(1100, 0.2), "2": SILENT})
        assert_as_told(told, volts)


@pytest.mark.parametrize("form", ["INDEX,2,NAME,{}", "NAME,{}.bin", "NAME,{}", 'INDEX,31,NAME,"{}"'])
def test_the_name_of_an_uploaded_table_in_every_form_that_is_known(form, monkeypatch):
    monkeypatch.setattr(VirtualSdg, "_waveform", lambda _, name: form.format(name))
    with rig(Vxi11Server) as (source, _, _):
        source.load({"1": ToneProgram(0.1, (Tone(650, 0.6), Tone(1100, 0.3)))})
        monkeypatch.setattr(VirtualSdg, "_waveform", lambda _, name: form.format("other" + name))
        with pytest.raises(ChannelFault, match="channel 1 plays 'otherlabrig1' instead of labrig1"):
            source.load({"1": ToneProgram(0.1, (Tone(650, 0.5), Tone(1100, 0.3)))})


def test_two_tones_that_no_table_holds_or_no_socket_carries():
    with rig() as (source, _, _), pytest.raises(ConfigError, match="raw socket"):
        source.load({"1": ToneProgram(0, (Tone(650, 0.6), Tone(1100, 0.3)))})
    with rig(Vxi11Server) as (source, _, _), pytest.raises(ConfigError, match="no table"):
        source.load({"1": ToneProgram(0, (Tone(650.001, 0.6), Tone(1100, 0.3)))})


def test_tones_on_a_grid_that_no_microhertz_divides_share_a_table():
    """Cycles of a 30 ms window: their common divisor, 33.3… Hz, is rounded to a microhertz."""
    tones = [Tone(count / 0.03, 0.3) for count in (8, 10, 17)]
    base, cycles = table_plan(tones)
    assert cycles == (8, 10, 17)
    assert base * np.array(cycles) == pytest.approx([tone.frequency_hz for tone in tones], abs=20e-6)
    assert table_plan([Tone(650, 0.6), Tone(1100, 0.3)]) == (50.0, (13, 22))


def test_messages_of_an_acquisition():
    with rig() as (source, _, _):
        source.idle()

        def messages(first: ToneProgram, second: ToneProgram) -> int:
            before = source._session.messages
            source.load({"1": first, "2": second})
            source.arm()
            source.start()
            return source._session.messages - before

        pilot = sine(1000, 1.0)
        messages(pilot, sine(1000, 0.1))
        assert messages(pilot, sine(1000, 0.2)) == 4  # pilot re-armed; error re-armed, written, read
        assert messages(pilot, sine(1000, 0.2)) == 3  # both re-armed, one question
        assert messages(pilot, SILENT) == 3
        assert messages(pilot, SILENT) == 2
        assert messages(ToneProgram(1.0), SILENT) == 3
        assert messages(ToneProgram(1.0), SILENT) == 0
        assert messages(ToneProgram(2.0), SILENT) == 2


def test_a_clamped_value_is_a_fault_that_names_both():
    with rig() as (source, _, _):
        with pytest.raises(ChannelFault, match="FRQ: requested 50000000, got 40000000HZ"):
            source.load({"1": sine(50e6, 1.0)})
        with pytest.raises(ChannelFault, match="AMP: requested 24, got 20V"):
            source.load({"2": sine(1000, 12.0)})
        source.load({"1": sine(1000, 1.0)})  # and it recovers


@pytest.mark.parametrize("program", [sine(1000, 1.0), SILENT, ToneProgram(0.5)])
def test_a_generator_that_was_reset_since_its_start_does_not_confirm(program):
    with rig() as (source, generator, _):
        source.idle()
        played(source, generator, {"1": program, "2": SILENT})
        source.confirm()
        generator.power_cycle()
        with pytest.raises(ChannelFault, match=r"did not accept.*confirm"):
            source.confirm()
        told, volts = played(source, generator, {"1": program, "2": SILENT})  # set up anew
        assert_as_told(told, volts)
        source.confirm()


def test_idle_and_safe():
    with rig() as (source, generator, _):
        world = generator._bench.world
        assert world.playing(time.monotonic()) == {"gen/1": None, "gen/2": None}
        source.idle()
        assert world.playing(time.monotonic()) == {"gen/1": SILENT, "gen/2": SILENT}
        played(source, generator, {"1": sine(1000, 1.0), "2": ToneProgram(2.0)})
        source.idle()
        assert world.playing(time.monotonic()) == {"gen/1": SILENT, "gen/2": SILENT}
        source.make_safe()
        source.make_safe()
        assert world.playing(time.monotonic()) == {"gen/1": None, "gen/2": None}
        told, volts = played(source, generator, {"1": sine(1000, 1.0), "2": SILENT})
        assert_as_told(told, volts)
        source.close()
        source.close()


def test_opening_ends_what_played_before():
    bench = virtual_bench()
    generator = VirtualSdg(bench, "gen")
    for command in (b"C1:BSWV AMP,10", b"C1:OUTP ON", b"C2:BSWV WVTP,DC,OFST,5", b"C2:OUTP ON,PLRT,INVT"):
        generator.execute(command)
    with SocketServer(generator) as server:
        source = SdgSource("gen", options(server))
        source.open()
        assert bench.world.playing(bench.clock()) == {"gen/1": None, "gen/2": None}
        source.idle()
        assert bench.world.playing(bench.clock()) == {"gen/1": SILENT, "gen/2": SILENT}
        source.close()


def test_before_open_and_half_open():
    with SocketServer(VirtualSdg(virtual_bench(), "gen")) as server:
        source = SdgSource("gen", options(server))
        source.make_safe()
        source.close()
        for action in (source.idle, source.arm, source.start, source.identify):
            with pytest.raises(ConnectionFailed, match="not open"):
                action()


def once_it_plays(generator):
    """What is on the outputs once the trigger has arrived, which the driver cannot know."""
    until = time.monotonic() + 5
    while True:
        time.sleep(0.002)
        volts = seen(generator, time.monotonic(), RATE_HZ, 400)
        if volts[:, 0].any() or time.monotonic() > until:
            return volts


def test_manual_trigger():
    with rig(trigger="manual") as (source, generator, _):
        source.idle()
        for amplitude in (1.0, 1.0, 0.5):
            told = source.load({"1": sine(1000, amplitude), "2": SILENT})
            source.arm()
            source.start()
            volts = once_it_plays(generator)
            assert np.abs(volts[:, 0]).max() == pytest.approx(amplitude, rel=0.01)
            assert np.abs(volts[:, 1]).max() < 1e-9
            assert told["1"].tones[0].amplitude == amplitude
        source.idle()
        time.sleep(0.002)
        assert np.abs(seen(generator, time.monotonic() - 1e-3, RATE_HZ, 90)).max() < 1e-9
        with pytest.raises(ConfigError, match="simultaneously"):
            source.load({"1": sine(1000, 1.0), "2": sine(1000, 1.0)})


def test_contract_guard_and_catalogue():
    (info,) = DRIVERS
    wanted = SdgOptions(driver="siglent.sdg", resource="TCPIP::x::INSTR", model="SDG1032X", full_scale="5 V")
    can = capabilities(wanted)
    assert (can.channels, can.bits, can.full_scale_v, can.output_resistance_ohm) == (("1", "2"), 14, 5.0, 50.0)
    assert info.factory is SdgSource
    source = SdgSource("gen", wanted)
    assert isinstance(GuardedSource("gen", source, can), WaveformSource)
    assert isinstance(source, WaveformSource)
    with pytest.raises(ValidationError):
        SdgOptions(driver="siglent.sdg", resource="x", full_scale="10.5 V")


def test_figures(capsys):
    for front in (SocketServer, Vxi11Server):
        with rig(front, Latency(0.0, 0.0)) as (source, _, _):
            source.idle()
            trips, loads = [], []
            for index in range(60):
                began = time.perf_counter()
                source._session.query("C1:BTWV?", "measure")
                trips.append(time.perf_counter() - began)
                began = time.perf_counter()
                source.load({"1": sine(1000, 1.0), "2": sine(1000, 0.1 + index / 100)})
                loads.append(time.perf_counter() - began)
            trip, load = statistics.median(trips) * 1e3, statistics.median(loads) * 1e3
        with capsys.disabled():
            print(f"\n{front.__name__}: BTWV? {trip:.2f} ms, load with one changed tone {load:.2f} ms", end=" ")
        assert trip < 20  # wall-clock: generous where the machine is busy; the figure is what is printed
