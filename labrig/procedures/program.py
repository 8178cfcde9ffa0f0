"""Write trained conductances to a board."""

from __future__ import annotations

from typing import Any

from labrig.errors import ChannelFault
from labrig.learning.updates import Update
from labrig.procedures.reconcile import holds
from labrig.rig.rig import Rig


def program(rig: Rig, update: Update) -> dict[str, Any]:
    """Write the present setting of an update to an open rig, and read it back.

    Closing the rig opens the terminals of a bank of potentiometers, but leaves the wipers where they are: the next
    command that opens it finds this setting, as long as its supply stays on.

    Returns
    -------
    dict
        edges (how many) and differs: for each edge that does not hold what was written, its name and both values (S).

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
    return {"edges": len(settings), "differs": differs}
