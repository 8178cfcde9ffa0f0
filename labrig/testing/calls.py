"""Calls of an instrument under test: each must end in time, be refused in labrig's words, or survive Ctrl-C."""

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
    """A check that says nothing about this instrument or bench, and why."""


class Bounded:
    """An instrument whose every call must end within `limit_s`, of `read` within its own time-out more.

    Each call runs in a thread of its own, so that one that never ends fails a check and does not hang the suite. A call
    that a Ctrl-C has left under way is given `limit_s` to end before the next one begins.
    direct: the instrument without that. here: calls run in the main thread, as in a run, and an alarm ends them:
    gRPC, interrupted by Ctrl-C, may leave a lock with the thread that was interrupted, and no other gets past it.
    """

    def __init__(self, name: str, instrument: Any, limit_s: float) -> None:
        self.direct = instrument
        self.here = False
        self._name = name
        self._limit_s = limit_s
        self._under_way: list[threading.Thread] = []

    def __getattr__(self, action: str) -> Any:
        method = getattr(self.direct, action)

        def call(*arguments: Any) -> Any:
            within_s = self._limit_s + (float(arguments[0]) if action == "read" else 0.0)
            what = f"{self._name}: {action}"
            if self.here:
                return ended_here(what, lambda: method(*arguments), within_s)
            while self._under_way:
                self._under_way.pop().join(self._limit_s)
            try:
                return ended(what, lambda: method(*arguments), within_s, self._under_way)
            except AssertionError:
                self._under_way.clear()  # it has had its time
                raise

        return call


def ended(what: str, action: Callable[[], Any], limit_s: float, under_way: list[threading.Thread] | None = None) -> Any:
    """What the action returned or raised. Fails where it has not ended within `limit_s` seconds of real time.

    under_way: gets the thread of the action, for whoever must know whether it is over.
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["returned"] = action()
        except BaseException as error:
            outcome["raised"] = error

    thread = threading.Thread(target=run, name=f"check of {what}", daemon=True)
    if under_way is not None:
        under_way.append(thread)
    thread.start()
    thread.join(limit_s)
    assert not thread.is_alive(), f"{what} had not ended after {limit_s:g} s; every blocking call has a deadline"
    if "raised" in outcome:
        raise outcome["raised"]
    return outcome.get("returned")


def ended_here(what: str, action: Callable[[], Any], limit_s: float) -> Any:
    """The same in the main thread of a POSIX system; a library that blocks in C is not ended by it."""

    def ring(*_: Any) -> None:
        raise AssertionError(f"{what} had not ended after {limit_s:g} s; every blocking call has a deadline")

    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        return action()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def require_ctrl_c() -> None:
    """NotApplicable where Ctrl-C cannot be sent: signals reach the main thread of a POSIX system only."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_kill"):
        raise NotApplicable("Ctrl-C can only be sent to the main thread of a POSIX system")


def refused(what: str, action: Callable[[], Any], kind: type[LabrigError] = LabrigError) -> LabrigError:
    """The error an action was refused with. Fails where it was accepted or raised anything but `kind`."""
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
    """What the action returned. Fails where it raised, with what was expected of it."""
    try:
        return action()
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{what} must not raise, and raised {type(error).__name__}: {error}") from error


def interrupted(what: str, action: Callable[[], Any], after_s: float) -> bool:
    """Do the action and press Ctrl-C after `after_s` seconds; whether it was still running.

    Fails where it raises anything but KeyboardInterrupt or a LabrigError.
    """
    require_ctrl_c()
    strike = _Strike(after_s)
    previous = signal.signal(signal.SIGINT, strike.arrived)
    try:
        try:
            strike.start()
            action()
        finally:
            strike.end()
    except KeyboardInterrupt:
        return True
    except LabrigError:
        return False
    except Exception as error:
        raise AssertionError(
            f"{what}, interrupted after {1e3 * after_s:g} ms, raised {type(error).__name__} ({error}); "
            "only KeyboardInterrupt or a LabrigError may come out"
        ) from error
    finally:
        signal.signal(signal.SIGINT, previous)
    return False


class _Strike(threading.Thread):
    """Presses Ctrl-C in the main thread, once, and again where it hit the lines of a coverage tool: those hold a lock
    of the tool from one line to the next, and an exception between them would hold it for ever."""

    AGAIN_S = 0.5e-3

    def __init__(self, after_s: float) -> None:
        super().__init__(name="Ctrl-C", daemon=True)
        self._after_s = after_s
        self._over = False  # not an Event: its lock could be the one that is struck

    def run(self) -> None:
        main = threading.main_thread().ident
        assert main is not None
        time.sleep(self._after_s)
        while not self._over:
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(self.AGAIN_S)

    def arrived(self, number: int, frame: FrameType | None) -> None:
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
    """What reaches out of this process meanwhile: sockets, devices, vendor libraries, other programs."""
    _Touches.install()
    found: list[str] = []
    _Touches.found = found
    try:
        yield found
    finally:
        _Touches.found = None


class _Touches:
    """An audit hook cannot be taken out again, so there is one, and it is silent most of the time."""

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
