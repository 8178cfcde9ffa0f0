"""Settings of one channel of a virtual DG1000Z, and the program that it plays."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labrig.signals.tones import Tone, ToneProgram
from labrig.virtual_instruments.output_stage import inverted, load_of, panel_share
from labrig.virtual_instruments.sample_table import Table, table_of_values
from labrig.virtual_instruments.scpi.syntax import ScpiError, number

PEAK_V = 10.0
"""Largest voltage at the open output (V)."""
LEAST_VPP = 2e-3
POINTS = 8192
"""Points of a waveform in frequency mode; each is held until the next one."""
LARGEST_CODE = 0x3FFF
HIGHEST_HZ = {
    "DG1022Z": {"SIN": 25e6, "SQU": 25e6, "RAMP": 500e3, "PULSE": 15e6, "USER": 10e6},
    "DG1032Z": {"SIN": 30e6, "SQU": 15e6, "RAMP": 500e3, "PULSE": 15e6, "USER": 10e6},
    "DG1062Z": {"SIN": 60e6, "SQU": 25e6, "RAMP": 1e6, "PULSE": 25e6, "USER": 20e6},
}
"""Highest frequencies by model and waveform (Hz). Source: table 2-1 of the guide; DG1022Z as in the sigrok wiki."""
BUILT_IN = Table("SINC", POINTS)
"""The arbitrary waveform that is selected until one is downloaded; its shape is not simulated."""

_STATE = ("name", "model", "angle", "since", "started", "ends", "lost")


@dataclass
class Channel:
    """One channel; its initial values are those after *RST.

    Attributes
    ----------
    load_ohm : float
        Load that the displayed levels refer to (Ω).
    open_vpp, open_offset_v : float
        Levels at the open output (V); the panel shows the share that reaches the load.
    angle, since : float
        Phase of the continuous waveform (in turns) at the time `since` (s).
    started : float or None
        Time at which the burst began (s); None while the burst waits.
    lost : dict
        Settings that read back but did not reach the output, with the values that the output has.
    """

    name: str
    model: str = "DG1062Z"
    function: str = "SIN"
    frequency_hz: float = 1e3
    open_vpp: float = 10.0
    open_offset_v: float = 0.0
    phase_deg: float = 0.0
    unit: str = "VPP"
    load_ohm: float = 50.0
    inverted: bool = False
    on: bool = False
    sync: bool = True
    burst: bool = False
    mode: str = "TRIG"
    cycles: float = 1.0
    burst_phase_deg: float = 0.0
    source: str = "INT"
    slope: str = "POS"
    delay_s: float = 0.0
    idle: str = "FPT"
    table: Table = BUILT_IN
    packets: tuple[bytes, ...] = ()
    angle: float = 0.0
    since: float = 0.0
    started: float | None = None
    ends: float = math.inf
    lost: dict[str, Any] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Volts on the panel per volt of the open output."""
        return panel_share(self.load_ohm)

    @property
    def waits(self) -> bool:
        """Whether a burst waits for a trigger that does not come by itself."""
        return self.burst and self.source != "INT" and self.started is None

    @property
    def drives_the_trigger_line(self) -> bool:
        """Whether the connector of trigger and sync is an output at present."""
        return self.sync and not (self.burst and self.source == "EXT")

    def settings(self) -> dict[str, Any]:
        """Return all settings."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _STATE}

    def at_output(self) -> Channel:
        """Return the channel with the settings that have reached the output."""
        return replace(self, **self.lost, lost={}) if self.lost else self

    def set_function(self, text: str) -> None:
        """Select a waveform; a frequency that it cannot have is limited."""
        function = FUNCTIONS.get(text.upper())
        if function is None:
            raise ScpiError(-224, "Illegal parameter value")
        if function in ("DC", "NOISE") and self.burst:
            raise ScpiError(-221, "Settings conflict")
        self.function = function
        self.frequency_hz = min(self.frequency_hz, self._highest_hz())

    def set_vpp(self, text: str) -> None:
        """Set the amplitude; a value out of range, or too large for the offset, is limited without an error."""
        most = max(LEAST_VPP, 2 * (PEAK_V - abs(self.open_offset_v)))
        self.open_vpp = min(max(number(text) / self.share, LEAST_VPP), most)

    def set_offset(self, text: str) -> None:
        """Set the offset; a value too large for the amplitude is limited without an error."""
        most = PEAK_V - (0.0 if self.function == "DC" else self.open_vpp / 2)
        self.open_offset_v = min(max(number(text) / self.share, -most), most)

    def set_frequency(self, text: str) -> None:
        """Set the frequency; a value out of range is limited without an error."""
        self.frequency_hz = min(max(round(number(text), 6), 1e-6), self._highest_hz())

    def set_load(self, text: str) -> None:
        """Set the load. The voltage at the open output stays the same, but the displayed levels change."""
        self.load_ohm = load_of(text)

    def set_burst(self, on: bool) -> None:
        """Switch the burst on, which then waits, or off, after which the waveform is continuous."""
        if on and self.function in ("DC", "NOISE"):
            raise ScpiError(-221, "Settings conflict")
        self.burst, self.started = on, None

    def set_source(self, source: str) -> None:
        """Set the trigger source; raises ScpiError for the internal source of an infinite burst."""
        if source == "INT" and self.mode == "INF":
            raise ScpiError(-221, "Settings conflict")
        self.source = source

    def set_mode(self, mode: str) -> None:
        """Set the kind of burst."""
        self.mode = mode
        if mode == "INF" and self.source == "INT":
            self.source = "MAN"

    def download(self, samples: NDArray[np.float64]) -> None:
        """Take a waveform of samples from −1 to 1, extend it to 8192 points, and select it."""
        if len(samples) < POINTS:
            places = np.arange(POINTS) * len(samples) / POINTS
            samples = np.interp(places, np.arange(len(samples) + 1), np.append(samples, samples[0]))
        self.table = table_of_values("VOLATILE", samples)
        self.set_function("USER")

    def _highest_hz(self) -> float:
        return HIGHEST_HZ.get(self.model, HIGHEST_HZ["DG1032Z"]).get(self.function, 60e6)

    def program(self, t: float) -> ToneProgram | None:
        """Return the program of the output from t on, with phases relative to t; None if the output is off."""
        if not self.on:
            return None
        if not self.burst:
            return self._polarity(
                self._running(self.angle + self.frequency_hz * (t - self.since) + self.phase_deg / 360)
            )
        if self.started is None or not self.started <= t < self.ends:
            return self._polarity(ToneProgram(self.open_offset_v + self.open_vpp / 2 * self._idle_level()))
        return self._polarity(self._running(self.frequency_hz * (t - self.started) + self.burst_phase_deg / 360))

    def _idle_level(self) -> float:
        """Return the level of a waiting burst, in units of half the amplitude."""
        if self.idle != "FPT":
            return {"TOP": 1.0, "CENTER": 0.0, "BOTTOM": -1.0}[self.idle]
        turn = self.burst_phase_deg / 360
        if self.function == "USER":
            return self.table.at(turn) if turn else self.table.first
        sine = math.sin(2 * math.pi * turn)
        return sine if self.function == "SIN" and abs(sine) > 1e-12 else 0.0

    def _running(self, turn: float) -> ToneProgram:
        half, hertz = self.open_vpp / 2, self.frequency_hz
        if self.function == "SIN":
            return ToneProgram(self.open_offset_v, (Tone(hertz, half, 2 * math.pi * ((turn % 1.0) - 0.25)),))
        if self.function == "USER":
            tones = tuple(self._held_tones(turn, half, hertz))
            return ToneProgram(self.open_offset_v + half * self.table.mean, tones)
        return ToneProgram(self.open_offset_v)  # the World knows constants and tones

    def _held_tones(self, turn: float, half: float, hertz: float) -> Iterable[Tone]:
        """Yield the harmonics of the waveform, as each point is held until the next."""
        for order, size, phase in self.table.harmonics:
            angle = math.pi * order / max(1, self.table.length)
            hold = math.sin(angle) / angle
            yield Tone(order * hertz, half * size * hold, 2 * math.pi * ((order * turn) % 1.0) + phase - angle)

    def _polarity(self, program: ToneProgram) -> ToneProgram:
        """Apply the polarity, which inverts the waveform about its offset."""
        return inverted(program, self.open_offset_v) if self.inverted else program


FUNCTIONS = {
    "SIN": "SIN",
    "SINUSOID": "SIN",
    "SQU": "SQU",
    "SQUARE": "SQU",
    "RAMP": "RAMP",
    "PULS": "PULSE",
    "PULSE": "PULSE",
    "NOIS": "NOISE",
    "NOISE": "NOISE",
    "DC": "DC",
    "USER": "USER",
}
"""Names of waveforms in replies, by their names in commands."""
