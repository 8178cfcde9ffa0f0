"""DAQmx tasks: channels, timing, trigger and task states.

Everything here runs with the bench's lock held; waiting releases it.
"""

from __future__ import annotations

from dataclasses import replace
from enum import IntEnum
from typing import Any

from nidaqmx.error_codes import DAQmxErrors as Code

from labrig.virtual_instruments.daqmx.device import ONBOARD_CLOCKS, DeviceState, coerced_rate, convert_rate
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure, no_terminal
from labrig.virtual_instruments.daqmx.functions import FunctionGeneration
from labrig.virtual_instruments.daqmx.input import TaskAcquisition
from labrig.virtual_instruments.daqmx.output import Generation, OutputBuffer
from labrig.virtual_instruments.daqmx.settings import FINITE, Channel, ReferenceClock, SampleClock, default_buffer
from labrig.virtual_instruments.daqmx.shared import SharedByTasks

ON_DEMAND_HZ = 10e3
"""Scan rate of software-timed reads, without a sample clock (S/s)."""

LARGEST_BUFFER = 2**32 - 1
"""Largest input buffer (samples of all channels); boards count them in 32 bits."""

LEAST_ROOM = 1000
"""A write to a running output without regeneration waits while more samples are waiting than this, or than it adds."""

AWAKE_S = 0.5e-3
"""Final part of a wait in which the thread spins (s): a sleeping thread would wake 0.2 ms late, unlike a real board."""


class TaskState(IntEnum):
    """States of the DAQmx task model."""

    IDLE = 0
    RESERVED = 1
    COMMITTED = 2
    RUNNING = 3


