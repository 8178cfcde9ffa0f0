"""AC-coupled sources on a board with diodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def ac_coupled(assembly: Assembly) -> Warnings:
    """Warn that diodes charge the coupling capacitors of sources, an effect that labrig does not simulate."""
    if assembly.board.network.linear:
        return
    for name in assembly.board.hookup.sources:
        if assembly.devices[name].source.lowest_hz:
            yield (
                ("instruments", name),
                f"{name} is AC-coupled: diodes charge its coupling capacitors up to the amplitude of the tones, a bias "
                "that labrig does not simulate; use a board without diodes, or DC-coupled sources",
            )
