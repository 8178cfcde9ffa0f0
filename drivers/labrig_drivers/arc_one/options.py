"""Options and capabilities of an ArC ONE."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.instruments.addresses import check_serial
from labrig.instruments.pulse_programmer import PulseOptions, PulseProgrammerCapabilities, memristor, ramp
from labrig.quantities import Count, PositiveTime, PositiveVoltage

Lines = Annotated[Count, Field(le=32)]
READ_S = 2e-3
MOST_V = 12.0


class ArcOneOptions(PulseOptions):
    """Options of `arc.one`.

    Attributes
    ----------
    resource, relay
        Serial ports of the board and of the relay that connects the network, or socket://host:port.
    words, bits
        Numbers of word lines and bit lines in use; the cell at word 2, bit 7 is the channel `w2b7`.
    clamp
        Largest amplitude of a pulse (V); the driver sends no stronger pulse.
    longest_pulse
        Largest width of a pulse (s); the driver sends no longer pulse.
    start
        Time the board takes to start after a reset (s).
    """

    resource: Annotated[str, Field(min_length=1)]
    relay: Annotated[str, Field(min_length=1)]
    words: Lines = 32
    bits: Lines = 32
    clamp: PositiveVoltage = 2.5
    longest_pulse: PositiveTime = 1e-3
    start: PositiveTime = 2.0


def channels(options: ArcOneOptions) -> tuple[str, ...]:
    """Names of the channels."""
    return tuple(f"w{word}b{bit}" for word in range(1, options.words + 1) for bit in range(1, options.bits + 1))


def capabilities(options: ArcOneOptions) -> PulseProgrammerCapabilities:
    """Capabilities of a board with these memristors."""
    for key in ("resource", "relay"):
        try:
            check_serial(getattr(options, key))
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from error
    part = memristor(options)
    pulses = ramp(options, part)
    if options.clamp > MOST_V:
        raise ValueError(f"clamp: the board cannot play more than ± {MOST_V:g} V")
    if pulses.stop_v > options.clamp:
        raise ValueError(f"clamp: the strongest pulse, {pulses.stop_v:g} V, exceeds this limit")
    if pulses.width_s > options.longest_pulse:
        raise ValueError(f"longest_pulse: the pulse width, {pulses.width_s:g} s, exceeds this limit")
    return PulseProgrammerCapabilities(
        channels(options),
        part,
        (-options.clamp, options.clamp),
        READ_S,
        address=options.resource,
        not_promised=("leaves its relay as it is if the computer loses power or stops",),
        ramp=pulses,
        tolerance=options.tolerance,
        read_v=options.read_voltage,
    )
