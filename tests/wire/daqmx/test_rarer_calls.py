"""What other programs than labrig ask of the virtual boards, through NI's own package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from nidaqmx.constants import (
    AcquisitionType,
    Coupling,
    Edge,
    ReadRelativeTo,
    RegenerationMode,
    Signal,
    TaskMode,
    TriggerType,
    VoltageUnits,
)
from nidaqmx.errors import DaqError
from nidaqmx.stream_readers import AnalogMultiChannelReader, AnalogSingleChannelReader
from nidaqmx.stream_writers import AnalogSingleChannelWriter, AnalogUnscaledWriter
from wire.daqmx.boards import AI, AO, AO_STEP_V, Client, Wire, wire

pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture(scope="module")
def served() -> Iterator[Wire]:
    with wire() as served:
        yield served


def inputs(ni: Client, samples: int = 100, channels: str = "ai0:1") -> Any:
    task = ni.task()
    task.ai_channels.add_ai_voltage_chan(f"{AI}/{channels}", min_val=-2, max_val=2)
    task.timing.cfg_samp_clk_timing(50e3, sample_mode=AcquisitionType.FINITE, samps_per_chan=samples)
    return task


def output(ni: Client, channels: str = "ao0") -> Any:
    task = ni.task()
    task.ao_channels.add_ao_voltage_chan(f"{AO}/{channels}")
    return task


def failing(code: int, action: Callable[[], Any]) -> DaqError:
    with pytest.raises(DaqError) as caught:
        action()
    assert caught.value.error_code == code
    return caught.value


def held(served: Wire, channel: str = "ao0") -> float:
    program = served.world.playing(np.inf)[f"awg/{channel}"]
    assert program is not None
    assert program.tones == ()
    return program.dc


def test_a_device_tests_itself(ni: Client) -> None:
    ni.system.devices[AI].self_test_device()
    failing(-200220, ni.system.devices["Dev9"].self_test_device)


def test_a_task_goes_through_its_states(ni: Client) -> None:
    with inputs(ni) as task, inputs(ni) as other:
        task.control(TaskMode.TASK_VERIFY)
        task.control(TaskMode.TASK_RESERVE)
        failing(-50103, other.start)
        task.control(TaskMode.TASK_START)
        assert len(task.read(100)[0]) == 100
        task.control(TaskMode.TASK_STOP)
        failing(-50103, other.start)  # what was reserved before it was started stays so
        task.control(TaskMode.TASK_ABORT)
        other.start()


def test_settings_that_the_board_cannot_have_do_not_verify(ni: Client) -> None:
    with inputs(ni) as task:
        task.timing.samp_clk_rate = 600e3
        failing(-200077, lambda: task.control(TaskMode.TASK_VERIFY))
        task.timing.samp_clk_rate = 10e3
        task.control(TaskMode.TASK_VERIFY)
        assert task.timing.samp_clk_rate == 10e3


def test_waiting_for_a_task_that_goes_on_ends_in_time(ni: Client) -> None:
    with inputs(ni, samples=1_000_000) as task:
        task.start()
        failing(-200560, lambda: task.wait_until_done(0.05))


def test_a_trigger_can_be_taken_back(ni: Client) -> None:
    with inputs(ni) as task:
        task.triggers.start_trigger.cfg_dig_edge_start_trig("PFI3", Edge.RISING)
        task.triggers.start_trigger.disable_start_trig()
        assert task.triggers.start_trigger.dig_edge_src == ""
        assert len(task.read(100)[0]) == 100


def test_a_route_is_made_and_removed(ni: Client) -> None:
    ni.system.connect_terms(f"/{AI}/ai/StartTrigger", f"/{AI}/PFI0")
    ni.system.disconnect_terms(f"/{AI}/ai/StartTrigger", f"/{AI}/PFI0")
    failing(-89120, lambda: ni.system.connect_terms(f"/{AI}/nowhere", f"/{AI}/PFI0"))


def test_a_start_trigger_is_exported_by_its_terminal(ni: Client, served: Wire) -> None:
    seen: list[float] = []
    served.bench.lines.listen("daq/PFI1", seen.append)
    with inputs(ni) as task:
        task.export_signals.start_trig_output_term = f"/{AI}/PFI1"
        assert task.export_signals.start_trig_output_term == f"/{AI}/PFI1"
        task.read(100)
        assert len(seen) == 1
        error = failing(-200197, lambda: task.export_signals.export_signal(Signal.SAMPLE_CLOCK, f"/{AI}/PFI1"))
        assert "exports only its start trigger" in str(error)
        failing(-200197, lambda: setattr(task.export_signals, "samp_clk_output_term", f"/{AI}/PFI1"))


def test_one_sample_is_read_and_written(ni: Client, served: Wire) -> None:
    with output(ni) as out, ni.task() as task:
        AnalogSingleChannelWriter(out.out_stream).write_one_sample(0.75)
        assert held(served) == pytest.approx(0.75, abs=AO_STEP_V)
        task.ai_channels.add_ai_voltage_chan(f"{AI}/ai0", min_val=-2, max_val=2)
        read = AnalogSingleChannelReader(task.in_stream).read_one_sample()
        both = np.zeros(1)
        AnalogMultiChannelReader(task.in_stream).read_one_sample(both)
        assert read == both[0]
        assert read > 0.3


def test_codes_are_written(ni: Client, served: Wire) -> None:
    codes = np.array([[1000], [-2000]], np.int16)
    with output(ni, "ao0:1") as out:
        AnalogUnscaledWriter(out.out_stream, auto_start=True).write_int16(codes)
        assert held(served) == pytest.approx(1000 * AO_STEP_V, abs=1e-12)
        assert held(served, "ao1") == pytest.approx(-2000 * AO_STEP_V, abs=1e-12)


def test_reads_of_all_and_of_nothing(ni: Client) -> None:
    with inputs(ni, samples=300) as task:
        assert np.shape(task.read(-1)) == (2, 300)
        assert np.size(task.read(0)) == 0
    with inputs(ni) as task:
        task.timing.cfg_samp_clk_timing(50e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=1000)
        task.in_stream.input_buf_size = 5000
        task.start()
        task.read(100)
        assert np.size(task.read(-1)) % 2 == 0


def test_a_task_has_the_channels_of_one_device(ni: Client) -> None:
    with inputs(ni) as task:
        error = failing(-200088, lambda: task.ao_channels.add_ao_voltage_chan(f"{AO}/ao0"))
        assert "channels of one device only" in str(error)


def test_an_output_is_not_read_and_an_input_not_written(ni: Client) -> None:
    with output(ni) as out, inputs(ni) as task:
        failing(-200478, lambda: AnalogSingleChannelReader(out.in_stream).read_one_sample())
        failing(-200524, lambda: AnalogSingleChannelWriter(task.out_stream).write_one_sample(1.0))


PROPERTIES = {
    "scaling of an output": lambda ni, task, out: out.ao_channels[0].ao_dev_scaling_coeff,
    "convert rate of an output": lambda ni, task, out: out.timing.ai_conv_rate,
    "sample clock of a task without": lambda ni, task, out: out.timing.samp_clk_rate,
    "rate of inputs of a card without": lambda ni, task, out: ni.system.devices[AO].ai_max_single_chan_rate,
    "chassis of a card": lambda ni, task, out: ni.system.devices[AI].compact_daq_chassis_device,
    "timing that nobody sets": lambda ni, task, out: setattr(task.timing, "samp_clk_timebase_rate", 1e6),
    "a source that nobody sets": lambda ni, task, out: setattr(task.timing, "samp_clk_src", "PFI0"),
    "a buffer on the board": lambda ni, task, out: setattr(out.out_stream, "output_onbrd_buf_size", 100),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_that_the_board_does_not_have_bears_nis_code(ni: Client, name: str) -> None:
    with inputs(ni) as task, output(ni) as out:
        failing(-200197, lambda: PROPERTIES[name](ni, task, out))


def test_a_channel_and_a_task_that_are_not_there_are_named(ni: Client) -> None:
    with inputs(ni) as task:
        failing(-200170, lambda: task.ai_channels["nothing"].ai_max)
        failing(-200170, lambda: ni.system.devices[AI].ai_physical_chans["ai99"].ai_term_cfgs)
    failing(-200088, task.start)


def test_programs_that_list_what_a_device_has(ni: Client) -> None:
    device = ni.system.devices[AI]
    for names in (device.di_lines, device.di_ports, device.do_lines, device.do_ports):
        assert list(names) == []
    assert (list(device.ci_physical_chans), list(device.co_physical_chans)) == ([], [])
    with inputs(ni) as task:
        channel = task.ai_channels[0]
        assert (channel.description, channel.is_global) == ("", False)
        assert (channel.ai_voltage_units, channel.ai_coupling) == (VoltageUnits.VOLTS, Coupling.DC)
        assert task.timing.samp_clk_active_edge == Edge.RISING
        assert task.timing.samp_clk_term == f"/{AI}/ai/SampleClock"
        assert task.triggers.reference_trigger.trig_type == TriggerType.NONE
        assert (task.in_stream.relative_to, task.in_stream.offset) == (ReadRelativeTo.CURRENT_READ_POSITION, 0)


def test_the_sizes_of_buffers(ni: Client) -> None:
    with inputs(ni) as task:
        assert task.in_stream.input_buf_size == 100_000  # what NI's driver chooses at 50 kS/s
        task.in_stream.input_buf_size = 5000
        assert task.in_stream.input_buf_size == 5000
    with output(ni) as task:
        task.timing.cfg_samp_clk_timing(1e3, sample_mode=AcquisitionType.CONTINUOUS, samps_per_chan=500)
        task.out_stream.regen_mode = RegenerationMode.DONT_ALLOW_REGENERATION
        task.write(np.zeros(500))
        out = task.out_stream
        assert (out.output_buf_size, out.curr_write_pos) == (500, 500)
        task.start()
        room = out.space_avail
        task.write(np.zeros(500))
        assert out.curr_write_pos == 1000
        assert out.space_avail < room
