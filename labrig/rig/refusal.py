"""Refuses a measurement that cannot be trusted, so that it never leads to an update."""

from __future__ import annotations

from labrig.errors import Overrange, SyncLost
from labrig.lockin.demodulated import Demodulated, Flag
from labrig.rig.hookup import Hookup

UNUSABLE = (Flag.GAP, Flag.REF_WEAK)


def is_refused(read: Demodulated, needs_pilot: bool = True) -> bool:
    """Whether a measurement is clipped, incomplete, or without a usable phase, if a phase is needed."""
    return not read.flags.isdisjoint((Flag.CLIP, *UNUSABLE) if needs_pilot else (Flag.CLIP, Flag.GAP))


def refuse(read: Demodulated, hookup: Hookup) -> None:
    """Raise Overrange if a channel clipped, SyncLost if scans are missing or the pilot is too weak."""
    if Flag.CLIP in read.flags:
        nodes = ", ".join(hookup.senses[column].node for column in read.clipped)
        raise Overrange(
            f"clipped at {nodes}",
            device=hookup.digitizer,
            action="measure",
            remedy="use a larger range of the digitizer, or a smaller drive",
        )
    for flag in UNUSABLE:
        if flag in read.flags:
            raise SyncLost(
                f"the measurement is unusable: {flag.value}",
                device=hookup.digitizer,
                action="measure",
                remedy="check the pilot's cable and the trigger",
            )
