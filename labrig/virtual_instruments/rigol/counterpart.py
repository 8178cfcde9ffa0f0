"""The virtual counterpart of `rigol.dg1000z`, over VXI-11 or, if the configuration uses one, a raw socket."""

from __future__ import annotations

from contextlib import AbstractContextManager

from labrig.virtual_instruments.counterpart import Entry, each_on_its_own
from labrig.virtual_instruments.over_visa import over_visa
from labrig.virtual_instruments.rigol.generator import VirtualDg1000z
from labrig.virtual_instruments.virtual_bench import VirtualBench


@each_on_its_own
def generators(bench: VirtualBench, entry: Entry) -> AbstractContextManager[str]:
    """Serve one generator and yield its VISA resource."""
    serial = entry.options["serial"] or f"DG1Z{entry.name.upper()}"
    return over_visa(bench, entry, VirtualDg1000z(bench, entry.name, entry.model, serial))
