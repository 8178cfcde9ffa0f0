"""Options and capabilities of an ArC ONE."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.instruments.addresses import check_serial
from labrig.instruments.pulse_programmer import PulseProgrammerCapabilities
from labrig.quantities import Count, PositiveTime
from labrig_drivers.relayed_cells import RelayedOptions, relayed_capabilities

Lines = Annotated[Count, Field(le=32)]
MOST_V = 12.0


class ArcOneOptions(RelayedOptions):
    """Options of `arc.one`.

    Attributes
    ----------
    resource
        Serial port of the board, or socket://host:port.
    words, bits
        Numbers of word lines and bit lines in use; the cell at word 2, bit 7 is the channel `w2b7`.
    start
        Time the board takes to start after a reset (s).
    """

    resource: Annotated[str, Field(min_length=1)]
    words: Lines = 32
    bits: Lines = 32
    start: PositiveTime = 2.0


def channels(options: ArcOneOptions) -> tuple[str, ...]:
    """Names of the channels."""
    return tuple(f"w{word}b{bit}" for word in range(1, options.words + 1) for bit in range(1, options.bits + 1))


def capabilities(options: ArcOneOptions) -> PulseProgrammerCapabilities:
    """Capabilities of a board with these memristors."""
    try:
        check_serial(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    return relayed_capabilities(options, channels(options), MOST_V, options.resource)
