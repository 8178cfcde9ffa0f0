"""Keysight 33500 and 33600 generators, driven by start triggers.

Every channel is always in an infinite burst of a sine or an uploaded table, with its output on. A sine starts at zero,
so the output of a waiting burst is at its offset:
- without a tone, or with a tone too small to set, the burst waits for a trigger that is never sent. The output is at
  the programmed offset, or at exactly 0 V without an offset, although the smallest amplitude is 2 mVpp;
- with a tone, the burst starts at the signal edge at the trigger input, or, with `trigger: manual`, at `*TRG`, which
  starts both channels.

ABOR ends the bursts of both channels, which then wait again. DC levels change at `load`, tones at the trigger.

All tones of this source, including a pilot, are shifted by −90°: for A·cos(2πft + φ) it plays A·sin(2πft + φ), which
starts 135 ns after the trigger edge. `load` returns the programs that are really played, with levels as read back and
phases relative to the trigger edge.

Messages per acquisition: one write, and one query for each channel that changes, which also reads the error queue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from labrig.errors import ConnectionFailed, IdentityMismatch
from labrig.instruments.data import Identity
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.keysight.options import LEAST_VPP, TrueformOptions, channels_of
from labrig_drivers.keysight.settings import Answers, Setting, difference, questions
from labrig_drivers.scpi import INFINITE, as_number, number
from labrig_drivers.tone_table import TABLE_POINTS, table
from labrig_drivers.visa import VisaSession
from labrig_drivers.visa_generator import PEAK_V, VisaGenerator, after_trigger

LATENCY_S = 135e-9
"""Time from the trigger edge to the first sample of a burst (s). Source: data sheet of the 33500B, typical."""

_MAKERS = ("agilent", "keysight")


class TrueformSource(VisaGenerator[VisaSession, Setting]):
    """A WaveformSource of one or two channels, "1" and "2"."""

    def __init__(self, name: str, options: TrueformOptions) -> None:
        session = VisaSession(name, options.resource, options.deadline)
        super().__init__(name, options, session, channels_of(options.model))
        self._options = options
        self._load_ohm = INFINITE if options.load == "high_z" else 50.0
        self._tone_source, self._quiet_source = ("EXT", "BUS") if options.trigger == "external" else ("BUS", "EXT")
        self._actual: dict[str, Setting] = {}
        self._running = False  # whether a burst may have started
        self._on = False

    def open(self) -> None:
        """Connect, reset, and set up every channel with its output off."""
        self._session.open()
        model = self.identify().model
        self._channels = channels_of(model)
        self._identified = True
        self._session.write("*RST;*CLS", "open")
        self._set_up()

    def identify(self) -> Identity:
        """Query *IDN?; raises IdentityMismatch if it is not a 33500 or 33600."""
        reply = self._session.query("*IDN?", "identify")
        maker, model, serial, firmware = ([word.strip() for word in reply.split(",")] + [""] * 4)[:4]
        if not maker.lower().startswith(_MAKERS) or not model.startswith(("335", "336")):
            raise IdentityMismatch(
                f"identifies as {reply!r}, which is not a Keysight 33500 or 33600",
                device=self.name,
                action="identify",
                remedy="correct the resource, or close other programs using it",
            )
        return Identity(model, serial, firmware)

    def start(self) -> None:
        """Send the trigger; with an external trigger do nothing."""
        self._require_open("start")
        self._running = self._running or bool(self._playing)
        if self._options.trigger == "manual" and self._playing:
            self._session.write("*TRG", "start")

    def _confirm(self, thoroughly: bool) -> None:
        """Check all settings of every channel."""
        for channel in self._channels:
            self._verify(channel, "confirm")
        if thoroughly:
            self._check_clock("confirm")

    def make_safe(self) -> None:
        """Switch all outputs off, then read them back. Does nothing if the instrument has never answered."""
        if not (self._identified and self._session.is_open):
            return
        self._forget_state()
        off = ";".join(f":OUTP{channel} OFF" for channel in self._channels)
        self._session.write(off, "make safe")
        states = self._session.query(";".join(f":OUTP{channel}?" for channel in self._channels), "make safe")
        for channel, state in zip(self._channels, states.split(";"), strict=False):
            if state.strip() != "0":
                self._refuse(channel, "OUTP", "0", state, "make safe")

    def _forget_state(self) -> None:
        super()._forget_state()
        self._actual.clear()
        self._on = False

    def _set_up(self) -> None:
        """Set up the clock and every channel from any state, with the outputs off."""
        clock = "EXT" if self._options.clock == "external" else "INT"
        self._session.write(f":ROSC:SOUR {clock};:UNIT:ANGL DEG;:FORM:BORD SWAP", "set up")
        self._check_clock("set up")
        load = "INF" if self._options.load == "high_z" else "50"
        quiet = Setting(1e3, LEAST_VPP * self._panel_per_open_v, 0.0, source=self._quiet_source)
        for channel in self._channels:
            own = f":SOUR{channel}:"
            words = (
                f":OUTP{channel} OFF;:OUTP{channel}:LOAD {load};:OUTP{channel}:POL NORM",
                f"{own}BURS:STAT OFF;{own}FUNC SIN;{own}VOLT:UNIT VPP;{own}VOLT:OFFS 0;{own}VOLT {number(quiet.vpp)}",
                f"{own}FREQ {number(quiet.frequency_hz)};{own}BURS:PHAS 0;{own}BURS:MODE TRIG;{own}BURS:NCYC INF",
                f":TRIG{channel}:SOUR {quiet.source};:TRIG{channel}:SLOP POS;:TRIG{channel}:DEL 0;{own}BURS:STAT ON",
            )
            for message in words:
                self._session.write(message, "set up")
            self._settings[channel] = quiet
            self._verify(channel, "set up", on=False)
        self._check_errors("set up")
        self._running = False

    def _check_clock(self, action: str) -> None:
        wanted = "EXT" if self._options.clock == "external" else "INT"
        used = self._session.query(":ROSC:SOUR?", action)
        if used != wanted:
            self._refuse_clock(wanted, used, action)

    def _load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        tones = {channel: self._playable(programs.get(channel, SILENT)) for channel in self._channels}
        wanted = {channel: self._target(channel, programs.get(channel, SILENT), tones[channel]) for channel in tones}
        changed = [channel for channel in self._channels if wanted[channel] != self._settings[channel]]
        self._playing = tuple(channel for channel in self._channels if tones[channel])
        words = [":ABOR"] if self._running else []
        self._running = False
        for channel in changed:
            held, wave = self._settings[channel], wanted[channel]
            self._settings[channel] = wave
            if wave.tones and wave.tones != held.tones:
                self._upload(channel, wave, words)
                words = []
            else:
                words += self._changes(channel, held, wave)
        if not self._on:
            words += [f":OUTP{channel} ON" for channel in self._channels]
            changed = list(self._channels)
        if words:
            self._session.write(";".join(words), "load")
        self._on = True
        for channel in changed:
            self._verify(channel, "load")
        if changed:
            self._check_errors("load")
        elif words:  # this makes sure that the burst has ended before the trigger
            self._session.query("*OPC?", "load")
        return {channel: self._as_played(channel, tones[channel]) for channel in programs}

    def _playable(self, program: ToneProgram) -> tuple[Tone, ...]:
        """The tones that the generator can play.

        A tone below half the smallest amplitude that can be set is left out, because silence is closer to it.
        """
        return tuple(tone for tone in program.tones if tone.amplitude >= LEAST_VPP / 4 and tone.frequency_hz > 0)

    def _target(self, channel: str, program: ToneProgram, tones: tuple[Tone, ...]) -> Setting:
        held, k = self._settings[channel], self._panel_per_open_v
        offset, least = program.dc * k, LEAST_VPP * k
        if len(tones) == 1:
            (tone,) = tones
            degrees = -((-math.degrees(tone.phase_rad) + 180.0) % 360.0 - 180.0)
            amplitude = max(least, 2 * tone.amplitude * k)
            return Setting(tone.frequency_hz, amplitude, offset, degrees, "SIN", self._tone_source)
        if tones:
            plan = self._table_plan(tones)
            amplitude = max(least, 2 * table(tones, plan[1])[1] * k)
            return Setting(plan[0], amplitude, offset, 0.0, "ARB", self._tone_source, tones)
        quiet = replace(held, offset_v=offset, source=self._quiet_source)
        if not quiet.starts_at_zero:
            quiet = replace(quiet, function="SIN", phase_deg=0.0, tones=())
        if abs(offset) + quiet.vpp / 2 > PEAK_V * k:
            quiet = replace(quiet, vpp=least)
        return quiet

    def _changes(self, channel: str, held: Setting, wave: Setting) -> list[str]:
        """Return the commands for settings that differ; decreases first, as amplitude and offset limit each other."""
        own = f":SOUR{channel}:"
        levels = [
            (f"{own}VOLT {number(wave.vpp)}", wave.vpp != held.vpp),
            (f"{own}VOLT:OFFS {number(wave.offset_v)}", wave.offset_v != held.offset_v),
        ]
        changes = (
            (f":TRIG{channel}:SOUR {wave.source}", wave.source != held.source),
            (f"{own}FUNC {wave.function}", wave.function != held.function),
            (f"{own}FREQ {number(wave.frequency_hz)}", wave.frequency_hz != held.frequency_hz),
            (f"{own}BURS:PHAS {number(wave.phase_deg)}", wave.phase_deg != held.phase_deg),
            *(levels if wave.vpp <= held.vpp else levels[::-1]),
        )
        return [command for command, differs in changes if differs]

    def _upload(self, channel: str, wave: Setting, before: list[str]) -> None:
        """Upload a table and select it. This is slow, so it is meant for programs that are played many times.

        Meanwhile the smallest sine is selected, because the command deletes all tables, even a selected one.
        """
        plan = self._table_plan(wave.tones)
        samples, _ = table(wave.tones, plan[1])
        name, own = f"labrig{channel}", f":SOUR{channel}:"
        least = number(LEAST_VPP * self._panel_per_open_v)
        quiet = f"{own}FUNC SIN;{own}BURS:PHAS 0;{own}VOLT {least};{own}DATA:VOL:CLE"
        self._session.write(";".join((*before, quiet)), "load")
        length = str(len(samples))
        header = f"{own}DATA:ARB:DAC {name},#{len(length)}{length}".encode()
        self._session.write_raw(header + samples + b"\n", "load")
        held = as_number(self._session.query(f"{own}DATA:ATTR:POIN? {name}", "load"))
        if held != TABLE_POINTS:
            self._refuse(channel, f"the table {name}", f"{TABLE_POINTS} points", f"{held} points", "load")
        chosen = (
            f"{own}FUNC:ARB {name};{own}FUNC:ARB:FILT NORM;{own}FUNC:ARB:SRAT {number(plan[0] * TABLE_POINTS)}",
            f"{own}FUNC ARB;:TRIG{channel}:SOUR {wave.source}",
            f"{own}VOLT:OFFS {number(wave.offset_v)};{own}VOLT {number(wave.vpp)}",
        )
        self._session.write(";".join(chosen), "load")

    def _verify(self, channel: str, action: str, on: bool = True) -> None:
        """Read back all settings of a channel in one query and compare."""
        asked = self._settings[channel]
        reply = self._session.query(questions(channel), action)
        got = Answers.of(reply)
        if got is None:
            self._session.abandon()
            raise ConnectionFailed(
                f"gave an unexpected reply to a query of the settings of channel {channel}: {reply!r}",
                device=self.name,
                action=action,
                remedy="close other programs using it",
            )
        wrong = difference(asked, got, self._load_ohm, on)
        if wrong is not None:
            self._refuse(channel, *wrong, action)
        vpp, offset = as_number(got.vpp), as_number(got.offset)
        assert vpp is not None
        assert offset is not None
        self._actual[channel] = replace(asked, vpp=vpp, offset_v=offset)

    def _as_played(self, channel: str, tones: tuple[Tone, ...]) -> ToneProgram:
        wave, k = self._actual[channel], self._panel_per_open_v
        dc = wave.offset_v / k
        if not tones:
            return ToneProgram(dc)
        if wave.function == "SIN":
            tones = (Tone(tones[0].frequency_hz, wave.vpp / 2 / k, math.radians(wave.phase_deg)),)
        else:
            share = wave.vpp / (2 * k * table(tones, self._table_plan(tones)[1])[1])  # differs from 1 by rounding
            tones = tuple(replace(tone, amplitude=share * tone.amplitude) for tone in tones)
        return ToneProgram(dc, after_trigger(tones, LATENCY_S))
