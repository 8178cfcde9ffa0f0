"""The multiplexer of a scanning digitizer, which carries part of each channel's voltage over to the next channel."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import override

from labrig.instruments.multiplexer import ghost
from labrig.quantities import Capacitance
from labrig.simulation.imperfections.imperfection import Array, Imperfection, Memory, Switching


class Multiplexer(Imperfection):
    """`value` is the sampling capacitance (F). It has no effect on a digitizer that samples simultaneously."""

    Options = Annotated[Capacitance, Field(ge=0)]

    @override
    def memory(self, digitizer: str) -> Memory | None:
        if not self.value:
            return None
        sampling_f = self.value

        def left(scan: Switching) -> Array:
            return ghost(sampling_f, scan.farad, scan.ohm, scan.settling_s)

        return left
