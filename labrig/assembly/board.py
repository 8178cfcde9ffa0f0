"""A network and its wiring, from which benches and rigs are built."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.network.physics import Network
from labrig.rig.hookup import Hookup


@dataclass(frozen=True)
class Board:
    """A network, which includes its sources and the node of the pilot, and its wiring."""

    network: Network
    hookup: Hookup
