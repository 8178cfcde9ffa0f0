"""Harmonics added to the sine of one SDG channel (`HARM`), as an SDG2122X played them (sources: tests/wire/README.md).

Order n adds share·sin(nθ + phase) to a fundamental sin θ. One order is shown and set at a time. EVEN mutes the odd
orders and ODD the even ones; the settings of muted orders are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labrig.virtual_instruments.scpi.syntax import ScpiError, number
from labrig.virtual_instruments.siglent.wave import clamp, six

HIGHEST_ORDER = 16
_NONE_DBC = -80.0
"""Level that a reply shows for a harmonic with an amplitude of 0 (dBc)."""


@dataclass
class Harmonics:
    """Harmonic settings; `shares` and `phases_deg` by order, with shares relative to the fundamental."""

    on: bool = False
    kind: str = "EVEN"
    order: int = 2
    shares: dict[int, float] = field(default_factory=dict)
    phases_deg: dict[int, float] = field(default_factory=dict)

    def set(self, words: tuple[str, ...], amplitude_v: float) -> None:
        """Execute `HARM`, arguments from left to right; `amplitude_v` is the fundamental's amplitude on the panel."""
        for key, value in zip(words[::2], words[1::2], strict=False):
            key, value = key.upper(), value.upper()
            if key == "HARMSTATE":
                self.on = {"ON": True, "OFF": False}.get(value, self.on)
            elif key == "HARMTYPE":
                self.kind = value if value in ("EVEN", "ODD", "ALL") else self.kind
            else:
                try:
                    self._set_number(key, number(value), amplitude_v)
                except ScpiError:
                    continue

    def _set_number(self, key: str, value: float, amplitude_v: float) -> None:
        if key == "HARMORDER":
            self.order = round(clamp(value, 2, HIGHEST_ORDER))
        elif key == "HARMAMP":
            self.shares[self.order] = clamp(value / amplitude_v, 0.0, 1.0)
        elif key == "HARMDBC":
            self.shares[self.order] = 10 ** (min(value, 0.0) / 20) if value > _NONE_DBC else 0.0
        elif key == "HARMPHASE":
            self.phases_deg[self.order] = value % 360

    def reply(self, amplitude_v: float) -> str:
        """Reply to `HARM?` after its header; the instrument itself sends the comma at its start."""
        if not self.on:
            return "HARMSTATE,OFF"
        share = self.shares.get(self.order, 0.0)
        dbc = 20 * math.log10(share) if share else _NONE_DBC
        return (
            f",HARMSTATE,ON,HARMTYPE,{self.kind},HARMORDER,{self.order},HARMAMP,{share * amplitude_v:.10g}V,"
            f"HARMDBC,{six(dbc)}dBc,HARMPHASE,{six(self.phases_deg.get(self.order, 0.0))}"
        )

    def all(self) -> list[tuple[int, float, float]]:
        """(order, share, phase in rad) of the sines that are played, the fundamental first."""
        played = [(1, 1.0, 0.0)]
        if self.on:
            orders = [order for order in sorted(self.shares) if self.kind in ("ALL", "ODD" if order % 2 else "EVEN")]
            played += [(n, self.shares[n], math.radians(self.phases_deg.get(n, 0.0))) for n in orders if self.shares[n]]
        return played
