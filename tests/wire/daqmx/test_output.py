"""Virtual outputs: what they recognise in a buffer, and what they keep."""

from __future__ import annotations

import time

import numpy as np
import pytest
from nidaqmx.constants import AcquisitionType
from nidaqmx.errors import DaqError
from wire.daqmx.boards import AO, AO_STEP_V, Client, Wire

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.daqmx.tones import recognise


def playing(served: Wire, channel: str = "awg/ao0") -> ToneProgram:
    with served.bench.lock:
        program = served.world.playing(served.bench.clock() + 1)[channel]
    assert program is not None
    return program


@pytest.mark.parametrize("rounded", [False, True])
def test_tones_are_recognised_exactly(rounded: bool) -> None:
    rate, count = 100e3, 2000
    t = np.arange(count) / rate
    program = ToneProgram(0.25, (Tone(350.0, 0.5, 0.3), Tone(1250.0, 0.125, -2.0)))
    samples = program.at(t)
    if rounded:
        samples = np.rint(samples / AO_STEP_V) * AO_STEP_V
    found = recognise(samples, rate, AO_STEP_V)
    assert found is not None
    accuracy = AO_STEP_V / 10 if rounded else 1e-12
    assert found.dc == pytest.approx(0.25, abs=accuracy)
    for tone, wanted in zip(found.tones, program.tones, strict=True):
        assert tone.frequency_hz == wanted.frequency_hz
        assert tone.amplitude == pytest.approx(wanted.amplitude * np.sinc(wanted.frequency_hz / rate), abs=accuracy)
        assert tone.phase_rad == pytest.approx(wanted.phase_rad, abs=20 * accuracy)


def test_a_weak_tone_is_not_lost_beside_a_strong_one() -> None:
    program = ToneProgram(0.0, (Tone(100.0, 5.0), Tone(700.0, 1e-5)))
    found = recognise(program.at(np.arange(1000) / 100e3), 100e3, AO_STEP_V)
    assert found is not None
    assert [tone.frequency_hz for tone in found.tones] == [100.0, 700.0]


def test_noise_and_ramps_are_no_tones() -> None:
    assert recognise(np.random.default_rng(0).standard_normal(1000), 1e5, AO_STEP_V) is None
    assert recognise(np.linspace(0, 1, 1000), 1e5, AO_STEP_V) is None


def test_on_demand_writes_reach_the_board(ni: Client, served: Wire) -> None:
    with ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0:1")
        assert task.write([1.0, -2.0]) == 1
        time.sleep(0.01)
        assert playing(served).dc == 1.0
        assert playing(served, "awg/ao1").dc == -2.0
        with pytest.raises(DaqError) as caught:
            task.write([10.5, 0.0])
        assert caught.value.error_code == -200561
    assert playing(served).dc == 1.0  # an output keeps its value when the task is gone
    ni.system.devices[AO].reset_device()
    assert playing(served).dc == 0.0


def buffered(ni: Client, samples: np.ndarray, mode: AcquisitionType = AcquisitionType.CONTINUOUS):
    task = ni.task()
    task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
    task.timing.cfg_samp_clk_timing(100e3, sample_mode=mode, samps_per_chan=len(samples))
    task.write(samples, auto_start=False)
    return task


def test_a_buffer_plays_over_and_over_and_leaves_its_last_sample(ni: Client, served: Wire) -> None:
    samples = 0.5 + np.cos(2 * np.pi * 3 * np.arange(1000) / 1000)
    with buffered(ni, samples) as task:
        task.start()
        (tone,) = playing(served).tones
        assert tone.frequency_hz == 300.0
        assert playing(served).dc == pytest.approx(0.5)
        task.stop()
        held = playing(served)
        assert held.tones == ()
        assert np.abs(samples - held.dc).min() < 1e-12


def test_a_finite_generation_ends(ni: Client, served: Wire) -> None:
    with buffered(ni, np.cos(2 * np.pi * np.arange(1000) / 1000), AcquisitionType.FINITE) as task:
        task.start()
        task.wait_until_done(1.0)
        assert playing(served).tones == ()


def test_any_short_buffer_is_a_sum_of_few_tones() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 128)
    found = recognise(samples, 1e5, AO_STEP_V)
    assert found is not None
    held = [
        Tone(tone.frequency_hz, tone.amplitude / np.sinc(tone.frequency_hz / 1e5), tone.phase_rad)
        for tone in found.tones
    ]
    np.testing.assert_allclose(ToneProgram(found.dc, tuple(held)).at(np.arange(128) / 1e5), samples, atol=1e-9)


def test_what_is_no_sum_of_tones_is_refused_in_words(ni: Client) -> None:
    with pytest.raises(DaqError, match=r"^A virtual output plays .* 64 tones on whole cycles of the buffer") as caught:
        buffered(ni, np.linspace(-1, 1, 1000))
    assert caught.value.error_code == -200561
    assert "too large" not in str(caught.value)


def test_limits_beyond_the_range_of_the_outputs_are_refused(ni: Client) -> None:
    with ni.task() as task:
        with pytest.raises(DaqError, match=r"DAQmx_AO_Max\nRequested Value: 20\nMaximum Value: 10") as caught:
            task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0", min_val=-20, max_val=20)
        assert caught.value.error_code == -200077
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0", min_val=-5, max_val=5)
        with pytest.raises(DaqError) as caught:
            task.ao_channels[0].ao_max = 10.5
        assert caught.value.error_code == -200077


def test_an_empty_buffer_does_not_start(ni: Client) -> None:
    with ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
        task.timing.cfg_samp_clk_timing(100e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=100)
        with pytest.raises(DaqError) as caught:
            task.start()
        assert caught.value.error_code == -200462
