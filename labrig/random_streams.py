"""Counter-based random numbers: any draw can be repeated from its name alone.

A stream is named by a seed and a text, and a position in it by integers (acquisition, block, …). Draws do not depend on
how many numbers were drawn before, so a resumed run is bit-identical.
"""

from __future__ import annotations

import hashlib
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

DRAWN_AT_ONCE = 1 << 14
"""Number of normal numbers that are drawn together (even), so that they stay in the processor's cache."""

_WORD = (1 << 64) - 1


class RandomStream:
    """One named stream of a seed; `at(acquisition, block)` returns the generator for one position in it."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()
        self._key = np.frombuffer(digest, dtype=np.uint64)
        self._bits = np.random.Philox(key=self._key)
        self._generator = np.random.Generator(self._bits)
        self._counter = np.zeros(4, dtype=np.uint64)
        self._state = self._bits.state

    def uniform(self, *position: int) -> float:
        """Return one number in [0, 1) for a position; cheaper than `at`."""
        digest = hashlib.blake2b(repr(position).encode(), digest_size=8, key=self._key.tobytes()).digest()
        return (int.from_bytes(digest, "little") >> 11) * 2.0**-53

    def at(self, *position: int) -> np.random.Generator:
        """Return the generator, set to a position (up to three integers); it is the same object each time."""
        # Draws count in the lowest word, so two positions overlap only after 2**64 draws.
        self._counter[:] = 0
        self._counter[1 : 1 + len(position)] = [word & _WORD for word in position]
        state = self._state
        state["state"] = {"counter": self._counter, "key": self._key}
        state["buffer_pos"] = 4
        state["has_uint32"] = 0
        self._bits.state = state
        return self._generator

    def noise(self, shape: tuple[int, int], rms: float, *position: int) -> NDArray[np.float64]:
        """Return normal numbers with this rms at a position.

        Two entries a, b of a table of normal numbers give two numbers, a + b and a − b, which are independent because
        a and b are normal. This is four times as fast as `at(*position).standard_normal` and good enough for noise:
        probabilities are right to 2 % up to 4 sigma (slightly too small in the far tails), and no number is beyond 6.1
        sigma.

        Parameters
        ----------
        shape : (int, int)
            Shape of the result. A result of a larger shape begins with the same numbers.
        rms : float
            Standard deviation.
        *position : int
            Position: one to three integers, as for `at`.
        """
        self.at(*position)
        table = _normals_of_half_variance()
        drawn = np.empty(shape)
        flat = drawn.reshape(-1)
        for first in range(0, len(flat), DRAWN_AT_ONCE):
            part = flat[first : first + DRAWN_AT_ONCE]
            pairs = -(-len(part) // 2)
            entries = self._bits.random_raw(-(-pairs // 2)).view(np.uint16)[: 2 * pairs]
            normals = table.take(entries)
            normals *= rms
            both = np.empty_like(normals)  # in single precision, because NumPy converts whole arrays faster
            np.add(normals[0::2], normals[1::2], out=both[0::2])
            np.subtract(normals[0::2], normals[1::2], out=both[1::2])
            part[:] = both[: len(part)]
        return drawn


@cache
def _normals_of_half_variance() -> NDArray[np.float32]:
    """Return 65536 quantiles of a normal distribution with variance 1/2, in single precision to save cache.

    Few entries are in the tails, but the sum of two entries may have any of 2^31 values.
    """
    probabilities = 0.5 + (np.arange(1 << 15) + 0.5) / (1 << 16)
    upper = np.array([NormalDist().inv_cdf(probability) for probability in probabilities.tolist()])
    upper /= np.sqrt(2 * np.mean(upper**2))
    return np.concatenate((-upper[::-1], upper)).astype(np.float32)
