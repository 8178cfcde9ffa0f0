"""Capabilities of instruments: what a model can do, as data that the checks of a configuration use."""

from __future__ import annotations

import math
from dataclasses import dataclass

from labrig.instruments.multiplexer import SAMPLING_F
from labrig.instruments.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentCapabilities:
    """Capabilities of every instrument.

    Attributes
    ----------
    address : str, optional
        Address from the options. Two entries with the same driver and address are one instrument listed twice; two
        drivers with the same address are two functions of one device, which has one model.
    not_promised : tuple of str
        Cases in which the instrument may not be made safe at the end of a run; each is a sentence without the name of
        the instrument.
    """

    address: str | None = None
    not_promised: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClockSource:
    """The clock from which samples or tones are derived.

    Attributes
    ----------
    name : str
        Name for error messages.
    kind : str
        Kind of the clock; clocks of different kinds are different.
    which : str, optional
        Identifies the clock among those of its kind. None: unknown, so it may be any of them.
    """

    name: str
    kind: str
    which: str | None

    def may_be(self, other: ClockSource) -> bool:
        """Whether this clock and `other` may be the same."""
        return self.kind == other.kind and (None in (self.which, other.which) or self.which == other.which)


@dataclass(frozen=True, slots=True)
class SourceCapabilities(InstrumentCapabilities):
    """Capabilities of a source.

    Attributes
    ----------
    channels : tuple of str
        Channel names.
    bits : int
        DAC resolution.
    full_scale_v : float
        Open-circuit peak voltage (± V).
    output_resistance_ohm : float
        Output resistance of each channel (Ω).
    settle_s : float
        Settling time of the output (s).
    own_clock : bool
        Whether the source has its own clock. It must then be locked to the digitizer's clock and started by the
        digitizer's trigger; both connections are listed under `timing:`.
    external_clock : bool
        For a source with its own clock: whether it is configured to lock to its clock input.
    clock_setting : tuple of str
        Option (key, value) that locks it to its clock input.
    triggered : bool
        Whether it is configured to start its tones at an external signal edge.
    trigger_setting : tuple of str
        Option (key, value) that makes it start at an external signal edge.
    least_v : float
        Smallest amplitude of a tone (open-circuit peak, V); a smaller amplitude is rounded to this or to zero.
    most_tones : int
        Largest number of simultaneous tones on a channel.
    most_tones_together : int, optional
        Largest number of simultaneous tones on all channels together.
    tones_remedy : str
        Remedy if more tones are needed, for error messages.
    tone_period : int, optional
        Number of samples after which every tone repeats, if tones are played from a table at the sample rate.
    clock_source : ClockSource, optional
        Clock of a source that has no clock of its own; it must be the clock that the digitizer's samples follow. None:
        the source always follows the digitizer's clock, or its clock is not known.
    clock_input : str
        Input for 10 MHz to which the clock in `clock_source` locks without further settings, as text with `{name}` for
        the instrument's name; `timing.clock` then lists the source among the followers. "": there is no such input.
    clock_source_remedy : str
        How to make the source follow the digitizer's clock, for error messages.
    holds_levels : bool
        Whether channels can hold a level when the source is made safe; the driver then has a method `hold_when_safe`.
    lowest_hz : float
        Lowest frequency of a tone (Hz) if the outputs are AC-coupled and cannot play levels; 0 if they can.
    load_s : float
        Usual time to load new programs (s), for an instrument that takes long: sources are loaded before every
        acquisition, all at the same time.
    """

    channels: tuple[str, ...]
    bits: int
    full_scale_v: float
    output_resistance_ohm: float
    settle_s: float
    own_clock: bool = False
    external_clock: bool = True
    clock_setting: tuple[str, str] = ("clock", "external")
    triggered: bool = True
    trigger_setting: tuple[str, str] = ("trigger", "external")
    least_v: float = 0.0
    most_tones: int = 64
    most_tones_together: int | None = None
    tones_remedy: str = "use another source for the pilot"
    tone_period: int | None = None
    clock_source: ClockSource | None = None
    clock_input: str = ""
    clock_source_remedy: str = "use another source for the tones"
    holds_levels: bool = False
    lowest_hz: float = 0.0
    load_s: float = 0.0

    @property
    def step_v(self) -> float:
        """Voltage step between adjacent codes (V)."""
        return 2.0 * self.full_scale_v / 2**self.bits


