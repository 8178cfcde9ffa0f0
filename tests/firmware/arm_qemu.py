"""The ELF for the STM32F446 in QEMU, on its machine with the STM32F405: the same registers at the same addresses.

QEMU has the core, its system timer, USART2, SPI1 without a chip, TIM2, and nothing else: no clock ever gets ready,
and the flash takes no boot id. So the program runs from its reserves, and no chip answers. Its time
is not the host's: TIM2 counts at 1 GHz instead of 16 MHz, the system timer at 168 MHz.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from firmware.boards import FirmwareBoard

MACHINE = "netduinoplus2"
TIMER_MS = 1000 / 62_500
"""What the program takes for a ms (ms)."""
USART2_CR1, ENABLED = 0x4000440C, 1 << 13
DEADLINE_S = 30.0


class QemuBoard:
    """`receive` sends bytes and waits for whole replies. A context manager, which ends QEMU.

    counted: an instruction takes 1 ns of QEMU's time, so that a busy host makes no scan late. Slower.
    """

    def __init__(self, elf: Path, counted: bool = False) -> None:
        if shutil.which("qemu-system-arm") is None:
            pytest.skip("qemu-system-arm is not installed")
        self._heard = b""
        self._line, line = socket.socketpair()
        self._control, control = socket.socketpair()
        self._process = subprocess.Popen(
            [
                *("qemu-system-arm", "-M", MACHINE, "-kernel", elf, "-nodefaults", "-display", "none"),
                *(["-icount", "shift=0"] if counted else []),
                *("-serial", "null", "-chardev", f"socket,id=line,fd={line.fileno()}", "-serial", "chardev:line"),
                *("-chardev", f"socket,id=control,fd={control.fileno()}", "-mon", "chardev=control,mode=control"),
            ],
            pass_fds=(line.fileno(), control.fileno()),
            stderr=subprocess.DEVNULL,
        )
        for end in (line, control):
            end.close()
        self._control.settimeout(DEADLINE_S)
        self._answers = self._control.makefile("rb")
        self._answers.readline()  # what it is
        self._ask("qmp_capabilities")
        self._until_it_listens()

    def __enter__(self) -> QemuBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(DEADLINE_S)
        self._answers.close()
        self._control.close()
        self._line.close()

    def _ask(self, what: str, **arguments: Any) -> Any:
        self._control.sendall(json.dumps({"execute": what, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self._answers.readline())
            if "event" not in answer:
                return answer["return"]

    def _until_it_listens(self) -> None:
        """Before that QEMU drops what comes."""
        ends = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends:
            said = self._ask("human-monitor-command", **{"command-line": f"xp /1wx {USART2_CR1:#x}"})
            if int(said.split(":")[1], 16) & ENABLED:
                return
            time.sleep(0.005)
        pytest.fail("the program does not listen")

    def reset(self) -> None:
        self._ask("system_reset")
        self._until_it_listens()

    def receive(self, data: bytes, expected: int = 1) -> bytes:
        """So many whole replies; one too many is found by the next comparison."""
        self.send(data)
        return self.collected(expected)

    def send(self, data: bytes) -> None:
        self._line.sendall(data)

    def collected(self, expected: int) -> bytes:
        """The next frames that it says."""
        said = b""
        for _ in range(expected):
            while self._heard.count(0) < 2:
                self._heard += self._more(DEADLINE_S)
            end = self._heard.index(b"\0", self._heard.index(b"\0") + 1) + 1
            said, self._heard = said + self._heard[:end], self._heard[end:]
        return said

    def is_silent(self) -> bool:
        """Whether it has said nothing else, and says nothing for a while."""
        try:
            self._heard += self._more(0.1)
        except TimeoutError:
            return not self._heard
        return False

    def _more(self, within_s: float) -> bytes:
        self._line.settimeout(within_s)
        return self._line.recv(65536)


def without_chips(library: Path, channels: int, boot_id: int, board: type[FirmwareBoard] = FirmwareBoard):
    """The core natively, as QEMU shows it: no chip answers, and the cause of the reset is unknown."""
    native = board(library, channels, boot_id - 1)
    for channel in range(channels):
        native.silence(channel)
    native.reset(cause=0)
    return native
