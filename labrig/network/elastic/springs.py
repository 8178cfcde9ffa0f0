"""An elastic network as plain values: points, springs, what holds them, and the ports."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.network.elastic.lattice import Geometry

AXES = ("x", "y")


@dataclass(frozen=True)
class Adjusted:
    """Springs whose rest lengths are trained: ℓ₀ = distance of its points − `slack_m` + θ.

    Parameters
    ----------
    stiffness : float
        Of every spring (N/m).
    slack_m : float
        By how much a spring whose adjuster is at 0 is shorter than the distance of its points (m).
    """

    stiffness: float
    slack_m: float


@dataclass(frozen=True)
class Springs:
    """Points, what connects and holds them, and ports.

    Parameters
    ----------
    geometry : Geometry
    names : tuple of M str
        Of the points.
    pinned : tuple of int
        Points that do not move.
    ports : tuple of (str, int, int)
        Name of each port, and the points it is between.
    background : float
        Stiffness of the weak spring at every coordinate (N/m).
    adjusted : Adjusted or None
        What is trained instead of the stiffness.
    """

    geometry: Geometry
    names: tuple[str, ...]
    pinned: tuple[int, ...]
    ports: tuple[tuple[str, int, int], ...]
    background: float
    adjusted: Adjusted | None = None

    @property
    def places(self) -> dict[str, tuple[float, float]]:
        """Where each point is at rest (m)."""
        return dict(zip(self.names, self.geometry.places, strict=True))

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates that can move."""
        free = [name for point, name in enumerate(self.names) if point not in self.pinned]
        return tuple(f"{name}.{axis}" for name in free for axis in AXES)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Coordinates, then ports."""
        return (*self.coordinates, *(name for name, _, _ in self.ports))
