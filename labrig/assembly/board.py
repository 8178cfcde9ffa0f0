"""A network and its wiring: what a bench is built from, and what a rig plays and reads."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.network.physics import Network
from labrig.rig.hookup import Hookup


@dataclass(frozen=True)
class Board:
    """A network and its wiring. `network` includes the sources and the pilot's node."""

    network: Network
    hookup: Hookup
