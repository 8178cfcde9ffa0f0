"""A virtual Keysight 34461A that reads one node of the World as DC voltage.

The command set and the replies follow the Truevolt Series Operating and Service Guide and drivers that were used with a
real 34461A (see tests/wire/README.md):
- CONF:VOLT:DC sets everything to its default: 10 power line cycles, autozero, an immediate trigger, one reading;
- with autozero a reading takes two integrations, the first of the input, the second of the zero; a delay precedes it;
- INIT clears the memory and waits for the trigger; with the trigger source BUS, `*TRG` starts, and is refused with -211
  at any other time. A change of the configuration ends a measurement;
- an input beyond 120 % of the range reads ±9.9E37.
FETC?, READ? and MEAS? wait for the readings; other queries are answered meanwhile. What the display shows is only
stored and read back.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from labrig.simulation.front_end import FrontEnd
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import ScpiError, boolean, number
from labrig.virtual_instruments.virtual_bench import VirtualBench

RANGES_V = (0.1, 1.0, 10.0, 100.0, 1000.0)
CYCLES = (0.02, 0.2, 1.0, 10.0, 100.0)
RESOLUTIONS = (100e-6, 10e-6, 3e-6, 1e-6, 0.3e-6)
"""Resolution after each number of power line cycles, relative to the range. Source: QCoDeS, Keysight_344xxA."""
_MEASURE = re.compile(rb"\s*:?MEAS(?:URE)?(?::VOLT(?:AGE)?)?(?::DC)?\?(.*)", re.IGNORECASE | re.DOTALL)
OVERLOAD = 9.9e37
BEYOND = 1.2
"""Largest reading, relative to the range."""
MOST_READINGS = 10_000
LONGEST_WAIT_S = 60.0
AUTO_DELAY_S = 0.0
PIECE_S = 0.5e-3
"""Longest piece of an aperture (s), short enough for the front end to average the tones in it."""


@dataclass
class Settings:
    """Settings of the multimeter; the initial values are those after *RST, and after CONF:VOLT:DC except the range."""

    range_v: float = 10.0
    auto_range: bool = True
    cycles: float = 10.0
    autozero: bool = True
    high_impedance: bool = False
    source: str = "IMM"
    slope: str = "NEG"
    delay_s: float = AUTO_DELAY_S
    auto_delay: bool = True
    triggers: int = 1
    readings: int = 1

    @property
    def resolution_v(self) -> float:
        """Resolution of a reading (V)."""
        return RESOLUTIONS[CYCLES.index(self.cycles)] * self.range_v


@dataclass(eq=False)
class Measurement:
    """Readings in progress: time of their start (s), period (s), and total number of readings."""

    bench: VirtualBench
    began: float
    period_s: float
    total: int
    number: int = 0

    @property
    def unread_since_s(self) -> float:
        """Time from which the World must remember its signals (s)."""
        return self.began

    @property
    def ends(self) -> float:
        """Time at which all readings have been taken (s)."""
        return self.began + self.total * self.period_s

    def taken(self, now: float) -> int:
        """Number of readings taken so far."""
        return min(self.total, max(0, int((now - self.began) / self.period_s + 1e-9)))


class VirtualTruevolt(ScpiInstrument):
    """A virtual multimeter.

    Parameters
    ----------
    bench
        The virtual bench.
    name
        Name on the bench; its channel is '<name>/1'.
    model, serial
        Identity.
    mains_hz
        Frequency of the mains (Hz).
    """

    def __init__(
        self,
        bench: VirtualBench,
        name: str,
        model: str = "34461A",
        serial: str = "MYVIRTUAL",
        mains_hz: float = 50.0,
    ) -> None:
        super().__init__(f"Keysight Technologies,{model},{serial},A.03.03-02.40-03.03-00.52-01-01", bench.lock)
        self._bench = bench
        self._name = name
        self._mains_hz = mains_hz
        self.settings = Settings()
        self._waits = False
        self._measurement: Measurement | None = None
        self._memory: tuple[Measurement, list[float]] | None = None
        self._display = {"state": "1", "text": '""'}
        self._register()

    @override
    def reset(self) -> None:
        """Reset (*RST): DC voltage with the default settings, idle."""
        self.settings = Settings()
        self._idle(forget=True)

    def power_cycle(self) -> None:
        """Lose power; afterwards everything is as after *RST."""
        with self.lock:
            self.reset()
            self._clear()

    @override
    def execute(self, message: bytes) -> bytes:
        if measure := _MEASURE.fullmatch(message):
            super().execute(b":CONF:VOLT:DC " + measure[1].strip())
            message = b"READ?"
        words = message.upper()
        if b"READ?" in words:
            super().execute(b":INIT")
            message = words.replace(b"READ?", b"FETC?")
        if b"FETC" in words or b"READ?" in words:
            self._wait()
        return super().execute(message)

    def _wait(self) -> None:
        """Wait for the measurement in progress, without the lock."""
        with self.lock:
            ends = self._measurement.ends if self._measurement is not None else None
            left_s = 0.0 if ends is None else ends - self._bench.clock()
        time.sleep(min(max(left_s, 0.0), LONGEST_WAIT_S))

    def _register(self) -> None:
        volts = "[SENSe:]VOLTage[:DC]"
        self._value(f"{volts}:RANGe", lambda s: _told(s.range_v), self._set_range)
        self._value(f"{volts}:RANGe:AUTO", lambda s: str(int(s.auto_range)), _set_auto)
        self._value(f"{volts}:RESolution", lambda s: _told(s.resolution_v), _set_resolution)
        self._value(f"{volts}:NPLCycles", lambda s: _told(s.cycles), _set_cycles)
        self._value(f"{volts}:ZERO:AUTO", lambda s: str(int(s.autozero)), _set_autozero)
        self._value(f"{volts}:IMPedance:AUTO", lambda s: str(int(s.high_impedance)), _set_impedance)
        self._value("TRIGger:SOURce", lambda s: s.source, _set_source)
        self._value("TRIGger:SLOPe", lambda s: s.slope, _set_slope)
        self._value("TRIGger:DELay", lambda s: _told(s.delay_s), _set_delay)
        self._value("TRIGger:DELay:AUTO", lambda s: str(int(s.auto_delay)), _set_auto_delay)
        self._value("TRIGger:COUNt", lambda s: _told(s.triggers), _set_triggers)
        self._value("SAMPle:COUNt", lambda s: f"+{s.readings}", _set_readings)
        self.query("[SENSe:]FUNCtion[:ON]", lambda _: '"VOLT"')
        self.command("[SENSe:]FUNCtion[:ON]", self._set_function)
        self.command("CONFigure[:VOLTage]:DC", self._configure)
        self.command("CONFigure[:VOLTage]", self._configure)
        self.query("CONFigure", lambda _: f'"VOLT {_told(self.settings.range_v)},{_told(self.settings.resolution_v)}"')
        self.command("INITiate[:IMMediate]", lambda _: self._initiate())
        self.command("ABORt", lambda _: self._idle())
        self.command("*TRG", lambda _: self._trigger())
        self.query("DATA:POINts", lambda _: f"+{self._taken()}")
        self.query("FETCh", lambda _: self._fetch())
        self.query("*OPT", lambda _: "0")
        self.query("SYSTem:LFRequency", lambda _: f"+{self._mains_hz:.0f}")
        self.query("DISPlay[:STATe]", lambda _: self._display["state"])
        self.command("DISPlay[:STATe]", lambda call: self._show("state", str(int(boolean(call.text())))))
        self.query("DISPlay:TEXT[:DATA]", lambda _: self._display["text"])
        self.command("DISPlay:TEXT[:DATA]", lambda call: self._show("text", f'"{call.text()}"'))
        self.command("DISPlay:TEXT:CLEar", lambda _: self._show("text", '""'))

    def _show(self, what: str, told: str) -> None:
        self._display[what] = told

    def _value(self, pattern: str, told: Callable[[Settings], str], change: Callable[[Settings, str], object]) -> None:
        """Register a setting: its query, and its command, which ends a measurement."""

        def set_it(call: Call) -> None:
            self._idle()
            change(self.settings, call.text())

        self.query(pattern, lambda _: told(self.settings))
        self.command(pattern, set_it)

    @staticmethod
    def _set_range(settings: Settings, text: str) -> None:
        settings.range_v, settings.auto_range = _range_of(text), False

    def _set_function(self, call: Call) -> None:
        if call.text().upper() not in ("VOLT", "VOLT:DC", "VOLTAGE", "VOLTAGE:DC"):
            raise ScpiError(-224, "Illegal parameter value; only DC voltage is simulated")
        self._idle()

    def _configure(self, call: Call) -> None:
        """Set everything to its default, with this range."""
        self._idle()
        asked = call.text() if call.arguments else "DEF"
        if asked.upper() in ("DEF", "AUTO"):
            self.settings = Settings()
        else:
            self.settings = Settings(range_v=_range_of(asked), auto_range=False)

    def _idle(self, forget: bool = False) -> None:
        """End a measurement; readings already taken stay in memory unless `forget`."""
        if self._measurement is not None:
            self._measurement.total = self._measurement.taken(self._bench.clock())
        self._waits = False
        if forget:
            self._measurement = self._memory = None

    def _initiate(self) -> None:
        """Clear the memory and wait for the trigger."""
        if self.settings.readings * self.settings.triggers > MOST_READINGS:
            raise ScpiError(-221, "Settings conflict; the readings do not fit into the memory")
        self._measurement, self._memory, self._waits = None, None, True
        if self.settings.source == "IMM":
            self._trigger()

    def _trigger(self) -> None:
        if not self._waits or self.settings.source == "EXT":
            raise ScpiError(-211, "Trigger ignored")
        settings, now = self.settings, self._bench.clock()
        integrations = 2 if settings.autozero else 1
        period_s = settings.delay_s + integrations * settings.cycles / self._mains_hz
        self._waits = False
        self._measurement = Measurement(self._bench, now, period_s, settings.readings * settings.triggers)
        self._measurement.number = self._bench.world.begin_acquisition(now, self._measurement)

    def _taken(self) -> int:
        return 0 if self._measurement is None else self._measurement.taken(self._bench.clock())

    def _fetch(self) -> str:
        """Return the readings in memory."""
        if not self._taken():
            raise ScpiError(-230, "Data corrupt or stale")
        assert self._measurement is not None
        if self._memory is None or self._memory[0] is not self._measurement:
            self._memory = self._measurement, self._readings(self._measurement)
        return ",".join(_told(value) for value in self._memory[1][: self._taken()])

    def _readings(self, measurement: Measurement) -> list[float]:
        """Average the voltage over the aperture of each reading, in pieces that are short enough for the front end."""
        settings = self.settings
        aperture_s = settings.cycles / self._mains_hz
        pieces = math.ceil(aperture_s / PIECE_S)
        piece_s = aperture_s / pieces
        front_end = FrontEnd(
            self._name, ("1",), 24, RANGES_V[-1], self._bench.imperfections, converts=False, aperture_s=piece_s
        )
        means = []
        for reading in range(measurement.total):
            first = reading * pieces
            begins = measurement.began + reading * measurement.period_s + settings.delay_s
            zeroth = begins + piece_s / 2 - first * piece_s
            span = (first, first + pieces)
            number = measurement.number
            read = front_end.sample(self._bench.world, ("1",), zeroth, 1 / piece_s, span, number, (0.0,))
            means.append(read.mean())
        volts = np.array(means)
        range_v = settings.range_v
        if settings.auto_range:
            largest = float(np.abs(volts).max())
            range_v = next((each for each in RANGES_V if largest <= BEYOND * each), RANGES_V[-1])
        return [float(v) if abs(v) <= BEYOND * range_v else float(np.copysign(OVERLOAD, v)) for v in volts]


def _told(value: float) -> str:
    """Return a number in the multimeter's format: +1.00000000E+01."""
    return f"{value + 0.0:+.8E}"


