"""Basic wave and output of one SDG channel: settings as written, as coerced and as read back.

All rules here were measured on an SDG2042X, firmware 2.01.01.23R7 (transcripts and notes of the public repository
pjaako/siglent-sdg-openhtf): values out of range are silently clamped, keys that do not apply to the waveform are
ignored, numbers are printed with %g. Levels are stored as open-circuit volts; the panel shows them multiplied by
`factor`, the divider ratio for the configured load.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from labrig.virtual_instruments.scpi.syntax import ScpiError, number

TYPES = ("SINE", "SQUARE", "RAMP", "PULSE", "NOISE", "ARB", "DC")
_FREQUENCY = {"FRQ", "PERI"}
_LEVELS = {"AMP", "OFST", "HLEV", "LLEV"}
_RMS = {"AMPVRMS", "AMPDBM"}
_KEYS = {
    "SINE": _FREQUENCY | _LEVELS | _RMS | {"PHSE"},
    "SQUARE": _FREQUENCY | _LEVELS | _RMS | {"PHSE", "DUTY"},
    "RAMP": _FREQUENCY | _LEVELS | _RMS | {"PHSE", "SYM"},
    "PULSE": _FREQUENCY | _LEVELS | _RMS | {"DUTY", "WIDTH", "RISE", "FALL", "DLY"},
    "NOISE": {"STDEV", "MEAN", "BANDSTATE", "BANDWIDTH"},
    "ARB": _FREQUENCY | _LEVELS | {"PHSE"},
    "DC": {"OFST"},
}
_RMS_FACTOR = {"SINE": 0.3535, "SQUARE": 0.5, "PULSE": 0.5, "RAMP": 1 / 3.464}
_HIGHEST_HZ = {"SINE": 1.0, "SQUARE": 0.625, "PULSE": 0.625, "RAMP": 0.025, "ARB": 0.5}
"""Highest frequency of each type relative to the sine's: 40, 25, 25, 1 and 20 MHz on an SDG2042X."""
_SMALLEST_V = 0.002
_PEAK_V, _PEAK_FAST_V, _FAST_HZ = 10.0, 5.0, 20e6
_NARROWEST_S, FASTEST_EDGE_S = 16.3e-9, 8.4e-9
_NOISE_FACTOR = 0.0575
_BAND_HZ = (20e6, 120e6)
_HALF_UP = 1 + 1e-12  # 4.447825 is slightly less in binary, but reads 4.44783


def clamp(value: float, low: float, high: float) -> float:
    """Clamp `value` to a range; return the low end if the range is empty."""
    return max(low, min(value, high))


def six(value: float) -> str:
    """Format a number as the instrument does: six significant digits, halves rounded away from zero."""
    return f"{value * _HALF_UP + 0.0:g}"


def ten(value: float) -> str:
    """Format a frequency as the instrument does: ten significant digits."""
    return f"{value + 0.0:.10g}"


