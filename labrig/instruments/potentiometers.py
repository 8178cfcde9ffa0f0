"""Digital potentiometers used as rheostats, from their data sheets.

Conductance of a code: 1 / (wiper + end_to_end · code / steps). It is very uneven in the code, so ranges are chosen
where the levels are dense. Sources: Microchip DS22060 (MCP4251: 257 codes, R_W 75 Ω typical, R_AB ± 20 %, supply 1.8 to
5.5 V), Analog Devices AD5293 Rev. E (1024 codes, R_AB ± 1 %, supply 9 to 33 V, R_W 60 Ω typical).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labrig.instruments.data import LevelTable


@dataclass(frozen=True, slots=True)
class Potentiometer:
    """One part. Resistances in Ω, `tolerance` relative, `supply_span_v` the least and greatest rail-to-rail voltage."""

    part: str
    end_to_end_ohm: float
    wiper_ohm: float
    steps: int
    highest_code: int
    tolerance: float
    supply_span_v: tuple[float, float]

    def levels(self) -> LevelTable:
        """Nominal conductance of every code, in increasing conductance."""
        codes = np.arange(self.highest_code, -1, -1, dtype=np.int64)
        return LevelTable(codes, self.conductance(codes))

    def conductance(self, codes: np.ndarray, end_to_end_ohm: np.ndarray | float | None = None) -> np.ndarray:
        """Conductance (S) of codes, nominal or for an actual end-to-end resistance."""
        total = self.end_to_end_ohm if end_to_end_ohm is None else end_to_end_ohm
        return 1.0 / (self.wiper_ohm + total * np.asarray(codes) / self.steps)


POTENTIOMETERS: dict[str, Potentiometer] = {
    pot.part: pot
    for pot in (
        Potentiometer("MCP4251-104", 100e3, 75.0, 256, 256, 0.20, (1.8, 5.5)),
        Potentiometer("MCP4251-103", 10e3, 75.0, 256, 256, 0.20, (1.8, 5.5)),
        Potentiometer("AD5293-100", 100e3, 60.0, 1024, 1023, 0.01, (9.0, 33.0)),
    )
}
