"""DAQmx tasks: channels, timing, trigger, and the states a task goes through until it runs and stops.

Everything here runs with the bench's lock held; whoever waits gives it up meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from nidaqmx.constants import AcquisitionType
from nidaqmx.error_codes import DAQmxErrors as Code

from labrig.virtual_instruments.daqmx.calls import Calls
from labrig.virtual_instruments.daqmx.device import ONBOARD_CLOCKS, DeviceState, coerced_rate, convert_rate
from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.input import TaskAcquisition
from labrig.virtual_instruments.daqmx.output import Generation, OutputBuffer
from labrig.virtual_instruments.virtual_bench import VirtualBench

FINITE = AcquisitionType.FINITE.value

ON_DEMAND_HZ = 10e3
"""Scans a second that software takes where there is no sample clock."""

LARGEST_BUFFER = 2**32 - 1
"""Samples of all channels that an input buffer may hold. A board counts them in 32 bits."""


AWAKE_S = 0.5e-3
"""The end of a wait is waited awake: a thread that sleeps comes 0.2 ms late, more than a real board's samples do."""


class TaskState(IntEnum):
    IDLE = 0
    RESERVED = 1
    COMMITTED = 2
    RUNNING = 3


@dataclass(frozen=True)
class Channel:
    """name: of the virtual channel. physical: without its device ("ai3"). range_v: ± volts of the converter."""

    name: str
    physical: str
    kind: str
    lowest_v: float
    highest_v: float
    range_v: float
    terminal: int


@dataclass(frozen=True)
class SampleClock:
    """requested_hz: rate asked for. mode: DAQmx value. samples: per channel, or a hint for the buffer."""

    requested_hz: float
    mode: int
    samples: int
    source: str = ""

    @property
    def rate_hz(self) -> float:
        return coerced_rate(self.requested_hz)


