"""Bytes that are lost on a serial line."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from labrig.simulation.faults.fault import LineFault


class DroppedBytes(LineFault):
    """One byte of each request, or of its reply, is lost."""

    @override
    def transmitted(self, data: bytes, generator: np.random.Generator) -> bytes:
        place = int(generator.integers(1 << 30)) % len(data)
        return data[:place] + data[place + 1 :]
