"""The time that a network takes to reach its equilibrium."""

from __future__ import annotations

import math

import numpy as np

from labrig.network.physics import Network, Relaxes

LEAST_TIME_CONSTANTS = 5.0
"""Number of time constants after which 0.7 % of a change remains."""


def slowest_s(network: Network, lowest: float) -> float:
    """Return the time constant (s) of the slowest mode with every edge at `lowest`; 0 if the network has none."""
    equilibrium = network.equilibrium()
    if not isinstance(equilibrium, Relaxes):
        return 0.0
    equilibrium.set_parameters(np.full(len(network.edges), lowest))
    return equilibrium.slowest_s


def settled_s(slowest: float, bits: int) -> float:
    """Return the time (s) after which a full-scale change has settled to within one step of the converter."""
    return bits * math.log(2) * slowest
