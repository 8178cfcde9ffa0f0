"""Counter-based random numbers: any draw can be repeated from its name alone.

A stream is named by a seed and a text, and a position in it by integers (acquisition, block, …). Draws do not depend on
how many numbers were drawn before, so a resumed run is bit-identical.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

COMPILED_FROM = 105_000
"""Numbers in one call from which compiled code draws them: 105 channels and 1000 scans.

It draws the same ones, three times as fast, and pays for its import within a thousand calls.
"""

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
        """Return the generator for a position (up to three integers); it is the same object each time."""
        # The draws themselves count in the lowest word: 2**64 of them before two positions overlap.
        self._counter[:] = 0
        self._counter[1 : 1 + len(position)] = [word & _WORD for word in position]
        state = self._state
        state["state"] = {"counter": self._counter, "key": self._key}
        state["buffer_pos"] = 4
        state["has_uint32"] = 0
        self._bits.state = state
        return self._generator

    def noise(self, shape: tuple[int, int], rms: float, *position: int) -> NDArray[np.float64]:
        """Return normal numbers of this rms at a position (one or two integers).

        Seven digits are plenty for noise: they are the single-precision numbers of `at(*position)`.
        """
        if shape[0] * shape[1] < COMPILED_FROM:
            return np.multiply(self.at(*position).standard_normal(shape, dtype=np.float32), rms, dtype=np.float64)
        from labrig.compiled_normals import fill_normals  # here, because importing numba takes half a second

        drawn = np.empty(shape)
        fill_normals(drawn, rms, self._key, position)
        return drawn
