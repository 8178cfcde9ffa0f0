"""Making the instruments of a rig safe: all at once, independently, with retries until a deadline.

Order of events, in seconds from the beginning:

- 0: every gate is shut. Calls that wait, or are made later, reach no instrument.
- 0: every source is made safe, each in its own thread. If a source has a call in progress, the call has `IN_FLIGHT_S`
  to end. If it hangs, it is cut off (it cannot continue when it returns), and the source is made safe anyway. Drivers
  then use a new connection, because a second message on the old one could be taken for a part of the first.
- when every source is safe, and at the latest after `SOURCES_FIRST_S`: digitizers and programmers are made safe in the
  same way. The configuration may set another order in stages; the last stage begins by the same time.
- An instrument that was disturbed (a call was in progress, or Ctrl-C interrupted one) is made safe a second time after
  `SETTLE_S`. If its call hung, it is made safe again when that call ends, and at the latest after `HUNG_S`, because
  messages of such a call may arrive after the first attempt.
- until `RETRY_S`: an instrument that could not be made safe is tried again; its cable may have been reconnected.
- at `RETRY_S` + `LAST_ATTEMPT_S`: the procedure ends even if calls hang, and reports which instruments are not safe.

The threads are started when the rig opens, so that the instruments can be made safe even if the system cannot start
another thread later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from labrig.clock import Clock
from labrig.errors import DeadlineExceeded, LabrigError
from labrig.instruments.records import safe_stage
from labrig.rig.gate import Gate
from labrig.rig.parallel_calls import Call, Worker, started_workers

IN_FLIGHT_S = 0.3
SOURCES_FIRST_S = 0.3
SETTLE_S = 0.05
HUNG_S = 2.0
RETRY_S = 10.0
LAST_ATTEMPT_S = 5.0
CLOSE_S = 5.0

_PAUSE_S = 0.1

BY_HAND = {
    "source": "switch its outputs off by hand",
    "programmer": "switch its supply off by hand",
    "digitizer": "it drives nothing; check its cable and its power before the next run",
}
"""Remedy for an instrument that could not be made safe, by kind of instrument."""


class SafetyCrew:
    """Makes instruments safe and closes them, with one thread per instrument.

    Parameters
    ----------
    gates : iterable of Gate
        The gates of the instruments.
    clock : Clock
        Clock of the bench, which times the pauses between attempts.
    stages : mapping of str to int
        Stage in which an instrument is made safe, by name, beginning with 0; by default, sources come first.
    """

    def __init__(self, gates: Iterable[Gate], clock: Clock, stages: Mapping[str, int] = MappingProxyType({})) -> None:
        self._stages = stages
        self._gates = {gate.name: gate for gate in gates}
        self._clock = clock
        self._workers: dict[str, Worker] = {}
        self._efforts: dict[str, _Effort] = {}

    def start_threads(self) -> None:
        """Start one thread per instrument. Raises LabrigError if the system cannot start a thread."""
        if not self._workers:
            self._workers = started_workers(self._gates)

    def end_threads(self) -> None:
        """Let the threads end after the calls in progress."""
        workers, self._workers = self._workers, {}
        self._efforts.clear()
        for worker in workers.values():
            worker.end()

    def shut(self) -> None:
        """Refuse all calls to the instruments from now on."""
        for gate in self._gates.values():
            gate.shut()

    def reopen(self) -> None:
        """Let calls pass again. Raises DeadlineExceeded if a call still hangs."""
        for gate in self._gates.values():
            gate.reopen()

    def make_safe(self, names: Sequence[str]) -> list[Exception]:
        """Make these instruments safe within RETRY_S + LAST_ATTEMPT_S. Return an error for each that is not safe."""
        self.shut()
        began = time.monotonic()
        stages: dict[int, list[str]] = {}
        for name in names:
            stages.setdefault(safe_stage(self._gates[name].kind, self._stages.get(name)), []).append(name)
        efforts: dict[str, _Effort] = {}
        for number, stage in enumerate(sorted(stages), start=1):
            efforts |= {name: self._begin(name) for name in stages[stage]}
            if number < len(stages):
                for name in stages[stage]:
                    efforts[name].wait_until_safe(began + SOURCES_FIRST_S * number / (len(stages) - 1))
        for effort in efforts.values():
            effort.call.outcome.wait(began + RETRY_S + LAST_ATTEMPT_S - time.monotonic())
        failures = [effort.failure() for effort in efforts.values()]
        return [failure for failure in failures if failure is not None]

    def close(self, names: Sequence[str]) -> list[Exception]:
        """Close these instruments within CLOSE_S. Return an error for each that could not be closed."""
        calls = {name: Call(name, "close", self._gates[name].close) for name in names}
        for name, call in calls.items():
            self._submit(name, call)
        ends = time.monotonic() + CLOSE_S
        failures: list[Exception] = []
        for name, call in calls.items():
            if not call.outcome.wait(ends - time.monotonic()):
                if name in self._efforts and not self._efforts[name].call.outcome.over:
                    continue  # its make_safe hangs, and was reported
                failures.append(
                    DeadlineExceeded(
                        "the connection does not close; check the cable and the instrument",
                        device=name,
                        action="close",
                        limit=f"{CLOSE_S:g} s",
                    )
                )
                continue
            try:
                call.outcome.get(ends)
            except Exception as failure:
                failures.append(failure)
        return failures

    def _begin(self, name: str) -> _Effort:
        """Begin to make an instrument safe, or return the effort that is still in progress: never two at once."""
        effort = self._efforts.get(name)
        if effort is None or effort.call.outcome.over:
            effort = self._efforts[name] = _Effort(self._gates[name], self._clock)
            self._submit(name, effort.call)
        return effort

    def _submit(self, name: str, call: Call[None]) -> None:
        """Give a call to the instrument's thread; without threads, make it here."""
        worker = self._workers.get(name)
        if worker is None:
            call.run()
        else:
            worker.submit(call)


