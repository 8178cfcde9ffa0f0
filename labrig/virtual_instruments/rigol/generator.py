"""A virtual Rigol DG1000Z with firmware 03.01.12: two channels that drive the World.

Commands, ranges and replies follow the DG1000Z Programming Guide (PGB09103) and drivers that were used with real
generators (see tests/wire/README.md). With these drivers, real generators also showed the following:
- two commands in one message hang the generator until its power is cycled;
- `*OPC?` gets no reply while a burst waits for its trigger;
- a setting reads back at once. If a message other than its read-back comes within 50 ms, the setting never reaches the
  output, even if the same value is sent again;
- `:ROSC:SOUR` is not known, `:SYST:ROSC:SOUR` is; without a signal at the clock input it goes back to INT;
- values out of range are limited without an error (the guide).
Where no source shows what the output does, it follows these rules:
- an armed burst waits at its idle level, and starts its delay after the trigger edge. A trigger ends an infinite burst
  that plays (the guide); only BURS OFF and ON make it wait again before that. Other settings change a running burst;
- the connector of a channel for trigger and sync is an input only while its burst waits for an external trigger. While
  it is an output, an edge on the line that the channels share is not seen;
- a period of a waveform has 8192 points, each of which is held until the next, as a pulse of a real generator shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.virtual_instruments.output_stage import INFINITE
from labrig.virtual_instruments.played import Played
from labrig.virtual_instruments.rigol.channel import LARGEST_CODE, Channel
from labrig.virtual_instruments.rigol.panel import MODES, OF_CHANNEL, OF_GENERATOR
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import ScpiError, boolean, number, split_units
from labrig.virtual_instruments.stored_settings import StoredSettings
from labrig.virtual_instruments.virtual_bench import VirtualBench

SETTLE_S = 0.05
"""Time after the read-back of a setting in which another message keeps it from the output (s)."""

_MOST_CYCLES = 1_000_000
_LEAST_POINTS, _MOST_POINTS = 8, 16384


@dataclass
class _Change:
    """The latest setting: the channel, its settings before, and the time of the setting or of its read-back (s)."""

    channel: Channel
    before: dict[str, Any]
    t: float
    read_back: bool = False


class VirtualDg1000z(ScpiInstrument):
    """A virtual generator.

    Parameters
    ----------
    bench
        The virtual bench.
    name
        Name on the bench; its channels are '<name>/1' and '<name>/2', the line to both trigger inputs '<name>/trigger'.
    model, serial
        Identity.
    reference
        Returns whether there is a 10 MHz clock at the clock input.
    settle_s
        Time after the read-back of a setting in which another message keeps it from the output (s).
    """

    def __init__(
        self,
        bench: VirtualBench,
        name: str,
        model: str = "DG1062Z",
        serial: str = "DG1ZVIRTUAL",
        reference: Callable[[], bool] = lambda: True,
        settle_s: float = SETTLE_S,
    ) -> None:
        super().__init__(f"Rigol Technologies,{model},{serial},03.01.12", bench.lock)
        self._bench = bench
        self._model = model
        self._reference = reference
        self._settle_s = settle_s
        self._external_clock = False
        self._hangs = False
        self._latest: _Change | None = None
        self._played = Played(bench)
        phases = RandomStream(bench.seed, f"{name} free-running phase")
        self._channels = [
            Channel(f"{name}/{number}", model, angle=float(phases.at(number).uniform())) for number in (1, 2)
        ]
        self._register()
        self._panel = StoredSettings(self, self._of, OF_CHANNEL, OF_GENERATOR, MODES, ("OFF", "ON"))
        bench.lines.listen(f"{name}/trigger", self._edge)

    @override
    def reset(self) -> None:
        """Reset (*RST): outputs off, 1 kHz, 5 Vpp into 50 Ω, no burst, the internal clock."""
        self._channels = [Channel(each.name, each.model, angle=each.angle, since=each.since) for each in self._channels]
        self._external_clock = False
        self._latest = None
        self._panel.reset()
        self._play()

    def power_cycle(self) -> None:
        """Lose power; afterwards the setup is the default."""
        with self.lock:
            self._hangs = False
            self.reset()
            self._clear()

    def channel(self, number: int) -> Channel:
        """The settings of a channel (1 or 2)."""
        return self._channels[number - 1]

    @override
    def execute(self, message: bytes) -> bytes:
        with self.lock:
            try:
                self._hangs = self._hangs or len(split_units(message)) > 1
            except ScpiError as error:
                self.report(error)
                return b""
            if self._hangs:
                return b""
            self._overtake(b"?" in message[:64])
            return super().execute(message)

    @override
    def next_error(self) -> str:
        told = super().next_error()
        return '0,"No error"' if told.startswith("+0") else told

    def _overtake(self, is_query: bool) -> None:
        """Keep the latest setting from the output if this message comes too early."""
        latest, now = self._latest, self._bench.clock()
        if latest is None:
            return
        if is_query and not latest.read_back:
            latest.t, latest.read_back = now, True
            return
        self._latest = None
        if now - latest.t < self._settle_s:
            channel = latest.channel
            reached = {**latest.before, **channel.lost}
            changed = {key for key, value in channel.settings().items() if value != latest.before[key]}
            channel.lost = {**channel.lost, **{key: reached[key] for key in changed}}
            self._drive(channel, now)

    def _register(self) -> None:
        source = "[SOURce#:]"
        self._value(f"{source}FUNCtion[:SHAPe]", lambda c: c.function, Channel.set_function)
        self._value(f"{source}FREQuency[:FIXed]", lambda c: _told(c.frequency_hz), Channel.set_frequency)
        level = f"{source}VOLTage[:LEVel][:IMMediate]"
        self._value(f"{level}[:AMPLitude]", lambda c: _told(c.open_vpp * c.share), Channel.set_vpp)
        self._value(f"{level}:OFFSet", _told_offset, Channel.set_offset)
        self._value(f"{source}VOLTage:UNIT", lambda c: c.unit, lambda c, text: _store(c, "unit", text, "VPP"))
        self._value(f"{source}PHASe[:ADJust]", lambda c: _told(c.phase_deg), lambda c, x: _angle(c, "phase_deg", x))
        burst = f"{source}BURSt"
        self._value(f"{burst}[:STATe]", lambda c: _state(c.burst), lambda c, text: c.set_burst(boolean(text)))
        self._value(f"{burst}:MODE", lambda c: c.mode, lambda c, text: c.set_mode(_one_of(text, _MODES)))
        self._value(f"{burst}:NCYCles", lambda c: str(round(c.cycles)), _set_cycles)
        self._value(
            f"{burst}:PHASe", lambda c: _told(c.burst_phase_deg), lambda c, text: _angle(c, "burst_phase_deg", text)
        )
        self._value(f"{burst}:TDELay", lambda c: _told(c.delay_s), _set_delay)
        self._value(f"{burst}:IDLE", lambda c: c.idle, lambda c, text: _store(c, "idle", text, *_IDLE))
        self._value(
            f"{burst}:TRIGger:SOURce", lambda c: c.source, lambda c, text: c.set_source(_one_of(text, _SOURCES))
        )
        self._value(f"{burst}:TRIGger:SLOPe", lambda c: c.slope, lambda c, text: _store(c, "slope", text, "POS", "NEG"))
        self._value("OUTPut#[:STATe]", lambda c: _state(c.on), lambda c, text: setattr(c, "on", boolean(text)))
        self._value("OUTPut#:LOAD", lambda c: _told(c.load_ohm), Channel.set_load)
        self._value("OUTPut#:IMPedance", lambda c: _told(c.load_ohm), Channel.set_load)
        self._value("OUTPut#:SYNC[:STATe]", lambda c: _state(c.sync), lambda c, x: setattr(c, "sync", boolean(x)))
        self._value("OUTPut#:POLarity", lambda c: "INVERTED" if c.inverted else "NORMAL", _set_polarity)
        self.query(f"{source}APPLy", lambda call: _applied(self._of(call)))
        for name in ("SINusoid", "SQUare", "RAMP", "PULSe", "USER", "DC"):
            self.command(f"{source}APPLy:{name}", lambda call, name=name: self._apply(call, name))
        self.command(f"{source}[TRACe:]DATA:DAC#", self._download_packets)
        self.command(f"{source}[TRACe:]DATA:DAC", self._download_codes)
        self.command(f"{source}[TRACe:]DATA[:DATA]", self._download_values)
        self.query(f"{source}[TRACe:]DATA:POINts", lambda call: str(self._of(call).table.length))
        self.command(f"{source}PHASe:SYNChronize", lambda _: self._align())
        self.command(f"{source}PHASe:INITiate", lambda _: self._align())
        self.command(f"{burst}:TRIGger[:IMMediate]", lambda call: self._start("MAN", self._bench.clock(), call))
        self.command("TRIGger#[:IMMediate]", lambda call: self._start("MAN", self._bench.clock(), call))
        self.command("*TRG", lambda _: self._start("MAN", self._bench.clock()))
        self.query(
            "SYSTem:ROSCillator:SOURce", lambda _: "EXT" if self._external_clock and self._reference() else "INT"
        )
        self.command("SYSTem:ROSCillator:SOURce", self._set_clock)
        self.query("*OPC", lambda _: None if any(each.waits for each in self._channels) else "1")

    def _value(self, pattern: str, told: Callable[[Channel], str], change: Callable[[Channel, str], object]) -> None:
        """Register a setting of a channel: its query, and its command."""
        self.query(pattern, lambda call: told(self._of(call)))
        self.command(pattern, lambda call: self._change(self._of(call), lambda c: change(c, call.text())))

    def _of(self, call: Call) -> Channel:
        place = call.suffixes[0] if call.suffixes else 1
        if place not in (1, 2):
            raise ScpiError(-114, "Header suffix out of range")
        return self._channels[place - 1]

    def _change(self, channel: Channel, change: Callable[[Channel], object]) -> None:
        """Change a channel's settings, and the World accordingly."""
        now, before, hertz = self._bench.clock(), channel.settings(), channel.at_output().frequency_hz
        try:
            change(channel)
        finally:
            for key, value in channel.settings().items():
                if value != before[key]:
                    channel.lost.pop(key, None)
            after = channel.at_output().frequency_hz
            if after != hertz:
                channel.angle, channel.since = (channel.angle + hertz * (now - channel.since)) % 1.0, now
                if channel.started is not None:  # a burst that plays keeps its phase, too
                    channel.started = now - hertz * (now - channel.started) / max(after, 1e-9)
            self._latest = _Change(channel, before, now)
            self._drive(channel, now)

    def _apply(self, call: Call, name: str) -> None:
        """Set waveform, frequency, amplitude, offset and phase; values left out or DEF are not changed here."""
        setters = (
            Channel.set_frequency,
            Channel.set_vpp,
            Channel.set_offset,
            lambda c, text: _angle(c, "phase_deg", text),
        )
        words = [str(word) for word in call.arguments]

        def apply(channel: Channel) -> None:
            channel.set_function(name.upper())
            for setter, word in zip(setters, words, strict=False):
                if word.upper() not in ("DEF", "DEFAULT"):
                    setter(channel, word)

        self._change(self._of(call), apply)

    def _download_packets(self, call: Call) -> None:
        """Take a packet of binary codes; the last one selects the waveform."""
        flag, data = call.text(1).upper(), call.block(2)
        codes = _codes(data)
        if call.suffixes[1] != 16:
            raise ScpiError(-113, "Undefined header; keyword cannot be found")
        if call.text().upper() != "VOLATILE" or flag not in ("CON", "END") or len(codes) < _LEAST_POINTS:
            raise ScpiError(-220, "Parameter error")
        channel = self._of(call)
        channel.packets = (*channel.packets, data)
        if flag == "END":
            whole = _codes(b"".join(channel.packets))
            channel.packets = ()
            self._change(channel, lambda c: c.download(2 * whole / LARGEST_CODE - 1))

    def _download_codes(self, call: Call) -> None:
        """Take all codes of a waveform, as a block or as decimal numbers."""
        if len(call.arguments) == 2 and isinstance(call.arguments[1], bytes):
            codes = _codes(call.block(1))
        else:
            codes = np.array([call.number(index) for index in range(1, len(call.arguments))])
        if not _LEAST_POINTS <= len(codes) <= _MOST_POINTS or codes.min() < 0 or codes.max() > LARGEST_CODE:
            raise ScpiError(-220, "Parameter error")
        self._change(self._of(call), lambda c: c.download(2 * codes / LARGEST_CODE - 1))

    def _download_values(self, call: Call) -> None:
        """Take a waveform as numbers from −1 to 1, which become codes."""
        values = np.array([call.number(index) for index in range(1, len(call.arguments))])
        if not _LEAST_POINTS <= len(values) <= _MOST_POINTS or np.abs(values).max() > 1:
            raise ScpiError(-220, "Parameter error")
        codes = np.rint((values + 1) / 2 * LARGEST_CODE)
        self._change(self._of(call), lambda c: c.download(2 * codes / LARGEST_CODE - 1))

    def _align(self) -> None:
        now = self._bench.clock()
        for channel in self._channels:
            channel.angle, channel.since = 0.0, now
        self._play()

    def _set_clock(self, call: Call) -> None:
        self._external_clock = _one_of(call.text(), _CLOCKS) == "EXT"

    def _edge(self, t: float) -> None:
        """Handle a signal edge on the line to the trigger inputs at time t (s)."""
        with self._bench.lock:
            if not any(channel.at_output().drives_the_trigger_line for channel in self._channels):
                self._start("EXT", t)

    def _start(self, source: str, t: float, call: Call | None = None) -> None:
        """Trigger the bursts that wait for this source, or end those that play."""
        for channel in self._channels if call is None else (self._of(call),):
            state = channel.at_output()
            if not (state.burst and state.source == source and state.mode != "GAT" and state.on):
                continue
            if channel.started is not None and t < channel.ends:
                if state.mode == "INF" and channel.started <= t:
                    channel.ends = t
                    self._drive(channel, t)
                continue
            channel.started = t + state.delay_s
            endless = state.mode == "INF"
            channel.ends = math.inf if endless else channel.started + state.cycles / state.frequency_hz
            self._drive(channel, channel.started)
            if channel.ends < t + 10.0:
                self._drive(channel, channel.ends)

    def _play(self) -> None:
        """Update both outputs in the World from now on."""
        now = self._bench.clock()
        for channel in self._channels:
            self._drive(channel, now)

    def _drive(self, channel: Channel, t: float) -> None:
        """Set the program of an output in the World from t on."""
        t = self._played.since(t, channel.name)
        self._played.play(t, channel.name, channel.at_output().program(t))


