"""Events of DAQmx tasks: every N samples acquired, and done. The server asks each of them again and again for news."""

from __future__ import annotations

from typing import Any

from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code

from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.tasks import VirtualTask

INTO_BUFFER = constants.EveryNSamplesEventType.ACQUIRED_INTO_BUFFER.value


class Event:
    """Something a client is told of a task, until it is over: unregistered, or the task is cleared."""

    def __init__(self, task: VirtualTask) -> None:
        self.task = task
        self.over = False

    def news(self, now: float) -> Any | None:
        """The next message, or None. Called with the bench's lock held."""
        raise NotImplementedError


class EveryNSamples(Event):
    """One message for every `count` scans that an acquisition has taken, from its start on."""

    def __init__(self, task: VirtualTask, kind: int, count: int) -> None:
        if kind != INTO_BUFFER or count == 0:
            reason = "A virtual board tells of samples acquired into the buffer."
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, reason=reason)
        super().__init__(task)
        self._count = count
        self._told = 0
        self._run: object = None

    def news(self, now: float) -> Any | None:
        acquisition = self.task.acquisition
        if acquisition is not self._run:
            self._run, self._told = acquisition, 0
        if acquisition is None or acquisition.acquired(now) < (self._told + 1) * self._count:
            return None
        self._told += 1
        return pb.RegisterEveryNSamplesEventResponse(
            every_n_samples_event_type=pb.EVERY_N_SAMPLES_EVENT_TYPE_ACQUIRED_INTO_BUFFER,
            every_n_samples_event_type_raw=INTO_BUFFER,
            n_samples=self._count,
        )


class Done(Event):
    """One message for every run of a task that comes to its end; none for one that is stopped."""

    def __init__(self, task: VirtualTask) -> None:
        super().__init__(task)
        self._told: object = None

    def news(self, now: float) -> Any | None:
        run = self.task.acquisition or self.task.generation
        if run is None or run is self._told or not run.done(now):
            return None
        self._told = run
        return pb.RegisterDoneEventResponse()
