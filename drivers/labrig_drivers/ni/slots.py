"""Slots of CompactDAQ chassis, and names of modules that do not match any slot."""

from __future__ import annotations

import re
from collections.abc import Mapping

from labrig_drivers.ni.clocks import cdaq_chassis

SLOTS: Mapping[str, int] = {
    "cDAQ-9171": 1,
    "cDAQ-9174": 4,
    "cDAQ-9178": 8,
    "cDAQ-9179": 14,
    "cDAQ-9181": 1,
    "cDAQ-9184": 4,
    "cDAQ-9185": 4,
    "cDAQ-9188": 8,
    "cDAQ-9189": 8,
}
"""Number of slots by model of the chassis, where NI's product descriptions give it."""


def check_slot(module: str, chassis: str | None) -> None:
    """Raise ValueError if a module has the name of a chassis, or of a slot that this model of a chassis does not have.

    A module that was renamed is not checked.
    """
    name = cdaq_chassis(module)
    if name is None:
        if re.fullmatch(r"cDAQ[0-9A-Z-]*", module, re.IGNORECASE):
            what = f"{module!r} is the name of a chassis; write the name of the module in it"
            raise ValueError(f"resource: {what}, e.g. '{module}Mod1'")
        return
    slot = int(module[len(name) + len("mod") :])
    if slot == 0:
        raise ValueError(f"resource: {module!r} does not exist: slots are numbered from 1")
    slots = SLOTS.get(chassis or "")
    if slots and slot > slots:
        has = "one slot" if slots == 1 else f"slots 1 to {slots}"
        raise ValueError(f"resource: {module!r} does not exist: a {chassis} has {has}")
