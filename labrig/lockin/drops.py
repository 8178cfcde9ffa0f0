"""Voltage drops, each a combination of a few channels.

An edge of a resistive network needs two channels, so its drop needs two gathers, and its variance needs two variances
and one covariance. A product with the (E, C) matrix uses all C channels for every edge, which took most of the time of
an acquisition on boards with more than 200 edges. On small boards matrix products are faster, because the overhead of
calls exceeds the arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labrig.errors import ConfigError

Array = NDArray[np.float64]

SMALL = 2000
"""Largest number E·C of matrix entries at which matrix products are faster."""
ALL_PAIRS_SHARE = 0.015
"""Pairs of channels per C², above which one matrix product for all covariances is faster than a pass for each pair."""
PAIRS_AT_ONCE = 32
"""Pairs whose samples are gathered together, so that they fit into the processor's cache."""


@dataclass(frozen=True, eq=False)
class DropTerms:
    """E drops as lists of at most K channels each, for boards with too many edges for an (E, C) matrix.

    Attributes
    ----------
    columns, weights : (K, E) arrays
        The channels of each drop and their weights. A drop of fewer than K channels has weights of 0 for the unused
        entries, whose columns are arbitrary.
    channels : int
        C, the number of channels.
    curve : Curve or None
        The drops as functions of the values of the channels, if they are not weighted sums; the weights are then those
        at rest.
    """

    columns: NDArray[np.intp]
    weights: Array
    channels: int
    curve: Any = None

    @classmethod
    def of_matrix(cls, matrix: Array) -> DropTerms:
        """Return the terms of an (E, C) matrix of weights."""
        terms = int(np.count_nonzero(matrix, axis=1).max(initial=0))
        # Nonzero entries first, in the order of the channels.
        order = np.argsort(matrix == 0, axis=1, kind="stable")[:, :terms]
        weights = np.take_along_axis(matrix, order, axis=1)
        return cls(np.ascontiguousarray(order.T), np.ascontiguousarray(weights.T), matrix.shape[1])

    @property
    def matrix(self) -> Array:
        """(E, C) weight of each channel in each drop."""
        edges = self.columns.shape[1]
        dense = np.zeros((edges, self.channels))
        for columns, weights in zip(self.columns, self.weights, strict=True):
            dense[np.arange(edges), columns] += weights
        return dense


class Drops(Protocol):
    """E drops, each a weighted sum of some of C channels.

    Attributes
    ----------
    edges, channels : int
        E and C.
    """

    edges: int
    channels: int

    def of(self, values: Array) -> Array:
        """Return the (…, E) drops of channel values (…, C)."""
        ...

    def of_squares(self, squares: Array) -> Array:
        """Return the (…, E) sums of squared weights times `squares` (…, C): variances, if channels are independent."""
        ...

    def terms(self, products: Array) -> Array:
        """Return weight_k Σ_l weight_l products[k, l] as a (K, E) array, from the products (C, C) of channels.

        The sum over k is the product of the drop with itself; each term is the contribution of one channel.
        """
        ...

    def variances(self, scatter: Array, freedom: int) -> tuple[Array, Array]:
        """Return the variances (V²) of the channels (C,), and of the drops in each of P planes of rotation (P, E).

        The variances of the drops include the covariance of their channels: channels share much of their noise, and
        adding their standard deviations gives several times too much.

        Parameters
        ----------
        scatter : (N, C)
            Noise of the channels (V).
        freedom : int
            Degrees of freedom of that noise.
        """
        ...

    def some(self, most: int) -> Some:
        """Return at most `most` of the drops, evenly spread over all of them."""
        ...


