"""An STM32F446 for its ELF: the core by Unicorn, the peripherals that the program uses by this file, from RM0390.

Unicorn is GPL: used by tests where it is installed, by labrig never. Every instruction takes one cycle, the least that
a Cortex-M4 takes, so waits are as short as they can get. Time is counted in ticks of 128 MHz.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from firmware.arm_flash import BYTES, FlashSector

unicorn = pytest.importorskip("unicorn", reason="unicorn is not installed (pip install unicorn)")
arm = pytest.importorskip("unicorn.arm_const")

TICKS_PER_US = 128
FLASH, RAM, IDS = 0x08000000, 0x20000000, 0x0800C000
FLASH_BYTES, RAM_BYTES = 0xC000, 0x20000
STUCK = RAM + RAM_BYTES - 0x1000
"""As an instruction that jumps to itself."""
HSE, PLL = 1, 2
"""What may fail to come: the clock from the ST-LINK, the lock of the PLL."""
POWER_ON, RESET_LINE, BROWN_OUT, WATCHDOG, SOFTWARE = 0x0E000000, 0x04000000, 0x06000000, 0x24000000, 0x14000000
"""Flags of a reset in RCC_CSR: every reset pulls the reset line."""
USART2, SYSTICK, HARD_FAULT = 16 + 38, 15, 3
EXCEPTION_RETURN, RETURNS = 0xFFFFFFF0, 0xFFFFFFF9
WAIT_FOR_INTERRUPT = b"\x30\xbf"


class Pins(Protocol):
    """What is at the pins."""

    def changed(self, now: int, level: Callable[[str, int], bool | None]) -> None:
        """Some outputs may have changed; level(port, number) is None for an input."""

    def exchange(self, now: int, byte: int, ticks_per_bit: int, mode: int) -> int:
        """A byte goes out on SPI, and one comes back."""


class Processor:
    """Runs the program; `pins` is what is at its pins, and `faults` what it did that the manual forbids."""

    def __init__(self, elf: Path, pins: Pins, missing: int = 0) -> None:
        self.faults: list[str] = []
        self._pins, self._missing = pins, missing
        self.flash = FlashSector(self.faults)
        program = elf.with_suffix(".bin").read_bytes()
        self._stack, self._entry = (int.from_bytes(program[k : k + 4], "little") for k in (0, 4))
        self._program = program
        self.now = 0
        self._core = core = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        core.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        core.mem_map(FLASH, FLASH_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        core.mem_write(FLASH, program)
        core.mem_map(RAM, RAM_BYTES)
        core.mmio_map(IDS, BYTES, self.flash.read, None, self.flash.write, None)
        for page in (0x40000000, 0x40003000, 0x40004000, 0x40013000, 0x40020000, 0x40023000, 0xE000E000):
            core.mmio_map(page, 0x1000, self._read, page, self._write, page)
        self._sleeps_at = FLASH + program.index(WAIT_FOR_INTERRUPT)
        assert program.count(WAIT_FOR_INTERRUPT) == 1, "more than one instruction to sleep"
        core.hook_add(unicorn.UC_HOOK_CODE, self._sleep, None, self._sleeps_at, self._sleeps_at)
        core.hook_add(unicorn.UC_HOOK_BLOCK, self._block)
        core.hook_add(unicorn.UC_HOOK_INTR, self._interrupted)
        self._lengths: dict[int, int] = {}
        self.reset(POWER_ON)

    def reset(self, flags: int) -> None:
        self._registers: dict[int, int] = {
            0x40023800: 0x83,  # RCC_CR: the internal oscillator
            0x40023874: flags,
            0x40004400: 0xC0,  # USART_SR
            0x40013008: 0x02,  # SPI_SR
            0x40020000: 0xA8000000,  # GPIOA_MODER: the debugger's pins
            0x40020400: 0x00000280,
        }
        self.flash.lock()
        self._tick_pending = False
        self._tick_at = self._byte_at = self._watchdog_at = self._timer_began = math.inf
        self._line_free_at = self._shifted_at = self._quiet_at = 0
        self._arriving: deque[tuple[int, int]] = deque()
        self._sent = bytearray()
        self._active: list[int] = []
        self._contexts: list[tuple[object, int]] = []
        self._asleep = self._wants_reset = self._returns = False
        self._pc = self._entry
        self._core.reg_write(arm.UC_ARM_REG_SP, self._stack)
        self._core.reg_write(arm.UC_ARM_REG_PRIMASK, 0)
        self._pins.changed(self.now, self._level)

    def run(self, ticks: int) -> None:
        ends = self.now + ticks
        while self.now < ends:
            self._let_happen()
            if self._wants_reset or self.now >= self._watchdog_at:
                self.reset(SOFTWARE if self._wants_reset else WATCHDOG)
            waiting = self._waiting()
            if self._asleep:
                if waiting is None:
                    self.now = int(min(ends, self._next()))
                    continue
                self._asleep = False
            is_masked = waiting is not None and self._core.reg_read(arm.UC_ARM_REG_PRIMASK)
            if waiting is not None and not is_masked:
                self._enter(waiting)
            self._until = 0 if is_masked else min(ends, self._next())
            self._begins = True
            if self._pc == STUCK:
                self.now = max(self.now + 1, int(min(ends, self._next())))
                continue
            self._core.emu_start(self._pc | 1, 0xFFFFFFFE)
            self._pc = self._core.reg_read(arm.UC_ARM_REG_PC)
            if self._asleep:
                self._pc += len(WAIT_FOR_INTERRUPT)
            if self._returns:
                self._leave()

    def _next(self) -> float:
        arrival = self._arriving[0][0] if self._arriving else math.inf
        free = self._line_free_at if self._on(0x4000440C, 7) and self._line_free_at > self.now else math.inf
        return min(arrival, free, self._tick_at, self._watchdog_at)

    def _let_happen(self) -> None:
        while self._tick_at <= self.now:
            self._tick_pending = True
            self._tick_at += self._tick_ticks()
        while self._arriving and self._arriving[0][0] <= self.now:
            _, byte = self._arriving.popleft()
            if not self._on(0x4000440C, 2) or not self._on(0x4000440C, 13):
                continue  # not listening
            if self._registers[0x40004400] & 0x20:
                self._registers[0x40004400] |= 0x08  # overrun: the new byte is lost
            else:
                self._registers[0x40004400] |= 0x20
                self._received = byte

    def _waiting(self) -> int | None:
        """The most urgent interrupt that may preempt what runs, however PRIMASK is."""
        control = self._registers.get(0x4000440C, 0)
        line = (control & 0x20 and self._registers[0x40004400] & 0x28) or (
            control & 0x80 and self.now >= self._line_free_at
        )
        found = [
            (self._priority(each), each) for each, is_due in ((USART2, line), (SYSTICK, self._tick_pending)) if is_due
        ]
        if not self._on(0xE000E104, 38 - 32):
            found = [each for each in found if each[1] != USART2]
        running = min((self._priority(each) for each in self._active), default=256)
        return min(found)[1] if found and min(found)[0] < running else None

    def _priority(self, exception: int) -> int:
        at = 0xE000ED23 if exception == SYSTICK else 0xE000E400 + exception - 16
        return self._registers.get(at & ~3, 0) >> 8 * (at & 3) & 0xFF

    def _enter(self, exception: int) -> None:
        """The registers are kept here, not on the stack, of which the program gets as much less as on a real one."""
        core = self._core
        if exception == SYSTICK:
            self._tick_pending = False
        self._active.append(exception)
        self._contexts.append((core.context_save(), self._pc))
        core.reg_write(arm.UC_ARM_REG_SP, core.reg_read(arm.UC_ARM_REG_SP) - 32 & ~7)
        core.reg_write(arm.UC_ARM_REG_LR, RETURNS)
        self._pc = int.from_bytes(self._program[4 * exception : 4 * exception + 4], "little") & ~1
        self.now += 12 * self._scale

    def _leave(self) -> None:
        self._returns = False
        self._active.pop()
        context, self._pc = self._contexts.pop()
        self._core.context_restore(context)
        self.now += 12 * self._scale

    def _block(self, core: object, at: int, size: int, _: object) -> None:
        """Before a block of instructions: stop here, or let it run. The first one always runs."""
        if self.now >= self._until and not self._begins:
            self._core.emu_stop()
            return
        self._begins = False
        if at not in self._lengths:
            halves = self._core.mem_read(at, size)[1::2]
            count = k = 0
            while k < len(halves):
                k += 2 if halves[k] >= 0xE8 else 1  # 11101, 11110, 11111 begin 32 bits
                count += 1
            self._lengths[at] = count
        self.now += self._lengths[at] * self._scale

    def _sleep(self, *_: object) -> None:
        self._asleep = True
        self._core.emu_stop()

    def _interrupted(self, core: object, number: int, _: object) -> None:
        self._returns = self._core.reg_read(arm.UC_ARM_REG_PC) >= EXCEPTION_RETURN
        if not self._returns:
            self.faults.append(f"exception {number} of the core")
        self._core.emu_stop()

    def _on(self, register: int, bit: int) -> bool:
        return bool(self._registers.get(register, 0) >> bit & 1)

    @property
    def _is_fast(self) -> bool:
        return self._registers.get(0x40023808, 0) & 3 == PLL and not self._missing & PLL

    @property
    def _scale(self) -> int:
        """Ticks of a cycle of the core."""
        return 1 if self._is_fast else 8

    def _bus_ticks(self, shift: int) -> int:
        """Ticks of a cycle of APB1 (10) or APB2 (13)."""
        code = self._registers.get(0x40023808, 0) >> shift & 7
        return self._scale << (code - 3 if code >= 4 else 0)

    def _ready(self) -> int:
        """RCC_CR with what has come."""
        value = self._registers[0x40023800]
        if value >> 16 & 5 == 5 and not self._missing & HSE:
            value |= 1 << 17
        if value >> 24 & 1 and not self._missing & PLL:
            configured = self._registers.get(0x40023804, 0)
            mhz = 8 if configured >> 22 & 1 else 16
            if (configured & 0x3F, configured >> 6 & 0x1FF, configured >> 16 & 3) != (mhz // 2, 128, 0):
                self.faults.append(f"PLL of {configured:#x}")
            value |= 1 << 25
        return value

    def _read(self, core: object, offset: int, size: int, page: int) -> int:
        at = page + offset
        if at == 0x40004404:  # USART_DR
            self._registers[0x40004400] &= ~0x28
            return self._received
        if at == 0x40004400:
            return self._registers[at] & ~0x80 | (0x80 if self.now >= self._line_free_at else 0)
        if at == 0x40013008:  # SPI_SR: asked until the byte is there, or the bus quiet
            wanted = self._shifted_at if self._unread else self._quiet_at
            self.now = max(self.now, int(min(wanted, self._until)))
            return 2 | (self.now >= self._shifted_at and self._unread) | (self.now < self._quiet_at) << 7
        if at == 0x4001300C:
            self._unread = 0
            return self._answer
        if at == 0x40000024:  # TIM2_CNT
            period = (self._registers.get(0x40000028, 0) + 1) * self._timer_ticks
            return int(max(0, self.now - self._timer_began) // period) & 0xFFFFFFFF
        if at == 0x40023C10:
            return self.flash.read_control()
        if at == 0x40023800:
            return self._ready()
        if at == 0x40023808:  # what clocks the core
            value = self._registers.get(at, 0)
            if self._is_fast and self._registers.get(0x40023C00, 0) & 0xF < 4:
                self.faults.append("flash without wait states")
            return value | (value & 3) << 2 if self._is_fast else value
        if at == 0xE000ED04:  # ICSR
            self._let_happen()
            return self._tick_pending << 26
        return self._registers.get(at & ~3, 0) >> 8 * (at & 3)

    def _write(self, core: object, offset: int, size: int, value: int, page: int) -> None:
        at = page + offset
        if size == 1:
            shift = 8 * (at & 3)
            value = self._registers.get(at & ~3, 0) & ~(0xFF << shift) | value << shift
            at &= ~3
        if at in self._handlers:
            self._handlers[at](self, value)
            return
        self._registers[at] = value
        if 0x40020000 <= at < 0x40020C00:
            self._pin_write(at, value)

    def _pin_write(self, at: int, value: int) -> None:
        port, register = at & ~0x3FF, at & 0x3FF
        if not self._on(0x40023830, (port - 0x40020000) >> 10):
            self.faults.append("a port without a clock")
        if register == 0x18:  # BSRR: setting goes before resetting
            self._registers[port + 0x14] = self._registers.get(port + 0x14, 0) & ~(value >> 16) | value & 0xFFFF
        if register in (0x00, 0x14, 0x18):
            self._pins.changed(self.now, self._level)

    def _level(self, port: str, number: int) -> bool | None:
        base = 0x40020000 + 0x400 * "ABC".index(port)
        mode = self._registers.get(base, 0) >> 2 * number & 3
        return self._on(base + 0x14, number) if mode == 1 else None

    def _function(self, number: int) -> int | None:
        """The alternate function of a pin of port A."""
        if self._registers.get(0x40020000, 0) >> 2 * number & 3 != 2:
            return None
        return self._registers.get(0x40020020 + 4 * (number >> 3), 0) >> 4 * (number & 7) & 0xF

    # SPI1, USART2

    _unread = _answer = _received = 0

    def _shift(self, byte: int) -> None:
        control = self._registers.get(0x40013000, 0)
        if control & 0x344 != 0x344 or not self._on(0x40023844, 12):
            self.faults.append(f"SPI is not on: {control:#x}")
        if [self._function(pin) for pin in (5, 6, 7)] != [5, 5, 5]:
            self.faults.append("pins are not those of SPI")
        if self.now < self._quiet_at and self.now < self._shifted_at:
            self.faults.append("a byte within a byte")
        bit = self._bus_ticks(13) * 2 << (control >> 3 & 7)
        self._answer = self._pins.exchange(self.now, byte, bit, control & 3)
        self._unread = 1
        self._shifted_at, self._quiet_at = self.now + 8 * bit - bit // 2, self.now + 8 * bit

    def _set_spi(self, value: int) -> None:
        if self.now < self._quiet_at:
            self.faults.append("SPI changed while it shifts")
        self._registers[0x40013000] = value

    def byte_ticks(self) -> int:
        """Ten bits of USART2."""
        return 10 * self._registers.get(0x40004408, 0) * self._bus_ticks(10)

    def _send(self, byte: int) -> None:
        if self.now < self._line_free_at:
            self.faults.append("a byte before the line was free")
        if [self._function(pin) for pin in (2, 3)] != [7, 7]:
            self.faults.append("pins are not those of the line")
        self._line_free_at = self.now + self.byte_ticks()
        self._sent.append(byte)

    def say(self, data: bytes) -> None:
        """Bytes of the host, one after another."""
        at = max(self.now, self._arriving[-1][0] if self._arriving else 0)
        for byte in data:
            at += self.byte_ticks() or 1
            self._arriving.append((at, byte))

    def said(self) -> bytes:
        """What it has sent since it was last asked."""
        data = bytes(self._sent)
        self._sent.clear()
        return data

    # The timers of the core, TIM2, the watchdog

    def _tick_ticks(self) -> int:
        return (self._registers.get(0xE000E014, 0) + 1) * self._scale

    def _set_tick(self, value: int) -> None:
        self._registers[0xE000E010] = value
        self._tick_at = self.now + self._tick_ticks() if value & 3 == 3 else math.inf
        self._until = 0

    def _set_icsr(self, value: int) -> None:
        if value >> 25 & 1:
            self._tick_pending = False

    def _start_timer(self, value: int) -> None:
        self._timer_began = self.now
        apb = self._bus_ticks(10)
        self._timer_ticks = apb if apb == self._scale else apb // 2  # twice a divided APB1

    def _set_watchdog(self, key: int) -> None:
        if key == 0xCCCC or (key == 0xAAAA and self._watchdog_at < math.inf):
            divider = 4 << self._registers.get(0x40003004, 0)
            count = self._registers.get(0x40003008, 0xFFF) + 1
            self._watchdog_at = self.now + count * divider * TICKS_PER_US * 1000 // 32

    def _begin_again(self, value: int) -> None:
        self._wants_reset = value == 0x05FA0004
        self._core.emu_stop()

    def go_to(self, where: str) -> None:
        """The program goes astray: to an instruction that jumps to itself, or into a fault."""
        self._asleep = False
        if where == "forever":
            self._pc = STUCK
        else:
            self._enter(HARD_FAULT)

    _timer_ticks, _until = 1, math.inf
    _handlers: dict[int, Callable[[Processor, int], None]] = {
        0x4001300C: _shift,
        0x40013000: _set_spi,
        0x40004404: _send,
        0xE000E010: _set_tick,
        0xE000E018: lambda self, value: None,  # the counter: cleared, which the next start does too
        0xE000ED04: _set_icsr,
        0xE000ED0C: _begin_again,
        0xE000E104: lambda self, value: self._registers.update(
            {0xE000E104: self._registers.get(0xE000E104, 0) | value}
        ),
        0x40000014: _start_timer,
        0x40003000: _set_watchdog,
        0x40023C04: lambda self, value: self.flash.key(value),
        0x40023C10: lambda self, value: self.flash.control(value),
        0x40023C0C: lambda self, value: None,  # errors, of which there are none
    }
