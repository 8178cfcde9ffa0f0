"""The virtual counterparts of the Keysight drivers, over VXI-11 or, if the configuration uses one, a raw socket."""

from __future__ import annotations

from contextlib import AbstractContextManager

from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.keysight.generator import VirtualTrueform
from labrig.virtual_instruments.keysight.multimeter import VirtualTruevolt
from labrig.virtual_instruments.over_visa import over_visa
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
def generators(bench: VirtualBench, entry: Entry) -> AbstractContextManager[str]:
    """Serve one generator and yield its VISA resource."""
    serial = entry.options["serial"] or f"MY{entry.name.upper()}"
    channels = len(entry.capabilities.channels)
    return over_visa(bench, entry, VirtualTrueform(bench, entry.name, entry.model, serial, channels=channels))


@each_on_its_own
def multimeters(bench: VirtualBench, entry: Entry) -> AbstractContextManager[str]:
    """Serve one multimeter and yield its VISA resource."""
    serial = entry.options["serial"] or f"MY{entry.name.upper()}"
    mains_hz = float(entry.options["mains"])
    return over_visa(bench, entry, VirtualTruevolt(bench, entry.name, entry.model, serial, mains_hz))
