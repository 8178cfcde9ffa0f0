"""A flow network as plain values: nodes, tubes, and a chemical in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SECOND = "c_"
"""What the name of a node begins with that stands for the concentration at another one."""


@dataclass(frozen=True)
class Chemical:
    """A chemical in the tubes.

    Parameters
    ----------
    kappa_pa : float
        Diffusive conductance of a tube (m³/s) per hydraulic conductance (m³/(s·Pa)), so in Pa.
    reference_s : float or None
        Hydraulic conductance at which that holds if tubes are trained by their radius; None if both are proportional.
    peclet_per_pa : float
        Ratio of advection to diffusion in a tube, per pascal of its pressure drop.
    volume_m3 : float
        Volume at every node (m³): how long concentrations take.
    """

    kappa_pa: float
    reference_s: float | None = None
    peclet_per_pa: float = 0.0
    volume_m3: float = 0.0

    def diffusive(self, conductances: Array) -> Array:
        """Diffusive conductances of tubes, in units of `kappa_pa`."""
        if self.reference_s is None:
            return conductances
        return self.reference_s * np.sqrt(conductances / self.reference_s)


@dataclass(frozen=True)
class Tubes:
    """Nodes, the tubes between them, and the chemical.

    Parameters
    ----------
    names : tuple of str
        Of the nodes.
    tubes : tuple of (str, str)
    leak : float
        Conductance from every node to the surroundings (m³/(s·Pa)).
    chemical : Chemical or None
    """

    names: tuple[str, ...]
    tubes: tuple[tuple[str, str], ...]
    leak: float = 0.0
    chemical: Chemical | None = None

    @property
    def second(self) -> dict[str, str]:
        """The node of the concentration at each node."""
        return {} if self.chemical is None else {name: f"{SECOND}{name}" for name in self.names}

    @property
    def nodes(self) -> tuple[str, ...]:
        """Pressures, then concentrations."""
        return (*self.names, *self.second.values())
