"""The remote procedures of a virtual DAQmx server, one method each, named as in NI's service definition.

Every method gets the request and returns the reply (a message, bytes already packed, or an Event). It is called with
the bench's lock held; reads and waits give it up while they wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code
from nidaqmx.utils import unflatten_channel_string
from numpy.typing import NDArray
from session_pb2 import Session

from labrig.signals.tones import SILENT, ToneProgram
from labrig.virtual_instruments import daqmx_attributes as attributes
from labrig.virtual_instruments.bench_side import BenchSide
from labrig.virtual_instruments.daqmx_device import DeviceState
from labrig.virtual_instruments.daqmx_errors import DaqmxFailure, wording
from labrig.virtual_instruments.daqmx_events import Done, Event, EveryNSamples
from labrig.virtual_instruments.daqmx_output import OutputBuffer, check_range
from labrig.virtual_instruments.daqmx_reading import Reader, packed_doubles
from labrig.virtual_instruments.daqmx_tasks import Channel, SampleClock, State, Task, TaskBench

BY_CHANNEL = constants.FillMode.GROUP_BY_CHANNEL.value
ATTRIBUTE_GROUPS = ("SystemInfo", "Device", "Task", "Chan", "Timing", "Trig", "Read", "Write", "PhysicalChan")
EVENTS = ("RegisterEveryNSamplesEvent", "RegisterDoneEvent")
"""Procedures that answer with an Event, which becomes a stream of messages."""


class DaqmxService:
    """boards: by the casefolded name of the device."""

    def __init__(self, side: BenchSide, boards: Mapping[str, DeviceState]) -> None:
        self._side = side
        self._boards = boards
        self._bench = TaskBench(side, boards)
        self._reader = Reader(self._bench)
        self._tasks: dict[str, Task] = {}
        self._created = 0
        self._events: list[Event] = []

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks that exist."""
        return tuple(self._tasks)

    def instruments_of(self, request: Any) -> tuple[str, ...]:
        """The instruments of the configuration that a request is about: those of its task's or its own device."""
        task = self._tasks.get(request.task.name) if hasattr(request, "task") else None
        named = getattr(request, "device_name", "") or getattr(request, "physical_channel", "").partition("/")[0]
        board = task.device if task is not None and task.device is not None else self._boards.get(named.casefold())
        return board.instruments if board is not None else ()

    def attribute(self, group: str, request: Any) -> Any:
        """The value behind a Get<group>Attribute<type> request."""
        attribute = request.attribute_raw
        if group == "SystemInfo":
            if attribute == pb.SYSTEM_ATTRIBUTE_DEV_NAMES:
                return ", ".join(board.device.name for board in self._boards.values())
            return attributes.SYSTEM.get(attribute, "")
        if group == "Device":
            return attributes.look_up(attributes.DEVICE, attribute)(self._board(request.device_name))
        if group == "PhysicalChan":
            return self._physical_channel(request.physical_channel, attribute)
        task = self._task(request)
        if group == "Chan":
            return attributes.look_up(attributes.CHANNEL, attribute)(task, self._channel(task, request.channel))
        if group == "Read":
            return attributes.look_up(attributes.READ, attribute)(task, self._side.clock())
        tables = {
            "Task": attributes.TASK,
            "Timing": attributes.TIMING,
            "Trig": attributes.TRIGGER,
            "Write": attributes.WRITE,
        }
        return attributes.look_up(tables[group], attribute)(task)

    def GetErrorString(self, request: Any) -> Any:
        return pb.GetErrorStringResponse(error_string=wording(request.error_code))

    def ResetDevice(self, request: Any) -> Any:
        """Every task of the board is aborted, every output goes to 0 V."""
        board = self._board(request.device_name)
        for task in self._tasks.values():
            if task.device is board:
                task.unreserve()
        board.drive(self._side.clock(), dict.fromkeys(board.ao_names, SILENT))
        return pb.ResetDeviceResponse()

    def SelfTestDevice(self, request: Any) -> Any:
        self._board(request.device_name)
        return pb.SelfTestDeviceResponse()

    def CreateTask(self, request: Any) -> Any:
        name = request.session_name
        if not name:
            name = f"_unnamedTask<{self._created:X}>"
            self._created += 1
        if name in self._tasks:
            raise DaqmxFailure(Code.DUPLICATE_TASK, f"Task Name: {name}")
        self._tasks[name] = Task(name, self._bench)
        return pb.CreateTaskResponse(task=Session(name=name), new_session_initialized=True)

    def ClearTask(self, request: Any) -> Any:
        task = self._tasks.pop(request.task.name, None)
        if task is not None:
            task.abort()
            self._end_events(task, Event)
        return pb.ClearTaskResponse()

    def StartTask(self, request: Any) -> Any:
        task = self._task(request)
        if not task.channels:
            raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task Name: {task.name}")
        task.start()
        return pb.StartTaskResponse()

    def StopTask(self, request: Any) -> Any:
        self._task(request).stop()
        return pb.StopTaskResponse()

    def TaskControl(self, request: Any) -> Any:
        task = self._task(request)
        match constants.TaskMode(request.action_raw):
            case constants.TaskMode.TASK_START:
                task.start()
            case constants.TaskMode.TASK_STOP:
                task.stop()
            case constants.TaskMode.TASK_RESERVE:
                task.commit(State.RESERVED)
            case constants.TaskMode.TASK_COMMIT:
                task.commit()
            case constants.TaskMode.TASK_UNRESERVE:
                task.unreserve()
            case constants.TaskMode.TASK_ABORT:
                task.abort()
            case _:
                if task.clock is not None:
                    task.check_rate()
        return pb.TaskControlResponse()

    def IsTaskDone(self, request: Any) -> Any:
        return pb.IsTaskDoneResponse(is_task_done=self._task(request).done())

    def WaitUntilTaskDone(self, request: Any) -> Any:
        task = self._task(request)
        clock = self._side.clock
        deadline = math.inf if request.time_to_wait < 0 else clock() + request.time_to_wait
        while not task.done():
            if clock() >= deadline:
                raise DaqmxFailure(Code.WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE, f"Task Name: {task.name}")
            self._bench.changed.wait(min(0.01, deadline - clock()))
        return pb.WaitUntilTaskDoneResponse()

    def CreateAIVoltageChan(self, request: Any) -> Any:
        self._add_channels(request, "ai")
        return pb.CreateAIVoltageChanResponse()

    def CreateAOVoltageChan(self, request: Any) -> Any:
        self._add_channels(request, "ao")
        return pb.CreateAOVoltageChanResponse()

    def CfgSampClkTiming(self, request: Any) -> Any:
        task = self._task(request)
        task.clock = SampleClock(request.rate, request.sample_mode_raw, request.samps_per_chan, request.source)
        return pb.CfgSampClkTimingResponse()

    def SetTimingAttributeDouble(self, request: Any) -> Any:
        task = self._task(request)
        if request.attribute_raw == pb.TIMING_ATTRIBUTE_SAMP_CLK_RATE and task.clock is not None:
            task.clock = SampleClock(request.value, task.clock.mode, task.clock.samples, task.clock.source)
        elif request.attribute_raw == pb.TIMING_ATTRIBUTE_AI_CONV_RATE:
            most = task.board.device.ai_max_multi_rate_hz
            if not 0 < request.value <= most:
                details = f"Property: DAQmx_AIConv_Rate\nRequested Value: {request.value:g}\nMaximum Value: {most:g}"
                raise DaqmxFailure(Code.INVALID_ATTRIBUTE_VALUE, details)
            task.convert_hz = request.value
        else:
            attributes.look_up({}, request.attribute_raw)
        return pb.SetTimingAttributeDoubleResponse()

    def CfgDigEdgeStartTrig(self, request: Any) -> Any:
        self._task(request).configure_trigger(request.trigger_source)
        return pb.CfgDigEdgeStartTrigResponse()

    def DisableStartTrig(self, request: Any) -> Any:
        self._task(request).no_trigger()
        return pb.DisableStartTrigResponse()

    def ExportSignal(self, request: Any) -> Any:
        task = self._task(request)
        if request.signal_id_raw != constants.Signal.START_TRIGGER.value:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "A virtual board exports its start trigger only.")
        self._export(task, request.output_terminal)
        return pb.ExportSignalResponse()

    def SetExportedSignalAttributeString(self, request: Any) -> Any:
        if request.attribute_raw != pb.EXPORTSIGNAL_ATTRIBUTE_START_TRIG_OUTPUT_TERM:
            attributes.look_up({}, request.attribute_raw)
        self._export(self._task(request), request.value)
        return pb.SetExportedSignalAttributeStringResponse()

    def GetExportedSignalAttributeString(self, request: Any) -> Any:
        exported = ", ".join(self._task(request).exported)
        return pb.GetExportedSignalAttributeStringResponse(value=exported)

    def CfgInputBuffer(self, request: Any) -> Any:
        self._task(request).input_buffer = request.num_samps_per_chan
        return pb.CfgInputBufferResponse()

    def SetBufferAttributeUInt32(self, request: Any) -> Any:
        if request.attribute_raw != pb.BUFFER_ATTRIBUTE_INPUT_BUF_SIZE:
            attributes.look_up({}, request.attribute_raw)
        self._task(request).input_buffer = request.value
        return pb.SetBufferAttributeUInt32Response()

    def CfgOutputBuffer(self, request: Any) -> Any:
        self._task(request)
        return pb.CfgOutputBufferResponse()

    def SetReadAttributeBool(self, request: Any) -> Any:
        self._task(request)
        return pb.SetReadAttributeBoolResponse()

    def SetWriteAttributeInt32(self, request: Any) -> Any:
        """Regeneration is what a virtual output does; to be told not to would need a client that feeds it."""
        task, allowed = self._task(request), constants.RegenerationMode.ALLOW_REGENERATION.value
        if request.attribute_raw == pb.WRITE_ATTRIBUTE_REGEN_MODE and request.value_raw != allowed:
            raise DaqmxFailure(Code.INVALID_ATTRIBUTE_VALUE, f"Property: DAQmx_Write_RegenMode\nTask Name: {task.name}")
        return pb.SetWriteAttributeInt32Response()

    def RegisterEveryNSamplesEvent(self, request: Any) -> Event:
        task, kind = self._task(request), request.every_n_samples_event_type_raw
        self._events.append(EveryNSamples(task, kind, request.n_samples))
        return self._events[-1]

    def RegisterDoneEvent(self, request: Any) -> Event:
        self._events.append(Done(self._task(request)))
        return self._events[-1]

    def UnregisterEveryNSamplesEvent(self, request: Any) -> Any:
        self._end_events(self._task(request), EveryNSamples)
        return pb.UnregisterEveryNSamplesEventResponse()

    def UnregisterDoneEvent(self, request: Any) -> Any:
        self._end_events(self._task(request), Done)
        return pb.UnregisterDoneEventResponse()

    def ReadAnalogF64(self, request: Any) -> Any:
        task, by_channel = self._task(request), request.fill_mode_raw == BY_CHANNEL

        def packed(codes: NDArray[np.int16], status: int) -> bytes:
            volts = self._volts(task, codes)
            return packed_doubles(volts.T if by_channel else volts, len(codes), status)

        return self._reader.read(task, request.num_samps_per_chan, request.timeout, packed)

    def ReadAnalogScalarF64(self, request: Any) -> Any:
        task = self._task(request)

        def packed(codes: NDArray[np.int16], status: int) -> Any:
            value = float(self._volts(task, codes)[0, 0]) if len(codes) else 0.0
            return pb.ReadAnalogScalarF64Response(value=value, status=status)

        return self._reader.read(task, 1, request.timeout, packed)

    def ReadBinaryI16(self, request: Any) -> Any:
        def packed(codes: NDArray[np.int16], status: int) -> Any:
            samples = (codes.T if request.fill_mode_raw == BY_CHANNEL else codes).ravel().tolist()
            return pb.ReadBinaryI16Response(read_array=samples, samps_per_chan_read=len(codes), status=status)

        return self._reader.read(self._task(request), request.num_samps_per_chan, request.timeout, packed)

    def ReadRaw(self, request: Any) -> Any:
        """Interleaved, as multiplexed boards deliver."""

        def packed(codes: NDArray[np.int16], status: int) -> Any:
            raw = codes.astype("<i2", copy=False).tobytes()
            return pb.ReadRawResponse(read_array=raw, samps_read=len(codes), num_bytes_per_samp=2, status=status)

        return self._reader.read(self._task(request), request.num_samps_per_chan, request.timeout, packed)

    def WriteAnalogF64(self, request: Any) -> Any:
        task = self._task(request)
        samples = np.array(request.write_array, dtype=float)
        written = self._write(task, samples, request.num_samps_per_chan, request.data_layout_raw, request.auto_start)
        return pb.WriteAnalogF64Response(samps_per_chan_written=written)

    def WriteAnalogScalarF64(self, request: Any) -> Any:
        self._write(self._task(request), np.array([request.value]), 1, BY_CHANNEL, request.auto_start)
        return pb.WriteAnalogScalarF64Response()

    def WriteBinaryI16(self, request: Any) -> Any:
        task = self._task(request)
        samples = np.array(request.write_array, dtype=float) * self._output_step_v(task)
        written = self._write(task, samples, request.num_samps_per_chan, request.data_layout_raw, request.auto_start)
        return pb.WriteBinaryI16Response(samps_per_chan_written=written)

    def WriteRaw(self, request: Any) -> Any:
        task = self._task(request)
        samples = np.frombuffer(request.write_array, dtype="<i2") * self._output_step_v(task)
        interleaved = constants.FillMode.GROUP_BY_SCAN_NUMBER.value
        written = self._write(task, samples, request.num_samps, interleaved, request.auto_start)
        return pb.WriteRawResponse(samps_per_chan_written=written)

    def _write(self, task: Task, samples: NDArray[np.float64], count: int, layout: int, auto_start: bool) -> int:
        channels = [channel.physical for channel in task.channels]
        if task.is_input or not channels or len(samples) != count * len(channels):
            raise DaqmxFailure(Code.WRITE_NUM_CHANS_MISMATCH, f"Task Name: {task.name}")
        shaped = samples.reshape(len(channels), count).T if layout == BY_CHANNEL else samples.reshape(count, -1)
        device = task.board.device
        if task.clock is None:
            if not auto_start and task.state is not State.RUNNING:
                code = Code.CANNOT_WRITE_WHEN_AUTO_START_FALSE_AND_TASK_NOT_RUNNING
                raise DaqmxFailure(code, f"Task Name: {task.name}")
            check_range(shaped, device.ao_full_scale_v)
            implicit = task.state is not State.RUNNING
            task.start()
            task.board.drive(
                self._side.clock(), {name: ToneProgram(float(v)) for name, v in zip(channels, shaped[-1], strict=True)}
            )
            if implicit:  # an implicit start lasts for the write only
                task.stop()
            return count
        if task.state is State.RUNNING:
            details = "A virtual output takes another buffer when it is stopped."
            raise DaqmxFailure(Code.SAMPLES_CAN_NOT_YET_BE_WRITTEN, details)
        task.commit(State.RESERVED)
        task.buffer = OutputBuffer.of(channels, shaped, device.ao_full_scale_v, device.bits)
        if auto_start:
            task.start()
        return count

    def _end_events(self, task: Task, kind: type[Event]) -> None:
        for event in self._events:
            event.over |= event.task is task and isinstance(event, kind)
        self._events = [event for event in self._events if not event.over]

    def _volts(self, task: Task, codes: NDArray[np.int16]) -> NDArray[np.float64]:
        """(n, C) by the coefficients that the client can ask for."""
        coefficients = np.array([attributes.scaling(task, channel) for channel in task.channels])
        return coefficients[:, 0] + codes.astype(float) * coefficients[:, 1]

    def _output_step_v(self, task: Task) -> float:
        return 2 * task.board.device.ao_full_scale_v / 2**task.board.device.bits

    def _export(self, task: Task, terminals: str) -> None:
        task.exported = {name: task.line_of(name) for name in unflatten_channel_string(terminals)}

    def _add_channels(self, request: Any, kind: str) -> None:
        task = self._task(request)
        physical = unflatten_channel_string(request.physical_channel)
        if not physical:
            raise DaqmxFailure(Code.PHYSICAL_CHANNEL_NOT_SPECIFIED)
        names = self._virtual_names(request.name_to_assign_to_channel, physical)
        board = self._board(physical[0].partition("/")[0])
        channels = []
        for name, full in zip(names, physical, strict=True):
            device, _, channel = full.partition("/")
            known: Sequence[str] = board.ai_names if kind == "ai" else board.ao_names
            if self._board(device) is not board or channel.casefold() not in known:
                details = f"Device: {device}\nPhysical Channel Name: {channel}\nTask Name: {task.name}"
                raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, details)
            limits = request.min_val, request.max_val
            range_v = board.range_for(*limits) if kind == "ai" else board.device.ao_full_scale_v
            terminal = getattr(request, "terminal_config_raw", 0)
            channels.append(Channel(name, channel.casefold(), kind, *limits, range_v, terminal))
        task.add(board, channels)

    def _virtual_names(self, assigned: str, physical: Sequence[str]) -> list[str]:
        if not assigned:
            return list(physical)
        names = unflatten_channel_string(assigned)
        return names if len(names) == len(physical) else [f"{assigned}{k}" for k in range(len(physical))]

    def _physical_channel(self, name: str, attribute: int) -> int:
        device, _, channel = name.partition("/")
        board = self._board(device)
        if channel not in (*board.ai_names, *board.ao_names):
            raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Device: {device}\nPhysical Channel Name: {channel}")
        values: dict[int, int] = {
            pb.PHYSICALCHANNEL_ATTRIBUTE_PHYSICAL_CHAN_AI_TERM_CFGS: attributes.SINGLE_ENDED_OR_DIFFERENTIAL,
            pb.PHYSICALCHANNEL_ATTRIBUTE_PHYSICAL_CHAN_AO_TERM_CFGS: 2,
        }
        return attributes.look_up(values, attribute)

    def _board(self, name: str) -> DeviceState:
        board = self._boards.get(name.removeprefix("/").casefold())
        if board is None:
            raise DaqmxFailure(Code.INVALID_DEVICE_ID, f"Device Specified: {name}")
        return board

    def _task(self, request: Any) -> Task:
        task = self._tasks.get(request.task.name)
        if task is None:
            raise DaqmxFailure(Code.INVALID_TASK, f"Task Name: {request.task.name}")
        return task

    def _channel(self, task: Task, name: str) -> Channel:
        """The first of the channels that a request names; properties of several are those of it."""
        wanted = unflatten_channel_string(name) if name else [channel.name for channel in task.channels[:1]]
        for channel in task.channels:
            if wanted and channel.name.casefold() == wanted[0].casefold():
                return channel
        raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Channel Name: {name}\nTask Name: {task.name}")