_MODES = {"TRIG": "TRIG", "TRIGGERED": "TRIG", "INF": "INF", "INFINITY": "INF", "GAT": "GAT", "GATED": "GAT"}
_SOURCES = {"INT": "INT", "INTERNAL": "INT", "EXT": "EXT", "EXTERNAL": "EXT", "MAN": "MAN", "MANUAL": "MAN"}
_CLOCKS = {"INT": "INT", "INTERNAL": "INT", "EXT": "EXT", "EXTERNAL": "EXT"}
_IDLE = ("FPT", "TOP", "CENTER", "BOTTOM")


def _told(value: float) -> str:
    """Return a number in the generator's format, with seven digits: 1.000000E+03."""
    return f"{value + 0.0:.6E}" if value < INFINITE else "9.900000E+37"


def _told_offset(channel: Channel) -> str:
    """Return the offset, which reads 0 for a constant level."""
    return _told(0.0 if channel.function == "DC" else channel.open_offset_v * channel.share)


def _applied(channel: Channel) -> str:
    offset = _told(channel.open_offset_v * channel.share)
    if channel.function == "DC":
        return f'"DC,DEF,DEF,{offset},DEF"'
    frequency, vpp = _told(channel.frequency_hz), _told(channel.open_vpp * channel.share)
    return f'"{channel.function},{frequency},{vpp},{offset},{_told(channel.phase_deg)}"'


