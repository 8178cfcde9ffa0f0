"""The `programmers` section: how often a run rewrites conductances that drift."""

from __future__ import annotations

import math

from labrig.assembly.sections.instruments import Device, faulty
from labrig.config.document import Document
from labrig.config.section import Section
from labrig.config.validation import validate
from labrig.instruments.parts.memristor import Memristor
from labrig.quantities import PositiveTime


class Programmers(Section):
    """The upkeep of conductances.

    Attributes
    ----------
    refresh : float or None
        Time after which every cell is read, and rewritten if it has drifted out of its tolerance (s); None for never.
    """

    refresh: PositiveTime | None = None

    @property
    def refresh_s(self) -> float:
        """Time from one refresh to the next (s); infinite for never."""
        return math.inf if self.refresh is None else self.refresh


def read_programmers(document: Document, devices: dict[str, Device]) -> Programmers | None:
    """Validate the section; return None if it has problems."""
    section = validate(document, ("programmers",), Programmers)
    if section is None or section.refresh is None:
        return section
    if faulty(document, devices):  # one of these may be a memristor
        return section
    programmers = {name: each.programmer for name, each in devices.items() if each.driver.kind == "programmer"}
    if programmers and not any(isinstance(able.part, Memristor) for able in programmers.values()):
        held = ", ".join(sorted({able.part.name for able in programmers.values()}))
        document.report(("programmers", "refresh"), f"{held} does not drift; remove this key, or use memristors")
        return None
    return section
