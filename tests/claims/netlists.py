"""Random netlists against ngspice at tight tolerance."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import ROOT, Figure, at_most, in_parallel, seeds

sys.path.append(str(ROOT / "tests"))

from physics.random_netlists import BOUNDS, NgspiceFailed, deviation


def _deviation(seed: int, kind: str) -> float | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return deviation(seed, kind, Path(folder))
        except NgspiceFailed:
            return None


def measure(short: bool) -> list[Figure]:
    figures = []
    for kind, bound in BOUNDS.items():
        chosen = seeds(f"netlists {kind}", 6 if short else 200)
        found = in_parallel(_deviation, chosen, [kind] * len(chosen))
        solved = [each for each in found if each is not None]
        claim = f"{kind}: largest deviation of {len(solved)} random netlists, of full scale"
        figures.append(at_most(claim, max(solved, default=float("nan")), bound))
        # A wrong answer of labrig, from which ngspice starts again, must not count as one that ngspice gave up.
        figures.append(at_most(f"{kind}: ngspice gave up", len(found) - len(solved), max(1, len(found) // 50), "d"))
    return figures
