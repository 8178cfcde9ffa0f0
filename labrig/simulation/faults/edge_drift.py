"""A part whose conductance changes without being written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labrig.config.section import Section
from labrig.simulation.faults.fault import EdgeFault


class EdgeDrift(EdgeFault):
    """The conductance changes once, and stays changed."""

    class Options(Section):
        """by: relative change of the conductance from then on."""

        by: Annotated[float, Field(gt=-1)]

    @property
    def factor(self) -> float:
        """Conductance after the change, relative to before."""
        return 1.0 + self.options.by
