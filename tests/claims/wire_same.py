"""Both benches read the same board: the settings of one run of iris_wire, replayed on either of them without noise."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from common import ROOT, Figure, at_most, seeds

sys.path.append(str(ROOT / "tests"))

from wire.both_benches import apart, on_both_benches, recorded


def measure(short: bool) -> list[Figure]:
    steps = 10 if short else 90
    (seed,) = seeds("wire_same", 1)
    with tempfile.TemporaryDirectory() as folder:
        settings = recorded(Path(folder), steps, f"seed={seed}")
    both = on_both_benches(settings, f"seed={seed}")
    return [
        at_most(f"largest difference of any {name}, {steps} steps (LSB/√N)", float(np.abs(apart(*both, name)).max()), 1)
        for name in ("a", "b")
    ]
