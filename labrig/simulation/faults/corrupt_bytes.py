"""Bytes that are changed on a serial line."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from labrig.simulation.faults.fault import LineFault


class CorruptBytes(LineFault):
    """One byte of each request, or of its reply, arrives changed."""

    @override
    def transmitted(self, data: bytes, generator: np.random.Generator) -> bytes:
        place = int(generator.integers(1 << 30)) % len(data)
        flipped = int(generator.integers(1, 256))
        return data[:place] + bytes([data[place] ^ flipped]) + data[place + 1 :]
