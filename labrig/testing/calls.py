"""Calls to an instrument under test that must end in time, raise a LabrigError, or survive Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from labrig.errors import LabrigError


class NotApplicable(Exception):
    """Raised, with a reason, if a check does not apply to this instrument or bench."""


class Bounded:
    """An instrument whose calls must end within a time limit.

    Each call runs in its own thread, so that a hanging call fails the check instead of hanging the suite. A call left
    unfinished by Ctrl-C gets `limit_s` to end before the next one begins.

    Parameters
    ----------
    name
        Name of the instrument.
    instrument
        The instrument.
    limit_s
        Time limit (s), for `read` in addition to its timeout.

    Attributes
    ----------
    direct
        The instrument without time limits.
    in_main_thread
        Whether calls run in the main thread, as in a run, and are bounded by an alarm. A Ctrl-C inside gRPC may leave
        one of its locks held by the interrupted thread, which would then block every other thread.
    """

    def __init__(self, name: str, instrument: Any, limit_s: float) -> None:
        self.direct = instrument
        self.in_main_thread = False
        self._name = name
        self._limit_s = limit_s
        self._unfinished: list[threading.Thread] = []

    def __getattr__(self, action: str) -> Any:
        method = getattr(self.direct, action)

        def call(*arguments: Any) -> Any:
            limit_s = self._limit_s + (float(arguments[0]) if action == "read" else 0.0)
            what = f"{self._name}: {action}"
            if self.in_main_thread:
                return bounded_by_alarm(what, lambda: method(*arguments), limit_s)
            while self._unfinished:
                self._unfinished.pop().join(self._limit_s)
            try:
                return bounded(what, lambda: method(*arguments), limit_s, self._unfinished)
            except AssertionError:
                self._unfinished.clear()  # do not wait for this call again
                raise

        return call


def bounded(what: str, action: Callable[[], Any], limit_s: float, threads: list[threading.Thread] | None = None) -> Any:
    """Run an action in a thread and return its result or raise its exception.

    Parameters
    ----------
    what
        Description for error messages.
    action
        The action.
    limit_s
        Time limit (s, real time).
    threads
        The thread of the action is appended to this list.

    Raises
    ------
    AssertionError
        If the action has not ended in time.
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["returned"] = action()
        except BaseException as error:
            outcome["raised"] = error

    thread = threading.Thread(target=run, name=f"check of {what}", daemon=True)
    if threads is not None:
        threads.append(thread)
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive(), f"{what} had not ended after {limit_s:g} s; every blocking call must have a deadline"
    if "raised" in outcome:
        raise outcome["raised"]
    return outcome.get("returned")


def bounded_by_alarm(what: str, action: Callable[[], Any], limit_s: float) -> Any:
    """Do what `bounded` does, but in the main thread (POSIX only). Cannot interrupt a library call blocked in C."""

    def ring(*_: Any) -> None:
        raise AssertionError(f"{what} had not ended after {limit_s:g} s; every blocking call must have a deadline")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        return action()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def require_ctrl_c() -> None:
    """Raise NotApplicable if Ctrl-C cannot be sent: only the main thread of a POSIX system receives signals."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        raise NotApplicable("Ctrl-C can only be sent to the main thread of a POSIX system")


def refused(what: str, action: Callable[[], Any], kind: type[LabrigError] = LabrigError) -> LabrigError:
    """Run an action that must raise `kind`, and return the error; raises AssertionError in all other cases."""
    try:
        returned = action()
    except kind as error:
        return error
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(
            f"{what} raised {type(error).__name__} ({error}); it must raise {kind.__name__}"
        ) from error
    raise AssertionError(f"{what} was accepted and returned {_short(returned)}; it must raise {kind.__name__}")


def succeeded(what: str, action: Callable[[], Any]) -> Any:
    """Run an action that must not raise, and return its result; raises AssertionError if it raises."""
    try:
        return action()
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what} must not raise, but raised {type(error).__name__}: {error}") from error


def interrupted(what: str, action: Callable[[], Any], after_s: float) -> bool:
    """Run an action and send Ctrl-C after `after_s` seconds; return whether Ctrl-C interrupted the action.

    Raises AssertionError if the action raises anything but KeyboardInterrupt or a LabrigError.
    """
    require_ctrl_c()
    ctrl_c = _CtrlC(after_s)
    previous = signal.signal(signal.SIGINT, ctrl_c.received)
    try:
        try:
            ctrl_c.start()
            action()
        finally:
            ctrl_c.end()
    except KeyboardInterrupt:
        return True
    except LabrigError:
        return False
    except Exception as error:
        raise AssertionError(
            f"{what}, interrupted after {1e3 * after_s:g} ms, raised {type(error).__name__} ({error}); "
            "only KeyboardInterrupt or a LabrigError is allowed"
        ) from error
    finally:
        signal.signal(signal.SIGINT, previous)
    return False


class _CtrlC(threading.Thread):
    """Sends Ctrl-C to the main thread, and again if the signal arrives inside a coverage tool.

    Such a tool holds a lock while it records a line; an exception at that moment would leave the lock held.
    """

    AGAIN_S = 0.5e-3

    def __init__(self, after_s: float) -> None:
        super().__init__(name="Ctrl-C", daemon=True)
        self._after_s = after_s
        self._over = False  # not an Event, whose lock could be held when Ctrl-C arrives

    def run(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        time.sleep(self._after_s)
        while not self._over:
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(self.AGAIN_S)

    def received(self, number: int, frame: FrameType | None) -> None:
        if self._over or (frame is not None and _of_a_tracer(frame)):
            return
        self._over = True
        raise KeyboardInterrupt

    def end(self) -> None:
        self._over = True
        self.join()


def _of_a_tracer(frame: FrameType) -> bool:
    tool = sys.modules.get("coverage")
    return tool is not None and frame.f_code.co_filename.startswith(os.path.dirname(str(tool.__file__)))


@contextmanager
def recorded_touches() -> Iterator[list[str]]:
    """Record I/O of this process in the context: sockets, devices, vendor libraries, subprocesses."""
    _Touches.install()
    found: list[str] = []
    _Touches.found = found
    try:
        yield found
    finally:
        _Touches.found = None


class _Touches:
    """The audit hook. Hooks cannot be removed, so there is only one, which usually does nothing."""

    found: list[str] | None = None
    _installed = False

    @classmethod
    def install(cls) -> None:
        if not cls._installed:
            sys.addaudithook(cls._hook)
            cls._installed = True

    @classmethod
    def _hook(cls, event: str, arguments: tuple[Any, ...]) -> None:
        if cls.found is None:
            return
        device = event == "open" and str(arguments[0]).startswith("/dev/")
        if device or event in _REACHES_OUT:
            cls.found.append(f"{event} {_short(arguments)}")


_REACHES_OUT = {
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.sendto",
    "ctypes.dlopen",
    "subprocess.Popen",
}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