def _range_of(text: str) -> float:
    asked = abs(number(text))
    fitting = [each for each in RANGES_V if asked <= each * (1 + 1e-9)]
    if not fitting:
        raise ScpiError(-222, "Data out of range")
    return fitting[0]


def _set_auto(settings: Settings, text: str) -> None:
    settings.auto_range = boolean(text)


def _set_cycles(settings: Settings, text: str) -> None:
    asked = number(text)
    fitting = [each for each in CYCLES if asked <= each * (1 + 1e-9)]
    if not fitting or asked < CYCLES[0] * (1 - 1e-9):
        raise ScpiError(-222, "Data out of range")
    settings.cycles = fitting[0]


def _set_resolution(settings: Settings, text: str) -> None:
    asked = number(text) / settings.range_v
    fitting = [cycles for cycles, each in zip(CYCLES, RESOLUTIONS, strict=True) if each <= asked * (1 + 1e-9)]
    if not fitting:
        raise ScpiError(-222, "Data out of range")
    settings.cycles = fitting[0]


def _set_autozero(settings: Settings, text: str) -> None:
    settings.autozero = boolean(text)


def _set_impedance(settings: Settings, text: str) -> None:
    settings.high_impedance = boolean(text)


def _set_source(settings: Settings, text: str) -> None:
    words = {"IMM": "IMM", "IMMEDIATE": "IMM", "EXT": "EXT", "EXTERNAL": "EXT", "BUS": "BUS"}
    if text.upper() not in words:
        raise ScpiError(-224, "Illegal parameter value")
    settings.source = words[text.upper()]


def _set_slope(settings: Settings, text: str) -> None:
    if text.upper() not in ("POS", "NEG", "POSITIVE", "NEGATIVE"):
        raise ScpiError(-224, "Illegal parameter value")
    settings.slope = text.upper()[:3]


def _set_delay(settings: Settings, text: str) -> None:
    delay = number(text)
    if not 0 <= delay <= 3600:
        raise ScpiError(-222, "Data out of range")
    settings.delay_s, settings.auto_delay = delay, False


def _set_auto_delay(settings: Settings, text: str) -> None:
    settings.auto_delay = boolean(text)
    if settings.auto_delay:
        settings.delay_s = AUTO_DELAY_S


def _set_triggers(settings: Settings, text: str) -> None:
    settings.triggers = _count(text)


def _set_readings(settings: Settings, text: str) -> None:
    settings.readings = _count(text)


def _count(text: str) -> int:
    count = number(text)
    if not 1 <= count <= 1_000_000:
        raise ScpiError(-222, "Data out of range")
    return round(count)
