"""Voltage drops as combinations of a few channels each, without the dense (E, C) matrix.

An edge of a resistive network needs two channels, so its drop costs two gathers and its variance two variances and one
covariance. A dense product costs all C channels of every edge; that was most of an acquisition on boards of more than
200 edges.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.errors import ConfigError

Array = NDArray[np.float64]

DENSE_SHARE = 0.15
"""Pairs of channels per C², above which one matrix product for all covariances is faster than a pass for each pair."""


class Drops:
    """E drops, each a weighted sum of at most K of C channels.

    Parameters
    ----------
    matrix : array_like, (E, C)
        Weight of each channel in each drop; usually one +1 and one −1 per row.

    Attributes
    ----------
    columns : (K, E) int
        The channels of each drop; arbitrary if a drop has fewer than K.
    weights : (K, E) float
        Their weights (dimensionless); 0 if a drop has fewer than K.

    Raises
    ------
    ConfigError
        If `matrix` is not two-dimensional.
    """

    def __init__(self, matrix: ArrayLike) -> None:
        dense = np.asarray(matrix, dtype=np.float64)
        if dense.ndim != 2:
            raise ConfigError(f"drops of shape {dense.shape} are not a matrix", limit="(E, C)")
        self.edges, self.channels = dense.shape
        terms = int(np.count_nonzero(dense, axis=1).max(initial=0))
        # Nonzero entries first, in the order of the channels.
        order = np.argsort(dense == 0, axis=1, kind="stable")[:, :terms]
        self.columns: NDArray[np.intp] = np.ascontiguousarray(order.T)
        self.weights: Array = np.ascontiguousarray(np.take_along_axis(dense, order, axis=1).T)
        self._squared_weights = self.weights**2
        self._pairs = list(combinations(range(terms), 2))

    def of(self, channels: Array) -> Array:
        """(…, E) drops of channel values (…, C)."""
        return self._sum(channels, self.weights)

    def of_squares(self, squares: Array) -> Array:
        """(…, E) sums of squared weights times `squares` (…, C): variances, where channels are independent."""
        return self._sum(squares, self._squared_weights)

    def common_noise(self, scatter: Array, freedom: int, rotations: list[Array]) -> Array | float:
        """What the noise that its channels share adds to the variance of each drop, beside `of_squares`.

        Difference first: adding the standard deviations of channels that share their noise is several times too large.

        Parameters
        ----------
        scatter : (N, C)
            Noise of the channels (V), with `freedom` degrees of freedom.
        rotations : list of (P, E)
            The result of `rotations`: the factor for the covariance of each pair of channels, in each of P planes.

        Returns
        -------
        (P, E) V², of either sign; 0 where no drop has two channels.
        """
        covariances = self._pair_covariances(scatter, freedom)
        return sum((between * turned for between, turned in zip(covariances, rotations, strict=True)), 0.0)

    def rotations(self, angles: Array) -> list[Array]:
        """Return one (P, E) array for each pair (i, j) of a drop's channels: 2·w_i·w_j·cos(angle between them).

        Parameters
        ----------
        angles : (P, C)
            How far each channel was turned, in each of P planes (rad).
        """
        return [
            2.0 * self.weights[i] * self.weights[j] * np.cos(angles[:, self.columns[i]] - angles[:, self.columns[j]])
            for i, j in self._pairs
        ]

    def _pair_covariances(self, scatter: Array, freedom: int) -> list[Array]:
        """(E,) covariance of each pair of a drop's channels."""
        if self.edges * len(self._pairs) > DENSE_SHARE * self.channels**2:
            covariance = scatter.T @ scatter
            covariance /= freedom
            # A missing channel has weight 0; which entry is taken for it does not matter.
            return [covariance[self.columns[i], self.columns[j]] for i, j in self._pairs]
        rows = np.ascontiguousarray(scatter.T)
        return [np.einsum("en,en->e", rows[self.columns[i]], rows[self.columns[j]]) / freedom for i, j in self._pairs]

    def _sum(self, values: Array, weights: Array) -> Array:
        if len(weights) == 0:
            return np.zeros((*values.shape[:-1], self.edges))
        total = values[..., self.columns[0]] * weights[0]
        for column, weight in zip(self.columns[1:], weights[1:], strict=True):
            total += weight * values[..., column]
        return total
