"""Counter-based random numbers: any draw can be made again from its name alone.

A stream is named by a seed and a text; inside it a place is named by integers (acquisition, block, …). Nothing depends
on how many numbers were drawn before, so a resumed run continues bit for bit.
"""

from __future__ import annotations

import hashlib

import numpy as np

_WORD = (1 << 64) - 1


class RandomStream:
    """One named stream of a seed. `at(acquisition, block)` gives the generator of one place in it."""

    def __init__(self, seed: int, name: str) -> None:
        digest = hashlib.blake2b(f"{seed}\0{name}".encode(), digest_size=16).digest()
        self._key = np.frombuffer(digest, dtype=np.uint64)
        self._bits = np.random.Philox(key=self._key)
        self._generator = np.random.Generator(self._bits)
        self._counter = np.zeros(4, dtype=np.uint64)
        self._state = self._bits.state

    def uniform(self, *place: int) -> float:
        """One number in [0, 1) at a place: cheaper than a generator that is moved there."""
        digest = hashlib.blake2b(repr(place).encode(), digest_size=8, key=self._key.tobytes()).digest()
        return (int.from_bytes(digest, "little") >> 11) * 2.0**-53

    def at(self, *place: int) -> np.random.Generator:
        """The generator of a place (up to three integers). The same object is returned each time, moved there."""
        # The lowest counter word is left to the draws themselves: 2**64 of them before two places could overlap.
        self._counter[:] = 0
        self._counter[1 : 1 + len(place)] = [word & _WORD for word in place]
        state = self._state
        state["state"] = {"counter": self._counter, "key": self._key}
        state["buffer_pos"] = 4
        state["has_uint32"] = 0
        self._bits.state = state
        return self._generator
