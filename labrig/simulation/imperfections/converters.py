"""Instruments that round: sources and digitizers to their bits, programmers to their levels."""

from __future__ import annotations

from typing import Any

from labrig.simulation.imperfections.imperfection import Imperfection


class Converters(Imperfection):
    """`value` says whether they do. On `bench: wire` a digitizer does in any case."""

    Options = bool

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.converts = value
