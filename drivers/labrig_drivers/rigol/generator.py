"""Rigol DG1000Z generators, driven by start triggers.

Every channel always has its output on, in an infinite burst that is started by an edge at its trigger input:
- with a tone, a sine or an uploaded waveform of several tones, which starts at the edge. Until then the output is at
  its offset, as a sine starts at zero;
- without a tone, or with a tone too small to set, an uploaded waveform of zeros, so that it does not matter whether it
  plays. The output is at the programmed offset, although the smallest amplitude is 2 mVpp.

The trigger source is never MAN for a silent channel, because its trigger input would then be an output that drives the
line from the digitizer: a DG1000Z has one connector per channel for trigger and sync. For the same reason, sync is off.

No command makes a playing burst wait again, and the guide says that another trigger ends an infinite burst. So a
channel that may have started is switched to BURS OFF and ON; in between it plays continuously.

All tones of this source, including a pilot, are shifted by −90°: for A·cos(2πft + φ) it plays A·sin(2πft + φ) from the
trigger edge on. The guide does not state the delay after the edge; it is the same for all tones, so the pilot measures
it.
`load` returns the programs that are really played, with levels as read back and phases relative to the trigger edge.

The generator takes one setting at a time (`session.py`), by default 0.1 s each: a tone that ends, comes back with
another amplitude and ends again takes four settings, a pilot two per acquisition. Both generators of a bench are set at
the same time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from math import radians

from labrig.errors import ConnectionFailed, IdentityMismatch, LabrigError, LimitExceeded
from labrig.instruments.data import Identity
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.rigol.options import CHANNELS, HIGHEST_HZ, LEAST_VPP, Dg1000zOptions
from labrig_drivers.rigol.session import PacedSession
from labrig_drivers.rigol.settings import TABLE_POINTS, Applied, Setting, block_of, degrees, held, same
from labrig_drivers.scpi import INFINITE, number
from labrig_drivers.tone_table import waveform
from labrig_drivers.visa_generator import PEAK_V, VisaGenerator, after_trigger

RESET_S = 2.0
"""Time allowed for a reset (s), as in public drivers."""

_ZEROS = ",".join("0" * 8)
"""The shortest waveform of zeros."""


class Dg1000zSource(VisaGenerator[PacedSession, Setting]):
    """A WaveformSource of two channels, "1" and "2"."""

    def __init__(self, name: str, options: Dg1000zOptions) -> None:
        session = PacedSession(name, options.resource, options.deadline, options.pause)
        super().__init__(name, options, session, CHANNELS)
        self._options = options
        self._clock_word = "EXT" if options.clock == "external" else "INT"
        self._trigger_word = "EXT" if options.trigger == "external" else "MAN"
        self._load_ohm = INFINITE if options.load == "high_z" else 50.0
        self._levels = {channel: {"VOLT": 0.0, "VOLT:OFFS": 0.0} for channel in CHANNELS}  # as read back
        self._on: set[str] = set()
        self._running: set[str] = set()  # channels whose burst may have started

    def open(self) -> None:
        """Connect, reset, and set up both channels with their outputs off."""
        self._session.open()
        self.identify()
        self._identified = True
        self._set_up()

    def identify(self) -> Identity:
        """Query *IDN?; raises IdentityMismatch if it is not a DG1000Z."""
        reply = self._session.ask("*IDN?", "identify")
        maker, model, serial, firmware = ([word.strip() for word in reply.split(",")] + [""] * 4)[:4]
        if not maker.lower().startswith("rigol") or not (model.startswith("DG10") and model.endswith("Z")):
            raise IdentityMismatch(
                f"identifies as {reply!r}, which is not a Rigol DG1000Z",
                device=self.name,
                action="identify",
                remedy="correct the resource, or close other programs using it",
            )
        return Identity(model, serial, firmware)

    def start(self) -> None:
        """Send the trigger to the channel that plays a tone; with an external trigger do nothing."""
        self._require_open("start")
        self._running.update(self._playing if self._options.trigger == "manual" else CHANNELS)
        if self._options.trigger == "manual":
            for channel in self._playing:
                self._session.write(f":SOUR{channel}:BURS:TRIG", "start")

    def _confirm(self, thoroughly: bool) -> None:
        """Check waveform, burst and output of both channels."""
        for channel in CHANNELS:
            self._verify(channel, thoroughly=thoroughly)
        if thoroughly:
            self._check_clock("confirm")

    def make_safe(self) -> None:
        """Switch both outputs off, and read them back. Does nothing if the instrument has never answered."""
        if not (self._identified and self._session.is_open):
            return
        self._on.clear()
        failures: list[LabrigError] = []
        switch = self._session.change_now
        for channel in CHANNELS:
            try:
                told = switch(f":OUTP{channel}", "OFF", "make safe")
                if told != "OFF":
                    self._refuse(channel, "OUTP", "OFF", told, "make safe")
                switch = self._session.change  # the other output's command must not undo this one
            except LabrigError as failure:
                failures.append(failure)
        if failures:
            self._forget_state()
            raise failures[0]

    def _forget_state(self) -> None:
        super()._forget_state()
        self._on.clear()
        self._running.clear()

    def _set_up(self) -> None:
        """Reset, then set up the clock and both channels, with the outputs off."""
        self._session.write("*RST", "set up")
        time.sleep(RESET_S)
        self._session.write("*CLS", "set up")
        self._running.clear()
        self._on.clear()
        self._session.change(":SYST:ROSC:SOUR", self._clock_word, "set up")
        quiet = Setting(1e3, LEAST_VPP * self._panel_per_open_v, 0.0)
        for channel in CHANNELS:
            for key, value in ((":LOAD", "INF" if self._load_ohm == INFINITE else "50"), (":SYNC", "OFF")):
                told = self._session.change(f":OUTP{channel}{key}", value, "set up")
                asked = number(self._load_ohm) if key == ":LOAD" else value
                if not same(key, asked, told):
                    self._refuse(channel, f"OUTP{key}", asked, told, "set up")
            self._set(channel, "BURS:MODE", "INF", "set up")
            self._set(channel, "BURS:TRIG:SOUR", self._trigger_word, "set up")
            self._set(channel, "VOLT", number(quiet.vpp), "set up")
            self._set(channel, "VOLT:OFFS", "0", "set up")
            self._store(channel, ())
            self._set(channel, "BURS", "ON", "set up")
            self._settings[channel] = quiet
            self._verify(channel, thoroughly=True, on=False)
        self._check_clock("set up")  # by now a generator without 10 MHz has gone back to its own clock
        self._check_errors("set up")

    def _check_clock(self, action: str) -> None:
        used = self._session.ask(":SYST:ROSC:SOUR?", action)
        if used != self._clock_word:
            self._refuse_clock(self._clock_word, used, action)

    def _load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        tones = {channel: self._playable(programs.get(channel, SILENT)) for channel in CHANNELS}
        wanted = {channel: self._target(channel, programs.get(channel, SILENT), tones[channel]) for channel in CHANNELS}
        self._playing = tuple(channel for channel in CHANNELS if tones[channel])
        self._refuse_tones_of_both()
        before = self._session.messages
        for channel in CHANNELS:
            self._prepare(channel, wanted[channel])
        for channel in CHANNELS:
            if channel not in self._on:
                told = self._session.change(f":OUTP{channel}", "ON", "load")
                if told != "ON":
                    self._refuse(channel, "OUTP", "ON", told, "load")
                self._on.add(channel)
        if self._session.messages != before:
            self._session.wait()
            self._check_errors("load")
        return {channel: self._as_played(channel, tones[channel]) for channel in programs}

    def _playable(self, program: ToneProgram) -> tuple[Tone, ...]:
        """The tones that the generator can play.

        A tone below half the smallest amplitude that can be set is left out, because silence is closer to it.
        """
        tones = tuple(tone for tone in program.tones if tone.amplitude >= LEAST_VPP / 4 and tone.frequency_hz > 0)
        if fast := [tone for tone in tones if tone.frequency_hz > HIGHEST_HZ]:
            raise LimitExceeded(
                f"cannot play {fast[0].frequency_hz:g} Hz",
                device=self.name,
                action="load",
                limit=f"{HIGHEST_HZ:g} Hz",
                remedy="lower the frequency",
            )
        return tones

    def _target(self, channel: str, program: ToneProgram, tones: tuple[Tone, ...]) -> Setting:
        k = self._panel_per_open_v
        offset, least = program.dc * k, LEAST_VPP * k
        if len(tones) == 1:
            (tone,) = tones
            phase, vpp = degrees(tone.phase_rad), max(least, 2 * tone.amplitude * k)
            return Setting(tone.frequency_hz, vpp, offset, phase, "SIN", self._settings[channel].tones)
        if tones:
            rate, cycles = self._table_plan(tones, TABLE_POINTS)
            vpp = max(least, 2 * waveform(tones, cycles, TABLE_POINTS)[1] * k)
            return Setting(rate, vpp, offset, 0.0, "USER", tones)
        quiet = replace(self._settings[channel], offset_v=offset, function="USER", tones=())
        return replace(quiet, vpp=least) if abs(offset) + quiet.vpp / 2 > PEAK_V * k else quiet

    def _prepare(self, channel: str, wave: Setting) -> None:
        """Send the settings that differ, and make the burst of a tone that may have started wait again."""
        now, self._settings[channel] = self._settings[channel], wave
        uploads = wave.tones != now.tones
        rearms = uploads or (channel in self._running and channel in self._playing)
        if rearms:
            self._set(channel, "BURS", "OFF", "load")
        if uploads:
            now = replace(now, vpp=LEAST_VPP * self._panel_per_open_v, function="USER")
            self._set(channel, "VOLT", number(now.vpp), "load")
            self._store(channel, wave.tones)
        for key, value in wave.changes(now).items():
            self._set(channel, key, value, "load")
        if rearms:
            self._set(channel, "BURS", "ON", "load")
            self._running.discard(channel)

    def _set(self, channel: str, key: str, value: str, action: str) -> None:
        """Send one setting of a channel and compare how it reads back. Raises ChannelFault if that differs."""
        told = self._session.change(f":SOUR{channel}:{key}", value, action)
        if not same(key, value, told):
            self._refuse(channel, key, value, told, action)
        if key in self._levels[channel]:
            self._levels[channel][key] = float(told)

    def _store(self, channel: str, tones: tuple[Tone, ...]) -> None:
        """Upload a waveform of these tones, or of zeros, which the generator then plays. This is slow."""
        own = f":SOUR{channel}:"
        message: str | bytes
        if tones:
            samples, _ = waveform(tones, self._table_plan(tones, TABLE_POINTS)[1], TABLE_POINTS)
            message = f"{own}DATA:DAC16 VOLATILE,END,".encode() + block_of(samples) + b"\n"
            question, expected = f"{own}DATA:POIN? VOLATILE", str(TABLE_POINTS)
        else:
            message, question, expected = f"{own}DATA VOLATILE,{_ZEROS}", f"{own}FUNC?", "USER"
        told = self._session.send(message, question, "load")
        if told != expected:
            self._refuse(channel, question.removeprefix(own), expected, told, "load")

    def _verify(self, channel: str, *, thoroughly: bool = False, on: bool = True) -> None:
        """Read back the settings of a channel and compare."""
        action = "confirm" if on else "set up"
        own = f":SOUR{channel}:"
        reply = self._session.ask(f"{own}APPL?", action)
        applied = Applied.of(reply)
        if applied is None:
            self._session.abandon()
            raise ConnectionFailed(
                f"gave an unexpected reply to a query of the settings of channel {channel}: {reply!r}",
                device=self.name,
                action=action,
                remedy="close other programs using it",
            )
        wrong = applied.difference(self._settings[channel])
        if wrong is not None:
            self._refuse(channel, *wrong, action)
        states = {f"{own}BURS": "ON", f":OUTP{channel}": "ON" if on else "OFF"}
        if thoroughly:
            states |= {
                f"{own}BURS:MODE": "INF",
                f"{own}BURS:TRIG:SOUR": self._trigger_word,
                f"{own}BURS:PHAS": number(self._settings[channel].phase_deg),
                f":OUTP{channel}:LOAD": number(self._load_ohm),
            }
        for key, asked in states.items():
            told = self._session.ask(f"{key}?", action)
            if not same(key.removeprefix(own), asked, told):
                self._refuse(channel, key, asked, told, action)

    def _as_played(self, channel: str, tones: tuple[Tone, ...]) -> ToneProgram:
        wave, k = self._settings[channel], self._panel_per_open_v
        dc, amplitude = self._levels[channel]["VOLT:OFFS"] / k, self._levels[channel]["VOLT"] / 2 / k
        if len(tones) == 1:
            tones = (Tone(tones[0].frequency_hz, amplitude, radians(wave.phase_deg)),)
        elif tones:
            _, cycles = self._table_plan(tones, TABLE_POINTS)
            share = amplitude / waveform(tones, cycles, TABLE_POINTS)[1]  # differs from 1 by rounding
            shared = (replace(tone, amplitude=share * tone.amplitude) for tone in tones)
            tones = tuple(held(tone, count) for tone, count in zip(shared, cycles, strict=True))
        return ToneProgram(dc, after_trigger(tones, 0.0))
