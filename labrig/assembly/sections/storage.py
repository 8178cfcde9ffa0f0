"""The `storage` section: which data a run stores, and how safely."""

from __future__ import annotations

from typing import Literal

from labrig.config.section import Section
from labrig.quantities import Count

EVERY_GRADIENT_UP_TO = 2000
"""Largest number of edges for which the gradient of every step is stored: 16 kB per step."""


class Storage(Section):
    """The data that a run stores, and the failures that a committed step survives.

    Attributes
    ----------
    raw : bool
        Whether to store the samples of every acquisition, too.
    durability : str
        A committed step survives a killed process ("process"), or a power failure as well ("power").
    gradients : int or None
        Store the gradient and its error only every `gradients` steps; None for every step, or for every tenth on boards
        with more than 2000 edges.
    resume : str
        What `labrig resume` does if the board does not hold the settings of the journal: "write" them again, or
        "refuse".
    """

    raw: bool = False
    durability: Literal["process", "power"] = "process"
    gradients: Count | None = None
    resume: Literal["write", "refuse"] = "write"

    def gradients_every(self, edges: int) -> int:
        """Return the number of steps from one stored gradient to the next, for a board with this number of edges."""
        if self.gradients is not None:
            return self.gradients
        return 1 if edges <= EVERY_GRADIENT_UP_TO else 10
