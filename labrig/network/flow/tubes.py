"""A flow network as plain values: nodes, tubes, and a chemical in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SECOND = "c_"
"""Prefix of a node that represents the concentration at another node."""


@dataclass(frozen=True)
class Chemical:
    """A chemical in the tubes.

    Parameters
    ----------
    kappa_pa : float
        Diffusive conductance of a tube (m³/s) per hydraulic conductance (m³/(s·Pa)), hence in Pa.
    reference_s : float or None
        Hydraulic conductance at which `kappa_pa` holds, if the radius of tubes is trained (m³/(s·Pa)); None if both
        conductances are proportional.
    peclet_per_pa : float
        Ratio of advection to diffusion in a tube, per pascal of its pressure drop.
    volume_m3 : float
        Volume at every node (m³), which determines how fast concentrations settle.
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
        Names of the nodes.
    tubes : tuple of (str, str)
        The two nodes that each tube connects.
    leak : float
        Conductance from every node to the surroundings (m³/(s·Pa)).
    chemical : Chemical or None
        The chemical in the tubes, if there is one.
    """

    names: tuple[str, ...]
    tubes: tuple[tuple[str, str], ...]
    leak: float = 0.0
    chemical: Chemical | None = None

    @property
    def second(self) -> dict[str, str]:
        """For each node, the name of the node of its concentration; empty without a chemical."""
        return {} if self.chemical is None else {name: f"{SECOND}{name}" for name in self.names}

    @property
    def nodes(self) -> tuple[str, ...]:
        """Nodes of the pressures, then nodes of the concentrations."""
        return (*self.names, *self.second.values())
