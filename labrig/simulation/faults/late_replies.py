"""Late replies of a source or a digitizer."""

from __future__ import annotations

from typing_extensions import override

from labrig.config.section import Section
from labrig.quantities import PositiveTime
from labrig.simulation.faults.fault import DelayFault


class LateReplies(DelayFault):
    """Each reply is delayed by `by`."""

    class Options(Section):
        """by: the delay (s)."""

        by: PositiveTime

    kinds = ("source", "digitizer")

    @property
    @override
    def delay_s(self) -> float:
        return self.options.by
