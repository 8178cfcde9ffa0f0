"""Positions of nodes, and the springs between them: triangular lattices with jitter, diluted to a mean coordination."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from labrig.random_streams import RandomStream

Array = NDArray[np.float64]

LONGEST = 1.35
"""Longest spring of a lattice, in units of its spacing; this selects nearest neighbours for every allowed jitter."""


@dataclass(frozen=True)
class Geometry:
    """Nodes and springs.

    Parameters
    ----------
    places : tuple of M (float, float)
        Positions of the nodes at rest (m).
    ends : tuple of E (int, int)
        Indices of the two nodes at the ends of each spring.
    """

    places: tuple[tuple[float, float], ...]
    ends: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, positions: Array, springs: NDArray[np.intp]) -> Geometry:
        """Build the geometry from positions (M, 2) in m and the nodes of each spring (E, 2)."""
        return cls(tuple(map(tuple, positions.tolist())), tuple(map(tuple, springs.tolist())))

    @cached_property
    def positions(self) -> Array:
        """(M, 2) positions of the nodes at rest (m)."""
        return np.array(self.places, dtype=float).reshape(-1, 2)

    @cached_property
    def springs(self) -> NDArray[np.intp]:
        """(E, 2) indices of the nodes at the ends of the springs."""
        return np.array(self.ends, dtype=np.intp).reshape(-1, 2)

    @cached_property
    def directions(self) -> Array:
        """(E, 2) unit vectors from the first end of each spring to the second, at rest."""
        apart = self.positions[self.springs[:, 1]] - self.positions[self.springs[:, 0]]
        return apart / np.linalg.norm(apart, axis=1)[:, np.newaxis]


def triangular(rows: int, columns: int, spacing_m: float, jitter: float, seed: int) -> Geometry:
    """Return a triangular lattice, with the nodes in order row by row.

    Parameters
    ----------
    rows, columns : int
        Numbers of rows and columns of nodes.
    spacing_m : float
        Distance between neighbours without jitter (m).
    jitter : float
        Largest displacement of a node in each coordinate, in units of the spacing.
    seed : int
        Seed of the jitter.
    """
    places = [(j + 0.5 * (i % 2), i * np.sqrt(3) / 2) for i in range(rows) for j in range(columns)]
    draw = RandomStream(seed, "lattice").at(0)
    positions = np.array(places) + draw.uniform(-jitter, jitter, (rows * columns, 2))
    first, second = np.triu_indices(len(positions), 1)
    near = np.linalg.norm(positions[first] - positions[second], axis=1) < LONGEST
    return Geometry.of(spacing_m * positions, np.stack((first[near], second[near]), axis=1))


def diluted(geometry: Geometry, coordination: float, seed: int) -> Geometry:
    """Remove springs at random until nodes have `coordination` springs on average; every node keeps at least four.

    For a given number of nodes, the number of remaining springs depends only on the coordination, provided that enough
    springs can be removed.
    """
    nodes, springs = len(geometry.positions), geometry.springs
    wanted = round(coordination * nodes / 2)
    degree = np.bincount(springs.ravel(), minlength=nodes)
    kept = np.ones(len(springs), dtype=bool)
    for number in RandomStream(seed, "dilution").at(0).permutation(len(springs)):
        if kept.sum() <= wanted:
            break
        a, b = springs[number]
        if degree[a] > 4 and degree[b] > 4:
            kept[number] = False
            degree[[a, b]] -= 1
    return Geometry.of(geometry.positions, springs[kept])


def far_springs(geometry: Geometry, targets: int, seed: int) -> tuple[int, list[int]]:
    """Draw a spring as the source, and targets from the half of the springs farthest from it; return their indices."""
    draw = RandomStream(seed, "ports").at(0)
    middles = geometry.positions[geometry.springs].mean(axis=1)
    source = int(draw.integers(len(middles)))
    by_distance = np.argsort(-np.linalg.norm(middles - middles[source], axis=1), kind="stable")
    far = by_distance[: len(middles) // 2]
    return source, [int(each) for each in draw.choice(far, targets, replace=False)]
