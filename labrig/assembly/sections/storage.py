"""The `storage` section: what a run stores."""

from __future__ import annotations

from typing import Literal

from labrig.config.section import Section
from labrig.quantities import Count

EVERY_GRADIENT_UP_TO = 2000
"""Edges up to which the gradient of every step is stored: 16 kB a step."""


class Storage(Section):
    """What a run stores, and what a committed step survives.

    Attributes
    ----------
    raw : bool
        Store the samples of every acquisition too.
    durability : str
        A committed step survives a killed process ("process"), or a power failure as well ("power").
    gradients : int or None
        Store the gradient and its error of every so many steps; None: every step's, of large boards every tenth's.
    resume : str
        What `labrig resume` does if the board does not hold what the journal says: "write" it again, or "refuse".
    """

    raw: bool = False
    durability: Literal["process", "power"] = "process"
    gradients: Count | None = None
    resume: Literal["write", "refuse"] = "write"

    def gradients_every(self, edges: int) -> int:
        """Steps from one stored gradient to the next, of a board with this number of edges."""
        if self.gradients is not None:
            return self.gradients
        return 1 if edges <= EVERY_GRADIENT_UP_TO else 10
