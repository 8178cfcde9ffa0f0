"""Write trained conductances to a board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labrig.errors import ChannelFault
from labrig.instruments.data import holds
from labrig.learning.updates import Update
from labrig.rig.rig import Rig


def program(rig: Rig, update: Update, stay: Sequence[str]) -> dict[str, Any]:
    """Write the settings of an update to an open rig, read them back, and leave the network connected.

    If every edge holds the value that was written, the programmers named in `stay` leave their terminals connected when
    the rig is closed, with their watchdogs off, until labrig opens them again or their supply fails. Otherwise, and for
    all other programmers, closing the rig disconnects the network as usual; the wipers stay where they are.

    Returns
    -------
    dict
        edges: number of edges written; unit: unit of their values; differs: name, written and held value of each edge
        that does not hold the value that was written; connected: programmers whose part of the network stays connected.

    Raises
    ------
    ChannelFault
        If the settings were lost while they were written.
    """
    settings = update.settings()
    report = rig.program(settings)
    if report.interrupted:
        raise ChannelFault(
            "the settings were lost while they were written",
            action="program",
            remedy="check the supply, the cable and the watchdog of the programmer, and try again",
        )
    held = rig.read_back()
    differs = [
        {"edge": rig.edges[edge], "written_s": rig.nominal(edge, setting), "held_s": rig.nominal(edge, held[edge])}
        for edge, setting in settings.items()
        if edge in held and not holds(held[edge], setting)
    ]
    connected = [] if differs else list(stay)
    rig.leave(connected)
    unit = rig.limits.medium.unit("parameter")
    return {"edges": len(settings), "unit": unit, "differs": differs, "connected": connected}
