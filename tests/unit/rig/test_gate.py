"""The gate in front of an instrument: what passes, what is refused, and what becomes of a call that hangs."""

from __future__ import annotations

import threading
import time

import pytest

from labrig.errors import ConnectionFailed, DeadlineExceeded
from labrig.rig.gate import Gate
from labrig.rig.parallel_calls import Call, Worker


class Generator:
    """Notes what reaches it; `load` waits for `go`, and then switches on."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.go = threading.Event()
        self.began = threading.Event()

    def load(self, programs: object) -> object:
        self.began.set()
        while not self.go.is_set():
            time.sleep(1e-3)
        self.reached.append("on")
        return programs

    def start(self) -> None:
        self.reached.append("start")

    def make_safe(self) -> None:
        self.reached.append("off")

    def close(self) -> None:
        self.reached.append("closed")


def gated() -> tuple[Generator, Gate]:
    generator = Generator()
    return generator, Gate("gen", "source", generator)  # type: ignore[arg-type]


def test_calls_pass_until_it_is_shut_and_again_when_it_is_reopened() -> None:
    generator, gate = gated()
    generator.go.set()
    assert gate.load("programs") == "programs"
    gate.shut()
    with pytest.raises(ConnectionFailed, match="gen: accepts no calls, because it was made safe") as caught:
        gate.start()
    assert (caught.value.device, caught.value.action) == ("gen", "start")
    gate.make_safe()
    gate.close()
    assert generator.reached == ["on", "off", "closed"]
    gate.reopen()
    gate.start()
    assert generator.reached[-1] == "start"
    assert not gate.disturbed


def test_a_call_under_way_is_waited_for_and_marks_the_instrument_as_disturbed() -> None:
    generator, gate = gated()
    worker = Worker("gen")
    worker.submit(Call("gen", "load", lambda: gate.load({})))
    assert generator.began.wait(5)
    gate.shut()
    assert gate.wait(0.05) == "load"
    with pytest.raises(DeadlineExceeded, match="an earlier call has not returned"):
        gate.reopen()
    generator.go.set()
    assert gate.wait(5.0) is None
    assert gate.disturbed
    worker.end()


def test_a_call_that_is_cut_off_goes_no_further_when_it_comes_back_and_its_thread_serves_the_next() -> None:
    generator, gate = gated()
    worker = Worker("gen")
    hung = Call("gen", "load", lambda: gate.load({}))
    worker.submit(hung)
    assert generator.began.wait(5)
    gate.shut()
    gate.cut_off()
    assert hung.outcome.wait(5.0)
    with pytest.raises(ConnectionFailed, match="interrupted by"):
        hung.outcome.get(0.0)
    assert generator.reached == []
    assert gate.hanging() is None
    following = Call("gen", "another", lambda: 1)
    worker.submit(following)
    assert following.outcome.wait(5.0)
    worker.end()


def test_a_call_that_ctrl_c_broke_off_disturbs_and_a_call_that_failed_does_not() -> None:
    class Interrupted(Generator):
        def start(self) -> None:
            raise KeyboardInterrupt

        def load(self, programs: object) -> object:
            raise ConnectionFailed("is gone")

    gate = Gate("gen", "source", Interrupted())  # type: ignore[arg-type]
    with pytest.raises(ConnectionFailed):
        gate.load({})
    assert not gate.disturbed
    with pytest.raises(KeyboardInterrupt):
        gate.start()
    assert gate.disturbed
    assert gate.hanging() is None


def test_a_call_that_a_signal_handler_interrupted_is_no_obstacle_to_it() -> None:
    """The handler runs in the thread of the call, which waits for the handler: they must not wait for each other."""

    class Handled(Generator):
        def start(self) -> None:
            gate.shut()
            self.reached.append(f"hanging: {gate.wait(1.0)}")
            gate.make_safe()

    generator = Handled()
    gate = Gate("gen", "source", generator)  # type: ignore[arg-type]
    gate.start()
    assert generator.reached == ["hanging: None", "off"]
    assert gate.disturbed
