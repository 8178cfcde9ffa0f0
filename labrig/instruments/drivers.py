"""Drivers as data: all that a driver package needs to describe its drivers, and the lookup of installed drivers.

A package provides drivers in the entry-point group `labrig.drivers`; each entry point is a sequence of `DriverInfo`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict

from labrig.config.key_texts import described
from labrig.errors import ConfigError
from labrig.extensions import COMES_WITH_LABRIG, installed
from labrig.instruments.capabilities import (
    Capabilities,
    ClockSource,
    DigitizerCapabilities,
    InstrumentCapabilities,
    ProgrammerCapabilities,
    SourceCapabilities,
)
from labrig.instruments.data import plain_model
from labrig.instruments.findings import Probe

__all__ = [
    "Assumption",
    "Capabilities",
    "ClockSource",
    "DigitizerCapabilities",
    "DriverInfo",
    "FaultPlace",
    "InstrumentCapabilities",
    "InstrumentOptions",
    "Kind",
    "ProgrammerCapabilities",
    "SourceCapabilities",
    "VirtualCounterpart",
    "broken_drivers",
    "drivers_named",
    "installed_driver",
    "installed_drivers",
]

_GROUP = "labrig.drivers"

Kind = Literal["source", "digitizer", "programmer"]

FaultPlace = Literal["connection", "silence", "delay", "line", "requests", "power", "samples", "edge"]
"""Where a fault of `simulation.faults` can act on an instrument; `labrig/simulation/faults/fault.py` explains each."""


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

    Raises
    ------
    ValueError
        If one of `faults` is not a FaultPlace.
    """

    name: str
    factory: Callable[[Any, Any], AbstractContextManager[Any]] | str
    faults: tuple[FaultPlace, ...] = ()

    def __post_init__(self) -> None:
        places = get_args(FaultPlace)
        if unknown := [place for place in self.faults if place not in places]:
            raise ValueError(f"faults of {self.name}: {unknown[0]!r} is not one of {', '.join(places)}")

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
        Whether the options can also describe a model that is not in `models`. An unknown model is then rejected by
        `capabilities` instead of beforehand.
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
    """Return the drivers of all installed packages, by name, without those of packages that cannot be imported.

    Raises ConfigError if a name occurs twice.
    """
    drivers: dict[str, DriverInfo] = {}
    for info in _loaded(installed(_GROUP))[0]:
        if info.name in drivers and drivers[info.name] is not info:
            raise ConfigError(
                f"two installed packages provide a driver named {info.name!r}", remedy="uninstall one of them"
            )
        drivers[info.name] = info
    return drivers


def drivers_named(name: str) -> list[DriverInfo]:
    """Return the driver of this name, whatever is wrong with other packages; several if packages disagree.

    Importing all of labrig's drivers takes 0.1 s, so only those that are named after the same instruments are imported
    if the driver is among them.
    """
    entries = installed(_GROUP)
    likely = [entry for entry in entries if not _is_own(entry) or entry.name in name.split(".")]
    found = [info for info in _loaded(likely)[0] if info.name == name]
    found = found or [info for info in _loaded(entries)[0] if info.name == name]
    return [info for place, info in enumerate(found) if not any(info is other for other in found[:place])]


def installed_driver(name: str) -> DriverInfo | None:
    """Return the first driver of this name, whatever is wrong with other packages; None if there is none."""
    return next(iter(drivers_named(name)), None)


def broken_drivers() -> dict[str, str]:
    """Return why drivers cannot be used, by the value of their entry point (`module:attribute`)."""
    return _loaded(installed(_GROUP))[1]


def _is_own(entry: EntryPoint) -> bool:
    return entry.value.partition(".")[0] in COMES_WITH_LABRIG


def _loaded(entries: Iterable[EntryPoint]) -> tuple[list[DriverInfo], dict[str, str]]:
    """Load drivers. Return them, and the reason for each entry point that fails, which does not affect the rest."""
    found: list[DriverInfo] = []
    broken: dict[str, str] = {}
    for entry in entries:
        try:
            offered = tuple(entry.load())
        except Exception as error:  # an import may raise anything
            broken[entry.value] = f"{type(error).__name__}: {error}"
            continue
        if all(isinstance(info, DriverInfo) for info in offered):
            found += offered
        else:
            broken[entry.value] = "it is not a sequence of DriverInfo"
    return found, broken
