"""A network and its wiring, from which benches and rigs are built."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.network.physics import Network
from labrig.rig.hookup import Hookup


@dataclass(frozen=True)
class Board:
    """A network, including the sources and the pilot's node, and its wiring."""

    network: Network
    hookup: Hookup