@dataclass(frozen=True, eq=False)
class Some:
    """Some of the drops, as a small matrix over the channels that they need.

    rows: (R,) indices of the drops. columns: (K,) columns of the channels. matrix: (R, K) weights.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    matrix: Array


def prepare_drops(drops: ArrayLike | DropTerms, angles: ArrayLike | None = None) -> Drops:
    """Prepare the drops of a board.

    Parameters
    ----------
    drops : (E, C) array or DropTerms
        Weight of each channel in each drop; usually one +1 and one −1.
    angles : (P, C)
        Rotation of each channel's phase in each of P planes (rad), that is at DC and at each tone; by default one plane
        without rotation. The covariance of two channels is multiplied by the cosine of the angle between them.

    Raises
    ------
    ConfigError
        If a matrix is not two-dimensional, or its columns do not match the angles.
    """
    if angles is None:
        angles = np.zeros((1, drops.channels if isinstance(drops, DropTerms) else np.shape(drops)[-1]))
    rotated = np.asarray(angles, dtype=np.float64)
    channels = rotated.shape[1]
    if isinstance(drops, DropTerms):
        if drops.channels != channels:
            raise ConfigError(f"the drops have {drops.channels} columns, but there are {channels} channels")
        small = drops.columns.shape[1] * channels <= SMALL
        return MatrixDrops(drops.matrix, rotated) if small else GatheredDrops(drops, rotated)
    dense = np.asarray(drops, dtype=np.float64)
    if dense.ndim != 2:
        raise ConfigError(f"drops of shape {dense.shape} are not a matrix", limit="(E, C)")
    if dense.shape[1] != channels:
        raise ConfigError(f"the drops have {dense.shape[1]} columns, but there are {channels} channels", limit="(E, C)")
    return MatrixDrops(dense, rotated) if dense.size <= SMALL else GatheredDrops(DropTerms.of_matrix(dense), rotated)


class MatrixDrops:
    """`Drops` by products with the whole (E, C) matrix, for small boards."""

    def __init__(self, matrix: Array, angles: Array) -> None:
        self.edges, self.channels = matrix.shape
        self._matrix = matrix
        self._squared = matrix**2
        self._planes = np.ones((len(angles), 1))
        rotation = np.cos(angles[:, :, np.newaxis] - angles[:, np.newaxis, :])
        self._rotation = rotation if _turned(angles) else None

    def of(self, values: Array) -> Array:
        """Return the (…, E) drops of channel values (…, C)."""
        return values @ self._matrix.T

    def of_squares(self, squares: Array) -> Array:
        """Return the (…, E) sums of squared weights times `squares` (…, C)."""
        return squares @ self._squared.T

    def terms(self, products: Array) -> Array:
        """Return the contribution (C, E) of each channel to the product of each drop with itself."""
        return ((self._matrix @ products) * self._matrix).T

    def variances(self, scatter: Array, freedom: int) -> tuple[Array, Array]:
        """Return the variances (V²) of the channels (C,) and of the drops (P, E)."""
        covariance = scatter.T @ scatter
        covariance /= freedom
        turned = covariance if self._rotation is None else covariance * self._rotation
        of_drops = np.einsum("...ec,ec->...e", self._matrix @ turned, self._matrix)
        return covariance.diagonal(), of_drops * self._planes

    def some(self, most: int) -> Some:
        """Return at most `most` of the drops, evenly spread over all of them."""
        rows = _spread(self.edges, most)
        columns = np.flatnonzero(self._matrix[rows].any(axis=0))
        return Some(rows, columns, self._matrix[np.ix_(rows, columns)])


class GatheredDrops:
    """`Drops` by gathering the few channels of each, for large boards."""

    def __init__(self, drops: DropTerms, angles: Array) -> None:
        self.edges, self.channels = drops.columns.shape[1], drops.channels
        self._columns, self._weights = drops.columns, drops.weights
        terms = len(self._columns)
        self._planes = np.ones((len(angles), 1))
        angles = angles if _turned(angles) else angles[:1]
        self._squared_weights = self._weights**2
        self._pairs = [(self._columns[i], self._columns[j]) for i, j in combinations(range(terms), 2)]
        self._pair_weights = [
            2.0
            * self._weights[i]
            * self._weights[j]
            * np.cos(angles[:, self._columns[i]] - angles[:, self._columns[j]])
            for i, j in combinations(range(terms), 2)
        ]
        self._all_pairs = self.edges * len(self._pairs) > ALL_PAIRS_SHARE * self.channels**2
        self._hubs = _hubs(self._pairs, self.channels) if self._all_pairs else np.empty(0, dtype=np.intp)
        place = np.full(self.channels, -1)
        place[self._hubs] = np.arange(len(self._hubs))
        # For each pair: the index of its hub among the hubs, and the other channel.
        self._hub_pairs = [
            (np.maximum(place[i], place[j]), np.asarray(np.where(place[i] > place[j], j, i), dtype=np.intp))
            for i, j in self._pairs
        ]

    def of(self, values: Array) -> Array:
        """Return the (…, E) drops of channel values (…, C)."""
        return self._sum(values, self._weights)

    def of_squares(self, squares: Array) -> Array:
        """Return the (…, E) sums of squared weights times `squares` (…, C)."""
        return self._sum(squares, self._squared_weights)

    def terms(self, products: Array) -> Array:
        """Return the contribution (K, E) of each of a drop's channels to the product of the drop with itself."""
        each = list(zip(self._columns, self._weights, strict=True))
        rows = [sum((w * v * products[i, j] for j, v in each), np.zeros(self.edges)) for i, w in each]
        return np.array(rows).reshape(-1, self.edges)

    def variances(self, scatter: Array, freedom: int) -> tuple[Array, Array]:
        """Return the variances (V²) of the channels (C,) and of the drops (P, E)."""
        variance, covariances = self._covariances(scatter, freedom)
        drops = self.of_squares(variance)
        for covariance, weight in zip(covariances, self._pair_weights, strict=True):
            drops = drops + covariance * weight
        return variance, drops * self._planes

    def some(self, most: int) -> Some:
        """Return at most `most` of the drops, evenly spread over all of them."""
        rows = _spread(self.edges, most)
        part = DropTerms(self._columns[:, rows], self._weights[:, rows], self.channels).matrix
        columns = np.flatnonzero(part.any(axis=0))
        return Some(rows, columns, part[:, columns])

    def _covariances(self, scatter: Array, freedom: int) -> tuple[Array, list[Array]]:
        """Return the variance (C,) of the channels, and for each pair of a drop's channels the covariance (E,)."""
        if self._all_pairs and 2 * len(self._hubs) < self.channels:
            with_hubs = scatter[:, self._hubs].T @ scatter
            with_hubs /= freedom
            return np.einsum("nc,nc->c", scatter, scatter) / freedom, [with_hubs[pair] for pair in self._hub_pairs]
        if self._all_pairs:
            covariance = scatter.T @ scatter
            covariance /= freedom
            return covariance.diagonal(), [covariance[pair] for pair in self._pairs]
        rows = np.ascontiguousarray(scatter.T)
        variance = np.einsum("cn,cn->c", rows, rows) / freedom
        return variance, [_products(rows, i, j) / freedom for i, j in self._pairs]

    def _sum(self, values: Array, weights: Array) -> Array:
        if len(weights) == 0:
            return np.zeros((*values.shape[:-1], self.edges))
        total = np.take(values, self._columns[0], axis=-1)
        total *= weights[0]
        for column, weight in zip(self._columns[1:], weights[1:], strict=True):
            more = np.take(values, column, axis=-1)
            more *= weight
            total += more
        return total


