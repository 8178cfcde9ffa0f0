"""The objects that all tasks of one virtual DAQmx server share: boards, trigger lines and waiting calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from labrig.virtual_instruments.daqmx.calls import Calls
from labrig.virtual_instruments.daqmx.device import DeviceState
from labrig.virtual_instruments.daqmx.errors import no_terminal
from labrig.virtual_instruments.virtual_bench import VirtualBench


class Triggered(Protocol):
    """A task that waits for its start trigger."""

    def begin(self, t: float) -> None:
        """Begin at time t (s)."""
        ...


@dataclass
class SharedByTasks:
    """The objects that all tasks of one server share; `boards` contains the boards by casefolded device name."""

    bench: VirtualBench
    boards: Mapping[str, DeviceState]
    calls: Calls = field(init=False)
    waiting: dict[str, list[Triggered]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        self.calls = Calls(self.bench.lock)

    def terminal(self, name: str, own: DeviceState | None) -> tuple[DeviceState | None, str]:
        """The board and the signal of a terminal name, which may omit the device if it is `own`."""
        if not name.startswith("/"):
            return own, name
        device, _, signal = name.removeprefix("/").partition("/")
        return self.boards.get(device.casefold()), signal

    def check_clock(self, terminal: str, own: DeviceState | None = None) -> None:
        """Raise DaqmxFailure for a terminal without a reference clock, like the driver."""
        board, signal = self.terminal(terminal, own)
        if board is None or not board.gives_clock(signal):
            raise no_terminal(terminal)

    def check_route(self, source: str, destination: str) -> None:
        """Raise DaqmxFailure for a route from a clock to a terminal that cannot output it."""
        self.check_clock(source)
        board, signal = self.terminal(destination, None)
        if board is None or board.line(signal) is None:
            raise no_terminal(destination, is_destination=True)
        board.check_output(signal, board.device.clock_outputs)

    def wait_for_edge(self, line: str, task: Triggered) -> None:
        """Begin a task at the next signal edge on a trigger line."""
        if line not in self.waiting:  # one listener per line: listeners stay when tasks end
            self.bench.lines.listen(line, lambda t: self._edge(line, t))
        self.waiting[line].append(task)

    def stop_waiting(self, task: Triggered) -> None:
        """Stop waiting for a task's trigger."""
        for tasks in self.waiting.values():
            if task in tasks:
                tasks.remove(task)

    def _edge(self, line: str, t: float) -> None:
        tasks, self.waiting[line] = self.waiting[line], []
        for task in tasks:
            task.begin(t)
