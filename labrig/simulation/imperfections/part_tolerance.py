"""Parts that deviate from nominal within the tolerance of their data sheet."""

from __future__ import annotations

from collections.abc import Sequence

from typing_extensions import override

from labrig.instruments.parts import Part
from labrig.random_streams import RandomStream
from labrig.simulation.imperfections.imperfection import Imperfection


class PartTolerance(Imperfection):
    """`value` says whether parts deviate; each part knows its own tolerance."""

    Options = bool

    @override
    def specimens(self, programmer: str, parts: Sequence[Part]) -> Sequence[Part]:
        if not self.value:
            return parts
        generator = RandomStream(self.seed, f"programmer/{programmer}").at(0)
        return [part.drawn(generator) for part in parts]
