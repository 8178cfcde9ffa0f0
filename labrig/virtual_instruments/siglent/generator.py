"""A virtual Siglent SDG2000X: two channels that answer as an SDG2042X does and drive the World.

What it answers follows transcripts of a real one (wave.py). What it plays, where no transcript can say:
- a running sine keeps its phase accumulator when its frequency changes; after power-up each channel has a phase of its
  own, until EQPHASE or MODE PHASELOCKED aligns them;
- an armed burst waits at its offset plus the level of its start phase, starts DLAY after the edge, and ignores further
  edges while it plays. Only a *change* of STATE, TRSR, TIME or GATE_NCYC, or a new waveform type, stops it: a driver
  must not rely on more;
- a burst of counted cycles is planned with its end, so what is written meanwhile shows after that end;
- with `ROSC EXT` and nothing at the 10 MHz input it stays on INT;
- NOISE, SQUARE, RAMP, PULSE and gated bursts answer but play their offset alone: the World knows tones.
Commands chained with `;` are not carried out beyond the first: no transcript or guide shows that a real one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from labrig.random_streams import RandomStream
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.servers import Latency
from labrig.virtual_instruments.scpi.syntax import MAX_MESSAGE, ScpiError
from labrig.virtual_instruments.siglent.arbitrary import Table, table_of
from labrig.virtual_instruments.siglent.burst import Burst
from labrig.virtual_instruments.siglent.shapes import shape_of
from labrig.virtual_instruments.siglent.wave import BasicWave
from labrig.virtual_instruments.virtual_bench import VirtualBench

_LONG = 1024

FIRMWARE = "2.01.01.23R7"
HIGHEST_SINE_HZ = {"SDG1032X": 30e6, "SDG2042X": 40e6, "SDG2082X": 80e6, "SDG2122X": 120e6, "SDG6022X": 200e6}

MEASURED_LATENCY = Latency(write_s=7e-3, query_s=5e-3)
"""Middle of what an SDG2042X took over VXI-11: 4 to 10 ms a write, 2 to 8 ms a query."""


def measured_latency(message: bytes) -> float:
    """The real one's times by command (s): a new waveform type 15 to 30 ms, an output relay 80 to 260 ms, else
    `MEASURED_LATENCY`."""
    if b"WVTP" in message[:64]:
        return 22e-3
    if b"OUTP ON" in message[:64]:
        return 170e-3
    return MEASURED_LATENCY(message)


@dataclass(eq=False)
class _Output:
    """One channel: its name on the bench, its settings, and where its generator stands."""

    channel: str
    wave: BasicWave
    burst: Burst = field(default_factory=Burst)
    angle: float = 0.0  # of the phase accumulator, in turns, at `since`
    since: float = 0.0
    started: float | None = None  # when the burst's first sample came, or will
    ends: float = math.inf
    latest: float = -math.inf  # the last change the World knows of
    played: ToneProgram | None = None


class VirtualSdg(ScpiInstrument):
    """name: the instrument's name on the bench; its channels are '<name>/1' and '<name>/2', its trigger input
    '<name>/trigger'. reference: whether a 10 MHz clock is at its input. joins_long: a message of more than 1024 bytes
    goes on with the next, as the author of awg-scpi found on an SDG6022X; otherwise the END flag ends it."""

    def __init__(
        self,
        bench: VirtualBench,
        name: str,
        model: str = "SDG2042X",
        serial: str = "SDG2XVIRTUAL",
        reference: Callable[[], bool] = lambda: True,
        joins_long: bool = False,
    ) -> None:
        identity = f"Siglent Technologies,{model},{serial},{FIRMWARE}"
        super().__init__(identity, bench.lock, raw_after=frozenset({"WAVEDATA"}), chaining=False)
        self._bench = bench
        self._highest_hz = HIGHEST_SINE_HZ.get(model, 40e6)
        self._reference = reference
        self._joins_long = joins_long
        self._unfinished = b""
        self._tables: dict[str, Table] = {}
        self._external_clock = False
        self._clock_out = False
        self._locked = False
        self._both = False
        self._sync = ["OFF", "OFF"]
        phases = RandomStream(bench.seed, f"{name} free-running phase")
        self._outputs = [
            _Output(f"{name}/{i}", BasicWave(self._highest_hz), angle=float(phases.at(i).uniform())) for i in (1, 2)
        ]
        self._register()
        bench.lines.listen(f"{name}/trigger", self._edge)

    def reset(self) -> None:
        """*RST: outputs off, 1 kHz, 4 Vpp at high impedance, no burst. The clock source stays."""
        for output in self._outputs:
            output.wave, output.burst, output.started = BasicWave(self._highest_hz), Burst(), None
        self._both = False
        self._play()

    def power_cycle(self) -> None:
        """What a mains failure leaves: settings as after *RST, own clock, no uploaded tables."""
        with self.lock:
            self.reset()
            self._tables.clear()
            self._external_clock = self._locked = False
            self._unfinished = b""

    def execute(self, message: bytes) -> bytes:
        with self.lock:
            if self._joins_long and len(message) > _LONG:
                self._unfinished = (self._unfinished + message)[-MAX_MESSAGE:]
                return b""
            whole, self._unfinished = self._unfinished + message, b""
            return super().execute(whole)

    def next_error(self) -> str:
        """A real one never has an error to report, whatever was written to it."""
        return "+0, No error"

    def settings(self, channel: int) -> tuple[BasicWave, Burst]:
        """What a channel (1 or 2) is set to."""
        output = self._outputs[channel - 1]
        return output.wave, output.burst

    def _register(self) -> None:
        channel = self._channel
        self.query("C#:BaSic_WaVe", lambda c: f"C{c.suffixes[0]}:BSWV {channel(c).wave.basic_reply()}")
        self.query("C#:OUTPut", lambda c: f"C{c.suffixes[0]}:OUTP {channel(c).wave.output_reply()}")
        self.query("C#:BursTWaVe", lambda c: f"C{c.suffixes[0]}:BTWV {channel(c).burst.reply(channel(c).wave)}")
        self.query("C#:ARbWaVe", lambda c: f"C{c.suffixes[0]}:ARWV {self._waveform(channel(c).wave.arbitrary)}")
        self.query("C#:MoDulateWaVe", lambda c: f"C{c.suffixes[0]}:MDWV STATE,OFF")
        self.query("C#:SWeepWaVe", lambda c: f"C{c.suffixes[0]}:SWWV STATE,OFF")
        self.query("C#:SYNC", lambda c: f"C{c.suffixes[0]}:SYNC {self._sync[self._index(c)]}")
        self.query("C#:CoMBiNe", lambda c: f"C{c.suffixes[0]}:CMBN OFF")
        self.query("ROSCillator", lambda _: f"ROSC {self._clock()},10MOUT,{'ON' if self._clock_out else 'OFF'}")
        self.query("MODE", lambda _: f"MODE {'PHASELOCKED' if self._locked else 'INDEPENDENT'}")
        self.query("COUPling", lambda _: f"COUP TRACE,OFF,FCOUP,OFF,PCOUP,OFF,ACOUP,OFF,TRDUCH,{self._both_word()}")
        self.command("C#:BaSic_WaVe", self._basic_wave)
        self.command("C#:OUTPut", self._output_words)
        self.command("C#:BursTWaVe", self._burst_words)
        self.command("C#:ARbWaVe", self._choose)
        self.command("C#:WaVe_DaTa", self._upload)
        self.command("C#:SYNC", self._set_sync)
        self.command("ROSCillator", self._set_clock)
        self.command("MODE", self._set_mode)
        self.command("EQPHASE", lambda _: self._align())
        self.command("COUPling", self._couple)

    def report(self, error: ScpiError) -> None:
        """What cannot be understood is ignored without a trace."""

    def _index(self, call: Call) -> int:
        if call.suffixes[0] not in (1, 2):
            raise ScpiError(-114, "Header suffix out of range")
        return call.suffixes[0] - 1

    def _channel(self, call: Call) -> _Output:
        return self._outputs[self._index(call)]

    @staticmethod
    def _texts(call: Call) -> tuple[str, ...]:
        return tuple(argument for argument in call.arguments if isinstance(argument, str))

    def _clock(self) -> str:
        return "EXT" if self._external_clock and self._reference() else "INT"

    def _both_word(self) -> str:
        return "ON" if self._both else "OFF"

    def _basic_wave(self, call: Call) -> None:
        output, words = self._channel(call), self._texts(call)
        before = output.wave.frequency_hz
        for key, value in zip(words[::2], words[1::2], strict=False):
            output.wave.set(key, value)
            if key.upper() == "WVTP":
                output.burst.on, output.started = False, None
        self._moved(output, before)
        self._play(output)

    def _output_words(self, call: Call) -> None:
        output = self._channel(call)
        try:
            output.wave.set_output(self._texts(call))
        finally:
            self._play(output)

    def _burst_words(self, call: Call) -> None:
        output = self._channel(call)
        burst, before = output.burst, output.wave.frequency_hz
        triggered = False
        words = self._texts(call)
        at = 0
        while at < len(words):  # pair by pair: a change and its opposite in one message are two changes
            length = 1 if words[at].upper() == "MTRIG" else 3 if words[at].upper() == "CARR" else 2
            held = (burst.on, burst.source, burst.cycles, burst.gated, output.wave.kind)
            triggered |= burst.set(words[at : at + length], output.wave)
            if held != (burst.on, burst.source, burst.cycles, burst.gated, output.wave.kind):
                output.started = None
            at += length
        self._moved(output, before)
        self._play(output)
        if triggered and burst.source == "MAN":
            t = self._bench.clock()
            for each in self._outputs if self._both else (output,):
                if each.burst.on and each.burst.source == "MAN":
                    self._start(each, t)

    def _moved(self, output: _Output, before_hz: float) -> None:
        """The phase accumulator goes on from where it stands when the frequency changes."""
        if output.wave.frequency_hz != before_hz:
            now = self._bench.clock()
            output.angle = (output.angle + before_hz * (now - output.since)) % 1.0
            output.since = now

    def _align(self) -> None:
        now = self._bench.clock()
        for output in self._outputs:
            output.angle, output.since = 0.0, now
        self._play()

    def _choose(self, call: Call) -> None:
        words = self._texts(call)
        name = words[1] if len(words) > 1 and words[0].upper() == "NAME" else None
        if name is not None and name in self._tables:
            self._channel(call).wave.arbitrary = name
            self._play(self._channel(call))

    def _waveform(self, name: str) -> str:
        """How a waveform is called in replies: a built-in one by its index too, an uploaded one as the file it is."""
        return f"NAME,{name}.bin" if name in self._tables else f"INDEX,2,NAME,{name}"

    def _upload(self, call: Call) -> None:
        """`WVNM,<name>,…,WAVEDATA,<16-bit samples>`; the parameters beside the samples are what the panel would show
        for the stored wave, and set nothing until it is chosen."""
        self._index(call)
        words = call.arguments
        if not words or not isinstance(words[-1], bytes):
            raise ScpiError(-109, "Missing parameter")
        pairs = {str(key).upper(): value for key, value in zip(words[::2], words[1::2], strict=False)}
        name = pairs.get("WVNM")
        if isinstance(name, str) and name:
            self._tables[name] = table_of(name, words[-1])
            self._play()

    def _set_sync(self, call: Call) -> None:
        self._sync[self._index(call)] = "ON" if call.text().upper() == "ON" else "OFF"

    def _set_clock(self, call: Call) -> None:
        words = tuple(word.upper() for word in self._texts(call))
        if words[:1] in (("INT",), ("EXT",)):
            self._external_clock = words[0] == "EXT"
        if words[:1] == ("10MOUT",):
            self._clock_out = words[1:] == ("ON",)

    def _set_mode(self, call: Call) -> None:
        word = call.text().upper()
        if word in ("PHASELOCKED", "PHASE-LOCKED", "INDEPENDENT"):
            self._locked = word != "INDEPENDENT"
            if self._locked:
                self._align()

    def _couple(self, call: Call) -> None:
        words = tuple(word.upper() for word in self._texts(call))
        if words[:1] == ("TRDUCH",):
            self._both = words[1:] == ("ON",)

    def _edge(self, t: float) -> None:
        """An edge at the trigger input."""
        with self._bench.lock:
            for output in self._outputs:
                if output.burst.on and output.burst.source == "EXT" and not output.burst.gated:
                    self._start(output, t)

    def _start(self, output: _Output, t: float) -> None:
        """Play the burst, unless it plays already."""
        burst, wave = output.burst, output.wave
        if output.started is not None and t < output.ends:
            return
        output.started = t + burst.delay_s
        counted = burst.cycles is not None and wave.frequency_hz > 0
        output.ends = output.started + (burst.cycles or 0) / wave.frequency_hz if counted else math.inf
        self._drive(output, output.started)
        if output.ends < math.inf:
            self._drive(output, output.ends)

    def _play(self, *outputs: _Output) -> None:
        """From now on these outputs, or all, play what they are set to."""
        now = self._bench.clock()
        for output in outputs or self._outputs:
            self._drive(output, now)

    def _drive(self, output: _Output, t: float) -> None:
        """Tell the World what the output plays from t on. Its timeline only grows."""
        t = max(t, output.latest)
        if output.started is not None and t >= output.ends:
            output.started = None
        if not output.wave.on:
            program = None
        elif not output.burst.on:
            program = self._running(output, output.angle + output.wave.frequency_hz * (t - output.since))
        elif output.started is None:
            program = self._waiting(output)
        else:
            program = self._running(output, output.wave.frequency_hz * (t - output.started))
        if program == output.played and not (program and program.tones):
            return
        output.latest, output.played = t, program
        self._bench.world.drive(t, output.channel, program)

    def _table(self, wave: BasicWave) -> Table | None:
        """What is no sine, as harmonics; None where only its offset can be played."""
        return self._tables.get(wave.arbitrary) if wave.kind == "ARB" else shape_of(wave)

    def _waiting(self, output: _Output) -> ToneProgram:
        """Offset plus the level of the start phase."""
        wave = output.wave
        level = 0.0
        if wave.kind == "SINE":
            level = wave.amplitude_v / 2 * _clean(math.sin(math.radians(wave.phase_deg)))
        elif (table := self._table(wave)) is not None:
            turn = 0.0 if wave.kind == "PULSE" else wave.phase_deg / 360  # a pulse has a delay instead
            level = wave.amplitude_v / 2 * (table.at(turn) if turn else table.first)
        return _polarity(wave, ToneProgram(wave.offset_v + level))

    def _running(self, output: _Output, turn: float) -> ToneProgram:
        """The generator, from where its accumulator stands at `turn`."""
        wave = output.wave
        if wave.kind == "DC":
            return _polarity(wave, ToneProgram(wave.dc_v))
        if wave.kind != "PULSE":
            turn += wave.phase_deg / 360
        size = wave.amplitude_v / 2
        if wave.kind == "SINE" and wave.frequency_hz > 0:
            tone = Tone(wave.frequency_hz, size, 2 * math.pi * ((turn - 0.25) % 1.0))
            return _polarity(wave, ToneProgram(wave.offset_v, (tone,)))
        table = self._table(wave)
        if table is None or wave.frequency_hz <= 0:
            return _polarity(wave, ToneProgram(wave.offset_v))
        tones = tuple(
            Tone(order * wave.frequency_hz, size * share, 2 * math.pi * ((order * turn) % 1.0) + phase)
            for order, share, phase in table.harmonics
        )
        return _polarity(wave, ToneProgram(wave.offset_v + size * table.mean, tones))


def _clean(sine: float) -> float:
    """The sine of 180° is 0, not 1e-16."""
    return 0.0 if abs(sine) < 1e-12 else sine


def _polarity(wave: BasicWave, program: ToneProgram) -> ToneProgram:
    """Inverted polarity turns the offset as well as the waveform."""
    if not wave.inverted or program == SILENT:
        return program
    tones = tuple(Tone(tone.frequency_hz, tone.amplitude, tone.phase_rad + math.pi) for tone in program.tones)
    return ToneProgram(-program.dc, tones)
