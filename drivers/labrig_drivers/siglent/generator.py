"""Siglent SDG1000X, SDG2000X and SDG6000X generators, driven by start triggers.

Every channel always has its output on, in an infinite burst of a sine or an uploaded table. A sine starts at zero, so
the output of a waiting burst is at its offset:
- without a tone, or with a tone too small to set, the trigger source is MAN, and no trigger is ever sent. The output is
  at the programmed offset, or at exactly 0 V without an offset, although the smallest amplitude is 2 mVpp;
- with a tone, the trigger source is EXT, and the burst starts at the trigger edge;
- DC levels change at `load`, tones at the trigger.

All tones of this source, including a pilot, are shifted by −90°: for A·cos(2πft + φ) it plays A·sin(2πft + φ), and
starts one burst delay (DLAY, about 0.7 µs) after the edge. `load` returns the phases actually played, relative to the
edge; only the phase difference between two tones of the same frequency is the requested one. Tones with a phase other
than 0 or π wait for the trigger at A·sin φ.

Messages per acquisition: two writes and one query for a changed tone, one write (re-arm) for an unchanged tone, none
for unchanged DC. If nothing else is queried, one query makes sure that the re-arm has happened before the trigger.
`confirm` takes three or four queries. Several pairs in one command are known to work; commands chained by `;` have not
been tested, so none are sent. Settings are verified by reading them back, because the error queue never reports an
error. It has not been confirmed on a generator that an infinite burst starts at an external trigger; if it does not,
use `burst: counted`. No command locks the amplifier's attenuators, so large amplitude steps may switch a relay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from labrig.errors import ChannelFault, ConfigError, IdentityMismatch, LabrigError
from labrig.instruments.data import Identity
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.siglent.dialect import (
    COUNTED_CYCLES,
    LEAST_VPP,
    POWER_UP,
    BurstSetting,
    difference,
    hertz,
    parse_number,
    playable_tones,
    waveform_name,
)
from labrig_drivers.siglent.left_over import check_uncoupled, switch_off_extras, uncouple
from labrig_drivers.siglent.models import interface, model_of
from labrig_drivers.siglent.options import CHANNELS, SdgOptions
from labrig_drivers.siglent.session import SdgSession
from labrig_drivers.siglent.upload import store
from labrig_drivers.tone_table import table
from labrig_drivers.visa_generator import PEAK_V, VisaGenerator, after_trigger


class SdgSource(VisaGenerator[SdgSession, BurstSetting]):
    """A WaveformSource of two channels, "1" and "2"."""

    def __init__(self, name: str, options: SdgOptions) -> None:
        super().__init__(name, options, SdgSession(name, options.resource, options.deadline), CHANNELS)
        self._options = options
        self._load_word = "HZ" if options.load == "high_z" else "50"
        self._clock_word = "EXT" if options.clock == "external" else "INT"
        self._model = model_of(options.model)
        self._cycles = "INF" if options.burst == "infinite" else COUNTED_CYCLES
        self._trigger_word = "EXT" if options.trigger == "external" else "MAN"
        self._on: set[str] = set()
        self._running: set[str] = set()  # channels whose burst may have started
        self._delay_s: dict[str, float] = {}

    def open(self) -> None:
        """Connect, reset, and set up both channels with their outputs off."""
        self._session.open()
        identity = self._session.first_identity()
        if not identity.model.upper().startswith("SDG"):
            raise IdentityMismatch(
                f"identifies as {identity.model!r}, which is not a Siglent SDG",
                device=self.name,
                action="open",
                remedy="correct the resource",
            )
        self._identified = True
        self._model = model_of(identity.model)
        self._session.write("*RST", "open")
        self._set_up()

    def identify(self) -> Identity:
        """Query *IDN?; raises IdentityMismatch if it is not a Siglent."""
        return self._session.identity()

    def start(self) -> None:
        """Send the manual trigger; with an external trigger do nothing."""
        self._require_open("start")
        if self._options.trigger == "manual":
            for channel in self._playing:
                self._session.write(f"C{channel}:BTWV MTRIG", "start")

    def _confirm(self, thoroughly: bool) -> None:
        """Check the burst of each playing channel, and both outputs; a reset ends both bursts."""
        for channel in self._playing or CHANNELS[:1]:
            self._verify(channel, "confirm")
        for channel in CHANNELS:
            self._check_output(channel, "ON", "confirm", with_load=True)
        if thoroughly:
            self._check_clock("confirm")
            check_uncoupled(self._session, CHANNELS, "confirm")

    def make_safe(self) -> None:
        """Switch both outputs off, then read them back. Does nothing if the instrument has never answered.

        Each of the four messages has the deadline. If a call hangs in another thread, its connection is cut.
        """
        if not (self._identified and self._session.is_open):
            return
        self._on.clear()
        reached: list[str] = []
        failures: list[LabrigError] = []
        for channel in CHANNELS:  # switch both off before querying: a reply may take long
            try:
                self._session.write(f"C{channel}:OUTP OFF", "make safe")
                reached.append(channel)
            except LabrigError as failure:
                failures.append(failure)
        for channel in reached:
            try:
                self._check_output(channel, "OFF", "make safe")
            except LabrigError as failure:
                failures.append(failure)
        if failures:
            self._forget_state()
            raise failures[0]

    def _forget_state(self) -> None:
        super()._forget_state()
        self._on.clear()
        self._running.clear()

    def _load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        tones = {channel: playable_tones(programs.get(channel, SILENT), self._panel_per_open_v) for channel in CHANNELS}
        self._playing = tuple(channel for channel in CHANNELS if tones[channel])
        self._refuse_tones_of_both()
        ask: list[str] = []
        armed: list[str] = []
        for channel in CHANNELS:
            wave = self._target_setting(channel, programs.get(channel, SILENT), tones[channel])
            if self._send_changes(channel, wave):
                ask.append(channel)
            elif channel in self._playing:
                armed.append(channel)
        for channel in ask or armed[-1:]:
            self._verify(channel)
        for channel in CHANNELS:
            if channel not in self._on:
                self._session.write(f"C{channel}:OUTP ON", "load")
                self._check_output(channel, "ON", "load")
                self._on.add(channel)
        return {channel: self._as_played(channel, program) for channel, program in programs.items()}

    def _target_setting(self, channel: str, program: ToneProgram, tones: tuple[Tone, ...]) -> BurstSetting:
        held, k = self._settings[channel], self._panel_per_open_v
        volts, degrees = self._model.volts, self._model.degrees
        offset = volts(program.dc * k)
        if len(tones) == 1:
            (tone,) = tones
            amplitude = volts(max(LEAST_VPP, 2 * tone.amplitude * k))
            phase = degrees(math.degrees(tone.phase_rad))
            frequency = hertz(tone.frequency_hz)
            return BurstSetting(frequency, amplitude, offset, phase, "SINE", self._trigger_word, cycles=self._cycles)
        if tones:
            plan = self._table_plan(tones)
            amplitude = volts(max(LEAST_VPP, 2 * table(tones, plan[1])[1] * k))
            frequency = hertz(plan[0])
            return BurstSetting(frequency, amplitude, offset, "0", "ARB", self._trigger_word, tones, self._cycles)
        quiet = replace(held, offset=offset, source="MAN")
        if not quiet.at_zero:
            quiet = replace(quiet, kind="SINE", phase="0")
        if abs(float(offset)) + float(quiet.amplitude) / 2 > PEAK_V * k:
            quiet = replace(quiet, amplitude=POWER_UP.amplitude)
        return quiet

    def _send_changes(self, channel: str, wave: BurstSetting) -> bool:
        """Send the settings that differ, the burst first so that a playing burst stops before its levels change.

        Returns whether they must be read back, which is not needed after only re-arming an unchanged burst.
        """
        held, playing, ran = self._settings[channel], channel in self._playing, channel in self._running
        if playing or ran or held.source != wave.source:
            self._rearm(channel, wave.source)
        (self._running.add if playing else self._running.discard)(channel)
        if wave.kind == "ARB" and wave.tones != held.tones:
            self._upload(channel, wave)
        else:
            if wave.kind != held.kind:  # BSWV would end the burst
                self._session.write(f"C{channel}:BTWV CARR,WVTP,{wave.kind}", "load")
            self._write_changes(channel, held, wave)
        self._settings[channel] = wave
        return held != wave or (ran and not playing)

    def _rearm(self, channel: str, source: str) -> None:
        """Stop a playing burst and wait for trigger `source`.

        The source is switched to the other one and back, so that it changes in any case.
        """
        other = "MAN" if source == "EXT" else "EXT"
        self._session.write(f"C{channel}:BTWV TRSR,{other},TRSR,{source}", "load")

    def _write_changes(self, channel: str, held: BurstSetting, wave: BurstSetting) -> None:
        """Send all differences in one command; decreases first, as amplitude and offset limit each other."""
        keys = [("FRQ", "frequency"), ("PHSE", "phase"), ("AMP", "amplitude"), ("OFST", "offset")]
        if float(wave.amplitude) > float(held.amplitude):
            keys[2:] = reversed(keys[2:])
        changes = [f"{key},{getattr(wave, name)}" for key, name in keys if getattr(wave, name) != getattr(held, name)]
        if changes:
            self._session.set(f"C{channel}:BSWV", changes, "load")

    def _upload(self, channel: str, wave: BurstSetting) -> None:
        """Upload a table and select it. This is slow, so it is meant for programs that are played many times.

        The amplitude is at its minimum during this: no transcript shows whether the selection ends a burst.
        """
        resource = self._options.resource
        if not self._model.uploads(resource):
            raise ConfigError(
                f"cannot upload a waveform of several tones over {interface(resource)}",
                device=self.name,
                action="load",
                remedy=self._model.upload_advice,
            )
        plan = self._table_plan(wave.tones)
        samples, full_scale = table(wave.tones, plan[1])
        name = f"labrig{channel}"
        amplitude = self._model.volts(2 * full_scale * self._panel_per_open_v)
        settings = f"FREQ,{wave.frequency},AMPL,{amplitude},OFST,0,PHASE,0"
        self._session.write(f"C{channel}:BSWV AMP,{POWER_UP.amplitude}", "load")
        store(self._session, channel, name, settings, samples)
        self._session.write(f"C{channel}:ARWV NAME,{name}", "load")
        chosen = waveform_name(self._session.ask(f"C{channel}:ARWV", "load"))
        if chosen != name:
            raise ChannelFault(f"channel {channel} plays {chosen!r} instead of {name}", device=self.name, action="load")
        self._session.write(f"C{channel}:BTWV STATE,ON", "load")
        self._session.write(f"C{channel}:BTWV CARR,WVTP,ARB", "load")
        self._session.write(f"C{channel}:BSWV FRQ,{wave.frequency},PHSE,0,OFST,{wave.offset}", "load")
        self._session.write(f"C{channel}:BSWV AMP,{wave.amplitude}", "load")
        self._rearm(channel, wave.source)

    def _verify(self, channel: str, action: str = "load") -> None:
        """Read back all settings of a channel in one query and compare."""
        reply = self._session.ask(f"C{channel}:BTWV", action)
        wrong = difference(self._settings[channel], reply, self._model)
        if wrong is not None:
            self._refuse(channel, *wrong, action)
        self._delay_s[channel] = parse_number(reply.words.get("DLAY")) or 0.0

    def _errors(self, action: str) -> list[str]:
        """Return no errors, because the error queue never reports one."""
        return []

    def _as_played(self, channel: str, program: ToneProgram) -> ToneProgram:
        wave, k = self._settings[channel], self._panel_per_open_v
        dc = float(wave.offset) / k
        tones = playable_tones(program, self._panel_per_open_v)
        if not tones:
            return ToneProgram(dc)
        delay = self._delay_s[channel]
        if wave.kind == "SINE":
            amplitude, phase = float(wave.amplitude) / 2 / k, math.radians(float(wave.phase))
            tones = (Tone(tones[0].frequency_hz, amplitude, phase),)
        else:
            full_scale = table(tones, self._table_plan(tones)[1])[1]
            share = float(wave.amplitude) / (2 * k * full_scale)  # differs from 1 by rounding
            tones = tuple(replace(tone, amplitude=share * tone.amplitude) for tone in tones)
        return ToneProgram(dc, after_trigger(tones, delay))

    def _set_up(self) -> None:
        """Set up the clock and both channels from any state."""
        self._set_clock()
        uncouple(self._session, CHANNELS, "set up")
        for channel in CHANNELS:
            self._prepare(channel)

    def _prepare(self, channel: str) -> None:
        """Switch the output off, set the load, and arm a burst of the smallest sine that is never triggered."""
        self._on.discard(channel)
        self._session.write(f"C{channel}:OUTP OFF,LOAD,{self._load_word},PLRT,NOR", "set up")
        self._check_output(channel, "OFF", "set up", with_load=True)
        wave = replace(POWER_UP, cycles=self._cycles)
        self._session.write(f"C{channel}:BSWV WVTP,SINE", "set up")  # alone, else an SDG1032X drops the next message
        switch_off_extras(self._session, channel, self._model, "set up")
        self._session.write(f"C{channel}:BSWV FRQ,{wave.frequency},AMP,{wave.amplitude}", "set up")
        self._session.write(f"C{channel}:BSWV OFST,0,PHSE,0", "set up")
        self._session.write(f"C{channel}:BTWV STATE,ON", "set up")  # while it is off, its settings are ignored
        self._session.write(f"C{channel}:BTWV GATE_NCYC,NCYC,TIME,{wave.cycles}", "set up")
        self._session.write(f"C{channel}:BTWV DLAY,0", "set up")  # becomes the smallest
        self._session.write(f"C{channel}:BTWV TRSR,MAN", "set up")  # last: TIME,INF changes it to EXT
        self._settings[channel] = wave
        self._verify(channel)

    def _set_clock(self) -> None:
        self._session.write(f"ROSC {self._clock_word}", "open")
        self._check_clock("open")

    def _check_clock(self, action: str) -> None:
        used = self._session.ask("ROSC", action).words.get("STATE", "nothing")
        if used != self._clock_word:
            self._refuse_clock(self._clock_word, used, action)

    def _check_output(self, channel: str, state: str, action: str, *, with_load: bool = False) -> None:
        reply = self._session.ask(f"C{channel}:OUTP", action)
        asked = [("STATE", "OUTP", state), ("LOAD", "LOAD", self._load_word), ("PLRT", "PLRT", "NOR")]
        for word, key, value in asked if with_load else asked[:1]:
            if reply.words.get(word) != value:
                self._refuse(channel, key, value, reply.words.get(word, "nothing"), action)
