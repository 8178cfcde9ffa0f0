"""Calls at the same time: all end, and no failure is lost."""

from __future__ import annotations

import threading

import pytest

from labrig.errors import ConnectionFailed
from labrig.rig.together import Together


def failing(device: str):
    def call() -> None:
        raise ConnectionFailed("is gone", device=device)

    return call


def test_calls_run_at_the_same_time_and_keep_their_names() -> None:
    meet = threading.Barrier(3, timeout=5)
    together = Together(3)
    calls = {name: (lambda name=name: (meet.wait(), name)[1]) for name in "abc"}
    assert together.call(calls) == {"a": "a", "b": "b", "c": "c"}


def test_one_failure_comes_out_as_it_is_and_only_after_the_others_have_ended() -> None:
    ended = threading.Event()
    together = Together(2)
    for calls in ({"a": failing("a"), "b": ended.set}, {"a": ended.set, "b": failing("b")}):
        ended.clear()
        with pytest.raises(ConnectionFailed, match="is gone"):
            together.call(calls)
        assert ended.is_set()


def test_what_was_begun_goes_on_meanwhile_and_ends_before_the_next() -> None:
    together, may_end, order = Together(2), threading.Event(), []

    def slow() -> str:
        assert may_end.wait(5)
        order.append("begun")
        return "a"

    end = together.begin({"a": slow})
    assert order == []
    may_end.set()
    together.call({"a": lambda: order.append("next"), "b": lambda: None})
    assert (end(), order) == ({"a": "a"}, ["begun", "next"])
    with pytest.raises(ConnectionFailed, match="is gone"):
        together.begin({"a": failing("a")})()


def test_without_threads_what_was_begun_is_done_at_once_and_fails_at_its_end() -> None:
    done: list[str] = []
    end = Together(1).begin({"a": lambda: done.append("a"), "b": failing("b")})
    assert done == ["a"]
    with pytest.raises(ConnectionFailed, match="is gone"):
        end()


def test_several_failures_come_out_together() -> None:
    together = Together(2)
    with pytest.raises(ExceptionGroup) as group:
        together.call({"a": failing("a"), "b": failing("b")})
    assert [error.device for error in group.value.exceptions] == ["a", "b"]
