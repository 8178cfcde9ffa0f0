"""Opens a rig that is made safe on every exit, even if Ctrl-C is pressed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.interrupts import Interrupts
    from labrig.rig.rig import Rig


@contextmanager
def opened(rig: Rig, interrupts: Interrupts) -> Iterator[Rig]:
    """Open `rig`; on any exit make it safe and close it, with interrupts blocked."""
    interrupts.unshield()  # another rig may have been open before
    try:
        with rig:
            try:
                interrupts.finish_steps()
                yield rig
            finally:
                interrupts.shield()
    finally:
        # An interrupt may have come after the inner block and before the rig's own exit.
        interrupts.shield()
        rig.close()
