"""A sector of the flash of a simulated STM32F446 (RM0390, FLASH): programming only clears bits, erasing sets all."""

from __future__ import annotations

BYTES = 0x4000
KEYS = (0x45670123, 0xCDEF89AB)
LOCK, START, BLANK = 1 << 31, 1 << 16, b"\xff"
PROGRAM_HALF_WORDS, ERASE_SECTOR_3 = 0x101, 0x21A
"""In FLASH_CR: erasing by 32 bits at once."""


class FlashSector:
    """The sector with the boot ids, and the registers that open it. `faults` gets what the manual forbids."""

    def __init__(self, faults: list[str]) -> None:
        self._faults = faults
        self._bytes = bytearray(BLANK * BYTES)
        self.erased = 0
        self.lock()

    def lock(self) -> None:
        """As after a reset."""
        self._control, self._keys = LOCK, 0

    def key(self, key: int) -> None:
        self._keys = self._keys + 1 if key == KEYS[min(self._keys, 1)] else 0
        if self._keys == len(KEYS):
            self._control &= ~LOCK

    def control(self, value: int) -> None:
        if self._control & LOCK:
            self._faults.append("the flash is locked")
        elif value & LOCK:
            self.lock()
        else:
            self._control = value & ~START
            if value & START:
                self._erase(value & ~START)

    def read_control(self) -> int:
        return self._control

    def _erase(self, what: int) -> None:
        if what != ERASE_SECTOR_3:
            self._faults.append(f"erased {what:#x}")
        self._bytes[:] = BLANK * BYTES
        self.erased += 1

    def read(self, core: object, offset: int, size: int, _: object) -> int:
        return int.from_bytes(self._bytes[offset : offset + size], "little")

    def write(self, core: object, offset: int, size: int, value: int, _: object) -> None:
        if self._control != PROGRAM_HALF_WORDS or size != 2:
            self._faults.append(f"{size} bytes of flash written with {self._control:#x}")
            return
        for k in range(2):
            self._bytes[offset + k] &= value >> 8 * k & 0xFF

    def fill(self, count: int) -> None:
        """As after so many boots of a new board."""
        self._bytes[: 2 * count] = b"".join(number.to_bytes(2, "little") for number in range(count))

    def tear(self, number: int, bits: int) -> None:
        """The next id, if the supply failed while it was written: only so many of its lowest bits are."""
        slot = next(k for k in range(0, BYTES, 2) if self._bytes[k : k + 2] == 2 * BLANK)
        self._bytes[slot : slot + 2] = (number | (0xFFFF << bits & 0xFFFF)).to_bytes(2, "little")
