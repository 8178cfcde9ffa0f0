"""How long a network takes to reach its equilibrium."""

from __future__ import annotations

import math

import numpy as np

from labrig.network.physics import Network, Relaxes

LEAST_TIME_CONSTANTS = 5.0
"""After this many time constants 0.7 % of a change is still to come."""


def slowest_s(network: Network, lowest: float) -> float:
    """Return the time constant of the slowest mode, with every edge at its lowest parameter (s); 0 if there is none."""
    equilibrium = network.equilibrium()
    if not isinstance(equilibrium, Relaxes):
        return 0.0
    equilibrium.set_parameters(np.full(len(network.edges), lowest))
    return equilibrium.slowest_s


def settled_s(slowest: float, bits: int) -> float:
    """Return the time after which less than a step of the converter is still to come of a change of its full scale."""
    return bits * math.log(2) * slowest
