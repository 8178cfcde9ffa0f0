"""One face for the two boards a test can own the time of: the firmware's core as a library, and the Python board."""

from __future__ import annotations

import ctypes
from pathlib import Path

from labrig.clock import SimulatedClock
from labrig.instruments.parts import find_part
from labrig.virtual_instruments.digipot.board import BoardState, VirtualDigipotBoard

POWER_ON, EXTERNAL = 1, 2
FIRST_BOOT = 0
"""Boot id of a microcontroller whose memory for it is erased."""


class PythonBoard:
    def __init__(self, channels: int, boot_id: int = 1, part: str = "MCP4251-104") -> None:
        self._clock = SimulatedClock()
        self._board = VirtualDigipotBoard(channels, find_part(part), clock=self._clock, boot_id=boot_id)
        self.receive = self._board.receive
        self.codes = self._board.codes
        self.stick = self._board.stick
        self.silence = self._board.silence
        self.heal = self._board.heal
        self.reset = self._board.reset
        self.power_cycle = self._board.power_cycle

    @property
    def armed(self) -> bool:
        return self._board.state is BoardState.ARMED

    def take(self) -> bytes:
        """What it has sent on its own: a bank sends nothing."""
        return b""

    def outputs(self) -> list[int]:
        """Codes of the outputs, if there are any."""
        return []

    def wait_ms(self, duration_ms: int) -> None:
        for _ in range(duration_ms):
            self._clock.sleep(0.001)
            self._board.poll()


class FirmwareBoard:
    """The C core over its simulated chips. There is one in a process: make a new one, forget the old."""

    def __init__(self, library: Path, channels: int, boot_id: int = 1) -> None:
        self._core = ctypes.CDLL(str(library))
        self._core.testbed_receive.restype = ctypes.c_size_t
        self._core.testbed_receive.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
        self._core.testbed_take.restype = ctypes.c_size_t
        self._core.testbed_take.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._channels = channels
        self._boot_id = boot_id
        for channel in range(128):
            self.heal(channel)
        self._core.chips_power_up()
        self._core.testbed_reset(channels, boot_id, POWER_ON)

    def receive(self, data: bytes) -> bytes:
        replies = ctypes.create_string_buffer(1 << 18)
        count = self._core.testbed_receive(data, len(data), replies, len(replies))
        assert count <= len(replies)
        return replies.raw[:count]

    def take(self) -> bytes:
        sent = ctypes.create_string_buffer(1 << 18)
        count = self._core.testbed_take(sent, len(sent))
        assert count <= len(sent)
        return sent.raw[:count]

    def outputs(self) -> list[int]:
        return []

    def codes(self) -> dict[int, int | None]:
        core = self._core
        return {c: core.chips_code(c) if core.chips_connected(c) else None for c in range(self._channels)}

    def stick(self, channel: int, code: int) -> None:
        self._core.chips_stick(channel, code)

    def silence(self, channel: int) -> None:
        self._core.chips_mute(channel)

    def lose(self, channel: int, writes: int) -> None:
        """So many writes to this wiper get lost."""
        self._core.chips_lose(channel, writes)

    def heal(self, channel: int) -> None:
        self._core.chips_heal(channel)

    def reset(self, cause: int = EXTERNAL) -> None:
        self._boot_id = (self._boot_id + 1) & 0xFFFF
        self._core.testbed_reset(self._channels, self._boot_id, cause)

    def power_cycle(self) -> None:
        self._core.chips_power_up()
        self.reset(POWER_ON)

    def wait_ms(self, duration_ms: int) -> None:
        self._core.testbed_wait(duration_ms)
