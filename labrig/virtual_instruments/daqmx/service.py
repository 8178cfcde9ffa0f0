"""The remote procedures of a virtual DAQmx server, one method each, named as in NI's service definition.

Every method takes the request and returns the reply (a message, serialized bytes, or an Event). It is called with the
bench's lock held; reads and waits release it while they wait.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code
from nidaqmx.utils import unflatten_channel_string
from session_pb2 import Session

from labrig.signals.tones import SILENT
from labrig.virtual_instruments.daqmx import attributes
from labrig.virtual_instruments.daqmx.channels import Channels, names_in
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure, wording
from labrig.virtual_instruments.daqmx.events import Done, Event, EveryNSamples
from labrig.virtual_instruments.daqmx.reading import Reader
from labrig.virtual_instruments.daqmx.settings import Channel, SampleClock
from labrig.virtual_instruments.daqmx.shared import SharedByTasks
from labrig.virtual_instruments.daqmx.tasks import TaskState, VirtualTask
from labrig.virtual_instruments.daqmx.transfers import Transfers
from labrig.virtual_instruments.virtual_bench import VirtualBench

ATTRIBUTE_GROUPS = ("SystemInfo", "Device", "PhysicalChan", "Task", "Chan", "Timing", "Trig", "Read", "Write", "Buffer")
EVENTS = ("RegisterEveryNSamplesEvent", "RegisterDoneEvent")
"""Procedures that return an Event, which becomes a stream of messages."""

WAITS = ("WaitUntilTaskDone", "ReadAnalogF64", "ReadAnalogScalarF64", "ReadBinaryI16", "ReadBinaryI32", "ReadRaw")
WAITS += ("WriteAnalogF64", "WriteAnalogWaveforms", "WriteBinaryI16", "WriteRaw")
"""Procedures that may wait for as long as the client requests."""


class DaqmxService:
    """The service. The methods of `parts` are the procedures; `boards` has the boards by casefolded device name."""

    def __init__(self, bench: VirtualBench, boards: Mapping[str, DeviceState]) -> None:
        self._bench = bench
        self._boards = boards
        self._shared = SharedByTasks(bench, boards)
        self.calls = self._shared.calls
        self.parts = (self, Transfers(bench, Reader(self._shared), self._task), Channels(self._task, self._board))
        self._tasks: dict[str, VirtualTask] = {}
        self._created = 0
        self._events: list[Event] = []

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the existing tasks."""
        return tuple(self._tasks)

    def instruments_of(self, request: Any) -> tuple[str, ...]:
        """Configuration entries of the device of a request or of its task."""
        task = self._tasks.get(request.task.name) if hasattr(request, "task") else None
        named = getattr(request, "device_name", "") or getattr(request, "physical_channel", "").partition("/")[0]
        board = task.device if task is not None and task.device is not None else self._boards.get(named.casefold())
        return board.instruments if board is not None else ()

    def attribute(self, group: str, request: Any) -> Any:
        """The value for a Get<group>Attribute<type> request."""
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
            return attributes.look_up(attributes.CHANNEL, attribute)(task, _channel(task, request.channel))
        if group in ("Read", "Write"):
            table = attributes.READ if group == "Read" else attributes.WRITE
            return attributes.look_up(table, attribute)(task, self._bench.clock())
        tables = {
            "Buffer": attributes.BUFFER,
            "Task": attributes.TASK,
            "Timing": attributes.TIMING,
            "Trig": attributes.TRIGGER,
        }
        return attributes.look_up(tables[group], attribute)(task)

    def GetErrorString(self, request: Any) -> Any:
        """Return NI's text for an error code."""
        return pb.GetErrorStringResponse(error_string=wording(request.error_code))

    def ResetDevice(self, request: Any) -> Any:
        """Abort every task of the board and set every output to 0 V."""
        board = self._board(request.device_name)
        for task in self._tasks.values():
            if task.device is board:
                task.unreserve()
        board.drive(self._bench.clock(), dict.fromkeys(board.ao_names, SILENT))
        return pb.ResetDeviceResponse()

    def SelfTestDevice(self, request: Any) -> Any:
        """Check that the device exists."""
        self._board(request.device_name)
        return pb.SelfTestDeviceResponse()

    def CreateTask(self, request: Any) -> Any:
        """Create a task; without a name it gets a generated one."""
        if not (name := request.session_name):
            name = f"_unnamedTask<{self._created:X}>"
            self._created += 1
        if name in self._tasks:
            raise DaqmxFailure(Code.DUPLICATE_TASK, f"Task Name: {name}")
        self._tasks[name] = VirtualTask(name, self._shared)
        return pb.CreateTaskResponse(task=Session(name=name), new_session_initialized=True)

    def ClearTask(self, request: Any) -> Any:
        """Abort and delete a task."""
        task = self._tasks.pop(request.task.name, None)
        if task is not None:
            task.abort()
            self._end_events(task, Event)
        return pb.ClearTaskResponse()

    def StartTask(self, request: Any) -> Any:
        """Start a task."""
        task = self._task(request)
        if not task.channels:
            raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task Name: {task.name}")
        task.start()
        return pb.StartTaskResponse()

    def StopTask(self, request: Any) -> Any:
        """Stop a task."""
        self._task(request).stop()
        return pb.StopTaskResponse()

    def TaskControl(self, request: Any) -> Any:
        """Change the state of a task."""
        task = self._task(request)
        match constants.TaskMode(request.action_raw):
            case constants.TaskMode.TASK_START:
                task.start()
            case constants.TaskMode.TASK_STOP:
                task.stop()
            case constants.TaskMode.TASK_RESERVE:
                task.commit(TaskState.RESERVED)
            case constants.TaskMode.TASK_COMMIT:
                task.commit()
            case constants.TaskMode.TASK_UNRESERVE:
                if task.state is TaskState.RUNNING:  # NI documents no implicit stop
                    raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING, f"Task Name: {task.name}")
                task.unreserve()
            case constants.TaskMode.TASK_ABORT:
                task.abort()
            case _:
                task.check()
        return pb.TaskControlResponse()

    def IsTaskDone(self, request: Any) -> Any:
        """Return whether a task has ended."""
        return pb.IsTaskDoneResponse(is_task_done=self._task(request).done())

    def WaitUntilTaskDone(self, request: Any) -> Any:
        """Wait for a task to end, up to `time_to_wait` seconds."""
        task = self._task(request)
        clock = self._bench.clock
        deadline = math.inf if request.time_to_wait < 0 else clock() + request.time_to_wait
        while not task.done():
            if clock() >= deadline:
                raise DaqmxFailure(Code.WAIT_UNTIL_DONE_DOES_NOT_INDICATE_DONE, f"Task Name: {task.name}")
            self._shared.calls.pause(min(0.01, deadline - clock()))
        return pb.WaitUntilTaskDoneResponse()

    def CfgSampClkTiming(self, request: Any) -> Any:
        """Set the sample clock of a task."""
        task = self._task(request)
        task.configure_clock(SampleClock(request.rate, request.sample_mode_raw, request.samps_per_chan, request.source))
        return pb.CfgSampClkTimingResponse()

    def SetTimingAttributeString(self, request: Any) -> Any:
        """Set the source of the reference clock."""
        if request.attribute_raw != pb.TIMING_ATTRIBUTE_REF_CLK_SRC:
            attributes.look_up({}, request.attribute_raw)
        self._task(request).set_reference_clock(terminal=request.value)
        return pb.SetTimingAttributeStringResponse()

    def ConnectTerms(self, request: Any) -> Any:
        """Route a clock or trigger to a terminal. No effect: the bench's wiring already includes it."""
        self._shared.check_route(request.source_terminal, request.destination_terminal)
        return pb.ConnectTermsResponse()

    def DisconnectTerms(self, request: Any) -> Any:
        """Remove a route; no effect, like `ConnectTerms`."""
        return pb.DisconnectTermsResponse()

    def SetTimingAttributeDouble(self, request: Any) -> Any:
        """Set the sample rate, the convert rate or the reference clock rate (Hz)."""
        task = self._task(request)
        if request.attribute_raw == pb.TIMING_ATTRIBUTE_SAMP_CLK_RATE and task.clock is not None:
            task.clock = replace(task.clock, requested_hz=request.value)
        elif request.attribute_raw == pb.TIMING_ATTRIBUTE_AI_CONV_RATE:
            most = task.board.device.ai_max_multi_rate_hz
            if not 0 < request.value <= most:
                details = f"Property: DAQmx_AIConv_Rate\nRequested Value: {request.value:g}\nMaximum Value: {most:g}"
                raise DaqmxFailure(Code.INVALID_ATTRIBUTE_VALUE, details)
            task.convert_hz = request.value
        elif request.attribute_raw == pb.TIMING_ATTRIBUTE_REF_CLK_RATE:
            task.set_reference_clock(requested_hz=request.value)
        else:
            attributes.look_up({}, request.attribute_raw)
        return pb.SetTimingAttributeDoubleResponse()

    def CfgDigEdgeStartTrig(self, request: Any) -> Any:
        """Set a digital start trigger."""
        self._task(request).configure_trigger(request.trigger_source)
        return pb.CfgDigEdgeStartTrigResponse()

    def DisableStartTrig(self, request: Any) -> Any:
        """Remove the start trigger."""
        self._task(request).clear_trigger()
        return pb.DisableStartTrigResponse()

    def SetTrigAttributeBool(self, request: Any) -> Any:
        """Set whether a finite task starts again at every trigger."""
        if request.attribute_raw != pb.TRIGGER_ATTRIBUTE_START_TRIG_RETRIGGERABLE:
            attributes.look_up({}, request.attribute_raw)
        self._task(request).set_mode(retriggerable=request.value)
        return pb.SetTrigAttributeBoolResponse()

    def ExportSignal(self, request: Any) -> Any:
        """Export the start trigger to a terminal."""
        task = self._task(request)
        if request.signal_id_raw != constants.Signal.START_TRIGGER.value:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, reason="A virtual board exports only its start trigger.")
        self._export(task, request.output_terminal)
        return pb.ExportSignalResponse()

    def SetExportedSignalAttributeString(self, request: Any) -> Any:
        """Set the terminals of the exported start trigger."""
        if request.attribute_raw != pb.EXPORTSIGNAL_ATTRIBUTE_START_TRIG_OUTPUT_TERM:
            attributes.look_up({}, request.attribute_raw)
        self._export(self._task(request), request.value)
        return pb.SetExportedSignalAttributeStringResponse()

    def GetExportedSignalAttributeString(self, request: Any) -> Any:
        """Return the terminals of the exported start trigger."""
        exported = ", ".join(self._task(request).exported)
        return pb.GetExportedSignalAttributeStringResponse(value=exported)

    def CfgInputBuffer(self, request: Any) -> Any:
        """Set the size of the input buffer."""
        self._task(request).input_buffer = request.num_samps_per_chan
        return pb.CfgInputBufferResponse()

    def SetBufferAttributeUInt32(self, request: Any) -> Any:
        """Set the size of the input buffer."""
        if request.attribute_raw != pb.BUFFER_ATTRIBUTE_INPUT_BUF_SIZE:
            attributes.look_up({}, request.attribute_raw)
        self._task(request).input_buffer = request.value
        return pb.SetBufferAttributeUInt32Response()

    def CfgOutputBuffer(self, request: Any) -> Any:
        """Accept a size of the output buffer without effect; the samples written determine it."""
        self._task(request)
        return pb.CfgOutputBufferResponse()

    def SetReadAttributeBool(self, request: Any) -> Any:
        """Accept a read property without effect."""
        self._task(request)
        return pb.SetReadAttributeBoolResponse()

    def SetWriteAttributeInt32(self, request: Any) -> Any:
        """Set the regeneration mode: whether a buffer is repeated."""
        task = self._task(request)
        if request.attribute_raw != pb.WRITE_ATTRIBUTE_REGEN_MODE:
            attributes.look_up({}, request.attribute_raw)
        task.set_mode(regenerates=request.value_raw == constants.RegenerationMode.ALLOW_REGENERATION.value)
        return pb.SetWriteAttributeInt32Response()

    def RegisterEveryNSamplesEvent(self, request: Any) -> Event:
        """Register an event for every N samples acquired."""
        task, kind = self._task(request), request.every_n_samples_event_type_raw
        self._events.append(EveryNSamples(task, kind, request.n_samples))
        return self._events[-1]

    def RegisterDoneEvent(self, request: Any) -> Event:
        """Register an event for the end of a task."""
        self._events.append(Done(self._task(request)))
        return self._events[-1]

    def UnregisterEveryNSamplesEvent(self, request: Any) -> Any:
        """End the events for every N samples."""
        self._end_events(self._task(request), EveryNSamples)
        return pb.UnregisterEveryNSamplesEventResponse()

    def UnregisterDoneEvent(self, request: Any) -> Any:
        """End the events for the end of a task."""
        self._end_events(self._task(request), Done)
        return pb.UnregisterDoneEventResponse()

    def _end_events(self, task: VirtualTask, kind: type[Event]) -> None:
        for event in self._events:
            event.over |= event.task is task and isinstance(event, kind)
        self._events = [event for event in self._events if not event.over]

    def _export(self, task: VirtualTask, terminals: str) -> None:
        names = unflatten_channel_string(terminals)
        lines = {name: task.line_of(name, is_destination=True) for name in names}
        for name in names:
            board, signal = self._shared.terminal(name, task.device)
            if board is not None:
                board.check_output(signal, board.start_outputs)
        task.exported = lines

    def _physical_channel(self, name: str, attribute: int) -> int:
        device, _, channel = name.partition("/")
        board = self._board(device)
        if channel not in (*board.ai_names, *board.ao_names):
            raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Device: {device}\nPhysical Channel Name: {channel}")
        kind = "AI" if channel in board.ai_names else "AO"
        configurations = getattr(pb, f"PHYSICALCHANNEL_ATTRIBUTE_PHYSICAL_CHAN_{kind}_TERM_CFGS")
        bits = sum(attributes.TERMINAL_BITS[each] for each in board.terminals_of(channel))
        return attributes.look_up({configurations: bits}, attribute)

    def _board(self, name: str) -> DeviceState:
        board = self._boards.get(name.removeprefix("/").casefold())
        if board is None:
            raise DaqmxFailure(Code.INVALID_DEVICE_ID, f"Device Specified: {name}")
        return board

    def _task(self, request: Any) -> VirtualTask:
        task = self._tasks.get(request.task.name)
        if task is None:
            raise DaqmxFailure(Code.INVALID_TASK, f"Task Name: {request.task.name}")
        return task


def _channel(task: VirtualTask, name: str) -> Channel:
    """The first of the channels of a request, whose properties are returned for all of them."""
    for channel in task.named(names_in(name)):
        return channel
    raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Channel Name: {name}\nTask Name: {task.name}")
