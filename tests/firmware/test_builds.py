"""The firmware builds, fits, is reproducible, survives hostile frames, and runs as a daemon."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from firmware.builds import fuzz, make
from firmware.wire import HELLO, STAGE_COMMIT, VERIFY_FAILED, Host, run, table_crc
from trials import trials


def test_hostile_frames_under_sanitizers(build):
    fuzz(build, trials(20_000, 20_000, 1_000_000), seed=1)


@pytest.mark.parametrize("channels", [4, 64, 128])
def test_fits_an_atmega328p(build, channels):
    printed = make("avr", build / f"avr{channels}", CHANNELS=channels)
    left = re.search(r"(\d+) left for the stack", printed)
    assert left is not None, printed
    assert int(left[1]) >= 768, printed


def test_the_same_sources_give_the_same_program(build):
    for name in ("first", "second"):
        make("avr", build / name)
    first, second = (build / name / "avr.hex" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()


@contextlib.contextmanager
def daemon(program: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """The process and the line that says where it listens."""
    with subprocess.Popen(
        [program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def say(process: subprocess.Popen, line: str) -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    return process.stdout.readline().strip()


class Port:
    """A pyserial port as a board."""

    def __init__(self, url: str) -> None:
        serial = pytest.importorskip("serial", reason="pyserial is not installed")
        self._port = serial.serial_for_url(url, timeout=2)

    def receive(self, data: bytes) -> bytes:
        self._port.write(data)
        return self._port.read_until(b"\0") + self._port.read_until(b"\0")

    def close(self) -> None:
        self._port.close()


@pytest.mark.parametrize("line", ["tcp", "pty"])
def test_daemon(build, line):
    make("native", build)
    arguments = ["--channels", "8", "--boot-id", "5", *(["--tcp", "0"] if line == "tcp" else [])]
    with daemon(build / "native", *arguments) as (process, where):
        kind, place = where.split(maxsplit=1)
        url = "socket://{}:{}".format(*place.split()) if kind == "TCP" else place.strip()
        with contextlib.closing(Port(url)) as port:
            host = Host(port)
            assert host(HELLO).boot_id == 5
            host.arm()
            assert say(process, "stuck 2 9") == "ok"
            assert host(STAGE_COMMIT, table_crc(range(8)) + run(0, range(8))).status == VERIFY_FAILED
            assert say(process, "codes") == "0 1 9 3 4 5 6 7"
            assert say(process, "stuck 8 9") == say(process, "nonsense") == "what?"
            assert say(process, "reset") == "ok"
            assert say(process, "codes") == "open " * 7 + "open"
            assert host(HELLO).boot_id == 6
            host.arm(30)
            ends = time.monotonic() + 5
            while host.status()["trips"] == 0 and time.monotonic() < ends:
                time.sleep(0.05)
            assert host.status()["trips"] == 1
        assert say(process, "quit") == ""
        assert process.wait(timeout=5) == 0
