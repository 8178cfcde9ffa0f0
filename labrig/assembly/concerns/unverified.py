"""A programmer whose settings cannot be read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.assembly.assembly import Assembly
    from labrig.assembly.concerns import Warnings


def unverified(assembly: Assembly) -> Warnings:
    """Warn of programmers that cannot read settings back."""
    for name in assembly.board.hookup.programmers:
        able = assembly.devices[name].programmer
        if not able.reads_back:
            edges = sum(wire.device == name for wire in assembly.board.hookup.edges)
            yield (
                ("instruments", name),
                f"{able.part.name} cannot be read back: on {edges} edges a wiper that does not move is not noticed; "
                "`labrig selftest` measures whether they follow, `labrig calibrate` measures their levels",
            )