@dataclass(frozen=True, slots=True)
class DigitizerCapabilities(InstrumentCapabilities):
    """Capabilities of a digitizer.

    Attributes
    ----------
    channels : tuple of str
        Channel names.
    bits : int
        ADC resolution.
    full_scale_v : float
        Input range (± V).
    max_sample_rate_hz : float
        Highest sample rate of a single channel (S/s).
    convert_interval_s : float
        Delay between successive channels of a scan (s); 0 if they are sampled simultaneously.
    spread_step_s : float
        Resolution of the interval between conversions (s), for a digitizer that spreads the conversions of a scan
        evenly over the sample period, so that each input has as long as possible to settle. 0 for a digitizer that
        always converts at `convert_interval_s`.
    aperture_s : float
        Duration over which each sample is averaged (s), such as the exposure of a camera; 0 if samples are
        instantaneous.
    sampling_f : float
        Sampling capacitance of its multiplexer (F), which carries part of each channel's voltage over to the next
        channel.
    held_s : float
        For a digitizer that reads its channels only while all sources of its board are constant: the time that nodes
        have to settle before the first channel is read (s). 0 for a digitizer that samples while signals change.
    exports : tuple of str
        Which of the signals `start` and `clock` it can output. Their terminals are set under `timing:`, or by its
        options `export_start` and `export_clock`.
    example_terminal : str
        Name of a suitable terminal, for error messages.
    clock_output : str, optional
        Name of its clock output for the wiring sheet, if `timing.clock.line` is not set; `{name}` stands for the
        instrument's name. None: there is no clock output.
    clock_remedy : str
        How to get a clock output, for error messages.
    start_remedy : str
        How to get an output of its start signal, for error messages.
    clock_terminals, start_terminals : tuple of str, optional
        Terminals that can output its sample clock, and its start signal. None: not known.
    clock_source : ClockSource, optional
        The clock that its samples follow; None if it is not known.
    lowest_hz : float
        Lowest frequency that it reads (Hz) if its inputs are AC-coupled and cannot read levels; 0 if they can.
    """

    channels: tuple[str, ...]
    bits: int
    full_scale_v: float
    max_sample_rate_hz: float
    convert_interval_s: float
    spread_step_s: float = 0.0
    aperture_s: float = 0.0
    sampling_f: float = SAMPLING_F
    held_s: float = 0.0
    exports: tuple[str, ...] = ()
    example_terminal: str = "<its output terminal>"
    clock_output: str | None = "{name} clock output"
    clock_remedy: str = "name its clock output terminal (line:)"
    start_remedy: str = "use another digitizer"
    clock_terminals: tuple[str, ...] | None = None
    start_terminals: tuple[str, ...] | None = None
    clock_source: ClockSource | None = None
    lowest_hz: float = 0.0

    @property
    def step_v(self) -> float:
        """Voltage step between adjacent codes (V)."""
        return 2.0 * self.full_scale_v / 2**self.bits

    def skew_s(self, channels: int, sample_rate_hz: float) -> tuple[float, ...]:
        """Delay of each of `channels` channels after the start of a scan (s)."""
        interval_s, step_s = self.convert_interval_s, self.spread_step_s
        if step_s and interval_s:
            interval_s = math.floor(1 / (channels * sample_rate_hz) / step_s * (1 + 1e-12)) * step_s
        return tuple(k * interval_s for k in range(channels))


@dataclass(frozen=True, slots=True)
class ProgrammerCapabilities(InstrumentCapabilities):
    """Capabilities of a programmer of conductances.

    Attributes
    ----------
    channels : tuple of str
        Channel names.
    part : Part
        The programmable part of every channel.
    supply_v : tuple of float
        Lower and upper supply rail (V).
    write_s : float
        Duration of one batch of writes (s).
    silence_s : float
        Time without messages after which its watchdog disconnects the board (s).
    on_chips : bool
        Whether its channels are the rheostats of chips soldered by the user, in the order of the chips.
    stays_connected : bool
        Whether it can leave the network connected when it is closed; the driver then has a method `leave`.
    reads_back : bool
        Whether it reads settings back. Otherwise `read_back` returns those written last, and reports verify nothing.
    """

    channels: tuple[str, ...]
    part: Part
    supply_v: tuple[float, float]
    write_s: float
    silence_s: float = math.inf
    on_chips: bool = False
    stays_connected: bool = False
    reads_back: bool = True


Capabilities = SourceCapabilities | DigitizerCapabilities | ProgrammerCapabilities
