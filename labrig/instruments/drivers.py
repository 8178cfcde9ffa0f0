"""Drivers as data: descriptions, capabilities of the models, and the lookup of installed drivers.

A package provides drivers in the entry-point group `labrig.drivers`; each entry point is a sequence of `DriverInfo`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from labrig.config.key_texts import described
from labrig.errors import ConfigError
from labrig.extensions import installed
from labrig.instruments.data import plain_model
from labrig.instruments.findings import Probe
from labrig.instruments.multiplexer import SAMPLING_F
from labrig.instruments.parts import Part

Kind = Literal["source", "digitizer", "programmer"]

FaultPlace = Literal["connection", "silence", "delay", "line", "requests", "power", "samples", "edge"]
"""Where a fault of `simulation.faults` can act on an instrument; `labrig/simulation/faults/fault.py` explains each."""


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
        """Whether this may be the same clock as `other`."""
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
        Whether it has its own clock, which must be locked to the digitizer's clock, and needs the digitizer's trigger;
        both connections are listed under `timing:`.
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
    tones_remedy : str
        Remedy if more tones are needed, for error messages.
    clock_source : ClockSource, optional
        Clock of a source that has no clock of its own; it must be the clock that the digitizer's samples follow. None:
        the source always follows the digitizer's clock, or its clock is not known.
    clock_input : str
        Input at which that clock takes 10 MHz without further settings, as text with `{name}` for the instrument's
        name; `timing.clock` then lists the source among the followers. "": there is no such input.
    clock_source_remedy : str
        How to make the source follow the digitizer's clock, for error messages.
    holds_levels : bool
        Whether channels can hold a level when the source is made safe; it then has `hold_when_safe`.
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
    tones_remedy: str = "use another source for the pilot"
    clock_source: ClockSource | None = None
    clock_input: str = ""
    clock_source_remedy: str = "use another source for the tones"
    holds_levels: bool = False

    @property
    def step_v(self) -> float:
        """Voltage of one code (V)."""
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
        Resolution of the interval between conversions (s) if the digitizer spreads them evenly, so that each has as
        much time to settle as the sample rate allows. 0 if they follow one another every `convert_interval_s`.
    aperture_s : float
        Duration over which each sample is averaged (s), such as the exposure of a camera; 0 if samples are
        instantaneous.
    sampling_f : float
        Sampling capacitance of its multiplexer (F), which carries a part of each channel's voltage to the next.
    held_s : float
        For a digitizer that reads its channels only while all sources of its board are constant: the time that nodes
        have to settle before the first channel is read (s). 0 if it samples signals that change all the time.
    exports : tuple of str
        The signals among `start` and `clock` that it can output at a terminal set under `timing:`, by its options
        `export_start` and `export_clock`.
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

    @property
    def step_v(self) -> float:
        """Voltage of one code (V)."""
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
        Whether it can leave the network connected when it is closed; it then has `leave`.
    """

    channels: tuple[str, ...]
    part: Part
    supply_v: tuple[float, float]
    write_s: float
    silence_s: float = math.inf
    on_chips: bool = False
    stays_connected: bool = False


Capabilities = SourceCapabilities | DigitizerCapabilities | ProgrammerCapabilities


class InstrumentOptions(BaseModel):
    """Options of every entry of `instruments:`; base class of the drivers' options models.

    `model` and `serial`, if given, must match the instrument's identity.

    driver: name of the driver, which determines the other keys. model: model that the instrument must report.
    serial: serial number that the instrument must report.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra=described)

    driver: str
    model: str | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class VirtualCounterpart:
    """The virtual instruments that replace those of a driver on `bench: wire`.

    Drivers with equal counterparts are served together.

    Attributes
    ----------
    name : str
        Name in `labrig drivers --json`.
    factory : callable or str
        Function that serves the virtual instruments, or its dotted path "package.module:name", which is imported when
        they are served. Its arguments and result are described in `labrig/virtual_instruments/counterpart.py`.
    faults : tuple of str
        Places where faults of `simulation.faults` can act on it.
    """

    name: str
    factory: Callable[[Any, Any], AbstractContextManager[Any]] | str
    faults: tuple[FaultPlace, ...] = ()

    def load(self) -> Callable[[Any, Any], AbstractContextManager[Any]]:
        """Import the factory. Raises ConfigError if the import fails."""
        if not isinstance(self.factory, str):
            return self.factory
        module, _, attribute = self.factory.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the virtual counterpart {self.name} cannot be imported from {self.factory!r}: {error}",
                remedy="correct `virtual` in the driver's DriverInfo, or install the missing package",
            ) from error


@dataclass(frozen=True, slots=True)
class Assumption:
    """An assumption of a driver that has not been verified on the instrument itself.

    Attributes
    ----------
    statement : str
        The assumption.
    command : str
        How to verify it: a command with CONFIG for the user's file, or an observation to make.
    holds_if : str
        The result that confirms it.
    """

    statement: str
    command: str
    holds_if: str


ConnectionProblems = Callable[[str, Mapping[str, InstrumentOptions]], Iterable[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """One driver.

    Attributes
    ----------
    name
        Name in `driver:`.
    kind
        Kind of instrument.
    options
        Pydantic model of its configuration entry.
    capabilities
        Function from validated options to capabilities. Raises ValueError with a message for the user.
    factory
        Function that builds the real instrument from (name, options). None for a generic model, which can only be
        simulated.
    models
        Evidence that the driver works, by model ("never run on hardware" until someone reports).
    virtual
        Virtual counterpart on `bench: wire`. None: the driver cannot run there.
    packages
        Distributions that the driver imports when the instrument is opened.
    imports
        Modules that the driver imports when the instrument is opened, in this order. The watchdog imports them
        beforehand, to be quick.
    probes
        Checks that `labrig doctor` runs for the driver on this machine, by subject.
    assumptions
        Assumptions that have not been verified on hardware yet.
    other_models
        Whether the options can also describe other models; `capabilities` then reports unknown models.
    connection_problems
        Function that takes the name of an entry and the options of all entries, and returns pairs (option, message)
        for problems of its trigger and clock terminals in combination with the other entries. It is called for the
        digitizer and for sources of tones.
    """

    name: str
    kind: Kind
    options: type[InstrumentOptions]
    capabilities: Callable[[Any], Capabilities]
    factory: Callable[[str, Any], Any] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    virtual: VirtualCounterpart | None = None
    packages: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)
    assumptions: tuple[Assumption, ...] = ()
    other_models: bool = False
    connection_problems: ConnectionProblems | None = None

    def known_model(self, model: str) -> str | None:
        """The known model to which a name refers; a variant, as in `USB-6363 (BNC)`, is ignored. None if not known."""
        return next((known for known in self.models if plain_model(known) == plain_model(model)), None)


def installed_drivers() -> dict[str, DriverInfo]:
    """Return the drivers of all installed packages, by name. Raises ConfigError if a name occurs twice."""
    drivers: dict[str, DriverInfo] = {}
    for entry in installed("labrig.drivers"):
        for info in entry.load():
            if info.name in drivers and drivers[info.name] is not info:
                raise ConfigError(
                    f"two installed packages provide a driver named {info.name!r}", remedy="uninstall one of them"
                )
            drivers[info.name] = info
    return drivers