def _turned(angles: Array) -> bool:
    """Whether the angles (P, C) rotate any channels against one another; if not, all planes are alike."""
    return bool((angles != angles[:, :1]).any())


def _spread(count: int, most: int) -> NDArray[np.intp]:
    """At most `most` of the numbers below `count`, at equal distances."""
    return np.arange(0, count, max(1, -(-count // most)))


def _hubs(pairs: list[tuple[NDArray[np.intp], NDArray[np.intp]]], channels: int) -> NDArray[np.intp]:
    """Return a small set of channels (H,), in increasing order, such that every pair contains at least one of them.

    In a layered network these are the channels of the hidden layers. The channel with the most pairs is taken first,
    which is good enough: finding the smallest set is hard.
    """
    connected = np.zeros((channels, channels), dtype=np.bool_)
    for i, j in pairs:
        connected[i, j] = connected[j, i] = True
    others = connected.sum(axis=0)
    found: list[int] = []
    while others.any():
        busiest = int(others.argmax())
        found.append(busiest)
        others -= connected[busiest]
        others[busiest] = 0
        connected[:, busiest] = False
    return np.array(sorted(found), dtype=np.intp)


def _products(rows: Array, i: NDArray[np.intp], j: NDArray[np.intp]) -> Array:
    """(E,) inner products of the rows (C, N) numbered `i` (E,) with those numbered `j` (E,)."""
    found = np.empty(len(i))
    for first in range(0, len(i), PAIRS_AT_ONCE):
        part = slice(first, first + PAIRS_AT_ONCE)
        np.einsum("en,en->e", rows[i[part]], rows[j[part]], out=found[part])
    return found
