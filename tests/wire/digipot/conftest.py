from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import pytest
from firmware.builds import make
from labrig_drivers.digipot_bank import link
from wire.digipot.boards import WAIT_S, Daemon, on_a_pty, release_numbers

from labrig.virtual_instruments.digipot import VirtualDigipotBoard
from labrig.virtual_instruments.serial_server import serve


@pytest.fixture(scope="session")
def native(tmp_path_factory) -> Callable[..., contextlib.AbstractContextManager[Daemon]]:
    """A maker of firmware daemons; skips where there is no compiler."""
    build = tmp_path_factory.mktemp("digipot")
    make("native", build)
    return lambda *arguments: contextlib.closing(Daemon(build / "native", *arguments))


class PythonBoard:
    def __init__(self, resource: str, board: VirtualDigipotBoard) -> None:
        self.resource = resource
        self.codes = board.codes
        self.stick = board.stick
        self.mute = board.silence
        self.heal = board.heal
        self.reset = board.reset


class NativeBoard:
    def __init__(self, daemon: Daemon) -> None:
        self.resource = daemon.resource
        self._command = daemon.command

    def codes(self) -> dict[int, int | None]:
        codes = self._command("codes").split()
        return {index: None if code == "open" else int(code) for index, code in enumerate(codes)}

    def stick(self, channel: int, code: int) -> None:
        self._command(f"stuck {channel} {code}")

    def mute(self, channel: int) -> None:
        self._command(f"mute {channel}")

    def heal(self, channel: int) -> None:
        self._command(f"heal {channel}")

    def reset(self) -> None:
        self._command("reset")


@pytest.fixture(params=["python socket", "python pty", "firmware socket", "firmware pty"])
def board(request) -> Iterator[PythonBoard | NativeBoard]:
    """A board of four channels behind one of the lines a host may find it on."""
    who, line = request.param.split()
    if who == "python":
        device = VirtualDigipotBoard(4)
        with (serve if line == "socket" else on_a_pty)(device) as resource:
            yield PythonBoard(resource, device)
    else:
        arguments = ["--tcp", "0"] if line == "socket" else []
        with request.getfixturevalue("native")("--channels", "4", *arguments) as daemon:
            yield NativeBoard(daemon)


@pytest.fixture
def impatient(monkeypatch) -> None:
    """Replies are waited for a shorter time, so that many can be lost in a test."""
    monkeypatch.setattr(link, "REPLY_WAIT_S", WAIT_S)


@pytest.fixture(autouse=True)
def numbers_of_terminals() -> Iterator[None]:
    yield
    release_numbers()


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
