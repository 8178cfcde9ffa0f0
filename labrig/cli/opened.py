"""An open rig that is made safe whatever happens, Ctrl-C on its way out included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrig.interrupts import Interrupts
    from labrig.rig.rig import Rig


@contextmanager
def opened(rig: Rig, interrupts: Interrupts) -> Iterator[Rig]:
    """Open `rig`; on any exit make it safe and close it, shielded from interrupts."""
    try:
        with rig:
            try:
                yield rig
            finally:
                interrupts.shield()
    finally:
        # An interrupt may have struck between the lines of the `with`.
        interrupts.shield()
        rig.close()
