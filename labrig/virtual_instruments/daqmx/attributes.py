"""DAQmx properties by NI's attribute ids, and their values on a virtual board."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code

from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.output import Generation
from labrig.virtual_instruments.daqmx.settings import FINITE, Channel, default_buffer
from labrig.virtual_instruments.daqmx.tasks import LEAST_ROOM, TaskState, VirtualTask

VERSION = (24, 0, 0)
"""Driver version that the server reports. From 24.5 on, clients query properties that only newer drivers have."""

TERMINAL_BITS = {
    constants.TerminalConfiguration.RSE: 1,
    constants.TerminalConfiguration.NRSE: 2,
    constants.TerminalConfiguration.DIFF: 4,
}

SYSTEM: Mapping[int, int] = {
    pb.SYSTEM_ATTRIBUTE_NIDAQ_MAJOR_VERSION: VERSION[0],
    pb.SYSTEM_ATTRIBUTE_NIDAQ_MINOR_VERSION: VERSION[1],
    pb.SYSTEM_ATTRIBUTE_NIDAQ_UPDATE_VERSION: VERSION[2],
}


def _ranges(*full_scales_v: float) -> list[float]:
    return [limit for full_scale in full_scales_v for limit in (-full_scale, full_scale)]


def _physical(board: DeviceState, names: tuple[str, ...]) -> str:
    return ", ".join(f"{board.device.name}/{name}" for name in names)


def _of_inputs(board: DeviceState) -> DeviceState:
    return _with(board, board.ai_names)


def _of_outputs(board: DeviceState) -> DeviceState:
    return _with(board, board.ao_names)


def _with(board: DeviceState, names: tuple[str, ...]) -> DeviceState:
    """Return the board; raise DaqmxFailure -200197 for a property of channels that the board does not have."""
    if not names:
        raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, f"Device: {board.device.name}")
    return board


def _module(board: DeviceState) -> DeviceState:
    """Return the chassis of a module. Raises DaqmxFailure -200197 for a board that is not in a chassis."""
    if board.chassis is None:
        raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, f"Device: {board.device.name}")
    return board.chassis


DEVICE: Mapping[int, Callable[[DeviceState], Any]] = {
    pb.DEVICE_ATTRIBUTE_PRODUCT_TYPE: lambda b: re.sub(r"^NI-", "NI ", b.device.model),  # of a module
    pb.DEVICE_ATTRIBUTE_SERIAL_NUM: lambda b: b.device.serial,
    pb.DEVICE_ATTRIBUTE_IS_SIMULATED: lambda b: False,
    pb.DEVICE_ATTRIBUTE_PRODUCT_CATEGORY: lambda b: b.device.category.value,
    pb.DEVICE_ATTRIBUTE_COMPACT_DAQ_CHASSIS_DEV_NAME: lambda b: _module(b).device.name,
    pb.DEVICE_ATTRIBUTE_CHASSIS_MODULE_DEV_NAMES: lambda b: ", ".join(each.device.name for each in b.modules),
    pb.DEVICE_ATTRIBUTE_AI_PHYSICAL_CHANS: lambda b: _physical(b, b.ai_names),
    pb.DEVICE_ATTRIBUTE_AO_PHYSICAL_CHANS: lambda b: _physical(b, b.ao_names),
    # A virtual board has only analog channels.
    **dict.fromkeys(
        (
            pb.DEVICE_ATTRIBUTE_DI_LINES,
            pb.DEVICE_ATTRIBUTE_DI_PORTS,
            pb.DEVICE_ATTRIBUTE_DO_LINES,
            pb.DEVICE_ATTRIBUTE_DO_PORTS,
            pb.DEVICE_ATTRIBUTE_CI_PHYSICAL_CHANS,
            pb.DEVICE_ATTRIBUTE_CO_PHYSICAL_CHANS,
        ),
        lambda b: "",
    ),
    pb.DEVICE_ATTRIBUTE_AI_SIMULTANEOUS_SAMPLING_SUPPORTED: lambda b: _of_inputs(b).device.simultaneous,
    pb.DEVICE_ATTRIBUTE_AI_MAX_SINGLE_CHAN_RATE: lambda b: _of_inputs(b).device.ai_max_single_rate_hz,
    pb.DEVICE_ATTRIBUTE_AI_MAX_MULTI_CHAN_RATE: lambda b: _of_inputs(b).device.ai_max_multi_rate_hz,
    pb.DEVICE_ATTRIBUTE_AI_MIN_RATE: lambda b: b.device.timebase_hz / 2**32,
    pb.DEVICE_ATTRIBUTE_AI_VOLTAGE_RNGS: lambda b: _ranges(*b.device.ai_ranges_v) if b.ai_names else [],
    pb.DEVICE_ATTRIBUTE_AO_MAX_RATE: lambda b: _of_outputs(b).device.ao_max_rate_hz,
    pb.DEVICE_ATTRIBUTE_AO_MIN_RATE: lambda b: b.device.timebase_hz / 2**32,
    pb.DEVICE_ATTRIBUTE_AO_VOLTAGE_RNGS: lambda b: _ranges(b.device.ao_full_scale_v) if b.ao_names else [],
    pb.DEVICE_ATTRIBUTE_AO_SAMP_CLK_SUPPORTED: lambda b: bool(b.ao_names),
    pb.DEVICE_ATTRIBUTE_TERMINALS: lambda b: ", ".join(f"/{b.device.name}/{name}" for name in b.terminals),
}

TASK: Mapping[int, Callable[[VirtualTask], Any]] = {
    pb.TASK_ATTRIBUTE_NAME: lambda t: t.name,
    pb.TASK_ATTRIBUTE_CHANNELS: lambda t: ", ".join(channel.name for channel in t.channels),
    pb.TASK_ATTRIBUTE_DEVICES: lambda t: t.board.device.name,
    pb.TASK_ATTRIBUTE_NUM_CHANS: lambda t: len(t.channels),
    pb.TASK_ATTRIBUTE_NUM_DEVICES: lambda t: int(t.device is not None),
    pb.TASK_ATTRIBUTE_COMPLETE: lambda t: t.done(),
}

CHANNEL: Mapping[int, Callable[[VirtualTask, Channel], Any]] = {
    pb.CHANNEL_ATTRIBUTE_PHYSICAL_CHAN_NAME: lambda t, c: f"{t.board.device.name}/{c.physical}",
    pb.CHANNEL_ATTRIBUTE_CHAN_TYPE: lambda t, c: (
        (constants.ChannelType.ANALOG_INPUT if c.kind == "ai" else constants.ChannelType.ANALOG_OUTPUT).value
    ),
    pb.CHANNEL_ATTRIBUTE_CHAN_DESCR: lambda t, c: "",
    pb.CHANNEL_ATTRIBUTE_CHAN_IS_GLOBAL: lambda t, c: False,
    pb.CHANNEL_ATTRIBUTE_AI_VOLTAGE_UNITS: lambda t, c: constants.VoltageUnits.VOLTS.value,
    pb.CHANNEL_ATTRIBUTE_AO_VOLTAGE_UNITS: lambda t, c: constants.VoltageUnits.VOLTS.value,
    pb.CHANNEL_ATTRIBUTE_AI_COUPLING: lambda t, c: constants.Coupling.DC.value,
    pb.CHANNEL_ATTRIBUTE_AI_MEAS_TYPE: lambda t, c: constants.UsageTypeAI.VOLTAGE.value,
    pb.CHANNEL_ATTRIBUTE_AI_TERM_CFG: lambda t, c: c.terminal,
    pb.CHANNEL_ATTRIBUTE_AO_OUTPUT_TYPE: lambda t, c: constants.UsageTypeAO.VOLTAGE.value,
    pb.CHANNEL_ATTRIBUTE_AI_MAX: lambda t, c: c.highest_v,
    pb.CHANNEL_ATTRIBUTE_AI_MIN: lambda t, c: c.lowest_v,
    pb.CHANNEL_ATTRIBUTE_AI_RNG_HIGH: lambda t, c: c.range_v,
    pb.CHANNEL_ATTRIBUTE_AI_RNG_LOW: lambda t, c: -c.range_v,
    pb.CHANNEL_ATTRIBUTE_AI_RESOLUTION: lambda t, c: float(t.board.device.bits),
    pb.CHANNEL_ATTRIBUTE_AI_RAW_SAMP_SIZE: lambda t, c: 16 if t.board.device.bits <= 16 else 32,
    pb.CHANNEL_ATTRIBUTE_AI_RAW_SAMP_JUSTIFICATION: lambda t, c: constants.DataJustification.RIGHT.value,
    pb.CHANNEL_ATTRIBUTE_AI_DEV_SCALING_COEFF: lambda t, c: scaling(t, c),
    pb.CHANNEL_ATTRIBUTE_AO_MAX: lambda t, c: c.highest_v,
    pb.CHANNEL_ATTRIBUTE_AO_MIN: lambda t, c: c.lowest_v,
    pb.CHANNEL_ATTRIBUTE_AO_RESOLUTION: lambda t, c: float(t.board.device.ao_bits),
    pb.CHANNEL_ATTRIBUTE_AO_DAC_RNG_HIGH: lambda t, c: c.range_v,
    pb.CHANNEL_ATTRIBUTE_AO_DAC_RNG_LOW: lambda t, c: -c.range_v,
}

TIMING: Mapping[int, Callable[[VirtualTask], Any]] = {
    pb.TIMING_ATTRIBUTE_SAMP_CLK_RATE: lambda t: t.rate_hz,
    pb.TIMING_ATTRIBUTE_AI_CONV_RATE: lambda t: t.convert_rate_hz,
    pb.TIMING_ATTRIBUTE_SAMP_CLK_TIMEBASE_RATE: lambda t: t.board.device.timebase_hz,
    pb.TIMING_ATTRIBUTE_SAMP_CLK_MAX_RATE: lambda t: t.most_hz,
    pb.TIMING_ATTRIBUTE_AI_CONV_MAX_RATE: lambda t: t.board.device.ai_max_multi_rate_hz,
    pb.TIMING_ATTRIBUTE_SAMP_QUANT_SAMP_MODE: lambda t: t.clock.mode if t.clock else FINITE,
    pb.TIMING_ATTRIBUTE_SAMP_QUANT_SAMP_PER_CHAN: lambda t: t.clock.samples if t.clock else 1,
    pb.TIMING_ATTRIBUTE_SAMP_TIMING_TYPE: lambda t: (
        (constants.SampleTimingType.SAMPLE_CLOCK if t.clock else constants.SampleTimingType.ON_DEMAND).value
    ),
    pb.TIMING_ATTRIBUTE_SAMP_CLK_SRC: lambda t: t.clock.source if t.clock else "",
    pb.TIMING_ATTRIBUTE_SAMP_CLK_ACTIVE_EDGE: lambda t: constants.Edge.RISING.value,
    pb.TIMING_ATTRIBUTE_SAMP_CLK_TERM: lambda t: f"/{t.board.device.name}/{t.channels[0].kind}/SampleClock",
    pb.TIMING_ATTRIBUTE_REF_CLK_SRC: lambda t: t.reference.terminal,
    pb.TIMING_ATTRIBUTE_REF_CLK_RATE: lambda t: t.reference.rate_hz,
}

TRIGGER: Mapping[int, Callable[[VirtualTask], Any]] = {
    pb.TRIGGER_ATTRIBUTE_DIG_EDGE_START_TRIG_SRC: lambda t: t.trigger_terminal,
    pb.TRIGGER_ATTRIBUTE_START_TRIG_TYPE: lambda t: (
        (constants.TriggerType.DIGITAL_EDGE if t.trigger_terminal else constants.TriggerType.NONE).value
    ),
    pb.TRIGGER_ATTRIBUTE_REF_TRIG_TYPE: lambda t: constants.TriggerType.NONE.value,
    pb.TRIGGER_ATTRIBUTE_START_TRIG_RETRIGGERABLE: lambda t: t.retriggerable,
    pb.TRIGGER_ATTRIBUTE_TRIGGER_SYNC_TYPE: lambda t: constants.SyncType.NONE.value,
    pb.TRIGGER_ATTRIBUTE_START_TRIG_TERM: lambda t: f"/{t.board.device.name}/{t.channels[0].kind}/StartTrigger",
}

READ: Mapping[int, Callable[[VirtualTask, float], Any]] = {
    pb.READ_ATTRIBUTE_NUM_CHANS: lambda t, now: len(t.channels),
    pb.READ_ATTRIBUTE_RAW_DATA_WIDTH: lambda t, now: 2 * len(t.channels),
    pb.READ_ATTRIBUTE_CHANNELS_TO_READ: lambda t, now: ", ".join(channel.name for channel in t.channels),
    pb.READ_ATTRIBUTE_AUTO_START: lambda t, now: True,
    pb.READ_ATTRIBUTE_READ_ALL_AVAIL_SAMP: lambda t, now: False,
    pb.READ_ATTRIBUTE_OVERWRITE: lambda t, now: constants.OverwriteMode.DO_NOT_OVERWRITE_UNREAD_SAMPLES.value,
    pb.READ_ATTRIBUTE_RELATIVE_TO: lambda t, now: constants.ReadRelativeTo.CURRENT_READ_POSITION.value,
    pb.READ_ATTRIBUTE_OFFSET: lambda t, now: 0,
    pb.READ_ATTRIBUTE_AVAIL_SAMP_PER_CHAN: lambda t, now: _acquired(t, now) - _running(t).position,
    pb.READ_ATTRIBUTE_CURR_READ_POS: lambda t, now: _running(t).position,
    pb.READ_ATTRIBUTE_TOTAL_SAMP_PER_CHAN_ACQUIRED: lambda t, now: _acquired(t, now),
}

BUFFER: Mapping[int, Callable[[VirtualTask], Any]] = {
    pb.BUFFER_ATTRIBUTE_INPUT_BUF_SIZE: lambda t: _input_buffer(t),
    pb.BUFFER_ATTRIBUTE_OUTPUT_BUF_SIZE: lambda t: _output_buffer(t),
}

WRITE: Mapping[int, Callable[[VirtualTask, float], Any]] = {
    pb.WRITE_ATTRIBUTE_NUM_CHANS: lambda t, now: len(t.channels),
    pb.WRITE_ATTRIBUTE_RAW_DATA_WIDTH: lambda t, now: 2 * len(t.channels),
    pb.WRITE_ATTRIBUTE_TOTAL_SAMP_PER_CHAN_GENERATED: lambda t, now: t.generated(),
    pb.WRITE_ATTRIBUTE_CURR_WRITE_POS: lambda t, now: _written(t),
    pb.WRITE_ATTRIBUTE_SPACE_AVAIL: lambda t, now: _room(t, now),
    pb.WRITE_ATTRIBUTE_REGEN_MODE: lambda t, now: (
        (
            constants.RegenerationMode.ALLOW_REGENERATION
            if t.regenerates
            else constants.RegenerationMode.DONT_ALLOW_REGENERATION
        ).value
    ),
}


def _input_buffer(task: VirtualTask) -> int:
    if task.clock is None:
        return 0
    return task.input_buffer or default_buffer(task.clock.samples, task.rate_hz)


def _output_buffer(task: VirtualTask) -> int:
    return sum(len(buffer.samples) for buffer in task.buffers)


def _written(task: VirtualTask) -> int:
    generation = task.generation
    return generation.written if isinstance(generation, Generation) else _output_buffer(task)


def _room(task: VirtualTask, now: float) -> int:
    """Samples per channel that can be written without waiting."""
    size, generation = _output_buffer(task), task.generation
    if not isinstance(generation, Generation):
        return size
    return max(0, max(size, LEAST_ROOM) - generation.waiting(now))


def scaling(task: VirtualTask, channel: Channel) -> list[float]:
    """Polynomial from codes to volts, lowest order first, as DAQmx reports it for a linear board."""
    if channel.kind != "ai":
        raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "Property: DAQmx_AI_DevScalingCoeff")
    return [0.0, task.board.front_end(channel.range_v).step_v, 0.0, 0.0]


def look_up(table: Mapping[int, Any], attribute: int) -> Any:
    """Return the getter of a property. Raises DaqmxFailure -200197, like NI's driver, if the board lacks it."""
    try:
        return table[attribute]
    except KeyError:
        raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, f"Property: 0x{attribute:04X}") from None


def _running(task: VirtualTask) -> Any:
    if task.state is not TaskState.RUNNING or task.acquisition is None:
        raise DaqmxFailure(
            Code.CANNOT_GET_PROPERTY_WHEN_TASK_NOT_RESERVED_COMMITTED_OR_RUNNING, f"Task Name: {task.name}"
        )
    return task.acquisition


def _acquired(task: VirtualTask, now: float) -> int:
    return _running(task).acquired(now)