class VirtualTask:
    """One task, whose channels are all inputs or all outputs of one board."""

    def __init__(self, name: str, shared: SharedByTasks) -> None:
        self.name = name
        self.device: DeviceState | None = None
        self.channels: list[Channel] = []
        self.clock: SampleClock | None = None
        self.convert_hz: float | None = None
        self.trigger_terminal = ""
        self.reference = ReferenceClock()
        self.retriggerable = False
        self.regenerates = True
        self.exported: dict[str, str] = {}
        self.input_buffer: int | None = None
        self.state = TaskState.IDLE
        self.acquisition: TaskAcquisition | None = None
        self.generation: Generation | FunctionGeneration | None = None
        self.buffers: list[OutputBuffer] = []
        self._shared = shared
        self._trigger_line: str | None = None
        self._clocked = True
        self._resting = TaskState.IDLE
        self._next: list[TaskAcquisition] = []  # acquisitions of later triggers, not read yet

    @property
    def board(self) -> DeviceState:
        """The board; raises DaqmxFailure if the task has no channels."""
        if self.device is None:
            raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task Name: {self.name}")
        return self.device

    @property
    def is_input(self) -> bool:
        """Whether the channels are inputs."""
        return bool(self.channels) and self.channels[0].kind == "ai"

    @property
    def rate_hz(self) -> float:
        """Actual sample rate (S/s); raises DaqmxFailure without a sample clock."""
        if self.clock is None:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "Property: DAQmx_SampClk_Rate: the task has no sample clock.")
        self.check_rate()
        return coerced_rate(self.board.device, self.clock.requested_hz)

    @property
    def most_hz(self) -> float:
        """Highest rate of a sample clock for the channels of this task (S/s)."""
        device, channels = self.board.device, self.channels
        if not self.is_input:
            return device.ao_most_hz(tuple(channel.physical for channel in channels))
        if device.simultaneous:
            return device.ai_max_multi_rate_hz
        return device.ai_max_single_rate_hz if len(channels) == 1 else device.ai_max_multi_rate_hz / len(channels)

    @property
    def convert_rate_hz(self) -> float:
        """Actual convert rate of a multiplexed input (Hz)."""
        device = self.board.device
        if not self.is_input or device.convert_interval_s == 0:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "Property: DAQmx_AIConv_Rate")
        if self.convert_hz is not None:
            return coerced_rate(device, self.convert_hz)
        return convert_rate(device, len(self.channels), self.rate_hz)

    def add(self, board: DeviceState, channels: list[Channel]) -> None:
        """Add channels of a board."""
        self._require_stopped()
        if self.device not in (None, board):
            raise DaqmxFailure(Code.INVALID_TASK, reason="A virtual task has channels of one device only.")
        self.device = board
        self.channels += channels

    def named(self, names: tuple[str, ...]) -> list[Channel]:
        """The channels with these (casefolded) names, or all if there are none."""
        for name in names:
            if name not in {channel.name.casefold() for channel in self.channels}:
                raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Channel Name: {name}\nTask Name: {self.name}")
        return [channel for channel in self.channels if not names or channel.name.casefold() in names]

    def change(self, names: tuple[str, ...], **changes: Any) -> None:
        """Change properties of channels; their range follows their limits."""
        self._require_stopped()
        chosen = self.named(names)
        changed = {}
        for channel in chosen:
            new = replace(channel, **changes)
            changed[channel.name] = replace(new, range_v=self.board.range_for(new.kind, new.lowest_v, new.highest_v))
        self.channels = [changed.get(channel.name, channel) for channel in self.channels]

    def configure_clock(self, clock: SampleClock) -> None:
        """Set the sample clock. Its source is the onboard clock or a terminal, even one without a clock signal."""
        self._require_stopped()
        self._clocked = self._has_clock(clock.source)
        self.clock = clock

    def configure_trigger(self, terminal: str) -> None:
        """Make the task start at a signal edge at a terminal."""
        self.trigger_terminal, self._trigger_line = terminal, self.line_of(terminal)

    def set_mode(self, *, retriggerable: bool | None = None, regenerates: bool | None = None) -> None:
        """Set whether a finite task starts again at every trigger, and whether a buffer is repeated."""
        self._require_stopped()
        self.retriggerable = self.retriggerable if retriggerable is None else retriggerable
        self.regenerates = self.regenerates if regenerates is None else regenerates

    def clear_trigger(self) -> None:
        """Make the task start without a trigger."""
        self.trigger_terminal, self._trigger_line = "", None

    def line_of(self, terminal: str, is_destination: bool = False) -> str:
        """Return the trigger line at a terminal of this or another device; raises DaqmxFailure if there is none."""
        board, signal = self._shared.terminal(terminal, self.device)
        line = board.line(signal) if board is not None else None
        if line is None:
            raise no_terminal(terminal, is_destination)
        return line

    def set_reference_clock(self, **changes: Any) -> None:
        """Set terminal or rate of the reference clock, without effect: all devices on the bench share one clock."""
        self._require_stopped()
        wanted = replace(self.reference, **changes)
        if not self.board.device.clock_inputs and not wanted.is_onboard:
            raise DaqmxFailure(Code.REF_CLK_SRC_NOT_SUPPORTED, f"Task Name: {self.name}")
        self._shared.check_clock(wanted.terminal, self.board)
        self.reference = wanted

    def check(self) -> None:
        """Raise DaqmxFailure for settings that the board cannot have."""
        self.reference.check()
        if self.clock is not None:
            self.check_rate()
        self._check_buffer()

    def check_rate(self) -> None:
        """Raise DaqmxFailure if the requested sample rate is too high."""
        assert self.clock is not None
        most = self.most_hz
        if not 0 < self.clock.requested_hz <= most * (1 + 1e-9):
            raise DaqmxFailure(
                Code.INVALID_ATTRIBUTE_VALUE,
                f"Property: DAQmx_SampClk_Rate\nRequested Value: {self.clock.requested_hz:g}\nMaximum Value: {most:g}",
            )

    def commit(self, state: TaskState = TaskState.COMMITTED) -> None:
        """Check the settings, reserve the resources and enter `state`."""
        board = self.board
        self.check()
        board.reserve(self, self._resources())
        self._resting = max(self._resting, state)
        self.state = max(self.state, state)

    def start(self) -> None:
        """Start immediately, or at the signal edge of the start trigger."""
        if self.state is TaskState.RUNNING:
            return
        self.check()
        self.board.reserve(self, self._resources())
        functions = {channel.physical: channel.function for channel in self.channels if channel.function is not None}
        if self.clock is not None and not self.is_input and not self.buffers and not functions:
            raise DaqmxFailure(Code.OUTPUT_BUFFER_EMPTY, f"Task Name: {self.name}")
        self.state = TaskState.RUNNING
        if functions:
            self.generation = FunctionGeneration(self.board, functions)
        elif self.is_input and self.clock is not None:
            self.acquisition = self._new_acquisition()
        elif self.buffers:
            self.generation = self._new_generation()
        else:
            return
        if not self._clocked:  # there will be no first sample
            return
        if self._trigger_line is None:
            self.begin(self._shared.bench.clock())
        else:
            self._shared.wait_for_edge(self._trigger_line, self)

    def begin(self, t: float) -> None:
        """Begin at the start trigger at time t (s)."""
        bench = self._shared.bench
        if self.retriggerable and self._trigger_line is not None:
            self._shared.wait_for_edge(self._trigger_line, self)
            if not self._is_ready(t):
                return  # a board ignores triggers while it is busy
        if self.acquisition is not None:
            latest = self._next[-1] if self._next else self.acquisition
            latest.begin(t)
            bench.lines.fire(f"{self.board.device.instrument}/start", t)
        elif self.generation is not None:
            self.generation.begin(t)
            own = self.board.line("ao/StartTrigger")
            assert own is not None
            bench.lines.fire(own, t)
        for line in self.exported.values():
            bench.lines.fire(line, t)
        self._shared.calls.changed.notify_all()

    def _is_ready(self, t: float) -> bool:
        """Whether a retriggerable task can begin at time t (s); prepares its next acquisition or generation."""
        if self.acquisition is not None:
            latest = self._next[-1] if self._next else self.acquisition
            if latest.t0 is None:
                return True
            if not latest.done(t):
                return False
            self._next.append(self._new_acquisition())
            return True
        if self.generation is None or self.generation.t0 is None:
            return True
        if not self.generation.done(t):
            return False
        self.generation = self._new_generation()
        return True

    def read_on(self) -> None:
        """Continue with the samples of the next trigger once the samples of the last trigger have been read."""
        acquisition = self.acquisition
        if self.retriggerable and acquisition is not None and acquisition.position == acquisition.total:
            if not self._next:
                self._next.append(self._new_acquisition())
            self.acquisition = self._next.pop(0)

    def _new_acquisition(self) -> TaskAcquisition:
        check = self._shared.calls.check
        return TaskAcquisition(self.board, self.channels, self._input_plan(), self._shared.bench, check)

    def _new_generation(self) -> Generation:
        assert self.clock is not None
        repeats = self.clock.mode != FINITE and self.regenerates
        return Generation(self.board, self.buffers, self.rate_hz, repeats)

    def write(self, buffer: OutputBuffer) -> None:
        """Take samples, which replace the previous samples or, without regeneration, are appended to them."""
        if isinstance(self.generation, Generation):
            self.generation.add(buffer, self._shared.bench.clock())
        if self.regenerates:
            self.buffers = [buffer]
        elif self.generation is None:
            self.buffers = [*self.buffers, buffer]

    def wait_for_room(self, count: int, deadline: float) -> bool:
        """Wait until a running output without regeneration has room for `count` samples, or until the deadline (s)."""
        clock = self._shared.bench.clock
        while isinstance(self.generation, Generation) and self.generation.waiting(clock()) > max(count, LEAST_ROOM):
            left = deadline - clock()
            if left <= 0:
                return False
            self._shared.calls.pause(min(left, 0.01))
        return True

    def on_demand(self, scans: int) -> TaskAcquisition:
        """Begin a software-timed acquisition of `scans` scans from now on, for a running task without a clock."""
        bench, device = self._shared.bench, self.board.device
        convert = convert_rate(device, len(self.channels), ON_DEMAND_HZ) if device.convert_interval_s else 0.0
        plan = ON_DEMAND_HZ, convert, scans, scans
        self.acquisition = TaskAcquisition(self.board, self.channels, plan, bench, self._shared.calls.check)
        self.acquisition.begin(bench.clock())
        return self.acquisition

    def stop(self) -> None:
        """Stop, and return to the state before the start."""
        self._halt()
        self.state = self._resting
        if self.state is TaskState.IDLE and self.device is not None:
            self.device.release(self)

    def abort(self) -> None:
        """Stop and release the resources."""
        self._resting = TaskState.IDLE
        self.stop()

    def unreserve(self) -> None:
        """Stop, release the resources and discard the output buffer."""
        self.abort()
        self.buffers = []

    def generated(self) -> int:
        """Samples per channel played since the start; 0 while the task waits for its trigger."""
        return 0 if self.generation is None else self.generation.generated(self._shared.bench.clock())

    def done(self) -> bool:
        """Whether the task has ended.

        A task without a sample clock is always done, even while it runs (NI's component test of an on-demand task),
        unless the board says otherwise.
        """
        if self.clock is None and self.generation is None:
            return self.state is not TaskState.RUNNING or self.board.device.on_demand_done
        if self.retriggerable and self.state is TaskState.RUNNING:
            return False
        running = self.acquisition or self.generation
        return self.state is not TaskState.RUNNING or (running is not None and running.done(self._shared.bench.clock()))

    def wait_until(self, t: float, deadline: float) -> bool:
        """Wait until time t (s), releasing the lock; returns False if the deadline passed first while the task ran."""
        clock = self._shared.bench.clock
        until = min(t, deadline)
        while self.state is TaskState.RUNNING and (left := until - clock()) > 0:
            self._shared.calls.pause(max(0.0, left - AWAKE_S))
        return t <= deadline or self.state is not TaskState.RUNNING

    def wait_for_trigger(self, deadline: float) -> bool:
        """Wait for the start trigger; returns False if it has not come by the deadline (s)."""
        clock = self._shared.bench.clock
        while self.state is TaskState.RUNNING and self.acquisition is not None and self.acquisition.t0 is None:
            left = deadline - clock()
            if left <= 0:
                return False
            self._shared.calls.pause(left)
        return True

    def _halt(self) -> None:
        self._shared.stop_waiting(self)
        if self.generation is not None:
            self.generation.stop(self._shared.bench.clock())
        self.acquisition = self.generation = None
        self._next = []
        self._shared.calls.changed.notify_all()

    def _has_clock(self, source: str) -> bool:
        """Whether there is a sample clock at a terminal."""
        device, _, signal = source.removeprefix("/").partition("/") if source.startswith("/") else ("", "", source)
        if signal.casefold() in ONBOARD_CLOCKS and device.casefold() in ("", self.board.device.name.casefold()):
            return True
        wired = self.board.device.sample_clock
        return self.line_of(source) == (self.line_of(wired) if wired else "")

    def _require_stopped(self) -> None:
        if self.state is TaskState.RUNNING:
            raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHILE_TASK_RUNNING, f"Task Name: {self.name}")

    def _check_buffer(self) -> None:
        wanted = max(self.clock.samples if self.clock else 0, self.input_buffer or 0) * len(self.channels)
        if self.is_input and wanted > LARGEST_BUFFER:
            details = f"Task Name: {self.name}\nSamples of all channels: {wanted}\nMaximum Value: {LARGEST_BUFFER}"
            raise DaqmxFailure(Code.PAL_MEMORY_FULL, details)

    def _resources(self) -> list[str]:
        if self.is_input:  # one multiplexer, one sample clock
            return ["ai"]
        if self.board.chassis is not None:  # a module is clocked or written on demand as a whole
            return ["ao"]
        timing = ["ao/SampleClock"] if self.clock is not None else []
        return timing + [channel.physical for channel in self.channels]

    def _input_plan(self) -> tuple[float, float, int | None, int]:
        """Sample rate, convert rate (0: simultaneous), total samples or None, buffer size."""
        device = self.board.device
        convert = 0.0 if device.convert_interval_s == 0 else self.convert_rate_hz
        assert self.clock is not None
        rate = self.rate_hz
        total = self.clock.samples if self.clock.mode == FINITE else None
        return rate, convert, total, self.input_buffer or default_buffer(self.clock.samples, rate)
