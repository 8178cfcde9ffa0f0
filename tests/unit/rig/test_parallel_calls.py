"""Parallel calls: all end, no failure is lost, none runs after it was withdrawn, and no wait is unbounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from busy import stretched

from labrig.errors import ConnectionFailed, DeadlineExceeded, LabrigError
from labrig.rig import parallel_calls
from labrig.rig.parallel_calls import ParallelCalls, Worker, started_workers


def failing(device: str):
    def call() -> None:
        raise ConnectionFailed("is gone", device=device)

    return call


@pytest.fixture
def parallel() -> Iterator[ParallelCalls]:
    calls = ParallelCalls("abc")
    calls.start()
    yield calls
    calls.end()


def test_calls_run_at_the_same_time_and_keep_their_names(parallel: ParallelCalls) -> None:
    meet = threading.Barrier(3, timeout=5)
    calls = {name: (lambda name=name: (meet.wait(), name)[1]) for name in "abc"}
    assert parallel.call("load", calls) == {"a": "a", "b": "b", "c": "c"}


def test_one_failure_comes_out_as_it_is_and_only_after_the_others_have_ended(parallel: ParallelCalls) -> None:
    ended = threading.Event()
    for calls in ({"a": failing("a"), "b": ended.set}, {"a": ended.set, "b": failing("b")}):
        ended.clear()
        with pytest.raises(ConnectionFailed, match="is gone"):
            parallel.call("load", calls)
        assert ended.is_set()


def test_what_was_begun_goes_on_meanwhile_and_ends_before_the_next(parallel: ParallelCalls) -> None:
    may_end, order = threading.Event(), []

    def slow() -> str:
        assert may_end.wait(5)
        order.append("begun")
        return "a"

    end = parallel.begin("load", {"a": slow})
    assert order == []
    may_end.set()
    parallel.call("load", {"a": lambda: order.append("next"), "b": lambda: None})
    assert (end(), order) == ({"a": "a"}, ["begun", "next"])
    with pytest.raises(ConnectionFailed, match="is gone"):
        parallel.begin("load", {"a": failing("a")})()


def test_without_threads_what_was_begun_is_done_at_once_and_fails_at_its_end() -> None:
    done: list[str] = []
    end = ParallelCalls("ab").begin("load", {"a": lambda: done.append("a"), "b": failing("b")})
    assert done == ["a"]
    with pytest.raises(ConnectionFailed, match="is gone"):
        end()


def test_several_failures_come_out_together(parallel: ParallelCalls) -> None:
    with pytest.raises(ExceptionGroup) as group:
        parallel.call("load", {"a": failing("a"), "b": failing("b")})
    assert [error.device for error in group.value.exceptions] == ["a", "b"]


def test_a_call_that_hangs_ends_every_wait_by_the_deadline_and_is_named(
    parallel: ParallelCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel_calls, "CALL_S", 0.1)
    forever = threading.Event()
    for wait in (
        lambda: parallel.call("load", {"a": forever.wait, "b": lambda: None}),
        lambda: parallel.call("load", {"a": lambda: None, "b": lambda: None}),  # the one before still runs
        parallel.wait,
    ):
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded, match="a: the call has not returned") as caught:
            wait()
        assert (caught.value.device, caught.value.action) == ("a", "load")
        assert time.monotonic() - began < stretched(1.0)
    forever.set()


def test_a_call_that_was_withdrawn_before_it_began_never_runs(parallel: ParallelCalls) -> None:
    busy, made = threading.Event(), []
    parallel._workers["a"].submit(parallel_calls.Call("a", "confirm", lambda: busy.wait(5)))
    end = parallel.begin("load", {"a": lambda: made.append("a")})
    parallel.withdraw()
    busy.set()
    with pytest.raises(ConnectionFailed, match="withdrawn"):
        end()
    parallel.call("load", {"a": lambda: None, "b": lambda: None})  # after it in the queue of a
    assert made == []


def test_an_interrupt_while_calls_are_submitted_leaves_none_that_could_run_later(
    parallel: ParallelCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a second Ctrl-C does: a is in its queue, b is not."""
    busy, made = threading.Event(), []
    parallel._workers["a"].submit(parallel_calls.Call("a", "confirm", lambda: busy.wait(5)))
    submit = Worker.submit

    def struck(worker: Worker, call: parallel_calls.Call) -> None:
        submit(worker, call)
        raise KeyboardInterrupt

    monkeypatch.setattr(Worker, "submit", struck)
    with pytest.raises(KeyboardInterrupt):
        parallel.call("load", {name: (lambda name=name: made.append(name)) for name in "abc"})
    monkeypatch.setattr(Worker, "submit", submit)
    busy.set()
    began = time.monotonic()
    assert parallel.call("load", {name: (lambda: None) for name in "abc"}) == dict.fromkeys("abc")
    assert time.monotonic() - began < stretched(1.0)
    assert made == []


def test_threads_are_started_once_and_a_system_without_threads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = ParallelCalls("ab")
    calls.start()
    start = threading.Thread.start
    left = 1

    def limited(thread: threading.Thread) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    left = 0
    for _ in range(3):
        assert calls.call("load", {"a": lambda: 1, "b": lambda: 2}) == {"a": 1, "b": 2}
    calls.end()
    before = threading.active_count()
    left = 1
    with pytest.raises(LabrigError, match="cannot start another thread: can't start new thread"):
        started_workers("ab")
    ends = time.monotonic() + 2.0
    while threading.active_count() > before and time.monotonic() < ends:
        time.sleep(1e-3)
    assert threading.active_count() <= before
