"""An elastic network as plain values: points, springs, supports and ports."""

from __future__ import annotations

from dataclasses import dataclass

from labrig.network.elastic.lattice import Geometry

AXES = ("x", "y")


@dataclass(frozen=True)
class Adjusted:
    """Springs whose rest lengths are trained: ℓ₀ = distance of a spring's points − `slack_m` + θ.

    Parameters
    ----------
    stiffness : float
        Stiffness of every spring (N/m).
    slack_m : float
        Difference between the distance of a spring's points and its rest length when its adjuster is at 0 (m).
    """

    stiffness: float
    slack_m: float


@dataclass(frozen=True)
class Springs:
    """Points, springs, supports and ports.

    Parameters
    ----------
    geometry : Geometry
        Positions of the points, and the springs between them.
    names : tuple of M str
        Names of the points.
    pinned : tuple of int
        Indices of points that do not move.
    ports : tuple of (str, int, int)
        Name of each port, and the indices of its two points.
    background : float
        Stiffness of the weak spring at every coordinate (N/m).
    adjusted : Adjusted or None
        Properties of springs whose rest lengths are trained; None if their stiffness is trained.
    """

    geometry: Geometry
    names: tuple[str, ...]
    pinned: tuple[int, ...]
    ports: tuple[tuple[str, int, int], ...]
    background: float
    adjusted: Adjusted | None = None

    @property
    def places(self) -> dict[str, tuple[float, float]]:
        """Position of each point at rest (m), by name."""
        return dict(zip(self.names, self.geometry.places, strict=True))

    @property
    def ends(self) -> dict[str, tuple[str, ...]]:
        """Names of the two points of each port, by its name."""
        return {port: (self.names[first], self.names[second]) for port, first, second in self.ports}

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Names of the coordinates that can move."""
        free = [name for point, name in enumerate(self.names) if point not in self.pinned]
        return tuple(f"{name}.{axis}" for name in free for axis in AXES)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the coordinates, then of the ports."""
        return (*self.coordinates, *(name for name, _, _ in self.ports))
