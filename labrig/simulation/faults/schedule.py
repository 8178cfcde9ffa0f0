"""Determines which faults are active, by the bench's clock and the number of acquisitions.

The bench counts acquisitions, because it does not know training steps. Instruments ask for faults before they act
(`active`, `on_message`, `during`). A fault that acts on an instrument by itself, such as a reset, is an action that
`poll` carries out.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from labrig.simulation.faults.fault import EdgeFault, Fault

Action = Callable[[float], object]
Kind = TypeVar("Kind", bound=Fault)


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """One fault of a configuration.

    Attributes
    ----------
    fault : Fault
        The fault.
    device, channel : str
        The instrument that has the fault, and its channel if the fault acts on a channel.
    acquisition : int, optional
        Number of the acquisition with which the fault begins, counting all acquisitions of the bench from 1.
    time_s : float, optional
        Time after the start of the bench at which the fault begins (s). Either this or `acquisition` is None.
    for_s, count : optional
        Duration of the fault (s), or number of messages or acquisitions (see `Fault.counts`); if both are None, the
        fault never ends.
    """

    fault: Fault
    device: str
    channel: str | None = None
    acquisition: int | None = None
    time_s: float | None = None
    for_s: float | None = None
    count: int | None = None


@dataclass(eq=False)
class _Course:
    """Progress of a fault. since, until: when it is active, on the bench's clock (s). left: rest of `count`."""

    scheduled: ScheduledFault
    left: int | None
    since: float | None = None
    until: float = math.inf
    done: bool = False

    @property
    def fault(self) -> Fault:
        return self.scheduled.fault

    def state(self) -> dict[str, Any]:
        until = None if math.isinf(self.until) else self.until
        return {"left": self.left, "since": self.since, "until": until, "done": self.done}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.left, self.since, self.done = state["left"], state["since"], state["done"]
        self.until = math.inf if state["until"] is None else state["until"]

    def is_of(self, device: str, kind: type[Fault]) -> bool:
        return self.scheduled.device == device and isinstance(self.fault, kind)


