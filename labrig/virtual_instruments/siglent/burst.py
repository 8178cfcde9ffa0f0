"""Burst settings of one SDG channel, following the rules measured on an SDG2042X (see wave.py).

While the burst is off, only its state and carrier can be set. `TIME,INF` changes the trigger source to EXT, and an
infinite burst ignores INT. The start phase is the carrier's phase. A noise or DC carrier ends the burst.
"""

from __future__ import annotations

from dataclasses import dataclass

from labrig.virtual_instruments.scpi.syntax import ScpiError, number
from labrig.virtual_instruments.siglent.wave import BasicWave, clamp, six

_LEAST_DELAY_S = {"INT": 6.04035e-07, "MAN": 6.04035e-07, "EXT": 6.78035e-07}
"""Delay from the trigger to the first sample of a 1 kHz carrier (s); it varies by about 100 ns with the carrier."""
_LARGEST_COUNT = 1_000_000


@dataclass
class Burst:
    """Burst settings with their values after *RST; `cycles` is None for an infinite burst."""

    on: bool = False
    gated: bool = False
    positive_gate: bool = False
    source: str = "INT"
    trigger_out: str = "OFF"
    cycles: int | None = 1
    delay_s: float = _LEAST_DELAY_S["INT"]
    period_s: float = 0.01

    def set(self, words: tuple[str, ...], wave: BasicWave) -> bool:
        """Execute `BTWV` with its arguments, from left to right; returns whether they include a manual trigger."""
        triggered = False
        index = 0
        while index < len(words):
            key = words[index].upper()
            index += 1
            if key == "MTRIG":
                triggered = triggered or self.on
                continue
            if key == "CARR":
                if index + 1 < len(words):
                    wave.set(words[index], words[index + 1])
                    self.on = self.on and wave.kind != "DC"
                    self.gated = self.gated or wave.kind == "NOISE"  # and remains so
                index += 2
                continue
            value = words[index].upper() if index < len(words) else ""
            index += 1
            if key == "STATE":
                self.on = value == "ON" and wave.kind not in ("DC", "NOISE") if value in ("ON", "OFF") else self.on
            elif self.on:
                self._set(key, value, wave)
        return triggered

    def _set(self, key: str, value: str, wave: BasicWave) -> None:
        try:
            if key == "TRSR" and value in _LEAST_DELAY_S:
                self._set_source(value)
            elif key == "GATE_NCYC" and value in ("GATE", "NCYC"):
                self.gated = value == "GATE"
                if self.gated and self.source == "MAN":
                    self.source = "INT"
            elif key == "STPS":
                wave.set("PHSE", value)
            elif key == "PRD":
                if self.source == "INT":
                    self.period_s = max(number(value), 1e-6)
            elif key == "PLRT" and value in ("POS", "NEG"):
                self.positive_gate = value == "POS"
            elif not self.gated:
                self._set_counted(key, value)
        except ScpiError:
            return

    def _set_source(self, source: str) -> None:
        if source == "INT" and self.cycles is None:
            return
        self.source = source
        self.delay_s = max(self.delay_s, _LEAST_DELAY_S[source])
        if source == "EXT":
            self.trigger_out = "OFF"

    def _set_counted(self, key: str, value: str) -> None:
        """Set a key that only N-cycle bursts have."""
        if key == "TIME":
            self.cycles = None if value == "INF" else round(clamp(number(value), 1, _LARGEST_COUNT))
            if self.cycles is None:
                self._set_source("EXT")
        elif key == "DLAY":
            self.delay_s = clamp(number(value), _LEAST_DELAY_S[self.source], 100.0)
        elif key == "TRMD" and value in ("OFF", "RISE", "FALL") and self.source != "EXT":
            self.trigger_out = value

    def reply(self, wave: BasicWave) -> str:
        """Reply to `BTWV?` after its header."""
        if not self.on:
            return "STATE,OFF"
        pairs = ["STATE", "ON"]
        if wave.kind == "NOISE":
            pairs += ["PLRT", "POS" if self.positive_gate else "NEG"]
            return ",".join([*pairs, "CARR", wave.carrier_reply()])
        if self.source == "INT":
            pairs += ["PRD", six(self.period_s) + "S"]
        if wave.kind != "PULSE":
            pairs += ["STPS", six(wave.phase_deg)]
        pairs += ["TRSR", self.source]
        if self.gated:
            pairs += ["GATE_NCYC", "GATE", "PLRT", "POS" if self.positive_gate else "NEG"]
        else:
            if self.source != "EXT":
                pairs += ["TRMD", self.trigger_out]
            pairs += ["TIME", "INF" if self.cycles is None else str(self.cycles)]
            pairs += ["DLAY", six(self.delay_s) + "S", "GATE_NCYC", "NCYC"]
        return ",".join([*pairs, "CARR", wave.carrier_reply()])
