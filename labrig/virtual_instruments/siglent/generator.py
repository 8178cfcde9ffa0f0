"""A virtual Siglent SDG2000X: two channels that reply like those of an SDG2042X, and drive the World.

The replies follow transcripts of a real one (wave.py). The output, which no transcript shows, follows these rules:
- a running sine keeps its phase accumulator when its frequency changes; after power-up the channels have random
  phases, until EQPHASE or MODE PHASE-LOCKED aligns them;
- an armed burst waits at its offset plus the level of its start phase, starts DLAY after the trigger edge, and ignores
  further edges while it plays. Only a *change* of STATE, TRSR, TIME or GATE_NCYC, or a new waveform type, stops it: a
  driver must not rely on more;
- an N-cycle burst of up to 10 s is scheduled together with its end, so settings written during the burst take effect
  after it; a longer burst continues until something is set;
- with `ROSC EXT` and no signal at the 10 MHz input, the generator stays on INT;
- with `CMBN` a connector carries the sum of both channels, even if the other output is off (as on an SDG2122X);
- with `SYNC` on, the SYNC connector, which is also the trigger input, is an output, so no trigger edge is seen;
- *RST is known to reset waves, outputs and bursts. Here it resets nothing else: a driver must not rely on more;
- NOISE and gated bursts reply normally but play only their offset: the World knows constants and tones.
Only the first of several commands chained with `;` is executed, because no transcript or guide shows more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from typing_extensions import override

from labrig.random_streams import RandomStream
from labrig.signals.tones import ToneProgram
from labrig.virtual_instruments.played import Played
from labrig.virtual_instruments.sample_table import Table, table_of
from labrig.virtual_instruments.scpi.instrument import Call, ScpiInstrument
from labrig.virtual_instruments.scpi.syntax import MAX_MESSAGE, ScpiError
from labrig.virtual_instruments.siglent.burst import Burst
from labrig.virtual_instruments.siglent.coupling import Coupling
from labrig.virtual_instruments.siglent.harmonics import Harmonics
from labrig.virtual_instruments.siglent.models import Firmware, model_of
from labrig.virtual_instruments.siglent.output import Output
from labrig.virtual_instruments.siglent.panel import BUILT_IN, Panel
from labrig.virtual_instruments.siglent.shapes import shape_of
from labrig.virtual_instruments.siglent.wave import BasicWave
from labrig.virtual_instruments.virtual_bench import VirtualBench

_LONG = 1024
_LONGEST_SCHEDULED_S = 10.0
_POLARITY = {"ON": "INVT", "OFF": "NOR"}


class VirtualSdg(ScpiInstrument):
    """A virtual generator.

    Parameters
    ----------
    bench
        The virtual bench.
    name
        Name on the bench; its channels are '<name>/1' and '<name>/2', its trigger input '<name>/trigger'.
    model, serial
        Identity.
    firmware
        Its firmware; None for the default of the model.
    reference
        Returns whether there is a 10 MHz clock at the 10 MHz input.
    joins_long
        Whether a message of more than 1024 bytes continues with the next message, as on an SDG6022X according to the
        author of awg-scpi; otherwise the END flag ends the message.
    """

    def __init__(
        self,
        bench: VirtualBench,
        name: str,
        model: str = "SDG2042X",
        serial: str = "SDG2XVIRTUAL",
        reference: Callable[[], bool] = lambda: True,
        joins_long: bool = False,
        firmware: Firmware | None = None,
    ) -> None:
        self.firmware = firmware or model_of(model).firmware[0]
        identity = f"Siglent Technologies,{model},{serial},{self.firmware.version}"
        super().__init__(identity, bench.lock, raw_after=frozenset({"WAVEDATA"}), chaining=False)
        self.has_blocks = False
        self._bench = bench
        self._played = Played(bench)
        self._highest_hz = model_of(model).highest_hz
        self._reference = reference
        self._joins_long = joins_long
        self._unfinished = b""
        self._swallowing = False
        self._tables: dict[str, Table] = {}
        self._external_clock = False
        self._clock_out = False
        self._locked = False
        self._coupling = Coupling()
        phases = RandomStream(bench.seed, f"{name} free-running phase")
        self._outputs = [Output(f"{name}/{i}", self._new_wave(), angle=float(phases.at(i).uniform())) for i in (1, 2)]
        self._register()
        bench.lines.listen(f"{name}/trigger", self._edge)

    @override
    def reset(self) -> None:
        """Reset (*RST): outputs off, 1 kHz, 4 Vpp into high impedance, no burst. All other settings are kept."""
        for output in self._outputs:
            output.wave, output.burst, output.started = self._new_wave(), Burst(), None
        self._play()

    def power_cycle(self) -> None:
        """Lose power; afterwards the setup is the default, the clock internal, and no table uploaded."""
        with self.lock:
            self._coupling = Coupling()
            for output in self._outputs:
                output.harmonics, output.true_rate, output.combines, output.sync = Harmonics(), None, False, False
            self.reset()
            self._tables.clear()
            self._external_clock = self._locked = False
            self._unfinished = b""

    @override
    def execute(self, message: bytes) -> bytes:
        with self.lock:
            if self._joins_long and len(message) > _LONG:
                self._unfinished = (self._unfinished + message)[-MAX_MESSAGE:]
                return b""
            whole, self._unfinished = self._unfinished + message, b""
            if self._swallowing:
                self._swallowing = False
                return b""
            return super().execute(whole)

    @override
    def next_error(self) -> str:
        """Return no error, as a real SDG always does, whatever was written to it."""
        return "+0, No error"

    def settings(self, channel: int) -> tuple[BasicWave, Burst]:
        """Settings of a channel (1 or 2)."""
        output = self._outputs[channel - 1]
        return output.wave, output.burst

    def _register(self) -> None:
        channel = self._channel
        self.query("C#:BaSic_WaVe", lambda c: f"C{c.suffixes[0]}:BSWV {channel(c).wave.basic_reply()}")
        self.query("C#:OUTPut", lambda c: f"C{c.suffixes[0]}:OUTP {self._output_reply(channel(c).wave)}")
        self.query("C#:BursTWaVe", lambda c: f"C{c.suffixes[0]}:BTWV {channel(c).burst.reply(channel(c).wave)}")
        self.query("C#:ARbWaVe", lambda c: f"C{c.suffixes[0]}:ARWV {self._waveform(channel(c).wave.arbitrary)}")
        self.query("C#:MoDulateWaVe", lambda c: f"C{c.suffixes[0]}:MDWV STATE,OFF")
        self.query("C#:SWeepWaVe", lambda c: f"C{c.suffixes[0]}:SWWV STATE,OFF")
        self.query("C#:SYNC", lambda c: f"C{c.suffixes[0]}:SYNC {'ON' if channel(c).sync else 'OFF'}")
        self.query("C#:CoMBiNe", lambda c: f"C{c.suffixes[0]}:CMBN {'ON' if channel(c).combines else 'OFF'}")
        self.query("ROSCillator", lambda _: f"ROSC {self._clock()}{self._clock_output()}")
        self.query("MODE", lambda _: f"MODE {'PHASE-LOCKED' if self._locked else 'INDEPENDENT'}")
        self.query("COUPling", lambda _: f"COUP {self._coupling.reply(self.firmware.tells_trigger_coupling)}")
        self.command("C#:BaSic_WaVe", self._basic_wave)
        self.command("C#:OUTPut", self._output_words)
        self.command("C#:BursTWaVe", self._burst_words)
        self.command("C#:ARbWaVe", self._choose)
        self.command("C#:WaVe_DaTa", self._upload)
        self.command("C#:SYNC", self._set_sync)
        self.command("C#:CoMBiNe", self._combine)
        self.command("C#:HARMonic", self._set_harmonics)
        self.command("ROSCillator", self._set_clock)
        self.command("MODE", self._set_mode)
        self.command("EQPHASE", lambda _: self._align())
        self.command("COUPling", self._couple)
        self.command("C#:INVerT", lambda c: self._output_words(Call(c.suffixes, ("PLRT", _POLARITY[c.text().upper()]))))
        Panel(self, channel, self._tables, self._play)

    @override
    def report(self, error: ScpiError) -> None:
        """Ignore the error, as a real generator does."""

    def _index(self, call: Call) -> int:
        if call.suffixes[0] not in (1, 2):
            raise ScpiError(-114, "Header suffix out of range")
        return call.suffixes[0] - 1

    def _channel(self, call: Call) -> Output:
        return self._outputs[self._index(call)]

    @staticmethod
    def _texts(call: Call) -> tuple[str, ...]:
        return tuple(argument for argument in call.arguments if isinstance(argument, str))

    def _clock(self) -> str:
        return "EXT" if self._external_clock and self._reference() else "INT"

    def _clock_output(self) -> str:
        return f",10MOUT,{'ON' if self._clock_out else 'OFF'}" if self.firmware.tells_clock_output else ""

    def _new_wave(self) -> BasicWave:
        version = self.firmware
        return BasicWave(self._highest_hz, level_step_v=version.level_step_v, phase_step_deg=version.phase_step_deg)

    def _output_reply(self, wave: BasicWave) -> str:
        told = ",POWERON_STATE,0,PLRT," if self.firmware.tells_power_on_state else ",PLRT,"
        return wave.output_reply().replace(",PLRT,", told)

    @contextmanager
    def _changing(self, output: Output) -> Iterator[None]:
        """Context for a change of this channel's settings, which is applied to a coupled channel and to the World."""
        before = [each.wave.frequency_hz for each in self._outputs]
        try:
            yield
        finally:
            self._coupling.follow(self._outputs[0].wave, self._outputs[1].wave, self._outputs.index(output) + 1)
            for each, hertz in zip(self._outputs, before, strict=True):
                self._moved(each, hertz)
            self._play(*(self._outputs if self._coupling.active else (output,)))

    def _basic_wave(self, call: Call) -> None:
        output, words = self._channel(call), self._texts(call)
        kinds = [word.upper() for word in words[::2]]
        self._swallowing = self.firmware.swallows_after_wave_type and "WVTP" in kinds and len(kinds) > 1
        with self._changing(output):
            for key, value in zip(words[::2], words[1::2], strict=False):
                if key.upper() == "WVTP":
                    if output.combines and value.upper() == "SQUARE":
                        continue  # ignored by an SDG1032X
                    output.burst.on, output.started = False, None
                output.wave.set(key, value)

    def _output_words(self, call: Call) -> None:
        output = self._channel(call)
        with self._changing(output):
            output.wave.set_output(self._texts(call))

    def _burst_words(self, call: Call) -> None:
        output = self._channel(call)
        burst = output.burst
        triggered = False
        words = self._texts(call)
        at = 0
        with self._changing(output):
            while at < len(words):  # pair by pair: a change and its reversal in one message are two changes
                length = 1 if words[at].upper() == "MTRIG" else 3 if words[at].upper() == "CARR" else 2
                held = (burst.on, burst.source, burst.cycles, burst.gated, output.wave.kind)
                triggered |= burst.set(words[at : at + length], output.wave)
                if held != (burst.on, burst.source, burst.cycles, burst.gated, output.wave.kind):
                    output.started = None
                at += length
        if triggered and burst.source == "MAN":
            together = self._outputs if self._coupling.triggers_both else (output,)
            self._start(
                [each for each in together if each.burst.on and each.burst.source == "MAN"], self._bench.clock()
            )

    def _moved(self, output: Output, before_hz: float) -> None:
        """Continue the phase accumulator from its present value when the frequency changes."""
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
        key, name = (words[0].upper(), words[1]) if len(words) > 1 else ("", "")
        by_index = BUILT_IN.get(int(name), "") if key == "INDEX" and name.isdecimal() else ""
        if (name := by_index or name) and (by_index or (key == "NAME" and name in self._tables)):
            with self._changing(self._channel(call)):
                self._channel(call).wave.arbitrary = name

    def _waveform(self, name: str) -> str:
        """Return the waveform as in replies: a built-in waveform with its index, an uploaded one as a file name."""
        index = next((index for index, known in BUILT_IN.items() if known == name), 2)
        return f"NAME,{name}.bin" if name in self._tables else f"INDEX,{index},NAME,{name}"

    def _upload(self, call: Call) -> None:
        """Store a table: `WVNM,<name>,…,WAVEDATA,<16-bit samples>`. The other parameters have no effect here."""
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
        self._channel(call).sync = call.text().upper() == "ON"

    def _combine(self, call: Call) -> None:
        output = self._channel(call)
        output.combines = {"ON": True, "OFF": False}.get(call.text().upper(), output.combines)
        self._play(output)

    def _set_harmonics(self, call: Call) -> None:
        output = self._channel(call)
        if output.wave.kind == "SINE":
            output.harmonics.set(self._texts(call), output.wave.amplitude_v * output.wave.factor)
            self._play(output)

    def _set_clock(self, call: Call) -> None:
        words = tuple(word.upper() for word in self._texts(call))
        if words[:1] in (("INT",), ("EXT",)):
            self._external_clock = words[0] == "EXT"
        if words[:1] == ("10MOUT",):
            self._clock_out = words[1:] == ("ON",)

    def _set_mode(self, call: Call) -> None:
        word = call.text().upper()
        if word in ("PHASE-LOCKED", "INDEPENDENT"):  # the guide's PHASELOCKED is ignored
            self._locked = word != "INDEPENDENT"
            if self._locked:
                self._align()

    def _couple(self, call: Call) -> None:
        with self._changing(self._outputs[0]):
            self._coupling.set(self._texts(call))

    def _edge(self, t: float) -> None:
        """Handle a signal edge at the trigger input at time t (s)."""
        with self._bench.lock:
            if any(output.sync for output in self._outputs):  # the same connector
                return
            bursts = [(output, output.burst) for output in self._outputs]
            self._start([each for each, burst in bursts if burst.on and burst.source == "EXT" and not burst.gated], t)

    def _start(self, outputs: Sequence[Output], t: float) -> None:
        """Start these bursts unless they are playing."""
        starts: list[tuple[float, Output]] = []
        for output in outputs:
            burst, wave = output.burst, output.wave
            if output.started is not None and t < output.ends:
                continue
            output.started = t + burst.delay_s
            counted = burst.cycles is not None and wave.frequency_hz > 0
            output.ends = output.started + (burst.cycles or 0) / wave.frequency_hz if counted else math.inf
            starts.append((output.started, output))
        ends = [(output.ends, output) for start, output in starts if output.ends < start + _LONGEST_SCHEDULED_S]
        for when, output in sorted(starts + ends, key=lambda each: each[0]):
            self._drive(output, when)

    def _play(self, *outputs: Output) -> None:
        """Update these outputs, or all, in the World from now on."""
        now = self._bench.clock()
        for output in outputs or self._outputs:
            self._drive(output, now)

    def _drive(self, output: Output, t: float) -> None:
        """Update the World for a change of this channel at t, which may affect both outputs from then on."""
        for each in self._outputs:
            if each is output or each.combines:
                self._send(each, t)

    def _send(self, output: Output, t: float) -> None:
        """Set the program of the output in the World from t on."""
        t = self._played.since(t, output.channel)
        program = None
        if output.wave.on:
            sources = self._outputs if output.combines else (output,)
            signals = [self._signal(each, t) for each in sources]
            tones = tuple(tone for signal in signals for tone in signal.tones)
            program = ToneProgram(sum(signal.dc for signal in signals), tones)
        self._played.play(t, output.channel, program)

    def _signal(self, output: Output, t: float) -> ToneProgram:
        wave = output.wave
        return output.signal(t, self._tables.get(wave.arbitrary) if wave.kind == "ARB" else shape_of(wave))
