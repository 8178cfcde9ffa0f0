"""A program in which something goes wrong at a chosen moment: python race.py RACE SEED MARKS WORDS…

WORDS: arguments of `labrig`, or `open CONFIG OVERRIDE…` for a program that measures on `labrig.open(CONFIG)`.
MARKS gets a line "NAME TIME" (of `time.monotonic`, which all processes share) for what was done to the program. From
the last "struck" on, its outputs have to be off within a second.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from labrig_drivers.siglent import SdgSource

from labrig.rig.rig import Rig

OF_PARALLEL_CALLS = ("parallel_calls.py", "source_group.py", "together.py", "sources.py", "thread.py", "queue.py")
"""Where calls are handed to threads, in whatever way."""


class Race:
    """Names what was done, at what time."""

    def __init__(self, seed: str, marks: str) -> None:
        self.draw = random.Random(seed)
        self._marks = os.open(marks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def mark(self, what: str) -> None:
        os.write(self._marks, f"{what} {time.monotonic()}\n".encode())

    def ctrl_c_twice_in(self, seconds: float) -> None:
        """From a thread that is started here: later there may be none to start."""

        def strike() -> None:
            time.sleep(seconds)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(self.draw.uniform(0.0, 0.05))
            self.mark("struck")
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=strike, daemon=True).start()

    def second_ctrl_c(self) -> None:
        """Two Ctrl-C while calls are handed to their threads, and those are slow to begin."""
        at_measurement, at_call = self.draw.randrange(8, 16), self.draw.randrange(60)
        late = {k: self.draw.uniform(0.0, 0.15) for k in range(64)}
        load, measure, confirm = SdgSource.load, Rig.measure, Rig.confirm
        measured = calls = loads = 0

        def slow_load(source: SdgSource, programs: Any) -> Any:
            nonlocal loads
            if measured > at_measurement and threading.current_thread() is not threading.main_thread():
                loads += 1
                time.sleep(late[loads % 64])
            return load(source, programs)

        def profile(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal calls
            if event in ("call", "return") and Path(frame.f_code.co_filename).name in OF_PARALLEL_CALLS:
                calls += 1
                if calls == at_call:
                    sys.setprofile(None)
                    signal.raise_signal(signal.SIGINT)
                    self.mark("struck")
                    signal.raise_signal(signal.SIGINT)

        def watched(method: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                nonlocal measured
                measured += method is measure
                sys.setprofile(profile if measured > at_measurement and calls < at_call else None)
                try:
                    return method(*arguments, **named)
                finally:
                    sys.setprofile(None)

            return call

        SdgSource.load = slow_load  # type: ignore[method-assign]
        Rig.measure = watched(measure)  # type: ignore[method-assign]
        Rig.confirm = watched(confirm)  # type: ignore[method-assign]

    def no_thread(self) -> None:
        """The system gives no more threads, from a random one on; then two Ctrl-C."""
        start, enter, measure = threading.Thread.start, Rig.__enter__, Rig.measure
        at_measurement = self.draw.choice([0, 0, 1, 9])
        left = self.draw.randrange(24) if not at_measurement else self.draw.randrange(8)
        counting = False
        measured = 0

        def limited(thread: threading.Thread) -> None:
            nonlocal left
            if counting:
                left -= 1
                if left < 0:
                    self.mark("struck")
                    raise RuntimeError("can't start new thread")
            start(thread)

        def entered(rig: Rig) -> Rig:
            nonlocal counting
            self.ctrl_c_twice_in(5.0)
            counting = not at_measurement
            return enter(rig)

        def counted(rig: Rig, *arguments: Any, **named: Any) -> Any:
            nonlocal counting, measured
            measured += 1
            counting = counting or measured >= at_measurement
            return measure(rig, *arguments, **named)

        threading.Thread.start = limited  # type: ignore[method-assign]
        Rig.__enter__ = entered  # type: ignore[method-assign]
        Rig.measure = counted  # type: ignore[method-assign]

    def hung_confirm(self) -> None:
        self._hang("confirm", self.draw.randrange(3, 9))

    def hung_load(self) -> None:
        self._hang("load", self.draw.randrange(12, 40))

    def _hang(self, method: str, at_call: int) -> None:
        """A call of one generator hangs: for good or for a while, before or after it reached the instrument, in Python
        or where nothing can break it off. Then two Ctrl-C."""
        inner = getattr(SdgSource, method)
        victim = f"gen{self.draw.randrange(1, 6)}"
        lasts_s = self.draw.choice([0.2, 0.8, 1.6, 1000.0])
        first, breakable = self.draw.random() < 0.7, self.draw.random() < 0.5
        calls = 0

        def hang() -> None:
            self.ctrl_c_twice_in(self.draw.uniform(0.02, 0.15))
            ends = time.monotonic() + lasts_s
            while time.monotonic() < ends:
                time.sleep(1e-3 if breakable else ends - time.monotonic())

        def hanging(source: SdgSource, *arguments: Any) -> Any:
            nonlocal calls
            mine = source.name == victim
            calls += mine
            now = mine and calls == at_call
            if now and first:
                hang()
            result = inner(source, *arguments)
            if now and not first:
                hang()
            return result

        setattr(SdgSource, method, hanging)

    def none(self) -> None:
        """Nothing is done to it here: somebody else sends a signal."""


def measure_for_ever(config: str, overrides: list[str]) -> None:
    """What a notebook does."""
    import labrig
    from labrig.learning.measurement import Excitation

    with labrig.open(config, overrides=tuple(overrides)) as rig:
        activation = np.full(len(rig.hookup.inputs), 0.2)
        while True:
            rig.measure(Excitation(activation))
            print("measured", flush=True)


if __name__ == "__main__":
    race = Race(sys.argv[2], sys.argv[3])
    getattr(race, sys.argv[1])()
    if sys.argv[4] == "open":
        measure_for_ever(sys.argv[5], sys.argv[6:])
    else:
        from labrig.cli.main import entry

        sys.argv[1:] = sys.argv[4:]
        entry()
