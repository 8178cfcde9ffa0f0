"""Which faults are on, by the bench's clock and by the acquisitions it has begun.

The bench counts acquisitions, because that is what it sees; it knows nothing of training steps. Instruments ask before
they act (`suffer`, `on`); what a fault does by itself, such as a reset, is an action that `poll` carries out.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labrig.simulation.faults import Fault

Action = Callable[[float], object]


@dataclass(eq=False)
class _Course:
    """What has become of one fault. since, until: on from, and to (s on the bench's clock). left: of its count."""

    fault: Fault
    left: int | None
    since: float | None = None
    until: float = math.inf
    done: bool = False


class FaultSchedule:
    """clock: the bench's, in seconds. Every method may be called from any thread."""

    def __init__(self, faults: Sequence[Fault] = (), clock: Callable[[], float] = lambda: 0.0) -> None:
        self._courses = [_Course(fault, fault.count) for fault in faults]
        self._clock = clock
        self._started = clock()
        self._acquisitions = 0
        self._actions: list[tuple[str, str, Action]] = []
        self._lock = threading.Lock()

    @property
    def empty(self) -> bool:
        """Whether nothing will ever go wrong."""
        return not self._courses

    def when(self, device: str, what: str, action: Action) -> None:
        """Have `poll` call action(t) once for each such fault of the device; t (s): when it began."""
        self._actions.append((device, what, action))

    def strike(self, fault: Fault) -> None:
        """Have a fault begin now, whatever its own beginning, and carry out its actions: how a test pulls a plug."""
        with self._lock:
            course = _Course(fault, fault.count)
            self._begin(course, self._clock())
            self._courses = [*self._courses, course]
        self.poll()

    def begin_acquisition(self, t: float) -> None:
        """The next acquisition begins at t (s)."""
        if not self._courses:
            return
        with self._lock:
            self._acquisitions += 1
            for course in self._courses:
                self._begin_by_time(course, t)
                if course.fault.acquisition == self._acquisitions and course.since is None:
                    self._begin(course, t)
                elif course.since is not None and course.fault.kind.counts == "acquisitions":
                    self._use(course, t)

    def poll(self, now: float | None = None) -> None:
        """Carry out the actions of faults that have begun by `now` (s), by default the clock's."""
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
                key = (course.fault.device, course.fault.kind.what)
                due += [(action, course.since) for *of, action in self._actions if tuple(of) == key]
        for action, since in due:  # an action takes locks of its own
            action(since)

    def on(self, device: str, what: str) -> Fault | None:
        """The fault of this name that the device has now."""
        course = self._now(device, what)
        return course.fault if course else None

    def suffer(self, device: str, what: str) -> Fault | None:
        """As `on`; where the fault counts messages, this was one."""
        course = self._now(device, what)
        if course is None:
            return None
        with self._lock:
            self._use(course, self._clock())
        return course.fault

    def during(self, device: str, what: str, first: float, last: float) -> list[tuple[Fault, float, float]]:
        """Faults of this name that the device has within [first, last] (s), each with its begin and its end."""
        with self._lock:
            courses = self._of(device, what)
            for course in courses:
                self._begin_by_time(course, last)
            return [
                (course.fault, course.since, course.until)
                for course in courses
                if course.since is not None and course.since <= last and course.until > first
            ]

    def _of(self, device: str, what: str) -> list[_Course]:
        return [one for one in self._courses if one.fault.device == device and one.fault.kind.what == what]

    def _now(self, device: str, what: str) -> _Course | None:
        if not self._courses:
            return None
        with self._lock:
            t = self._clock()
            for course in self._of(device, what):
                self._begin_by_time(course, t)
                if course.since is not None and course.since <= t < course.until:
                    return course
        return None

    def _begin_by_time(self, course: _Course, t: float) -> None:
        if course.since is None and course.fault.time_s is not None and self._started + course.fault.time_s <= t:
            self._begin(course, self._started + course.fault.time_s)

    def _begin(self, course: _Course, t: float) -> None:
        course.since = t
        if course.fault.for_s is not None:
            course.until = t + course.fault.for_s
        if course.fault.acquisition is not None and course.fault.kind.counts == "acquisitions":
            course.left = None if course.left is None else course.left - 1  # the one it began with

    def _use(self, course: _Course, t: float) -> None:
        """One more of what the fault counts; the one after the last ends it."""
        if course.left is None:
            return
        if course.fault.kind.counts == "acquisitions":
            if course.left == 0:
                course.until = min(course.until, t)
            course.left = max(0, course.left - 1)
            return
        course.left -= 1
        if course.left <= 0:
            course.until = min(course.until, t)
