"""Instruments are made safe at once, each on its own, again until a deadline; who is not safe is named."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from busy import stretched

from labrig.clock import Clock, MonotonicClock, SimulatedClock
from labrig.errors import ChannelFault, ConnectionFailed, DeadlineExceeded, LabrigError
from labrig.rig import safety
from labrig.rig.gate import Gate
from labrig.rig.parallel_calls import Call, Worker
from labrig.rig.safety import SafetyCrew


class Instrument:
    """on: whether its outputs are. off_at: when they went off. attempts: of make_safe, the first `fails` in vain."""

    def __init__(self, fails: int = 0, lasts_s: float = 0.0, error: Exception | None = None) -> None:
        self.on = True
        self.closed = False
        self.off_at: list[float] = []
        self.attempts = 0
        self._fails = fails
        self._lasts_s = lasts_s
        self._error = error or ConnectionFailed("is gone", device="it", remedy="check its cable")

    def load(self, call: Callable[[], None]) -> None:
        call()
        self.on = True

    def make_safe(self) -> None:
        self.attempts += 1
        time.sleep(self._lasts_s)
        if self.attempts <= self._fails:
            raise self._error
        self.on = False
        self.off_at.append(time.monotonic())

    def close(self) -> None:
        self.closed = True


Crew = tuple[SafetyCrew, dict[str, Gate]]
Made = Callable[..., Crew]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """A crew with threads; instruments named src… are sources, daq… digitizers, others programmers."""
    crews: list[SafetyCrew] = []
    monkeypatch.setattr(safety, "RETRY_S", 1.0)
    monkeypatch.setattr(safety, "LAST_ATTEMPT_S", 0.5)
    monkeypatch.setattr(safety, "CLOSE_S", 0.5)

    def make(
        clock: Clock | None = None, threads: bool = True, **instruments: Any
    ) -> tuple[SafetyCrew, dict[str, Gate]]:
        kinds: dict[str, Any] = {"src": "source", "daq": "digitizer"}
        gates = {name: Gate(name, kinds.get(name[:3], "programmer"), each) for name, each in instruments.items()}
        crews.append(SafetyCrew(gates.values(), clock or MonotonicClock()))
        if threads:
            crews[-1].start_threads()
        return crews[-1], gates

    yield make
    for crew in crews:
        crew.end_threads()


def test_a_silent_instrument_keeps_no_other_on(made: Made) -> None:
    instruments = {f"src{k}": Instrument() for k in range(6)} | {"daq": Instrument(), "pots": Instrument()}
    silent = Instrument(fails=99, lasts_s=0.8, error=DeadlineExceeded("did not answer", limit="0.8 s"))
    crew, gates = made(src_silent=silent, **instruments)
    began = time.monotonic()
    (failure,) = crew.make_safe(list(gates))
    assert all(not each.on and each.off_at[0] - began < 0.5 for each in instruments.values())
    assert isinstance(failure, DeadlineExceeded)
    assert failure.device == "src_silent"


def test_sources_go_off_before_the_others_unless_one_of_them_takes_long(made: Made) -> None:
    instruments = {"pots": Instrument(), "daq": Instrument(), "src1": Instrument(lasts_s=0.1), "src2": Instrument()}
    crew, gates = made(**instruments)
    assert crew.make_safe(list(gates)) == []
    off = {name: each.off_at[0] for name, each in instruments.items()}
    assert max(off["src1"], off["src2"]) < min(off["daq"], off["pots"])
    assert [each.attempts for each in instruments.values()] == [1] * 4


def test_it_is_tried_again_until_the_plug_is_back(made: Made) -> None:
    loose, never = Instrument(fails=4), Instrument(fails=10**6, error=ChannelFault("stays on", remedy="look at it"))
    crew, gates = made(src1=loose, src2=never)
    began = time.monotonic()
    (failure,) = crew.make_safe(list(gates))
    assert (loose.on, loose.attempts) == (False, 5)
    assert 0.8 < time.monotonic() - began < stretched(1.4)
    assert isinstance(failure, ChannelFault)
    assert (failure.device, failure.action) == ("src2", "make safe")
    text = str(failure)
    assert "src2: could not be made safe: stays on" in text
    assert f"tried {never.attempts} times in " in text
    assert "switch its outputs off by hand; look at it" in text
    assert 5 < never.attempts < 12


def test_the_pauses_are_those_of_the_bench(made: Made) -> None:
    """Nothing sleeps on a simulated clock, and a plug that comes back there is waited for all the same."""
    clock = SimulatedClock()

    class Unplugged(Instrument):
        def make_safe(self) -> None:
            if clock.now() < 0.7:
                raise ConnectionFailed("is gone")
            super().make_safe()

    source = Unplugged()
    crew, gates = made(clock, src=source)
    began = time.monotonic()
    assert crew.make_safe(list(gates)) == []
    assert not source.on
    assert time.monotonic() - began < stretched(0.5)


def test_a_driver_that_hangs_is_named_by_the_deadline_and_the_others_are_closed(made: Made) -> None:
    forever = threading.Event()

    class Hangs(Instrument):
        def make_safe(self) -> None:
            forever.wait()

    well = Instrument()
    crew, gates = made(src1=Hangs(), src2=well)
    began = time.monotonic()
    (failure,) = crew.make_safe(list(gates))
    assert 1.3 < time.monotonic() - began < stretched(2.2)
    assert "src1: could not be made safe: its driver does not return" in str(failure)
    assert "by hand" in str(failure)
    assert crew.close(list(gates)) == []
    assert well.closed
    (again,) = crew.make_safe(list(gates))  # waits for the same attempt; there is never a second one beside it
    assert again.device == "src1"  # type: ignore[attr-defined]
    forever.set()


def test_a_connection_that_does_not_close_is_named_and_keeps_no_other_open(made: Made) -> None:
    forever = threading.Event()

    class StaysOpen(Instrument):
        def close(self) -> None:
            forever.wait()

    well = Instrument()
    crew, gates = made(src1=StaysOpen(), src2=well)
    assert crew.make_safe(list(gates)) == []
    (failure,) = crew.close(list(gates))
    assert "src1: the connection does not close" in str(failure)
    assert well.closed
    forever.set()


def under_way(gate: Gate, call: Callable[[], None]) -> Worker:
    """A thread in which the gate's instrument is being loaded, and what `call` does is on its way."""
    began = threading.Event()
    worker = Worker("load")
    worker.submit(Call(gate.name, "load", lambda: gate.load(lambda: (began.set(), call())[1])))
    assert began.wait(5)
    return worker