class _Effort:
    """The attempts to make one instrument safe."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self.call = Call(gate.name, "make safe", self._run)
        self._gate = gate
        self._clock = clock
        self._began = time.monotonic()
        self._began_on_clock = clock.now()
        self._attempts = 0
        self._safe = False
        self._last: Exception | None = None
        self._hung: str | None = None  # the call that did not end

    def wait_until_safe(self, until_s: float) -> None:
        """Wait for the first successful attempt, at most until `until_s` (of `time.monotonic`)."""
        while not (self._safe or self.call.outcome.over) and time.monotonic() < until_s:
            self.call.outcome.wait(min(2e-3, until_s - time.monotonic()))

    def failure(self) -> Exception | None:
        """An error that says why the instrument is not safe, with a remedy; None if it is safe."""
        times = "once" if self._attempts == 1 else f"{self._attempts} times"
        spent = f"tried {times} in {self._clock.now() - self._began_on_clock:.1f} s"
        by_hand = BY_HAND[self._gate.kind]
        if not self._safe and self._last is not None:
            last = self._last
            if not isinstance(last, LabrigError):
                last = LabrigError(f"{type(last).__name__}: {last}")
            return type(last)(
                f"could not be made safe: {last.message}",
                device=self._gate.name,
                action="make safe",
                limit=spent if last.limit is None else f"{spent}, {last.limit} each",
                last_good=last.last_good,
                remedy=by_hand if last.remedy is None else f"{by_hand}; {last.remedy}",
            )
        if not self._safe:
            message, limit = "could not be made safe: its driver does not return", spent
        elif self._hung:
            message = f"was made safe, but its {self._hung} call does not return; check that it stays safe"
            limit = f"{HUNG_S:g} s"
        else:
            return None
        return DeadlineExceeded(message, device=self._gate.name, action="make safe", limit=limit, remedy=by_hand)

    def _run(self) -> None:
        ends = self._began_on_clock + RETRY_S
        self._hung = self._gate.wait(IN_FLIGHT_S)
        if self._hung:
            self._gate.cut_off()
        self._attempt_until(ends)
        if self._hung:
            self._hung = self._gate.wait(self._began + HUNG_S - time.monotonic())
            self._attempt_until(ends)
        elif self._gate.disturbed:
            self._clock.sleep(SETTLE_S)
            self._attempt_until(ends)

    def _attempt_until(self, ends: float) -> None:
        """Try until an attempt succeeds or the clock reaches `ends`."""
        while True:
            self._attempts += 1
            try:
                self._gate.make_safe()
            except Exception as failure:
                self._safe, self._last = False, failure
            else:
                self._safe = True
                return
            if self._clock.now() + _PAUSE_S >= ends:
                return
            self._clock.sleep(_PAUSE_S)


def failures_of(actions: Iterable[Callable[[], None]]) -> list[Exception]:
    """Perform every action, even if others fail, and return the exceptions that they raised."""
    failures: list[Exception] = []
    for action in actions:
        try:
            action()
        except Exception as failure:
            failures.append(failure)
    return failures
