"""Warnings of `check`: a run is possible, but will not do what the user expects. One file each.

A concern is a function of the assembly that yields (place in the configuration, warning) pairs; each warning has a
number and a remedy. To add one, write a file here and add its name to `ALL`.
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
    "held",
    "mains",
    "sine_with_diodes",
    "error_at_diodes",
    "breakdown",
    "rounding",
    "rate",
    "clamp",
    "limit_that_never_acts",
    "temperature",
    "unverified",
    "ac_coupled",
)
"""Names of the files; each contains a function with the name of the file."""


def warn(assembly: Assembly) -> None:
    """Attach the warnings of all concerns to the configuration."""
    for name in ALL:
        concern: Concern = getattr(import_module(f"{__name__}.{name}"), name)
        for path, message in concern(assembly):
            assembly.document.warn(path, message)
