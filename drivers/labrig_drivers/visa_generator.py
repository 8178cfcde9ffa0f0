"""The common parts of generators over VISA: options, capabilities, and a source with one session."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Generic, Literal, NoReturn, TypeVar

from pydantic import Field

from labrig.errors import ChannelFault, ConfigError, ConnectionFailed, LabrigError
from labrig.instruments.addresses import check_visa
from labrig.instruments.data import SourceAccuracy
from labrig.instruments.drivers import InstrumentOptions, SourceCapabilities
from labrig.quantities import NonNegativeTime, PositiveTime, PositiveVoltage, Ratio, Voltage
from labrig.signals.tones import SILENT, Tone, ToneProgram
from labrig_drivers.scpi import queued_errors
from labrig_drivers.tone_table import TABLE_POINTS, table_plan
from labrig_drivers.visa import VisaSession

S = TypeVar("S", bound=VisaSession)
Setting = TypeVar("Setting")

PEAK_V = 10.0
"""Largest voltage at the open output (V)."""

CLOCK_EVERY = 16
"""Number of confirmations per query of the clock. Without 10 MHz at its input a generator runs on its own clock, but
each trigger restarts the tones, so their phase error within a window is about a degree at most."""


class GeneratorOptions(InstrumentOptions):
    """Options of a generator over VISA.

    Attributes
    ----------
    resource
        VISA resource name.
    load
        Load set on the instrument. Programs are in open-circuit volts in either case.
    full_scale
        Largest open-circuit peak voltage (V).
    settle
        Settling time of the output (s).
    clock
        `external` needs 10 MHz at the clock input.
    trigger
        `external` starts at the signal edge at the trigger input, `manual` by a command.
    gain_error, tone_error
        Largest errors of an amplitude, from the data sheet or a calibration: the relative part, and the absolute part
        (peak V on the panel). The defaults are ± (1 % + 1 mVpp).
    deadline
        Deadline of every call (s).
    """

    resource: str
    load: Literal["high_z", "50ohm"] = "high_z"
    full_scale: Annotated[PositiveVoltage, Field(le=PEAK_V)] = PEAK_V
    settle: NonNegativeTime = 1e-3
    clock: Literal["external", "internal"] = "external"
    trigger: Literal["external", "manual"] = "external"
    gain_error: Annotated[Ratio, Field(ge=0)] = 0.01
    tone_error: Annotated[Voltage, Field(ge=0)] = 0.5e-3
    deadline: PositiveTime = 2.0


def generator_capabilities(
    options: GeneratorOptions,
    channels: tuple[str, ...],
    bits: int,
    least_v: float,
    most_tones: int,
    tones_remedy: str,
) -> SourceCapabilities:
    """Capabilities of a generator with these channels and limits. Raises ValueError for an invalid resource."""
    try:
        check_visa(options.resource)
    except ValueError as error:
        raise ValueError(f"resource: {error}") from error
    usb = "allows no second connection over USB: if labrig hangs, it must be killed before `labrig safe` can help"
    return SourceCapabilities(
        channels,
        bits,
        options.full_scale,
        50.0,
        options.settle,
        own_clock=True,
        external_clock=options.clock == "external",
        triggered=options.trigger == "external",
        most_tones=most_tones,
        tones_remedy=tones_remedy,
        least_v=least_v,
        not_promised=(
            "has no watchdog: if the computer loses power or stops, or the connection fails, its outputs stay on",
            *((usb,) if options.resource.upper().startswith("USB") else ()),
        ),
        # A generator has the same address, whether it is reached by VXI-11 or at its raw socket.
        address=re.sub(r"(?i)::(?:5025|5555)::SOCKET$", "::INSTR", options.resource),
    )


class VisaGenerator(ABC, Generic[S, Setting]):
    """A source with one VISA session of type S, and a Setting per channel. The commands are in the subclass."""

    def __init__(self, name: str, options: GeneratorOptions, session: S, channels: tuple[str, ...]) -> None:
        self.name = name
        self._session = session
        self._channels = channels
        self._trigger = options.trigger
        self._settings: dict[str, Setting] = {}  # empty if the state of the instrument is unknown
        self._playing: tuple[str, ...] = ()  # channels that play tones
        self._confirmed = 0
        self._errors_of_amplitude = options.gain_error, options.tone_error
        self._panel_per_open_v = 1.0 if options.load == "high_z" else 0.5  # panel volts per open-circuit volt
        self._identified = False  # whether a suitable generator has answered; then its outputs are to be made safe

    @abstractmethod
    def make_safe(self) -> None:
        """Switch all outputs off, then read them back. Does nothing if the instrument has never answered."""

    @abstractmethod
    def _load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Do the work of `load`, once the instrument is set up."""

    @abstractmethod
    def _set_up(self) -> None:
        """Set up the clock and every channel from any state, with the outputs off."""

    @abstractmethod
    def _confirm(self, thoroughly: bool) -> None:
        """Check the settings that someone may have changed at the front panel; if `thoroughly`, check everything."""

    def _forget_state(self) -> None:
        """Forget the settings of the instrument, so that the next load sets everything up again."""
        self._settings.clear()
        self._playing = ()

    def load(self, programs: Mapping[str, ToneProgram]) -> dict[str, ToneProgram]:
        """Send the settings, arm the bursts and read the settings back.

        Returns
        -------
        dict
            The programs that will really be played, with phases relative to the trigger edge.

        Raises
        ------
        ChannelFault
            If a setting reads back differently, or the instrument reports an error.
        ConfigError, LimitExceeded
            If the instrument cannot play a program.
        """
        self._require_open("load")
        try:
            if not self._settings:
                self._set_up()
            return self._load(programs)
        except BaseException:
            self._forget_state()
            raise

    def idle(self) -> None:
        """Set every channel to 0 V with its output on."""
        self.load(dict.fromkeys(self._channels, SILENT))

    def confirm(self) -> None:
        """Check that the generator still has its settings, which a reset or its front panel may change.

        Raises
        ------
        ChannelFault
            If a setting reads back differently.
        ConnectionFailed
            If the connection was lost since `load`, or the clock is not the one that was set.
        """
        self._require_open("confirm")
        if not self._settings:
            raise ConnectionFailed("the connection was lost", device=self.name, action="confirm", remedy="load again")
        self._confirmed += 1
        try:
            self._confirm(self._confirmed % CLOCK_EVERY == 0)
        except BaseException:
            self._forget_state()
            raise

    def arm(self) -> None:
        """Do nothing: `load` has armed the generator, because a trigger may come as soon as the digitizer is armed."""
        self._require_open("arm")

    def accuracy(self) -> SourceAccuracy:
        """Accuracy of the amplitudes, from their largest errors."""
        gain, tone_v = self._errors_of_amplitude
        return SourceAccuracy.within(gain, tone_v / self._panel_per_open_v)

    def rescue(self) -> None:
        """Switch all outputs off over a new connection, whatever state another process left them in."""
        self._session.open()
        self._identified = True
        try:
            self.make_safe()
        finally:
            self.close()

    def close(self) -> None:
        """Disconnect; never raises."""
        self._forget_state()
        self._session.close()

    def _require_open(self, action: str) -> None:
        if not self._session.is_open:
            raise ConnectionFailed("is not open", device=self.name, action=action, remedy="call open() first")

    def _refuse_tones_of_both(self) -> None:
        """Raise ConfigError if both channels are to play tones that only commands could start."""
        if self._trigger == "manual" and len(self._playing) > 1:
            raise ConfigError(
                "cannot start the tones of both channels simultaneously by command",
                device=self.name,
                action="load",
                remedy="use trigger: external, and a cable from the digitizer's start output",
            )

    def _refuse_clock(self, wanted: str, used: str, action: str) -> NoReturn:
        """Raise ConnectionFailed for a generator that does not use the wanted clock."""
        raise ConnectionFailed(
            f"runs on its {used} clock instead of {wanted}",
            device=self.name,
            action=action,
            remedy="connect 10 MHz to its clock input, or set clock: internal",
        )

    def _refuse(self, channel: str, key: str, asked: str, got: str, action: str) -> NoReturn:
        """Raise ChannelFault for a setting that was not accepted, with the errors that the generator reports."""
        try:
            told = self._errors(action)
        except LabrigError:
            told = []
        raise ChannelFault(
            f"channel {channel} did not accept {key}: requested {asked}, got {got}"
            + (f"; it reports {', '.join(told)}" if told else ""),
            device=self.name,
            action=action,
            remedy="lower the requested value, or check whether someone is operating the front panel",
        )

    def _check_errors(self, action: str) -> None:
        """Raise ChannelFault if the generator has reported an error."""
        if told := self._errors(action):
            raise ChannelFault(
                f"reports {', '.join(told)}",
                device=self.name,
                action=action,
                remedy="look up the error in its manual; if the value is allowed, please report this",
            )

    def _errors(self, action: str) -> list[str]:
        """Read the errors that the generator has reported."""
        return queued_errors(self._session, action)

    def _table_plan(self, tones: Sequence[Tone], points: int = TABLE_POINTS) -> tuple[float, tuple[int, ...]]:
        """Return the repetition rate of the shortest table of these tones (Hz), and the cycles of each tone in it.

        Raises ConfigError if there is no such table.
        """
        plan = table_plan(tones, points)
        if plan is None:
            raise ConfigError(
                f"no table can hold whole cycles of {', '.join(f'{tone.frequency_hz:g} Hz' for tone in tones)}",
                device=self.name,
                action="load",
                remedy="use a shorter acquisition.window, which puts the tones on a coarser grid",
            )
        return plan


def after_trigger(tones: Sequence[Tone], delay_s: float) -> tuple[Tone, ...]:
    """Return the tones as played by a generator that plays cosines as sines and starts `delay_s` after the edge."""
    return tuple(
        replace(tone, phase_rad=tone.phase_rad - math.pi / 2 - 2 * math.pi * tone.frequency_hz * delay_s)
        for tone in tones
    )
