"""The `instruments` section: its entries and the installed drivers they name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from labrig.assembly.sections.header import Header
from labrig.config.document import Document
from labrig.config.validation import validate
from labrig.errors import ConfigError
from labrig.instruments.addresses import canonical
from labrig.instruments.data import plain_model
from labrig.instruments.drivers import (
    Capabilities,
    DigitizerCapabilities,
    DriverInfo,
    InstrumentOptions,
    ProgrammerCapabilities,
    SourceCapabilities,
    broken_drivers,
    drivers_named,
    installed_drivers,
)
from labrig.instruments.pulse_programmer import PulseProgrammerCapabilities
from labrig.quantities import as_written


@dataclass(frozen=True)
class Device:
    """One instrument of a configuration: its driver, its validated options and its capabilities."""

    name: str
    driver: DriverInfo
    options: InstrumentOptions
    capabilities: Capabilities

    @property
    def source(self) -> SourceCapabilities:
        """Capabilities of the instrument, which must be a source."""
        assert isinstance(self.capabilities, SourceCapabilities)
        return self.capabilities

    @property
    def digitizer(self) -> DigitizerCapabilities:
        """Capabilities of the instrument, which must be a digitizer."""
        assert isinstance(self.capabilities, DigitizerCapabilities)
        return self.capabilities

    @property
    def programmer(self) -> ProgrammerCapabilities:
        """Capabilities of the instrument, which must be a programmer."""
        assert isinstance(self.capabilities, ProgrammerCapabilities)
        return self.capabilities

    @property
    def writes_by_pulses(self) -> bool:
        """Whether it is a programmer of cells that are written by pulses."""
        return isinstance(self.capabilities, PulseProgrammerCapabilities)


def read_devices(document: Document) -> dict[str, Device]:
    """Return the valid entries by name; `faulty` returns the names of the others."""
    entries = {name: _read_device(document, name) for name in _names(document)}
    usable = {name: device for name, device in entries.items() if device is not None}
    _check_addresses(document, usable)
    return usable


def faulty(document: Document, devices: Mapping[str, Device]) -> frozenset[str]:
    """Return the names of entries that have problems; whatever depends on these is not checked."""
    return frozenset(_names(document)) - frozenset(devices)


def _names(document: Document) -> list[str]:
    section = document.get(("instruments",))
    return list(section.value) if section is not None and isinstance(section.value, dict) else []


def _check_addresses(document: Document, devices: Mapping[str, Device]) -> None:
    """Report instruments that share an address, unless they are two functions of one device."""
    at: dict[tuple[str, str], str] = {}
    models: dict[str, str] = {}
    for name, device in devices.items():
        address = device.capabilities.address
        if address is None:
            continue
        key = canonical(address, look_up=False)
        other = at.setdefault((device.driver.name, key), name)
        path = ("instruments", name, "resource")
        written = document.get(path)
        spelled = address if written is None else written.value
        if written is None:
            path = path[:-1]
        if other != name:
            document.report(path, f"{as_written(spelled)} is already the address of {other}")
            continue
        first = models.setdefault(key, name)
        theirs, model = devices[first].options.model, device.options.model
        if theirs and model and plain_model(theirs) != plain_model(model):
            message = f"{as_written(spelled)} is a {theirs} in {first}, but a {model} here; correct one model"
            document.report(path, message)


def _read_device(document: Document, name: str) -> Device | None:
    path = ("instruments", name)
    section = document.get(path)
    if section is None or not isinstance(section.value, dict):
        return None  # reported with the header
    entry = document.get((*path, "driver"))
    if entry is None:
        hint = f"; installed: {', '.join(sorted(installed_drivers()))}"
        document.report((*path, "driver"), f"missing required key 'driver'{hint}", at_key=True)
        return None
    named = drivers_named(entry.value) if isinstance(entry.value, str) else []
    if not named:
        drivers = installed_drivers()
        close = difflib.get_close_matches(str(entry.value), drivers, 1, 0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"installed: {', '.join(sorted(drivers))}"
        failed = "".join(f"; {place} cannot be imported: {why}" for place, why in broken_drivers().items())
        document.report((*path, "driver"), f"there is no driver {as_written(entry.value)}; {hint}{failed}")
        return None
    if len(named) > 1:
        message = f"two installed packages provide a driver named {as_written(entry.value)}; uninstall one of them"
        document.report((*path, "driver"), message)
        return None
    driver = named[0]
    options = validate(document, path, driver.options)
    if options is None:
        return None
    if driver.factory and options.model is not None:
        model = driver.known_model(options.model)
        if model is None and not driver.other_models:
            known = ", ".join(sorted(driver.models))
            message = f"{driver.name} does not support model {as_written(options.model)}; it supports {known}"
            document.report((*path, "model"), message)
            return None
        options = options.model_copy(update={"model": model or options.model})
    try:
        return Device(name, driver, options, driver.capabilities(options))
    except ValueError as error:
        key, _, message = str(error).partition(": ")
        place = (*path, key) if message and document.get((*path, key)) is not None else path
        document.report(place, message if place != path else str(error))
        return None


def check_bench(document: Document, header: Header, devices: Mapping[str, Device]) -> None:
    """Report every instrument whose driver cannot run on this bench."""
    bench = header.bench
    runs = "'bench: wire' and virtual serve run" if bench == "wire" else f"'bench: {bench}' runs"
    for name, device in devices.items():
        path = ("instruments", name, "driver")
        if bench == "wire" and device.driver.factory and device.driver.virtual is None:
            document.report(
                path,
                f"{device.driver.name} has no virtual counterpart, so it cannot run on 'bench: wire'; use "
                "'bench: simulated'",
            )
        elif bench == "wire" and device.driver.virtual is not None:
            try:
                device.driver.virtual.load()
            except ConfigError as error:
                document.report(path, f"{error.message}; {error.remedy}")
        if bench != "simulated" and device.driver.factory is None:
            document.report(
                path,
                f"{device.driver.name} is not a real instrument, but {runs} real drivers; "
                f"choose one (labrig drivers lists them), leave an inherited one out ('{name}: null'), or use "
                "'bench: simulated'",
            )