@dataclass
class BasicWave:
    """Basic wave and output settings of one channel, with their values after *RST.

    `amplitude_v` (peak to peak), `offset_v` and `dc_v` are open-circuit volts. `load_ohm` None is high impedance.
    """

    highest_hz: float = 40e6
    kind: str = "SINE"
    frequency_hz: float = 1000.0
    amplitude_v: float = 4.0
    offset_v: float = 0.0
    dc_v: float = 0.0
    phase_deg: float = 0.0
    square_duty: float = 50.0
    symmetry: float = 50.0
    width_s: float = 0.0002
    rise_s: float = FASTEST_EDGE_S
    fall_s: float = FASTEST_EDGE_S
    delay_s: float = 0.0
    band: bool = False
    bandwidth_hz: float = _BAND_HZ[1]
    on: bool = False
    load_ohm: int | None = None
    inverted: bool = False
    arbitrary: str = field(default="StairUp")
    level_step_v: float = 0.0
    phase_step_deg: float = 0.0

    @property
    def factor(self) -> float:
        """Displayed volts per open-circuit volt."""
        return 1.0 if self.load_ohm is None else self.load_ohm / (self.load_ohm + 50)

    @property
    def limit_v(self) -> float:
        """Largest open-circuit level (V); above 20 MHz the output amplifier delivers half."""
        return _PEAK_V if self.frequency_hz <= _FAST_HZ else _PEAK_FAST_V

    def set_output(self, words: tuple[str, ...]) -> None:
        """Execute `OUTP` with its arguments, from left to right."""
        index = 0
        while index < len(words):
            word = words[index].upper()
            value = words[index + 1].upper() if index + 1 < len(words) else ""
            index += 1
            if word in ("ON", "OFF"):
                self.on = word == "ON"
            elif word == "LOAD":
                index += 1
                self.load_ohm = None if value == "HZ" else int(clamp(number(value), 50, 100_000))
            elif word == "PLRT":
                index += 1
                self.inverted = {"INVT": True, "NOR": False}.get(value, self.inverted)

    def output_reply(self) -> str:
        """Reply to `OUTP?` after its header."""
        load = "HZ" if self.load_ohm is None else str(self.load_ohm)
        return f"{'ON' if self.on else 'OFF'},LOAD,{load},PLRT,{'INVT' if self.inverted else 'NOR'}"

    def set(self, key: str, value: str) -> None:
        """Set one pair of `BSWV`. Keys that do not apply to the waveform and invalid values are ignored."""
        key = key.upper()
        if key == "WVTP":
            self._change_kind(value.upper())
        elif key in _KEYS[self.kind]:
            if key == "BANDSTATE":
                self.band = {"ON": True, "OFF": False}.get(value.upper(), self.band)
                return
            try:
                self._set_number(key, number(value))
            except ScpiError:
                return
            self._round_to_steps()

    def _round_to_steps(self) -> None:
        """Round levels and phase to the steps of the model, if it has any."""
        if self.level_step_v:
            panel_v = self.level_step_v / self.factor
            self.amplitude_v = round(self.amplitude_v / panel_v) * panel_v
            self.offset_v = round(self.offset_v / panel_v) * panel_v
        if self.phase_step_deg:
            self.phase_deg = round(self.phase_deg / self.phase_step_deg) * self.phase_step_deg

    def _set_number(self, key: str, value: float) -> None:
        shown = value / self.factor
        if key == "AMP":
            self._set_amplitude(shown)
        elif key == "OFST" and self.kind == "DC":
            self.dc_v = clamp(shown, -_PEAK_V, _PEAK_V)
        elif key in ("OFST", "MEAN"):
            room = self.limit_v - self.amplitude_v / 2
            self.offset_v = clamp(shown, -room, room)
        elif key in ("HLEV", "LLEV"):
            self._set_level(key, shown)
        elif key == "AMPVRMS":
            self._set_amplitude(shown / _RMS_FACTOR[self.kind])
        elif key == "AMPDBM":
            if self.load_ohm is not None:
                rms = math.sqrt(self.load_ohm * 0.001 * 10 ** (clamp(value, -200, 200) / 10))
                self._set_amplitude(rms / _RMS_FACTOR[self.kind] / self.factor)
        elif key == "STDEV":
            self._set_amplitude(float(six(value / _NOISE_FACTOR)) / self.factor)  # the panel's six digits
        elif key in ("FRQ", "PERI"):
            self._set_frequency(value if key == "FRQ" else (1 / value if value else math.inf))
        elif key == "PHSE":
            self.phase_deg = math.fmod(value, 360.0) if abs(value) > 360 else value
        elif key == "SYM":
            self.symmetry = clamp(value, 0, 100)
        elif key == "DUTY" and self.kind == "SQUARE":
            self.square_duty = value
            self._fit_square()
        elif key in ("DUTY", "WIDTH"):
            self.width_s = value if key == "WIDTH" else value / 100 / self.frequency_hz if self.frequency_hz else 0.0
            self._fit_pulse()
        elif key == "RISE":
            self.rise_s = max(value, FASTEST_EDGE_S)
        elif key == "FALL":
            self.fall_s = max(value, FASTEST_EDGE_S)
        elif key == "DLY":
            self.delay_s = clamp(value, -self._period(), self._period())
        elif key == "BANDWIDTH":
            self.bandwidth_hz = clamp(value, *_BAND_HZ)

    def _set_amplitude(self, open_v: float) -> None:
        largest = min(2 * self.limit_v, 2 * (self.limit_v - abs(self.offset_v)))
        self.amplitude_v = max(_SMALLEST_V / self.factor, min(open_v, largest))

    def _set_level(self, key: str, open_v: float) -> None:
        """Move one level and keep the other, with at least the smallest amplitude between them."""
        apart = _SMALLEST_V / self.factor
        high, low = self.offset_v + self.amplitude_v / 2, self.offset_v - self.amplitude_v / 2
        if key == "HLEV":
            high = clamp(open_v, low + apart, self.limit_v)
        else:
            low = min(max(open_v, -self.limit_v), high - apart)
        self.amplitude_v, self.offset_v = high - low, (high + low) / 2

    def _set_frequency(self, hertz: float) -> None:
        self.frequency_hz = clamp(hertz, 0.0, self._highest())
        self._fit_levels()
        self._fit_square()
        self._fit_pulse()

    def _highest(self) -> float:
        return self.highest_hz * _HIGHEST_HZ.get(self.kind, 1.0)

    def _change_kind(self, kind: str) -> None:
        if kind not in TYPES:
            return
        if self.kind == "PULSE" and kind != "PULSE":
            self.phase_deg = -360 * self.delay_s * self.frequency_hz
        self.kind = kind
        if kind not in ("DC", "NOISE"):
            self._set_frequency(self.frequency_hz)

    def _fit_levels(self) -> None:
        """Reduce levels above the limit at 20 MHz; they stay reduced when the frequency is lowered again."""
        high = min(self.offset_v + self.amplitude_v / 2, self.limit_v)
        low = max(self.offset_v - self.amplitude_v / 2, -self.limit_v)
        if (high - low) < self.amplitude_v:
            self.amplitude_v, self.offset_v = high - low, (high + low) / 2

    def _fit_square(self) -> None:
        if self.kind == "SQUARE":
            least = min(50.0, 100 * _NARROWEST_S * self.frequency_hz)
            self.square_duty = clamp(self.square_duty, least, 100 - least)

    def _fit_pulse(self) -> None:
        if self.kind == "PULSE":
            self.width_s = clamp(self.width_s, _NARROWEST_S, self._period() - _NARROWEST_S)

    def _period(self) -> float:
        return 1 / self.frequency_hz if self.frequency_hz else math.inf

    def basic_reply(self) -> str:
        """Reply to `BSWV?` after its header."""
        return self._pairs(carrier=False)

    def carrier_reply(self) -> str:
        """The carrier's settings in a reply to `BTWV?`, which omits a few fields."""
        return self._pairs(carrier=True)

    def _pairs(self, *, carrier: bool) -> str:
        kind, k = self.kind, self.factor
        pairs = ["WVTP", kind]
        if kind == "DC":
            return ",".join([*pairs, "OFST", six(self.dc_v * k) + "V"])
        if kind == "NOISE":
            pairs += ["STDEV", six(self.amplitude_v * k * _NOISE_FACTOR) + "V", "MEAN", six(self.offset_v * k) + "V"]
            if not carrier:
                pairs += ["BANDSTATE", "ON" if self.band else "OFF"]
                if self.band:
                    pairs += ["BANDWIDTH", ten(self.bandwidth_hz) + "HZ"]
            return ",".join(pairs)
        amplitude, offset = self.amplitude_v * k, self.offset_v * k
        pairs += ["FRQ", ten(self.frequency_hz) + "HZ"]
        if not carrier:
            pairs += ["PERI", six(self._period()) + "S"]
        pairs += ["AMP", six(amplitude) + "V"]
        if kind in _RMS_FACTOR:
            rms = amplitude * _RMS_FACTOR[kind]
            pairs += ["AMPVRMS", six(rms) + "Vrms"]
            if self.load_ohm is not None:
                pairs += ["AMPDBM", six(10 * math.log10(rms**2 / self.load_ohm / 0.001)) + "dBm"]
        pairs += ["OFST", six(offset) + "V"]
        if not carrier:
            pairs += ["HLEV", six(offset + amplitude / 2) + "V", "LLEV", six(offset - amplitude / 2) + "V"]
        if kind == "PULSE":
            duty = 100 * self.width_s * self.frequency_hz
            pairs += ["DUTY", six(duty)]
            if not carrier:
                pairs += ["WIDTH", six(self.width_s)]
            pairs += ["RISE", six(self.rise_s) + "S", "FALL", six(self.fall_s) + "S", "DLY", six(self.delay_s)]
            return ",".join(pairs)
        pairs += ["PHSE", six(self.phase_deg)]
        if kind == "SQUARE":
            pairs += ["DUTY", six(self.square_duty)]
        if kind == "RAMP":
            pairs += ["SYM", six(self.symmetry)]
        return ",".join(pairs)
