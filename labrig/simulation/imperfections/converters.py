"""Rounding by instruments: sources and digitizers round to their bits, programmers to their levels."""

from __future__ import annotations

from typing import Any

from labrig.simulation.imperfections.imperfection import Imperfection


class Converters(Imperfection):
    """`value` says whether instruments round. On `bench: wire` a digitizer always rounds."""

    Options = bool

    def __init__(self, value: Any, seed: int) -> None:
        super().__init__(value, seed)
        self.converts = value
