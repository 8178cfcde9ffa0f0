"""A multiplexed digitizer whose reading contains part of the voltage of the channel scanned before."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def multiplexer(assembly: Assembly) -> Warnings:
    """Warn of a node whose reading contains too much of the voltage of the node scanned before it."""
    if assembly.ghost is not None and not assembly.ghost.small:
        digitizer = assembly.board.hookup.digitizer
        yield ("acquisition", "sample_rate"), f"{digitizer} has one converter for all channels: {assembly.ghost}"