@dataclass
class SharedByTasks:
    """What the tasks of one server share. boards: by the casefolded name of the device."""

    bench: VirtualBench
    boards: Mapping[str, DeviceState]
    calls: Calls = field(init=False)
    waiting: dict[str, list[VirtualTask]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.calls = Calls(self.bench.lock)

    def terminal(self, name: str, own: DeviceState | None) -> tuple[DeviceState | None, str]:
        """The board and the signal behind a terminal's name, which may leave out the `own` device."""
        if not name.startswith("/"):
            return own, name
        device, _, signal = name.removeprefix("/").partition("/")
        return self.boards.get(device.casefold()), signal

    def check_clock(self, terminal: str, own: DeviceState | None = None) -> None:
        """Refuse a terminal that gives no reference clock, as the driver does."""
        board, signal = self.terminal(terminal, own)
        if board is None or not board.gives_clock(signal):
            raise DaqmxFailure(Code.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING, f"Source Terminal: {terminal}")

    def wait_for_edge(self, line: str, task: VirtualTask) -> None:
        if line not in self.waiting:  # one listener a line: tasks come and go, listeners stay
            self.bench.lines.listen(line, lambda t: self._edge(line, t))
        self.waiting[line].append(task)

    def forget(self, task: VirtualTask) -> None:
        for tasks in self.waiting.values():
            if task in tasks:
                tasks.remove(task)

    def _edge(self, line: str, t: float) -> None:
        tasks, self.waiting[line] = self.waiting[line], []
        for task in tasks:
            task.begin(t)


class VirtualTask:
    """One task. Channels are all inputs or all outputs of one board."""

    def __init__(self, name: str, shared: SharedByTasks) -> None:
        self.name = name
        self.device: DeviceState | None = None
        self.channels: list[Channel] = []
        self.clock: SampleClock | None = None
        self.convert_hz: float | None = None
        self.trigger_terminal = ""
        self.reference_terminal, self.reference_hz = "OnboardClock", 10e6
        self.exported: dict[str, str] = {}
        self.input_buffer: int | None = None
        self.state = TaskState.IDLE
        self.acquisition: TaskAcquisition | None = None
        self.generation: Generation | None = None
        self.buffer: OutputBuffer | None = None
        self._shared = shared
        self._trigger_line: str | None = None
        self._clocked = True
        self._resting = TaskState.IDLE

    @property
    def board(self) -> DeviceState:
        if self.device is None:
            raise DaqmxFailure(Code.CAN_NOT_PERFORM_OP_WHEN_NO_CHANS_IN_TASK, f"Task Name: {self.name}")
        return self.device

    @property
    def is_input(self) -> bool:
        return bool(self.channels) and self.channels[0].kind == "ai"

    @property
    def rate_hz(self) -> float:
        if self.clock is None:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "Property: DAQmx_SampClk_Rate: the task has no sample clock.")
        self.check_rate()
        return self.clock.rate_hz

    @property
    def convert_rate_hz(self) -> float:
        device = self.board.device
        if not self.is_input or device.convert_interval_s == 0:
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, "Property: DAQmx_AIConv_Rate")
        if self.convert_hz is not None:
            return coerced_rate(self.convert_hz)
        return convert_rate(device, len(self.channels), self.rate_hz)

    def add(self, board: DeviceState, channels: list[Channel]) -> None:
        self._must_not_run()
        if self.device not in (None, board):
            raise DaqmxFailure(Code.INVALID_TASK, reason="A virtual task has channels of one device only.")
        self.device = board
        self.channels += channels

    def named(self, names: tuple[str, ...]) -> list[Channel]:
        """The channels of these names (casefolded), or all."""
        for name in names:
            if name not in {channel.name.casefold() for channel in self.channels}:
                raise DaqmxFailure(Code.PHYSICAL_CHAN_DOES_NOT_EXIST, f"Channel Name: {name}\nTask Name: {self.name}")
        return [channel for channel in self.channels if not names or channel.name.casefold() in names]

    def change(self, names: tuple[str, ...], **changes: Any) -> None:
        """Properties of these channels; the range of an input follows its limits."""
        self._must_not_run()
        chosen = self.named(names)
        changed = {}
        for channel in chosen:
            new = replace(channel, **changes)
            if new.kind == "ai":
                new = replace(new, range_v=self.board.range_for(new.lowest_v, new.highest_v))
            changed[channel.name] = new
        self.channels = [changed.get(channel.name, channel) for channel in self.channels]

    def configure_clock(self, clock: SampleClock) -> None:
        """Its source is on the board, or a terminal, which may be one that no clock comes to."""
        self._must_not_run()
        self._clocked = self._comes(clock.source)
        self.clock = clock

    def configure_trigger(self, terminal: str) -> None:
        self.trigger_terminal, self._trigger_line = terminal, self.line_of(terminal)

    def no_trigger(self) -> None:
        self.trigger_terminal, self._trigger_line = "", None

    def line_of(self, terminal: str) -> str:
        """The trigger line of a terminal of this task's device, or of a neighbour in the chassis."""
        board, signal = self._shared.terminal(terminal, self.device)
        line = board.line(signal) if board is not None else None
        if line is None:
            raise DaqmxFailure(Code.INVALID_ROUTING_SOURCE_TERMINAL_NAME_ROUTING, f"Source Terminal: {terminal}")
        return line

    def refer_to(self, terminal: str) -> None:
        """The reference clock comes from a terminal. On the bench there is one clock, whoever gives it."""
        self._must_not_run()
        self._shared.check_clock(terminal, self.board)
        self.reference_terminal = terminal

    def check_rate(self) -> None:
        assert self.clock is not None
        device, channels = self.board.device, len(self.channels)
        if not self.is_input:
            most = device.ao_max_rate_hz
        elif channels == 1 or device.convert_interval_s == 0:
            most = device.ai_max_single_rate_hz if channels == 1 else device.ai_max_multi_rate_hz
        else:
            most = device.ai_max_multi_rate_hz / channels
        if not 0 < self.clock.requested_hz <= most * (1 + 1e-9):
            raise DaqmxFailure(
                Code.INVALID_ATTRIBUTE_VALUE,
                f"Property: DAQmx_SampClk_Rate\nRequested Value: {self.clock.requested_hz:g}\nMaximum Value: {most:g}",
            )

    def commit(self, state: TaskState = TaskState.COMMITTED) -> None:
        board = self.board
        if self.clock is not None:
            self.check_rate()
        self._check_buffer()
        board.reserve(self, self._resources())
        self._resting = max(self._resting, state)
        self.state = max(self.state, state)

    def start(self) -> None:
        """Run at once, or at the edge of the start trigger."""
        if self.state is TaskState.RUNNING:
            return
        self._check_buffer()
        self.board.reserve(self, self._resources())
        if self.clock is not None:
            self.check_rate()
            if not self.is_input and self.buffer is None:
                raise DaqmxFailure(Code.OUTPUT_BUFFER_EMPTY, f"Task Name: {self.name}")
        self.state = TaskState.RUNNING
        if self.is_input and self.clock is not None:
            check = self._shared.calls.check
            self.acquisition = TaskAcquisition(self.board, self.channels, self._input_plan(), self._shared.bench, check)
        elif self.buffer is not None:
            assert self.clock is not None
            self.generation = Generation(self.board, self.buffer, self.rate_hz, self.clock.mode == FINITE)
        else:
            return
        if not self._clocked:  # no first sample, ever
            return
        if self._trigger_line is None:
            self.begin(self._shared.bench.clock())
        else:
            self._shared.wait_for_edge(self._trigger_line, self)

    def begin(self, t: float) -> None:
        """The start trigger, at t (s)."""
        bench = self._shared.bench
        if self.acquisition is not None:
            self.acquisition.begin(t, bench.world.begin_acquisition(t))
            bench.lines.fire(f"{self.board.device.instrument}/start", t)
        elif self.generation is not None:
            self.generation.begin(t)
            own = self.board.line("ao/StartTrigger")
            assert own is not None
            bench.lines.fire(own, t)
        for line in self.exported.values():
            bench.lines.fire(line, t)
        self._shared.calls.changed.notify_all()

    def on_demand(self, scans: int) -> TaskAcquisition:
        """As many scans from now on, one after another as software asks for them. The task runs, without a clock."""
        bench, device = self._shared.bench, self.board.device
        convert = convert_rate(device, len(self.channels), ON_DEMAND_HZ) if device.convert_interval_s else 0.0
        plan = ON_DEMAND_HZ, convert, scans, scans
        self.acquisition = TaskAcquisition(self.board, self.channels, plan, bench, self._shared.calls.check)
        now = bench.clock()
        self.acquisition.begin(now, bench.world.begin_acquisition(now))
        return self.acquisition

    def stop(self) -> None:
        self._halt()
        self.state = self._resting
        if self.state is TaskState.IDLE and self.device is not None:
            self.device.release(self)

    def abort(self) -> None:
        self._resting = TaskState.IDLE
        self.stop()

    def unreserve(self) -> None:
        self.abort()
        self.buffer = None

    def generated(self) -> int:
        """Samples per channel that were played since the start; none while it waits for its trigger."""
        return 0 if self.generation is None else self.generation.generated(self._shared.bench.clock())

    def done(self) -> bool:
        """Whether the task has ended. Without a sample clock it is done at all times, also while it runs (NI's
        component test of an on-demand task)."""
        if self.clock is None:
            return True
        running = self.acquisition or self.generation
        return self.state is not TaskState.RUNNING or (running is not None and running.done(self._shared.bench.clock()))

    def wait_until(self, t: float, deadline: float) -> bool:
        """Wait for a time, giving up the lock; whether it came before the deadline. True as well once stopped."""
        clock = self._shared.bench.clock
        until = min(t, deadline)
        while self.state is TaskState.RUNNING and (left := until - clock()) > 0:
            self._shared.calls.pause(max(0.0, left - AWAKE_S))
        return t <= deadline or self.state is not TaskState.RUNNING

    def wait_for_trigger(self, deadline: float) -> bool:
        clock = self._shared.bench.clock
        while self.state is TaskState.RUNNING and self.acquisition is not None and self.acquisition.t0 is None:
            left = deadline - clock()
            if left <= 0:
                return False
            self._shared.calls.pause(left)
        return True

    def _halt(self) -> None:
        self._shared.forget(self)
        if self.generation is not None:
            self.generation.stop(self._shared.bench.clock())
        self.acquisition = self.generation = None
        self._shared.calls.changed.notify_all()

    def _comes(self, source: str) -> bool:
        """Whether there is a clock at a terminal."""
        device, _, signal = source.removeprefix("/").partition("/") if source.startswith("/") else ("", "", source)
        if signal.casefold() in ONBOARD_CLOCKS and device.casefold() in ("", self.board.device.name.casefold()):
            return True
        wired = self.board.device.sample_clock
        return self.line_of(source) == (self.line_of(wired) if wired else "")

    def _must_not_run(self) -> None:
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
        timing = ["ao/SampleClock"] if self.clock is not None else []
        return timing + [channel.physical for channel in self.channels]

    def _input_plan(self) -> tuple[float, float, int | None, int]:
        """Sample rate, convert rate (0: simultaneous), total samples or None, buffer size."""
        device = self.board.device
        convert = 0.0 if device.convert_interval_s == 0 else self.convert_rate_hz
        assert self.clock is not None
        rate = self.rate_hz
        buffer = max(self.clock.samples, 1000 if rate <= 100 else 10_000 if rate <= 10_000 else 100_000)
        total = self.clock.samples if self.clock.mode == FINITE else None
        return rate, convert, total, self.input_buffer or buffer
