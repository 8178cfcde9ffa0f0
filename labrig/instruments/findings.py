"""What `labrig doctor` finds on a machine; drivers add what they know to look for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One thing about this machine.

    Attributes
    ----------
    what : str
        What it is about, such as "VISA" or "disk".
    state : {"ok", "warning", "missing"}
        `missing`: not there; `warning`: there, and not as it should be.
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
"""Looks for one kind of thing; opens and drives nothing. It may raise or hang: then its row says so."""
