"""A part whose conductance drifts away from what is written to it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.config.section import Section
from labrig.simulation.faults.fault import EdgeFault


class EdgeDrift(EdgeFault):
    """It changes once, and stays changed."""

    class Options(Section):
        """by: how much larger the conductance is from then on, relative."""

        by: Annotated[float, Field(gt=-1)]

    @property
    def factor(self) -> float:
        """Conductance relative to before."""
        return 1.0 + self.options.by
