"""The `storage` section: what a run keeps."""

from __future__ import annotations

from typing import Literal

from labrig.config.section import Section


class Storage(Section):
    """raw: the samples too. durability: what a crash of the process, or of the machine, may not lose."""

    raw: Literal[False] = False
    durability: Literal["process", "power"] = "process"