def test_what_a_call_under_way_switches_on_is_switched_off_again(made: Made) -> None:
    source, other = Instrument(), Instrument()
    crew, gates = made(src1=source, src2=other)
    worker = under_way(gates["src1"], lambda: time.sleep(0.15))
    began = time.monotonic()
    assert crew.make_safe(list(gates)) == []
    assert not source.on
    assert source.attempts == 2  # the second for a message that was still on its way
    assert other.off_at[0] - began < 0.1
    assert time.monotonic() - began < stretched(0.5)
    worker.end()


@pytest.fixture
def untraced() -> Iterator[None]:
    """No coverage: in CPython 3.11 traced threads stand still while CutOff waits for a thread that hangs in C."""
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    yield
    threading.settrace(in_threads)  # type: ignore[arg-type]
    sys.settrace(here)


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("heeds", [True, False], ids=["can be cut off", "hangs in C"])
def test_a_call_that_hangs_is_cut_off_and_its_instrument_is_made_safe_all_the_same(
    made: Made, monkeypatch: pytest.MonkeyPatch, heeds: bool
) -> None:
    monkeypatch.setattr(safety, "HUNG_S", 0.6)
    go = threading.Event()

    def hang() -> None:
        while not go.wait(1e-3 if heeds else 5.0):
            pass

    source = Instrument()
    crew, gates = made(src=source)
    worker = under_way(gates["src"], hang)
    began = time.monotonic()
    failures = crew.make_safe(list(gates))
    assert source.off_at[0] - began < 0.5
    assert source.attempts == 2
    assert time.monotonic() - began < stretched(1.0)
    if heeds:
        assert failures == []
    else:
        (failure,) = failures
        assert "src: was made safe, but its load call does not return" in str(failure)
        assert "by hand" in str(failure)
    go.set()
    assert gates["src"].wait(5.0) is None
    assert not source.on
    worker.end()


def test_with_no_threads_left_everything_is_made_safe_in_turn_sources_first(made: Made) -> None:
    order: list[str] = []

    class Ordered(Instrument):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        def make_safe(self) -> None:
            order.append(self._name)
            super().make_safe()

    crew, gates = made(threads=False, daq=Ordered("daq"), pots=Ordered("pots"), src=Ordered("src"))
    assert crew.make_safe(list(gates)) == []
    assert order == ["src", "daq", "pots"]
    assert crew.close(list(gates)) == []


def test_a_fault_in_a_driver_is_reported_as_an_error_of_labrig(made: Made) -> None:
    crew, gates = made(pots=Instrument(fails=99, error=RuntimeError("a fault in a driver")))
    (failure,) = crew.make_safe(list(gates))
    assert isinstance(failure, LabrigError)
    assert "RuntimeError: a fault in a driver" in str(failure)
    assert "switch its supply off by hand" in str(failure)
