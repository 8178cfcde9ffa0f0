"""Options of the potentiometer bank: its chips and their capabilities."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from labrig.instruments.addresses import check_serial
from labrig.instruments.data import Level
from labrig.instruments.drivers import InstrumentOptions, ProgrammerCapabilities
from labrig.instruments.parts import Part, check_supply, find_part
from labrig.quantities import Count, NonNegativeTime, Voltage, format_quantity

CHANNEL_S = {
    "MCP4251-104": 62e-6,
    "MCP4251-103": 62e-6,
    "MCP4651-104": 670e-6,
    "AD5293-100": 137e-6,
    "AD5206-100": 50e-6,
    "AD5220-100": 110e-6,
}
"""Parts that the firmware knows, and its time per channel in a commit (s), from drivers/firmware/README.md."""

MOST_CHANNELS = 128
_LONGEST_WATCHDOG_S = 65.535


class Chips(BaseModel):
    """A number of chips of one part, in the order of their select lines."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    part: Annotated[str, Field(description="name of the part")]
    count: Annotated[Count, Field(le=64, description="number of chips")]


class DigipotBankOptions(InstrumentOptions):
    """Options of `labrig.digipot_bank`.

    Attributes
    ----------
    resource
        The serial port, preferably its name under /dev/serial/by-id, or socket://host:port.
    baud
        Baud rate, as built into the firmware.
    chips
        The chips, in the order of their select lines.
    supply
        Supply voltages of the chips (V).
    watchdog
        Time without messages after which the board opens all terminals (s); 0 switches the watchdog off. The default
        allows for acquisitions of 5 s.
    verify
        `commit` relies on the board's own read-back; `read` also reads the codes and compares them here; `none` is for
        parts that cannot be read, and required for them.
    """

    resource: Annotated[str, Field(min_length=1)]
    baud: Annotated[Count, Field(le=2_000_000)] = 500_000
    chips: Annotated[tuple[Chips, ...], Field(min_length=1)]
    supply: tuple[Voltage, Voltage]
    watchdog: NonNegativeTime = 10.0
    verify: Literal["commit", "read", "none"] = "commit"


def capabilities(options: DigipotBankOptions) -> ProgrammerCapabilities:
    """Capabilities of a bank of these chips."""
    try:
        check_serial(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    parts = {chips.part for chips in options.chips}
    if len(parts) > 1:
        raise ValueError(f"chips: a bank uses a single part, not {' and '.join(sorted(parts))}")
    (name,) = parts
    try:
        part = find_part(name)
    except ValueError as error:
        raise ValueError(f"chips: {error}") from error
    if part.chip_name not in CHANNEL_S:
        known = ", ".join(CHANNEL_S)
        raise ValueError(f"chips: the firmware does not support {part.chip_name!r}; supported parts: {known}")
    chips = sum(entry.count for entry in options.chips)
    if chips > 64:
        raise ValueError(f"chips: the firmware has select lines for 64 chips, not {chips}")
    check_supply(part, options.supply)
    if part.reads_back == (options.verify == "none"):
        wanted = "commit or read" if part.reads_back else "none"
        raise ValueError(f"verify: {name} can{'' if part.reads_back else 'not'} be read back; write verify: {wanted}")
    if options.watchdog and not 1e-3 <= options.watchdog <= _LONGEST_WATCHDOG_S:
        raise ValueError(f"watchdog: the firmware accepts 1 ms to {_LONGEST_WATCHDOG_S} s, or 0 s for none")
    channels = chips * len(part.chip)
    if channels > MOST_CHANNELS:
        most = MOST_CHANNELS // len(part.chip)
        raise ValueError(f"chips: a board has {MOST_CHANNELS} channels: at most {most} chips of {name}, not {chips}")
    write_s = 10 * (28 + 2 * channels) / options.baud + CHANNEL_S[part.chip_name] * channels
    names = tuple(str(index) for index in range(channels))
    silence_s = options.watchdog or math.inf
    return ProgrammerCapabilities(
        names,
        part,
        options.supply,
        write_s,
        silence_s,
        on_chips=True,
        stays_connected=True,
        reads_back=part.reads_back,
        address=options.resource,
        not_promised=_not_promised(options, part),
    )


def _not_promised(options: DigipotBankOptions, part: Part) -> tuple[str, ...]:
    """Cases in which the bank may not open its terminals at the end of a run."""
    if not part.opens:
        ohm = format_quantity(1 / part.conductance(Level(0)), "resistance")
        return (
            f"cannot open the terminals of {part.name}: instead it sets every wiper to its highest resistance, {ohm}",
            *_not_promised_of_board(options),
        )
    return _not_promised_of_board(options)


def _not_promised_of_board(options: DigipotBankOptions) -> tuple[str, ...]:
    if options.watchdog:
        otherwise = f"its own watchdog opens its terminals after {options.watchdog:g} s"
        power = f"if the computer loses power or stops, {otherwise}"
    else:
        otherwise = "it must be killed first"
        power = "has no watchdog (watchdog: 0 s): if the computer loses power or stops, its terminals stay connected"
    return (
        f"accepts no second connection while labrig holds its port: if labrig hangs, {otherwise}",
        "is reset when its port is opened, if it is an Arduino: after a killed run its terminals open within 3 s",
        power,
    )
