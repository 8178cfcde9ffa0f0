"""Options and capabilities of an ArC TWO."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.instruments.pulse_programmer import PulseProgrammerCapabilities
from labrig.quantities import NonNegativeCount
from labrig_drivers.relayed_cells import RelayedOptions, relayed_capabilities

CHANNELS = 64
MOST_V = 10.0
MOST_CELLS = 2016


class ArcTwoOptions(RelayedOptions):
    """Options of `arc.two`.

    Attributes
    ----------
    firmware
        File with the firmware that the maker supplies with the board; it is loaded when the board is opened.
    id
        Number of the board, as `pyarc2.find_ids()` lists it; needed if there are several.
    cells
        Cells, each as LOW-HIGH: the channels (0 to 63) of its low and its high terminal. A positive pulse makes the
        high terminal positive. The cell `7-33` is the channel `7-33` of the programmer.
    """

    firmware: Annotated[str, Field(min_length=1)]
    id: NonNegativeCount | None = None
    cells: Annotated[list[str], Field(min_length=1, max_length=MOST_CELLS)]


def terminals(cell: str) -> tuple[int, int]:
    """Low and high channel of a cell. Raises ValueError if the text does not name two different channels."""
    low, dash, high = cell.partition("-")
    if not (dash and low.isascii() and low.isdigit() and high.isascii() and high.isdigit()):
        raise ValueError(f"{cell!r} is not a cell; write LOW-HIGH, such as 7-33")
    pair = int(low), int(high)
    if pair[0] == pair[1] or max(pair) >= CHANNELS or cell != f"{pair[0]}-{pair[1]}":
        raise ValueError(f"{cell!r} does not name two different channels from 0 to {CHANNELS - 1}")
    return pair


def capabilities(options: ArcTwoOptions) -> PulseProgrammerCapabilities:
    """Capabilities of a board with these memristors."""
    found: set[tuple[int, int]] = set()
    for cell in options.cells:
        try:
            pair = terminals(cell)
        except ValueError as error:
            raise ValueError(f"cells: {error}") from error
        if pair in found or pair[::-1] in found:
            raise ValueError(f"cells: two cells are between channels {pair[0]} and {pair[1]}; remove one")
        found.add(pair)
    address = "the only ArC TWO" if options.id is None else f"ArC TWO {options.id}"
    return relayed_capabilities(options, tuple(options.cells), MOST_V, address)
