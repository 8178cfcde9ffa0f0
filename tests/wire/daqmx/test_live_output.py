"""Outputs that change while they play: live rewrites, no regeneration, functions, retriggerable starts.

Sources: NI-DAQmx Help (regeneration mode, function generator channels, retriggerable start trigger).
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from nidaqmx.constants import AcquisitionType, FuncGenType, RegenerationMode
from nidaqmx.errors import DaqError
from wire.daqmx.boards import AI, AO, Client, Wire

from labrig.signals.tones import ToneProgram

RATE_HZ = 100e3


def cosine(cycles: int, volts: float = 1.0, count: int = 1000) -> np.ndarray:
    return volts * np.cos(2 * np.pi * cycles * np.arange(count) / count)


def task_of(ni: Client, samples: int = 1000, mode: AcquisitionType = AcquisitionType.CONTINUOUS):
    task = ni.task()
    task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0")
    task.timing.cfg_samp_clk_timing(RATE_HZ, sample_mode=mode, samps_per_chan=samples)
    return task


def playing(served: Wire, after_s: float = 1.0) -> ToneProgram:
    with served.bench.lock:
        program = served.world.playing(served.bench.clock() + after_s)["awg/ao0"]
    assert program is not None
    return program


def failing(code: int, action) -> None:
    with pytest.raises(DaqError) as caught:
        action()
    assert caught.value.error_code == code


def test_a_repeated_buffer_may_be_rewritten_while_it_plays(ni: Client, served: Wire) -> None:
    with task_of(ni) as task:
        task.write(cosine(3), auto_start=True)
        assert [tone.frequency_hz for tone in playing(served).tones] == [300.0]
        assert task.write(cosine(7, 0.5), auto_start=False) == 1000
        (tone,) = playing(served).tones
        assert tone.frequency_hz == 700.0
        assert not task.is_task_done()
        failing(-200292, lambda: task.write(cosine(1, count=500), auto_start=False))


def test_without_regeneration_it_plays_what_is_written_and_stops_with_an_error(ni: Client, served: Wire) -> None:
    piece = cosine(60, count=20_000)  # 200 ms: a busy machine writes the next one in time
    with task_of(ni, samples=len(piece)) as task:
        task.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
        assert task.out_stream.regen_mode is RegenerationMode.DONT_ALLOW_REGENERATION
        began = time.monotonic()
        task.write(piece, auto_start=False)
        task.start()
        for _ in range(4):  # a write waits until there is room
            task.write(piece, auto_start=False)
        assert time.monotonic() - began > 0.5
        time.sleep(0.5)
        assert playing(served).tones == ()
        failing(-200290, lambda: task.write(piece, auto_start=False))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (FuncGenType.SINE, (0.0, 1.0, 0.309, -1.0)),
        (FuncGenType.TRIANGLE, (0.0, 1.0, 0.2, -1.0)),
        (FuncGenType.SQUARE, (0.0, 1.0, 1.0, -1.0)),
        (FuncGenType.SAWTOOTH, (0.0, 0.5, 0.9, -0.5)),
    ],
)
def test_a_function_generator_channel_plays(ni: Client, served: Wire, kind: FuncGenType, values: tuple) -> None:
    """`values` after 0, 0.25, 0.45 and 0.75 of a period, in units of the amplitude."""
    with ni.task() as task:
        task.ao_channels.add_ao_func_gen_chan(f"{AO}/ao0", type=kind, freq=100.0, amplitude=2.0, offset=0.25)
        task.start()
        settled_s = 20e-6  # the world's program begins this much later
        found = playing(served).at(np.array([0.0, 0.25, 0.45, 0.75]) / 100 - settled_s)
        np.testing.assert_allclose((found - 0.25) / 2, values, atol=0.02)
        task.stop()
        assert playing(served).tones == ()


def test_a_retriggerable_output_plays_at_every_edge(ni: Client, served: Wire) -> None:
    with task_of(ni, mode=AcquisitionType.FINITE) as task:
        task.triggers.start_trigger.cfg_dig_edge_start_trig(f"/{AO}/PFI0")
        task.triggers.start_trigger.retriggerable = True
        assert task.triggers.start_trigger.retriggerable
        task.write(cosine(3), auto_start=False)
        task.start()
        for _ in range(3):
            with served.bench.lock:
                served.bench.lines.fire("awg/PFI0", served.bench.clock())
            assert playing(served, 0.005).tones
            time.sleep(0.03)
            assert not playing(served, 0.0).tones
            assert not task.is_task_done()


def test_a_retriggerable_input_takes_its_scans_at_every_edge(ni: Client, served: Wire) -> None:
    with ni.task() as task:
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-2, max_val=2)
        task.timing.cfg_samp_clk_timing(50e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=100)
        task.triggers.start_trigger.cfg_dig_edge_start_trig(f"/{AI}/PFI5")
        task.triggers.start_trigger.retriggerable = True
        task.start()
        before = served.world.acquisitions
        for edges in (1, 2):  # the second time both edges come before their scans are read
            for _ in range(edges):
                with served.bench.lock:
                    served.bench.lines.fire("daq/PFI5", served.bench.clock())
                time.sleep(0.01)
            for _ in range(edges):
                assert len(task.read(100, timeout=1.0)) == 100
        assert served.world.acquisitions == before + 3
        failing(-200284, lambda: task.read(100, timeout=0.05))


@pytest.mark.parametrize(
    ("terminal", "rate_hz", "code"),
    [("PXI_Clk10", 10e6, 0), ("PXI_Clk10", 100e6, -200744), ("PXIe_Clk100", 10e6, -200744), ("PXIe_Clk100", 100e6, 0)],
)
def test_a_clock_of_the_chassis_has_one_rate(ni: Client, terminal: str, rate_hz: float, code: int) -> None:
    with task_of(ni) as task:
        task.timing.ref_clk_src = terminal
        task.timing.ref_clk_rate = rate_hz
        if code:
            failing(code, lambda: task.write(cosine(3), auto_start=False))
        else:
            task.write(cosine(3), auto_start=False)


def test_a_rate_left_to_the_driver_is_that_of_the_clock(ni: Client) -> None:
    with task_of(ni) as task:
        task.timing.ref_clk_src = "PXIe_Clk100"
        assert task.timing.ref_clk_rate == 100e6
        task.write(cosine(3), auto_start=False)


def test_a_running_task_is_not_unreserved(ni: Client) -> None:
    """NI documents no implicit stop, so a program must not count on one."""
    from nidaqmx.constants import TaskMode

    with task_of(ni) as task:
        task.write(cosine(3), auto_start=True)
        failing(-200479, lambda: task.control(TaskMode.TASK_UNRESERVE))
        task.stop()
        task.control(TaskMode.TASK_UNRESERVE)


@pytest.mark.parametrize(
    ("channels", "most_hz"), [("ao0:31", 350e3), ("ao0:1", 350e3), ("ao0, ao4, ao8", 1e6), ("ao3, ao4", 1e6)]
)
def test_outputs_that_share_a_converter_are_slower(ni: Client, channels: str, most_hz: float) -> None:
    """A bank of four neighbouring outputs of a 6738 reaches 350 kS/s (labscript-devices, issue 91)."""
    names = ", ".join(f"{AO}/{name.strip()}" for name in channels.split(","))
    with ni.task() as task:
        task.ao_channels.add_ao_voltage_chan(names)
        samples = np.zeros((len(task.channel_names), 500))
        task.timing.cfg_samp_clk_timing(most_hz, sample_mode=AcquisitionType.CONTINUOUS)
        task.write(samples, auto_start=False)
        task.timing.cfg_samp_clk_timing(most_hz * 1.1, sample_mode=AcquisitionType.CONTINUOUS)
        failing(-200077, lambda: task.write(samples, auto_start=False))
