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
from labrig.instruments.potentiometers import Potentiometer

Kind = Literal["source", "digitizer", "programmer"]


@dataclass(frozen=True, slots=True)
class SourceCapabilities:
    """channels: names; full_scale_v: ± peak at the open output; settle_s: from start until the output is within its
    specification; output_resistance_ohm: of each channel; bits: of its converter. own_clock: it has a clock of its own,
    which must follow the digitizer's, and starts with its trigger, both named under `timing:`. triggered: its tones
    start with an edge from outside, as it is configured. least_v: smallest amplitude of a tone (peak, open output); a
    smaller one becomes this or nothing. most_tones: of one channel at once."""

    channels: tuple[str, ...]
    bits: int
    full_scale_v: float
    output_resistance_ohm: float
    settle_s: float
    own_clock: bool = False
    triggered: bool = True
    least_v: float = 0.0
    most_tones: int = 64


@dataclass(frozen=True, slots=True)
class DigitizerCapabilities:
    """channels: names; full_scale_v: ± range; convert_interval_s: delay from one channel of a scan to the next, 0 where
    all are sampled at once."""

    channels: tuple[str, ...]
    bits: int
    full_scale_v: float
    max_sample_rate_hz: float
    convert_interval_s: float


@dataclass(frozen=True, slots=True)
class ProgrammerCapabilities:
    """channels: names; part: of every channel; supply_v: its rails; write_s: time one batch of writes takes.

    silence_s: how long nobody may speak to it before it disconnects the board.
    """

    channels: tuple[str, ...]
    part: Potentiometer
    supply_v: tuple[float, float]
    write_s: float
    silence_s: float = math.inf


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
        Words of `simulation.faults` that it can be struck with.
    """

    name: str
    factory: Callable[[Any, Any], AbstractContextManager[Any]] | str
    faults: tuple[str, ...] = ()

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
    """

    name: str
    kind: Kind
    options: type[InstrumentOptions]
    capabilities: Callable[[Any], Capabilities]
    factory: Callable[[str, Any], Any] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    virtual: VirtualCounterpart | None = None


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