class FaultSchedule:
    """The faults of one bench. Every method may be called from any thread.

    Parameters
    ----------
    faults : sequence of ScheduledFault
        All faults of the bench.
    clock : callable
        Returns the time on the bench's clock (s).
    """

    def __init__(self, faults: Sequence[ScheduledFault] = (), clock: Callable[[], float] = lambda: 0.0) -> None:
        self._courses = [_Course(each, each.count) for each in faults]
        self._paused: list[_Course] = []
        self._clock = clock
        self._started = clock()
        self._acquisitions = 0
        self._actions: list[tuple[str, type[Fault], Action]] = []
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether there are no faults, now or later."""
        return not self._courses

    def pause(self) -> None:
        """Prevent all faults from beginning or acting until `resume`."""
        with self._lock:
            self._paused, self._courses = self._courses, []

    def state(self) -> dict[str, Any]:
        """Return the progress of every fault, as plain values."""
        with self._lock:
            courses = [course.state() for course in self._courses]
        return {"acquisitions": self._acquisitions, "courses": courses} if courses else {}

    def resume(self, state: Mapping[str, Any], failed: Mapping[str, Any] | None = None) -> None:
        """End a pause, and continue the faults from a state; if the state is empty, from the start.

        `failed` is the state, if any, when an error stopped the run: time has passed since then, so faults that had
        begun and last for some time are over, and other faults have made their progress. The part of an edge drifts
        again, because the bench has been set back.
        """
        with self._lock:
            self._courses, self._paused = self._paused, []
            if state:
                self._acquisitions = state["acquisitions"]
                for course, before in zip(self._courses, state["courses"], strict=True):
                    course.restore(before)
            if failed:
                for course, then in zip(self._courses, failed["courses"], strict=True):
                    if then["since"] is not None and not isinstance(course.fault, EdgeFault):
                        course.restore(then)
                        course.since = since = min(then["since"], self._clock())
                        course.until = course.until if course.scheduled.for_s is None else since

    def when_begun(self, device: str, kind: type[Fault], action: Action) -> None:
        """Make `poll` call action(t) once for each fault of this kind on the device; it began at time t (s)."""
        self._actions.append((device, kind, action))

    def begin(
        self,
        fault: Fault,
        device: str,
        channel: str | None = None,
        for_s: float | None = None,
        count: int | None = None,
    ) -> None:
        """Begin a fault now, and carry out its actions; used by tests, for example to pull a plug."""
        with self._lock:
            course = _Course(ScheduledFault(fault, device, channel, for_s=for_s, count=count), count)
            self._begin(course, self._clock())
            self._courses = [*self._courses, course]
        self.poll()

    def end(self, device: str) -> None:
        """End every active fault of the device now."""
        with self._lock:
            t = self._clock()
            for course in self._courses:
                if course.scheduled.device == device and course.since is not None:
                    course.until = min(course.until, t)

    def begin_acquisition(self, t: float) -> None:
        """Count an acquisition that begins at t (s), and begin and end faults accordingly."""
        if not self._courses:
            return
        with self._lock:
            self._acquisitions += 1
            for course in self._courses:
                self._begin_by_time(course, t)
                if course.scheduled.acquisition == self._acquisitions and course.since is None:
                    self._begin(course, t)
                elif course.since is not None and course.fault.counts == "acquisitions":
                    self._count(course, t)

    def poll(self, now: float | None = None) -> None:
        """Carry out the actions of faults that have begun by `now` (s), by default the time on the clock."""
        if not self._courses:
            return
        due: list[tuple[Action, float]] = []
        with self._lock:
            t = self._clock() if now is None else now
            for course in self._courses:
                self._begin_by_time(course, t)
                if course.since is None or course.done:
                    continue
                course.done = True
                due += [(action, course.since) for device, kind, action in self._actions if course.is_of(device, kind)]
        for action, since in due:  # outside the lock, as an action takes its own locks
            action(since)

    def active(self, device: str, kind: type[Kind]) -> list[Kind]:
        """Return the faults of this kind that are active on the device now."""
        if not self._courses:
            return []
        with self._lock:
            return [fault for _, fault in self._active(device, kind)]

    def on_message(self, device: str, kind: type[Kind]) -> list[Kind]:
        """Return the active faults as `active` does, and count one message for faults that count messages."""
        if not self._courses:
            return []
        with self._lock:
            found = self._active(device, kind)
            for course, _ in found:
                self._count(course, self._clock())
        return [fault for _, fault in found]

    def during(
        self, device: str, kind: type[Kind], first: float, last: float
    ) -> list[tuple[Kind, str | None, float, float]]:
        """Return the faults of this kind on the device within [first, last] (s) as (fault, channel, begin, end)."""
        with self._lock:
            found: list[tuple[Kind, str | None, float, float]] = []
            for course in self._courses:
                self._begin_by_time(course, last)
                if course.since is None or course.since > last or course.until <= first:
                    continue
                if course.scheduled.device == device and isinstance(course.fault, kind):
                    found.append((course.fault, course.scheduled.channel, course.since, course.until))
            return found

    def _active(self, device: str, kind: type[Kind]) -> list[tuple[_Course, Kind]]:
        t = self._clock()
        found: list[tuple[_Course, Kind]] = []
        for course in self._courses:
            self._begin_by_time(course, t)
            if course.since is None or not course.since <= t < course.until:
                continue
            if course.scheduled.device == device and isinstance(course.fault, kind):
                found.append((course, course.fault))
        return found

    def _begin_by_time(self, course: _Course, t: float) -> None:
        time_s = course.scheduled.time_s
        if course.since is None and time_s is not None and self._started + time_s <= t:
            self._begin(course, self._started + time_s)

    def _begin(self, course: _Course, t: float) -> None:
        course.since = t
        if course.scheduled.for_s is not None:
            course.until = t + course.scheduled.for_s
        if course.scheduled.acquisition is not None and course.fault.counts == "acquisitions":
            course.left = None if course.left is None else course.left - 1  # the acquisition with which it began

    def _count(self, course: _Course, t: float) -> None:
        """Count one message or acquisition. A fault ends with its last message, or as the next acquisition begins."""
        if course.left is None:
            return
        if course.fault.counts == "acquisitions":
            if course.left == 0:
                course.until = min(course.until, t)
            course.left = max(0, course.left - 1)
            return
        course.left -= 1
        if course.left <= 0:
            course.until = min(course.until, t)
