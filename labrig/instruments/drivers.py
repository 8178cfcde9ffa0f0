"""Drivers as data: what a driver is, what its models can do, and the registry that finds them.

A package offers drivers through the entry-point group `labrig.drivers`; each entry point is a sequence of `DriverInfo`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from labrig.errors import ConfigError
from labrig.instruments.findings import Probe
from labrig.instruments.parts import Part

Kind = Literal["source", "digitizer", "programmer"]

FaultPlace = Literal["connection", "silence", "delay", "line", "requests", "power", "samples"]
"""Where a fault of `simulation.faults` can act on an instrument: what each means is said in
`labrig/simulation/faults/fault.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentCapabilities:
    """What every instrument has.

    Attributes
    ----------
    address : str, optional
        Where it is reached, as its options say. Two entries of one driver at one address are one instrument named
        twice; two drivers at one address are two functions of one device, which has one model.
    """

    address: str | None = None


@dataclass(frozen=True, slots=True)
class SourceCapabilities(InstrumentCapabilities):
    """What a source can do.

    Attributes
    ----------
    channels : tuple of str
        Their names.
    bits : int
        Of its converter.
    full_scale_v : float
        ± peak at the open output (V).
    output_resistance_ohm : float
        Of each channel (Ω).
    settle_s : float
        From start until the output is within its specification (s).
    own_clock : bool
        It has a clock of its own, which must follow the digitizer's, and starts with its trigger, both named under
        `timing:`.
    external_clock : bool
        Of a source with a clock of its own: it is configured to follow the clock at its input.
    clock_setting : tuple of str
        Key and value of its options that make it follow the clock at its input.
    triggered : bool
        Its tones start with an edge from outside, as it is configured.
    trigger_setting : tuple of str
        Key and value of its options that make its tones start with an edge.
    least_v : float
        Smallest amplitude of a tone (peak at the open output, V); a smaller one becomes this or nothing.
    most_tones : int
        Of one channel at once.
    tones_remedy : str
        What lets it play more of them.
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
    tones_remedy: str = "let another source play the pilot"

    @property
    def step_v(self) -> float:
        """Volts of one code."""
        return 2.0 * self.full_scale_v / 2**self.bits


@dataclass(frozen=True, slots=True)
class DigitizerCapabilities(InstrumentCapabilities):
    """What a digitizer can do.

    Attributes
    ----------
    channels : tuple of str
        Their names.
    bits : int
        Of its converter.
    full_scale_v : float
        ± range (V).
    max_sample_rate_hz : float
        Of one channel (samples/s).
    convert_interval_s : float
        Delay from one channel of a scan to the next (s); 0 if all are sampled at once.
    exports : tuple of str
        Which of its signals `start` and `clock` can leave by a terminal that `timing:` names; its options
        `export_start` and `export_clock` take it.
    example_terminal : str
        Name of a terminal that they can leave by, for advice.
    clock_output : str, optional
        Where its clock leaves if `timing.clock.line` names no terminal, for the wiring sheet, with `{name}` for the
        instrument's name; None: nowhere.
    clock_remedy : str
        What to write if its clock leaves nowhere.
    """

    channels: tuple[str, ...]
    bits: int
    full_scale_v: float
    max_sample_rate_hz: float
    convert_interval_s: float
    exports: tuple[str, ...] = ()
    example_terminal: str = "<the terminal it leaves by>"
    clock_output: str | None = "{name} clock output"
    clock_remedy: str = "name the terminal it leaves by (line:)"

    @property
    def step_v(self) -> float:
        """Volts of one code."""
        return 2.0 * self.full_scale_v / 2**self.bits


@dataclass(frozen=True, slots=True)
class ProgrammerCapabilities(InstrumentCapabilities):
    """What a programmer of conductances can do.

    Attributes
    ----------
    channels : tuple of str
        Their names.
    part : Part
        Of every channel.
    supply_v : tuple of float
        The lower and the upper rail (V).
    write_s : float
        Time that one batch of writes takes (s).
    silence_s : float
        How long nobody may speak to it before it disconnects the board (s).
    on_chips : bool
        Its channels are the rheostats of chips that the user solders, in the order of the chips.
    """

    channels: tuple[str, ...]
    part: Part
    supply_v: tuple[float, float]
    write_s: float
    silence_s: float = math.inf
    on_chips: bool = False


Capabilities = SourceCapabilities | DigitizerCapabilities | ProgrammerCapabilities


class InstrumentOptions(BaseModel):
    """What every entry of `instruments:` may hold; a driver's options model derives from it.

    model and serial, where given, must be what the instrument answers.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    driver: str
    model: str | None = None
    serial: str | None = None


@dataclass(frozen=True, slots=True)
class VirtualCounterpart:
    """What stands in for a driver's instruments on `bench: wire`. Drivers with an equal one are served together.

    Attributes
    ----------
    name : str
        What it is called in `labrig drivers --json`.
    factory : callable or str
        Serves virtual instruments; or its dotted path "package.module:name", imported only where they are served.
        What it is given and what it returns: `labrig/virtual_instruments/counterpart.py`.
    faults : tuple of str
        Where faults of `simulation.faults` can act on it.
    """

    name: str
    factory: Callable[[Any, Any], AbstractContextManager[Any]] | str
    faults: tuple[FaultPlace, ...] = ()

    def load(self) -> Callable[[Any, Any], AbstractContextManager[Any]]:
        """Import the factory. Raises ConfigError where that fails."""
        if not isinstance(self.factory, str):
            return self.factory
        module, _, attribute = self.factory.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the virtual counterpart {self.name} cannot be imported from {self.factory!r}: {error}",
                remedy="correct `virtual` of the driver's DriverInfo, or install what it imports",
            ) from error


@dataclass(frozen=True, slots=True)
class DriverInfo:
    """One driver.

    options: pydantic model of the configuration's entry.
    capabilities: what the instrument described by validated options can do; raises ValueError with a plain sentence.
    factory: builds the real instrument from (name, options); None for a generic model, which only a bench can face.
    models: model id → evidence that it works ("never run on hardware" until somebody reports).
    virtual: what stands in for it on `bench: wire`; None: it cannot run there.
    packages: names of the distributions that it imports when it is opened.
    probes: what `labrig doctor` looks for on this machine on its behalf, by what it is about.
    """

    name: str
    kind: Kind
    options: type[InstrumentOptions]
    capabilities: Callable[[Any], Capabilities]
    factory: Callable[[str, Any], Any] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    virtual: VirtualCounterpart | None = None
    packages: tuple[str, ...] = ()
    probes: Mapping[str, Probe] = field(default_factory=dict)


def installed_drivers() -> dict[str, DriverInfo]:
    """Every driver of every installed package, by name. Two drivers of one name are a ConfigError."""
    drivers: dict[str, DriverInfo] = {}
    for entry in entry_points(group="labrig.drivers"):
        for info in entry.load():
            if info.name in drivers and drivers[info.name] is not info:
                raise ConfigError(
                    f"two installed packages offer a driver named {info.name!r}", remedy="uninstall one of them"
                )
            drivers[info.name] = info
    return drivers
