"""What a configuration leaves out, written out: a later labrig with other defaults repeats the same experiment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from labrig.assembly.devices import Device
from labrig.assembly.task import initial_range
from labrig.assembly.timing import MAINS_HZ
from labrig.config import sections
from labrig.config.document import Document
from labrig.config.faults import TreePath
from labrig.config.resolved import Derived, with_defaults
from labrig.instruments.drivers import DigitizerCapabilities, SourceCapabilities
from labrig.quantities import exact_quantity
from labrig.simulation.imperfections import PRESETS, Imperfections


def effective(
    document: Document, header: sections.Header, read: Mapping[str, Any], devices: Mapping[str, Device]
) -> Document:
    """The document with every value that is in effect. read: the sections by name."""
    otherwise = _of_sections(header, read)
    document = with_defaults(document, (), header)
    for name, section in read.items():
        document = with_defaults(document, (name,), section, otherwise)
    for name, device in devices.items():
        document = with_defaults(document, ("instruments", name), device.options, _of_device(name, device))
    return document


def chosen_imperfections(section: sections.Simulation) -> Imperfections:
    """The preset, with the single imperfections that the section replaces."""
    given = {
        "noise_v": section.noise,
        "source_amplitude": section.source_amplitude,
        "digitizer_gain": section.digitizer_gain,
        "digitizer_offset_v": section.digitizer_offset,
        "part_tolerance": section.part_tolerance,
    }
    return replace(PRESETS[section.preset], **{name: value for name, value in given.items() if value is not None})


def _of_sections(header: sections.Header, read: Mapping[str, Any]) -> dict[TreePath, Any]:
    """What stands for the keys of sections that are None by default."""
    imperfect = chosen_imperfections(read["simulation"])
    initial = initial_range(read["network"].programmable)
    return {
        ("network", "programmable", "initial"): [exact_quantity(value, "conductance") for value in initial],
        ("acquisition", "mains"): [exact_quantity(value, "frequency") for value in MAINS_HZ],
        ("simulation", "seed"): Derived(header.seed, "seed"),
        ("simulation", "noise"): Derived(exact_quantity(imperfect.noise_v, "voltage"), "preset"),
        ("simulation", "source_amplitude"): Derived(imperfect.source_amplitude, "preset"),
        ("simulation", "digitizer_gain"): Derived(imperfect.digitizer_gain, "preset"),
        ("simulation", "digitizer_offset"): Derived(exact_quantity(imperfect.digitizer_offset_v, "voltage"), "preset"),
        ("simulation", "part_tolerance"): Derived(imperfect.part_tolerance, "preset"),
    }


def _of_device(name: str, device: Device) -> dict[TreePath, Any]:
    """What stands for the options that a driver takes from the data sheet of the model."""
    able, path = device.capabilities, ("instruments", name)
    if isinstance(able, SourceCapabilities):
        return {
            (*path, "settle"): exact_quantity(able.settle_s, "time"),
            (*path, "output_resistance"): exact_quantity(able.output_resistance_ohm, "resistance"),
        }
    if isinstance(able, DigitizerCapabilities):
        return {(*path, "max_sample_rate"): exact_quantity(able.max_sample_rate_hz, "sample_rate")}
    return {}
