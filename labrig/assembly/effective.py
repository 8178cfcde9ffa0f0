"""Fills in all defaults of a configuration, so that a later version with other defaults repeats the same experiment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labrig.assembly.sections.acquisition import MAINS_HZ
from labrig.assembly.sections.header import Header
from labrig.assembly.sections.instruments import Device
from labrig.assembly.sections.network import initial_range
from labrig.assembly.sections.trained import PATH, Trained
from labrig.config.document import Document
from labrig.config.problems import TreePath
from labrig.config.resolved import Derived, with_defaults
from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities
from labrig.medium import medium_in_use
from labrig.quantities import exact_quantity
from labrig.simulation.section import preset


def effective(
    document: Document,
    header: Header,
    sections: Mapping[str, Any],
    devices: Mapping[str, Device],
    trained: Trained | None = None,
) -> Document:
    """Return the document with every default filled in."""
    otherwise = {**_of_sections(header, sections), **({} if trained is None else {(*PATH, "step"): trained.step})}
    document = with_defaults(document, (), header)
    for name, section in sections.items():
        document = with_defaults(document, (name,), section, otherwise)
    for name, device in devices.items():
        document = with_defaults(document, ("instruments", name), device.options, _of_device(name, device))
    return document


def _of_sections(header: Header, sections: Mapping[str, Any]) -> dict[TreePath, Any]:
    """Return, by path, the effective values of keys whose default is None."""
    initial = initial_range(sections["network"].programmable)
    return {
        PATH: [exact_quantity(value, medium_in_use().parameter) for value in initial],
        ("acquisition", "mains"): [exact_quantity(value, "frequency") for value in MAINS_HZ],
        ("simulation", "seed"): Derived(header.seed, "seed"),
        **{
            ("simulation", key): Derived(value, "preset")
            for key, value in preset(sections["simulation"].preset).items()
        },
    }


def _of_device(name: str, device: Device) -> dict[TreePath, Any]:
    """Return the options that a driver takes from the data sheet of the model, by path."""
    capabilities, path = device.capabilities, ("instruments", name)
    if isinstance(capabilities, SourceCapabilities):
        return {
            (*path, "settle"): exact_quantity(capabilities.settle_s, "time"),
            (*path, "output_resistance"): exact_quantity(capabilities.output_resistance_ohm, "resistance"),
        }
    if isinstance(capabilities, DigitizerCapabilities):
        return {(*path, "max_sample_rate"): exact_quantity(capabilities.max_sample_rate_hz, "sample_rate")}
    return {}
