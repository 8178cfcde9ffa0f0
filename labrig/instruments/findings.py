"""Findings of `labrig doctor`; drivers add their own probes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One finding about this machine.

    Attributes
    ----------
    what : str
        Subject, such as "VISA" or "disk".
    state : {"ok", "warning", "missing"}
        `warning`: present but not in order.
    detail : str
        What was found.
    remedy : str
        What to do about it.
    """

    what: str
    state: Literal["ok", "warning", "missing"]
    detail: str
    remedy: str = ""


Probe = Callable[[], list[Finding]]
"""A check for one kind of thing, without opening or driving anything. If it raises or hangs, its row says so."""
