"""Making the instruments of a rig safe: all at once, each on its own, again and again until a deadline.

Order of events, in seconds from the beginning:

- 0: every gate is shut. No call that waits, or is made later, reaches an instrument.
- 0: every source is made safe, each in a thread of its own. A source with a call under way is given `IN_FLIGHT_S` to
  end it. If the call hangs, it is cut off (it cannot go on when it comes back) and the source is made safe all the
  same; drivers use a fresh connection then, for a second message on the old one could be taken for a part of the first.
- when every source is safe, and at the latest after `SOURCES_FIRST_S`: digitizers and programmers, likewise. The
  configuration may name another order, stage by stage; the last stage begins by then all the same.
- An instrument that was disturbed (a call was under way, or Ctrl-C broke one off) is made safe a second time after
  `SETTLE_S`, and one whose call hung once more when that call ends, at the latest after `HUNG_S`: what such a call has
  sent may arrive after the first attempt.
- until `RETRY_S`: an instrument that could not be made safe is tried again; its plug may be back.
- at `RETRY_S` + `LAST_ATTEMPT_S` this ends whatever hangs, and says which instrument is not safe.

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
"""What to do about an instrument that could not be made safe, by kind."""


class SafetyCrew:
    """Makes instruments safe and closes them, with a thread for each.

    gates: of the instruments. clock: of the bench; the pauses between attempts pass on it. stages: when each instrument
    is made safe, 0 first; without it sources first.
    """

    def __init__(self, gates: Iterable[Gate], clock: Clock, stages: Mapping[str, int] = MappingProxyType({})) -> None:
        self._stages = stages
        self._gates = {gate.name: gate for gate in gates}
        self._clock = clock
        self._workers: dict[str, Worker] = {}
        self._efforts: dict[str, _Effort] = {}

    def start_threads(self) -> None:
        """Start one thread per instrument. Raises LabrigError if the system does not give one."""
        if not self._workers:
            self._workers = started_workers(self._gates)

    def end_threads(self) -> None:
        """Let the threads end after the call they are in."""
        workers, self._workers = self._workers, {}
        self._efforts.clear()
        for worker in workers.values():
            worker.end()

    def shut(self) -> None:
        """Refuse every call to any of the instruments from now on."""
        for gate in self._gates.values():
            gate.shut()

    def reopen(self) -> None:
        """Let calls pass again. Raises DeadlineExceeded while a call still hangs."""
        for gate in self._gates.values():
            gate.reopen()

    def make_safe(self, names: Sequence[str]) -> list[Exception]:
        """Make these instruments safe; one error for each that could not be. Ends within RETRY_S + LAST_ATTEMPT_S."""
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
        """Close these instruments; one error for each that could not be. Ends within CLOSE_S."""
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
                        "its connection does not close", device=name, action="close", limit=f"{CLOSE_S:g} s"
                    )
                )
                continue
            try:
                call.outcome.get(ends)
            except Exception as failure:
                failures.append(failure)
        return failures

    def _begin(self, name: str) -> _Effort:
        """Begin to make an instrument safe, or go on with what was begun before: never twice at the same time."""
        effort = self._efforts.get(name)
        if effort is None or effort.call.outcome.over:
            effort = self._efforts[name] = _Effort(self._gates[name], self._clock)
            self._submit(name, effort.call)
        return effort

    def _submit(self, name: str, call: Call[None]) -> None:
        """Hand a call to the instrument's thread; without threads make it here."""
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
        """Why the instrument is not safe, and what to do about it; None if it is."""
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
            message = f"was made safe, but its {self._hung} does not return: look whether it stays safe"
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
        """Try until it works or the clock shows `ends`."""
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
    """Do every action, whatever becomes of the others; what they raised."""
    failures: list[Exception] = []
    for action in actions:
        try:
            action()
        except Exception as failure:
            failures.append(failure)
    return failures
