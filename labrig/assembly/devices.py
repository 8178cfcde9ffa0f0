"""The `instruments` section: entries matched with installed drivers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from labrig.config.document import Document
from labrig.config.validation import validate
from labrig.instruments.drivers import Capabilities, DriverInfo, InstrumentOptions, installed_drivers
from labrig.quantities import as_written


@dataclass(frozen=True)
class Device:
    """One instrument of a configuration: its driver, its validated options, and what it can do."""

    name: str
    driver: DriverInfo
    options: InstrumentOptions
    capabilities: Capabilities


def read_devices(document: Document) -> tuple[dict[str, Device], frozenset[str]]:
    """The usable entries by name, and the names of those that have faults (noted in the document)."""
    drivers = installed_drivers()
    section = document.get(("instruments",))
    if section is None or not isinstance(section.value, dict):
        return {}, frozenset()
    devices = {name: _read_device(document, name, drivers) for name in section.value}
    usable = {name: device for name, device in devices.items() if device is not None}
    _check_addresses(document, usable)
    return usable, frozenset(devices) - frozenset(usable)


def _check_addresses(document: Document, devices: Mapping[str, Device]) -> None:
    """Note each instrument at the address of another, unless they are two functions of one device."""
    at: dict[tuple[str, str], str] = {}
    models: dict[str, str] = {}
    for name, device in devices.items():
        address = device.capabilities.address
        if address is None:
            continue
        other = at.setdefault((device.driver.name, address), name)
        path = ("instruments", name, "resource")
        if document.get(path) is None:
            path = path[:-1]
        if other != name:
            document.faults.add(document.mark_of(path), path, f"{as_written(address)} is {other}'s address already")
            continue
        first = models.setdefault(address, name)
        theirs, model = devices[first].options.model, device.options.model
        if theirs and model and theirs != model:
            message = f"{as_written(address)} is a {theirs} as {first} and a {model} here"
            document.faults.add(document.mark_of(path), path, message)


def _read_device(document: Document, name: str, drivers: Mapping[str, DriverInfo]) -> Device | None:
    path = ("instruments", name)
    section = document.get(path)
    if section is None or not isinstance(section.value, dict):
        return None  # the header was told so
    entry = document.get((*path, "driver"))
    if entry is None:
        hint = f"; installed are {', '.join(sorted(drivers))}"
        document.faults.add(document.key_mark_of(path), (*path, "driver"), f"missing required key 'driver'{hint}")
        return None
    driver = drivers.get(entry.value) if isinstance(entry.value, str) else None
    if driver is None:
        close = difflib.get_close_matches(str(entry.value), drivers, 1, 0.5)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(drivers))}"
        document.faults.add(entry.mark, (*path, "driver"), f"there is no driver {as_written(entry.value)}; {hint}")
        return None
    options = validate(document, path, driver.options)
    if options is None:
        return None
    if driver.factory and options.model is not None and options.model not in driver.models:
        place = (*path, "model")
        known = ", ".join(sorted(driver.models))
        message = f"{driver.name} knows no model {as_written(options.model)}; it knows {known}"
        document.faults.add(document.mark_of(place), place, message)
        return None
    try:
        return Device(name, driver, options, driver.capabilities(options))
    except ValueError as error:
        key, _, message = str(error).partition(": ")
        place = (*path, key) if message and document.get((*path, key)) is not None else path
        document.faults.add(document.mark_of(place), place, message if place != path else str(error))
        return None


def check_bench(document: Document, bench: str, devices: Mapping[str, Device]) -> None:
    """Note every instrument whose driver cannot run on this bench."""
    runs = "'bench: wire' and virtual serve run" if bench == "wire" else f"'bench: {bench}' runs"
    for name, device in devices.items():
        path = ("instruments", name, "driver")
        if bench == "wire" and device.driver.factory and device.driver.virtual is None:
            document.faults.add(
                document.mark_of(path),
                path,
                f"{device.driver.name} has no virtual counterpart, so it cannot run on 'bench: wire'; write "
                "'bench: simulated'",
            )
        if bench != "simulated" and device.driver.factory is None:
            document.faults.add(
                document.mark_of(path),
                path,
                f"{device.driver.name} stands for no real instrument, and {runs} real drivers; "
                "name one (labrig drivers lists them), or keep to 'bench: simulated'",
            )
