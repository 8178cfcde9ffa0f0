"""A virtual Keysight 33500B: channels that drive the World.

The command set and the replies follow the 33500 Series Operating and Service Guide (33500-90901) and drivers that were
used with a real generator (see tests/wire/README.md). The output follows these rules:
- a continuous waveform keeps its phase accumulator when its frequency changes; after power-up the phases are random,
  until PHAS:SYNC aligns them;
- an armed burst waits at its offset plus the level of its start phase, starts 135 ns plus the trigger delay after the
  trigger, and ignores further triggers while it plays. ABOR ends the bursts of all channels, and so does a change of
  the burst's state, mode or trigger source; other settings change a running burst;
- levels that limit each other are clipped, with error −222, according to the guide;
- with ROSC:SOUR EXT and no signal at the reference input, the generator stays on INT;
- a burst of DC or noise is refused with error −221.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.virtual_instruments.keysight.channel import BUILT_IN, Channel
from labrig.virtual_instruments.keysight.panel import MODES, OF_CHANNEL, OF_GENERATOR
from labrig.virtual_instruments.output_stage import INFINITE
from labrig.virtual_instruments.played import Played
from labrig.virtual_instruments.sample_table import FULL_CODE, table_of_values
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import ScpiError, number
from labrig.virtual_instruments.stored_settings import StoredSettings
from labrig.virtual_instruments.virtual_bench import VirtualBench

LATENCY_S = 135e-9
"""Time from the trigger to the first sample (s)."""

FUNCTIONS = ("SIN", "SQU", "TRI", "RAMP", "PULS", "PRBS", "NOIS", "ARB", "DC")
_LONG = {"SINUSOID": "SIN", "SQUARE": "SQU", "TRIANGLE": "TRI", "PULSE": "PULS", "NOISE": "NOIS", "ARBITRARY": "ARB"}
_SOURCES = {
    "IMM": "IMM",
    "IMMEDIATE": "IMM",
    "EXT": "EXT",
    "EXTERNAL": "EXT",
    "BUS": "BUS",
    "TIM": "TIM",
    "TIMER": "TIM",
}
_SHORTEST_TABLE, _LONGEST_TABLE = 8, 1_000_000


class VirtualTrueform(ScpiInstrument):
    """A virtual generator.

    Parameters
    ----------
    bench
        The virtual bench.
    name
        Name on the bench; its channels are '<name>/1', …, its trigger input '<name>/trigger'.
    model, serial
        Identity.
    channels
        Number of channels.
    reference
        Returns whether there is a 10 MHz clock at the reference input.
    """

    def __init__(
        self,
        bench: VirtualBench,
        name: str,
        model: str = "33522B",
        serial: str = "MYVIRTUAL",
        channels: int = 2,
        reference: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(f"Agilent Technologies,{model},{serial},5.03-3.15-2.00-58-00", bench.lock)
        self._bench = bench
        self._reference = reference
        self._external_clock = False
        self._swapped = False
        self._played = Played(bench)
        phases = RandomStream(bench.seed, f"{name} free-running phase")
        self._names = [f"{name}/{number}" for number in range(1, channels + 1)]
        self._angles = [float(phases.at(number).uniform()) for number in range(channels)]
        self._channels = [Channel(each, angle=angle) for each, angle in zip(self._names, self._angles, strict=True)]
        self._register()
        self._panel = StoredSettings(self, self._of, OF_CHANNEL, OF_GENERATOR, MODES, ("0", "1"))
        bench.lines.listen(f"{name}/trigger", self._edge)

    @override
    def reset(self) -> None:
        """Reset (*RST): outputs off, 1 kHz, 100 mVpp into 50 Ω, no burst. Uploaded waveforms are kept."""
        self._channels = [
            Channel(each.name, angle=each.angle, since=each.since, tables=each.tables) for each in self._channels
        ]
        self._swapped = False
        self._panel.reset()
        self._play()

    def power_cycle(self) -> None:
        """Lose power; afterwards the setup is the default, the clock internal, and no waveform uploaded."""
        with self.lock:
            self._external_clock = False
            self._channels = [Channel(each, angle=angle) for each, angle in zip(self._names, self._angles, strict=True)]
            self._swapped = False
            self._panel.reset()
            self._clear()
            self._play()

    def channel(self, number: int) -> Channel:
        """The settings of a channel (1 or 2)."""
        return self._channels[number - 1]

    def _register(self) -> None:
        self._value("[SOURce#:]FUNCtion[:SHAPe]", lambda c: c.function, self._set_function)
        self._value("[SOURce#:]FREQuency[:CW]", lambda c: _told(c.repetition_hz), Channel.set_frequency)
        self._value("[SOURce#:]VOLTage[:LEVel][:IMMediate][:AMPLitude]", _told_vpp, Channel.set_vpp)
        self._value(
            "[SOURce#:]VOLTage[:LEVel][:IMMediate]:OFFSet",
            lambda c: _told(c.open_offset_v * c.share, 13),
            Channel.set_offset,
        )
        self._value("[SOURce#:]VOLTage:UNIT", lambda c: c.unit, lambda c, text: self._word(c, "unit", text, "VPP"))
        self._value(
            "[SOURce#:]PHASe[:ADJust]", lambda c: _told(c.phase_deg, 13), lambda c, text: _angle(c, "phase_deg", text)
        )
        self._value("[SOURce#:]BURSt:STATe", lambda c: str(int(c.burst)), self._set_burst)
        self._value("[SOURce#:]BURSt:MODE", lambda c: c.mode, self._set_mode)
        self._value("[SOURce#:]BURSt:NCYCles", lambda c: _told(c.cycles), Channel.set_cycles)
        self._value(
            "[SOURce#:]BURSt:PHASe",
            lambda c: _told(c.burst_phase_deg, 13),
            lambda c, text: _angle(c, "burst_phase_deg", text),
        )
        self._value("TRIGger#:SOURce", lambda c: c.source, self._set_source)
        self._value("TRIGger#:SLOPe", lambda c: c.slope, lambda c, text: self._word(c, "slope", text, "POS", "NEG"))
        self._value("TRIGger#:DELay", lambda c: _told(c.delay_s), self._set_delay)
        self._value("OUTPut#[:STATe]", lambda c: str(int(c.on)), lambda c, text: setattr(c, "on", _switch(text)))
        self._value("OUTPut#:LOAD", lambda c: _told(c.load_ohm), Channel.set_load)
        self._value("OUTPut#:POLarity", lambda c: "INV" if c.inverted else "NORM", self._set_polarity)
        self.query("[SOURce#:]FUNCtion:ARBitrary:FREQuency", self._table_rate)
        self._value("[SOURce#:]FUNCtion:ARBitrary:SRATe", lambda c: _told(c.sample_rate_hz), self._set_rate)
        self._value(
            "[SOURce#:]FUNCtion:ARBitrary:FILTer",
            lambda c: c.filter,
            lambda c, text: self._word(c, "filter", text, "NORM", "STEP", "OFF"),
        )
        self._value("[SOURce#:]FUNCtion:ARBitrary", lambda c: f'"{c.selected.name}"', self._choose)
        self.command("[SOURce#:]DATA:VOLatile:CLEar", self._delete)
        for key in ("[SOURce#:]DATA:ARBitrary", "[SOURce#:]DATA:ARBitrary#"):
            self.command(f"{key}:DAC", self._upload_codes)
            self.command(key, self._upload_values)
        self.query("[SOURce#:]DATA:ATTRibute:POINts", self._points)
        self.command("[SOURce#:]PHASe:SYNChronize", lambda _: self._align())
        self.command("ABORt", lambda _: self._abort())
        self.command("*TRG", lambda _: self._start("BUS", self._bench.clock()))
        self.command("TRIGger#[:IMMediate]", self._trigger)
        self.query("ROSCillator:SOURce", lambda _: "EXT" if self._external_clock and self._reference() else "INT")
        self.command("ROSCillator:SOURce", self._set_clock)
        self.query("FORMat:BORDer", lambda _: "SWAP" if self._swapped else "NORM")
        self.command("FORMat:BORDer", self._set_order)
        self.query("UNIT:ANGLe", lambda _: "DEG")
        self.command("UNIT:ANGLe", self._set_angle_unit)

    def _value(self, pattern: str, told: Callable[[Channel], str], change: Callable[[Channel, str], object]) -> None:
        """Register a setting of a channel: its query, and its command."""

        def set_it(call: Call) -> None:
            channel = self._of(call)
            with self._changing(channel):
                change(channel, call.text())

        self.query(pattern, lambda call: told(self._of(call)))
        self.command(pattern, set_it)

    def _of(self, call: Call) -> Channel:
        place = call.suffixes[0] if call.suffixes else 1
        if not 1 <= place <= len(self._channels):
            raise ScpiError(-114, "Header suffix out of range")
        return self._channels[place - 1]

    @contextmanager
    def _changing(self, channel: Channel) -> Iterator[None]:
        """Context for a change of a channel's settings, which is then applied to the World."""
        before = channel.repetition_hz
        try:
            yield
        finally:
            if channel.repetition_hz != before:
                now = self._bench.clock()
                turned = before * (now - channel.since)
                channel.angle, channel.since = (channel.angle + turned) % 1.0, now
                if channel.started is not None:  # a burst that plays keeps its phase, too
                    channel.started = now - (before * (now - channel.started)) / max(channel.repetition_hz, 1e-9)
            self._drive(channel, self._bench.clock())

    def _set_function(self, channel: Channel, text: str) -> None:
        kind = _one_of(_LONG.get(text.upper(), text), *FUNCTIONS)
        if channel.burst and kind in ("DC", "NOIS"):
            channel.burst, channel.started = False, None
            channel.function = kind
            raise ScpiError(-221, "Settings conflict; burst turned off by selection of other mode or modulation")
        channel.function = kind

    def _set_burst(self, channel: Channel, text: str) -> None:
        on = _switch(text)
        if on and channel.function in ("DC", "NOIS"):
            raise ScpiError(-221, "Settings conflict; not able to burst this function")
        if on != channel.burst:
            channel.burst, channel.started = on, None

    def _set_mode(self, channel: Channel, text: str) -> None:
        words = {"TRIG": "TRIG", "TRIGGERED": "TRIG", "GAT": "GAT", "GATED": "GAT"}
        mode = words[_one_of(text, *words)]
        if mode != channel.mode:
            channel.mode, channel.started = mode, None

    def _set_source(self, channel: Channel, text: str) -> None:
        source = _SOURCES[_one_of(text, *_SOURCES)]
        if source != channel.source:
            channel.source, channel.started = source, None

    @staticmethod
    def _set_delay(channel: Channel, text: str) -> None:
        delay = number(text)
        if not 0 <= delay <= 1000:
            raise ScpiError(-222, "Data out of range")
        channel.delay_s = delay

    @staticmethod
    def _set_polarity(channel: Channel, text: str) -> None:
        channel.inverted = _one_of(text, "NORM", "NORMAL", "INV", "INVERTED").startswith("INV")

    @staticmethod
    def _set_rate(channel: Channel, text: str) -> None:
        rate = number(text)
        if not 1e-6 <= rate <= 250e6:
            raise ScpiError(-222, "Data out of range")
        channel.sample_rate_hz = rate

    @staticmethod
    def _word(channel: Channel, name: str, text: str, *allowed: str) -> None:
        setattr(channel, name, _one_of(text, *allowed))

    @staticmethod
    def _choose(channel: Channel, text: str) -> None:
        if text not in channel.tables:
            raise ScpiError(786, "Specified arb waveform does not exist")
        channel.selected = channel.tables[text]

    def _delete(self, call: Call) -> None:
        channel = self._of(call)
        with self._changing(channel):
            channel.tables.clear()
            channel.selected = BUILT_IN

    def _upload_codes(self, call: Call) -> None:
        """Store a waveform of 16-bit integers."""
        self._store(call, np.rint(self._samples(call, "i2")) / FULL_CODE)

    def _upload_values(self, call: Call) -> None:
        """Store a waveform of numbers from -1 to +1, single precision in a block."""
        self._store(call, self._samples(call, "f4"))

    def _samples(self, call: Call, kind: str) -> NDArray[np.float64]:
        """Samples that are sent as a name and a block of numbers of this NumPy kind, or a list of numbers."""
        if len(call.arguments) == 2 and isinstance(call.arguments[1], bytes):
            form = np.dtype(f"{'<' if self._swapped else '>'}{kind}")
            data = call.block(1)
            return np.frombuffer(data[: len(data) // form.itemsize * form.itemsize], dtype=form).astype(float)
        return np.array([call.number(index) for index in range(1, len(call.arguments))])

    def _store(self, call: Call, samples: NDArray[np.float64]) -> None:
        """Store samples in units of the full scale."""
        channel, name = self._of(call), call.text()
        if name in channel.tables:
            raise ScpiError(781, "Not enough memory to store new arb waveform; name already in use")
        if not (np.abs(samples) <= 1.0).all():  # written so that NaN is refused
            raise ScpiError(-222, "Data out of range")
        if len(samples) > _LONGEST_TABLE:
            raise ScpiError(-223, "Too much data")
        if len(samples) < _SHORTEST_TABLE:
            raise ScpiError(-109, "Missing parameter")
        channel.tables[name] = table_of_values(name, samples)

    def _points(self, call: Call) -> str:
        channel = self._of(call)
        table = channel.tables.get(call.text()) if call.arguments else channel.selected
        if table is None:
            raise ScpiError(786, "Specified arb waveform does not exist")
        return f"+{table.length}"

    def _table_rate(self, call: Call) -> str:
        channel = self._of(call)
        return _told(channel.sample_rate_hz / max(1, channel.selected.length))

    def _align(self) -> None:
        now = self._bench.clock()
        for channel in self._channels:
            channel.angle, channel.since = 0.0, now
        self._play()

    def _abort(self) -> None:
        for channel in self._channels:
            channel.started = None
        self._play()

    def _trigger(self, call: Call) -> None:
        channel = self._of(call)
        self._start(channel.source, self._bench.clock(), channel)

    def _set_clock(self, call: Call) -> None:
        self._external_clock = _one_of(call.text(), "INT", "INTERNAL", "EXT", "EXTERNAL").startswith("EXT")

    @staticmethod
    def _set_angle_unit(call: Call) -> None:
        _one_of(call.text(), "DEG", "DEGREE")

    def _set_order(self, call: Call) -> None:
        self._swapped = _one_of(call.text(), "NORM", "NORMAL", "SWAP", "SWAPPED").startswith("SWAP")

    def _edge(self, t: float) -> None:
        """Handle a signal edge at the trigger input at time t (s)."""
        with self._bench.lock:
            self._start("EXT", t)

    def _start(self, source: str, t: float, only: Channel | None = None) -> None:
        """Start the bursts that wait for this source."""
        for channel in self._channels:
            waits = channel.burst and channel.mode == "TRIG" and channel.source == source
            if not waits or only not in (None, channel) or (channel.started is not None and t < channel.ends):
                continue
            channel.started = t + LATENCY_S + channel.delay_s
            endless = channel.cycles >= INFINITE or channel.repetition_hz <= 0
            channel.ends = math.inf if endless else channel.started + channel.cycles / channel.repetition_hz
            self._drive(channel, channel.started)
            if channel.ends < t + 10.0:
                self._drive(channel, channel.ends)

    def _play(self) -> None:
        """Update all outputs in the World from now on."""
        now = self._bench.clock()
        for channel in self._channels:
            self._drive(channel, now)

    def _drive(self, channel: Channel, t: float) -> None:
        """Set the program of an output in the World from t on."""
        t = self._played.since(t, channel.name)
        self._played.play(t, channel.name, channel.program(t))


def _told(value: float, digits: int = 15) -> str:
    """Return a number in the generator's format: +1.000000000000000E+03; levels and phases have 13 decimals."""
    return f"{value + 0.0:+.{digits}E}" if value < INFINITE else "+9.900000000000000E+37"


def _told_vpp(channel: Channel) -> str:
    return _told(channel.open_vpp * channel.share, 13)


def _switch(text: str) -> bool:
    return _one_of(text, "ON", "OFF", "1", "0") in ("ON", "1")


def _one_of(text: str, *allowed: str) -> str:
    if text.upper() not in allowed:
        raise ScpiError(-224, "Illegal parameter value")
    return text.upper()


def _angle(channel: Channel, name: str, text: str) -> None:
    degrees = number(text)
    if not -360 <= degrees <= 360:
        raise ScpiError(-222, "Data out of range")
    setattr(channel, name, degrees)
