"""Drops that are not a weighted sum of channels, such as the distance between two points that both move.

Within one window the drops are linearized around its mean levels; phasors and noise are those of the linearized drops.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labrig.lockin.drops import DropTerms, GatheredDrops

Array = NDArray[np.float64]


class Curve(Protocol):
    """E drops, each a function of the values of K nodes."""

    def __call__(self, ends: Array, /) -> tuple[Array, Array]:
        """Return the drops (E,) and their derivatives (K, E) at the nodes' values (K, E)."""
        ...

    def values(self, ends: Array, /) -> Array:
        """Return the drops (N, E) of N samples of the nodes' values (K, N, E)."""
        ...


class CurvedDrops(GatheredDrops):
    """`Drops` that are linearized around the levels last passed to `linearize`.

    Parameters
    ----------
    drops : DropTerms
        Channels of each drop; a weight of 0 means a node that stays at 0, such as a pinned point.
    curve : Curve
        The drops as functions of the nodes' values.
    angles : (P, C) array
        As in `prepare_drops`.

    Attributes
    ----------
    offset : (E,) array
        Difference between the drops and the weighted sums of their channels at these levels.
    """

    def __init__(self, drops: DropTerms, curve: Curve, angles: Array) -> None:
        self._nodes, self._moves = drops.columns, (drops.weights != 0).astype(float)
        self._curve, self._angles = curve, angles
        super().__init__(drops, angles)
        self.offset = np.zeros(self.edges)
        self.linearize(np.zeros(self.channels))

    def linearize(self, levels: Array) -> None:
        """Linearize the drops around the levels (C,) of the channels."""
        ends = levels[self._nodes] * self._moves
        value, slopes = self._curve(ends)
        weights = slopes * self._moves
        super().__init__(DropTerms(self._nodes, weights, self.channels), self._angles)
        self.offset = value - (weights * ends).sum(axis=0)

    def values(self, volts: Array) -> Array:
        """Return the drops (N, E) of samples (N, C)."""
        return self._curve.values(volts.T[self._nodes].transpose(0, 2, 1) * self._moves[:, np.newaxis])

    def shares(self, volts: Array) -> list[Array]:
        """Return, for each of the K nodes of a drop, its samples times its weight (N, E)."""
        return [volts[:, nodes] * weights for nodes, weights in zip(self._nodes, self._weights, strict=True)]
