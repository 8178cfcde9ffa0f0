"""The `power` section: the order in which instruments are switched on and made safe."""

from __future__ import annotations

from collections.abc import Mapping

from labrig.assembly.sections.instruments import Device
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.quantities import as_written


class Power(Section):
    """The order of switching on and of making safe, as names of instruments.

    Attributes
    ----------
    up : list of str
        Order in which outputs and terminals are connected; instruments that are not listed follow.
    down : list of str
        Order in which instruments are made safe, one after the other. Of the instruments that are
        not listed, sources are made safe together with the first of the list, and all others after the last.
    """

    up: list[str] = []
    down: list[str] = []

    def stages(self, devices: Mapping[str, Device]) -> dict[str, int]:
        """Return the stage in which each instrument is made safe, 0 first; empty if `down` is empty."""
        if not self.down:
            return {}
        listed = {name: stage for stage, name in enumerate(self.down)}
        last = len(self.down)
        return {
            name: listed.get(name, 0 if device.driver.kind == "source" else last) for name, device in devices.items()
        }


def read_power(document: Document, devices: Mapping[str, Device]) -> Power | None:
    """Read the section; report its problems and return None if there are any."""
    power = validate(document, ("power",), Power)
    if power is None:
        return None
    before = len(document.problems)
    for key, names in (("up", power.up), ("down", power.down)):
        for place, name in enumerate(names):
            path = ("power", key, place)
            if name not in devices:
                known = ", ".join(devices)
                document.report(path, f"no instrument is called {as_written(name)}; the instruments are {known}")
            elif name in names[:place]:
                document.report(path, f"{name} is listed twice; remove one")
            elif devices[name].driver.kind == "digitizer":
                document.report(path, f"{name} is a digitizer, which is always opened first; remove it from this list")
    return power if len(document.problems) == before else None
