"""Events of DAQmx tasks: every N samples acquired, and done. The server polls them for messages."""

from __future__ import annotations

from typing import Any

from nidaqmx import constants
from nidaqmx._stubs import nidaqmx_pb2 as pb
from nidaqmx.error_codes import DAQmxErrors as Code
from typing_extensions import override

from labrig.virtual_instruments.daqmx.errors import DaqmxFailure
from labrig.virtual_instruments.daqmx.tasks import VirtualTask

INTO_BUFFER = constants.EveryNSamplesEventType.ACQUIRED_INTO_BUFFER.value


class Event:
    """An event of a task that a client has registered. It is `over` once it is unregistered or its task is cleared."""

    def __init__(self, task: VirtualTask) -> None:
        self.task = task
        self.over = False

    def next_message(self, now: float) -> Any | None:
        """The next message, or None. Called with the bench's lock held."""
        raise NotImplementedError


class EveryNSamples(Event):
    """One message per `count` scans acquired since the start."""

    def __init__(self, task: VirtualTask, kind: int, count: int) -> None:
        if kind != INTO_BUFFER or count == 0:
            reason = "A virtual board only supports events for samples acquired into the buffer."
            raise DaqmxFailure(Code.ATTR_NOT_SUPPORTED, reason=reason)
        super().__init__(task)
        self._count = count
        self._sent = 0
        self._run: object = None

    @override
    def next_message(self, now: float) -> Any | None:
        acquisition = self.task.acquisition
        if acquisition is not self._run:
            self._run, self._sent = acquisition, 0
        if acquisition is None or acquisition.acquired(now) < (self._sent + 1) * self._count:
            return None
        self._sent += 1
        return pb.RegisterEveryNSamplesEventResponse(
            every_n_samples_event_type=pb.EVERY_N_SAMPLES_EVENT_TYPE_ACQUIRED_INTO_BUFFER,
            every_n_samples_event_type_raw=INTO_BUFFER,
            n_samples=self._count,
        )


class Done(Event):
    """One message each time the task completes; none if it is stopped."""

    def __init__(self, task: VirtualTask) -> None:
        super().__init__(task)
        self._reported: object = None

    @override
    def next_message(self, now: float) -> Any | None:
        run = self.task.acquisition or self.task.generation
        if run is None or run is self._reported or not run.done(now):
            return None
        self._reported = run
        return pb.RegisterDoneEventResponse()
