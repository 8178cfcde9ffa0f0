"""What `check` warns of: a run is possible, but not what the user expects. One file each.

A concern is a function of the assembly that yields the place in the configuration and the warning, with a figure and a
remedy. `ALL` lists them; adding one is a file here and a line there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly

Warnings = Iterator[tuple[tuple[str | int, ...], str]]
Concern = Callable[["Assembly"], Warnings]

ALL: Sequence[str] = (
    "multiplexer",
    "mains",
    "sine_with_diodes",
    "error_at_diodes",
    "breakdown",
    "rounding",
    "rate",
    "clamp",
)
"""The files; each has a function of its own name."""


def warn(assembly: Assembly) -> None:
    """Attach the warnings of all concerns to the configuration."""
    for name in ALL:
        concern: Concern = getattr(import_module(f"{__name__}.{name}"), name)
        for path, message in concern(assembly):
            assembly.document.warn(path, message)