def _state(on: bool) -> str:
    return "ON" if on else "OFF"


def _one_of(text: str, words: dict[str, str]) -> str:
    if text.upper() not in words:
        raise ScpiError(-224, "Illegal parameter value")
    return words[text.upper()]


def _store(channel: Channel, name: str, text: str, *allowed: str) -> None:
    setattr(channel, name, _one_of(text, {word: word for word in allowed}))


def _angle(channel: Channel, name: str, text: str) -> None:
    setattr(channel, name, min(max(number(text), 0.0), 360.0))


def _set_delay(channel: Channel, text: str) -> None:
    channel.delay_s = min(max(number(text), 0.0), 100.0)


def _set_cycles(channel: Channel, text: str) -> None:
    channel.cycles = min(max(round(number(text)), 1), _MOST_CYCLES)


def _set_polarity(channel: Channel, text: str) -> None:
    words = {"NORM": "N", "NORMAL": "N", "INV": "I", "INVERTED": "I"}
    channel.inverted = _one_of(text, words) == "I"


def _codes(data: bytes) -> NDArray[np.float64]:
    """Return little-endian 14-bit codes; raises ScpiError for anything else."""
    codes = np.frombuffer(data[: len(data) // 2 * 2], "<u2").astype(float)
    if len(data) % 2 or len(codes) > _MOST_POINTS or (codes > LARGEST_CODE).any():
        raise ScpiError(-220, "Parameter error")
    return codes
