"""The `storage` section: what a run stores."""

from __future__ import annotations

from typing import Literal

from labrig.config.section import Section


class Storage(Section):
    """What a run stores, and what a committed step survives.

    Attributes
    ----------
    raw : bool
        Store the samples too (not available yet).
    durability : str
        A committed step survives a killed process ("process"), or a power failure as well ("power").
    """

    raw: Literal[False] = False
    durability: Literal["process", "power"] = "process"
