"""The `power` section: in which order instruments are switched on and made safe."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.sections.instruments import Device
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.quantities import as_written


class Power(Section):
    """Orders of instruments, by name.

    Attributes
    ----------
    up : list of str
        In which order outputs and terminals are connected; instruments that are not listed follow.
    down : list of str
        In which order instruments are made safe, one after the other; those that are not listed come with the first if
        they are sources, and after the last otherwise.
    """

    up: list[str] = []
    down: list[str] = []

    def stages(self, devices: Mapping[str, Device]) -> dict[str, int]:
        """Return when each instrument is made safe, 0 first; empty if nothing is configured."""
        if not self.down:
            return {}
        listed = {name: stage for stage, name in enumerate(self.down)}
        last = len(self.down)
        return {
            name: listed.get(name, 0 if device.driver.kind == "source" else last) for name, device in devices.items()
        }


def read_power(document: Document, devices: Mapping[str, Device]) -> Power | None:
    """Return the section; None after problems were reported."""
    power = validate(document, ("power",), Power)
    if power is None:
        return None
    before = len(document.problems)
    for key, names in (("up", power.up), ("down", power.down)):
        for place, name in enumerate(names):
            path = ("power", key, place)
            if name not in devices:
                document.report(path, f"no instrument is called {as_written(name)}; there are {', '.join(devices)}")
            elif name in names[:place]:
                document.report(path, f"{name} is listed twice")
            elif devices[name].driver.kind == "digitizer":
                document.report(path, f"{name} is a digitizer: it drives nothing, and is opened first")
    return power if len(document.problems) == before else None
