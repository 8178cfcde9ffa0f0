"""What the examples of NI's Python package do with analog channels: waveforms, properties, reference clocks.

Source: examples of the public repository ni/nidaqmx-python (MIT), version named in ../README.md.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from nidaqmx.constants import AcquisitionType, SyncType, TerminalConfiguration
from nidaqmx.errors import DaqError
from nitypes.waveform import AnalogWaveform
from wire.daqmx.boards import AI, AO, Client, Wire

from labrig.signals.tones import ToneProgram


def test_channel_properties_change_afterwards(ni: Client) -> None:
    """analog_in/channel_properties.py; the range of the converter follows the limits."""
    with ni.task() as task:
        first = task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-0.1, max_val=0.1)
        assert first.ai_rng_high == 0.1
        first.ai_max = 5
        assert (first.ai_max, first.ai_min, first.ai_rng_high) == (5.0, -0.1, 5.0)
        others = task.ai_channels.add_ai_voltage_chan(f"{AI}/ai1:3", min_val=-10, max_val=10)
        others.ai_term_cfg = TerminalConfiguration.NRSE
        assert others.ai_term_cfg == TerminalConfiguration.NRSE
        assert first.ai_max == 5.0
        assert first.ai_term_cfg != TerminalConfiguration.NRSE
        with pytest.raises(DaqError) as caught:
            others.ai_max = 11
        assert caught.value.error_code == -200077
        with pytest.raises(DaqError) as caught:
            task.ai_channels.add_ai_voltage_chan(f"{AI}/ai7", min_val=1, max_val=-1)
        assert caught.value.error_code == -200082


def test_a_name_may_begin_with_a_slash(ni: Client) -> None:
    """analog_in/ai_multi_task_pxie_ref_clk.py"""
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"/{AI}/ai0")
        task.timing.ref_clk_src, task.timing.ref_clk_rate = "PXIe_Clk100", 100e6
        task.timing.cfg_samp_clk_timing(1000, sample_mode=AcquisitionType.CONTINUOUS)
        assert task.triggers.sync_type is SyncType.NONE
        assert len(task.read(10)) == 10


def test_waveforms_bear_names_and_times(ni: Client, served: Wire) -> None:
    """analog_in/voltage_acq_int_clk_wfm.py"""
    with served.bench.lock:
        served.world.drive(served.bench.clock(), "awg/ao0", ToneProgram(0.5))
        served.world.drive(served.bench.clock(), "awg/ao1", ToneProgram(-0.5))
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0:1")
        task.timing.cfg_samp_clk_timing(1000.0, sample_mode=AcquisitionType.FINITE, samps_per_chan=50)
        began = datetime.now(UTC)
        task.start()
        first, second = task.read_waveform(20), task.read_waveform(30)
        ended = datetime.now(UTC)
    assert [waveform.channel_name for waveform in first] == [f"{AI}/ai0", f"{AI}/ai1"]
    assert [waveform.units for waveform in first] == ["Volts", "Volts"]
    assert [len(waveform.scaled_data) for waveform in (first[0], second[0])] == [20, 30]
    assert first[0].scaled_data.mean() > 0.1
    assert second[1].scaled_data.mean() < -0.1
    start, later = (waveform[0].timing.timestamp for waveform in (first, second))
    assert began - timedelta(seconds=0.05) < start < ended
    assert (later - start).total_seconds() == pytest.approx(20e-3, abs=1e-3)
    assert second[0].timing.sample_interval.total_seconds() == pytest.approx(1e-3)


def test_a_waveform_on_demand_and_one_cut_short(ni: Client) -> None:
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0")
        assert len(task.read_waveform(3).scaled_data) == 3
        task.timing.cfg_samp_clk_timing(100.0, sample_mode=AcquisitionType.FINITE, samps_per_chan=100)
        with pytest.raises(DaqError) as caught:
            task.read_waveform(100, timeout=0.05)
        assert caught.value.error_code == -200284


def test_a_waveform_is_played(ni: Client, served: Wire) -> None:
    """analog_out/gen_voltage_wfm_int_clk.py, with a sine instead of a ramp, which a board of tones cannot play."""
    turns = np.arange(1000) / 1000
    with ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0:1")
        task.timing.cfg_samp_clk_timing(100e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000)
        written = [AnalogWaveform.from_array_1d(a * np.sin(2 * np.pi * 3 * turns), np.float64) for a in (1.0, 2.0)]
        assert task.write_waveform(written, auto_start=True) == 1000
        playing = served.world.playing(served.bench.clock())
        for channel, amplitude in (("awg/ao0", 1.0), ("awg/ao1", 2.0)):
            program = playing[channel]
            assert program is not None
            (tone,) = program.tones
            assert tone.frequency_hz == 300.0
            assert tone.amplitude == pytest.approx(amplitude, rel=1e-3)
