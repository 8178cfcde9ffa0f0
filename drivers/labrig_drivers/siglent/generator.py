"""Siglent SDG1000X, SDG2000X and SDG6000X generators, driven by start triggers.

Every channel lives in one state: an infinite burst of a sine (or of an uploaded table), output on. A burst that waits
stands at its offset, for a sine begins at zero:
- no tone, or one too small to set: trigger source MAN and no trigger is ever sent. The output is at the programmed
  offset, at a true 0 V without one, although the smallest amplitude is 2 mVpp;
- a tone: trigger source EXT, and the burst starts at the edge;
- DC programs change with `load`, tones with the trigger.

All tones of this source, a pilot's included, are turned by −90°: for A·cos(2πft + φ) it plays A·sin(2πft + φ), and it
begins with the burst delay (DLAY, about 0.7 µs) after the edge. `load` returns the phases really played, counted from
the edge: only the difference of the phases of two tones of one frequency is what the caller asked for. Tones with a
phase other than 0 or π wait for the trigger at A·sin φ.

Messages of one acquisition: a changed tone two writes and one query, an unchanged tone one write (re-arm), one query
more where nothing else is asked (the re-arm must have happened before the trigger comes); DC or nothing, unchanged:
none. `confirm` is three or four queries. Several pairs in one command are measured to work; commands chained by `;`
are not, so none are sent.
The amplifier's attenuators have no command that holds them: large amplitude steps may click a relay.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from labrig.errors import ChannelFault, ConfigError, ConnectionFailed, IdentityMismatch, LabrigError
from labrig.instruments.data import Identity
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.siglent.dialect import (
    LEAST_VPP,
    POWER_UP,
    BurstSetting,
    Pairs,
    degrees,
    difference,
    hertz,
    pairs,
    reading,
    table,
    table_plan,
    volts,
    waveform_name,
)
from labrig_drivers.siglent.options import CHANNELS, PEAK_V, SdgOptions
from labrig_drivers.visa import VisaSession

CLOCK_EVERY = 16
"""Confirmations until the clock is asked for again. Without 10 MHz at its input a generator runs on its own clock; each
trigger starts its tones anew, so they are off by no more than a degree or so within one window."""


class SdgSource:
    """A WaveformSource of two channels, "1" and "2"."""

    def __init__(self, name: str, options: SdgOptions) -> None:
        self.name = name
        self._options = options
        self._session = VisaSession(name, options.resource, options.deadline)
        self._factor = 1.0 if options.load == "high_z" else 0.5  # panel volts per open-circuit volt
        self._load_word = "HZ" if options.load == "high_z" else "50"
        self._clock_word = "EXT" if options.clock == "external" else "INT"
        self._armed = "EXT" if options.trigger == "external" else "MAN"
        self._confirmed = 0
        self._known = False  # a Siglent has answered: from here on its outputs are this driver's business
        self._held: dict[str, BurstSetting] = {}
        self._on: set[str] = set()
        self._running: set[str] = set()  # channels whose burst may have started
        self._delay_s: dict[str, float] = {}
        self._playing: tuple[str, ...] = ()

    def open(self) -> None:
        """Connect, reset, and set both channels up with their outputs off."""
        self._session.open()
        identity = self.identify()
        if not identity.model.upper().startswith("SDG"):
            raise IdentityMismatch(
                f"answers as {identity.model!r}, which is no Siglent SDG",
                device=self.name,
                action="open",
                remedy="correct the resource",
            )
        self._known = True
        self._session.write("*RST", "open")
        self._set_up()

    def identify(self) -> Identity:
        reply = self._session.query("*IDN?", "identify")
        maker, model, serial, firmware = ([word.strip() for word in reply.split(",")] + [""] * 4)[:4]
        if "siglent" not in maker.lower():
            raise IdentityMismatch(f"answers as {reply!r}", device=self.name, action="identify")
        return Identity(model, serial, firmware)

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Set, arm, read back; returns what will be played, phases counted from the trigger edge.

        Raises ChannelFault where the instrument holds something else than it was sent, ConfigError for a program it
        cannot play.
        """
        try:
            return self._load(programs)
        except BaseException:
            self._forget()
            raise

    def arm(self) -> None:
        """Nothing: an edge may come as soon as the digitizer is armed, so `load` has armed already."""
        self._require_open("arm")

    def start(self) -> None:
        """With an external trigger nothing: the edge starts. With a manual one, the trigger."""
        self._require_open("start")
        if self._options.trigger == "manual":
            for channel in self._playing:
                self._session.write(f"C{channel}:BTWV MTRIG", "start")

    def confirm(self) -> None:
        """Ask for the burst of each channel that plays (a reset ends those of both) and for both outputs, now and then
        for the clock, and compare: keys of the panel change them."""
        self._require_open("confirm")
        if not self._held:
            raise ConnectionFailed("was lost meanwhile", device=self.name, action="confirm", remedy="load again")
        try:
            for channel in self._playing or CHANNELS[:1]:
                self._verify(channel, "confirm")
            for channel in CHANNELS:
                self._check_load(channel, self._check_output(channel, "ON", "confirm"), "confirm")
            self._confirmed += 1
            if self._confirmed % CLOCK_EVERY == 0:
                self._check_clock("confirm")
        except BaseException:
            self._forget()
            raise

    def idle(self) -> None:
        self.load(dict.fromkeys(CHANNELS, SILENT))

    def make_safe(self) -> None:
        """Outputs off, then read back. Each of the four messages ends by the deadline. An instrument that never
        answered is left alone.

        It works while a call hangs in another thread: it cuts that call's connection and uses a new one.
        """
        if not (self._known and self._session.wanted):
            return
        self._on.clear()
        told: list[str] = []
        failures: list[LabrigError] = []
        for channel in CHANNELS:  # both off before anything is asked: an answer may take its time
            try:
                self._session.write(f"C{channel}:OUTP OFF", "make safe")
                told.append(channel)
            except LabrigError as failure:
                failures.append(failure)
        for channel in told:
            try:
                self._check_output(channel, "OFF", "make safe")
            except LabrigError as failure:
                failures.append(failure)
        if failures:
            self._forget()
            raise failures[0]

    def close(self) -> None:
        self._forget()
        self._session.close()

    def _require_open(self, action: str) -> None:
        if not self._session.wanted:
            raise ConnectionFailed("is not open", device=self.name, action=action)

    def _forget(self) -> None:
        """Nothing is known any more: the next load sets everything up again."""
        self._held.clear()
        self._on.clear()
        self._running.clear()
        self._playing = ()

    def _load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        self._require_open("load")
        if not self._held:
            self._set_up()
        loud = {channel: self._loud(programs.get(channel, SILENT)) for channel in CHANNELS}
        self._playing = tuple(channel for channel in CHANNELS if loud[channel])
        if self._options.trigger == "manual" and len(self._playing) > 1:
            raise ConfigError(
                "cannot start the tones of both channels together by command",
                device=self.name,
                action="load",
                remedy="trigger: external, and a cable from the digitizer's start",
            )
        ask: list[str] = []
        armed: list[str] = []
        for channel in CHANNELS:
            wave = self._wanted(channel, programs.get(channel, SILENT), loud[channel])
            if self._put(channel, wave):
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

    def _loud(self, program: ToneProgram) -> tuple[Tone, ...]:
        """The tones that can be set: what is below half the smallest amplitude is nearer to none."""
        least = LEAST_VPP / 4 / self._factor
        return tuple(tone for tone in program.tones if tone.amplitude >= least and tone.frequency_hz > 0)

    def _wanted(self, channel: str, program: ToneProgram, tones: tuple[Tone, ...]) -> BurstSetting:
        held, k = self._held[channel], self._factor
        offset = volts(program.dc * k)
        if len(tones) == 1:
            (tone,) = tones
            amplitude = volts(max(LEAST_VPP, 2 * tone.amplitude * k))
            phase = degrees(math.degrees(tone.phase_rad))
            return BurstSetting(hertz(tone.frequency_hz), amplitude, offset, phase, source=self._armed)
        if tones:
            plan = table_plan(tones)
            if plan is None:
                raise ConfigError(
                    f"no table holds whole cycles of {', '.join(f'{tone.frequency_hz:g} Hz' for tone in tones)}",
                    device=self.name,
                    action="load",
                    remedy="tones on a coarser grid: acquisition.window",
                )
            amplitude = volts(max(LEAST_VPP, 2 * table(tones, plan[1])[1] * k))
            return BurstSetting(hertz(plan[0]), amplitude, offset, "0", "ARB", self._armed, tones)
        quiet = replace(held, offset=offset, source="MAN")
        if not quiet.at_zero:
            quiet = replace(quiet, kind="SINE", phase="0")
        if abs(float(offset)) + float(quiet.amplitude) / 2 > PEAK_V * k:
            quiet = replace(quiet, amplitude=volts(LEAST_VPP))
        return quiet

    def _put(self, channel: str, wave: BurstSetting) -> bool:
        """Send what differs, the burst first: what plays stops before its levels move. Returns whether the instrument
        must be asked what became of it: not where only a burst that plays was armed again."""
        held, playing, ran = self._held[channel], channel in self._playing, channel in self._running
        if playing or ran or held.source != wave.source:
            self._rearm(channel, wave.source)
        (self._running.add if playing else self._running.discard)(channel)
        if wave.kind == "ARB" and wave.tones != held.tones:
            self._upload(channel, wave)
        else:
            if wave.kind != held.kind:  # through BSWV it would end the burst
                self._session.write(f"C{channel}:BTWV CARR,WVTP,{wave.kind}", "load")
            self._write_changes(channel, held, wave)
        self._held[channel] = wave
        return held != wave or (ran and not playing)

    def _rearm(self, channel: str, source: str) -> None:
        """Stop a burst that plays, and wait for `source`: a change to the other source and back, so that it is a change
        whatever was set."""
        other = "MAN" if source == "EXT" else "EXT"
        self._session.write(f"C{channel}:BTWV TRSR,{other},TRSR,{source}", "load")

    def _write_changes(self, channel: str, held: BurstSetting, wave: BurstSetting) -> None:
        """Whatever differs, in one command; amplitude and offset limit each other, so what shrinks comes first."""
        keys = [("FRQ", "frequency"), ("PHSE", "phase"), ("AMP", "amplitude"), ("OFST", "offset")]
        if float(wave.amplitude) > float(held.amplitude):
            keys[2:] = reversed(keys[2:])
        changes = [f"{key},{getattr(wave, name)}" for key, name in keys if getattr(wave, name) != getattr(held, name)]
        if changes:
            self._session.write(f"C{channel}:BSWV {','.join(changes)}", "load")

    def _upload(self, channel: str, wave: BurstSetting) -> None:
        """Send a table and choose it: slow, for what plays again and again. The amplitude is at its smallest meanwhile,
        for no transcript tells whether the choice ends a burst."""
        if not self._session.takes_raw:
            raise ConfigError(
                "cannot take a waveform of several tones over a raw socket: it has no length",
                device=self.name,
                action="load",
                remedy="a VXI-11 or USB resource: TCPIP::<address>::INSTR",
            )
        plan = table_plan(wave.tones)
        assert plan is not None
        samples, full_scale = table(wave.tones, plan[1])
        name = f"labrig{channel}"
        settings = f"FREQ,{wave.frequency},AMPL,{volts(2 * full_scale * self._factor)},OFST,0,PHASE,0"
        self._session.write(f"C{channel}:BSWV AMP,{volts(LEAST_VPP)}", "load")
        self._session.write_raw(f"C{channel}:WVDT WVNM,{name},{settings},WAVEDATA,".encode() + samples, "load")
        # An SDG6022X takes what follows a message of more than 1024 bytes for its continuation, unless that is short
        # (found by the author of awg-scpi): an empty line ends it there, and is nothing elsewhere.
        self._session.write("", "load")
        self._session.write(f"C{channel}:ARWV NAME,{name}", "load")
        chosen = waveform_name(self._ask(f"C{channel}:ARWV", "load"))
        if chosen != name:
            raise ChannelFault(f"channel {channel} plays {chosen!r} instead of {name}", device=self.name, action="load")
        self._session.write(f"C{channel}:BTWV STATE,ON", "load")
        self._session.write(f"C{channel}:BTWV CARR,WVTP,ARB", "load")
        self._session.write(f"C{channel}:BSWV FRQ,{wave.frequency},PHSE,0,OFST,{wave.offset}", "load")
        self._session.write(f"C{channel}:BSWV AMP,{wave.amplitude}", "load")
        self._rearm(channel, wave.source)

    def _verify(self, channel: str, action: str = "load") -> None:
        """Ask for everything that matters in one reply, and compare."""
        reply = self._ask(f"C{channel}:BTWV", action)
        wrong = difference(self._held[channel], reply)
        if wrong is not None:
            self._refuse(channel, *wrong, action)
        self._delay_s[channel] = reading(reply.words.get("DLAY")) or 0.0

    def _refuse(self, channel: str, key: str, asked: str, got: str, action: str = "load") -> NoReturn:
        raise ChannelFault(
            f"channel {channel} does not hold {key}: asked {asked}, got {got}",
            device=self.name,
            action=action,
            remedy="lower what is asked, or see whether somebody works at its panel",
        )

    def _as_played(self, channel: str, program: ToneProgram) -> ToneProgram:
        wave, k = self._held[channel], self._factor
        dc = float(wave.offset) / k
        tones = self._loud(program)
        if not tones:
            return ToneProgram(dc)
        delay = self._delay_s[channel]
        if wave.kind == "SINE":
            amplitude, phase = float(wave.amplitude) / 2 / k, math.radians(float(wave.phase))
            tones = (Tone(tones[0].frequency_hz, amplitude, phase),)
        turned = (replace(t, phase_rad=t.phase_rad - math.pi / 2 - 2 * math.pi * t.frequency_hz * delay) for t in tones)
        return ToneProgram(dc, tuple(turned))

    def _set_up(self) -> None:
        """The clock and both channels, from whatever they were."""
        self._set_clock()
        for channel in CHANNELS:
            self._prepare(channel)

    def _prepare(self, channel: str) -> None:
        """Output off, the load, and an infinite burst of the smallest sine that waits for a trigger nobody sends."""
        self._on.discard(channel)
        self._session.write(f"C{channel}:OUTP OFF,LOAD,{self._load_word},PLRT,NOR", "set up")
        self._check_load(channel, self._check_output(channel, "OFF", "set up"), "set up")
        wave = POWER_UP
        self._session.write(f"C{channel}:BSWV WVTP,SINE,FRQ,{wave.frequency},AMP,{wave.amplitude}", "set up")
        self._session.write(f"C{channel}:BSWV OFST,0,PHSE,0", "set up")
        self._session.write(f"C{channel}:BTWV STATE,ON", "set up")  # before it is on, its settings are ignored
        self._session.write(f"C{channel}:BTWV GATE_NCYC,NCYC,TIME,INF", "set up")
        self._session.write(f"C{channel}:BTWV TRSR,MAN", "set up")  # last: TIME,INF turns it to EXT
        self._held[channel] = wave
        self._verify(channel)

    def _set_clock(self) -> None:
        self._session.write(f"ROSC {self._clock_word}", "open")
        self._check_clock("open")

    def _check_clock(self, action: str) -> None:
        reply = self._session.query("ROSC?", action)
        if reply.partition(" ")[2].split(",")[0].strip() != self._clock_word:
            raise ConnectionFailed(
                f"does not take its clock from {self._clock_word}: {reply!r}",
                device=self.name,
                action=action,
                remedy="connect 10 MHz to its clock input, or set clock: internal",
            )

    def _check_load(self, channel: str, output: Pairs, action: str) -> None:
        for key, value in (("LOAD", self._load_word), ("PLRT", "NOR")):
            if output.words.get(key) != value:
                self._refuse(channel, key, value, output.words.get(key, "nothing"), action)

    def _check_output(self, channel: str, state: str, action: str) -> Pairs:
        reply = self._ask(f"C{channel}:OUTP", action)
        if reply.words.get("STATE") != state:
            self._refuse(channel, "OUTP", state, reply.words.get("STATE", "nothing"), action)
        return reply

    def _ask(self, header: str, action: str) -> Pairs:
        text = self._session.query(f"{header}?", action)
        reply = pairs(text, header)
        if reply is None:
            raise ConnectionFailed(
                f"answers {text!r} to {header}?", device=self.name, action=action, remedy="look who else talks to it"
            )
        return reply
