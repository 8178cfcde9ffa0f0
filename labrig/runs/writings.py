"""A summary of the pulses that the cells of a run took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from labrig.runs.journal import Writing


def pulses_in_short(writings: Sequence[Writing]) -> dict[str, Any]:
    """Return a summary of what was written by pulses; empty if nothing was.

    Returns
    -------
    dict
        Counts. writes: writes of single cells; pulses: all their pulses; median_pulses, most_pulses: median and
        largest number of pulses in one write; refreshed: writes of cells that had drifted; not_converged: writes after
        which a cell was not within its tolerance.
    """
    counts = np.array([count for each in writings for count in each.pulses], dtype=float)
    if not len(counts):
        return {}
    return {
        "writes": len(counts),
        "pulses": int(counts.sum()),
        "median_pulses": float(np.median(counts)),
        "most_pulses": int(counts.max()),
        "refreshed": sum(len(each.edges) for each in writings if each.why == "refresh"),
        "not_converged": sum(len(each.faulty) for each in writings),
    }
